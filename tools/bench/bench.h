/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the bench program. Costs go to the output, a line for each:
 *
 *	= SUBJECT MEMORY OPERATION COST
 *
 * where COST is a number, or "missing: REASON".
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

/* Where things are mapped: above the 32-bit window of the PCI devices */
#define BENCH_IOVA	(1ULL << 32)

/* Memory to map, and its kind */
struct memory {
	const char *kind;
	char *va;
	size_t length;
};

/*
 * An implementation under test: two address spaces, of which the first is that
 * of the first device and, if @copy exists, the second that of the second device.
 * Functions return 0 or a negative errno.
 */
struct subject {
	const char *name;
	int (*open)(void);
	void (*close)(void);
	int (*map)(__u64 iova, void *va, __u64 length);
	int (*unmap)(__u64 iova, __u64 length);
	/* The kernel picks the IOVA. */
	int (*map_anywhere)(void *va, __u64 length, __u64 *iova);
	/* The second address space gets what the first has. */
	int (*copy)(__u64 iova, __u64 length);
	int (*unmap_copy)(__u64 iova, __u64 length);
	/* Whether device 0 or 1 has its address space */
	int (*attach)(int device);
	int (*detach)(int device);
	/* A kernel user pins and unpins; the costs */
	int (*access)(__u64 iova, __u64 length, __u64 *pin, __u64 *unpin);
};

extern const struct subject iommufd_subject, type1_subject;

/* Instructions executed so far, in the VM that counts them */
static inline __u64 instructions(void)
{
	return __builtin_ia32_rdtsc();
}

void report(const char *subject, const char *memory, const char *op,
	    double cost);
void report_missing(const char *subject, const char *memory, const char *op,
		    int error);

/* measure.c: each reports under @name what @s does. */
void measure_operations(const struct subject *s, const char *name,
			const struct memory *mem);
void measure_floor(const struct memory *mem);
void measure_areas(const struct subject *s, const char *name,
		   const struct memory *mem, long areas);
/* The kernel's own memory while @mem is mapped @times */
void measure_kernel_memory(const struct subject *s, const char *name,
			   const struct memory *mem, int times);

/* threads.c */
void measure_threads(const struct subject *s, const char *name,
		     const struct memory *mem);

/* dirty.c: of the one iommufd that this kernel has */
void measure_dirty(const char *name);

#endif
