// SPDX-License-Identifier: GPL-2.0-only
/*
 * vEVENTQs: events of one type of a vIOMMU, which user space reads. driver.c has
 * the side where IOMMU drivers report them.
 *
 * Only readers take events off a queue, and only one at a time: an event is copied
 * to the user first and taken off afterwards. What says that events were lost is
 * different: a driver may change it at any time or take it off.
 */
#include <linux/iommufd.h>
#include <linux/memcontrol.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "iommufd_private.h"

/* Far more than a guest has use for. */
#define MAX_DEPTH	(1U << 19)

/**
 * struct iommufd_veventq - a vEVENTQ
 * @eventq: the object and its file
 * @viommu: [I] kept
 * @read_lock: lets one reader at a time read
 * @queue: the events
 * @listed: [viommu->veventqs_rwsem] @queue is on the list of @viommu
 */
struct iommufd_veventq {
	struct iommufd_eventq eventq;
	struct iommufd_viommu *viommu;
	struct mutex read_lock; /* see above */
	struct vevent_queue queue;
	bool listed;
};

static struct iommufd_veventq *to_veventq(struct iommufd_eventq *eventq)
{
	return container_of(eventq, struct iommufd_veventq, eventq);
}

static void free_events(struct vevent_queue *queue)
{
	struct vevent *event, *tmp;

	list_del_init(&queue->lost.item);
	list_for_each_entry_safe(event, tmp, &queue->events, item)
		kfree(event);
	mem_cgroup_put(queue->memcg);
}

void iommufd_veventq_free(struct iommufd_object *obj)
{
	struct iommufd_veventq *veventq =
		container_of(obj, struct iommufd_veventq, eventq.obj);

	scoped_guard(rwsem_write, &veventq->viommu->veventqs_rwsem) {
		if (veventq->listed)
			list_del(&veventq->queue.viommu_item);
	}
	free_events(&veventq->queue);
	iommufd_object_unkeep(&veventq->viommu->obj);
	mutex_destroy(&veventq->read_lock);
}

/* The first event; its header, which a driver may change, goes to @header. */
static struct vevent *peek(struct vevent_queue *queue,
			   struct iommufd_vevent_header *header)
{
	struct vevent *event;

	guard(spinlock)(&queue->lock);
	event = list_first_entry_or_null(&queue->events, struct vevent, item);
	if (event)
		*header = event->header;
	return event;
}

/* The user has got what peek() found. */
static void take_off(struct vevent_queue *queue, struct vevent *event,
		     const struct iommufd_vevent_header *header)
{
	guard(spinlock)(&queue->lock);
	if (event != &queue->lost) {
		list_del(&event->item);
		queue->nr_events--;
		kfree(event);
	} else if (event->header.sequence == header->sequence) {
		list_del_init(&event->item);
	}
}

/* Copy the first event to the user. Returns its length, 0 if there is none. */
static ssize_t deliver(struct vevent_queue *queue, char __user *buf,
		       size_t count)
{
	struct iommufd_vevent_header header;
	struct vevent *event = peek(queue, &header);
	size_t length;

	if (!event)
		return 0;
	/* &vevent_queue.lost has no payload. */
	length = sizeof(header) + event->length;
	if (length > count)
		return -EINVAL;
	if (copy_to_user(buf, &header, sizeof(header)) ||
	    copy_to_user(buf + sizeof(header), event->payload, event->length))
		return -EFAULT;
	take_off(queue, event, &header);
	return length;
}

/* iommufd_eventq_ops.read: whole events, as many as fit. */
static ssize_t veventq_read(struct iommufd_eventq *eventq, char __user *buf,
			    size_t count)
{
	struct iommufd_veventq *veventq = to_veventq(eventq);
	ssize_t done = 0, length;

	if (count < sizeof(struct iommufd_vevent_header))
		return -EINVAL;
	/*
	 * Who holds it may wait for the memory of the user. So a read that must not block
	 * may do so here, like one whose own memory is not there: EAGAIN, with events that
	 * poll() tells of, would make who polls spin.
	 */
	if (mutex_lock_interruptible(&veventq->read_lock))
		return -ERESTARTSYS;
	do {
		length = deliver(&veventq->queue, buf + done, count - done);
		if (length > 0)
			done += length;
	} while (length > 0);
	mutex_unlock(&veventq->read_lock);
	return done ?: length;
}

static bool veventq_pending(struct iommufd_eventq *eventq)
{
	struct vevent_queue *queue = &to_veventq(eventq)->queue;

	guard(spinlock)(&queue->lock);
	return !list_empty(&queue->events);
}

static const struct iommufd_eventq_ops veventq_ops = {
	.name = "[iommufd-viommu-event]",
	.read = veventq_read,
	.pending = veventq_pending,
};

/* One queue of each type; drivers find it from here on. */
static int list_queue(struct iommufd_veventq *veventq)
{
	struct iommufd_viommu *viommu = veventq->viommu;
	struct vevent_queue *queue;

	guard(rwsem_write)(&viommu->veventqs_rwsem);
	list_for_each_entry(queue, &viommu->veventqs, viommu_item)
		if (queue->type == veventq->queue.type)
			return -EEXIST;
	list_add_tail(&veventq->queue.viommu_item, &viommu->veventqs);
	veventq->listed = true;
	return 0;
}

static void init_queue(struct vevent_queue *queue,
		       const struct iommu_veventq_alloc *cmd)
{
	queue->type = cmd->type;
	queue->depth = cmd->veventq_depth;
	queue->memcg = get_mem_cgroup_from_mm(current->mm);
	init_waitqueue_head(&queue->readers);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->events);
	INIT_LIST_HEAD(&queue->lost.item);
}

static struct iommufd_veventq *new_veventq(struct iommufd_ucmd *ucmd,
					   struct iommufd_viommu *viommu)
{
	struct iommufd_veventq *veventq;
	struct iommufd_object *obj;

	obj = iommufd_object_new(ucmd->ictx, sizeof(*veventq),
				 IOMMUFD_OBJ_VEVENTQ);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	veventq = container_of(obj, struct iommufd_veventq, eventq.obj);
	veventq->eventq.ictx = ucmd->ictx;
	veventq->eventq.ops = &veventq_ops;
	veventq->eventq.readers = &veventq->queue.readers;
	mutex_init(&veventq->read_lock);
	init_queue(&veventq->queue, ucmd->cmd);
	veventq->viommu = viommu;
	iommufd_object_keep(&viommu->obj);
	ucmd->new_obj = obj;
	return veventq;
}

/**
 * iommufd_veventq_alloc() - IOMMU_VEVENTQ_ALLOC
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP; -EINVAL; -ENOENT; -EEXIST the vIOMMU has a queue of the
 * type; -EMFILE; -ENOMEM. (uapi-behaviour.md 10.3)
 */
int iommufd_veventq_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_veventq_alloc *cmd = ucmd->cmd;
	struct iommufd_veventq *veventq;
	struct iommufd_viommu *viommu;
	int rc;

	if (cmd->__reserved || cmd->type == IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth || cmd->veventq_depth > MAX_DEPTH)
		return -EINVAL;
	viommu = iommufd_viommu_get(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	veventq = new_veventq(ucmd, viommu);
	iommufd_viommu_put(viommu);
	if (IS_ERR(veventq))
		return PTR_ERR(veventq);
	rc = list_queue(veventq);
	if (!rc)
		rc = iommufd_eventq_prepare(ucmd, &veventq->eventq);
	if (rc)
		return rc;
	cmd->out_veventq_id = ucmd->new_obj->id;
	cmd->out_veventq_fd = ucmd->new_fd;
	return 0;
}
