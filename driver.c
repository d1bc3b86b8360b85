// SPDX-License-Identifier: GPL-2.0-only
/*
 * What built-in IOMMU drivers and the iommu core call of iommufd. iommufd itself
 * may be a module, so this is a unit of its own that is always built in.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/overflow.h>
#include <linux/memcontrol.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"

/*
 * vDEVICEs
 */

/**
 * iommufd_vdevice_to_device - the device behind a vDEVICE
 * @vdev: a vDEVICE that cannot be destroyed meanwhile
 *
 * Context: Any.
 * Return: The device.
 */
struct device *iommufd_vdevice_to_device(struct iommufd_vdevice *vdev)
{
	return vdev->idev->dev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vdevice_to_device, "IOMMUFD");

/**
 * iommufd_viommu_find_dev - the device that a guest means by an ID
 * @viommu: the vIOMMU that the guest talks to
 * @vdev_id: the guest's ID of the device
 *
 * Context: The caller holds the xa_lock of &iommufd_viommu.vdevs, and keeps it
 *          for as long as it uses the device.
 * Return: The device, or NULL when there is none of that ID.
 */
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id)
{
	struct iommufd_vdevice *vdev;

	lockdep_assert_held(&viommu->vdevs.xa_lock);

	vdev = xa_load(&viommu->vdevs, vdev_id);
	return vdev ? iommufd_vdevice_to_device(vdev) : NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_find_dev, "IOMMUFD");

/**
 * iommufd_viommu_get_vdev_id - what a guest calls a device
 * @viommu: the vIOMMU that the guest talks to
 * @dev: the device
 * @vdev_id: receives the guest's ID of it
 *
 * Context: Takes the xa_lock of &iommufd_viommu.vdevs. May be called in
 *          attach_dev, with the mutex of the iommu group held.
 * Return: 0, or -ENOENT when the device has no vDEVICE on this vIOMMU.
 */
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id)
{
	struct iommufd_vdevice *vdev;
	unsigned long index;
	int rc = -ENOENT;

	if (WARN_ON_ONCE(!vdev_id))
		return -EINVAL;

	xa_lock(&viommu->vdevs);
	xa_for_each(&viommu->vdevs, index, vdev) {
		if (iommufd_vdevice_to_device(vdev) != dev)
			continue;
		*vdev_id = index;
		rc = 0;
		break;
	}
	xa_unlock(&viommu->vdevs);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_get_vdev_id, "IOMMUFD");

/*
 * vIOMMU events
 */

static struct vevent_queue *vevent_queue_find(struct iommufd_viommu *viommu,
					      enum iommu_veventq_type type)
{
	struct vevent_queue *queue;

	lockdep_assert_held(&viommu->veventqs_rwsem);

	list_for_each_entry(queue, &viommu->veventqs, viommu_item)
		if (queue->type == type)
			return queue;
	return NULL;
}

static u32 vevent_take_sequence(struct vevent_queue *queue)
{
	u32 sequence = queue->next_sequence;

	queue->next_sequence = sequence == INT_MAX ? 0 : sequence + 1;
	return sequence;
}

static void vevent_queue_lose(struct vevent_queue *queue)
{
	queue->lost.header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	queue->lost.header.sequence = vevent_take_sequence(queue);
	if (list_empty(&queue->lost.item))
		list_add_tail(&queue->lost.item, &queue->events);
}

static int vevent_queue_add(struct vevent_queue *queue, const void *data,
			    size_t length)
{
	struct mem_cgroup *memcg;
	struct vevent *event;

	guard(spinlock)(&queue->lock);

	if (queue->nr_events >= queue->depth) {
		vevent_queue_lose(queue);
		return 0;
	}

	/* On account of who made the queue, whoever reports. */
	memcg = set_active_memcg(queue->memcg);
	event = kzalloc_flex(*event, payload, length,
			     GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT);
	set_active_memcg(memcg);
	if (!event) {
		vevent_queue_lose(queue);
		return -ENOMEM;
	}
	event->length = length;
	event->header.sequence = vevent_take_sequence(queue);
	memcpy(event->payload, data, length);

	/* From now on the gap before this event tells of the lost ones. */
	list_del_init(&queue->lost.item);
	list_add_tail(&event->item, &queue->events);
	queue->nr_events++;
	return 0;
}

/**
 * iommufd_viommu_report_event - pass an event on to the guest
 * @viommu: the vIOMMU that it happened on
 * @type: kind of event
 * @event_data: the event, in the layout that the uAPI header has for @type
 * @data_len: bytes of @event_data
 *
 * Context: Process context or a threaded interrupt handler: takes
 *          &iommufd_viommu.veventqs_rwsem, and does not wait for memory.
 * Return: 0, also when the event is counted as lost because nobody reads the
 * queue; -EOPNOTSUPP when there is no queue of this type; -ENOMEM when the event
 * is counted as lost for want of memory.
 */
int iommufd_viommu_report_event(struct iommufd_viommu *viommu,
				enum iommu_veventq_type type, void *event_data,
				size_t data_len)
{
	struct vevent_queue *queue;
	int rc;

	if (WARN_ON_ONCE(!event_data || !data_len))
		return -EINVAL;

	guard(rwsem_read)(&viommu->veventqs_rwsem);

	queue = vevent_queue_find(viommu, type);
	if (!queue)
		return -EOPNOTSUPP;

	rc = vevent_queue_add(queue, event_data, data_len);
	wake_up_interruptible_poll(&queue->readers, EPOLLIN | EPOLLRDNORM);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_report_event, "IOMMUFD");

/*
 * Objects that need each other
 */

/*
 * Become a user of an object, if it is published and not being destroyed. What is not
 * published goes without a look at its users. What is stays so as long as it has one;
 * devices and accesses are different.
 */
static bool use_published(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	return xa_load(&ictx->objects, obj->id) == obj &&
	       refcount_inc_not_zero(&obj->users);
}

/**
 * _iommufd_object_depend - keep an object while another one is there
 * @obj_dependent: the object that needs the other
 * @obj_depended: the other. User space cannot destroy it until
 *                _iommufd_object_undepend()
 *
 * Drivers use iommufd_hw_queue_depend().
 *
 * Context: Any. The caller keeps @obj_depended from being freed meanwhile.
 * Return: 0; -EINVAL unless the two are different hardware queues; -ENOENT when
 * @obj_depended is not published yet, and so may still fail, or is being destroyed.
 */
int _iommufd_object_depend(struct iommufd_object *obj_dependent,
			   struct iommufd_object *obj_depended)
{
	struct iommufd_hw_queue *queue;

	if (obj_dependent == obj_depended ||
	    obj_dependent->type != obj_depended->type ||
	    obj_depended->type != IOMMUFD_OBJ_HW_QUEUE)
		return -EINVAL;

	queue = container_of(obj_depended, struct iommufd_hw_queue, obj);
	return use_published(queue->viommu->ictx, obj_depended) ? 0 : -ENOENT;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_depend, "IOMMUFD");

/**
 * _iommufd_object_undepend - undo _iommufd_object_depend()
 * @obj_dependent: as given there
 * @obj_depended: as given there
 *
 * Context: Any.
 */
void _iommufd_object_undepend(struct iommufd_object *obj_dependent,
			      struct iommufd_object *obj_depended)
{
	if (WARN_ON_ONCE(obj_dependent == obj_depended ||
			 obj_dependent->type != obj_depended->type))
		return;

	refcount_dec(&obj_depended->users);
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_undepend, "IOMMUFD");

/*
 * Registers for mmap
 */

static int mmio_window_publish(struct mmio_windows *windows,
			       struct mmio_window *window,
			       unsigned long *pgoff)
{
	const unsigned long max_pgoff = ULONG_MAX >> PAGE_SHIFT;
	int rc;

	xa_lock(&windows->by_pgoff);
	*pgoff = windows->next_pgoff;
	if (window->npages > max_pgoff - *pgoff) {
		rc = -EBUSY;
	} else {
		/* Moved on first: the insertion may drop the lock. */
		windows->next_pgoff += window->npages;
		rc = __xa_insert(&windows->by_pgoff, *pgoff, window,
				 GFP_KERNEL_ACCOUNT);
	}
	xa_unlock(&windows->by_pgoff);
	return rc;
}

/**
 * _iommufd_alloc_mmap - let user space mmap registers
 * @ictx: the context
 * @owner: the object that the registers belong to, published or not yet
 * @mmio_addr: their physical address, page aligned
 * @length: how many bytes, whole pages
 * @offset: receives the offset for mmap(), which is never 0
 *
 * Drivers use iommufd_viommu_alloc_mmap().
 *
 * Context: Process context. May sleep.
 * Return: 0; -EINVAL when the address or the length is not that of whole pages;
 * -EBUSY when the context has no offset left; -ENOMEM.
 */
int _iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
			phys_addr_t mmio_addr, size_t length,
			unsigned long *offset)
{
	struct mmio_window *window;
	unsigned long pgoff;
	phys_addr_t last;
	int rc;

	if (!length || !PAGE_ALIGNED(mmio_addr) || !PAGE_ALIGNED(length) ||
	    check_add_overflow(mmio_addr, length - 1, &last))
		return -EINVAL;

	window = kzalloc_obj(*window, GFP_KERNEL_ACCOUNT);
	if (!window)
		return -ENOMEM;
	window->owner = owner;
	window->phys = mmio_addr;
	window->npages = length >> PAGE_SHIFT;

	rc = mmio_window_publish(&ictx->driver.mmio, window, &pgoff);
	if (rc) {
		kfree(window);
		return rc;
	}
	*offset = pgoff << PAGE_SHIFT;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_alloc_mmap, "IOMMUFD");

/**
 * _iommufd_destroy_mmap - undo _iommufd_alloc_mmap()
 * @ictx: the context
 * @owner: the object that the registers belong to. There are no mappings left,
 *         because each was a user of it
 * @offset: the offset for mmap()
 *
 * Drivers use iommufd_viommu_destroy_mmap().
 *
 * Context: Process context.
 */
void _iommufd_destroy_mmap(struct iommufd_ctx *ictx,
			   struct iommufd_object *owner, unsigned long offset)
{
	struct xarray *windows = &ictx->driver.mmio.by_pgoff;
	unsigned long pgoff = offset >> PAGE_SHIFT;
	struct mmio_window *window;

	xa_lock(windows);
	window = xa_load(windows, pgoff);
	if (WARN_ON_ONCE(!window || window->owner != owner))
		window = NULL;
	else
		__xa_erase(windows, pgoff);
	xa_unlock(windows);
	kfree(window);
}
EXPORT_SYMBOL_NS_GPL(_iommufd_destroy_mmap, "IOMMUFD");

/**
 * iommufd_mmio_window_get - find the registers that user space wants to mmap
 * @ictx: the context
 * @pgoff: offset, in pages
 * @npages: length, in pages
 *
 * The owner of the window has one more user after this. It is dropped with
 * refcount_dec() when the mapping goes.
 *
 * Context: Any.
 * Return: The window, or NULL unless there is one of exactly this offset and
 * length whose owner is published and is not being destroyed.
 */
struct mmio_window *iommufd_mmio_window_get(struct iommufd_ctx *ictx,
					    unsigned long pgoff,
					    unsigned long npages)
{
	struct xarray *windows = &ictx->driver.mmio.by_pgoff;
	struct mmio_window *window;

	/* The owner takes its window away under this lock before it is freed. */
	xa_lock(windows);
	window = xa_load(windows, pgoff);
	if (window && (window->npages != npages ||
		       !use_published(ictx, window->owner)))
		window = NULL;
	xa_unlock(windows);
	return window;
}
EXPORT_SYMBOL_NS_GPL(iommufd_mmio_window_get, "IOMMUFD_INTERNAL");

/*
 * Software MSI, see the DOC block in driver.h
 */

#if IS_ENABLED(CONFIG_IRQ_MSI_IOMMU)
/* The page of @doorbell in the window of @group; chosen now if it has none. */
static int msi_find_page(struct iommufd_group_msi *group, phys_addr_t doorbell)
{
	struct iommufd_msi *ctx = group->ctx;
	unsigned long offset = 0;
	unsigned int id;

	lockdep_assert_held(&ctx->lock);

	for (id = 0; id < ctx->nr_pages; id++) {
		if (ctx->pages[id].window != group->window)
			continue;
		if (ctx->pages[id].doorbell == doorbell)
			return id;
		offset += PAGE_SIZE;
	}
	if (id == IOMMUFD_MSI_MAX_PAGES || offset >= group->window_length)
		return -EOVERFLOW;

	ctx->pages[id] = (struct iommufd_msi_page){
		.window = group->window,
		.doorbell = doorbell,
		.iova = group->window + offset,
	};
	ctx->nr_pages++;
	return id;
}

static int msi_map(struct iommufd_msi *ctx, struct iommufd_msi_pages *pages,
		   unsigned int id)
{
	struct iommufd_msi_page *page = &ctx->pages[id];
	int rc;

	lockdep_assert_held(&ctx->lock);

	if (!pages || test_bit(id, pages->mapped))
		return 0;

	rc = iommu_map(pages->domain, page->iova, page->doorbell, PAGE_SIZE,
		       IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO,
		       GFP_KERNEL_ACCOUNT);
	if (!rc)
		__set_bit(id, pages->mapped);
	return rc;
}

static void msi_drop_group(struct iommufd_msi *ctx,
			   struct iommufd_msi_pages *pages)
{
	unsigned int id;

	lockdep_assert_held(&ctx->lock);

	if (!pages || --pages->nr_groups)
		return;

	for_each_set_bit(id, pages->mapped, IOMMUFD_MSI_MAX_PAGES)
		WARN_ON(iommu_unmap(pages->domain, ctx->pages[id].iova,
				    PAGE_SIZE) != PAGE_SIZE);
	bitmap_zero(pages->mapped, IOMMUFD_MSI_MAX_PAGES);
}

/**
 * iommufd_group_msi_set_window - tell where a group has its doorbells
 * @group: the group
 * @start: first IOVA of its reserved region of type SW_MSI
 * @length: bytes in the region
 *
 * Context: Process context. May sleep.
 */
void iommufd_group_msi_set_window(struct iommufd_group_msi *group,
				  phys_addr_t start, size_t length)
{
	guard(mutex)(&group->ctx->lock);
	group->window = start;
	group->window_length = length;
}
EXPORT_SYMBOL_NS_GPL(iommufd_group_msi_set_window, "IOMMUFD_INTERNAL");

/**
 * iommufd_group_msi_enter - prepare a page table for the interrupts of a group
 * @group: the group, which is going to be attached, or moved to the page table
 * @pages: those of the page table; of the nesting parent when it is a nested one
 *
 * iommufd_group_msi_entered() has to follow the attempt to attach it.
 *
 * Context: Process context. May sleep. The caller lets no other thread attach
 *          or detach this group.
 * Return: 0 or a negative errno.
 */
int iommufd_group_msi_enter(struct iommufd_group_msi *group,
			    struct iommufd_msi_pages *pages)
{
	struct iommufd_msi *ctx = group->ctx;
	unsigned int id;
	int rc;

	guard(mutex)(&ctx->lock);

	pages->nr_groups++;
	for_each_set_bit(id, group->needed, IOMMUFD_MSI_MAX_PAGES) {
		rc = msi_map(ctx, pages, id);
		if (rc) {
			msi_drop_group(ctx, pages);
			return rc;
		}
	}
	group->next = pages;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_group_msi_enter, "IOMMUFD_INTERNAL");

/**
 * iommufd_group_msi_entered - the attempt to attach a group is over
 * @group: the group
 * @rc: 0 if it was attached or moved to its new page table
 *
 * Comes before the IOVAs of the window are free for others in the page table
 * that the group does not use (any longer).
 *
 * Context: Process context. May sleep.
 */
void iommufd_group_msi_entered(struct iommufd_group_msi *group, int rc)
{
	guard(mutex)(&group->ctx->lock);

	if (!rc)
		swap(group->present, group->next);
	msi_drop_group(group->ctx, group->next);
	group->next = NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_group_msi_entered, "IOMMUFD_INTERNAL");

/**
 * iommufd_group_msi_leave - a group was detached
 * @group: the group
 *
 * Comes before the IOVAs of the window are free for others.
 *
 * Context: Process context. May sleep.
 */
void iommufd_group_msi_leave(struct iommufd_group_msi *group)
{
	guard(mutex)(&group->ctx->lock);

	msi_drop_group(group->ctx, group->present);
	group->present = NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_group_msi_leave, "IOMMUFD_INTERNAL");

static int msi_assign(struct iommufd_group_msi *group, struct msi_desc *desc,
		      phys_addr_t doorbell)
{
	struct iommufd_msi *ctx = group->ctx;
	int id, rc;

	guard(mutex)(&ctx->lock);

	if (!group->window_length)
		return 0;

	id = msi_find_page(group, doorbell);
	if (id < 0)
		return id;

	rc = msi_map(ctx, group->present, id);
	if (!rc)
		rc = msi_map(ctx, group->next, id);
	if (rc)
		return rc;

	__set_bit(id, group->needed);
	msi_desc_set_iommu_msi_iova(desc, ctx->pages[id].iova, PAGE_SHIFT);
	return 0;
}

/**
 * iommufd_sw_msi - give an interrupt its doorbell
 * @domain: what the device is attached to, a domain of iommufd
 * @desc: the interrupt, receives the IOVA of its doorbell
 * @msi_addr: physical address of the doorbell
 *
 * Context: Called by the iommu core with the mutex of the iommu group held.
 * Return: 0, which leaves @desc as it is when the group has no window for
 * doorbells; -EOVERFLOW when the window or the context has no page left; or the
 * error of the mapping.
 */
int iommufd_sw_msi(struct iommu_domain *domain, struct msi_desc *desc,
		   phys_addr_t msi_addr)
{
	struct iommu_group *iommu_group = msi_desc_to_dev(desc)->iommu_group;
	struct iommu_attach_handle *attach;
	struct iommufd_group *igroup;

	/* The mutex of the group keeps the handle, and so the group record. */
	attach = iommu_attach_handle_get(iommu_group, IOMMU_NO_PASID, 0);
	if (IS_ERR(attach))
		return 0;

	igroup = container_of(attach, struct iommufd_attach_handle,
			      handle)->igroup;
	return msi_assign(&igroup->msi, desc, msi_addr & PAGE_MASK);
}
EXPORT_SYMBOL_NS_GPL(iommufd_sw_msi, "IOMMUFD");
#endif

MODULE_DESCRIPTION("iommufd for built-in IOMMU drivers");
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
MODULE_LICENSE("GPL");
