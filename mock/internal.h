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
 * domain.c     page tables, which are those of the generic page table code
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
 */
struct mock_device {
	struct device dev;
	unsigned int nr;
	u32 flags;
	struct rw_semaphore attach_lock;
	u32 cache[MOCK_DEV_CACHE_NUM];
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
