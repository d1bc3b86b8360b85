// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handing all mappings of a context to another process.
 *
 * Only mappings of files can be handed over: their memory is not that of a
 * process. What is pinned is charged to the new owner first, and only when all
 * of that has worked the old owners are relieved.
 */
#include <linux/slab.h>

#include "iommufd_private.h"

/**
 * struct change - a change of owner under way
 * @backings: all backings of the context, each once, with a reference
 * @owner: the new owner
 */
struct change {
	struct list_head backings;
	struct backing_owner owner;
};

static int collect_area(struct io_area *area, void *data)
{
	struct change *change = data;

	if (area->state != AREA_READY)
		return -EBUSY;
	if (!backing_is_file(area->backing))
		return -EINVAL;
	/* Shared by several areas, maybe. */
	if (list_empty(&area->backing->change_item)) {
		backing_get(area->backing);
		list_add_tail(&area->backing->change_item, &change->backings);
	}
	return 0;
}

static int collect_backings(struct iommufd_ctx *ictx, struct change *change)
{
	struct iommufd_object *obj;
	struct iommufd_ioas *ioas;
	unsigned long id;
	int rc;

	xa_for_each(&ictx->objects, id, obj) {
		ioas = iommufd_ioas_get(ictx, id);
		if (IS_ERR(ioas))
			continue;
		rc = io_space_for_each(&ioas->space, collect_area, change);
		iommufd_ioas_put(ioas);
		if (rc)
			return rc;
	}
	return 0;
}

static void drop_backings(struct change *change)
{
	struct io_backing *backing, *tmp;

	list_for_each_entry_safe(backing, tmp, &change->backings, change_item) {
		list_del_init(&backing->change_item);
		backing_put(backing);
	}
}

/* How pages are charged stays as it was when they were mapped. */
static struct backing_owner new_owner(const struct change *change,
				      const struct io_backing *backing)
{
	struct backing_owner owner = change->owner;

	owner.mode = backing->owner.mode;
	return owner;
}

/* Charge what all backings have pinned, whose locks are held. */
static int charge_all(struct change *change)
{
	struct io_backing *backing;
	struct backing_owner to;
	int rc;

	list_for_each_entry(backing, &change->backings, change_item) {
		to = new_owner(change, backing);
		rc = backing_move_begin(&backing->owner, &to, backing->npinned);
		if (rc)
			goto undo;
	}
	return 0;
undo:
	list_for_each_entry_continue_reverse(backing, &change->backings,
					     change_item) {
		to = new_owner(change, backing);
		backing_move_cancel(&backing->owner, &to, backing->npinned);
	}
	return rc;
}

static void hand_over(struct change *change)
{
	struct io_backing *backing;

	list_for_each_entry(backing, &change->backings, change_item) {
		struct backing_owner to = new_owner(change, backing);

		backing_move_end(&backing->owner, &to, backing->npinned);
		backing_owner_destroy(&backing->owner);
		backing_owner_copy(&backing->owner, &to);
	}
}

static int change_all(struct iommufd_ctx *ictx, struct change *change)
{
	struct io_backing *backing;
	int rc;

	/* Everybody else holds one of these locks at most. */
	list_for_each_entry(backing, &change->backings, change_item)
		mutex_lock_nest_lock(&backing->lock, &ictx->process_mutex);
	rc = charge_all(change);
	if (!rc)
		hand_over(change);
	list_for_each_entry(backing, &change->backings, change_item)
		mutex_unlock(&backing->lock);
	return rc;
}

/**
 * iommufd_ioas_change_process() - IOMMU_IOAS_CHANGE_PROCESS
 * @ucmd: the call
 *
 * Return: 0; -EBUSY something is just being mapped or unmapped; -EINVAL there is
 * a mapping that is not of a file; -ENOMEM the caller may not lock that much. An
 * error changes nothing. (uapi-behaviour.md 6.8)
 */
int iommufd_ioas_change_process(struct iommufd_ucmd *ucmd)
{
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct change change = {
		.backings = LIST_HEAD_INIT(change.backings),
	};
	int rc;

	guard(mutex)(&ictx->process_mutex);
	backing_owner_init(&change.owner, READ_ONCE(ictx->account_mode));
	rc = collect_backings(ictx, &change);
	if (!rc)
		rc = change_all(ictx, &change);
	drop_backings(&change);
	backing_owner_destroy(&change.owner);
	return rc;
}
