/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers that look random and follow from a seed (SplitMix64).
 */
#ifndef FUZZ_RNG_H
#define FUZZ_RNG_H

#include <stdbool.h>
#include <linux/types.h>

struct rng {
	__u64 state;
};

static inline __u64 rng_next(struct rng *rng)
{
	__u64 z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* Each thread has a sequence of its own. */
static inline void rng_seed(struct rng *rng, __u64 seed, int thread)
{
	rng->state = seed ^ (thread + 1) * 0xd1342543de82ef95ULL;
}

static inline __u64 rng_below(struct rng *rng, __u64 n)
{
	return rng_next(rng) % n;
}

static inline bool rng_one_in(struct rng *rng, int n)
{
	return !rng_below(rng, n);
}

#endif
