/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include "lib/edu.h"
#include "lib/iommu.h"
#include "lib/memory.h"

#define DEMO_SIZE	(2 * MIB)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* What is handed on from step to step */
struct demo {
	int iommufd;			/* /dev/iommu */
	struct ioas ioas;
	struct pci_address pci[2];
	struct edu edu[2];		/* [0] from step 2, [1] from step 5 on */
	char *mem;			/* DEMO_SIZE bytes, ... */
	__u64 iova;			/* ... and where devices see them */
};

/*
 * Let the device try to write its buffer to @iova, or to read from there, which
 * the IOMMU has to block. Shows what the kernel says about it. The error of a
 * call that failed; that the device was not blocked is none.
 */
int try_write(struct edu *edu, __u64 iova, const char *what);
int try_read(struct edu *edu, __u64 iova, const char *what);

/* In pasid.c */
int step_pasid(struct demo *demo);
/* In software.c */
int step_software(struct demo *demo);

#endif
