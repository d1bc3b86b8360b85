/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PASID test device as software sees it: a PCI Express function that copies
 * up to a page between a buffer of its own and memory by DMA, tagged with a PASID
 * or without one. It has the PASID capability, ATS and PRI, and can be reset (FLR).
 *
 * BAR 0 has two pages: the registers, of 32 bits each, and the buffer. There are
 * PASID_DEV_CHANNELS of all registers, for as many transfers at a time.
 *
 * A transfer starts when PASID_DEV_COMMAND is written, and is over when that
 * write is. If the IOMMU blocks a part of it, the status says so; a load then
 * leaves the buffer as it was, a store may have written what comes before.
 *
 * With PASID_DEV_ASK the device has the IOMMU translate the addresses (ATS), and
 * requests all pages that are not there as one group (PRI). The status is then
 * PASID_DEV_ASKING until the answer is there. Who reads the status afterwards makes
 * the transfer go on: translations are asked for again, but no pages. No
 * translation is kept.
 */
#ifndef PASID_DEV_REGS_H
#define PASID_DEV_REGS_H

#define PASID_DEV_VENDOR	0x1234
#define PASID_DEV_DEVICE	0x9a5d

#define PASID_DEV_BAR_SIZE	0x2000
#define PASID_DEV_CHANNELS	8
#define PASID_DEV_CHANNEL	0x40	/* from the registers of one to the next */
#define PASID_DEV_BUFFER	0x1000	/* where it is in the BAR */
#define PASID_DEV_BUFFER_SIZE	0x1000

#define PASID_DEV_PASID		0x00	/* or PASID_DEV_NO_PASID, after a reset */
#define PASID_DEV_IOVA_LOW	0x04
#define PASID_DEV_IOVA_HIGH	0x08
#define PASID_DEV_OFFSET	0x0c	/* in the buffer */
#define PASID_DEV_LENGTH	0x10	/* bytes */
#define PASID_DEV_COMMAND	0x14	/* write only */
#define PASID_DEV_STATUS	0x18	/* read only, as all that follow */
#define PASID_DEV_ENABLED	0x1c	/* what the kernel has switched on */
#define PASID_DEV_TRANSFERS	0x20	/* that the IOMMU let through, since a reset */

#define PASID_DEV_NO_PASID	0xffffffff
#define PASID_DEV_PASID_BITS	16

/* PASID_DEV_COMMAND */
#define PASID_DEV_LOAD		1	/* from memory into the buffer */
#define PASID_DEV_STORE		2	/* from the buffer into memory */
#define PASID_DEV_ASK		0x10	/* together with one of these */

/* PASID_DEV_STATUS */
#define PASID_DEV_IDLE		0
#define PASID_DEV_DONE		1
#define PASID_DEV_BLOCKED	2	/* by the IOMMU */
#define PASID_DEV_REFUSED	3	/* by the device: see device.c, refused() */
#define PASID_DEV_ASKING	4
#define PASID_DEV_DENIED	5	/* the answer is that there are no such pages */

/* PASID_DEV_ENABLED */
#define PASID_DEV_HAS_PASID	1
#define PASID_DEV_HAS_ATS	2
#define PASID_DEV_HAS_PRI	4
#define PASID_DEV_HAS_MASTER	8

#endif
