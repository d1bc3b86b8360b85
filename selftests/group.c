// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that the IOMMU cannot tell apart: an IOMMU group of several devices.
 *
 * Two edu devices share a group when they are behind one conventional PCI bridge:
 *
 *   -device pcie-pci-bridge,id=bridge,addr=8
 *   -device edu,bus=bridge,addr=1,dma_mask=0xffffffffffffffff
 *   -device edu,bus=bridge,addr=2,dma_mask=0xffffffffffffffff
 *
 * And one shares a group with a device of the kernel when that has a driver:
 *
 *   -device pcie-pci-bridge,id=taken,addr=9
 *   -device edu,bus=taken,addr=1,dma_mask=0xffffffffffffffff
 *   -device pci-serial,bus=taken,addr=2
 */
#include <sys/ioctl.h>

#include "test.h"

#define IOVA	(16 * MIB)

FIXTURE(group)
{
	struct context c;
	char *mem;
};

FIXTURE_SETUP(group)
{
	if (context_open(&self->c, ONE_GROUP))
		SKIP(return, NEEDS_GROUP);
	self->mem = must_ptr(mem_base(4 * PAGE));
	mem_fill(self->mem, 4 * PAGE, 1);
}

FIXTURE_TEARDOWN(group)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* All of a group is in one context. */
TEST_F(group, two_contexts)
{
	int other = must(iommufd_open()), fd;

	edu_close(&self->c.edu[1]);
	fd = must(vfio_open(&self->c.pci[1]));
	EXPECT_EQ(-EPERM, vfio_bind(fd, other));
	EXPECT_LT(0, vfio_bind(fd, self->c.fd));
	close(fd);

	/* When the group is free, it is free for any context. */
	edu_close(&self->c.edu[0]);
	fd = must(vfio_open(&self->c.pci[1]));
	EXPECT_LT(0, vfio_bind(fd, other));
	close(fd);
	close(other);
}

/* All of a group is behind one page table. */
TEST_F(group, one_page_table)
{
	struct ioas other = must_ioas(self->c.fd);
	int hwpt = must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));

	EXPECT_EQ(-EINVAL, vfio_attach(self->c.edu[1].fd, other.id));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, other.id));
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas.id));
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[0].fd, hwpt));
	must(vfio_detach(self->c.edu[1].fd));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->c.fd, hwpt));
}

/* To move one is to move all of them. */
TEST_F(group, replace)
{
	struct ioas other = must_ioas(self->c.fd);
	int hwpt;

	must(ioas_map_at(range_of(other, IOVA, PAGE), self->mem, MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	hwpt = must(vfio_attach(self->c.edu[0].fd, other.id));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[1].fd, other.id));
	must(edu_from_memory(&self->c.edu[1], IOVA, 0, PAGE));
	mem_fill(self->mem, PAGE, 2);
	must(edu_to_memory(&self->c.edu[1], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem, PAGE, 1));
}

/* DMA goes on until the last of a group is detached. */
TEST_F(group, detach)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, 2 * PAGE), self->mem,
			 MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(2, pins_since(self->c.pinned));
	must(edu_from_memory(&self->c.edu[1], IOVA, 0, PAGE));
	must(edu_to_memory(&self->c.edu[1], IOVA + PAGE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem + PAGE, PAGE, 1));

	must(vfio_detach(self->c.edu[1].fd));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	mem_fill(self->mem, PAGE, 2);
	must(edu_to_memory(&self->c.edu[1], IOVA, 0, PAGE));
	must(edu_to_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem, PAGE, 2));
}

/* The first device may leave before the others. */
TEST_F(group, first_device_closed)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	edu_close(&self->c.edu[0]);
	must(edu_from_memory(&self->c.edu[1], IOVA, 0, PAGE));
	mem_fill(self->mem, PAGE, 2);
	must(edu_to_memory(&self->c.edu[1], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem, PAGE, 1));
}

/* A group that the kernel itself uses is not given away. */
/* What a reset of the whole bus would do to other devices */
struct bus_reset {
	struct vfio_pci_hot_reset_info info;
	struct vfio_pci_dependent_device devices[4];
};

static int ask_reset(struct edu *edu, struct bus_reset *reset)
{
	*reset = (struct bus_reset){ .info.argsz = sizeof(*reset) };
	return ioctl(edu->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, reset) ?
	       -errno : 0;
}

/* By what name the other one of the two devices is known */
static int other_name(const struct bus_reset *reset, __u32 own)
{
	if (reset->info.count != 2)
		return -ERANGE;
	if (reset->devices[0].devid == own)
		return reset->devices[1].devid;
	return reset->devices[1].devid == own ? reset->devices[0].devid :
						-ESRCH;
}

/* Does the device copy a page of memory to the next one? */
static bool copies(struct edu *edu, char *mem)
{
	mem_fill(mem, PAGE, 7);
	memset(mem + PAGE, 0, PAGE);
	must(edu_from_memory(edu, IOVA, 0, PAGE));
	must(edu_to_memory(edu, IOVA + PAGE, 0, PAGE));
	return mem_differs(mem + PAGE, PAGE, 7) < 0;
}

/* A bus is reset only by who owns all that is on it. */
TEST_F(group, bus_reset)
{
	const __u32 owned = VFIO_PCI_HOT_RESET_FLAG_DEV_ID |
			    VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	struct vfio_pci_hot_reset cmd = { .argsz = sizeof(cmd) };
	struct edu *edu = self->c.edu;
	struct bus_reset reset;
	int rc = ask_reset(&edu[0], &reset);

	if (rc == -ENODEV)
		SKIP(return, "no bus that can be reset");
	must(rc);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, 4 * PAGE), self->mem,
			 MAP_RW));
	must(vfio_attach(edu[0].fd, self->c.ioas.id));

	EXPECT_EQ(owned, reset.info.flags);
	EXPECT_EQ(edu[1].id, other_name(&reset, edu[0].id));
	EXPECT_EQ(0, ioctl(edu[0].fd, VFIO_DEVICE_PCI_HOT_RESET, &cmd));
	EXPECT_TRUE(copies(&edu[0], self->mem));

	/* The one that is not open is in the same group. */
	edu_close(&edu[1]);
	must(ask_reset(&edu[0], &reset));
	EXPECT_EQ(owned, reset.info.flags);
	EXPECT_EQ(VFIO_PCI_DEVID_OWNED, other_name(&reset, edu[0].id));
	EXPECT_EQ(0, ioctl(edu[0].fd, VFIO_DEVICE_PCI_HOT_RESET, &cmd));
	EXPECT_TRUE(copies(&edu[0], self->mem));
}

TEST(in_use)
{
	struct pci_address pci[16];
	int i, n, iommufd, fd;

	n = must(pci_find(EDU_VENDOR, EDU_DEVICE, pci, 16));
	for (i = 0; i < n && i < 16; i++)
		if (pci_group_in_use(&pci[i]) > 0)
			break;
	if (i == n || i == 16)
		SKIP(return, "no edu device in a group that the kernel uses");

	iommufd = must(iommufd_open());
	fd = must(vfio_open(&pci[i]));
	EXPECT_EQ(-EPERM, vfio_bind(fd, iommufd));
	EXPECT_EQ(-EINVAL, vfio_attach(fd, must(ioas_alloc(iommufd))));
	close(fd);
	close(iommufd);
}

TEST_HARNESS_MAIN
