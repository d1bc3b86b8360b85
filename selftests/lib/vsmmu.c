// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vsmmu.h"

/* IDR0: stage 2 and stage 1 */
#define IDR0_STAGES	3

bool context_has_smmu(const struct context *c)
{
	struct iommu_hw_info_arm_smmuv3 info = {};
	struct iommu_hw_info cmd = {
		.dev_id = c->edu[0].id,
		.data_len = sizeof(info),
		.data_uptr = (uintptr_t)&info,
	};

	must(run_get_hw_info(c->fd, &cmd));
	return cmd.out_data_type == IOMMU_HW_INFO_TYPE_ARM_SMMUV3 &&
	       (info.idr[0] & IDR0_STAGES) == IDR0_STAGES;
}

static void map_memory(struct vsmmu *v)
{
	const struct iova_range range = { v->c.ioas, VSMMU_IPA, VSMMU_SIZE };

	v->mem = must_ptr(mem_base(VSMMU_SIZE));
	v->data = v->mem + VSMMU_TABLES * PAGE;
	must(ioas_map_at(range, v->mem, MAP_RW));
}

int vsmmu_open(struct vsmmu *v)
{
	__u32 device;

	*v = (struct vsmmu){ .events.fd = -1 };
	if (context_open(&v->c, ONE_EDU))
		return -ENODEV;
	if (!context_has_smmu(&v->c)) {
		context_close(&v->c);
		return -ENODEV;
	}
	device = vsmmu_edu(v)->id;
	map_memory(v);
	v->parent = must(hwpt_alloc(v->c.ioas, device,
				    IOMMU_HWPT_ALLOC_NEST_PARENT));
	v->viommu = must(VIOMMU_ALLOC(v->c.fd, .dev_id = device,
				      .hwpt_id = v->parent,
				      .type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
	vsmmu_load(v);
	stage1_init(&v->stage1, v->mem, VSMMU_IPA, VSMMU_ASID);
	v->nested = must(vsmmu_nested(v, stage1_ste(&v->stage1)));
	return 0;
}

void vsmmu_close(struct vsmmu *v)
{
	if (v->events.fd >= 0)
		close(v->events.fd);
	context_close(&v->c);
	if (v->mem)
		munmap(v->mem, VSMMU_SIZE);
}

void vsmmu_attach(struct vsmmu *v, __u32 pt)
{
	must(vfio_attach(vsmmu_edu(v)->fd, pt));
}

void vsmmu_load(struct vsmmu *v)
{
	vsmmu_attach(v, v->parent);
	mem_fill(v->data, PAGE, VSMMU_SEED);
	must(edu_from_memory(vsmmu_edu(v), vsmmu_ipa(0), 0, PAGE));
}

int vsmmu_nested(struct vsmmu *v, struct iommu_hwpt_arm_smmuv3 ste)
{
	return HWPT_ALLOC(v->c.fd, .dev_id = vsmmu_edu(v)->id,
			  .pt_id = v->viommu,
			  .data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
			  .data_len = sizeof(ste),
			  .data_uptr = (uintptr_t)&ste);
}

__u32 vsmmu_simple(struct vsmmu *v, __u64 ste)
{
	return must(vsmmu_nested(v, (struct iommu_hwpt_arm_smmuv3){
				    .ste = { ste } }));
}

void vsmmu_give_stream(struct vsmmu *v)
{
	v->vdevice = must(VDEVICE_ALLOC(v->c.fd, .viommu_id = v->viommu,
					.dev_id = vsmmu_edu(v)->id,
					.virt_id = VSMMU_STREAM));
}

void vsmmu_give(struct vsmmu *v)
{
	vsmmu_give_stream(v);
	must(veventq_alloc(v->c.fd, v->viommu, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
			   VSMMU_DEPTH, &v->events));
}

void vsmmu_enter(struct vsmmu *v)
{
	vsmmu_give(v);
	vsmmu_attach(v, v->nested);
	vsmmu_map(v, VSMMU_VA, 0);
}

void vsmmu_map(struct vsmmu *v, __u64 va, int page)
{
	stage1_set(&v->stage1, va, vsmmu_ipa(page) | PTE_PAGE);
}

int vsmmu_lands_among(struct vsmmu *v, __u64 iova, char *pages, int n)
{
	int found = NOWHERE;
	size_t at;

	memset(pages, 0, n * PAGE);
	must(edu_to_memory(vsmmu_edu(v), iova, 0, VSMMU_WORD));
	for (at = 0; at < n * PAGE; at++) {
		if (!pages[at])
			continue;
		if (found != NOWHERE && found != (int)(at / PAGE))
			return NO_SINGLE_PAGE;
		found = at / PAGE;
	}
	if (found != NOWHERE &&
	    mem_differs(pages + found * PAGE, VSMMU_WORD, VSMMU_SEED) >= 0)
		return NO_SINGLE_PAGE;
	return found;
}

int vsmmu_lands(struct vsmmu *v, __u64 iova)
{
	return vsmmu_lands_among(v, iova, v->data, VSMMU_DATA);
}

int vsmmu_invalidate(struct vsmmu *v,
		     struct iommu_viommu_arm_smmuv3_invalidate *cmds, __u32 *n)
{
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = v->viommu,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.data_uptr = (uintptr_t)cmds,
		.entry_len = sizeof(*cmds),
		.entry_num = *n,
	};
	int rc = run_invalidate(v->c.fd, &cmd);

	*n = cmd.entry_num;
	return rc;
}

int vsmmu_command(struct vsmmu *v, __u64 first, __u64 second)
{
	struct iommu_viommu_arm_smmuv3_invalidate cmd = { { first, second } };
	__u32 n = 1;
	int rc = vsmmu_invalidate(v, &cmd, &n);

	return n == !rc ? rc : -EPROTO;
}

int vsmmu_read_event(struct vsmmu *v, int ms, struct vevent *event)
{
	struct pollfd pfd = { .fd = v->events.fd, .events = POLLIN };

	memset(event, 0, sizeof(*event));
	if (!poll(&pfd, 1, ms))
		return 0;
	return read(v->events.fd, event, sizeof(*event));
}
