// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
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

bool pasid_dev_asks(struct pasid_dev *dev)
{
	return read_reg(dev, PASID_DEV_ENABLED) & PASID_DEV_HAS_PRI;
}

int pasid_dev_state(struct pasid_dev *dev, int channel)
{
	static const int states[] = {
		[PASID_DEV_IDLE] = -ENODATA,
		[PASID_DEV_DONE] = 0,
		[PASID_DEV_BLOCKED] = -EFAULT,
		[PASID_DEV_REFUSED] = -EPERM,
		[PASID_DEV_ASKING] = -EINPROGRESS,
		[PASID_DEV_DENIED] = -EACCES,
	};
	__u32 status = read_reg(dev, channel * PASID_DEV_CHANNEL +
				     PASID_DEV_STATUS);

	return status < sizeof(states) / sizeof(*states) ? states[status] : -EIO;
}

int pasid_dev_result(struct pasid_dev *dev, int channel)
{
	long end = clock_ms() + 10000;
	int state;

	while ((state = pasid_dev_state(dev, channel)) == -EINPROGRESS &&
	       clock_ms() < end)
		usleep(20);	/* who answers needs QEMU, too */
	return state;
}

static int run(struct pasid_dev *dev, int channel, const struct pasid_dma *dma,
	       __u32 command)
{
	int at = channel * PASID_DEV_CHANNEL;

	write_reg(dev, at + PASID_DEV_PASID, dma->pasid);
	write_reg(dev, at + PASID_DEV_IOVA_LOW, dma->iova);
	write_reg(dev, at + PASID_DEV_IOVA_HIGH, dma->iova >> 32);
	write_reg(dev, at + PASID_DEV_OFFSET, dma->offset);
	write_reg(dev, at + PASID_DEV_LENGTH, dma->length);
	write_reg(dev, at + PASID_DEV_COMMAND,
		  command | (dma->store ? PASID_DEV_STORE : PASID_DEV_LOAD));
	return pasid_dev_state(dev, channel);
}

int pasid_dev_start(struct pasid_dev *dev, int channel,
		    const struct pasid_dma *dma)
{
	return run(dev, channel, dma, PASID_DEV_ASK);
}

int pasid_dev_load(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		   __u32 length)
{
	const struct pasid_dma dma = {
		.pasid = pasid, .iova = iova, .length = length,
	};

	return run(dev, 0, &dma, 0);
}

int pasid_dev_store(struct pasid_dev *dev, __u32 pasid, __u64 iova,
		    __u32 length)
{
	const struct pasid_dma dma = {
		.pasid = pasid, .iova = iova, .length = length, .store = true,
	};

	return run(dev, 0, &dma, 0);
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
