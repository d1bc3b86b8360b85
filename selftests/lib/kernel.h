/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel tells about pinned memory and about blocked DMA.
 */
#ifndef LIB_KERNEL_H
#define LIB_KERNEL_H

#include <stddef.h>
#include <linux/types.h>

#include "must.h"

/*
 * A line of /proc/self/status in KiB: "VmPin" is pinned, "VmLck" is charged to
 * the process.
 */
int status_kib(const char *name);
/* A line of /proc/meminfo */
int meminfo(const char *name);

/*
 * Pages that are pinned by anyone in the system. Root only: the counters are
 * per CPU, and have to be summed up before they are read.
 */
int pinned_pages(void);

/* Pages that anyone has pinned so far, whether they still are or not. Root only. */
int pins_so_far(void);

/*
 * Pages that this process has pinned, if nobody has pinned any other ones since
 * pinned_pages() said @before. -ESTALE if the two accounts do not agree.
 */
int pins_since(int before);

/* The kernel's log, from the call of kmsg_open() on. */
int kmsg_open(void);
/* Wait up to @ms for a line that begins with @start. ETIMEDOUT if there is none. */
int kmsg_line(int kmsg, int ms, const char *start, char *text, size_t room);
/*
 * Wait up to @ms for the report of DMA that the IOMMU blocked, and copy its text.
 * ETIMEDOUT when there was none. The kernel writes about three in five seconds
 * and drops the others.
 */
int kmsg_dma_fault(int kmsg, int ms, char *text, size_t room);

#endif
