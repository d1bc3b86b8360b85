// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>

#include "hwpt.h"
#include "mockmem.h"

int mock_hwpt_huge(struct ioas ioas, __u32 device)
{
	const struct iommu_hwpt_selftest data = {
		.pagetable_type = MOCK_IOMMUPT_HUGE,
	};

	return HWPT_ALLOC(ioas.fd, .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			  .dev_id = device, .pt_id = ioas.id,
			  .data_type = IOMMU_HWPT_DATA_SELFTEST,
			  .data_len = sizeof(data),
			  .data_uptr = (uintptr_t)&data);
}

int mock_check_map(const struct mock *mock, struct iova_range range,
		   const void *va)
{
	return MOCK_OP(range.ioas.fd, MD_CHECK_MAP, .id = mock->hwpt,
		       .check_map = { range.iova, range.length,
				      (uintptr_t)va });
}

int mock_check_pins(int fd, const void *va, __u64 length, __u32 pins)
{
	return MOCK_OP(fd, MD_CHECK_REFS,
		       .check_refs = { length, (uintptr_t)va, pins });
}

int mock_access(struct ioas ioas, bool pins)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = ioas.id,
	};

	if (pins)
		cmd.create_access.flags =
			MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;
	return mock_op(ioas.fd, &cmd) ?: (int)cmd.create_access.out_access_fd;
}

int mock_pin(int access, struct iova_range range, const void *va)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = access,
		.access_pages = {
			.iova = range.iova,
			.length = range.length,
			.uptr = (uintptr_t)va,
		},
	};

	return mock_op(range.ioas.fd, &cmd) ?:
	       (int)cmd.access_pages.out_access_pages_id;
}

int mock_unpin(int fd, int access, __u32 item)
{
	return MOCK_OP(fd, DESTROY_ACCESS_PAGES, .id = access,
		       .destroy_access_pages.access_pages_id = item);
}

int mock_rw(int access, struct iova_range range, void *data, __u32 flags)
{
	return MOCK_OP(range.ioas.fd, ACCESS_RW, .id = access,
		       .access_rw = { range.iova, range.length,
				      (uintptr_t)data, flags });
}
