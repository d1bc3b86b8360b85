// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backing memory: see the DOC block in pages.h.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "pages.h"
#include "trace.h"

static bool is_charged(const struct io_backing *backing)
{
	return !backing->ops->unaccounted && !backing->copies;
}

static int charge(struct io_backing *backing, unsigned long npages)
{
	int rc = 0;

	if (is_charged(backing))
		rc = backing_charge(&backing->owner, npages);
	if (!rc)
		backing->npinned += npages;
	return rc;
}

static void uncharge(struct io_backing *backing, unsigned long npages)
{
	backing->npinned -= npages;
	if (is_charged(backing))
		backing_uncharge(&backing->owner, npages);
}

/**
 * backing_create() - make a backing for a source
 * @ops: its source
 * @addr: where it starts in the source, page aligned; huge pages are expected
 *	at aligned addresses
 * @npages: its size
 * @writable: devices may be allowed to write it
 * @mode: what the caller is charged for pinned pages
 *
 * Return: the backing, with one reference, or an ERR_PTR().
 */
struct io_backing *backing_create(const struct io_backing_ops *ops,
				  unsigned long addr, unsigned long npages,
				  bool writable, enum account_mode mode)
{
	struct io_backing *backing;

	backing = kmalloc_obj(*backing, GFP_KERNEL_ACCOUNT);
	if (!backing)
		return ERR_PTR(-ENOMEM);
	*backing = (struct io_backing){
		.ref = KREF_INIT(1),
		.ops = ops,
		.npages = npages,
		.writable = writable,
		.addr = addr,
		.holds = RB_ROOT_CACHED,
		.watches = LIST_HEAD_INIT(backing->watches),
		.change_item = LIST_HEAD_INIT(backing->change_item),
	};
	mutex_init(&backing->lock);
	spin_lock_init(&backing->owner_lock);
	if (ops->keys)
		lockdep_set_class(&backing->lock, &ops->keys->backing);
	pfn_store_init(&backing->store,
		       (addr >> PAGE_SHIFT) & (PFN_CHUNK_PAGES - 1), npages);
	backing_owner_init(&backing->owner, mode);
	return backing;
}

static void backing_free(struct kref *ref)
{
	struct io_backing *backing = container_of(ref, struct io_backing, ref);

	WARN_ON(!RB_EMPTY_ROOT(&backing->holds.rb_root));
	if (backing->ops->release)
		backing->ops->release(backing);
	pfn_store_destroy(&backing->store);
	backing_owner_destroy(&backing->owner);
	mutex_destroy(&backing->lock);
	kfree(backing);
}

/**
 * backing_put() - drop a reference
 * @backing: the backing; with the last reference all holds are gone
 */
void backing_put(struct io_backing *backing)
{
	kref_put(&backing->ref, backing_free);
}

static bool chunk_is_held(struct io_backing *backing, unsigned long index)
{
	struct pfn_store *store = &backing->store;

	return interval_tree_iter_first(&backing->holds,
					pfn_store_chunk_first(store, index),
					pfn_store_chunk_last(store, index));
}

/*
 * Forget the chunks of @first to @last. Nobody holds a page of that range, but
 * the first and the last chunk may have others.
 */
static void drop_chunks(struct io_backing *backing, unsigned long first,
			unsigned long last)
{
	struct pfn_store *store = &backing->store;

	if (RB_EMPTY_ROOT(&backing->holds.rb_root)) {
		pfn_store_clear(store);
		return;
	}
	if (chunk_is_held(backing, first))
		first = pfn_store_chunk_last(store, first) + 1;
	if (first > last)
		return;
	if (chunk_is_held(backing, last)) {
		if (pfn_store_chunk_first(store, last) <= first)
			return;
		last = pfn_store_chunk_first(store, last) - 1;
	}
	pfn_store_drop_range(store, first, last);
}

/*
 * Let go of @first to @last, of which nobody holds a page and only those below
 * @next are pinned.
 */
static void unpin_range(struct io_backing *backing, unsigned long first,
			unsigned long last, unsigned long next)
{
	struct pfn_run run;

	if (next > first)
		for_each_pfn_run(&run, &backing->store, first, next - 1)
			backing->ops->unpin(backing, run.pfn, run.npages);
	drop_chunks(backing, first, last);
	uncharge(backing, last - first + 1);
}

static int pin_range(struct io_backing *backing, unsigned long first,
		     unsigned long last)
{
	unsigned long next = first;
	int rc;

	rc = charge(backing, last - first + 1);
	if (!rc) {
		rc = backing->ops->pin(backing, first, last, &next);
		if (rc)
			unpin_range(backing, first, last, next);
	}
	trace_iommufd_pin(backing->addr + (first << PAGE_SHIFT), last - first + 1,
			  rc);
	return rc;
}

/* A range of indices that nobody holds */
struct hole {
	unsigned long first;
	unsigned long last;
};

/*
 * The first index from @index on that is in none of the holds that begin at or before
 * @index. Any number of holds may be on top of each other: that must not cost.
 */
static unsigned long held_until(struct io_backing *backing, unsigned long index)
{
	struct rb_node *rb = backing->holds.rb_root.rb_node;
	unsigned long until = index;

	while (rb) {
		struct interval_tree_node *span =
			rb_entry(rb, struct interval_tree_node, rb);

		if (span->start > index) {
			rb = rb->rb_left;
			continue;
		}
		until = max(until, span->last + 1);
		if (rb->rb_left)
			until = max(until,
				    rb_entry(rb->rb_left, typeof(*span),
					     rb)->__subtree_last + 1);
		rb = rb->rb_right;
	}
	return until;
}

/* Find the first hole from @hole->first on that begins at @last at most. */
static bool next_hole(struct io_backing *backing, struct hole *hole,
		      unsigned long last)
{
	struct interval_tree_node *span;
	unsigned long until;

	for (; hole->first <= last; hole->first = until) {
		until = held_until(backing, hole->first);
		if (until > hole->first)
			continue;
		span = interval_tree_iter_first(&backing->holds, hole->first,
						last);
		hole->last = span ? span->start - 1 : last;
		return true;
	}
	return false;
}

#define for_each_hole(_hole, _backing, _from, _last)			\
	for (*(_hole) = (struct hole){ .first = (_from) };		\
	     next_hole(_backing, _hole, _last);				\
	     (_hole)->first = (_hole)->last + 1)

/* Unpin what no hold covers in a range in which everything is pinned. */
static void unpin_unheld(struct io_backing *backing, unsigned long first,
			 unsigned long last)
{
	struct hole hole;

	for_each_hole(&hole, backing, first, last)
		unpin_range(backing, hole.first, hole.last, hole.last + 1);
}

static int pin_unheld(struct io_backing *backing, unsigned long first,
		      unsigned long last)
{
	struct hole hole;
	int rc;

	for_each_hole(&hole, backing, first, last) {
		rc = pin_range(backing, hole.first, hole.last);
		if (rc) {
			if (hole.first != first)
				unpin_unheld(backing, first, hole.first - 1);
			return rc;
		}
	}
	return 0;
}

/**
 * backing_hold() - keep a range of pages pinned
 * @backing: the backing
 * @hold: the hold to make; its frames can be read until backing_release()
 * @first: first index
 * @last: last index
 *
 * Context: may sleep, faults pages in; takes @backing->lock and the mmap lock of
 * the owner.
 * Return: 0, -ENOMEM over RLIMIT_MEMLOCK or out of memory, -EINTR on a fatal
 * signal, -EFAULT or another error of the source. An error leaves no trace.
 */
int backing_hold(struct io_backing *backing, struct backing_hold *hold,
		 unsigned long first, unsigned long last)
{
	guard(mutex)(&backing->lock);
	return backing_hold_locked(backing, hold, first, last);
}

int backing_hold_locked(struct io_backing *backing, struct backing_hold *hold,
			unsigned long first, unsigned long last)
{
	int rc;

	lockdep_assert_held(&backing->lock);
	rc = pin_unheld(backing, first, last);
	if (rc)
		return rc;
	hold->span.start = first;
	hold->span.last = last;
	interval_tree_insert(&hold->span, &backing->holds);
	return 0;
}

/**
 * backing_release() - end a hold
 * @backing: the backing
 * @hold: the hold; no hardware can reach its pages on behalf of the holder
 *
 * Context: may sleep; takes @backing->lock and maybe the mmap lock of the owner.
 * Never fails and allocates nothing.
 */
void backing_release(struct io_backing *backing, struct backing_hold *hold)
{
	guard(mutex)(&backing->lock);
	backing_release_locked(backing, hold);
}

void backing_release_locked(struct io_backing *backing,
			    struct backing_hold *hold)
{
	lockdep_assert_held(&backing->lock);
	interval_tree_remove(&hold->span, &backing->holds);
	unpin_unheld(backing, hold->span.start, hold->span.last);
}

/**
 * backing_move_va() - memory of a process has moved to the calling process
 * @backing: the backing
 * @addr: its address there, which has to be page aligned
 *
 * What is pinned stays pinned, and is charged to the caller from now on. Device memory
 * is where the caller has it, and is not mapped for a moment.
 *
 * Context: may sleep; takes @backing->lock and the mmap locks of both. The caller lets
 * nobody else do the same.
 * Return: 0; -EINVAL it is not memory of a process, or @addr is not aligned; -EFAULT it
 * is device memory, and the caller has none there; -ENOMEM the caller may not lock that
 * much; -EINTR on a signal.
 */
int backing_move_va(struct io_backing *backing, unsigned long addr)
{
	const struct io_backing_ops *ops = backing->ops;
	unsigned long npages;
	struct backing_owner from, to;
	int rc = 0;

	if ((!ops->is_user && !ops->move_va) || !PAGE_ALIGNED(addr))
		return -EINVAL;
	if (ops->move_va)
		rc = ops->move_va(backing, addr);
	if (rc)
		return rc;
	backing_owner_init(&to, backing->owner.mode);
	/* Charged as before, so that as much can be returned. */
	to.mode = backing->owner.mode;
	guard(mutex)(&backing->lock);
	npages = ops->unaccounted ? 0 : backing->npinned;
	rc = backing_move_begin(&backing->owner, &to, npages);
	if (rc) {
		backing_owner_destroy(&to);
		return rc;
	}
	backing_move_end(&backing->owner, &to, npages);
	from = backing->owner;
	scoped_guard(spinlock, &backing->owner_lock) {
		backing->owner = to;
		backing->addr = addr;
	}
	backing_owner_destroy(&from);
	return 0;
}

/**
 * backing_split() - make two holds of one
 * @backing: the backing
 * @hold: is to end at @last
 * @upper: the new hold, which starts at @first and ends where @hold did
 * @last: an index that @hold covers
 * @first: @last, or the index after it
 *
 * Nothing is pinned or unpinned.
 *
 * Context: may sleep; takes @backing->lock.
 */
void backing_split(struct io_backing *backing, struct backing_hold *hold,
		   struct backing_hold *upper, unsigned long last,
		   unsigned long first)
{
	guard(mutex)(&backing->lock);
	interval_tree_remove(&hold->span, &backing->holds);
	upper->span.start = first;
	upper->span.last = hold->span.last;
	hold->span.last = last;
	interval_tree_insert(&hold->span, &backing->holds);
	interval_tree_insert(&upper->span, &backing->holds);
}

/**
 * backing_watch() - ask to be told when the memory is taken away
 * @backing: the backing
 * @watch: its revoked is set
 */
void backing_watch(struct io_backing *backing, struct backing_watch *watch)
{
	if (!backing->ops->lock)
		return;
	backing->ops->lock(backing);
	list_add_tail(&watch->item, &backing->watches);
	backing->ops->unlock(backing);
}

/**
 * backing_unwatch() - undo backing_watch()
 * @backing: the backing
 * @watch: is not called any more
 */
void backing_unwatch(struct io_backing *backing, struct backing_watch *watch)
{
	if (!backing->ops->lock)
		return;
	backing->ops->lock(backing);
	list_del(&watch->item);
	backing->ops->unlock(backing);
}

/**
 * backing_revoke() - the memory is taken away
 * @backing: nothing reaches its memory when this returns, until it is restored
 *
 * Context: ops->lock is held; takes the locks of areas.
 */
void backing_revoke(struct io_backing *backing)
{
	struct backing_watch *watch;

	backing->revoked = true;
	list_for_each_entry(watch, &backing->watches, item)
		watch->revoked(watch);
}

/**
 * backing_restore() - the memory is back
 * @backing: its source knows where it is now
 *
 * Context: ops->lock is held; takes the locks of areas.
 * Return: 0, or the first error of those who use it; the others have it back.
 */
int backing_restore(struct io_backing *backing)
{
	struct backing_watch *watch;
	int rc = 0;

	backing->revoked = false;
	list_for_each_entry(watch, &backing->watches, item)
		rc = watch->restored(watch) ?: rc;
	return rc;
}

/*
 * How many of the struct pages are one array. Frames of two sections of memory may
 * follow each other when their struct pages do not, if those have no virtual map.
 */
static unsigned long pages_in_a_row(struct page *page, unsigned long npages)
{
	while (!page_range_contiguous(page, npages))
		npages /= 2;
	return npages;
}

/**
 * backing_unpin_user_run() - io_backing_ops.unpin of what GUP pinned
 * @backing: the backing
 * @pfn: first frame
 * @npages: how many
 */
void backing_unpin_user_run(struct io_backing *backing, unsigned long pfn,
			    unsigned long npages)
{
	struct page *page;
	unsigned long n;

	for (; npages; pfn += n, npages -= n) {
		page = pfn_to_page(pfn);
		n = pages_in_a_row(page, npages);
		unpin_user_page_range_dirty_lock(page, n, backing->writable);
	}
}
