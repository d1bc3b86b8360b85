// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock device that is bound to a context, as an object: what VFIO's device file
 * is for a real device. Destroying it detaches, unbinds and removes the device.
 */
#include <linux/cleanup.h>
#include <linux/xarray.h>

#include "../../iommu-priv.h"
#include "internal.h"

/**
 * struct mock_stdev - a mock device and its binding
 * @obj: the object
 * @mdev: [I] the device
 * @idev: [I] its binding
 * @pasids: [attach_lock of @mdev] which PASIDs are attached
 */
struct mock_stdev {
	struct iommufd_object obj;
	struct mock_device *mdev;
	struct iommufd_device *idev;
	struct xarray pasids;
};

static void detach_all(struct mock_stdev *stdev)
{
	unsigned long pasid;
	void *entry;

	guard(rwsem_write)(&stdev->mdev->attach_lock);
	xa_for_each(&stdev->pasids, pasid, entry)
		iommufd_device_detach(stdev->idev, pasid);
	iommufd_device_detach(stdev->idev, IOMMU_NO_PASID);
}

/**
 * iommufd_stdev_free() - unmake a bound mock device
 * @obj: built as far as it got
 */
void iommufd_stdev_free(struct iommufd_object *obj)
{
	struct mock_stdev *stdev = container_of(obj, struct mock_stdev, obj);

	if (stdev->idev) {
		detach_all(stdev);
		iommufd_device_unbind(stdev->idev);
	}
	if (stdev->mdev)
		mock_device_destroy(stdev->mdev);
	xa_destroy(&stdev->pasids);
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
	xa_init_flags(&stdev->pasids, XA_FLAGS_ACCOUNT);

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

static void forget_pasid(struct mock_stdev *stdev, u32 pasid)
{
	iommufd_device_detach(stdev->idev, pasid);
	xa_erase(&stdev->pasids, pasid);
}

static int attach_pasid(struct mock_stdev *stdev, struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 pasid = cmd->pasid_attach.pasid;
	int rc;

	guard(rwsem_write)(&stdev->mdev->attach_lock);
	/* Does nothing if it is attached: then the next one has to fail. */
	rc = xa_reserve(&stdev->pasids, pasid, GFP_KERNEL_ACCOUNT);
	if (rc)
		return rc;
	rc = iommufd_device_attach(stdev->idev, pasid, &cmd->pasid_attach.pt_id);
	if (rc) {
		xa_release(&stdev->pasids, pasid);
		return rc;
	}
	xa_store(&stdev->pasids, pasid, xa_mk_value(1), GFP_KERNEL_ACCOUNT);
	rc = mock_respond(ucmd);
	if (rc)
		forget_pasid(stdev, pasid);
	return rc;
}

int mock_pasid_attach(struct iommufd_ucmd *ucmd)
{
	struct mock_stdev *stdev = get_stdev(ucmd);
	int rc;

	if (IS_ERR(stdev))
		return PTR_ERR(stdev);
	rc = attach_pasid(stdev, ucmd);
	iommufd_object_put(ucmd->ictx, &stdev->obj);
	return rc;
}

int mock_pasid_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_stdev *stdev = get_stdev(ucmd);
	int rc;

	if (IS_ERR(stdev))
		return PTR_ERR(stdev);
	scoped_guard(rwsem_write, &stdev->mdev->attach_lock)
		rc = iommufd_device_replace(stdev->idev,
					    cmd->pasid_replace.pasid,
					    &cmd->pasid_replace.pt_id);
	iommufd_object_put(ucmd->ictx, &stdev->obj);
	return rc;
}

int mock_pasid_detach(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_stdev *stdev = get_stdev(ucmd);

	if (IS_ERR(stdev))
		return PTR_ERR(stdev);
	scoped_guard(rwsem_write, &stdev->mdev->attach_lock)
		forget_pasid(stdev, cmd->pasid_detach.pasid);
	iommufd_object_put(ucmd->ictx, &stdev->obj);
	return 0;
}

/* What the iommu core thinks is attached */
static struct iommu_domain *attached_domain(struct mock_stdev *stdev, u32 pasid)
{
	struct iommu_attach_handle *handle;

	guard(rwsem_read)(&stdev->mdev->attach_lock);
	handle = iommu_attach_handle_get(stdev->idev->igroup->group, pasid, 0);
	return IS_ERR(handle) ? NULL : handle->domain;
}

static int check_domain(struct iommufd_ctx *ictx, u32 hwpt_id,
			struct iommu_domain *domain)
{
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_object *obj;
	int rc = -EINVAL;

	if (!hwpt_id)
		return domain ? -EINVAL : 0;
	obj = iommufd_object_get(ictx, hwpt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	if (obj->type == IOMMUFD_OBJ_HWPT_PAGING ||
	    obj->type == IOMMUFD_OBJ_HWPT_NESTED) {
		hwpt = container_of(obj, struct iommufd_hw_pagetable, obj);
		rc = hwpt->domain == domain ? 0 : -EINVAL;
	}
	iommufd_object_put(ictx, obj);
	return rc;
}

int mock_pasid_check(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_stdev *stdev = get_stdev(ucmd);
	struct iommu_domain *domain;

	if (IS_ERR(stdev))
		return PTR_ERR(stdev);
	domain = attached_domain(stdev, cmd->pasid_check.pasid);
	iommufd_object_put(ucmd->ictx, &stdev->obj);
	return check_domain(ucmd->ictx, cmd->pasid_check.hwpt_id, domain);
}

/**
 * mock_idev_get() - find a bound device that is one of the mock
 * @ictx: the context
 * @id: its id
 *
 * Return: the device, until iommufd_object_put(); ERR_PTR(-ENOENT) no such
 * device, ERR_PTR(-EINVAL) it is a real one.
 */
struct iommufd_device *mock_idev_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_device *idev;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	idev = container_of(obj, struct iommufd_device, obj);
	if (!iommufd_is_mock(idev->dev)) {
		iommufd_object_put(ictx, obj);
		return ERR_PTR(-EINVAL);
	}
	return idev;
}
