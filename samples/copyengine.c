// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device without hardware that does DMA: an example for authors of drivers that
 * use an IOAS in software.
 *
 * The device copies memory. A program writes source, destination and length, all
 * of them in IOVAs of the IOAS that the device is attached to, rings the doorbell,
 * and polls the status (copyengine.h). Behind it is no IOMMU but two ways to reach
 * memory by IOVA, of which most drivers need one:
 *
 * vfio_dma_rw() copies from or to an IOVA. It looks the IOVA up each time, so there
 * is nothing to give back: this is the way for what is touched now and then.
 *
 * vfio_pin_pages() gives the pages behind an IOVA, to be kept: this is the way for
 * what is touched all the time, or by hardware. It comes with an obligation, as the
 * user may unmap the memory whenever he likes: see engine_dma_unmap().
 *
 * VFIO makes these calls iommufd_access_rw() and iommufd_access_pin_pages().
 * A driver that is not behind VFIO calls these itself, with the same rules.
 *
 *   cd /sys/class/mdev_bus/copyengine/mdev_supported_types/faux_driver-copyengine
 *   uuidgen >create
 */
#include <linux/cleanup.h>
#include <linux/device/faux.h>
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "copyengine.h"

#define MAX_PINNED	16	/* pages */

static bool keep_pins;
module_param(keep_pins, bool, 0600);
MODULE_PARM_DESC(keep_pins, "break the rule: keep pages pinned when they are unmapped");

struct engine {
	struct vfio_device vdev;	/* first: VFIO allocates and frees it all */

	struct mutex lock;		/* protects the next two */
	u64 regs[COPYENGINE_SIZE / sizeof(u64)];
	unsigned int stops;		/* resets under way: no command may run */

	struct work_struct work;	/* executes the command in @job */
	struct {
		u64 src, dst, len, command;
	} job;
	void *bounce;			/* a page, for what is on its way */

	/* Protects the buffer. Taken by dma_unmap, so see there. */
	struct mutex pin_lock;
	u64 iova;			/* both as they were pinned; */
	unsigned int npages;		/* 0 if there is no buffer */
	struct page *pages[MAX_PINNED];
};

static struct engine *to_engine(struct vfio_device *vdev)
{
	return container_of(vdev, struct engine, vdev);
}

static u64 *reg(struct engine *engine, unsigned int offset)
{
	return &engine->regs[offset / sizeof(u64)];
}

/*
 * Pinning, part 1. The lock is held from before the page is pinned until it is
 * on record. So an unmap, which calls engine_dma_unmap(), finds the pin either on
 * record or not there yet; and if it is not there yet it never comes, as IOVAs
 * that are being unmapped cannot be pinned.
 *
 * vfio_pin_pages() takes whole pages: it ignores the lower bits of the IOVA, so
 * that a driver which takes any IOVA has to add them to the page again.
 */
static int pin_buffer(struct engine *engine, u64 iova, u64 len)
{
	unsigned int npages;
	int ret;

	if (!len || !PAGE_ALIGNED(iova | len) || len > MAX_PINNED * PAGE_SIZE)
		return -EINVAL;
	npages = len / PAGE_SIZE;
	guard(mutex)(&engine->pin_lock);
	if (engine->npages)
		return -EBUSY;
	/* Ask for what will be done: LOAD writes to it. */
	ret = vfio_pin_pages(&engine->vdev, iova, npages,
			     IOMMU_READ | IOMMU_WRITE, engine->pages);
	if (ret < 0)
		return ret;
	engine->iova = iova;
	engine->npages = npages;
	return 0;
}

/* A pin is given up as it was made: the same IOVA, the same number of pages. */
static void unpin_buffer_locked(struct engine *engine)
{
	lockdep_assert_held(&engine->pin_lock);
	if (engine->npages)
		vfio_unpin_pages(&engine->vdev, engine->iova, engine->npages);
	engine->npages = 0;
}

static void unpin_buffer(struct engine *engine)
{
	guard(mutex)(&engine->pin_lock);
	unpin_buffer_locked(engine);
}

/*
 * Pinning, part 2. The user unmaps what the device may have pinned, or takes the
 * device out of the IOAS (then iova is 0 and length ULONG_MAX).
 *
 * Every pin that overlaps the range has to be given up, whole, before this
 * returns: IOMMU_IOAS_UNMAP waits for it. A driver whose hardware uses the pages
 * first makes it stop. If a pin stays, the unmap fails with EDEADLOCK after some
 * seconds, and the kernel log names the access.
 *
 * It is called in process context, with no lock of iommufd held, so it may sleep
 * and unpin. It is called for ranges without any pin too, more than once for one
 * range, and by several threads at a time. Threads that attach and detach come here
 * as well, with VFIO's locks: so it must not wait for anything that needs those.
 */
static void engine_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct engine *engine = to_engine(vdev);
	u64 last = iova + (length - 1), end;

	guard(mutex)(&engine->pin_lock);
	end = engine->iova + engine->npages * PAGE_SIZE;
	if (!engine->npages || last < engine->iova || iova > end - 1)
		return;
	/* For a look at what then happens. Not when it is detached: that is final. */
	if (keep_pins && length != ULONG_MAX)
		return;
	unpin_buffer_locked(engine);
}

/*
 * Copy between the pinned buffer and the bounce page. The lock makes sure that the
 * pages stay; not longer than necessary, for an unmap may be waiting.
 */
static int access_buffer(struct engine *engine, u64 at, size_t n, bool write)
{
	struct page *page;

	guard(mutex)(&engine->pin_lock);
	if (at >= engine->npages * PAGE_SIZE)
		return -ENXIO;
	page = engine->pages[at / PAGE_SIZE];
	if (write)
		memcpy_to_page(page, offset_in_page(at), engine->bounce, n);
	else
		memcpy_from_page(engine->bounce, page, offset_in_page(at), n);
	return 0;
}

/*
 * vfio_dma_rw() is called without a lock: it faults pages in, which can take as long
 * as the user likes. It needs none either: an unmap waits for it, and what is not
 * mapped is refused. It may still be under way when the device has been detached.
 * As a worker has no mm of its own it borrows that of the user.
 */
static int copy_chunk(struct engine *engine, u64 done, size_t n)
{
	u64 src = engine->job.src + done, dst = engine->job.dst + done;
	int ret;

	if (engine->job.command == COPYENGINE_STORE)
		ret = access_buffer(engine, done, n, false);
	else
		ret = vfio_dma_rw(&engine->vdev, src, engine->bounce, n, false);
	if (ret)
		return ret;
	if (engine->job.command == COPYENGINE_LOAD)
		return access_buffer(engine, done, n, true);
	return vfio_dma_rw(&engine->vdev, dst, engine->bounce, n, true);
}

/*
 * Page by page, so that it can be stopped soon. The IOAS is that of the moment: what
 * the user maps, unmaps or attaches meanwhile is seen by the next page. Pages of the
 * buffer are aligned, so that a chunk lies in one of them.
 */
static int copy(struct engine *engine)
{
	u64 len = engine->job.len, done = 0;
	int ret = 0;

	while (!ret && done < len) {
		size_t n = min(len - done, PAGE_SIZE);

		if (READ_ONCE(engine->stops))
			return -EINTR;
		ret = copy_chunk(engine, done, n);
		if (!ret)
			done += n;
		scoped_guard(mutex, &engine->lock)
			*reg(engine, COPYENGINE_COPIED) = done;
		cond_resched();
	}
	return ret;
}

static int execute(struct engine *engine)
{
	switch (engine->job.command) {
	case COPYENGINE_PIN:
		return pin_buffer(engine, engine->job.src, engine->job.len);
	case COPYENGINE_UNPIN:
		unpin_buffer(engine);
		return 0;
	case COPYENGINE_COPY:
	case COPYENGINE_LOAD:
	case COPYENGINE_STORE:
		return copy(engine);
	}
	return -EINVAL;
}

static void engine_work(struct work_struct *work)
{
	struct engine *engine = container_of(work, struct engine, work);
	int ret = execute(engine);

	guard(mutex)(&engine->lock);
	*reg(engine, COPYENGINE_ERROR) = -ret;
	*reg(engine, COPYENGINE_STATUS) = ret ? COPYENGINE_FAILED :
						COPYENGINE_DONE;
}

static int ring_locked(struct engine *engine, u64 command)
{
	lockdep_assert_held(&engine->lock);
	if (engine->stops || *reg(engine, COPYENGINE_STATUS) == COPYENGINE_BUSY)
		return -EBUSY;
	engine->job.src = *reg(engine, COPYENGINE_SRC);
	engine->job.dst = *reg(engine, COPYENGINE_DST);
	engine->job.len = *reg(engine, COPYENGINE_LEN);
	engine->job.command = command;
	*reg(engine, COPYENGINE_STATUS) = COPYENGINE_BUSY;
	*reg(engine, COPYENGINE_ERROR) = 0;
	*reg(engine, COPYENGINE_COPIED) = 0;
	queue_work(system_dfl_long_wq, &engine->work);
	return 0;
}

static int write_reg(struct engine *engine, unsigned int offset, u64 value)
{
	guard(mutex)(&engine->lock);
	if (offset == COPYENGINE_DOORBELL)
		return ring_locked(engine, value);
	if (offset > COPYENGINE_DOORBELL)
		return -EINVAL;
	*reg(engine, offset) = value;
	return 0;
}

static bool is_reg(size_t count, loff_t pos)
{
	return count == sizeof(u64) && pos >= 0 && pos < COPYENGINE_SIZE &&
	       IS_ALIGNED(pos, sizeof(u64));
}

/* No lock of ours is held while user memory is touched: see copy_chunk(). */
static ssize_t engine_read(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct engine *engine = to_engine(vdev);
	__le64 value;

	if (!is_reg(count, *ppos))
		return -EINVAL;
	scoped_guard(mutex, &engine->lock)
		value = cpu_to_le64(*reg(engine, *ppos));
	if (copy_to_user(buf, &value, sizeof(value)))
		return -EFAULT;
	*ppos += count;
	return count;
}

static ssize_t engine_write(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	__le64 value;
	int ret;

	if (!is_reg(count, *ppos))
		return -EINVAL;
	if (copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	ret = write_reg(to_engine(vdev), *ppos, le64_to_cpu(value));
	if (ret)
		return ret;
	*ppos += count;
	return count;
}

/*
 * Back to how it was after open; no DMA any more when this returns. Also when the
 * last file of the device is closed: VFIO then takes it out of the IOAS and of the
 * iommufd, and neither vfio_dma_rw() nor vfio_pin_pages() may be called any more.
 */
static void engine_reset(struct vfio_device *vdev)
{
	struct engine *engine = to_engine(vdev);

	scoped_guard(mutex, &engine->lock)
		WRITE_ONCE(engine->stops, engine->stops + 1);
	flush_work(&engine->work);
	unpin_buffer(engine);
	guard(mutex)(&engine->lock);
	memset(engine->regs, 0, sizeof(engine->regs));
	WRITE_ONCE(engine->stops, engine->stops - 1);
}

static int engine_region_info(struct vfio_device *vdev,
			      struct vfio_region_info *info,
			      struct vfio_info_cap *caps)
{
	if (info->index)
		return -EINVAL;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->size = COPYENGINE_SIZE;
	info->offset = 0;
	return 0;
}

static long get_info(void __user *arg)
{
	const size_t size = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 1;
	info.num_irqs = 0;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long engine_ioctl(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info((void __user *)arg);
	case VFIO_DEVICE_RESET:
		engine_reset(vdev);
		return 0;
	}
	return -ENOTTY;
}

static int engine_init(struct vfio_device *vdev)
{
	struct engine *engine = to_engine(vdev);

	engine->bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!engine->bounce)
		return -ENOMEM;
	mutex_init(&engine->lock);
	mutex_init(&engine->pin_lock);
	INIT_WORK(&engine->work, engine_work);
	return 0;
}

static void engine_release(struct vfio_device *vdev)
{
	struct engine *engine = to_engine(vdev);

	mutex_destroy(&engine->pin_lock);
	mutex_destroy(&engine->lock);
	kfree(engine->bounce);
}

/*
 * The four vfio_iommufd_emulated_ functions are all that a driver needs to be bound
 * to an iommufd and attached to an IOAS. A driver that pins must have dma_unmap.
 */
static const struct vfio_device_ops engine_ops = {
	.name = "copyengine",
	.init = engine_init,
	.release = engine_release,
	.close_device = engine_reset,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
	.dma_unmap = engine_dma_unmap,
	.read = engine_read,
	.write = engine_write,
	.ioctl = engine_ioctl,
	.get_region_info_caps = engine_region_info,
};

static int engine_probe(struct mdev_device *mdev)
{
	struct engine *engine;
	int ret;

	engine = vfio_alloc_device(engine, vdev, &mdev->dev, &engine_ops);
	if (IS_ERR(engine))
		return PTR_ERR(engine);
	ret = vfio_register_emulated_iommu_dev(&engine->vdev);
	if (ret) {
		vfio_put_device(&engine->vdev);
		return ret;
	}
	dev_set_drvdata(&mdev->dev, engine);
	return 0;
}

static void engine_remove(struct mdev_device *mdev)
{
	struct engine *engine = dev_get_drvdata(&mdev->dev);

	/* Waits until the user has closed it. */
	vfio_unregister_group_dev(&engine->vdev);
	vfio_put_device(&engine->vdev);
}

static struct mdev_driver engine_driver = {
	.device_api = VFIO_DEVICE_API_PLATFORM_STRING,
	.max_instances = 16,
	.probe = engine_probe,
	.remove = engine_remove,
	.driver = {
		.name = "copyengine",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};

/* The parent, on which a driver of real hardware would split up its device */
static struct mdev_type engine_type = {
	.sysfs_name = "copyengine",
	.pretty_name = "copies memory in software",
};
static struct mdev_type *engine_types[] = { &engine_type };
static struct mdev_parent engine_parent;
static struct faux_device *parent_device;

static int parent_probe(struct faux_device *faux)
{
	return mdev_register_parent(&engine_parent, &faux->dev, &engine_driver,
				    engine_types, ARRAY_SIZE(engine_types));
}

static void parent_remove(struct faux_device *faux)
{
	mdev_unregister_parent(&engine_parent);
}

static const struct faux_device_ops parent_ops = {
	.probe = parent_probe,
	.remove = parent_remove,
};

static int __init copyengine_init(void)
{
	int ret = mdev_register_driver(&engine_driver);

	if (ret)
		return ret;
	parent_device = faux_device_create("copyengine", NULL, &parent_ops);
	if (!parent_device) {
		mdev_unregister_driver(&engine_driver);
		return -ENODEV;
	}
	return 0;
}
module_init(copyengine_init);

static void __exit copyengine_exit(void)
{
	faux_device_destroy(parent_device);
	mdev_unregister_driver(&engine_driver);
}
module_exit(copyengine_exit);

MODULE_DESCRIPTION("Sample mediated device that copies memory through iommufd");
MODULE_LICENSE("GPL");
