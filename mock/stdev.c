// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock device that is bound to a context, as an object: what VFIO's device file
 * is for a real device. Destroying it detaches, unbinds and removes the device.
 */
#include <linux/cleanup.h>

#include "internal.h"

/**
 * struct mock_stdev - a mock device and its binding
 * @obj: the object
 * @mdev: [I] the device
 * @idev: [I] its binding
 */
struct mock_stdev {
	struct iommufd_object obj;
	struct mock_device *mdev;
	struct iommufd_device *idev;
};

/**
 * iommufd_stdev_free() - unmake a bound mock device
 * @obj: built as far as it got
 */
void iommufd_stdev_free(struct iommufd_object *obj)
{
	struct mock_stdev *stdev = container_of(obj, struct mock_stdev, obj);

	if (stdev->idev) {
		scoped_guard(rwsem_write, &stdev->mdev->attach_lock)
			iommufd_device_detach(stdev->idev, IOMMU_NO_PASID);
		iommufd_device_unbind(stdev->idev);
	}
	if (stdev->mdev)
		mock_device_destroy(stdev->mdev);
}

static struct mock_stdev *get_stdev(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ucmd->ictx, cmd->id, IOMMUFD_OBJ_SELFTEST);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct mock_stdev, obj);
}

/*
 * Make a device, bind and attach it. Whatever fails: the dispatcher aborts the
 * object, and that undoes what there is.
 */
static int attach_new(struct iommufd_ucmd *ucmd, u32 flags)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 pt_id = cmd->id, idev_id;
	struct iommufd_object *obj;
	struct iommufd_device *idev;
	struct mock_stdev *stdev;
	struct mock_device *mdev;
	int rc;

	obj = iommufd_object_new(ucmd->ictx, sizeof(*stdev),
				 IOMMUFD_OBJ_SELFTEST);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	ucmd->new_obj = obj;
	stdev = container_of(obj, struct mock_stdev, obj);

	mdev = mock_device_new(flags);
	if (IS_ERR(mdev))
		return PTR_ERR(mdev);
	stdev->mdev = mdev;
	idev = iommufd_device_bind(ucmd->ictx, &mdev->dev, &idev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	stdev->idev = idev;
	scoped_guard(rwsem_write, &mdev->attach_lock)
		rc = iommufd_device_attach(idev, IOMMU_NO_PASID, &pt_id);
	if (rc)
		return rc;

	cmd->mock_domain.out_stdev_id = obj->id;
	cmd->mock_domain.out_hwpt_id = pt_id;
	cmd->mock_domain.out_idev_id = idev_id;
	return 0;
}

int mock_attach_new(struct iommufd_ucmd *ucmd)
{
	return attach_new(ucmd, 0);
}

int mock_attach_new_flags(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;

	return attach_new(ucmd, cmd->mock_domain_flags.dev_flags);
}

int mock_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_stdev *stdev = get_stdev(ucmd);
	int rc;

	if (IS_ERR(stdev))
		return PTR_ERR(stdev);
	scoped_guard(rwsem_write, &stdev->mdev->attach_lock)
		rc = iommufd_device_replace(stdev->idev, IOMMU_NO_PASID,
					    &cmd->mock_domain_replace.pt_id);
	iommufd_object_put(ucmd->ictx, &stdev->obj);
	return rc;
}
