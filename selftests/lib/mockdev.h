/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock IOMMU and its devices: what ../../iommufd_test.h offers. All functions
 * are raw (see must.h).
 */
#ifndef LIB_MOCKDEV_H
#define LIB_MOCKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../iommufd_test.h"
#include "must.h"

/* Why a test is skipped */
#define NEEDS_MOCK	"the kernel has no mock"

/* A mock device that is bound and attached, and what it is attached to */
struct mock {
	__u32 stdev;
	__u32 hwpt;
	__u32 idev;
};

bool mock_present(int fd);

/* An op. What makes an fd returns it. */
int mock_op(int fd, struct iommu_test_cmd *cmd);

#define MOCK_OP(_fd, _op, ...)						\
	mock_op(_fd, &(struct iommu_test_cmd){				\
			.op = IOMMU_TEST_OP_##_op, __VA_ARGS__ })

/* @flags are MOCK_FLAGS_DEVICE_*. */
int mock_new(int fd, __u32 pt_id, __u32 flags, struct mock *mock);
/* Move its RID, or one of its PASIDs. */
int mock_replace(int fd, const struct mock *mock, __u32 pt_id);
int mock_pasid_attach(int fd, const struct mock *mock, __u32 pasid, __u32 pt_id);
int mock_pasid_detach(int fd, const struct mock *mock, __u32 pasid);

/* A page request, which is the only one of its group */
int mock_page_request(int fd, __u32 idev, __u32 pasid, __u32 grpid, __u64 addr);
/* An event of the vIOMMU that the device is behind */
int mock_vevent(int fd, __u32 idev);

/*
 * Let a device write to pages of @page_size from @iova on, each that has its bit in
 * @bits, of which there are @length / @page_size. Returns how many.
 */
int mock_write(int fd, __u32 hwpt, __u64 iova, __u64 length, __u64 page_size,
	       const void *bits);
/* The same for a single page */
int mock_write_page(int fd, __u32 hwpt, __u64 iova, __u64 page_size);

#endif
