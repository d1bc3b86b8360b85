// SPDX-License-Identifier: GPL-2.0-only
/*
 * IO address spaces: their ioctls, as calls of the space and of its backings.
 */
#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "iommufd_private.h"
#include "trace.h"

/**
 * iommufd_ioas_new() - make an empty IOAS that is not published
 * @ictx: the context
 *
 * Return: the IOAS or an ERR_PTR().
 */
struct iommufd_ioas *iommufd_ioas_new(struct iommufd_ctx *ictx)
{
	struct iommufd_object *obj;
	struct iommufd_ioas *ioas;

	obj = iommufd_object_new(ictx, sizeof(*ioas), IOMMUFD_OBJ_IOAS);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	ioas = container_of(obj, struct iommufd_ioas, obj);
	ioas->ictx = ictx;
	io_space_init(&ioas->space);
	ioas->space.id = obj->id;
	mutex_init(&ioas->mutex);
	spin_lock_init(&ioas->auto_lock);
	INIT_LIST_HEAD(&ioas->auto_hwpts);
	return ioas;
}

void iommufd_ioas_free(struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);

	io_space_destroy(&ioas->space);
	mutex_destroy(&ioas->mutex);
}

/**
 * iommufd_ioas_get() - find an IOAS
 * @ictx: the context
 * @id: its id
 *
 * Return: the IOAS, until iommufd_ioas_put(), or ERR_PTR(-ENOENT).
 */
struct iommufd_ioas *iommufd_ioas_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_IOAS);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_ioas, obj);
}

static void put_if_found(struct iommufd_ioas *ioas)
{
	if (!IS_ERR_OR_NULL(ioas))
		iommufd_ioas_put(ioas);
}

DEFINE_FREE(ioas_put, struct iommufd_ioas *, put_if_found(_T))

/**
 * iommufd_ioas_alloc() - IOMMU_IOAS_ALLOC
 * @ucmd: the call
 *
 * Return: 0 or -ENOMEM. (uapi-behaviour.md 6.1)
 */
int iommufd_ioas_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_alloc *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas = iommufd_ioas_new(ucmd->ictx);

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	ucmd->new_obj = &ioas->obj;
	cmd->out_ioas_id = ioas->obj.id;
	return 0;
}

static int put_ranges(struct iommu_iova_range __user *to,
		      const struct io_range *ranges, u32 n)
{
	for (; n--; ranges++, to++) {
		struct iommu_iova_range range = {
			.start = ranges->first,
			.last = ranges->last,
		};

		if (copy_to_user(to, &range, sizeof(range)))
			return -EFAULT;
	}
	return 0;
}

/**
 * iommufd_ioas_iova_ranges() - IOMMU_IOAS_IOVA_RANGES
 * @ucmd: the call
 *
 * Return: 0; -ENOENT; -EMSGSIZE the user has room for fewer ranges than there
 * are, which gets the count across all the same; -EFAULT; -ENOMEM.
 * (uapi-behaviour.md 6.2)
 */
int iommufd_ioas_iova_ranges(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_iova_ranges *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	struct io_range *ranges __free(kfree) = NULL;
	u32 room, n;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	/* How much memory this takes is not up to the user. */
	n = io_space_usable(&ioas->space, NULL, 0);
	do {
		room = min(cmd->num_iovas, n);
		kfree(ranges);
		ranges = kcalloc(room, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return -ENOMEM;
		n = io_space_usable(&ioas->space, ranges, room);
	} while (n > room && room < cmd->num_iovas);
	room = min(room, n);
	if (put_ranges(u64_to_user_ptr(cmd->allowed_iovas), ranges, room))
		return -EFAULT;

	ucmd->respond = true;
	cmd->out_iova_alignment = io_space_align(&ioas->space);
	cmd->num_iovas = n;
	return n > room ? -EMSGSIZE : 0;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct io_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Far more than anybody has use for; they are searched one by one. */
#define MAX_ALLOWED	SZ_64K

static int get_range(struct io_range *to,
		     const struct iommu_iova_range __user *from)
{
	struct iommu_iova_range range;

	if (copy_from_user(&range, from, sizeof(range)))
		return -EFAULT;
	if (range.start >= range.last)
		return -EINVAL;
	if (range.last > ULONG_MAX)
		return -EOVERFLOW;
	*to = (struct io_range){ range.start, range.last };
	return 0;
}

/* Makes room as ranges really arrive: @n alone is only what the user says. */
static struct io_range *get_ranges(const struct iommu_iova_range __user *from,
				   u32 n)
{
	struct io_range *ranges __free(kvfree) = NULL, *larger;
	u32 i, room = 0;
	int rc;

	for (i = 0; i < n; i++) {
		if (i == MAX_ALLOWED)
			return ERR_PTR(-ENOMEM);
		if (i == room) {
			room = min(n, max(room * 2, 16U));
			larger = kvrealloc(ranges, array_size(room, sizeof(*ranges)),
					   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
			if (!larger)
				return ERR_PTR(-ENOMEM);
			retain_and_null_ptr(ranges);
			ranges = larger;
		}
		rc = get_range(&ranges[i], &from[i]);
		if (rc)
			return ERR_PTR(rc);
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
	}
	sort_nonatomic(ranges, n, sizeof(*ranges), compare_ranges, NULL);
	for (i = 1; i < n; i++)
		if (ranges[i].first <= ranges[i - 1].last)
			return ERR_PTR(-EINVAL);
	return_ptr(ranges);
}

/**
 * iommufd_ioas_allow_iovas() - IOMMU_IOAS_ALLOW_IOVAS
 * @ucmd: the call
 *
 * Return: 0; -ENOENT; -EFAULT; -EINVAL a range is empty, backward, of one byte
 * or overlaps another; -EADDRINUSE one is partly reserved; -ENOMEM.
 * (uapi-behaviour.md 6.3)
 */
int iommufd_ioas_allow_iovas(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_allow_iovas *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	struct io_range *ranges = NULL;
	int rc;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (cmd->num_iovas)
		ranges = get_ranges(u64_to_user_ptr(cmd->allowed_iovas),
				    cmd->num_iovas);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	rc = io_space_set_allowed(&ioas->space, ranges, cmd->num_iovas);
	if (rc)
		kvfree(ranges);
	return rc;
}

static int prot_of(u32 flags)
{
	int prot = 0;

	if (flags & IOMMU_IOAS_MAP_READABLE)
		prot |= IOMMU_READ;
	if (flags & IOMMU_IOAS_MAP_WRITEABLE)
		prot |= IOMMU_WRITE;
	return prot;
}

/* Map new areas, with what MAP, MAP_FILE and COPY have in common. */
static int map_areas(struct iommufd_ioas *ioas, struct list_head *areas,
		     unsigned long addr, u32 flags, u64 *user_iova,
		     unsigned int how)
{
	unsigned long iova = *user_iova, length = 0;
	struct io_area *area;
	int rc;

	list_for_each_entry(area, areas, item)
		length += area_length(area);
	if (flags & IOMMU_IOAS_MAP_FIXED_IOVA)
		how |= IO_MAP_FIXED;
	rc = io_space_map(&ioas->space, areas, addr, &iova, how);
	trace_iommufd_map(ioas->obj.id, iova, length, rc);
	if (!rc)
		*user_iova = iova;
	return rc;
}

/* Map @length bytes of a backing from byte @start on. Consumes the backing. */
static int map_backing(struct iommufd_ioas *ioas, struct io_backing *backing,
		       unsigned long start, unsigned long length, u32 flags,
		       u64 *user_iova)
{
	struct io_area *area;
	LIST_HEAD(areas);

	area = area_create(backing, start, length, prot_of(flags));
	backing_put(backing);
	if (!area)
		return -ENOMEM;
	list_add(&area->item, &areas);
	return map_areas(ioas, &areas, area->backing->addr + start, flags,
			 user_iova, 0);
}

/*
 * Make an area of what is at the start of @va and of one kind. Device memory that
 * cannot be mapped is taken for memory, and the map is going to be refused: other
 * errors come first.
 */
static struct io_area *new_user_area(struct iommufd_ctx *ictx, unsigned long va,
				     unsigned long length, u32 flags,
				     unsigned int *how)
{
	bool writable = flags & IOMMU_IOAS_MAP_WRITEABLE;
	unsigned long start = offset_in_page(va);
	unsigned long npages = ((start + length - 1) >> PAGE_SHIFT) + 1;
	struct io_backing *backing;
	struct io_area *area;

	if (backing_va_is_mmio(va - start, &npages))
		backing = backing_create_mmio(va - start, npages, writable);
	else
		backing = backing_create_user(va - start, npages, writable,
					      READ_ONCE(ictx->account_mode));
	if (PTR_ERR_OR_ZERO(backing) == -EFAULT) {
		*how |= IO_MAP_REFUSE;
		backing = backing_create_user(va - start, npages, writable,
					      READ_ONCE(ictx->account_mode));
	}
	if (IS_ERR(backing))
		return ERR_CAST(backing);
	area = area_create(backing, start,
			   min(length, (npages << PAGE_SHIFT) - start),
			   prot_of(flags));
	backing_put(backing);
	return area ?: ERR_PTR(-ENOMEM);
}

/* An area for each piece of the range that is of one kind. */
static int new_user_areas(struct iommufd_ctx *ictx, unsigned long va,
			  unsigned long length, u32 flags,
			  struct list_head *areas, unsigned int *how)
{
	struct io_area *area;

	while (length) {
		area = new_user_area(ictx, va, length, flags, how);
		if (IS_ERR(area)) {
			areas_free(areas);
			return PTR_ERR(area);
		}
		list_add_tail(&area->item, areas);
		va += area_length(area);
		length -= area_length(area);
	}
	return 0;
}

/**
 * iommufd_ioas_map_user() - map memory of the calling process
 * @ioas: the IOAS
 * @va: address of the memory, which may be device memory or have such in it
 * @length: bytes
 * @flags: IOMMU_IOAS_MAP_*
 * @iova: where to, or receives where to
 *
 * Return: 0; -EOVERFLOW; -EINVAL; -EEXIST; -ENOSPC; -EFAULT; -ENOMEM; -EINTR on a
 * fatal signal; or what the IOMMU driver says. An error leaves no trace.
 */
int iommufd_ioas_map_user(struct iommufd_ioas *ioas, u64 va, u64 length,
			  u32 flags, u64 *iova)
{
	unsigned int how = IO_MAP_UNIT;
	unsigned long end;
	LIST_HEAD(areas);
	int rc;

	if (*iova >= ULONG_MAX || length >= ULONG_MAX || va > ULONG_MAX ||
	    check_add_overflow((unsigned long)va, (unsigned long)length, &end))
		return -EOVERFLOW;
	if (!length || length > SIZE_MAX - PAGE_SIZE)
		return -EINVAL;
	rc = new_user_areas(ioas->ictx, va, length, flags, &areas, &how);
	if (rc)
		return rc;
	return map_areas(ioas, &areas, va, flags, iova, how);
}

/**
 * iommufd_ioas_map() - IOMMU_IOAS_MAP
 * @ucmd: the call
 *
 * Return: as iommufd_ioas_map_user(), or -ENOENT. (uapi-behaviour.md 6.4)
 */
int iommufd_ioas_map(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas __free(ioas_put) = NULL;

	if (cmd->iova >= ULONG_MAX || cmd->length >= ULONG_MAX)
		return -EOVERFLOW;
	if (!prot_of(cmd->flags))
		return -EINVAL;
	ioas = iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	return iommufd_ioas_map_user(ioas, cmd->user_va, cmd->length, cmd->flags,
				     &cmd->iova);
}

static struct io_backing *open_file(struct iommufd_ctx *ictx,
				    const struct iommu_ioas_map_file *cmd)
{
	struct file *file __free(fput) = fget(cmd->fd);

	if (!file)
		return ERR_PTR(-EBADF);
	return backing_create_file(file, cmd->start, cmd->length,
				   cmd->flags & IOMMU_IOAS_MAP_WRITEABLE,
				   READ_ONCE(ictx->account_mode));
}

/* A dma-buf or else some other file. */
static struct io_backing *open_memory(struct iommufd_ctx *ictx,
				      const struct iommu_ioas_map_file *cmd)
{
	struct io_backing *backing;
	struct dma_buf *dmabuf;

	if (!IS_ENABLED(CONFIG_DMA_SHARED_BUFFER))
		return open_file(ictx, cmd);
	dmabuf = dma_buf_get(cmd->fd);
	if (PTR_ERR(dmabuf) == -EINVAL)
		return open_file(ictx, cmd);
	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	backing = backing_create_dmabuf(dmabuf, ictx->dev, cmd->start,
					cmd->length,
					cmd->flags & IOMMU_IOAS_MAP_WRITEABLE);
	dma_buf_put(dmabuf);
	return backing;
}

/**
 * iommufd_ioas_map_file() - IOMMU_IOAS_MAP_FILE
 * @ucmd: the call
 *
 * Return: 0; -EBADF; -EACCES or -EPERM the file may not be written; -EINVAL also
 * if it is no memfd or ends before the range; -EOPNOTSUPP or -ENODEV for a
 * dma-buf that cannot be mapped; and what IOMMU_IOAS_MAP returns. An error leaves
 * no trace. (uapi-behaviour.md 6.5)
 */
int iommufd_ioas_map_file(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map_file *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas __free(ioas_put) = NULL;
	struct io_backing *backing;
	unsigned long last;

	if (cmd->iova >= ULONG_MAX || cmd->length >= ULONG_MAX)
		return -EOVERFLOW;
	if (!prot_of(cmd->flags))
		return -EINVAL;
	ioas = iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (!cmd->length)
		return -EINVAL;
	if (cmd->start > ULONG_MAX ||
	    check_add_overflow((unsigned long)cmd->start,
			       (unsigned long)cmd->length - 1, &last))
		return -EOVERFLOW;
	backing = open_memory(ucmd->ictx, cmd);
	if (IS_ERR(backing))
		return PTR_ERR(backing);
	return map_backing(ioas, backing, offset_in_page(cmd->start),
			   cmd->length, cmd->flags, &cmd->iova);
}

static int copy_slice(struct iommufd_ucmd *ucmd, struct list_head *areas,
		      unsigned long *addr)
{
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	struct iommufd_ioas *src __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->src_ioas_id);
	struct io_range range = { .first = cmd->src_iova };

	if (IS_ERR(src))
		return PTR_ERR(src);
	if (!cmd->length)
		return -EINVAL;
	if (check_add_overflow(range.first, (unsigned long)cmd->length - 1,
			       &range.last))
		return -EOVERFLOW;
	return io_space_slice(&src->space, &range, prot_of(cmd->flags), areas,
			      addr);
}

/**
 * iommufd_ioas_copy() - IOMMU_IOAS_COPY
 * @ucmd: the call
 *
 * Return: 0; -EOVERFLOW; -EINVAL; -ENOENT no such IOAS or not all of the source
 * is mapped; -EPERM the memory was not mapped writable at first; and what
 * IOMMU_IOAS_MAP returns. An error leaves no trace. (uapi-behaviour.md 6.6)
 */
int iommufd_ioas_copy(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	struct iommufd_ioas *dst __free(ioas_put) = NULL;
	unsigned long addr;
	LIST_HEAD(areas);
	int rc;

	if (cmd->length >= ULONG_MAX || cmd->src_iova >= ULONG_MAX ||
	    cmd->dst_iova >= ULONG_MAX)
		return -EOVERFLOW;
	if (!prot_of(cmd->flags))
		return -EINVAL;
	rc = copy_slice(ucmd, &areas, &addr);
	if (rc)
		return rc;
	dst = iommufd_ioas_get(ucmd->ictx, cmd->dst_ioas_id);
	if (IS_ERR(dst)) {
		areas_free(&areas);
		return PTR_ERR(dst);
	}
	return map_areas(dst, &areas, addr, cmd->flags, &cmd->dst_iova, 0);
}

/**
 * iommufd_ioas_unmap() - IOMMU_IOAS_UNMAP
 * @ucmd: the call
 *
 * Return: 0; -ENOENT nothing is mapped there, or an area lies not wholly inside;
 * -EINVAL; -EOVERFLOW; -EBUSY an area is just being mapped or unmapped. An error
 * removes nothing. (uapi-behaviour.md 6.7)
 */
int iommufd_ioas_unmap(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_unmap *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	bool all = !cmd->iova && cmd->length == U64_MAX;
	unsigned long last = ULONG_MAX, unmapped = 0;
	int rc;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (!all) {
		if (cmd->iova >= ULONG_MAX || cmd->length >= ULONG_MAX)
			return -EOVERFLOW;
		if (!cmd->length)
			return -EINVAL;
		if (check_add_overflow((unsigned long)cmd->iova,
				       (unsigned long)cmd->length - 1, &last))
			return -EOVERFLOW;
	}
	rc = io_space_unmap(&ioas->space, cmd->iova, last, &unmapped);
	if (rc && !(all && rc == -ENOENT))
		return rc;
	cmd->length = unmapped;
	return 0;
}

static int option_rlimit_mode(struct iommufd_ctx *ictx, struct iommu_option *cmd)
{
	if (cmd->object_id)
		return -EOPNOTSUPP;
	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = READ_ONCE(ictx->account_mode) != ACCOUNT_USER;
		return 0;
	}
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;

	guard(xa_lock)(&ictx->objects);
	if (!xa_empty(&ictx->objects))
		return -EBUSY;
	if (cmd->val64 > 1)
		return -EINVAL;
	WRITE_ONCE(ictx->account_mode, cmd->val64 ? ACCOUNT_MM : ACCOUNT_USER);
	return 0;
}

static int option_huge_pages(struct iommufd_ctx *ictx, struct iommu_option *cmd)
{
	struct iommufd_ioas *ioas __free(ioas_put) =
		iommufd_ioas_get(ictx, cmd->object_id);

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = READ_ONCE(ioas->space.large_pages);
		return 0;
	}
	if (cmd->val64 > 1)
		return -EINVAL;
	return io_space_set_large_pages(&ioas->space, cmd->val64);
}

/**
 * iommufd_option() - IOMMU_OPTION
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP unknown option or operation; -ENOENT; -EPERM; -EBUSY;
 * -EINVAL; -EADDRINUSE. (uapi-behaviour.md 6.9)
 */
int iommufd_option(struct iommufd_ucmd *ucmd)
{
	struct iommu_option *cmd = ucmd->cmd;

	if (cmd->__reserved || (cmd->op != IOMMU_OPTION_OP_SET &&
				cmd->op != IOMMU_OPTION_OP_GET))
		return -EOPNOTSUPP;
	switch (cmd->option_id) {
	case IOMMU_OPTION_RLIMIT_MODE:
		return option_rlimit_mode(ucmd->ictx, cmd);
	case IOMMU_OPTION_HUGE_PAGES:
		return option_huge_pages(ucmd->ictx, cmd);
	default:
		return -EOPNOTSUPP;
	}
}
