// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects: ids, references, destruction.
 *
 * An object has an id from its birth, but nobody finds it by that id before it
 * is published. Two counters tell who uses it:
 *
 *	users: 1 for the id, 1 for each object or driver that depends on it, and
 *	1 for each ioctl at work on it. Only an object with no other user than its
 *	id can be destroyed.
 *
 *	wait_cnt: 1 for its existence, 1 for each ioctl at work on it, and 1 for each
 *	reader that merely looks at it. Whoever frees the object waits for them first.
 *
 * Happy path: new, publish, get and put, destroy. Unhappy path: new, abort; each
 * type's free function copes with an object that is only partly built.
 */
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "iommufd_private.h"
#include "trace.h"
#include "mock/mock.h"

/* A driver that waits this long for ioctls that use its device says so. */
#define LONG_WAIT	(60 * HZ)

/**
 * iommufd_ctx_get() - take a reference to a context
 * @ictx: a context that the caller can be sure of
 *
 * Context: any. (kernel-api.md 3)
 */
void iommufd_ctx_get(struct iommufd_ctx *ictx)
{
	atomic_inc(&ictx->holders);
	get_file(ictx->file);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_get, "IOMMUFD");

/**
 * iommufd_ctx_put() - drop a reference to a context
 * @ictx: the context
 *
 * The last one destroys all its objects.
 *
 * Context: process context, may sleep. (kernel-api.md 3)
 */
void iommufd_ctx_put(struct iommufd_ctx *ictx)
{
	if (atomic_dec_and_test(&ictx->holders) && ictx->forsaken)
		ictx->forsaken(ictx);
	fput(ictx->file);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_put, "IOMMUFD");

static void (*const free_fns[IOMMUFD_OBJ_MAX])(struct iommufd_object *obj) = {
	[IOMMUFD_OBJ_DEVICE] = iommufd_device_free,
	[IOMMUFD_OBJ_HWPT_PAGING] = iommufd_hwpt_paging_free,
	[IOMMUFD_OBJ_HWPT_NESTED] = iommufd_hwpt_nested_free,
	[IOMMUFD_OBJ_IOAS] = iommufd_ioas_free,
	[IOMMUFD_OBJ_ACCESS] = iommufd_access_free,
	[IOMMUFD_OBJ_FAULT] = iommufd_fault_free,
	[IOMMUFD_OBJ_VIOMMU] = iommufd_viommu_free,
	[IOMMUFD_OBJ_VDEVICE] = iommufd_vdevice_free,
	[IOMMUFD_OBJ_VEVENTQ] = iommufd_veventq_free,
	[IOMMUFD_OBJ_HW_QUEUE] = iommufd_hw_queue_free,
#ifdef CONFIG_IOMMUFD_TEST
	[IOMMUFD_OBJ_SELFTEST] = iommufd_stdev_free,
#endif
};

/**
 * iommufd_object_new() - make an object with an id that nobody finds yet
 * @ictx: the context
 * @size: bytes, of a struct that starts with struct iommufd_object; zeroed
 * @type: what it is
 *
 * Return: the object, or ERR_PTR(-ENOMEM) or ERR_PTR(-EBUSY) without a free id.
 * It ends in iommufd_object_publish() or in iommufd_object_abort().
 */
struct iommufd_object *iommufd_object_new(struct iommufd_ctx *ictx, size_t size,
					  enum iommufd_object_type type)
{
	struct iommufd_object *obj;
	int rc;

	obj = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->type = type;
	refcount_set(&obj->users, 1);
	refcount_set(&obj->wait_cnt, 1);

	/* The entry is reserved and reads as empty. */
	rc = xa_alloc(&ictx->objects, &obj->id, NULL, xa_limit_31b,
		      GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(obj);
		return ERR_PTR(rc);
	}
	return obj;
}

/**
 * iommufd_object_publish() - let an object be found by its id
 * @ictx: the context
 * @obj: complete; its id has reached the user
 *
 * Never fails: the place was reserved.
 */
void iommufd_object_publish(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	void *old = xa_store(&ictx->objects, obj->id, obj, GFP_KERNEL);

	WARN_ON(old);
}

static void free_object(struct iommufd_object *obj)
{
	trace_iommufd_destroy(obj->id, obj->type);
	free_fns[obj->type](obj);
	kfree(obj);
}

/**
 * iommufd_object_abort() - unmake an object that was not published
 * @ictx: the context
 * @obj: built as far as it got; nobody else uses it
 */
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	WARN_ON_ONCE(refcount_read(&obj->users) != 1);
	xa_erase(&ictx->objects, obj->id);
	free_object(obj);
}

/**
 * iommufd_object_get() - find an object and keep it for a short time
 * @ictx: the context
 * @id: its id
 * @type: what it must be, or %IOMMUFD_OBJ_ANY
 *
 * Return: the object, or ERR_PTR(-ENOENT) also if it is of another type. Ends
 * with iommufd_object_put().
 */
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type)
{
	struct iommufd_object *obj;

	if (iommufd_should_fail())
		return ERR_PTR(-ENOENT);
	guard(xa_lock)(&ictx->objects);
	obj = xa_load(&ictx->objects, id);
	if (!obj || (type != IOMMUFD_OBJ_ANY && obj->type != type))
		return ERR_PTR(-ENOENT);
	refcount_inc(&obj->users);
	refcount_inc(&obj->wait_cnt);
	return obj;
}

/**
 * iommufd_object_peek() - look at an object, which may be destroyed meanwhile
 * @ictx: the context
 * @id: its id
 *
 * Who destroys it does not fail for that, but waits with what frees it. So the caller
 * must not wait for anybody who may do so.
 *
 * Return: the object, or NULL. Ends with iommufd_object_unpeek().
 */
struct iommufd_object *iommufd_object_peek(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	guard(xa_lock)(&ictx->objects);
	obj = xa_load(&ictx->objects, id);
	if (obj)
		refcount_inc(&obj->wait_cnt);
	return obj;
}

/**
 * iommufd_object_unpeek() - end what iommufd_object_peek() began
 * @ictx: the context
 * @obj: the object; may be gone at any time after this
 */
void iommufd_object_unpeek(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	if (refcount_dec_and_test(&obj->wait_cnt))
		wake_up_all(&ictx->object_wait);
}

/**
 * iommufd_object_put() - end what iommufd_object_get() began
 * @ictx: the context
 * @obj: the object; may be gone at any time after this
 */
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	/* In this order: who sees no user then waits for wait_cnt. */
	refcount_dec(&obj->users);
	iommufd_object_unpeek(ictx, obj);
}

static bool is_drained(struct iommufd_object *obj)
{
	if (refcount_read(&obj->wait_cnt))
		return false;
	/* What the last one did with the object comes before it is freed. */
	smp_acquire__after_ctrl_dep();
	return true;
}

/*
 * Wait for those who found the object before its id went. Nobody uses it any more:
 * they are about to return from iommufd_object_put(), or only look at it.
 */
static void drain(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	if (!refcount_dec_and_test(&obj->wait_cnt))
		wait_event(ictx->object_wait, is_drained(obj));
}

/* Take the id away from an object that nobody else uses. */
static int take_id(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	lockdep_assert_held(&ictx->objects.xa_lock);
	if (!refcount_dec_if_one(&obj->users))
		return -EBUSY;
	__xa_erase(&ictx->objects, obj->id);
	if (ictx->vfio_ioas && &ictx->vfio_ioas->obj == obj)
		ictx->vfio_ioas = NULL;
	return 0;
}

/**
 * iommufd_object_destroy() - destroy an object that nobody uses
 * @ictx: the context
 * @id: its id
 *
 * Return: 0; -ENOENT there is none; -EBUSY it is used. (uapi-behaviour.md 4.3)
 */
int iommufd_object_destroy(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;
	int rc;

	scoped_guard(xa_lock, &ictx->objects) {
		obj = xa_load(&ictx->objects, id);
		if (!obj)
			return -ENOENT;
		rc = take_id(ictx, obj);
		if (rc)
			return rc;
	}
	drain(ictx, obj);
	free_object(obj);
	return 0;
}

/**
 * iommufd_object_try_destroy() - destroy an object if nobody else uses it
 * @ictx: the context
 * @obj: the caller keeps it; this ends that, whatever the result is
 *
 * Return: whether it is gone.
 */
bool iommufd_object_try_destroy(struct iommufd_ctx *ictx,
				struct iommufd_object *obj)
{
	scoped_guard(xa_lock, &ictx->objects) {
		refcount_dec(&obj->users);
		if (take_id(ictx, obj))
			return false;
	}
	drain(ictx, obj);
	free_object(obj);
	return true;
}

/**
 * iommufd_object_remove() - destroy an object of a driver
 * @ictx: the context
 * @obj: the driver keeps it; this ends that
 *
 * Context: may sleep; waits until ioctls that use the object have returned. That
 * may take as long as the user's memory does, but there is nothing else to do:
 * they use it. A long wait is logged.
 */
void iommufd_object_remove(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	xa_erase(&ictx->objects, obj->id);
	refcount_dec(&obj->users);
	if (!refcount_dec_and_test(&obj->wait_cnt))
		while (!wait_event_timeout(ictx->object_wait,
					   is_drained(obj), LONG_WAIT))
			pr_warn_ratelimited("iommufd: object %u cannot go yet, an ioctl uses it\n",
					    obj->id);
	WARN_ON(!refcount_dec_if_one(&obj->users));
	free_object(obj);
}

/**
 * iommufd_object_entomb() - take an object from the user for good
 * @ictx: the context
 * @obj: what nothing but ioctls at work uses. Its id stays taken for as long as
 *	the context lives, and names nothing
 *
 * Return: true: the caller goes on with iommufd_object_free_entombed(); false: it
 * is not published, or somebody is destroying it.
 */
bool iommufd_object_entomb(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	guard(xa_lock)(&ictx->objects);
	if (xa_load(&ictx->objects, obj->id) != obj)
		return false;
	/* Cannot fail: there is an entry. */
	__xa_store(&ictx->objects, obj->id, XA_ZERO_ENTRY, GFP_NOWAIT);
	return true;
}

/**
 * iommufd_object_free_entombed() - end what iommufd_object_entomb() began
 * @ictx: the context
 * @obj: the object
 *
 * Context: may sleep; waits for ioctls that found the object before.
 */
void iommufd_object_free_entombed(struct iommufd_ctx *ictx,
				  struct iommufd_object *obj)
{
	drain(ictx, obj);
	free_object(obj);
}

/**
 * iommufd_objects_destroy_all() - destroy what is left when the context goes
 * @ictx: nobody else uses it
 *
 * What nothing depends on goes first, until nothing is left.
 */
void iommufd_objects_destroy_all(struct iommufd_ctx *ictx)
{
	struct iommufd_object *obj;
	unsigned long id;
	bool progress;

	do {
		progress = false;
		xa_for_each(&ictx->objects, id, obj)
			if (!iommufd_object_destroy(ictx, id))
				progress = true;
	} while (progress);
	id = 0;
	WARN_ON(xa_find(&ictx->objects, &id, ULONG_MAX, XA_PRESENT));
	/* What remains are ids of objects that were taken from the user. */
	xa_destroy(&ictx->objects);
}

/**
 * iommufd_destroy() - IOMMU_DESTROY
 * @ucmd: the call
 *
 * Return: 0, -ENOENT, -EBUSY. (uapi-behaviour.md 4.3)
 */
int iommufd_destroy(struct iommufd_ucmd *ucmd)
{
	struct iommu_destroy *cmd = ucmd->cmd;

	return iommufd_object_destroy(ucmd->ictx, cmd->id);
}
