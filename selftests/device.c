// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: bind, attach, detach, and what closes what. No DMA, see dma.c.
 */
#include "test.h"

#define IOVA	(16 * MIB)
#define MSI	0xfee00000UL	/* x86: writes here are interrupts */

FIXTURE(device)
{
	struct context c;
	void *mem;
};

FIXTURE_SETUP(device)
{
	if (context_open(&self->c, TWO_GROUPS))
		SKIP(return, NEEDS_GROUPS);
	self->mem = must_ptr(mem_base(16 * PAGE));
}

FIXTURE_TEARDOWN(device)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* A device that is opened but not bound can do nothing. */
TEST_F(device, unbound)
{
	int fd;

	edu_close(&self->c.edu[1]);
	fd = must(vfio_open(&self->c.pci[1]));
	EXPECT_EQ(-EINVAL, vfio_attach(fd, self->c.ioas.id));
	EXPECT_EQ(-EINVAL, vfio_detach(fd));
	EXPECT_EQ(MAP_FAILED, vfio_map_bar(fd, 0, PAGE));
	close(fd);
}

TEST_F(device, bind_to_what_is_no_iommufd)
{
	int file = must(mem_file(PAGE, 0));
	int fd;

	edu_close(&self->c.edu[1]);
	fd = must(vfio_open(&self->c.pci[1]));
	EXPECT_EQ(-EINVAL, vfio_bind(fd, -1));
	EXPECT_EQ(-EBADF, vfio_bind(fd, 999));
	EXPECT_EQ(-EBADFD, vfio_bind(fd, file));
	EXPECT_EQ(-EBADFD, vfio_bind(fd, fd));
	/* None of them did any harm. */
	EXPECT_LT(0, vfio_bind(fd, self->c.fd));
	close(fd);
}

/* A device belongs to one context, and to one fd. */
TEST_F(device, bind_twice)
{
	int other = must(iommufd_open());
	int fd = must(vfio_open(&self->c.pci[0]));

	EXPECT_EQ(-EINVAL, vfio_bind(self->c.edu[0].fd, self->c.fd));
	EXPECT_EQ(-EINVAL, vfio_bind(self->c.edu[0].fd, other));
	EXPECT_EQ(-EINVAL, vfio_bind(fd, self->c.fd));
	EXPECT_EQ(-EINVAL, vfio_bind(fd, other));

	/* What was refused left nothing behind. */
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	edu_close(&self->c.edu[0]);
	EXPECT_LT(0, vfio_bind(fd, other));
	close(fd);
	close(other);
}

/* Devices in two contexts have nothing to do with each other. */
TEST_F(device, two_contexts)
{
	int other = must(iommufd_open());
	struct ioas ioas = must_ioas(other);
	struct edu edu;

	edu_close(&self->c.edu[1]);
	must(edu_open(&edu, &self->c.pci[1], other));
	must(vfio_attach(edu.fd, ioas.id));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(ioas_map_at(range_of(ioas, IOVA, PAGE), self->mem, MAP_RW));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	EXPECT_EQ(-ENOENT, ioas_unmap(self->c.ioas, IOVA, PAGE, NULL));
	edu_close(&edu);
	close(other);
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* What a driver made, a user cannot destroy; and it is of its own type. */
TEST_F(device, id)
{
	struct ioas device = { self->c.fd, self->c.edu[0].id };
	int id = self->c.edu[1].id;
	__u64 iova;

	EXPECT_NE(self->c.edu[0].id, id);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, id));
	EXPECT_EQ(-ENOENT, ioas_map(device, self->mem, PAGE, MAP_RW, &iova));
	EXPECT_EQ(-ENOENT, ioas_unmap_all(device, NULL));
	EXPECT_EQ(-ENOENT, ioas_alignment(device));
	EXPECT_EQ(-EINVAL, vfio_attach(self->c.edu[0].fd, id));
	EXPECT_EQ(-EINVAL, vfio_attach(self->c.edu[0].fd, self->c.edu[0].id));
	EXPECT_EQ(-ENOENT, vfio_attach(self->c.edu[0].fd, 0));
	EXPECT_EQ(-ENOENT, vfio_attach(self->c.edu[0].fd, NO_ID));

	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, id));
	edu_close(&self->c.edu[1]);
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->c.fd, id));
	EXPECT_EQ(id, ioas_alloc(self->c.fd));
}

/* The page table that an attach makes goes with the last device. */
TEST_F(device, automatic_hwpt)
{
	int hwpt = must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));

	EXPECT_EQ(hwpt, must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id)));
	EXPECT_NE(self->c.ioas.id, hwpt);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, hwpt));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas.id));

	EXPECT_EQ(0, vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, hwpt));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas.id));

	EXPECT_EQ(0, vfio_detach(self->c.edu[1].fd));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->c.fd, hwpt));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
}

/* A page table can be named instead of its IOAS. */
TEST_F(device, attach_to_hwpt)
{
	int hwpt = must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));

	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[1].fd, hwpt));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, hwpt));
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[0].fd, hwpt));
	must(vfio_detach(self->c.edu[1].fd));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(-ENOENT, vfio_attach(self->c.edu[0].fd, hwpt));
}

TEST_F(device, detach_twice)
{
	EXPECT_EQ(0, vfio_detach(self->c.edu[0].fd));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(0, vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(0, vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
}

/* To attach what is attached moves it. */
TEST_F(device, replace)
{
	struct ioas other = must_ioas(self->c.fd);
	int hwpt, moved;

	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	must(ioas_map_at(range_of(other, IOVA, 2 * PAGE), self->mem, MAP_RW));
	hwpt = must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[0].fd, hwpt));
	EXPECT_EQ(1, pins_since(self->c.pinned));

	moved = must(vfio_attach(self->c.edu[0].fd, other.id));
	EXPECT_NE(hwpt, moved);
	EXPECT_EQ(2, pins_since(self->c.pinned));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->c.fd, hwpt));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, other.id));

	/* A move that is refused is none. */
	EXPECT_EQ(-ENOENT, vfio_attach(self->c.edu[0].fd, NO_ID));
	EXPECT_EQ(-EINVAL, vfio_attach(self->c.edu[0].fd, self->c.edu[1].id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, moved));
}

TEST_F(device, replace_refused)
{
	struct ioas other = must_ioas(self->c.fd);

	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(ioas_map_at(range_of(other, MSI, PAGE), self->mem, MAP_RW));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(self->c.edu[0].fd, other.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, self->c.ioas.id));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, other.id));
}

/* A device narrows its IOAS as long as it is attached. */
TEST_F(device, ranges)
{
	struct iommu_iova_range range[8], first;
	int i, n;

	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	n = ioas_ranges(self->c.ioas, range, 8);
	ASSERT_LE(2, n);
	ASSERT_GE(8, n);
	EXPECT_EQ(0, range[0].start);
	for (i = 0; i < n; i++) {
		EXPECT_LT(range[i].start, range[i].last);
		EXPECT_TRUE(range[i].last < MSI ||
			    range[i].start > MSI + 0xfffff);
	}
	for (i = 1; i < n; i++)
		EXPECT_LT(range[i - 1].last + 1, range[i].start);
	EXPECT_GT(UINT64_MAX, range[n - 1].last);
	EXPECT_EQ(PAGE, ioas_alignment(self->c.ioas));

	/* With too little room come the first ones. */
	EXPECT_EQ(n, ioas_ranges(self->c.ioas, &first, 1));
	EXPECT_EQ(range[0].last, first.last);

	/* One more device of the kind makes no difference. */
	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	EXPECT_EQ(n, ioas_ranges(self->c.ioas, range, 8));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(n, ioas_ranges(self->c.ioas, range, 8));
	must(vfio_detach(self->c.edu[1].fd));
	EXPECT_EQ(1, ioas_ranges(self->c.ioas, range, 8));
	EXPECT_EQ(UINT64_MAX, range[0].last);
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
}

/* Mappings that a device cannot live with keep it out. */
static const struct {
	const char *name;
	__u64 iova;
	size_t at, length;
} conflicts[] = {
	{ "interrupts", MSI, 0, PAGE },
	{ "last page of the interrupts", MSI + 0xff000, 0, PAGE },
	{ "into the interrupts", MSI - PAGE, 0, 2 * PAGE },
	{ "out of reach", 1ULL << 60, 0, PAGE },
	{ "end of the space", -PAGE, 0, PAGE },
	{ "odd IOVA", IOVA + 1, 0, PAGE },
	{ "odd length", IOVA, 0, PAGE + 1 },
	{ "odd address", IOVA, 1, PAGE },
};

TEST_F(device, attach_conflicts)
{
	struct iommu_iova_range range;
	int i;

	must(ioas_map_at(range_of(self->c.ioas, 2 * IOVA, PAGE), self->mem,
			 MAP_RW));
	for (i = 0; i < ARRAY_SIZE(conflicts); i++) {
		must(ioas_map_at(range_of(self->c.ioas, conflicts[i].iova,
					  conflicts[i].length),
				 self->mem + conflicts[i].at, MAP_RW));
		EXPECT_EQ(-EADDRINUSE,
			  vfio_attach(self->c.edu[0].fd, self->c.ioas.id))
			TH_LOG("%s", conflicts[i].name);
		EXPECT_EQ(1, ioas_ranges(self->c.ioas, &range, 1))
			TH_LOG("%s", conflicts[i].name);
		EXPECT_EQ(1, ioas_alignment(self->c.ioas))
			TH_LOG("%s", conflicts[i].name);
		EXPECT_EQ(0, pins_since(self->c.pinned))
			TH_LOG("%s", conflicts[i].name);
		must(ioas_unmap(self->c.ioas, conflicts[i].iova,
				conflicts[i].length, NULL));
	}
	EXPECT_LT(0, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(1, pins_since(self->c.pinned));
}

/* What is mapped already is pinned at attach, all of it or nothing. */
TEST_F(device, attach_fills)
{
	void *none = must_ptr(mem_none(PAGE));
	int hwpt;

	must(ioas_map_at(range_of(self->c.ioas, IOVA, 8 * PAGE), self->mem,
			 MAP_RW));
	must(ioas_map_at(range_of(self->c.ioas, 2 * IOVA, PAGE), none, MAP_RW));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-EFAULT, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(0, pins_since(self->c.pinned));

	must(ioas_unmap(self->c.ioas, 2 * IOVA, PAGE, NULL));
	hwpt = must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(8, pins_since(self->c.pinned));
	/* However many devices there are */
	EXPECT_EQ(hwpt, vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	EXPECT_EQ(8, pins_since(self->c.pinned));
	must(vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(8, pins_since(self->c.pinned));
	must(vfio_detach(self->c.edu[1].fd));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	must(ioas_unmap(self->c.ioas, IOVA, 8 * PAGE, NULL));
}

/* Detach and unmap in either order; over and over */
TEST_F(device, again_and_again)
{
	int i;

	for (i = 0; i < 12; i++) {
		must(vfio_attach(self->c.edu[i % 2].fd, self->c.ioas.id));
		must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem,
				 MAP_RW));
		EXPECT_EQ(1, pins_since(self->c.pinned));
		if (i % 3)
			must(vfio_detach(self->c.edu[i % 2].fd));
		must(ioas_unmap_all(self->c.ioas, NULL));
		EXPECT_EQ(0, pins_since(self->c.pinned));
		must(vfio_detach(self->c.edu[i % 2].fd));
	}
}

/* Closing the device is a detach and an unbind. */
TEST_F(device, close_attached)
{
	int other = must(iommufd_open()), hwpt;

	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	hwpt = must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	edu_close(&self->c.edu[1]);
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->c.fd, hwpt));
	EXPECT_EQ(0, iommufd_destroy(self->c.fd, self->c.ioas.id));

	/* Anyone can have it now. */
	must(edu_open(&self->c.edu[1], &self->c.pci[1], other));
	edu_close(&self->c.edu[1]);
	close(other);
}

/* A device keeps its context when the fd of that is closed. */
TEST_F(device, close_iommufd_first)
{
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->mem, MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	close(self->c.fd);
	EXPECT_EQ(1, pins_since(self->c.pinned));
	edu_close(&self->c.edu[1]);
	EXPECT_EQ(1, pins_since(self->c.pinned));
	/* It can still be moved about in there. */
	EXPECT_EQ(0, vfio_detach(self->c.edu[0].fd));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_LT(0, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	edu_close(&self->c.edu[0]);
	EXPECT_EQ(0, pins_since(self->c.pinned));
	self->c.fd = -1;
}

static int use_in_new_process(const struct pci_address *pci)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct ioas ioas = must_ioas(must(iommufd_open()));
		struct edu edu;

		must(edu_open(&edu, pci, ioas.fd));
		must(vfio_attach(edu.fd, ioas.id));
		must_map(ioas, must_ptr(mem_base(PAGE)), PAGE, MAP_RW);
		/* The end of the process closes everything. */
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

TEST_F(device, new_process)
{
	int i;

	for (i = 0; i < 3; i++) {
		edu_close(&self->c.edu[1]);
			EXPECT_EQ(0, use_in_new_process(&self->c.pci[1]));
		EXPECT_EQ(self->c.pinned, pinned_pages());
		context_open_edu(&self->c, 1);
		}
}

TEST_HARNESS_MAIN
