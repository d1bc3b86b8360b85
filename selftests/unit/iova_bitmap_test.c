// SPDX-License-Identifier: GPL-2.0-only
/*
 * iova_bitmap.c against a reference that goes bit by bit, in user space.
 *
 * The Makefile builds it with the #include lines of iova_bitmap.c taken out, and
 * with pages of different sizes; the smaller they are, the more often a bitmap
 * crosses the limits of its window.
 */
#include <time.h>

#include "iova_bitmap_kernel.h"

struct iova_bitmap;
typedef int (*iova_bitmap_fn_t)(struct iova_bitmap *bitmap, unsigned long iova,
				size_t length, void *opaque);

#include "iova_bitmap_stripped.c"

#define ARENA_SIZE	(ARENA_PAGES << PAGE_SHIFT)
#define WINDOW_PAGES \
	((PAGE_SIZE - sizeof(struct iova_bitmap)) / sizeof(struct page *))
#define MAX_SETS	8

/* The reference takes its time for each bit: fewer rounds of larger pages. */
#define ROUNDS		((1U << 17) >> PAGE_SHIFT)

u8 arena[ARENA_SIZE] __aligned(1 << 16);
struct page arena_pages[ARENA_PAGES];
unsigned long total_pins, live_pins, most_pins;

static u8 expected[ARENA_SIZE];

struct range {
	unsigned long iova;
	size_t length;
};

/* One bitmap, and what is reported to it. */
struct scenario {
	unsigned long iova;
	size_t length;
	unsigned long page_size;
	unsigned long where;
	unsigned int nsets;
	struct range sets[MAX_SETS];
};

static u64 random_state;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static u64 random_below(u64 limit)
{
	return random_u64() % limit;
}

static void arena_reset(void)
{
	size_t i;

	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA_SIZE);
	for (i = 0; i < ARENA_SIZE; i++)
		arena[i] = random_u64() & random_u64() & random_u64();
	memcpy(expected, arena, ARENA_SIZE);
	ASAN_POISON_MEMORY_REGION(arena, ARENA_SIZE);
	memset(arena_pages, 0, sizeof(arena_pages));
	total_pins = 0;
	live_pins = 0;
	most_pins = 0;
}

static size_t granule_of(const struct scenario *s)
{
	size_t granule = 1;

	while (!(s->page_size & granule))
		granule <<= 1;
	return granule;
}

/* The errno that reporting the range has to leave, and its bits in @expected. */
static int expect_set(const struct scenario *s, const struct range *range)
{
	const size_t granule = granule_of(s);
	const u128 end = (u128)s->iova + s->length;
	const u128 range_end = (u128)range->iova + range->length;
	u128 bit_iova = s->iova;
	size_t bit;

	for (bit = 0; bit_iova < end; bit++, bit_iova += granule) {
		u128 bit_end = bit_iova + granule;
		size_t byte = s->where + bit / 8;

		if (bit_end > end)
			bit_end = end;
		if (bit_end <= range->iova || bit_iova >= range_end ||
		    !range->length)
			continue;
		if (arena_pages[byte >> PAGE_SHIFT].broken)
			return -EFAULT;
		expected[byte] |= 1 << bit % 8;
	}
	return 0;
}

static struct range random_range(const struct scenario *s)
{
	struct range range;

	switch (random_below(6)) {
	case 0: /* anything, mostly far away */
		range.iova = random_u64();
		range.length = random_u64() >> random_below(64);
		break;
	case 1: /* across the start */
		range.iova = s->iova - random_below(s->length + 1);
		range.length = random_below(2 * s->length + 2);
		break;
	case 2: /* across the end */
		range.iova = s->iova + random_below(s->length);
		range.length = random_below(2 * s->length + 2);
		break;
	case 3: /* everything and more */
		range.iova = 0;
		range.length = SIZE_MAX;
		break;
	case 4: /* one granule */
		range.iova = s->iova + random_below(s->length);
		range.length = 1;
		break;
	default: /* within */
		range.iova = s->iova + random_below(s->length);
		range.length = random_below(s->length -
					    (range.iova - s->iova) + 1);
	}
	return range;
}

static struct scenario random_scenario(void)
{
	const size_t arena_bits = (ARENA_SIZE - PAGE_SIZE) * 8;
	struct scenario s = {};
	size_t granule, bits;
	unsigned int i;

	s.page_size = (random_u64() | 1) << random_below(40);
	if (random_below(2))
		s.page_size = 1UL << random_below(40);
	granule = granule_of(&s);

	s.where = random_below(PAGE_SIZE);
	bits = 1 + random_below(arena_bits >> random_below(10));
	s.length = (bits - 1) * granule + 1 + random_below(granule);

	switch (random_below(3)) {
	case 0:
		s.iova = random_u64();
		break;
	case 1: /* up to the very last IOVA */
		s.iova = -s.length;
		break;
	default:
		s.iova = random_below(ARENA_SIZE) * granule;
	}
	if (s.iova + (s.length - 1) < s.iova)
		s.iova = 0;

	s.nsets = 1 + random_below(MAX_SETS);
	for (i = 0; i < s.nsets; i++)
		s.sets[i] = random_range(&s);
	return s;
}

static int set_all(struct iova_bitmap *bitmap, unsigned long iova,
		   size_t length, void *opaque)
{
	const struct scenario *s = opaque;
	unsigned int i;

	if (iova != s->iova || length != s->length)
		return -EPROTO;
	for (i = 0; i < s->nsets; i++)
		iova_bitmap_set(bitmap, s->sets[i].iova, s->sets[i].length);
	return 0;
}

static struct iova_bitmap *scenario_alloc(const struct scenario *s)
{
	return iova_bitmap_alloc(s->iova, s->length, s->page_size,
				 (u64 *)(arena + s->where));
}

static bool arena_matches(void)
{
	if (live_pins || most_pins > WINDOW_PAGES)
		return false;
	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA_SIZE);
	return !memcmp(arena, expected, ARENA_SIZE);
}

/* Returns what went wrong, or NULL. */
static const char *run_scenario(struct scenario *s)
{
	struct iova_bitmap *bitmap = scenario_alloc(s);
	int expected_rc = 0, rc;
	unsigned int i;

	if (IS_ERR(bitmap))
		return "alloc failed";
	if (total_pins)
		return "alloc pinned memory";

	for (i = 0; i < s->nsets; i++) {
		rc = expect_set(s, &s->sets[i]);
		expected_rc = expected_rc ?: rc;
	}
	rc = iova_bitmap_for_each(bitmap, s, set_all);
	iova_bitmap_free(bitmap);

	if (rc != expected_rc)
		return "wrong return value";
	return arena_matches() ? NULL : "wrong bits or pins";
}

static const char *test_random(bool breakage)
{
	unsigned int rounds = ROUNDS;
	const char *error;
	struct scenario s;
	unsigned int i;

	while (rounds--) {
		arena_reset();
		s = random_scenario();
		for (i = 0; breakage && i < 3; i++)
			arena_pages[random_below(ARENA_PAGES)].broken = true;
		error = run_scenario(&s);
		if (error) {
			printf("# iova %#lx length %#zx page_size %#lx at %#lx\n",
			       s.iova, s.length, s.page_size, s.where);
			return error;
		}
	}
	return NULL;
}

static const char *test_good_memory(void)
{
	return test_random(false);
}

static const char *test_broken_memory(void)
{
	return test_random(true);
}

/* After a pin every set in the range works, even if nothing can be pinned. */
static const char *test_pin(void)
{
	struct iova_bitmap *bitmap;
	struct scenario s;
	unsigned int i, round;

	for (round = 0; round < ROUNDS; round++) {
		unsigned long iova, offset;
		size_t wanted, pinned;

		arena_reset();
		s = random_scenario();
		bitmap = scenario_alloc(&s);

		offset = random_below(s.length);
		iova = s.iova + offset;
		wanted = 1 + random_below(s.length - offset);
		pinned = wanted;
		if (iova_bitmap_pin(bitmap, iova, &pinned))
			return "pin failed";
		if (!pinned || pinned > wanted)
			return "pin has a wrong length";
		if (pinned < wanted && live_pins != WINDOW_PAGES)
			return "pin used less than its window";

		for (i = 0; i < ARENA_PAGES; i++)
			arena_pages[i].broken = true;
		for (i = 0; i < MAX_SETS; i++) {
			offset = random_below(pinned);
			s.sets[i].iova = iova + offset;
			s.sets[i].length = 1 + random_below(pinned - offset);
		}
		s.sets[0] = (struct range){ iova + (pinned - 1), 1 };
		s.nsets = MAX_SETS;
		if (iova_bitmap_for_each(bitmap, &s, set_all))
			return "set failed in a pinned range";
		iova_bitmap_free(bitmap);

		for (i = 0; i < ARENA_PAGES; i++)
			arena_pages[i].broken = false;
		for (i = 0; i < s.nsets; i++)
			expect_set(&s, &s.sets[i]);
		if (!arena_matches())
			return "wrong bits or pins";

		bitmap = scenario_alloc(&s);
		arena_pages[s.where >> PAGE_SHIFT].broken = true;
		pinned = s.length;
		if (iova_bitmap_pin(bitmap, s.iova, &pinned) != -EFAULT)
			return "pin of bad memory did not fail";
		s.nsets = 0;
		if (iova_bitmap_for_each(bitmap, &s, set_all))
			return "error of pin came out of for_each";
		iova_bitmap_free(bitmap);
	}
	return NULL;
}

/* What reaches out of a pinned range is set when the bitmap thaws, and not before. */
static const char *test_freeze(void)
{
	struct iova_bitmap *bitmap;
	unsigned int i, round, pins;
	struct scenario s;

	for (round = 0; round < ROUNDS; round++) {
		unsigned long iova, last, from;
		size_t pinned;

		arena_reset();
		s = random_scenario();
		bitmap = scenario_alloc(&s);
		iova = s.iova + random_below(s.length);
		pinned = 1 + random_below(s.iova + (s.length - 1) - iova + 1);
		if (iova_bitmap_pin(bitmap, iova, &pinned))
			return "pin failed";

		last = iova + (pinned - 1);
		from = s.iova + random_below(iova - s.iova + 1);
		s.sets[0] = (struct range){ from, iova - from + 1 };
		s.sets[1] = (struct range){
			last, 1 + random_below(s.iova + (s.length - 1) - last + 1)
		};
		s.sets[2] = (struct range){ iova, pinned };
		pins = total_pins;
		iova_bitmap_freeze(bitmap);
		for (i = 0; i < 3; i++)
			iova_bitmap_set(bitmap, s.sets[i].iova, s.sets[i].length);
		if (total_pins != pins)
			return "a frozen bitmap was pinned";
		iova_bitmap_thaw(bitmap);
		s.nsets = 0;
		if (iova_bitmap_for_each(bitmap, &s, set_all))
			return "set failed";
		iova_bitmap_free(bitmap);
		for (i = 0; i < 3; i++)
			expect_set(&s, &s.sets[i]);
		if (!arena_matches())
			return "wrong bits or pins";
	}
	return NULL;
}

/* There is room for what reaches out at both ends; more is an error. */
static const char *test_freeze_too_much(void)
{
	struct scenario s = {
		.iova = 1UL << 40,
		.page_size = 4096,
		.length = 1UL << 40,
	};
	struct iova_bitmap *bitmap;
	unsigned int i, n;

	for (n = 2; n <= 3; n++) {
		arena_reset();
		bitmap = scenario_alloc(&s);
		iova_bitmap_freeze(bitmap);
		for (i = 0; i < n; i++)
			iova_bitmap_set(bitmap, s.iova + i * 4096, 4096);
		iova_bitmap_thaw(bitmap);
		if (iova_bitmap_for_each(bitmap, &s, set_all) != (n > 2 ? -EFAULT : 0))
			return "wrong return value";
		iova_bitmap_free(bitmap);
		expected[0] |= 3;
		if (!arena_matches())
			return "wrong bits or pins";
	}
	return NULL;
}

/* A huge bitmap costs what is set in it. */
static const char *test_sparse(void)
{
	const size_t bits_per_page = 8 * PAGE_SIZE;
	struct scenario s = {
		.iova = 1UL << 40,
		.page_size = 4096,
		.length = 1UL << 40,
	};
	struct iova_bitmap *bitmap;

	arena_reset();
	bitmap = scenario_alloc(&s);
	iova_bitmap_set(bitmap, s.iova + 4096 * (3 * bits_per_page + 5), 4096);
	if (total_pins != 1)
		return "one bit took more than one page";
	iova_bitmap_set(bitmap, s.iova + 4096 * (3 * bits_per_page + 6), 4096);
	if (total_pins != 1)
		return "a bit next to it took another pin";
	iova_bitmap_set(bitmap, s.iova + 4096 * (9 * bits_per_page - 1), 8192);
	if (total_pins != 3 || live_pins != 2)
		return "two bits in two pages took more than two pages";
	expected[3 * PAGE_SIZE] |= 0x60;
	expected[9 * PAGE_SIZE - 1] |= 0x80;
	expected[9 * PAGE_SIZE] |= 0x01;
	iova_bitmap_free(bitmap);
	return arena_matches() ? NULL : "wrong bits or pins";
}

static const char *test_no_user_address(void)
{
	const unsigned long far_byte = 1UL << 60;
	const unsigned long addresses[] = {
		1UL << 63,
		-PAGE_SIZE,
		/* Here the byte would be in the arena, if addresses wrapped. */
		(unsigned long)arena - far_byte,
	};
	struct scenario s = {
		.page_size = 1,
		.length = SIZE_MAX,
		.nsets = 1,
		.sets = { { 8 * far_byte, 1 } },
	};
	struct iova_bitmap *bitmap;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		arena_reset();
		bitmap = iova_bitmap_alloc(s.iova, s.length, s.page_size,
					   (u64 *)addresses[i]);
		if (iova_bitmap_for_each(bitmap, &s, set_all) != -EFAULT)
			return "set outside of user memory did not fail";
		iova_bitmap_free(bitmap);
		if (total_pins)
			return "something was pinned";
	}
	return NULL;
}

static int fail_with(struct iova_bitmap *bitmap, unsigned long iova,
		     size_t length, void *opaque)
{
	iova_bitmap_set(bitmap, iova, length);
	return *(int *)opaque;
}

static const char *test_corner_cases(void)
{
	struct scenario s = { .iova = 4096, .page_size = 4096, .nsets = 1 };
	struct iova_bitmap *bitmap;
	int error = -EIO;
	size_t i;

	arena_reset();
	if (iova_bitmap_alloc(0, 1, 0, (u64 *)arena) != ERR_PTR(-EINVAL))
		return "page_size 0 was accepted";

	/* Nothing has a bit in an empty bitmap. */
	s.sets[0] = (struct range){ 0, SIZE_MAX };
	if (run_scenario(&s) || total_pins)
		return "an empty bitmap was written";

	/* A range of nothing has no bits. */
	s.length = 4096 * 64;
	for (i = 0; i < s.length; i += 4096 / 4) {
		s.sets[0] = (struct range){ s.iova + i, 0 };
		if (run_scenario(&s) || total_pins)
			return "an empty range was set";
		ASAN_POISON_MEMORY_REGION(arena, ARENA_SIZE);
	}

	/* The error of the callback comes before that of the memory. */
	s.length = 4096;
	arena_pages[0].broken = true;
	bitmap = scenario_alloc(&s);
	if (iova_bitmap_for_each(bitmap, &error, fail_with) != -EIO)
		return "the error of the callback is lost";
	error = 0;
	if (iova_bitmap_for_each(bitmap, &error, fail_with) != -EFAULT)
		return "the error of the memory is lost";
	iova_bitmap_free(bitmap);
	return arena_matches() ? NULL : "wrong bits or pins";
}

static const struct {
	const char *name;
	const char *(*run)(void);
} tests[] = {
	{ "random ranges, good memory", test_good_memory },
	{ "random ranges, bad memory", test_broken_memory },
	{ "pinned ranges", test_pin },
	{ "frozen ranges", test_freeze },
	{ "frozen too long", test_freeze_too_much },
	{ "sparse 1 TiB", test_sparse },
	{ "no user address", test_no_user_address },
	{ "corner cases", test_corner_cases },
};

int main(int argc, char **argv)
{
	unsigned int failed = 0;
	size_t i;

	random_state = time(NULL);
	if (argc > 1)
		random_state = strtoull(argv[1], NULL, 0);
	random_state |= 1;
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	printf("# page size %lu, window %zu pages, seed %#llx\n", PAGE_SIZE,
	       WINDOW_PAGES, (unsigned long long)random_state);

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		const char *error = tests[i].run();

		printf("%sok %zu %s%s%s\n", error ? "not " : "", i + 1,
		       tests[i].name, error ? " # " : "", error ?: "");
		failed += !!error;
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
