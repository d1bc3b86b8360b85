/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's "edu" PCI device (docs/specs/edu.rst in QEMU): a buffer of 4 KiB, and
 * an engine that copies between the buffer and memory by DMA.
 */
#ifndef LIB_EDU_H
#define LIB_EDU_H

#include <linux/types.h>

#include "vfio_device.h"

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8
#define EDU_BUFFER	4096	/* bytes */

/* A register that keeps the inverse of the 32 bits that are written to it */
#define EDU_CHECK	4

struct edu {
	struct pci_address pci;
	char *regs;		/* NULL when it is closed */
	int fd;
	__u32 id;		/* in the iommufd it is bound to */
};

/*
 * One device, or two of one IOMMU group or of two, in groups that the kernel
 * itself does not use. ENODEV when this machine has none.
 */
int edu_find_one(struct pci_address *pci);
int edu_find_pair(bool same_group, struct pci_address *pair);

/* Open the device, bind it to @iommufd and let it do DMA. */
int edu_open(struct edu *edu, const struct pci_address *pci, int iommufd);
/* The same for @fd, a device of a group that is in a container. */
int edu_start(struct edu *edu, const struct pci_address *pci, int fd);
/* Does nothing when it is closed already. */
void edu_close(struct edu *edu);

/*
 * Copy @count bytes between an IOVA and byte @at of the buffer. Returns when the
 * device is done, which says nothing about whether the IOMMU let it through.
 */
int edu_from_memory(struct edu *edu, __u64 iova, __u32 at, __u32 count);
int edu_to_memory(struct edu *edu, __u64 iova, __u32 at, __u32 count);

/* Have the device send its interrupt, see vfio_msi(). */
void edu_interrupt(struct edu *edu);

#endif
