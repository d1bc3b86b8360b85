/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI device that vfio-pci has, through its own file /dev/vfio/devices/vfioN:
 * no group, no container. All functions are raw (see must.h).
 */
#ifndef LIB_VFIO_DEVICE_H
#define LIB_VFIO_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/vfio.h>

#include "must.h"

/* Where a PCI function is, as sysfs spells it: "0000:00:04.0" */
struct pci_address {
	char name[16];
};

/*
 * The functions with this vendor and device ID that are vfio-pci's, in the order
 * of their addresses. Returns how many there are, of which @room are stored.
 */
int pci_find(__u16 vendor, __u16 device, struct pci_address *found, int room);
/* The number of its IOMMU group */
int pci_group(const struct pci_address *pci);
/* Does a driver of the kernel use a device in its group? */
int pci_group_in_use(const struct pci_address *pci);

/* The fd of the device. Nothing can be done with it until it is bound. */
int vfio_open(const struct pci_address *pci);
/* The same for a device that is no PCI function: its directory in sysfs */
int vfio_open_at(const char *sysfs);
/* The device joins an iommufd. Its ID there */
int vfio_bind(int device, int iommufd);
/* The device joins an IOAS or HWPT. The ID of the HWPT */
int vfio_attach(int device, __u32 pt_id);
int vfio_detach(int device);
/* The same for the DMA that it does with @pasid */
int vfio_attach_pasid(int device, __u32 pasid, __u32 pt_id);
int vfio_detach_pasid(int device, __u32 pasid);

/* Let the device start DMA. Off after open. */
int vfio_bus_master(int device, bool on);
/* Let the device answer to accesses to its BARs. On after vfio_bus_master(). */
int vfio_memory(int device, bool on);
/* Registers 0 to @size of a BAR, or MAP_FAILED with errno */
void *vfio_map_bar(int device, int bar, size_t size);
/* The same in the place of what is at @va, unless that is NULL */
void *vfio_map_bar_at(void *va, int device, int bar, size_t size);
/*
 * All that a device needs before it does DMA: bind it, make it bus master, map
 * registers 0 to @size of BAR 0. Its ID
 */
int vfio_start(int device, int iommufd, size_t size, char **regs);
/*
 * Signal an eventfd when the device sends its interrupt as a message (MSI); not any
 * longer with -1.
 */
int vfio_msi(int device, int event);
/* Reset the function, as the device can. */
int vfio_reset(int device);
/* The fd of a dma-buf that consists of @n parts of a BAR */
int vfio_dmabuf(int device, int bar, const struct vfio_region_dma_range *ranges,
		int n);

#endif
