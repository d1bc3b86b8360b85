// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfn_store.c: frames that are present can be read while other frames are set
 * and chunks come and go. 'make tsan' runs it with ThreadSanitizer too.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <linux/mm.h>
#include <linux/slab.h>

#include "pfn_store.h"
#include "unit.h"

#define READERS		2
#define CHUNKS		64UL
/* Present all the time: so much on each side of each boundary of two chunks. */
#define MARGIN		50
#define MIDDLE		(PFN_CHUNK_PAGES - 2 * MARGIN)
/* The frame of an index, if it is not scattered. */
#define PFN_OF(index)	((index) + 7 * PFN_CHUNK_PAGES)
#define GFP		GFP_KERNEL

static struct pfn_store store;
static bool stop;
static unsigned long hot;	/* the chunk that changes */
static unsigned long reads, wrong;

static void *read_margins(void *unused)
{
	unsigned long errors = 0, n;
	struct pfn_run run;

	for (n = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); n++) {
		unsigned long chunk = __atomic_load_n(&hot, __ATOMIC_RELAXED);
		/* One of its two boundaries. */
		unsigned long first = (chunk + n % 2) * PFN_CHUNK_PAGES - MARGIN;
		unsigned long index = first;

		for_each_pfn_run(&run, &store, first, first + 2 * MARGIN - 1) {
			errors += run.index != index ||
				  run.pfn != PFN_OF(index);
			index += run.npages;
		}
		errors += index != first + 2 * MARGIN ||
			  run.npages != 2 * MARGIN;
	}
	__atomic_fetch_add(&wrong, errors, __ATOMIC_RELAXED);
	__atomic_fetch_add(&reads, n, __ATOMIC_RELAXED);
	return NULL;
}

static void set_margins(void)
{
	unsigned long i;

	for (i = 1; i <= CHUNKS; i++) {
		unsigned long first = i * PFN_CHUNK_PAGES - MARGIN;

		expect(!pfn_store_set_run(&store, first, PFN_OF(first),
					  2 * MARGIN, GFP), "set_run");
	}
}

/* Set some of the pages between two margins, which nobody reads. */
static void set_between(unsigned long chunk)
{
	unsigned long at = unit_choose(MIDDLE), i;
	unsigned long n = 1 + unit_choose(MIDDLE - at);
	struct page *pages[MIDDLE];
	bool scattered = unit_chance(30);

	at += chunk * PFN_CHUNK_PAGES + MARGIN;
	for (i = 0; i < n; i++)
		pages[i] = pfn_to_page(scattered ? unit_choose(1UL << 40) :
						   PFN_OF(at + i));
	expect(!pfn_store_set_pages(&store, at, pages, n, GFP), "set_pages");
}

/* A chunk far away comes or goes, and the xarray grows and shrinks. */
static void toggle_far(unsigned int far, bool *is)
{
	unsigned long index = (2 * CHUNKS * PFN_CHUNK_PAGES) << (far * 4);

	if (*is)
		pfn_store_drop_range(&store, index, index);
	else
		expect(!pfn_store_set_run(&store, index, 1, 1, GFP), "set_run");
	*is = !*is;
}

void unit_round(void)
{
	pthread_t readers[READERS];
	bool far[5] = { };
	unsigned long i;

	pfn_store_init(&store, 0, CHUNKS << 40);
	set_margins();
	stop = false;
	hot = 1;
	for (i = 0; i < READERS; i++)
		expect(!pthread_create(&readers[i], NULL, read_margins, NULL),
		       "no thread");
	for (i = 1; i < CHUNKS; i++) {
		unsigned int f = unit_choose(5), steps = 4;

		__atomic_store_n(&hot, i, __ATOMIC_RELAXED);
		while (steps--)
			set_between(i);
		toggle_far(f, &far[f]);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	expect(!wrong, "%lu of %lu reads", wrong, reads);

	for (i = 0; i < 5; i++)
		if (far[i])
			toggle_far(i, &far[i]);
	pfn_store_drop_range(&store, 0, CHUNKS * PFN_CHUNK_PAGES);
	pfn_store_destroy(&store);
}

static void test_readers(void)
{
	unit_rounds(60);
	expect(reads > 0, "nobody read");
	unit_print("%lu reads while pages were set", reads);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "pfn_store: readers and a writer", test_readers },
	};

	return unit_main(tests, 1, argc, argv);
}
