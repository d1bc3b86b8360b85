// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernel users write in a space, for the dirty pages of a VFIO container. (The
 * dirty pages of a HWPT are those of its domain, see hwpt_dirty.c.)
 *
 * While dirty pages are tracked each area has a bitmap. A pin, and each write, sets
 * bits; a report clears them, but for pages that are pinned at that moment and may
 * be written at any time.
 */
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "io_pagetable.h"

static unsigned long area_npages(const struct io_area *area)
{
	return ((offset_in_page(area->start) + area_length(area) - 1) >>
		PAGE_SHIFT) + 1;
}

/* Or ERR_PTR(): of what is as long as that, vfio_iommu_type1 takes no track either. */
static unsigned long *new_bits(const struct io_area *area)
{
	unsigned long *bits;

	if (area_npages(area) > INT_MAX)
		return ERR_PTR(-EINVAL);
	bits = kvcalloc(BITS_TO_LONGS(area_npages(area)), sizeof(*bits),
			GFP_KERNEL_ACCOUNT);
	return bits ?: ERR_PTR(-ENOMEM);
}

/**
 * io_area_track_dirty() - give an area its bitmap
 * @area: is in no space yet
 *
 * Return: 0, -ENOMEM, or -EINVAL it has too many pages.
 */
int io_area_track_dirty(struct io_area *area)
{
	unsigned long *bits = new_bits(area);

	if (IS_ERR(bits))
		return PTR_ERR(bits);
	area->dirty = bits;
	return 0;
}

/**
 * io_area_set_dirty() - a kernel user writes to a part of an area
 * @area: the area
 * @start: first byte, as an offset in the backing
 * @length: bytes
 *
 * Context: the lock of the space is held.
 */
void io_area_set_dirty(struct io_area *area, unsigned long start,
		       unsigned long length)
{
	unsigned long base = area->start >> PAGE_SHIFT;
	unsigned long first = start >> PAGE_SHIFT;
	unsigned long last = (start + length - 1) >> PAGE_SHIFT;

	lockdep_assert_held(&area->space->lock);
	if (area->dirty)
		bitmap_set(area->dirty, first - base, last - first + 1);
}

/**
 * struct pinned - which pages of an area are pinned
 * @area: the area
 * @bits: a bit for each of its pages
 */
struct pinned {
	struct io_area *area;
	unsigned long *bits;
};

static void set_pinned(unsigned long first, unsigned long last, void *data)
{
	struct pinned *pinned = data;
	unsigned long base = pinned->area->start >> PAGE_SHIFT;

	first = max(first, base) - base;
	last = min(last - base, area_npages(pinned->area) - 1);
	bitmap_set(pinned->bits, first, last - first + 1);
}

/* What is pinned may be written at any time. To be freed by the caller, or ERR_PTR(). */
static unsigned long *pinned_bits(struct io_area *area)
{
	unsigned long base = area->start >> PAGE_SHIFT;
	struct pinned pinned = { .area = area, .bits = new_bits(area) };

	if (!IS_ERR(pinned.bits))
		backing_visit_pins(area->backing, base,
				   base + area_npages(area) - 1, set_pinned,
				   &pinned);
	return pinned.bits;
}

/* Add to what is dirty. */
static void add_bits(struct io_area *area, const unsigned long *bits)
{
	lockdep_assert_held(&area->space->lock);
	bitmap_or(area->dirty, area->dirty, bits, area_npages(area));
}

/*
 * Exchange the bitmap of an area. Returns the old one, which has all of the new one:
 * what is pinned now may have been written since the old one was made.
 */
static unsigned long *swap_bits(struct io_area *area, unsigned long *bits)
{
	guard(mutex)(&area->space->lock);
	if (area->dirty && bits)
		add_bits(area, bits);
	swap(area->dirty, bits);
	return bits;
}

/* Nobody has learned of these. */
static void put_bits_back(struct io_area *area, const unsigned long *bits)
{
	guard(mutex)(&area->space->lock);
	if (area->dirty && bits)
		add_bits(area, bits);
}

static int track_areas(struct io_space *space)
{
	struct io_area *area = NULL;
	unsigned long cursor = 0;
	unsigned long *bits;

	while ((area = io_space_walk(space, area, &cursor))) {
		bits = pinned_bits(area);
		if (IS_ERR(bits)) {
			area_put(area);
			return PTR_ERR(bits);
		}
		kvfree(swap_bits(area, bits));
	}
	return 0;
}

static void untrack_areas(struct io_space *space)
{
	struct io_area *area = NULL;
	unsigned long cursor = 0;

	while ((area = io_space_walk(space, area, &cursor)))
		kvfree(swap_bits(area, NULL));
}

/**
 * io_space_track_dirty() - begin or end to track what kernel users write
 * @space: the space
 * @on: begin; if that has been done already nothing happens
 *
 * Context: may sleep. The caller lets nothing be mapped or unmapped meanwhile.
 * Return: 0, -ENOMEM, or -EINVAL a mapping has too many pages.
 */
int io_space_track_dirty(struct io_space *space, bool on)
{
	int rc = 0;

	if (on == space->tracks_dirty)
		return 0;
	if (on)
		rc = track_areas(space);
	if (!on || rc)
		untrack_areas(space);
	if (!rc)
		WRITE_ONCE(space->tracks_dirty, on);
	return rc;
}

/**
 * io_space_set_tells_dirty() - from now on it is known what is written through a domain
 * @space: the space
 * @dom: is part of it
 * @tells: or is no longer known
 */
void io_space_set_tells_dirty(struct io_space *space, struct io_domain *dom,
			      bool tells)
{
	guard(mutex)(&space->lock);
	dom->tells_dirty = tells;
}

/* Is there a domain through which anything may be written at any time? */
static bool has_silent_domain(struct io_space *space)
{
	struct io_domain *dom;

	guard(mutex)(&space->lock);
	list_for_each_entry(dom, &space->domains, item)
		if (!dom->tells_dirty)
			return true;
	return false;
}

/*
 * Report an area, and let it be clean. With @all, all of it is dirty always; as is device
 * memory, which may have been taken away and come back since it was written.
 */
static int report_area(struct io_area *area, bool all,
		       int (*fn)(const struct io_dirty *dirty, void *data),
		       void *data)
{
	struct io_dirty dirty = {
		.iova = area->node.first,
		.npages = area_npages(area),
	};
	unsigned long *pinned;
	int rc;

	if (all || (area->backing->ops->prot & IOMMU_MMIO))
		return fn(&dirty, data);
	pinned = pinned_bits(area);
	if (IS_ERR(pinned))
		return PTR_ERR(pinned);
	dirty.bits = swap_bits(area, pinned);
	rc = fn(&dirty, data);
	if (rc)
		put_bits_back(area, dirty.bits);
	kvfree(dirty.bits);
	return rc;
}

/**
 * io_space_report_dirty() - hand out what is dirty
 * @space: the space; dirty pages are tracked
 * @range: what of it
 * @fn: called for each area, under no lock; what it returns if that is not 0 ends
 *	the report
 * @data: for @fn
 *
 * Context: may sleep. The caller lets nothing be mapped or unmapped meanwhile.
 * Return: 0, -ENOMEM, or what @fn returns; what it did not take stays dirty.
 */
int io_space_report_dirty(struct io_space *space, const struct io_range *range,
			  int (*fn)(const struct io_dirty *dirty, void *data),
			  void *data)
{
	bool all = has_silent_domain(space);
	unsigned long cursor = range->first;
	struct io_area *area = NULL;
	int rc = 0;

	while ((area = io_space_walk(space, area, &cursor))) {
		if (area->node.first <= range->last)
			rc = report_area(area, all, fn, data);
		if (rc || area->node.first > range->last) {
			area_put(area);
			break;
		}
	}
	return rc;
}
