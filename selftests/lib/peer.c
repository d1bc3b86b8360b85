// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "peer.h"

#define BACK_MS		2000
#define REPORT_MS	500

static void set_check(struct edu *edu, __u32 value)
{
	__atomic_store_n((__u32 *)(edu->regs + EDU_CHECK), value,
			 __ATOMIC_RELEASE);
}

static __u32 check_of(struct edu *edu)
{
	return __atomic_load_n((__u32 *)(edu->regs + EDU_CHECK),
			       __ATOMIC_ACQUIRE);
}

static __u32 write_value(struct peer *peer, __u64 iova)
{
	__u32 value = ++peer->value;

	*peer->spare = value;
	must(edu_from_memory(peer->user, peer->spare_iova, 0, sizeof(value)));
	must(edu_to_memory(peer->user, iova + EDU_CHECK, 0, sizeof(value)));
	return value;
}

bool peer_writes(struct peer *peer, __u64 iova)
{
	__u32 value;

	set_check(peer->owner, 0);
	value = write_value(peer, iova);
	return check_of(peer->owner) == ~value;
}

bool peer_reads(struct peer *peer, __u64 iova)
{
	__u32 value = ++peer->value;

	set_check(peer->owner, value);
	*peer->spare = 0;
	must(edu_from_memory(peer->user, peer->spare_iova, 0, sizeof(value)));
	must(edu_from_memory(peer->user, iova + EDU_CHECK, 0, sizeof(value)));
	must(edu_to_memory(peer->user, peer->spare_iova, 0, sizeof(value)));
	return *peer->spare == ~value;
}

bool peer_writes_soon(struct peer *peer, __u64 iova)
{
	long end = clock_ms() + BACK_MS;

	while (!peer_writes(peer, iova))
		if (clock_ms() > end)
			return false;
	return true;
}

/* "24:  0  7  DMAR-MSI  0-edge  dmar0": the sum for an IOMMU's report of faults */
static int line_count(const char *line)
{
	const char *name = strrchr(line, ' ');
	const char *at = strchr(line, ':');
	int n = 0, sum = 0, count;
	char *end;

	if (!name || !at || sscanf(name, " dmar%*u%n", &n) < 0 || !n ||
	    name[n] != '\n')
		return 0;
	for (at++;; at = end) {
		count = strtol(at, &end, 10);
		if (end == at || *end != ' ')
			return sum;
		sum += count;
	}
}

/* How often an IOMMU has reported something, or -errno */
static int count_reports(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	char line[256];
	int count = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		count += line_count(line);
	fclose(f);
	return count;
}

bool peer_is_blocked(struct peer *peer, __u64 iova)
{
	int before = must(count_reports());
	long end;

	write_value(peer, iova);
	end = clock_ms() + REPORT_MS;
	while (must(count_reports()) == before)
		if (clock_ms() > end)
			return false;
	return true;
}
