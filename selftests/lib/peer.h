/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peer-to-peer DMA: what one edu device finds of the registers of another one at an
 * IOVA. The functions assert, see must.h.
 */
#ifndef LIB_PEER_H
#define LIB_PEER_H

#include <stdbool.h>

#include "edu.h"

/* That many bytes at the start of the user's buffer are ours. */
#define PEER_BUFFER	16

struct peer {
	struct edu *user;	/* does the DMA */
	struct edu *owner;	/* has the registers */
	__u32 *spare;		/* a page of memory ... */
	__u64 spare_iova;	/* ... which the user reaches here */
	__u32 value;		/* what it writes is in its buffer; 0: not yet */
};

/*
 * Does what the user writes to @iova reach the owner's registers? And what it reads
 * come from there? The processor looks at the registers too: they have to be on.
 */
bool peer_writes(struct peer *peer, __u64 iova);
bool peer_reads(struct peer *peer, __u64 iova);
/* The same, if need be after a while: up to two seconds. */
bool peer_writes_soon(struct peer *peer, __u64 iova);
bool peer_reads_soon(struct peer *peer, __u64 iova);

/*
 * The user writes to @iova. Did an IOMMU block it? The owner is not asked. Unlike
 * the kernel's log, this counts each time.
 */
bool peer_is_blocked(struct peer *peer, __u64 iova);

#endif
