// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "memory.h"
#include "smmuv3.h"

/* The pages of the tables */
enum { CONTEXT, LEVEL1, LEVEL2, LEVEL3_LOW, LEVEL3_HIGH };

#define TABLE		3ULL

/*
 * The context descriptor: 39 bits of virtual and 40 of intermediate addresses,
 * tables in the caches and shared, no second table. What faults is stopped and
 * reported.
 */
#define CD0_SIZE	(64 - 39ULL)
#define CD0_CACHED	(1ULL << 8 | 1ULL << 10 | 3ULL << 12)
#define CD0_NO_SECOND	(1ULL << 30)
#define CD0_VALID	(1ULL << 31)
#define CD0_40_BITS	(2ULL << 32)
#define CD0_AARCH64	(1ULL << 41)
#define CD0_REPORT	(1ULL << 45 | 1ULL << 46)
#define CD0_NOT_SHARED	(1ULL << 47)
#define CD0_ASID(_asid)	((__u64)(_asid) << 48)
#define CD0		(CD0_SIZE | CD0_CACHED | CD0_NO_SECOND | CD0_40_BITS | \
			 CD0_AARCH64 | CD0_REPORT | CD0_NOT_SHARED)
/* Attributes with index 0: memory in the caches */
#define CD3_MEMORY	0xffULL

/* Where the stream table entry points to the descriptor, it is cached and shared. */
#define STE1_CACHED	(1ULL << 2 | 1ULL << 4 | 3ULL << 6)

static __u64 *page(const struct stage1 *stage1, int which)
{
	return (__u64 *)(stage1->mem + which * PAGE);
}

static __u64 ipa_of(const struct stage1 *stage1, int which)
{
	return stage1->ipa + which * PAGE;
}

/* A device may read it at any time. */
static void store(__u64 *at, __u64 value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static int level2_index(__u64 va)
{
	return va / HUGE % 512;
}

void stage1_init(struct stage1 *stage1, void *mem, __u64 ipa, __u16 asid)
{
	__u64 *context = mem;

	*stage1 = (struct stage1){ mem, ipa };
	memset(mem, 0, STAGE1_PAGES * PAGE);
	page(stage1, LEVEL1)[0] = ipa_of(stage1, LEVEL2) | TABLE;
	page(stage1, LEVEL2)[level2_index(STAGE1_LOW)] =
		ipa_of(stage1, LEVEL3_LOW) | TABLE;
	page(stage1, LEVEL2)[level2_index(STAGE1_HIGH)] =
		ipa_of(stage1, LEVEL3_HIGH) | TABLE;
	context[1] = ipa_of(stage1, LEVEL1);
	context[3] = CD3_MEMORY;
	store(context, CD0 | CD0_VALID | CD0_ASID(asid));
}

void stage1_set(struct stage1 *stage1, __u64 va, __u64 pte)
{
	int table = va < STAGE1_HIGH ? LEVEL3_LOW : LEVEL3_HIGH;

	store(&page(stage1, table)[va / PAGE % 512], pte);
}

void stage1_set_asid(struct stage1 *stage1, __u16 asid)
{
	store(page(stage1, CONTEXT), CD0 | CD0_VALID | CD0_ASID(asid));
}

void stage1_set_valid(struct stage1 *stage1, int valid)
{
	__u64 *context = page(stage1, CONTEXT);

	store(context, valid ? *context | CD0_VALID : *context & ~CD0_VALID);
}

struct iommu_hwpt_arm_smmuv3 stage1_ste(const struct stage1 *stage1)
{
	return (struct iommu_hwpt_arm_smmuv3){
		.ste = { STE_STAGE1 | ipa_of(stage1, CONTEXT), STE1_CACHED },
	};
}
