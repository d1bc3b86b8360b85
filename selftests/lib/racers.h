/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that do things over and over, at the same time.
 */
#ifndef LIB_RACERS_H
#define LIB_RACERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct racer {
	void (*step)(struct racer *racer);
	void *data;
	int nr;
	unsigned long steps;	/* how often step() returned */
	unsigned long hits;	/* how often it got what it wanted: its own count */
	int bad;		/* the first result that nothing explains */
	pthread_t thread;
	atomic_bool *stop;
};

/*
 * Run step() of each racer in a thread of its own, for @ms. The result is the
 * first bad one; ETIMEDOUT if one of them never came to the end of its step().
 */
int racers_run(struct racer *racers, int n, int ms);

/* @rc is a good result if it is not negative, @error or @other. */
int racer_allows(struct racer *racer, int rc, int error, int other);

#endif
