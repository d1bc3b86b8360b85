/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The copy engine of samples/: a VFIO device without hardware that does DMA. All
 * functions are raw (see must.h).
 */
#ifndef LIB_COPYENGINE_H
#define LIB_COPYENGINE_H

#include "../../samples/copyengine.h"
#include "mdev.h"
#include <linux/types.h>

struct copyengine {
	struct mdev mdev;
	int fd;			/* -1 when it is closed */
	__u32 id;		/* in the iommufd it is bound to */
};

/* Make a device and bind it. ENODEV when this kernel has no such driver. */
int copyengine_open(struct copyengine *engine, int iommufd);
/* Does nothing to what is closed already. */
void copyengine_close(struct copyengine *engine);

/* Start a command, one of COPYENGINE_COPY... EBUSY while there is another. */
int copyengine_start(struct copyengine *engine, __u64 command, __u64 dst,
		     __u64 src, __u64 len);
/* Wait until it ends. The error that the engine reports. */
int copyengine_wait(struct copyengine *engine);
/* Bytes that the last command has copied */
__u64 copyengine_copied(struct copyengine *engine);
__u64 copyengine_status(struct copyengine *engine);
int copyengine_reset(struct copyengine *engine);

/* Start and wait */
int copyengine_run(struct copyengine *engine, __u64 command, __u64 dst,
		   __u64 src, __u64 len);

static inline int copyengine_copy(struct copyengine *engine, __u64 dst,
				  __u64 src, __u64 len)
{
	return copyengine_run(engine, COPYENGINE_COPY, dst, src, len);
}

static inline int copyengine_pin(struct copyengine *engine, __u64 iova,
				 __u64 len)
{
	return copyengine_run(engine, COPYENGINE_PIN, 0, iova, len);
}

static inline int copyengine_unpin(struct copyengine *engine)
{
	return copyengine_run(engine, COPYENGINE_UNPIN, 0, 0, 0);
}

/* Memory to the pinned buffer, and back */
static inline int copyengine_load(struct copyengine *engine, __u64 src,
				  __u64 len)
{
	return copyengine_run(engine, COPYENGINE_LOAD, 0, src, len);
}

static inline int copyengine_store(struct copyengine *engine, __u64 dst,
				   __u64 len)
{
	return copyengine_run(engine, COPYENGINE_STORE, dst, 0, len);
}

#endif
