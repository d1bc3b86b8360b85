// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_MAP without a device: the checks in their order, and the IOVA that
 * the kernel picks. No memory is touched here.
 */
#include "test.h"

#define FIXED	IOMMU_IOAS_MAP_FIXED_IOVA
#define TAKEN	(0x10 * PAGE)		/* 4 pages are mapped there */
#define EACH	(4 * PAGE)
#define TOP	(-PAGE)			/* last page of the 64-bit space */
#define MEM	0x1111			/* stands for memory that exists */

FIXTURE(map)
{
	int fd;
	int pinned;
	struct ioas ioas;
	void *mem;
};

FIXTURE_SETUP(map)
{
	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
	self->ioas = must_ioas(self->fd);
	self->mem = must_ptr(mem_base(4 * MIB));
}

FIXTURE_TEARDOWN(map)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

/* Of everything that is wrong with a call, the first line here counts. */
static const struct {
	const char *name;
	__u32 flags;
	__u32 reserved;
	bool no_ioas;
	__u64 va;
	__u64 length;
	__u64 iova;
	int error;
} errors[] = {
	{ "unknown flag", 8, 0, true, TOP, UINT64_MAX, UINT64_MAX, EOPNOTSUPP },
	{ "last flag", 1U << 31, 0, true, TOP, UINT64_MAX, UINT64_MAX,
	  EOPNOTSUPP },
	{ "reserved member", 0, 1, true, TOP, UINT64_MAX, UINT64_MAX,
	  EOPNOTSUPP },

	{ "length out of range", 0, 0, true, TOP, UINT64_MAX, 0, EOVERFLOW },
	{ "IOVA out of range", 0, 0, true, TOP, PAGE, UINT64_MAX, EOVERFLOW },
	{ "IOVA that is not used out of range", MAP_RW, 0, false, MEM, PAGE,
	  UINT64_MAX, EOVERFLOW },

	{ "no access", 0, 0, true, TOP, PAGE, 0, EINVAL },
	{ "no access, fixed", FIXED, 0, true, TOP, PAGE, TAKEN, EINVAL },

	{ "no IOAS", MAP_RW, 0, true, TOP, PAGE, 0, ENOENT },
	{ "no IOAS, fixed", FIXED | MAP_R, 0, true, MEM, 0, TAKEN, ENOENT },

	{ "address wraps", FIXED | MAP_RW, 0, false, TOP + 1, PAGE, TAKEN,
	  EOVERFLOW },
	{ "address ends at 2^64", FIXED | MAP_RW, 0, false, TOP, PAGE, TAKEN,
	  EOVERFLOW },
	{ "address wraps, picked", MAP_RW, 0, false, PAGE, UINT64_MAX - 1, 0,
	  EOVERFLOW },

	{ "no length", FIXED | MAP_RW, 0, false, MEM, 0, TAKEN, EINVAL },
	{ "no length, picked", MAP_RW, 0, false, MEM, 0, 0, EINVAL },
	{ "too long by a byte", FIXED | MAP_RW, 0, false, 0, UINT64_MAX - PAGE + 1,
	  TAKEN, EINVAL },
	{ "longest", FIXED | MAP_RW, 0, false, 0, UINT64_MAX - 1, 0, EINVAL },

	{ "half of the space, picked", MAP_RW, 0, false, 0, UINT64_MAX / 2, 0,
	  EOVERFLOW },
	{ "most of the space, picked", MAP_RW, 0, false, 0, UINT64_MAX - PAGE,
	  0, EOVERFLOW },
	{ "IOVA wraps", FIXED | MAP_RW, 0, false, MEM, 2 * PAGE, TOP,
	  EOVERFLOW },
	{ "last two bytes, taken", FIXED | MAP_RW, 0, false, MEM, 2, UINT64_MAX - 1,
	  EEXIST },
	{ "IOVA wraps by a byte", FIXED | MAP_RW, 0, false, MEM, 3,
	  UINT64_MAX - 1, EOVERFLOW },

	{ "taken", FIXED | MAP_RW, 0, false, MEM, EACH, TAKEN, EEXIST },
	{ "first byte taken", FIXED | MAP_RW, 0, false, MEM, PAGE,
	  TAKEN + EACH - 1, EEXIST },
	{ "last byte taken", FIXED | MAP_RW, 0, false, MEM, PAGE + 1,
	  TAKEN - PAGE, EEXIST },
	{ "taken in the middle", FIXED | MAP_RW, 0, false, MEM, 2 * EACH,
	  TAKEN - PAGE, EEXIST },
	{ "inside of what is taken", FIXED | MAP_RW, 0, false, MEM, 1,
	  TAKEN + PAGE, EEXIST },
	{ "all there is", FIXED | MAP_RW, 0, false, 0, UINT64_MAX - PAGE, 0,
	  EEXIST },
};

TEST_F(map, errors)
{
	struct iommu_ioas_map cmd;
	__u64 left;
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		must(ioas_map_at(range_of(self->ioas, TAKEN, EACH), self->mem,
				 MAP_RW));
		must(ioas_map_at(range_of(self->ioas, UINT64_MAX - 1, 2),
				 self->mem, MAP_RW));
		cmd = (struct iommu_ioas_map){
			.size = sizeof(cmd),
			.flags = errors[i].flags,
			.ioas_id = errors[i].no_ioas ? NO_ID : self->ioas.id,
			.__reserved = errors[i].reserved,
			.user_va = errors[i].va == MEM ? addr(self->mem) :
							 errors[i].va,
			.length = errors[i].length,
			.iova = errors[i].iova,
		};
		EXPECT_EQ(-errors[i].error,
			  iommufd_ioctl(self->fd, IOMMU_IOAS_MAP, &cmd))
			TH_LOG("%s", errors[i].name);
		must(ioas_unmap_all(self->ioas, &left));
		EXPECT_EQ(EACH + 2, left)
			TH_LOG("%s", errors[i].name);
	}
}

TEST_F(map, fixed)
{
	static const struct {
		__u64 iova, length;
	} ok[] = {
		{ 0, 1 }, { 1, 1 }, { 0x1000, 0x1000 }, { 0x2345, 0x678 },
		{ 0xfee00000, PAGE }, { 1ULL << 40, MIB },
		{ 1ULL << 63, PAGE }, { TOP - PAGE, PAGE }, { TOP, PAGE },
	};
	__u64 left;
	int i;

	for (i = 0; i < ARRAY_SIZE(ok); i++) {
		EXPECT_EQ(0, ioas_map_at(range_of(self->ioas, ok[i].iova,
						  ok[i].length),
					 self->mem, MAP_RW))
			TH_LOG("%llx + %llx", ok[i].iova, ok[i].length);
		EXPECT_EQ(-EEXIST, ioas_map_at(range_of(self->ioas, ok[i].iova,
							ok[i].length),
					       self->mem, MAP_RW))
			TH_LOG("%llx + %llx", ok[i].iova, ok[i].length);
	}
	must(ioas_unmap_all(self->ioas, &left));
	EXPECT_EQ(2 + 0x1000 + 0x678 + 4 * PAGE + MIB, left);
}

/* Each kind of access alone, and the same memory many times */
TEST_F(map, access)
{
	static const __u32 flags[] = { MAP_R, MAP_W, MAP_RW };
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, ioas_map_at(range_of(self->ioas, i * PAGE, PAGE),
					 self->mem, flags[i]))
			TH_LOG("flags %x", flags[i]);
	}
}

/* First fit, from the first page on: IOVA 0 is never picked. */
TEST_F(map, picked)
{
	int i;

	for (i = 1; i <= 8; i++)
		EXPECT_EQ(i * PAGE,
			  must_map(self->ioas, self->mem, PAGE, MAP_RW));
	must(ioas_unmap(self->ioas, 3 * PAGE, PAGE, NULL));
	must(ioas_unmap(self->ioas, 5 * PAGE, PAGE, NULL));
	must(ioas_unmap(self->ioas, 6 * PAGE, PAGE, NULL));
	EXPECT_EQ(5 * PAGE, must_map(self->ioas, self->mem + PAGE, 2 * PAGE,
				     MAP_RW))
		TH_LOG("2 pages at 1 page do not fit into one");
	EXPECT_EQ(3 * PAGE, must_map(self->ioas, self->mem, PAGE, MAP_RW));
	EXPECT_EQ(9 * PAGE, must_map(self->ioas, self->mem, PAGE, MAP_RW));
}

/* IOVAs are aligned as the memory is, up to a huge page. */
TEST_F(map, picked_alignment)
{
	size_t huge = access("/sys/kernel/mm/transparent_hugepage", F_OK) ?
		      PAGE : HUGE;
	const struct {
		size_t at, length, align;
	} rows[] = {
		{ 0, PAGE, PAGE },
		{ 0, 2 * PAGE, 2 * PAGE },
		{ 0, 3 * PAGE, 4 * PAGE },
		{ 0, 16 * PAGE, 16 * PAGE },
		{ PAGE, 16 * PAGE, PAGE },
		{ 4 * PAGE, 16 * PAGE, 4 * PAGE },
		{ 0, HUGE, HUGE },
		{ 0, HUGE + PAGE, HUGE },
		{ HUGE, HUGE, HUGE },
		{ HUGE + PAGE, PAGE, PAGE },
	};
	size_t align;
	__u64 iova;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		must(ioas_unmap_all(self->ioas, NULL));
		must_map(self->ioas, self->mem, PAGE, MAP_RW);
		align = rows[i].align < huge ? rows[i].align : huge;
		iova = must_map(self->ioas, self->mem + rows[i].at,
				rows[i].length, MAP_RW);
		EXPECT_EQ(align < 2 * PAGE ? 2 * PAGE : align, iova)
			TH_LOG("%zx + %zx", rows[i].at, rows[i].length);
	}
}

/* Less than a page: the offset in the page stays what it is. */
TEST_F(map, picked_offset)
{
	EXPECT_EQ(PAGE + 0x123, must_map(self->ioas, self->mem + 0x123, 0x100,
					 MAP_RW));
	must(ioas_unmap_all(self->ioas, NULL));
	EXPECT_EQ(PAGE + 0x800, must_map(self->ioas, self->mem + 0x800, PAGE,
					 MAP_RW));
}

/* As much as the space has room for, and no more */
TEST_F(map, picked_large)
{
	struct iommu_iova_range range = { 0x100000, 0x1fffff };
	__u64 iova;

	must(ioas_allow(self->ioas, &range, 1));
	EXPECT_EQ(-ENOSPC, ioas_map(self->ioas, self->mem, MIB + PAGE, MAP_RW,
				    &iova));
	EXPECT_EQ(0x100000, must_map(self->ioas, self->mem, MIB, MAP_RW));
	EXPECT_EQ(-ENOSPC, ioas_map(self->ioas, self->mem, PAGE, MAP_RW,
				    &iova));
}

/* The top of the space: what is 2^64 away from its start does not wrap. */
/*
 * Memory that large pages fit into only in its middle gets an IOVA that is as far
 * from a multiple of their size, and if there is none, any that will do.
 */
TEST_F(map, picked_like_memory)
{
	struct iommu_iova_range tight = { HUGE, 2 * HUGE + PAGE - 1 };
	char *mem = mem_none(2 * GIB);
	char *gib = mem + (-(unsigned long)mem & (GIB - 1));

	EXPECT_EQ(HUGE + 5 * PAGE,
		  must_map(self->ioas, self->mem + 5 * PAGE, HUGE, MAP_RW));
	EXPECT_EQ(GIB + 3 * PAGE,
		  must_map(self->ioas, gib + 3 * PAGE, GIB, MAP_RW));

	must(ioas_unmap_all(self->ioas, NULL));
	must(ioas_allow(self->ioas, &tight, 1));
	EXPECT_EQ(HUGE, must_map(self->ioas, self->mem + 5 * PAGE, HUGE + PAGE,
				 MAP_RW));
}

TEST_F(map, picked_at_the_top)
{
	struct iommu_iova_range range = { TOP - 4 * PAGE, UINT64_MAX };
	__u64 iova, last = 0;
	int i;

	must(ioas_allow(self->ioas, &range, 1));
	for (i = 0; i < 8; i++) {
		if (ioas_map(self->ioas, self->mem, PAGE, MAP_RW, &iova))
			break;
		EXPECT_LT(last, iova);
		EXPECT_LE(range.start, iova);
		last = iova;
	}
	EXPECT_LE(3, i);
	EXPECT_GE(5, i);
	EXPECT_EQ(-ENOSPC,
		  ioas_map(self->ioas, self->mem, PAGE, MAP_RW, &iova));
}

/* The mapping stays although its IOVA does not reach the caller. */
TEST_F(map, result_cannot_be_written)
{
	struct iommu_ioas_map *cmd = must_ptr(mem_base(PAGE));
	__u64 left;

	*cmd = (struct iommu_ioas_map){
		.size = sizeof(*cmd),
		.flags = MAP_RW,
		.ioas_id = self->ioas.id,
		.user_va = addr(self->mem),
		.length = EACH,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_MAP, cmd));
	must(ioas_unmap_all(self->ioas, &left));
	EXPECT_EQ(EACH, left);
}

/* Without a device nobody looks at the memory, or whether there is any. */
TEST_F(map, memory_is_not_touched)
{
	const __u64 where[] = {
		0, PAGE, addr(must_ptr(mem_none(EACH))),
		1ULL << 62, 0xffff888000000000, TOP - EACH,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(where); i++) {
		EXPECT_EQ(0, ioas_map_at(range_of(self->ioas, i * EACH, EACH),
					 (void *)where[i], MAP_RW))
			TH_LOG("%llx", where[i]);
	}
	EXPECT_EQ(0, status_kib("VmPin"));
	EXPECT_EQ(self->pinned, pinned_pages());
}

TEST_HARNESS_MAIN
