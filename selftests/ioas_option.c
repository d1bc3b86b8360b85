// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_OPTION. What the modes do to the accounts is in accounting.c.
 */
#include <linux/capability.h>
#include <sys/syscall.h>

#include "test.h"

#define RLIMIT_MODE	IOMMU_OPTION_RLIMIT_MODE
#define HUGE_PAGES	IOMMU_OPTION_HUGE_PAGES

FIXTURE(option)
{
	int fd;
	void *mem;
};

FIXTURE_SETUP(option)
{
	self->fd = must(iommufd_open());
	self->mem = must_ptr(mem_base(4 * PAGE));
}

FIXTURE_TEARDOWN(option)
{
	close(self->fd);
}

TEST_F(option, errors)
{
	const struct {
		const char *name;
		struct iommu_option cmd;
		int error;
	} rows[] = {
		{ "option", { .option_id = 2, .op = 1 }, EOPNOTSUPP },
		{ "last option", { .option_id = ~0U, .op = 1 }, EOPNOTSUPP },
		{ "op", { .option_id = 0, .op = 2 }, EOPNOTSUPP },
		{ "last op", { .option_id = 1, .op = 0xffff }, EOPNOTSUPP },
		{ "reserved", { .op = 1, .__reserved = 1 }, EOPNOTSUPP },
		{ "reserved, no object",
		  { .option_id = 1, .op = 1, .__reserved = 1,
		    .object_id = NO_ID }, EOPNOTSUPP },
		{ "object", { .op = 1, .object_id = 1 }, EOPNOTSUPP },
		{ "set an object", { .op = 0, .object_id = 1 }, EOPNOTSUPP },
		{ "huge pages of nothing", { .option_id = 1, .op = 1 },
		  ENOENT },
		{ "set huge pages of nothing",
		  { .option_id = 1, .op = 0, .object_id = NO_ID, .val64 = 2 },
		  ENOENT },
	};
	struct iommu_option cmd;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		cmd = rows[i].cmd;
		cmd.size = sizeof(cmd);
		EXPECT_EQ(-rows[i].error,
			  iommufd_ioctl(self->fd, IOMMU_OPTION, &cmd))
			TH_LOG("%s", rows[i].name);
	}
}

TEST_F(option, rlimit_mode)
{
	EXPECT_EQ(0, iommufd_option_get(self->fd, RLIMIT_MODE, 0));
	EXPECT_EQ(0, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 1));
	EXPECT_EQ(1, iommufd_option_get(self->fd, RLIMIT_MODE, 0));
	EXPECT_EQ(-EINVAL, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 2));
	EXPECT_EQ(-EINVAL, iommufd_option_set(self->fd, RLIMIT_MODE, 0,
					      1ULL << 32));
	EXPECT_EQ(1, iommufd_option_get(self->fd, RLIMIT_MODE, 0));
	EXPECT_EQ(0, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 0));
	EXPECT_EQ(0, iommufd_option_get(self->fd, RLIMIT_MODE, 0));
}

/* Only a context without objects can change over. */
TEST_F(option, rlimit_mode_busy)
{
	int id = must(ioas_alloc(self->fd));

	EXPECT_EQ(-EBUSY, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 1));
	EXPECT_EQ(-EBUSY, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 0));
	EXPECT_EQ(0, iommufd_option_get(self->fd, RLIMIT_MODE, 0));
	must(iommufd_destroy(self->fd, id));
	EXPECT_EQ(0, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 1));
}

static int drop_capability(int which)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[which / 32].effective &= ~(1U << which % 32);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

TEST_F(option, rlimit_mode_needs_a_capability)
{
	must(drop_capability(CAP_SYS_RESOURCE));
	EXPECT_EQ(0, iommufd_option_get(self->fd, RLIMIT_MODE, 0));
	EXPECT_EQ(-EPERM, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 1));
	EXPECT_EQ(-EPERM, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 2));
	must(ioas_alloc(self->fd));
	EXPECT_EQ(-EPERM, iommufd_option_set(self->fd, RLIMIT_MODE, 0, 1));
}

TEST_F(option, huge_pages)
{
	struct ioas ioas = must_ioas(self->fd);

	EXPECT_EQ(1, iommufd_option_get(self->fd, HUGE_PAGES, ioas.id));
	EXPECT_EQ(1, ioas_alignment(ioas));
	EXPECT_EQ(-EINVAL, iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 2));
	EXPECT_EQ(1, iommufd_option_get(self->fd, HUGE_PAGES, ioas.id));

	EXPECT_EQ(0, iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 0));
	EXPECT_EQ(0, iommufd_option_get(self->fd, HUGE_PAGES, ioas.id));
	EXPECT_EQ(PAGE, ioas_alignment(ioas));
	EXPECT_EQ(0, iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 0));

	EXPECT_EQ(0, iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 1));
	EXPECT_EQ(1, iommufd_option_get(self->fd, HUGE_PAGES, ioas.id));
	EXPECT_EQ(1, ioas_alignment(ioas));
}

/* One IOAS has the option, another one has not. */
TEST_F(option, huge_pages_of_one)
{
	struct ioas one = must_ioas(self->fd), other = must_ioas(self->fd);

	must(iommufd_option_set(self->fd, HUGE_PAGES, one.id, 0));
	EXPECT_EQ(1, iommufd_option_get(self->fd, HUGE_PAGES, other.id));
	EXPECT_EQ(1, ioas_alignment(other));
}

/* Page by page needs mappings of whole pages. */
TEST_F(option, huge_pages_and_alignment)
{
	const struct {
		__u64 iova;
		size_t at, length;
		int error;
	} rows[] = {
		{ 4 * PAGE, 0, 2 * PAGE, 0 },
		{ 4 * PAGE + 1, 0, PAGE, EADDRINUSE },
		{ 4 * PAGE, 1, PAGE, EADDRINUSE },
		{ 4 * PAGE, 0, PAGE + 1, EADDRINUSE },
	};
	struct ioas ioas;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ioas = must_ioas(self->fd);
		must(ioas_map_at(range_of(ioas, rows[i].iova, rows[i].length),
				 self->mem + rows[i].at, MAP_RW));
		EXPECT_EQ(-rows[i].error,
			  iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 0))
			TH_LOG("row %d", i);
		EXPECT_EQ(!!rows[i].error,
			  iommufd_option_get(self->fd, HUGE_PAGES, ioas.id))
			TH_LOG("row %d", i);
		EXPECT_EQ(rows[i].error ? 1 : PAGE, ioas_alignment(ioas))
			TH_LOG("row %d", i);
	}
}

/* Then on, only whole pages are mapped. */
TEST_F(option, huge_pages_off)
{
	struct ioas ioas = must_ioas(self->fd);

	must(iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 0));
	EXPECT_EQ(-EINVAL, ioas_map_at(range_of(ioas, PAGE, 1), self->mem,
				       MAP_RW));
	EXPECT_EQ(-EINVAL, ioas_map_at(range_of(ioas, 1, PAGE), self->mem,
				       MAP_RW));
	EXPECT_EQ(-EINVAL, ioas_map_at(range_of(ioas, PAGE, PAGE),
				       self->mem + 1, MAP_RW));
	EXPECT_EQ(0, ioas_map_at(range_of(ioas, PAGE, PAGE), self->mem,
				 MAP_RW));
	must(iommufd_option_set(self->fd, HUGE_PAGES, ioas.id, 1));
	EXPECT_EQ(0, ioas_map_at(range_of(ioas, 4 * PAGE, 1), self->mem,
				 MAP_RW));
}

/* The page size of what a device uses already cannot be changed. */
TEST_F(option, huge_pages_in_use)
{
	struct context c;

	if (context_open(&c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	must(vfio_attach(c.edu[0].fd, c.ioas.id));

	EXPECT_EQ(0, iommufd_option_set(c.fd, HUGE_PAGES, c.ioas.id, 0));
	EXPECT_EQ(0, iommufd_option_set(c.fd, HUGE_PAGES, c.ioas.id, 1));
	must(ioas_map_at(range_of(c.ioas, PAGE, PAGE), self->mem, MAP_RW));
	EXPECT_EQ(-EINVAL,
		  iommufd_option_set(c.fd, HUGE_PAGES, c.ioas.id, 0));
	EXPECT_EQ(1, iommufd_option_get(c.fd, HUGE_PAGES, c.ioas.id));
	EXPECT_EQ(0, iommufd_option_set(c.fd, HUGE_PAGES, c.ioas.id, 1));

	must(ioas_unmap_all(c.ioas, NULL));
	EXPECT_EQ(0, iommufd_option_set(c.fd, HUGE_PAGES, c.ioas.id, 0));
	must(ioas_map_at(range_of(c.ioas, PAGE, PAGE), self->mem, MAP_RW));
	EXPECT_EQ(0, iommufd_option_set(c.fd, HUGE_PAGES, c.ioas.id, 0));
	context_close(&c);
}

TEST_HARNESS_MAIN
