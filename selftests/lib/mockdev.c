// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "mockdev.h"

int mock_op(int fd, struct iommu_test_cmd *cmd)
{
	int rc;

	cmd->size = sizeof(*cmd);
	rc = ioctl(fd, IOMMU_TEST_CMD, cmd);
	return rc < 0 ? -errno : rc;
}

bool mock_present(int fd)
{
	return mock_op(fd, &(struct iommu_test_cmd){}) != -ENOTTY;
}

int mock_new(int fd, __u32 pt_id, __u32 flags, struct mock *mock)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
		.id = pt_id,
		.mock_domain_flags.dev_flags = flags,
	};
	int rc = mock_op(fd, &cmd);

	if (!rc)
		*mock = (struct mock){ cmd.mock_domain_flags.out_stdev_id,
				       cmd.mock_domain_flags.out_hwpt_id,
				       cmd.mock_domain_flags.out_idev_id };
	return rc;
}

int mock_replace(int fd, const struct mock *mock, __u32 pt_id)
{
	return MOCK_OP(fd, MOCK_DOMAIN_REPLACE, .id = mock->stdev,
		       .mock_domain_replace.pt_id = pt_id);
}

int mock_pasid_attach(int fd, const struct mock *mock, __u32 pasid, __u32 pt_id)
{
	return MOCK_OP(fd, PASID_ATTACH, .id = mock->stdev,
		       .pasid_attach = { pasid, pt_id });
}

int mock_pasid_detach(int fd, const struct mock *mock, __u32 pasid)
{
	return MOCK_OP(fd, PASID_DETACH, .id = mock->stdev,
		       .pasid_detach.pasid = pasid);
}

int mock_page_request(int fd, __u32 idev, __u32 pasid, __u32 grpid, __u64 addr)
{
	return MOCK_OP(fd, TRIGGER_IOPF,
		       .trigger_iopf = { idev, pasid, grpid,
					 IOMMU_PGFAULT_PERM_READ, addr });
}

int mock_vevent(int fd, __u32 idev)
{
	return MOCK_OP(fd, TRIGGER_VEVENT, .trigger_vevent.dev_id = idev);
}

int mock_write(int fd, __u32 hwpt, __u64 iova, __u64 length, __u64 page_size,
	       const void *bits)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = { .iova = iova, .length = length,
			   .page_size = page_size, .uptr = (uintptr_t)bits },
	};

	return mock_op(fd, &cmd) ?: (int)cmd.dirty.out_nr_dirty;
}

int mock_write_page(int fd, __u32 hwpt, __u64 iova, __u64 page_size)
{
	const __u8 bit = 1;

	return mock_write(fd, hwpt, iova, page_size, page_size, &bit);
}
