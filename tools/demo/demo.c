// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a program gives devices access to its memory with /dev/iommu and VFIO.
 *
 * The words: an IOAS is an address space for devices. Its addresses are IOVAs. A
 * program maps its memory into an IOAS and attaches devices to it; they can then
 * do DMA to this memory and to nothing else.
 *
 * The order of things:
 *
 *   1. open /dev/iommu, allocate an IOAS                    (step_address_space)
 *   2. open the device, bind it to the iommufd, attach it
 *      to the IOAS, map memory, do DMA                      (step_dma)
 *   3. unmap, detach, or just close                         (step_unmap, step_close)
 *
 * The ioctls are in selftests/lib: iommu.c has those of /dev/iommu, vfio_device.c
 * those of the device, edu.c is a driver for the device that is used here, QEMU's
 * "edu". Two of them are needed, in IOMMU groups of their own, and vfio-pci has
 * to be their driver:
 *
 *   echo vfio-pci > /sys/bus/pci/devices/0000:00:04.0/driver_override
 *   echo 0000:00:04.0 > /sys/bus/pci/drivers_probe
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "lib/kernel.h"
#include "report.h"

/* IOVAs of our choice; what the kernel picks is lower. */
#define IOVA_READ_ONLY	(64 * MIB)
#define IOVA_NOTHING	(128 * MIB)
#define IOVA_SCRATCH	(192 * MIB)

static int print_ranges(struct ioas ioas)
{
	struct iommu_iova_range range[16];
	int i, n;

	n = ioas_ranges(ioas, range, 16);
	if (n < 0)
		return failed("IOMMU_IOAS_IOVA_RANGES", n);
	for (i = 0; i < n && i < 16; i++)
		report("usable IOVAs: %#18llx to %#18llx", range[i].start,
		       range[i].last);
	return n;
}

static int step_address_space(struct demo *demo)
{
	int rc;

	demo->iommufd = iommufd_open();
	if (demo->iommufd < 0)
		return failed("open /dev/iommu", demo->iommufd);

	rc = ioas_alloc(demo->iommufd);
	if (rc < 0)
		return failed("IOMMU_IOAS_ALLOC", rc);
	demo->ioas = (struct ioas){ .fd = demo->iommufd, .id = rc };
	verify(rc > 0, "/dev/iommu gave us an IOAS, its ID is %d", rc);

	rc = print_ranges(demo->ioas);
	if (rc < 0)
		return rc;
	verify(rc == 1, "no device has narrowed it yet");
	return 0;
}

/* From here on the device can do DMA, to what is mapped in the IOAS. */
static int attach(struct demo *demo, int which)
{
	struct edu *edu = &demo->edu[which];
	int rc;

	rc = edu_open(edu, &demo->pci[which], demo->iommufd);
	if (rc)
		return failed("open and bind the device", rc);
	rc = vfio_attach(edu->fd, demo->ioas.id);
	if (rc < 0)
		return failed("VFIO_DEVICE_ATTACH_IOMMUFD_PT", rc);
	verify(rc > 0, "device %s is bound with ID %u and attached to page table %d",
	       edu->pci.name, edu->id, rc);
	return 0;
}

/* The device takes a page from byte @from of the memory and puts it to @to. */
static int copy_by_device(struct demo *demo, struct edu *edu, size_t from,
			  size_t to)
{
	int rc;

	rc = edu_from_memory(edu, demo->iova + from, 0, PAGE);
	if (!rc)
		rc = edu_to_memory(edu, demo->iova + to, 0, PAGE);
	return rc ? failed("DMA of the device", rc) : 0;
}

static int map_memory(struct demo *demo)
{
	int rc, pinned = status_kib("VmPin");

	if (!demo->mem)
		demo->mem = mem_base(DEMO_SIZE);
	if (demo->mem == MAP_FAILED)
		return failed("mmap", -errno);
	mem_fill(demo->mem, DEMO_SIZE, 1);
	/* As we do not say where, the kernel picks an IOVA and tells us. */
	rc = ioas_map(demo->ioas, demo->mem, DEMO_SIZE, MAP_RW, &demo->iova);
	if (rc)
		return failed("IOMMU_IOAS_MAP", rc);
	verify(status_kib("VmPin") == pinned + (int)(DEMO_SIZE / KIB),
	       "2 MiB of our memory are mapped at IOVA %#llx, and pinned",
	       demo->iova);
	return 0;
}

static int step_dma(struct demo *demo)
{
	/* From the middle to the start, over a page border, to the end */
	static const struct {
		size_t from, to;
	} copies[] = {
		{ DEMO_SIZE / 2, 0 },
		{ 100 * PAGE, 200 * PAGE - PAGE / 2 },
		{ 300 * PAGE + 123, DEMO_SIZE - PAGE },
	};
	char *expected;
	size_t i;
	int rc;

	rc = attach(demo, 0);
	if (!rc)
		rc = print_ranges(demo->ioas);
	if (rc >= 0)
		rc = map_memory(demo);
	if (rc < 0)
		return rc;

	expected = malloc(DEMO_SIZE);
	if (!expected)
		return failed("malloc", -ENOMEM);
	memcpy(expected, demo->mem, DEMO_SIZE);
	for (i = 0; !rc && i < ARRAY_SIZE(copies); i++) {
		rc = copy_by_device(demo, &demo->edu[0], copies[i].from,
				    copies[i].to);
		memcpy(expected + copies[i].to, expected + copies[i].from,
		       PAGE);
		verify(!memcmp(expected + copies[i].to,
			       demo->mem + copies[i].to, PAGE),
		       "the device read 4096 bytes at offset %#zx and wrote them to %#zx",
		       copies[i].from, copies[i].to);
	}
	verify(!memcmp(expected, demo->mem, DEMO_SIZE),
	       "all other bytes of the 2 MiB are as they were");
	free(expected);
	return rc;
}

/*
 * Is the page at @mem what the device has in its buffer? To find out it writes
 * the buffer to memory that it may write to.
 */
static int device_has(struct demo *demo, const void *mem, bool *has)
{
	struct iova_range scratch = { demo->ioas, IOVA_SCRATCH, PAGE };
	void *copy = mem_base(PAGE);
	int rc;

	if (copy == MAP_FAILED)
		return failed("mmap", -errno);
	rc = ioas_map_at(scratch, copy, MAP_RW);
	if (rc)
		return failed("IOMMU_IOAS_MAP", rc);
	rc = edu_to_memory(&demo->edu[0], IOVA_SCRATCH, 0, PAGE);
	if (rc)
		return failed("DMA of the device", rc);
	rc = ioas_unmap(demo->ioas, IOVA_SCRATCH, PAGE, NULL);
	if (rc)
		return failed("IOMMU_IOAS_UNMAP", rc);
	*has = !memcmp(copy, mem, PAGE);
	munmap(copy, PAGE);
	return 0;
}

static int write_to_read_only(struct demo *demo)
{
	struct iova_range at = { demo->ioas, IOVA_READ_ONLY, PAGE };
	char *secret = mem_base(PAGE);
	bool has;
	int rc;

	if (secret == MAP_FAILED)
		return failed("mmap", -errno);
	mem_fill(secret, PAGE, 2);
	rc = ioas_map_at(at, secret, MAP_R);
	if (rc)
		return failed("IOMMU_IOAS_MAP", rc);

	rc = try_write(&demo->edu[0], IOVA_READ_ONLY,
		       "DMA write to a read-only mapping");
	if (rc)
		return rc;
	verify(mem_differs(secret, PAGE, 2) < 0, "its memory is unchanged");

	rc = edu_from_memory(&demo->edu[0], IOVA_READ_ONLY, 0, PAGE);
	if (rc)
		return failed("DMA of the device", rc);
	rc = device_has(demo, secret, &has);
	if (rc)
		return rc;
	verify(has, "the device can read it");
	return 0;
}

static int step_blocked(struct demo *demo)
{
	int rc;

	/* Let the device have bytes that would show. */
	mem_fill(demo->mem, DEMO_SIZE, 3);
	rc = edu_from_memory(&demo->edu[0], demo->iova, 0, PAGE);
	if (rc)
		return failed("DMA of the device", rc);
	mem_fill(demo->mem, DEMO_SIZE, 4);

	rc = try_write(&demo->edu[0], IOVA_NOTHING,
		       "DMA write to an IOVA that is not mapped");
	if (rc)
		return rc;
	verify(mem_differs(demo->mem, DEMO_SIZE, 4) < 0,
	       "our memory is unchanged");
	return write_to_read_only(demo);
}

static int step_unmap(struct demo *demo)
{
	__u64 bytes;
	bool has;
	int rc;

	rc = ioas_unmap(demo->ioas, demo->iova, DEMO_SIZE, &bytes);
	if (rc)
		return failed("IOMMU_IOAS_UNMAP", rc);
	verify(bytes == DEMO_SIZE, "2 MiB are unmapped");
	verify(status_kib("VmPin") == PAGE / KIB,
	       "they are not pinned any longer, only the read-only page is");

	rc = try_write(&demo->edu[0], demo->iova,
		       "DMA write to where they were");
	if (!rc)
		rc = try_read(&demo->edu[0], demo->iova,
			      "DMA read from where they were");
	if (rc)
		return rc;
	verify(mem_differs(demo->mem, DEMO_SIZE, 4) < 0,
	       "our memory is unchanged");
	rc = device_has(demo, demo->mem, &has);
	if (rc)
		return rc;
	verify(!has, "nothing of it came to the device");
	return 0;
}

static int share(struct demo *demo)
{
	int rc;

	rc = attach(demo, 1);
	if (!rc)
		rc = map_memory(demo);
	if (!rc)
		rc = copy_by_device(demo, &demo->edu[0], 10 * PAGE, 0);
	if (!rc)
		rc = copy_by_device(demo, &demo->edu[1], 0, 20 * PAGE);
	if (rc)
		return rc;
	verify(mem_differs_from(demo->mem + 20 * PAGE, PAGE, 1, 10 * PAGE) < 0,
	       "what the first device wrote, the second one read at the same IOVA");
	return 0;
}

static int part(struct demo *demo)
{
	struct ioas own = { .fd = demo->iommufd };
	int rc;

	rc = ioas_alloc(demo->iommufd);
	if (rc < 0)
		return failed("IOMMU_IOAS_ALLOC", rc);
	own.id = rc;
	/* To attach a device that is attached moves it. */
	rc = vfio_attach(demo->edu[1].fd, own.id);
	if (rc < 0)
		return failed("VFIO_DEVICE_ATTACH_IOMMUFD_PT", rc);
	report("the second device is moved to IOAS %u", own.id);

	mem_fill(demo->mem, DEMO_SIZE, 5);
	rc = try_write(&demo->edu[1], demo->iova,
		       "DMA write of the second device to the common IOVA");
	if (rc)
		return rc;
	verify(mem_differs(demo->mem, DEMO_SIZE, 5) < 0,
	       "our memory is unchanged");
	rc = copy_by_device(demo, &demo->edu[0], PAGE, 0);
	if (rc)
		return rc;
	verify(mem_differs_from(demo->mem, PAGE, 5, PAGE) < 0,
	       "the first device works as before");
	return 0;
}

static int step_two_devices(struct demo *demo)
{
	int rc = share(demo);

	return rc ? rc : part(demo);
}

/* All that is in the steps above, in short. The exit status of the process */
static int use_device(const struct pci_address *pci)
{
	struct demo demo = { .pci[0] = *pci };

	if (step_address_space(&demo) || attach(&demo, 0) ||
	    map_memory(&demo) ||
	    copy_by_device(&demo, &demo.edu[0], PAGE, 0))
		return 1;
	/* The end of the process closes, detaches, unmaps and unpins. */
	return verify(mem_differs_from(demo.mem, PAGE, 1, PAGE) < 0,
		      "its DMA works") ? 0 : 1;
}

static int step_close(struct demo *demo)
{
	int status;
	pid_t pid;

	edu_close(&demo->edu[0]);
	edu_close(&demo->edu[1]);
	verify(status_kib("VmPin") == 0,
	       "the devices are closed: none of our memory is pinned, though it is mapped in the IOAS still");
	if (close(demo->iommufd))
		return failed("close", -errno);

	report("a new process takes the first device:");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return failed("fork", -errno);
	if (!pid)
		exit(use_device(&demo->pci[0]));
	if (waitpid(pid, &status, 0) != pid)
		return failed("waitpid", -errno);
	verify(WIFEXITED(status) && !WEXITSTATUS(status),
	       "the device was usable in a new process");
	return 0;
}

static const struct {
	const char *title;
	int (*run)(struct demo *demo);
} steps[] = {
	{ "an address space for devices", step_address_space },
	{ "a device reads and writes our memory", step_dma },
	{ "what is not mapped for it is out of reach", step_blocked },
	{ "what is unmapped is out of reach", step_unmap },
	{ "two devices, together and apart", step_two_devices },
	{ "one device, two address spaces", step_pasid },
	{ "a device of software", step_software },
	{ "close gives everything back", step_close },
};

int main(void)
{
	struct demo demo = {};
	size_t i;
	int rc;

	setlinebuf(stdout);
	rc = edu_find_pair(false, demo.pci);
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
		rc = steps[i].run(&demo);
	}
	return report_summary() ? 0 : 1;
}
