/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Registers of the copy engine, for its driver and for programs.
 *
 * Region 0 of the VFIO device. Each register has 64 bits, little endian, and is
 * read and written as a whole.
 */
#ifndef SAMPLES_COPYENGINE_H
#define SAMPLES_COPYENGINE_H

#define COPYENGINE_SRC		0x00	/* IOVA to copy from */
#define COPYENGINE_DST		0x08	/* IOVA to copy to */
#define COPYENGINE_LEN		0x10	/* bytes */
#define COPYENGINE_DOORBELL	0x18	/* starts a command when it is written */
#define COPYENGINE_STATUS	0x20	/* read only: COPYENGINE_IDLE... */
#define COPYENGINE_ERROR	0x28	/* read only: the errno of COPYENGINE_FAILED */
#define COPYENGINE_COPIED	0x30	/* read only: bytes, of the last command */
#define COPYENGINE_SIZE		0x38	/* of the region */

/*
 * Commands. A doorbell during a command or a reset is refused (EBUSY).
 *
 * The engine can keep one buffer of whole pages pinned, which it reaches without
 * a look at the IOVA: LOAD and STORE copy LEN bytes from SRC to its start and from
 * its start to DST. It goes when any part of it is unmapped, and with a reset.
 */
#define COPYENGINE_COPY		1	/* LEN bytes from SRC to DST */
#define COPYENGINE_PIN		2	/* LEN bytes at SRC become the buffer */
#define COPYENGINE_UNPIN	3	/* there is no buffer any more */
#define COPYENGINE_LOAD		4
#define COPYENGINE_STORE	5

/* Status */
#define COPYENGINE_IDLE		0	/* nothing was asked since the last reset */
#define COPYENGINE_BUSY		1
#define COPYENGINE_DONE		2
#define COPYENGINE_FAILED	3

#endif
