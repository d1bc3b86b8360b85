/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VFIO device without hardware: a port of "mtty", which is among the samples of
 * the kernel. It does no DMA; to iommufd it is a driver that accesses an IOAS.
 */
#ifndef LIB_MDEV_H
#define LIB_MDEV_H

#include "must.h"

struct mdev {
	char uuid[37];
};

/* ENODEV when this kernel has no such driver. Root only. */
int mdev_create(struct mdev *mdev);
/* Waits until nobody has the device open. */
int mdev_remove(const struct mdev *mdev);
/* The fd of the device, see vfio_open(). */
int mdev_open(const struct mdev *mdev);

#endif
