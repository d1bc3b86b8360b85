/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_MOCK_INTERNAL_H
#define __IOMMUFD_MOCK_INTERNAL_H

/**
 * DOC: The mock
 *
 * A mock IOMMU, mock devices behind it, and the test ioctl that plays the part
 * of the kernel driver of those devices:
 *
 * ============ ============================================================
 * ops.c        the ioctl: a table of operations
 * stdev.c      a bound mock device as an object, and its attachments
 * check.c      operations that look at what the subsystem did
 * access.c     a kernel user of an IOAS, behind a file descriptor
 * dmabuf.c     an exporter of dma-bufs
 * inject.c     failures, and small buffers, on request
 * iommu.c      the IOMMU driver as the iommu core sees it
 * device.c     the bus and its devices
 * attach.c     what it does when a device is attached
 * iopf.c       page requests
 * domain.c     page tables, which are those of the generic page table code
 * nested.c     first stages
 * viommu.c     the IOMMU as a guest has it
 * ============ ============================================================
 *
 * To the subsystem all of this is a driver like any other; what it has to know of
 * it all the same is in mock.h.
 */

#include <linux/device.h>
#include <linux/rwsem.h>

#include "../iommufd_private.h"
#include "../iommufd_test.h"
#include "mock.h"

/**
 * struct mock_device - a device behind the mock IOMMU
 * @dev: the device
 * @nr: [I] its number
 * @flags: [I] MOCK_FLAGS_DEVICE_*
 * @attach_lock: to write: its attachments change; to read: they do not
 * @cache: what DEV_CHECK_CACHE looks at
 * @viommu: [attach_lock] what its RID goes through, or NULL
 * @virt_id: [attach_lock] its id there
 * @bad_pasid_used: [mutex of the group] IOMMU_TEST_PASID_RESERVED is attached
 * @iopf_users: [mutex of the group] attachments that handle page requests
 */
struct mock_device {
	struct device dev;
	unsigned int nr;
	u32 flags;
	struct rw_semaphore attach_lock;
	u32 cache[MOCK_DEV_CACHE_NUM];
	struct iommufd_viommu *viommu;
	unsigned long virt_id;
	bool bad_pasid_used;
	unsigned int iopf_users;
};

static inline struct mock_device *to_mock_device(struct device *dev)
{
	return container_of(dev, struct mock_device, dev);
}

/* device.c */
extern const struct bus_type mock_bus;
struct mock_device *mock_device_new(u32 flags);
void mock_device_destroy(struct mock_device *mdev);

/* iommu.c */
int mock_iommu_init(void);
void mock_iommu_exit(void);
int mock_iommu_add(struct device *dev);

/* attach.c */
int mock_attach(struct iommu_domain *domain, struct device *dev,
		struct iommu_domain *old);
int mock_attach_pasid(struct iommu_domain *domain, struct device *dev,
		      ioasid_t pasid, struct iommu_domain *old);

/* iopf.c */
void mock_iopf_init(void);
void mock_iopf_exit(void);
int mock_iopf_enable(struct mock_device *mdev);
void mock_iopf_disable(struct mock_device *mdev);
int mock_trigger_iopf(struct iommufd_ucmd *ucmd);

/* nested.c */
struct iommu_domain *mock_nested_new(struct iommufd_viommu *viommu, u32 flags,
				     const struct iommu_user_data *user_data);
struct iommu_domain *mock_nested_alloc(struct device *dev,
				       struct iommu_domain *parent, u32 flags,
				       const struct iommu_user_data *user_data);
struct iommufd_viommu *mock_nested_viommu(struct iommu_domain *domain);
int mock_check_iotlb(struct iommufd_ucmd *ucmd);

/* viommu.c */
size_t mock_viommu_size(struct device *dev, enum iommu_viommu_type type);
int mock_viommu_init(struct iommufd_viommu *viommu, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data);
int mock_trigger_vevent(struct iommufd_ucmd *ucmd);

/* domain.c */
struct iommu_domain *
mock_domain_alloc_paging(struct device *dev, u32 flags,
			 const struct iommu_user_data *user_data);
struct iommufd_hwpt_paging *mock_hwpt_get(struct iommufd_ctx *ictx, u32 id);
phys_addr_t mock_domain_phys(struct iommu_domain *domain, unsigned long iova);
bool mock_domain_tracks_dirty(struct iommu_domain *domain);
int mock_domain_set_dirty(struct iommu_domain *domain, unsigned long iova);

/* inject.c */
void mock_inject_init(void);
void mock_inject_exit(void);
int mock_set_memory_limit(struct iommufd_ucmd *ucmd);

/* ops.c */
int mock_respond(struct iommufd_ucmd *ucmd);
u64 mock_find_area(struct io_space *space, u64 name);

/* stdev.c */
int mock_attach_new(struct iommufd_ucmd *ucmd);
int mock_attach_new_flags(struct iommufd_ucmd *ucmd);
int mock_replace(struct iommufd_ucmd *ucmd);
int mock_pasid_attach(struct iommufd_ucmd *ucmd);
int mock_pasid_replace(struct iommufd_ucmd *ucmd);
int mock_pasid_detach(struct iommufd_ucmd *ucmd);
int mock_pasid_check(struct iommufd_ucmd *ucmd);
struct iommufd_device *mock_idev_get(struct iommufd_ctx *ictx, u32 id);

/* check.c */
int mock_add_reserved(struct iommufd_ucmd *ucmd);
int mock_check_map(struct iommufd_ucmd *ucmd);
int mock_check_refs(struct iommufd_ucmd *ucmd);
int mock_check_cache(struct iommufd_ucmd *ucmd);
int mock_make_dirty(struct iommufd_ucmd *ucmd);

/* access.c */
int mock_access_create(struct iommufd_ucmd *ucmd);
int mock_access_pin(struct iommufd_ucmd *ucmd);
int mock_access_unpin(struct iommufd_ucmd *ucmd);
int mock_access_rw(struct iommufd_ucmd *ucmd);
int mock_access_replace(struct iommufd_ucmd *ucmd);

/* dmabuf.c */
int mock_dmabuf_get(struct iommufd_ucmd *ucmd);
int mock_dmabuf_revoke(struct iommufd_ucmd *ucmd);

#endif
