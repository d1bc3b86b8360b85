// SPDX-License-Identifier: GPL-2.0-only
/*
 * An Arm SMMUv3 for a guest: its stream table entries, stage 1 tables in its memory,
 * invalidation, events. QEMU's SMMU caches translations and context descriptors, so a
 * missing or a misdirected invalidation shows. Arm64 only (tools/vm/run --arm64).
 */
#include <sys/mman.h>

#include "lib/bad_input.h"
#include "lib/vsmmu.h"
#include "test.h"

/* What neither the guest's memory nor its stage 1 has */
#define HOLE		(2 * GIB)
#define NO_VA		(STAGE1_HIGH + 11 * PAGE)
#define NO_STREAM	(VSMMU_STREAM + 1)
#define OTHER_ASID	(VSMMU_ASID + 1)

#define CFGI_CD		(CMD_CFGI_CD | CMD0_STREAM(VSMMU_STREAM))

#define SOON_MS		2000
#define NEVER_MS	300

FIXTURE(smmuv3)
{
	struct vsmmu v;
};

FIXTURE_SETUP(smmuv3)
{
	if (vsmmu_open(&self->v))
		SKIP(return, NEEDS_SMMU);
}

FIXTURE_TEARDOWN(smmuv3)
{
	vsmmu_close(&self->v);
	EXPECT_SETTLED(self->v.c.pinned);
}

/*
 * Stream table entries
 */

struct entry {
	__u64 ste[2];
	int rc;		/* 1: any ID */
};

static const struct entry entries[] = {
	{ { STE_ABORT }, 1 },
	{ { STE_BYPASS }, 1 },
	{ { STE_STAGE1 | VSMMU_IPA }, 1 },
	/* Not valid: the rest does not matter. */
	{ { 0 }, 1 },
	{ { ~STE_VALID, ~0ULL }, 1 },
	/* Not the guest's: the other stage, its privileges, reserved bits */
	{ { STE_STAGE2 }, -EIO },
	{ { STE_BOTH_STAGES | VSMMU_IPA }, -EIO },
	{ { STE_VALID | 1 << 1 }, -EIO },
	{ { STE_STAGE1 | VSMMU_IPA | 1ULL << 52 }, -EIO },
	{ { STE_STAGE1 | VSMMU_IPA, 2ULL << 30 }, -EIO },
	{ { STE_BYPASS, 1ULL << 44 }, -EIO },
	{ { STE_STAGE1 | VSMMU_IPA, 1ULL << 25 }, -EIO },
	/* A mode of ATS that needs both stages' consent */
	{ { STE_STAGE1 | VSMMU_IPA, 2ULL << 28 }, -EIO },
};

TEST_F(smmuv3, entries)
{
	struct vsmmu *v = &self->v;
	struct iommu_hwpt_arm_smmuv3 ste;
	unsigned int i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		memcpy(ste.ste, entries[i].ste, sizeof(ste.ste));
		rc = vsmmu_nested(v, ste);
		EXPECT_EQ(entries[i].rc, rc > 0 ? 1 : rc)
			TH_LOG("case %u", i);
		if (rc > 0)
			EXPECT_EQ(0, iommufd_destroy(v->c.fd, rc));
	}
}

#define NESTED(_member, _value, _error)					\
	BAD(iommu_hwpt_alloc, _member, _value, _error)

TEST_F(smmuv3, nested_bad_input)
{
	struct vsmmu *v = &self->v;
	struct iommu_hwpt_arm_smmuv3 ste = { { STE_BYPASS } };
	const struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.dev_id = vsmmu_edu(v)->id,
		.pt_id = v->viommu,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(ste),
		.data_uptr = addr(&ste),
	};
	const struct good_call call = GOOD_CALL(v->c.fd, IOMMU_HWPT_ALLOC,
						good);
	const struct bad_input cases[] = {
		NESTED(flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, EOPNOTSUPP),
		NESTED(flags, IOMMU_HWPT_ALLOC_NEST_PARENT, EOPNOTSUPP),
		/* The driver has none that takes PASIDs. */
		NESTED(flags, IOMMU_HWPT_ALLOC_PASID, EOPNOTSUPP),
		NESTED(data_type, IOMMU_HWPT_DATA_VTD_S1, EINVAL),
		NESTED(data_len, sizeof(ste) - 1, EINVAL),
		/* The driver takes no longer one, even if the rest is zero. */
		NESTED(data_len, sizeof(ste) + 1, EINVAL),
		NESTED(data_uptr, 8, EFAULT),
	};

	EXPECT_EQ(0, bad_inputs(&call, cases, ARRAY_SIZE(cases)));
}

TEST_F(smmuv3, viommu_bad_input)
{
	struct vsmmu *v = &self->v;
	__u32 no_parent = must(hwpt_alloc(v->c.ioas, vsmmu_edu(v)->id, 0));
	const struct iommu_viommu_alloc good = {
		.size = sizeof(good),
		.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = vsmmu_edu(v)->id,
		.hwpt_id = v->parent,
	};
	const struct good_call call = GOOD_CALL(v->c.fd, IOMMU_VIOMMU_ALLOC,
						good);
	const struct bad_input cases[] = {
		BAD(iommu_viommu_alloc, type, IOMMU_VIOMMU_TYPE_DEFAULT,
		    EOPNOTSUPP),
		/* Not on this machine */
		BAD(iommu_viommu_alloc, type, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
		    EOPNOTSUPP),
		BAD(iommu_viommu_alloc, hwpt_id, no_parent, EINVAL),
		BAD(iommu_viommu_alloc, hwpt_id, v->nested, ENOENT),
	};

	EXPECT_EQ(0, bad_inputs(&call, cases, ARRAY_SIZE(cases)));
}

/* Bypass leaves the nesting parent, abort and an entry that is not valid nothing. */
TEST_F(smmuv3, bypass_and_abort)
{
	struct vsmmu *v = &self->v;
	__u32 bypass = vsmmu_simple(v, STE_BYPASS);
	__u32 abort = vsmmu_simple(v, STE_ABORT);
	__u32 invalid = vsmmu_simple(v, 0);

	EXPECT_EQ(1, vsmmu_lands(v, vsmmu_ipa(1)));
	vsmmu_attach(v, bypass);
	EXPECT_EQ(2, vsmmu_lands(v, vsmmu_ipa(2)));
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, HOLE));
	vsmmu_attach(v, abort);
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, vsmmu_ipa(2)));
	vsmmu_give(v);
	vsmmu_attach(v, bypass);
	EXPECT_EQ(3, vsmmu_lands(v, vsmmu_ipa(3)));
	vsmmu_attach(v, invalid);
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, vsmmu_ipa(3)));
	must(vfio_detach(vsmmu_edu(v)->fd));
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, vsmmu_ipa(3)));
}

/* Events and invalidations name the guest's stream ID: stage 1 needs one. */
TEST_F(smmuv3, needs_vdevice)
{
	struct vsmmu *v = &self->v;

	EXPECT_EQ(-ENOENT, vfio_attach(vsmmu_edu(v)->fd, v->nested));
	EXPECT_EQ(1, vsmmu_lands(v, vsmmu_ipa(1)))
		TH_LOG("the device is not where it was");
	must(vfio_detach(vsmmu_edu(v)->fd));
	EXPECT_EQ(-ENOENT, vfio_attach(vsmmu_edu(v)->fd, v->nested));
	vsmmu_give(v);
	vsmmu_attach(v, v->nested);
	vsmmu_map(v, VSMMU_VA, 2);
	EXPECT_EQ(2, vsmmu_lands(v, VSMMU_VA));
}

/* Both directions, whole pages, and back to a table of the kernel's alone */
TEST_F(smmuv3, stage1)
{
	struct vsmmu *v = &self->v;

	vsmmu_enter(v);
	vsmmu_map(v, VSMMU_VA + PAGE, 1);
	memset(v->data, 0, VSMMU_DATA * PAGE);
	must(edu_to_memory(vsmmu_edu(v), VSMMU_VA + PAGE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(v->data + PAGE, PAGE, VSMMU_SEED));

	mem_fill(v->data, PAGE, VSMMU_SEED + 1);
	must(edu_from_memory(vsmmu_edu(v), VSMMU_VA, 0, PAGE));
	must(edu_to_memory(vsmmu_edu(v), VSMMU_VA + PAGE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(v->data + PAGE, PAGE, VSMMU_SEED + 1));

	vsmmu_load(v);
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, VSMMU_VA));
	EXPECT_EQ(3, vsmmu_lands(v, vsmmu_ipa(3)));
	vsmmu_attach(v, v->nested);
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
}

/* Who needs whom */
TEST_F(smmuv3, destroy)
{
	struct vsmmu *v = &self->v;
	const int fd = v->c.fd;

	vsmmu_enter(v);
	EXPECT_EQ(-EBUSY, iommufd_destroy(fd, v->nested));
	EXPECT_EQ(-EBUSY, iommufd_destroy(fd, v->viommu));
	EXPECT_EQ(-EBUSY, iommufd_destroy(fd, v->parent));
	must(vfio_detach(vsmmu_edu(v)->fd));
	EXPECT_EQ(0, iommufd_destroy(fd, v->nested));
	EXPECT_EQ(-EBUSY, iommufd_destroy(fd, v->viommu));
	EXPECT_EQ(0, iommufd_destroy(fd, v->vdevice));
	EXPECT_EQ(-EBUSY, iommufd_destroy(fd, v->viommu));
	close(v->events.fd);
	v->events.fd = -1;
	EXPECT_EQ(0, iommufd_destroy(fd, v->events.id));
	EXPECT_EQ(0, iommufd_destroy(fd, v->viommu));
	EXPECT_EQ(0, iommufd_destroy(fd, v->parent));
}

/* The device goes first, while it is attached, and takes its vDEVICE along. */
TEST_F(smmuv3, device_goes)
{
	struct vsmmu *v = &self->v;

	vsmmu_enter(v);
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
	edu_close(vsmmu_edu(v));
	EXPECT_EQ(-EIO, vsmmu_command(v, CFGI_CD, CMD1_LEAF));
	EXPECT_EQ(-ENOENT, iommufd_destroy(v->c.fd, v->vdevice));
	EXPECT_EQ(0, iommufd_destroy(v->c.fd, v->nested));

	context_open_edu(&v->c, 0);
	vsmmu_load(v);
	v->nested = must(vsmmu_nested(v, stage1_ste(&v->stage1)));
	EXPECT_EQ(-ENOENT, vfio_attach(vsmmu_edu(v)->fd, v->nested));
	vsmmu_give_stream(v);
	vsmmu_attach(v, v->nested);
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
}

/*
 * Invalidation
 */

#define NH_VA(_asid)	(CMD_TLBI_NH_VA | CMD0_ASID(_asid))
#define NH_VAA_PAGES(_n) (CMD_TLBI_NH_VAA | CMD0_NUM((_n) - 1))

struct invalidation {
	__u64 first;
	__u64 second;
	bool reaches;	/* the translation of VSMMU_VA */
};

/* The VMID is the kernel's business: any other is as good. */
static const struct invalidation translations[] = {
	{ NH_VA(VSMMU_ASID), VSMMU_VA | CMD1_LEAF, true },
	{ NH_VA(VSMMU_ASID) | CMD0_VMID(0x7fff), VSMMU_VA, true },
	{ CMD_TLBI_NH_VAA, VSMMU_VA | CMD1_LEAF, true },
	{ NH_VAA_PAGES(8), (VSMMU_VA - 7 * PAGE) | CMD1_RANGE, true },
	{ CMD_TLBI_NH_ASID | CMD0_ASID(VSMMU_ASID), 0, true },
	{ CMD_TLBI_NH_ALL, 0, true },
	{ CMD_TLBI_NH_ALL | CMD0_VMID(0x7fff), 0, true },
	{ CMD_TLBI_NSNH_ALL, 0, true },
	{ NH_VA(OTHER_ASID), VSMMU_VA | CMD1_LEAF, false },
	{ NH_VA(VSMMU_ASID), (VSMMU_VA + PAGE) | CMD1_LEAF, false },
	{ NH_VAA_PAGES(8), (VSMMU_VA + PAGE) | CMD1_RANGE, false },
	{ CMD_TLBI_NH_ASID | CMD0_ASID(OTHER_ASID), 0, false },
	{ CFGI_CD, CMD1_LEAF, false },
};

/* Until it is invalidated the device writes to where a page was. */
TEST_F(smmuv3, stale_translation)
{
	struct vsmmu *v = &self->v;
	const struct invalidation *c;
	int i, page = 0;

	vsmmu_enter(v);
	for (i = 0; i < (int)ARRAY_SIZE(translations); i++) {
		c = &translations[i];
		EXPECT_EQ(page, vsmmu_lands(v, VSMMU_VA))
			TH_LOG("before case %d", i);
		vsmmu_map(v, VSMMU_VA, 1 - page);
		EXPECT_EQ(page, vsmmu_lands(v, VSMMU_VA))
			TH_LOG("case %d: not from the cache", i);
		EXPECT_EQ(0, vsmmu_command(v, c->first, c->second))
			TH_LOG("case %d", i);
		EXPECT_EQ(c->reaches ? 1 - page : page,
			  vsmmu_lands(v, VSMMU_VA))
			TH_LOG("case %d: after the invalidation", i);
		page = 1 - page;
		must(vsmmu_command(v, CMD_TLBI_NH_ALL, 0));
	}
}

/*
 * The same for the context descriptor. It changes its ASID. Under the new one nothing
 * is cached, so that VSMMU_VA shows whether the SMMU has noticed.
 */
TEST_F(smmuv3, stale_context)
{
	static const __u64 commands[] = { CMD_CFGI_CD, CMD_CFGI_CD_ALL };
	struct vsmmu *v = &self->v;
	int i, page = 0;

	vsmmu_enter(v);
	for (i = 0; i < (int)ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(page, vsmmu_lands(v, VSMMU_VA));
		vsmmu_map(v, VSMMU_VA, 1 - page);
		stage1_set_asid(&v->stage1, VSMMU_ASID + 1 + i);
		EXPECT_EQ(-EIO, vsmmu_command(v, commands[i] |
					      CMD0_STREAM(NO_STREAM), 0));
		EXPECT_EQ(page, vsmmu_lands(v, VSMMU_VA))
			TH_LOG("case %d: not from the cache", i);
		EXPECT_EQ(0, vsmmu_command(v, commands[i] |
					   CMD0_STREAM(VSMMU_STREAM), 0));
		page = 1 - page;
		EXPECT_EQ(page, vsmmu_lands(v, VSMMU_VA))
			TH_LOG("case %d: after the invalidation", i);
	}
	/* A guest can only mean its own devices. */
	must(iommufd_destroy(v->c.fd, v->vdevice));
	EXPECT_EQ(-EIO, vsmmu_command(v, CFGI_CD, 0));
}

/* What is not a guest's to ask, or is not as it has to be */
static const __u64 refused[][2] = {
	{ 0 },
	{ CMD_CFGI_STE | CMD0_STREAM(VSMMU_STREAM) },
	{ CMD_TLBI_S12_VMALL },
	{ CMD_SYNC },
	{ CMD_ATC_INV | CMD0_STREAM(VSMMU_STREAM) },
	{ ~0ULL, ~0ULL },
	{ CMD_TLBI_NH_ALL | 1 << 10 },
	{ CMD_TLBI_NH_ALL, 1 },
	{ CMD_TLBI_NH_VAA | CMD0_NUM(7), VSMMU_VA },
	{ CMD_CFGI_CD | CMD0_STREAM(NO_STREAM) },
};

/* A list stops at what is refused. */
TEST_F(smmuv3, invalidate_refused)
{
	struct iommu_viommu_arm_smmuv3_invalidate list[3] = {
		{ { CMD_TLBI_NH_ALL } }, { { CMD_TLBI_NH_ALL } },
		{ { CMD_TLBI_NH_ALL } },
	};
	struct vsmmu *v = &self->v;
	unsigned int i;
	__u32 n;

	vsmmu_enter(v);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-EIO, vsmmu_command(v, refused[i][0], refused[i][1]))
			TH_LOG("case %u", i);
		memcpy(list[1].cmd, refused[i], sizeof(list[1].cmd));
		n = ARRAY_SIZE(list);
		EXPECT_EQ(-EIO, vsmmu_invalidate(v, list, &n))
			TH_LOG("case %u of a list", i);
		EXPECT_GE(1, n);
	}
	/* This driver knows no empty list. */
	n = 0;
	EXPECT_EQ(-EINVAL, vsmmu_invalidate(v, list, &n));
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
}

/* More commands than the driver passes on at once */
TEST_F(smmuv3, many_invalidations)
{
	struct iommu_viommu_arm_smmuv3_invalidate list[200];
	struct vsmmu *v = &self->v;
	__u32 i, n = ARRAY_SIZE(list);

	vsmmu_enter(v);
	for (i = 0; i < n; i++)
		list[i] = (struct iommu_viommu_arm_smmuv3_invalidate){
			{ CMD_TLBI_NH_VA | CMD0_ASID(VSMMU_ASID), NO_VA } };
	list[n - 1].cmd[1] = VSMMU_VA;
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
	vsmmu_map(v, VSMMU_VA, 1);
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
	EXPECT_EQ(0, vsmmu_invalidate(v, list, &n));
	EXPECT_EQ(ARRAY_SIZE(list), n);
	EXPECT_EQ(1, vsmmu_lands(v, VSMMU_VA));
}

/*
 * Events
 */

#define EXPECT_EVENT(_event, _type, _read, _va)				\
do {									\
	EXPECT_EQ(VSMMU_STREAM, event_stream(_event));			\
	EXPECT_EQ(_type, event_type(_event));				\
	EXPECT_EQ(_read, event_read(_event));				\
	EXPECT_EQ(_va, (_event)->evt[2]);				\
} while (0)

struct fault {
	__u64 pte;
	bool read;
	__u8 type;	/* 0: none */
};

static const struct fault faults[] = {
	{ 0, false, EVENT_TRANSLATION },
	{ 0, true, EVENT_TRANSLATION },
	{ PTE_PAGE | PTE_READ_ONLY | VSMMU_DATA_IPA, true, 0 },
	{ PTE_PAGE | PTE_READ_ONLY | VSMMU_DATA_IPA, false, EVENT_PERMISSION },
	{ (PTE_PAGE | VSMMU_DATA_IPA) & ~PTE_ACCESSED, false, EVENT_ACCESS },
	{ PTE_PAGE | VSMMU_DATA_IPA, false, 0 },
};

TEST_F(smmuv3, events)
{
	struct vsmmu *v = &self->v;
	struct vevent event;
	__u32 i, n = 0;

	vsmmu_enter(v);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		stage1_set(&v->stage1, NO_VA, faults[i].pte);
		must(vsmmu_command(v, CMD_TLBI_NH_ALL, 0));
		if (faults[i].read)
			must(edu_from_memory(vsmmu_edu(v), NO_VA, 8, VSMMU_WORD));
		else
			EXPECT_EQ(faults[i].type ? NOWHERE : 0,
				  vsmmu_lands(v, NO_VA));
		if (!faults[i].type)
			continue;
		ASSERT_EQ(sizeof(event), vsmmu_read_event(v, SOON_MS, &event))
			TH_LOG("case %u: no event", i);
		EXPECT_EVENT(&event.event, faults[i].type, faults[i].read,
			     NO_VA);
		EXPECT_EQ(0, event.header.flags);
		EXPECT_EQ(n, event.header.sequence);
		n++;
	}
	EXPECT_EQ(0, vsmmu_read_event(v, NEVER_MS, &event));
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
}

/* The guest's own tables are wrong, not the device. */
TEST_F(smmuv3, bad_context)
{
	struct vsmmu *v = &self->v;
	struct vevent event;

	vsmmu_enter(v);
	stage1_set_valid(&v->stage1, 0);
	must(vsmmu_command(v, CFGI_CD, CMD1_LEAF));
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, VSMMU_VA));
	ASSERT_EQ(sizeof(event), vsmmu_read_event(v, SOON_MS, &event));
	EXPECT_EQ(EVENT_BAD_CD, event_type(&event.event));
	EXPECT_EQ(VSMMU_STREAM, event_stream(&event.event));
	stage1_set_valid(&v->stage1, 1);
	must(vsmmu_command(v, CFGI_CD, CMD1_LEAF));
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
}

/* More than the queue holds: a gap in the numbers, and a word about it at the end */
TEST_F(smmuv3, lost_events)
{
	struct vsmmu *v = &self->v;
	struct vevent event;
	__u32 i;

	vsmmu_enter(v);
	for (i = 0; i < VSMMU_DEPTH + 2; i++)
		EXPECT_EQ(NOWHERE, vsmmu_lands(v, NO_VA));
	/* The last ones may be on their way, and find room if one is read now. */
	usleep(NEVER_MS * 1000);
	for (i = 0; i < VSMMU_DEPTH; i++) {
		ASSERT_EQ(sizeof(event), vsmmu_read_event(v, SOON_MS, &event));
		EXPECT_EVENT(&event.event, EVENT_TRANSLATION, false, NO_VA);
		EXPECT_EQ(i, event.header.sequence);
	}
	ASSERT_EQ(sizeof(event.header), vsmmu_read_event(v, SOON_MS, &event));
	EXPECT_EQ(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, event.header.flags);
	EXPECT_EQ(VSMMU_DEPTH + 1, event.header.sequence);
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, NO_VA));
	ASSERT_EQ(sizeof(event), vsmmu_read_event(v, SOON_MS, &event));
	EXPECT_EQ(VSMMU_DEPTH + 2, event.header.sequence);
}

/*
 * Stage 2 below it
 */

/*
 * The guest's memory changes while the device uses it. The guest neither knows nor
 * invalidates, and hears nothing of faults that are not its own.
 */
TEST_F(smmuv3, stage2_changes)
{
	struct vsmmu *v = &self->v;
	struct iova_range range = range_of(v->c.ioas, HOLE, 2 * PAGE);
	char *more = must_ptr(mem_base(4 * PAGE));
	struct vevent event;
	int round;

	vsmmu_enter(v);
	stage1_set(&v->stage1, NO_VA, HOLE | PTE_PAGE);
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(NOWHERE, vsmmu_lands_among(v, NO_VA, more, 4));
		must(ioas_map_at(range, more + round * PAGE, MAP_RW));
		EXPECT_EQ(round, vsmmu_lands_among(v, NO_VA, more, 4));
		must(ioas_unmap(v->c.ioas, HOLE, range.length, NULL));
	}
	EXPECT_EQ(NOWHERE, vsmmu_lands_among(v, NO_VA, more, 4));
	EXPECT_EQ(0, vsmmu_read_event(v, NEVER_MS, &event));
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));

	/* The tables themselves */
	must(ioas_unmap(v->c.ioas, VSMMU_IPA, VSMMU_SIZE, NULL));
	EXPECT_EQ(NOWHERE, vsmmu_lands(v, VSMMU_VA));
	must(ioas_map_at(range_of(v->c.ioas, VSMMU_IPA, VSMMU_SIZE), v->mem,
			 MAP_RW));
	EXPECT_EQ(0, vsmmu_lands(v, VSMMU_VA));
	munmap(more, 4 * PAGE);
}

TEST_HARNESS_MAIN
