// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of 7.3 that are known here but not served yet: EOPNOTSUPP, so that a
 * program sees a feature that is missing and not a kernel that is too old. A row
 * goes when its command comes.
 */
#include <sys/ioctl.h>

#include "test.h"

#define ROW(_cmd, _struct) { #_cmd, _cmd, sizeof(struct _struct) }

static const struct {
	const char *name;
	unsigned int cmd;
	__u32 size;
} rows[] = {
	ROW(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc),
	ROW(IOMMU_GET_HW_INFO, iommu_hw_info),
	ROW(IOMMU_HWPT_SET_DIRTY_TRACKING, iommu_hwpt_set_dirty_tracking),
	ROW(IOMMU_HWPT_GET_DIRTY_BITMAP, iommu_hwpt_get_dirty_bitmap),
	ROW(IOMMU_HWPT_INVALIDATE, iommu_hwpt_invalidate),
	ROW(IOMMU_FAULT_QUEUE_ALLOC, iommu_fault_alloc),
	ROW(IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc),
	ROW(IOMMU_VDEVICE_ALLOC, iommu_vdevice_alloc),
	ROW(IOMMU_VEVENTQ_ALLOC, iommu_veventq_alloc),
	ROW(IOMMU_HW_QUEUE_ALLOC, iommu_hw_queue_alloc),
};

TEST(commands)
{
	__u64 arg[8];
	int i, fd = must(iommufd_open());

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(arg, 0, sizeof(arg));
		memcpy(arg, &rows[i].size, sizeof(rows[i].size));
		EXPECT_EQ(-EOPNOTSUPP, iommufd_ioctl(fd, rows[i].cmd, arg))
			TH_LOG("%s", rows[i].name);
	}
	/* Nothing came into being. */
	EXPECT_EQ(1, ioas_alloc(fd));
	close(fd);
}

TEST(attach_with_pasid)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.flags = VFIO_DEVICE_ATTACH_PASID,
		.pasid = 1,
	};
	struct context c;

	if (context_open(&c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	attach.pt_id = c.ioas.id;
	EXPECT_EQ(-1, ioctl(c.edu[0].fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			    &attach));
	EXPECT_EQ(EOPNOTSUPP, errno);
	context_close(&c);
}

/* In a kernel without CONFIG_IOMMUFD_NOIOMMU this one stays. */
TEST(noiommu_get_pa)
{
	struct iommu_ioas_noiommu_get_pa cmd = { .size = sizeof(cmd) };
	int fd = must(iommufd_open());

	EXPECT_EQ(-EOPNOTSUPP,
		  iommufd_ioctl(fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	close(fd);
}

TEST_HARNESS_MAIN
