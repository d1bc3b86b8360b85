/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/iommu, second part: what a VMM needs on top of an IO address space. As in
 * iommu.h: raw, and what makes an object returns its ID.
 *
 * What has many members is filled by the caller, with names:
 *
 *	id = must(HWPT_ALLOC(fd, .dev_id = device, .pt_id = ioas));
 */
#ifndef LIB_HWPT_H
#define LIB_HWPT_H

#include <stdbool.h>

#include "iommu.h"

int run_hwpt_alloc(int fd, struct iommu_hwpt_alloc *cmd);
int run_viommu_alloc(int fd, struct iommu_viommu_alloc *cmd);
int run_vdevice_alloc(int fd, struct iommu_vdevice_alloc *cmd);
int run_hw_queue_alloc(int fd, struct iommu_hw_queue_alloc *cmd);
int run_get_hw_info(int fd, struct iommu_hw_info *cmd);
int run_get_dirty_bitmap(int fd, struct iommu_hwpt_get_dirty_bitmap *cmd);
int run_invalidate(int fd, struct iommu_hwpt_invalidate *cmd);

#define HWPT_ALLOC(_fd, ...)						\
	run_hwpt_alloc(_fd, &(struct iommu_hwpt_alloc){ __VA_ARGS__ })
#define VIOMMU_ALLOC(_fd, ...)						\
	run_viommu_alloc(_fd, &(struct iommu_viommu_alloc){ __VA_ARGS__ })
#define VDEVICE_ALLOC(_fd, ...)						\
	run_vdevice_alloc(_fd, &(struct iommu_vdevice_alloc){ __VA_ARGS__ })
#define HW_QUEUE_ALLOC(_fd, ...)					\
	run_hw_queue_alloc(_fd, &(struct iommu_hw_queue_alloc){ __VA_ARGS__ })
#define GET_DIRTY_BITMAP(_fd, ...)					\
	run_get_dirty_bitmap(_fd, &(struct iommu_hwpt_get_dirty_bitmap){ \
				     __VA_ARGS__ })

/* An object with a file of its own */
struct event_queue {
	__u32 id;
	int fd;
};

int fault_queue_alloc(int fd, struct event_queue *queue);
int veventq_alloc(int fd, __u32 viommu, __u32 type, __u32 depth,
		  struct event_queue *queue);

int hwpt_track_dirty(int fd, __u32 hwpt, bool enable);

#endif
