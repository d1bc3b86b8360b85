// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VFIO container asks of its space, beyond what an IOAS offers: a limit,
 * a summary, areas that can be cut, memory whose address changes. And what an
 * administrator sees of any space.
 */
#include <linux/iommu.h>
#include <linux/mm.h>

#include "io_pagetable.h"

/**
 * io_space_set_limit() - limit how many areas there may be
 * @space: the space
 * @max_areas: the limit; areas that are there stay
 */
void io_space_set_limit(struct io_space *space, unsigned long max_areas)
{
	guard(mutex)(&space->lock);
	space->max_areas = max_areas;
}

/**
 * io_space_is_coherent() - do all domains enforce cache coherency?
 * @space: the space
 *
 * Return: whether they do; true without a domain.
 */
bool io_space_is_coherent(struct io_space *space)
{
	struct io_domain *dom;

	guard(mutex)(&space->lock);
	list_for_each_entry(dom, &space->domains, item)
		if (!dom->coherent)
			return false;
	return true;
}

/**
 * io_space_summary() - what a container tells of its space
 * @space: the space
 * @summary: receives it
 */
void io_space_summary(struct io_space *space, struct io_summary *summary)
{
	unsigned long pgsizes = ULONG_MAX;
	struct io_domain *dom;

	guard(mutex)(&space->lock);
	list_for_each_entry(dom, &space->domains, item)
		pgsizes &= dom->domain->pgsize_bitmap;
	/* Smaller pages than those of memory are of no use to anybody. */
	if (pgsizes & ~PAGE_MASK)
		pgsizes = (pgsizes & PAGE_MASK) | PAGE_SIZE;
	summary->pgsizes = pgsizes;
	summary->free_areas = space->max_areas -
			      min(space->nr_areas, space->max_areas);
}

/**
 * io_space_find() - where the area is that contains an IOVA
 * @space: the space
 * @iova: the IOVA
 * @range: receives the range of the area
 *
 * Return: false if there is none.
 */
bool io_space_find(struct io_space *space, unsigned long iova,
		   struct io_range *range)
{
	struct io_area *area;

	guard(mutex)(&space->lock);
	area = io_space_first_area(space, iova, iova);
	if (!area)
		return false;
	range->first = area->node.first - area->before;
	range->last = area->node.last + area->after;
	return true;
}

/* Nobody else names the area until release_area(). */
static struct io_area *claim_area(struct io_space *space, unsigned long iova)
{
	struct io_area *area;

	guard(mutex)(&space->lock);
	area = io_space_first_area(space, iova, iova);
	if (!area || area->node.first == iova)
		return NULL;
	if (area->before || area->after)
		return ERR_PTR(-EINVAL);
	if (area->state != AREA_READY || area->locked)
		return ERR_PTR(-EBUSY);
	area->state = AREA_UNMAPPING;
	refcount_inc(&area->ref);
	return area;
}

static void release_area(struct io_space *space, struct io_area *area,
			 struct io_area *upper)
{
	scoped_guard(mutex, &space->lock) {
		area->state = AREA_READY;
		if (upper)
			upper->state = AREA_READY;
	}
	area_put(area);
}

static int cut_claimed(struct io_space *space, struct io_area *area,
		       struct io_area **upper, unsigned long iova)
{
	unsigned long offset = iova - area->node.first;
	int rc;

	rc = io_space_expel_users(space, area);
	if (rc)
		return rc;
	*upper = area_create(area->backing, area->start + offset,
			     area_length(area) - offset, area->prot);
	if (!*upper)
		return -ENOMEM;
	rc = area_cut(area, *upper, iova);
	if (rc) {
		area_put(*upper);
		*upper = NULL;
	}
	return rc;
}

/**
 * io_space_cut() - let no area lie across an IOVA
 * @space: the space
 * @iova: where the second part of an area that does is to start
 *
 * Both parts stay mapped.
 *
 * Context: may sleep; takes the space's and the area's locks, calls back kernel
 * users.
 * Return: 0; -EINVAL an IOMMU page lies across it, or it is not aligned; -EBUSY
 * the area is just being mapped or unmapped; -EDEADLOCK, -EINTR as
 * io_space_unmap(); -ENOMEM. An error changes nothing.
 */
int io_space_cut(struct io_space *space, unsigned long iova)
{
	struct io_area *area, *upper = NULL;
	int rc;

	guard(mutex)(&space->domains_mutex);
	area = claim_area(space, iova);
	if (IS_ERR_OR_NULL(area))
		return PTR_ERR(area);
	if (iova & (io_space_align(space) - 1))
		rc = -EINVAL;
	else
		rc = cut_claimed(space, area, &upper, iova);
	release_area(space, area, upper);
	return rc;
}

/**
 * io_space_has_users() - are there kernel users?
 * @space: the space
 *
 * Return: whether there are.
 */
bool io_space_has_users(struct io_space *space)
{
	guard(mutex)(&space->lock);
	return !list_empty(&space->users);
}

/**
 * io_space_has_invalid_va() - is the address of any memory going to change?
 * @space: the space
 *
 * Return: whether io_space_update_va() or an unmap is still awaited.
 */
bool io_space_has_invalid_va(struct io_space *space)
{
	guard(mutex)(&space->lock);
	return space->nr_va_invalid;
}

static struct io_area *area_after(struct io_space *space,
				  const struct io_area *area, unsigned long last)
{
	if (area->node.last >= last)
		return NULL;
	return io_space_first_area(space, area->node.last + 1, last);
}

/**
 * io_space_invalidate_va() - the address of memory is going to change
 * @space: the space
 * @range: which areas; none reaches out of it
 * @marked: receives how many bytes there are
 *
 * Devices go on using the memory. Nobody new can, until io_space_update_va().
 *
 * Return: 0; -EBUSY there are kernel users, or something is just being mapped;
 * -EINVAL it has been said of one of the areas before. An error changes nothing.
 */
int io_space_invalidate_va(struct io_space *space, const struct io_range *range,
			   unsigned long *marked)
{
	struct io_area *area;

	*marked = 0;
	guard(mutex)(&space->lock);
	if (!list_empty(&space->users))
		return -EBUSY;
	for (area = io_space_first_area(space, range->first, range->last); area;
	     area = area_after(space, area, range->last)) {
		if (area->va_invalid)
			return -EINVAL;
		if (area->state != AREA_READY)
			return -EBUSY;
	}
	for (area = io_space_first_area(space, range->first, range->last); area;
	     area = area_after(space, area, range->last)) {
		area->va_invalid = true;
		space->nr_va_invalid++;
		*marked += area_length(area);
	}
	return 0;
}

/* The area of exactly that range, with a reference. */
static struct io_area *get_invalid_area(struct io_space *space,
					const struct io_range *range)
{
	struct io_area *area;

	guard(mutex)(&space->lock);
	area = io_space_first_area(space, range->first, range->last);
	if (!area)
		return ERR_PTR(-ENOENT);
	if (!area->va_invalid || area->node.first != range->first ||
	    area->node.last != range->last || area->state != AREA_READY)
		return ERR_PTR(-EINVAL);
	refcount_inc(&area->ref);
	return area;
}

/**
 * io_space_update_va() - memory has a new address, in the calling process
 * @space: the space
 * @range: of one area
 * @va: the address of its first byte; the memory is the same, says the caller
 *
 * The caller is charged in the place of who was before.
 *
 * Context: may sleep. The caller lets no call of the container map or unmap meanwhile;
 * IOMMU_IOAS_UNMAP may.
 * Return: 0; -ENOENT nothing is mapped there; -EINVAL not exactly that, or its
 * address is not said to change, or it is not memory of a process, or would be at
 * another place in its page; -ENOMEM the caller may not lock that much; -EINTR.
 */
int io_space_update_va(struct io_space *space, const struct io_range *range,
		       unsigned long va)
{
	struct io_area *area = get_invalid_area(space, range);
	int rc;

	if (IS_ERR(area))
		return PTR_ERR(area);
	rc = backing_move_va(area->backing, va - area->start);
	if (!rc) {
		guard(mutex)(&space->lock);
		/* 0 if it has been unmapped meanwhile. */
		space->nr_va_invalid -= area->va_invalid;
		area->va_invalid = false;
	}
	area_put(area);
	return rc;
}

static int count_area(struct io_area *area, void *data)
{
	struct io_space_stats *stats = data;

	stats->areas++;
	stats->mapped += area_length(area);
	/* Only to look at: it may be changing. */
	if (data_race(area->held))
		stats->pinned += area_length(area);
	return 0;
}

/**
 * io_space_get_stats() - what is in a space
 * @space: the space
 * @stats: receives it
 */
void io_space_get_stats(struct io_space *space, struct io_space_stats *stats)
{
	*stats = (struct io_space_stats){};
	io_space_for_each(space, count_area, stats);
	guard(mutex)(&space->lock);
	stats->domains = list_count_nodes(&space->domains);
	stats->users = list_count_nodes(&space->users);
}
