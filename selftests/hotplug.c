// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are unplugged, or lose their driver, while they are attached: by RID,
 * by several PASIDs, as one of a group, and under attaches and DMA of other threads.
 */
#include "lib/pasid_dev.h"
#include "lib/racers.h"
#include "lib/removal.h"
#include "test.h"

#define NEEDS_PASID	"no device that does DMA with a PASID (tools/vm/run --pasid)"

#define IOVA	(16 * MIB)

FIXTURE(hotplug)
{
	struct context c;
	char *mem;
};

FIXTURE_VARIANT(hotplug)
{
	int devices;
	bool unplug;
};

FIXTURE_VARIANT_ADD(hotplug, unplugged)
{
	.devices = TWO_GROUPS,
	.unplug = true,
};

FIXTURE_VARIANT_ADD(hotplug, unbound)
{
	.devices = TWO_GROUPS,
};

FIXTURE_VARIANT_ADD(hotplug, unplugged_of_a_group)
{
	.devices = ONE_GROUP,
	.unplug = true,
};

FIXTURE_VARIANT_ADD(hotplug, unbound_of_a_group)
{
	.devices = ONE_GROUP,
};

FIXTURE_SETUP(hotplug)
{
	int i;

	if (context_open(&self->c, variant->devices))
		SKIP(return, NEEDS_GROUPS);
	self->mem = must_ptr(mem_base(4 * PAGE));
	mem_fill(self->mem, 4 * PAGE, 1);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, 4 * PAGE), self->mem,
			 MAP_RW));
	for (i = 0; i < 2; i++)
		must(vfio_attach(self->c.edu[i].fd, self->c.ioas.id));
}

FIXTURE_TEARDOWN(hotplug)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* Let device 1 go, after its user has closed it. */
static int let_go(struct context *c, struct removal *removal)
{
	edu_close(&c->edu[1]);
	return removal_end(removal);
}

/*
 * It waits until the device is closed. The other device does not notice; this one
 * comes back as a new one.
 */
TEST_F(hotplug, attached)
{
	struct context *c = &self->c;
	struct removal removal;
	__u32 id = c->edu[1].id;

	removal_begin(&removal, &c->pci[1], variant->unplug);
	EXPECT_TRUE(removal_waits(&removal));
	EXPECT_EQ(0, edu_to_memory(&c->edu[1], IOVA, 0, 8));
	EXPECT_EQ(0, let_go(c, &removal));
	EXPECT_EQ(4, pins_since(c->pinned));
	EXPECT_EQ(-ENOENT, iommufd_destroy(c->fd, id));
	EXPECT_EQ(0, edu_to_memory(&c->edu[0], IOVA + PAGE, 0, 8));

	must(removal_undo(&removal));
	must(edu_open(&c->edu[1], &c->pci[1], c->fd));
	must(vfio_attach(c->edu[1].fd, c->ioas.id));
	EXPECT_EQ(0, edu_to_memory(&c->edu[1], IOVA + 2 * PAGE, 0, 8));
}

/* Nor does it matter that the iommufd was closed first. */
TEST_F(hotplug, iommufd_closed)
{
	struct context *c = &self->c;
	struct removal removal;

	close(c->fd);
	removal_begin(&removal, &c->pci[1], variant->unplug);
	EXPECT_TRUE(removal_waits(&removal));
	EXPECT_EQ(0, edu_to_memory(&c->edu[1], IOVA, 0, 8));
	EXPECT_EQ(0, let_go(c, &removal));
	EXPECT_EQ(4, pins_since(c->pinned));
	edu_close(&c->edu[0]);
	c->fd = -1;
	EXPECT_EQ(0, pins_since(c->pinned));
	must(removal_undo(&removal));
}

/* The device may be detached, moved and attached while the removal waits. */
static void move_about(struct racer *racer)
{
	struct context *c = racer->data;
	int fd = c->edu[racer->nr % 2].fd;
	int rc;

	rc = racer->steps % 3 ? vfio_attach(fd, c->ioas.id) : vfio_detach(fd);
	racer_allows(racer, rc, 0, 0);
	racer->hits++;
}

TEST_F(hotplug, under_attaches)
{
	struct context *c = &self->c;
	struct removal removal;
	struct racer racers[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(racers); i++)
		racers[i] = (struct racer){ .step = move_about, .data = c };
	removal_begin(&removal, &c->pci[1], variant->unplug);
	EXPECT_EQ(0, racers_run(racers, ARRAY_SIZE(racers), 300));
	EXPECT_TRUE(removal_waits(&removal));
	EXPECT_EQ(0, let_go(c, &removal));
	must(vfio_attach(c->edu[0].fd, c->ioas.id));
	EXPECT_EQ(0, edu_to_memory(&c->edu[0], IOVA, 0, 8));
	must(removal_undo(&removal));
}

/* All that a device has attached goes with it: here by its RID and three PASIDs. */
TEST(pasids)
{
	static const __u32 pasids[] = { 1, 2, 3 };
	struct pci_address pci;
	struct pasid_dev dev;
	struct removal removal;
	int fd, i, pinned = must(pinned_pages());
	__u32 hwpt[ARRAY_SIZE(pasids) + 1];
	struct ioas ioas;
	char *mem;

	if (pasid_dev_find(&pci))
		SKIP(return, NEEDS_PASID);
	fd = must(iommufd_open());
	must(pasid_dev_open(&dev, &pci, fd));
	ioas = must_ioas(fd);
	mem = must_ptr(mem_base(PAGE));
	must(ioas_map_at(range_of(ioas, IOVA, PAGE), mem, MAP_RW));
	for (i = 0; i < ARRAY_SIZE(hwpt); i++)
		hwpt[i] = must(hwpt_alloc(ioas, dev.id, IOMMU_HWPT_ALLOC_PASID));
	must(vfio_attach(dev.fd, hwpt[ARRAY_SIZE(pasids)]));
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		must(vfio_attach_pasid(dev.fd, pasids[i], hwpt[i]));

	removal_begin(&removal, &pci, true);
	EXPECT_TRUE(removal_waits(&removal));
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		EXPECT_EQ(0, pasid_dev_store(&dev, pasids[i], IOVA, 8));
	pasid_dev_close(&dev);
	EXPECT_EQ(0, removal_end(&removal));
	EXPECT_EQ(1, pins_since(pinned));
	for (i = 0; i < ARRAY_SIZE(hwpt); i++)
		EXPECT_EQ(0, iommufd_destroy(fd, hwpt[i]));
	EXPECT_EQ(0, pins_since(pinned));

	must(removal_undo(&removal));
	must(pasid_dev_open(&dev, &pci, fd));
	hwpt[0] = must(hwpt_alloc(ioas, dev.id, IOMMU_HWPT_ALLOC_PASID));
	must(vfio_attach(dev.fd, hwpt[0]));
	must(vfio_attach_pasid(dev.fd, 1, hwpt[0]));
	EXPECT_EQ(0, pasid_dev_store(&dev, NO_PASID, IOVA, 8));
	EXPECT_EQ(0, pasid_dev_store(&dev, 1, IOVA, 8));
	EXPECT_EQ(-EFAULT, pasid_dev_store(&dev, 2, IOVA, 8));
	pasid_dev_close(&dev);
	close(fd);
	EXPECT_SETTLED(pinned);
}

TEST_HARNESS_MAIN
