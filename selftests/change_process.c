// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_CHANGE_PROCESS: another process pays for what is pinned.
 */
#include "test.h"

#define SIZE	(8 * PAGE)
#define IOVA	(16 * MIB)

FIXTURE(change)
{
	struct context c;	/* the device is not attached */
	int file;
};

FIXTURE_SETUP(change)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	self->file = must(mem_file(SIZE, 0));
}

FIXTURE_TEARDOWN(change)
{
	context_close(&self->c);
	close(self->file);
	EXPECT_SETTLED(self->c.pinned);
}

TEST_F(change, reserved)
{
	struct iommu_ioas_change_process cmd = {
		.size = sizeof(cmd),
		.__reserved = 1,
	};

	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_ioctl(self->c.fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd));
}

TEST_F(change, nothing_mapped)
{
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
	must_ioas(self->c.fd);
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
}

/* Memory of a process cannot change hands, in whatever IOAS it is. */
TEST_F(change, user_memory)
{
	struct ioas other = must_ioas(self->c.fd);

	must(ioas_map_file_at(range_of(self->c.ioas, IOVA, SIZE), self->file, 0,
			      MAP_RW));
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
	must_map(other, must_ptr(mem_base(PAGE)), PAGE, MAP_RW);
	EXPECT_EQ(-EINVAL, iommufd_change_process(self->c.fd));
	must(ioas_unmap_all(other, NULL));
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
}

/* What a child has to pay after it has taken over, in KiB; negative: an error */
static int taken_over(int fd)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (status_kib("VmPin"))
			_exit(101);
		if (iommufd_change_process(fd))
			_exit(102);
		_exit(status_kib("VmPin"));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > 100)
		return -1;
	return WEXITSTATUS(status);
}

TEST_F(change, pinned_memory)
{
	struct ioas other = must_ioas(self->c.fd);

	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(ioas_map_file_at(range_of(self->c.ioas, IOVA, SIZE), self->file, 0,
			      MAP_RW));
	/* A copy shares the pages: they move once. */
	must(ioas_copy_at(other, IOVA, range_of(self->c.ioas, IOVA, SIZE),
			  MAP_RW));
	must(ioas_copy_at(self->c.ioas, 2 * IOVA,
			  range_of(self->c.ioas, IOVA, SIZE), MAP_RW));
	EXPECT_EQ(SIZE / KIB, status_kib("VmPin"));

	EXPECT_EQ(SIZE / KIB, taken_over(self->c.fd));
	EXPECT_EQ(0, status_kib("VmPin"));
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
	EXPECT_EQ(SIZE / KIB, status_kib("VmPin"));
}

TEST_HARNESS_MAIN
