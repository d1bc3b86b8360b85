/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every test here includes.
 */
#ifndef SELFTESTS_TEST_H
#define SELFTESTS_TEST_H

#include <kselftest_harness.h>

/* Seconds for one test: an emulated machine with all checks on is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#include "lib/context.h"
#include "lib/edu.h"
#include "lib/iommu.h"
#include "lib/kernel.h"
#include "lib/memory.h"
#include "lib/must.h"
#include "lib/vfio_device.h"

/* An ID that no context has */
#define NO_ID	0x7fffffff

/*
 * For the end of a test that has closed what it opened: it has pinned nothing, is
 * charged for nothing, and the system has as many pinned pages as before.
 */
#define EXPECT_SETTLED(_pinned_before)				\
do {								\
	EXPECT_EQ(0, pins_since(_pinned_before));		\
	EXPECT_EQ(0, status_kib("VmLck"));			\
} while (0)

/* Why a test is skipped */
#define NEEDS_EDU	"no edu device"
#define NEEDS_GROUPS	"no two edu devices of two IOMMU groups"
#define NEEDS_GROUP	"no two edu devices of one IOMMU group"

static inline struct iova_range range_of(struct ioas ioas, __u64 iova,
					 __u64 length)
{
	return (struct iova_range){ ioas, iova, length };
}

static inline __u64 addr(const void *p)
{
	return (uintptr_t)p;
}

#endif
