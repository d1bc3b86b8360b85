// SPDX-License-Identifier: GPL-2.0-only
/*
 * vDEVICEs: what a device is to the guest of a vIOMMU.
 *
 * A vDEVICE ends either because the user destroys it or because its device is
 * unbound. In the second case the object is taken from the user: its id names
 * nothing any more, and is not given out again as long as the context lives, so
 * that a user who does not know it yet cannot destroy something else by it.
 *
 * &iommufd_ctx.vdevices_mutex orders the two; inside of it, a vDEVICE and a device
 * belong together under the lock of the device's group.
 */
#include <linux/iommu.h>

#include "iommufd_private.h"

/* Nobody finds it from here on, neither drivers nor its device. */
static void dismantle(struct iommufd_vdevice *vdev)
{
	struct iommufd_device *idev = vdev->idev;

	lockdep_assert_held(&vdev->viommu->ictx->vdevices_mutex);
	guard(mutex)(&idev->igroup->lock);
	/* The driver may still look it up meanwhile. */
	if (vdev->destroy)
		vdev->destroy(vdev);
	xa_erase(&vdev->viommu->vdevs, vdev->virt_id);
	idev->vdev = NULL;
	vdev->idev = NULL;
}

void iommufd_vdevice_free(struct iommufd_object *obj)
{
	struct iommufd_vdevice *vdev =
		container_of(obj, struct iommufd_vdevice, obj);
	struct iommufd_viommu *viommu = vdev->viommu;

	scoped_guard(mutex, &viommu->ictx->vdevices_mutex)
		if (vdev->idev)
			dismantle(vdev);
	iommufd_object_unkeep(&viommu->obj);
}

/**
 * iommufd_vdevice_bury() - a device is being unbound
 * @idev: the device; has no vDEVICE afterwards, nor can it get one
 *
 * Context: process context, may sleep.
 */
void iommufd_vdevice_bury(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_vdevice *vdev;
	bool taken = false;

	scoped_guard(mutex, &ictx->vdevices_mutex) {
		idev->unbinding = true;
		vdev = idev->vdev;
		if (!vdev)
			return;
		dismantle(vdev);
		taken = iommufd_object_entomb(ictx, &vdev->obj);
	}
	/* If not, whoever is making or destroying it does that. */
	if (taken)
		iommufd_object_free_entombed(ictx, &vdev->obj);
}

static struct iommufd_vdevice *new_vdevice(struct iommufd_ucmd *ucmd,
					   struct iommufd_viommu *viommu)
{
	size_t size = viommu->ops->vdevice_size ?:
		      sizeof(struct iommufd_vdevice);
	struct iommufd_vdevice *vdev;
	struct iommufd_object *obj;

	if (WARN_ON_ONCE(size < sizeof(*vdev) ||
			 (viommu->ops->vdevice_size &&
			  !viommu->ops->vdevice_init)))
		return ERR_PTR(-EOPNOTSUPP);
	obj = iommufd_object_new(ucmd->ictx, size, IOMMUFD_OBJ_VDEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	vdev = container_of(obj, struct iommufd_vdevice, obj);
	vdev->viommu = viommu;
	iommufd_object_keep(&viommu->obj);
	ucmd->new_obj = obj;
	return vdev;
}

static int reserve_virt_id(struct iommufd_viommu *viommu, unsigned long virt_id)
{
	int rc = xa_insert(&viommu->vdevs, virt_id, NULL, GFP_KERNEL_ACCOUNT);

	return rc == -EBUSY ? -EEXIST : rc;
}

/* Make device and vDEVICE belong together. */
static int join_device(struct iommufd_vdevice *vdev, struct iommufd_device *idev,
		       u64 virt_id)
{
	struct iommufd_viommu *viommu = vdev->viommu;
	int rc;

	guard(mutex)(&viommu->ictx->vdevices_mutex);
	if (idev->unbinding)
		return -ENOENT;
	if (idev->vdev)
		return -EEXIST;
	guard(mutex)(&idev->igroup->lock);
	rc = reserve_virt_id(viommu, virt_id);
	if (rc)
		return rc;
	vdev->virt_id = virt_id;
	vdev->idev = idev;
	if (viommu->ops->vdevice_init)
		rc = viommu->ops->vdevice_init(vdev);
	if (rc) {
		if (vdev->destroy)
			vdev->destroy(vdev);
		vdev->idev = NULL;
		xa_release(&viommu->vdevs, virt_id);
		return rc;
	}
	idev->vdev = vdev;
	xa_store(&viommu->vdevs, virt_id, vdev, GFP_KERNEL);
	return 0;
}

static int alloc_for(struct iommufd_ucmd *ucmd, struct iommufd_viommu *viommu)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_vdevice *vdev;
	struct iommufd_device *idev;
	int rc = -EINVAL;

	idev = iommufd_device_get(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	if (iommufd_viommu_serves(viommu, idev)) {
		vdev = new_vdevice(ucmd, viommu);
		rc = PTR_ERR_OR_ZERO(vdev);
		if (!rc)
			rc = join_device(vdev, idev, cmd->virt_id);
		if (!rc)
			cmd->out_vdevice_id = vdev->obj.id;
	}
	iommufd_device_put(idev);
	return rc;
}

/**
 * iommufd_vdevice_alloc() - IOMMU_VDEVICE_ALLOC
 * @ucmd: the call
 *
 * Return: 0; -EINVAL; -ENOENT no such vIOMMU or device, or it is being unbound;
 * -EEXIST the device has a vDEVICE, or the vIOMMU one of this ID; -ENOMEM; or what
 * the IOMMU driver says. (uapi-behaviour.md 10.2)
 */
int iommufd_vdevice_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	int rc;

	if (cmd->virt_id > ULONG_MAX)
		return -EINVAL;
	viommu = iommufd_viommu_get(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	rc = alloc_for(ucmd, viommu);
	iommufd_viommu_put(viommu);
	return rc;
}
