// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads map the two halves of a memory, against one thread that maps both.
 * In real time, so the best of several counts. Two threads that only compute show
 * what this machine can give at all.
 */
#include <pthread.h>
#include <time.h>
#include <sys/resource.h>

#include "bench.h"
#include "memory.h"

#define ROUNDS	15
/* ... but no new round after so many seconds */
#define ENOUGH	30

static const struct subject *subject;
static const struct memory *memory;
static pthread_barrier_t barrier;

static __u64 half_iova(long half)
{
	return BENCH_IOVA + half * memory->length;
}

static void map_half(long half)
{
	__u64 length = memory->length / 2;

	must(subject->map(half_iova(half), memory->va + half * length, length));
}

static void compute_half(long half)
{
	long i;

	for (i = 0; i < 100 * 1000 * 1000; i++)
		asm volatile("" : "+r" (i));
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* How often threads of this process have waited so far */
static long waits(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static double by_one(void (*work)(long half))
{
	double start = seconds();

	work(0);
	work(1);
	return seconds() - start;
}

static void (*second_work)(long half);

static void *second_thread(void *unused)
{
	pthread_barrier_wait(&barrier);
	second_work(1);
	return NULL;
}

static double by_two(void (*work)(long half))
{
	pthread_t second;
	double start;

	second_work = work;
	pthread_barrier_init(&barrier, NULL, 2);
	must(-pthread_create(&second, NULL, second_thread, NULL));
	pthread_barrier_wait(&barrier);
	start = seconds();
	work(0);
	pthread_join(second, NULL);
	return seconds() - start;
}

static void no_undo(void)
{
}

static void unmap_both(void)
{
	must(subject->unmap(half_iova(0), memory->length / 2));
	must(subject->unmap(half_iova(1), memory->length / 2));
}

static void compare(const char *name, void (*work)(long half),
		    void (*undo)(void))
{
	double start = seconds();
	long before;
	int i;

	for (i = 0; i < ROUNDS && seconds() - start < ENOUGH; i++) {
		report(name, memory->kind, "one-thread", by_one(work));
		undo();
		before = waits();
		report(name, memory->kind, "two-threads", by_two(work));
		report(name, memory->kind, "waits", waits() - before);
		undo();
	}
}

void measure_threads(const struct subject *s, const char *name,
		     const struct memory *mem)
{
	memory = mem;
	subject = s;
	if (!s) {
		compare(name, compute_half, no_undo);
		return;
	}
	must(s->open());
	compare(name, map_half, unmap_both);
	s->close();
}
