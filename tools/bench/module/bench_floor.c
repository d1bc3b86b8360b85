// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor of the benchmark: pin, map, unmap and unpin a range with nothing
 * around the calls that nobody can do without.
 */
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include "bench_abi.h"

/* Contiguous frames */
struct run {
	unsigned long pfn;
	unsigned long npages;
};

struct floor {
	struct bench_floor arg;
	struct iommu_domain *domain;
	unsigned long npages;
	struct page **pages;
	struct run *runs;
	struct scatterlist *sg;
};

static int floor_pin(struct floor *f)
{
	u64 start = get_cycles();
	int got;

	got = pin_user_pages_fast(f->arg.va, f->npages,
				  FOLL_LONGTERM | FOLL_WRITE, f->pages);
	f->arg.gup = get_cycles() - start;
	if (got == f->npages)
		return 0;
	if (got > 0)
		unpin_user_pages(f->pages, got);
	return got < 0 ? got : -EFAULT;
}

static void floor_scan(struct floor *f)
{
	u64 start = get_cycles();
	struct run *run = f->runs;
	unsigned long i;

	*run = (struct run){ page_to_pfn(f->pages[0]), 1 };
	for (i = 1; i < f->npages; i++) {
		unsigned long pfn = page_to_pfn(f->pages[i]);

		if (pfn == run->pfn + run->npages)
			run->npages++;
		else
			*++run = (struct run){ pfn, 1 };
	}
	f->arg.runs = run - f->runs + 1;
	f->arg.scan = get_cycles() - start;
}

static int floor_map(struct floor *f)
{
	ssize_t mapped;
	u64 start, i;

	sg_init_table(f->sg, f->arg.runs);
	for (i = 0; i < f->arg.runs; i++)
		sg_set_page(&f->sg[i], pfn_to_page(f->runs[i].pfn),
			    f->runs[i].npages << PAGE_SHIFT, 0);
	start = get_cycles();
	mapped = iommu_map_sg(f->domain, f->arg.iova, f->sg, f->arg.runs,
			      IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
			      GFP_KERNEL_ACCOUNT);
	f->arg.map = get_cycles() - start;
	return mapped < 0 ? mapped : 0;
}

static int floor_unmap(struct floor *f)
{
	u64 start = get_cycles();
	size_t unmapped;

	unmapped = iommu_unmap(f->domain, f->arg.iova, f->arg.length);
	f->arg.unmap = get_cycles() - start;
	return unmapped == f->arg.length ? 0 : -EIO;
}

static void floor_unpin(struct floor *f)
{
	u64 start = get_cycles();
	u64 i;

	for (i = 0; i < f->arg.runs; i++)
		unpin_user_page_range_dirty_lock(pfn_to_page(f->runs[i].pfn),
						 f->runs[i].npages, true);
	f->arg.unpin = get_cycles() - start;
}

static int floor_run(struct floor *f)
{
	int rc = floor_pin(f);

	if (rc)
		return rc;
	floor_scan(f);
	rc = floor_map(f);
	if (!rc)
		rc = floor_unmap(f);
	floor_unpin(f);
	return rc;
}

static int floor_with_memory(struct floor *f)
{
	int rc = -ENOMEM;

	f->npages = f->arg.length >> PAGE_SHIFT;
	f->pages = kvmalloc_array(f->npages, sizeof(*f->pages), GFP_KERNEL);
	f->runs = kvmalloc_array(f->npages, sizeof(*f->runs), GFP_KERNEL);
	f->sg = kvmalloc_array(f->npages, sizeof(*f->sg), GFP_KERNEL);
	if (f->pages && f->runs && f->sg)
		rc = floor_run(f);
	kvfree(f->sg);
	kvfree(f->runs);
	kvfree(f->pages);
	return rc;
}

static int floor_with_domain(struct floor *f, struct device *dev,
			     struct iommu_group *group)
{
	int rc;

	rc = iommu_group_claim_dma_owner(group, f);
	if (rc)
		return rc;
	f->domain = iommu_paging_domain_alloc(dev);
	rc = PTR_ERR_OR_ZERO(f->domain);
	if (rc)
		goto release;
	rc = iommu_attach_group(f->domain, group);
	if (rc)
		goto free;
	rc = floor_with_memory(f);
	iommu_detach_group(f->domain, group);
free:
	iommu_domain_free(f->domain);
release:
	iommu_group_release_dma_owner(group);
	return rc;
}

static int floor_with_device(struct floor *f)
{
	struct iommu_group *group;
	struct device *dev;
	int rc = -ENODEV;

	f->arg.device[sizeof(f->arg.device) - 1] = 0;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, f->arg.device);
	if (!dev)
		return rc;
	group = iommu_group_get(dev);
	if (group) {
		rc = floor_with_domain(f, dev, group);
		iommu_group_put(group);
	}
	put_device(dev);
	return rc;
}

static long floor_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct floor f = {};
	int rc;

	if (cmd != BENCH_FLOOR)
		return -ENOTTY;
	if (copy_from_user(&f.arg, (void __user *)arg, sizeof(f.arg)))
		return -EFAULT;
	if (!f.arg.length || (f.arg.va | f.arg.length) & ~PAGE_MASK)
		return -EINVAL;
	rc = floor_with_device(&f);
	if (!rc && copy_to_user((void __user *)arg, &f.arg, sizeof(f.arg)))
		rc = -EFAULT;
	return rc;
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice floor_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bench_floor",
	.fops = &floor_fops,
};
module_misc_device(floor_misc);

MODULE_DESCRIPTION("What mapping memory for a device costs at least");
MODULE_LICENSE("GPL");
