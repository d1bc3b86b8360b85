// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernel users do with backing memory: pin pages of it, and copy from and
 * to it.
 *
 * A pin is a hold that all pins of the same range share. A copy goes through the
 * address space of the owner if it can, and otherwise holds a few pages at a time
 * and copies by them; pages that are held anyway can be copied even when the
 * owner has exited.
 */
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock/mock.h"
#include "pages.h"

/* Pages that a copy holds at a time. */
#define COPY_PAGES	PFN_CHUNK_PAGES

static struct backing_hold *find_pin(struct io_backing *backing,
				     unsigned long first, unsigned long last)
{
	struct interval_tree_node *span;
	struct backing_hold *hold;

	lockdep_assert_held(&backing->lock);
	for (span = interval_tree_iter_first(&backing->holds, first, first);
	     span; span = interval_tree_iter_next(span, first, first)) {
		hold = container_of(span, struct backing_hold, span);
		if (hold->pins && span->start == first && span->last == last)
			return hold;
	}
	return NULL;
}

static int add_pin(struct io_backing *backing, unsigned long first,
		   unsigned long last)
{
	struct backing_hold *hold = find_pin(backing, first, last);
	int rc;

	if (hold) {
		hold->pins++;
		return 0;
	}
	hold = kzalloc_obj(*hold, GFP_KERNEL_ACCOUNT);
	if (!hold)
		return -ENOMEM;
	hold->pins = 1;
	rc = backing_hold_locked(backing, hold, first, last);
	if (rc)
		kfree(hold);
	return rc;
}

/**
 * backing_pin() - pin pages for a kernel user
 * @backing: the backing
 * @first: first index
 * @last: last index
 * @pages: receives the pages; may be NULL
 *
 * Context: as backing_hold().
 * Return: 0; -EINVAL it has no pages; -ENOMEM; or as backing_hold(). An error
 * leaves no trace.
 */
int backing_pin(struct io_backing *backing, unsigned long first,
		unsigned long last, struct page **pages)
{
	struct pfn_run run;
	unsigned long i;
	int rc;

	if (!backing->ops->has_pages)
		return -EINVAL;
	scoped_guard(mutex, &backing->lock)
		rc = add_pin(backing, first, last);
	if (rc || !pages)
		return rc;
	for_each_pfn_run(&run, &backing->store, first, last)
		for (i = 0; i < run.npages; i++)
			*pages++ = pfn_to_page(run.pfn + i);
	return 0;
}

/**
 * backing_unpin() - undo one backing_pin()
 * @backing: the backing
 * @first: first index
 * @last: last index, both as they were given to backing_pin()
 *
 * Context: as backing_release().
 * Return: false if there is no such pin.
 */
bool backing_unpin(struct io_backing *backing, unsigned long first,
		   unsigned long last)
{
	struct backing_hold *hold;

	guard(mutex)(&backing->lock);
	hold = find_pin(backing, first, last);
	if (!hold)
		return false;
	if (!--hold->pins) {
		backing_release_locked(backing, hold);
		kfree(hold);
	}
	return true;
}

/**
 * backing_visit_pins() - which pages kernel users have pinned
 * @backing: the backing
 * @first: first index to look at
 * @last: last index to look at
 * @fn: called for each pin that has one of them, with all its indices; under
 *	@backing->lock
 * @data: for @fn
 */
void backing_visit_pins(struct io_backing *backing, unsigned long first,
			unsigned long last, backing_pin_fn fn, void *data)
{
	struct interval_tree_node *span;

	guard(mutex)(&backing->lock);
	for (span = interval_tree_iter_first(&backing->holds, first, last); span;
	     span = interval_tree_iter_next(span, first, last))
		if (container_of(span, struct backing_hold, span)->pins)
			fn(span->start, span->last, data);
}

static void copy_page_part(struct page *page, unsigned long offset, void *data,
			   size_t length, unsigned int flags)
{
	void *at = kmap_local_page(page);

	if (flags & BACKING_COPY_WRITE)
		memcpy(at + offset, data, length);
	else
		memcpy(data, at + offset, length);
	kunmap_local(at);
}

/* Copy by pages that are held. */
static void copy_held(struct io_backing *backing, unsigned long start,
		      void *data, size_t length, unsigned int flags)
{
	struct pfn_run run;
	unsigned long i;

	for_each_pfn_run(&run, &backing->store, start >> PAGE_SHIFT,
			 (start + length - 1) >> PAGE_SHIFT)
		for (i = 0; i < run.npages; i++) {
			unsigned long offset = offset_in_page(start);
			size_t n = min(length, PAGE_SIZE - offset);

			copy_page_part(pfn_to_page(run.pfn + i), offset, data,
				       n, flags);
			start += n;
			data += n;
			length -= n;
		}
}

/*
 * What nobody else holds is pinned for as long as the lock is held, and not charged: a
 * copy must not fail for what else the owner has locked.
 */
static int hold_and_copy(struct io_backing *backing, unsigned long start,
			 void *data, size_t length, unsigned int flags)
{
	struct backing_hold hold = {};
	int rc;

	guard(mutex)(&backing->lock);
	backing->copies = true;
	rc = backing_hold_locked(backing, &hold, start >> PAGE_SHIFT,
				 (start + length - 1) >> PAGE_SHIFT);
	if (!rc) {
		copy_held(backing, start, data, length, flags);
		backing_release_locked(backing, &hold);
	}
	backing->copies = false;
	return rc;
}

static int copy_by_page(struct io_backing *backing, unsigned long start,
			void *data, size_t length, unsigned int flags)
{
	while (length) {
		size_t most = COPY_PAGES * PAGE_SIZE - offset_in_page(start);
		size_t n = min(length, most);
		int rc;

		if (iommufd_should_fail())
			return -EINVAL;
		rc = hold_and_copy(backing, start, data, n, flags);
		if (rc)
			return rc;
		start += n;
		data += n;
		length -= n;
	}
	return 0;
}

static int copy_by_va(unsigned long va, void *data, size_t length,
		      unsigned int flags)
{
	void __user *at = (void __user *)va;
	unsigned long left;

	if (flags & BACKING_COPY_WRITE)
		left = copy_to_user(at, data, length);
	else
		left = copy_from_user(data, at, length);
	return left ? -EFAULT : 0;
}

/* Whose memory it is, and where; it may be about to move. To be dropped. */
static struct mm_struct *find_memory(struct io_backing *backing,
				     unsigned long *addr)
{
	guard(spinlock)(&backing->owner_lock);
	*addr = backing->addr;
	mmgrab(backing->owner.mm);
	return backing->owner.mm;
}

/* A kernel thread may borrow an address space, as long as that lives. */
static bool may_borrow(struct mm_struct *mm, unsigned int flags)
{
	/* A task that is exiting has no mm either. */
	return (flags & BACKING_COPY_KTHREAD) &&
	       (current->flags & PF_KTHREAD) && mmget_not_zero(mm);
}

static int copy_user(struct io_backing *backing, unsigned long start,
		     void *data, size_t length, unsigned int flags)
{
	unsigned long addr;
	struct mm_struct *mm = find_memory(backing, &addr);
	int rc;

	if (current->mm == mm) {
		rc = copy_by_va(addr + start, data, length, flags);
	} else if (may_borrow(mm, flags)) {
		kthread_use_mm(mm);
		rc = copy_by_va(addr + start, data, length, flags);
		kthread_unuse_mm(mm);
		mmput_async(mm);
	} else {
		rc = copy_by_page(backing, start, data, length, flags);
	}
	mmdrop(mm);
	return rc;
}

/**
 * backing_copy() - copy from or to backing memory
 * @backing: the backing
 * @start: byte offset in it
 * @data: kernel memory
 * @length: bytes, not 0
 * @flags: BACKING_COPY_*
 *
 * Context: may sleep, faults pages in.
 * Return: 0; -EINVAL the CPU cannot access it; -EFAULT; or as backing_hold(), but for
 * RLIMIT_MEMLOCK, as nothing is charged.
 * Some bytes may have been copied when it fails.
 */
int backing_copy(struct io_backing *backing, unsigned long start, void *data,
		 size_t length, unsigned int flags)
{
	if (!backing->ops->has_pages)
		return -EINVAL;
	if (!backing->ops->is_user || (flags & BACKING_COPY_BY_PAGE))
		return copy_by_page(backing, start, data, length, flags);
	return copy_user(backing, start, data, length, flags);
}
