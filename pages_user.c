// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page source: a range of a process, pinned for long with GUP.
 *
 * The pages are those of the process that made the backing, also when somebody
 * else causes the pin. Once that process has exited nothing new can be pinned.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "mock/mock.h"
#include "pages.h"

/* A small range gets along with this many on the stack. */
#define FEW_PAGES	8

static long gup_remote(struct mm_struct *mm, unsigned long va,
		       unsigned long npages, unsigned int flags,
		       struct page **pages)
{
	int locked = 1;
	long got;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	if (mmap_read_lock_killable(mm)) {
		mmput_async(mm);
		return -EINTR;
	}
	got = pin_user_pages_remote(mm, va, npages, flags, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	/* The last one must not tear the mm down under our locks. */
	mmput_async(mm);
	return got;
}

static long gup(struct io_backing *backing, unsigned long index,
		unsigned long npages, struct page **pages)
{
	unsigned int flags = FOLL_LONGTERM | (backing->writable ? FOLL_WRITE : 0);
	unsigned long va = backing->addr + (index << PAGE_SHIFT);
	struct mm_struct *mm = backing->owner.mm;
	long got;

	if (iommufd_should_fail())
		return -EFAULT;
	if (mm == current->mm)
		got = pin_user_pages_fast(va, npages, flags, pages);
	else
		got = gup_remote(mm, va, npages, flags, pages);
	return got ?: -EFAULT;
}

static int user_pin(struct io_backing *backing, unsigned long first,
		    unsigned long last, unsigned long *next)
{
	struct page **many __free(free_page) = NULL;
	struct page *few[FEW_PAGES], **pages = few;
	unsigned long batch = FEW_PAGES;
	int rc;

	if (last - first >= FEW_PAGES) {
		many = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!many)
			return -ENOMEM;
		pages = many;
		batch = iommufd_batch(sizeof(*pages));
	}
	while (*next <= last) {
		/* By chunks, so that the store sees a huge page as a whole. */
		unsigned long end = pfn_store_chunk_last(&backing->store, *next);
		unsigned long want = min3(end - *next + 1, last - *next + 1,
					  batch);
		long got = gup(backing, *next, want, pages);

		if (got < 0)
			return got;
		rc = pfn_store_set_pages(&backing->store, *next, pages, got,
					 GFP_KERNEL_ACCOUNT);
		if (rc) {
			unpin_user_pages(pages, got);
			return rc;
		}
		*next += got;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static const struct io_backing_ops user_ops = {
	.prot = IOMMU_CACHE,
	.has_pages = true,
	.is_user = true,
	.pin = user_pin,
	.unpin = backing_unpin_user_run,
};

/**
 * backing_create_user() - make a backing of memory of the calling process
 * @va: address, page aligned; need not be mapped yet
 * @npages: size
 * @writable: pin for writing, so that devices may be allowed to write
 * @mode: what the caller is charged
 *
 * Return: the backing, or ERR_PTR(-ENOMEM).
 */
struct io_backing *backing_create_user(unsigned long va, unsigned long npages,
				       bool writable, enum account_mode mode)
{
	return backing_create(&user_ops, va, npages, writable, mode);
}
