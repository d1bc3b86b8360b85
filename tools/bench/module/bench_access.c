// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel user of an IOAS: pins a range, as an mdev driver does, and says what
 * that cost. Works with whichever iommufd is loaded.
 */
#include <linux/iommufd.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include "bench_abi.h"

/* The range is unpinned before anybody can unmap it. */
static void nothing_to_unmap(void *data, unsigned long iova,
			     unsigned long length)
{
}

static const struct iommufd_access_ops access_ops = {
	.needs_pin_pages = 1,
	.unmap = nothing_to_unmap,
};

static int pin_and_unpin(struct iommufd_access *access,
			 struct bench_access *arg, struct page **pages)
{
	u64 start = get_cycles();
	int rc;

	rc = iommufd_access_pin_pages(access, arg->iova, arg->length, pages,
				      IOMMUFD_ACCESS_RW_WRITE);
	arg->pin = get_cycles() - start;
	if (rc)
		return rc;
	start = get_cycles();
	iommufd_access_unpin_pages(access, arg->iova, arg->length);
	arg->unpin = get_cycles() - start;
	return 0;
}

static int with_access(struct iommufd_ctx *ictx, struct bench_access *arg,
		       struct page **pages)
{
	struct iommufd_access *access;
	u32 id;
	int rc;

	access = iommufd_access_create(ictx, &access_ops, NULL, &id);
	if (IS_ERR(access))
		return PTR_ERR(access);
	rc = iommufd_access_attach(access, arg->ioas);
	if (!rc) {
		rc = pin_and_unpin(access, arg, pages);
		iommufd_access_detach(access);
	}
	iommufd_access_destroy(access);
	return rc;
}

static int with_context(struct bench_access *arg)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_fd(arg->iommufd);
	struct page **pages;
	int rc = -ENOMEM;

	if (IS_ERR(ictx))
		return PTR_ERR(ictx);
	pages = kvmalloc_array(arg->length >> PAGE_SHIFT, sizeof(*pages),
			       GFP_KERNEL);
	if (pages)
		rc = with_access(ictx, arg, pages);
	kvfree(pages);
	iommufd_ctx_put(ictx);
	return rc;
}

static long access_ioctl(struct file *file, unsigned int cmd, unsigned long uptr)
{
	struct bench_access arg;
	int rc;

	if (cmd != BENCH_ACCESS)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)uptr, sizeof(arg)))
		return -EFAULT;
	if (!arg.length || (arg.iova | arg.length) & ~PAGE_MASK)
		return -EINVAL;
	rc = with_context(&arg);
	if (!rc && copy_to_user((void __user *)uptr, &arg, sizeof(arg)))
		rc = -EFAULT;
	return rc;
}

static const struct file_operations access_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = access_ioctl,
};

static struct miscdevice access_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bench_access",
	.fops = &access_fops,
};
module_misc_device(access_misc);

MODULE_DESCRIPTION("What kernel users of an IOAS pay for a pin");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("IOMMUFD");
