// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paging domains of the mock IOMMU. The page table is real, that of the generic
 * page table code with pages of 2 KiB; only nothing walks it in order to do DMA.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../../iommu-pages.h"
#include "internal.h"

/**
 * struct mock_domain - a page table
 * @domain: what the iommu core sees; the same memory as in @table
 * @table: the page table
 * @dirty_tracking: it shall note what is written
 * @walkers: to read: somebody walks the table
 */
struct mock_domain {
	union {
		struct iommu_domain domain;
		struct pt_iommu_amdv1_mock table;
	};
	bool dirty_tracking;
	struct rw_semaphore walkers;
};

PT_IOMMU_CHECK_DOMAIN(struct mock_domain, table.iommu, domain);

static struct mock_domain *to_mock_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

/* As with a real IOMMU: who still walks a table that was taken out must finish. */
static void sync_iotlb(struct iommu_domain *domain,
		       struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = to_mock_domain(domain);

	down_write(&mock->walkers);
	up_write(&mock->walkers);
	iommu_put_pages_list(&gather->freelist);
}

static void free_domain(struct iommu_domain *domain)
{
	struct mock_domain *mock = to_mock_domain(domain);

	pt_iommu_deinit(&mock->table.iommu);
	kfree(mock);
}

static const struct iommu_domain_ops paging_ops = {
	IOMMU_PT_DOMAIN_OPS(amdv1_mock),
	.attach_dev = mock_attach,
	.set_dev_pasid = mock_attach_pasid,
	.iotlb_sync = sync_iotlb,
	.free = free_domain,
};

static int set_dirty_tracking(struct iommu_domain *domain, bool enabled)
{
	WRITE_ONCE(to_mock_domain(domain)->dirty_tracking, enabled);
	return 0;
}

static const struct iommu_dirty_ops dirty_ops = {
	IOMMU_PT_DIRTY_OPS(amdv1_mock),
	.set_dirty_tracking = set_dirty_tracking,
};

/* Small enough that tests reach the ends of it. */
static int narrow_aperture(struct iommu_domain *domain)
{
	struct iommu_domain_geometry *geometry = &domain->geometry;

	if (WARN_ON(geometry->aperture_start > MOCK_APERTURE_START ||
		    geometry->aperture_end < MOCK_APERTURE_LAST))
		return -EINVAL;
	geometry->aperture_start = MOCK_APERTURE_START;
	geometry->aperture_end = MOCK_APERTURE_LAST;
	return 0;
}

static int init_domain(struct mock_domain *mock, u32 pagetable_type)
{
	static const struct pt_iommu_amdv1_mock_cfg cfg = {
		.common.hw_max_vasz_lg2 = 56,
		.common.hw_max_oasz_lg2 = 51,
		.starting_level = 2,
	};
	int rc;

	mock->table.iommu.nid = NUMA_NO_NODE;
	mock->domain.ops = &paging_ops;
	init_rwsem(&mock->walkers);
	rc = pt_iommu_amdv1_mock_init(&mock->table, &cfg, GFP_KERNEL_ACCOUNT);
	if (rc)
		return rc;
	switch (pagetable_type) {
	case MOCK_IOMMUPT_DEFAULT:
		return narrow_aperture(&mock->domain);
	case MOCK_IOMMUPT_HUGE:
		mock->domain.pgsize_bitmap = MOCK_HUGE_PAGE_SIZE | PAGE_SIZE;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int get_config(struct iommu_hwpt_selftest *config,
		      const struct iommu_user_data *user_data)
{
	if (!user_data)
		return 0;
	if (user_data->type != IOMMU_HWPT_DATA_SELFTEST &&
	    user_data->type != IOMMU_HWPT_DATA_NONE)
		return -EOPNOTSUPP;
	return iommu_copy_struct_from_user(config, user_data,
					   IOMMU_HWPT_DATA_SELFTEST, iotlb);
}

/**
 * mock_domain_alloc_paging() - iommu_ops.domain_alloc_paging_flags
 * @dev: a mock device
 * @flags: IOMMU_HWPT_ALLOC_*
 * @user_data: struct iommu_hwpt_selftest, or NULL
 *
 * Return: the domain, or an ERR_PTR(). (mock-device.md 5.3)
 */
struct iommu_domain *
mock_domain_alloc_paging(struct device *dev, u32 flags,
			 const struct iommu_user_data *user_data)
{
	const u32 known = IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			  IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID;
	bool dirty = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	struct iommu_hwpt_selftest config = {};
	struct mock_domain *mock;
	int rc;

	if ((flags & ~known) ||
	    (dirty && (to_mock_device(dev)->flags & MOCK_FLAGS_DEVICE_NO_DIRTY)))
		return ERR_PTR(-EOPNOTSUPP);
	rc = get_config(&config, user_data);
	if (rc)
		return ERR_PTR(rc);
	mock = kzalloc_obj(*mock, GFP_KERNEL_ACCOUNT);
	if (!mock)
		return ERR_PTR(-ENOMEM);
	rc = init_domain(mock, config.pagetable_type);
	if (rc) {
		free_domain(&mock->domain);
		return ERR_PTR(rc);
	}
	if (dirty)
		mock->domain.dirty_ops = &dirty_ops;
	return &mock->domain;
}

/**
 * mock_hwpt_get() - find a HWPT whose domain is one of the mock
 * @ictx: the context
 * @id: its id
 *
 * Return: the HWPT, until iommufd_object_put(); ERR_PTR(-ENOENT) no such paging
 * HWPT, ERR_PTR(-EINVAL) it is of another IOMMU.
 */
struct iommufd_hwpt_paging *mock_hwpt_get(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwpt = container_of(obj, struct iommufd_hwpt_paging, common.obj);
	if (hwpt->common.domain->ops != &paging_ops) {
		iommufd_object_put(ictx, obj);
		return ERR_PTR(-EINVAL);
	}
	return hwpt;
}

/**
 * mock_domain_phys() - where the page table leads
 * @domain: of the mock
 * @iova: from where
 *
 * Return: the physical address, or 0.
 */
phys_addr_t mock_domain_phys(struct iommu_domain *domain, unsigned long iova)
{
	guard(rwsem_read)(&to_mock_domain(domain)->walkers);
	return iommu_iova_to_phys(domain, iova);
}

/**
 * mock_domain_tracks_dirty() - tell if dirty tracking is on
 * @domain: of the mock
 *
 * Return: whether the domain notes what is written.
 */
bool mock_domain_tracks_dirty(struct iommu_domain *domain)
{
	return READ_ONCE(to_mock_domain(domain)->dirty_tracking);
}

/**
 * mock_domain_set_dirty() - do as if a device had written
 * @domain: of the mock
 * @iova: where
 *
 * Return: 0, -ENOENT nothing is mapped there, or what the page table says.
 */
int mock_domain_set_dirty(struct iommu_domain *domain, unsigned long iova)
{
	struct mock_domain *mock = to_mock_domain(domain);
	struct pt_iommu *table = &mock->table.iommu;
	int rc;

	guard(rwsem_read)(&mock->walkers);
	do
		rc = table->ops->set_dirty(table, iova);
	while (rc == -EAGAIN);
	return rc;
}

MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
