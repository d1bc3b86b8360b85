// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "peer.h"

#define BACK_MS		2000

/* Where in the buffer of the user is what it writes, and what it has read */
#define TO_WRITE	0
#define HAS_READ	8

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

/* No two transfers start in the same millisecond, in whichever process or program. */
static __u32 new_value(void)
{
	return clock_ms();
}

/* A transfer takes 0.1 s. What is in the buffer can be written more than once. */
static void write_value(struct peer *peer, __u64 iova)
{
	if (!peer->value) {
		peer->value = new_value();
		*peer->spare = peer->value;
		must(edu_from_memory(peer->user, peer->spare_iova, TO_WRITE,
				     sizeof(peer->value)));
	}
	must(edu_to_memory(peer->user, iova + EDU_CHECK, TO_WRITE,
			   sizeof(peer->value)));
}

bool peer_writes(struct peer *peer, __u64 iova)
{
	set_check(peer->owner, 0);
	write_value(peer, iova);
	return check_of(peer->owner) == ~peer->value;
}

bool peer_reads(struct peer *peer, __u64 iova)
{
	__u32 value = new_value();

	set_check(peer->owner, value);
	must(edu_from_memory(peer->user, iova + EDU_CHECK, HAS_READ,
			     sizeof(value)));
	must(edu_to_memory(peer->user, peer->spare_iova, HAS_READ,
			   sizeof(value)));
	return *peer->spare == ~value;
}

static bool soon(bool (*does)(struct peer *peer, __u64 iova), struct peer *peer,
		 __u64 iova)
{
	long end = clock_ms() + BACK_MS;

	while (!does(peer, iova))
		if (clock_ms() > end)
			return false;
	return true;
}

bool peer_writes_soon(struct peer *peer, __u64 iova)
{
	return soon(peer_writes, peer, iova);
}

bool peer_reads_soon(struct peer *peer, __u64 iova)
{
	return soon(peer_reads, peer, iova);
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

/*
 * The IOMMU has sent its interrupt before the transfer is over. A processor takes it
 * before it goes on with a process: so where this one has been there is none left.
 */
static void take_interrupts(void)
{
	cpu_set_t all, one;
	int cpu;

	must(sched_getaffinity(0, sizeof(all), &all) ? -errno : 0);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		must(sched_setaffinity(0, sizeof(one), &one) ? -errno : 0);
	}
	must(sched_setaffinity(0, sizeof(all), &all) ? -errno : 0);
}

/* How often an IOMMU has reported something, or -errno */
static int count_reports(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	char line[256];
	int count = 0;

	if (!f)
		return -errno;
	take_interrupts();
	while (fgets(line, sizeof(line), f))
		count += line_count(line);
	fclose(f);
	return count;
}

bool peer_is_blocked(struct peer *peer, __u64 iova)
{
	int before = must(count_reports());

	write_value(peer, iova);
	return must(count_reports()) != before;
}
