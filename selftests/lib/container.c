// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "container.h"

static int result(int rc)
{
	return rc < 0 ? -errno : rc;
}

int container_open(const char *node)
{
	return result(open(node, O_RDWR | O_CLOEXEC));
}

int container_set_iommu(int container, int type)
{
	return result(ioctl(container, VFIO_SET_IOMMU, type));
}

int container_map(int container, __u64 iova, const void *va, __u64 size,
		  __u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = size,
	};

	return result(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
}

int container_unmap(int container, __u64 iova, __u64 size, __u64 *unmapped)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};
	int rc = result(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));

	if (!rc && unmapped)
		*unmapped = unmap.size;
	return rc;
}

int container_give_up(int container, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_VADDR,
		.iova = iova,
		.size = size,
	};

	return result(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

int container_take_over(int container, __u64 iova, const void *va, __u64 size)
{
	return container_map(container, iova, va, size, VFIO_DMA_MAP_FLAG_VADDR);
}

int group_open(const struct pci_address *pci)
{
	int group = pci_group(pci);
	char path[32];

	if (group < 0)
		return group;
	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	return result(open(path, O_RDWR | O_CLOEXEC));
}

int group_set_container(int group, int container)
{
	return result(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
}

int group_unset_container(int group)
{
	return result(ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
}

int group_device(int group, const struct pci_address *pci)
{
	return result(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, pci->name));
}
