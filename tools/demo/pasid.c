// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device with two address spaces at once.
 *
 * A PASID is a number that a device can put on its DMA; without one it is known by
 * its RID only. Each of the two is attached to a page table of its own, here those
 * of two IOASes, which have to be made for that: IOMMU_HWPT_ALLOC_PASID.
 *
 * QEMU has no such device. The one that is used is in tools/vm/pasid-device.
 */
#include <errno.h>
#include <sys/mman.h>

#include "demo.h"
#include "lib/kernel.h"
#include "lib/pasid_dev.h"
#include "report.h"

#define IOVA	(256 * MIB)
#define PASID	1

enum { BY_RID, BY_PASID };

/* One of the address spaces, and the page that is at IOVA there */
struct space {
	struct ioas ioas;
	__u32 hwpt;
	char *mem;
};

struct pasid_demo {
	struct pasid_dev dev;
	struct space space[2];
};

static int make_space(struct pasid_demo *p, int iommufd, struct space *space)
{
	struct iova_range at;
	int rc;

	space->mem = mem_base(PAGE);
	if (space->mem == MAP_FAILED)
		return failed("mmap", -errno);
	rc = ioas_alloc(iommufd);
	if (rc < 0)
		return failed("IOMMU_IOAS_ALLOC", rc);
	space->ioas = (struct ioas){ .fd = iommufd, .id = rc };
	at = (struct iova_range){ space->ioas, IOVA, PAGE };
	rc = ioas_map_at(at, space->mem, MAP_RW);
	if (rc)
		return failed("IOMMU_IOAS_MAP", rc);
	rc = hwpt_alloc(space->ioas, p->dev.id, IOMMU_HWPT_ALLOC_PASID);
	if (rc < 0)
		return failed("IOMMU_HWPT_ALLOC", rc);
	space->hwpt = rc;
	return 0;
}

/* The device writes a page to IOVA. Does that change just what it should? */
static bool arrives(struct pasid_demo *p, __u32 pasid, int which, __u32 seed)
{
	char *mine = p->space[which].mem, *other = p->space[!which].mem;
	char page[PAGE];

	mem_fill(page, PAGE, seed);
	pasid_dev_put(&p->dev, page);
	mem_fill(mine, PAGE, seed + 1);
	mem_fill(other, PAGE, seed + 2);
	return !pasid_dev_store(&p->dev, pasid, IOVA, PAGE) &&
	       mem_differs(mine, PAGE, seed) < 0 &&
	       mem_differs(other, PAGE, seed + 2) < 0;
}

/* Is it blocked instead, and changes nothing? */
static bool is_blocked(struct pasid_demo *p, __u32 pasid)
{
	int i;

	for (i = 0; i < 2; i++)
		mem_fill(p->space[i].mem, PAGE, 20 + i);
	return pasid_dev_store(&p->dev, pasid, IOVA, PAGE) == -EFAULT &&
	       mem_differs(p->space[0].mem, PAGE, 20) < 0 &&
	       mem_differs(p->space[1].mem, PAGE, 21) < 0;
}

static int attach(struct pasid_demo *p)
{
	int rc;

	rc = vfio_attach(p->dev.fd, p->space[BY_RID].hwpt);
	if (rc < 0)
		return failed("VFIO_DEVICE_ATTACH_IOMMUFD_PT", rc);
	verify(arrives(p, NO_PASID, BY_RID, 30) && is_blocked(p, PASID),
	       "device %s is attached, but not yet its PASID %d: DMA with it is blocked",
	       p->dev.pci.name, PASID);
	rc = vfio_attach_pasid(p->dev.fd, PASID, p->space[BY_PASID].hwpt);
	if (rc < 0)
		return failed("VFIO_DEVICE_ATTACH_IOMMUFD_PT with a PASID", rc);
	report("the RID is in page table %u, PASID %d in page table %u",
	       p->space[BY_RID].hwpt, PASID, p->space[BY_PASID].hwpt);
	return 0;
}

static int transfers(struct pasid_demo *p)
{
	int rc;

	verify(arrives(p, NO_PASID, BY_RID, 40),
	       "DMA to IOVA %#lx without a PASID arrives in the first page, and only there",
	       IOVA);
	verify(arrives(p, PASID, BY_PASID, 50),
	       "DMA to the same IOVA with PASID %d in the second, and only there",
	       PASID);

	/* To attach what is attached moves it. */
	rc = vfio_attach_pasid(p->dev.fd, PASID, p->space[BY_RID].hwpt);
	if (rc < 0)
		return failed("VFIO_DEVICE_ATTACH_IOMMUFD_PT with a PASID", rc);
	verify(arrives(p, PASID, BY_RID, 60),
	       "the PASID is moved to the RID's page table: it reaches the first page");

	rc = vfio_detach_pasid(p->dev.fd, PASID);
	if (rc)
		return failed("VFIO_DEVICE_DETACH_IOMMUFD_PT", rc);
	verify(is_blocked(p, PASID),
	       "the PASID is detached: its DMA is blocked");
	verify(arrives(p, NO_PASID, BY_RID, 70),
	       "the RID works as before");
	return 0;
}

static int give_back(struct pasid_demo *p, int iommufd)
{
	int i, rc;

	for (i = 0; i < 2; i++) {
		rc = iommufd_destroy(iommufd, p->space[i].hwpt);
		if (!rc)
			rc = iommufd_destroy(iommufd, p->space[i].ioas.id);
		if (rc)
			return failed("IOMMU_DESTROY", rc);
		munmap(p->space[i].mem, PAGE);
	}
	return 0;
}

int step_pasid(struct demo *demo)
{
	struct pasid_demo p = {};
	struct pci_address pci;
	int rc;

	if (pasid_dev_find(&pci)) {
		report_missing("this QEMU has no device that does DMA with a PASID");
		return 0;
	}
	rc = pasid_dev_open(&p.dev, &pci, demo->iommufd);
	if (rc)
		return failed("open and bind the device", rc);
	rc = make_space(&p, demo->iommufd, &p.space[BY_RID]);
	if (!rc)
		rc = make_space(&p, demo->iommufd, &p.space[BY_PASID]);
	if (!rc)
		rc = attach(&p);
	if (!rc)
		rc = transfers(&p);
	pasid_dev_close(&p.dev);
	return rc ? rc : give_back(&p, demo->iommufd);
}
