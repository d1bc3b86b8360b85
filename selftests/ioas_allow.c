// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_ALLOW_IOVAS.
 */
#include "test.h"

FIXTURE(allow)
{
	int fd;
	struct ioas ioas;
	void *mem;
};

FIXTURE_SETUP(allow)
{
	self->fd = must(iommufd_open());
	self->ioas = must_ioas(self->fd);
	self->mem = must_ptr(mem_base(4 * PAGE));
}

FIXTURE_TEARDOWN(allow)
{
	close(self->fd);
}

/* Where the kernel maps a page if it may choose, or its error */
static long long choice(struct ioas ioas, void *mem)
{
	__u64 iova;
	int rc = ioas_map(ioas, mem, PAGE, MAP_RW, &iova);

	if (rc)
		return rc;
	must(ioas_unmap(ioas, iova, PAGE, NULL));
	return iova;
}

static const struct {
	const char *name;
	__u32 num;
	int error;
	struct iommu_iova_range ranges[3];
} lists[] = {
	{ "one", 1, 0, { { 0x10000, 0x1ffff } } },
	{ "everything", 1, 0, { { 0, UINT64_MAX } } },
	{ "two bytes", 1, 0, { { 0x10000, 0x10001 } } },
	{ "neighbours", 2, 0, { { 0x10000, 0x1ffff }, { 0x20000, 0x2ffff } } },
	{ "descending", 2, 0, { { 0x20000, 0x2ffff }, { 0x10000, 0x1ffff } } },
	{ "one byte", 1, EINVAL, { { 0x10000, 0x10000 } } },
	{ "backward", 1, EINVAL, { { 0x20000, 0x10000 } } },
	{ "at the end", 1, EINVAL, { { UINT64_MAX, UINT64_MAX } } },
	{ "second is backward", 2, EINVAL,
	  { { 0x10000, 0x1ffff }, { 0x20001, 0x20000 } } },
	{ "twice", 2, EINVAL, { { 0x10000, 0x1ffff }, { 0x10000, 0x1ffff } } },
	{ "overlap in a byte", 2, EINVAL,
	  { { 0x10000, 0x1ffff }, { 0x1ffff, 0x2ffff } } },
	{ "overlap, descending", 2, EINVAL,
	  { { 0x18000, 0x2ffff }, { 0x10000, 0x18000 } } },
	{ "one in the other", 3, EINVAL,
	  { { 0x10000, 0x4ffff }, { 0x80000, 0x8ffff }, { 0x20000, 0x2ffff } } },
};

TEST_F(allow, lists)
{
	struct iommu_iova_range ranges[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		memcpy(ranges, lists[i].ranges, sizeof(ranges));
		EXPECT_EQ(-lists[i].error,
			  ioas_allow(self->ioas, ranges, lists[i].num))
			TH_LOG("%s", lists[i].name);
	}
}

TEST_F(allow, errors)
{
	struct iommu_iova_range range = { 0x10000, 0x1ffff };
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = NO_ID,
		.num_iovas = 1,
		.__reserved = 1,
	};

	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd));
	cmd.__reserved = 0;
	EXPECT_EQ(-ENOENT,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd));
	cmd.ioas_id = self->ioas.id;
	EXPECT_EQ(-EFAULT,
		  iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd));
	cmd.allowed_iovas = addr(&range);
	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd));
}

/* A count that the list does not live up to, with a good start */
TEST_F(allow, list_ends_early)
{
	struct iommu_iova_range *list;
	char *page;
	int i;

	page = must_ptr(mem_base(2 * PAGE));
	ASSERT_EQ(0, munmap(page + PAGE, PAGE));
	list = (void *)page;
	for (i = 0; i < PAGE / sizeof(*list); i++)
		list[i] = (struct iommu_iova_range){ i * 16, i * 16 + 15 };
	EXPECT_EQ(-EFAULT, ioas_allow(self->ioas, list, i + 1));
	EXPECT_EQ(-EFAULT, ioas_allow(self->ioas, list, UINT32_MAX));
	EXPECT_EQ(PAGE, choice(self->ioas, self->mem));
	EXPECT_EQ(0, ioas_allow(self->ioas, list, i));
}

/* The kernel chooses inside, and says when there is no room left. */
/* What the kernel would have to remember has an end. */
TEST_F(allow, too_many)
{
	const int most = 64 * 1024;
	struct iommu_iova_range *ranges =
		must_ptr(mem_base((most + 1) * sizeof(*ranges)));
	int i;

	for (i = 0; i <= most; i++)
		ranges[i] = (struct iommu_iova_range){ i * 2 * PAGE,
						       i * 2 * PAGE + 1 };
	EXPECT_EQ(-ENOMEM, ioas_allow(self->ioas, ranges, most + 1));
	EXPECT_EQ(0, ioas_allow(self->ioas, ranges, most));
}

TEST_F(allow, confines_the_choice)
{
	struct iommu_iova_range ranges[] = {
		{ 0x100000, 0x100fff }, { 0x300000, 0x301fff },
	};
	__u64 iova;

	must(ioas_allow(self->ioas, ranges, 2));
	EXPECT_EQ(0x100000, must_map(self->ioas, self->mem, PAGE, MAP_RW));
	EXPECT_EQ(0x300000, must_map(self->ioas, self->mem, PAGE, MAP_RW));
	EXPECT_EQ(0x301000, must_map(self->ioas, self->mem, PAGE, MAP_RW));
	EXPECT_EQ(-ENOSPC,
		  ioas_map(self->ioas, self->mem, PAGE, MAP_RW, &iova));

	/* None is large enough for this, though together they are. */
	must(ioas_unmap_all(self->ioas, NULL));
	EXPECT_EQ(-ENOSPC,
		  ioas_map(self->ioas, self->mem, 3 * PAGE, MAP_RW, &iova));
}

/* A fixed IOVA may lie outside, and so may what is there already. */
TEST_F(allow, fixed_iova)
{
	struct iommu_iova_range range = { 0x100000, 0x1fffff };

	must(ioas_map_at(range_of(self->ioas, 0x40000, PAGE), self->mem,
			 MAP_RW));
	EXPECT_EQ(0, ioas_allow(self->ioas, &range, 1));
	EXPECT_EQ(0, ioas_map_at(range_of(self->ioas, 0x50000, PAGE),
				 self->mem, MAP_RW));
	EXPECT_EQ(0, ioas_map_at(range_of(self->ioas, 0x100000, PAGE),
				 self->mem, MAP_RW));
	EXPECT_EQ(0x101000, choice(self->ioas, self->mem));
}

TEST_F(allow, replaced_as_a_whole)
{
	struct iommu_iova_range first = { 0x100000, 0x1fffff };
	struct iommu_iova_range second = { 0x400000, 0x4fffff };

	must(ioas_allow(self->ioas, &first, 1));
	EXPECT_EQ(0x100000, choice(self->ioas, self->mem));
	must(ioas_allow(self->ioas, &second, 1));
	EXPECT_EQ(0x400000, choice(self->ioas, self->mem));
	must(ioas_allow(self->ioas, NULL, 0));
	EXPECT_EQ(PAGE, choice(self->ioas, self->mem));
}

/* An error leaves the old list in force. */
TEST_F(allow, old_list_stays)
{
	struct iommu_iova_range good = { 0x100000, 0x1fffff };
	struct iommu_iova_range bad[] = {
		{ 0x400000, 0x4fffff }, { 5, 4 },
	};

	must(ioas_allow(self->ioas, &good, 1));
	EXPECT_EQ(-EINVAL, ioas_allow(self->ioas, bad, 2));
	EXPECT_EQ(0x100000, choice(self->ioas, self->mem));
	EXPECT_EQ(-EFAULT, ioas_allow(self->ioas, (void *)PAGE, 1));
	EXPECT_EQ(0x100000, choice(self->ioas, self->mem));
}

/* A device comes with IOVAs of its own, and neither gives way to the other. */
TEST_F(allow, reserved_by_a_device)
{
	struct iommu_iova_range msi = { 0xfee00000, 0xfee00fff };
	struct iommu_iova_range low = { 0x100000, 0x1fffff };
	struct ioas other;
	struct context c;

	if (context_open(&c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	other = must_ioas(c.fd);

	must(ioas_allow(c.ioas, &msi, 1));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(c.edu[0].fd, c.ioas.id));
	must(ioas_allow(c.ioas, &low, 1));
	must(vfio_attach(c.edu[0].fd, c.ioas.id));
	EXPECT_EQ(-EADDRINUSE, ioas_allow(c.ioas, &msi, 1));
	EXPECT_EQ(0x100000, choice(c.ioas, self->mem));

	/* What reserves is what is attached here, not in another IOAS. */
	EXPECT_EQ(0, ioas_allow(other, &msi, 1));
	must(vfio_detach(c.edu[0].fd));
	EXPECT_EQ(0, ioas_allow(c.ioas, &msi, 1));
	context_close(&c);
}

TEST_HARNESS_MAIN
