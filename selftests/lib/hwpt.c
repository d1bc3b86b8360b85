// SPDX-License-Identifier: GPL-2.0-only
#include "hwpt.h"

int run_hwpt_alloc(int fd, struct iommu_hwpt_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_HWPT_ALLOC, cmd) ?: (int)cmd->out_hwpt_id;
}

int run_viommu_alloc(int fd, struct iommu_viommu_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, cmd) ?:
	       (int)cmd->out_viommu_id;
}

int run_vdevice_alloc(int fd, struct iommu_vdevice_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_VDEVICE_ALLOC, cmd) ?:
	       (int)cmd->out_vdevice_id;
}

int run_hw_queue_alloc(int fd, struct iommu_hw_queue_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_HW_QUEUE_ALLOC, cmd) ?:
	       (int)cmd->out_hw_queue_id;
}

int run_get_hw_info(int fd, struct iommu_hw_info *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_GET_HW_INFO, cmd);
}

int run_get_dirty_bitmap(int fd, struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, cmd);
}

int run_invalidate(int fd, struct iommu_hwpt_invalidate *cmd)
{
	cmd->size = sizeof(*cmd);
	return iommufd_ioctl(fd, IOMMU_HWPT_INVALIDATE, cmd);
}

int fault_queue_alloc(int fd, struct event_queue *queue)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommufd_ioctl(fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	if (!rc)
		*queue = (struct event_queue){ cmd.out_fault_id,
					       cmd.out_fault_fd };
	return rc;
}

int veventq_alloc(int fd, __u32 viommu, __u32 type, __u32 depth,
		  struct event_queue *queue)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (!rc)
		*queue = (struct event_queue){ cmd.out_veventq_id,
					       cmd.out_veventq_fd };
	return rc;
}

int hwpt_track_dirty(int fd, __u32 hwpt, bool enable)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = enable ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return iommufd_ioctl(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}
