// SPDX-License-Identifier: GPL-2.0-only
/*
 * iova_alloc.c against a sorted array of ranges that is searched one by one.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "iova_alloc.h"
#include "unit.h"

#define MAX_RANGES	160
/* So many gaps that lie badly still leave the search a first fit. */
#define EXACT_TRIES	32

/* The tree, what it should hold, and the part of the IOVA space in use. */
static struct {
	struct iova_tree tree;
	struct iova_node *nodes[MAX_RANGES];	/* ascending */
	unsigned int n;
	unsigned long low, high;
} m;

/* A hole between the ranges, as far as it lies in some bounds. */
struct hole {
	unsigned long first;
	unsigned long last;
	bool is;
};

static struct hole hole_before(unsigned int i, unsigned long first,
			       unsigned long last)
{
	struct hole hole = { first, last, true };

	if (i) {
		if (m.nodes[i - 1]->last == ULONG_MAX)
			return (struct hole){ 0 };
		if (m.nodes[i - 1]->last >= first)
			hole.first = m.nodes[i - 1]->last + 1;
	}
	if (i < m.n) {
		if (m.nodes[i]->first == 0)
			return (struct hole){ 0 };
		if (m.nodes[i]->first <= last)
			hole.last = m.nodes[i]->first - 1;
	}
	hole.is = hole.first <= hole.last;
	return hole;
}

/* The tree itself. */

static struct iova_node *node_of(struct rb_node *rb)
{
	return rb ? rb_entry(rb, struct iova_node, rb) : NULL;
}

/* Checks a subtree that begins with nodes[*i]; returns its black height. */
static unsigned int check_subtree(struct rb_node *rb, struct rb_node *parent,
				  unsigned int *i)
{
	struct iova_node *node = node_of(rb);
	unsigned int begin = *i, black, j;
	unsigned long gap = 0;
	bool red;

	if (!rb)
		return 0;
	expect((struct rb_node *)(rb->__rb_parent_color & ~3UL) == parent,
	       "a wrong parent");
	red = !(rb->__rb_parent_color & 1);
	expect(!red || (parent && parent->__rb_parent_color & 1), "red on red");

	black = check_subtree(rb->rb_left, rb, i);
	expect(*i < m.n && m.nodes[*i] == node, "a wrong node in place %u", *i);
	++*i;
	expect(check_subtree(rb->rb_right, rb, i) == black, "not balanced");

	for (j = begin + 1; j < *i; j++)
		if (m.nodes[j]->first - m.nodes[j - 1]->last - 1 > gap)
			gap = m.nodes[j]->first - m.nodes[j - 1]->last - 1;
	expect(node->sub.first == m.nodes[begin]->first,
	       "%#lx, not %#lx", node->sub.first, m.nodes[begin]->first);
	expect(node->sub.last == m.nodes[*i - 1]->last,
	       "%#lx, not %#lx", node->sub.last, m.nodes[*i - 1]->last);
	expect(node->sub.gap == gap, "%#lx, not %#lx", node->sub.gap, gap);
	return black + !red;
}

static void check_tree(void)
{
	unsigned int i = 0;

	check_subtree(m.tree.root.rb_node, NULL, &i);
	expect(i == m.n, "%u nodes, not %u", i, m.n);
}

/* Changes. */

static void add(unsigned long first, unsigned long last)
{
	struct iova_node *node = malloc(sizeof(*node));
	unsigned int i;

	unit_trace("insert %#lx-%#lx", first, last);
	memset(node, 0xa5, sizeof(*node));
	node->first = first;
	node->last = last;
	for (i = m.n++; i && m.nodes[i - 1]->first > first; i--)
		m.nodes[i] = m.nodes[i - 1];
	m.nodes[i] = node;
	iova_tree_insert(&m.tree, node);
}

static void remove_nth(unsigned int i)
{
	struct iova_node *node = m.nodes[i];

	unit_trace("remove %#lx-%#lx", node->first, node->last);
	iova_tree_remove(&m.tree, node);
	memmove(&m.nodes[i], &m.nodes[i + 1],
		(--m.n - i) * sizeof(m.nodes[0]));
	free(node);
}

static void remove_all(void)
{
	while (m.n)
		remove_nth(m.n - 1);
	expect(!m.tree.root.rb_node, "not empty");
}

/* Below @limit, where 0 is 2^64, and liked best: the ends. */
static unsigned long choose_offset(unsigned long limit)
{
	switch (unit_choose(5)) {
	case 0:
		return 0;
	case 1:
		return limit - 1;
	case 2:
		return unit_choose_log(limit);
	case 3:
		return limit - 1 - unit_choose_log(limit);
	default:
		return unit_choose(limit);
	}
}

static unsigned long choose_iova(void)
{
	return m.low + choose_offset(m.high - m.low + 1);
}

static void insert_somewhere(void)
{
	struct hole hole = hole_before(unit_choose(m.n + 1), m.low, m.high);
	unsigned long first, last;

	if (!hole.is || m.n == MAX_RANGES)
		return;
	/* Small most of the time, or the space is full at once. */
	first = hole.first + choose_offset(hole.last - hole.first + 1);
	last = first + choose_offset(hole.last - first + 1);
	if (unit_chance(80)) {
		unsigned long most = (m.high - m.low) / 64;
		unsigned long length = unit_choose_log(most + 1);

		if (last - first > length)
			last = first + length;
	}
	add(first, last);
}

/* Looking at it. */

static void check_walk(unsigned long first, unsigned long last)
{
	struct iova_node *node;
	unsigned int i = 0;

	unit_trace("walk %#lx-%#lx", first, last);
	while (i < m.n && m.nodes[i]->last < first)
		i++;
	for (node = iova_tree_first(&m.tree, first, last); node;
	     node = iova_tree_next(node, last), i++)
		expect(i < m.n && node == m.nodes[i] && node->first <= last,
		       "%#lx-%#lx", node->first, node->last);
	expect(i == m.n || m.nodes[i]->first > last, "%#lx-%#lx is left out",
	       m.nodes[i]->first, m.nodes[i]->last);
}

static bool fits(const struct iova_want *want, const struct hole *hole,
		 unsigned long *iova)
{
	unsigned __int128 start = hole->first;

	start = (start + want->align - 1) / want->align * want->align;
	start |= want->offset;
	*iova = start;
	return start + want->length - 1 <= hole->last;
}

/*
 * The first hole that fits, and how many large enough ones before it do not:
 * to the tree these are gaps, which no bounds cut.
 */
static bool first_fit(unsigned long first, unsigned long last,
		      const struct iova_want *want, unsigned long *iova,
		      unsigned int *bad)
{
	unsigned int i;

	*bad = 0;
	for (i = 0; i <= m.n; i++) {
		struct hole hole = hole_before(i, first, last);
		struct hole whole = hole_before(i, 0, ULONG_MAX);

		if (!hole.is)
			continue;
		if (fits(want, &hole, iova))
			return true;
		*bad += whole.last - whole.first >= want->length - 1;
	}
	return false;
}

/*
 * Is @iova a place for @want in the first hole that suits any alignment? What is
 * above all ranges counts as such if it fits.
 */
static bool in_roomy_hole(unsigned long first, unsigned long last,
			  const struct iova_want *want, unsigned long iova)
{
	unsigned __int128 roomy = (unsigned __int128)want->length +
				  want->align - 1 + want->offset;
	unsigned int i;

	for (i = 0; i <= m.n; i++) {
		struct hole hole = hole_before(i, first, last);
		struct hole whole = hole_before(i, 0, ULONG_MAX);
		unsigned long fit;

		if (!hole.is || (i < m.n && (unsigned __int128)whole.last -
						    whole.first + 1 < roomy))
			continue;
		if (fits(want, &hole, &fit))
			return fit == iova;
	}
	return false;
}

static bool check_find_free(unsigned long first, unsigned long last,
			    const struct iova_want *want, unsigned long *iova)
{
	unsigned long fit, got = 0xa5a5;
	bool found, is;
	unsigned int bad;

	unit_trace("find_free %#lx-%#lx: length %#lx align %#lx offset %#lx",
		   first, last, want->length, want->align, want->offset);
	found = iova_tree_find_free(&m.tree, first, last, want, &got);
	is = first_fit(first, last, want, &fit, &bad);
	expect(found == is, "found %d (%#lx), there is %d (%#lx)", found, got,
	       is, fit);
	if (!found)
		return false;
	expect(got == fit || bad >= EXACT_TRIES,
	       "%#lx instead of %#lx after %u bad holes", got, fit, bad);
	expect(got == fit || in_roomy_hole(first, last, want, got),
	       "%#lx is neither the first fit nor the first roomy one", got);
	*iova = got;
	return true;
}

static void find_somewhere(void)
{
	unsigned long first = choose_iova(), last = choose_iova(), iova;
	unsigned long span = m.high - m.low + 1;
	struct iova_want want = { .align = 1 };

	if (unit_chance(50)) {
		first = unit_chance(50) ? 0 : m.low;
		last = unit_chance(50) ? ULONG_MAX : m.high;
	}
	/* Bounds that leave nothing in between are the owner's right. */
	if (first > last && unit_chance(90)) {
		iova = first;
		first = last;
		last = iova;
	}
	want.length = unit_choose_log(unit_chance(10) ? 0 : span / 8 + 2) ?: 1;
	if (unit_chance(75))
		want.align <<= unit_choose(span ? 64 - __builtin_clzl(span) :
						  64);
	if (unit_chance(25))
		want.offset = unit_choose(want.align);
	else if (unit_chance(25))
		want.offset = unit_choose_log(span);
	if (check_find_free(first, last, &want, &iova) && unit_chance(50) &&
	    m.n < MAX_RANGES)
		add(iova, iova + want.length - 1);
}

/* Tests. */

static void choose_space(void)
{
	static const unsigned char bits[] = { 3, 6, 9, 14, 21, 32, 48, 63, 64 };
	unsigned int b = bits[unit_choose(sizeof(bits))];
	unsigned long last = ULONG_MAX >> (64 - b);

	switch (unit_choose(3)) {
	case 0:
		m.low = 0;
		break;
	case 1:
		m.low = ULONG_MAX - last;
		break;
	default:
		m.low = b == 64 ? 0 : unit_choose(ULONG_MAX - last);
	}
	m.high = m.low + last;
	unit_trace("space %#lx-%#lx", m.low, m.high);
}

static void random_steps(unsigned int steps, unsigned int grow)
{
	while (steps-- && unit_more()) {
		if (unit_chance(50)) {
			if (unit_chance(grow))
				insert_somewhere();
			else if (m.n)
				remove_nth(unit_choose(m.n));
			check_tree();
		} else if (unit_chance(70)) {
			find_somewhere();
			check_tree();
		} else {
			check_walk(choose_iova(), choose_iova());
		}
	}
}

static void start(void)
{
	memset(&m, 0, sizeof(m));
}

void unit_round(void)
{
	unsigned int phase;

	start();
	choose_space();
	for (phase = 0; phase < 4; phase++)
		random_steps(unit_choose(100), 20 + unit_choose(80));
	check_walk(0, ULONG_MAX);
	remove_all();
}

#ifndef UNIT_FUZZ

static void test_random(void)
{
	unit_rounds(3000);
}

/* Every set of ranges in a tiny space, and every question about it. */
#define TINY	8

static void exhaust_questions(unsigned long first, unsigned long last)
{
	struct iova_want want;
	unsigned long iova;
	unsigned int w;

	check_walk(first, last);
	for (w = 0; w < 9; w++) {
		want.length = w / 3 + 1;
		want.align = 1UL << w % 3;
		want.offset = (first + last) % 3;
		check_find_free(first, last, &want, &iova);
	}
}

static void exhaust_space(unsigned long base, bool merge)
{
	unsigned int used, i, begin;
	unsigned int first, last;

	for (used = 0; used < 1 << TINY; used++) {
		for (i = 0; i < TINY; i++) {
			if (!(used & 1 << i))
				continue;
			begin = i;
			while (merge && i + 1 < TINY && used & 2 << i)
				i++;
			add(base + begin, base + i);
		}
		check_tree();
		for (first = 0; first < TINY; first++)
			for (last = first; last < TINY; last++)
				exhaust_questions(base + first, base + last);
		remove_all();
	}
}

static void test_exhaustive(void)
{
	start();
	exhaust_space(0, false);
	exhaust_space(0, true);
	exhaust_space(ULONG_MAX - (TINY - 1), false);
	exhaust_space(ULONG_MAX - (TINY - 1), true);
}

static void test_extremes(void)
{
	struct iova_want want = { .length = ULONG_MAX, .align = 1 };
	unsigned long iova;

	start();
	/* Nothing there. */
	check_walk(0, ULONG_MAX);
	expect(check_find_free(0, ULONG_MAX, &want, &iova), "empty space");
	expect(check_find_free(1, ULONG_MAX, &want, &iova), "all but 0");
	expect(!check_find_free(2, ULONG_MAX, &want, &iova), "all but 0 and 1");
	want.align = 1UL << 63;
	want.length = 1UL << 63;
	expect(check_find_free(1, ULONG_MAX, &want, &iova), "upper half");
	expect(!check_find_free((1UL << 63) + 1, ULONG_MAX, &want, &iova),
	       "align_up wraps");

	/* Everything there, once in one piece. */
	add(0, ULONG_MAX);
	check_tree();
	want = (struct iova_want){ .length = 1, .align = 1 };
	expect(!check_find_free(0, ULONG_MAX, &want, &iova), "full");
	check_walk(ULONG_MAX, ULONG_MAX);
	remove_all();

	/* Only the ends are taken. */
	add(0, 0);
	add(ULONG_MAX, ULONG_MAX);
	check_tree();
	want.length = ULONG_MAX - 1;
	expect(check_find_free(0, ULONG_MAX, &want, &iova), "all between");
	want.length = ULONG_MAX;
	expect(!check_find_free(0, ULONG_MAX, &want, &iova), "one too much");
	remove_all();

	/* Only the ends are free. */
	add(1, ULONG_MAX - 1);
	want = (struct iova_want){ .length = 1, .align = 2 };
	expect(check_find_free(0, ULONG_MAX, &want, &iova) && !iova, "at 0");
	want = (struct iova_want){ .length = 1, .align = 1 };
	expect(check_find_free(1, ULONG_MAX, &want, &iova) && iova == ULONG_MAX,
	       "at the end");
	remove_all();
}

/*
 * Perhaps one that is too short, @bad holes of the wanted length that lie badly,
 * one that fits, and perhaps one that suits any alignment.
 */
static void bad_holes(unsigned int bad, bool shorter, bool roomy)
{
	struct iova_want want = { .length = 0x1000, .align = 0x1000 };
	unsigned long begin = 0, hole = 0x10800, iova;

	if (shorter) {
		add(0, 0x7fff);
		begin = 0x8fff;
	}
	for (; bad; bad--, hole += 0x4000) {
		add(begin, hole - 1);
		begin = hole + want.length;
	}
	hole += 0x800;
	add(begin, hole - 1);
	begin = hole + want.length;
	if (roomy) {
		hole += 0x4800;
		add(begin, hole - 1);
		begin = hole + 0x1fff;
	}
	add(begin, ULONG_MAX);
	check_tree();
	expect(check_find_free(0, ULONG_MAX, &want, &iova), "nothing found");
	remove_all();
}

static void test_bad_holes(void)
{
	unsigned int bad;

	start();
	for (bad = 0; bad < 70; bad++) {
		bad_holes(bad, false, false);
		bad_holes(bad, false, true);
		bad_holes(bad, true, false);
		bad_holes(bad, true, true);
	}
}

/*
 * Cost, in basic blocks that run: iova_alloc.c and rbtree.c are compiled so that
 * each calls this. Unlike time, it is the same in each run.
 */
static unsigned long blocks;

void __sanitizer_cov_trace_pc(void)
{
	blocks++;
}

struct cost {
	unsigned long insert;
	unsigned long remove;
	unsigned long find;
	unsigned long lookup;
};

static unsigned long spent(void)
{
	unsigned long n = blocks;

	blocks = 0;
	return n;
}

static void note(unsigned long *most)
{
	unsigned long n = spent();

	if (n > *most)
		*most = n;
}

static void cost_questions(struct iova_tree *tree, unsigned long n,
			   struct cost *cost)
{
	/* Anywhere, only past the end, and where most holes lie badly. */
	static const struct iova_want wants[] = {
		{ 0x1000, 0x1000, 0 }, { 0x20000, 0x1000, 0 },
		{ 0x1000, 0x4000, 0 }, { 0x1000, 0x2000, 0x1000 },
		{ 0x2000, 0x200000, 0 },
	};
	unsigned long iova, first;
	unsigned int i, w;

	for (i = 0; i < 200; i++)
		for (w = 0; w < ARRAY_SIZE(wants); w++) {
			first = i ? unit_choose(n * 0x10000) : 0;
			spent();
			expect(iova_tree_find_free(tree, first, ULONG_MAX,
						   &wants[w], &iova),
			       "no place for %u", w);
			note(&cost->find);
			iova_tree_first(tree, first, ULONG_MAX);
			note(&cost->lookup);
		}
}

/* @n areas with a hole of one page before each that no larger alignment likes. */
static struct cost cost_of(unsigned long n, bool shuffled)
{
	struct iova_node *nodes = calloc(n, sizeof(*nodes));
	struct iova_node **order = calloc(n, sizeof(*order));
	struct iova_tree tree = { };
	struct cost cost = { };
	unsigned long i, j;

	for (i = 0; i < n; i++) {
		nodes[i].first = i * 0x10000 + 0x2000;
		nodes[i].last = i * 0x10000 + 0x10fff;
		j = shuffled ? unit_choose(i + 1) : i;
		order[i] = order[j];
		order[j] = &nodes[i];
	}
	spent();
	for (i = 0; i < n; i++) {
		iova_tree_insert(&tree, order[i]);
		note(&cost.insert);
	}
	cost_questions(&tree, n, &cost);
	spent();
	for (i = 0; i < n; i++) {
		iova_tree_remove(&tree, order[i]);
		note(&cost.remove);
	}
	free(nodes);
	free(order);
	return cost;
}

/*
 * 100 times as many areas: a logarithm that is 5/3 as large. And little enough
 * for each level of the tree.
 */
static void expect_logarithmic(const char *what, unsigned long few,
			       unsigned long many)
{
	unit_print("%s: at most %lu blocks of code with 1000 areas, %lu with 100000",
		   what, few, many);
	expect(few && many <= few * 3 && many <= 17 * 300, "%s: %lu with 1000 areas, %lu with 100000",
	       what, few, many);
}

static void test_cost(void)
{
	bool shuffled = false;

	do {
		struct cost few = cost_of(1000, shuffled);
		struct cost many = cost_of(100000, shuffled);

		expect_logarithmic("insert", few.insert, many.insert);
		expect_logarithmic("remove", few.remove, many.remove);
		expect_logarithmic("first", few.lookup, many.lookup);
		expect_logarithmic("find_free", few.find, many.find);
		shuffled = !shuffled;
	} while (shuffled);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "iova_alloc: extremes", test_extremes },
		{ "iova_alloc: every layout of eight addresses",
		  test_exhaustive },
		{ "iova_alloc: holes that lie badly", test_bad_holes },
		{ "iova_alloc: random steps", test_random },
		{ "iova_alloc: cost with 100000 areas", test_cost },
	};

	return unit_main(tests, ARRAY_SIZE(tests), argc, argv);
}

#endif
