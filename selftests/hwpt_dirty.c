// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: which pages devices have written to. The mock IOMMU writes on
 * request; with pages of 4 KiB only, so that each page that is written has one bit
 * in a bitmap of 4 KiB.
 */
#include <sys/mman.h>

#include "lib/bad_input.h"
#include "lib/clock.h"
#include "lib/container.h"
#include "lib/hwpt.h"
#include "lib/mockmem.h"
#include "lib/racers.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define PAGES	256
#define SIZE	(PAGES * PAGE)
#define TIB	(1024 * GIB)
/* Time for a test that could go on for long */
#define BUDGET_MS	20000
#define N(_array) ((int)ARRAY_SIZE(_array))

#define NO_CLEAR	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR
#define TRACK		IOMMU_HWPT_ALLOC_DIRTY_TRACKING

FIXTURE(dirty)
{
	int fd;
	int pinned;
	struct ioas ioas;
	struct mock dev;
	__u32 hwpt;		/* @dev is attached to it */
	char *mem;		/* SIZE bytes */
};

FIXTURE_SETUP(dirty)
{
	self->pinned = pins_since(0);
	self->fd = must(iommufd_open());
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	self->ioas = must_ioas(self->fd);
	must(iommufd_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES,
				self->ioas.id, 0));
	must(mock_new(self->fd, self->ioas.id, 0, &self->dev));
	self->hwpt = must(hwpt_alloc(self->ioas, self->dev.idev, TRACK));
	must(mock_replace(self->fd, &self->dev, self->hwpt));
	must(hwpt_track_dirty(self->fd, self->hwpt, true));
	self->mem = must_ptr(mem_base(SIZE));
}

FIXTURE_TEARDOWN(dirty)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

static bool test_bit(const void *bits, size_t n)
{
	return ((const __u8 *)bits)[n / 8] >> n % 8 & 1;
}

static void set_bit(void *bits, size_t n)
{
	((__u8 *)bits)[n / 8] |= 1 << n % 8;
}

static int count_bits(const void *bits, size_t bytes)
{
	size_t i;
	int n = 0;

	for (i = 0; i < bytes; i++)
		n += __builtin_popcount(((const __u8 *)bits)[i]);
	return n;
}

/* Map all of the memory at IOVA and write to all of it. */
#define WRITE_ALL()							\
do {									\
	__u8 _all[PAGES / 8];						\
									\
	memset(_all, 0xff, sizeof(_all));				\
	ASSERT_EQ(PAGES, mock_write(self->fd, self->hwpt, IOVA, SIZE,	\
				    PAGE, _all));			\
} while (0)

#define MAP_ALL()							\
	must(ioas_map_at(range_of(self->ioas, IOVA, SIZE), self->mem, MAP_RW))

#define READ_BITS(_flags, _iova, _length, _page_size, _bits)		\
	GET_DIRTY_BITMAP(self->fd, .hwpt_id = self->hwpt, .flags = _flags, \
			 .iova = _iova, .length = _length,		\
			 .page_size = _page_size, .data = addr(_bits))

/* How many pages are dirty; clears them. */
static int take_bits(int fd, __u32 hwpt)
{
	__u8 bits[PAGES / 8] = {};

	return GET_DIRTY_BITMAP(fd, .hwpt_id = hwpt, .iova = IOVA,
				.length = SIZE, .page_size = PAGE,
				.data = addr(bits)) ?:
	       count_bits(bits, sizeof(bits));
}

TEST_F(dirty, tracking_errors)
{
	const struct iommu_hwpt_set_dirty_tracking good = {
		.size = sizeof(good),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.hwpt_id = self->hwpt,
	};
	struct iommu_hwpt_set_dirty_tracking cmd = good;
	const struct good_call call =
		GOOD_CALL(self->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, good);
	__u32 plain = must(hwpt_alloc(self->ioas, self->dev.idev, 0));
#define TRACKING(_stage, _member, _value, _error)			\
	BAD_AT(_stage, iommu_hwpt_set_dirty_tracking, _member, _value, _error)
	const struct bad_input cases[] = {
		TRACKING(1, flags, 2, EOPNOTSUPP),
		TRACKING(1, flags, 3, EOPNOTSUPP),
		TRACKING(1, flags, 1U << 31, EOPNOTSUPP),
		TRACKING(2, hwpt_id, 0, ENOENT),
		TRACKING(2, hwpt_id, NO_ID, ENOENT),
		TRACKING(2, hwpt_id, self->ioas.id, ENOENT),
		TRACKING(2, hwpt_id, self->dev.idev, ENOENT),
		TRACKING(3, hwpt_id, plain, EOPNOTSUPP),
	};

	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	/* Nobody looks at this member. */
	cmd.__reserved = 1;
	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_HWPT_SET_DIRTY_TRACKING,
				   &cmd));
	EXPECT_EQ(-EOPNOTSUPP, hwpt_track_dirty(self->fd, plain, false));
	EXPECT_EQ(0, iommufd_destroy(self->fd, plain));
}

TEST_F(dirty, bitmap_errors)
{
	__u8 bits[PAGES / 8] = {};
	const struct iommu_hwpt_get_dirty_bitmap good = {
		.size = sizeof(good),
		.hwpt_id = self->hwpt,
		.iova = IOVA,
		.length = SIZE,
		.page_size = 2 * PAGE,
		.data = addr(bits),
	};
	const struct good_call call =
		GOOD_CALL(self->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, good);
	__u32 plain = must(hwpt_alloc(self->ioas, self->dev.idev, 0));
#define BITMAP(_stage, _member, _value, _error)				\
	BAD_AT(_stage, iommu_hwpt_get_dirty_bitmap, _member, _value, _error)
	const struct bad_input cases[] = {
		BITMAP(1, flags, 2, EOPNOTSUPP),
		BITMAP(1, flags, 1U << 31, EOPNOTSUPP),
		BITMAP(1, __reserved, 1, EOPNOTSUPP),
		BITMAP(2, hwpt_id, 0, ENOENT),
		BITMAP(2, hwpt_id, NO_ID, ENOENT),
		BITMAP(2, hwpt_id, self->ioas.id, ENOENT),
		BITMAP(2, hwpt_id, self->dev.stdev, ENOENT),
		BITMAP(3, length, 0, EINVAL),
		BITMAP(4, iova, -SIZE + 2 * PAGE, EOVERFLOW),
		BITMAP(4, iova, -1, EOVERFLOW),
		BITMAP(4, length, -IOVA + 1, EOVERFLOW),
		BITMAP(4, length, -1, EOVERFLOW),
		/* Not a multiple of what the IOAS asks for, a page */
		BITMAP(5, iova, IOVA + 2048, EINVAL),
		BITMAP(5, length, SIZE - 2048, EINVAL),
		BITMAP(5, page_size, 0, EINVAL),
		/* Nor of the bitmap's page */
		BITMAP(5, iova, IOVA + PAGE, EINVAL),
		BITMAP(5, length, SIZE - PAGE, EINVAL),
		BITMAP(5, page_size, 2 * SIZE, EINVAL),
		BITMAP(5, page_size, 1ULL << 63, EINVAL),
		/* No power of two, though the range is a multiple of some */
		BITMAP(5, page_size, 3, EINVAL),
		BITMAP(5, page_size, 3 * PAGE, EINVAL),
		BITMAP(5, page_size, PAGE + 1, EINVAL),
		BITMAP(5, page_size, -PAGE, EINVAL),
		BITMAP(5, page_size, -1, EINVAL),
		BITMAP(6, hwpt_id, plain, EOPNOTSUPP),
		BITMAP(7, data, 0, EFAULT),
		BITMAP(7, data, -1, EFAULT),
		BITMAP(7, data, -64, EFAULT),
		BITMAP(7, data, 1ULL << 63, EFAULT),
	};

	MAP_ALL();
	WRITE_ALL();
	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, count_bits(bits, sizeof(bits)));
	/* After all this nothing was cleared. */
	EXPECT_EQ(PAGES, take_bits(self->fd, self->hwpt));
	EXPECT_EQ(0, take_bits(self->fd, self->hwpt));
	EXPECT_EQ(0, iommufd_destroy(self->fd, plain));
}

/* Pages that have memory: areas of any length with and without holes between */
static const struct {
	int first;
	int n;
} areas[] = { { 0, 1 }, { 1, 2 }, { 4, 1 }, { 7, 58 }, { 65, 3 }, { 90, 38 },
	      { 130, 100 }, { 255, 1 } };

static void map_areas(struct ioas ioas, char *mem, bool *mapped)
{
	int i, page;

	for (i = 0; i < N(areas); i++) {
		must(ioas_map_at(range_of(ioas, IOVA + areas[i].first * PAGE,
					  areas[i].n * PAGE),
				 mem + areas[i].first * PAGE, MAP_RW));
		for (page = 0; page < areas[i].n; page++)
			mapped[areas[i].first + page] = true;
	}
}

/* One look at a part of the range. @per_bit are pages, 0 is half a page. */
struct look {
	int first;
	int n;
	int per_bit;
	int offset;	/* bytes from the alignment of a page */
	__u32 flags;
};

static struct look random_look(void)
{
	static const int per_bit[] = { 0, 1, 1, 1, 2, 8, 32 };
	struct look look = {
		.per_bit = per_bit[rand() % N(per_bit)],
		.offset = PAGE - 40 + rand() % 64,
		.flags = rand() % 2 ? NO_CLEAR : 0,
	};
	int unit = look.per_bit ?: 1;

	look.first = rand() % (PAGES / unit) * unit;
	look.n = (1 + rand() % ((PAGES - look.first) / unit)) * unit;
	return look;
}

/* What the bitmap has to be: @bits as they were, and those of dirty pages */
static void expect_bits(const struct look *look, const bool *dirty, void *bits)
{
	int i;

	for (i = 0; i < look->n; i++) {
		if (!dirty[look->first + i])
			continue;
		if (look->per_bit) {
			set_bit(bits, i / look->per_bit);
		} else {
			set_bit(bits, 2 * i);
			set_bit(bits, 2 * i + 1);
		}
	}
}

/* Compare with a model that has one bool for each page. */
TEST_F(dirty, bitmaps_of_any_kind)
{
	bool mapped[PAGES] = {}, dirty[PAGES] = {};
	char *buffer = must_ptr(mem_base(3 * PAGE)), *expected;
	long end = clock_ms() + BUDGET_MS;
	int i, page, round, wrong = 0;

	expected = must_ptr(malloc(3 * PAGE));
	map_areas(self->ioas, self->mem, mapped);
	srand(1);
	for (round = 0; round < 1500 && clock_ms() < end; round++) {
		struct look look = random_look();

		for (i = rand() % 8; i > 0; i--) {
			page = rand() % PAGES;
			if (!mapped[page])
				continue;
			must(mock_write_page(self->fd, self->hwpt,
					     IOVA + page * PAGE +
					     rand() % 2 * MOCK_PAGE_SIZE,
					     MOCK_PAGE_SIZE));
			dirty[page] = true;
		}
		/* Some bits are set before, and stay. */
		memset(buffer, round % 3 ? 0 : 0x41, 3 * PAGE);
		memcpy(expected, buffer, 3 * PAGE);
		expect_bits(&look, dirty, expected + look.offset);
		must(READ_BITS(look.flags, IOVA + look.first * PAGE,
			       look.n * PAGE,
			       look.per_bit ? look.per_bit * PAGE : PAGE / 2,
			       buffer + look.offset));
		if (memcmp(expected, buffer, 3 * PAGE))
			wrong++;
		if (!look.flags)
			memset(dirty + look.first, 0, look.n);
	}
	EXPECT_EQ(0, wrong);
	free(expected);
}

/* What is mapped anew is clean; enabling cleans; tracking may be off for reading. */
TEST_F(dirty, tracking)
{
	MAP_ALL();
	EXPECT_EQ(0, take_bits(self->fd, self->hwpt));
	WRITE_ALL();
	must(ioas_unmap(self->ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(0, take_bits(self->fd, self->hwpt));
	MAP_ALL();
	EXPECT_EQ(0, take_bits(self->fd, self->hwpt));

	WRITE_ALL();
	must(hwpt_track_dirty(self->fd, self->hwpt, false));
	must(hwpt_track_dirty(self->fd, self->hwpt, false));
	EXPECT_EQ(PAGES, take_bits(self->fd, self->hwpt));
	EXPECT_EQ(0, take_bits(self->fd, self->hwpt));
	must(hwpt_track_dirty(self->fd, self->hwpt, true));
	WRITE_ALL();
	must(hwpt_track_dirty(self->fd, self->hwpt, true));
	EXPECT_EQ(0, take_bits(self->fd, self->hwpt));
}

/* Two page tables of one address space: what is written through which */
TEST_F(dirty, other_page_tables)
{
	__u32 other = must(hwpt_alloc(self->ioas, self->dev.idev, TRACK));

	MAP_ALL();
	must(hwpt_track_dirty(self->fd, other, true));
	must(mock_write_page(self->fd, self->hwpt, IOVA + PAGE, PAGE));
	must(mock_write_page(self->fd, other, IOVA + 2 * PAGE, PAGE));
	must(mock_write_page(self->fd, other, IOVA + 3 * PAGE, PAGE));
	EXPECT_EQ(2, take_bits(self->fd, other));
	EXPECT_EQ(1, take_bits(self->fd, self->hwpt));
	EXPECT_EQ(0, take_bits(self->fd, other));
}

/* Where the bitmap is bad: its first page, its second one, or all but the first */
struct bad_page {
	int first;
	int n;
	int prot;	/* -1: not there */
};

static void spoil_pages(char *bitmap, const struct bad_page *bad)
{
	if (bad->prot < 0)
		must(munmap(bitmap + bad->first * PAGE, bad->n * PAGE));
	else
		must(mprotect(bitmap + bad->first * PAGE, bad->n * PAGE,
			      bad->prot));
}

/*
 * 7.3 clears the dirty bits of the hardware, and reports success, when it cannot
 * write the bitmap.
 */
TEST_F(dirty, no_bit_is_lost)
{
	static const struct bad_page bad[] = {
		{ 0, 1, -1 }, { 0, 1, PROT_READ }, { 0, 1, PROT_NONE },
		{ 1, 1, -1 }, { 1, 1, PROT_READ }, { 1, 1, PROT_NONE },
		{ 1, 2, -1 }, { 0, 3, -1 },
	};
	__u32 flags;
	char *bitmap;
	int i;

	MAP_ALL();
	for (i = 0; i < 2 * N(bad); i++) {
		flags = i % 2 ? NO_CLEAR : 0;
		bitmap = must_ptr(mem_base(3 * PAGE));
		memset(bitmap, 0, 3 * PAGE);
		spoil_pages(bitmap, &bad[i / 2]);
		WRITE_ALL();
		/* The first 64 bits are in the first page. */
		EXPECT_EQ(-EFAULT, READ_BITS(flags, IOVA, SIZE, PAGE,
					     bitmap + PAGE - 8));
		EXPECT_EQ(-EFAULT, READ_BITS(flags, IOVA, SIZE, PAGE,
					     bitmap + PAGE - 8));
		EXPECT_EQ(PAGES, take_bits(self->fd, self->hwpt));
		EXPECT_EQ(0, take_bits(self->fd, self->hwpt));
	}
	/* An area whose bits are all in good pages can be read. */
	bitmap = must_ptr(mem_base(2 * PAGE));
	munmap(bitmap + PAGE, PAGE);
	WRITE_ALL();
	EXPECT_EQ(0, READ_BITS(0, IOVA, 64 * PAGE, PAGE, bitmap + PAGE - 8));
	EXPECT_EQ(64, count_bits(bitmap, PAGE));
	EXPECT_EQ(PAGES - 64, take_bits(self->fd, self->hwpt));
}

/* The memory of a bitmap may be of any kind that can be written. */
TEST_F(dirty, kinds_of_bitmaps)
{
	int file = must(mem_file(HUGE, 0));
	void *const good[] = { mem_thp(HUGE), mem_hugetlb(HUGE),
			       mem_of_file(file, HUGE), mem_base(HUGE) };
	void *read_only = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	void *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			     file, 0);
	int i;

	MAP_ALL();
	for (i = 0; i < N(good); i++) {
		if (good[i] == MAP_FAILED)
			continue;
		WRITE_ALL();
		EXPECT_EQ(0, READ_BITS(0, IOVA, SIZE, PAGE, good[i]));
		EXPECT_EQ(PAGES, count_bits(good[i], HUGE));
	}
	WRITE_ALL();
	EXPECT_EQ(-EFAULT, READ_BITS(0, IOVA, SIZE, PAGE, read_only));
	memset(must_ptr(mem_of_file(file, PAGE)), 0, PAGE);
	EXPECT_EQ(0, READ_BITS(0, IOVA, SIZE, PAGE, private));
	EXPECT_EQ(PAGES, count_bits(private, PAGE));
	EXPECT_EQ(0, count_bits(read_only, PAGE));
	close(file);
}

/* At the ends of what can be asked for, with nothing mapped there */
TEST_F(dirty, far_ranges)
{
	static const struct {
		__u64 iova;
		__u64 length;
		__u64 page_size;
	} cases[] = {
		{ 0, 1ULL << 63, 1ULL << 63 },
		{ 1ULL << 63, 1ULL << 63, 1ULL << 63 },
		{ 1ULL << 63, 1ULL << 63, 1ULL << 56 },
		{ -PAGE, PAGE, PAGE },
		{ -SIZE, SIZE, PAGE },
		{ 0, -PAGE, PAGE },
	};
	__u8 bits[64] = {};
	int i;

	for (i = 0; i < N(cases); i++)
		EXPECT_EQ(0, READ_BITS(0, cases[i].iova, cases[i].length,
				       cases[i].page_size, bits));
	EXPECT_EQ(0, count_bits(bits, sizeof(bits)));
	/* All in one bit; no page of the bitmap but the first is there. */
	MAP_ALL();
	WRITE_ALL();
	EXPECT_EQ(0, READ_BITS(0, 0, 1ULL << 63, 1ULL << 63, bits));
	EXPECT_EQ(1, count_bits(bits, sizeof(bits)));
}

static __u32 alloc_huge(int fd, struct ioas ioas, __u32 device)
{
	__u32 hwpt = must(mock_hwpt_huge(ioas, device));

	must(hwpt_track_dirty(fd, hwpt, true));
	return hwpt;
}

static int resident(void *mem, size_t size)
{
	size_t i, pages = size / PAGE;
	unsigned char *vec = must_ptr(malloc(pages));
	int n = 0;

	must(mincore(mem, size, vec));
	for (i = 0; i < pages; i++)
		n += vec[i] & 1;
	free(vec);
	return n;
}

/* The least time that reading takes of a few times, with all pages dirty before */
static long time_to_read(int fd, const struct iommu_hwpt_get_dirty_bitmap *cmd,
			 const __u64 *where, int n)
{
	struct iommu_hwpt_get_dirty_bitmap copy = *cmd;
	long start, least = -1;
	int i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < n; i++)
			must(mock_write_page(fd, cmd->hwpt_id,
					     where[i] + 3 * PAGE, PAGE));
		start = clock_ms();
		must(run_get_dirty_bitmap(fd, &copy));
		start = clock_ms() - start;
		if (!round || start < least)
			least = start;
	}
	return least;
}

/* What it costs is what is mapped, not what is asked for: time, and memory. */
TEST_F(dirty, sparse)
{
	/* The page table ends at 256 GiB. */
	static const __u64 far[] = { 0, GIB, 17 * GIB + 5 * PAGE,
				     128 * GIB - PAGE, 255 * GIB };
	static const __u64 near[] = { 64 * GIB, 64 * GIB + 10 * PAGE,
				      64 * GIB + 30 * PAGE };
	const size_t bitmap_size = TIB / PAGE / 8;
	struct ioas ioas = must_ioas(self->fd);
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.hwpt_id = alloc_huge(self->fd, ioas, self->dev.idev),
		.page_size = PAGE,
	};
	char *bitmap = must_ptr(mmap(NULL, bitmap_size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				     -1, 0));
	long near_time, far_time;
	int i;

	must(madvise(bitmap, bitmap_size, MADV_NOHUGEPAGE));
	cmd.data = addr(bitmap);
	for (i = 0; i < N(near); i++)
		must(ioas_map_at(range_of(ioas, near[i], 4 * PAGE),
				 self->mem + i * 4 * PAGE, MAP_RW));
	cmd.iova = near[0];
	cmd.length = 64 * PAGE;
	near_time = time_to_read(self->fd, &cmd, near, N(near));
	must(ioas_unmap_all(ioas, NULL));
	must(madvise(bitmap, bitmap_size, MADV_DONTNEED));

	for (i = 0; i < N(far); i++)
		must(ioas_map_at(range_of(ioas, far[i], 4 * PAGE),
				 self->mem + i * 4 * PAGE, MAP_RW));
	cmd.iova = 0;
	cmd.length = TIB;
	far_time = time_to_read(self->fd, &cmd, far, N(far));
	/* It would be some million times as long if each page were looked at. */
	EXPECT_GT(20 * near_time + 200, far_time);
	/* The bits of one area are in two pages. */
	EXPECT_EQ(N(far) + 1, resident(bitmap, bitmap_size));
	for (i = 0; i < N(far); i++)
		EXPECT_TRUE(test_bit(bitmap, far[i] / PAGE + 3));
	EXPECT_EQ(N(far), count_bits(bitmap, 32) +
			  count_bits(bitmap + GIB / PAGE / 8, PAGE) +
			  count_bits(bitmap + 17 * GIB / PAGE / 8, PAGE) +
			  count_bits(bitmap + 128 * GIB / PAGE / 8 - 8, 16) +
			  count_bits(bitmap + 255 * GIB / PAGE / 8, 16));
	munmap(bitmap, bitmap_size);
}

/* Entries of 1 MiB, of which only a part is asked for */
TEST_F(dirty, large_entries)
{
	static const struct {
		int first;	/* pages from the start */
		int n;
		int dirty;	/* bits */
	} looks[] = {
		{ 0, 256, 256 }, { 256, 256, 0 }, { 512, 256, 256 },
		{ 0, 1024, 512 }, { 255, 2, 1 }, { 511, 2, 1 }, { 8, 3, 3 },
		{ 256, 1, 0 }, { 700, 1, 1 }, { 767, 1, 1 }, { 768, 256, 0 },
		{ 200, 400, 56 + 88 }, { 0, 1, 1 }, { 100, 800, 156 + 256 },
	};
	char *mem = mem_hugetlb(2 * HUGE);
	struct ioas ioas = must_ioas(self->fd);
	__u8 bits[128 + 2 * 8];
	__u32 hwpt;
	int i;

	if (mem == MAP_FAILED)
		SKIP(return, "no hugetlb pages");
	hwpt = alloc_huge(self->fd, ioas, self->dev.idev);
	must(ioas_map_at(range_of(ioas, IOVA, 2 * HUGE), mem, MAP_RW));
	must(mock_write_page(self->fd, hwpt, IOVA + 77 * PAGE, PAGE));
	must(mock_write_page(self->fd, hwpt, IOVA + 767 * PAGE, PAGE));
	for (i = 0; i < N(looks); i++) {
		memset(bits, 0, sizeof(bits));
		EXPECT_EQ(0, GET_DIRTY_BITMAP(self->fd, .hwpt_id = hwpt,
					      .flags = NO_CLEAR,
					      .iova = IOVA + looks[i].first * PAGE,
					      .length = looks[i].n * PAGE,
					      .page_size = PAGE,
					      .data = addr(bits + 8)));
		EXPECT_EQ(looks[i].dirty,
			  count_bits(bits + 8, (looks[i].n + 7) / 8))
			TH_LOG("look %d", i);
		EXPECT_EQ(looks[i].dirty, count_bits(bits, sizeof(bits)));
	}
	/* An entry is clean or not, as a whole. */
	memset(bits, 0, sizeof(bits));
	EXPECT_EQ(0, GET_DIRTY_BITMAP(self->fd, .hwpt_id = hwpt,
				      .iova = IOVA + 767 * PAGE,
				      .length = 2 * PAGE, .page_size = PAGE,
				      .data = addr(bits)));
	EXPECT_EQ(1, bits[0]);
	EXPECT_EQ(0, GET_DIRTY_BITMAP(self->fd, .hwpt_id = hwpt, .iova = IOVA,
				      .length = 2 * HUGE, .page_size = PAGE,
				      .data = addr(bits + 8)));
	EXPECT_EQ(256, count_bits(bits + 8, 128));
}

/*
 * Half of an area is cut off. Who reads asks for that half, with a bit for each byte, so
 * that the bitmap is not pinned before all else.
 */
#define CUT_MS	2000
#define CUT	(8 * PAGE)
#define CUT_IOVA (IOVA + CUT)
#define READERS	3

struct cutting {
	struct ioas ioas;
	__u32 hwpt;
	char *mem;
};

static void cut(struct racer *racer)
{
	struct cutting *c = racer->data;
	__u64 bytes = 0;

	racer_allows(racer, ioas_map_at(range_of(c->ioas, IOVA, 2 * CUT),
					c->mem, MAP_RW), 0, 0);
	racer_allows(racer, container_unmap(c->ioas.fd, CUT_IOVA, CUT, &bytes),
		     0, 0);
	if (bytes != CUT)
		racer->bad = -ERANGE;
	racer_allows(racer, ioas_unmap_all(c->ioas, NULL), 0, 0);
}

static void read_cut(struct racer *racer)
{
	struct cutting *c = racer->data;
	__u8 bits[CUT / 8];

	racer_allows(racer, GET_DIRTY_BITMAP(c->ioas.fd, .hwpt_id = c->hwpt,
					     .iova = CUT_IOVA, .length = CUT,
					     .page_size = 1, .data = addr(bits)),
		     0, 0);
}

/* A container of version 1 on /dev/iommu cuts mappings. */
TEST_F(dirty, cut_meanwhile)
{
	struct cutting c = { self->ioas, self->hwpt, self->mem };
	struct racer racers[1 + READERS];
	int i;

	must(iommufd_vfio_ioas(self->fd, IOMMU_VFIO_IOAS_SET, self->ioas.id));
	must(container_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	for (i = 0; i <= READERS; i++)
		racers[i] = (struct racer){ .step = i ? read_cut : cut,
					    .data = &c };
	EXPECT_EQ(0, racers_run(racers, 1 + READERS, CUT_MS));
	TH_LOG("%lu cuts, %lu reads", racers[0].steps, racers[1].steps);
}

/* On VT-d */
TEST(vtd)
{
	struct iommu_hw_info info = {};
	__u8 bits[2] = {};
	struct context c;
	__u32 hwpt;
	char *mem;

	if (context_open(&c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	info.dev_id = c.edu[0].id;
	must(run_get_hw_info(c.fd, &info));
	if (!(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING)) {
		context_close(&c);
		SKIP(return, "this VT-d has no dirty tracking (ECAP.SLADS)");
	}
	mem = must_ptr(mem_base(16 * PAGE));
	must(ioas_map_at(range_of(c.ioas, IOVA, 16 * PAGE), mem, MAP_RW));
	hwpt = must(hwpt_alloc(c.ioas, c.edu[0].id, TRACK));
	must(vfio_attach(c.edu[0].fd, hwpt));
	must(hwpt_track_dirty(c.fd, hwpt, true));
	must(edu_from_memory(&c.edu[0], IOVA + PAGE, 0, 16));
	must(edu_to_memory(&c.edu[0], IOVA + 9 * PAGE, 0, 16));
	EXPECT_EQ(0, GET_DIRTY_BITMAP(c.fd, .hwpt_id = hwpt, .iova = IOVA,
				      .length = 16 * PAGE, .page_size = PAGE,
				      .data = addr(bits)));
	EXPECT_EQ(0, bits[0]);
	EXPECT_EQ(2, bits[1]);
	context_close(&c);
	EXPECT_SETTLED(c.pinned);
}

TEST_HARNESS_MAIN
