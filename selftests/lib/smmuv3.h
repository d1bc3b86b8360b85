/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest has for an Arm SMMUv3 (Arm IHI 0070): a stream table entry, and in
 * its memory a context descriptor and page tables for 4 KiB pages; commands; events.
 */
#ifndef LIB_SMMUV3_H
#define LIB_SMMUV3_H

#include <linux/iommufd.h>
#include <linux/types.h>

/* The first word of a stream table entry */
#define STE_VALID		1ULL
#define STE_ABORT		(STE_VALID | 0 << 1)
#define STE_BYPASS		(STE_VALID | 4 << 1)
#define STE_STAGE1		(STE_VALID | 5 << 1)
#define STE_STAGE2		(STE_VALID | 6 << 1)
#define STE_BOTH_STAGES		(STE_VALID | 7 << 1)

/*
 * The memory of the guest's tables: pages of their own that follow each other, the
 * first of them at @ipa for the guest.
 */
#define STAGE1_PAGES		5

struct stage1 {
	char *mem;
	__u64 ipa;
};

/* Two parts of 2 MiB of the address space can have pages. */
#define STAGE1_LOW		0x08000000ULL
#define STAGE1_HIGH		0x10000000ULL

/* Besides an address, in what stage1_set() writes */
#define PTE_PAGE		(3ULL | 1ULL << 6 | 3ULL << 8 | PTE_ACCESSED | \
				 PTE_OF_ASID)
#define PTE_READ_ONLY		(1ULL << 7)
#define PTE_ACCESSED		(1ULL << 10)
#define PTE_OF_ASID		(1ULL << 11)

/* No page is mapped. */
void stage1_init(struct stage1 *stage1, void *mem, __u64 ipa, __u16 asid);
void stage1_set(struct stage1 *stage1, __u64 va, __u64 pte);
/* These two change the context descriptor. */
void stage1_set_asid(struct stage1 *stage1, __u16 asid);
void stage1_set_valid(struct stage1 *stage1, int valid);
/* A stream table entry that leads there */
struct iommu_hwpt_arm_smmuv3 stage1_ste(const struct stage1 *stage1);

/* Commands: the operation, and fields of the first and the second word */
#define CMD_CFGI_STE		0x03
#define CMD_CFGI_CD		0x05
#define CMD_CFGI_CD_ALL		0x06
#define CMD_TLBI_NH_ALL		0x10
#define CMD_TLBI_NH_ASID	0x11
#define CMD_TLBI_NH_VA		0x12
#define CMD_TLBI_NH_VAA		0x13
#define CMD_TLBI_S12_VMALL	0x28
#define CMD_TLBI_NSNH_ALL	0x30
#define CMD_ATC_INV		0x40
#define CMD_SYNC		0x46

#define CMD0_STREAM(_id)	((__u64)(_id) << 32)
#define CMD0_VMID(_vmid)	((__u64)(_vmid) << 32)
#define CMD0_ASID(_asid)	((__u64)(_asid) << 48)
#define CMD0_NUM(_num)		((__u64)(_num) << 12)
#define CMD1_LEAF		1ULL
/* The range is one of 4 KiB pages, and of entries of the last level. */
#define CMD1_RANGE		(1ULL << 10 | 3ULL << 8)

/* Events: what happened, and to which stream */
#define EVENT_BAD_CD		0x0a
#define EVENT_TRANSLATION	0x10
#define EVENT_ACCESS		0x12
#define EVENT_PERMISSION	0x13

static inline __u8 event_type(const struct iommu_vevent_arm_smmuv3 *event)
{
	return event->evt[0];
}

static inline __u32 event_stream(const struct iommu_vevent_arm_smmuv3 *event)
{
	return event->evt[0] >> 32;
}

/* Was it a read? */
static inline int event_read(const struct iommu_vevent_arm_smmuv3 *event)
{
	return event->evt[1] >> 35 & 1;
}

#endif
