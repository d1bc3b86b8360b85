// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel users of a space: those that pin and copy its memory by IOVA.
 *
 * A pin keeps its area. So an unmap first tells every user, who gives up the
 * pins that it has in the range, and waits until the last one is gone; then the
 * area, in which meanwhile nothing new could be pinned, is removed. A user that
 * does not give up its pins makes the unmap fail, not hang.
 */
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "io_pagetable.h"
#include "mock/mock.h"

/* An unmap tells the users this often, and waits 1, 2, 4... ms in between. */
#define EXPEL_ROUNDS	12

/**
 * io_space_add_user() - let a kernel user use a space
 * @space: the space
 * @user: its align, unmap and id are set
 *
 * Return: 0; -EADDRINUSE an area does not suit its alignment; -EBUSY the address of
 * some memory is going to change.
 */
int io_space_add_user(struct io_space *space, struct io_user *user)
{
	int rc;

	guard(mutex)(&space->lock);
	if (space->nr_va_invalid)
		return -EBUSY;
	rc = io_space_raise_align(space, user->align);
	if (rc)
		return rc;
	user->leaving = false;
	list_add_tail(&user->item, &space->users);
	return 0;
}

/**
 * io_space_remove_user() - end what io_space_add_user() began
 * @space: the space
 * @user: has no pins any more; is never called again when this returns
 *
 * Context: waits until a call of the user has returned.
 */
void io_space_remove_user(struct io_space *space, struct io_user *user)
{
	scoped_guard(mutex, &space->lock)
		user->leaving = true;
	wait_event(space->unpinned, !READ_ONCE(user->calls));
	guard(mutex)(&space->lock);
	list_del(&user->item);
	io_space_update_align(space);
}

/**
 * io_space_swap_user() - let a kernel user take the place of another one
 * @space: the space
 * @old: goes; it has no unmap, so that nobody is calling it
 * @user: comes; asks for the same alignment
 */
void io_space_swap_user(struct io_space *space, struct io_user *old,
			struct io_user *user)
{
	guard(mutex)(&space->lock);
	user->leaving = false;
	list_replace(&old->item, &user->item);
}

/* The user after @prev, which the walk gives up, and which stays until then. */
static struct io_user *next_user(struct io_space *space, struct io_user *prev)
{
	struct io_user *user, *found = NULL;

	guard(mutex)(&space->lock);
	user = list_prepare_entry(prev, &space->users, item);
	list_for_each_entry_continue(user, &space->users, item)
		if (user->unmap && !user->leaving) {
			found = user;
			break;
		}
	if (found)
		WRITE_ONCE(found->calls, found->calls + 1);
	if (prev) {
		WRITE_ONCE(prev->calls, prev->calls - 1);
		wake_up_all(&space->unpinned);
	}
	return found;
}

static void tell_users(struct io_space *space, struct io_area *area)
{
	struct io_user *user = NULL;

	while ((user = next_user(space, user)))
		user->unmap(user, area->node.first, area_length(area));
}

static void blame_users(struct io_space *space, struct io_area *area)
{
	struct io_user *user;

	guard(mutex)(&space->lock);
	list_for_each_entry(user, &space->users, item)
		if (user->unmap)
			pr_err_ratelimited("iommufd: IOVA %#lx-%#lx is not unmapped: access %u, or another one, keeps pins in it\n",
					   area->node.first, area->node.last,
					   user->id);
}

static bool area_unused(const struct io_area *area)
{
	/* Who is not busy any more has left its pins behind before that. */
	return !smp_load_acquire(&area->busy) && !READ_ONCE(area->pins);
}

/**
 * io_space_expel_users() - make kernel users give up an area
 * @space: the space
 * @area: is %AREA_UNMAPPING, so that nobody starts to use it
 *
 * Who is just copying is waited for, as long as that takes.
 *
 * Context: may sleep for some seconds; calls back the users without a lock.
 * Return: 0; -EDEADLOCK a user did not give up its pins, which is logged; -EINTR
 * on a fatal signal.
 */
int io_space_expel_users(struct io_space *space, struct io_area *area)
{
	unsigned int round;

	for (round = 0; round < EXPEL_ROUNDS; round++) {
		if (wait_event_killable(space->unpinned,
					!READ_ONCE(area->busy)))
			return -EINTR;
		if (area_unused(area))
			return 0;
		tell_users(space, area);
		wait_event_timeout(space->unpinned, area_unused(area),
				   msecs_to_jiffies(1 << round));
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	if (area_unused(area))
		return 0;
	blame_users(space, area);
	return -EDEADLOCK;
}

/**
 * struct slice - the part of an area that an operation touches
 * @area: kept from being unmapped
 * @start: byte offset in the backing
 * @length: bytes
 * @locks: 1 if its pin locks the area, else 0
 * @writes: it may be written
 */
struct slice {
	struct io_area *area;
	unsigned long start;
	unsigned long length;
	unsigned int locks;
	bool writes;
};

static void set_slice(struct slice *slice, struct io_area *area,
		      const struct io_range *range)
{
	unsigned long last = min(range->last, area->node.last);

	slice->area = area;
	slice->writes = false;
	slice->start = area->start + (range->first - area->node.first);
	slice->length = last - range->first + 1;
}

/* The first area of a range must be there, and allow what is wanted. */
static int check_area(struct io_area *area, unsigned long iova, int prot)
{
	if (!area || area->node.first > iova || area->state == AREA_MAPPING)
		return -ENOENT;
	if (area->state == AREA_UNMAPPING)
		return -EINVAL;
	prot &= IOMMU_READ | IOMMU_WRITE;
	if ((area->prot & prot) != prot)
		return -EPERM;
	return 0;
}

/* Find what is at the start of the range, and keep it for a while. */
static int begin_slice(struct io_space *space, const struct io_range *range,
		       int prot, struct slice *slice)
{
	struct io_area *area;
	int rc;

	if (iommufd_should_fail())
		return -EINVAL;
	guard(mutex)(&space->lock);
	area = io_space_first_area(space, range->first, range->last);
	rc = check_area(area, range->first, prot);
	if (rc)
		return rc;
	WRITE_ONCE(area->busy, area->busy + 1);
	set_slice(slice, area, range);
	/* Already now, or an unmap would begin and wait in vain. */
	slice->locks = !!(prot & IO_PIN_LOCKED);
	area->locked += slice->locks;
	return 0;
}

/* @pins pins came with it, or, if negative, went. */
static void end_slice(struct io_space *space, struct slice *slice, int pins)
{
	struct io_area *area = slice->area;

	guard(mutex)(&space->lock);
	if (slice->writes)
		io_area_set_dirty(area, slice->start, slice->length);
	if (pins <= 0)
		area->locked -= slice->locks;
	WRITE_ONCE(area->pins, area->pins + pins);
	/* Pairs with area_unused(). */
	smp_store_release(&area->busy, area->busy - 1);
	/* The area is gone when somebody saw it unused; the space is not. */
	wake_up_all(&space->unpinned);
}

static unsigned long slice_first(const struct slice *slice)
{
	return slice->start >> PAGE_SHIFT;
}

static unsigned long slice_last(const struct slice *slice)
{
	return (slice->start + slice->length - 1) >> PAGE_SHIFT;
}

/* Only the first and last byte of all may lie within a page. */
static bool slice_is_whole(const struct slice *slice,
			   const struct io_range *rest)
{
	return !offset_in_page(slice->start) &&
	       (slice->length == rest->last - rest->first + 1 ||
		!offset_in_page(slice->length));
}

static int pin_slice(struct slice *slice, const struct io_range *rest,
		     struct page **pages)
{
	if (!slice_is_whole(slice, rest))
		return -EINVAL;
	return backing_pin(slice->area->backing, slice_first(slice),
			   slice_last(slice), pages);
}

/**
 * io_space_pin() - pin the pages behind a range of IOVA
 * @space: the space
 * @range: the range
 * @prot: IOMMU_READ or IOMMU_WRITE: what must be allowed; %IO_PIN_LOCKED
 * @pages: receives a page for each PAGE_SIZE of the range; may be NULL
 *
 * Context: may sleep, faults pages in.
 * Return: 0; -ENOENT part of it is not mapped; -EINVAL it is being unmapped, is
 * not memory, or areas meet within a page; -EPERM; or an error of pinning. An
 * error leaves no trace. (kernel-api.md 5.1)
 */
int io_space_pin(struct io_space *space, const struct io_range *range, int prot,
		 struct page **pages)
{
	struct io_range rest = *range;
	struct slice slice;
	int rc;

	for (;;) {
		rc = begin_slice(space, &rest, prot, &slice);
		if (rc)
			break;
		rc = pin_slice(&slice, &rest, pages);
		slice.writes = !rc;
		end_slice(space, &slice, rc ? 0 : 1);
		if (rc)
			break;
		if (pages)
			pages += slice_last(&slice) - slice_first(&slice) + 1;
		if (slice.length == rest.last - rest.first + 1)
			return 0;
		rest.first += slice.length;
	}
	if (rest.first != range->first) {
		rest.last = rest.first - 1;
		rest.first = range->first;
		io_space_unpin(space, &rest, prot);
	}
	return rc;
}

/* Whatever state the area is in: its pins keep it. */
static bool begin_unpin(struct io_space *space, const struct io_range *range,
			int prot, struct slice *slice)
{
	struct io_area *area;

	guard(mutex)(&space->lock);
	area = io_space_first_area(space, range->first, range->last);
	if (!area || area->node.first > range->first || !area->pins)
		return false;
	WRITE_ONCE(area->busy, area->busy + 1);
	set_slice(slice, area, range);
	slice->locks = !!(prot & IO_PIN_LOCKED);
	/* Until now it may have been written. */
	io_area_set_dirty(area, slice->start, slice->length);
	return true;
}

/**
 * io_space_unpin() - undo one io_space_pin()
 * @space: the space
 * @range: exactly as it was pinned
 * @prot: as it was pinned
 *
 * Context: may sleep.
 * Return: false if something of it was not pinned.
 */
bool io_space_unpin(struct io_space *space, const struct io_range *range,
		    int prot)
{
	struct io_range rest = *range;
	struct slice slice;
	bool found;

	for (;;) {
		if (!begin_unpin(space, &rest, prot, &slice))
			return false;
		found = backing_unpin(slice.area->backing, slice_first(&slice),
				      slice_last(&slice));
		if (!found)
			slice.locks = 0;
		end_slice(space, &slice, found ? -1 : 0);
		if (!found)
			return false;
		if (slice.length == rest.last - rest.first + 1)
			return true;
		rest.first += slice.length;
	}
}

/* Do the frames of a slice follow each other, and what came before? */
static bool slice_is_contiguous(const struct slice *slice, unsigned long *next)
{
	struct pfn_run run;

	for_each_pfn_run(&run, &slice->area->backing->store, slice_first(slice),
			 slice_last(slice)) {
		if (*next && run.pfn != *next)
			return false;
		*next = run.pfn + run.npages;
	}
	return true;
}

/**
 * io_space_phys() - where the memory behind a range of IOVA is
 * @space: the space
 * @range: whole pages that the caller has pinned
 * @phys: receives the physical address of the first one
 *
 * Return: 0, -EFAULT its pages do not follow each other.
 */
int io_space_phys(struct io_space *space, const struct io_range *range,
		  phys_addr_t *phys)
{
	struct io_range rest = *range;
	unsigned long next = 0;
	struct slice slice;
	bool contiguous;
	int rc;

	for (;;) {
		rc = begin_slice(space, &rest, 0, &slice);
		if (rc)
			return rc;
		contiguous = slice_is_contiguous(&slice, &next);
		end_slice(space, &slice, 0);
		if (!contiguous)
			return -EFAULT;
		if (slice.length == rest.last - rest.first + 1)
			break;
		rest.first += slice.length;
	}
	*phys = PFN_PHYS(next) - (range->last - range->first + 1);
	return 0;
}

/**
 * io_space_rw() - copy from or to the memory behind a range of IOVA
 * @space: the space
 * @range: the range
 * @data: kernel memory
 * @flags: BACKING_COPY_*
 *
 * Context: may sleep, faults pages in.
 * Return: 0; -ENOENT part of it is not mapped; -EINVAL it is being unmapped or is
 * not memory; -EPERM; -EFAULT. Some bytes may have been copied when it fails.
 * (kernel-api.md 5.3)
 */
int io_space_rw(struct io_space *space, const struct io_range *range,
		void *data, unsigned int flags)
{
	int prot = flags & BACKING_COPY_WRITE ? IOMMU_WRITE : IOMMU_READ;
	struct io_range rest = *range;
	struct slice slice;
	int rc;

	for (;;) {
		rc = begin_slice(space, &rest, prot, &slice);
		if (rc)
			return rc;
		rc = backing_copy(slice.area->backing, slice.start, data,
				  slice.length, flags);
		slice.writes = flags & BACKING_COPY_WRITE;
		end_slice(space, &slice, 0);
		if (rc || slice.length == rest.last - rest.first + 1)
			return rc;
		rest.first += slice.length;
		data += slice.length;
	}
}
