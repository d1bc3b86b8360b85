// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page source: device memory that a process has mapped, such as a BAR of a
 * vfio-pci device. Another device that is given it does peer-to-peer DMA.
 *
 * There are no pages to pin, and it is the process's VMA that says where the memory
 * is. The owner of the device takes the memory away by zapping the VMA, before the
 * device is reset, disabled, moved or removed. An MMU notifier tells us, and before
 * it returns no IOMMU leads there any more. Nobody tells when the memory is back: so
 * from then on we try to fault it in, at growing intervals, as long as the VMA is
 * there.
 *
 * Finding out where the memory is faults, and takes mmap_lock. The notifier runs
 * under locks inside of which nothing may be faulted in, nor memory be waited for.
 * So the frames are looked up under no lock of ours, into a store of their own;
 * then, under the lock that the notifier takes too, it is checked that nothing
 * happened in the meantime, and mapped.
 *
 * Happy path: look up the frames, map; zapped: unmap; look up again, map again.
 *
 * Unhappy path: the frames cannot be looked up: not mapped at all at first, later
 * tried again.
 */
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "pages.h"

/* From the first to the last interval at which we look if it is back. */
#define FIRST_LOOK	msecs_to_jiffies(2)
#define LAST_LOOK	msecs_to_jiffies(500)

/* A fault that brings nothing is tried again this often. */
#define MAX_TRIES	16

/**
 * struct mmio_source - what a backing keeps of device memory
 * @backing: [I] the backing
 * @lock: io_backing_ops.lock
 * @notifier: tells that the VMA changes; its sequence is that of @lock
 * @frames: [lock] where the memory is, unless &io_backing.revoked
 * @look: looks if the memory is back
 * @interval: [lock] until the next look
 * @dying: [lock] nobody needs it any more
 */
struct mmio_source {
	struct io_backing *backing;
	struct mutex lock; /* see above */
	struct mmu_interval_notifier notifier;
	struct pfn_store *frames;
	struct delayed_work look;
	unsigned long interval;
	bool dying;
};

static struct backing_lock_keys mmio_keys;

static void mmio_lock(struct io_backing *backing)
{
	mutex_lock(&backing->mmio->lock);
}

static void mmio_unlock(struct io_backing *backing)
{
	mutex_unlock(&backing->mmio->lock);
}

static int mmio_pin(struct io_backing *backing, unsigned long first,
		    unsigned long last, unsigned long *next)
{
	struct pfn_run run;
	int rc;

	lockdep_assert_held(&backing->mmio->lock);
	for_each_pfn_run(&run, backing->mmio->frames, first, last) {
		rc = pfn_store_set_run(&backing->store, run.index, run.pfn,
				       run.npages, backing->ops->gfp);
		if (rc)
			return rc;
		*next = run.index + run.npages;
	}
	return 0;
}

static void mmio_unpin(struct io_backing *backing, unsigned long pfn,
		       unsigned long npages)
{
}

static struct pfn_store *new_frames(struct io_backing *backing)
{
	struct pfn_store *frames = kzalloc_obj(*frames, GFP_KERNEL_ACCOUNT);

	if (frames)
		pfn_store_init(frames, backing->store.bias, backing->npages);
	return frames;
}

static void free_frames(struct pfn_store *frames)
{
	if (!frames)
		return;
	pfn_store_clear(frames);
	pfn_store_destroy(frames);
	kfree(frames);
}

static void mmio_release(struct io_backing *backing)
{
	struct mmio_source *source = backing->mmio;

	scoped_guard(mutex, &source->lock)
		source->dying = true;
	cancel_delayed_work_sync(&source->look);
	if (source->notifier.mm)
		mmu_interval_notifier_remove(&source->notifier);
	free_frames(source->frames);
	mutex_destroy(&source->lock);
	kfree(source);
}

static const struct io_backing_ops mmio_ops = {
	.prot = IOMMU_MMIO,
	.unaccounted = true,
	.comes_back = true,
	/* Under locks that memory reclaim may wait for */
	.gfp = GFP_ATOMIC | __GFP_NOWARN,
	.keys = &mmio_keys,
	.lock = mmio_lock,
	.unlock = mmio_unlock,
	.pin = mmio_pin,
	.unpin = mmio_unpin,
	.release = mmio_release,
};

/* Some frames of a VMA: those from @va on that one entry of a page table maps. */
struct frame_run {
	unsigned long pfn;
	unsigned long npages;
};

/* Memory that the system manages is none that a device may be given unpinned. */
static bool is_device_memory(unsigned long pfn)
{
	return !pfn_valid(pfn) || PageReserved(pfn_to_page(pfn));
}

static int read_entry(struct follow_pfnmap_args *args, bool write,
		      struct frame_run *run)
{
	unsigned long offset;
	int rc;

	rc = follow_pfnmap_start(args);
	if (rc)
		return rc;
	offset = args->address & ~args->addr_mask;
	run->pfn = args->pfn;
	run->npages = (~args->addr_mask + 1 - offset) >> PAGE_SHIFT;
	if ((write && !args->writable) || !is_device_memory(args->pfn))
		rc = -EACCES;
	follow_pfnmap_end(args);
	return rc;
}

/*
 * Returns 0; -ENOENT there is no such VMA; -EAGAIN ask again, it was faulted in, but
 * the mmap lock was dropped, or it is gone again; -EACCES it must not be given to a device; -EFAULT it is not there now.
 */
static int find_run(struct mm_struct *mm, unsigned long va, bool write,
		    struct frame_run *run)
{
	struct follow_pfnmap_args args = {
		.vma = vma_lookup(mm, va),
		.address = va,
	};
	bool unlocked = false;
	int rc;

	if (!args.vma || !(args.vma->vm_flags & VM_PFNMAP))
		return -ENOENT;
	/* No more than the process may do. When that changes we are told. */
	if (!(args.vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return -EACCES;
	rc = read_entry(&args, write, run);
	if (rc != -EINVAL)
		return rc;
	rc = fixup_user_fault(mm, va, FAULT_FLAG_REMOTE |
			      (write ? FAULT_FLAG_WRITE : 0), &unlocked);
	if (unlocked)
		return -EAGAIN;
	if (rc)
		return -EFAULT;
	rc = read_entry(&args, write, run);
	return rc == -EINVAL ? -EAGAIN : rc;
}

static int find_frames(struct io_backing *backing, struct pfn_store *frames)
{
	struct mm_struct *mm = backing->owner.mm;
	unsigned long index = 0;
	unsigned int tries = 0;
	struct frame_run run;
	int rc = 0;

	while (index < backing->npages && !rc) {
		rc = find_run(mm, backing->addr + (index << PAGE_SHIFT),
			      backing->writable, &run);
		if (rc == -EAGAIN) {
			rc = ++tries == MAX_TRIES ? -EFAULT : 0;
			if (fatal_signal_pending(current))
				rc = -EINTR;
			continue;
		}
		if (rc)
			break;
		tries = 0;
		run.npages = min(run.npages, backing->npages - index);
		rc = pfn_store_set_run(frames, index, run.pfn, run.npages,
				       GFP_KERNEL_ACCOUNT);
		index += run.npages;
	}
	return rc;
}

static int find_frames_in_mm(struct io_backing *backing,
			     struct pfn_store *frames)
{
	struct mm_struct *mm = backing->owner.mm;
	int rc;

	if (!mmget_not_zero(mm))
		return -ENOENT;
	rc = mmap_read_lock_killable(mm);
	if (!rc) {
		rc = find_frames(backing, frames);
		mmap_read_unlock(mm);
	}
	/* The last one must not tear the mm down under our locks. */
	mmput_async(mm);
	return rc;
}

/* The memory is where it was found, unless the VMA has changed since. */
static int come_back(struct mmio_source *source, unsigned long seq,
		     struct pfn_store **frames)
{
	guard(mutex)(&source->lock);
	if (mmu_interval_read_retry(&source->notifier, seq))
		return -EAGAIN;
	swap(source->frames, *frames);
	return backing_restore(source->backing);
}

static int look(struct mmio_source *source)
{
	unsigned long seq = mmu_interval_read_begin(&source->notifier);
	struct pfn_store *frames = new_frames(source->backing);
	int rc;

	if (!frames)
		return -ENOMEM;
	rc = find_frames_in_mm(source->backing, frames);
	if (!rc)
		rc = come_back(source, seq, &frames);
	free_frames(frames);
	return rc;
}

static void look_work(struct work_struct *work)
{
	struct mmio_source *source =
		container_of(work, struct mmio_source, look.work);
	int rc = look(source);

	/* Without its VMA it will not come back. */
	if (!rc || rc == -ENOENT || rc == -EACCES)
		return;
	guard(mutex)(&source->lock);
	if (source->dying)
		return;
	source->interval = min(source->interval * 2, LAST_LOOK);
	queue_delayed_work(system_dfl_wq, &source->look, source->interval);
}

static bool invalidate(struct mmu_interval_notifier *notifier,
		       const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	struct mmio_source *source =
		container_of(notifier, struct mmio_source, notifier);

	if (!mmu_notifier_range_blockable(range))
		return false;
	guard(mutex)(&source->lock);
	mmu_interval_set_seq(notifier, seq);
	backing_revoke(source->backing);
	if (source->dying || range->event == MMU_NOTIFY_RELEASE)
		return true;
	source->interval = FIRST_LOOK;
	mod_delayed_work(system_dfl_wq, &source->look, source->interval);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = invalidate,
};

static int watch_vma(struct io_backing *backing)
{
	struct mmio_source *source = backing->mmio;
	int rc;

	/* Until it was found. */
	backing->revoked = true;
	rc = mmu_interval_notifier_insert(&source->notifier, backing->owner.mm,
					  backing->addr,
					  backing->npages << PAGE_SHIFT,
					  &notifier_ops);
	if (rc) {
		source->notifier.mm = NULL;
		return rc;
	}
	do
		rc = look(source);
	while (rc == -EAGAIN && !fatal_signal_pending(current));
	if (rc == -EAGAIN)
		return -EINTR;
	return rc == -ENOENT || rc == -EACCES ? -EFAULT : rc;
}

/**
 * backing_create_mmio() - make a backing of device memory of the calling process
 * @va: address, page aligned
 * @npages: size
 * @writable: devices may be allowed to write
 *
 * Context: may sleep, faults the memory in; takes mmap_lock.
 * Return: the backing; ERR_PTR(-EFAULT) it is not device memory, is not there at
 * this moment, or may not be written; -ENOMEM; -EINTR on a fatal signal.
 */
struct io_backing *backing_create_mmio(unsigned long va, unsigned long npages,
				       bool writable)
{
	struct mmio_source *source = kzalloc_obj(*source, GFP_KERNEL_ACCOUNT);
	struct io_backing *backing;
	int rc;

	if (!source)
		return ERR_PTR(-ENOMEM);
	mutex_init(&source->lock);
	INIT_DELAYED_WORK(&source->look, look_work);
	backing = backing_create(&mmio_ops, va, npages, writable, ACCOUNT_NONE);
	if (IS_ERR(backing)) {
		kfree(source);
		return backing;
	}
	source->backing = backing;
	backing->mmio = source;
	rc = watch_vma(backing);
	if (rc) {
		backing_put(backing);
		return ERR_PTR(rc);
	}
	return backing;
}

static bool is_mmio(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_PFNMAP;
}

/**
 * backing_va_is_mmio() - is there device memory at an address?
 * @va: address in the calling process, page aligned
 * @npages: in: how far to look; out: how many pages from @va on are of the same
 *	kind as the first one
 *
 * Context: takes mmap_lock.
 * Return: whether there is.
 */
bool backing_va_is_mmio(unsigned long va, unsigned long *npages)
{
	unsigned long end = va + (*npages << PAGE_SHIFT);
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool mmio;

	mmap_read_lock(mm);
	vma = find_vma(mm, va);
	mmio = vma && vma->vm_start <= va && is_mmio(vma);
	if (mmio) {
		end = min(end, vma->vm_end);
	} else {
		while (vma && vma->vm_start < end && !is_mmio(vma))
			vma = find_vma(mm, vma->vm_end);
		if (vma && vma->vm_start < end)
			end = vma->vm_start;
	}
	mmap_read_unlock(mm);
	*npages = (end - va) >> PAGE_SHIFT;
	return mmio;
}
