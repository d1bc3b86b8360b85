// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VT-d in legacy mode, as simple as it gets: one page table for all devices. What is
 * mapped is flushed page by page, for which QEMU (caching-mode) asks the host each time.
 */

#include "inner.h"

#define VTD 0xfed90000U
#define ECAP 0x10
#define GCMD 0x18
#define GSTS 0x1c
#define RTADDR 0x20
#define CCMD 0x28

#define TRANSLATE (1U << 31)
#define SET_ROOT (1U << 30)
#define STATE 0x96ffffffU	/* of GSTS, without what is done once */
#define BUSY (1ULL << 63)
#define GLOBAL_CONTEXT (1ULL << 61)
#define GLOBAL_IOTLB (1ULL << 60)
#define PAGE_IOTLB (3ULL << 60)
#define DOMAIN 1ULL
#define LEVELS_4 2
#define PRESENT 1
#define RW 3

#define LEAVES 4
#define ENTRIES 512U

static uint64_t root[ENTRIES] __attribute__((aligned(4096)));
static uint64_t context[ENTRIES] __attribute__((aligned(4096)));
static uint64_t upper[3][ENTRIES] __attribute__((aligned(4096)));
static uint64_t leaf[LEAVES][ENTRIES] __attribute__((aligned(4096)));
static uint32_t next;

static void wait_for(uint32_t reg, uint32_t bits, uint32_t value)
{
	while ((read32(VTD + reg) & bits) != value)
		;
}

static uint32_t iotlb(void)
{
	return (read32(VTD + ECAP) >> 8 & 0x3ff) * 16;
}

static void flush(uint64_t what, uint64_t iova)
{
	uint32_t reg = iotlb();

	write64(VTD + reg, iova);
	write64(VTD + reg + 8, BUSY | what | DOMAIN << 32);
	wait_for(reg + 12, BUSY >> 32, 0);
}

static void command(uint32_t bit)
{
	write32(VTD + GCMD, (read32(VTD + GSTS) & STATE) | bit);
	wait_for(GSTS, bit, bit);
}

void vtd_on(void)
{
	int i;

	root[0] = (uintptr_t)context | PRESENT;
	for (i = 0; i < 256; i++) {
		context[2 * i] = (uintptr_t)upper[0] | PRESENT;
		context[2 * i + 1] = DOMAIN << 8 | LEVELS_4;
	}
	upper[0][0] = (uintptr_t)upper[1] | RW;
	upper[1][0] = (uintptr_t)upper[2] | RW;
	for (i = 0; i < LEAVES; i++)
		upper[2][i] = (uintptr_t)leaf[i] | RW;
	write64(VTD + RTADDR, (uintptr_t)root);
	command(SET_ROOT);
	write64(VTD + CCMD, BUSY | GLOBAL_CONTEXT);
	wait_for(CCMD + 4, BUSY >> 32, 0);
	flush(GLOBAL_IOTLB, 0);
	command(TRANSLATE);
}

void vtd_off(void)
{
	write32(VTD + GCMD, read32(VTD + GSTS) & STATE & ~TRANSLATE);
	wait_for(GSTS, TRANSLATE, 0);
}

/* The next page that devices see; what was there before is gone. */
uint64_t vtd_map(uintptr_t page)
{
	uint32_t n = next++ % (LEAVES * ENTRIES);

	leaf[n / ENTRIES][n % ENTRIES] = page | RW;
	flush(PAGE_IOTLB, (uint64_t)n * PAGE);
	return (uint64_t)n * PAGE;
}

void vtd_unmap_all(void)
{
	uint32_t n;

	for (n = 0; n < LEAVES * ENTRIES; n++)
		leaf[n / ENTRIES][n % ENTRIES] = 0;
	flush(GLOBAL_IOTLB, 0);
}
