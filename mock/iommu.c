// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU driver, as the iommu core sees it. There is one mock IOMMU, all
 * mock devices are behind it, and each is a group of its own.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "../../iommu-priv.h"
#include "internal.h"

static struct platform_device *mock_parent;
static struct notifier_block mock_notifier;

static struct iommu_device mock_iommu = {
	.max_pasids = 1 << MOCK_PASID_WIDTH,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach_dev = mock_attach,
	.set_dev_pasid = mock_attach_pasid,
};

static struct iommu_domain blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &blocked_ops,
};

static bool mock_capable(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_DIRTY_TRACKING:
		return !(to_mock_device(dev)->flags & MOCK_FLAGS_DEVICE_NO_DIRTY);
	default:
		return false;
	}
}

static void *mock_hw_info(struct device *dev, u32 *length,
			  enum iommu_hw_info_type *type)
{
	struct iommu_test_hw_info *info;

	if (*type != IOMMU_HW_INFO_TYPE_DEFAULT &&
	    *type != IOMMU_HW_INFO_TYPE_SELFTEST)
		return ERR_PTR(-EOPNOTSUPP);
	info = kzalloc_obj(*info);
	if (!info)
		return ERR_PTR(-ENOMEM);
	info->test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL;
	*length = sizeof(*info);
	*type = IOMMU_HW_INFO_TYPE_SELFTEST;
	return info;
}

static struct iommu_device *mock_probe(struct device *dev)
{
	return dev->bus == &mock_bus ? &mock_iommu : ERR_PTR(-ENODEV);
}

static void mock_page_response(struct device *dev, struct iopf_fault *fault,
			       struct iommu_page_response *response)
{
}

static const struct iommu_ops mock_ops = {
	.capable = mock_capable,
	.hw_info = mock_hw_info,
	.domain_alloc_paging_flags = mock_domain_alloc_paging,
	.domain_alloc_nested = mock_nested_alloc,
	.probe_device = mock_probe,
	.device_group = generic_device_group,
	.page_response = mock_page_response,
	.get_viommu_size = mock_viommu_size,
	.viommu_init = mock_viommu_init,
	.default_domain = &blocked_domain,
	.blocked_domain = &blocked_domain,
	.owner = THIS_MODULE,
	.user_pasid_table = true,
};

/**
 * mock_iommu_add() - add a device behind the mock IOMMU
 * @dev: initialized
 *
 * Return: 0, -ENODEV the iommu core could not make use of it, or another error
 * of the driver core. After an error @dev is not added.
 */
int mock_iommu_add(struct device *dev)
{
	int rc = iommu_mock_device_add(dev, &mock_iommu);

	if (rc) {
		/* Without memory for the rest the core leaves this behind. */
		kfree(dev->iommu);
		dev->iommu = NULL;
		return rc;
	}
	/* The core probes in a notifier, which has no way to fail. */
	if (!device_iommu_mapped(dev)) {
		device_del(dev);
		return -ENODEV;
	}
	return 0;
}

/**
 * mock_iommu_init() - make the mock IOMMU and its bus
 *
 * Return: 0 or an error of the driver core.
 */
int mock_iommu_init(void)
{
	int rc;

	mock_parent = platform_device_register_simple("iommufd_selftest_iommu",
						      -1, NULL, 0);
	if (IS_ERR(mock_parent))
		return PTR_ERR(mock_parent);
	rc = bus_register(&mock_bus);
	if (rc)
		goto err_parent;
	rc = iommu_device_sysfs_add(&mock_iommu, &mock_parent->dev, NULL, "%s",
				    dev_name(&mock_parent->dev));
	if (rc)
		goto err_bus;
	rc = iommu_device_register_bus(&mock_iommu, &mock_ops, &mock_bus,
				       &mock_notifier);
	if (rc)
		goto err_sysfs;
	mock_iopf_init();
	return 0;

err_sysfs:
	iommu_device_sysfs_remove(&mock_iommu);
err_bus:
	bus_unregister(&mock_bus);
err_parent:
	platform_device_unregister(mock_parent);
	return rc;
}

/**
 * mock_iommu_exit() - undo mock_iommu_init()
 *
 * No device is left: each keeps the module.
 */
void mock_iommu_exit(void)
{
	mock_iopf_exit();
	iommu_device_unregister_bus(&mock_iommu, &mock_bus, &mock_notifier);
	iommu_device_sysfs_remove(&mock_iommu);
	bus_unregister(&mock_bus);
	platform_device_unregister(mock_parent);
}
