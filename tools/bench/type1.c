// SPDX-License-Identifier: GPL-2.0-only
/*
 * Under test: the legacy container with vfio_iommu_type1. Groups of one container
 * share a domain wherever they can, so there is no second one to copy to, and
 * without a group nothing can be mapped that a later one would attach to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "bench.h"
#include "edu.h"

static int container, group;

static int check(int rc)
{
	return rc < 0 ? -errno : rc;
}

static int type1_open(void)
{
	struct pci_address pci[2];
	char path[32];

	must(edu_find_pair(false, pci));
	snprintf(path, sizeof(path), "/dev/vfio/%d", must(pci_group(&pci[0])));
	container = must(check(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC)));
	group = must(check(open(path, O_RDWR | O_CLOEXEC)));
	must(check(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container)));
	must(check(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)));
	return 0;
}

static void type1_close(void)
{
	close(group);
	close(container);
}

static int type1_map(__u64 iova, void *va, __u64 length)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = length,
	};

	return check(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
}

static int type1_unmap(__u64 iova, __u64 length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};

	return check(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

const struct subject type1_subject = {
	.open = type1_open,
	.close = type1_close,
	.map = type1_map,
	.unmap = type1_unmap,
};
