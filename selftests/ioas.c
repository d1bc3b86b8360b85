// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_ALLOC and IOMMU_IOAS_IOVA_RANGES.
 */
#include "test.h"

FIXTURE(space)
{
	int fd;
	struct ioas ioas;
};

FIXTURE_SETUP(space)
{
	self->fd = must(iommufd_open());
	self->ioas = must_ioas(self->fd);
}

FIXTURE_TEARDOWN(space)
{
	close(self->fd);
}

TEST_F(space, alloc_flags)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	for (cmd.flags = 1; cmd.flags; cmd.flags <<= 1) {
		EXPECT_EQ(-EOPNOTSUPP,
			  iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOC, &cmd))
			TH_LOG("flags %x", cmd.flags);
	}
	EXPECT_EQ(self->ioas.id + 1, ioas_alloc(self->fd));
}

static struct iommu_ioas_iova_ranges ask(struct ioas ioas, void *ranges,
					 __u32 room)
{
	return (struct iommu_ioas_iova_ranges){
		.size = sizeof(struct iommu_ioas_iova_ranges),
		.ioas_id = ioas.id,
		.num_iovas = room,
		.allowed_iovas = addr(ranges),
		.out_iova_alignment = 77,
	};
}

/* Without a device every IOVA can be used, byte by byte. */
TEST_F(space, ranges)
{
	struct iommu_iova_range ranges[2] = { { 7, 7 }, { 7, 7 } };
	struct iommu_ioas_iova_ranges cmd = ask(self->ioas, ranges, 2);

	ASSERT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &cmd));
	EXPECT_EQ(1, cmd.num_iovas);
	EXPECT_EQ(1, cmd.out_iova_alignment);
	EXPECT_EQ(0, ranges[0].start);
	EXPECT_EQ(UINT64_MAX, ranges[0].last);
	/* An element that is not needed is left alone. */
	EXPECT_EQ(7, ranges[1].start);
	EXPECT_EQ(7, ranges[1].last);
}

TEST_F(space, ranges_exact_room)
{
	struct iommu_iova_range range;

	EXPECT_EQ(1, ioas_ranges(self->ioas, &range, 1));
	EXPECT_EQ(UINT64_MAX, range.last);
}

/* Too little room is an error that has results all the same. */
TEST_F(space, ranges_no_room)
{
	struct iommu_ioas_iova_ranges cmd = ask(self->ioas, NULL, 0);

	EXPECT_EQ(-EMSGSIZE,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &cmd));
	EXPECT_EQ(1, cmd.num_iovas);
	EXPECT_EQ(1, cmd.out_iova_alignment);
	EXPECT_EQ(sizeof(cmd), cmd.size);
}

TEST_F(space, ranges_errors)
{
	struct iommu_iova_range range;
	struct iommu_ioas_iova_ranges cmd = ask(self->ioas, &range, 1);

	/* A reserved member comes before everything else. */
	cmd.__reserved = 1;
	cmd.ioas_id = NO_ID;
	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &cmd));
	cmd.__reserved = 0;
	EXPECT_EQ(-ENOENT,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &cmd));

	cmd = ask(self->ioas, NULL, 1);
	EXPECT_EQ(-EFAULT,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &cmd));
	EXPECT_EQ(1, cmd.num_iovas);
	EXPECT_EQ(77, cmd.out_iova_alignment);
}

/* How much the caller has room for costs the kernel nothing. */
TEST_F(space, ranges_much_room)
{
	struct iommu_iova_range range;
	struct iommu_ioas_iova_ranges cmd = ask(self->ioas, &range, UINT32_MAX);

	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, &cmd));
	EXPECT_EQ(1, cmd.num_iovas);
}

TEST_F(space, ranges_struct_cannot_be_written)
{
	struct iommu_ioas_iova_ranges *cmd;
	struct iommu_iova_range range;

	cmd = must_ptr(mem_base(PAGE));
	*cmd = ask(self->ioas, &range, 1);
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_IOVA_RANGES, cmd));
}

/* What is mapped, or allowed, makes no difference. */
TEST_F(space, ranges_of_what_can_be_used)
{
	struct iommu_iova_range allowed = { PAGE, 2 * PAGE }, range;
	void *mem = must_ptr(mem_base(PAGE));

	must(ioas_allow(self->ioas, &allowed, 1));
	must(ioas_map_at(range_of(self->ioas, 16 * PAGE, PAGE), mem, MAP_RW));
	EXPECT_EQ(1, ioas_ranges(self->ioas, &range, 1));
	EXPECT_EQ(0, range.start);
	EXPECT_EQ(UINT64_MAX, range.last);
	EXPECT_EQ(1, ioas_alignment(self->ioas));
}

TEST_HARNESS_MAIN
