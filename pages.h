/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_PAGES_H
#define __IOMMUFD_PAGES_H

/**
 * DOC: Backing memory
 *
 * A backing is a piece of memory that devices may be given: a range of some
 * process, of a file, or of device memory. Areas of any number of IOASes refer
 * to parts of it.
 *
 * Its pages are pinned while somebody holds them. A hold is a closed range of
 * indices; a page is pinned, charged, and has its frame in the PFN store
 * exactly as long as at least one hold covers it. So however many areas, domains
 * and kernel users share a page, it is pinned once. Only what is held for a copy,
 * for as long as that takes, is not charged.
 *
 * Happy path: backing_hold() charges what no other hold covers, has the source
 * pin it, and records the hold; the frames can then be read from the store
 * without a lock until backing_release() lets go of what no other hold covers.
 *
 * Unhappy path: charging or pinning fails; what this call pinned is unpinned and
 * uncharged in the same call, and no hold exists.
 */

#include <linux/interval_tree.h>
#include <linux/kref.h>
#include <linux/mutex.h>

#include "pfn_store.h"

struct device;
struct dma_buf;
struct dmabuf_source;
struct file;
struct io_backing;
struct mm_struct;
struct mmio_source;
struct task_struct;
struct user_struct;

/**
 * enum account_mode - against what pinned pages are charged
 * @ACCOUNT_NONE: nothing; the owner may lock any amount of memory
 * @ACCOUNT_USER: the locked memory of the user
 * @ACCOUNT_MM: the locked memory of the process
 * @ACCOUNT_CONTAINER: as that; also of an owner who may lock any amount, who only
 *	has no limit. Nothing else counts the pages
 */
enum account_mode {
	ACCOUNT_NONE,
	ACCOUNT_USER,
	ACCOUNT_MM,
	ACCOUNT_CONTAINER,
};

/**
 * struct backing_owner - whose memory it is and who pays for it
 * @mode: what is charged
 * @unlimited: it is, beyond any limit
 * @mm: the address space; also the one whose pinned_vm counts the pages
 * @task: leader of the process whose RLIMIT_MEMLOCK is the limit
 * @user: the user that is charged
 */
struct backing_owner {
	enum account_mode mode;
	bool unlimited;
	struct mm_struct *mm;
	struct task_struct *task;
	struct user_struct *user;
};

/**
 * struct backing_hold - keeps a range of a backing pinned
 * @span: the range of indices, closed
 * @pins: 0, or by how many pins of kernel users this hold is shared
 */
struct backing_hold {
	struct interval_tree_node span;
	unsigned int pins;
};

/**
 * struct backing_lock_keys - the locks of what may be taken away, for lockdep
 * @area: those of areas
 * @backing: those of backings
 *
 * They nest in other locks than those of what is pinned, and in different ones for
 * each source.
 */
struct backing_lock_keys {
	struct lock_class_key area;
	struct lock_class_key backing;
};

/**
 * struct io_backing_ops - a source of pages
 * @prot: IOMMU protection bits that mappings of this source get besides
 *	IOMMU_READ and IOMMU_WRITE
 * @has_pages: the CPU may access it; its frames have a struct page
 * @is_user: &io_backing.addr is an address of the owner's mm
 * @unaccounted: it is not memory of the system: nothing is charged
 * @comes_back: what was taken away may come back
 * @gfp: how to get memory while it is mapped; 0: GFP_KERNEL_ACCOUNT
 * @keys: set if @lock is
 * @lock: if set, the owner may take the memory away, and does so under this
 *	lock. It is held over whatever changes how an area of it is mapped
 * @unlock: undoes @lock
 * @pin: pin the indices @first to @last and record them in the store. Advances
 *	*@next, which is @first at entry, past what is pinned, also when it fails
 * @unpin: let go of pages with contiguous frames
 * @move_va: if set, what is to be done before memory of a process is that of the calling
 *	one, at @addr there
 * @release: free what the source keeps besides the owner
 */
struct io_backing_ops {
	int prot;
	bool has_pages;
	bool is_user;
	bool unaccounted;
	bool comes_back;
	gfp_t gfp;
	struct backing_lock_keys *keys;
	void (*lock)(struct io_backing *backing);
	void (*unlock)(struct io_backing *backing);
	int (*pin)(struct io_backing *backing, unsigned long first,
		   unsigned long last, unsigned long *next);
	void (*unpin)(struct io_backing *backing, unsigned long pfn,
		      unsigned long npages);
	int (*move_va)(struct io_backing *backing, unsigned long addr);
	void (*release)(struct io_backing *backing);
};

/**
 * struct backing_watch - somebody who must know when the memory is taken away
 * @item: [ops->lock] in &io_backing.watches
 * @revoked: called under ops->lock; afterwards nothing reaches the memory
 * @restored: called under ops->lock: it is back, maybe elsewhere. If this fails it
 *	is called again later
 */
struct backing_watch {
	struct list_head item;
	void (*revoked)(struct backing_watch *watch);
	int (*restored)(struct backing_watch *watch);
};

/**
 * struct io_backing - a piece of memory that devices may be given
 * @ref: one for each area
 * @ops: [I] its source
 * @owner: [lock and owner_lock to change] who pays
 * @owner_lock: a leaf: lets @owner.mm and @addr be read without the lock
 * @npages: [I] its size
 * @writable: [I] devices may be allowed to write it; it is pinned for writing
 * @lock: orders pinning and unpinning
 * @holds: [lock] all struct backing_hold
 * @store: [lock to change] frames of the pages that are held
 * @npinned: [lock] pages that are pinned and, but for those of a copy, charged
 * @copies: [lock] what is held now is let go of before the lock is, and is free
 * @addr: [lock and owner_lock to change] address of index 0 in the source, page aligned
 * @file: [I] the file, if that is the source and has pages for devices
 * @file_last: [I] offset of its last byte that is used
 * @dmabuf: [I] the dma-buf, if that is the source
 * @mmio: [I] the device memory of a process, if that is the source
 * @revoked: [ops->lock] the memory was taken away
 * @watches: [ops->lock] all struct backing_watch
 * @change_item: [ictx->process_mutex] for a change of owner
 */
struct io_backing {
	struct kref ref;
	const struct io_backing_ops *ops;
	struct backing_owner owner;
	spinlock_t owner_lock;
	unsigned long npages;
	bool writable;
	struct mutex lock;
	struct rb_root_cached holds;
	struct pfn_store store;
	unsigned long npinned;
	bool copies;
	unsigned long addr;
	struct file *file;
	unsigned long file_last;
	struct dmabuf_source *dmabuf;
	struct mmio_source *mmio;
	bool revoked;
	struct list_head watches;
	struct list_head change_item;
};

struct io_backing *backing_create_user(unsigned long va, unsigned long npages,
				       bool writable, enum account_mode mode);
struct io_backing *backing_create_file(struct file *file, unsigned long start,
				       unsigned long length, bool writable,
				       enum account_mode mode);
struct io_backing *backing_create_dmabuf(struct dma_buf *dmabuf,
					 struct device *dev,
					 unsigned long start,
					 unsigned long length, bool writable);
struct io_backing *backing_create_mmio(unsigned long va, unsigned long npages,
				       bool writable);
bool backing_va_is_mmio(unsigned long va, unsigned long *npages);
bool backing_is_file(const struct io_backing *backing);
void backing_put(struct io_backing *backing);

static inline struct io_backing *backing_get(struct io_backing *backing)
{
	kref_get(&backing->ref);
	return backing;
}

/* Hold off the owner of memory that may be taken away. */
static inline void backing_lock_source(struct io_backing *backing)
{
	if (backing->ops->lock)
		backing->ops->lock(backing);
}

static inline void backing_unlock_source(struct io_backing *backing)
{
	if (backing->ops->unlock)
		backing->ops->unlock(backing);
}

void backing_watch(struct io_backing *backing, struct backing_watch *watch);
void backing_unwatch(struct io_backing *backing, struct backing_watch *watch);
void backing_revoke(struct io_backing *backing);
int backing_restore(struct io_backing *backing);

int backing_hold(struct io_backing *backing, struct backing_hold *hold,
		 unsigned long first, unsigned long last);
void backing_release(struct io_backing *backing, struct backing_hold *hold);
int backing_move_va(struct io_backing *backing, unsigned long addr);
void backing_split(struct io_backing *backing, struct backing_hold *hold,
		   struct backing_hold *upper, unsigned long last,
		   unsigned long first);

/* pages_access.c */
int backing_pin(struct io_backing *backing, unsigned long first,
		unsigned long last, struct page **pages);
bool backing_unpin(struct io_backing *backing, unsigned long first,
		   unsigned long last);

typedef void (*backing_pin_fn)(unsigned long first, unsigned long last,
			       void *data);

void backing_visit_pins(struct io_backing *backing, unsigned long first,
			unsigned long last, backing_pin_fn fn, void *data);

/* How backing_copy() may go about it, besides the direction. */
#define BACKING_COPY_WRITE	1	/* to the backing, else from it */
#define BACKING_COPY_KTHREAD	2	/* the caller has no mm of its own */
#define BACKING_COPY_BY_PAGE	4	/* by its pages, also where it has an mm */

int backing_copy(struct io_backing *backing, unsigned long start, void *data,
		 size_t length, unsigned int flags);

/* Callers that hold the lock already. */
int backing_hold_locked(struct io_backing *backing, struct backing_hold *hold,
			unsigned long first, unsigned long last);
void backing_release_locked(struct io_backing *backing,
			    struct backing_hold *hold);

/* For the sources: pages_user.c and its siblings. */
struct io_backing *backing_create(const struct io_backing_ops *ops,
				  unsigned long addr, unsigned long npages,
				  bool writable, enum account_mode mode);
void backing_unpin_user_run(struct io_backing *backing, unsigned long pfn,
			    unsigned long npages);

/* pages_account.c */
void backing_owner_init(struct backing_owner *owner, enum account_mode mode);
void backing_owner_copy(struct backing_owner *to,
			const struct backing_owner *from);
void backing_owner_destroy(struct backing_owner *owner);
int backing_charge(const struct backing_owner *owner, unsigned long npages);
void backing_uncharge(const struct backing_owner *owner, unsigned long npages);
int backing_move_begin(const struct backing_owner *from,
		       const struct backing_owner *to, unsigned long npages);
void backing_move_cancel(const struct backing_owner *from,
			 const struct backing_owner *to, unsigned long npages);
void backing_move_end(const struct backing_owner *from,
		      const struct backing_owner *to, unsigned long npages);

#endif
