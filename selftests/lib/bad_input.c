// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bad_input.h"
#include "iommu.h"

#define MAX_SIZE	256

/* What the next object and the next file would get */
struct next {
	int id;
	int fd;
};

static struct next look_ahead(int fd)
{
	struct next next = {
		.id = must(ioas_alloc(fd)),
		.fd = must(dup(fd)),
	};

	must(iommufd_destroy(fd, next.id));
	close(next.fd);
	return next;
}

static void spoil(void *arg, const struct bad_input *bad)
{
	memcpy(arg + bad->at, &bad->value, bad->size);
}

static int complain(const char *what, const char *also, const char *problem,
		    int value)
{
	printf("# %s%s%s: %s %d\n", what, also ? " and " : "", also ?: "",
	       problem, value);
	return 1;
}

/* One call; @arg is in memory that may be read-only. */
static int check(const struct good_call *call, void *arg, int error,
		 const char *what, const char *also)
{
	struct next before = look_ahead(call->fd), after;
	__u8 expected[MAX_SIZE];
	int rc;

	memcpy(expected, arg, call->size);
	if (call->zeroed_at >= 0)
		memset(expected + call->zeroed_at, 0, 4);
	rc = iommufd_ioctl(call->fd, call->cmd, arg);
	if (rc != -error)
		return complain(what, also, "result", rc);
	if (memcmp(expected, arg, call->size))
		return complain(what, also, "the struct was changed", 0);
	after = look_ahead(call->fd);
	if (after.id != before.id)
		return complain(what, also, "left an object", before.id);
	if (after.fd != before.fd)
		return complain(what, also, "left a file", before.fd);
	return 0;
}

static bool overlap(const struct bad_input *a, const struct bad_input *b)
{
	return a->at < b->at + b->size && b->at < a->at + a->size;
}

int bad_inputs(const struct good_call *call, const struct bad_input *cases,
	       int n)
{
	int i, j, surprises = 0;
	__u8 arg[MAX_SIZE] __attribute__((aligned(8)));

	for (i = 0; i < n; i++) {
		memcpy(arg, call->arg, call->size);
		spoil(arg, &cases[i]);
		surprises += check(call, arg, cases[i].error, cases[i].what,
				   NULL);
		for (j = i + 1; j < n; j++) {
			if (cases[i].stage == cases[j].stage ||
			    overlap(&cases[i], &cases[j]))
				continue;
			memcpy(arg, call->arg, call->size);
			spoil(arg, &cases[i]);
			spoil(arg, &cases[j]);
			surprises += check(call, arg, cases[i].error,
					   cases[i].what, cases[j].what);
		}
	}
	return surprises;
}

int bad_call(const struct good_call *call, const char *what, int error)
{
	__u8 arg[MAX_SIZE] __attribute__((aligned(8)));

	memcpy(arg, call->arg, call->size);
	return check(call, arg, error, what, NULL);
}

int bad_memory(const struct good_call *call)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct good_call blind = *call;
	void *arg = must_ptr(mmap(NULL, page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int surprises;

	blind.zeroed_at = -1;
	memcpy(arg, call->arg, call->size);
	must(mprotect(arg, page, PROT_READ));
	surprises = check(&blind, arg, EFAULT, "read-only struct", NULL);
	munmap(arg, page);
	return surprises;
}
