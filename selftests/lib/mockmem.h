/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock IOMMU as a witness of where IOVA leads to, and the kernel users that it
 * makes. All functions are raw (see must.h).
 */
#ifndef LIB_MOCKMEM_H
#define LIB_MOCKMEM_H

#include "iommu.h"
#include "mockdev.h"

/*
 * A page table that knows only 4 KiB and 1 MiB, and all IOVAs, with dirty tracking. Its
 * ID.
 */
int mock_hwpt_huge(struct ioas ioas, __u32 device);

/* Does @mock translate the range to the memory at @va? EINVAL if it does not. */
int mock_check_map(const struct mock *mock, struct iova_range range,
		   const void *va);
/* Has each page at @va this many pins? EIO if not. */
int mock_check_pins(int fd, const void *va, __u64 length, __u32 pins);

/* The fd of a kernel user. One that @pins cannot do without whole pages. */
int mock_access(struct ioas ioas, bool pins);
/* The item that is pinned. @va is what its pages must be; it may be NULL. */
int mock_pin(int access, struct iova_range range, const void *va);
int mock_unpin(int fd, int access, __u32 item);
/* @flags are MOCK_ACCESS_RW_*; without WRITE it is read. */
int mock_rw(int access, struct iova_range range, void *data, __u32 flags);

#endif
