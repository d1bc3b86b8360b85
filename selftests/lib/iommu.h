/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/iommu: a C function for each ioctl that the programs here use.
 *
 * All of them are raw (see must.h). What probes a single member of a struct
 * fills the struct itself and calls iommufd_ioctl().
 */
#ifndef LIB_IOMMU_H
#define LIB_IOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/iommufd.h>
#include <linux/types.h>

#include "must.h"

#define MAP_R	IOMMU_IOAS_MAP_READABLE
#define MAP_W	IOMMU_IOAS_MAP_WRITEABLE
#define MAP_RW	(MAP_R | MAP_W)

/* An IO address space: the context that it is in, and its ID there. */
struct ioas {
	int fd;
	__u32 id;
};

/* Part of an IO address space. */
struct iova_range {
	struct ioas ioas;
	__u64 iova;
	__u64 length;
};

int iommufd_open(void);
int iommufd_ioctl(int fd, unsigned long cmd, void *arg);
/* Does /proc/self/fdinfo of @fd have that text? Lines end with a newline. */
bool iommufd_fdinfo_has(int fd, const char *text);
int iommufd_destroy(int fd, __u32 id);
int iommufd_change_process(int fd);

/* Option @id of @object: the value, which is small in all options. */
int iommufd_option_get(int fd, __u32 id, __u32 object);
int iommufd_option_set(int fd, __u32 id, __u32 object, __u64 value);

/* @op is one of IOMMU_VFIO_IOAS_*; GET returns the ID. */
int iommufd_vfio_ioas(int fd, __u16 op, __u32 id);

/* The new ID */
int ioas_alloc(int fd);

/* How many usable ranges there are; at most @room are stored. */
int ioas_ranges(struct ioas ioas, struct iommu_iova_range *ranges, __u32 room);
/* What IOVAs, lengths and addresses have to be a multiple of */
int ioas_alignment(struct ioas ioas);
int ioas_allow(struct ioas ioas, struct iommu_iova_range *ranges, __u32 num);

/* Map @length bytes at @va. The kernel picks the IOVA. */
int ioas_map(struct ioas ioas, void *va, size_t length, __u32 flags,
	     __u64 *iova);
/* Map @to.length bytes at @va to @to. */
int ioas_map_at(struct iova_range to, void *va, __u32 flags);
/* Map a part of a file. */
int ioas_map_file_at(struct iova_range to, int fd, __u64 start, __u32 flags);
/* Map what @from has once more, at the same length. */
int ioas_copy_at(struct ioas to, __u64 iova, struct iova_range from,
		 __u32 flags);
/* @unmapped (it may be NULL) receives the number of bytes. */
int ioas_unmap(struct ioas ioas, __u64 iova, __u64 length, __u64 *unmapped);
int ioas_unmap_all(struct ioas ioas, __u64 *unmapped);

/* A page table of @ioas for a device. Its ID; @flags are IOMMU_HWPT_ALLOC_*. */
int hwpt_alloc(struct ioas ioas, __u32 device, __u32 flags);

/* Asserting forms of what most tests start with */
static inline struct ioas must_ioas(int fd)
{
	return (struct ioas){ .fd = fd, .id = must(ioas_alloc(fd)) };
}

static inline __u64 must_map(struct ioas ioas, void *va, size_t length,
			     __u32 flags)
{
	__u64 iova;

	must(ioas_map(ioas, va, length, flags, &iova));
	return iova;
}

#endif
