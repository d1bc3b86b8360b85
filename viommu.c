// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs: what a guest has of an IOMMU, on top of a nesting parent.
 *
 * Happy path: the IOMMU driver says how large its struct is, it is allocated, the
 * driver finishes it; it is the base of vDEVICEs, queues and nested HWPTs; with
 * the last of them gone it can be destroyed.
 *
 * Unhappy path: the driver refuses. Only if it has set its ops before that is its
 * destroy called.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/rwsem.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"

void iommufd_viommu_free(struct iommufd_object *obj)
{
	struct iommufd_viommu *viommu =
		container_of(obj, struct iommufd_viommu, obj);

	if (viommu->ops && viommu->ops->destroy)
		viommu->ops->destroy(viommu);
	WARN_ON(!list_empty(&viommu->veventqs));
	xa_destroy(&viommu->vdevs);
	iommufd_object_unkeep(&viommu->hwpt->common.obj);
}

/**
 * iommufd_viommu_get() - find a vIOMMU
 * @ictx: the context
 * @id: its id
 *
 * Return: the vIOMMU, until iommufd_viommu_put(), or ERR_PTR(-ENOENT).
 */
struct iommufd_viommu *iommufd_viommu_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_VIOMMU);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_viommu, obj);
}

static struct iommu_device *iommu_of(const struct iommufd_device *idev)
{
	return idev->dev->iommu ? idev->dev->iommu->iommu_dev : NULL;
}

/**
 * iommufd_viommu_serves() - is a device behind the IOMMU of a vIOMMU?
 * @viommu: the vIOMMU
 * @idev: the device
 *
 * Return: whether it is.
 */
bool iommufd_viommu_serves(const struct iommufd_viommu *viommu,
			   const struct iommufd_device *idev)
{
	return !iommufd_is_noiommu(idev) && iommu_of(idev) == viommu->iommu_dev;
}

static struct iommufd_hwpt_paging *get_parent(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_hwpt_paging *parent;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	parent = container_of(obj, struct iommufd_hwpt_paging, common.obj);
	if (!parent->nest_parent) {
		iommufd_object_put(ictx, obj);
		return ERR_PTR(-EINVAL);
	}
	return parent;
}

static struct iommufd_viommu *new_viommu(struct iommufd_ucmd *ucmd, size_t size,
					 struct iommufd_hwpt_paging *parent,
					 struct iommu_device *iommu_dev)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	struct iommufd_object *obj;

	obj = iommufd_object_new(ucmd->ictx, size, IOMMUFD_OBJ_VIOMMU);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	viommu = container_of(obj, struct iommufd_viommu, obj);
	viommu->ictx = ucmd->ictx;
	viommu->type = cmd->type;
	viommu->iommu_dev = iommu_dev;
	viommu->hwpt = parent;
	iommufd_object_keep(&parent->common.obj);
	xa_init_flags(&viommu->vdevs, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&viommu->veventqs);
	init_rwsem(&viommu->veventqs_rwsem);
	ucmd->new_obj = obj;
	return viommu;
}

static int make_viommu(struct iommufd_ucmd *ucmd, struct iommufd_device *idev,
		       struct iommufd_hwpt_paging *parent, size_t size)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	const struct iommu_user_data data = {
		.type = cmd->type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};
	struct iommufd_viommu *viommu;
	int rc;

	viommu = new_viommu(ucmd, size, parent, iommu_of(idev));
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	rc = viommu->iommu_dev->ops->viommu_init(viommu, parent->common.domain,
						 data.len ? &data : NULL);
	if (rc)
		return rc;
	if (WARN_ON_ONCE(!viommu->ops))
		return -EOPNOTSUPP;
	cmd->out_viommu_id = viommu->obj.id;
	return 0;
}

/* How large is the driver's struct? */
static ssize_t viommu_size(struct iommufd_device *idev, u32 type)
{
	const struct iommu_ops *ops;
	size_t size;

	if (iommufd_is_noiommu(idev))
		return -EOPNOTSUPP;
	ops = dev_iommu_ops(idev->dev);
	if (!ops->get_viommu_size || !ops->viommu_init)
		return -EOPNOTSUPP;
	size = ops->get_viommu_size(idev->dev, type);
	if (!size || WARN_ON_ONCE(size < sizeof(struct iommufd_viommu)))
		return -EOPNOTSUPP;
	return size;
}

static int alloc_for(struct iommufd_ucmd *ucmd, struct iommufd_device *idev)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *parent;
	ssize_t size = viommu_size(idev, cmd->type);
	int rc = -EINVAL;

	if (size < 0)
		return size;
	parent = get_parent(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	if (parent->common.domain->owner == dev_iommu_ops(idev->dev))
		rc = make_viommu(ucmd, idev, parent, size);
	iommufd_object_put(ucmd->ictx, &parent->common.obj);
	return rc;
}

/**
 * iommufd_viommu_alloc() - IOMMU_VIOMMU_ALLOC
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP the IOMMU has no such thing; -ENOENT no such device or
 * HWPT; -EINVAL the HWPT is not a nesting parent; -ENOMEM; or what the IOMMU
 * driver says. (uapi-behaviour.md 10.1)
 */
int iommufd_viommu_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_device *idev;
	int rc;

	if (cmd->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	idev = iommufd_device_get(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = alloc_for(ucmd, idev);
	iommufd_device_put(idev);
	return rc;
}

/* Each mapping, and each part that it is split into, keeps the owner. */
static void window_open(struct vm_area_struct *vma)
{
	struct iommufd_object *owner = vma->vm_private_data;

	iommufd_object_keep(owner);
}

static void window_close(struct vm_area_struct *vma)
{
	struct iommufd_object *owner = vma->vm_private_data;

	iommufd_object_unkeep(owner);
}

static const struct vm_operations_struct window_ops = {
	.open = window_open,
	.close = window_close,
};

/**
 * iommufd_viommu_mmap() - let user space at registers of a vIOMMU
 * @ictx: the context
 * @vma: the mapping, of offset and length as the IOMMU driver handed them out
 *
 * Return: 0; -EINVAL it is private; -EPERM it is executable; -ENXIO there is
 * nothing of exactly this offset and length. (uapi-behaviour.md 10.5)
 */
int iommufd_viommu_mmap(struct iommufd_ctx *ictx, struct vm_area_struct *vma)
{
	struct mmio_window *window;
	struct iommufd_object *owner;
	int rc;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	vm_flags_clear(vma, VM_MAYEXEC);
	window = iommufd_mmio_window_get(ictx, vma->vm_pgoff, vma_pages(vma));
	if (!window)
		return -ENXIO;
	owner = window->owner;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	rc = io_remap_pfn_range(vma, vma->vm_start, PHYS_PFN(window->phys),
				window->npages << PAGE_SHIFT, vma->vm_page_prot);
	if (rc) {
		iommufd_object_unkeep(owner);
		return rc;
	}
	vma->vm_private_data = owner;
	vma->vm_ops = &window_ops;
	return 0;
}
