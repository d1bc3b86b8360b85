/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_VFIO_COMPAT_H
#define __IOMMUFD_VFIO_COMPAT_H

/**
 * DOC: The VFIO container
 *
 * A context can be used as a VFIO container. The container's mappings are areas of
 * one IOAS, an ordinary object, to which VFIO attaches the devices of the groups
 * that are put into the container.
 *
 * A container speaks one of two dialects, which differ in what is an error, and in
 * what an unmap does that meets only a part of a mapping:
 *
 * native: it was opened as /dev/vfio/vfio, and does what vfio_iommu_type1 does.
 *
 * compat: /dev/iommu is used as a container, and does what it did in Linux 7.3.
 */

#include <linux/types.h>

struct iommufd_ctx;
struct iommufd_ioas;
struct iommufd_ucmd;

/* vfio_compat.c */
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg);
int iommufd_vfio_ioas(struct iommufd_ucmd *ucmd);
struct iommufd_ioas *iommufd_vfio_get_ioas(struct iommufd_ctx *ictx);
void iommufd_vfio_forsaken(struct iommufd_ctx *ictx);

struct io_range;
struct io_space;
struct vfio_bitmap;

/* vfio_dirty.c */
int iommufd_vfio_check_bitmap(const struct vfio_bitmap *bitmap, u64 size);
int iommufd_vfio_report_dirty(struct iommufd_ioas *ioas,
			      const struct io_range *range,
			      const struct vfio_bitmap *bitmap);
int iommufd_vfio_dirty_pages(struct iommufd_ctx *ictx, void __user *arg);

/* vfio_info.c */
int iommufd_vfio_get_info(struct iommufd_ctx *ictx, void __user *arg);

/* vfio_map.c */
unsigned int iommufd_vfio_map_limit(void);
int iommufd_vfio_map_dma(struct iommufd_ctx *ictx, void __user *arg);
int iommufd_vfio_fit_range(struct io_space *space, const struct io_range *range);
int iommufd_vfio_unmap_dma(struct iommufd_ctx *ictx, void __user *arg);

#endif
