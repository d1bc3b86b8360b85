/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For programs that use a VFIO container and print what each call says: a line is
 * "sequence: step = result". What differs from one boot to the next, such as an
 * address, must not be in it.
 */
#ifndef LIB_BOX_H
#define LIB_BOX_H

#include "edu.h"

#define BOX_SPARE	0x4000000UL	/* for DMA of the device's own */

#define ARRAY_SIZE(array) ((int)(sizeof(array) / sizeof(*(array))))

/* The name of the one that is running */
extern const char *sequence;

struct sequence {
	const char *name;
	void (*run)(void);
};

/* Run them. The exit status of the program */
int box_run(const struct sequence *sequences, int n);

/* A result that is negative is an errno. */
void __attribute__((format(printf, 2, 3))) say(long rc, const char *step, ...);
/* What a system call returned, with a negative errno for -1 */
int errno_of(int rc);

/* A container with the groups of two devices in it, as far as they are wanted */
struct box {
	int fd;
	int groups[2];
	struct pci_address pci[2];
	struct edu edu[2];
	char *mem;		/* MIB bytes */
};

/* All of this asserts where nothing is returned, see must.h. */
void box_open(struct box *box);
void box_add_group(struct box *box, int i);
/* Open the device. Its group is in the container, which has a type. */
void box_add_edu(struct box *box, int i);
/* A container of type @type with one device that is open */
void box_open_type(struct box *box, int type);
void box_close(struct box *box);

int box_map(struct box *box, __u64 iova, const void *va, __u64 size);
/* Bytes, or an error */
long box_unmap(struct box *box, __u64 iova, __u64 size);
long box_unmap_all(struct box *box);
/* With the bitmap of up to 64 pages, which is said */
void box_unmap_dirty(struct box *box, __u64 iova, __u64 size);
/* How many mappings it can still have */
int box_avail(struct box *box);

/*
 * What does the first device find at @iova, to which the start of mem is mapped: can
 * it read it (DMA_R), can it write it (DMA_W)? The last page of mem is mapped at
 * BOX_SPARE.
 */
int box_reach(struct box *box, __u64 iova);
/* From now on no more than so much memory of this process can be locked. */
void box_set_limit(unsigned long kib);
/* From now on this process has it no more. (The limit holds without CAP_IPC_LOCK.) */
void box_drop_capability(int cap);

/* What the container says to everything, whatever state it is in: */
void box_ask_extensions(struct box *box, const char *when);
/* Three arguments: none at all, one that is too short, zeros of the right size */
void box_try_commands(struct box *box, const char *when);
/* Of VFIO_SET_IOMMU; not those of vfio_iommu_type1 */
void box_try_types(struct box *box, const char *when);

/* What the process is charged for */
void box_say_charge(const char *when);

#endif
