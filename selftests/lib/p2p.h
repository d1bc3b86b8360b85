/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two edu devices, of which the first one does DMA to the registers of the second
 * one, their owner: what peer.h needs, by way of an iommufd or of a VFIO container.
 */
#ifndef LIB_P2P_H
#define LIB_P2P_H

#include "iommu.h"
#include "peer.h"

#define P2P_BAR		0x100000UL	/* bytes */
#define P2P_SPARE	0x4000000UL	/* a page there is taken */

/*
 * What has gone is looked for after 2 ms, and whenever as much time has passed once
 * more: six times in this while.
 */
#define P2P_A_WHILE	200	/* ms */

struct p2p {
	int pinned;		/* pages in the whole system, before */
	int fd;			/* iommufd or container */
	struct ioas ioas;	/* of an iommufd */
	int groups[2];		/* of the devices, with a container */
	struct pci_address pci[2];
	struct edu edu[2];
	struct peer peer;
	char *bar;		/* of the owner, mapped for this only */
	char *mem;		/* 16 pages, the first one at P2P_SPARE */
};

/*
 * @node is that of a container, or NULL. ENODEV when this machine has no such devices.
 * Asserts otherwise.
 */
int p2p_open(struct p2p *p, const char *node);
void p2p_close(struct p2p *p);
/* The owner alone. Asserts. */
void p2p_close_owner(struct p2p *p);
void p2p_open_owner(struct p2p *p);

/* Map and unmap as the one or the other does; @flags are MAP_R, MAP_W. */
int p2p_map_range(struct p2p *p, struct iova_range to, void *va, __u32 flags);
int p2p_map(struct p2p *p, __u64 iova, void *va, __u64 length);
/* How many bytes went */
long p2p_unmap(struct p2p *p, __u64 iova, __u64 length);
/* Pages that are pinned. Not all kinds of charge show in VmPin. */
int p2p_pins(struct p2p *p);

/* Have the owner not answer at its BAR, and answer. */
int p2p_disable(struct p2p *p);
int p2p_enable(struct p2p *p);
/* Is the user blocked at @iova, now and after a while? */
bool p2p_stays_blocked(struct p2p *p, __u64 iova);

#endif
