// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings and copies of parts of pages: an IOMMU with pages of 2 KiB, which only the
 * mock is, and what does not ask for any alignment at all.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/clock.h"
#include "lib/mockmem.h"
#include "test.h"

#define G	MOCK_PAGE_SIZE
#define IOVA	(32 * MIB)
#define COPIES	(64 * MIB)
#define SIZE	(16 * PAGE)
#define NEEDS_2K	"pages are not of two granules"

FIXTURE(subpage)
{
	int pinned;
	int fd;
	struct ioas ioas;
	struct mock mock;
	char *mem;		/* SIZE bytes, filled with seed 1 */
};

FIXTURE_SETUP(subpage)
{
	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	if (PAGE != 2 * G)
		SKIP(return, NEEDS_2K);
	self->ioas = must_ioas(self->fd);
	must(mock_new(self->fd, self->ioas.id, 0, &self->mock));
	self->mem = must_ptr(mem_base(SIZE));
	mem_fill(self->mem, SIZE, 1);
}

FIXTURE_TEARDOWN(subpage)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

/* Pages of which @length bytes at offset @at have a part */
static int pages_of(size_t at, size_t length)
{
	return (at + length - 1) / PAGE - at / PAGE + 1;
}

/* The IOVA lead to these bytes, and those around lead to nothing. */
static void check_range(struct __test_metadata *_metadata,
			const struct mock *mock, struct iova_range range,
			const char *va)
{
	struct iova_range before = range_of(range.ioas, range.iova, G);
	struct iova_range behind = before;
	struct iova_range byte = range_of(range.ioas, range.iova, 1);
	char data[SIZE];
	int access;

	before.iova -= G;
	behind.iova += range.length;
	EXPECT_EQ(0, mock_check_map(mock, range, va));
	EXPECT_EQ(-EINVAL, mock_check_map(mock, before, va));
	EXPECT_EQ(-EINVAL, mock_check_map(mock, behind, va));

	access = must(mock_access(range.ioas, false));
	EXPECT_EQ(0, mock_rw(access, range, data, 0));
	EXPECT_EQ(0, memcmp(data, va, range.length));
	EXPECT_EQ(0, mock_rw(access, range, data, MOCK_ACCESS_RW_SLOW_PATH));
	EXPECT_EQ(0, memcmp(data, va, range.length));
	byte.iova--;
	EXPECT_EQ(-ENOENT, mock_rw(access, byte, data, 0));
	byte.iova += range.length + 1;
	EXPECT_EQ(-ENOENT, mock_rw(access, byte, data, 0));
	close(access);
}

static const struct {
	const char *name;
	size_t at;		/* in the memory */
	__u64 length;
	__u64 iova;		/* from IOVA on */
	int error;
} maps[] = {
	{ "first half", 0, G, 0 },
	{ "second half", G, G, 0 },
	{ "first half, half a page up", 0, G, G },
	{ "second half, half a page up", G, G, G },
	{ "a page, half a page up", 0, PAGE, G },
	{ "across two pages", G, PAGE, 0 },
	{ "across two pages, half a page up", G, PAGE, G },
	{ "page and a half", 0, 3 * G, 0 },
	{ "page and a half, half a page up", PAGE, 3 * G, G },
	{ "half and a page", G, 3 * G, 0 },
	{ "half, pages, half", G, 8 * G, 0 },
	{ "half, pages, half, half a page up", G, 8 * G, G },
	{ "pages, half", 2 * PAGE, 7 * G, G },
	{ "to the end", SIZE - 5 * G, 5 * G, 0 },
	{ "all, half a page up", 0, SIZE, G },
	{ "quarter of a page", 0, G / 2, 0, EINVAL },
	{ "three quarters", 0, G + G / 2, 0, EINVAL },
	{ "a byte too much", 0, G + 1, 0, EINVAL },
	{ "odd IOVA", 0, G, 1, EINVAL },
	{ "a quarter of a page up", 0, G, G / 2, EINVAL },
	{ "from a quarter on", G / 2, G, 0, EINVAL },
	{ "from a byte on", 1, G, 0, EINVAL },
	{ "alike, all by a quarter", G / 2, G, G / 2, EINVAL },
};

TEST_F(subpage, map)
{
	struct iova_range range;
	char *va;
	int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		range = range_of(self->ioas, IOVA + maps[i].iova,
				 maps[i].length);
		va = self->mem + maps[i].at;
		TH_LOG("%s", maps[i].name);
		EXPECT_EQ(-maps[i].error, ioas_map_at(range, va, MAP_RW));
		if (!maps[i].error) {
			EXPECT_EQ(pages_of(maps[i].at, maps[i].length),
				  pins_since(self->pinned));
			check_range(_metadata, &self->mock, range, va);
			must(ioas_unmap(self->ioas, range.iova, range.length,
					NULL));
		}
		EXPECT_EQ(0, pins_since(self->pinned));
	}
}

/* The kernel picks an IOVA that is as far into its page as the memory. */
TEST_F(subpage, picked)
{
	struct iova_range range;
	__u64 iova;
	int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		if (maps[i].error)
			continue;
		iova = must_map(self->ioas, self->mem + maps[i].at,
				maps[i].length, MAP_RW);
		EXPECT_EQ(maps[i].at % PAGE, iova % PAGE);
		range = range_of(self->ioas, iova, maps[i].length);
		EXPECT_EQ(0, mock_check_map(&self->mock, range,
					    self->mem + maps[i].at));
	}
}

/* Copies of three and a half pages, which start in the middle of the first one */
#define SOURCE_AT	G
#define SOURCE_LENGTH	(7 * G)

static const struct {
	const char *name;
	size_t at;		/* in the source */
	__u64 length;
	__u64 iova;		/* from COPIES on */
	int error;
} copies[] = {
	{ "all", 0, SOURCE_LENGTH, 0 },
	{ "all, half a page up", 0, SOURCE_LENGTH, G },
	{ "half page at the start", 0, G, 0 },
	{ "first half of a page", G, G, G },
	{ "second half of a page", 2 * G, G, 0 },
	{ "second half, half a page up", 2 * G, G, G },
	{ "half page at the end", 6 * G, G, G },
	{ "a page", G, PAGE, 0 },
	{ "a page, half a page up", G, PAGE, G },
	{ "across two pages", 2 * G, PAGE, 0 },
	{ "across three pages", 2 * G, 4 * G, G },
	{ "quarter of a page", 0, G / 2, 0, EINVAL },
	{ "from a quarter on", G / 2, G, 0, EINVAL },
	{ "from a byte on", 1, G, 0, EINVAL },
	{ "a quarter of a page up", 0, G, G / 2, EINVAL },
	{ "a byte behind the end", G, 6 * G + 1, 0, ENOENT },
	{ "half a page behind the end", G, SOURCE_LENGTH, 0, ENOENT },
};

/* A copy is good with its origin and without, and holds the pages that it needs. */
TEST_F(subpage, copy)
{
	struct iova_range source = range_of(self->ioas, IOVA, SOURCE_LENGTH);
	struct iova_range from, to;
	char *va;
	int i, rc;

	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		from = range_of(self->ioas, IOVA + copies[i].at,
				copies[i].length);
		to = range_of(self->ioas, COPIES + copies[i].iova,
			      copies[i].length);
		va = self->mem + SOURCE_AT + copies[i].at;
		TH_LOG("%s", copies[i].name);
		must(ioas_map_at(source, self->mem + SOURCE_AT, MAP_RW));
		rc = ioas_copy_at(self->ioas, to.iova, from, MAP_RW);
		EXPECT_EQ(-copies[i].error, rc);
		EXPECT_EQ(pages_of(SOURCE_AT, SOURCE_LENGTH),
			  pins_since(self->pinned));
		if (!rc)
			check_range(_metadata, &self->mock, to, va);
		must(ioas_unmap(self->ioas, IOVA, SOURCE_LENGTH, NULL));
		if (!rc) {
			EXPECT_EQ(pages_of(SOURCE_AT + copies[i].at,
					   copies[i].length),
				  pins_since(self->pinned));
			check_range(_metadata, &self->mock, to, va);
			must(ioas_unmap(self->ioas, to.iova, to.length, NULL));
		}
		EXPECT_EQ(0, pins_since(self->pinned));
	}
}

/* Over several mappings: each part is copied from where it starts in its page. */
TEST_F(subpage, copy_of_several)
{
	struct ioas other = must_ioas(self->fd);
	__u64 bytes;

	must(ioas_map_at(range_of(self->ioas, IOVA, 3 * G), self->mem + G,
			 MAP_RW));
	must(ioas_map_at(range_of(self->ioas, IOVA + 3 * G, 2 * G),
			 self->mem + 8 * PAGE, MAP_RW));
	must(ioas_map_at(range_of(self->ioas, IOVA + 5 * G, 2 * G),
			 self->mem + 4 * PAGE + G, MAP_RW));
	EXPECT_EQ(2 + 1 + 2, pins_since(self->pinned));
	must(ioas_copy_at(self->ioas, COPIES + G,
			  range_of(self->ioas, IOVA + 2 * G, 4 * G), MAP_RW));
	must(ioas_copy_at(other, 1, range_of(self->ioas, IOVA + 100, 5 * G),
			  MAP_RW));
	must(ioas_unmap(self->ioas, IOVA, 7 * G, &bytes));
	EXPECT_EQ(7 * G, bytes);
	EXPECT_EQ(1 + 1 + 1, pins_since(self->pinned));
#define CHECK(_iova, _length, _at)					\
	EXPECT_EQ(0, mock_check_map(&self->mock,			\
				    range_of(self->ioas, _iova, _length), \
				    self->mem + (_at)))
	CHECK(COPIES + G, G, 3 * G);
	CHECK(COPIES + 2 * G, 2 * G, 8 * PAGE);
	CHECK(COPIES + 4 * G, G, 4 * PAGE + G);
#undef CHECK
	/* They are three mappings. */
	must(ioas_unmap(self->ioas, COPIES + 2 * G, 2 * G, NULL));
	EXPECT_EQ(2, pins_since(self->pinned));
}

/* Two halves of one page, of one mapping and of two */
TEST_F(subpage, halves)
{
	struct iova_range page = range_of(self->ioas, IOVA, PAGE), half = page;
	int i;

	half.length = G;
	must(ioas_map_at(page, self->mem, MAP_RW));
	must(ioas_copy_at(self->ioas, COPIES, half, MAP_RW));
	half.iova += G;
	must(ioas_copy_at(self->ioas, COPIES + PAGE, half, MAP_RW));
	must(ioas_unmap(self->ioas, IOVA, PAGE, NULL));
	/* Copies: the page is pinned once, until the second one goes. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, mock_check_pins(self->fd, self->mem, PAGE, 1));
		EXPECT_EQ(1, pins_since(self->pinned));
		must(ioas_unmap(self->ioas, COPIES + i * PAGE, G, NULL));
	}
	EXPECT_EQ(0, pins_since(self->pinned));

	/* Mappings: for each of them once */
	half.iova = IOVA;
	must(ioas_map_at(half, self->mem, MAP_RW));
	half.iova += 3 * G;
	must(ioas_map_at(half, self->mem + G, MAP_RW));
	EXPECT_EQ(0, mock_check_pins(self->fd, self->mem, PAGE, 2));
	must(ioas_unmap(self->ioas, IOVA, G, NULL));
	EXPECT_EQ(0, mock_check_pins(self->fd, self->mem, PAGE, 1));
	EXPECT_EQ(0, mock_check_map(&self->mock, half, self->mem + G));
}

/* Who wants whole pages, and parts of pages, exclude each other. */
TEST_F(subpage, whole_pages_only)
{
	struct iova_range part = range_of(self->ioas, IOVA, G);
	struct ioas other = must_ioas(self->fd);
	int access;

	must(ioas_map_at(range_of(other, IOVA, SIZE), self->mem, MAP_RW));
	EXPECT_EQ(G, ioas_alignment(self->ioas));
	access = must(mock_access(self->ioas, true));
	EXPECT_EQ(PAGE, ioas_alignment(self->ioas));
	EXPECT_EQ(-EINVAL, ioas_map_at(part, self->mem, MAP_RW));
	part.iova += G;
	part.length = PAGE;
	EXPECT_EQ(-EINVAL, ioas_map_at(part, self->mem, MAP_RW));
	part.iova = IOVA;
	EXPECT_EQ(-EINVAL, ioas_map_at(part, self->mem + G, MAP_RW));
	EXPECT_EQ(-EINVAL, ioas_copy_at(self->ioas, IOVA,
					range_of(other, IOVA + G, PAGE),
					MAP_RW));
	EXPECT_EQ(-EINVAL, ioas_copy_at(self->ioas, IOVA,
					range_of(other, IOVA, G), MAP_RW));
	EXPECT_EQ(0, pins_since(self->pinned));
	EXPECT_EQ(0, ioas_copy_at(self->ioas, IOVA,
				  range_of(other, IOVA + PAGE, PAGE), MAP_RW));
	close(access);

	EXPECT_EQ(G, ioas_alignment(self->ioas));
	part.iova = IOVA + PAGE;
	part.length = G;
	EXPECT_EQ(0, ioas_map_at(part, self->mem, MAP_RW));
	EXPECT_EQ(-EADDRINUSE, mock_access(self->ioas, true));
	close(must(mock_access(self->ioas, false)));
	EXPECT_EQ(G, ioas_alignment(self->ioas));
	must(ioas_unmap(self->ioas, part.iova, G, NULL));
	close(must(mock_access(self->ioas, true)));
}

/* A real IOMMU has larger pages: it is the stricter one that counts. */
TEST_F(subpage, edu_joins)
{
	struct iova_range part = range_of(self->ioas, IOVA + G, PAGE);
	struct pci_address pci;
	struct edu edu;

	if (edu_find_one(&pci))
		SKIP(return, NEEDS_EDU);
	must(edu_open(&edu, &pci, self->fd));
	must(ioas_map_at(part, self->mem + G, MAP_RW));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(edu.fd, self->ioas.id));
	EXPECT_EQ(G, ioas_alignment(self->ioas));
	EXPECT_EQ(0, mock_check_map(&self->mock, part, self->mem + G));
	must(ioas_unmap_all(self->ioas, NULL));
	EXPECT_LT(0, vfio_attach(edu.fd, self->ioas.id));
	EXPECT_EQ(PAGE, ioas_alignment(self->ioas));
	EXPECT_EQ(-EINVAL, ioas_map_at(part, self->mem + G, MAP_RW));
	must(vfio_detach(edu.fd));
	EXPECT_EQ(0, ioas_map_at(part, self->mem + G, MAP_RW));
	edu_close(&edu);
}

/* Without a page table any byte will do; one that comes looks at them all. */
static const struct {
	const char *name;
	size_t at;
	__u64 length;
	__u64 iova;
	int error;		/* of the attach */
} bytes[] = {
	{ "a byte", 5, 1, 7, EADDRINUSE },
	{ "odd memory", 1, G, 0, EADDRINUSE },
	{ "odd length", 0, G - 1, 0, EADDRINUSE },
	{ "odd IOVA", 0, G, 3, EADDRINUSE },
	{ "quarter of a page", G / 2, G / 2, G / 2, EADDRINUSE },
	{ "half a page", G, G, G, 0 },
	{ "half a page elsewhere", G, G, PAGE, 0 },
};

TEST_F(subpage, attach)
{
	struct iova_range range;
	struct ioas other;
	struct mock mock;
	int i, rc;

	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		other = must_ioas(self->fd);
		range = range_of(other, IOVA + bytes[i].iova, bytes[i].length);
		must(ioas_map_at(range, self->mem + bytes[i].at, MAP_RW));
		rc = mock_new(self->fd, other.id, 0, &mock);
		EXPECT_EQ(-bytes[i].error, rc)
			TH_LOG("%s", bytes[i].name);
		EXPECT_EQ(rc ? 0 : 1, pins_since(self->pinned));
		if (rc)
			continue;
		EXPECT_EQ(0, mock_check_map(&mock, range,
					    self->mem + bytes[i].at));
		must(iommufd_destroy(self->fd, mock.stdev));
	}
}

/* Reading and writing by IOVA, over mappings of odd sizes that touch each other */
TEST_F(subpage, odd_bytes)
{
	static const struct {
		size_t at;
		__u64 length;
	} parts[] = { { 3, 100 }, { PAGE + 77, 1 }, { 5 * PAGE - 1, 4099 },
		      { 0x3fff, 2 }, { 9 * PAGE, 3000 } };
	struct ioas other = must_ioas(self->fd);
	struct iova_range all = range_of(other, IOVA + 5, 0);
	char expected[SIZE], data[SIZE];
	int i, flags, access;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		must(ioas_map_at(range_of(other, all.iova + all.length,
					  parts[i].length),
				 self->mem + parts[i].at, MAP_RW));
		memcpy(expected + all.length, self->mem + parts[i].at,
		       parts[i].length);
		all.length += parts[i].length;
	}
	access = must(mock_access(other, false));
	for (flags = 0; flags <= MOCK_ACCESS_RW_SLOW_PATH;
	     flags += MOCK_ACCESS_RW_SLOW_PATH) {
		memset(data, 0, all.length);
		EXPECT_EQ(0, mock_rw(access, all, data, flags));
		EXPECT_EQ(0, memcmp(data, expected, all.length));
		mem_fill(expected, all.length, flags + 2);
		EXPECT_EQ(0, mock_rw(access, all, expected,
				     flags | MOCK_ACCESS_RW_WRITE));
	}
	EXPECT_EQ(0, memcmp(self->mem + 3, expected, 100));
	EXPECT_EQ(expected[100], self->mem[PAGE + 77]);
	EXPECT_EQ(-1, mem_differs_from(self->mem + PAGE + 78, PAGE, 1,
				       PAGE + 78));
	all.length++;
	EXPECT_EQ(-ENOENT, mock_rw(access, all, data, 0));
	close(access);
}

/*
 * Anything in any order, compared with a list of what each granule should lead to.
 * The seed is printed, so that a failure can be repeated.
 */
#define SLOTS	48
#define STEPS	400

struct model {
	const char *va[SLOTS];	/* of each granule, or NULL */
	bool begins[SLOTS];	/* a mapping starts there */
};

static __u64 slot_iova(int slot)
{
	return IOVA + slot * G;
}

static bool is_free(const struct model *model, int slot, int n)
{
	while (n--)
		if (model->va[slot + n])
			return false;
	return true;
}

static void put(struct model *model, int slot, int n, const char *va)
{
	model->begins[slot] = true;
	for (; n--; slot++, va += G)
		model->va[slot] = va;
}

static int model_map(struct model *model, struct ioas ioas, char *mem)
{
	int n = 1 + rand() % 9, slot = rand() % (SLOTS - n);
	char *va = mem + rand() % (SIZE / G - n) * G;
	bool empty = is_free(model, slot, n);
	int rc;

	rc = ioas_map_at(range_of(ioas, slot_iova(slot), n * G), va, MAP_RW);
	if (!rc && empty)
		put(model, slot, n, va);
	return rc == (empty ? 0 : -EEXIST) ? 0 : -EBADE;
}

static int model_copy(struct model *model, struct ioas ioas)
{
	int n = 1 + rand() % 9, from = rand() % (SLOTS - n);
	int to = rand() % (SLOTS - n), i, rc, expected = 0;

	for (i = 0; i < n; i++)
		if (!model->va[from + i])
			expected = -ENOENT;
	if (!expected && !is_free(model, to, n))
		expected = -EEXIST;
	rc = ioas_copy_at(ioas, slot_iova(to),
			  range_of(ioas, slot_iova(from), n * G), MAP_RW);
	for (i = 0; !rc && i < n; i++) {
		model->va[to + i] = model->va[from + i];
		model->begins[to + i] = !i || model->begins[from + i];
	}
	return rc == expected ? 0 : -EBADE;
}

static int model_unmap(struct model *model, struct ioas ioas)
{
	int n = 1 + rand() % 12, slot = rand() % (SLOTS - n), i, rc;
	int end = slot + n, expected = -ENOENT;
	__u64 length = 0, unmapped = 0;

	for (i = slot; i < end; i++)
		length += model->va[i] ? G : 0;
	if (length)
		expected = 0;
	/* Neither side may cut a mapping. */
	if ((model->va[slot] && !model->begins[slot]) ||
	    (end < SLOTS && model->va[end - 1] && model->va[end] &&
	     !model->begins[end]))
		expected = -ENOENT;
	rc = ioas_unmap(ioas, slot_iova(slot), n * G, &unmapped);
	for (i = slot; !rc && i < end; i++) {
		model->va[i] = NULL;
		model->begins[i] = false;
	}
	return rc == expected && (rc || unmapped == length) ? 0 : -EBADE;
}

static int model_differs(const struct model *model, const struct mock *mock,
			 struct ioas ioas, const char *mem)
{
	const char *va;
	int i, rc;

	for (i = 0; i < SLOTS; i++) {
		va = model->va[i] ?: mem;
		rc = mock_check_map(mock, range_of(ioas, slot_iova(i), G), va);
		if (rc != (model->va[i] ? 0 : -EINVAL))
			return i;
	}
	return -1;
}

TEST_F(subpage, random)
{
	unsigned int seed = getpid() ^ clock_ms();
	struct model model = {};
	int i, kind, rc = 0;

	srand(seed);
	TH_LOG("seed %u", seed);
	for (i = 0; i < STEPS && !rc; i++) {
		kind = rand() % 4;
		rc = kind < 1 ? model_map(&model, self->ioas, self->mem) :
		     kind < 3 ? model_copy(&model, self->ioas) :
				model_unmap(&model, self->ioas);
		ASSERT_EQ(0, rc)
			TH_LOG("step %d of kind %d", i, kind);
		ASSERT_EQ(-1, model_differs(&model, &self->mock, self->ioas,
					    self->mem))
			TH_LOG("step %d of kind %d", i, kind);
	}
	must(ioas_unmap_all(self->ioas, NULL));
	EXPECT_EQ(0, pins_since(self->pinned));
}

TEST_HARNESS_MAIN
