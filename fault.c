// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault queues: page requests of devices, which user space answers.
 *
 * Page requests come in groups, and each group needs one answer. Wherever a group
 * is, it is in one of two places: in @queued until user space reads it, then in
 * @unanswered, by the cookie that the reader got.
 *
 * Happy path: the IOMMU driver reports a group, it is queued, read, answered.
 *
 * Unhappy path: the device is detached or moved, or the queue destroyed: every
 * group that is then in one of the two places is answered as invalid.
 */
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"
#include "trace.h"

/* A device has far fewer at a time, unless it does not count them. */
#define MAX_GROUPS	SZ_16K

/**
 * struct iommufd_fault - a queue of page requests
 * @eventq: the object and its file; each HWPT that uses the queue keeps it
 * @lock: see DOC: Locking
 * @queue_lock: the only lock that who reports a group takes
 * @queued: [lock and queue_lock] groups that nobody has read, in order of arrival
 * @ngroups: groups in both places
 * @unanswered: [lock] those that were read, by cookie
 * @next_cookie: [lock] where to look for the next one; no cookie is used again
 *	soon, so that a late answer cannot be taken for that of another group
 * @readers: who waits for a group
 */
struct iommufd_fault {
	struct iommufd_eventq eventq;
	struct mutex lock; /* see above */
	spinlock_t queue_lock; /* see above */
	struct list_head queued;
	atomic_t ngroups;
	struct xarray unanswered;
	u32 next_cookie;
	wait_queue_head_t readers;
};

static struct iommufd_fault *to_fault(struct iommufd_eventq *eventq)
{
	return container_of(eventq, struct iommufd_fault, eventq);
}

static void answer(struct iommufd_fault *fault, struct iopf_group *group,
		   enum iommu_page_response_code code)
{
	const struct iommu_fault_page_request *prm = &group->last_fault.fault.prm;

	trace_iommufd_fault_answer(group->fault_param->dev, prm->pasid,
				   prm->grpid, code);
	iopf_group_response(group, code);
	iopf_free_group(group);
	atomic_dec(&fault->ngroups);
}

/**
 * struct origin - where groups come from
 * @handle: of which attachment, or NULL: whichever
 * @dev: from which device, or NULL: whichever
 */
struct origin {
	const struct iommu_attach_handle *handle;
	const struct device *dev;
};

static bool is_from(const struct iopf_group *group, const struct origin *origin)
{
	return (!origin->handle || group->attach_handle == origin->handle) &&
	       (!origin->dev || group->fault_param->dev == origin->dev);
}

static void take_queued(struct iommufd_fault *fault,
			const struct origin *origin, struct list_head *list)
{
	struct iopf_group *group, *tmp;

	guard(spinlock)(&fault->queue_lock);
	list_for_each_entry_safe(group, tmp, &fault->queued, node)
		if (is_from(group, origin))
			list_move_tail(&group->node, list);
}

static void cancel_queued(struct iommufd_fault *fault,
			  const struct origin *origin)
{
	struct iopf_group *group, *tmp;
	LIST_HEAD(list);

	take_queued(fault, origin, &list);
	list_for_each_entry_safe(group, tmp, &list, node)
		answer(fault, group, IOMMU_PAGE_RESP_INVALID);
}

static void cancel_unanswered(struct iommufd_fault *fault,
			      const struct origin *origin)
{
	struct iopf_group *group;
	unsigned long cookie;

	xa_for_each(&fault->unanswered, cookie, group) {
		if (!is_from(group, origin))
			continue;
		xa_erase(&fault->unanswered, cookie);
		answer(fault, group, IOMMU_PAGE_RESP_INVALID);
	}
}

static void cancel(struct iommufd_fault *fault, const struct origin *origin)
{
	guard(mutex)(&fault->lock);
	cancel_queued(fault, origin);
	cancel_unanswered(fault, origin);
}

/**
 * iommufd_fault_cancel() - answer what is left of an attachment
 * @hwpt: what was attached
 * @handle: of the attachment
 * @dev: which of its devices has been detached, or NULL: all
 *
 * Context: may sleep; takes the lock of the queue.
 */
void iommufd_fault_cancel(struct iommufd_hw_pagetable *hwpt,
			  struct iommufd_attach_handle *handle,
			  const struct device *dev)
{
	const struct origin origin = { .handle = &handle->handle, .dev = dev };

	if (hwpt->fault)
		cancel(hwpt->fault, &origin);
}

/* iommu_domain.iopf_handler */
static int take_group(struct iopf_group *group)
{
	const struct iommu_fault_page_request *prm = &group->last_fault.fault.prm;
	struct iommufd_fault *fault =
		group->attach_handle->domain->iommufd_hwpt->fault;

	trace_iommufd_fault(group->fault_param->dev, prm->pasid, prm->grpid,
			    prm->addr, prm->perm);
	if (atomic_inc_return(&fault->ngroups) > MAX_GROUPS) {
		atomic_dec(&fault->ngroups);
		return -EBUSY;
	}
	/* From here on it is we who answer it. */
	iopf_group_dequeue(group);
	guard(spinlock)(&fault->queue_lock);
	list_add_tail(&group->node, &fault->queued);
	/* Under the lock: with the last group answered the queue may go. */
	wake_up_interruptible_poll(&fault->readers, EPOLLIN | EPOLLRDNORM);
	return 0;
}

/**
 * iommufd_fault_attach() - send the page requests of a HWPT to a queue
 * @hwpt: a new HWPT
 * @fault_id: the queue
 *
 * Return: 0 or -ENOENT.
 */
int iommufd_fault_attach(struct iommufd_hw_pagetable *hwpt, u32 fault_id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(hwpt->ictx, fault_id, IOMMUFD_OBJ_FAULT);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	hwpt->fault = container_of(obj, struct iommufd_fault, eventq.obj);
	hwpt->domain->iopf_handler = take_group;
	iommufd_object_keep(obj);
	iommufd_object_put(hwpt->ictx, obj);
	return 0;
}

/**
 * iommufd_fault_release() - undo iommufd_fault_attach()
 * @hwpt: a HWPT that goes, with or without a queue
 */
void iommufd_fault_release(struct iommufd_hw_pagetable *hwpt)
{
	if (hwpt->fault)
		iommufd_object_unkeep(&hwpt->fault->eventq.obj);
}

void iommufd_fault_free(struct iommufd_object *obj)
{
	struct iommufd_fault *fault =
		container_of(obj, struct iommufd_fault, eventq.obj);
	const struct origin anywhere = {};

	cancel(fault, &anywhere);
	xa_destroy(&fault->unanswered);
	mutex_destroy(&fault->lock);
}

/**
 * struct delivery - a group on its way to a reader
 * @group: which; it may be answered and freed by now
 * @cookie: under which it is unanswered
 * @n: number of messages
 * @messages: what the reader gets
 */
struct delivery {
	struct iopf_group *group;
	u32 cookie;
	u32 n;
	struct iommu_hwpt_pgfault messages[] __counted_by(n);
};

static void compose(struct iommu_hwpt_pgfault *message,
		    const struct iommu_fault_page_request *prm, u32 dev_id,
		    u32 cookie)
{
	if (prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID)
		message->flags |= IOMMU_PGFAULT_FLAGS_PASID_VALID;
	if (prm->flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE)
		message->flags |= IOMMU_PGFAULT_FLAGS_LAST_PAGE;
	message->dev_id = dev_id;
	message->pasid = prm->pasid;
	message->grpid = prm->grpid;
	message->perm = prm->perm;
	message->addr = prm->addr;
	message->cookie = cookie;
}

/*
 * The object id of the device that asked. Who detaches a device takes it out of the
 * attachment, then waits for @fault->lock to cancel its groups, which the caller
 * holds: what is found is not freed.
 */
static u32 id_of_asker(const struct iopf_group *group)
{
	struct iommufd_attach_handle *handle =
		container_of(group->attach_handle,
			     struct iommufd_attach_handle, handle);
	struct iommufd_device *idev;
	unsigned long id;

	xa_for_each(&handle->attachment->devices, id, idev)
		if (idev->dev == group->fault_param->dev)
			return id;
	return READ_ONCE(handle->dev_id);
}

static void compose_all(struct delivery *delivery)
{
	u32 dev_id = id_of_asker(delivery->group);
	struct iopf_fault *fault;
	u32 i = 0;

	list_for_each_entry(fault, &delivery->group->faults, list)
		compose(&delivery->messages[i++], &fault->fault.prm,
			dev_id, delivery->cookie);
}

/* It stays where it is as long as the caller holds @fault->lock. */
static struct iopf_group *first_queued(struct iommufd_fault *fault)
{
	guard(spinlock)(&fault->queue_lock);
	return list_first_entry_or_null(&fault->queued, struct iopf_group, node);
}

/*
 * Take the first group off the queue, if it fits into @room messages. Returns
 * NULL when there is none.
 */
static struct delivery *begin_delivery(struct iommufd_fault *fault, size_t room)
{
	struct iopf_group *group;
	struct delivery *delivery;
	int rc;

	guard(mutex)(&fault->lock);
	group = first_queued(fault);
	if (!group)
		return NULL;
	if (group->fault_count > room)
		return ERR_PTR(-EINVAL);
	delivery = kvzalloc(struct_size(delivery, messages, group->fault_count),
			    GFP_KERNEL_ACCOUNT);
	if (!delivery)
		return ERR_PTR(-ENOMEM);
	delivery->n = group->fault_count;
	delivery->group = group;
	rc = xa_alloc_cyclic(&fault->unanswered, &delivery->cookie, group,
			     xa_limit_31b, &fault->next_cookie,
			     GFP_KERNEL_ACCOUNT);
	if (rc < 0) {
		kvfree(delivery);
		return ERR_PTR(rc);
	}
	scoped_guard(spinlock, &fault->queue_lock)
		list_del(&group->node);
	compose_all(delivery);
	return delivery;
}

/* The reader did not get it. It may have been answered in the meantime. */
static void undo_delivery(struct iommufd_fault *fault,
			  const struct delivery *delivery)
{
	guard(mutex)(&fault->lock);
	if (xa_cmpxchg(&fault->unanswered, delivery->cookie, delivery->group,
		       NULL, 0) != delivery->group)
		return;
	guard(spinlock)(&fault->queue_lock);
	list_add(&delivery->group->node, &fault->queued);
	wake_up_interruptible_poll(&fault->readers, EPOLLIN | EPOLLRDNORM);
}

static ssize_t deliver(struct iommufd_fault *fault, char __user *buf,
		       size_t room)
{
	struct delivery *delivery = begin_delivery(fault, room);
	ssize_t length;

	if (IS_ERR_OR_NULL(delivery))
		return PTR_ERR(delivery);
	length = flex_array_size(delivery, messages, delivery->n);
	if (copy_to_user(buf, delivery->messages, length)) {
		undo_delivery(fault, delivery);
		length = -EFAULT;
	}
	kvfree(delivery);
	return length;
}

/* iommufd_eventq_ops.read: whole groups, as many as fit. */
static ssize_t fault_read(struct iommufd_eventq *eventq, char __user *buf,
			  size_t count)
{
	const size_t size = sizeof(struct iommu_hwpt_pgfault);
	ssize_t done = 0, length;

	if (count % size)
		return -ESPIPE;
	do {
		length = deliver(to_fault(eventq), buf + done,
				 (count - done) / size);
		if (length > 0)
			done += length;
	} while (length > 0);
	return done ?: length;
}

static int answer_one(struct iommufd_fault *fault,
		      const struct iommu_hwpt_page_response __user *from)
{
	struct iommu_hwpt_page_response response;
	struct iopf_group *group;

	static_assert((int)IOMMUFD_PAGE_RESP_SUCCESS ==
		      (int)IOMMU_PAGE_RESP_SUCCESS);
	static_assert((int)IOMMUFD_PAGE_RESP_INVALID ==
		      (int)IOMMU_PAGE_RESP_INVALID);
	if (copy_from_user(&response, from, sizeof(response)))
		return -EFAULT;
	if (response.code != IOMMUFD_PAGE_RESP_SUCCESS &&
	    response.code != IOMMUFD_PAGE_RESP_INVALID)
		return -EINVAL;

	guard(mutex)(&fault->lock);
	group = xa_erase(&fault->unanswered, response.cookie);
	if (!group)
		return -EINVAL;
	answer(fault, group, response.code);
	return 0;
}

/* iommufd_eventq_ops.write */
static ssize_t fault_write(struct iommufd_eventq *eventq, const char __user *buf,
			   size_t count)
{
	const size_t size = sizeof(struct iommu_hwpt_page_response);
	const struct iommu_hwpt_page_response __user *from =
		(const void __user *)buf;
	size_t i, n = count / size;
	int rc = 0;

	if (count % size)
		return -ESPIPE;
	for (i = 0; i < n && !rc; i++)
		rc = answer_one(to_fault(eventq), &from[i]);
	if (rc)
		i--;
	return i ? i * size : rc;
}

static bool fault_pending(struct iommufd_eventq *eventq)
{
	return first_queued(to_fault(eventq));
}

static const struct iommufd_eventq_ops fault_ops = {
	.name = "[iommufd-pgfault]",
	.read = fault_read,
	.write = fault_write,
	.pending = fault_pending,
};

/**
 * iommufd_fault_alloc() - IOMMU_FAULT_QUEUE_ALLOC
 * @ucmd: the call
 *
 * Return: 0, -EMFILE, -ENOMEM. (uapi-behaviour.md 9)
 */
int iommufd_fault_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_fault_alloc *cmd = ucmd->cmd;
	struct iommufd_fault *fault;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_new(ucmd->ictx, sizeof(*fault), IOMMUFD_OBJ_FAULT);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	ucmd->new_obj = obj;
	fault = container_of(obj, struct iommufd_fault, eventq.obj);
	fault->eventq.ictx = ucmd->ictx;
	fault->eventq.ops = &fault_ops;
	fault->eventq.readers = &fault->readers;
	init_waitqueue_head(&fault->readers);
	mutex_init(&fault->lock);
	spin_lock_init(&fault->queue_lock);
	INIT_LIST_HEAD(&fault->queued);
	xa_init_flags(&fault->unanswered, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);

	rc = iommufd_eventq_prepare(ucmd, &fault->eventq);
	if (rc)
		return rc;
	cmd->out_fault_id = obj->id;
	cmd->out_fault_fd = ucmd->new_fd;
	return 0;
}
