// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty pages of a VFIO container whose IOMMU can track them. Only the mock IOMMU can,
 * and no group of VFIO has a mock device: the IOAS is chosen by hand.
 */
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/container.h"
#include "lib/context.h"
#include "lib/hwpt.h"
#include "lib/mockdev.h"
#include "test.h"

#define IOVA	0x40000000UL
#define PAGES	70UL
#define ALL	(~0ULL)
/* The bits of the last word */
#define REST	((1ULL << (PAGES - 64)) - 1)
#define FILLER	0x5a

FIXTURE(container_dirty)
{
	int fd;
	int pinned;
	__u32 ioas;
	char *mem;
	/* What GET_BITMAP has put into the bitmap, and what is behind */
	__u64 bits[3];
};

FIXTURE_SETUP(container_dirty)
{
	self->pinned = must(pinned_pages());
	self->fd = must(container_open(NATIVE_NODE));
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	self->ioas = must(ioas_alloc(self->fd));
	must(iommufd_vfio_ioas(self->fd, IOMMU_VFIO_IOAS_SET, self->ioas));
	must(container_set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	/* A large page of the IOMMU is dirty as a whole. */
	must(iommufd_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES, self->ioas,
				0));
	self->mem = must_ptr(mem_base(PAGES * PAGE));
	must(container_map(self->fd, IOVA, self->mem, PAGES * PAGE, DMA_RW));
}

FIXTURE_TEARDOWN(container_dirty)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

static int set_flag(int fd, __u32 flag)
{
	const struct vfio_iommu_type1_dirty_bitmap cmd = {
		.argsz = sizeof(cmd),
		.flags = flag,
	};

	return ioctl(fd, VFIO_IOMMU_DIRTY_PAGES, &cmd) ? -errno : 0;
}

#define START()	set_flag(self->fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START)
#define STOP()	set_flag(self->fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP)

static int get_bits_of(int fd, __u64 iova, __u64 size, void *to)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap cmd;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.cmd.argsz = sizeof(arg),
		.cmd.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = { iova, size, { PAGE, (size / PAGE + 63) / 64 * sizeof(__u64),
				       to } },
	};

	return ioctl(fd, VFIO_IOMMU_DIRTY_PAGES, &arg) ? -errno : 0;
}

static int get_bits(int fd, void *to)
{
	return get_bits_of(fd, IOVA, PAGES * PAGE, to);
}

static int unmap_with_bits(int fd, void *to)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = { sizeof(arg), VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			   IOVA, PAGES * PAGE },
		.bitmap = { PAGE, 2 * sizeof(__u64), to },
	};

	return ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &arg) ? -errno : 0;
}

/* The next report has these two words, and touches nothing behind. */
#define EXPECT_BITS(_first, _second)					\
do {									\
	__u64 _behind;							\
									\
	memset(self->bits, FILLER, sizeof(self->bits));			\
	_behind = self->bits[2];					\
	EXPECT_EQ(0, get_bits(self->fd, self->bits));			\
	EXPECT_EQ(_first, self->bits[0]);				\
	EXPECT_EQ(_second, self->bits[1]);				\
	EXPECT_EQ(_behind, self->bits[2]);				\
} while (0)

#define NEW_DEVICE(_flags, _mock)					\
	must(mock_new(self->fd, self->ioas, _flags, _mock))

/* A device writes to a page. */
#define WRITE(_mock, _page)						\
	must(mock_write_page(self->fd, (_mock).hwpt, IOVA + (_page) * PAGE, PAGE))

TEST_F(container_dirty, writes)
{
	struct mock dev;

	NEW_DEVICE(0, &dev);
	EXPECT_EQ(0, START());
	EXPECT_BITS(0, 0);
	WRITE(dev, 3);
	WRITE(dev, 63);
	WRITE(dev, 64);
	EXPECT_EQ(0, START());
	EXPECT_BITS(1ULL << 3 | 1ULL << 63, 1);
	EXPECT_BITS(0, 0);
	WRITE(dev, PAGES - 1);
	EXPECT_EQ(0, STOP());
	EXPECT_EQ(-EINVAL, get_bits(self->fd, self->bits));
	EXPECT_EQ(0, START());
	EXPECT_BITS(0, 0);
	WRITE(dev, PAGES - 1);
	EXPECT_BITS(0, 1ULL << (PAGES - 65));
}

/* What comes later is tracked, too. */
TEST_F(container_dirty, later)
{
	struct mock dev;

	EXPECT_EQ(0, START());
	EXPECT_BITS(0, 0);
	NEW_DEVICE(0, &dev);
	EXPECT_BITS(0, 0);
	WRITE(dev, 5);
	EXPECT_BITS(1ULL << 5, 0);

	must(container_unmap(self->fd, IOVA, PAGES * PAGE, NULL));
	must(container_map(self->fd, IOVA, self->mem, PAGES * PAGE, DMA_RW));
	EXPECT_BITS(0, 0);
	WRITE(dev, 6);
	EXPECT_BITS(1ULL << 6, 0);
}

TEST_F(container_dirty, unmap)
{
	struct mock dev;

	NEW_DEVICE(0, &dev);
	EXPECT_EQ(0, START());
	WRITE(dev, 2);
	WRITE(dev, 65);
	EXPECT_EQ(0, unmap_with_bits(self->fd, self->bits));
	EXPECT_EQ(1ULL << 2, self->bits[0]);
	EXPECT_EQ(2, self->bits[1]);
	EXPECT_EQ(0, container_map(self->fd, IOVA, self->mem, PAGE, DMA_RW));
}

/* Who leaves without a word may have written anything, and who can tell nothing. */
TEST_F(container_dirty, devices_that_differ)
{
	struct mock dev, silent;

	NEW_DEVICE(0, &dev);
	EXPECT_EQ(0, START());
	EXPECT_BITS(0, 0);
	NEW_DEVICE(MOCK_FLAGS_DEVICE_NO_DIRTY, &silent);
	EXPECT_NE(dev.hwpt, silent.hwpt);
	EXPECT_BITS(ALL, REST);
	EXPECT_BITS(ALL, REST);
	EXPECT_EQ(0, iommufd_destroy(self->fd, silent.stdev));
	EXPECT_BITS(ALL, REST);
	EXPECT_BITS(0, 0);
	WRITE(dev, 9);
	EXPECT_BITS(1ULL << 9, 0);
	EXPECT_EQ(0, iommufd_destroy(self->fd, dev.stdev));
	EXPECT_BITS(ALL, REST);
	EXPECT_BITS(0, 0);
}

/* Where the bitmap cannot be written no bit is lost. */
TEST_F(container_dirty, bad_bitmap)
{
	char *pages = must_ptr(mem_base(2 * PAGE));
	struct mock dev;
	__u64 bits[2];

	NEW_DEVICE(0, &dev);
	EXPECT_EQ(0, START());
	WRITE(dev, 7);
	WRITE(dev, 66);
	EXPECT_EQ(-EFAULT, get_bits(self->fd, NULL));
	munmap(pages + PAGE, PAGE);
	EXPECT_EQ(-EFAULT, get_bits(self->fd, pages + PAGE - sizeof(__u64)));
	EXPECT_EQ(-EFAULT, unmap_with_bits(self->fd, pages + PAGE - sizeof(__u64)));
	/* Of any alignment */
	EXPECT_EQ(0, get_bits(self->fd, pages + 3));
	memcpy(bits, pages + 3, sizeof(bits));
	EXPECT_EQ(1ULL << 7, bits[0]);
	EXPECT_EQ(1ULL << 2, bits[1]);
	EXPECT_BITS(0, 0);
}

/* Kernel users and devices are told of in one bitmap. */
TEST_F(container_dirty, kernel_user)
{
	struct iommu_test_cmd user = { .op = IOMMU_TEST_OP_CREATE_ACCESS,
				       .id = self->ioas };
	struct mock dev;
	char data = 1;

	NEW_DEVICE(0, &dev);
	must(mock_op(self->fd, &user));
	EXPECT_EQ(0, START());
	WRITE(dev, 10);
	EXPECT_EQ(0, MOCK_OP(self->fd, ACCESS_RW,
			     .id = user.create_access.out_access_fd,
			     .access_rw = { IOVA + 68 * PAGE, 1, (__u64)&data,
					    MOCK_ACCESS_RW_WRITE }));
	EXPECT_BITS(1ULL << 10, 1ULL << 4);
	EXPECT_BITS(0, 0);
	close(user.create_access.out_access_fd);
}

#define FAR	(1ULL << 46)
#define MUCH	(1ULL << 41)

/* Who asks for the bits of a very large mapping does not outlive SIGKILL by much. */
TEST_F(container_dirty, killed)
{
	char *much = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *bits = must_ptr(mem_thp(MUCH / PAGE / 8));
	int status;
	long begun;
	pid_t pid;

	must_ptr(much);
	must(container_map(self->fd, FAR, much, MUCH, DMA_RW));
	must(START());
	pid = must(fork());
	if (!pid) {
		while (!get_bits_of(self->fd, FAR, MUCH, bits))
			;
		_exit(1);
	}
	clock_sleep_ms(500);
	begun = clock_ms();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_GT(2000, clock_ms() - begun);
}

/* Device memory may have been taken away and be back: all of it is dirty, always. */
TEST_F(container_dirty, device_memory)
{
	struct context owner;
	struct mock dev;
	char *bar;

	if (context_open(&owner, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	bar = must_ptr(vfio_map_bar(owner.edu[0].fd, 0, PAGES * PAGE));
	NEW_DEVICE(0, &dev);
	must(container_unmap(self->fd, IOVA, PAGES * PAGE, NULL));
	must(container_map(self->fd, IOVA, bar, PAGES * PAGE, DMA_RW));
	EXPECT_EQ(0, START());
	EXPECT_BITS(ALL, REST);
	EXPECT_BITS(ALL, REST);
	munmap(bar, PAGES * PAGE);
	context_close(&owner);
}

/* Version 1 has no such ioctl, and pays for nothing. */
TEST(version_1)
{
	int fd = must(container_open(NATIVE_NODE));
	struct mock dev;
	int ioas;

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	ioas = must(ioas_alloc(fd));
	must(iommufd_vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, ioas));
	must(container_set_iommu(fd, VFIO_TYPE1_IOMMU));
	must(mock_new(fd, ioas, 0, &dev));
	EXPECT_EQ(-EACCES, set_flag(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	EXPECT_EQ(-EOPNOTSUPP, hwpt_track_dirty(fd, dev.hwpt, true));
	close(fd);
}

TEST_HARNESS_MAIN
