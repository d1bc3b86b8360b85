// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: binding one to a context, and what it is afterwards.
 *
 * Happy path: check that the platform is safe, claim the DMA of its group for
 * the context, publish the object; later detach it from everything, wait for
 * ioctls that use it, release the DMA.
 *
 * Unhappy path: the object is aborted, and its free function undoes what there
 * is.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"
#include "mock/mock.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
	"Bind devices whose interrupts are not isolated: whoever has such a device can raise any interrupt of the host");

/* @group may be NULL: of a device without an IOMMU. */
static struct iommufd_group *new_group(struct iommufd_ctx *ictx,
				       struct iommu_group *group)
{
	struct iommufd_group *igroup;
	int rc;

	igroup = kzalloc_obj(*igroup, GFP_KERNEL_ACCOUNT);
	if (!igroup)
		return ERR_PTR(-ENOMEM);
	igroup->ictx = ictx;
	igroup->group = group;
	mutex_init(&igroup->lock);
	xa_init_flags(&igroup->attachments, XA_FLAGS_ACCOUNT);
	iommufd_group_msi_init(&igroup->msi, &ictx->driver);
	if (!group)
		return igroup;
	rc = xa_insert(&ictx->groups, iommu_group_id(group), igroup,
		       GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(igroup);
		return ERR_PTR(rc);
	}
	iommu_group_ref_get(group);
	return igroup;
}

/* The context's record of the group, with one more device in it. */
static struct iommufd_group *get_group(struct iommufd_ctx *ictx,
				       struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	struct iommufd_group *igroup;

	if (!group)
		return ERR_PTR(-ENODEV);
	scoped_guard(mutex, &ictx->groups_mutex) {
		igroup = xa_load(&ictx->groups, iommu_group_id(group));
		if (!igroup)
			igroup = new_group(ictx, group);
		if (!IS_ERR(igroup))
			igroup->ndevices++;
	}
	iommu_group_put(group);
	return igroup;
}

static void put_group(struct iommufd_group *igroup)
{
	struct iommufd_ctx *ictx = igroup->ictx;

	scoped_guard(mutex, &ictx->groups_mutex) {
		if (--igroup->ndevices)
			return;
		if (igroup->group)
			xa_erase(&ictx->groups, iommu_group_id(igroup->group));
	}
	WARN_ON(!xa_empty(&igroup->attachments));
	if (igroup->group)
		iommu_group_put(igroup->group);
	mutex_destroy(&igroup->lock);
	kfree(igroup);
}

static int check_interrupts(struct iommufd_device *idev)
{
	if (iommufd_is_mock(idev->dev) ||
	    iommu_group_has_isolated_msi(idev->igroup->group))
		return 0;
	if (!allow_unsafe_interrupts)
		return -EPERM;
	dev_warn_ratelimited(idev->dev,
			     "interrupts are not isolated, bound all the same as allow_unsafe_interrupts is set\n");
	return 0;
}

void iommufd_device_free(struct iommufd_object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);

	if (idev->owns_dma) {
		scoped_guard(mutex, &idev->ictx->groups_mutex)
			WRITE_ONCE(idev->igroup->nowned,
				   idev->igroup->nowned - 1);
		iommu_device_release_dma_owner(idev->dev);
	}
	if (idev->igroup)
		put_group(idev->igroup);
	put_device(idev->dev);
}

/* A group of its own, which nobody looks for. */
static int claim_noiommu(struct iommufd_device *idev)
{
	struct iommufd_group *igroup = new_group(idev->ictx, NULL);

	if (IS_ERR(igroup))
		return PTR_ERR(igroup);
	igroup->ndevices = 1;
	idev->igroup = igroup;
	return 0;
}

static int claim_device(struct iommufd_device *idev)
{
	struct iommufd_group *igroup;
	int rc;

	/* Not: has no group. VFIO makes groups for such devices. */
	if (IS_ENABLED(CONFIG_IOMMUFD_NOIOMMU) && !idev->dev->iommu)
		return claim_noiommu(idev);
	if (!device_iommu_capable(idev->dev, IOMMU_CAP_CACHE_COHERENCY))
		return -EINVAL;
	igroup = get_group(idev->ictx, idev->dev);
	if (IS_ERR(igroup))
		return PTR_ERR(igroup);
	idev->igroup = igroup;
	rc = check_interrupts(idev);
	if (rc)
		return rc;
	rc = iommu_device_claim_dma_owner(idev->dev, idev->ictx);
	if (rc)
		return rc;
	idev->owns_dma = true;
	scoped_guard(mutex, &idev->ictx->groups_mutex)
		WRITE_ONCE(igroup->nowned, igroup->nowned + 1);
	idev->coherent = device_iommu_capable(idev->dev,
					      IOMMU_CAP_ENFORCE_CACHE_COHERENCY);
	return 0;
}

/**
 * iommufd_device_bind() - let a context own the DMA of a device
 * @ictx: the context
 * @dev: the device; its driver has set driver_managed_dma, and does no DMA
 * @id: receives the object id
 *
 * From here until iommufd_device_unbind() the device can do no DMA but through
 * what it is attached to, and no kernel driver can bind to its group.
 *
 * Context: process context, may sleep. The caller serializes calls for @dev.
 * Return: the device; ERR_PTR(-EINVAL) the IOMMU is not cache coherent, -ENODEV
 * it is behind no IOMMU, -EPERM interrupts are not isolated, or somebody else,
 * such as a kernel driver, owns the DMA, -EBUSY, -ENOMEM. (kernel-api.md 4)
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id)
{
	struct iommufd_object *obj;
	struct iommufd_device *idev;
	int rc;

	obj = iommufd_object_new(ictx, sizeof(*idev), IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	idev = container_of(obj, struct iommufd_device, obj);
	idev->ictx = ictx;
	idev->dev = get_device(dev);

	rc = claim_device(idev);
	if (rc) {
		iommufd_object_abort(ictx, obj);
		return ERR_PTR(rc);
	}
	/* A mock device belongs to the context and cannot keep it. */
	if (!iommufd_is_mock(dev))
		iommufd_ctx_get(ictx);
	/* For the driver, so that the user cannot destroy the object. */
	iommufd_object_keep(obj);
	iommufd_object_publish(ictx, obj);
	*id = obj->id;
	return idev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_bind, "IOMMUFD");

/**
 * iommufd_device_unbind() - undo iommufd_device_bind()
 * @idev: the device; invalid afterwards
 *
 * What is still attached is detached.
 *
 * Context: process context; waits for ioctls that use the device. The caller
 * serializes calls for the device. (kernel-api.md 4)
 */
void iommufd_device_unbind(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	bool is_mock = iommufd_is_mock(idev->dev);

	iommufd_vdevice_bury(idev);
	iommufd_device_detach_all(idev);
	iommufd_object_remove(ictx, &idev->obj);
	if (!is_mock)
		iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_unbind, "IOMMUFD");

/**
 * iommufd_device_get() - find a device
 * @ictx: the context
 * @id: its id
 *
 * Return: the device, until iommufd_device_put(), or ERR_PTR(-ENOENT).
 */
struct iommufd_device *iommufd_device_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_device, obj);
}

static u64 hw_capabilities(struct device *dev)
{
	u64 caps = 0;
	int pasid;

	if (device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING))
		caps |= IOMMU_HW_CAP_DIRTY_TRACKING;
	if (!device_iommu_capable(dev, IOMMU_CAP_PCI_ATS_SUPPORTED))
		caps |= IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
	if (!dev_is_pci(dev) || !dev->iommu->max_pasids)
		return caps;
	pasid = pci_pasid_status(to_pci_dev(dev));
	if (pasid < 0)
		return caps;
	if (pasid & PCI_PASID_CTRL_EXEC)
		caps |= IOMMU_HW_CAP_PCI_PASID_EXEC;
	if (pasid & PCI_PASID_CTRL_PRIV)
		caps |= IOMMU_HW_CAP_PCI_PASID_PRIV;
	return caps;
}

/* What the IOMMU driver tells, to be freed by the caller; NULL: nothing. */
static void *ask_driver(struct device *dev, struct iommu_hw_info *cmd,
			u32 *length)
{
	enum iommu_hw_info_type type = IOMMU_HW_INFO_TYPE_DEFAULT;
	const struct iommu_ops *ops = dev_iommu_ops(dev);
	void *info;

	*length = 0;
	if (!ops->hw_info) {
		cmd->out_data_type = IOMMU_HW_INFO_TYPE_NONE;
		return NULL;
	}
	if (cmd->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE)
		type = cmd->in_data_type;
	info = ops->hw_info(dev, length, &type);
	if (IS_ERR(info))
		return info;
	if (WARN_ON_ONCE(type == IOMMU_HW_INFO_TYPE_NONE)) {
		kfree(info);
		return ERR_PTR(-EOPNOTSUPP);
	}
	cmd->out_data_type = type;
	return info;
}

static void *get_hw_info(struct iommufd_ctx *ictx, struct iommu_hw_info *cmd,
			 u32 *length)
{
	struct iommufd_device *idev = iommufd_device_get(ictx, cmd->dev_id);
	void *info = ERR_PTR(-EOPNOTSUPP);

	if (IS_ERR(idev))
		return idev;
	if (!iommufd_is_noiommu(idev))
		info = ask_driver(idev->dev, cmd, length);
	if (!IS_ERR(info)) {
		cmd->out_max_pasid_log2 = ilog2(max(idev->dev->iommu->max_pasids,
						    1U));
		cmd->out_capabilities = hw_capabilities(idev->dev);
	}
	iommufd_device_put(idev);
	return info;
}

/**
 * iommufd_get_hw_info() - IOMMU_GET_HW_INFO
 * @ucmd: the call
 *
 * Return: 0; -ENOENT; -EOPNOTSUPP also if there is no IOMMU or it does not know
 * the type of data; -EFAULT; or what the IOMMU driver says. (uapi-behaviour.md
 * 8.5)
 */
int iommufd_get_hw_info(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_info *cmd = ucmd->cmd;
	void __user *to = u64_to_user_ptr(cmd->data_uptr);
	u32 length, n;
	void *info;
	int rc = 0;

	if ((cmd->flags & ~IOMMU_HW_INFO_FLAG_INPUT_TYPE) ||
	    memchr_inv(cmd->__reserved, 0, sizeof(cmd->__reserved)))
		return -EOPNOTSUPP;
	info = get_hw_info(ucmd->ictx, cmd, &length);
	if (IS_ERR(info))
		return PTR_ERR(info);
	n = min(length, cmd->data_len);
	/* What is beyond what the driver told is zeroed. */
	if (copy_to_user(to, info, n) || clear_user(to + n, cmd->data_len - n))
		rc = -EFAULT;
	cmd->data_len = length;
	kfree(info);
	return rc;
}

/**
 * iommufd_device_to_ictx() - the context of a device
 * @idev: the device
 *
 * Context: any.
 * Return: the context, without a reference.
 */
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev)
{
	return idev->ictx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_ictx, "IOMMUFD");

/**
 * iommufd_device_to_id() - the object id of a device
 * @idev: the device
 *
 * Context: any.
 */
u32 iommufd_device_to_id(struct iommufd_device *idev)
{
	return idev->obj.id;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_id, "IOMMUFD");

/**
 * iommufd_ctx_has_group() - does a context own the DMA of a group
 * @ictx: the context, or NULL
 * @group: the group, or NULL
 *
 * Context: any, takes a spinlock. (kernel-api.md 3)
 */
bool iommufd_ctx_has_group(struct iommufd_ctx *ictx, struct iommu_group *group)
{
	struct iommufd_group *igroup;

	if (!ictx || !group)
		return false;
	guard(xa_lock)(&ictx->groups);
	igroup = xa_load(&ictx->groups, iommu_group_id(group));
	return igroup && igroup->group == group && READ_ONCE(igroup->nowned);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_has_group, "IOMMUFD");
