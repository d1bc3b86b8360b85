// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_UNMAP_DMA.
 *
 * What an unmap does with a mapping that lies only partly in its range depends on
 * who asks:
 *
 *	======= ====== ========================================================
 *	dialect type1  a mapping that reaches out of the range
 *	======= ====== ========================================================
 *	native  v1     at its start: nothing is unmapped; at its end: goes whole
 *	native  v2     is an error
 *	compat  v1     is cut
 *	compat  v2     is an error
 *	======= ====== ========================================================
 */
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/vfio.h>

#include "iommufd_private.h"
#include "vfio_compat.h"

#define UNMAP_SIZE	offsetofend(struct vfio_iommu_type1_dma_unmap, size)

static unsigned int dma_entry_limit = U16_MAX;
module_param(dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit,
	"How many mappings a container that is opened as /dev/vfio/vfio may have (65535)");

/**
 * iommufd_vfio_map_limit() - how many mappings a container may have
 *
 * Return: the limit as it is now.
 */
unsigned int iommufd_vfio_map_limit(void)
{
	return READ_ONCE(dma_entry_limit);
}

/* What vfio_iommu_type1 checks, in its order. */
static int check_native_map(const struct vfio_iommu_type1_dma_map *map)
{
	u64 last;

	if (map->vaddr > ULONG_MAX || map->iova > ULONG_MAX ||
	    map->size > ULONG_MAX)
		return -EOVERFLOW;
	if (!map->size)
		return -EINVAL;
	if (check_add_overflow(map->iova, map->size - 1, &last) ||
	    check_add_overflow(map->vaddr, map->size - 1, &last))
		return -EOVERFLOW;
	if (!map->flags || (map->flags & VFIO_DMA_MAP_FLAG_VADDR &&
			    map->flags != VFIO_DMA_MAP_FLAG_VADDR))
		return -EINVAL;
	if ((map->iova | map->vaddr | map->size) & ~PAGE_MASK)
		return -EINVAL;
	return 0;
}

static u32 map_flags(const struct vfio_iommu_type1_dma_map *map)
{
	u32 flags = IOMMU_IOAS_MAP_FIXED_IOVA;

	if (map->flags & VFIO_DMA_MAP_FLAG_READ)
		flags |= IOMMU_IOAS_MAP_READABLE;
	if (map->flags & VFIO_DMA_MAP_FLAG_WRITE)
		flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return flags;
}

/*
 * The lock comes before the IOAS: who empties a container that the last group has left
 * takes its IOAS away under it, and nothing is mapped there afterwards.
 */
static int map_memory(struct iommufd_ctx *ictx,
		      const struct vfio_iommu_type1_dma_map *map)
{
	u64 iova = map->iova, va = map->vaddr;
	struct iommufd_ioas *ioas;
	int rc;

	/* The last page of all addresses is nobody's, and nor is the one before. */
	if (ictx->container && !(va + map->size))
		va -= PAGE_SIZE;
	guard(rwsem_read)(&ictx->vfio_lock);
	ioas = iommufd_vfio_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iommufd_ioas_map_user(ioas, va, map->size, map_flags(map), &iova);
	iommufd_ioas_put(ioas);
	return rc;
}

static int update_va(struct iommufd_ctx *ictx,
		     const struct vfio_iommu_type1_dma_map *map)
{
	const struct io_range range = { map->iova, map->iova + map->size - 1 };
	struct iommufd_ioas *ioas;
	int rc;

	guard(rwsem_write)(&ictx->vfio_lock);
	ioas = iommufd_vfio_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = io_space_update_va(&ioas->space, &range, map->vaddr);
	iommufd_ioas_put(ioas);
	return rc;
}

/**
 * iommufd_vfio_map_dma() - VFIO_IOMMU_MAP_DMA
 * @ictx: the context
 * @arg: struct vfio_iommu_type1_dma_map
 *
 * Return: 0; -EFAULT; -EINVAL; -EOVERFLOW; -ENODEV there is no IOAS; -EEXIST;
 * -ENOSPC the container has as many mappings as it may have; or what
 * IOMMU_IOAS_MAP returns. (vfio-compat.md 5, 9.2)
 */
int iommufd_vfio_map_dma(struct iommufd_ctx *ictx, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	struct vfio_iommu_type1_dma_map map;
	u32 known;
	int rc;

	known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	if (ictx->container)
		known |= VFIO_DMA_MAP_FLAG_VADDR;
	if (copy_from_user(&map, arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz || (map.flags & ~known))
		return -EINVAL;
	/* No IOMMU driver maps what may neither be read nor written. */
	if (!ictx->container && !map.flags)
		return -EINVAL;
	rc = ictx->container ? check_native_map(&map) : 0;
	if (rc)
		return rc;
	if (map.flags & VFIO_DMA_MAP_FLAG_VADDR)
		return update_va(ictx, &map);
	return map_memory(ictx, &map);
}

/* Does an area lie across the start of @iova? Then receives its range. */
static bool lies_across(struct io_space *space, unsigned long iova,
			struct io_range *area)
{
	return io_space_find(space, iova, area) && area->first < iova;
}

static int fit_v1(struct io_space *space, struct io_range *range)
{
	struct io_range area;

	if (lies_across(space, range->first, &area))
		return -ENOENT;
	if (io_space_find(space, range->last, &area))
		range->last = area.last;
	return 0;
}

/**
 * iommufd_vfio_fit_range() - does no mapping reach out of a range?
 * @space: of the container
 * @range: the range
 *
 * Return: 0, or -EINVAL if one does.
 */
int iommufd_vfio_fit_range(struct io_space *space, const struct io_range *range)
{
	struct io_range area;

	if (lies_across(space, range->first, &area))
		return -EINVAL;
	if (io_space_find(space, range->last, &area) && area.last > range->last)
		return -EINVAL;
	return 0;
}

static int cut_ends(struct io_space *space, const struct io_range *range)
{
	int rc;

	rc = io_space_cut(space, range->first);
	if (!rc && range->last != ULONG_MAX)
		rc = io_space_cut(space, range->last + 1);
	return rc;
}

/**
 * struct unmap_op - a VFIO_IOMMU_UNMAP_DMA
 * @ictx: the context
 * @ioas: of the container
 * @space: of @ioas
 * @range: what is to go; all of it for all
 * @flags: VFIO_DMA_UNMAP_FLAG_*
 * @bitmap: where dirty pages are to be told
 * @unmapped: how many bytes went
 */
struct unmap_op {
	struct iommufd_ctx *ictx;
	struct iommufd_ioas *ioas;
	struct io_space *space;
	struct io_range range;
	u32 flags;
	struct vfio_bitmap bitmap;
	unsigned long unmapped;
};

static int fit_range(struct unmap_op *op)
{
	bool v1 = READ_ONCE(op->ictx->vfio_type) == VFIO_TYPE1_IOMMU;

	if (op->ictx->container)
		return v1 ? fit_v1(op->space, &op->range) :
			    iommufd_vfio_fit_range(op->space, &op->range);
	return v1 ? cut_ends(op->space, &op->range) : 0;
}

static int tell_dirty(void *data)
{
	struct unmap_op *op = data;

	if (!(op->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
		return 0;
	return iommufd_vfio_report_dirty(op->ioas, &op->range, &op->bitmap);
}

static int run_unmap(struct unmap_op *op)
{
	struct io_range *range = &op->range;
	bool partly;
	int rc;

	lockdep_assert_held_write(&op->ictx->vfio_lock);
	if (op->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP &&
	    (!op->space->tracks_dirty || op->bitmap.pgsize != PAGE_SIZE))
		return -EINVAL;
	rc = fit_range(op);
	/* Native version 1 says of a mapping that begins earlier: nothing here. */
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (op->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return io_space_invalidate_va(op->space, range, &op->unmapped);
	rc = io_space_unmap_after(op->space, range->first, range->last,
				  tell_dirty, op, &op->unmapped);
	if (rc != -ENOENT)
		return rc;
	/* Nothing is mapped there, or not only there. */
	partly = !op->ictx->container && iommufd_vfio_fit_range(op->space, range);
	return partly ? -ENOENT : 0;
}

static int check_unmap(struct iommufd_ctx *ictx,
		       const struct vfio_iommu_type1_dma_unmap *unmap)
{
	bool all = unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL;
	u64 last;

	if (unmap->iova > ULONG_MAX || unmap->size > ULONG_MAX)
		return -EOVERFLOW;
	if (ictx->container && (unmap->iova & ~PAGE_MASK))
		return -EINVAL;
	if (all)
		return unmap->iova || unmap->size ? -EINVAL : 0;
	if (!unmap->size || (ictx->container && (unmap->size & ~PAGE_MASK)))
		return -EINVAL;
	return check_add_overflow(unmap->iova, unmap->size - 1, &last) ?
		       -EOVERFLOW : 0;
}

static int unmap_range(struct unmap_op *op,
		       struct vfio_iommu_type1_dma_unmap *unmap)
{
	struct iommufd_ioas *ioas;
	int rc;

	guard(rwsem_write)(&op->ictx->vfio_lock);
	ioas = iommufd_vfio_get_ioas(op->ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	op->ioas = ioas;
	op->space = &ioas->space;
	op->flags = unmap->flags;
	op->range.first = unmap->iova;
	op->range.last = unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL ?
				 ULONG_MAX : unmap->iova + unmap->size - 1;
	rc = check_unmap(op->ictx, unmap);
	if (!rc)
		rc = run_unmap(op);
	unmap->size = op->unmapped;
	iommufd_ioas_put(ioas);
	return rc;
}

static int read_unmap(struct unmap_op *op, void __user *arg,
		      struct vfio_iommu_type1_dma_unmap *unmap)
{
	const u32 bitmap = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	const u32 others = VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;
	u32 known = VFIO_DMA_UNMAP_FLAG_ALL;

	if (op->ictx->container)
		known = bitmap | others;
	if (copy_from_user(unmap, arg, UNMAP_SIZE))
		return -EFAULT;
	if (unmap->argsz < UNMAP_SIZE || (unmap->flags & ~known))
		return -EINVAL;
	if (!(unmap->flags & bitmap))
		return 0;
	if ((unmap->flags & others) ||
	    unmap->argsz < UNMAP_SIZE + sizeof(op->bitmap))
		return -EINVAL;
	if (copy_from_user(&op->bitmap, arg + UNMAP_SIZE, sizeof(op->bitmap)))
		return -EFAULT;
	return iommufd_vfio_check_bitmap(&op->bitmap, unmap->size);
}

/**
 * iommufd_vfio_unmap_dma() - VFIO_IOMMU_UNMAP_DMA
 * @ictx: the context
 * @arg: struct vfio_iommu_type1_dma_unmap
 *
 * Return: 0, and the user is told how many bytes were unmapped, be it none;
 * -EFAULT; -EINVAL; -EOVERFLOW; -ENODEV there is no IOAS; -ENOENT (compat) or
 * -EINVAL (native) a mapping reaches out of the range; or what io_space_unmap()
 * returns. (vfio-compat.md 6, 9.2)
 */
int iommufd_vfio_unmap_dma(struct iommufd_ctx *ictx, void __user *arg)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	struct unmap_op op = { .ictx = ictx };
	int rc;

	rc = read_unmap(&op, arg, &unmap);
	if (rc)
		return rc;
	rc = unmap_range(&op, &unmap);
	/* Compat has always told the size even when it refused. */
	if ((!rc || (rc == -ENOENT && !ictx->container)) &&
	    copy_to_user(arg, &unmap, UNMAP_SIZE))
		rc = -EFAULT;
	return rc;
}
