// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of the test ioctl that look at what the subsystem did, and the few
 * that put something in its way.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

int mock_add_reserved(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	unsigned long start = cmd->add_reserved.start, last;
	struct iommufd_ioas *ioas;
	LIST_HEAD(list);
	int rc;

	if (!cmd->add_reserved.length)
		return -EINVAL;
	if (check_add_overflow(start,
			       (unsigned long)cmd->add_reserved.length - 1,
			       &last))
		return -EOVERFLOW;
	ioas = iommufd_ioas_get(ucmd->ictx, cmd->id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	/* Nobody owns it; it goes with the IOAS. */
	rc = io_reserved_new(&list, NULL, start, last);
	if (!rc)
		rc = io_reserved_add(&ioas->space, &list);
	io_reserved_free(&list);
	iommufd_ioas_put(ioas);
	return rc;
}

/* The page at a user address, with a reference. */
static struct page *user_page(unsigned long va)
{
	struct page *page;
	int rc = get_user_pages_fast(va & PAGE_MASK, 1, 0, &page);

	if (rc == 1)
		return page;
	return ERR_PTR(rc ?: -EFAULT);
}

static int check_granule(struct iommu_domain *domain, unsigned long iova,
			 unsigned long va)
{
	struct page *page = user_page(va);
	phys_addr_t phys;

	if (IS_ERR(page))
		return PTR_ERR(page);
	phys = page_to_phys(page) + offset_in_page(va);
	put_page(page);
	return mock_domain_phys(domain, iova) == phys ? 0 : -EINVAL;
}

static int check_granules(struct iommu_domain *domain, unsigned long iova,
			  unsigned long va, unsigned long length)
{
	unsigned long granule = 1UL << __ffs(domain->pgsize_bitmap);
	unsigned long end;
	int rc;

	if (!IS_ALIGNED(iova | va | length, granule) ||
	    check_add_overflow(va, length, &end))
		return -EINVAL;
	for (; va < end; va += granule, iova += granule) {
		rc = check_granule(domain, iova, va);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int mock_check_map(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt = mock_hwpt_get(ucmd->ictx, cmd->id);
	int rc;

	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = check_granules(hwpt->common.domain, cmd->check_map.iova,
			    cmd->check_map.uptr, cmd->check_map.length);
	iommufd_object_put(ucmd->ictx, &hwpt->common.obj);
	return rc;
}

/* A large folio counts its pins elsewhere, and for all its pages together. */
static int check_pins(unsigned long va, unsigned int pins)
{
	struct page *page = user_page(va);
	int rc = 0;

	if (IS_ERR(page))
		return PTR_ERR(page);
	if (!PageCompound(page) &&
	    page_ref_count(page) / GUP_PIN_COUNTING_BIAS != pins)
		rc = -EIO;
	put_page(page);
	return rc;
}

int mock_check_refs(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	unsigned long va = cmd->check_refs.uptr;
	unsigned long length = cmd->check_refs.length;
	unsigned long end;
	int rc;

	if (!PAGE_ALIGNED(va | length) || check_add_overflow(va, length, &end))
		return -EINVAL;
	for (; va < end; va += PAGE_SIZE) {
		rc = check_pins(va, cmd->check_refs.refs);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int check_cache(struct mock_device *mdev, u32 id, u32 value)
{
	if (id > MOCK_DEV_CACHE_ID_MAX)
		return -EINVAL;
	return mdev->cache[id] == value ? 0 : -EINVAL;
}

int mock_check_cache(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_device *idev = mock_idev_get(ucmd->ictx, cmd->id);
	int rc;

	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = check_cache(to_mock_device(idev->dev), cmd->check_dev_cache.id,
			 cmd->check_dev_cache.cache);
	iommufd_object_put(ucmd->ictx, &idev->obj);
	return rc;
}

/* Read a bitmap of the user's, which is an array of bytes. */
static unsigned long *get_bitmap(const void __user *from, unsigned long nbits)
{
	unsigned long *bits = kvcalloc(BITS_TO_LONGS(nbits), sizeof(*bits),
				       GFP_KERNEL_ACCOUNT);

	if (!bits)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(bits, from, DIV_ROUND_UP(nbits, BITS_PER_BYTE))) {
		kvfree(bits);
		return ERR_PTR(-EFAULT);
	}
	return bits;
}

static int make_dirty(struct iommu_domain *domain, struct iommu_test_cmd *cmd)
{
	unsigned long page_size = cmd->dirty.page_size;
	unsigned long nbits = cmd->dirty.length / page_size;
	unsigned long *bits, bit;
	int rc = 0;

	if (!mock_domain_tracks_dirty(domain))
		return -EINVAL;
	bits = get_bitmap(u64_to_user_ptr(cmd->dirty.uptr), nbits);
	if (IS_ERR(bits))
		return PTR_ERR(bits);
	for_each_set_bit(bit, bits, nbits) {
		rc = mock_domain_set_dirty(domain,
					   cmd->dirty.iova + bit * page_size);
		/* A device cannot write where nothing is mapped either. */
		if (rc == -ENOENT)
			rc = 0;
		if (rc)
			break;
	}
	cmd->dirty.out_nr_dirty = bitmap_weight(bits, nbits);
	kvfree(bits);
	return rc;
}

int mock_make_dirty(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	const u64 most_bits = (u64)SZ_16M * BITS_PER_BYTE;
	u64 page_size = cmd->dirty.page_size;
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	if (!page_size || !cmd->dirty.length || !cmd->dirty.uptr ||
	    cmd->dirty.iova % page_size || cmd->dirty.length % page_size)
		return -EINVAL;
	if (cmd->dirty.length / page_size > most_bits)
		return -EOVERFLOW;
	hwpt = mock_hwpt_get(ucmd->ictx, cmd->id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = make_dirty(hwpt->common.domain, cmd);
	iommufd_object_put(ucmd->ictx, &hwpt->common.obj);
	return rc;
}
