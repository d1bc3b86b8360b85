// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page source: a range of a memfd, pinned by its folios.
 *
 * Nothing is checked about the file's size or kind before pages of it are
 * needed; what may change until then is checked then. A file that its opener may
 * not write, or that is sealed against writing, is never given to a device that
 * writes.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>

#include "mock/mock.h"
#include "pages.h"

static unsigned int seals_of(struct file *file)
{
	if (shmem_mapping(file->f_mapping))
		return SHMEM_I(file_inode(file))->seals;
#ifdef CONFIG_HUGETLBFS
	if (is_file_hugepages(file))
		return HUGETLBFS_I(file_inode(file))->seals;
#endif
	return 0;
}

/* One pin for each page of the folio that is used; memfd_pin_folios() took one. */
static int take_folio(struct io_backing *backing, struct folio *folio,
		      unsigned long offset, unsigned long last,
		      unsigned long *next)
{
	unsigned long npages = min(folio_nr_pages(folio) - offset,
				   last - *next + 1);
	unsigned long pfn = folio_pfn(folio) + offset;
	int rc;

	if (npages > 1 && folio_add_pins(folio, npages - 1)) {
		unpin_folio(folio);
		return -ENOMEM;
	}
	rc = pfn_store_set_run(&backing->store, *next, pfn, npages,
			       GFP_KERNEL_ACCOUNT);
	if (rc) {
		unpin_user_page_range_dirty_lock(pfn_to_page(pfn), npages,
						 false);
		return rc;
	}
	*next += npages;
	return 0;
}

static int pin_some(struct io_backing *backing, struct folio **folios,
		    unsigned long last, unsigned long *next)
{
	loff_t start = backing->addr + (*next << PAGE_SHIFT);
	loff_t end = min(backing->addr + (last << PAGE_SHIFT) + PAGE_SIZE - 1,
			 backing->file_last);
	unsigned int max = min(iommufd_batch(sizeof(*folios)),
			       last - *next + 1);
	pgoff_t offset;
	long n, i;
	int rc;

	if (iommufd_should_fail())
		return -EFAULT;
	n = memfd_pin_folios(backing->file, start, end, folios, max, &offset);
	if (n <= 0)
		return n ?: -EFAULT;
	offset >>= PAGE_SHIFT;
	for (i = 0; i < n; i++) {
		rc = take_folio(backing, folios[i], offset, last, next);
		if (rc) {
			unpin_folios(folios + i + 1, n - i - 1);
			return rc;
		}
		offset = 0;
	}
	return 0;
}

static int pin_folios(struct io_backing *backing, unsigned long last,
		      unsigned long *next)
{
	struct folio **folios __free(free_page) =
		(void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	int rc;

	if (!folios)
		return -ENOMEM;
	while (*next <= last) {
		rc = pin_some(backing, folios, last, next);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int file_pin(struct io_backing *backing, unsigned long first,
		    unsigned long last, unsigned long *next)
{
	struct address_space *mapping;
	int rc;

	if (!backing->file)
		return -EINVAL;
	if (!backing->writable)
		return pin_folios(backing, last, next);
	mapping = backing->file->f_mapping;
	/* Whoever seals it sees us here, or the pins, or we see the seal. */
	rc = mapping_map_writable(mapping);
	if (rc)
		return rc;
	rc = pin_folios(backing, last, next);
	mapping_unmap_writable(mapping);
	return rc;
}

static void file_release(struct io_backing *backing)
{
	if (backing->file)
		fput(backing->file);
}

static const struct io_backing_ops file_ops = {
	.prot = IOMMU_CACHE,
	.has_pages = true,
	.pin = file_pin,
	.unpin = backing_unpin_user_run,
	.release = file_release,
};

/**
 * backing_is_file() - is a backing part of a file
 * @backing: the backing
 */
bool backing_is_file(const struct io_backing *backing)
{
	return backing->ops == &file_ops;
}

/**
 * backing_create_file() - make a backing of part of a file
 * @file: the file; the backing takes a reference if it has pages for devices. What
 *	is another file, cannot be pinned.
 * @start: byte offset in the file
 * @length: bytes, not 0; @start + @length - 1 does not wrap
 * @writable: devices may be allowed to write
 * @mode: what the caller is charged
 *
 * Return: the backing; ERR_PTR(-EACCES) the file is not open for writing;
 * ERR_PTR(-EPERM) it is sealed against writing; ERR_PTR(-ENOMEM).
 * (better-than-7.3.md row 3)
 */
struct io_backing *backing_create_file(struct file *file, unsigned long start,
				       unsigned long length, bool writable,
				       enum account_mode mode)
{
	unsigned long offset = offset_in_page(start);
	struct io_backing *backing;

	if (writable && !(file->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	if (writable &&
	    (seals_of(file) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return ERR_PTR(-EPERM);
	backing = backing_create(&file_ops, start - offset,
				 ((offset + length - 1) >> PAGE_SHIFT) + 1,
				 writable, mode);
	if (IS_ERR(backing))
		return backing;
	/* Another one has no pages, and may hold the context that would hold it. */
	if (shmem_file(file) || is_file_hugepages(file))
		backing->file = get_file(file);
	backing->file_last = start + length - 1;
	return backing;
}
