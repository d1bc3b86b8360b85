/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most tests with devices start from: an open iommufd with an IOAS, and edu
 * devices that are bound to it. The functions assert, see must.h.
 */
#ifndef LIB_CONTEXT_H
#define LIB_CONTEXT_H

#include "edu.h"
#include "iommu.h"

/* What a context starts with: one of these, ... */
#define NO_EDU		0
#define ONE_EDU		1
#define TWO_GROUPS	2	/* two, each in an IOMMU group of its own */
#define ONE_GROUP	3	/* two of one IOMMU group */
/* ... and this, which has memory charged to the process and not to the user */
#define BY_PROCESS	0x10

struct context {
	int pinned;		/* pages in the whole system, before */
	int fd;			/* -1 when it is closed already */
	struct ioas ioas;
	struct pci_address pci[2];
	struct edu edu[2];
};

/* ENODEV when this machine has no such devices; nothing is open then. */
int context_open(struct context *context, int what);
/* Closes what is open still. */
void context_close(struct context *context);
/* Open a device again that was closed. */
void context_open_edu(struct context *context, int which);

#endif
