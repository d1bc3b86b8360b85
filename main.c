// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/iommu: the device nodes, and the life of a context.
 *
 * A context lives as long as its open file does: the file descriptors of user
 * space, and one reference for each device, kernel user or event file that needs
 * it. The last reference destroys everything that is left.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "iommufd_private.h"
#include "mock/mock.h"
#include "vfio_compat.h"

static struct miscdevice container_misc;

static int iommufd_open(struct inode *inode, struct file *file)
{
	/* The misc core leaves its device here for us. */
	struct miscdevice *misc = file->private_data;
	struct iommufd_ctx *ictx;

	ictx = kzalloc_obj(*ictx, GFP_KERNEL_ACCOUNT);
	if (!ictx)
		return -ENOMEM;
	ictx->file = file;
	ictx->dev = misc->this_device;
	xa_init_flags(&ictx->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	init_waitqueue_head(&ictx->object_wait);
	xa_init_flags(&ictx->groups, XA_FLAGS_ACCOUNT);
	mutex_init(&ictx->groups_mutex);
	mutex_init(&ictx->vdevices_mutex);
	mutex_init(&ictx->process_mutex);
	init_rwsem(&ictx->vfio_lock);
	ictx->container = IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER) &&
			  misc == &container_misc;
	if (ictx->container) {
		ictx->forsaken = iommufd_vfio_forsaken;
		pr_info_once("iommufd serves /dev/vfio/vfio\n");
	}
	/* The container has always charged the process. */
	ictx->account_mode = ictx->container ? ACCOUNT_CONTAINER : ACCOUNT_USER;
	iommufd_driver_ctx_init(&ictx->driver);
	file->private_data = ictx;
	return 0;
}

static int iommufd_release(struct inode *inode, struct file *file)
{
	struct iommufd_ctx *ictx = file->private_data;

	iommufd_objects_destroy_all(ictx);
	WARN_ON(!xa_empty(&ictx->groups));
	iommufd_driver_ctx_destroy(&ictx->driver);
	mutex_destroy(&ictx->process_mutex);
	mutex_destroy(&ictx->vdevices_mutex);
	mutex_destroy(&ictx->groups_mutex);
	kfree(ictx);
	return 0;
}

static int iommufd_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct iommufd_ctx *ictx = file->private_data;
	int rc = iommufd_viommu_mmap(ictx, vma);

	/* That of VFIO cannot be mapped at all. */
	return rc && ictx->container ? -ENODEV : rc;
}

static const struct file_operations iommufd_fops = {
	.owner = THIS_MODULE,
	.open = iommufd_open,
	.release = iommufd_release,
	.mmap = iommufd_mmap,
	.show_fdinfo = iommufd_show_fdinfo,
	.unlocked_ioctl = iommufd_ioctl,
	/* The structs are the same for 32-bit programs. */
	.compat_ioctl = compat_ptr_ioctl,
};

/**
 * iommufd_ctx_of() - the context of an open file of ours
 * @file: its file_operations are ours
 */
struct iommufd_ctx *iommufd_ctx_of(struct file *file)
{
	return file->private_data;
}

/**
 * iommufd_ctx_from_file() - the context of a file, with a reference
 * @file: any file; the caller's reference to it stays the caller's
 *
 * Context: any.
 * Return: the context, or ERR_PTR(-EBADFD) if the file is of another kind.
 * (kernel-api.md 3)
 */
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file)
{
	struct iommufd_ctx *ictx;

	if (file->f_op != &iommufd_fops)
		return ERR_PTR(-EBADFD);
	ictx = iommufd_ctx_of(file);
	iommufd_ctx_get(ictx);
	return ictx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_from_file, "IOMMUFD");

/**
 * iommufd_ctx_from_fd() - the context of a file descriptor, with a reference
 * @fd: a file descriptor of the calling process
 *
 * Context: process context.
 * Return: the context, ERR_PTR(-EBADF) if nothing is open there, or
 * ERR_PTR(-EBADFD) if it is a file of another kind. (kernel-api.md 3)
 */
struct iommufd_ctx *iommufd_ctx_from_fd(int fd)
{
	struct file *file = fget(fd);
	struct iommufd_ctx *ictx;

	if (!file)
		return ERR_PTR(-EBADF);
	ictx = iommufd_ctx_from_file(file);
	fput(file);
	return ictx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_from_fd, "IOMMUFD");

static struct miscdevice iommufd_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iommu",
	.fops = &iommufd_fops,
	.nodename = "iommu",
	.mode = 0660,
};

static struct miscdevice container_misc = {
	.minor = VFIO_MINOR,
	.name = "vfio",
	.fops = &iommufd_fops,
	.nodename = "vfio/vfio",
	.mode = 0666,
};

static int __init iommufd_init(void)
{
	int rc;

	rc = area_init();
	if (rc)
		return rc;
	rc = misc_register(&iommufd_misc);
	if (rc)
		goto err_area;
	if (IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER)) {
		rc = misc_register(&container_misc);
		if (rc)
			goto err_misc;
	}
	rc = iommufd_mock_init();
	if (rc)
		goto err_container;
	iommufd_debugfs_init();
	return 0;

err_container:
	if (IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER))
		misc_deregister(&container_misc);
err_misc:
	misc_deregister(&iommufd_misc);
err_area:
	area_exit();
	return rc;
}

static void __exit iommufd_exit(void)
{
	iommufd_debugfs_exit();
	iommufd_mock_exit();
	if (IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER))
		misc_deregister(&container_misc);
	misc_deregister(&iommufd_misc);
	area_exit();
}

module_init(iommufd_init);
module_exit(iommufd_exit);

#if IS_ENABLED(CONFIG_IOMMUFD_VFIO_CONTAINER)
MODULE_ALIAS_MISCDEV(VFIO_MINOR);
MODULE_ALIAS("devname:vfio/vfio");
#endif
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("User space control of the IOMMU");
MODULE_LICENSE("GPL");
