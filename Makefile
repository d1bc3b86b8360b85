# SPDX-License-Identifier: GPL-2.0-only
#
# With KERNELRELEASE set this is the kbuild file of drivers/iommu/iommufd;
# otherwise it offers the targets that 'make help' lists.

ifneq ($(or $(KERNELRELEASE),$(srctree)),)

# In a kernel that has gcov: make coverage counts what the tests run.
GCOV_PROFILE := $(CONFIG_IOMMUFD_TEST)

iommufd-y := \
	access.o \
	area.o \
	attach.o \
	debugfs.o \
	device.o \
	eventq.o \
	fault.o \
	fdinfo.o \
	hw_pagetable.o \
	hw_queue.o \
	hwpt_dirty.o \
	ioas.o \
	ioas_process.o \
	ioctl.o \
	io_container.o \
	io_dirty.o \
	io_pagetable.o \
	io_reserved.o \
	io_user.o \
	iova_alloc.o \
	main.o \
	object.o \
	pages.o \
	pages_access.o \
	pages_account.o \
	pages_file.o \
	pages_mmio.o \
	pages_user.o \
	pfn_store.o \
	trace.o \
	vdevice.o \
	veventq.o \
	vfio_compat.o \
	vfio_dirty.o \
	vfio_info.o \
	vfio_map.o \
	viommu.o

iommufd-$(CONFIG_IOMMUFD_NOIOMMU) += hwpt_noiommu.o

iommufd-$(CONFIG_DMA_SHARED_BUFFER) += pages_dmabuf.o

iommufd-$(CONFIG_IOMMUFD_TEST) += \
	mock/access.o \
	mock/attach.o \
	mock/check.o \
	mock/device.o \
	mock/dmabuf.o \
	mock/domain.o \
	mock/inject.o \
	mock/iommu.o \
	mock/iopf.o \
	mock/nested.o \
	mock/ops.o \
	mock/stdev.o \
	mock/viommu.o

obj-$(CONFIG_IOMMUFD) += iommufd.o
obj-$(CONFIG_IOMMUFD_SAMPLE_COPYENGINE) += samples/
obj-$(CONFIG_IOMMUFD_DRIVER) += iova_bitmap.o

iommufd_driver-y := driver.o
obj-$(CONFIG_IOMMUFD_DRIVER_CORE) += iommufd_driver.o

else

include tools/targets.mk

endif
