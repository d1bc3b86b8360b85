// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same devices, for a program that knows only the VFIO container: it opens
 * /dev/iommu instead of /dev/vfio/vfio, and nothing else is different.
 *
 * The order of things:
 *
 *   1. open the container, put the groups of the devices in,
 *      choose an IOMMU type, take the devices out            (step_container)
 *   2. VFIO_IOMMU_MAP_DMA, DMA, VFIO_IOMMU_UNMAP_DMA         (step_dma)
 *   3. DMA from one device to the other's registers, which
 *      are mapped just as memory is                          (step_peer)
 *
 * The ioctls are in selftests/lib/container.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"
#include "lib/container.h"
#include "lib/kernel.h"
#include "lib/peer.h"
#include "report.h"

#define IOVA		(16 * MIB)
#define IOVA_NOTHING	(128 * MIB)
#define IOVA_PEER	(192 * MIB)
#define IOVA_SPARE	(256 * MIB)
#define BAR		(1 * MIB)

struct legacy {
	int container;
	int group[2];
	struct pci_address pci[2];
	struct edu edu[2];
	char *mem;
	void *bar;		/* of the second device */
};

static int join(struct legacy *l, int i)
{
	int rc;

	l->group[i] = group_open(&l->pci[i]);
	if (l->group[i] < 0)
		return failed("open the group", l->group[i]);
	rc = group_set_container(l->group[i], l->container);
	if (rc)
		return failed("VFIO_GROUP_SET_CONTAINER", rc);
	return 0;
}

static int take_device(struct legacy *l, int i)
{
	int rc = group_device(l->group[i], &l->pci[i]);

	if (rc < 0)
		return failed("VFIO_GROUP_GET_DEVICE_FD", rc);
	rc = edu_start(&l->edu[i], &l->pci[i], rc);
	if (rc)
		return failed("start the device", rc);
	return 0;
}

static int step_container(struct legacy *l)
{
	int rc;

	l->container = container_open(COMPAT_NODE);
	if (l->container < 0)
		return failed("open " COMPAT_NODE, l->container);
	verify(ioctl(l->container, VFIO_GET_API_VERSION) == VFIO_API_VERSION,
	       COMPAT_NODE " speaks the API of the VFIO container");
	verify(ioctl(l->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) == 1,
	       "it offers VFIO_TYPE1v2_IOMMU");
	rc = join(l, 0);
	if (!rc)
		rc = join(l, 1);
	if (rc)
		return rc;
	rc = container_set_iommu(l->container, VFIO_TYPE1v2_IOMMU);
	if (rc)
		return failed("VFIO_SET_IOMMU", rc);
	rc = take_device(l, 0);
	if (!rc)
		rc = take_device(l, 1);
	if (rc)
		return rc;
	report("devices %s and %s are in the container, by their groups",
	       l->pci[0].name, l->pci[1].name);
	return 0;
}

static int copy(struct legacy *l)
{
	int rc = edu_from_memory(&l->edu[0], IOVA + PAGE, 0, PAGE);

	if (!rc)
		rc = edu_to_memory(&l->edu[0], IOVA, 0, PAGE);
	return rc ? failed("DMA of the device", rc) : 0;
}

static int step_dma(struct legacy *l)
{
	__u64 bytes;
	int rc;

	l->mem = mem_base(DEMO_SIZE);
	if (l->mem == MAP_FAILED)
		return failed("mmap", -errno);
	mem_fill(l->mem, DEMO_SIZE, 1);
	rc = container_map(l->container, IOVA, l->mem, DEMO_SIZE, DMA_RW);
	if (rc)
		return failed("VFIO_IOMMU_MAP_DMA", rc);
	rc = copy(l);
	if (rc)
		return rc;
	verify(mem_differs_from(l->mem, PAGE, 1, PAGE) < 0,
	       "the device read 4096 bytes of 2 MiB that are mapped, and wrote them elsewhere");

	mem_fill(l->mem, DEMO_SIZE, 2);
	rc = try_write(&l->edu[0], IOVA_NOTHING,
		       "DMA write to an IOVA that is not mapped");
	if (rc)
		return rc;
	rc = container_unmap(l->container, IOVA, DEMO_SIZE, &bytes);
	if (rc)
		return failed("VFIO_IOMMU_UNMAP_DMA", rc);
	verify(bytes == DEMO_SIZE, "2 MiB are unmapped");
	rc = try_write(&l->edu[0], IOVA, "DMA write to where they were");
	if (rc)
		return rc;
	verify(mem_differs(l->mem, DEMO_SIZE, 2) < 0, "our memory is unchanged");
	return 0;
}

static int set_memory(struct legacy *l, bool on)
{
	int rc = vfio_memory(l->edu[1].fd, on);

	return rc ? failed("write to the command register", rc) : 0;
}

/* The BAR of the second device goes away and comes back, while it is mapped. */
static int follow_the_bar(struct legacy *l, struct peer *peer)
{
	int rc = set_memory(l, false);

	if (rc)
		return rc;
	verify(peer_is_blocked(peer, IOVA_PEER),
	       "its registers are switched off: DMA to them is blocked");
	rc = set_memory(l, true);
	if (rc)
		return rc;
	verify(peer_writes_soon(peer, IOVA_PEER),
	       "they are switched on: DMA gets there again");
	return 0;
}

static int step_peer(struct legacy *l)
{
	struct peer peer = {
		.user = &l->edu[0],
		.owner = &l->edu[1],
		.spare = (__u32 *)l->mem,
		.spare_iova = IOVA_SPARE,
	};
	int pinned = status_kib("VmPin"), rc;

	l->bar = vfio_map_bar(l->edu[1].fd, 0, BAR);
	if (l->bar == MAP_FAILED)
		return failed("mmap of the registers", -errno);
	rc = container_map(l->container, IOVA_SPARE, l->mem, PAGE, DMA_RW);
	if (!rc)
		rc = container_map(l->container, IOVA_PEER, l->bar, BAR,
				   DMA_RW);
	if (rc)
		return failed("VFIO_IOMMU_MAP_DMA", rc);
	verify(status_kib("VmPin") <= pinned + (int)(PAGE / KIB),
	       "1 MiB of registers of the second device is mapped, and not pinned");
	verify(peer_writes(&peer, IOVA_PEER),
	       "the first device writes to a register of the second one");
	verify(peer_reads(&peer, IOVA_PEER), "and reads it");
	return follow_the_bar(l, &peer);
}

static int step_close(struct legacy *l)
{
	int i;

	/* Who has the registers mapped has the device open. */
	munmap(l->bar, BAR);
	for (i = 0; i < 2; i++) {
		edu_close(&l->edu[i]);
		close(l->group[i]);
	}
	close(l->container);
	verify(status_kib("VmPin") == 0, "none of our memory is pinned");
	return 0;
}

static const struct {
	const char *title;
	int (*run)(struct legacy *l);
} steps[] = {
	{ "two devices in a container", step_container },
	{ "a device reads and writes our memory", step_dma },
	{ "a device reaches the registers of another one", step_peer },
	{ "close gives everything back", step_close },
};

int main(void)
{
	struct legacy legacy = {};
	size_t i;
	int rc;

	setlinebuf(stdout);
	rc = edu_find_pair(false, legacy.pci);
	if (rc) {
		fprintf(stderr, "demo: this machine has no two edu devices that vfio-pci has\n");
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (rc) {
			report_not_run(steps[i].title);
			continue;
		}
		report_step(steps[i].title);
		rc = steps[i].run(&legacy);
	}
	return report_summary() ? 0 : 1;
}
