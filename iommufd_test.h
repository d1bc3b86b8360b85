/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test ioctl of /dev/iommu with CONFIG_IOMMUFD_TEST: it makes mock devices
 * behind a mock IOMMU, acts as a kernel driver that uses an IOAS, and looks at
 * what the subsystem did. tools/testing/selftests/iommu includes this file too.
 */
#ifndef __IOMMUFD_TEST_H
#define __IOMMUFD_TEST_H

#include <linux/iommufd.h>
#include <linux/types.h>

/* What &struct iommu_test_cmd.op asks for */
enum {
	IOMMU_TEST_OP_ADD_RESERVED = 1,
	IOMMU_TEST_OP_MOCK_DOMAIN,
	IOMMU_TEST_OP_MD_CHECK_MAP,
	IOMMU_TEST_OP_MD_CHECK_REFS,
	IOMMU_TEST_OP_CREATE_ACCESS,
	IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
	IOMMU_TEST_OP_ACCESS_PAGES,
	IOMMU_TEST_OP_ACCESS_RW,
	IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
	IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
	IOMMU_TEST_OP_ACCESS_REPLACE_IOAS,
	IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
	IOMMU_TEST_OP_DIRTY,
	IOMMU_TEST_OP_MD_CHECK_IOTLB,
	IOMMU_TEST_OP_TRIGGER_IOPF,
	IOMMU_TEST_OP_DEV_CHECK_CACHE,
	IOMMU_TEST_OP_TRIGGER_VEVENT,
	IOMMU_TEST_OP_PASID_ATTACH,
	IOMMU_TEST_OP_PASID_REPLACE,
	IOMMU_TEST_OP_PASID_DETACH,
	IOMMU_TEST_OP_PASID_CHECK_HWPT,
	IOMMU_TEST_OP_DMABUF_GET,
	IOMMU_TEST_OP_DMABUF_REVOKE,
};

/* Page tables of the mock IOMMU, &struct iommu_hwpt_selftest.pagetable_type */
enum {
	MOCK_IOMMUPT_DEFAULT = 0,
	MOCK_IOMMUPT_HUGE,
};

/* What MOCK_IOMMUPT_DEFAULT can translate, and its pages */
#define MOCK_APERTURE_START	0x01000000UL
#define MOCK_APERTURE_LAST	0x7fffffffUL
#define MOCK_PAGE_SIZE		2048
#define MOCK_HUGE_PAGE_SIZE	(512 * MOCK_PAGE_SIZE)

/* IOMMU_TEST_OP_ACCESS_PAGES. The SYZ bit goes with ACCESS_RW and COPY as well */
#define MOCK_FLAGS_ACCESS_WRITE	1
#define MOCK_FLAGS_ACCESS_SYZ	0x10000

/* IOMMU_TEST_OP_ACCESS_RW: flags of iommufd_access_rw() */
#define MOCK_ACCESS_RW_WRITE		1
#define MOCK_ACCESS_RW_SLOW_PATH	4

/* IOMMU_TEST_OP_CREATE_ACCESS */
#define MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES	1

/* IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS */
#define MOCK_FLAGS_DEVICE_NO_DIRTY	1
#define MOCK_FLAGS_DEVICE_PASID		4

/* How much the mock has of what it has little of */
#define MOCK_NESTED_DOMAIN_IOTLB_NUM	4
#define MOCK_NESTED_DOMAIN_IOTLB_ID_MAX	(MOCK_NESTED_DOMAIN_IOTLB_NUM - 1)
#define MOCK_DEV_CACHE_NUM		4
#define MOCK_DEV_CACHE_ID_MAX		(MOCK_DEV_CACHE_NUM - 1)
#define MOCK_PASID_WIDTH		20
#define IOMMU_TEST_HW_QUEUE_MAX		2

/* Replacing at this PASID fails, so that the way back can be tested */
#define IOMMU_TEST_PASID_RESERVED 1024

/* First contents of the caches */
#define IOMMU_TEST_IOTLB_DEFAULT	0xbadbeef
#define IOMMU_TEST_DEV_CACHE_DEFAULT	0xbaddad

/*
 * IOMMU_TEST_CMD. The members of the union are named like their op; id is the
 * object or, for an op about an access, the file descriptor that it is about.
 * last only ends the members that a caller has to pass.
 */
struct iommu_test_cmd {
	__u32 size;
	__u32 op;
	__u32 id;
	__u32 __reserved;
	union {
		struct {
			__aligned_u64 start;
			__aligned_u64 length;
		} add_reserved;
		struct {
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
		} mock_domain;
		struct {
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
			__u32 dev_flags;
		} mock_domain_flags;
		struct {
			__u32 pt_id;
		} mock_domain_replace;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} check_map;
		struct {
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 refs;
		} check_refs;
		struct {
			__u32 out_access_fd;
			__u32 flags;
		} create_access;
		struct {
			__u32 access_pages_id;
		} destroy_access_pages;
		struct {
			__u32 flags;
			__u32 out_access_pages_id;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} access_pages;
		struct {
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 flags;
		} access_rw;
		struct {
			__u32 ioas_id;
		} access_replace_ioas;
		struct {
			__u32 limit;
		} memory_limit;
		struct {
			__u32 flags;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 page_size;
			__aligned_u64 uptr;
			__aligned_u64 out_nr_dirty;
		} dirty;
		struct {
			__u32 id;
			__u32 iotlb;
		} check_iotlb;
		struct {
			__u32 dev_id;
			__u32 pasid;
			__u32 grpid;
			__u32 perm;
			__aligned_u64 addr;
		} trigger_iopf;
		struct {
			__u32 id;
			__u32 cache;
		} check_dev_cache;
		struct {
			__u32 dev_id;
		} trigger_vevent;
		struct {
			__u32 pasid;
			__u32 pt_id;
		} pasid_attach;
		struct {
			__u32 pasid;
			__u32 pt_id;
		} pasid_replace;
		struct {
			__u32 pasid;
		} pasid_detach;
		struct {
			__u32 pasid;
			__u32 hwpt_id;
		} pasid_check;
		struct {
			__u32 length;
			__u32 open_flags;
		} dmabuf_get;
		struct {
			__s32 dmabuf_fd;
			__u32 revoked;
		} dmabuf_revoke;
	};
	__u32 last;
};

#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

/* Types of driver data that are the mock's; no real driver has these numbers */
#define IOMMU_HW_INFO_TYPE_SELFTEST			0xfeedbeef
#define IOMMU_HW_INFO_SELFTEST_REGVAL			0xdeadbeef
#define IOMMU_HWPT_DATA_SELFTEST			0xdead
#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST		0xdeadbeef
#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID	0xdadbeef
#define IOMMU_VIOMMU_TYPE_SELFTEST			0xdeadbeef
#define IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST		0xdeadbeef
#define IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID	0xdadbeef
#define IOMMU_VEVENTQ_TYPE_SELFTEST			0xbeefbeef
#define IOMMU_HW_QUEUE_TYPE_SELFTEST			0xdeadbeef

/**
 * struct iommu_test_hw_info - IOMMU_HW_INFO_TYPE_SELFTEST
 * @flags: 0
 * @test_reg: IOMMU_HW_INFO_SELFTEST_REGVAL
 */
struct iommu_test_hw_info {
	__u32 flags;
	__u32 test_reg;
};

/**
 * struct iommu_hwpt_selftest - IOMMU_HWPT_DATA_SELFTEST
 * @iotlb: what the mock IOTLB of a nested domain is filled with
 * @pagetable_type: MOCK_IOMMUPT_* of a paging domain
 */
struct iommu_hwpt_selftest {
	__u32 iotlb;
	__u32 pagetable_type;
};

/* Zero the whole cache instead of one entry */
#define IOMMU_TEST_INVALIDATE_FLAG_ALL 1

/**
 * struct iommu_hwpt_invalidate_selftest - IOMMU_HWPT_INVALIDATE_DATA_SELFTEST
 * @flags: IOMMU_TEST_INVALIDATE_FLAG_ALL
 * @iotlb_id: entry of the mock IOTLB
 */
struct iommu_hwpt_invalidate_selftest {
	__u32 flags;
	__u32 iotlb_id;
};

/**
 * struct iommu_viommu_selftest - IOMMU_VIOMMU_TYPE_SELFTEST
 * @in_data: goes to @out_data and to the start of the memory that can be mapped
 * @out_data: what @in_data was
 * @out_mmap_offset: where to map it
 * @out_mmap_length: its size
 */
struct iommu_viommu_selftest {
	__u32 in_data;
	__u32 out_data;
	__aligned_u64 out_mmap_offset;
	__aligned_u64 out_mmap_length;
};

/**
 * struct iommu_viommu_invalidate_selftest - IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST
 * @flags: IOMMU_TEST_INVALIDATE_FLAG_ALL
 * @vdev_id: the device, by its virtual id
 * @cache_id: entry of the device's mock cache
 */
struct iommu_viommu_invalidate_selftest {
	__u32 flags;
	__u32 vdev_id;
	__u32 cache_id;
};

/**
 * struct iommu_viommu_event_selftest - IOMMU_VEVENTQ_TYPE_SELFTEST
 * @virt_id: the device that reports, by its virtual id
 */
struct iommu_viommu_event_selftest {
	__u32 virt_id;
};

#endif
