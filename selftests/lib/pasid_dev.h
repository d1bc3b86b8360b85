/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device of the VM that does DMA with a PASID (tools/vm/pasid-device/): a
 * buffer of a page, and an engine that copies between it and memory.
 */
#ifndef LIB_PASID_DEV_H
#define LIB_PASID_DEV_H

#include "../../tools/vm/pasid-device/regs.h"
#include "vfio_device.h"

/* DMA of the device as such, by its RID alone */
#define NO_PASID	PASID_DEV_NO_PASID

struct pasid_dev {
	struct pci_address pci;
	char *regs;		/* NULL when it is closed */
	int fd;
	__u32 id;		/* in the iommufd it is bound to */
};

/* One device. ENODEV when this machine has none. */
int pasid_dev_find(struct pci_address *pci);
/* Two of one IOMMU group, and an edu device that is in it too */
int pasid_dev_find_group(struct pci_address *pair, struct pci_address *edu);

/* Open the device, bind it to @iommufd and let it do DMA. */
int pasid_dev_open(struct pasid_dev *dev, const struct pci_address *pci,
		   int iommufd);
/* Does nothing when it is closed already. */
void pasid_dev_close(struct pasid_dev *dev);
/* Has the kernel switched on its PASID capability? */
bool pasid_dev_enabled(struct pasid_dev *dev);

/*
 * Copy @length bytes from an IOVA to the start of the buffer, or the other way.
 * EFAULT when the IOMMU did not let it through, EPERM when the device did not even
 * try, as PASIDs or its DMA are not switched on.
 */
int pasid_dev_load(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		   __u32 length);
int pasid_dev_store(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		    __u32 length);

/*
 * A transfer for which the device asks for the pages that are not there. It has
 * PASID_DEV_CHANNELS channels, each for one transfer at a time.
 */
struct pasid_dma {
	__u64 iova;
	__u32 pasid;
	__u32 offset;		/* in the buffer */
	__u32 length;
	bool store;		/* to memory */
};

/* Has the kernel switched on its page requests? */
bool pasid_dev_asks(struct pasid_dev *dev);
int pasid_dev_start(struct pasid_dev *dev, int channel,
		    const struct pasid_dma *dma);
/*
 * 0 when the transfer is over. EINPROGRESS while the device waits for the answer,
 * EACCES when that is that there are no such pages, EFAULT when there is still no
 * page or it may not be accessed like this, EPERM as above, ENODATA when no transfer
 * was started since the last reset.
 */
int pasid_dev_state(struct pasid_dev *dev, int channel);
/* The same once it is not EINPROGRESS any longer; that after ten seconds */
int pasid_dev_result(struct pasid_dev *dev, int channel);

/* The buffer, as the CPU reads and writes it: a page */
void pasid_dev_get(struct pasid_dev *dev, void *page);
void pasid_dev_put(struct pasid_dev *dev, const void *page);

#endif
