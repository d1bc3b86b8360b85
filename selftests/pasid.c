// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that have an address space for each PASID, next to that of their RID:
 * with the VM's device that does DMA with a PASID (tools/vm/run --pasid).
 */
#include <limits.h>
#include <pthread.h>

#include "lib/hwpt.h"
#include "lib/pasid_dev.h"
#include "lib/racers.h"
#include "test.h"

#define NEEDS_PASID	"no device that does DMA with a PASID (tools/vm/run --pasid)"

/* The capability is where only CONFIG_PCI_MMCONFIG reaches. */
#define NOT_ENABLED	"the kernel has not switched on its PASIDs"

#define IOVA		(16 * MIB)	/* the same one in each address space */
#define ONE		1		/* the PASID of most tests */
#define VTD_PASIDS	256		/* what the VM's VT-d has: pasid-bits=8 */
#define PAGES		4
#define SPACES		3
#define FREE		3		/* the page that no address space has */

/* Where a transfer can end up, if it is not in one of the pages */
#define NOWHERE		-1
#define NO_SINGLE_PAGE	-2

#define ALLOC_PASID	IOMMU_HWPT_ALLOC_PASID

/* Address space i has page i of the memory at IOVA, and a page table for PASIDs. */
static void make_spaces(int fd, __u32 device, char *mem, struct ioas *ioas,
			__u32 *hwpt)
{
	int i;

	for (i = 0; i < SPACES; i++) {
		ioas[i] = must_ioas(fd);
		must(ioas_map_at(range_of(ioas[i], IOVA, PAGE), mem + i * PAGE,
				 MAP_RW));
		hwpt[i] = must(hwpt_alloc(ioas[i], device, ALLOC_PASID));
	}
}

FIXTURE(pasid)
{
	struct pci_address pci;
	struct pasid_dev dev;
	struct ioas ioas[SPACES];
	__u32 hwpt[SPACES];
	char *mem;		/* PAGES of them */
	int pinned;
	int fd;
};

FIXTURE_SETUP(pasid)
{
	self->fd = -1;
	self->dev.regs = NULL;
	self->pinned = must(pinned_pages());
	if (pasid_dev_find(&self->pci))
		SKIP(return, NEEDS_PASID);
	self->fd = must(iommufd_open());
	must(pasid_dev_open(&self->dev, &self->pci, self->fd));
	ASSERT_TRUE(pasid_dev_enabled(&self->dev))
		TH_LOG(NOT_ENABLED);
	self->mem = must_ptr(mem_base(PAGES * PAGE));
	make_spaces(self->fd, self->dev.id, self->mem, self->ioas, self->hwpt);
}

FIXTURE_TEARDOWN(pasid)
{
	pasid_dev_close(&self->dev);
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

/* The page of @mem whose bytes are not those of @seed, if it is a single one */
static int changed(const char *mem, __u32 seed)
{
	int i, found = NOWHERE;

	for (i = 0; i < PAGES; i++) {
		if (mem_differs_from(mem + i * PAGE, PAGE, seed, i * PAGE) < 0)
			continue;
		if (found != NOWHERE)
			return NO_SINGLE_PAGE;
		found = i;
	}
	return found;
}

/* The page of @mem that a DMA write with @pasid to @iova arrives in */
static int writes_to(struct pasid_dev *dev, char *mem, __u32 pasid, __u64 iova)
{
	char page[PAGE];
	int rc, found;

	mem_fill(mem, PAGES * PAGE, 1);
	mem_fill(page, PAGE, 2);
	pasid_dev_put(dev, page);
	rc = pasid_dev_store(dev, pasid, iova, PAGE);
	found = changed(mem, 1);
	if (found >= 0 && mem_differs(mem + found * PAGE, PAGE, 2) >= 0)
		return NO_SINGLE_PAGE;
	/* The device knows as well whether it was let through. */
	if (rc != (found == NOWHERE ? -EFAULT : 0))
		return NO_SINGLE_PAGE;
	return found;
}

/* The page of @mem that a DMA read brings to the device */
static int reads_from(struct pasid_dev *dev, char *mem, __u32 pasid, __u64 iova)
{
	char page[PAGE];
	int i, rc;

	mem_fill(mem, PAGES * PAGE, 3);
	mem_fill(page, PAGE, 4);
	pasid_dev_put(dev, page);
	rc = pasid_dev_load(dev, pasid, iova, PAGE);
	pasid_dev_get(dev, page);
	if (rc == -EFAULT && mem_differs(page, PAGE, 4) < 0)
		return NOWHERE;
	for (i = 0; !rc && i < PAGES; i++)
		if (!memcmp(page, mem + i * PAGE, PAGE))
			return i;
	return NO_SINGLE_PAGE;
}

/* The one page that DMA with @pasid reaches at @iova, in both directions */
static int reaches_at(struct pasid_dev *dev, char *mem, __u32 pasid, __u64 iova)
{
	int found = writes_to(dev, mem, pasid, iova);

	return found == reads_from(dev, mem, pasid, iova) ? found :
							     NO_SINGLE_PAGE;
}

#define reaches(pasid) reaches_at(&self->dev, self->mem, pasid, IOVA)
#define attach(pasid, pt) vfio_attach_pasid(self->dev.fd, pasid, pt)
#define detach(pasid) vfio_detach_pasid(self->dev.fd, pasid)
#define attach_rid(pt) vfio_attach(self->dev.fd, pt)
#define detach_rid() vfio_detach(self->dev.fd)

/* What most tests start with: the RID is in address space 0, PASID 1 in 1. */
#define attach_both()							\
do {									\
	must(attach_rid(self->hwpt[0]));				\
	must(attach(ONE, self->hwpt[1]));				\
} while (0)

#define expect_reach(rid, one)						\
do {									\
	EXPECT_EQ(rid, reaches(NO_PASID));				\
	EXPECT_EQ(one, reaches(ONE));					\
} while (0)

/* A bound device reaches nothing. */
/* What the PCI capability of the device says: it has both rights. */
TEST_F(pasid, hw_info)
{
	const __u64 rights = IOMMU_HW_CAP_PCI_PASID_EXEC |
			     IOMMU_HW_CAP_PCI_PASID_PRIV;
	struct iommu_hw_info info = { .dev_id = self->dev.id };

	EXPECT_EQ(0, run_get_hw_info(self->fd, &info));
	EXPECT_EQ(VTD_PASIDS, 1 << info.out_max_pasid_log2);
	EXPECT_EQ(rights, info.out_capabilities & rights);
}

TEST_F(pasid, nothing_attached)
{
	expect_reach(NOWHERE, NOWHERE);
	EXPECT_EQ(NOWHERE, reaches_at(&self->dev, self->mem, ONE,
				      addr(self->mem)));
}

/* The same IOVA leads to a page each. */
TEST_F(pasid, apart)
{
	EXPECT_EQ(self->hwpt[0], must(attach_rid(self->hwpt[0])));
	expect_reach(0, NOWHERE);
	EXPECT_EQ(self->hwpt[1], must(attach(ONE, self->hwpt[1])));
	expect_reach(0, 1);
}

/*
 * A PASID survives that the RID is detached, and can be attached when it is. (DMA
 * with a RID first: as long as it has no context entry of a device in its cache,
 * QEMU blocks all PASIDs of it if the RID is detached.)
 */
TEST_F(pasid, without_rid)
{
	attach_both();
	expect_reach(0, 1);
	must(detach_rid());
	expect_reach(NOWHERE, 1);
	must(detach(ONE));
	must(attach(ONE, self->hwpt[2]));
	expect_reach(NOWHERE, 2);
	must(attach_rid(self->hwpt[0]));
	expect_reach(0, 2);
}

/* To attach a PASID that is attached moves it, and nothing else. */
TEST_F(pasid, replace)
{
	attach_both();
	EXPECT_EQ(self->hwpt[2], attach(ONE, self->hwpt[2]));
	expect_reach(0, 2);
	EXPECT_EQ(self->hwpt[2], attach(ONE, self->hwpt[2]));
	expect_reach(0, 2);
	/* Nobody has page table 1 any longer. */
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[1]));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt[2]));

	/* The other way round */
	EXPECT_EQ(self->hwpt[2], attach_rid(self->hwpt[2]));
	EXPECT_EQ(self->hwpt[0], attach(ONE, self->hwpt[0]));
	expect_reach(2, 0);
}

TEST_F(pasid, map_and_unmap)
{
	attach_both();
	must(ioas_unmap(self->ioas[1], IOVA, PAGE, NULL));
	expect_reach(0, NOWHERE);
	must(ioas_map_at(range_of(self->ioas[1], IOVA, PAGE),
			 self->mem + FREE * PAGE, MAP_RW));
	expect_reach(0, FREE);

	must(ioas_unmap(self->ioas[0], IOVA, PAGE, NULL));
	expect_reach(NOWHERE, FREE);

	/* Elsewhere in one of them only */
	must(ioas_map_at(range_of(self->ioas[0], 2 * IOVA, PAGE), self->mem,
			 MAP_RW));
	EXPECT_EQ(0, reaches_at(&self->dev, self->mem, NO_PASID, 2 * IOVA));
	EXPECT_EQ(NOWHERE, reaches_at(&self->dev, self->mem, ONE, 2 * IOVA));
}

TEST_F(pasid, read_only)
{
	must(attach_rid(self->hwpt[0]));
	must(ioas_unmap(self->ioas[1], IOVA, PAGE, NULL));
	must(ioas_map_at(range_of(self->ioas[1], IOVA, PAGE), self->mem, MAP_R));
	must(attach(ONE, self->hwpt[1]));
	EXPECT_EQ(0, reads_from(&self->dev, self->mem, ONE, IOVA));
	EXPECT_EQ(NOWHERE, writes_to(&self->dev, self->mem, ONE, IOVA));
	EXPECT_EQ(0, writes_to(&self->dev, self->mem, NO_PASID, IOVA));
}

TEST_F(pasid, detach)
{
	attach_both();
	EXPECT_EQ(0, detach(ONE));
	expect_reach(0, NOWHERE);
	/* VFIO has nothing against detaching what is not attached. */
	EXPECT_EQ(0, detach(ONE));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[1]));
	must(attach(ONE, self->hwpt[2]));
	expect_reach(0, 2);
}

/* One page table for both */
TEST_F(pasid, shared)
{
	must(attach_rid(self->hwpt[0]));
	must(attach(ONE, self->hwpt[0]));
	expect_reach(0, 0);
	must(ioas_unmap(self->ioas[0], IOVA, PAGE, NULL));
	expect_reach(NOWHERE, NOWHERE);
	must(ioas_map_at(range_of(self->ioas[0], IOVA, PAGE),
			 self->mem + FREE * PAGE, MAP_RW));
	expect_reach(FREE, FREE);

	must(detach(ONE));
	expect_reach(FREE, NOWHERE);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt[0]));
	must(attach(ONE, self->hwpt[0]));
	must(detach_rid());
	expect_reach(NOWHERE, FREE);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt[0]));
	must(detach(ONE));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[0]));
}

/* PASIDs that are not attached, or cannot be, lead nowhere. */
TEST_F(pasid, unknown)
{
	static const __u32 unknown[] = { 2, 3, 64, 255, 4096, 0xffff };
	int i;

	attach_both();
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(NOWHERE, reaches(unknown[i]))
			TH_LOG("PASID %u", unknown[i]);
	}
	expect_reach(0, 1);
}

/* Several PASIDs at a time: each has the page table it was given, to the last one. */
TEST_F(pasid, many)
{
	static const __u32 pasids[] = { ONE, 2, 17, 128, VTD_PASIDS - 1 };
	int i, j, space;

	must(attach_rid(self->hwpt[0]));
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		must(attach(pasids[i], self->hwpt[i % SPACES]));
	/* Move the second, then take them away from the first on. */
	must(attach(pasids[1], self->hwpt[0]));
	for (i = 0; i <= ARRAY_SIZE(pasids); i++) {
		for (j = 0; j < ARRAY_SIZE(pasids); j++) {
			space = j == 1 ? 0 : j % SPACES;
			EXPECT_EQ(j < i ? NOWHERE : space, reaches(pasids[j]))
				TH_LOG("PASID %u, %d detached", pasids[j], i);
		}
		EXPECT_EQ(0, reaches(NO_PASID));
		if (i < ARRAY_SIZE(pasids))
			must(detach(pasids[i]));
	}
}

/* What is refused, and changes nothing */
TEST_F(pasid, errors)
{
	__u32 plain = must(hwpt_alloc(self->ioas[1], self->dev.id, 0));
	const struct {
		__u32 pasid, pt;
		int error;
	} rows[] = {
		{ ONE, self->ioas[2].id, -EINVAL },
		{ ONE, plain, -EINVAL },
		{ ONE, self->dev.id, -EINVAL },
		{ ONE, NO_ID, -ENOENT },
		{ ONE, 0, -ENOENT },
		/* Beyond the limit */
		{ VTD_PASIDS, self->hwpt[2], -EINVAL },
		{ 1 << PASID_DEV_PASID_BITS, self->hwpt[2], -EINVAL },
		{ 1 << 20, self->hwpt[2], -EINVAL },
		{ INT_MAX, self->hwpt[2], -EINVAL },
	};
	int i, j;

	must(attach_rid(self->hwpt[0]));
	/* Both as a first attach and as a replace */
	for (j = 0; j < 2; j++) {
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			EXPECT_EQ(rows[i].error,
				  attach(rows[i].pasid, rows[i].pt))
				TH_LOG("row %d, try %d", i, j);
		}
		expect_reach(0, j ? 1 : NOWHERE);
		if (!j)
			must(attach(ONE, self->hwpt[1]));
	}
	EXPECT_EQ(0, iommufd_destroy(self->fd, plain));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[2]));
}

/* While a PASID is attached the RID is in a page table for PASIDs too. */
TEST_F(pasid, plain_rid)
{
	__u32 plain = must(hwpt_alloc(self->ioas[2], self->dev.id, 0));
	__u32 automatic;

	must(attach_rid(plain));
	EXPECT_EQ(-EINVAL, attach(ONE, self->hwpt[1]));
	expect_reach(2, NOWHERE);
	automatic = must(attach_rid(self->ioas[2].id));
	EXPECT_EQ(-EINVAL, attach(ONE, self->hwpt[1]));
	EXPECT_EQ(-EINVAL, attach(ONE, automatic));
	expect_reach(2, NOWHERE);

	attach_both();
	EXPECT_EQ(-EINVAL, attach_rid(plain));
	EXPECT_EQ(-EINVAL, attach_rid(self->ioas[2].id));
	expect_reach(0, 1);
	must(detach_rid());
	EXPECT_EQ(-EINVAL, attach_rid(plain));
	EXPECT_EQ(-EINVAL, attach_rid(self->ioas[2].id));
	expect_reach(NOWHERE, 1);
	must(detach(ONE));
	must(attach_rid(plain));
	expect_reach(2, NOWHERE);
}

/* PASIDs know no reserved regions: the RID's are not theirs. */
TEST_F(pasid, reserved_regions)
{
	int before = must(ioas_ranges(self->ioas[1], NULL, 0));

	must(attach_rid(self->hwpt[0]));
	must(attach(ONE, self->hwpt[1]));
	EXPECT_EQ(before, ioas_ranges(self->ioas[1], NULL, 0));
	EXPECT_LT(before, ioas_ranges(self->ioas[0], NULL, 0));
	must(detach_rid());
	EXPECT_EQ(before, ioas_ranges(self->ioas[0], NULL, 0));
}

/* Close gives everything back that is attached. */
TEST_F(pasid, close_attached)
{
	int i;

	attach_both();
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt[1]));
	pasid_dev_close(&self->dev);
	for (i = 0; i < SPACES; i++) {
		EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[i]));
		EXPECT_EQ(0, iommufd_destroy(self->fd, self->ioas[i].id));
	}
	EXPECT_EQ(0, pins_since(self->pinned));

	must(pasid_dev_open(&self->dev, &self->pci, self->fd));
	expect_reach(NOWHERE, NOWHERE);
}

/* The context lives on in the device. */
TEST_F(pasid, iommufd_closed)
{
	attach_both();
	close(self->fd);
	self->fd = -1;
	expect_reach(0, 1);
	must(detach(ONE));
	expect_reach(0, NOWHERE);
}

/* A reset of the function leaves its attachments alone. */
TEST_F(pasid, reset)
{
	attach_both();
	must(vfio_reset(self->dev.fd));
	ASSERT_TRUE(pasid_dev_enabled(&self->dev));
	expect_reach(0, 1);
	must(attach(ONE, self->hwpt[2]));
	expect_reach(0, 2);
}

/* The IOMMU reports which address space was missed. */
TEST_F(pasid, fault_report)
{
	char text[256], where[32];
	int kmsg, rc, tries = 0;

	attach_both();
	snprintf(where, sizeof(where), "fault addr 0x%lx ", 3 * IOVA);
	/* About three lines in five seconds, the others are dropped. */
	do {
		if (tries)
			sleep(5);
		kmsg = must(kmsg_open());
		EXPECT_EQ(-EFAULT, pasid_dev_store(&self->dev, ONE, 3 * IOVA, 8));
		rc = kmsg_dma_fault(kmsg, 1000, text, sizeof(text));
		close(kmsg);
	} while (rc == -ETIMEDOUT && ++tries < 3);
	ASSERT_EQ(0, rc);
	EXPECT_NE(NULL, strstr(text, "DMA Write PASID 0x1]"));
	EXPECT_NE(NULL, strstr(text, self->pci.name));
	EXPECT_NE(NULL, strstr(text, where));
}

struct writer {
	pthread_t thread;
	struct pasid_dev *dev;
	__u32 pasid;
	bool stop;
	long done, blocked;
};

static long transfers_of(struct writer *w)
{
	return __atomic_load_n(&w->done, __ATOMIC_RELAXED) +
	       __atomic_load_n(&w->blocked, __ATOMIC_RELAXED);
}

/* Let it do a few more. */
static void wait_for(struct writer *w)
{
	long enough = transfers_of(w) + 3;

	while (transfers_of(w) < enough)
		usleep(100);
}

static void *write_on_and_on(void *arg)
{
	struct writer *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		if (pasid_dev_store(w->dev, w->pasid, IOVA, PAGE))
			__atomic_fetch_add(&w->blocked, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&w->done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static int attach_any(struct pasid_dev *dev, __u32 pasid, __u32 hwpt)
{
	if (pasid == NO_PASID)
		return vfio_attach(dev->fd, hwpt);
	return vfio_attach_pasid(dev->fd, pasid, hwpt);
}

static const struct {
	__u32 pasid;
	int from, other;		/* it moves between @from and 2 */
	int rid_reaches, one_reaches;	/* in the end */
} moved[] = {
	{ ONE, 1, 0, 0, 2 },
	{ NO_PASID, 0, 1, 2, 1 },
};

static void move_while_it_writes(struct writer *w, __u32 from, __u32 to)
{
	int i;

	must(-pthread_create(&w->thread, NULL, write_on_and_on, w));
	for (i = 0; i < 200; i++) {
		must(attach_any(w->dev, w->pasid, i % 2 ? to : from));
		wait_for(w);
	}
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	must(-pthread_join(w->thread, NULL));
}

/*
 * The device writes all the time, first to one address space, then to the other. The
 * VT-d driver of 7.3 removes the old entry before it writes the new one, so some of
 * it may be blocked. None of it gets anywhere else.
 */
TEST_F(pasid, replace_under_dma)
{
	char page[PAGE], *mem = self->mem;
	int i, from, other;

	mem_fill(page, PAGE, 2);
	for (i = 0; i < ARRAY_SIZE(moved); i++) {
		struct writer w = { .dev = &self->dev, .pasid = moved[i].pasid };

		from = moved[i].from;
		other = moved[i].other;
		attach_both();
		mem_fill(mem, PAGES * PAGE, 1);
		pasid_dev_put(&self->dev, page);
		move_while_it_writes(&w, self->hwpt[from], self->hwpt[2]);

		TH_LOG("%ld transfers, %ld blocked", w.done, w.blocked);
		EXPECT_LT(100, w.done);
		EXPECT_EQ(-1, mem_differs_from(mem + other * PAGE, PAGE, 1,
					       other * PAGE));
		EXPECT_EQ(-1, mem_differs(mem + from * PAGE, PAGE, 2));
		EXPECT_EQ(-1, mem_differs(mem + 2 * PAGE, PAGE, 2));
		EXPECT_EQ(-1, mem_differs_from(mem + FREE * PAGE, PAGE, 1,
					       FREE * PAGE));
		expect_reach(moved[i].rid_reaches, moved[i].one_reaches);
	}
}

/* Two devices with PASIDs and one without, all of one IOMMU group */
FIXTURE(pasid_group)
{
	struct pasid_dev dev[2];
	struct edu edu;
	struct ioas ioas[SPACES];
	__u32 hwpt[SPACES];
	char *mem;
	int pinned;
	int fd;
};

FIXTURE_SETUP(pasid_group)
{
	struct pci_address pair[2], edu;
	int i;

	self->fd = -1;
	self->edu.regs = NULL;
	self->dev[0].regs = NULL;
	self->dev[1].regs = NULL;
	self->pinned = must(pinned_pages());
	if (pasid_dev_find_group(pair, &edu))
		SKIP(return, NEEDS_PASID);
	self->fd = must(iommufd_open());
	for (i = 0; i < 2; i++) {
		must(pasid_dev_open(&self->dev[i], &pair[i], self->fd));
		ASSERT_TRUE(pasid_dev_enabled(&self->dev[i]))
			TH_LOG(NOT_ENABLED);
	}
	must(edu_open(&self->edu, &edu, self->fd));
	self->mem = must_ptr(mem_base(PAGES * PAGE));
	make_spaces(self->fd, self->dev[0].id, self->mem, self->ioas,
		    self->hwpt);
}

FIXTURE_TEARDOWN(pasid_group)
{
	edu_close(&self->edu);
	pasid_dev_close(&self->dev[1]);
	pasid_dev_close(&self->dev[0]);
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

#define reach_of(which, pasid) \
	reaches_at(&self->dev[which], self->mem, pasid, IOVA)

/* The page that the device without PASIDs writes to */
static int edu_writes_to(struct edu *edu, char *mem)
{
	mem_fill(mem, PAGES * PAGE, 1);
	must(edu_to_memory(edu, IOVA, 0, PAGE));
	return changed(mem, 1);
}

/* One device by its RID, another by RID and PASID */
TEST_F(pasid_group, mixed)
{
	must(vfio_attach(self->edu.fd, self->hwpt[0]));
	must(vfio_attach(self->dev[0].fd, self->hwpt[0]));
	must(vfio_attach_pasid(self->dev[0].fd, ONE, self->hwpt[1]));
	EXPECT_EQ(0, edu_writes_to(&self->edu, self->mem));
	EXPECT_EQ(0, reach_of(0, NO_PASID));
	EXPECT_EQ(1, reach_of(0, ONE));

	/* That another of the group has a PASID is no help. */
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(self->edu.fd, ONE, self->hwpt[1]));
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(self->edu.fd, ONE, self->hwpt[2]));

	must(vfio_detach(self->dev[0].fd));
	EXPECT_EQ(0, edu_writes_to(&self->edu, self->mem));
	EXPECT_EQ(1, reach_of(0, ONE));
	edu_close(&self->edu);
	EXPECT_EQ(NOWHERE, reach_of(0, NO_PASID));
	EXPECT_EQ(1, reach_of(0, ONE));
}

/* The page table of any RID of the group decides. */
TEST_F(pasid_group, plain_rid)
{
	__u32 plain = must(hwpt_alloc(self->ioas[2], self->edu.id, 0));

	must(vfio_attach(self->edu.fd, plain));
	EXPECT_EQ(-EINVAL,
		  vfio_attach_pasid(self->dev[0].fd, ONE, self->hwpt[1]));
	EXPECT_EQ(2, edu_writes_to(&self->edu, self->mem));
	must(vfio_detach(self->edu.fd));

	must(vfio_attach(self->dev[0].fd, self->hwpt[0]));
	must(vfio_attach_pasid(self->dev[0].fd, ONE, self->hwpt[1]));
	EXPECT_EQ(1, reach_of(0, ONE));
	must(vfio_detach(self->dev[0].fd));
	EXPECT_EQ(-EINVAL, vfio_attach(self->edu.fd, plain));
	EXPECT_EQ(-EINVAL, vfio_attach(self->edu.fd, self->ioas[2].id));
	EXPECT_EQ(NOWHERE, edu_writes_to(&self->edu, self->mem));
	EXPECT_EQ(1, reach_of(0, ONE));
}

/* All of a group have a PASID in one page table, and move together. */
TEST_F(pasid_group, one_page_table)
{
	must(vfio_attach(self->dev[0].fd, self->hwpt[0]));
	must(vfio_attach(self->dev[1].fd, self->hwpt[0]));
	must(vfio_attach_pasid(self->dev[0].fd, ONE, self->hwpt[1]));
	EXPECT_EQ(-EINVAL,
		  vfio_attach_pasid(self->dev[1].fd, ONE, self->hwpt[2]));
	must(vfio_attach_pasid(self->dev[1].fd, ONE, self->hwpt[1]));
	EXPECT_EQ(1, reach_of(0, ONE));
	EXPECT_EQ(1, reach_of(1, ONE));

	must(vfio_attach_pasid(self->dev[0].fd, ONE, self->hwpt[2]));
	EXPECT_EQ(2, reach_of(0, ONE));
	EXPECT_EQ(2, reach_of(1, ONE));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[1]));

	/* It stays there until the last one leaves. */
	pasid_dev_close(&self->dev[0]);
	EXPECT_EQ(2, reach_of(1, ONE));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt[2]));
	must(vfio_detach_pasid(self->dev[1].fd, ONE));
	EXPECT_EQ(NOWHERE, reach_of(1, ONE));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[2]));
}

/* One of the devices of a group, and what it can be attached to */
struct member {
	struct pasid_dev *dev;
	const __u32 *hwpt;
	unsigned int seed;
};

/* Attach, move or detach, by RID or PASID; the other one may be in the way. */
static void attach_something(struct racer *racer)
{
	struct member *m = racer->data;
	__u32 hwpt = m->hwpt[rand_r(&m->seed) % SPACES];
	int rc;

	switch (rand_r(&m->seed) % 6) {
	case 0:
		rc = vfio_detach(m->dev->fd);
		break;
	case 1:
		rc = vfio_detach_pasid(m->dev->fd, ONE);
		break;
	case 2:
	case 3:
		rc = vfio_attach(m->dev->fd, hwpt);
		break;
	default:
		rc = vfio_attach_pasid(m->dev->fd, ONE, hwpt);
	}
	racer->hits += rc >= 0;
	racer_allows(racer, rc, EINVAL, 0);
}

static void write_something(struct racer *racer)
{
	struct member *m = racer->data;
	int rc = pasid_dev_store(m->dev, rand_r(&m->seed) % 2 ? ONE : NO_PASID,
				 IOVA, PAGE);

	racer->hits += !rc;
	racer_allows(racer, rc, EFAULT, 0);
}

TEST_F(pasid_group, race)
{
	struct member members[2] = {
		{ &self->dev[0], self->hwpt, 1 },
		{ &self->dev[1], self->hwpt, 2 },
	};
	struct racer racers[] = {
		{ attach_something, &members[0] },
		{ attach_something, &members[1] },
		{ write_something, &(struct member){ .dev = &self->dev[0] } },
	};
	int i;

	mem_fill(self->mem, PAGES * PAGE, 1);
	EXPECT_EQ(0, racers_run(racers, ARRAY_SIZE(racers), 3000));
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		TH_LOG("%lu of %lu", racers[i].hits, racers[i].steps);
		EXPECT_LT(10, racers[i].hits);
	}
	EXPECT_EQ(-1, mem_differs_from(self->mem + FREE * PAGE, PAGE, 1,
				       FREE * PAGE));

	for (i = 0; i < 2; i++) {
		must(vfio_detach_pasid(self->dev[i].fd, ONE));
		must(vfio_detach(self->dev[i].fd));
	}
	for (i = 0; i < SPACES; i++)
		EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt[i]));
	EXPECT_EQ(NOWHERE, reach_of(0, NO_PASID));
	EXPECT_EQ(NOWHERE, reach_of(1, ONE));
}

/* 7.3 answers 0, and attaches nothing. */
TEST(device_without_pasid)
{
	struct context c;
	__u32 hwpt, plain;

	if (context_open(&c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	plain = must(hwpt_alloc(c.ioas, c.edu[0].id, 0));
	hwpt = must(hwpt_alloc(c.ioas, c.edu[0].id, ALLOC_PASID));
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(c.edu[0].fd, ONE, hwpt));
	must(vfio_attach(c.edu[0].fd, hwpt));
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(c.edu[0].fd, ONE, hwpt));
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(c.edu[0].fd, ONE, plain));
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(c.edu[0].fd, ONE, c.ioas.id));
	EXPECT_EQ(-EINVAL, vfio_attach_pasid(c.edu[0].fd, 2, hwpt));
	EXPECT_EQ(0, vfio_detach_pasid(c.edu[0].fd, ONE));
	context_close(&c);
	EXPECT_SETTLED(c.pinned);
}

TEST_HARNESS_MAIN
