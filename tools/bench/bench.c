// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs in the VM. Usage: bench count | bench threads | bench dirty SUBJECT
 *
 * Every subject meets the same memory: it is made once, and iommufd is exchanged
 * under the running program. Only dirty bitmaps need a kernel for each subject.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "memory.h"

static struct memory hugetlb = { .kind = "hugetlb", .length = 128 * MIB };
static struct memory thp = { .kind = "thp", .length = GIB };
static struct memory in_order = { .kind = "in-order", .length = 128 * MIB };
static struct memory random_order = { .kind = "random", .length = GIB };

static struct memory none = { .kind = "none" };

static struct memory *const kinds[] = {
	&hugetlb, &thp, &in_order, &random_order, NULL
};

void report(const char *subject, const char *memory, const char *op,
	    double cost)
{
	printf("= %s %s %s %.4f\n", subject, memory, op, cost);
}

void report_missing(const char *subject, const char *memory, const char *op,
		    int error)
{
	printf("= %s %s %s missing: %s\n", subject, memory, op,
	       strerror(error));
}

/* The pages come from the kernel one after the other, in the order of @touch. */
static void touch_in_order(struct memory *mem)
{
	size_t at;

	for (at = 0; at < mem->length; at += PAGE)
		mem->va[at] = 1;
}

static void touch_at_random(struct memory *mem)
{
	size_t n = mem->length / PAGE;
	unsigned int *order = must_ptr(calloc(n, sizeof(*order)) ?: MAP_FAILED);
	size_t i, j;

	srandom(1);
	for (i = 0; i < n; i++) {
		j = random() % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < n; i++)
		mem->va[order[i] * PAGE] = 1;
	free(order);
}

static void make_memory(void)
{
	hugetlb.va = must_ptr(mem_hugetlb(hugetlb.length));
	touch_in_order(&hugetlb);
	thp.va = must_ptr(mem_thp(thp.length));
	touch_in_order(&thp);
	in_order.va = must_ptr(mem_base(in_order.length));
	touch_in_order(&in_order);
	random_order.va = must_ptr(mem_base(random_order.length));
	touch_at_random(&random_order);
}

/* Bring in "ours" or "theirs". */
static bool bring_in(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "load %s", name);
	if (!system(command))
		return true;
	report_missing(name, "-", "load", EIO);
	return false;
}

static void count_subject(const struct subject *s, const char *name)
{
	long i, n;

	for (i = 0; kinds[i]; i++)
		measure_operations(s, name, kinds[i]);
	for (n = 10; n <= 100000; n *= 100)
		measure_areas(s, name, &in_order, n);
	measure_kernel_memory(s, name, &thp, 64);
	measure_kernel_memory(s, name, &random_order, 4);
}

static void count(void)
{
	int i;

	make_memory();
	for (i = 0; kinds[i]; i++)
		measure_floor(kinds[i]);
	if (bring_in("ours")) {
		count_subject(&iommufd_subject, "ours");
		count_subject(&type1_subject, "type1");
	}
	if (bring_in("theirs"))
		count_subject(&iommufd_subject, "theirs");
}

static void threads(void)
{
	make_memory();
	measure_threads(NULL, "computing", &none);
	if (bring_in("ours")) {
		measure_threads(&iommufd_subject, "ours", &thp);
		measure_threads(&iommufd_subject, "ours", &random_order);
	}
	if (bring_in("theirs")) {
		measure_threads(&iommufd_subject, "theirs", &thp);
		measure_threads(&iommufd_subject, "theirs", &random_order);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "count"))
		count();
	else if (argc == 2 && !strcmp(argv[1], "threads"))
		threads();
	else if (argc == 3 && !strcmp(argv[1], "dirty"))
		measure_dirty(argv[2]);
	else
		return 2;
	return 0;
}
