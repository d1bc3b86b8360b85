// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory for the nodes of an xarray. The kernel asks for them twice, without and
 * with leave to sleep, so that a single failure (fail_nth.c) shows nothing. Here
 * all of these requests of the process fail, and nothing else does: the call says
 * ENOMEM and leaves no trace, and succeeds when there is memory again.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "lib/guest.h"
#include "lib/pasid_dev.h"
#include "lib/sources.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define PASID	7
/* More than the first node has room for */
#define PIECES	(2 * HUGE)

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define NODES		"/sys/kernel/slab/radix_tree_node/failslab"

static const struct {
	const char *path, *on, *off;
} switches[] = {
	{ FAILSLAB "verbose", "0", "0" },
	{ FAILSLAB "ignore-gfp-wait", "N", "N" },
	{ FAILSLAB "task-filter", "Y", "N" },
	{ FAILSLAB "cache-filter", "Y", "N" },
	{ FAILSLAB "times", "-1", "1" },
	{ NODES, "1", "0" },
	{ FAILSLAB "probability", "100", "0" },
};

static void allow_failures(bool allow)
{
	int i, n = ARRAY_SIZE(switches);

	for (i = 0; i < n && allow; i++)
		must(write_switch(switches[i].path, switches[i].on));
	/* Back from the last one: it is what makes the others matter. */
	for (i = n; i-- && !allow;)
		must(write_switch(switches[i].path, switches[i].off));
}

static void starve(bool now)
{
	must(write_switch("/proc/self/make-it-fail", now ? "1" : "0"));
}

FIXTURE(no_nodes)
{
	struct guest g;
	struct event_queue queue;
	char *mem;		/* PIECES bytes, whose frames do not follow each other */
	int empty;		/* a context without an object */
	int pinned;
};

static void scatter(char *mem)
{
	int i, k;

	for (i = 0; i < 2; i++)
		for (k = i; k < (int)(PIECES / PAGE); k += 2)
			mem[k * PAGE] = 1;
}

FIXTURE_SETUP(no_nodes)
{
	if (access("/proc/self/make-it-fail", W_OK) || access(NODES, W_OK))
		SKIP(return, "the kernel cannot fail on request");
	self->pinned = pins_since(0);
	self->empty = must(iommufd_open());
	if (!mock_present(self->empty))
		SKIP(return, NEEDS_MOCK);
	guest_open(&self->g);
	self->mem = must_ptr(mem_base(PIECES));
	scatter(self->mem);
	must(fault_queue_alloc(self->g.fd, &self->queue));
	allow_failures(true);
}

FIXTURE_TEARDOWN(no_nodes)
{
	starve(false);
	allow_failures(false);
	close(self->queue.fd);
	close(self->empty);
	guest_close(&self->g);
	EXPECT_SETTLED(self->pinned);
}

/*
 * @call is -ENOMEM without memory for nodes, then it is not; and it is done once.
 * It gives a number that is not negative when it succeeds.
 */
#define EXPECT_NEEDS_NODES(_call)					\
do {									\
	int _without, _with;						\
									\
	starve(true);							\
	_without = (_call);						\
	starve(false);							\
	_with = (_call);						\
	EXPECT_EQ(-ENOMEM, _without);					\
	EXPECT_LE(0, _with);						\
} while (0)

TEST_F(no_nodes, first_object)
{
	EXPECT_NEEDS_NODES(ioas_alloc(self->empty));
}

/* The record of its group */
TEST_F(no_nodes, device)
{
	struct ioas ioas = must_ioas(self->empty);
	struct mock mock;

	EXPECT_NEEDS_NODES(mock_new(self->empty, ioas.id, 0, &mock));
}

/* The list of those that are attached */
TEST_F(no_nodes, attach)
{
	struct ioas ioas = must_ioas(self->empty);
	struct pci_address pci;
	struct edu edu;

	if (edu_find_one(&pci))
		SKIP(return, NEEDS_EDU);
	must(edu_open(&edu, &pci, self->empty));
	EXPECT_NEEDS_NODES(vfio_attach(edu.fd, ioas.id));
	EXPECT_EQ(0, vfio_detach(edu.fd));
	edu_close(&edu);
}

TEST_F(no_nodes, pasid)
{
	struct ioas ioas = must_ioas(self->empty);
	struct pci_address pci;
	struct pasid_dev dev;
	int hwpt;

	if (pasid_dev_find(&pci))
		SKIP(return, "no device that does DMA with a PASID");
	must(pasid_dev_open(&dev, &pci, self->empty));
	hwpt = must(hwpt_alloc(ioas, dev.id, IOMMU_HWPT_ALLOC_PASID));
	EXPECT_NEEDS_NODES(vfio_attach_pasid(dev.fd, PASID, hwpt));
	EXPECT_EQ(0, vfio_detach_pasid(dev.fd, PASID));
	EXPECT_EQ(0, iommufd_destroy(self->empty, hwpt));
	pasid_dev_close(&dev);
}

static int read_request(int fd)
{
	struct iommu_hwpt_pgfault message;
	int n = read(fd, &message, sizeof(message));

	return n < 0 ? -errno : n;
}

/* It stays in the queue. */
TEST_F(no_nodes, page_request)
{
	struct guest *g = &self->g;
	struct mock mock;
	int hwpt;

	must(mock_new(g->fd, g->ioas.id, 0, &mock));
	hwpt = must(HWPT_ALLOC(g->fd, .dev_id = mock.idev, .pt_id = g->ioas.id,
			       .flags = IOMMU_HWPT_FAULT_ID_VALID,
			       .fault_id = self->queue.id));
	must(mock_replace(g->fd, &mock, hwpt));
	must(mock_page_request(g->fd, mock.idev, 0, 1, IOVA));
	EXPECT_NEEDS_NODES(read_request(self->queue.fd));
	EXPECT_EQ(0, read_request(self->queue.fd));
}

TEST_F(no_nodes, vdevice)
{
	EXPECT_NEEDS_NODES(guest_vdevice(&self->g, self->g.dev.idev, 1));
}

/* The window for its registers */
TEST_F(no_nodes, viommu)
{
	struct iommu_viommu_selftest data = {};
	struct ioas ioas = must_ioas(self->empty);
	struct mock mock;
	int parent;

	must(mock_new(self->empty, ioas.id, 0, &mock));
	parent = must(hwpt_alloc(ioas, mock.idev,
				 IOMMU_HWPT_ALLOC_NEST_PARENT));
	EXPECT_NEEDS_NODES(VIOMMU_ALLOC(self->empty, .dev_id = mock.idev,
					.hwpt_id = parent,
					.type = IOMMU_VIOMMU_TYPE_SELFTEST,
					.data_len = sizeof(data),
					.data_uptr = addr(&data)));
}

/* Where its frames are */
TEST_F(no_nodes, memory)
{
	const struct iova_range range = range_of(self->g.ioas, IOVA, PIECES);

	EXPECT_NEEDS_NODES(ioas_map_at(range, self->mem, MAP_RW));
	EXPECT_EQ(PIECES / PAGE, pins_since(self->pinned));
	EXPECT_EQ(0, MOCK_OP(self->g.fd, MD_CHECK_MAP, .id = self->g.parent,
			     .check_map = { IOVA, PIECES, addr(self->mem) }));
}

TEST_HARNESS_MAIN
