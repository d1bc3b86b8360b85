// SPDX-License-Identifier: GPL-2.0-only
/*
 * One IOVA space: see the DOC block in io_pagetable.h.
 *
 * Map: find and take the IOVA (short lock), fill each new area (its own lock),
 * publish all of them. When one cannot be filled, all are cleared and taken out.
 *
 * Unmap: decide for the whole range (short lock), have kernel users give up
 * their pins (or give up itself), clear each area (its own lock), take all of
 * them out.
 *
 * Join: take the domain in (short lock), fill what is older. When an area cannot
 * be filled the domain leaves again.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "trace.h"

/**
 * io_space_init() - make an empty space
 * @space: the space; everything from 0 to ULONG_MAX is usable
 */
void io_space_init(struct io_space *space)
{
	mutex_init(&space->lock);
	mutex_init(&space->domains_mutex);
	INIT_LIST_HEAD(&space->reserved);
	INIT_LIST_HEAD(&space->domains);
	INIT_LIST_HEAD(&space->users);
	init_waitqueue_head(&space->unpinned);
	space->align = 1;
	space->large_pages = true;
	space->max_areas = ULONG_MAX;
}

/**
 * io_space_destroy() - remove all areas and what else is left
 * @space: the space; nobody else uses it and no domain shows it
 */
void io_space_destroy(struct io_space *space)
{
	unsigned long unmapped;

	WARN_ON(!list_empty(&space->domains) || !list_empty(&space->users));
	WARN_ON(io_space_unmap(space, 0, ULONG_MAX, &unmapped) &&
		space->nr_areas);
	io_reserved_free(&space->reserved);
	kvfree(space->allowed);
	mutex_destroy(&space->domains_mutex);
	mutex_destroy(&space->lock);
}

/**
 * io_space_first_area() - the lowest area that touches a range
 * @space: the space
 * @first: first IOVA
 * @last: last IOVA
 *
 * Context: @space->lock is held.
 * Return: the area or NULL.
 */
struct io_area *io_space_first_area(struct io_space *space, unsigned long first,
				    unsigned long last)
{
	struct iova_node *node;

	lockdep_assert_held(&space->lock);
	node = iova_tree_first(&space->tree, first, last);
	/* Reservations are few. */
	while (node && node->reserved)
		node = iova_tree_next(node, last);
	return node ? area_of(node) : NULL;
}

static struct io_area *next_area(struct io_area *area, unsigned long last)
{
	struct iova_node *node = iova_tree_next(&area->node, last);

	while (node && node->reserved)
		node = iova_tree_next(node, last);
	return node ? area_of(node) : NULL;
}

#define for_each_area(area, space, first, last)				\
	for (area = io_space_first_area(space, first, last); area;		\
	     area = next_area(area, last))

/*
 * The first area that touches @iova or lies above it, if @prev, which need not be in
 * the space any more, is the last one below. What is ready is in the space.
 */
static struct io_area *area_from(struct io_space *space, struct io_area *prev,
				 unsigned long iova)
{
	if (prev && prev->state == AREA_READY && prev->node.last + 1 == iova)
		return next_area(prev, ULONG_MAX);
	return io_space_first_area(space, iova, ULONG_MAX);
}

/**
 * io_space_walk() - one step of a walk that tolerates any change in between
 * @space: the space
 * @prev: the area before, or NULL at the start; the walk puts it
 * @cursor: where the walk is; set by the caller at the start
 *
 * Return: the next area at or after *@cursor, with a reference, or NULL. It need
 * not be in the space any more when the caller looks at it.
 */
struct io_area *io_space_walk(struct io_space *space, struct io_area *prev,
			      unsigned long *cursor)
{
	struct io_area *area = NULL;

	scoped_guard(mutex, &space->lock) {
		if (!prev || *cursor)
			area = area_from(space, prev, *cursor);
		if (area) {
			refcount_inc(&area->ref);
			/* wraps to 0 after the last possible area: the end */
			*cursor = area->node.last + 1;
		}
	}
	if (prev)
		area_put(prev);
	return area;
}

/**
 * io_space_for_each() - look at all areas of a space
 * @space: the space
 * @fn: called for each; what it returns if that is not 0 ends the walk
 * @data: for @fn
 *
 * Context: @fn runs under @space->lock.
 */
int io_space_for_each(struct io_space *space,
		      int (*fn)(struct io_area *area, void *data), void *data)
{
	struct io_area *area;
	int rc;

	guard(mutex)(&space->lock);
	for_each_area(area, space, 0, ULONG_MAX) {
		rc = fn(area, data);
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * io_space_next_domain() - the domains in which an area is to be mapped
 * @area: its lock is held, which keeps those domains from leaving
 * @prev: the domain before, or NULL
 *
 * Return: the next domain in order of joining, or NULL.
 */
struct io_domain *io_space_next_domain(struct io_area *area,
				       struct io_domain *prev)
{
	struct io_space *space = area->space;
	struct io_domain *dom;

	lockdep_assert_held(&area->lock);
	guard(mutex)(&space->lock);
	dom = list_prepare_entry(prev, &space->domains, item);
	list_for_each_entry_continue(dom, &space->domains, item)
		if (dom->join <= area->epoch && area->epoch < dom->leave)
			return dom;
	return NULL;
}

/**
 * io_space_align() - what IOVA, length and page offset must be multiples of
 * @space: the space
 *
 * Return: a power of two, PAGE_SIZE at most.
 */
unsigned long io_space_align(struct io_space *space)
{
	guard(mutex)(&space->lock);
	return space->align;
}

/**
 * io_space_update_align() - lower the alignment to what members ask for
 * @space: the space; a member has left
 *
 * Context: @space->lock is held.
 */
void io_space_update_align(struct io_space *space)
{
	unsigned long align = space->large_pages ? 1 : PAGE_SIZE;
	struct io_domain *dom;
	struct io_user *user;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(dom, &space->domains, item)
		align = max(align, dom->align);
	list_for_each_entry(user, &space->users, item)
		align = max(align, user->align);
	space->align = align;
}

/**
 * io_space_raise_align() - raise the alignment if the areas permit it
 * @space: the space
 * @align: a power of two
 *
 * Context: @space->lock is held.
 * Return: 0, or -EADDRINUSE if an area does not fit it.
 */
int io_space_raise_align(struct io_space *space, unsigned long align)
{
	struct io_area *area;

	lockdep_assert_held(&space->lock);
	if (align <= space->align)
		return 0;
	for_each_area(area, space, 0, ULONG_MAX)
		if ((area->node.first | area_length(area) |
		     offset_in_page(area->start)) & (align - 1))
			return -EADDRINUSE;
	space->align = align;
	return 0;
}

static int check_fixed(struct io_space *space, unsigned long first,
		       unsigned long length)
{
	unsigned long last;

	if (first & (space->align - 1))
		return -EINVAL;
	if (check_add_overflow(first, length - 1, &last))
		return -EOVERFLOW;
	if (io_reserved_overlaps(space, first, last))
		return -EINVAL;
	if (io_space_first_area(space, first, last))
		return -EEXIST;
	return 0;
}

/* The lowest place in the ranges from which automatic IOVA is taken. */
static bool find_free(struct io_space *space, const struct iova_want *want,
		      unsigned long *iova)
{
	const struct io_range all = { 0, ULONG_MAX };
	const struct io_range *range = space->allowed ?: &all;
	unsigned int n = space->allowed ? space->nr_allowed : 1;

	for (; n--; range++)
		if (iova_tree_find_free(&space->tree,
					max(range->first, PAGE_SIZE),
					min(range->last, ULONG_MAX - PAGE_SIZE),
					want, iova))
			return true;
	return false;
}

/*
 * As far from a multiple of the size of a large page as the memory is, so that
 * what can be one large page there can be one in the IOMMU.
 */
static bool find_like_memory(struct io_space *space, unsigned long addr,
			     unsigned long length, unsigned long *iova)
{
	const unsigned long sizes[] = { PUD_SIZE, PMD_SIZE };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct iova_want want = {
			.length = length,
			.align = sizes[i],
			.offset = addr & (sizes[i] - 1),
		};

		if (length >= sizes[i] && find_free(space, &want, iova))
			return true;
	}
	return false;
}

static int choose_iova(struct io_space *space, unsigned long addr,
		       unsigned long length, unsigned long *iova)
{
	struct iova_want want = { .length = length };
	unsigned long most = PAGE_SIZE;

	if (length >= ULONG_MAX / 2)
		return -EOVERFLOW;
	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		most = HPAGE_PMD_SIZE;
	want.align = min(roundup_pow_of_two(length), most);
	if (addr)
		want.align = min(want.align, 1UL << __ffs(addr));
	if (want.align < space->align)
		return -EINVAL;
	want.offset = offset_in_page(addr);

	if (space->large_pages && find_like_memory(space, addr, length, iova))
		return 0;
	return find_free(space, &want, iova) ? 0 : -ENOSPC;
}

/* Take the IOVA for new areas, which follow each other. */
static int place_areas(struct io_space *space, struct list_head *areas,
		       unsigned long addr, unsigned long *iova,
		       unsigned int flags)
{
	unsigned long length = 0, n = 0, next;
	struct io_area *area;
	int rc;

	list_for_each_entry(area, areas, item) {
		n++;
		if (check_add_overflow(length, area_length(area), &length))
			return -EOVERFLOW;
	}

	guard(mutex)(&space->lock);
	if (length & (space->align - 1))
		return -EINVAL;
	if (flags & IO_MAP_FIXED)
		rc = check_fixed(space, *iova, length);
	else
		rc = choose_iova(space, addr, length, iova);
	if (rc)
		return rc;
	if (n > space->max_areas - min(space->nr_areas, space->max_areas))
		return -ENOSPC;
	next = *iova;
	list_for_each_entry(area, areas, item) {
		if ((area->prot & IOMMU_WRITE) && !area->backing->writable)
			return -EPERM;
		if ((offset_in_page(area->start) | next) & (space->align - 1))
			return -EINVAL;
		next += area_length(area);
	}

	/* Point of no return: the areas stand in the tree. */
	next = *iova;
	list_for_each_entry(area, areas, item) {
		area->node.last += next;
		area->node.first = next;
		next = area->node.last + 1;
		area->space = space;
		area->epoch = space->epoch;
		if (flags & IO_MAP_UNIT) {
			area->before = area->node.first - *iova;
			area->after = length - area->before - area_length(area);
		}
		iova_tree_insert(&space->tree, &area->node);
		space->nr_areas++;
	}
	return 0;
}

static void publish_areas(struct io_space *space, struct list_head *areas)
{
	struct io_area *area, *tmp;

	guard(mutex)(&space->lock);
	list_for_each_entry_safe(area, tmp, areas, item) {
		list_del(&area->item);
		area->state = AREA_READY;
	}
}

static void remove_areas(struct io_space *space, struct list_head *areas)
{
	struct io_area *area;

	scoped_guard(mutex, &space->lock)
		list_for_each_entry(area, areas, item) {
			iova_tree_remove(&space->tree, &area->node);
			space->nr_areas--;
			space->nr_va_invalid -= area->va_invalid;
			area->va_invalid = false;
		}
}

/**
 * areas_free() - free areas that are in no space
 * @areas: the list; is empty afterwards
 */
void areas_free(struct list_head *areas)
{
	struct io_area *area, *tmp;

	list_for_each_entry_safe(area, tmp, areas, item) {
		list_del(&area->item);
		area_put(area);
	}
}

static int track_areas(struct io_space *space, struct list_head *areas)
{
	struct io_area *area;
	int rc = 0;

	if (!READ_ONCE(space->tracks_dirty))
		return 0;
	list_for_each_entry(area, areas, item)
		rc = rc ?: io_area_track_dirty(area);
	return rc;
}

static int fill_areas(struct list_head *areas)
{
	struct io_area *area;
	int rc;

	list_for_each_entry(area, areas, item) {
		rc = area_fill(area);
		if (rc)
			return rc;
	}
	return 0;
}

static void clear_areas(struct list_head *areas)
{
	struct io_area *area;

	list_for_each_entry(area, areas, item)
		area_clear(area);
}

/**
 * io_space_map() - put areas into a space
 * @space: the space
 * @areas: made by area_create(), of contiguous IOVA in this order; consumed,
 *	whatever the result is
 * @addr: the address of the memory, as a hint for the alignment of the IOVA
 * @iova: the IOVA with %IO_MAP_FIXED, else receives what was chosen
 * @flags: %IO_MAP_FIXED, %IO_MAP_UNIT, %IO_MAP_REFUSE
 *
 * Context: may sleep for long; takes the space's and the areas' locks.
 * Return: 0; -EINVAL alignment or reserved IOVA, -EOVERFLOW, -EEXIST something is
 * mapped there, -ENOSPC no IOVA free, -EPERM writing this memory was not asked
 * for when it was first mapped, or an error of pinning or of the IOMMU
 * driver. An error leaves no trace. (uapi-behaviour.md 5.3, 5.4, 6.4)
 */
int io_space_map(struct io_space *space, struct list_head *areas,
		 unsigned long addr, unsigned long *iova, unsigned int flags)
{
	int rc;

	rc = track_areas(space, areas) ?:
	     place_areas(space, areas, addr, iova, flags);
	if (!rc) {
		rc = flags & IO_MAP_REFUSE ? -EFAULT : fill_areas(areas);
		if (!rc) {
			publish_areas(space, areas);
			return 0;
		}
		clear_areas(areas);
		remove_areas(space, areas);
	}
	areas_free(areas);
	return rc;
}

/* Decide on all areas in a range before any of them is touched. */
static int claim_areas(struct io_space *space, unsigned long first,
		       unsigned long last, struct list_head *areas)
{
	struct io_area *area;

	guard(mutex)(&space->lock);
	for_each_area(area, space, first, last) {
		if (area->node.first - area->before < first ||
		    area->node.last + area->after > last)
			return -ENOENT;
		if (area->state != AREA_READY || area->locked)
			return -EBUSY;
	}

	for_each_area(area, space, first, last) {
		area->state = AREA_UNMAPPING;
		list_add_tail(&area->item, areas);
	}
	return 0;
}

/* The decision of claim_areas() does not stand. */
static void unclaim_areas(struct io_space *space, struct list_head *areas)
{
	struct io_area *area, *tmp;

	guard(mutex)(&space->lock);
	list_for_each_entry_safe(area, tmp, areas, item) {
		area->state = AREA_READY;
		list_del(&area->item);
	}
}

static int expel_users(struct io_space *space, struct list_head *areas)
{
	struct io_area *area;
	int rc;

	list_for_each_entry(area, areas, item) {
		rc = io_space_expel_users(space, area);
		if (rc)
			return rc;
	}
	return 0;
}

static int unmap_areas(struct io_space *space, struct list_head *areas,
		       int (*before)(void *data), void *data,
		       unsigned long *unmapped)
{
	struct io_area *area;
	int rc;

	rc = expel_users(space, areas);
	if (!rc && before)
		rc = before(data);
	if (rc) {
		unclaim_areas(space, areas);
		return rc;
	}

	/* Point of no return. */
	clear_areas(areas);
	remove_areas(space, areas);
	list_for_each_entry(area, areas, item)
		*unmapped += area_length(area);
	areas_free(areas);
	return 0;
}

/**
 * io_space_unmap_after() - remove all areas in a range, after a last look at them
 * @space: the space
 * @first: first IOVA
 * @last: last IOVA
 * @before: called when no kernel user can use the areas any more, under no lock; what
 *	it returns if that is not 0 ends the unmap, which then removes nothing
 * @data: for @before
 * @unmapped: receives how many bytes were removed
 *
 * Context: may sleep; takes the space's and the areas' locks, calls back kernel
 * users.
 * Return: 0; -ENOENT there is none, or one lies not wholly inside; -EBUSY one is
 * just being mapped or unmapped, or hardware works on it; -EDEADLOCK a kernel user
 * does not give up its pins; -EINTR on a fatal signal; or what @before returned. An
 * error removes nothing. (uapi-behaviour.md 6.7, better-than-7.3.md rows 5 and 16)
 */
int io_space_unmap_after(struct io_space *space, unsigned long first,
			 unsigned long last, int (*before)(void *data),
			 void *data, unsigned long *unmapped)
{
	LIST_HEAD(areas);
	int rc;

	*unmapped = 0;
	rc = claim_areas(space, first, last, &areas);
	if (!rc && list_empty(&areas))
		rc = -ENOENT;
	if (!rc)
		rc = unmap_areas(space, &areas, before, data, unmapped);
	trace_iommufd_unmap(space->id, first, last, *unmapped, rc);
	return rc;
}

/* The part of a range that its first area covers. */
struct memory_slice {
	struct io_backing *backing;
	unsigned long start;
	unsigned long length;
};

static int get_slice(struct io_space *space, const struct io_range *range,
		     struct memory_slice *slice)
{
	struct io_area *area;

	guard(mutex)(&space->lock);
	area = io_space_first_area(space, range->first, range->last);
	if (!area || area->node.first > range->first ||
	    area->state != AREA_READY)
		return -ENOENT;
	slice->backing = backing_get(area->backing);
	slice->start = area->start + (range->first - area->node.first);
	slice->length = min(area->node.last, range->last) - range->first + 1;
	return 0;
}

static int slice_range(struct io_space *space, const struct io_range *range,
		       int prot, struct list_head *areas, unsigned long *addr)
{
	struct io_range rest = *range;
	struct memory_slice slice;
	struct io_area *area;
	int rc;

	for (;;) {
		rc = get_slice(space, &rest, &slice);
		if (rc)
			return rc;
		if (list_empty(areas))
			*addr = slice.backing->addr + slice.start;
		area = area_create(slice.backing, slice.start, slice.length,
				   prot);
		backing_put(slice.backing);
		if (!area)
			return -ENOMEM;
		list_add_tail(&area->item, areas);
		if (slice.length == rest.last - rest.first + 1)
			return 0;
		rest.first += slice.length;
	}
}

/**
 * io_space_slice() - make new areas of the memory that is mapped in a range
 * @space: where to look
 * @range: the IOVA range; must be mapped without a hole
 * @prot: IOMMU_READ, IOMMU_WRITE of the new areas
 * @areas: empty list; receives the areas, one for each one in @space
 * @addr: receives the address of the first byte in its source, as a hint
 *
 * Return: 0, -ENOENT part of the range is not mapped, -ENOMEM. An error leaves
 * the list empty. (uapi-behaviour.md 6.6)
 */
int io_space_slice(struct io_space *space, const struct io_range *range,
		   int prot, struct list_head *areas, unsigned long *addr)
{
	int rc = slice_range(space, range, prot, areas, addr);

	if (rc)
		areas_free(areas);
	return rc;
}

/* What lies outside the aperture is reserved on behalf of the domain. */
static int reserve_aperture(struct list_head *list, struct io_domain *dom)
{
	unsigned long start = min_t(u64, ULONG_MAX,
				    dom->domain->geometry.aperture_start);
	unsigned long end = min_t(u64, ULONG_MAX,
				  dom->domain->geometry.aperture_end);
	int rc = 0;

	if (start)
		rc = io_reserved_new(list, dom, 0, start - 1);
	if (!rc && end < ULONG_MAX)
		rc = io_reserved_new(list, dom, end + 1, ULONG_MAX);
	return rc;
}

static int take_in(struct io_space *space, struct io_domain *dom,
		   struct list_head *reserved)
{
	unsigned long old_align;
	int rc;

	guard(mutex)(&space->lock);
	if (space->nr_va_invalid)
		return -EBUSY;
	old_align = space->align;
	rc = io_space_raise_align(space, dom->align);
	if (rc)
		return rc;
	rc = io_reserved_add_locked(space, reserved);
	if (rc) {
		space->align = old_align;
		return rc;
	}
	dom->join = ++space->epoch;
	dom->leave = U64_MAX;
	list_add_tail(&dom->item, &space->domains);
	return 0;
}

static void leave(struct io_space *space, struct io_domain *dom)
{
	struct io_area *area = NULL;
	unsigned long cursor = 0;

	lockdep_assert_held(&space->domains_mutex);
	scoped_guard(mutex, &space->lock)
		dom->leave = ++space->epoch;
	while ((area = io_space_walk(space, area, &cursor)))
		area_leave(area, dom);
	scoped_guard(mutex, &space->lock) {
		list_del(&dom->item);
		io_space_update_align(space);
		/* Nobody knows what its devices have written. */
		if (READ_ONCE(space->tracks_dirty))
			for_each_area(area, space, 0, ULONG_MAX)
				io_area_set_dirty(area, area->start,
						  area_length(area));
	}
	io_reserved_remove(space, dom);
}

/**
 * io_space_join() - let a domain show a space from now on
 * @space: the space
 * @dom: the record of the membership, which the caller keeps until it leaves
 * @domain: a paging domain in which nothing is mapped
 *
 * Maps and unmaps of other areas go on meanwhile.
 *
 * Context: may sleep for long; takes @space->domains_mutex and all below.
 * Return: 0; -EINVAL the pages of the IOMMU are larger than PAGE_SIZE; -EBUSY
 * the address of some memory is going to change;
 * -EADDRINUSE an existing area or allowed range conflicts with the aperture or
 * the page size; -ENOMEM; or an error of pinning or of the IOMMU driver. An error
 * leaves no trace. (uapi-behaviour.md 5.1, 5.2)
 */
int io_space_join(struct io_space *space, struct io_domain *dom,
		  struct iommu_domain *domain)
{
	struct io_area *area = NULL;
	unsigned long cursor = 0;
	LIST_HEAD(reserved);
	int rc;

	dom->domain = domain;
	dom->align = 1UL << __ffs(domain->pgsize_bitmap);
	if (dom->align > PAGE_SIZE)
		return -EINVAL;

	guard(mutex)(&space->domains_mutex);
	rc = reserve_aperture(&reserved, dom);
	if (!rc)
		rc = take_in(space, dom, &reserved);
	if (rc) {
		io_reserved_free(&reserved);
		return rc;
	}
	while ((area = io_space_walk(space, area, &cursor))) {
		rc = area_join(area, dom);
		if (rc) {
			area_put(area);
			leave(space, dom);
			return rc;
		}
	}
	return 0;
}

/**
 * io_space_leave() - end what io_space_join() began
 * @space: the space
 * @dom: the membership; its domain shows nothing any more on return
 *
 * Context: may sleep; takes @space->domains_mutex and all below. Never fails,
 * allocates nothing.
 */
void io_space_leave(struct io_space *space, struct io_domain *dom)
{
	guard(mutex)(&space->domains_mutex);
	leave(space, dom);
}

/**
 * io_space_set_large_pages() - allow or forbid large IOMMU pages
 * @space: the space
 * @on: whether contiguous memory may be mapped in one piece
 *
 * Return: 0; when forbidding, -EINVAL if something is mapped in a domain already
 * and -EADDRINUSE if an area is not made of whole pages. (uapi-behaviour.md 6.9)
 */
int io_space_set_large_pages(struct io_space *space, bool on)
{
	int rc;

	guard(mutex)(&space->domains_mutex);
	guard(mutex)(&space->lock);
	if (on == space->large_pages)
		return 0;
	if (!on) {
		if (!list_empty(&space->domains) && space->nr_areas)
			return -EINVAL;
		rc = io_space_raise_align(space, PAGE_SIZE);
		if (rc)
			return rc;
	}
	space->large_pages = on;
	io_space_update_align(space);
	return 0;
}
