// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables: those that show an IOAS, and nested ones that a guest
 * fills.
 *
 * Happy path: the IOMMU driver allocates a domain for a device; one that shows an
 * IOAS joins its space, which fills it; devices are attached.
 *
 * Unhappy path: the domain cannot be allocated or filled; the object is aborted,
 * and its free function undoes what there is.
 */
#include <linux/iommu.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"

/* Far more than a driver works off at a time. */
#define MAX_INVALIDATIONS	(1U << 19)

static void free_common(struct iommufd_hw_pagetable *hwpt)
{
	if (hwpt->domain)
		iommu_domain_free(hwpt->domain);
	iommufd_fault_release(hwpt);
}

void iommufd_hwpt_paging_free(struct iommufd_object *obj)
{
	struct iommufd_hwpt_paging *hwpt =
		container_of(obj, struct iommufd_hwpt_paging, common.obj);

	scoped_guard(spinlock, &hwpt->ioas->auto_lock)
		list_del_init(&hwpt->item);
	if (hwpt->joined)
		io_space_leave(&hwpt->ioas->space, &hwpt->dom);
	free_common(&hwpt->common);
	iommufd_object_unkeep(&hwpt->ioas->obj);
}

void iommufd_hwpt_nested_free(struct iommufd_object *obj)
{
	struct iommufd_hwpt_nested *hwpt =
		container_of(obj, struct iommufd_hwpt_nested, common.obj);

	free_common(&hwpt->common);
	if (hwpt->viommu)
		iommufd_object_unkeep(&hwpt->viommu->obj);
	else
		iommufd_object_unkeep(&hwpt->parent->common.obj);
}

/* Hand a new domain over to its HWPT. */
static void set_domain(struct iommufd_hw_pagetable *hwpt,
		       struct iommu_domain *domain)
{
	domain->iommufd_hwpt = hwpt;
	domain->cookie_type = IOMMU_COOKIE_IOMMUFD;
	hwpt->domain = domain;
}

/**
 * struct hwpt_request - what kind of HWPT is wanted
 * @idev: a device that it must suit
 * @flags: IOMMU_HWPT_ALLOC_*
 * @data: for the IOMMU driver; its length is 0 if there is none
 */
struct hwpt_request {
	struct iommufd_device *idev;
	u32 flags;
	struct iommu_user_data data;
};

static struct iommu_domain *ask_driver(const struct hwpt_request *req)
{
	struct device *dev = req->idev->dev;
	const struct iommu_ops *ops;
	struct iommu_domain *domain;
	u32 flags = req->flags & ~IOMMU_HWPT_FAULT_ID_VALID;

	if (!dev->iommu || !dev->iommu->iommu_dev)
		return ERR_PTR(-ENODEV);
	ops = dev_iommu_ops(dev);
	if (!flags && !req->data.len)
		return iommu_paging_domain_alloc(dev);
	if (!ops->domain_alloc_paging_flags)
		return ERR_PTR(-EOPNOTSUPP);
	domain = ops->domain_alloc_paging_flags(dev, flags, req->data.len ?
						&req->data : NULL);
	if (IS_ERR(domain))
		return domain;
	domain->owner = ops;
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	if (!domain->ops)
		domain->ops = ops->default_domain_ops;
	return domain;
}

static struct iommu_domain *alloc_domain(const struct hwpt_request *req)
{
	if (!iommufd_is_noiommu(req->idev))
		return ask_driver(req);
	if ((req->flags & ~IOMMU_HWPT_FAULT_ID_VALID) || req->data.len)
		return ERR_PTR(-EOPNOTSUPP);
	return iommufd_noiommu_domain_alloc();
}

static int make_domain(struct iommufd_hwpt_paging *hwpt,
		       const struct hwpt_request *req)
{
	struct iommu_domain *domain = alloc_domain(req);

	if (IS_ERR(domain))
		return PTR_ERR(domain);
	set_domain(&hwpt->common, domain);
	iommufd_msi_pages_init(&hwpt->msi, domain);
	hwpt->dom.pin_only = iommufd_is_noiommu_domain(domain);

	/* Only an empty domain may change its mind about this. */
	if (req->idev->coherent &&
	    WARN_ON_ONCE(!domain->ops->enforce_cache_coherency ||
			 !domain->ops->enforce_cache_coherency(domain)))
		return -EINVAL;
	hwpt->dom.coherent = req->idev->coherent;
	return 0;
}

/* This may take long. Nothing of the device is needed any more. */
static int fill_domain(struct iommufd_hwpt_paging *hwpt)
{
	int rc;

	rc = io_space_join(&hwpt->ioas->space, &hwpt->dom, hwpt->common.domain);
	hwpt->joined = !rc;
	return rc;
}

/* It shows nothing until fill_domain(). */
static struct iommufd_hwpt_paging *new_paging(struct iommufd_ioas *ioas,
					      const struct hwpt_request *req)
{
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_new(ioas->ictx, sizeof(*hwpt),
				 IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwpt = container_of(obj, struct iommufd_hwpt_paging, common.obj);
	hwpt->common.ictx = ioas->ictx;
	hwpt->common.pasid = req->flags & IOMMU_HWPT_ALLOC_PASID;
	hwpt->nest_parent = req->flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
	INIT_LIST_HEAD(&hwpt->item);
	hwpt->ioas = ioas;
	iommufd_object_keep(&ioas->obj);

	rc = make_domain(hwpt, req);
	if (rc) {
		iommufd_object_abort(ioas->ictx, obj);
		return ERR_PTR(rc);
	}
	return hwpt;
}

/* A VFIO container may be asked for what its devices have written. */
static u32 auto_flags(struct iommufd_ioas *ioas, struct iommufd_device *idev)
{
	if (iommufd_has_dirty_pages(ioas->ictx) &&
	    !iommufd_is_noiommu(idev) &&
	    device_iommu_capable(idev->dev, IOMMU_CAP_DIRTY_TRACKING))
		return IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	return 0;
}

/**
 * iommufd_hwpt_auto_new() - make an automatic HWPT
 * @ioas: the IOAS that it shows
 * @idev: a device that it must suit
 *
 * Context: @ioas->mutex is held; may sleep for long.
 * Return: the HWPT, filled but not published, or an ERR_PTR(): what the IOMMU
 * driver says, -ENOMEM, -EINVAL, -EADDRINUSE, or an error of pinning.
 * (uapi-behaviour.md 4.4, 5.1, 5.2)
 */
struct iommufd_hwpt_paging *iommufd_hwpt_auto_new(struct iommufd_ioas *ioas,
						  struct iommufd_device *idev)
{
	struct hwpt_request req = {
		.idev = idev,
		.flags = auto_flags(ioas, idev),
	};
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	lockdep_assert_held(&ioas->mutex);
	hwpt = new_paging(ioas, &req);
	if (PTR_ERR_OR_ZERO(hwpt) == -EOPNOTSUPP && req.flags) {
		/* Better none of it than no page table. */
		req.flags = 0;
		hwpt = new_paging(ioas, &req);
	}
	if (IS_ERR(hwpt))
		return hwpt;
	rc = fill_domain(hwpt);
	if (rc) {
		iommufd_object_abort(ioas->ictx, &hwpt->common.obj);
		return ERR_PTR(rc);
	}
	if (ioas->space.tracks_dirty)
		iommufd_hwpt_tell_dirty(hwpt, true);
	hwpt->automatic = true;
	guard(spinlock)(&ioas->auto_lock);
	list_add_tail(&hwpt->item, &ioas->auto_hwpts);
	return hwpt;
}

/**
 * iommufd_auto_hwpt_next() - walk over the automatic HWPTs of an IOAS
 * @ioas: the IOAS
 * @prev: the one before, or NULL; the walk gives it up
 *
 * Context: @ioas->mutex is held, so that no automatic HWPT is given up by its
 * last device; but the user may destroy one that no device has.
 * Return: the next HWPT, kept, or NULL.
 */
struct iommufd_hwpt_paging *
iommufd_auto_hwpt_next(struct iommufd_ioas *ioas,
		       struct iommufd_hwpt_paging *prev)
{
	struct iommufd_hwpt_paging *hwpt;
	bool found = false;

	lockdep_assert_held(&ioas->mutex);
	scoped_guard(spinlock, &ioas->auto_lock) {
		hwpt = list_prepare_entry(prev, &ioas->auto_hwpts, item);
		list_for_each_entry_continue(hwpt, &ioas->auto_hwpts, item) {
			found = refcount_inc_not_zero(&hwpt->common.obj.users);
			if (found)
				break;
		}
	}
	if (prev)
		iommufd_object_unkeep(&prev->common.obj);
	return found ? hwpt : NULL;
}

/**
 * iommufd_hwpt_release() - give up a HWPT on behalf of a device
 * @hwpt: the device keeps it; an automatic HWPT goes with its last device
 *
 * Context: may sleep; takes the mutex of the IOAS of an automatic HWPT.
 */
void iommufd_hwpt_release(struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_hwpt_paging *paging;
	struct iommufd_ioas *ioas;

	paging = iommufd_hwpt_to_paging(hwpt);
	if (&paging->common != hwpt || !paging->automatic) {
		iommufd_object_unkeep(&hwpt->obj);
		return;
	}
	ioas = paging->ioas;
	iommufd_object_keep(&ioas->obj);
	scoped_guard(mutex, &ioas->mutex)
		iommufd_object_try_destroy(hwpt->ictx, &hwpt->obj);
	iommufd_object_unkeep(&ioas->obj);
}

static struct iommufd_hw_pagetable *
alloc_paging(const struct hwpt_request *req, struct iommufd_object *ioas_obj)
{
	struct iommufd_ioas *ioas =
		container_of(ioas_obj, struct iommufd_ioas, obj);
	const u32 known = IOMMU_HWPT_ALLOC_NEST_PARENT |
			  IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			  IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID;
	const u32 unanswerable = IOMMU_HWPT_FAULT_ID_VALID |
				 IOMMU_HWPT_ALLOC_NEST_PARENT;
	struct iommufd_hwpt_paging *hwpt;

	if (req->flags & ~known)
		return ERR_PTR(-EOPNOTSUPP);
	if ((req->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    !device_iommu_capable(req->idev->dev, IOMMU_CAP_DIRTY_TRACKING))
		return ERR_PTR(-EOPNOTSUPP);
	if ((req->flags & unanswerable) == unanswerable)
		return ERR_PTR(-EOPNOTSUPP);
	hwpt = new_paging(ioas, req);
	return IS_ERR(hwpt) ? ERR_CAST(hwpt) : &hwpt->common;
}

static int check_nested_request(const struct hwpt_request *req)
{
	const u32 known = IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID;

	if ((req->flags & ~known) || !req->data.len ||
	    iommufd_is_noiommu(req->idev))
		return -EOPNOTSUPP;
	return 0;
}

/* An object for a nested domain, or for the error that @domain is. */
static struct iommufd_hwpt_nested *new_nested(const struct hwpt_request *req,
					      struct iommufd_hwpt_paging *parent,
					      struct iommufd_viommu *viommu)
{
	struct iommufd_ctx *ictx = req->idev->ictx;
	struct iommufd_hwpt_nested *hwpt;
	struct iommufd_object *obj;

	obj = iommufd_object_new(ictx, sizeof(*hwpt), IOMMUFD_OBJ_HWPT_NESTED);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwpt = container_of(obj, struct iommufd_hwpt_nested, common.obj);
	hwpt->common.ictx = ictx;
	hwpt->common.pasid = req->flags & IOMMU_HWPT_ALLOC_PASID;
	hwpt->parent = parent;
	hwpt->viommu = viommu;
	iommufd_object_keep(viommu ? &viommu->obj : &parent->common.obj);
	return hwpt;
}

/* The object takes over what the driver made, or is aborted. */
static struct iommufd_hw_pagetable *
finish_nested(struct iommufd_hwpt_nested *hwpt, struct iommu_domain *domain,
	      const struct iommu_ops *owner)
{
	int rc = PTR_ERR_OR_ZERO(domain);

	if (!rc) {
		domain->owner = owner;
		set_domain(&hwpt->common, domain);
		if (WARN_ON_ONCE(domain->type != IOMMU_DOMAIN_NESTED))
			rc = -EOPNOTSUPP;
	}
	if (rc) {
		iommufd_object_abort(hwpt->common.ictx, &hwpt->common.obj);
		return ERR_PTR(rc);
	}
	return &hwpt->common;
}

static struct iommufd_hw_pagetable *
alloc_nested(const struct hwpt_request *req, struct iommufd_object *parent_obj)
{
	struct iommufd_hwpt_paging *parent =
		container_of(parent_obj, struct iommufd_hwpt_paging, common.obj);
	u32 flags = req->flags & ~IOMMU_HWPT_FAULT_ID_VALID;
	struct device *dev = req->idev->dev;
	struct iommufd_hwpt_nested *hwpt;
	const struct iommu_ops *ops;
	int rc;

	rc = check_nested_request(req);
	if (rc)
		return ERR_PTR(rc);
	ops = dev_iommu_ops(dev);
	if (!ops->domain_alloc_nested)
		return ERR_PTR(-EOPNOTSUPP);
	if (parent->automatic || !parent->nest_parent ||
	    parent->common.domain->owner != ops)
		return ERR_PTR(-EINVAL);
	hwpt = new_nested(req, parent, NULL);
	if (IS_ERR(hwpt))
		return ERR_CAST(hwpt);
	return finish_nested(hwpt,
			     ops->domain_alloc_nested(dev, parent->common.domain,
						      flags, &req->data), ops);
}

static struct iommufd_hw_pagetable *
alloc_by_viommu(const struct hwpt_request *req, struct iommufd_object *viommu_obj)
{
	struct iommufd_viommu *viommu =
		container_of(viommu_obj, struct iommufd_viommu, obj);
	u32 flags = req->flags & ~IOMMU_HWPT_FAULT_ID_VALID;
	struct iommufd_hwpt_nested *hwpt;
	int rc;

	if (!iommufd_viommu_serves(viommu, req->idev))
		return ERR_PTR(-EINVAL);
	rc = check_nested_request(req);
	if (rc)
		return ERR_PTR(rc);
	if (!viommu->ops->alloc_domain_nested)
		return ERR_PTR(-EOPNOTSUPP);
	hwpt = new_nested(req, viommu->hwpt, viommu);
	if (IS_ERR(hwpt))
		return ERR_CAST(hwpt);
	return finish_nested(hwpt,
			     viommu->ops->alloc_domain_nested(viommu, flags,
							      &req->data),
			     viommu->iommu_dev->ops);
}

static struct iommufd_hw_pagetable *alloc_on(const struct hwpt_request *req,
					     u32 pt_id)
{
	struct iommufd_ctx *ictx = req->idev->ictx;
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, pt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return ERR_PTR(-EINVAL);
	switch (obj->type) {
	case IOMMUFD_OBJ_IOAS:
		hwpt = alloc_paging(req, obj);
		break;
	case IOMMUFD_OBJ_HWPT_PAGING:
		hwpt = alloc_nested(req, obj);
		break;
	case IOMMUFD_OBJ_VIOMMU:
		hwpt = alloc_by_viommu(req, obj);
		break;
	default:
		hwpt = ERR_PTR(-EINVAL);
	}
	iommufd_object_put(ictx, obj);
	return hwpt;
}

/**
 * iommufd_hwpt_alloc() - IOMMU_HWPT_ALLOC
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP the IOMMU driver cannot do it; -EINVAL; -ENOENT no such
 * device or fault queue; -ENODEV the device has lost its IOMMU; -EADDRINUSE what
 * is mapped does not suit the IOMMU; -ENOMEM; -EFAULT; or an error of pinning or
 * of the IOMMU driver. An error leaves no trace. (uapi-behaviour.md 8.1)
 */
int iommufd_hwpt_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_alloc *cmd = ucmd->cmd;
	struct hwpt_request req = {
		.flags = cmd->flags,
		.data.type = cmd->data_type,
		.data.uptr = u64_to_user_ptr(cmd->data_uptr),
		.data.len = cmd->data_len,
	};
	struct iommufd_hw_pagetable *hwpt;
	int rc = 0;

	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		return -EINVAL;
	req.idev = iommufd_device_get(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(req.idev))
		return PTR_ERR(req.idev);
	hwpt = alloc_on(&req, cmd->pt_id);
	iommufd_device_put(req.idev);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	ucmd->new_obj = &hwpt->obj;
	cmd->out_hwpt_id = hwpt->obj.id;
	if (hwpt->obj.type == IOMMUFD_OBJ_HWPT_PAGING)
		rc = fill_domain(iommufd_hwpt_to_paging(hwpt));
	if (rc)
		return rc;
	if (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID)
		return iommufd_fault_attach(hwpt, cmd->fault_id);
	return 0;
}

static int invalidate_nested(struct iommufd_object *obj,
			     struct iommu_user_data_array *array)
{
	struct iommu_domain *domain =
		container_of(obj, struct iommufd_hw_pagetable, obj)->domain;

	if (!domain->ops->cache_invalidate_user)
		return -EOPNOTSUPP;
	return domain->ops->cache_invalidate_user(domain, array);
}

static int invalidate_viommu(struct iommufd_object *obj,
			     struct iommu_user_data_array *array)
{
	struct iommufd_viommu *viommu =
		container_of(obj, struct iommufd_viommu, obj);

	if (!viommu->ops->cache_invalidate)
		return -EOPNOTSUPP;
	return viommu->ops->cache_invalidate(viommu, array);
}

/* On return entry_num of @array is the number of requests done. */
static int invalidate(struct iommufd_ctx *ictx, u32 id,
		      struct iommu_user_data_array *array)
{
	u32 n = array->entry_num;
	struct iommufd_object *obj;
	int rc = -EINVAL;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj)) {
		array->entry_num = 0;
		return PTR_ERR(obj);
	}
	if (obj->type == IOMMUFD_OBJ_HWPT_NESTED)
		rc = invalidate_nested(obj, array);
	else if (obj->type == IOMMUFD_OBJ_VIOMMU)
		rc = invalidate_viommu(obj, array);
	/* Nothing was done by a driver that left this as it was. */
	if (rc && array->entry_num == n)
		array->entry_num = 0;
	iommufd_object_put(ictx, obj);
	return rc;
}

/**
 * iommufd_hwpt_invalidate() - IOMMU_HWPT_INVALIDATE
 * @ucmd: the call
 *
 * How many requests were done is told in any case.
 *
 * Return: 0; -EOPNOTSUPP; -EINVAL; -ENOENT; -EFAULT; or what the IOMMU driver
 * says. (uapi-behaviour.md 8.4)
 */
int iommufd_hwpt_invalidate(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_invalidate *cmd = ucmd->cmd;
	struct iommu_user_data_array array = {
		.type = cmd->data_type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.entry_len = cmd->entry_len,
		.entry_num = cmd->entry_num,
	};
	int rc = 0;

	ucmd->respond = true;
	if (cmd->__reserved)
		rc = -EOPNOTSUPP;
	else if (cmd->entry_num &&
		 (!cmd->data_uptr || !cmd->entry_len ||
		  cmd->entry_len > PAGE_SIZE ||
		  cmd->entry_num > MAX_INVALIDATIONS))
		rc = -EINVAL;
	cmd->entry_num = 0;
	if (rc)
		return rc;
	rc = invalidate(ucmd->ictx, cmd->hwpt_id, &array);
	cmd->entry_num = array.entry_num;
	return rc;
}
