// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel user of an IOAS, as a driver for mediated devices is one, behind a
 * file descriptor: it pins pages by IOVA and reads and writes memory.
 *
 * What it pins is an item of its list. The subsystem asks for the pins back when
 * the user unmaps; from then on the item does not exist any more.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"

#define MOST_BYTES	SZ_16M

/**
 * struct mock_access - a kernel user
 * @access: [I] its binding
 * @pins: [I] it may pin
 * @lock: held over pinning as a whole, so that no pin is without its item when
 *	it is asked for
 * @items: [lock] what it has pinned
 * @next_id: [lock] of the next item
 */
struct mock_access {
	struct iommufd_access *access;
	bool pins;
	struct mutex lock; /* see above */
	struct list_head items;
	u32 next_id;
};

/**
 * struct access_item - pages that are pinned
 * @entry: in &mock_access.items
 * @id: the user's name for it
 * @iova: first IOVA
 * @length: bytes
 */
struct access_item {
	struct list_head entry;
	u32 id;
	unsigned long iova;
	unsigned long length;
};

static void unpin_item(struct mock_access *mock, struct access_item *item)
{
	lockdep_assert_held(&mock->lock);
	iommufd_access_unpin_pages(mock->access, item->iova, item->length);
	list_del(&item->entry);
	kfree(item);
}

/* iommufd_access_ops.unmap */
static void give_back(void *data, unsigned long iova, unsigned long length)
{
	struct mock_access *mock = data;
	struct access_item *item, *tmp;

	guard(mutex)(&mock->lock);
	list_for_each_entry_safe(item, tmp, &mock->items, entry)
		if (item->iova <= iova + length - 1 &&
		    iova <= item->iova + item->length - 1)
			unpin_item(mock, item);
}

static const struct iommufd_access_ops reader_ops = {
	.unmap = give_back,
};

static const struct iommufd_access_ops pinner_ops = {
	.needs_pin_pages = 1,
	.unmap = give_back,
};

static void free_access(struct mock_access *mock)
{
	WARN_ON(!list_empty(&mock->items));
	mutex_destroy(&mock->lock);
	kfree(mock);
}

static int release_access(struct inode *inode, struct file *file)
{
	struct mock_access *mock = file->private_data;

	/* This asks for all pins. */
	if (mock->access)
		iommufd_access_destroy(mock->access);
	free_access(mock);
	return 0;
}

static const struct file_operations access_fops = {
	.owner = THIS_MODULE,
	.release = release_access,
};

static struct file *open_access(bool pins)
{
	struct mock_access *mock = kzalloc(sizeof(*mock), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!mock)
		return ERR_PTR(-ENOMEM);
	mock->pins = pins;
	mutex_init(&mock->lock);
	INIT_LIST_HEAD(&mock->items);
	file = anon_inode_getfile("[iommufd_test_staccess]", &access_fops, mock,
				  O_RDWR);
	if (IS_ERR(file))
		free_access(mock);
	return file;
}

static int attach_access(struct iommufd_ctx *ictx, struct mock_access *mock,
			 u32 ioas_id)
{
	const struct iommufd_access_ops *ops =
		mock->pins ? &pinner_ops : &reader_ops;
	struct iommufd_access *access;
	u32 id;

	access = iommufd_access_create(ictx, ops, mock, &id);
	if (IS_ERR(access))
		return PTR_ERR(access);
	mock->access = access;
	return iommufd_access_attach(access, ioas_id);
}

int mock_access_create(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 flags = cmd->create_access.flags;
	int rc;

	if (flags & ~MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES)
		return -EOPNOTSUPP;

	FD_PREPARE(fdf, O_CLOEXEC, open_access(flags));
	if (fdf.err)
		return -ENOMEM;
	rc = attach_access(ucmd->ictx, fd_prepare_file(fdf)->private_data,
			   cmd->id);
	if (rc)
		return rc;
	cmd->create_access.out_access_fd = fd_prepare_fd(fdf);
	rc = mock_respond(ucmd);
	if (rc)
		return rc;
	fd_publish(fdf);
	return 0;
}

static struct file *get_access_file(u32 fd)
{
	struct file *file __free(fput) = fget(fd);

	if (!file || file->f_op != &access_fops)
		return NULL;
	return no_free_ptr(file);
}

/* The IOVA that is meant, by itself or by a name that a fuzzer made up. */
static u64 find_iova(struct mock_access *mock, u64 iova, u32 flags)
{
	struct iommufd_ioas *ioas;

	if (!(flags & MOCK_FLAGS_ACCESS_SYZ))
		return iova;
	ioas = iommufd_access_ioas(mock->access);
	if (IS_ERR(ioas))
		return iova;
	iova = mock_find_area(&ioas->space, iova);
	iommufd_ioas_put(ioas);
	return iova;
}

/* Are these the pages that the user has at @va? */
static int compare_pages(struct page **pages, unsigned long npages,
			 unsigned long va)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		struct page *page;
		int rc = get_user_pages_fast(va + i * PAGE_SIZE, 1, 0, &page);

		if (rc != 1)
			return rc < 0 ? rc : -EFAULT;
		put_page(page);
		if (page != pages[i])
			return -EBADE;
	}
	return 0;
}

static int pin_item(struct mock_access *mock, struct iommufd_ucmd *ucmd,
		    struct page **pages)
{
	struct access_item *item __free(kfree) =
		kzalloc(sizeof(*item), GFP_KERNEL_ACCOUNT);
	struct iommu_test_cmd *cmd = ucmd->cmd;
	unsigned long va = cmd->access_pages.uptr;
	bool write = cmd->access_pages.flags & MOCK_FLAGS_ACCESS_WRITE;
	int rc;

	if (!item)
		return -ENOMEM;
	item->iova = cmd->access_pages.iova;
	item->length = cmd->access_pages.length;

	guard(mutex)(&mock->lock);
	rc = iommufd_access_pin_pages(mock->access, item->iova, item->length,
				      pages, write ? IOMMUFD_ACCESS_RW_WRITE :
						     IOMMUFD_ACCESS_RW_READ);
	if (rc)
		return rc;
	item->id = mock->next_id;
	cmd->access_pages.out_access_pages_id = item->id;
	if (va)
		rc = compare_pages(pages,
				   DIV_ROUND_UP(offset_in_page(item->iova) +
						item->length, PAGE_SIZE),
				   va - offset_in_page(item->iova));
	if (!rc)
		rc = mock_respond(ucmd);
	if (rc) {
		iommufd_access_unpin_pages(mock->access, item->iova,
					   item->length);
		return rc;
	}
	mock->next_id++;
	list_add(&no_free_ptr(item)->entry, &mock->items);
	return 0;
}

int mock_access_pin(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct page **pages __free(kvfree) = NULL;
	struct file *file __free(fput) = NULL;
	struct mock_access *mock;

	if (cmd->access_pages.length > MOST_BYTES)
		return -ENOMEM;
	if (cmd->access_pages.flags &
	    ~(MOCK_FLAGS_ACCESS_WRITE | MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	file = get_access_file(cmd->id);
	if (!file)
		return -EBADFD;
	mock = file->private_data;
	if (!mock->pins)
		return -EOPNOTSUPP;
	cmd->access_pages.iova = find_iova(mock, cmd->access_pages.iova,
					   cmd->access_pages.flags);
	pages = kvcalloc(DIV_ROUND_UP(offset_in_page(cmd->access_pages.iova) +
				      cmd->access_pages.length, PAGE_SIZE),
			 sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return -ENOMEM;
	return pin_item(mock, ucmd, pages);
}

static int forget_item(struct mock_access *mock, u32 id)
{
	struct access_item *item;

	guard(mutex)(&mock->lock);
	list_for_each_entry(item, &mock->items, entry) {
		if (item->id != id)
			continue;
		unpin_item(mock, item);
		return 0;
	}
	return -ENOENT;
}

int mock_access_unpin(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct file *file __free(fput) = get_access_file(cmd->id);

	if (!file)
		return -EBADFD;
	return forget_item(file->private_data,
			   cmd->destroy_access_pages.access_pages_id);
}

static_assert(MOCK_ACCESS_RW_WRITE == IOMMUFD_ACCESS_RW_WRITE);
static_assert(MOCK_ACCESS_RW_SLOW_PATH == __IOMMUFD_ACCESS_RW_SLOW_PATH);

static int copy_memory(struct mock_access *mock, struct iommu_test_cmd *cmd)
{
	void __user *ubuf = u64_to_user_ptr(cmd->access_rw.uptr);
	size_t length = cmd->access_rw.length;
	u32 flags = cmd->access_rw.flags & ~MOCK_FLAGS_ACCESS_SYZ;
	bool write = flags & MOCK_ACCESS_RW_WRITE;
	void *buf = kvzalloc(length, GFP_KERNEL_ACCOUNT);
	int rc = 0;

	if (!buf)
		return -ENOMEM;
	if (write && copy_from_user(buf, ubuf, length))
		rc = -EFAULT;
	if (!rc)
		rc = iommufd_access_rw(mock->access, cmd->access_rw.iova, buf,
				       length, flags);
	if (!rc && !write && copy_to_user(ubuf, buf, length))
		rc = -EFAULT;
	kvfree(buf);
	return rc;
}

int mock_access_rw(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct file *file __free(fput) = NULL;

	if (cmd->access_rw.length > MOST_BYTES)
		return -ENOMEM;
	if (cmd->access_rw.flags & ~(MOCK_ACCESS_RW_WRITE |
				     MOCK_ACCESS_RW_SLOW_PATH |
				     MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	file = get_access_file(cmd->id);
	if (!file)
		return -EBADFD;
	cmd->access_rw.iova = find_iova(file->private_data, cmd->access_rw.iova,
					cmd->access_rw.flags);
	return copy_memory(file->private_data, cmd);
}

int mock_access_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct file *file __free(fput) = get_access_file(cmd->id);
	struct mock_access *mock;

	if (!file)
		return -EBADFD;
	mock = file->private_data;
	return iommufd_access_replace(mock->access,
				      cmd->access_replace_ioas.ioas_id);
}
