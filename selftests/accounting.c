// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is charged for pinned memory, how much, and what RLIMIT_MEMLOCK permits.
 *
 * The parent is root, has the device and counts; children without rights use the
 * iommufd that they inherit.
 */
#include <grp.h>
#include <linux/capability.h>
#include <linux/memfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/container.h"
#include "lib/mockmem.h"
#include "test.h"

#define IOVA	(16 * MIB)
#define LIMIT	16		/* pages */

FIXTURE(accounting)
{
	struct context c;
	char *mem;		/* 4 * LIMIT pages */
};

FIXTURE_VARIANT(accounting)
{
	int by;
};

FIXTURE_VARIANT_ADD(accounting, user)
{
	.by = 0,
};

FIXTURE_VARIANT_ADD(accounting, process)
{
	.by = BY_PROCESS,
};

FIXTURE_SETUP(accounting)
{
	if (context_open(&self->c, ONE_EDU | variant->by))
		SKIP(return, NEEDS_EDU);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	self->mem = must_ptr(mem_base(4 * LIMIT * PAGE));
}

FIXTURE_TEARDOWN(accounting)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* Go on as a user without capabilities who may lock LIMIT pages. */
static void become_user(int uid)
{
	struct rlimit limit = { LIMIT * PAGE, LIMIT * PAGE };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) ||
	    setgid(uid) || setuid(uid)) {
		perror("# to become a user");
		_exit(99);
	}
}

/* In a child: what is told to the parent when something is not as it should be */
#define CHECK(_condition)						\
do {									\
	if (!(_condition)) {						\
		printf("# line %d: not so: %s\n", __LINE__, #_condition);\
		fflush(stdout);						\
		_exit(1);						\
	}								\
} while (0)

/* The exit status of a child; 0 when all its checks held */
static int result_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Start a child that is @uid. The parent sees its pid. */
static pid_t fork_user(int uid)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		become_user(uid);
	return pid;
}

static int map_pages(struct ioas ioas, __u64 iova, void *mem, int pages)
{
	return ioas_map_at(range_of(ioas, iova, pages * PAGE), mem, MAP_RW);
}

static int unmap_pages(struct ioas ioas, __u64 iova, int pages)
{
	return ioas_unmap(ioas, iova, pages * PAGE, NULL);
}

static bool is_charged(int mode, int pages)
{
	return status_kib("VmPin") == pages * 4 &&
	       status_kib("VmLck") == (mode ? pages * 4 : 0);
}

TEST_F(accounting, limit)
{
	int mode = variant->by;
	pid_t pid = fork_user(1001);

	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT - 1));
		CHECK(is_charged(mode, LIMIT - 1));
		CHECK(map_pages(self->c.ioas, 2 * IOVA, self->mem, 2) == -ENOMEM);
		CHECK(is_charged(mode, LIMIT - 1));
		CHECK(!map_pages(self->c.ioas, 2 * IOVA, self->mem, 1));
		CHECK(is_charged(mode, LIMIT));
		CHECK(map_pages(self->c.ioas, 3 * IOVA, self->mem, 1) == -ENOMEM);
		CHECK(!unmap_pages(self->c.ioas, IOVA, LIMIT - 1));
		CHECK(is_charged(mode, 1));
		CHECK(map_pages(self->c.ioas, IOVA, self->mem, LIMIT) == -ENOMEM);
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT - 1));
		CHECK(!ioas_unmap_all(self->c.ioas, NULL));
		CHECK(is_charged(mode, 0));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
}

/* A page that is mapped twice is charged twice, a copy is not. */
TEST_F(accounting, twice)
{
	int mode = variant->by;
	struct ioas other = must_ioas(self->c.fd);
	pid_t pid = fork_user(1002);

	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT / 2));
		CHECK(!ioas_copy_at(self->c.ioas, 2 * IOVA,
				    range_of(self->c.ioas, IOVA,
					     LIMIT / 2 * PAGE), MAP_RW));
		CHECK(!ioas_copy_at(other, IOVA,
				    range_of(self->c.ioas, IOVA, PAGE), MAP_RW));
		CHECK(is_charged(mode, LIMIT / 2));
		CHECK(!map_pages(self->c.ioas, 3 * IOVA, self->mem, LIMIT / 2));
		CHECK(is_charged(mode, LIMIT));
		CHECK(map_pages(self->c.ioas, 4 * IOVA, self->mem, 1) == -ENOMEM);
		/* The copy has the pages and the charge still. */
		CHECK(!unmap_pages(self->c.ioas, IOVA, LIMIT / 2));
		CHECK(is_charged(mode, LIMIT));
		CHECK(!unmap_pages(self->c.ioas, 2 * IOVA, LIMIT / 2));
		CHECK(is_charged(mode, LIMIT / 2));
		CHECK(!ioas_unmap_all(self->c.ioas, NULL));
		CHECK(is_charged(mode, 0));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
}

/* What fails half way is charged for nothing. */
TEST_F(accounting, failed_map)
{
	int mode = variant->by, i;
	pid_t pid;

	ASSERT_EQ(0, munmap(self->mem + 8 * PAGE, PAGE));
	pid = fork_user(1003);
	if (!pid) {
		for (i = 0; i < 8; i++) {
			CHECK(map_pages(self->c.ioas, IOVA, self->mem,
					LIMIT) == -EFAULT);
			CHECK(map_pages(self->c.ioas, 0xfee00000, self->mem,
					8) == -EINVAL);
			CHECK(is_charged(mode, 0));
		}
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem + LIMIT * PAGE,
				 LIMIT));
		CHECK(map_pages(self->c.ioas, 2 * IOVA, self->mem, 4) == -ENOMEM);
		CHECK(is_charged(mode, LIMIT));
		/* The end of the process leaves the mapping, for the parent. */
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
	must(ioas_unmap_all(self->c.ioas, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* Memory that no device can use yet costs nothing. It does at attach. */
TEST_F(accounting, at_attach)
{
	pid_t pid;

	must(vfio_detach(self->c.edu[0].fd));
	pid = fork_user(1004);
	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT + 1));
		CHECK(is_charged(variant->by, 0));
		/* It is the mapper's limit that counts, not root's. */
		CHECK(vfio_attach(self->c.edu[0].fd, self->c.ioas.id) == -ENOMEM);
		CHECK(is_charged(variant->by, 0));
		CHECK(!unmap_pages(self->c.ioas, IOVA, LIMIT + 1));
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		CHECK(vfio_attach(self->c.edu[0].fd, self->c.ioas.id) > 0);
		CHECK(is_charged(variant->by, LIMIT));
		CHECK(!vfio_detach(self->c.edu[0].fd));
		CHECK(is_charged(variant->by, 0));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));

	/* Of a process that has ended nothing can be pinned any more. */
	EXPECT_EQ(-EFAULT, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* What a kernel user copies is pinned for a moment only, and costs nothing. */
TEST_F(accounting, copies)
{
	struct ioas ioas = { self->c.fd };
	int file, access;
	__u32 data = 0;
	pid_t pid;

	if (!mock_present(self->c.fd))
		SKIP(return, NEEDS_MOCK);
	ioas.id = must(ioas_alloc(self->c.fd));
	access = must(mock_access(ioas, false));
	file = must(mem_file(2 * PAGE, MFD_CLOEXEC));
	pid = fork_user(1014);
	if (!pid) {
		struct iova_range in_file = range_of(ioas, IOVA, 2 * PAGE);
		struct iova_range in_memory = range_of(ioas, 2 * IOVA, 2 * PAGE);

		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		CHECK(!ioas_map_file_at(in_file, file, 0, MAP_RW));
		CHECK(!ioas_map_at(in_memory, self->mem, MAP_RW));
		*(__u32 *)(self->mem + PAGE) = 4711;
		CHECK(!mock_rw(access, range_of(ioas, 2 * IOVA + PAGE, sizeof(data)),
			       &data, MOCK_ACCESS_RW_SLOW_PATH));
		CHECK(data == 4711);
		CHECK(!mock_rw(access, range_of(ioas, IOVA + PAGE, sizeof(data)),
			       &data, MOCK_ACCESS_RW_WRITE));
		data = 0;
		CHECK(pread(file, &data, sizeof(data), PAGE) == sizeof(data));
		CHECK(data == 4711);
		CHECK(is_charged(variant->by, LIMIT));
		CHECK(!unmap_pages(self->c.ioas, IOVA, LIMIT));
		CHECK(is_charged(variant->by, 0));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
	close(access);
	close(file);
}

/* Memory is charged to who mapped it, whoever does the rest. */
TEST_F(accounting, to_the_mapper)
{
	int to_child[2], to_parent[2], mode = variant->by;
	pid_t pid;
	char c = 0;

	must(vfio_detach(self->c.edu[0].fd));
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	pid = fork_user(1005);
	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		CHECK(write(to_parent[1], &c, 1) == 1);
		CHECK(read(to_child[0], &c, 1) == 1);
		CHECK(is_charged(mode, LIMIT));
		CHECK(write(to_parent[1], &c, 1) == 1);
		CHECK(read(to_child[0], &c, 1) == 1);
		CHECK(is_charged(mode, 0));
		_exit(0);
	}
	close(to_child[0]);
	close(to_parent[1]);
	ASSERT_EQ(1, read(to_parent[0], &c, 1));
	EXPECT_LT(0, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(0, status_kib("VmPin"));
	EXPECT_EQ(self->c.pinned + LIMIT, pinned_pages());
	ASSERT_EQ(1, write(to_child[1], &c, 1));
	ASSERT_EQ(1, read(to_parent[0], &c, 1));
	must(ioas_unmap_all(self->c.ioas, NULL));
	ASSERT_EQ(1, write(to_child[1], &c, 1));
	EXPECT_EQ(0, result_of(pid));
}

/* Two processes of one user: together by user, each for itself by process. */
TEST_F(accounting, two_processes)
{
	pid_t pid, other;

	pid = fork_user(1006);
	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		other = fork();
		if (!other) {
			int rc = map_pages(self->c.ioas, 2 * IOVA, self->mem, 1);

			CHECK(rc == (variant->by ? 0 : -ENOMEM));
			_exit(0);
		}
		CHECK(!result_of(other));
		CHECK(!ioas_unmap_all(self->c.ioas, NULL));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
}

/* Does a user have all of its limit for itself? */
static int use_limit(int uid, struct ioas ioas, void *mem)
{
	pid_t pid = fork_user(uid);

	if (!pid) {
		CHECK(!map_pages(ioas, 2 * IOVA, mem, LIMIT));
		CHECK(!unmap_pages(ioas, 2 * IOVA, LIMIT));
		_exit(0);
	}
	return result_of(pid);
}

/* Two users have nothing to do with each other. */
TEST_F(accounting, two_users)
{
	pid_t pid;

	pid = fork_user(1007);
	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
	EXPECT_EQ(0, use_limit(1008, self->c.ioas, self->mem));
	must(ioas_unmap_all(self->c.ioas, NULL));

	/* The first one is gone, and its charge with the mapping. */
	pid = fork_user(1007);
	if (!pid) {
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
}

/* CAP_IPC_LOCK: pinned memory is counted, and not limited. */
TEST_F(accounting, without_limit)
{
	struct rlimit none = { 0, 0 };

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
	EXPECT_EQ(0, map_pages(self->c.ioas, IOVA, self->mem, 2 * LIMIT));
	EXPECT_EQ(2 * LIMIT, pins_since(self->c.pinned));
	EXPECT_EQ(0, status_kib("VmLck"));
	must(ioas_unmap_all(self->c.ioas, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

static int map_file(struct ioas ioas, __u64 iova, int file, int pages)
{
	return ioas_map_file_at(range_of(ioas, iova, pages * PAGE), file, 0,
				MAP_RW);
}

/* Pages that were mapped without a limit have none after they changed hands. */
TEST_F(accounting, handed_over_by_root)
{
	int file = must(mem_file(2 * LIMIT * PAGE, 0));
	pid_t pid;

	must(map_file(self->c.ioas, IOVA, file, 2 * LIMIT));
	pid = fork_user(1010);
	if (!pid) {
		CHECK(!iommufd_change_process(self->c.fd));
		CHECK(status_kib("VmPin") == 2 * LIMIT * 4);
		CHECK(status_kib("VmLck") == 0);
		CHECK(!map_pages(self->c.ioas, 2 * IOVA, self->mem, LIMIT));
		CHECK(!unmap_pages(self->c.ioas, 2 * IOVA, LIMIT));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
	EXPECT_EQ(0, status_kib("VmPin"));
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
	EXPECT_EQ(2 * LIMIT, pins_since(self->c.pinned));
	must(ioas_unmap_all(self->c.ioas, NULL));
	close(file);
}

/* Pages that count against a limit go on to, also when root has them. */
TEST_F(accounting, handed_over_to_root)
{
	int file = must(mem_file(LIMIT * PAGE, 0));
	struct rlimit limit, none = { 0, RLIM_INFINITY };
	pid_t pid;

	pid = fork_user(1011);
	if (!pid) {
		CHECK(!map_file(self->c.ioas, IOVA, file, LIMIT));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));

	ASSERT_EQ(0, getrlimit(RLIMIT_MEMLOCK, &limit));
	none.rlim_max = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
	EXPECT_EQ(-ENOMEM, iommufd_change_process(self->c.fd));
	EXPECT_EQ(0, status_kib("VmPin"));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
	EXPECT_TRUE(is_charged(variant->by, LIMIT));

	/* The user has its limit for itself again. */
	EXPECT_EQ(0, use_limit(1011, self->c.ioas, self->mem));
	must(ioas_unmap_all(self->c.ioas, NULL));
	EXPECT_TRUE(is_charged(variant->by, 0));
	close(file);
}

/* Room for one of two mappings is none, and stays free. */
TEST_F(accounting, handed_over_in_part)
{
	int files[2] = { must(mem_file(LIMIT / 2 * PAGE, 0)),
			 must(mem_file(LIMIT / 2 * PAGE, 0)) };
	struct rlimit limit, some = { LIMIT * 3 / 4 * PAGE, RLIM_INFINITY };
	pid_t pid;
	int i;

	pid = fork_user(1013);
	if (!pid) {
		for (i = 0; i < 2; i++)
			CHECK(!map_file(self->c.ioas, (i + 1) * IOVA, files[i],
					LIMIT / 2));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));

	ASSERT_EQ(0, getrlimit(RLIMIT_MEMLOCK, &limit));
	some.rlim_max = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &some));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-ENOMEM, iommufd_change_process(self->c.fd));
		EXPECT_TRUE(is_charged(variant->by, 0));
	}
	/* Just enough, if nothing was left behind. */
	some.rlim_cur = LIMIT * PAGE;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &some));
	EXPECT_EQ(0, iommufd_change_process(self->c.fd));
	EXPECT_TRUE(is_charged(variant->by, LIMIT));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));

	must(ioas_unmap_all(self->c.ioas, NULL));
	EXPECT_TRUE(is_charged(variant->by, 0));
	close(files[0]);
	close(files[1]);
}

/* Who hands over to itself needs no room for both. */
TEST_F(accounting, handed_over_to_oneself)
{
	int file = must(mem_file(LIMIT * PAGE, 0)), mode = variant->by, i;
	pid_t pid, other;

	pid = fork_user(1012);
	if (!pid) {
		CHECK(!map_file(self->c.ioas, IOVA, file, LIMIT));
		for (i = 0; i < 3; i++)
			CHECK(!iommufd_change_process(self->c.fd));
		CHECK(is_charged(mode, LIMIT));
		/* To another process, which is of the same user */
		other = fork();
		if (!other) {
			CHECK(!iommufd_change_process(self->c.fd));
			CHECK(is_charged(mode, LIMIT));
			_exit(0);
		}
		CHECK(!result_of(other));
		CHECK(is_charged(mode, 0));
		CHECK(map_pages(self->c.ioas, 2 * IOVA, self->mem, 1) ==
		      (mode ? 0 : -ENOMEM));
		CHECK(!ioas_unmap_all(self->c.ioas, NULL));
		CHECK(!map_pages(self->c.ioas, IOVA, self->mem, LIMIT));
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
	must(ioas_unmap_all(self->c.ioas, NULL));
	close(file);
}

/* A device of its own: bound to @iommufd, attached to a new IOAS, which is filled */
static int fill_with(int device, int iommufd, void *mem)
{
	struct ioas ioas = must_ioas(iommufd);

	must(vfio_bind(device, iommufd));
	must(vfio_attach(device, ioas.id));
	return map_pages(ioas, IOVA, mem, LIMIT);
}

/* Charges go when device and context are closed: there is room for the next. */
TEST_F(accounting, closed)
{
	int mode = variant->by, iommufd[2], device[2], to_child[2], i;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(to_child));
	edu_close(&self->c.edu[0]);
	for (i = 0; i < 2; i++) {
		iommufd[i] = must(iommufd_open());
		must(iommufd_option_set(iommufd[i], IOMMU_OPTION_RLIMIT_MODE,
					0, !!mode));
		device[i] = must(vfio_open(&self->c.pci[0]));
	}
	pid = fork_user(1009);
	for (i = 0; pid && i < 2; i++) {
		close(device[i]);
		close(iommufd[i]);
	}
	close(to_child[1]);
	if (!pid) {
		/* Until the parent has closed all of that */
		CHECK(!read(to_child[0], &c, 1));
		for (i = 0; i < 2; i++) {
			CHECK(!fill_with(device[i], iommufd[i], self->mem));
			CHECK(is_charged(mode, LIMIT));
			close(device[i]);
			CHECK(is_charged(mode, 0));
			close(iommufd[i]);
		}
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
}

/* Whether the limit holds for this process, which may change that again. */
static int set_limited(bool limited)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	if (limited)
		data[0].effective &= ~(1U << CAP_IPC_LOCK);
	else
		data[0].effective |= 1U << CAP_IPC_LOCK;
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* A container where the user or the process is charged, with a device */
static struct ioas open_container(int by, struct mock *mock)
{
	int fd = must(container_open(NATIVE_NODE));
	struct ioas ioas;

	must(iommufd_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, !!by));
	ioas = must_ioas(fd);
	must(iommufd_vfio_ioas(ioas.fd, IOMMU_VFIO_IOAS_SET, ioas.id));
	must(container_set_iommu(ioas.fd, VFIO_TYPE1v2_IOMMU));
	must(mock_new(ioas.fd, ioas.id, 0, mock));
	return ioas;
}

/* What was charged is given back, also if the memory has moved to who is not limited. */
TEST_F(accounting, moved)
{
	const struct rlimit limit = { LIMIT * PAGE, LIMIT * PAGE };
	int mode = variant->by, i;
	struct ioas ioas;
	struct mock mock;
	pid_t pid;

	if (!mock_present(self->c.fd))
		SKIP(return, NEEDS_MOCK);
	ioas = open_container(mode, &mock);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		CHECK(!setrlimit(RLIMIT_MEMLOCK, &limit));
		for (i = 0; i < 2; i++) {
			CHECK(!set_limited(true));
			CHECK(!map_pages(ioas, IOVA, self->mem, LIMIT));
			CHECK(is_charged(mode, LIMIT));
			CHECK(!container_give_up(ioas.fd, IOVA, LIMIT * PAGE));
			CHECK(!set_limited(false));
			CHECK(!container_take_over(ioas.fd, IOVA, self->mem,
						   LIMIT * PAGE));
			CHECK(!unmap_pages(ioas, IOVA, LIMIT));
			CHECK(is_charged(mode, 0));
		}
		_exit(0);
	}
	EXPECT_EQ(0, result_of(pid));
	close(ioas.fd);
}

TEST_HARNESS_MAIN
