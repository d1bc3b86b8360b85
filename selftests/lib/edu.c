// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"

#define MAX_EDUS	16

#define REGS_SIZE	4096
#define REG_RAISE	0x60
#define REG_ACKNOWLEDGE	0x64
#define REG_DMA_FROM	0x80
#define REG_DMA_TO	0x88
#define REG_DMA_COUNT	0x90
#define REG_DMA_COMMAND	0x98

#define DMA_START	1
#define DMA_TO_MEMORY	2

/* Where the buffer is for the DMA engine; the CPU cannot see it. */
#define BUFFER_AT	0x40000

/* A transfer takes 0.1 s, more on a machine that is busy. */
#define PATIENCE_MS	10000

/* Those that can be bound, MAX_EDUS of them at the most */
static int find_free(struct pci_address *found)
{
	int i, n, count = 0;

	n = pci_find(EDU_VENDOR, EDU_DEVICE, found, MAX_EDUS);
	for (i = 0; i < n && i < MAX_EDUS; i++)
		if (!pci_group_in_use(&found[i]))
			found[count++] = found[i];
	return n < 0 ? n : count;
}

int edu_find_one(struct pci_address *pci)
{
	struct pci_address all[MAX_EDUS];
	int n = find_free(all);

	if (n > 0)
		*pci = all[0];
	return n < 0 ? n : n ? 0 : -ENODEV;
}

int edu_find_pair(bool same_group, struct pci_address *pair)
{
	struct pci_address all[MAX_EDUS];
	int i, j, n;

	n = find_free(all);
	for (j = 1; j < n; j++) {
		for (i = 0; i < j; i++) {
			if (same_group !=
			    (pci_group(&all[i]) == pci_group(&all[j])))
				continue;
			pair[0] = all[i];
			pair[1] = all[j];
			return 0;
		}
	}
	return n < 0 ? n : -ENODEV;
}

/* Memory that the device is going to read is written before, ... */
static void write_reg(struct edu *edu, int reg, __u64 value)
{
	__atomic_store_n((__u64 *)(edu->regs + reg), value, __ATOMIC_RELEASE);
}

/* ... and what it wrote is read after. */
static __u64 read_reg(struct edu *edu, int reg)
{
	return __atomic_load_n((__u64 *)(edu->regs + reg), __ATOMIC_ACQUIRE);
}

int edu_open(struct edu *edu, const struct pci_address *pci, int iommufd)
{
	int rc;

	*edu = (struct edu){ .pci = *pci, .fd = vfio_open(pci) };
	if (edu->fd < 0)
		return edu->fd;
	rc = vfio_start(edu->fd, iommufd, REGS_SIZE, &edu->regs);
	if (rc < 0) {
		close(edu->fd);
		return rc;
	}
	edu->id = rc;
	return 0;
}

int edu_start(struct edu *edu, const struct pci_address *pci, int fd)
{
	int rc = vfio_bus_master(fd, true);

	*edu = (struct edu){ .pci = *pci, .fd = fd };
	if (rc)
		return rc;
	edu->regs = vfio_map_bar(fd, 0, REGS_SIZE);
	if (edu->regs != MAP_FAILED)
		return 0;
	edu->regs = NULL;
	return -errno;
}

void edu_close(struct edu *edu)
{
	if (!edu->regs)
		return;
	/* A mapping of the registers keeps the file, and so the device, open. */
	munmap(edu->regs, REGS_SIZE);
	close(edu->fd);
	edu->regs = NULL;
}

static int transfer(struct edu *edu, __u64 from, __u64 to, __u32 count,
		    __u64 command)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int waited;

	write_reg(edu, REG_DMA_FROM, from);
	write_reg(edu, REG_DMA_TO, to);
	write_reg(edu, REG_DMA_COUNT, count);
	write_reg(edu, REG_DMA_COMMAND, command | DMA_START);
	for (waited = 0; waited < PATIENCE_MS; waited++) {
		if (!(read_reg(edu, REG_DMA_COMMAND) & DMA_START))
			return 0;
		nanosleep(&ms, NULL);
	}
	return -ETIMEDOUT;
}

/* QEMU ends when a transfer leaves the buffer. */
static int fits(__u32 at, __u32 count)
{
	return count && at < EDU_BUFFER && count <= EDU_BUFFER - at;
}

int edu_from_memory(struct edu *edu, __u64 iova, __u32 at, __u32 count)
{
	if (!fits(at, count))
		return -EINVAL;
	return transfer(edu, iova, BUFFER_AT + at, count, 0);
}

int edu_to_memory(struct edu *edu, __u64 iova, __u32 at, __u32 count)
{
	if (!fits(at, count))
		return -EINVAL;
	return transfer(edu, BUFFER_AT + at, iova, count, DMA_TO_MEMORY);
}

/* These registers take accesses of 32 bits only. */
static void write_reg32(struct edu *edu, int reg, __u32 value)
{
	__atomic_store_n((__u32 *)(edu->regs + reg), value, __ATOMIC_RELEASE);
}

void edu_interrupt(struct edu *edu)
{
	write_reg32(edu, REG_RAISE, 1);
	write_reg32(edu, REG_ACKNOWLEDGE, 1);
}
