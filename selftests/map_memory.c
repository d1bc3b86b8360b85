// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_MAP with a device attached: what its IOMMU asks for, and the memory
 * that is pinned.
 */
#include <time.h>

#include "lib/mockmem.h"
#include "test.h"

#define FIXED	IOMMU_IOAS_MAP_FIXED_IOVA
#define IOVA	(16 * MIB)
#define TAKEN	(32 * MIB)	/* 4 pages are mapped there */
#define SIZE	(4 * PAGE)
#define MSI	0xfee00000UL	/* x86: writes here are interrupts */
#define TOP	(-PAGE)

FIXTURE(memory)
{
	struct context c;
	char *mem;
};

FIXTURE_SETUP(memory)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	self->mem = must_ptr(mem_base(MIB));
	must(ioas_map_at(range_of(self->c.ioas, TAKEN, SIZE), self->mem,
			 MAP_RW));
}

FIXTURE_TEARDOWN(memory)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* In the order of the checks. Memory from 64 pages on is not there. */
static const struct {
	const char *name;
	__u32 flags;
	size_t at;
	__u64 length;
	__u64 iova;
	int error;
} errors[] = {
	{ "odd length", FIXED | MAP_RW, 1, 100, TAKEN + 1, EINVAL },
	{ "odd length, picked", MAP_RW, 64 * PAGE, PAGE + 1, 0, EINVAL },
	{ "odd IOVA", FIXED | MAP_RW, 0, PAGE, TAKEN + 1, EINVAL },
	{ "odd IOVA that wraps", FIXED | MAP_RW, 0, 2 * PAGE, TOP + 1, EINVAL },
	{ "wraps", FIXED | MAP_RW, 1, 2 * PAGE, TOP, EOVERFLOW },
	{ "interrupts", FIXED | MAP_RW, 0, PAGE, MSI, EINVAL },
	{ "into the interrupts", FIXED | MAP_RW, 0, 2 * PAGE, MSI - PAGE,
	  EINVAL },
	{ "taken and interrupts", FIXED | MAP_RW, 0, MSI + PAGE - TAKEN, TAKEN,
	  EINVAL },
	{ "out of reach", FIXED | MAP_RW, 0, PAGE, 1ULL << 60, EINVAL },
	{ "end of the space", FIXED | MAP_RW, 0, PAGE, TOP, EINVAL },
	{ "taken", FIXED | MAP_RW, 1, PAGE, TAKEN, EEXIST },
	{ "odd address", FIXED | MAP_RW, 64 * PAGE + 1, PAGE, IOVA, EINVAL },
	{ "odd address, picked", MAP_RW, 1, PAGE, 0, EINVAL },
	{ "no memory", FIXED | MAP_R, 64 * PAGE, PAGE, IOVA, EFAULT },
	{ "no memory, picked", MAP_R, 64 * PAGE, PAGE, 0, EFAULT },
	{ "no memory at the end", FIXED | MAP_RW, 60 * PAGE, 5 * PAGE, IOVA,
	  EFAULT },
	{ "no memory at the start", FIXED | MAP_RW, 127 * PAGE, 2 * PAGE, IOVA,
	  EFAULT },
	{ "no memory in the middle", FIXED | MAP_RW, 0, 256 * PAGE, IOVA,
	  EFAULT },
};

TEST_F(memory, errors)
{
	struct iommu_ioas_map cmd;
	int i;

	ASSERT_EQ(0, munmap(self->mem + 64 * PAGE, 64 * PAGE));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		cmd = (struct iommu_ioas_map){
			.size = sizeof(cmd),
			.flags = errors[i].flags,
			.ioas_id = self->c.ioas.id,
			.user_va = addr(self->mem) + errors[i].at,
			.length = errors[i].length,
			.iova = errors[i].iova,
		};
		EXPECT_EQ(-errors[i].error,
			  iommufd_ioctl(self->c.fd, IOMMU_IOAS_MAP, &cmd))
			TH_LOG("%s", errors[i].name);
		EXPECT_EQ(4, pins_since(self->c.pinned))
			TH_LOG("%s", errors[i].name);
	}
}

/* Addresses that are not the caller's memory */
TEST_F(memory, foreign_addresses)
{
	static const __u64 where[] = {
		0, PAGE, 1ULL << 46, 1ULL << 47, 1ULL << 56, 1ULL << 62,
		0xffff888000000000, 0xffffffff81000000, TOP - PAGE,
	};
	struct iova_range at = range_of(self->c.ioas, IOVA, PAGE);
	int i;

	for (i = 0; i < ARRAY_SIZE(where); i++) {
		EXPECT_EQ(-EFAULT, ioas_map_at(at, (void *)where[i], MAP_R))
			TH_LOG("%llx", where[i]);
		EXPECT_EQ(-EFAULT, ioas_map_at(at, (void *)where[i], MAP_RW))
			TH_LOG("%llx", where[i]);
	}
	EXPECT_EQ(4, pins_since(self->c.pinned));
}

/* The device gets no access that the process has not. */
TEST_F(memory, protection)
{
	static const struct {
		int prot;
		__u32 flags;
		int error;
	} rows[] = {
		{ PROT_NONE, MAP_R, EFAULT },
		{ PROT_NONE, MAP_W, EFAULT },
		{ PROT_READ, MAP_R, 0 },
		{ PROT_READ, MAP_W, EFAULT },
		{ PROT_READ, MAP_RW, EFAULT },
		{ PROT_READ | PROT_WRITE, MAP_R, 0 },
		{ PROT_READ | PROT_WRITE, MAP_W, 0 },
		{ PROT_READ | PROT_WRITE, MAP_RW, 0 },
	};
	struct iova_range at = range_of(self->c.ioas, IOVA, SIZE);
	char *mem = self->mem + SIZE;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, mprotect(mem, SIZE, rows[i].prot));
		EXPECT_EQ(-rows[i].error, ioas_map_at(at, mem, rows[i].flags))
			TH_LOG("prot %x, flags %x", rows[i].prot,
			       rows[i].flags);
		if (rows[i].error)
			continue;
		EXPECT_EQ(8, pins_since(self->c.pinned));
		must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	}
	EXPECT_EQ(4, pins_since(self->c.pinned));
}

/* Each mapping pins its memory; a page that has two is pinned twice. */
TEST_F(memory, pins)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem + SIZE,
			 MAP_RW));
	EXPECT_EQ(8, pins_since(self->c.pinned));
	must(ioas_map_at(range_of(self->c.ioas, IOVA + SIZE, SIZE),
			 self->mem + SIZE, MAP_R));
	EXPECT_EQ(12, pins_since(self->c.pinned));
	must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(8, pins_since(self->c.pinned));
	must(ioas_unmap_all(self->c.ioas, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* A copy is the same pages, however many there are. */
TEST_F(memory, copies_do_not_pin)
{
	struct ioas other = must_ioas(self->c.fd);
	struct pci_address pair[2];
	struct edu edu;

	must(ioas_copy_at(self->c.ioas, IOVA, range_of(self->c.ioas, TAKEN, SIZE),
			  MAP_RW));
	EXPECT_EQ(4, pins_since(self->c.pinned));
	must(ioas_copy_at(other, IOVA, range_of(self->c.ioas, TAKEN + PAGE, PAGE),
			  MAP_RW));
	if (edu_find_pair(false, pair))
		SKIP(return, NEEDS_GROUPS);
	must(edu_open(&edu, &pair[1], self->c.fd));
	must(vfio_attach(edu.fd, other.id));
	EXPECT_EQ(4, pins_since(self->c.pinned));

	/* The last one to have a page lets it go. */
	must(ioas_unmap_all(self->c.ioas, NULL));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	must(vfio_detach(edu.fd));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	must(vfio_attach(edu.fd, other.id));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	must(ioas_unmap_all(other, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	edu_close(&edu);
}

/* Sizes at and around what kernels like to work in */
TEST_F(memory, sizes)
{
	static const size_t pages[] = {
		1, 2, 3, 255, 256, 511, 512, 513, 1023, 1025, 4096,
	};
	char *mem = must_ptr(mem_base(32 * MIB));
	int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		must(ioas_map_at(range_of(self->c.ioas, IOVA, pages[i] * PAGE),
				 mem + PAGE, MAP_RW));
		EXPECT_EQ(4 + pages[i], pins_since(self->c.pinned))
			TH_LOG("%zu pages", pages[i]);
		must(ioas_unmap(self->c.ioas, IOVA, pages[i] * PAGE, NULL));
	}
	EXPECT_EQ(4, pins_since(self->c.pinned));
}

TEST_F(memory, kinds)
{
	struct {
		const char *name;
		void *mem;
	} kinds[] = {
		{ "base pages", mem_base(2 * HUGE) },
		{ "transparent huge pages", mem_thp(2 * HUGE) },
		{ "hugetlb", mem_hugetlb(2 * HUGE) },
		{ "shared", mem_of_file(must(mem_file(2 * HUGE, 0)),
					2 * HUGE) },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].mem == MAP_FAILED) {
			TH_LOG("no %s here", kinds[i].name);
			continue;
		}
		must(ioas_map_at(range_of(self->c.ioas, IOVA, 2 * HUGE),
				 kinds[i].mem, MAP_RW));
		EXPECT_EQ(4 + 1024, pins_since(self->c.pinned))
			TH_LOG("%s", kinds[i].name);
		must(ioas_unmap(self->c.ioas, IOVA, 2 * HUGE, NULL));
		/* Parts of it, not from the start on */
		must(ioas_map_at(range_of(self->c.ioas, IOVA, HUGE),
				 kinds[i].mem + 100 * PAGE, MAP_R));
		EXPECT_EQ(4 + 512, pins_since(self->c.pinned))
			TH_LOG("%s", kinds[i].name);
		must(ioas_unmap(self->c.ioas, IOVA, HUGE, NULL));
	}
	EXPECT_EQ(4, pins_since(self->c.pinned));
}

/* What the IOMMU reserves can be neither allowed nor picked. */
TEST_F(memory, picked)
{
	struct iommu_iova_range around = { MSI - 2 * PAGE, MSI + 0x102000 - 1 };
	__u64 iova;

	EXPECT_EQ(PAGE, must_map(self->c.ioas, self->mem + SIZE, PAGE, MAP_RW));
	EXPECT_EQ(-EADDRINUSE, ioas_allow(self->c.ioas, &around, 1));
	around.last = MSI - 1;
	must(ioas_allow(self->c.ioas, &around, 1));
	EXPECT_EQ(MSI - 2 * PAGE,
		  must_map(self->c.ioas, self->mem, 2 * PAGE, MAP_RW));
	EXPECT_EQ(-ENOSPC, ioas_map(self->c.ioas, self->mem, PAGE, MAP_RW,
				    &iova));
}

/*
 * What fails at its first page takes no longer for all the others, at map and at
 * attach. The space of a process has room for it, but nothing is there.
 */
TEST_F(memory, nothing_there)
{
	const __u64 from = 1ULL << 40, length = 1ULL << 45, at = 1ULL << 32;
	struct iova_range range = range_of(self->c.ioas, at, length);
	struct ioas other = must_ioas(self->c.fd);
	struct timespec start, now;

	must(clock_gettime(CLOCK_MONOTONIC, &start));
	EXPECT_EQ(-EFAULT, ioas_map_at(range, (void *)from, MAP_RW));
	must(ioas_map_at(range_of(other, at, length), (void *)from, MAP_RW));
	EXPECT_EQ(-EFAULT, vfio_attach(self->c.edu[0].fd, other.id));
	must(ioas_unmap_all(other, NULL));
	must(clock_gettime(CLOCK_MONOTONIC, &now));
	EXPECT_GT(4, now.tv_sec - start.tv_sec);
	EXPECT_EQ(SIZE / PAGE, pins_since(self->c.pinned));
}

/*
 * The kernel remembers frames by the 2 MiB. Pins that share one of these pieces
 * come and go, in each order; what is left of them has the right pages.
 */
TEST(pins_share_pieces)
{
	/* Pages: one in the first piece, one in the last, and across all. */
	static const struct {
		int first, n;
	} pins[] = { { 7, 1 }, { 1530, 2 }, { 100, 1400 } };
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
		{ 2, 1, 0 },
	};
	const size_t size = 3 * HUGE;
	int fd = must(iommufd_open()), before = pins_since(0), access, i, k, n;
	struct ioas ioas = must_ioas(fd);
	struct iova_range range;
	char *mem;

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	mem = must_ptr(mem_base(size));
	/* Frames that do not follow each other */
	for (i = 0; i < 2; i++)
		for (k = i; k < (int)(size / PAGE); k += 2)
			mem[k * PAGE] = 1;
	must(ioas_map_at(range_of(ioas, HUGE, size), mem, MAP_RW));
	access = must(mock_access(ioas, true));
	for (i = 0; i < (int)ARRAY_SIZE(orders); i++) {
		int items[3], left = 0;

		for (k = 0; k < 3; k++) {
			range = range_of(ioas, HUGE + pins[k].first * PAGE,
					 pins[k].n * PAGE);
			items[k] = must(mock_pin(access, range,
						 mem + pins[k].first * PAGE));
			left += pins[k].n;
		}
		for (k = 0; k < 3; k++) {
			n = orders[i][k];
			EXPECT_EQ(left, pins_since(before));
			must(mock_unpin(fd, access, items[n]));
			left -= pins[n].n;
			/* What is pinned anew is compared. */
			range = range_of(ioas, HUGE, size);
			items[n] = must(mock_pin(access, range, mem));
			must(mock_unpin(fd, access, items[n]));
		}
	}
	close(access);
	close(fd);
	EXPECT_SETTLED(before);
	munmap(mem, size);
}

TEST_HARNESS_MAIN
