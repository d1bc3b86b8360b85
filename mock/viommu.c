// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU as a guest has it: a vIOMMU with some memory that can be mapped,
 * invalidations by virtual device id, queues, and events.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/slab.h>

#include "internal.h"

#define MEMORY_ORDER	1
#define MEMORY_BYTES	(PAGE_SIZE << MEMORY_ORDER)

/**
 * struct mock_hw_queue - a queue in memory of the guest
 * @core: what the subsystem knows of it
 * @index: which one it is
 * @prev: the queue that this one cannot do without, or NULL
 */
struct mock_hw_queue {
	struct iommufd_hw_queue core;
	u32 index;
	struct mock_hw_queue *prev;
};

/**
 * struct mock_viommu - a vIOMMU
 * @core: what the subsystem knows of it
 * @parent: [I] the second stage of all its nested domains
 * @memory: [I] what can be mapped, or NULL
 * @mmap_offset: [I] where
 * @queue_lock: protects @queues
 * @queues: [queue_lock] by index
 */
struct mock_viommu {
	struct iommufd_viommu core;
	struct iommu_domain *parent;
	void *memory;
	unsigned long mmap_offset;
	struct mutex queue_lock; /* see above */
	struct mock_hw_queue *queues[IOMMU_TEST_HW_QUEUE_MAX];
};

static struct mock_viommu *to_mock_viommu(struct iommufd_viommu *viommu)
{
	return container_of(viommu, struct mock_viommu, core);
}

static struct mock_hw_queue *to_mock_hw_queue(struct iommufd_hw_queue *queue)
{
	return container_of(queue, struct mock_hw_queue, core);
}

static void drop_memory(struct mock_viommu *mock)
{
	if (!mock->memory)
		return;
	iommufd_viommu_destroy_mmap(&mock->core, mock->mmap_offset);
	free_pages((unsigned long)mock->memory, MEMORY_ORDER);
}

static void destroy_viommu(struct iommufd_viommu *viommu)
{
	struct mock_viommu *mock = to_mock_viommu(viommu);

	drop_memory(mock);
	mutex_destroy(&mock->queue_lock);
}

static struct iommu_domain *
alloc_nested(struct iommufd_viommu *viommu, u32 flags,
	     const struct iommu_user_data *user_data)
{
	return mock_nested_new(viommu, flags, user_data);
}

static int invalidate_entry(struct iommufd_viommu *viommu,
			    const struct iommu_viommu_invalidate_selftest *entry)
{
	struct mock_device *mdev;
	struct device *dev;

	if (entry->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry->cache_id > MOCK_DEV_CACHE_ID_MAX)
		return -EINVAL;
	guard(xa_lock)(&viommu->vdevs);
	dev = iommufd_viommu_find_dev(viommu, entry->vdev_id);
	if (!dev)
		return -EINVAL;
	mdev = to_mock_device(dev);
	if (entry->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(mdev->cache, 0, sizeof(mdev->cache));
	else
		mdev->cache[entry->cache_id] = 0;
	return 0;
}

#define INVALIDATE_TYPE	IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST

/* Returns how many entries are done; *@rc says why not all. */
static u32 invalidate_array(struct iommufd_viommu *viommu,
			    struct iommu_user_data_array *array, int *rc)
{
	struct iommu_viommu_invalidate_selftest *entries;
	u32 n = array->entry_num, i = 0;

	entries = kvcalloc(n, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries) {
		*rc = -ENOMEM;
		return 0;
	}
	*rc = iommu_copy_struct_from_full_user_array(entries, sizeof(*entries),
						     array, INVALIDATE_TYPE);
	while (!*rc && i < n) {
		*rc = invalidate_entry(viommu, &entries[i]);
		if (!*rc)
			i++;
	}
	kvfree(entries);
	return i;
}

static int invalidate(struct iommufd_viommu *viommu,
		      struct iommu_user_data_array *array)
{
	int rc;

	if (!array->entry_num)
		return array->type == INVALIDATE_TYPE ? 0 : -EINVAL;
	array->entry_num = invalidate_array(viommu, array, &rc);
	return rc;
}

static size_t hw_queue_size(struct iommufd_viommu *viommu,
			    enum iommu_hw_queue_type type)
{
	if (type != IOMMU_HW_QUEUE_TYPE_SELFTEST)
		return 0;
	return HW_QUEUE_STRUCT_SIZE(struct mock_hw_queue, core);
}

static void destroy_hw_queue(struct iommufd_hw_queue *queue)
{
	struct mock_viommu *mock = to_mock_viommu(queue->viommu);
	struct mock_hw_queue *mock_queue = to_mock_hw_queue(queue);

	guard(mutex)(&mock->queue_lock);
	mock->queues[mock_queue->index] = NULL;
	if (mock_queue->prev)
		iommufd_hw_queue_undepend(mock_queue, mock_queue->prev, core);
}

static int init_hw_queue(struct iommufd_hw_queue *queue, u32 index,
			 phys_addr_t phys)
{
	struct mock_viommu *mock = to_mock_viommu(queue->viommu);
	struct mock_hw_queue *mock_queue = to_mock_hw_queue(queue);
	struct mock_hw_queue *prev;
	int rc;

	if (index >= IOMMU_TEST_HW_QUEUE_MAX)
		return -EINVAL;
	guard(mutex)(&mock->queue_lock);
	if (mock->queues[index])
		return -EEXIST;
	prev = index ? mock->queues[index - 1] : NULL;
	if (index && !prev)
		return -EIO;
	if (iommu_iova_to_phys(mock->parent, queue->base_addr) != phys)
		return -EFAULT;
	if (prev) {
		rc = iommufd_hw_queue_depend(mock_queue, prev, core);
		if (rc)
			return rc;
	}
	mock_queue->index = index;
	mock_queue->prev = prev;
	mock->queues[index] = mock_queue;
	queue->destroy = destroy_hw_queue;
	return 0;
}

static const struct iommufd_viommu_ops viommu_ops = {
	.destroy = destroy_viommu,
	.alloc_domain_nested = alloc_nested,
	.cache_invalidate = invalidate,
	.get_hw_queue_size = hw_queue_size,
	.hw_queue_init_phys = init_hw_queue,
};

/**
 * mock_viommu_size() - iommu_ops.get_viommu_size
 * @dev: a mock device
 * @type: of the vIOMMU
 *
 * Return: bytes, or 0 if the type is unknown.
 */
size_t mock_viommu_size(struct device *dev, enum iommu_viommu_type type)
{
	if (type != IOMMU_VIOMMU_TYPE_SELFTEST)
		return 0;
	return VIOMMU_STRUCT_SIZE(struct mock_viommu, core);
}

/* Memory that stands for registers; it starts with what the user passed. */
static int make_memory(struct mock_viommu *mock, u32 data)
{
	unsigned long memory;
	int rc;

	memory = __get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, MEMORY_ORDER);
	if (!memory)
		return -ENOMEM;
	rc = iommufd_viommu_alloc_mmap(&mock->core, __pa(memory), MEMORY_BYTES,
				       &mock->mmap_offset);
	if (rc) {
		free_pages(memory, MEMORY_ORDER);
		return rc;
	}
	mock->memory = (void *)memory;
	*(u32 *)mock->memory = data;
	return 0;
}

static int take_user_data(struct mock_viommu *mock,
			  const struct iommu_user_data *user_data)
{
	struct iommu_viommu_selftest data;
	int rc;

	rc = iommu_copy_struct_from_user(&data, user_data,
					 IOMMU_VIOMMU_TYPE_SELFTEST, out_data);
	if (rc)
		return rc;
	rc = make_memory(mock, data.in_data);
	if (rc)
		return rc;
	data.out_data = data.in_data;
	data.out_mmap_offset = mock->mmap_offset;
	data.out_mmap_length = MEMORY_BYTES;
	rc = iommu_copy_struct_to_user(user_data, &data,
				       IOMMU_VIOMMU_TYPE_SELFTEST, out_data);
	if (rc)
		drop_memory(mock);
	return rc;
}

/**
 * mock_viommu_init() - iommu_ops.viommu_init
 * @viommu: zeroed but for what the subsystem sets
 * @parent: the second stage
 * @user_data: struct iommu_viommu_selftest, or NULL
 *
 * Return: 0, -EINVAL, -EFAULT, -ENOMEM.
 */
int mock_viommu_init(struct iommufd_viommu *viommu, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data)
{
	struct mock_viommu *mock = to_mock_viommu(viommu);
	int rc;

	if (user_data) {
		rc = take_user_data(mock, user_data);
		if (rc)
			return rc;
	}
	mock->parent = parent;
	mutex_init(&mock->queue_lock);
	viommu->ops = &viommu_ops;
	return 0;
}

static int report_event(struct mock_device *mdev)
{
	struct iommu_viommu_event_selftest event;

	guard(rwsem_read)(&mdev->attach_lock);
	if (!mdev->viommu || !mdev->virt_id)
		return -ENOENT;
	event.virt_id = mdev->virt_id;
	return iommufd_viommu_report_event(mdev->viommu,
					   IOMMU_VEVENTQ_TYPE_SELFTEST, &event,
					   sizeof(event));
}

int mock_trigger_vevent(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_device *idev;
	int rc;

	idev = mock_idev_get(ucmd->ictx, cmd->trigger_vevent.dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = report_event(to_mock_device(idev->dev));
	iommufd_object_put(ucmd->ictx, &idev->obj);
	return rc;
}
