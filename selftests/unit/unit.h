/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user-space tests of the pure data structures share.
 *
 * A test is driven by choices. When the program is a test, choices come from a
 * generator that starts from a printed seed; when it is a fuzz target, they come
 * from the fuzzer. So one model serves both.
 *
 * Usage of a test program: NAME [SEED [ROUND]]. With a round only that one round
 * of each random test runs; UNIT_TRACE=1 in the environment prints each step.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct unit_test {
	const char *name;
	void (*run)(void);
};

/* Runs the tests and prints KTAP. Returns the exit status. */
int unit_main(const struct unit_test *tests, unsigned int ntests, int argc,
	      char **argv);

/*
 * Random steps, by choices: defined by the test. A fuzz target runs one round
 * for each input; a test has unit_rounds() run many, each from its own seed.
 */
void unit_round(void);
void unit_rounds(unsigned int rounds);

/* Below @limit, or any number if @limit is 0. */
unsigned long unit_choose(unsigned long limit);
/* The same, but each order of magnitude is as likely as any other. */
unsigned long unit_choose_log(unsigned long limit);
bool unit_chance(unsigned int percent);
/* Is there more to choose from? A fuzz input ends, a generator does not. */
bool unit_more(void);

extern bool unit_tracing;

#define unit_trace(...)					\
	do {						\
		if (unit_tracing)			\
			unit_print(__VA_ARGS__);	\
	} while (0)

__attribute__((format(printf, 1, 2))) void unit_print(const char *format, ...);

/* Ends the test that runs. */
__attribute__((noreturn, format(printf, 4, 5)))
void unit_fail(const char *file, int line, const char *what,
	       const char *format, ...);

#define expect(condition, ...)						\
	do {								\
		if (!(condition))					\
			unit_fail(__FILE__, __LINE__, #condition,	\
				  __VA_ARGS__);				\
	} while (0)

/*
 * Allocation: the kernel's allocation functions count here. The next
 * @unit_memory.fail_in allocations succeed, and then @unit_memory.fail_many fail.
 */
struct unit_memory {
	unsigned long arrays;		/* live kmalloc() allocations */
	unsigned long array_bytes;	/* and their size */
	unsigned long nodes;		/* live slab objects */
	unsigned long node_bytes;
	unsigned long calls;		/* allocations ever asked for */
	unsigned long failed;		/* of these refused */
	unsigned long fail_in;
	unsigned long fail_many;
};

extern struct unit_memory unit_memory;

/* Really frees what RCU delays. */
void unit_rcu_barrier(void);

#endif
