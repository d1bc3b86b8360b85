// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bitmap in user memory with one bit per granule of an IOVA range.
 *
 * The bitmap may be larger than what may be pinned at once, and nothing is
 * known of its alignment. Of its pages only a window is pinned, never more than
 * page pointers fit into one page. iova_bitmap_set() moves the window to where
 * it has a bit to set, so that only memory that gets a bit is ever touched.
 *
 * A byte of the bitmap is named by its distance from the start of the page that
 * has the first byte, its position: that alone tells the page, and where in it.
 *
 * Happy path:
 *	1. alloc; nothing is pinned;
 *	2. for_each calls a driver, which calls set for whatever is dirty;
 *	3. free unpins the window.
 *
 * Unhappy path: set cannot pin. The bits from there on are lost, and for_each
 * returns the first error. Who takes dirty bits from hardware, and has no other
 * place for them, calls iova_bitmap_pin() before that. Who does so under a lock that a
 * fault may need freezes the window meanwhile: what lies outside of it is set when the
 * bitmap thaws.
 */
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/iova_bitmap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* A range that has its bits in the window reaches out of it at both ends, at most. */
#define MAX_LATE	2

/**
 * struct iova_bitmap - a bitmap in user memory
 * @iova: IOVA of the first bit
 * @length: bytes of IOVA that have a bit
 * @granule_shift: log2 of the bytes that a bit stands for
 * @first_byte: position of the first byte
 * @base: user address of the page that has the first byte
 * @error: first error of iova_bitmap_set()
 * @first_page: index of the first pinned page, counted from @base
 * @npages: how many pages are pinned from there on
 * @written: a bit was set in one of them
 * @frozen: they stay
 * @nr_late: how many of @late are used
 * @late: what is to be set when they need not stay
 * @max_pages: how many @pages has room for
 * @pages: the pinned pages
 */
struct iova_bitmap {
	unsigned long iova;
	size_t length;
	unsigned int granule_shift;
	unsigned int first_byte;
	unsigned long base;
	int error;

	unsigned long first_page;
	unsigned long npages;
	bool written;
	bool frozen;
	unsigned int nr_late;
	struct late_range {
		unsigned long iova;
		size_t length;
	} late[MAX_LATE];
	unsigned long max_pages;
	struct page *pages[] __counted_by(max_pages);
};

/* Some bits in a row. @head and @tail are positions, and may be the same byte. */
struct bit_run {
	unsigned long head;
	unsigned long tail;
	u8 head_mask;
	u8 tail_mask;
};

/**
 * iova_bitmap_alloc - prepare to write a bitmap
 * @iova: IOVA that the first bit stands for
 * @length: bytes of IOVA that the bitmap covers
 * @page_size: bytes of IOVA that each bit stands for. If that is no power of
 *             two, the largest power of two that divides it
 * @data: where the bitmap is, of any alignment. Bit n is bit n % 8 of byte n / 8
 *
 * Context: Process context. May sleep.
 * Return: The bitmap, to be freed with iova_bitmap_free(); or ERR_PTR() of
 * -ENOMEM, or of -EINVAL when @page_size is 0.
 */
struct iova_bitmap *iova_bitmap_alloc(unsigned long iova, size_t length,
				      unsigned long page_size,
				      u64 __user *data)
{
	const unsigned long max_pages =
		(PAGE_SIZE - sizeof(struct iova_bitmap)) / sizeof(struct page *);
	unsigned long address = (unsigned long)data;
	struct iova_bitmap *bitmap;

	if (!page_size)
		return ERR_PTR(-EINVAL);

	bitmap = kmalloc_flex(*bitmap, pages, max_pages, GFP_KERNEL_ACCOUNT);
	if (!bitmap)
		return ERR_PTR(-ENOMEM);

	/* Not @pages, which are most of it. */
	*bitmap = (struct iova_bitmap){
		.iova = iova,
		.length = length,
		.granule_shift = __ffs(page_size),
		.first_byte = offset_in_page(address),
		.base = address & PAGE_MASK,
		.max_pages = max_pages,
	};
	return bitmap;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_alloc, "IOMMUFD");

static void window_close(struct iova_bitmap *bitmap)
{
	unpin_user_pages_dirty_lock(bitmap->pages, bitmap->npages,
				    bitmap->written);
	bitmap->npages = 0;
	bitmap->written = false;
}

/**
 * iova_bitmap_free - finish writing a bitmap
 * @bitmap: from iova_bitmap_alloc()
 *
 * Context: Process context. May sleep.
 */
void iova_bitmap_free(struct iova_bitmap *bitmap)
{
	window_close(bitmap);
	kfree(bitmap);
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_free, "IOMMUFD");

/**
 * iova_bitmap_for_each - collect what is dirty
 * @bitmap: where to
 * @opaque: for @fn
 * @fn: calls iova_bitmap_set() for what is dirty in the range that it is given,
 *      which is all of the bitmap's
 *
 * Context: Process context of the owner of the bitmap's memory. May sleep.
 * Return: What @fn returned; if that is 0, the first error of
 * iova_bitmap_set(), which is -EFAULT for memory that cannot be written.
 */
int iova_bitmap_for_each(struct iova_bitmap *bitmap, void *opaque,
			 iova_bitmap_fn_t fn)
{
	int rc;

	rc = fn(bitmap, bitmap->iova, bitmap->length, opaque);
	return rc ?: bitmap->error;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_for_each, "IOMMUFD");

/* Pin [@first, @last], or as much from @first on as there is room for. */
static int window_open(struct iova_bitmap *bitmap, unsigned long first,
		       unsigned long last)
{
	unsigned long npages = min(last - first, bitmap->max_pages - 1) + 1;
	unsigned long address;
	int pinned;

	window_close(bitmap);

	if (check_add_overflow(bitmap->base, first << PAGE_SHIFT, &address) ||
	    !access_ok((void __user *)address, npages << PAGE_SHIFT))
		return -EFAULT;

	pinned = pin_user_pages_fast(address, npages, FOLL_WRITE,
				     bitmap->pages);
	if (pinned <= 0)
		return pinned ?: -EFAULT;

	bitmap->first_page = first;
	bitmap->npages = pinned;
	return 0;
}

static bool window_has(const struct iova_bitmap *bitmap, unsigned long page)
{
	return page - bitmap->first_page < bitmap->npages;
}

/*
 * The bits of an IOVA range; false when the bitmap has nothing of the range. Inline,
 * as iova_bitmap_set() is called for each dirty page.
 */
static __always_inline bool
run_of_range(const struct iova_bitmap *bitmap, unsigned long iova,
	     size_t length, struct bit_run *run)
{
	unsigned long offset, first, last;

	if (iova < bitmap->iova) {
		if (length <= bitmap->iova - iova)
			return false;
		length -= bitmap->iova - iova;
		iova = bitmap->iova;
	}

	offset = iova - bitmap->iova;
	if (!length || offset >= bitmap->length)
		return false;
	length = min(length, bitmap->length - offset);

	first = offset >> bitmap->granule_shift;
	last = (offset + length - 1) >> bitmap->granule_shift;

	run->head = first / BITS_PER_BYTE + bitmap->first_byte;
	run->head_mask = 0xff << first % BITS_PER_BYTE;
	run->tail = last / BITS_PER_BYTE + bitmap->first_byte;
	run->tail_mask = 0xff >> (BITS_PER_BYTE - 1 - last % BITS_PER_BYTE);
	return true;
}

/* By bytes, because the order of bits must not depend on that of the CPU. */
static void set_bytes(u8 *head, u8 *tail, const struct bit_run *run)
{
	if (head == tail) {
		*head |= run->head_mask & run->tail_mask;
		return;
	}
	if (run->head_mask != 0xff)
		*head++ |= run->head_mask;
	if (run->tail_mask != 0xff)
		*tail-- |= run->tail_mask;
	/* Of two bytes that are not full none is left. */
	memset(head, 0xff, tail - head + 1);
}

/* Set bits that are all in one page, which is in the window. */
static __always_inline void
window_set(struct iova_bitmap *bitmap, const struct bit_run *run)
{
	unsigned long page = run->head >> PAGE_SHIFT;
	u8 *bytes;

	bitmap->written = true;
	bytes = kmap_local_page(bitmap->pages[page - bitmap->first_page]);
	set_bytes(bytes + offset_in_page(run->head),
		  bytes + offset_in_page(run->tail), run);
	kunmap_local(bytes);
}

/* The part of a run that is in one page */
static struct bit_run run_in_page(const struct bit_run *run, unsigned long page)
{
	struct bit_run part = *run;

	if (part.head >> PAGE_SHIFT != page) {
		part.head = page << PAGE_SHIFT;
		part.head_mask = 0xff;
	}
	if (part.tail >> PAGE_SHIFT != page) {
		part.tail = (page << PAGE_SHIFT) + PAGE_SIZE - 1;
		part.tail_mask = 0xff;
	}
	return part;
}

static bool window_has_run(const struct iova_bitmap *bitmap,
			   const struct bit_run *run)
{
	return window_has(bitmap, run->head >> PAGE_SHIFT) &&
	       window_has(bitmap, run->tail >> PAGE_SHIFT);
}

static noinline void set_later(struct iova_bitmap *bitmap, unsigned long iova,
			       size_t length)
{
	if (bitmap->nr_late < MAX_LATE)
		bitmap->late[bitmap->nr_late++] = (struct late_range){ iova, length };
	else
		bitmap->error = bitmap->error ?: -EFAULT;
}

/* Not inline: iova_bitmap_set() shall do without saving registers. */
static noinline void set_run(struct iova_bitmap *bitmap,
			     const struct bit_run *run)
{
	unsigned long last = run->tail >> PAGE_SHIFT;
	struct bit_run part;
	unsigned long page;
	int rc;

	for (page = run->head >> PAGE_SHIFT; page <= last; page++) {
		if (!window_has(bitmap, page)) {
			rc = window_open(bitmap, page, last);
			if (rc) {
				bitmap->error = bitmap->error ?: rc;
				return;
			}
		}
		part = run_in_page(run, page);
		window_set(bitmap, &part);
	}
}

/**
 * iova_bitmap_set - report a range as dirty
 * @bitmap: the bitmap
 * @iova: first IOVA of the range
 * @length: bytes in the range
 *
 * Sets the bits of all granules that the range touches. What lies outside of the
 * bitmap has no bits to set. iova_bitmap_for_each() returns what goes wrong.
 *
 * Context: Process context of the owner of the bitmap's memory, one thread at a
 *          time. May sleep: faults in user memory, and takes mmap_lock.
 */
void iova_bitmap_set(struct iova_bitmap *bitmap,
		     unsigned long iova, size_t length)
{
	unsigned long page;
	struct bit_run run;

	if (!run_of_range(bitmap, iova, length, &run))
		return;

	/* Most often it is one bit, and near the one before. */
	page = run.head >> PAGE_SHIFT;
	if (run.tail >> PAGE_SHIFT == page && window_has(bitmap, page))
		window_set(bitmap, &run);
	else if (bitmap->frozen && !window_has_run(bitmap, &run))
		set_later(bitmap, iova, length);
	else
		set_run(bitmap, &run);
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_set, "IOMMUFD");

/* How much of the IOVA range that starts at @iova has its bit in the window. */
static size_t window_covers(const struct iova_bitmap *bitmap,
			    unsigned long iova, size_t length)
{
	unsigned long end_page = bitmap->first_page + bitmap->npages;
	unsigned long end_bit = ((end_page << PAGE_SHIFT) -
				 bitmap->first_byte) * BITS_PER_BYTE;
	unsigned long offset = iova - bitmap->iova;

	return min(length, (end_bit << bitmap->granule_shift) - offset);
}

/**
 * iova_bitmap_pin - make sure that a range can be reported
 * @bitmap: the bitmap
 * @iova: first IOVA of the range, which is in the bitmap
 * @length: in: bytes in the range, all of it in the bitmap; out: bytes from
 *          @iova on for which this was possible, more than 0. For the rest call
 *          this again afterwards
 *
 * After success iova_bitmap_set() does not fail for any part of the range, unless
 * it is used, or iova_bitmap_pin() called, for something else in between.
 *
 * Context: As iova_bitmap_set().
 * Return: 0, or a negative errno, which iova_bitmap_for_each() does not return by
 * itself.
 */
int iova_bitmap_pin(struct iova_bitmap *bitmap, unsigned long iova,
		    size_t *length)
{
	unsigned long page, last;
	struct bit_run run;
	int rc;

	if (WARN_ON_ONCE(iova < bitmap->iova ||
			 !run_of_range(bitmap, iova, *length, &run)))
		return -EINVAL;

	page = run.head >> PAGE_SHIFT;
	last = run.tail >> PAGE_SHIFT;
	if (!window_has(bitmap, page)) {
		rc = window_open(bitmap, page, last);
		if (rc)
			return rc;
	}
	if (!window_has(bitmap, last))
		*length = window_covers(bitmap, iova, *length);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_pin, "IOMMUFD");

/**
 * iova_bitmap_freeze - for a while, do not touch memory that is not pinned
 * @bitmap: the bitmap
 *
 * Until iova_bitmap_thaw() iova_bitmap_set() does not sleep. What is reported must be
 * contiguous with the range of the last iova_bitmap_pin(), or in it.
 *
 * Context: any.
 */
void iova_bitmap_freeze(struct iova_bitmap *bitmap)
{
	bitmap->frozen = true;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_freeze, "IOMMUFD");

/**
 * iova_bitmap_thaw - end what iova_bitmap_freeze() began
 * @bitmap: the bitmap
 *
 * Sets the bits that were reported outside of the pinned range. What goes wrong with
 * that, iova_bitmap_for_each() returns.
 *
 * Context: As iova_bitmap_set().
 */
void iova_bitmap_thaw(struct iova_bitmap *bitmap)
{
	unsigned int i;

	bitmap->frozen = false;
	for (i = 0; i < bitmap->nr_late; i++)
		iova_bitmap_set(bitmap, bitmap->late[i].iova,
				bitmap->late[i].length);
	bitmap->nr_late = 0;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_thaw, "IOMMUFD");
