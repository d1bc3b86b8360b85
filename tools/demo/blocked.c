// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA that must not get through.
 *
 * The IOMMU blocks it and raises an interrupt; the kernel writes a line that says
 * which device tried what, and where. It writes about three of them in five
 * seconds and leaves out the others. So if there is no line, wait and try again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"
#include "lib/kernel.h"
#include "report.h"

#define REPORT_MS	1000
#define KERNEL_PAUSE_S	5
#define TRIES		3

/* One DMA transfer of a device: a page to or from memory */
struct transfer {
	struct edu *edu;
	__u64 iova;
	bool to_memory;
};

static int run(const struct transfer *transfer)
{
	if (transfer->to_memory)
		return edu_to_memory(transfer->edu, transfer->iova, 0, PAGE);
	return edu_from_memory(transfer->edu, transfer->iova, 0, PAGE);
}

static int run_and_listen(const struct transfer *transfer, char *text,
			  size_t room)
{
	int kmsg, rc;

	kmsg = kmsg_open();
	if (kmsg < 0)
		return failed("open /dev/kmsg", kmsg);
	rc = run(transfer);
	if (rc)
		failed("DMA of the device", rc);
	else
		rc = kmsg_dma_fault(kmsg, REPORT_MS, text, room);
	close(kmsg);
	return rc;
}

/* Is this line about our transfer? */
static bool is_about(const char *text, const struct transfer *transfer)
{
	char where[32];

	snprintf(where, sizeof(where), "fault addr 0x%llx ", transfer->iova);
	return strstr(text, transfer->to_memory ? "DMA Write" : "DMA Read") &&
	       strstr(text, transfer->edu->pci.name) && strstr(text, where);
}

static int try(const struct transfer *transfer, const char *what)
{
	char text[256] = "";
	int tries, rc;

	for (tries = 0; tries < TRIES; tries++) {
		if (tries)
			sleep(KERNEL_PAUSE_S);
		rc = run_and_listen(transfer, text, sizeof(text));
		if (rc != -ETIMEDOUT)
			break;
	}
	if (rc && rc != -ETIMEDOUT)
		return rc;
	if (!rc)
		report("kernel: %s", text);
	verify(!rc && is_about(text, transfer), "%s: the IOMMU reports it",
	       what);
	return 0;
}

int try_write(struct edu *edu, __u64 iova, const char *what)
{
	return try(&(struct transfer){ edu, iova, .to_memory = true }, what);
}

int try_read(struct edu *edu, __u64 iova, const char *what)
{
	return try(&(struct transfer){ edu, iova, .to_memory = false }, what);
}
