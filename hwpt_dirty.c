// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: which memory devices have written to through a HWPT.
 *
 * Reading works area by area, so that it costs what is mapped, not what is asked
 * for. The bitmap is in user memory, and reading clears the hardware's bits: so the
 * part of the bitmap that is about to be written is pinned before that.
 *
 * Happy path: prove that all of the bitmap that may get a bit can be written, then
 * for each area pin a window of the bitmap and read. A bitmap that is small for so many
 * areas is pinned whole, and needs neither.
 *
 * Unhappy path: the bitmap cannot be written: nothing was cleared.
 */
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>

#include "iommufd_private.h"

static struct iommufd_hwpt_paging *get_hwpt(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_hwpt_paging, common.obj);
}

/**
 * struct dirty_walk - a walk over what is mapped in a range
 * @hwpt: the HWPT
 * @range: the range, in IOVA
 * @flags: IOMMU_DIRTY_NO_CLEAR or 0
 * @bitmap: what is written, or NULL
 * @all_pinned: all of @bitmap is pinned
 * @dirty: for the IOMMU driver
 * @visit: does one part of an area; may cut it, and is called for the rest then
 */
struct dirty_walk {
	struct iommufd_hwpt_paging *hwpt;
	struct io_range range;
	unsigned long flags;
	struct iova_bitmap *bitmap;
	bool all_pinned;
	struct iommu_dirty_bitmap dirty;
	int (*visit)(struct dirty_walk *walk, struct io_area *area,
		     struct io_range *part);
};

/* Not within a page of the IOMMU: it is reported as a whole. */
static void align_cut(struct dirty_walk *walk, struct io_range *part)
{
	unsigned long pgsizes = walk->hwpt->common.domain->pgsize_bitmap;
	unsigned long end = part->last + 1;
	unsigned long most = 1UL << __fls(pgsizes);

	while (most > PAGE_SIZE && ALIGN_DOWN(end, most) <= part->first)
		most >>= 1;
	if (ALIGN_DOWN(end, most) > part->first)
		part->last = ALIGN_DOWN(end, most) - 1;
}

/* Cut a part to what can be written to the bitmap, and make sure of that. */
static int pin_part(struct dirty_walk *walk, struct io_range *part)
{
	size_t length = part->last - part->first + 1, most = length;
	int rc;

	if (!walk->bitmap || walk->all_pinned)
		return 0;
	rc = iova_bitmap_pin(walk->bitmap, part->first, &length);
	part->last = part->first + (length - 1);
	if (length < most)
		align_cut(walk, part);
	return rc;
}

static int prove_part(struct dirty_walk *walk, struct io_area *area,
		      struct io_range *part)
{
	return pin_part(walk, part);
}

static int read_part(struct dirty_walk *walk, struct io_area *area,
		     struct io_range *part)
{
	int rc = pin_part(walk, part);

	if (rc)
		return rc;
	/* Memory of the user is not waited for under the locks of the area. */
	if (walk->bitmap)
		iova_bitmap_freeze(walk->bitmap);
	rc = area_read_dirty(area, &walk->hwpt->dom, part, walk->flags,
			     &walk->dirty);
	if (walk->bitmap)
		iova_bitmap_thaw(walk->bitmap);
	return rc;
}

static int visit_area(struct dirty_walk *walk, struct io_area *area)
{
	struct io_range rest = {
		max(walk->range.first, area->node.first),
		min(walk->range.last, READ_ONCE(area->node.last)),
	};
	struct io_range part;
	int rc;

	/* A container may just have cut it. */
	if (rest.last < rest.first)
		return 0;
	for (;;) {
		part = rest;
		rc = walk->visit(walk, area, &part);
		if (rc || part.last == rest.last)
			return rc;
		rest.first = part.last + 1;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

static int visit_areas(struct dirty_walk *walk,
		       int (*visit)(struct dirty_walk *walk,
				    struct io_area *area, struct io_range *part))
{
	struct io_space *space = &walk->hwpt->ioas->space;
	unsigned long cursor = walk->range.first;
	struct io_area *area = NULL;
	int rc = 0;

	walk->visit = visit;
	while ((area = io_space_walk(space, area, &cursor))) {
		if (area->node.first > walk->range.last)
			break;
		rc = visit_area(walk, area);
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
		if (rc)
			break;
		cond_resched();
	}
	if (area)
		area_put(area);
	return rc;
}

/* Devices go on reporting a write until the IOTLB forgets that they did. */
static int read_dirty(struct dirty_walk *walk)
{
	struct iommu_domain *domain = walk->hwpt->common.domain;
	struct iommu_iotlb_gather gather;
	int rc;

	iommu_dirty_bitmap_init(&walk->dirty, walk->bitmap, &gather);
	rc = visit_areas(walk, read_part);
	if (!(walk->flags & IOMMU_DIRTY_NO_CLEAR))
		iommu_iotlb_sync(domain, &gather);
	return rc;
}

static int fill_bitmap(struct iova_bitmap *bitmap, unsigned long iova,
		       size_t length, void *walk)
{
	return read_dirty(walk);
}

static int set_tracking(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	struct iommu_domain *domain = hwpt->common.domain;
	struct dirty_walk walk = {
		.hwpt = hwpt,
		.range = { 0, ULONG_MAX },
	};
	int rc;

	if (!domain->dirty_ops)
		return -EOPNOTSUPP;
	if (enable) {
		rc = read_dirty(&walk);
		if (rc)
			return rc;
	}
	return domain->dirty_ops->set_dirty_tracking(domain, enable);
}

/**
 * iommufd_hwpt_set_dirty_tracking() - IOMMU_HWPT_SET_DIRTY_TRACKING
 * @ucmd: the call
 *
 * Return: 0; -ENOENT; -EOPNOTSUPP the HWPT cannot do it, or an unknown flag; or
 * what the IOMMU driver says. (uapi-behaviour.md 8.2)
 */
int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	hwpt = get_hwpt(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = set_tracking(hwpt, cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	iommufd_object_put(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

static int check_range(const struct iommu_hwpt_get_dirty_bitmap *cmd,
		       unsigned long align, struct io_range *range)
{
	u64 last;

	if (!cmd->length)
		return -EINVAL;
	if (check_add_overflow(cmd->iova, cmd->length - 1, &last) ||
	    last > ULONG_MAX || cmd->length > SIZE_MAX)
		return -EOVERFLOW;
	if (!is_power_of_2(cmd->page_size))
		return -EINVAL;
	if ((cmd->iova | (last + 1)) & ((align - 1) | (cmd->page_size - 1)))
		return -EINVAL;
	*range = (struct io_range){ cmd->iova, last };
	return 0;
}

/* Pin all of the bitmap, if that is no more work than to do so area by area. */
static bool pin_all(struct dirty_walk *walk, unsigned long page_size)
{
	size_t length = walk->range.last - walk->range.first + 1, pinned = length;
	unsigned long npages = (length / page_size / BITS_PER_BYTE >> PAGE_SHIFT) + 1;

	/* Only to choose a way: both do the same. */
	if (npages > data_race(walk->hwpt->ioas->space.nr_areas))
		return false;
	return !iova_bitmap_pin(walk->bitmap, walk->range.first, &pinned) &&
	       pinned == length;
}

static int report_dirty(struct dirty_walk *walk, unsigned long page_size,
			u64 __user *to)
{
	size_t length = walk->range.last - walk->range.first + 1;
	int rc = 0;

	walk->bitmap = iova_bitmap_alloc(walk->range.first, length, page_size,
					 to);
	if (IS_ERR_OR_NULL(walk->bitmap))
		return walk->bitmap ? PTR_ERR(walk->bitmap) : -EOPNOTSUPP;
	walk->all_pinned = pin_all(walk, page_size);
	if (!walk->all_pinned && !(walk->flags & IOMMU_DIRTY_NO_CLEAR))
		rc = visit_areas(walk, prove_part);
	if (!rc)
		rc = iova_bitmap_for_each(walk->bitmap, walk, fill_bitmap);
	iova_bitmap_free(walk->bitmap);
	return rc;
}

/**
 * iommufd_hwpt_get_dirty_bitmap() - IOMMU_HWPT_GET_DIRTY_BITMAP
 * @ucmd: the call
 *
 * Return: 0; -ENOENT; -EINVAL; -EOVERFLOW; -EOPNOTSUPP; -ENOMEM; -EFAULT the
 * bitmap cannot be written, and nothing was cleared; -EINTR on a fatal signal.
 * (uapi-behaviour.md 8.3, better-than-7.3.md row 6)
 */
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_get_dirty_bitmap *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	struct dirty_walk walk = {};
	int rc;

	hwpt = get_hwpt(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	walk.hwpt = hwpt;
	if (cmd->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR)
		walk.flags = IOMMU_DIRTY_NO_CLEAR;
	rc = check_range(cmd, io_space_align(&hwpt->ioas->space), &walk.range);
	if (!rc && !hwpt->common.domain->dirty_ops)
		rc = -EOPNOTSUPP;
	if (!rc)
		rc = report_dirty(&walk, cmd->page_size,
				  u64_to_user_ptr(cmd->data));
	iommufd_object_put(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

/**
 * iommufd_hwpt_tell_dirty() - track what is written through an automatic HWPT
 * @hwpt: the HWPT, of a VFIO container
 * @on: or end that
 *
 * If it cannot, its devices may write anything at any time.
 *
 * Context: @hwpt->ioas->mutex is held; may sleep.
 */
void iommufd_hwpt_tell_dirty(struct iommufd_hwpt_paging *hwpt, bool on)
{
	struct io_space *space = &hwpt->ioas->space;

	lockdep_assert_held(&hwpt->ioas->mutex);
	if (!on)
		io_space_set_tells_dirty(space, &hwpt->dom, false);
	if (!set_tracking(hwpt, on) && on)
		io_space_set_tells_dirty(space, &hwpt->dom, true);
}

/**
 * iommufd_ioas_track_dirty() - begin or end to track dirty pages of a VFIO container
 * @ioas: the container's
 * @on: begin; if that has been done already nothing happens
 *
 * Context: may sleep. The caller lets nothing be mapped or unmapped meanwhile.
 * Return: 0, or an error of io_space_track_dirty().
 */
int iommufd_ioas_track_dirty(struct iommufd_ioas *ioas, bool on)
{
	struct iommufd_hwpt_paging *hwpt = NULL;
	int rc;

	guard(mutex)(&ioas->mutex);
	if (on == ioas->space.tracks_dirty)
		return 0;
	rc = io_space_track_dirty(&ioas->space, on);
	if (rc)
		return rc;
	while ((hwpt = iommufd_auto_hwpt_next(ioas, hwpt)))
		iommufd_hwpt_tell_dirty(hwpt, on);
	return 0;
}

/**
 * iommufd_ioas_read_dirty() - add what devices have written to the bits of a container
 * @ioas: the container's
 * @range: what of it
 * @to: bitmap of the user with a bit for each page of @range
 *
 * Context: may sleep. The caller lets nothing be mapped or unmapped meanwhile.
 * Return: 0; -ENOMEM; -EFAULT; -EINTR on a fatal signal; or what the IOMMU driver says.
 */
int iommufd_ioas_read_dirty(struct iommufd_ioas *ioas,
			    const struct io_range *range, u64 __user *to)
{
	struct iommufd_hwpt_paging *hwpt = NULL;
	int rc;

	guard(mutex)(&ioas->mutex);
	while ((hwpt = iommufd_auto_hwpt_next(ioas, hwpt))) {
		struct dirty_walk walk = { .hwpt = hwpt, .range = *range };

		if (!hwpt->dom.tells_dirty)
			continue;
		rc = report_dirty(&walk, PAGE_SIZE, to);
		if (rc) {
			iommufd_object_unkeep(&hwpt->common.obj);
			return rc;
		}
	}
	return 0;
}
