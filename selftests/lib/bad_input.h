/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of /dev/iommu with a member that is wrong, for all members in turn. A table
 * has the cases in the order in which the kernel checks them.
 *
 *	const struct iommu_hwpt_alloc good = { ... };
 *	const struct bad_input cases[] = {
 *		BAD(iommu_hwpt_alloc, __reserved, 1, EOPNOTSUPP),
 *		BAD(iommu_hwpt_alloc, dev_id, NO_ID, ENOENT),
 *	};
 *	const struct good_call call = GOOD_CALL(fd, IOMMU_HWPT_ALLOC, good);
 *
 *	EXPECT_EQ(0, bad_inputs(&call, cases, ARRAY_SIZE(cases)));
 */
#ifndef LIB_BAD_INPUT_H
#define LIB_BAD_INPUT_H

#include <stddef.h>
#include <linux/types.h>

struct bad_input {
	const char *what;
	size_t at;		/* the member that is wrong, ... */
	size_t size;
	__u64 value;		/* ... what it is ... */
	int error;		/* ... and the errno of that */
	int stage;		/* of two in one stage, any may be first */
};

#define BAD_AT(_stage, _struct, _member, _value, _error)		\
	{ #_member " = " #_value, offsetof(struct _struct, _member),	\
	  sizeof(((struct _struct *)0)->_member), _value, _error, _stage }
/* In a stage of its own */
#define BAD(_struct, _member, _value, _error)				\
	BAD_AT(__COUNTER__ + 1000, _struct, _member, _value, _error)

struct good_call {
	int fd;
	unsigned long cmd;
	const void *arg;
	size_t size;
	int zeroed_at;		/* offset of an u32 that is 0 afterwards, or -1 */
};

#define GOOD_CALL(_fd, _cmd, _arg)	{ _fd, _cmd, &(_arg), sizeof(_arg), -1 }

/*
 * Make the calls with one member wrong, and those with two, where the error of the
 * first one is due. Whatever is wrong: the struct is as it was, the next object
 * gets the ID that it would have got before, and the next file its descriptor.
 *
 * Returns how many calls were not as they have to be, each of which is printed.
 */
int bad_inputs(const struct good_call *call, const struct bad_input *cases,
	       int n);

/* The call as it is has this result; else as above. */
int bad_call(const struct good_call *call, const char *what, int error);

/* The call succeeds, but for the struct, which cannot be written. As above */
int bad_memory(const struct good_call *call);

#endif
