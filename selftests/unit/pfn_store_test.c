// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfn_store.c against an array that holds the frame of each index.
 *
 * The test plays the store's owner: it knows which indices are present, sets
 * only those that are not, asks only for those that are, and drops a chunk when
 * nothing of it is present.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "pfn_store.h"
#include "unit.h"

/* The indices that a round uses: some chunks, cut off at both ends. */
#define WINDOW		(4 * PFN_CHUNK_PAGES + 100)
/* As many as 64 bits of physical address give. */
#define MAX_PFN		(1UL << 52)
#define GFP		(GFP_KERNEL | __GFP_ACCOUNT)

static struct {
	struct pfn_store store;
	unsigned long base;		/* index of window[0] */
	unsigned long size;		/* indices in use */
	bool present[WINDOW];
	unsigned long pfn[WINDOW];
} m;

static struct page *pages[WINDOW];

static void expect_nothing_left(void)
{
	expect(!unit_memory.arrays && !unit_memory.nodes,
	       "%lu arrays and %lu nodes are left", unit_memory.arrays,
	       unit_memory.nodes);
	expect(!pfn_store_memory(), "%lu bytes are left", pfn_store_memory());
}

static void start(unsigned long bias, unsigned long npages, unsigned long base)
{
	unsigned long size = npages - base;

	unit_trace("bias %lu npages %lu base %lu", bias, npages, base);
	memset(&m, 0, sizeof(m));
	m.base = base;
	m.size = size < WINDOW ? size : WINDOW;
	pfn_store_init(&m.store, bias, npages);
}

static unsigned long chunk_number(unsigned long i)
{
	return (m.base + i + m.store.bias) / PFN_CHUNK_PAGES;
}

/* The chunk of window[i], in the window: [*first, *end). */
static void chunk_of(unsigned long i, unsigned long *first, unsigned long *end)
{
	unsigned long chunk = chunk_number(i);

	*first = i;
	while (*first && chunk_number(*first - 1) == chunk)
		--*first;
	*end = i + 1;
	while (*end < m.size && chunk_number(*end) == chunk)
		++*end;
}

/* The end of the indices from @i on that are all present or all absent. */
static unsigned long extent_end(unsigned long i)
{
	bool present = m.present[i];

	while (i < m.size && m.present[i] == present)
		i++;
	return i;
}

/* Looking at it. */

static void check_runs(unsigned long first, unsigned long end)
{
	unsigned long i = first, n;
	struct pfn_run run;

	unit_trace("runs %lu-%lu", m.base + first, m.base + end - 1);
	for_each_pfn_run(&run, &m.store, m.base + first, m.base + end - 1) {
		expect(run.index == m.base + i, "%lu instead of %lu", run.index,
		       m.base + i);
		expect(run.npages && run.npages <= end - i, "%lu of %lu",
		       run.npages, end - i);
		for (n = 0; n < run.npages; n++, i++)
			expect(run.pfn + n == m.pfn[i],
			       "index %lu: %#lx instead of %#lx", m.base + i,
			       run.pfn + n, m.pfn[i]);
		expect(i == end || m.pfn[i] != m.pfn[i - 1] + 1,
		       "the run goes on at %lu", m.base + i);
	}
	expect(i == end, "%lu left out", end - i);
}

static void check_all(void)
{
	unsigned long i, end;

	for (i = 0; i < m.size; i = end) {
		end = extent_end(i);
		if (m.present[i])
			check_runs(i, end);
	}
}

static void check_some(void)
{
	unsigned long first = unit_choose(m.size), end;

	while (first < m.size && !m.present[first])
		first++;
	if (first == m.size)
		return;
	end = extent_end(first);
	check_runs(first, first + 1 + unit_choose(end - first));
}

static void check_chunk(void)
{
	unsigned long i = unit_choose(m.size), index = m.base + i;
	unsigned long chunk = (index + m.store.bias) / PFN_CHUNK_PAGES;
	unsigned long first = pfn_store_chunk_first(&m.store, index);
	unsigned long last = pfn_store_chunk_last(&m.store, index);

	expect(first <= index && index <= last && last < m.store.npages,
	       "%lu is not in %lu-%lu", index, first, last);
	expect((first + m.store.bias) / PFN_CHUNK_PAGES == chunk &&
	       (last + m.store.bias) / PFN_CHUNK_PAGES == chunk,
	       "%lu-%lu is no chunk", first, last);
	expect(!first || (first - 1 + m.store.bias) / PFN_CHUNK_PAGES != chunk,
	       "%lu is not the first of the chunk", first);
	expect(last == m.store.npages - 1 ||
	       (last + 1 + m.store.bias) / PFN_CHUNK_PAGES != chunk,
	       "%lu is not the last of the chunk", last);
}

/* Changes. */

/* The end of the chunk of window[i], or i if something of it is present. */
static unsigned long absent_chunk_end(unsigned long i)
{
	unsigned long first, end, j;

	chunk_of(i, &first, &end);
	for (j = first; j < end; j++)
		if (m.present[j])
			return i;
	return end;
}

/* Forget the chunks of [i, end) in which nothing is present. */
static void drop_chunks(unsigned long i, unsigned long end)
{
	unsigned long calls = unit_memory.calls, first, next, last;

	while (i < end) {
		next = absent_chunk_end(i);
		if (next == i) {
			chunk_of(i, &first, &i);
			continue;
		}
		/* One by one or together. */
		for (last = next; last < end && unit_chance(60); last = next) {
			next = absent_chunk_end(last);
			if (next == last)
				break;
		}
		last--;
		unit_trace("drop %lu-%lu", m.base + i, m.base + last);
		pfn_store_drop_range(&m.store, m.base + i, m.base + last);
		i = last + 1;
	}
	expect(unit_memory.calls == calls, "dropping allocates");
}

/* Nothing is present any more: chunk by chunk, or all at once. */
static void forget_all(void)
{
	unsigned long calls = unit_memory.calls;

	memset(m.present, 0, sizeof(m.present));
	if (unit_chance(50)) {
		drop_chunks(0, m.size);
		return;
	}
	unit_trace("clear");
	pfn_store_clear(&m.store);
	expect(unit_memory.calls == calls, "clearing allocates");
	unit_rcu_barrier();
	expect_nothing_left();
}

static void drop_all(void)
{
	forget_all();
	pfn_store_destroy(&m.store);
}

static bool wanted_is_contiguous(unsigned long i, unsigned long n)
{
	unsigned long j;

	for (j = 1; j < n; j++)
		if (m.pfn[i + j] != m.pfn[i] + j)
			return false;
	return true;
}

/*
 * Record m.pfn[] of @n indices from @i on, which are absent. If that fails, what
 * was there must still be there, and nothing else is of interest.
 */
static int set(unsigned long i, unsigned long n, bool as_run)
{
	unsigned long failed = unit_memory.failed, j;
	int rc;

	unit_trace("set_%s %lu-%lu, pfn %#lx%s", as_run ? "run" : "pages",
		   m.base + i, m.base + i + n - 1, m.pfn[i],
		   wanted_is_contiguous(i, n) ? "" : "...");
	if (as_run) {
		rc = pfn_store_set_run(&m.store, m.base + i, m.pfn[i], n, GFP);
	} else {
		for (j = 0; j < n; j++)
			pages[j] = pfn_to_page(m.pfn[i + j]);
		rc = pfn_store_set_pages(&m.store, m.base + i, pages, n, GFP);
		/* The store must not want them later. */
		memset(pages, 0, n * sizeof(pages[0]));
	}
	expect(rc == 0 || rc == -ENOMEM, "%d", rc);
	expect(rc == 0 || unit_memory.failed > failed,
	       "out of memory, but there is enough");
	if (rc == 0)
		memset(&m.present[i], true, n * sizeof(m.present[0]));
	return rc;
}

/* A frame for window[i] that the store may like or that differs only a bit. */
static unsigned long choose_pfn(unsigned long i)
{
	unsigned long near = i ? unit_choose(i) : 0;

	switch (unit_choose(7)) {
	case 6:
		/* Soon at the end of a section. */
		return (1 + unit_choose(8)) * SHIM_SECTION_PAGES - 1 -
		       unit_choose_log(PFN_CHUNK_PAGES);
	case 0:
		return unit_choose(2 * PFN_CHUNK_PAGES);
	case 1:
		return unit_choose(MAX_PFN);
	case 2:
		return MAX_PFN - 1 - unit_choose_log(PFN_CHUNK_PAGES);
	case 3:
		/* It goes on from the page before, or one beside that. */
		near = i ? i - 1 : 0;
		break;
	default:
		break;
	}
	return (m.pfn[near] + i - near + (unit_chance(30) ? unit_choose(3) - 1
							  : 0)) %
	       MAX_PFN;
}

static void choose_pfns(unsigned long i, unsigned long n)
{
	static const unsigned char break_chances[] = { 0, 0, 1, 10, 50, 100 };
	unsigned int chance = break_chances[unit_choose(6)];
	bool by_page = unit_chance(30);
	unsigned long j;

	m.pfn[i] = choose_pfn(i);
	for (j = i + 1; j < i + n; j++)
		if (chance && unit_chance(chance))
			m.pfn[j] = choose_pfn(j);
		else if (by_page)
			m.pfn[j] = page_to_pfn(pfn_to_page(m.pfn[j - 1]) + 1);
		else
			m.pfn[j] = m.pfn[j - 1] + 1;
}

static void set_somewhere(bool may_fail)
{
	unsigned long i = unit_choose(m.size), n, first, end;
	unsigned long calls = unit_memory.calls;
	int rc;

	if (m.present[i])
		return;
	n = 1 + unit_choose_log(extent_end(i) - i);
	if (unit_chance(30)) {
		/* What the owner does: to the end of the chunk. */
		chunk_of(i, &first, &end);
		n = end < extent_end(i) ? end - i : extent_end(i) - i;
	}
	choose_pfns(i, n);
	if (may_fail) {
		unit_memory.fail_in = unit_choose_log(20);
		unit_memory.fail_many = unit_chance(50) ? -1UL :
							  1 + unit_choose(3);
	}
	rc = set(i, n, wanted_is_contiguous(i, n) && unit_chance(50));
	unit_memory.fail_in = 0;
	unit_memory.fail_many = 0;
	if (rc) {
		unit_trace("out of memory after %lu allocations",
			   unit_memory.calls - calls);
		/* An owner need not do that at once. */
		if (unit_chance(50))
			drop_chunks(i, i + n);
		check_all();
	}
}

static void unset_somewhere(void)
{
	unsigned long i = unit_choose(m.size), n;

	if (!m.present[i])
		return;
	n = unit_chance(50) ? extent_end(i) - i :
			      1 + unit_choose_log(extent_end(i) - i);
	unit_trace("unset %lu-%lu", m.base + i, m.base + i + n - 1);
	memset(&m.present[i], false, n * sizeof(m.present[0]));
	drop_chunks(i, i + n);
}

/* Tests. */

static void choose_store(void)
{
	unsigned long bias = unit_chance(30) ? 0 : unit_choose(PFN_CHUNK_PAGES);
	unsigned long npages, base = 0;

	if (unit_chance(30))
		bias = PFN_CHUNK_PAGES - 1 - bias;
	switch (unit_choose(4)) {
	case 0:
		npages = 1 + unit_choose_log(WINDOW);
		break;
	case 1:
		npages = WINDOW;
		break;
	default:
		/* As many as there are in any address space. */
		npages = WINDOW + unit_choose_log(1UL << 43);
		base = unit_chance(30) ? 0 : unit_choose(npages);
		if (unit_chance(30))
			base = npages - 1 - unit_choose(WINDOW);
	}
	start(bias, npages, base);
}

static void random_steps(unsigned int steps)
{
	bool may_fail = unit_chance(50);

	while (steps-- && unit_more()) {
		switch (unit_choose(8)) {
		case 0:
		case 1:
		case 2:
			set_somewhere(may_fail && unit_chance(50));
			break;
		case 3:
		case 4:
			unset_somewhere();
			break;
		case 5:
			check_chunk();
			break;
		case 6:
			check_some();
			break;
		default:
			check_all();
			if (unit_chance(5))
				forget_all();
		}
	}
}

void unit_round(void)
{
	choose_store();
	random_steps(unit_choose(300));
	check_all();
	drop_all();
}

#ifndef UNIT_FUZZ

static void test_random(void)
{
	unit_rounds(3000);
}

/* Every bias: a run over the first two boundaries, then each way to go on. */
static void test_bias(void)
{
	unsigned long bias, n = 2 * PFN_CHUNK_PAGES + 50, i;
	unsigned int odd;

	for (bias = 0; bias < PFN_CHUNK_PAGES; bias++)
		for (odd = 0; odd < 3; odd++) {
			start(bias, n, 0);
			for (i = 0; i < n; i++)
				m.pfn[i] = i;
			/* Frame 0 at the start; then one page is different. */
			if (odd)
				m.pfn[bias * 2 % n] += odd == 1 ? 1 : n;
			i = bias;
			expect(!set(0, i + 1, false), "the first");
			expect(!set(i + 1, n - i - 1, false), "the rest");
			check_all();
			drop_all();
		}
}

/* Each allocation of a set fails, or all from it on. */
static void fail_each(unsigned long many, unsigned long base)
{
	unsigned long at, i;
	int rc;

	for (at = 0, rc = -ENOMEM; rc; at++) {
		expect(at < 100, "so many allocations");
		start(100, base + WINDOW, base);
		for (i = 0; i < WINDOW; i++)
			m.pfn[i] = i / 2 * 1000;
		/* Half of a contiguous chunk is there already. */
		for (i = 500; i < 700; i++)
			m.pfn[i] = 1UL << 20 | i;
		expect(!set(500, 200, true), "no failure yet");
		unit_memory.fail_in = at;
		unit_memory.fail_many = many;
		rc = set(700, WINDOW - 700, false) ?: set(0, 500, false);
		unit_memory.fail_in = 0;
		unit_memory.fail_many = 0;
		check_all();
		drop_all();
	}
	expect(at > 3, "only %lu allocations", at);
}

static void test_no_memory(void)
{
	/* In a small store and at the end of a large one, whose xarray is deep. */
	fail_each(1, 0);
	fail_each(-1UL, 0);
	fail_each(1, 1UL << 40);
	fail_each(-1UL, 1UL << 40);
}

/* The very first set fails, and the store is thrown away. */
static void test_no_memory_at_all(void)
{
	unsigned long at;

	for (at = 0; at < 20; at++) {
		start(0, (1UL << 40) + WINDOW, 1UL << 40);
		m.pfn[0] = 4711;
		unit_memory.fail_in = at;
		unit_memory.fail_many = -1UL;
		set(0, 1, true);
		unit_memory.fail_in = 0;
		unit_memory.fail_many = 0;
		check_all();
		drop_all();
	}
}

/* Large pages need no arrays, however many calls tell of them. */
static void test_large_pages(void)
{
	unsigned long n = 3 * PFN_CHUNK_PAGES, i, calls;

	start(0, n, 0);
	for (i = 0; i < n; i++)
		m.pfn[i] = (i / PFN_CHUNK_PAGES * 7 % 5 + 1) << 20 |
			   i % PFN_CHUNK_PAGES;
	for (i = 0; i < n; i += 64)
		expect(!set(i, 64, i % 128), "%lu", i);
	expect(!unit_memory.arrays, "%lu arrays", unit_memory.arrays);
	check_all();

	/* What comes back as it was changes nothing. */
	memset(&m.present[100], false, 200 * sizeof(m.present[0]));
	calls = unit_memory.calls;
	expect(!set(100, 200, true), "back");
	expect(unit_memory.calls == calls, "allocated");

	/* One page that is another makes one array. */
	m.present[PFN_CHUNK_PAGES + 9] = false;
	m.pfn[PFN_CHUNK_PAGES + 9] = 4711;
	expect(!set(PFN_CHUNK_PAGES + 9, 1, true), "another");
	expect(unit_memory.arrays == 1 &&
	       unit_memory.array_bytes == PFN_CHUNK_PAGES * 8,
	       "%lu arrays of %lu bytes", unit_memory.arrays,
	       unit_memory.array_bytes);
	check_all();
	drop_all();
}

/* The last chunk dropped leaves nothing behind, before the store goes. */
static void test_drop(void)
{
	unsigned long i;

	start(7, WINDOW, 0);
	for (i = 0; i < WINDOW; i++)
		m.pfn[i] = i * 3;
	expect(!set(0, WINDOW, false), "set");
	expect(unit_memory.array_bytes == WINDOW * 8,
	       "%lu bytes for %lu pages", unit_memory.array_bytes, WINDOW);
	expect(pfn_store_memory() == unit_memory.array_bytes,
	       "%lu bytes are counted", pfn_store_memory());
	memset(m.present, 0, sizeof(m.present));
	drop_chunks(0, WINDOW);
	unit_rcu_barrier();
	expect_nothing_left();
	/* A chunk that is not there may be dropped. */
	drop_chunks(0, WINDOW);
	pfn_store_destroy(&m.store);
}

/* Only what is there takes time, however large the range is. */
static void test_drop_far(void)
{
	unsigned long npages = 1UL << 43, i;

	pfn_store_init(&m.store, 0, npages);
	for (i = 0; i < 1000; i++)
		expect(!pfn_store_set_run(&m.store, i << 33, i, 700, GFP),
		       "set_run");
	pfn_store_drop_range(&m.store, 0, npages - 1);
	pfn_store_destroy(&m.store);
}

/* What a gibibyte costs. Only nodes of the kernel's size tell. */
static void test_memory(void)
{
	unsigned long n = 1UL << (30 - 12), i, chunk_pages = PFN_CHUNK_PAGES;
	struct page *scattered[512];
	struct pfn_store store;

	pfn_store_init(&store, 0, n);
	for (i = 0; i < n; i += chunk_pages)
		expect(!pfn_store_set_run(&store, i, i * 3, chunk_pages, GFP),
		       "set_run");
	unit_print("1 GiB of large pages: %lu bytes, nodes of %zu",
		   unit_memory.node_bytes, sizeof(struct xa_node));
	expect(!unit_memory.arrays, "%lu arrays", unit_memory.arrays);
	expect(XA_CHUNK_SHIFT < 6 || unit_memory.node_bytes <= 16 << 10,
	       "%lu bytes", unit_memory.node_bytes);
	for (i = 0; i < n; i += chunk_pages)
		pfn_store_drop_range(&store, i, i);

	for (i = 0; i < chunk_pages; i++)
		scattered[i] = pfn_to_page(i * 2);
	for (i = 0; i < n; i += chunk_pages)
		expect(!pfn_store_set_pages(&store, i, scattered, chunk_pages,
					    GFP), "set_pages");
	unit_print("1 GiB of scattered pages: %lu bytes",
		   unit_memory.array_bytes + unit_memory.node_bytes);
	expect(unit_memory.array_bytes + unit_memory.node_bytes <= 22 * (1 << 20) / 10,
	       "%lu bytes in arrays", unit_memory.array_bytes);
	for (i = 0; i < n; i += chunk_pages)
		pfn_store_drop_range(&store, i, i);
	pfn_store_destroy(&store);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "pfn_store: every bias", test_bias },
		{ "pfn_store: large pages", test_large_pages },
		{ "pfn_store: dropped chunks", test_drop },
		{ "pfn_store: a range of 2^43 pages dropped", test_drop_far },
		{ "pfn_store: every allocation fails", test_no_memory },
		{ "pfn_store: nothing but failures", test_no_memory_at_all },
		{ "pfn_store: memory used", test_memory },
		{ "pfn_store: random steps", test_random },
	};

	return unit_main(tests, ARRAY_SIZE(tests), argc, argv);
}

#endif
