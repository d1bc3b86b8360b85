// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "pasid_dev.h"

#define MAX_DEVICES	16

/* The first function of this kind in @group, from the one with index @from on */
static int find_in_group(__u16 device, int group, int from,
			 struct pci_address *pci)
{
	struct pci_address all[MAX_DEVICES];
	int i, n = pci_find(PASID_DEV_VENDOR, device, all, MAX_DEVICES);

	for (i = from; i < n && i < MAX_DEVICES; i++) {
		if (pci_group(&all[i]) != group)
			continue;
		*pci = all[i];
		return i;
	}
	return -ENODEV;
}

int pasid_dev_find_group(struct pci_address *pair, struct pci_address *edu)
{
	struct pci_address all[MAX_DEVICES];
	int i, group, n;

	n = pci_find(PASID_DEV_VENDOR, PASID_DEV_DEVICE, all, MAX_DEVICES);
	for (i = 0; i < n && i < MAX_DEVICES; i++) {
		group = pci_group(&all[i]);
		pair[0] = all[i];
		if (find_in_group(PASID_DEV_DEVICE, group, i + 1,
				  &pair[1]) >= 0 &&
		    find_in_group(EDU_DEVICE, group, 0, edu) >= 0)
			return 0;
	}
	return -ENODEV;
}

int pasid_dev_find(struct pci_address *pci)
{
	int n = pci_find(PASID_DEV_VENDOR, PASID_DEV_DEVICE, pci, 1);

	return n < 0 ? n : n ? 0 : -ENODEV;
}

int pasid_dev_open(struct pasid_dev *dev, const struct pci_address *pci,
		   int iommufd)
{
	int rc;

	*dev = (struct pasid_dev){ .pci = *pci, .fd = vfio_open(pci) };
	if (dev->fd < 0)
		return dev->fd;
	rc = vfio_start(dev->fd, iommufd, PASID_DEV_BAR_SIZE, &dev->regs);
	if (rc < 0) {
		close(dev->fd);
		return rc;
	}
	dev->id = rc;
	return 0;
}

void pasid_dev_close(struct pasid_dev *dev)
{
	if (!dev->regs)
		return;
	munmap(dev->regs, PASID_DEV_BAR_SIZE);
	close(dev->fd);
	dev->regs = NULL;
}

/* As with any DMA: memory is written before the command, and read after it. */
static void write_reg(struct pasid_dev *dev, int at, __u32 value)
{
	__atomic_store_n((__u32 *)(dev->regs + at), value, __ATOMIC_RELEASE);
}

static __u32 read_reg(struct pasid_dev *dev, int at)
{
	return __atomic_load_n((__u32 *)(dev->regs + at), __ATOMIC_ACQUIRE);
}

bool pasid_dev_enabled(struct pasid_dev *dev)
{
	return read_reg(dev, PASID_DEV_ENABLED) & PASID_DEV_HAS_PASID;
}

static int transfer(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		    __u32 length, __u32 command)
{
	write_reg(dev, PASID_DEV_PASID, pasid);
	write_reg(dev, PASID_DEV_IOVA_LOW, iova);
	write_reg(dev, PASID_DEV_IOVA_HIGH, iova >> 32);
	write_reg(dev, PASID_DEV_OFFSET, 0);
	write_reg(dev, PASID_DEV_LENGTH, length);
	write_reg(dev, PASID_DEV_COMMAND, command);
	switch (read_reg(dev, PASID_DEV_STATUS)) {
	case PASID_DEV_DONE:
		return 0;
	case PASID_DEV_BLOCKED:
		return -EFAULT;
	case PASID_DEV_REFUSED:
		return -EPERM;
	default:
		return -EIO;
	}
}

int pasid_dev_load(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		   __u32 length)
{
	return transfer(dev, pasid, iova, length, PASID_DEV_LOAD);
}

int pasid_dev_store(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		    __u32 length)
{
	return transfer(dev, pasid, iova, length, PASID_DEV_STORE);
}

void pasid_dev_get(struct pasid_dev *dev, void *page)
{
	__u32 *words = page, at;

	for (at = 0; at < PASID_DEV_BUFFER_SIZE; at += sizeof(*words))
		words[at / sizeof(*words)] =
			read_reg(dev, PASID_DEV_BUFFER + at);
}

void pasid_dev_put(struct pasid_dev *dev, const void *page)
{
	const __u32 *words = page;
	__u32 at;

	for (at = 0; at < PASID_DEV_BUFFER_SIZE; at += sizeof(*words))
		write_reg(dev, PASID_DEV_BUFFER + at,
			  words[at / sizeof(*words)]);
}
