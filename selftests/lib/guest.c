// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>
#include <unistd.h>

#include "guest.h"

void guest_open(struct guest *guest)
{
	struct iommu_viommu_selftest data = { .in_data = 0x12345678 };
	int fd = must(iommufd_open());

	*guest = (struct guest){ .fd = fd, .ioas = must_ioas(fd) };
	must(mock_new(fd, guest->ioas.id, 0, &guest->dev));
	guest->parent = must(hwpt_alloc(guest->ioas, guest->dev.idev,
					IOMMU_HWPT_ALLOC_NEST_PARENT));
	must(mock_replace(fd, &guest->dev, guest->parent));
	guest->dev.hwpt = guest->parent;
	guest->viommu = must(VIOMMU_ALLOC(fd, .dev_id = guest->dev.idev,
					  .hwpt_id = guest->parent,
					  .type = IOMMU_VIOMMU_TYPE_SELFTEST,
					  .data_len = sizeof(data),
					  .data_uptr = (uintptr_t)&data));
	guest->in_data = data.in_data;
	guest->mmap_offset = data.out_mmap_offset;
	guest->mmap_length = data.out_mmap_length;
}

void guest_close(struct guest *guest)
{
	if (guest->fd >= 0)
		close(guest->fd);
	guest->fd = -1;
}

int guest_nested(struct guest *guest, __u32 device, __u32 pt_id)
{
	const struct iommu_hwpt_selftest data = {
		.iotlb = IOMMU_TEST_IOTLB_DEFAULT,
	};

	return HWPT_ALLOC(guest->fd, .dev_id = device, .pt_id = pt_id,
			  .data_type = IOMMU_HWPT_DATA_SELFTEST,
			  .data_len = sizeof(data),
			  .data_uptr = (uintptr_t)&data);
}

int guest_vdevice(struct guest *guest, __u32 device, __u64 virt_id)
{
	return VDEVICE_ALLOC(guest->fd, .viommu_id = guest->viommu,
			     .dev_id = device, .virt_id = virt_id);
}

void guest_attach(struct guest *guest, __u64 virt_id)
{
	must(guest_vdevice(guest, guest->dev.idev, virt_id));
	guest->dev.hwpt = must(guest_nested(guest, guest->dev.idev,
					    guest->viommu));
	must(mock_replace(guest->fd, &guest->dev, guest->dev.hwpt));
}
