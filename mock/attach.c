// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the mock IOMMU does when a device is attached: iommu_domain_ops.attach_dev
 * and set_dev_pasid of all its domains. The iommu core calls them under the mutex
 * of the device's group.
 */
#include "internal.h"

static int check_dirty(struct iommu_domain *domain, struct mock_device *mdev)
{
	if (domain->dirty_ops && (mdev->flags & MOCK_FLAGS_DEVICE_NO_DIRTY))
		return -EINVAL;
	return 0;
}

/* Page requests are on as long as one of the attachments handles them. */
static int switch_iopf(struct mock_device *mdev, struct iommu_domain *domain,
		       struct iommu_domain *old)
{
	int rc;

	if (domain->iopf_handler) {
		rc = mock_iopf_enable(mdev);
		if (rc)
			return rc;
	}
	if (old && old->iopf_handler)
		mock_iopf_disable(mdev);
	return 0;
}

/**
 * mock_attach() - iommu_domain_ops.attach_dev
 * @domain: of any kind
 * @dev: a mock device
 * @old: what its RID is attached to, or NULL
 *
 * Return: 0; -EINVAL they do not go together; -ENOENT @domain is of a vIOMMU that
 * does not know @dev; -ENODEV, -ENOMEM page requests cannot be handled.
 */
int mock_attach(struct iommu_domain *domain, struct device *dev,
		struct iommu_domain *old)
{
	struct mock_device *mdev = to_mock_device(dev);
	struct iommufd_viommu *viommu = mock_nested_viommu(domain);
	unsigned long virt_id = 0;
	int rc;

	rc = check_dirty(domain, mdev);
	if (!rc && viommu)
		rc = iommufd_viommu_get_vdev_id(viommu, dev, &virt_id);
	if (!rc)
		rc = switch_iopf(mdev, domain, old);
	if (rc)
		return rc;
	mdev->viommu = viommu;
	mdev->virt_id = virt_id;
	return 0;
}

/*
 * One PASID is out of order: of two attaches that follow each other the second
 * one fails, so that the way back of a replace can be tested.
 */
static int use_bad_pasid(struct mock_device *mdev, struct iommu_domain *domain)
{
	bool fail = mdev->bad_pasid_used;

	mdev->bad_pasid_used = domain->type != IOMMU_DOMAIN_BLOCKED && !fail;
	return domain->type != IOMMU_DOMAIN_BLOCKED && fail ? -ENOMEM : 0;
}

/**
 * mock_attach_pasid() - iommu_domain_ops.set_dev_pasid
 * @domain: of any kind
 * @dev: a mock device
 * @pasid: what is attached
 * @old: what it is attached to, or NULL
 *
 * Return: 0; -EINVAL they do not go together; -ENOENT the vIOMMU does not know the
 * device; -ENODEV, -ENOMEM page requests cannot be handled; -ENOMEM at
 * IOMMU_TEST_PASID_RESERVED.
 */
int mock_attach_pasid(struct iommu_domain *domain, struct device *dev,
		      ioasid_t pasid, struct iommu_domain *old)
{
	struct iommufd_viommu *viommu = mock_nested_viommu(domain);
	struct mock_device *mdev = to_mock_device(dev);
	unsigned long virt_id;
	int rc;

	rc = check_dirty(domain, mdev);
	if (!rc && viommu)
		rc = iommufd_viommu_get_vdev_id(viommu, dev, &virt_id);
	if (!rc && pasid == IOMMU_TEST_PASID_RESERVED)
		rc = use_bad_pasid(mdev, domain);
	return rc ?: switch_iopf(mdev, domain, old);
}
