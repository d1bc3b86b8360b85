/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory that is mapped for devices and that the kernel reads and writes: windows
 * of the address space, one for each kind, in which all threads map, unmap, move and
 * protect pages. The program itself never touches them. Nothing else is near.
 */
#ifndef FUZZ_WINDOWS_H
#define FUZZ_WINDOWS_H

#include <stddef.h>
#include <linux/types.h>

#include "rng.h"

enum window {
	W_BASE,
	W_HUGE,			/* transparent huge pages */
	W_SHARED,		/* a memfd */
	W_PRIVATE,		/* the same memfd, copied on write */
	W_HUGETLB,
	W_REGISTERS,		/* of a device of VFIO: the first BAR */
	W_VIOMMU,		/* what a vIOMMU offers for mmap() */
	NR_WINDOWS,
};

#define WINDOW_SIZE	(4UL << 20)

/* Maps them, but for the last two. */
void windows_open(void);
void windows_close(void);

/* An address in one of them, a multiple of @align */
__u64 window_address(struct rng *rng, __u64 align);
__u64 window_start(enum window window);

/* Does something to a few pages. Returns what it is called; *rc is its result. */
const char *window_step(struct rng *rng, int *rc);

#endif
