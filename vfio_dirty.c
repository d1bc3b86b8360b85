// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty pages of a native container.
 *
 * What kernel users have pinned or written is reported (see io_dirty.c), and what devices
 * have written, if their IOMMUs know (see hwpt_dirty.c). As long as there is a domain
 * that does not, all pages of a mapping are reported, every time.
 *
 * A mapping is reported to the user in whole words of 64 bits. Where a mapping
 * begins within a word, what the user has there is kept; the words of holes are not
 * touched.
 */
#include <linux/overflow.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "iommufd_private.h"
#include "vfio_compat.h"

#define MAX_BITMAP_SIZE	SZ_256M

/**
 * struct dirty_report - bits on their way to the user
 * @iova: what the first bit stands for
 * @to: where they go
 */
struct dirty_report {
	unsigned long iova;
	u64 __user *to;
};

static u64 word_of(const struct io_dirty *dirty, unsigned long bit,
		   unsigned long nbits)
{
	u64 word = 0;
	unsigned long i, n;

	if (!dirty->bits)
		return nbits < 64 ? BIT_ULL(nbits) - 1 : U64_MAX;
	for (i = 0; i < nbits; i += n) {
		n = min(nbits - i, BITS_PER_LONG);
		word |= (u64)bitmap_read(dirty->bits, bit + i, n) << i;
	}
	return word;
}

/* The bits of one mapping. */
static int put_bits(const struct io_dirty *dirty, void *data)
{
	struct dirty_report *report = data;
	unsigned long at = (dirty->iova - report->iova) >> PAGE_SHIFT;
	u64 __user *to = report->to + at / 64;
	unsigned long bit = 0, n;
	u64 word, kept = 0;

	at %= 64;
	if (at && get_user(kept, to))
		return -EFAULT;
	for (; bit < dirty->npages; bit += n) {
		n = min(dirty->npages - bit, 64 - at);
		word = word_of(dirty, bit, n) << at | kept;
		if (put_user(word, to++))
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		at = 0;
		kept = 0;
		cond_resched();
	}
	return 0;
}

/**
 * iommufd_vfio_check_bitmap() - is a bitmap large enough, and not too large?
 * @bitmap: from the user
 * @size: bytes of IOVA that it is for
 *
 * Return: 0 or -EINVAL. (vfio-compat.md 6, 8.1)
 */
int iommufd_vfio_check_bitmap(const struct vfio_bitmap *bitmap, u64 size)
{
	u64 npages;

	if (!access_ok((void __user *)bitmap->data, bitmap->size))
		return -EINVAL;
	npages = bitmap->pgsize ? size >> __ffs64(bitmap->pgsize) : 0;
	if (!npages || !bitmap->size || bitmap->size > MAX_BITMAP_SIZE ||
	    bitmap->size < DIV_ROUND_UP_ULL(npages, 64) * sizeof(u64))
		return -EINVAL;
	return 0;
}

/**
 * iommufd_vfio_report_dirty() - tell the user what is dirty in a range
 * @ioas: of the container
 * @range: the range; no mapping reaches out of it
 * @bitmap: was checked
 *
 * What was told is clean afterwards.
 *
 * Context: the caller has the container to itself.
 * Return: 0, -EFAULT, -ENOMEM, -EINTR; mappings before that have been reported.
 */
int iommufd_vfio_report_dirty(struct iommufd_ioas *ioas,
			      const struct io_range *range,
			      const struct vfio_bitmap *bitmap)
{
	struct dirty_report report = {
		.iova = range->first,
		.to = (u64 __user *)bitmap->data,
	};
	int rc;

	rc = io_space_report_dirty(&ioas->space, range, put_bits, &report);
	return rc ?: iommufd_ioas_read_dirty(ioas, range, report.to);
}

static int get_bitmap(struct iommufd_ioas *ioas,
		      const struct vfio_iommu_type1_dirty_bitmap_get *get)
{
	struct io_range range;
	u64 last;
	int rc;

	if (get->iova > ULONG_MAX || get->size > ULONG_MAX)
		return -EOVERFLOW;
	if (!get->size)
		return -EINVAL;
	if (check_add_overflow(get->iova, get->size - 1, &last))
		return -EOVERFLOW;
	rc = iommufd_vfio_check_bitmap(&get->bitmap, get->size);
	if (rc)
		return rc;
	if (get->bitmap.pgsize != PAGE_SIZE || !ioas->space.tracks_dirty ||
	    ((get->iova | get->size) & ~PAGE_MASK))
		return -EINVAL;
	range = (struct io_range){ get->iova, last };
	rc = iommufd_vfio_fit_range(&ioas->space, &range);
	if (rc)
		return rc;
	return iommufd_vfio_report_dirty(ioas, &range, &get->bitmap);
}

static int run_flag(struct iommufd_ioas *ioas, u32 flags,
		    const struct vfio_iommu_type1_dirty_bitmap_get *get)
{
	switch (flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return iommufd_ioas_track_dirty(ioas, true);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return iommufd_ioas_track_dirty(ioas, false);
	default:
		return get_bitmap(ioas, get);
	}
}

static int read_args(void __user *arg, struct vfio_iommu_type1_dirty_bitmap *cmd,
		     struct vfio_iommu_type1_dirty_bitmap_get *get)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dirty_bitmap,
					 flags);
	const u32 known = VFIO_IOMMU_DIRTY_PAGES_FLAG_START |
			  VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP |
			  VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;

	if (copy_from_user(cmd, arg, minsz))
		return -EFAULT;
	if (cmd->argsz < minsz || (cmd->flags & ~known) ||
	    hweight32(cmd->flags) != 1)
		return -EINVAL;
	if (cmd->flags != VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)
		return 0;
	if (cmd->argsz - minsz < sizeof(*get))
		return -EINVAL;
	return copy_from_user(get, arg + minsz, sizeof(*get)) ? -EFAULT : 0;
}

/**
 * iommufd_vfio_dirty_pages() - VFIO_IOMMU_DIRTY_PAGES
 * @ictx: the context, a native container
 * @arg: struct vfio_iommu_type1_dirty_bitmap
 *
 * Return: 0; -EACCES it is of version 1; -EFAULT; -EINVAL; -EOVERFLOW; -ENOMEM; -EINTR on
 * a fatal signal.
 * (vfio-compat.md 8)
 */
int iommufd_vfio_dirty_pages(struct iommufd_ctx *ictx, void __user *arg)
{
	struct vfio_iommu_type1_dirty_bitmap_get get = {};
	struct vfio_iommu_type1_dirty_bitmap cmd;
	struct iommufd_ioas *ioas;
	int rc;

	if (!iommufd_has_dirty_pages(ictx))
		return -EACCES;
	rc = read_args(arg, &cmd, &get);
	if (rc)
		return rc;
	guard(rwsem_write)(&ictx->vfio_lock);
	ioas = iommufd_vfio_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = run_flag(ioas, cmd.flags, &get);
	iommufd_ioas_put(ioas);
	return rc;
}
