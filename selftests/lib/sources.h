/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is rarer than that of memory.h, and files that have memory behind
 * them. Root only.
 */
#ifndef LIB_SOURCES_H
#define LIB_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "memory.h"

#define MTHP	(64 * KIB)

/*
 * As mem_base(). mem_mthp() and mem_shared_thp() are touched already; mem_mthp() is
 * less than a huge page.
 */
void *mem_shared(size_t size);
void *mem_private_file(size_t size);
void *mem_mthp(size_t size);
void *mem_shared_thp(size_t size);
void *mem_hugetlb_1g(size_t size);

/* The numbers of the frames of memory that is touched; 0 where there is none */
int mem_frames(const void *mem, size_t npages, __u64 *frames);
/* Do the frames of @mem come in aligned pieces of @unit bytes? */
bool mem_is_made_of(const void *mem, size_t size, size_t unit);

/*
 * The fd of a new file of @size bytes, alone in a file system of @type that goes with
 * the file. Without a @device it needs none, else it is a disk that is overwritten
 * unless there is one already.
 * -ENODEV: the kernel does not have it.
 */
int file_in(const char *type, const char *device, const char *options,
	    size_t size);

#define DISK	"/dev/ram0"
#define DAX	"/dev/pmem0"	/* memory that is a disk: memmap=SIZE!START */

/* Write @text to @path: a switch of the kernel. */
int write_switch(const char *path, const char *text);

#endif
