// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

static void *map(size_t size, int prot, int flags, int fd)
{
	return mmap(NULL, size, prot, flags, fd, 0);
}

/* @size bytes that start at a multiple of a huge page */
static void *map_aligned(size_t size)
{
	char *mem = map(size + HUGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1);
	size_t head;

	if (mem == MAP_FAILED)
		return mem;
	head = -(uintptr_t)mem % HUGE;
	if (head)
		munmap(mem, head);
	munmap(mem + head + size, HUGE - head);
	return mem + head;
}

static void *advised(void *mem, size_t size, int advice)
{
	/* EINVAL: a kernel that has no huge pages */
	if (mem != MAP_FAILED && madvise(mem, size, advice) && errno != EINVAL)
		return MAP_FAILED;
	return mem;
}

void *mem_base(size_t size)
{
	return advised(map_aligned(size), size, MADV_NOHUGEPAGE);
}

void *mem_thp(size_t size)
{
	return advised(map_aligned(size), size, MADV_HUGEPAGE);
}

void *mem_hugetlb(size_t size)
{
	return map(size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

void *mem_none(size_t size)
{
	void *mem = map_aligned(size);

	if (mem != MAP_FAILED)
		munmap(mem, size);
	return mem;
}

int mem_file(size_t size, unsigned int flags)
{
	int fd = memfd_create("selftest", flags | MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		close(fd);
		return -errno;
	}
	return fd;
}

void *mem_of_file(int fd, size_t size)
{
	return map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

static __u8 byte_at(size_t offset, __u32 seed)
{
	__u32 x = (offset / 4 + 1) * 2654435761U ^ seed * 2246822519U;

	return (x ^ x >> 15) >> offset % 4 * 8;
}

void mem_fill(void *mem, size_t size, __u32 seed)
{
	__u8 *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		byte[i] = byte_at(i, seed);
}

long mem_differs_from(const void *mem, size_t size, __u32 seed, size_t from)
{
	const __u8 *byte = mem;
	size_t i;

	for (i = 0; i < size; i++)
		if (byte[i] != byte_at(from + i, seed))
			return i;
	return -1;
}

long mem_differs(const void *mem, size_t size, __u32 seed)
{
	return mem_differs_from(mem, size, seed, 0);
}
