// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware queues: memory of a guest that the hardware of a vIOMMU works on by its
 * physical address. The memory stays pinned, and cannot be unmapped, for as long
 * as the queue is there.
 */
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include "iommufd_private.h"

void iommufd_hw_queue_free(struct iommufd_object *obj)
{
	struct iommufd_hw_queue *queue =
		container_of(obj, struct iommufd_hw_queue, obj);
	struct iommufd_viommu *viommu = queue->viommu;

	if (queue->destroy)
		queue->destroy(queue);
	if (queue->access)
		iommufd_access_unlock(queue->access);
	iommufd_object_unkeep(&viommu->obj);
}

/* The pages of a queue. The caller has checked that it does not wrap. */
static int page_range(struct io_range *range, u64 base, u64 length)
{
	u64 last = base + length - 1;

	if (last > ULONG_MAX - PAGE_SIZE)
		return -ERANGE;
	range->first = base & PAGE_MASK;
	range->last = last | ~PAGE_MASK;
	return 0;
}

static int fill_queue(struct iommufd_hw_queue *queue, u32 index)
{
	struct iommufd_viommu *viommu = queue->viommu;
	struct iommufd_access *access;
	struct io_range range;
	phys_addr_t phys;
	int rc;

	rc = page_range(&range, queue->base_addr, queue->length);
	if (rc)
		return rc;
	access = iommufd_access_lock(viommu->hwpt->ioas, &range, &phys);
	if (IS_ERR(access))
		return PTR_ERR(access);
	queue->access = access;
	return viommu->ops->hw_queue_init_phys(queue, index,
					       phys +
					       offset_in_page(queue->base_addr));
}

static int alloc_for(struct iommufd_ucmd *ucmd, struct iommufd_viommu *viommu)
{
	struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	struct iommufd_hw_queue *queue;
	struct iommufd_object *obj;
	size_t size;

	if (!viommu->ops->get_hw_queue_size || !viommu->ops->hw_queue_init_phys)
		return -EOPNOTSUPP;
	size = viommu->ops->get_hw_queue_size(viommu, cmd->type);
	if (!size || WARN_ON_ONCE(size < sizeof(*queue)))
		return -EOPNOTSUPP;
	obj = iommufd_object_new(ucmd->ictx, size, IOMMUFD_OBJ_HW_QUEUE);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	ucmd->new_obj = obj;
	queue = container_of(obj, struct iommufd_hw_queue, obj);
	queue->viommu = viommu;
	iommufd_object_keep(&viommu->obj);
	queue->type = cmd->type;
	queue->base_addr = cmd->nesting_parent_iova;
	queue->length = cmd->length;
	cmd->out_hw_queue_id = obj->id;
	return fill_queue(queue, cmd->index);
}

/**
 * iommufd_hw_queue_alloc() - IOMMU_HW_QUEUE_ALLOC
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP; -EINVAL; -EOVERFLOW; -ENOENT no such vIOMMU, or its
 * memory is not mapped; -ERANGE; -EADDRINUSE the IOAS is not made of whole pages;
 * -EPERM; -EFAULT its memory is not contiguous; -ENOMEM; or what the IOMMU driver
 * says. (uapi-behaviour.md 10.4)
 */
int iommufd_hw_queue_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	u64 last;
	int rc;

	if (cmd->type == IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->length)
		return -EINVAL;
	if (check_add_overflow(cmd->nesting_parent_iova, cmd->length - 1, &last))
		return -EOVERFLOW;
	if (cmd->length > SIZE_MAX)
		return -EOVERFLOW;
	viommu = iommufd_viommu_get(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	rc = alloc_for(ucmd, viommu);
	iommufd_viommu_put(viommu);
	return rc;
}
