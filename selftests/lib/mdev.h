/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO devices without hardware: to iommufd, drivers that access an IOAS. The
 * first three are samples of the kernel, and do no DMA. The fourth is ours, see
 * copyengine.h.
 */
#ifndef LIB_MDEV_H
#define LIB_MDEV_H

#include "must.h"

enum mdev_kind {
	MDEV_MTTY,
	MDEV_MDPY,
	MDEV_MBOCHS,
	MDEV_COPYENGINE,
};

struct mdev {
	char uuid[37];
};

/* ENODEV when this kernel has no such driver. Root only. */
int mdev_create(struct mdev *mdev, enum mdev_kind kind);
/* Waits until nobody has the device open. */
int mdev_remove(const struct mdev *mdev);
/* The fd of the device, see vfio_open(). */
int mdev_open(const struct mdev *mdev);
/*
 * The old way: the fd of the device's group, which joins an iommufd. Its device is
 * then bound when it is opened, and attached to the IOAS of IOMMU_VFIO_IOAS.
 */
int mdev_open_group(const struct mdev *mdev, int iommufd);
int mdev_open_by_group(const struct mdev *mdev, int group);

#endif
