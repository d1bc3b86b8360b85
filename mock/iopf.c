// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests of mock devices: a test makes one up, and the iommu core takes it
 * to whoever handles it.
 */
#include "internal.h"

static struct iopf_queue *iopf_queue;

/* Without a queue only domains that handle page requests cannot be attached. */
void mock_iopf_init(void)
{
	iopf_queue = iopf_queue_alloc("mock-iopfq");
}

void mock_iopf_exit(void)
{
	iopf_queue_free(iopf_queue);
}

/**
 * mock_iopf_enable() - one more attachment handles page requests of a device
 * @mdev: the device
 *
 * Context: the mutex of the group is held.
 * Return: 0, -ENODEV there is no queue, -ENOMEM.
 */
int mock_iopf_enable(struct mock_device *mdev)
{
	int rc;

	if (!iopf_queue)
		return -ENODEV;
	if (!mdev->iopf_users) {
		rc = iopf_queue_add_device(iopf_queue, &mdev->dev);
		if (rc)
			return rc;
	}
	mdev->iopf_users++;
	return 0;
}

/**
 * mock_iopf_disable() - undo one mock_iopf_enable()
 * @mdev: the device
 *
 * Context: the mutex of the group is held.
 */
void mock_iopf_disable(struct mock_device *mdev)
{
	if (!--mdev->iopf_users)
		iopf_queue_remove_device(iopf_queue, &mdev->dev);
}

static void report_fault(struct mock_device *mdev,
			 const struct iommu_test_cmd *cmd)
{
	struct iopf_fault event = {
		.fault.type = IOMMU_FAULT_PAGE_REQ,
		.fault.prm = {
			.flags = IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
			.pasid = cmd->trigger_iopf.pasid,
			.grpid = cmd->trigger_iopf.grpid,
			.perm = cmd->trigger_iopf.perm,
			.addr = cmd->trigger_iopf.addr,
		},
	};

	if (cmd->trigger_iopf.pasid != IOMMU_NO_PASID)
		event.fault.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
	/* If nobody handles it the core answers; a device cannot tell. */
	guard(rwsem_read)(&mdev->attach_lock);
	iommu_report_device_fault(&mdev->dev, &event);
}

int mock_trigger_iopf(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_device *idev;

	idev = mock_idev_get(ucmd->ictx, cmd->trigger_iopf.dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	report_fault(to_mock_device(idev->dev), cmd);
	iommufd_object_put(ucmd->ictx, &idev->obj);
	return 0;
}
