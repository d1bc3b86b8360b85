// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VFIO container asks of its space, beyond what an IOAS offers: a limit,
 * a summary, and areas that can be cut.
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
