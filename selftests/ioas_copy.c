// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_COPY, without a device: what can be copied, and to where.
 */
#include <limits.h>
#include <sys/mman.h>

#include "lib/clock.h"
#include "lib/mockdev.h"
#include "test.h"

#define FIXED	IOMMU_IOAS_MAP_FIXED_IOVA
#define EACH	(4 * PAGE)
#define A	(0x10 * PAGE)	/* writable; B follows without a gap */
#define B	(0x14 * PAGE)	/* mapped without write access */
#define C	(0x20 * PAGE)	/* alone */
#define DST	(0x40 * PAGE)
#define TAKEN	(0x80 * PAGE)	/* what @dst holds at the start */
#define COPIES	(2 * MOCK_APERTURE_START)	/* a place for many */
#define MUCH	(1UL << 32)	/* a source of many */
#define FEW	1000
#define MANY	(16UL * FEW)

FIXTURE(copy)
{
	int fd;
	int pinned;
	struct ioas src;
	struct ioas dst;
	void *mem;
};

FIXTURE_SETUP(copy)
{
	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
	self->src = must_ioas(self->fd);
	self->dst = must_ioas(self->fd);
	self->mem = must_ptr(mem_base(3 * EACH));
	must(ioas_map_at(range_of(self->src, A, EACH), self->mem, MAP_RW));
	must(ioas_map_at(range_of(self->src, B, EACH), self->mem + EACH,
			 MAP_R));
	must(ioas_map_at(range_of(self->src, C, EACH), self->mem + 2 * EACH,
			 MAP_RW));
	must(ioas_map_at(range_of(self->dst, TAKEN, EACH), self->mem, MAP_RW));
}

FIXTURE_TEARDOWN(copy)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

#define NO_SRC 1
#define NO_DST 2

/* Of everything that is wrong with a call, the first line here counts. */
static const struct {
	const char *name;
	__u32 flags;
	int missing;
	__u64 length;
	__u64 dst;
	__u64 src;
	int error;
} errors[] = {
	{ "unknown flag", 8, NO_SRC, UINT64_MAX, UINT64_MAX, 0, EOPNOTSUPP },
	{ "length out of range", 0, NO_SRC, UINT64_MAX, DST, A, EOVERFLOW },
	{ "source out of range", 0, NO_SRC, EACH, DST, UINT64_MAX, EOVERFLOW },
	{ "target out of range", 0, NO_SRC, EACH, UINT64_MAX, A, EOVERFLOW },
	{ "target that is not used out of range", MAP_R, 0, EACH, UINT64_MAX,
	  A, EOVERFLOW },
	{ "no access", FIXED, NO_SRC, 0, DST, A, EINVAL },
	{ "no source IOAS", FIXED | MAP_R, NO_SRC | NO_DST, 0, DST, A, ENOENT },
	{ "no length", FIXED | MAP_R, NO_DST, 0, DST, A, EINVAL },
	{ "source wraps", FIXED | MAP_R, NO_DST, UINT64_MAX - 1, DST, A,
	  EOVERFLOW },
	{ "nothing there", FIXED | MAP_R, 0, EACH, DST, C + EACH, ENOENT },
	{ "starts before it", FIXED | MAP_R, 0, 2, DST, A - 1, ENOENT },
	{ "ends behind it", FIXED | MAP_R, 0, 2, DST, C + EACH - 1, ENOENT },
	{ "a gap in between", FIXED | MAP_R, 0, C + EACH - A, DST, A, ENOENT },
	{ "no target IOAS", FIXED | MAP_R, NO_DST, EACH, TAKEN, A, ENOENT },
	{ "target wraps", FIXED | MAP_R, 0, 2 * PAGE, -PAGE, A, EOVERFLOW },
	{ "taken", FIXED | MAP_R, 0, EACH, TAKEN, A, EEXIST },
	{ "last byte taken", FIXED | MAP_R, 0, PAGE, TAKEN - PAGE + 1, A,
	  EEXIST },
	{ "not writable, no target IOAS", FIXED | MAP_W, NO_DST, EACH, DST, B,
	  ENOENT },
	{ "not writable, taken", FIXED | MAP_W, 0, EACH, TAKEN, B, EEXIST },
	{ "not writable", FIXED | MAP_W, 0, EACH, DST, B, EPERM },
	{ "not writable to its end", FIXED | MAP_RW, 0, EACH + 1, DST, A,
	  EPERM },
	{ "not writable, picked", MAP_W, 0, EACH, 0, B, EPERM },
};

/* Both sides are as they were. */
static bool is_unchanged(struct ioas src, struct ioas dst, void *mem)
{
	__u64 bytes;

	if (ioas_unmap_all(dst, &bytes) || bytes != EACH)
		return false;
	must(ioas_map_at(range_of(dst, TAKEN, EACH), mem, MAP_RW));
	return !ioas_copy_at(dst, DST, range_of(src, A, 2 * EACH), MAP_R) &&
	       !ioas_copy_at(dst, C, range_of(src, C, EACH), MAP_RW) &&
	       !ioas_unmap(dst, DST, 2 * EACH, NULL) &&
	       !ioas_unmap(dst, C, EACH, NULL);
}

TEST_F(copy, errors)
{
	struct iommu_ioas_copy cmd;
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		cmd = (struct iommu_ioas_copy){
			.size = sizeof(cmd),
			.flags = errors[i].flags,
			.dst_ioas_id = errors[i].missing & NO_DST ?
				       NO_ID : self->dst.id,
			.src_ioas_id = errors[i].missing & NO_SRC ?
				       NO_ID : self->src.id,
			.length = errors[i].length,
			.dst_iova = errors[i].dst,
			.src_iova = errors[i].src,
		};
		EXPECT_EQ(-errors[i].error,
			  iommufd_ioctl(self->fd, IOMMU_IOAS_COPY, &cmd))
			TH_LOG("%s", errors[i].name);
		EXPECT_TRUE(is_unchanged(self->src, self->dst, self->mem))
			TH_LOG("%s", errors[i].name);
	}
}

/* Any bytes, over any number of mappings: each gives one of its own. */
static const struct {
	const char *name;
	__u32 flags;
	__u64 src;
	__u64 length;
	__u64 first;		/* bytes of the first mapping that results */
} parts[] = {
	{ "whole", MAP_RW, A, EACH, EACH },
	{ "without write access", MAP_R, B, EACH, EACH },
	{ "one page", MAP_RW, A + PAGE, PAGE, PAGE },
	{ "one byte", MAP_RW, C + 0x777, 1, 1 },
	{ "odd bytes", MAP_RW, A + 0x123, EACH - 0x345, EACH - 0x345 },
	{ "two mappings", MAP_R, A, 2 * EACH, EACH },
	{ "over a border", MAP_R, B - 5, 10, 5 },
	{ "tail and head", MAP_R, A + PAGE, EACH, EACH - PAGE },
};

TEST_F(copy, parts)
{
	__u64 bytes;
	int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		EXPECT_EQ(0, ioas_copy_at(self->dst, DST,
					  range_of(self->src, parts[i].src,
						   parts[i].length),
					  parts[i].flags))
			TH_LOG("%s", parts[i].name);
		bytes = 0;
		EXPECT_EQ(0, ioas_unmap(self->dst, DST, parts[i].first,
					&bytes))
			TH_LOG("%s", parts[i].name);
		EXPECT_EQ(parts[i].first, bytes)
			TH_LOG("%s", parts[i].name);
		must(ioas_unmap_all(self->dst, &bytes));
		EXPECT_EQ(EACH + parts[i].length - parts[i].first, bytes)
			TH_LOG("%s", parts[i].name);
		must(ioas_map_at(range_of(self->dst, TAKEN, EACH), self->mem,
				 MAP_RW));
	}
}

TEST_F(copy, same_ioas)
{
	__u64 bytes;

	EXPECT_EQ(-EEXIST, ioas_copy_at(self->src, A,
					range_of(self->src, A, EACH), MAP_RW));
	EXPECT_EQ(0, ioas_copy_at(self->src, DST,
				  range_of(self->src, A, EACH), MAP_RW));
	EXPECT_EQ(0, ioas_unmap(self->src, A, EACH, NULL));
	/* The copy is as good a source as what it came from. */
	EXPECT_EQ(0, ioas_copy_at(self->dst, DST,
				  range_of(self->src, DST, EACH), MAP_RW));
	must(ioas_unmap_all(self->src, &bytes));
	EXPECT_EQ(3 * EACH, bytes);
}

/* The right to write comes from the memory, not from the mapping copied. */
TEST_F(copy, access_of_a_copy)
{
	EXPECT_EQ(0, ioas_copy_at(self->dst, DST,
				  range_of(self->src, A, EACH), MAP_R));
	EXPECT_EQ(0, ioas_copy_at(self->src, DST,
				  range_of(self->dst, DST, EACH), MAP_W));
	EXPECT_EQ(0, ioas_copy_at(self->dst, C,
				  range_of(self->src, B, EACH), MAP_R));
	EXPECT_EQ(-EPERM, ioas_copy_at(self->src, 3 * DST,
				       range_of(self->dst, C, EACH), MAP_W));
}

/*
 * How long it takes to unmap @n copies that a device can use, in us: of pages that are
 * @stride apart. The best of three, as the machine may have other things to do.
 */
static long unmap_copies(struct ioas src, struct ioas dst, int n, int stride)
{
	long begun, took, least = LONG_MAX;
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < n; i++)
			must(ioas_copy_at(dst, COPIES + i * PAGE,
					  range_of(src, MUCH + i * stride, PAGE),
					  MAP_RW));
		begun = clock_us();
		must(ioas_unmap(dst, COPIES, n * PAGE, NULL));
		took = clock_us() - begun;
		if (took < least)
			least = took;
	}
	return least;
}

/* Each copy costs the same, however many there are of one page, or side by side. */
TEST_F(copy, many)
{
	char *mem = must_ptr(mem_base(MANY * PAGE));
	const int strides[] = { 0, PAGE };
	struct mock mock;
	long few, many;
	size_t i;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(ioas_map_at(range_of(self->src, MUCH, MANY * PAGE), mem, MAP_RW));
	must(ioas_unmap_all(self->dst, NULL));
	must(mock_new(self->fd, self->dst.id, 0, &mock));
	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		few = unmap_copies(self->src, self->dst, FEW, strides[i]);
		many = unmap_copies(self->src, self->dst, MANY, strides[i]);
		/* It is 16. If each had to look at all others it would be 256. */
		EXPECT_GT(16 * 4, many / few)
			TH_LOG("a stride of %d bytes: %d copies %ld us, %ld copies %ld us",
			       strides[i], FEW, few, MANY, many);
	}
	munmap(mem, MANY * PAGE);
}

TEST_F(copy, picked)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = MAP_RW,
		.dst_ioas_id = self->dst.id,
		.src_ioas_id = self->src.id,
		.length = EACH,
		.dst_iova = 77,
		.src_iova = A,
	};
	struct iommu_iova_range range = { 0x1000000, 0x1000000 + EACH - 1 };

	must(ioas_allow(self->dst, &range, 1));
	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_COPY, &cmd));
	EXPECT_EQ(range.start, cmd.dst_iova);
	EXPECT_EQ(-ENOSPC, iommufd_ioctl(self->fd, IOMMU_IOAS_COPY, &cmd));
}

TEST_F(copy, result_cannot_be_written)
{
	struct iommu_ioas_copy *cmd = must_ptr(mem_base(PAGE));
	__u64 bytes;

	*cmd = (struct iommu_ioas_copy){
		.size = sizeof(*cmd),
		.flags = MAP_RW,
		.dst_ioas_id = self->dst.id,
		.src_ioas_id = self->src.id,
		.length = EACH,
		.src_iova = A,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_COPY, cmd));
	must(ioas_unmap_all(self->dst, &bytes));
	EXPECT_EQ(2 * EACH, bytes);
}

/* Neither side needs the other one to stay. */
TEST_F(copy, source_goes_first)
{
	must(ioas_copy_at(self->dst, DST, range_of(self->src, A, EACH),
			  MAP_RW));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->src.id));
	EXPECT_EQ(0, ioas_copy_at(self->dst, 3 * DST,
				  range_of(self->dst, DST, EACH), MAP_RW));
	EXPECT_EQ(0, ioas_unmap(self->dst, DST, EACH, NULL));
}

TEST_HARNESS_MAIN
