// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is counted in the VM whose clock counts instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "bench_abi.h"
#include "edu.h"
#include "memory.h"

/* Operations work on this part of a memory. */
#define LENGTH		(128 * MIB)
/* The first round warms up and is not reported. */
#define ROUNDS		4
/* Calls that are measured together among many areas */
#define CALLS		20

/* One round of operations */
struct round {
	const struct subject *s;
	const char *name;
	const struct memory *mem;
	bool warm_up;
};

static void done(const struct round *r, const char *op, int rc, __u64 cost)
{
	if (r->warm_up)
		return;
	if (rc)
		report_missing(r->name, r->mem->kind, op, -rc);
	else
		report(r->name, r->mem->kind, op,
		       (double)cost / (LENGTH / PAGE));
}

#define TIMED(r, op, call) ({						\
	__u64 start_ = instructions();					\
	int rc_ = (call);						\
									\
	done(r, op, rc_, instructions() - start_);			\
	rc_; })

static int map(const struct round *r)
{
	return r->s->map(BENCH_IOVA, r->mem->va, LENGTH);
}

static int unmap(const struct round *r)
{
	return r->s->unmap(BENCH_IOVA, LENGTH);
}

static void round_map(const struct round *r)
{
	if (TIMED(r, "map", map(r)))
		return;
	if (r->s->copy &&
	    !TIMED(r, "copy", r->s->copy(BENCH_IOVA, LENGTH)))
		TIMED(r, "unmap-copy", r->s->unmap_copy(BENCH_IOVA, LENGTH));
	TIMED(r, "unmap", unmap(r));
}

/* The second device's address space is a copy, whose memory is pinned already. */
static void round_attach_pinned(const struct round *r)
{
	must(r->s->detach(1));
	must(r->s->copy(BENCH_IOVA, LENGTH));
	if (!TIMED(r, "attach-pinned", r->s->attach(1)))
		TIMED(r, "detach-pinned", r->s->detach(1));
	must(r->s->unmap_copy(BENCH_IOVA, LENGTH));
	must(r->s->attach(1));
}

static void round_attach(const struct round *r)
{
	must(r->s->detach(0));
	must(map(r));
	if (!TIMED(r, "attach", r->s->attach(0))) {
		round_attach_pinned(r);
		TIMED(r, "detach", r->s->detach(0));
	}
	must(unmap(r));
	must(r->s->attach(0));
}

/* Nothing but the kernel user has the memory pinned. */
static void round_access(const struct round *r)
{
	__u64 pin = 0, unpin = 0;
	int rc;

	must(r->s->detach(0));
	must(map(r));
	rc = r->s->access(BENCH_IOVA, LENGTH, &pin, &unpin);
	done(r, "access-pin", rc, pin);
	done(r, "access-unpin", rc, unpin);
	must(unmap(r));
	must(r->s->attach(0));
}

void measure_operations(const struct subject *s, const char *name,
			const struct memory *mem)
{
	struct round r = { .s = s, .name = name, .mem = mem };
	int i;

	must(s->open());
	for (i = 0; i < ROUNDS; i++) {
		r.warm_up = !i;
		round_map(&r);
		if (s->attach)
			round_attach(&r);
		if (s->access)
			round_access(&r);
	}
	s->close();
}

static void report_floor(const struct round *r, const struct bench_floor *f)
{
	done(r, "map", 0, f->gup + f->map);
	done(r, "unmap", 0, f->unmap + f->unpin);
	done(r, "copy", 0, f->map);
	done(r, "unmap-copy", 0, f->unmap);
	done(r, "attach", 0, f->gup + f->map);
	done(r, "attach-pinned", 0, f->map);
	done(r, "detach-pinned", 0, f->unmap);
	done(r, "detach", 0, f->unmap + f->unpin);
	done(r, "access-pin", 0, f->gup);
	done(r, "access-unpin", 0, f->unpin);
	done(r, "gup", 0, f->gup);
	done(r, "scan", 0, f->scan);
	done(r, "iommu-map", 0, f->map);
	done(r, "iommu-unmap", 0, f->unmap);
	done(r, "unpin", 0, f->unpin);
	if (!r->warm_up)
		report(r->name, r->mem->kind, "runs", f->runs);
}

void measure_floor(const struct memory *mem)
{
	struct round r = { .name = "floor", .mem = mem };
	struct bench_floor f = {
		.va = (uintptr_t)mem->va,
		.length = LENGTH,
		.iova = BENCH_IOVA,
	};
	struct pci_address pci[2];
	int i, fd;

	must(edu_find_pair(false, pci));
	snprintf(f.device, sizeof(f.device), "%s", pci[0].name);
	fd = open("/dev/bench_floor", O_RDWR | O_CLOEXEC);
	for (i = 0; i < ROUNDS; i++) {
		r.warm_up = !i;
		if (ioctl(fd, BENCH_FLOOR, &f))
			done(&r, "map", -errno, 0);
		else
			report_floor(&r, &f);
	}
	close(fd);
}

/*
 * The areas follow each other from the lowest IOVA on, so that the first free
 * place for two pages is behind all of them; there is one hole in the middle.
 */
static __u64 area_iova(long i)
{
	return (i + 1) * PAGE;
}

static void fill_areas(const struct subject *s, const struct memory *mem,
		       long areas)
{
	long pages = mem->length / PAGE;
	long i;

	for (i = 0; i <= areas; i++)
		if (i != areas / 2)
			must(s->map(area_iova(i), mem->va + i % pages * PAGE,
				    PAGE));
}

static void measure_fixed(const struct subject *s, const char *name,
			  const char *what, char *va, __u64 iova)
{
	__u64 start, map = 0, unmap = 0;
	int i;

	for (i = 0; i < CALLS; i++) {
		start = instructions();
		must(s->map(iova, va, PAGE));
		map += instructions() - start;
		start = instructions();
		must(s->unmap(iova, PAGE));
		unmap += instructions() - start;
	}
	report(name, what, "map", (double)map / CALLS);
	report(name, what, "unmap", (double)unmap / CALLS);
}

static void measure_anywhere(const struct subject *s, const char *name,
			     const char *what, char *va)
{
	__u64 start, cost = 0;
	__u64 iova;
	int i;

	for (i = 0; i < CALLS; i++) {
		start = instructions();
		must(s->map_anywhere(va, 2 * PAGE, &iova));
		cost += instructions() - start;
		must(s->unmap(iova, 2 * PAGE));
	}
	report(name, what, "map-anywhere", (double)cost / CALLS);
}

void measure_areas(const struct subject *s, const char *name,
		   const struct memory *mem, long areas)
{
	char what[32];

	snprintf(what, sizeof(what), "areas-%ld", areas);
	must(s->open());
	fill_areas(s, mem, areas);
	measure_fixed(s, name, what, mem->va, area_iova(areas / 2));
	if (s->map_anywhere)
		measure_anywhere(s, name, what, mem->va);
	s->close();
}

/* The sum of the numbers that follow @key in a file. */
static long sum_in_file(const char *path, const char *key)
{
	char line[256];
	long sum = 0;
	FILE *f = must_ptr(fopen(path, "re") ?: (FILE *)-1);
	char *at;

	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, key);
		if (at)
			sum += atol(at + strlen(key));
	}
	fclose(f);
	return sum;
}

/* Pages that are free, in the buddy lists or in a CPU's own. */
static long free_pages(void)
{
	char byte;
	int fd = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);

	(void)!read(fd, &byte, 1);
	close(fd);
	return sum_in_file("/proc/zoneinfo", "pages free ") +
	       sum_in_file("/proc/zoneinfo", " count: ");
}

static long table_pages(void)
{
	return sum_in_file("/proc/vmstat", "nr_iommu_pages ");
}

void measure_kernel_memory(const struct subject *s, const char *name,
			   const struct memory *mem, int times)
{
	double per_gib = (double)PAGE / KIB * GIB / mem->length / times;
	long free, tables;
	int i;

	must(s->open());
	/* What is left over from before is used up by a first mapping. */
	must(s->map(BENCH_IOVA, mem->va, mem->length));
	free_pages();
	free = free_pages();
	tables = table_pages();
	for (i = 1; i <= times; i++)
		must(s->map(BENCH_IOVA + i * mem->length, mem->va,
			    mem->length));
	free -= free_pages();
	tables = table_pages() - tables;
	report(name, mem->kind, "kib-tables", tables * per_gib);
	report(name, mem->kind, "kib-other", (free - tables) * per_gib);
	s->close();
}
