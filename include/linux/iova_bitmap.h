/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bitmap in user memory with one bit per page of an IOVA range. IOMMU and
 * device drivers report dirty pages through it, see iova_bitmap.c.
 */
#ifndef _IOVA_BITMAP_H_
#define _IOVA_BITMAP_H_

#include <linux/errno.h>
#include <linux/types.h>

struct iova_bitmap;

/**
 * typedef iova_bitmap_fn_t - reports what is dirty in a range
 * @bitmap: what to call iova_bitmap_set() on
 * @iova: first IOVA of the range
 * @length: bytes in the range
 * @opaque: what the caller of iova_bitmap_for_each() passed
 *
 * Return: 0 or a negative errno, which becomes that of iova_bitmap_for_each().
 */
typedef int (*iova_bitmap_fn_t)(struct iova_bitmap *bitmap,
				unsigned long iova, size_t length,
				void *opaque);

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
struct iova_bitmap *iova_bitmap_alloc(unsigned long iova, size_t length,
				      unsigned long page_size,
				      u64 __user *data);
int iova_bitmap_for_each(struct iova_bitmap *bitmap, void *opaque,
			 iova_bitmap_fn_t fn);
void iova_bitmap_set(struct iova_bitmap *bitmap,
		     unsigned long iova, size_t length);
int iova_bitmap_pin(struct iova_bitmap *bitmap, unsigned long iova,
		    size_t *length);
void iova_bitmap_freeze(struct iova_bitmap *bitmap);
void iova_bitmap_thaw(struct iova_bitmap *bitmap);
void iova_bitmap_free(struct iova_bitmap *bitmap);
#else
static inline struct iova_bitmap *
iova_bitmap_alloc(unsigned long iova, size_t length, unsigned long page_size,
		  u64 __user *data)
{
	return NULL;
}

static inline int
iova_bitmap_for_each(struct iova_bitmap *bitmap, void *opaque,
		     iova_bitmap_fn_t fn)
{
	return -EOPNOTSUPP;
}

static inline void
iova_bitmap_set(struct iova_bitmap *bitmap, unsigned long iova, size_t length)
{
}

static inline int
iova_bitmap_pin(struct iova_bitmap *bitmap, unsigned long iova, size_t *length)
{
	return -EOPNOTSUPP;
}

static inline void iova_bitmap_freeze(struct iova_bitmap *bitmap)
{
}

static inline void iova_bitmap_thaw(struct iova_bitmap *bitmap)
{
}

static inline void iova_bitmap_free(struct iova_bitmap *bitmap)
{
}
#endif

#endif
