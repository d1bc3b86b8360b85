// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock devices: a bus without drivers, and devices on it that come and go with
 * the test ioctl.
 */
#include <linux/idr.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "internal.h"

static DEFINE_IDA(device_ids);

const struct bus_type mock_bus = {
	.name = "iommufd_mock",
};

static void release_device(struct device *dev)
{
	struct mock_device *mdev = to_mock_device(dev);

	ida_free(&device_ids, mdev->nr);
	kfree(mdev);
}

/**
 * iommufd_is_mock() - tell the devices of the mock from others
 * @dev: any device
 *
 * Return: whether it is one of the mock.
 */
bool iommufd_is_mock(const struct device *dev)
{
	return dev->release == release_device;
}

/* Let the iommu core know how many PASIDs the device has. */
static int add_properties(struct mock_device *mdev)
{
	const u32 bits = mdev->flags & MOCK_FLAGS_DEVICE_PASID ?
			 MOCK_PASID_WIDTH : 0;
	const struct property_entry properties[] = {
		PROPERTY_ENTRY_U32("pasid-num-bits", bits),
		{}
	};

	return device_create_managed_software_node(&mdev->dev, properties, NULL);
}

static int add_device(struct mock_device *mdev)
{
	int rc;

	rc = dev_set_name(&mdev->dev, "%s%u", mock_bus.name, mdev->nr);
	if (!rc)
		rc = add_properties(mdev);
	if (rc)
		return rc;
	rc = mock_iommu_add(&mdev->dev);
	if (rc)
		device_remove_software_node(&mdev->dev);
	return rc;
}

/**
 * mock_device_new() - make a device
 * @flags: MOCK_FLAGS_DEVICE_*
 *
 * Return: the device, to end with mock_device_destroy(), or ERR_PTR(-ENOMEM),
 * ERR_PTR(-EINVAL) unknown flags, or what the driver core says.
 */
struct mock_device *mock_device_new(u32 flags)
{
	struct mock_device *mdev;
	int rc;

	if (flags & ~(MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_PASID))
		return ERR_PTR(-EINVAL);
	mdev = kzalloc_obj(*mdev);
	if (!mdev)
		return ERR_PTR(-ENOMEM);
	rc = ida_alloc(&device_ids, GFP_KERNEL);
	if (rc < 0) {
		kfree(mdev);
		return ERR_PTR(rc);
	}
	mdev->nr = rc;
	mdev->flags = flags;
	init_rwsem(&mdev->attach_lock);
	memset32(mdev->cache, IOMMU_TEST_DEV_CACHE_DEFAULT, MOCK_DEV_CACHE_NUM);

	device_initialize(&mdev->dev);
	mdev->dev.bus = &mock_bus;
	mdev->dev.release = release_device;
	rc = add_device(mdev);
	if (rc) {
		put_device(&mdev->dev);
		return ERR_PTR(rc);
	}
	return mdev;
}

/**
 * mock_device_destroy() - undo mock_device_new()
 * @mdev: the device; nobody has bound it
 */
void mock_device_destroy(struct mock_device *mdev)
{
	device_unregister(&mdev->dev);
}
