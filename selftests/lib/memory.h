/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of several kinds to map, and bytes to recognise it by.
 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stddef.h>
#include <linux/types.h>

#include "must.h"

#define KIB	1024UL
#define MIB	(1024 * KIB)
#define PAGE	(4 * KIB)
#define HUGE	(2 * MIB)
#define GIB	(1024 * MIB)

/*
 * @size bytes of anonymous memory, in base pages, in transparent huge pages (as
 * far as the kernel finds some) or in hugetlb pages. MAP_FAILED with errno when
 * there is none. Not touched yet.
 */
void *mem_base(size_t size);
void *mem_thp(size_t size);
void *mem_hugetlb(size_t size);
/* An address with @size bytes behind it that have no memory */
void *mem_none(size_t size);

/* The fd of a memfd; @flags are those of memfd_create(). */
int mem_file(size_t size, unsigned int flags);
void *mem_of_file(int fd, size_t size);

/* Bytes that tell @seed and their offset */
void mem_fill(void *mem, size_t size, __u32 seed);
/* The offset of the first byte that is not as mem_fill() left it, or -1 */
long mem_differs(const void *mem, size_t size, __u32 seed);
/* The same for memory that holds the bytes of @from on. */
long mem_differs_from(const void *mem, size_t size, __u32 seed, size_t from);

#endif
