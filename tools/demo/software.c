// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device without hardware: the copy engine of samples/, a driver that does the
 * DMA of its device itself. To a program it is a device as any other: it is opened,
 * bound and attached, and works on IOVAs.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "demo.h"
#include "lib/copyengine.h"
#include "lib/kernel.h"
#include "report.h"

#define IOVA_BUFFER	(256 * MIB)
#define IOVA_NOTHING	(320 * MIB)

static int join(struct demo *demo, struct copyengine *engine)
{
	int rc = vfio_attach(engine->fd, demo->ioas.id);

	if (rc < 0)
		return failed("VFIO_DEVICE_ATTACH_IOMMUFD_PT", rc);
	verify(rc == (int)demo->ioas.id,
	       "the engine is attached to the IOAS of device %s, without a page table",
	       demo->edu[0].pci.name);
	return 0;
}

/* The engine copies a page, and the device takes it from there. */
static int copy_by_engine(struct demo *demo, struct copyengine *engine)
{
	struct edu *edu = &demo->edu[0];
	int rc;

	mem_fill(demo->mem, DEMO_SIZE, 6);
	rc = copyengine_copy(engine, demo->iova + 100, demo->iova + DEMO_SIZE / 2,
			     PAGE);
	if (rc)
		return failed("copy of the engine", rc);
	verify(mem_differs_from(demo->mem + 100, PAGE, 6, DEMO_SIZE / 2) < 0,
	       "the engine read 4096 bytes at offset %#lx and wrote them to 0x64",
	       DEMO_SIZE / 2);

	rc = edu_from_memory(edu, demo->iova + 100, 0, PAGE);
	if (!rc)
		rc = edu_to_memory(edu, demo->iova + 2 * PAGE, 0, PAGE);
	if (rc)
		return failed("DMA of the device", rc);
	verify(mem_differs_from(demo->mem + 2 * PAGE, PAGE, 6,
				DEMO_SIZE / 2) < 0,
	       "what the engine wrote, the device read at the same IOVA");
	return 0;
}

static int out_of_reach(struct demo *demo, struct copyengine *engine)
{
	int rc;

	mem_fill(demo->mem, DEMO_SIZE, 7);
	rc = copyengine_copy(engine, demo->iova, IOVA_NOTHING, PAGE);
	verify(rc == -ENOENT, "read of an IOVA that is not mapped: %s",
	       strerror(-rc));
	rc = copyengine_copy(engine, IOVA_NOTHING, demo->iova, PAGE);
	verify(rc == -ENOENT, "write to an IOVA that is not mapped: %s",
	       strerror(-rc));
	verify(mem_differs(demo->mem, DEMO_SIZE, 7) < 0,
	       "our memory is unchanged");
	return 0;
}

/* A buffer that the engine keeps pinned, until we unmap it. */
static int pin_by_engine(struct demo *demo, struct copyengine *engine)
{
	struct iova_range at = { demo->ioas, IOVA_BUFFER, PAGE };
	int pinned = status_kib("VmPin"), rc;
	void *buffer = mem_base(PAGE);

	if (buffer == MAP_FAILED)
		return failed("mmap", -errno);
	rc = ioas_map_at(at, buffer, MAP_RW);
	if (rc)
		return failed("IOMMU_IOAS_MAP", rc);
	rc = copyengine_pin(engine, IOVA_BUFFER, PAGE);
	if (rc)
		return failed("pin by the engine", rc);
	verify(status_kib("VmPin") == pinned + (int)(PAGE / KIB),
	       "a page is mapped, and pinned once for the device and for the engine");

	rc = ioas_unmap(demo->ioas, IOVA_BUFFER, PAGE, NULL);
	if (rc)
		return failed("IOMMU_IOAS_UNMAP", rc);
	verify(status_kib("VmPin") == pinned,
	       "it is unmapped: the engine had to give it up, it is not pinned");
	rc = copyengine_load(engine, demo->iova, PAGE);
	verify(rc == -ENXIO, "the engine has no buffer any longer: %s",
	       strerror(-rc));
	munmap(buffer, PAGE);
	return 0;
}

int step_software(struct demo *demo)
{
	struct copyengine engine;
	int rc;

	rc = copyengine_open(&engine, demo->iommufd);
	if (rc == -ENODEV) {
		report_missing("no driver iommufd_copyengine");
		return 0;
	}
	if (rc)
		return failed("open and bind the engine", rc);
	rc = join(demo, &engine);
	if (!rc)
		rc = copy_by_engine(demo, &engine);
	if (!rc)
		rc = out_of_reach(demo, &engine);
	if (!rc)
		rc = pin_by_engine(demo, &engine);
	copyengine_close(&engine);
	return rc;
}
