// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware queues: memory of a guest that stays where it is for as long as hardware
 * works on it; here that of the mock, which has two queues.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "lib/bad_input.h"
#include "lib/guest.h"
#include "test.h"

#define N(_array) ((int)ARRAY_SIZE(_array))
#define TYPE	IOMMU_HW_QUEUE_TYPE_SELFTEST

/* Where the memory of queues is, and what queues cannot use */
#define IOVA		MOCK_APERTURE_START
#define PAGES		4
#define WRITE_ONLY	(IOVA + MIB)
#define SCATTERED	(IOVA + 2 * MIB)	/* one page, twice */
#define HOLE		(IOVA + 3 * MIB)	/* a page, none, a page */
#define DMABUF		(IOVA + 4 * MIB)
#define CONTIGUOUS	(IOVA + 8 * MIB)	/* a huge page, if there are any */

FIXTURE(hw_queue)
{
	struct guest g;
	char *mem;
	bool huge;
	int pinned;
};

#define MAP_AT(_iova, _length, _va, _flags)				\
	must(ioas_map_at(range_of(self->g.ioas, _iova, _length), _va, _flags))

FIXTURE_SETUP(hw_queue)
{
	int fd = must(iommufd_open()), dmabuf;
	char *huge = mem_hugetlb(HUGE);

	self->g.fd = -1;
	self->pinned = pins_since(0);
	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	close(fd);
	guest_open(&self->g);
	self->mem = must_ptr(mem_base(PAGES * PAGE));
	MAP_AT(IOVA, PAGES * PAGE, self->mem, MAP_R);
	MAP_AT(WRITE_ONLY, PAGE, self->mem, MAP_W);
	MAP_AT(SCATTERED, PAGE, self->mem, MAP_RW);
	MAP_AT(SCATTERED + PAGE, PAGE, self->mem, MAP_RW);
	MAP_AT(HOLE, PAGE, self->mem, MAP_RW);
	MAP_AT(HOLE + 2 * PAGE, PAGE, self->mem + PAGE, MAP_RW);
	dmabuf = must(MOCK_OP(self->g.fd, DMABUF_GET,
			      .dmabuf_get = { PAGE, O_CLOEXEC }));
	must(ioas_map_file_at(range_of(self->g.ioas, DMABUF, PAGE), dmabuf, 0,
			      MAP_RW));
	close(dmabuf);
	self->huge = huge != MAP_FAILED;
	if (!self->huge)
		return;
	/* In two mappings that follow each other in memory, too */
	MAP_AT(CONTIGUOUS, HUGE / 2, huge, MAP_RW);
	MAP_AT(CONTIGUOUS + HUGE / 2, HUGE / 2, huge + HUGE / 2, MAP_RW);
}

FIXTURE_TEARDOWN(hw_queue)
{
	guest_close(&self->g);
	EXPECT_SETTLED(self->pinned);
}

static int new_queue(const struct guest *g, __u32 index, __u64 iova,
		     __u64 length)
{
	return HW_QUEUE_ALLOC(g->fd, .viommu_id = g->viommu, .type = TYPE,
			      .index = index, .nesting_parent_iova = iova,
			      .length = length);
}

#define UNMAP(_iova, _length) ioas_unmap(self->g.ioas, _iova, _length, NULL)

TEST_F(hw_queue, errors)
{
	const struct iommu_hw_queue_alloc good = {
		.size = sizeof(good),
		.viommu_id = self->g.viommu,
		.type = TYPE,
		.nesting_parent_iova = IOVA + PAGE,
		.length = PAGE,
	};
	const struct good_call call =
		GOOD_CALL(self->g.fd, IOMMU_HW_QUEUE_ALLOC, good);
#define QUEUE(_stage, _member, _value, _error)				\
	BAD_AT(_stage, iommu_hw_queue_alloc, _member, _value, _error)
	const struct bad_input cases[] = {
		QUEUE(1, flags, 1, EOPNOTSUPP),
		QUEUE(1, flags, 1U << 31, EOPNOTSUPP),
		QUEUE(1, type, IOMMU_HW_QUEUE_TYPE_DEFAULT, EOPNOTSUPP),
		QUEUE(2, length, 0, EINVAL),
		QUEUE(3, nesting_parent_iova, -1, EOVERFLOW),
		QUEUE(4, viommu_id, 0, ENOENT),
		QUEUE(4, viommu_id, NO_ID, ENOENT),
		QUEUE(4, viommu_id, self->g.parent, ENOENT),
		QUEUE(5, type, IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, EOPNOTSUPP),
		QUEUE(5, type, -1, EOPNOTSUPP),
		QUEUE(6, nesting_parent_iova, -PAGE, ERANGE),
		QUEUE(7, nesting_parent_iova, 0, ENOENT),
		QUEUE(8, nesting_parent_iova, WRITE_ONLY, EPERM),
		QUEUE(8, nesting_parent_iova, DMABUF, EINVAL),
		QUEUE(9, nesting_parent_iova, SCATTERED + 1, EFAULT),
		QUEUE(10, index, 1, EIO),
		QUEUE(10, index, IOMMU_TEST_HW_QUEUE_MAX, EINVAL),
		QUEUE(10, index, -1, EINVAL),
	};
	/* What is wrong only with the other one of the two */
	const struct bad_input ranges[] = {
		QUEUE(0, length, -1, EOVERFLOW),
		QUEUE(0, length, -IOVA - PAGE + 1, EOVERFLOW),
		QUEUE(0, nesting_parent_iova, -PAGE + 1, EOVERFLOW),
		QUEUE(0, length, -IOVA - PAGE, ERANGE),
		QUEUE(0, nesting_parent_iova, IOVA - 1, ENOENT),
		QUEUE(0, nesting_parent_iova, IOVA + PAGES * PAGE, ENOENT),
		QUEUE(0, nesting_parent_iova, IOVA + PAGES * PAGE - 1, ENOENT),
		QUEUE(0, nesting_parent_iova, HOLE + 1, ENOENT),
		QUEUE(0, length, (PAGES - 1) * PAGE + 1, ENOENT),
	};
	__u64 unmapped;

	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, bad_inputs(&call, ranges, N(ranges)));
	EXPECT_EQ(0, bad_memory(&call));
	/* None of them holds on to memory. */
	EXPECT_EQ(0, ioas_unmap_all(self->g.ioas, &unmapped));
	EXPECT_LT(PAGES * PAGE, unmapped);
	EXPECT_EQ(0, pins_since(self->pinned));
}

/* What is mapped has to be whole pages from now on; and was before. */
TEST_F(hw_queue, alignment)
{
	static const struct {
		__u64 iova;
		int from;
		__u64 length;
	} cases[] = {
		{ 2 * IOVA + 2048, 0, PAGE },
		{ 2 * IOVA, 2048, PAGE },
		{ 2 * IOVA, 0, 2048 },
	};
	int i, id;

	for (i = 0; i < N(cases); i++) {
		EXPECT_EQ(MOCK_PAGE_SIZE, ioas_alignment(self->g.ioas));
		MAP_AT(cases[i].iova, cases[i].length,
		       self->mem + cases[i].from, MAP_RW);
		EXPECT_EQ(-EADDRINUSE, new_queue(&self->g, 0, IOVA, PAGE));
		must(UNMAP(cases[i].iova, cases[i].length));
		id = must(new_queue(&self->g, 0, IOVA, PAGE));
		EXPECT_EQ(PAGE, ioas_alignment(self->g.ioas));
		EXPECT_EQ(-EINVAL,
			  ioas_map_at(range_of(self->g.ioas, cases[i].iova,
					       cases[i].length),
				      self->mem + cases[i].from, MAP_RW));
		EXPECT_EQ(0, iommufd_destroy(self->g.fd, id));
	}
}

/* Any bytes; the pages that they are in cannot be unmapped, others can. */
TEST_F(hw_queue, locks)
{
	static const struct {
		int first;
		int n;
	} bytes[] = { { 0, 1 }, { PAGE - 1, 1 }, { 5, 100 }, { 0, PAGE },
		      { 2048, 2048 } };
	const __u64 all = PAGES * PAGE;
	__u64 unmapped;
	int i, id;

	for (i = 0; i < N(bytes); i++) {
		id = must(new_queue(&self->g, 0, IOVA + PAGE + bytes[i].first,
				    bytes[i].n));
		EXPECT_EQ(-EBUSY, UNMAP(IOVA, all));
		EXPECT_EQ(-EBUSY, UNMAP(IOVA - MIB, 2 * MIB));
		/* Unmapping all does, or does nothing. */
		EXPECT_EQ(-EBUSY, ioas_unmap_all(self->g.ioas, NULL));
		EXPECT_EQ(-EEXIST,
			  ioas_map_at(range_of(self->g.ioas, HOLE, PAGE),
				      self->mem, MAP_RW));
		EXPECT_EQ(-EEXIST,
			  ioas_map_at(range_of(self->g.ioas, SCATTERED, PAGE),
				      self->mem, MAP_RW));
		EXPECT_EQ(0, UNMAP(WRITE_ONLY, PAGE));
		MAP_AT(WRITE_ONLY, PAGE, self->mem, MAP_W);
		EXPECT_EQ(0, MOCK_OP(self->g.fd, MD_CHECK_MAP,
				     .id = self->g.parent,
				     .check_map = { IOVA, all,
						    addr(self->mem) }));
		EXPECT_EQ(0, iommufd_destroy(self->g.fd, id));
		EXPECT_EQ(0, UNMAP(IOVA, all));
		MAP_AT(IOVA, all, self->mem, MAP_R);
	}
	/* Twice the same page */
	id = must(new_queue(&self->g, 0, IOVA, PAGE));
	must(new_queue(&self->g, 1, IOVA, 8));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->g.fd, id));
	EXPECT_EQ(-EBUSY, ioas_unmap(self->g.ioas, IOVA, all, &unmapped));
}

/* More than a page: if it is in one piece, and in however many mappings */
TEST_F(hw_queue, contiguous)
{
	static const struct {
		__u64 first;
		__u64 n;
	} bytes[] = { { 0, HUGE }, { PAGE + 1, 3 * PAGE }, { HUGE / 2 - 1, 2 },
		      { HUGE / 2 - PAGE, 2 * PAGE }, { HUGE - PAGE, PAGE } };
	int i, id;

	if (!self->huge)
		SKIP(return, "no hugetlb pages");
	for (i = 0; i < N(bytes); i++) {
		id = must(new_queue(&self->g, 0, CONTIGUOUS + bytes[i].first,
				    bytes[i].n));
		EXPECT_EQ(-EBUSY, UNMAP(CONTIGUOUS, HUGE));
		EXPECT_EQ(0, iommufd_destroy(self->g.fd, id));
	}
	EXPECT_EQ(-ENOENT, new_queue(&self->g, 0, CONTIGUOUS, HUGE + 1));
	EXPECT_EQ(-ENOENT, new_queue(&self->g, 0, CONTIGUOUS - 1, HUGE));
	EXPECT_EQ(0, UNMAP(CONTIGUOUS, HUGE));
}

/* The mock has two queues, of which the second one needs the first. */
TEST_F(hw_queue, order)
{
	int first, second;

	EXPECT_EQ(-EIO, new_queue(&self->g, 1, IOVA, PAGE));
	first = must(new_queue(&self->g, 0, IOVA, PAGE));
	EXPECT_EQ(-EEXIST, new_queue(&self->g, 0, IOVA + PAGE, PAGE));
	second = must(new_queue(&self->g, 1, IOVA + 2 * PAGE, PAGE));
	EXPECT_EQ(-EEXIST, new_queue(&self->g, 1, IOVA, PAGE));
	EXPECT_EQ(-EINVAL, new_queue(&self->g, 2, IOVA, PAGE));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->g.fd, first));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->g.fd, self->g.viommu));
	EXPECT_EQ(0, iommufd_destroy(self->g.fd, second));
	EXPECT_EQ(0, iommufd_destroy(self->g.fd, first));
	EXPECT_EQ(-EIO, new_queue(&self->g, 1, IOVA, PAGE));
	EXPECT_EQ(0, iommufd_destroy(self->g.fd, self->g.viommu));
}

/* The context is closed with queues that depend on each other. */
TEST_F(hw_queue, close)
{
	must(new_queue(&self->g, 0, IOVA, PAGE));
	must(new_queue(&self->g, 1, IOVA + PAGE, 2048));
	guest_close(&self->g);
	EXPECT_EQ(0, pins_since(self->pinned));
}

/* The memory of a queue counts as pinned for its owner, once. */
TEST_F(hw_queue, pins)
{
	int before = pins_since(self->pinned), id;

	EXPECT_LT(0, before);
	id = must(new_queue(&self->g, 0, IOVA, PAGE));
	EXPECT_EQ(before, pins_since(self->pinned));
	must(mock_replace(self->g.fd, &self->g.dev, self->g.parent));
	EXPECT_EQ(0, iommufd_destroy(self->g.fd, id));
	EXPECT_EQ(before, pins_since(self->pinned));
}

TEST_HARNESS_MAIN
