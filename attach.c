// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments: through which page table the DMA of a device goes, by PASID. DMA
 * without a PASID names its device alone, by the RID; that is IOMMU_NO_PASID.
 *
 * The iommu core knows groups: for each PASID all devices of a group go through
 * one page table. The first device of a group that is attached attaches the group,
 * the others join it, the last one that is detached detaches it. What the IOMMU
 * reserves for a device is reserved in its IOAS as long as its RID is attached.
 *
 * Happy path: choose or make the HWPT, reserve, attach, and the reverse.
 *
 * Unhappy path: what was reserved is taken back, a HWPT that was made is
 * aborted, and the device is where it was.
 */
#include <linux/iommu.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"
#include "mock/mock.h"
#include "trace.h"

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

	if (iommufd_is_noiommu(idev))
		return 0;
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

static struct iommufd_attachment *get_attachment(struct iommufd_group *igroup,
						 ioasid_t pasid)
{
	struct iommufd_attachment *attachment;
	int rc;

	lockdep_assert_held(&igroup->lock);
	attachment = xa_load(&igroup->attachments, pasid);
	if (attachment)
		return attachment;
	attachment = kzalloc_obj(*attachment, GFP_KERNEL_ACCOUNT);
	if (!attachment)
		return ERR_PTR(-ENOMEM);
	xa_init_flags(&attachment->devices, XA_FLAGS_ACCOUNT);
	rc = xa_insert(&igroup->attachments, pasid, attachment,
		       GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(attachment);
		return ERR_PTR(rc);
	}
	return attachment;
}

/* It lasts as long as it has devices. */
static void put_attachment(struct iommufd_group *igroup, ioasid_t pasid,
			   struct iommufd_attachment *attachment)
{
	lockdep_assert_held(&igroup->lock);
	if (!xa_empty(&attachment->devices))
		return;
	xa_erase(&igroup->attachments, pasid);
	kfree(attachment->handle);
	kfree(attachment);
}

/* Is @idev attached with @pasid? Then returns the attachment. */
static struct iommufd_attachment *find_attachment(struct iommufd_device *idev,
						  ioasid_t pasid)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attachment *attachment;

	lockdep_assert_held(&igroup->lock);
	attachment = xa_load(&igroup->attachments, pasid);
	if (!attachment || !xa_load(&attachment->devices, idev->obj.id))
		return NULL;
	return attachment;
}

/**
 * struct attach_op - one attach or replace
 * @idev: the device
 * @pasid: what of it, or IOMMU_NO_PASID
 * @replace: there is an attachment already
 * @old: what was given up
 * @nold: by how many devices
 */
struct attach_op {
	struct iommufd_device *idev;
	ioasid_t pasid;
	bool replace;
	struct iommufd_hw_pagetable *old;
	int nold;
};

/* The page requests of a virtual function are those of the whole device. */
static bool shares_page_requests(struct device *dev)
{
	return dev_is_pci(dev) && to_pci_dev(dev)->is_virtfn &&
	       pci_pri_supported(to_pci_dev(dev));
}

static bool group_has_pasids(struct iommufd_group *igroup)
{
	unsigned long first = IOMMU_NO_PASID + 1;

	return xa_find(&igroup->attachments, &first, ULONG_MAX, XA_PRESENT);
}

/* Can page requests of the device be handled by the page table? */
static int check_faults(const struct iommufd_hw_pagetable *hwpt,
			struct iommufd_device *idev)
{
	return hwpt->fault && shares_page_requests(idev->dev) ? -EINVAL : 0;
}

/* Do the device, the PASID and the page table go together? */
static int check_fit(const struct attach_op *op,
		     const struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_group *igroup = op->idev->igroup;
	struct device *dev = op->idev->dev;
	struct iommufd_attachment *rid;

	if (iommufd_is_noiommu(op->idev))
		return op->pasid == IOMMU_NO_PASID &&
		       iommufd_is_noiommu_domain(hwpt->domain) ? 0 : -EINVAL;
	/* Of a replace of RIDs the core does not check this. */
	if (hwpt->domain->owner != dev_iommu_ops(dev))
		return -EINVAL;
	if (op->pasid == IOMMU_NO_PASID)
		return hwpt->pasid || !group_has_pasids(igroup) ? 0 : -EINVAL;
	if (!hwpt->pasid || op->pasid >= dev->iommu->max_pasids)
		return -EINVAL;
	rid = xa_load(&igroup->attachments, IOMMU_NO_PASID);
	return rid && !rid->hwpt->pasid ? -EINVAL : 0;
}

static int core_attach(const struct attach_op *op, struct iommu_domain *domain,
		       struct iommu_attach_handle *handle)
{
	struct iommu_group *group = op->idev->igroup->group;

	if (!group)
		return 0;
	if (op->pasid == IOMMU_NO_PASID)
		return iommu_attach_group_handle(domain, group, handle);
	return iommu_attach_device_pasid(domain, op->idev->dev, op->pasid,
					 handle);
}

static int core_replace(const struct attach_op *op, struct iommu_domain *domain,
			struct iommu_attach_handle *handle)
{
	struct iommu_group *group = op->idev->igroup->group;

	if (!group)
		return 0;
	if (op->pasid == IOMMU_NO_PASID)
		return iommu_replace_group_handle(group, domain, handle);
	return iommu_replace_device_pasid(domain, op->idev->dev, op->pasid,
					  handle);
}

static void core_detach(struct iommufd_device *idev, ioasid_t pasid,
			struct iommu_domain *domain)
{
	struct iommu_group *group = idev->igroup->group;

	if (!group)
		return;
	if (pasid == IOMMU_NO_PASID)
		iommu_detach_group_handle(domain, group);
	else
		iommu_detach_device_pasid(domain, idev->dev, pasid);
}

/* Can devices of the group have page requests that somebody answers? */
static bool takes_faults(struct iommufd_group *igroup)
{
	struct iommufd_attachment *attachment;
	unsigned long pasid;

	xa_for_each(&igroup->attachments, pasid, attachment)
		if (attachment->hwpt && attachment->hwpt->fault)
			return true;
	return false;
}

static int core_leave_and_enter(const struct attach_op *op,
				struct iommufd_attachment *attachment,
				struct iommu_domain *domain,
				struct iommu_attach_handle *handle)
{
	struct iommu_domain *from = attachment->hwpt->domain;
	int rc;

	if (!attachment->blocked)
		core_detach(op->idev, op->pasid, from);
	rc = core_attach(op, domain, handle);
	attachment->blocked =
		rc && core_attach(op, from, &attachment->handle->handle);
	return rc;
}

/*
 * The core stores the new handle when the IOMMU driver has drained the requests of
 * the old one: one that comes in between finds the old handle, of which nobody knows
 * when it is no longer used. It takes a detach of the PASID to have none.
 *
 * Not so for the RID: VT-d does not drain at all when the last page table with a queue
 * is detached. So there is the replace, and no moment without translation.
 */
static int core_move(const struct attach_op *op,
		     struct iommufd_attachment *attachment,
		     struct iommufd_hw_pagetable *hwpt,
		     struct iommu_attach_handle *handle)
{
	bool pasid = op->pasid != IOMMU_NO_PASID;

	if (pasid && (attachment->blocked || hwpt->fault ||
		      takes_faults(op->idev->igroup)))
		return core_leave_and_enter(op, attachment, hwpt->domain, handle);
	return core_replace(op, hwpt->domain, handle);
}

/* The RIDs are what interrupts come from. */
static int core_switch(const struct attach_op *op,
		       struct iommufd_attachment *attachment,
		       struct iommufd_hw_pagetable *hwpt,
		       struct iommu_attach_handle *handle)
{
	struct iommufd_group_msi *msi = &op->idev->igroup->msi;
	bool rid = op->pasid == IOMMU_NO_PASID;
	int rc = 0;

	if (rid)
		rc = iommufd_group_msi_enter(msi,
					     &iommufd_hwpt_to_paging(hwpt)->msi);
	if (rc)
		return rc;
	if (attachment->hwpt)
		rc = core_move(op, attachment, hwpt, handle);
	else
		rc = core_attach(op, hwpt->domain, handle);
	if (rid)
		iommufd_group_msi_entered(msi, rc);
	return rc;
}

/*
 * Send an attachment through a HWPT. The old one, if any, is in use until the new
 * one is, but for core_leave_and_enter(), and stays in use if this fails.
 */
static int switch_attachment(const struct attach_op *op,
			     struct iommufd_attachment *attachment,
			     struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_attach_handle *handle __free(kfree) =
		kzalloc_obj(*handle, GFP_KERNEL_ACCOUNT);
	struct iommufd_group *igroup = op->idev->igroup;
	int rc;

	lockdep_assert_held(&igroup->lock);
	if (!handle)
		return -ENOMEM;
	handle->igroup = igroup;
	handle->attachment = attachment;
	handle->dev_id = op->idev->obj.id;
	rc = core_switch(op, attachment, hwpt, &handle->handle);
	if (rc)
		return rc;
	if (attachment->hwpt)
		iommufd_fault_cancel(attachment->hwpt, attachment->handle,
				     NULL);
	/* The old handle goes with the function. */
	swap(attachment->handle, handle);
	attachment->hwpt = hwpt;
	return 0;
}

static int join_attachment(struct attach_op *op,
			   struct iommufd_attachment *attachment,
			   struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_device *idev = op->idev;
	bool rid = op->pasid == IOMMU_NO_PASID;
	int rc;

	if (xa_load(&attachment->devices, idev->obj.id))
		return -EBUSY;
	if (attachment->hwpt && attachment->hwpt != hwpt)
		return -EINVAL;
	rc = check_fit(op, hwpt) ?: check_faults(hwpt, idev);
	if (rc)
		return rc;
	rc = xa_reserve(&attachment->devices, idev->obj.id, GFP_KERNEL_ACCOUNT);
	if (!rc && rid)
		rc = reserve_device(idev, space_of(hwpt));
	if (!rc && (!attachment->hwpt || attachment->blocked)) {
		rc = switch_attachment(op, attachment, hwpt);
		if (rc && rid)
			io_reserved_remove(space_of(hwpt), idev);
	}
	if (rc) {
		xa_release(&attachment->devices, idev->obj.id);
		return rc;
	}
	xa_store(&attachment->devices, idev->obj.id, idev, GFP_KERNEL);
	iommufd_object_keep(&hwpt->obj);
	return 0;
}

static int attach_device(struct attach_op *op, struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_group *igroup = op->idev->igroup;
	struct iommufd_attachment *attachment;
	int rc;

	guard(mutex)(&igroup->lock);
	attachment = get_attachment(igroup, op->pasid);
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	rc = join_attachment(op, attachment, hwpt);
	put_attachment(igroup, op->pasid, attachment);
	return rc;
}

static void unreserve_devices(struct iommufd_attachment *attachment,
			      struct io_space *space)
{
	struct iommufd_device *idev;
	unsigned long id;

	xa_for_each(&attachment->devices, id, idev)
		io_reserved_remove(space, idev);
}

static int reserve_devices(struct iommufd_attachment *attachment,
			   struct io_space *space)
{
	struct iommufd_device *idev;
	unsigned long id;
	int rc;

	xa_for_each(&attachment->devices, id, idev) {
		rc = reserve_device(idev, space);
		if (rc) {
			unreserve_devices(attachment, space);
			return rc;
		}
	}
	return 0;
}

static int move_attachment(struct attach_op *op,
			   struct iommufd_attachment *attachment,
			   struct iommufd_hw_pagetable *hwpt)
{
	struct io_space *from = space_of(attachment->hwpt);
	struct io_space *to = space_of(hwpt);
	bool reserve = op->pasid == IOMMU_NO_PASID && from != to;
	int rc = 0;

	if (reserve)
		rc = reserve_devices(attachment, to);
	if (rc)
		return rc;
	rc = switch_attachment(op, attachment, hwpt);
	if (reserve)
		unreserve_devices(attachment, rc ? to : from);
	return rc;
}

static int replace_device(struct attach_op *op,
			  struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_hw_pagetable *old;
	struct iommufd_attachment *attachment;
	struct iommufd_device *idev;
	unsigned long id;
	int rc;

	guard(mutex)(&op->idev->igroup->lock);
	attachment = find_attachment(op->idev, op->pasid);
	if (!attachment)
		return -EINVAL;
	old = attachment->hwpt;
	if (old == hwpt && !attachment->blocked)
		return 0;
	rc = check_fit(op, hwpt);
	/* All of them are moved. */
	xa_for_each(&attachment->devices, id, idev)
		rc = rc ?: check_faults(hwpt, idev);
	if (!rc)
		rc = move_attachment(op, attachment, hwpt);
	if (rc)
		return rc;
	op->old = old;
	xa_for_each(&attachment->devices, id, idev) {
		iommufd_object_keep(&hwpt->obj);
		op->nold++;
	}
	return 0;
}

static int attach_to(struct attach_op *op, struct iommufd_hw_pagetable *hwpt)
{
	int rc = op->replace ? replace_device(op, hwpt) :
			       attach_device(op, hwpt);

	trace_iommufd_attach(op->idev->dev, op->pasid,
			     op->old ? op->old->obj.id : 0, hwpt->obj.id, rc);
	return rc;
}

/* Is there a way to attach to a HWPT that does not exist yet? */
static int check_attach_new(struct attach_op *op)
{
	struct iommufd_group *igroup = op->idev->igroup;
	bool attached;

	guard(mutex)(&igroup->lock);
	attached = find_attachment(op->idev, op->pasid);
	if (op->replace)
		return attached ? 0 : -EINVAL;
	if (attached)
		return -EBUSY;
	return xa_load(&igroup->attachments, op->pasid) ? -EINVAL : 0;
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
	/* An automatic HWPT is not one for PASIDs. */
	if (!rc && op->pasid != IOMMU_NO_PASID)
		rc = -EINVAL;
	if (rc)
		return rc;
	hwpt = iommufd_hwpt_auto_new(ioas, op->idev);
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
	case IOMMUFD_OBJ_HWPT_NESTED:
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

static int run_op(struct attach_op *op, u32 *pt_id)
{
	struct iommufd_ctx *ictx = op->idev->ictx;
	struct iommufd_object *obj;
	u32 id = *pt_id;
	int rc;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	rc = attach_to_object(op, obj, &id);
	iommufd_object_put(ictx, obj);
	/* Under no lock: the last one to give up an automatic HWPT destroys it. */
	while (op->nold--)
		iommufd_hwpt_release(op->old);
	if (!rc)
		*pt_id = id;
	return rc;
}

/**
 * iommufd_device_attach() - let a device do DMA through a page table
 * @idev: the device
 * @pasid: what of its DMA; IOMMU_NO_PASID: all that carries no PASID
 * @pt_id: id of an IOAS or HWPT; receives the id of the HWPT
 *
 * Context: process context, may sleep for long. The caller serializes calls for
 * the device.
 * Return: 0; -ENOENT no such object; -EINVAL it is of another type, or another
 * device of the group is attached to something else, or the device, the PASID and
 * the page table do not go together; -EBUSY it is attached, or is being reset;
 * -EADDRINUSE what the IOMMU reserves is mapped; -EOPNOTSUPP; -ENOMEM; or an error
 * of pinning. An error leaves no trace. (kernel-api.md 4, uapi-behaviour.md 11)
 */
int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id)
{
	struct attach_op op = { .idev = idev, .pasid = pasid };

	return run_op(&op, pt_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_attach, "IOMMUFD");

/**
 * iommufd_device_replace() - move a device and its group to another page table
 * @idev: the device
 * @pasid: what of its DMA, as for iommufd_device_attach()
 * @pt_id: id of an IOAS or HWPT; receives the id of the HWPT
 *
 * If the IOMMU driver can, there is no moment without translation, but for a PASID with
 * which page requests may come.
 *
 * Context: as iommufd_device_attach().
 * Return: 0; -EINVAL also if the device is not attached; else as
 * iommufd_device_attach(). An error leaves the device where it was; a PASID with which
 * page requests may come, and which cannot go back there, is blocked until the next move.
 * (kernel-api.md 4)
 */
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id)
{
	struct attach_op op = { .idev = idev, .pasid = pasid, .replace = true };

	return run_op(&op, pt_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_replace, "IOMMUFD");

/* @idev goes, others stay: what else is reported from now on names one of those. */
static void leave_others(struct iommufd_attachment *attachment,
			 struct iommufd_device *idev)
{
	unsigned long other = 0;

	iommufd_fault_cancel(attachment->hwpt, attachment->handle, idev->dev);
	if (attachment->handle->dev_id == idev->obj.id &&
	    xa_find(&attachment->devices, &other, ULONG_MAX, XA_PRESENT))
		WRITE_ONCE(attachment->handle->dev_id, other);
}

static void stop_attachment(struct iommufd_device *idev, ioasid_t pasid,
			    struct iommufd_attachment *attachment)
{
	if (!attachment->blocked)
		core_detach(idev, pasid, attachment->hwpt->domain);
	if (pasid == IOMMU_NO_PASID)
		iommufd_group_msi_leave(&idev->igroup->msi);
	iommufd_fault_cancel(attachment->hwpt, attachment->handle, NULL);
}

/* Returns what the device was attached to, for the caller to give up. */
static struct iommufd_hw_pagetable *leave_attachment(struct iommufd_device *idev,
						     ioasid_t pasid)
{
	struct iommufd_attachment *attachment;
	struct iommufd_hw_pagetable *hwpt;

	guard(mutex)(&idev->igroup->lock);
	attachment = find_attachment(idev, pasid);
	if (!attachment)
		return NULL;
	hwpt = attachment->hwpt;
	trace_iommufd_detach(idev->dev, pasid, hwpt->obj.id);
	xa_erase(&attachment->devices, idev->obj.id);
	if (xa_empty(&attachment->devices))
		stop_attachment(idev, pasid, attachment);
	else
		leave_others(attachment, idev);
	if (pasid == IOMMU_NO_PASID)
		io_reserved_remove(space_of(hwpt), idev);
	put_attachment(idev->igroup, pasid, attachment);
	return hwpt;
}

/**
 * iommufd_device_detach() - block the DMA of a device
 * @idev: the device
 * @pasid: what of it is detached; nothing happens if that is not attached
 *
 * With the last device of a group its DMA is blocked.
 *
 * Context: process context, may sleep. The caller serializes calls for the
 * device. Never fails. (kernel-api.md 4)
 */
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid)
{
	struct iommufd_hw_pagetable *hwpt = leave_attachment(idev, pasid);

	if (hwpt)
		iommufd_hwpt_release(hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_detach, "IOMMUFD");

static bool next_pasid(struct iommufd_device *idev, unsigned long *pasid)
{
	struct iommufd_attachment *attachment;

	guard(mutex)(&idev->igroup->lock);
	xa_for_each_start(&idev->igroup->attachments, *pasid, attachment, *pasid)
		if (xa_load(&attachment->devices, idev->obj.id))
			return true;
	return false;
}

/**
 * iommufd_device_detach_all() - block all DMA of a device
 * @idev: the device
 *
 * Context: as iommufd_device_detach().
 */
void iommufd_device_detach_all(struct iommufd_device *idev)
{
	unsigned long pasid = 0;

	while (next_pasid(idev, &pasid))
		iommufd_device_detach(idev, pasid);
}
