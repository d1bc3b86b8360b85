// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested domains of the mock IOMMU. There is no first stage; what a guest could
 * notice is an IOTLB with a few entries, that it invalidates.
 */
#include <linux/slab.h>

#include "internal.h"

/**
 * struct mock_nested - a first stage page table
 * @domain: what the iommu core sees
 * @viommu: [I] the vIOMMU that it was allocated for, or NULL
 * @iotlb: what MD_CHECK_IOTLB looks at
 */
struct mock_nested {
	struct iommu_domain domain;
	struct iommufd_viommu *viommu;
	u32 iotlb[MOCK_NESTED_DOMAIN_IOTLB_NUM];
};

static struct mock_nested *to_mock_nested(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_nested, domain);
}

static void free_nested(struct iommu_domain *domain)
{
	kfree(to_mock_nested(domain));
}

static int invalidate_entry(struct mock_nested *nested,
			    const struct iommu_hwpt_invalidate_selftest *entry)
{
	if (entry->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry->iotlb_id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
		return -EINVAL;
	if (entry->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(nested->iotlb, 0, sizeof(nested->iotlb));
	else
		nested->iotlb[entry->iotlb_id] = 0;
	return 0;
}

static int invalidate(struct iommu_domain *domain,
		      struct iommu_user_data_array *array)
{
	const unsigned int type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
	struct iommu_hwpt_invalidate_selftest entry;
	u32 n = array->entry_num, i = 0;
	int rc = 0;

	if (array->type != type)
		rc = -EINVAL;
	while (!rc && i < n) {
		rc = iommu_copy_struct_from_user_array(&entry, array, type, i,
						       iotlb_id);
		if (!rc)
			rc = invalidate_entry(to_mock_nested(domain), &entry);
		if (!rc)
			i++;
	}
	/* How many are done */
	array->entry_num = i;
	return rc;
}

static const struct iommu_domain_ops nested_ops = {
	.attach_dev = mock_attach,
	.set_dev_pasid = mock_attach_pasid,
	.cache_invalidate_user = invalidate,
	.free = free_nested,
};

/**
 * mock_nested_new() - make a nested domain
 * @viommu: the vIOMMU that it is for, or NULL
 * @flags: IOMMU_HWPT_ALLOC_*
 * @user_data: struct iommu_hwpt_selftest
 *
 * Return: the domain, or ERR_PTR(-EOPNOTSUPP), ERR_PTR(-EINVAL),
 * ERR_PTR(-EFAULT), ERR_PTR(-ENOMEM).
 */
struct iommu_domain *mock_nested_new(struct iommufd_viommu *viommu, u32 flags,
				     const struct iommu_user_data *user_data)
{
	struct iommu_hwpt_selftest config;
	struct mock_nested *nested;
	int rc;

	if ((flags & ~IOMMU_HWPT_ALLOC_PASID) ||
	    user_data->type != IOMMU_HWPT_DATA_SELFTEST)
		return ERR_PTR(-EOPNOTSUPP);
	rc = iommu_copy_struct_from_user(&config, user_data,
					 IOMMU_HWPT_DATA_SELFTEST, iotlb);
	if (rc)
		return ERR_PTR(rc);
	nested = kzalloc_obj(*nested, GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &nested_ops;
	nested->viommu = viommu;
	memset32(nested->iotlb, config.iotlb, MOCK_NESTED_DOMAIN_IOTLB_NUM);
	return &nested->domain;
}

/**
 * mock_nested_alloc() - iommu_ops.domain_alloc_nested
 * @dev: a mock device
 * @parent: the second stage
 * @flags: IOMMU_HWPT_ALLOC_*
 * @user_data: struct iommu_hwpt_selftest
 *
 * Return: as mock_nested_new(); also ERR_PTR(-EINVAL) @parent is no second stage.
 */
struct iommu_domain *mock_nested_alloc(struct device *dev,
				       struct iommu_domain *parent, u32 flags,
				       const struct iommu_user_data *user_data)
{
	if (flags & ~IOMMU_HWPT_ALLOC_PASID)
		return ERR_PTR(-EOPNOTSUPP);
	if (!parent || !(parent->type & __IOMMU_DOMAIN_PAGING))
		return ERR_PTR(-EINVAL);
	return mock_nested_new(NULL, flags, user_data);
}

/**
 * mock_nested_viommu() - the vIOMMU of a domain
 * @domain: of the mock, of any kind
 *
 * Return: the vIOMMU that it was allocated for, or NULL.
 */
struct iommufd_viommu *mock_nested_viommu(struct iommu_domain *domain)
{
	if (domain->ops != &nested_ops)
		return NULL;
	return to_mock_nested(domain)->viommu;
}

static int check_iotlb(struct iommu_domain *domain, u32 id, u32 value)
{
	if (domain->ops != &nested_ops || id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
		return -EINVAL;
	return to_mock_nested(domain)->iotlb[id] == value ? 0 : -EINVAL;
}

int mock_check_iotlb(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_get(ucmd->ictx, cmd->id, IOMMUFD_OBJ_HWPT_NESTED);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	hwpt = container_of(obj, struct iommufd_hw_pagetable, obj);
	rc = check_iotlb(hwpt->domain, cmd->check_iotlb.id,
			 cmd->check_iotlb.iotlb);
	iommufd_object_put(ucmd->ictx, obj);
	return rc;
}
