// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bitmaps, with the mock IOMMU: VT-d as QEMU has it does not note what is
 * written. Costs are instructions for each GiB that is asked for.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "hwpt.h"
#include "iommu.h"
#include "memory.h"
#include "mockdev.h"

/* The first round warms up and is not reported. */
#define ROUNDS		3
/* Memory that stands behind all IOVAs, again and again */
#define BACKING		(128 * MIB)
/* Where it is mapped: in the middle of what the page table can translate */
#define MAPPED_IOVA	(128 * GIB)
/* Entries of the page table that are not of a page */
#define LARGE_ENTRY	MIB

/* What is mapped, and what is asked for */
struct layout {
	const char *name;
	__u64 mapped;
	__u64 area;	/* in areas of this length */
	__u64 entry;	/* bytes of an entry of the page table */
	__u64 iova;
	__u64 length;
};

/*
 * The page table ends at 256 GiB. 7.3 reports nothing at all of a range whose start
 * is not mapped.
 */
static const struct layout layouts[] = {
	{ "pages", 4 * GIB, 4 * GIB, PAGE, MAPPED_IOVA, 4 * GIB },
	{ "large", 4 * GIB, 4 * GIB, LARGE_ENTRY, MAPPED_IOVA, 4 * GIB },
	{ "areas", 4 * GIB, 4 * MIB, LARGE_ENTRY, MAPPED_IOVA, 4 * GIB },
	{ "mostly-free", GIB, GIB, LARGE_ENTRY, MAPPED_IOVA,
	  128 * GIB },
};

/* One way to look at it */
struct look {
	const char *name;
	__u64 stride;	/* of pages that are written, in bytes; 0: none is */
	__u32 flags;
	size_t offset;	/* of the bitmap, from the start of a page */
};

#define NO_CLEAR	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

static const struct look looks[] = {
	{ "clean", 0, 0, 0 },
	{ "sparse", 2 * MIB, 0, 0 },
	{ "dense", PAGE, 0, 0 },
	{ "dense-unaligned", PAGE, 0, 1001 },
	{ "clean-keep", 0, NO_CLEAR, 0 },
	{ "sparse-keep", 2 * MIB, NO_CLEAR, 0 },
	{ "dense-keep", PAGE, NO_CLEAR, 0 },
};

/* A page table that is laid out so */
struct table {
	const struct layout *layout;
	const char *subject;
	int fd;
	__u32 hwpt;
	__u8 *written;	/* a bitmap of what is mapped */
	__u8 *bitmap;	/* of what is asked for, and a page more */
	size_t bitmap_size;
};

/* The same memory at addresses that follow each other */
static char *map_backing(__u64 length)
{
	int file = must(mem_file(BACKING, MFD_HUGETLB));
	char *va = must_ptr(mem_none(length));
	__u64 at;

	for (at = 0; at < length; at += BACKING)
		must_ptr(mmap(va + at, BACKING, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, file, 0));
	close(file);
	return va;
}

static __u32 hwpt_of_pages_and_large(struct ioas ioas, __u32 device)
{
	const struct iommu_hwpt_selftest data = {
		.pagetable_type = MOCK_IOMMUPT_HUGE,
	};

	return must(HWPT_ALLOC(ioas.fd, .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			       .dev_id = device, .pt_id = ioas.id,
			       .data_type = IOMMU_HWPT_DATA_SELFTEST,
			       .data_len = sizeof(data),
			       .data_uptr = (uintptr_t)&data));
}

static void fill_table(struct table *t, struct ioas ioas)
{
	const struct layout *l = t->layout;
	char *va = map_backing(l->mapped);
	__u64 at;

	for (at = 0; at < l->mapped; at += l->area) {
		struct iova_range to = { ioas, MAPPED_IOVA + at, l->area };

		must(ioas_map_at(to, va + at, MAP_RW));
	}
	must(munmap(va, l->mapped));
}

static void table_open(struct table *t)
{
	const struct layout *l = t->layout;
	struct ioas ioas;
	struct mock dev;

	t->fd = must(iommufd_open());
	ioas = must_ioas(t->fd);
	must(iommufd_option_set(t->fd, IOMMU_OPTION_HUGE_PAGES, ioas.id,
				l->entry > PAGE));
	/* Its own page table, which it has elsewhere, can translate less. */
	must(mock_new(t->fd, must(ioas_alloc(t->fd)), 0, &dev));
	t->hwpt = hwpt_of_pages_and_large(ioas, dev.idev);
	must(hwpt_track_dirty(t->fd, t->hwpt, true));
	fill_table(t, ioas);
	t->written = must_ptr(mem_base(l->mapped / PAGE / 8));
	t->bitmap_size = l->length / PAGE / 8 + PAGE;
	t->bitmap = must_ptr(mem_base(t->bitmap_size));
}

static void table_close(struct table *t)
{
	must(munmap(t->bitmap, t->bitmap_size));
	must(munmap(t->written, t->layout->mapped / PAGE / 8));
	close(t->fd);
}

/*
 * Write a page in each @stride, but none more in the same entry. Returns how many
 * bits this sets: an entry is dirty or not as a whole.
 */
static __u64 write_pages(const struct table *t, __u64 stride)
{
	const struct layout *l = t->layout;
	__u64 at, n;

	if (!stride)
		return 0;
	if (stride < l->entry)
		stride = l->entry;
	memset(t->written, 0, l->mapped / PAGE / 8);
	for (at = 0; at < l->mapped; at += stride)
		t->written[at / PAGE / 8] |= 1 << at / PAGE % 8;
	n = must(mock_write(t->fd, t->hwpt, MAPPED_IOVA, l->mapped, PAGE,
			    t->written));
	return n * (l->entry / PAGE);
}

static __u64 count_bits(const struct table *t)
{
	const __u64 *words = (const __u64 *)t->bitmap;
	__u64 n = 0;
	size_t i;

	for (i = 0; i < t->bitmap_size / sizeof(*words); i++)
		n += __builtin_popcountll(words[i]);
	return n;
}

static int read_bitmap(const struct table *t, __u32 flags, size_t offset)
{
	return GET_DIRTY_BITMAP(t->fd, .hwpt_id = t->hwpt, .flags = flags,
				.iova = t->layout->iova,
				.length = t->layout->length, .page_size = PAGE,
				.data = (uintptr_t)t->bitmap + offset);
}

static void table_report(const struct table *t, const char *what, int rc,
			 __u64 cost)
{
	double gib = (double)t->layout->length / GIB;

	if (rc)
		report_missing(t->subject, t->layout->name, what, -rc);
	else
		report(t->subject, t->layout->name, what, cost / gib);
}

static void measure_look(const struct table *t, const struct look *look)
{
	__u64 bits, cost;
	int i, rc;

	for (i = 0; i < ROUNDS; i++) {
		bits = write_pages(t, look->stride);
		memset(t->bitmap, 0, t->bitmap_size);
		cost = instructions();
		rc = read_bitmap(t, look->flags, look->offset);
		cost = instructions() - cost;
		if (!rc && count_bits(t) != bits)
			rc = -EBADMSG;
		if (i)
			table_report(t, look->name, rc, cost);
	}
	/* What was looked at only is still dirty. */
	must(read_bitmap(t, 0, 0));
}

/* To enable it forgets all that was written before. */
static void measure_enable(const struct table *t)
{
	__u64 cost;
	int i, rc;

	for (i = 0; i < ROUNDS; i++) {
		write_pages(t, PAGE);
		cost = instructions();
		rc = hwpt_track_dirty(t->fd, t->hwpt, true);
		cost = instructions() - cost;
		if (i)
			table_report(t, "enable", rc, cost);
	}
}

void measure_dirty(const char *name)
{
	struct table t = { .subject = name };
	size_t i, j;

	for (i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		t.layout = &layouts[i];
		table_open(&t);
		for (j = 0; j < sizeof(looks) / sizeof(*looks); j++)
			measure_look(&t, &looks[j]);
		measure_enable(&t);
		table_close(&t);
	}
}
