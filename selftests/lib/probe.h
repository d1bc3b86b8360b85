/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an edu device finds at an IOVA. It carries bytes between there and a page of
 * its own, which stays mapped at PROBE_IOVA. The functions assert, see must.h.
 */
#ifndef LIB_PROBE_H
#define LIB_PROBE_H

#include <stdbool.h>

#include "edu.h"
#include "iommu.h"

#define PROBE_IOVA	0x4000000UL	/* a page there is taken */

struct probe {
	struct edu *edu;
	char *page;
};

/* The device is attached to @ioas. */
void probe_open(struct probe *probe, struct edu *edu, struct ioas ioas);

/* Does the device read, at @iova, the page of mem_fill(@seed) from @from on? */
bool probe_reads(struct probe *probe, __u64 iova, __u32 seed, size_t from);
/* The device writes to @iova the first page of mem_fill(@seed). */
void probe_writes(struct probe *probe, __u64 iova, __u32 seed);
/* The device writes to @iova once more what it has read or written last. */
void probe_writes_again(struct probe *probe, __u64 iova);

#endif
