/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mock device that a guest has behind a vIOMMU. The functions assert, see must.h.
 */
#ifndef LIB_GUEST_H
#define LIB_GUEST_H

#include "hwpt.h"
#include "mockdev.h"

struct guest {
	int fd;
	struct ioas ioas;
	struct mock dev;
	__u32 parent;		/* nesting parent of @ioas */
	__u32 viommu;
	__u64 mmap_offset;	/* of the memory of @viommu ... */
	__u64 mmap_length;
	__u32 in_data;		/* ... and its first 32 bits */
};

/* A new context. The device is attached to @parent and is no vDEVICE yet. */
void guest_open(struct guest *guest);
void guest_close(struct guest *guest);

/* A nested HWPT for the device on top of @pt_id: a nesting parent or a vIOMMU */
int guest_nested(struct guest *guest, __u32 device, __u32 pt_id);
int guest_vdevice(struct guest *guest, __u32 device, __u64 virt_id);
/* The device becomes vDEVICE @virt_id, and is attached by way of the vIOMMU. */
void guest_attach(struct guest *guest, __u64 virt_id);

#endif
