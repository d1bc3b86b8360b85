// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "memory.h"
#include "probe.h"

void probe_open(struct probe *probe, struct edu *edu, struct ioas ioas)
{
	probe->edu = edu;
	probe->page = must_ptr(mem_base(PAGE));
	must(ioas_map_at((struct iova_range){ ioas, PROBE_IOVA, PAGE },
			 probe->page, MAP_RW));
}

bool probe_reads(struct probe *probe, __u64 iova, __u32 seed, size_t from)
{
	memset(probe->page, 0, PAGE);
	must(edu_from_memory(probe->edu, iova, 0, PAGE));
	must(edu_to_memory(probe->edu, PROBE_IOVA, 0, PAGE));
	return mem_differs_from(probe->page, PAGE, seed, from) < 0;
}

void probe_writes(struct probe *probe, __u64 iova, __u32 seed)
{
	mem_fill(probe->page, PAGE, seed);
	must(edu_from_memory(probe->edu, PROBE_IOVA, 0, PAGE));
	must(edu_to_memory(probe->edu, iova, 0, PAGE));
}

void probe_writes_again(struct probe *probe, __u64 iova)
{
	must(edu_to_memory(probe->edu, iova, 0, PAGE));
}
