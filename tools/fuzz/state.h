/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is alive: contexts with their objects and mappings, other files, devices.
 * The threads share it, so all of it may be out of date when it is used.
 */
#ifndef FUZZ_STATE_H
#define FUZZ_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <linux/types.h>

#include "lib/mdev.h"
#include "lib/vfio_device.h"
#include "rng.h"

/* Types of objects, as far as calls tell them apart */
enum type {
	T_IOAS,
	T_PAGING,
	T_DIRTY,		/* a paging HWPT with DIRTY_TRACKING */
	T_PARENT,		/* ... with NEST_PARENT */
	T_FAULTING,		/* a HWPT with a fault queue */
	T_PASID,		/* ... for PASIDs */
	T_REAL_PASID,		/* ... of a device that is no mock */
	T_NESTED,
	T_VNESTED,		/* a nested HWPT of a vIOMMU */
	T_DEVICE,
	T_REAL,			/* a device that is no mock and has PASIDs */
	T_STDEV,		/* what destroys a mock device */
	T_PASID_STDEV,		/* ... that has PASIDs */
	T_BEHIND,		/* ... that is or was behind a vIOMMU */
	T_FAULT,
	T_VIOMMU,
	T_VDEVICE,
	T_VEVENTQ,
	T_QUEUE,
	NR_TYPES,
};

#define IDS(_type)	(1u << T_##_type)
#define ANY_PAGING	(IDS(PAGING) | IDS(DIRTY) | IDS(PARENT))
#define ANY_TABLE	(ANY_PAGING | IDS(FAULTING) | IDS(PASID) |	\
			 IDS(REAL_PASID) | IDS(NESTED) | IDS(VNESTED))
#define ANY_STDEV	(IDS(STDEV) | IDS(PASID_STDEV))
#define ANY_ID		((1u << NR_TYPES) - 1)

enum file_kind {
	F_CONTEXT,		/* /dev/iommu or /dev/vfio/vfio: see below */
	F_FAULT,
	F_VEVENT,
	F_ACCESS,
	F_DMABUF,
	F_MEMFD,
	F_CDEV,			/* of a device, not bound yet */
	F_BOUND,		/* ... and bound */
	F_DEVICE,		/* of a device that a group gave */
	F_GROUP,
	NR_KINDS,
};

#define NO_CONTEXT	-1

struct file {
	int fd;
	int device;		/* of F_CDEV... F_GROUP: in the table of devices */
	int context;		/* that it belongs to, or NO_CONTEXT */
	__u32 ioas;		/* of F_ACCESS: it began there */
};

void file_add(enum file_kind kind, const struct file *file);
bool file_pick(enum file_kind kind, struct rng *rng, struct file *file);
/* ... and it is the caller's alone. */
bool file_take(enum file_kind kind, struct rng *rng, struct file *file);
int file_count(enum file_kind kind);
/* F_CDEV becomes F_BOUND. */
void file_bind(int fd, int context);

/* The IOAS of a VFIO container, which has no ID in its calls */
#define CONTAINER_IOAS	~0U

/* A range of IOVAs that was mapped */
struct mapping {
	__u32 ioas;
	__u64 iova;
	__u64 length;
	__u64 address;		/* of the memory, as far as it is known */
};

#define NR_CONTEXTS	4
#define NATIVE_CONTEXT	3	/* is /dev/vfio/vfio, the others /dev/iommu */
#define MAX_IDS		8
#define MAX_MAPS	32

struct object {
	__u32 id;
	__u32 goes_with;	/* another ID: it goes when that one goes */
	__u32 ioas;		/* that it leads to, if that is known */
};

/* Its tables are one context's, and emptied when it is closed. */
struct context {
	pthread_mutex_t lock;	/* of all that follows */
	int fd;			/* -1 when it is closed */
	unsigned int life;	/* how often it was opened */
	int nr_objects[NR_TYPES];
	struct object objects[NR_TYPES][MAX_IDS];
	int nr_maps;
	struct mapping maps[MAX_MAPS];
	__u64 mmap_offset;	/* of a vIOMMU */
	__u64 mmap_length;
};

extern struct context contexts[NR_CONTEXTS];

/* Calls remember which life of a context they are about. */
struct life {
	struct context *context;
	unsigned int life;
	int fd;
};

/* The life that a context is in; it is opened if it is closed. */
struct life context_enter(int nr);
void context_leave(int nr);

/* false: there is none. @types: bits IDS() */
bool id_pick(struct life life, unsigned int types, struct rng *rng,
	     struct object *object);
bool ids_full(struct life life, enum type type);
bool ids_empty(struct life life, unsigned int types);
/* The device that goes with a T_STDEV, 0 if it is not known */
__u32 id_of_device(struct life life, __u32 stdev);
void id_add(struct life life, enum type type, const struct object *object);
void id_drop(struct life life, __u32 id);

/* One of an IOAS, or of any (0). false: there is none. */
bool map_pick(struct life life, __u32 ioas, struct rng *rng,
	      struct mapping *map);
void map_add(struct life life, const struct mapping *map);
/* What lies in the range, of one IOAS or of any (0) */
void map_drop(struct life life, const struct mapping *range);

/* Devices that VFIO has */
struct device {
	bool is_edu;
	bool has_pasids;
	bool is_engine;		/* the sample driver's: @mdev instead of @pci */
	struct pci_address pci;
	struct mdev mdev;
};

#define MAX_DEVICES	16

extern struct device devices[MAX_DEVICES];
extern int nr_devices;
/* Is there none with PASIDs? */
bool without_pasids(void);

void devices_find(void);
void devices_remove(void);
int device_open(int nr);
int device_open_group(int nr);

/* Close all that is open. */
void state_close(void);

#endif
