// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test runner of unit.h, and the kernel functions that the code under test
 * and the kernel's xarray call.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/list.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "unit.h"

#define DEFAULT_SEED	0x10f4dUL
/* Of CPU time: no test needs half of it; more is an endless loop. */
#define TEST_SECONDS	10

bool unit_tracing;

static unsigned long seed = DEFAULT_SEED;
static long only_round = -1;
static long current_round = -1;
static unsigned long random_state;
static sigjmp_buf test_failed;

/* The input of a fuzz target, when there is one. */
static const unsigned char *input;
static size_t input_left;

void unit_print(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void unit_fail(const char *file, int line, const char *what,
	       const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	unit_print("%s:%d: %s: %s", file, line, what, text);
	if (input)
		abort();
	if (current_round >= 0)
		unit_print("again: UNIT_TRACE=1 with arguments %#lx %ld", seed,
			   current_round);
	siglongjmp(test_failed, 1);
}

void unit_warned(const char *file, int line, const char *what)
{
	unit_fail(file, line, what, "a kernel warning");
}

/* splitmix64 */
static unsigned long random_word(void)
{
	unsigned long z = random_state += 0x9e3779b97f4a7c15UL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebUL;
	return z ^ z >> 31;
}

/* As few bytes of the input as the choice needs; 0 when it is used up. */
static unsigned long input_word(unsigned long limit)
{
	unsigned int bytes = limit ? (63 - __builtin_clzl(limit)) / 8 + 1 : 8;
	unsigned long word = 0;

	for (; bytes && input_left; bytes--, input_left--)
		word = word << 8 | *input++;
	return word;
}

unsigned long unit_choose(unsigned long limit)
{
	unsigned long word = input ? input_word(limit) : random_word();

	return limit ? word % limit : word;
}

unsigned long unit_choose_log(unsigned long limit)
{
	unsigned int bits = limit ? 64 - __builtin_clzl(limit) : 64;
	unsigned int chosen = unit_choose(bits + 1);
	unsigned long value = 0;

	if (chosen)
		value = unit_choose(chosen == 64 ? 0 : 1UL << chosen);
	return limit ? value % limit : value;
}

bool unit_chance(unsigned int percent)
{
	return unit_choose(100) < percent;
}

bool unit_more(void)
{
	return !input || input_left;
}

static void check_leaks(void)
{
	unit_rcu_barrier();
	expect(!unit_memory.arrays && !unit_memory.nodes,
	       "leaked %lu arrays, %lu nodes", unit_memory.arrays,
	       unit_memory.nodes);
}

void unit_rounds(unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		if (only_round >= 0 && i != only_round)
			continue;
		current_round = i;
		random_state = seed ^ i * 0xd1342543de82ef95UL;
		memset(&unit_memory, 0, sizeof(unit_memory));
		unit_round();
		check_leaks();
	}
	current_round = -1;
}

static void on_time_over(int signal)
{
	unit_fail(__FILE__, __LINE__, "time", "it does not end");
}

static void limit_time(unsigned int seconds)
{
	struct itimerval limit = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

static bool run_test(const struct unit_test *test)
{
	random_state = seed;
	current_round = -1;
	/* What a test that failed left there. */
	unit_rcu_barrier();
	memset(&unit_memory, 0, sizeof(unit_memory));

	if (sigsetjmp(test_failed, 1)) {
		limit_time(0);
		return false;
	}
	limit_time(TEST_SECONDS);
	test->run();
	check_leaks();
	limit_time(0);
	return true;
}

int unit_main(const struct unit_test *tests, unsigned int ntests, int argc,
	      char **argv)
{
	unsigned int i, failed = 0;

	if (argc > 1)
		seed = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		only_round = strtol(argv[2], NULL, 0);
	unit_tracing = getenv("UNIT_TRACE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGVTALRM, on_time_over);

	printf("TAP version 13\n1..%u\n", ntests);
	unit_print("seed %#lx", seed);
	for (i = 0; i < ntests; i++) {
		bool ok = run_test(&tests[i]);

		printf("%sok %u %s\n", ok ? "" : "not ", i + 1, tests[i].name);
		failed += !ok;
	}
	/* A test that failed left its memory behind: no leak check then. */
	if (failed)
		_exit(1);
	return 0;
}

#ifdef UNIT_FUZZ
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const unsigned char nothing;

	unit_tracing = getenv("UNIT_TRACE");
	input = size ? data : &nothing;
	input_left = size;
	memset(&unit_memory, 0, sizeof(unit_memory));
	unit_round();
	check_leaks();
	return 0;
}
#endif

/* The kernel. */

struct unit_memory unit_memory;
struct kmem_cache *radix_tree_node_cachep;

static struct rcu_head *rcu_waiting;

static bool allocation_fails(void)
{
	unit_memory.calls++;
	if (unit_memory.fail_in) {
		unit_memory.fail_in--;
		return false;
	}
	if (!unit_memory.fail_many)
		return false;
	unit_memory.fail_many--;
	unit_memory.failed++;
	return true;
}

/* The size stands before the memory; what is new is garbage. */
void *kmalloc(size_t size, gfp_t gfp)
{
	size_t *memory;

	if (allocation_fails())
		return NULL;
	memory = malloc(sizeof(*memory) + size);
	*memory = size;
	memset(memory + 1, gfp & __GFP_ZERO ? 0 : 0xa5, size);
	unit_memory.arrays++;
	unit_memory.array_bytes += size;
	return memory + 1;
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return kmalloc(n * size, gfp);
}

void kfree(void *p)
{
	size_t *memory = p;

	if (!p)
		return;
	memory--;
	unit_memory.arrays--;
	unit_memory.array_bytes -= *memory;
	free(memory);
}

/* The only slab is that of xarray nodes. */
void *kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru,
			   int gfp)
{
	struct xa_node *node;

	if (allocation_fails())
		return NULL;
	node = calloc(1, sizeof(*node));
	INIT_LIST_HEAD(&node->private_list);
	unit_memory.nodes++;
	unit_memory.node_bytes += sizeof(*node);
	return node;
}

void kmem_cache_free(struct kmem_cache *cache, void *node)
{
	unit_memory.nodes--;
	unit_memory.node_bytes -= sizeof(struct xa_node);
	free(node);
}

void radix_tree_node_rcu_free(struct rcu_head *head)
{
	kmem_cache_free(NULL, container_of(head, struct xa_node, rcu_head));
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	head->next = rcu_waiting;
	rcu_waiting = head;
}

void unit_rcu_barrier(void)
{
	while (rcu_waiting) {
		struct rcu_head *head = rcu_waiting;

		rcu_waiting = head->next;
		head->func(head);
	}
}

int lockdep_is_held(const void *lock)
{
	return 1;
}
