// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page source: device memory that a process has mapped, such as a BAR of a
 * vfio-pci device. Another device that is given it does peer-to-peer DMA.
 *
 * There are no pages to pin, and it is the process's VMA that says where the memory
 * is. The owner of the device takes the memory away by zapping the VMA, before the
 * device is reset, disabled, moved or removed. An MMU notifier tells us, and before
 * it returns no IOMMU leads there any more. Nobody tells when the memory is back: so
 * from then on we try to fault it in, at growing intervals, until the process unmaps
 * or moves a part of it. Then it is over for good: what is mapped there next may be
 * another device.
 *
 * Finding out where the memory is faults, and takes mmap_lock. The notifier runs
 * under locks inside of which nothing may be faulted in, nor memory be waited for.
 * So the frames are looked up under no lock of ours, into a store of their own;
 * then, under the lock that the notifier takes too, it is checked that nothing
 * happened in the meantime, and mapped.
 *
 * Happy path: look up the frames, map; zapped: unmap; look up again, map again. Another
 * process takes over: watch its VMA, look up there, and forget the old one.
 *
 * Unhappy path: the frames cannot be looked up: not mapped at all at first, later
 * tried again.
 */
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
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
 * struct vma_watch - the VMA that says where the memory is
 * @source: [I] whose memory
 * @va: [I] address of index 0 in the mm of @notifier
 * @over: [source->lock] the VMA, or a part of it, is not there any more
 * @notifier: tells that the VMA changes; its sequence is that of the source's lock
 */
struct vma_watch {
	struct mmio_source *source;
	unsigned long va;
	bool over;
	struct mmu_interval_notifier notifier;
};

/**
 * struct mmio_source - what a backing keeps of device memory
 * @backing: [I] the backing
 * @lock: io_backing_ops.lock
 * @watch: [lock] changes only while nobody looks
 * @frames: [lock] where the memory is, unless &io_backing.revoked
 * @look: looks if the memory is back
 * @interval: [lock] until the next look
 * @quiet: [lock] nobody is to look
 * @memcg: [I] pays for what is needed to map it again
 */
struct mmio_source {
	struct io_backing *backing;
	struct mutex lock; /* see above */
	struct vma_watch *watch;
	struct pfn_store *frames;
	struct delayed_work look;
	unsigned long interval;
	bool quiet;
	struct mem_cgroup *memcg;
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

static void free_watch(struct vma_watch *watch)
{
	if (!watch)
		return;
	mmu_interval_notifier_remove(&watch->notifier);
	kfree(watch);
}

static void stop_looking(struct mmio_source *source)
{
	scoped_guard(mutex, &source->lock)
		source->quiet = true;
	cancel_delayed_work_sync(&source->look);
}

static void mmio_release(struct io_backing *backing)
{
	struct mmio_source *source = backing->mmio;

	stop_looking(source);
	free_watch(source->watch);
	free_frames(source->frames);
	mem_cgroup_put(source->memcg);
	mutex_destroy(&source->lock);
	kfree(source);
}

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
 * the mmap lock was dropped, or it is gone again; -EACCES it must not be given to a
 * device; -EFAULT it is not there now.
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
	/* No more than the process may do. When it may do less we are told. */
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

static int find_frames(struct vma_watch *watch, struct pfn_store *frames)
{
	struct io_backing *backing = watch->source->backing;
	struct mm_struct *mm = watch->notifier.mm;
	unsigned long index = 0;
	unsigned int tries = 0;
	struct frame_run run;
	int rc = 0;

	while (index < backing->npages && !rc) {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		rc = find_run(mm, watch->va + (index << PAGE_SHIFT),
			      backing->writable, &run);
		if (rc == -EAGAIN) {
			rc = ++tries == MAX_TRIES ? -EFAULT : 0;
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

static int find_frames_in_mm(struct vma_watch *watch, struct pfn_store *frames)
{
	struct mm_struct *mm = watch->notifier.mm;
	int rc;

	if (!mmget_not_zero(mm))
		return -ENOENT;
	rc = mmap_read_lock_killable(mm);
	if (!rc) {
		rc = find_frames(watch, frames);
		mmap_read_unlock(mm);
	}
	/* The last one must not tear the mm down under our locks. */
	mmput_async(mm);
	return rc;
}

/* From now on it is @watch that says where the memory is. */
static void follow(struct mmio_source *source, struct vma_watch *watch)
{
	lockdep_assert_held(&source->lock);
	if (source->watch == watch)
		return;
	if (!source->backing->revoked)
		backing_revoke(source->backing);
	source->watch = watch;
}

/* The memory is where it was found, unless the VMA has changed since. */
static int come_back(struct vma_watch *watch, unsigned long seq,
		     struct pfn_store **frames)
{
	struct mmio_source *source = watch->source;

	guard(mutex)(&source->lock);
	if (watch->over)
		return -ENOENT;
	if (mmu_interval_read_retry(&watch->notifier, seq))
		return -EAGAIN;
	follow(source, watch);
	swap(source->frames, *frames);
	return backing_restore(source->backing);
}

static int look(struct vma_watch *watch)
{
	unsigned long seq = mmu_interval_read_begin(&watch->notifier);
	struct pfn_store *frames = new_frames(watch->source->backing);
	int rc;

	if (!frames)
		return -ENOMEM;
	rc = find_frames_in_mm(watch, frames);
	if (!rc)
		rc = come_back(watch, seq, &frames);
	free_frames(frames);
	return rc;
}

/* Until nothing happens meanwhile. */
static int look_now(struct vma_watch *watch)
{
	int rc;

	do
		rc = look(watch);
	while (rc == -EAGAIN && !fatal_signal_pending(current));
	return rc == -EAGAIN ? -EINTR : rc;
}

static bool may_look(struct mmio_source *source)
{
	lockdep_assert_held(&source->lock);
	return !source->quiet && !source->watch->over;
}

static void look_work(struct work_struct *work)
{
	struct mmio_source *source =
		container_of(work, struct mmio_source, look.work);
	struct mem_cgroup *memcg = set_active_memcg(source->memcg);
	int rc = look(source->watch);

	set_active_memcg(memcg);
	/*
	 * Without its VMA it will not come back. With a right it may, and who gets one
	 * is not told: mprotect() passes over what no page table maps.
	 */
	if (!rc || rc == -ENOENT)
		return;
	guard(mutex)(&source->lock);
	if (!may_look(source))
		return;
	source->interval = min(source->interval * 2, LAST_LOOK);
	queue_delayed_work(system_dfl_wq, &source->look, source->interval);
}

static void look_soon(struct mmio_source *source)
{
	if (!may_look(source))
		return;
	source->interval = FIRST_LOOK;
	mod_delayed_work(system_dfl_wq, &source->look, source->interval);
}

/* The owner of a device zaps its VMA (CLEAR); mprotect() tells so itself. */
static bool ends_vma(const struct mmu_notifier_range *range)
{
	return range->event == MMU_NOTIFY_UNMAP ||
	       range->event == MMU_NOTIFY_RELEASE;
}

static bool invalidate(struct mmu_interval_notifier *notifier,
		       const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	struct vma_watch *watch =
		container_of(notifier, struct vma_watch, notifier);
	struct mmio_source *source = watch->source;

	if (!mmu_notifier_range_blockable(range))
		return false;
	guard(mutex)(&source->lock);
	mmu_interval_set_seq(notifier, seq);
	if (ends_vma(range))
		watch->over = true;
	if (watch != source->watch)
		return true;
	backing_revoke(source->backing);
	look_soon(source);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = invalidate,
};

/* A watch on the memory at @va of the calling process */
static struct vma_watch *new_watch(struct mmio_source *source, unsigned long va)
{
	struct vma_watch *watch = kzalloc_obj(*watch, GFP_KERNEL_ACCOUNT);
	int rc;

	if (!watch)
		return ERR_PTR(-ENOMEM);
	watch->source = source;
	watch->va = va;
	rc = mmu_interval_notifier_insert(&watch->notifier, current->mm, va,
					  source->backing->npages << PAGE_SHIFT,
					  &notifier_ops);
	if (rc) {
		kfree(watch);
		return ERR_PTR(rc);
	}
	return watch;
}

/* What is not there at this moment is looked for later. */
static int look_elsewhere(struct mmio_source *source, struct vma_watch *watch)
{
	int rc = look_now(watch);

	if (rc == -ENOENT || rc == -EACCES)
		return -EFAULT;
	if (rc == -EINTR)
		return rc;
	guard(mutex)(&source->lock);
	follow(source, watch);
	return 0;
}

/* io_backing_ops.move_va */
static int mmio_move_va(struct io_backing *backing, unsigned long addr)
{
	struct mmio_source *source = backing->mmio;
	struct vma_watch *watch, *old = source->watch;
	bool followed;
	int rc;

	watch = new_watch(source, addr);
	if (IS_ERR(watch))
		return PTR_ERR(watch);
	stop_looking(source);
	rc = look_elsewhere(source, watch);
	scoped_guard(mutex, &source->lock) {
		/* An error of those who use the memory comes after that. */
		followed = source->watch == watch;
		source->quiet = false;
		look_soon(source);
	}
	free_watch(followed ? old : watch);
	return followed ? 0 : rc;
}

static const struct io_backing_ops mmio_ops = {
	.prot = IOMMU_MMIO,
	.unaccounted = true,
	.comes_back = true,
	/*
	 * Under locks that memory reclaim may wait for. From the reserves all the same:
	 * nothing else that may not wait gets memory in a cgroup that is at its limit,
	 * be there as much to reclaim as there may.
	 */
	.gfp = GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT,
	.keys = &mmio_keys,
	.lock = mmio_lock,
	.unlock = mmio_unlock,
	.pin = mmio_pin,
	.unpin = mmio_unpin,
	.move_va = mmio_move_va,
	.release = mmio_release,
};

static int watch_vma(struct io_backing *backing, unsigned long va)
{
	struct vma_watch *watch;
	int rc;

	/* Until it was found. */
	backing->revoked = true;
	watch = new_watch(backing->mmio, va);
	if (IS_ERR(watch))
		return PTR_ERR(watch);
	scoped_guard(mutex, &backing->mmio->lock)
		backing->mmio->watch = watch;
	rc = look_now(watch);
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
	source->memcg = get_mem_cgroup_from_mm(current->mm);
	backing->mmio = source;
	rc = watch_vma(backing, va);
	if (rc) {
		backing_put(backing);
		return ERR_PTR(rc);
	}
	return backing;
}

static struct vm_area_struct *first_mmio(struct mm_struct *mm, unsigned long va,
					 unsigned long end)
{
	VMA_ITERATOR(vmi, mm, va);
	struct vm_area_struct *vma;

	for_each_vma_range(vmi, vma, end)
		if (vma->vm_flags & VM_PFNMAP)
			return vma;
	return NULL;
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
	vma = first_mmio(mm, va, end);
	mmio = vma && vma->vm_start <= va;
	if (vma)
		end = mmio ? min(end, vma->vm_end) : vma->vm_start;
	mmap_read_unlock(mm);
	*npages = (end - va) >> PAGE_SHIFT;
	return mmio;
}
