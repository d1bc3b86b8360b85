/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_IO_PAGETABLE_H
#define __IOMMUFD_IO_PAGETABLE_H

/**
 * DOC: IOVA spaces
 *
 * A space is one IOVA address space: areas (IOVA ranges with backing memory),
 * reservations (IOVA ranges that no area may use), and domains (the page tables
 * that all show the same areas).
 *
 * Areas, like domains, come and go at any time and independently. What makes
 * that simple is the epoch: a counter that every join and every leave of a
 * domain increments. A domain is in the space from its join epoch on and until
 * its leave epoch; each area carries the epoch up to which it was brought:
 *
 *	an area is mapped in a domain iff join <= epoch of the area < leave
 *
 * A new area starts with the current epoch, and whoever makes it maps it in the
 * domains that this says. A join or a leave increments the epoch and then walks
 * over the older areas, one at a time, maps or unmaps each, and sets its epoch.
 * Joins and leaves exclude each other, nothing else waits for them.
 *
 * Life of an area: %AREA_MAPPING when it is put into the tree (its IOVA is
 * taken, nobody else can name it), %AREA_READY, then %AREA_UNMAPPING once it is
 * decided that it goes.
 */

#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/wait.h>

#include "iova_alloc.h"
#include "pages.h"

struct iommu_dirty_bitmap;
struct iommu_domain;

enum area_state {
	AREA_MAPPING,
	AREA_READY,
	AREA_UNMAPPING,
};

/**
 * struct io_area - an IOVA range with backing memory
 * @node: [s] its place in the space
 * @space: [I] once it is in the tree
 * @backing: [I] reference held
 * @start: [I] byte offset of the first IOVA in the backing
 * @prot: [I] IOMMU_READ and IOMMU_WRITE as the user asked
 * @before: [I] bytes before it that were mapped with it, and go with it
 * @after: [I] the same for what is after it
 * @ref: 1 for being in the tree; others are short
 * @state: [s]
 * @pins: [s to change] pins of kernel users in it
 * @locked: [s] those of @pins that are not given up: it cannot be unmapped
 * @busy: [s to change] kernel users that are just reading or writing it
 * @va_invalid: [s] the address of its memory is going to change
 * @dirty: [s] a bit for each page that kernel users wrote, or NULL
 * @item: [s] list of areas that one operation works on
 * @lock: orders the work on this area
 * @epoch: [lock] see the DOC block; [s] as well until it is in the tree
 * @watch: the owner of the memory may take it away
 * @filled: [lock] it is mapped in the domains that the epoch says
 * @suspended: [lock] it is not, because its memory is away for a while
 * @held: [lock] @hold keeps its pages pinned
 * @merged: [lock] several of its pages may be one page of an IOMMU
 * @leaked: [lock] an IOMMU may still reach its pages, which are never released
 * @hold: [lock]
 */
struct io_area {
	struct iova_node node;
	struct io_space *space;
	struct io_backing *backing;
	unsigned long start;
	int prot;
	unsigned long before;
	unsigned long after;
	refcount_t ref;
	enum area_state state;
	unsigned int pins;
	unsigned int locked;
	unsigned int busy;
	bool va_invalid;
	unsigned long *dirty;
	struct list_head item;
	struct mutex lock;
	u64 epoch;
	struct backing_watch watch;
	bool filled;
	bool suspended;
	bool held;
	bool merged;
	bool leaked;
	struct backing_hold hold;
};

/**
 * struct io_reserved - an IOVA range that no area may use
 * @item: [s] in &io_space.reserved, by @first
 * @owner: [I] who asked for it, and alone may take it back
 * @first: [I] first IOVA
 * @last: [I] last IOVA
 * @node: [s] stands in the tree for this and the following reservations that
 *	it overlaps or touches
 * @in_tree: [s]
 */
struct io_reserved {
	struct list_head item;
	const void *owner;
	unsigned long first;
	unsigned long last;
	struct iova_node node;
	bool in_tree;
};

/**
 * struct io_domain - a page table that shows a space
 * @item: [s] in &io_space.domains
 * @domain: [I]
 * @align: [I] its smallest page
 * @coherent: [I] it enforces cache coherency
 * @pin_only: [I] it translates nothing, and keeps memory pinned
 * @tells_dirty: [s] what is written through it is known to who reports dirty pages
 * @join: [s] epoch from which it is part of the space
 * @leave: [s] epoch from which it is no more
 */
struct io_domain {
	struct list_head item;
	struct iommu_domain *domain;
	unsigned long align;
	bool coherent;
	bool pin_only;
	bool tells_dirty;
	u64 join;
	u64 leave;
};

/**
 * struct io_user - a kernel user of a space
 * @item: [s] in &io_space.users
 * @calls: [s to change] calls of @unmap that are under way
 * @leaving: [s] it is not called any more
 * @id: [I] the object, for messages
 * @align: [I] what its pins ask of the alignment of areas
 * @unmap: called before an area with pins goes: gives up all pins in the range
 */
struct io_user {
	struct list_head item;
	unsigned int calls;
	bool leaving;
	unsigned int id;
	unsigned long align;
	void (*unmap)(struct io_user *user, unsigned long iova,
		      unsigned long length);
};

/* A range of IOVA or the like, both ends included. */
struct io_range {
	unsigned long first;
	unsigned long last;
};

/**
 * struct io_space - one IOVA address space
 * @lock: [s] a short lock over the structure; nothing slow runs under it
 * @tree: [s] areas, and one node for each union of reservations
 * @reserved: [s] all struct io_reserved
 * @allowed: [s] if set, what automatic IOVA is taken from; sorted
 * @nr_allowed: [s]
 * @domains: [s] in order of their joining
 * @align: [s] what IOVA, length and page offset are multiples of
 * @epoch: [s] joins and leaves so far
 * @nr_areas: [s]
 * @max_areas: [s] how many areas there may be
 * @nr_va_invalid: [s] areas whose address is going to change
 * @id: [I] what the user knows it by
 * @tracks_dirty: areas have bitmaps of what kernel users write
 * @large_pages: [s] hand contiguous memory to the IOMMU in one piece
 * @users: [s] kernel users
 * @unpinned: woken when an area has fewer pins, or a call of a user has returned
 * @domains_mutex: excludes joins and leaves from each other; held for long
 */
struct io_space {
	struct mutex lock;
	struct iova_tree tree;
	struct list_head reserved;
	struct io_range *allowed;
	unsigned int nr_allowed;
	struct list_head domains;
	unsigned long align;
	u64 epoch;
	unsigned long nr_areas;
	unsigned long max_areas;
	unsigned long nr_va_invalid;
	u32 id;
	bool tracks_dirty;
	bool large_pages;
	struct list_head users;
	wait_queue_head_t unpinned;
	struct mutex domains_mutex;
};

/* area.c */
int area_init(void);
void area_exit(void);
struct io_area *area_create(struct io_backing *backing, unsigned long start,
			    unsigned long length, int prot);
void area_put(struct io_area *area);
int area_fill(struct io_area *area);
void area_clear(struct io_area *area);
int area_join(struct io_area *area, struct io_domain *dom);
void area_leave(struct io_area *area, struct io_domain *dom);
int area_cut(struct io_area *area, struct io_area *upper, unsigned long iova);
int area_read_dirty(struct io_area *area, struct io_domain *dom,
		    const struct io_range *part, unsigned long flags,
		    struct iommu_dirty_bitmap *dirty);
int area_find_phys(struct io_area *area, unsigned long iova,
		   bool (*suits)(const struct iommu_domain *domain),
		   phys_addr_t *phys, unsigned long *length);

static inline unsigned long area_length(const struct io_area *area)
{
	return area->node.last - area->node.first + 1;
}

static inline struct io_area *area_of(struct iova_node *node)
{
	return container_of(node, struct io_area, node);
}

/* io_pagetable.c */
#define IO_MAP_FIXED	1
#define IO_MAP_UNIT	2	/* what is mapped together is unmapped together */
#define IO_MAP_REFUSE	4	/* only check; if all is well -EFAULT is the error */

void io_space_init(struct io_space *space);
void io_space_destroy(struct io_space *space);
int io_space_map(struct io_space *space, struct list_head *areas,
		 unsigned long addr, unsigned long *iova, unsigned int flags);
int io_space_unmap_after(struct io_space *space, unsigned long first,
			 unsigned long last, int (*before)(void *data),
			 void *data, unsigned long *unmapped);

/* Remove all areas in a range, see above. */
static inline int io_space_unmap(struct io_space *space, unsigned long first,
				 unsigned long last, unsigned long *unmapped)
{
	return io_space_unmap_after(space, first, last, NULL, NULL, unmapped);
}

int io_space_slice(struct io_space *space, const struct io_range *range,
		   int prot, struct list_head *areas, unsigned long *addr);
void areas_free(struct list_head *areas);
int io_space_join(struct io_space *space, struct io_domain *dom,
		  struct iommu_domain *domain);
void io_space_leave(struct io_space *space, struct io_domain *dom);
int io_space_for_each(struct io_space *space,
		      int (*fn)(struct io_area *area, void *data), void *data);
struct io_area *io_space_walk(struct io_space *space, struct io_area *prev,
			      unsigned long *cursor);
int io_space_set_large_pages(struct io_space *space, bool on);
unsigned long io_space_align(struct io_space *space);

/**
 * struct io_space_stats - what is in a space
 * @areas: areas
 * @mapped: bytes of IOVA in them
 * @pinned: bytes of memory that they keep pinned; shared memory counts in each
 * @domains: domains
 * @users: kernel users
 */
struct io_space_stats {
	unsigned long areas;
	unsigned long mapped;
	unsigned long pinned;
	unsigned int domains;
	unsigned int users;
};

void io_space_get_stats(struct io_space *space, struct io_space_stats *stats);
struct io_domain *io_space_next_domain(struct io_area *area,
				       struct io_domain *prev);

/* io_container.c */

/**
 * struct io_summary - what a container tells of its space
 * @pgsizes: page sizes that all domains have; all from PAGE_SIZE on without one
 * @free_areas: how many more areas there may be
 */
struct io_summary {
	unsigned long pgsizes;
	unsigned long free_areas;
};

void io_space_summary(struct io_space *space, struct io_summary *summary);
void io_space_set_limit(struct io_space *space, unsigned long max_areas);
bool io_space_is_coherent(struct io_space *space);
bool io_space_find(struct io_space *space, unsigned long iova,
		   struct io_range *range);
int io_space_cut(struct io_space *space, unsigned long iova);

bool io_space_has_users(struct io_space *space);
bool io_space_has_invalid_va(struct io_space *space);
int io_space_invalidate_va(struct io_space *space, const struct io_range *range,
			   unsigned long *marked);
int io_space_update_va(struct io_space *space, const struct io_range *range,
		       unsigned long va);

/* io_dirty.c */

/**
 * struct io_dirty - what is dirty in an area
 * @iova: its first IOVA
 * @npages: how many pages it has
 * @bits: which of them are; NULL: all
 */
struct io_dirty {
	unsigned long iova;
	unsigned long npages;
	unsigned long *bits;
};

int io_area_track_dirty(struct io_area *area);
void io_area_set_dirty(struct io_area *area, unsigned long start,
		       unsigned long length);
void io_space_set_tells_dirty(struct io_space *space, struct io_domain *dom,
			      bool tells);
int io_space_track_dirty(struct io_space *space, bool on);
int io_space_report_dirty(struct io_space *space, const struct io_range *range,
			  int (*fn)(const struct io_dirty *dirty, void *data),
			  void *data);

/* io_user.c */

/* Besides IOMMU_READ and IOMMU_WRITE: what is pinned cannot be unmapped. */
#define IO_PIN_LOCKED	(1 << 30)

int io_space_add_user(struct io_space *space, struct io_user *user);
void io_space_remove_user(struct io_space *space, struct io_user *user);
void io_space_swap_user(struct io_space *space, struct io_user *old,
			struct io_user *user);
int io_space_expel_users(struct io_space *space, struct io_area *area);
int io_space_pin(struct io_space *space, const struct io_range *range, int prot,
		 struct page **pages);
bool io_space_unpin(struct io_space *space, const struct io_range *range,
		    int prot);
int io_space_phys(struct io_space *space, const struct io_range *range,
		  phys_addr_t *phys);
int io_space_rw(struct io_space *space, const struct io_range *range,
		void *data, unsigned int flags);

/* Under io_space.lock */
struct io_area *io_space_first_area(struct io_space *space, unsigned long first,
				    unsigned long last);
int io_space_raise_align(struct io_space *space, unsigned long align);
void io_space_update_align(struct io_space *space);

/* io_reserved.c */
int io_reserved_new(struct list_head *list, const void *owner,
		    unsigned long first, unsigned long last);
void io_reserved_free(struct list_head *list);
int io_reserved_add(struct io_space *space, struct list_head *list);
int io_reserved_add_locked(struct io_space *space, struct list_head *list);
void io_reserved_remove(struct io_space *space, const void *owner);
bool io_reserved_overlaps(const struct io_space *space, unsigned long first,
			  unsigned long last);
int io_space_set_allowed(struct io_space *space, struct io_range *ranges,
			 unsigned int n);
unsigned int io_space_usable(struct io_space *space, struct io_range *ranges,
			     unsigned int max);

#endif
