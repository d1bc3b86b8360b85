// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that uses an IOAS by software: the mdev samples of the kernel are
 * bound, attached, moved and detached. They want whole pages, pin none of them, and
 * are not in the way of an unmap. copyengine.c has one that does DMA.
 */
#include "lib/mdev.h"
#include "test.h"

#define IOVA	(16 * MIB)
#define SIZE	(4 * PAGE)

FIXTURE(access)
{
	struct context c;
	struct ioas other;
	struct mdev mdev;
	int fd;			/* of the device, which is bound */
	int id;
	void *mem;		/* SIZE + PAGE bytes */
};

FIXTURE_VARIANT(access)
{
	enum mdev_kind kind;
};

FIXTURE_VARIANT_ADD(access, mtty) { MDEV_MTTY };
FIXTURE_VARIANT_ADD(access, mdpy) { MDEV_MDPY };
FIXTURE_VARIANT_ADD(access, mbochs) { MDEV_MBOCHS };

FIXTURE_SETUP(access)
{
	int rc = mdev_create(&self->mdev, variant->kind);

	if (rc == -ENODEV)
		SKIP(return, "no such driver");
	must(rc);
	must(context_open(&self->c, NO_EDU));
	self->other = must_ioas(self->c.fd);
	self->fd = must(mdev_open(&self->mdev));
	self->id = must(vfio_bind(self->fd, self->c.fd));
	self->mem = must_ptr(mem_base(SIZE + PAGE));
}

FIXTURE_TEARDOWN(access)
{
	if (self->fd >= 0)
		close(self->fd);
	context_close(&self->c);
	EXPECT_EQ(0, mdev_remove(&self->mdev));
	EXPECT_SETTLED(self->c.pinned);
}

/* The driver has it, so the user cannot destroy it; and it is no IOAS. */
TEST_F(access, id)
{
	struct ioas ioas = { self->c.fd, self->id };

	EXPECT_NE(self->c.ioas.id, self->id);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->id));
	EXPECT_EQ(-ENOENT, ioas_unmap_all(ioas, NULL));
	EXPECT_EQ(-ENOENT, vfio_attach(self->fd, self->id));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->c.fd, self->id));
}

TEST_F(access, attach)
{
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->other.id));
	EXPECT_EQ(-ENOENT, vfio_attach(self->fd, self->other.id));
	EXPECT_EQ(-ENOENT, vfio_attach(self->fd, NO_ID));
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));

	/* There is no page table: the ID is that of the IOAS. */
	EXPECT_EQ(self->c.ioas.id, vfio_attach(self->fd, self->c.ioas.id));
	EXPECT_EQ(PAGE, ioas_alignment(self->c.ioas));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->id));

	EXPECT_EQ(0, vfio_detach(self->fd));
	EXPECT_EQ(0, vfio_detach(self->fd));
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
}

/* Areas of parts of pages keep the driver out, and later stay out themselves. */
TEST_F(access, whole_pages)
{
	static const struct {
		const char *name;
		__u64 iova;
		size_t at, length;
	} odd[] = {
		{ "IOVA", IOVA + 1, 0, PAGE },
		{ "length", IOVA, 0, PAGE + 1 },
		{ "address", IOVA, 1, PAGE },
	};
	struct iova_range range;
	int i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		range = range_of(self->c.ioas, odd[i].iova, odd[i].length);
		must(ioas_map_at(range, self->mem + odd[i].at, MAP_RW));
		EXPECT_EQ(-EADDRINUSE, vfio_attach(self->fd, self->c.ioas.id))
			TH_LOG("%s", odd[i].name);
		EXPECT_EQ(1, ioas_alignment(self->c.ioas));
		must(ioas_unmap_all(self->c.ioas, NULL));

		must(vfio_attach(self->fd, self->c.ioas.id));
		EXPECT_EQ(-EINVAL, ioas_map_at(range, self->mem + odd[i].at,
					       MAP_RW))
			TH_LOG("%s", odd[i].name);
		must(vfio_detach(self->fd));
	}
}

/* No memory is pinned as long as the driver asks for none. */
TEST_F(access, map_and_unmap)
{
	__u64 bytes;
	int i;

	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(vfio_attach(self->fd, self->c.ioas.id));
	must(ioas_map_at(range_of(self->c.ioas, 2 * IOVA, SIZE), NULL, MAP_RW));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	for (i = 1; i <= 2; i++) {
		EXPECT_EQ(0, ioas_unmap(self->c.ioas, i * IOVA, SIZE, &bytes));
		EXPECT_EQ(SIZE, bytes);
	}
	EXPECT_EQ(-ENOENT, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(vfio_detach(self->fd));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, IOVA, SIZE, &bytes));
	EXPECT_EQ(SIZE, bytes);
}

/* To attach what is attached moves it. */
TEST_F(access, replace)
{
	must(vfio_attach(self->fd, self->c.ioas.id));
	EXPECT_EQ(self->c.ioas.id, vfio_attach(self->fd, self->c.ioas.id));
	EXPECT_EQ(self->other.id, vfio_attach(self->fd, self->other.id));
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
	EXPECT_EQ(PAGE, ioas_alignment(self->other));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->other.id));

	/* A move that is refused is none. */
	must(ioas_map_at(range_of(self->c.ioas, IOVA + 1, 1), self->mem,
			 MAP_RW));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(self->fd, self->c.ioas.id));
	EXPECT_EQ(-ENOENT, vfio_attach(self->fd, NO_ID));
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
	EXPECT_EQ(PAGE, ioas_alignment(self->other));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->other.id));
	must(vfio_detach(self->fd));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->other.id));
}

/*
 * By its group the device is attached to the IOAS of IOMMU_VFIO_IOAS as long as it
 * is open, and cannot be moved.
 */
TEST_F(access, group)
{
	int group, device;

	close(self->fd);
	must(iommufd_vfio_ioas(self->c.fd, IOMMU_VFIO_IOAS_SET,
			       self->c.ioas.id));
	group = must(mdev_open_group(&self->mdev, self->c.fd));
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
	device = must(mdev_open_by_group(&self->mdev, group));
	EXPECT_EQ(PAGE, ioas_alignment(self->c.ioas));
	EXPECT_EQ(-ENOTTY, vfio_attach(device, self->other.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas.id));
	self->fd = must(mdev_open(&self->mdev));
	EXPECT_EQ(-EBUSY, vfio_bind(self->fd, self->c.fd));
	close(device);
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
	close(group);
	EXPECT_LT(0, vfio_bind(self->fd, self->c.fd));
}

/* A device that is closed is detached. */
TEST_F(access, closed)
{
	must(vfio_attach(self->fd, self->c.ioas.id));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
}

/* The context lives on in the device. */
TEST_F(access, iommufd_closed)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(vfio_attach(self->fd, self->c.ioas.id));
	close(self->c.fd);
	self->c.fd = -1;
	EXPECT_EQ(self->other.id, vfio_attach(self->fd, self->other.id));
	EXPECT_EQ(self->c.ioas.id, vfio_attach(self->fd, self->c.ioas.id));
	EXPECT_EQ(0, vfio_detach(self->fd));
}

/* Beside a device with an IOMMU, which pins, and each may go first. */
TEST_F(access, beside_hardware)
{
	struct pci_address pci;
	struct edu edu;

	if (edu_find_one(&pci))
		SKIP(return, NEEDS_EDU);
	must(edu_open(&edu, &pci, self->c.fd));
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(vfio_attach(self->fd, self->c.ioas.id));
	EXPECT_LT(0, vfio_attach(edu.fd, self->c.ioas.id));
	EXPECT_EQ(SIZE / PAGE, pins_since(self->c.pinned));
	must(vfio_detach(self->fd));
	EXPECT_EQ(SIZE / PAGE, pins_since(self->c.pinned));
	EXPECT_EQ(PAGE, ioas_alignment(self->c.ioas));
	must(vfio_attach(self->fd, self->c.ioas.id));
	edu_close(&edu);
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(PAGE, ioas_alignment(self->c.ioas));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
}

TEST_HARNESS_MAIN
