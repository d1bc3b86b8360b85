/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The legacy VFIO container: a C function for each ioctl, of the container and of
 * the groups that are in it. All functions are raw (see must.h).
 */
#ifndef LIB_CONTAINER_H
#define LIB_CONTAINER_H

#include <linux/types.h>
#include <linux/vfio.h>

#include "vfio_device.h"

#define NATIVE_NODE	"/dev/vfio/vfio"
#define COMPAT_NODE	"/dev/iommu"

#define DMA_R	VFIO_DMA_MAP_FLAG_READ
#define DMA_W	VFIO_DMA_MAP_FLAG_WRITE
#define DMA_RW	(DMA_R | DMA_W)

/* The fd of an empty container, which is one of the nodes above */
int container_open(const char *node);
int container_set_iommu(int container, int type);
int container_map(int container, __u64 iova, const void *va, __u64 size,
		  __u32 flags);
/* @unmapped (it may be NULL) receives the number of bytes. */
int container_unmap(int container, __u64 iova, __u64 size, __u64 *unmapped);
/* Say that the address of mapped memory is going to change, and what it is now. */
int container_give_up(int container, __u64 iova, __u64 size);
int container_take_over(int container, __u64 iova, const void *va, __u64 size);

/* The fd of the group that a device is in */
int group_open(const struct pci_address *pci);
int group_set_container(int group, int container);
int group_unset_container(int group);
/* The fd of a device of the group, which then can do DMA */
int group_device(int group, const struct pci_address *pci);

#endif
