// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>

#include "context.h"
#include "kernel.h"

static int find_devices(struct context *context, int what)
{
	switch (what & ~BY_PROCESS) {
	case NO_EDU:
		return 0;
	case ONE_EDU:
		return edu_find_one(context->pci) ? -ENODEV : 1;
	case TWO_GROUPS:
		return edu_find_pair(false, context->pci) ? -ENODEV : 2;
	default:
		return edu_find_pair(true, context->pci) ? -ENODEV : 2;
	}
}

int context_open(struct context *context, int what)
{
	int i, n;

	*context = (struct context){ .fd = -1 };
	n = find_devices(context, what);
	if (n < 0)
		return n;
	context->pinned = must(pinned_pages());
	context->fd = must(iommufd_open());
	if (what & BY_PROCESS)
		must(iommufd_option_set(context->fd, IOMMU_OPTION_RLIMIT_MODE,
					0, 1));
	context->ioas = must_ioas(context->fd);
	for (i = 0; i < n; i++)
		context_open_edu(context, i);
	return 0;
}

void context_open_edu(struct context *context, int which)
{
	must(edu_open(&context->edu[which], &context->pci[which],
		      context->fd));
}

void context_close(struct context *context)
{
	edu_close(&context->edu[1]);
	edu_close(&context->edu[0]);
	if (context->fd >= 0)
		close(context->fd);
	context->fd = -1;
}
