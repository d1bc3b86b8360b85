/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM sets up for a guest with an SMMUv3 and an edu device: the guest's memory
 * in a nesting parent, a vIOMMU, stage 1 tables in that memory. The functions assert,
 * see must.h, unless something else is said.
 */
#ifndef LIB_VSMMU_H
#define LIB_VSMMU_H

#include <stdbool.h>

#include "context.h"
#include "hwpt.h"
#include "memory.h"
#include "smmuv3.h"

#define NEEDS_SMMU	"no SMMUv3 with two stages and edu devices (tools/vm/run --arm64)"

/* The guest's memory is at VSMMU_IPA in the nesting parent: its tables, then data. */
#define VSMMU_IPA	GIB
#define VSMMU_TABLES	16
#define VSMMU_DATA	4
#define VSMMU_DATA_IPA	(VSMMU_IPA + VSMMU_TABLES * PAGE)
#define VSMMU_SIZE	((VSMMU_TABLES + VSMMU_DATA) * PAGE)

/* Where the guest maps page 0 of its data for the device */
#define VSMMU_VA	(STAGE1_HIGH + 7 * PAGE)

/* What the guest calls the device, and its address space */
#define VSMMU_STREAM	0xabcd
#define VSMMU_ASID	5
/* Events that the guest's queue holds */
#define VSMMU_DEPTH	8

/* Where a transfer can end up, if it is not in one of the pages */
#define NOWHERE		-1
#define NO_SINGLE_PAGE	-2

/* What the device has in its buffer, see mem_fill(), and writes at once: a piece */
#define VSMMU_SEED	3
#define VSMMU_WORD	4	/* bytes, for which the SMMU translates just once */

struct vsmmu {
	struct context c;
	char *mem;
	char *data;
	struct stage1 stage1;
	struct event_queue events;	/* its fd is -1 when there is none */
	__u32 parent;
	__u32 viommu;
	__u32 vdevice;
	__u32 nested;			/* the one of stage1 */
};

/* What vsmmu_read_event() reads */
struct vevent {
	struct iommufd_vevent_header header;
	struct iommu_vevent_arm_smmuv3 event;
};

/* Has the device an SMMUv3 with two stages? */
bool context_has_smmu(const struct context *c);

/*
 * All but what vsmmu_give() adds. The device is attached to the nesting parent.
 * ENODEV when this machine has no such things.
 */
int vsmmu_open(struct vsmmu *v);
void vsmmu_close(struct vsmmu *v);

static inline struct edu *vsmmu_edu(struct vsmmu *v)
{
	return &v->c.edu[0];
}

void vsmmu_attach(struct vsmmu *v, __u32 pt);
/* Attach to the parent, and load the device's buffer. */
void vsmmu_load(struct vsmmu *v);

/* A nested HWPT with this entry. Raw */
int vsmmu_nested(struct vsmmu *v, struct iommu_hwpt_arm_smmuv3 ste);
/* ... of which the first word is enough */
__u32 vsmmu_simple(struct vsmmu *v, __u64 ste);

/* The device gets a vDEVICE, ... */
void vsmmu_give_stream(struct vsmmu *v);
/* ... and the vIOMMU a queue for events. */
void vsmmu_give(struct vsmmu *v);
/* That, and the device goes through stage 1, in which VSMMU_VA is page 0. */
void vsmmu_enter(struct vsmmu *v);

/* The address of a page of data for the guest */
static inline __u64 vsmmu_ipa(int page)
{
	return VSMMU_DATA_IPA + page * PAGE;
}

/* Have @va lead to a page of data. */
void vsmmu_map(struct vsmmu *v, __u64 va, int page);

/* The page, of @n at @pages, in which what the device writes to @iova arrives */
int vsmmu_lands_among(struct vsmmu *v, __u64 iova, char *pages, int n);
/* ... of data */
int vsmmu_lands(struct vsmmu *v, __u64 iova);

/* Commands of the guest; @n becomes the number of those that were done. Raw */
int vsmmu_invalidate(struct vsmmu *v,
		     struct iommu_viommu_arm_smmuv3_invalidate *cmds, __u32 *n);
/* One of them, by its two words. EPROTO if the number is wrong. Raw */
int vsmmu_command(struct vsmmu *v, __u64 first, __u64 second);

/* Bytes of the next event, 0 when there is none in @ms. Raw */
int vsmmu_read_event(struct vsmmu *v, int ms, struct vevent *event);

#endif
