// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for pinned pages.
 *
 * Pages are charged before they are pinned, so that no one is ever over the
 * limit, not even for a moment, and are returned after they were unpinned. The
 * owner is chosen when the backing is made: pages that a later attach pins, in
 * whatever process that happens, are charged to the one that mapped them.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>

#include "mock/mock.h"
#include "pages.h"

/**
 * backing_owner_init() - make the caller the owner
 * @owner: the owner
 * @mode: what to charge. A caller with CAP_IPC_LOCK is charged nothing, whatever
 *	it says, but for ACCOUNT_CONTAINER
 */
void backing_owner_init(struct backing_owner *owner, enum account_mode mode)
{
	owner->mode = mode;
	owner->unlimited = capable(CAP_IPC_LOCK);
	if (owner->unlimited && mode != ACCOUNT_CONTAINER)
		owner->mode = ACCOUNT_NONE;
	owner->mm = current->mm;
	mmgrab(owner->mm);
	owner->task = current->group_leader;
	get_task_struct(owner->task);
	owner->user = get_uid(current_user());
}

/**
 * backing_owner_copy() - make somebody else the owner too
 * @to: receives the owner, with references of its own
 * @from: the owner
 */
void backing_owner_copy(struct backing_owner *to,
			const struct backing_owner *from)
{
	*to = *from;
	mmgrab(to->mm);
	get_task_struct(to->task);
	get_uid(to->user);
}

/**
 * backing_owner_destroy() - let go of an owner
 * @owner: has no charge left
 */
void backing_owner_destroy(struct backing_owner *owner)
{
	free_uid(owner->user);
	put_task_struct(owner->task);
	mmdrop(owner->mm);
}

static int charge_user(const struct backing_owner *owner, unsigned long npages)
{
	unsigned long limit = task_rlimit(owner->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;
	long now = atomic_long_read(&owner->user->locked_vm);

	do {
		if (now + npages > limit)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&owner->user->locked_vm, &now,
					  now + npages));
	return 0;
}

static int charge_mm(const struct backing_owner *owner, unsigned long npages)
{
	int rc;

	if (mmap_write_lock_killable(owner->mm))
		return -EINTR;
	rc = __account_locked_vm(owner->mm, npages, true, owner->task,
				 owner->mode == ACCOUNT_CONTAINER &&
				 owner->unlimited);
	mmap_write_unlock(owner->mm);
	return rc;
}

/* What is limited; pinned_vm is only counted. */
static int charge_locked(const struct backing_owner *owner,
			 unsigned long npages)
{
	switch (owner->mode) {
	case ACCOUNT_USER:
		return charge_user(owner, npages);
	case ACCOUNT_MM:
	case ACCOUNT_CONTAINER:
		return charge_mm(owner, npages);
	default:
		return 0;
	}
}

static void uncharge_locked(const struct backing_owner *owner,
			    unsigned long npages)
{
	if (owner->mode == ACCOUNT_USER) {
		atomic_long_sub(npages, &owner->user->locked_vm);
	} else if (owner->mode != ACCOUNT_NONE) {
		mmap_write_lock(owner->mm);
		__account_locked_vm(owner->mm, npages, false, owner->task,
				    false);
		mmap_write_unlock(owner->mm);
	}
}

static void count_pinned(const struct backing_owner *owner, long npages)
{
	if (owner->mode != ACCOUNT_CONTAINER)
		atomic64_add(npages, &owner->mm->pinned_vm);
}

/**
 * backing_charge() - charge pages that are about to be pinned
 * @owner: who pays
 * @npages: how many
 *
 * Context: may sleep, takes the mmap lock of the owner.
 * Return: 0, -ENOMEM over the limit, -EINTR on a fatal signal.
 */
int backing_charge(const struct backing_owner *owner, unsigned long npages)
{
	int rc;

	if (iommufd_should_fail())
		return -ENOMEM;
	rc = charge_locked(owner, npages);
	if (!rc)
		count_pinned(owner, npages);
	return rc;
}

/**
 * backing_uncharge() - return what backing_charge() charged
 * @owner: who was charged
 * @npages: how many pages
 *
 * Context: may sleep, takes the mmap lock of the owner.
 */
void backing_uncharge(const struct backing_owner *owner, unsigned long npages)
{
	count_pinned(owner, -npages);
	uncharge_locked(owner, npages);
}

/* Is it the same counter that both are charged in? */
static bool same_account(const struct backing_owner *a,
			 const struct backing_owner *b)
{
	return a->mode == ACCOUNT_USER ? a->user == b->user : a->mm == b->mm;
}

/**
 * backing_move_begin() - charge a new owner for what an old one has pinned
 * @from: the old owner, who stays charged
 * @to: the new owner, with the mode of @from
 * @npages: how many pages
 *
 * Context: as backing_charge(). Ends with backing_move_end() or
 * backing_move_cancel().
 * Return: as backing_charge().
 */
int backing_move_begin(const struct backing_owner *from,
		       const struct backing_owner *to, unsigned long npages)
{
	return same_account(from, to) ? 0 : charge_locked(to, npages);
}

/**
 * backing_move_cancel() - undo backing_move_begin()
 * @from: the old owner
 * @to: the new owner
 * @npages: how many pages
 */
void backing_move_cancel(const struct backing_owner *from,
			 const struct backing_owner *to, unsigned long npages)
{
	if (!same_account(from, to))
		uncharge_locked(to, npages);
}

/**
 * backing_move_end() - relieve the old owner
 * @from: the old owner
 * @to: the new owner
 * @npages: how many pages
 */
void backing_move_end(const struct backing_owner *from,
		      const struct backing_owner *to, unsigned long npages)
{
	if (!same_account(from, to))
		uncharge_locked(from, npages);
	count_pinned(to, npages);
	count_pinned(from, -npages);
}
