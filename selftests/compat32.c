// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls as a 32-bit program calls them. The structs are the same for both,
 * so this 64-bit program only has to enter the kernel by the other door.
 */
#include <setjmp.h>
#include <signal.h>

#include "test.h"

#define NR_IOCTL_32 54

static sigjmp_buf no_door;

static void on_segv(int signal)
{
	siglongjmp(no_door, 1);
}

/* 0 or -errno. @arg is in the lower 4 GiB. */
static int ioctl32(int fd, unsigned int cmd, void *arg)
{
#ifdef __x86_64__
	long rc;

	asm volatile("int $0x80"
		     : "=a" (rc)
		     : "a" (NR_IOCTL_32), "b" (fd), "c" (cmd), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)rc;
#else
	return -ENOSYS;
#endif
}

FIXTURE(compat32)
{
	struct context c;
	char *low;		/* 2 pages in the lower 4 GiB */
};

FIXTURE_SETUP(compat32)
{
	context_open(&self->c, NO_EDU);
	self->low = must_ptr(mmap((void *)MIB, 2 * PAGE,
				  PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	signal(SIGSEGV, on_segv);
	if ((unsigned long)self->low >> 32 || sigsetjmp(no_door, 1) ||
	    ioctl32(-1, 0, NULL) != -EBADF)
		SKIP(return, "this kernel runs no 32-bit programs");
}

FIXTURE_TEARDOWN(compat32)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

TEST_F(compat32, alloc_and_destroy)
{
	struct iommu_ioas_alloc *alloc = (void *)self->low;
	struct iommu_destroy *destroy = (void *)self->low;
	__u32 id;

	alloc->size = sizeof(*alloc);
	EXPECT_EQ(0, ioctl32(self->c.fd, IOMMU_IOAS_ALLOC, alloc));
	id = alloc->out_ioas_id;
	EXPECT_EQ(self->c.ioas.id + 1, id);
	*destroy = (struct iommu_destroy){ sizeof(*destroy), id };
	EXPECT_EQ(0, ioctl32(self->c.fd, IOMMU_DESTROY, destroy));
	EXPECT_EQ(-ENOENT, ioctl32(self->c.fd, IOMMU_DESTROY, destroy));
}

TEST_F(compat32, map_and_unmap)
{
	struct iommu_ioas_map *map = (void *)self->low;
	__u64 unmapped;

	*map = (struct iommu_ioas_map){
		.size = sizeof(*map),
		.flags = MAP_RW | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = self->c.ioas.id,
		.user_va = addr(self->low + PAGE),
		.length = PAGE,
		.iova = 1ULL << 40,
	};
	EXPECT_EQ(0, ioctl32(self->c.fd, IOMMU_IOAS_MAP, map));
	EXPECT_EQ(-EEXIST, ioctl32(self->c.fd, IOMMU_IOAS_MAP, map));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, 1ULL << 40, PAGE, &unmapped));
	EXPECT_EQ(PAGE, unmapped);
}

TEST_F(compat32, errors)
{
	memset(self->low, 0, PAGE);
	EXPECT_EQ(-EFAULT, ioctl32(self->c.fd, IOMMU_IOAS_ALLOC, NULL));
	EXPECT_EQ(-EINVAL, ioctl32(self->c.fd, IOMMU_IOAS_ALLOC, self->low));
	EXPECT_EQ(-ENOTTY, ioctl32(self->c.fd, _IO(';', 0x7f), self->low));
	*(__u32 *)self->low = 64;
	self->low[32] = 1;
	EXPECT_EQ(-E2BIG, ioctl32(self->c.fd, IOMMU_IOAS_ALLOC, self->low));
}

TEST_HARNESS_MAIN
