/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls, as tables: what a struct consists of, and what to put there. An ioctl
 * that can be used in ways that have little in common has a row for each of them.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <stddef.h>

#include "state.h"

/* What a member is. What needs more than that has an argument. */
enum what {
	V_VALUE,		/* this value */
	V_BELOW,		/* a number below this one */
	V_FLAGS,		/* any of these bits */
	V_ONE_OF,		/* an element of struct values */
	V_ID,			/* an object, IDS() */
	V_BEHIND,		/* a device, T_BEHIND */
	V_MAP_IOAS,		/* the IOAS of V_IOVA */
	V_FILE,			/* a file, enum file_kind */
	V_CONTEXT,		/* the file of the context that the call is about */
	V_NAME,			/* the name of the device */
	V_EVENT,		/* an eventfd */
	/* A mapping that is going to be */
	V_NEW_IOVA,
	V_NEW_LENGTH,
	V_ADDRESS,
	/* One that there is, or a part of it */
	V_IOVA,
	V_LENGTH,
	V_LAST,
	V_MAPPED,		/* the address of its memory */
	V_AREA,			/* its number, for the SYZ flag of the mock */
	/* Memory of the thread */
	V_BUFFER,		/* at least this many bytes */
	V_ARRAY,		/* as V_BUFFER, filled with elements of struct shape */
};

struct field {
	__u16 at;
	__u16 size;
	enum what what;
	__u64 arg;
	const void *table;
};

struct values {
	int n;
	const __u64 *values;
};

struct shape {
	int size;		/* of an element */
	int n;			/* fields */
	const struct field *fields;
};

/* What a call makes */
enum result {
	OUT_NONE,
	OUT_ID,			/* enum type */
	OUT_FILE,		/* enum file_kind */
	OUT_FILE_RETURNED,
};

struct out {
	enum result result;
	__u16 at;
	int type;
};

struct thread;

struct call {
	const char *name;
	enum file_kind on;
	unsigned int often;	/* compared with others */
	unsigned long cmd;
	struct shape shape;
	struct out out[3];
	/* The call succeeded: note what cannot be said here. */
	void (*done)(struct thread *t, const void *arg);
	bool pasids;		/* the file is of a device that has PASIDs */
	bool by_value;		/* the argument is the first member itself */
	bool no_size;		/* the struct does not start with its size */
	/* Nothing is missing if this never succeeds */
	bool (*optional)(void);
};

#define COUNT(_array)	((int)(sizeof(_array) / sizeof(*(_array))))

#define FIELD(_struct, _member, ...)					\
	{ offsetof(struct _struct, _member),				\
	  sizeof(((struct _struct *)0)->_member), __VA_ARGS__ }
#define FIELD_ONE_OF(_struct, _member, _values)				\
	FIELD(_struct, _member, V_ONE_OF, .table = &(_values))
#define FIELD_ARRAY(_struct, _member, _room, _shape)			\
	FIELD(_struct, _member, V_ARRAY, _room, &(_shape))

#define VALUES(_name, ...)						\
	static const __u64 _name##_values[] = { __VA_ARGS__ };		\
	static const struct values _name = { COUNT(_name##_values),	\
					     _name##_values }

#define SHAPE(_struct, _fields)						\
	{ sizeof(struct _struct), COUNT(_fields), _fields }
/* A struct with nothing but its size that would have to be set */
#define SHAPE_ONLY(_struct)	{ sizeof(struct _struct), 0, NULL }

#define ID_OUT(_struct, _member, _type)					\
	{ OUT_ID, offsetof(struct _struct, _member), T_##_type }
#define FILE_OUT(_struct, _member, _kind)				\
	{ OUT_FILE, offsetof(struct _struct, _member), _kind }

struct calls {
	int n;
	const struct call *calls;
};

extern const struct calls iommu_calls, mock_calls, vfio_calls;

#endif
