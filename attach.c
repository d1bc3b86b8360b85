// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments: through which page table the DMA of a device goes.
 *
 * The iommu core knows groups: all RIDs of a group go through one page table.
 * The first device of a group that is attached attaches the group, the others
 * join it, the last one that is detached detaches it. What the IOMMU reserves
 * for a device is reserved in its IOAS as long as it is attached.
 *
 * Happy path: choose or make the HWPT, reserve, attach, and the reverse.
 *
 * Unhappy path: what was reserved is taken back, a HWPT that was made is
 * aborted, and the device is where it was.
 */
#include <linux/iommu.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"
#include "mock/mock.h"


static struct io_space *space_of(struct iommufd_hw_pagetable *hwpt)
{
	return &iommufd_hwpt_to_paging(hwpt)->ioas->space;
}

/* Drivers name one kind of MSI window, and one at most that is ours to fill. */
static int check_msi_windows(struct list_head *regions)
{
	struct iommu_resv_region *region;
	unsigned int hw = 0, sw = 0;

	list_for_each_entry(region, regions, list) {
		hw += region->type == IOMMU_RESV_MSI;
		sw += region->type == IOMMU_RESV_SW_MSI;
	}
	return WARN_ON_ONCE(sw > 1 || (sw && hw)) ? -EINVAL : 0;
}

static int collect_reserved(struct list_head *regions, const void *owner,
			    struct list_head *list)
{
	struct iommu_resv_region *region;
	unsigned long last;
	int rc;

	list_for_each_entry(region, regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE ||
		    !region->length)
			continue;
		if (region->start > ULONG_MAX)
			continue;
		if (check_add_overflow((unsigned long)region->start,
				       region->length - 1, &last))
			last = ULONG_MAX;
		rc = io_reserved_new(list, owner, region->start, last);
		if (rc)
			return rc;
	}
	return 0;
}

static void note_sw_msi_window(struct iommufd_group *igroup,
			       struct list_head *regions)
{
	struct iommu_resv_region *region;

	list_for_each_entry(region, regions, list)
		if (region->type == IOMMU_RESV_SW_MSI)
			iommufd_group_msi_set_window(&igroup->msi,
						     region->start,
						     region->length);
}

/* Keep what the IOMMU reserves for a device free in a space. */
static int reserve_device(struct iommufd_device *idev, struct io_space *space)
{
	LIST_HEAD(regions);
	LIST_HEAD(list);
	int rc;

	if (iommufd_should_fail())
		return -EINVAL;
	iommu_get_resv_regions(idev->dev, &regions);
	rc = check_msi_windows(&regions);
	if (!rc)
		rc = collect_reserved(&regions, idev, &list);
	if (!rc)
		rc = io_reserved_add(space, &list);
	if (!rc)
		note_sw_msi_window(idev->igroup, &regions);
	io_reserved_free(&list);
	iommu_put_resv_regions(idev->dev, &regions);
	return rc;
}

/*
 * Send the RIDs of the device's group through a HWPT. The old one, if any, is in
 * use until the new one is, and stays in use if this fails.
 */
static int switch_group(struct iommufd_device *idev,
			struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_attach_handle *handle __free(kfree) =
		kzalloc_obj(*handle, GFP_KERNEL_ACCOUNT);
	struct iommufd_group *igroup = idev->igroup;
	int rc;

	lockdep_assert_held(&igroup->lock);
	if (!handle)
		return -ENOMEM;
	handle->igroup = igroup;
	handle->idev = idev;
	rc = iommufd_group_msi_enter(&igroup->msi,
				     &iommufd_hwpt_to_paging(hwpt)->msi);
	if (rc)
		return rc;
	if (igroup->hwpt)
		rc = iommu_replace_group_handle(igroup->group, hwpt->domain,
						&handle->handle);
	else
		rc = iommu_attach_group_handle(hwpt->domain, igroup->group,
					       &handle->handle);
	iommufd_group_msi_entered(&igroup->msi, rc);
	if (rc)
		return rc;
	/* The old handle goes with the function. */
	swap(igroup->handle, handle);
	igroup->hwpt = hwpt;
	return 0;
}

static void stop_group(struct iommufd_group *igroup)
{
	iommu_detach_group_handle(igroup->hwpt->domain, igroup->group);
	iommufd_group_msi_leave(&igroup->msi);
	kfree(igroup->handle);
	igroup->handle = NULL;
	igroup->hwpt = NULL;
}

static int attach_rid(struct iommufd_device *idev,
		      struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	int rc;

	guard(mutex)(&igroup->lock);
	if (!list_empty(&idev->attached))
		return -EBUSY;
	if (igroup->hwpt && igroup->hwpt != hwpt)
		return -EINVAL;
	rc = reserve_device(idev, space_of(hwpt));
	if (rc)
		return rc;
	if (!igroup->hwpt) {
		rc = switch_group(idev, hwpt);
		if (rc) {
			io_reserved_remove(space_of(hwpt), idev);
			return rc;
		}
	}
	list_add_tail(&idev->attached, &igroup->attached);
	iommufd_object_keep(&hwpt->obj);
	return 0;
}

static void unreserve_group(struct iommufd_group *igroup,
			    struct io_space *space)
{
	struct iommufd_device *idev;

	list_for_each_entry(idev, &igroup->attached, attached)
		io_reserved_remove(space, idev);
}

static int reserve_group(struct iommufd_group *igroup, struct io_space *space)
{
	struct iommufd_device *idev;
	int rc;

	list_for_each_entry(idev, &igroup->attached, attached) {
		rc = reserve_device(idev, space);
		if (rc) {
			unreserve_group(igroup, space);
			return rc;
		}
	}
	return 0;
}

/* Returns how many devices gave up *@old, or an error. */
static int move_group(struct iommufd_device *idev,
		      struct iommufd_hw_pagetable *hwpt,
		      struct iommufd_hw_pagetable **old)
{
	struct iommufd_group *igroup = idev->igroup;
	struct io_space *to = space_of(hwpt), *from;
	struct iommufd_device *member;
	int rc, n = 0;

	guard(mutex)(&igroup->lock);
	if (list_empty(&idev->attached))
		return -EINVAL;
	*old = igroup->hwpt;
	if (*old == hwpt)
		return 0;
	from = space_of(*old);
	if (from != to) {
		rc = reserve_group(igroup, to);
		if (rc)
			return rc;
	}
	rc = switch_group(idev, hwpt);
	if (from != to)
		unreserve_group(igroup, rc ? to : from);
	if (rc)
		return rc;
	list_for_each_entry(member, &igroup->attached, attached) {
		iommufd_object_keep(&hwpt->obj);
		n++;
	}
	return n;
}

/*
 * A HWPT that was given up. The caller holds no lock: the last one to give up an
 * automatic HWPT destroys it.
 */
static void release_hwpt(struct iommufd_hw_pagetable *hwpt, int n)
{
	while (n--)
		iommufd_hwpt_release(hwpt);
}

/**
 * struct attach_op - one attach or replace
 * @idev: the device
 * @old: what was given up
 * @nold: by how many devices
 * @replace: there is an attachment already
 */
struct attach_op {
	struct iommufd_device *idev;
	struct iommufd_hw_pagetable *old;
	int nold;
	bool replace;
};

static int attach_to(struct attach_op *op, struct iommufd_hw_pagetable *hwpt)
{
	int rc;

	if (!op->replace)
		return attach_rid(op->idev, hwpt);
	rc = move_group(op->idev, hwpt, &op->old);
	if (rc < 0)
		return rc;
	op->nold = rc;
	return 0;
}

/* Is there a way to attach to a HWPT that does not exist yet? */
static int check_attach_new(struct attach_op *op)
{
	struct iommufd_group *igroup = op->idev->igroup;
	bool attached;

	guard(mutex)(&igroup->lock);
	attached = !list_empty(&op->idev->attached);
	if (op->replace)
		return attached ? 0 : -EINVAL;
	if (attached)
		return -EBUSY;
	return igroup->hwpt ? -EINVAL : 0;
}

/* Attach to an automatic HWPT of the IOAS, the first one that suits. */
static int attach_to_ioas(struct attach_op *op, struct iommufd_ioas *ioas,
			  u32 *pt_id)
{
	struct iommufd_hwpt_paging *hwpt = NULL;
	int rc;

	guard(mutex)(&ioas->mutex);
	while ((hwpt = iommufd_auto_hwpt_next(ioas, hwpt))) {
		rc = attach_to(op, &hwpt->common);
		if (rc == -EINVAL)
			continue;
		*pt_id = hwpt->common.obj.id;
		iommufd_object_unkeep(&hwpt->common.obj);
		return rc;
	}
	/* Before all of the IOAS is mapped in vain. */
	rc = check_attach_new(op);
	if (rc)
		return rc;
	hwpt = iommufd_hwpt_paging_new(ioas, op->idev->dev, op->idev->coherent,
				       true);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = attach_to(op, &hwpt->common);
	if (rc) {
		iommufd_object_abort(ioas->ictx, &hwpt->common.obj);
		return rc;
	}
	*pt_id = hwpt->common.obj.id;
	iommufd_object_publish(ioas->ictx, &hwpt->common.obj);
	return 0;
}

static int attach_to_object(struct attach_op *op, struct iommufd_object *obj,
			    u32 *pt_id)
{
	switch (obj->type) {
	case IOMMUFD_OBJ_HWPT_PAGING:
		*pt_id = obj->id;
		return attach_to(op, container_of(obj, struct iommufd_hw_pagetable,
						  obj));
	case IOMMUFD_OBJ_IOAS:
		return attach_to_ioas(op, container_of(obj, struct iommufd_ioas,
						       obj), pt_id);
	default:
		return -EINVAL;
	}
}

static int run_op(struct attach_op *op, ioasid_t pasid, u32 *pt_id)
{
	struct iommufd_ctx *ictx = op->idev->ictx;
	struct iommufd_object *obj;
	u32 id = *pt_id;
	int rc;

	if (pasid != IOMMU_NO_PASID)
		return -EOPNOTSUPP;
	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	rc = attach_to_object(op, obj, &id);
	iommufd_object_put(ictx, obj);
	if (op->nold)
		release_hwpt(op->old, op->nold);
	if (!rc)
		*pt_id = id;
	return rc;
}

/**
 * iommufd_device_attach() - let a device do DMA through a page table
 * @idev: the device
 * @pasid: IOMMU_NO_PASID; others are not served yet
 * @pt_id: id of an IOAS or HWPT; receives the id of the HWPT
 *
 * Context: process context, may sleep for long. The caller serializes calls for
 * the device.
 * Return: 0; -ENOENT no such object; -EINVAL it is of another type, or another
 * device of the group is attached to something else, or the IOMMU cannot combine
 * them; -EBUSY it is attached; -EADDRINUSE what the IOMMU reserves is mapped;
 * -EOPNOTSUPP; -ENOMEM; or an error of pinning. An error leaves no trace.
 * (kernel-api.md 4, uapi-behaviour.md 11)
 */
int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id)
{
	struct attach_op op = { .idev = idev };

	return run_op(&op, pasid, pt_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_attach, "IOMMUFD");

/**
 * iommufd_device_replace() - move a device and its group to another page table
 * @idev: the device
 * @pasid: IOMMU_NO_PASID; others are not served yet
 * @pt_id: id of an IOAS or HWPT; receives the id of the HWPT
 *
 * If the IOMMU driver can, there is no moment without translation.
 *
 * Context: as iommufd_device_attach().
 * Return: 0; -EINVAL also if the device is not attached; else as
 * iommufd_device_attach(). An error leaves the device where it was.
 * (kernel-api.md 4)
 */
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id)
{
	struct attach_op op = { .idev = idev, .replace = true };

	return run_op(&op, pasid, pt_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_replace, "IOMMUFD");

/* Returns what the device was attached to, for the caller to give up. */
static struct iommufd_hw_pagetable *detach_rid(struct iommufd_device *idev)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_hw_pagetable *hwpt;

	guard(mutex)(&igroup->lock);
	if (list_empty(&idev->attached))
		return NULL;
	hwpt = igroup->hwpt;
	list_del_init(&idev->attached);
	if (list_empty(&igroup->attached))
		stop_group(igroup);
	io_reserved_remove(space_of(hwpt), idev);
	return hwpt;
}

/**
 * iommufd_device_detach() - block the DMA of a device
 * @idev: the device
 * @pasid: what is detached; nothing happens if that is not attached
 *
 * With the last device of a group its DMA is blocked.
 *
 * Context: process context, may sleep. The caller serializes calls for the
 * device. Never fails. (kernel-api.md 4)
 */
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid)
{
	struct iommufd_hw_pagetable *hwpt = NULL;

	if (pasid == IOMMU_NO_PASID)
		hwpt = detach_rid(idev);
	if (hwpt)
		iommufd_hwpt_release(hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_detach, "IOMMUFD");
