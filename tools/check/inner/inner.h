/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest of one page of code: see inner.c */
#ifndef INNER_H
#define INNER_H

#include <stdint.h>

#define PAGE 4096U

/* Registers. These are also what the compiler must not move memory accesses across. */
static inline uint32_t read32(uintptr_t at)
{
	uint32_t value;

	__asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static inline void write32(uintptr_t at, uint32_t value)
{
	__asm__ volatile("movl %1, (%0)" : : "r"(at), "r"(value) : "memory");
}

/* In one piece, which takes SSE in a 32-bit program */
static inline void write64(uintptr_t at, uint64_t value)
{
	__asm__ volatile("movq %1, %%xmm0\n\tmovq %%xmm0, (%0)"
			 : : "r"(at), "m"(value) : "memory");
}

/* vtd.c: every device on bus 0 reaches what is mapped, and nothing else. */
void vtd_on(void);
void vtd_off(void);
uint64_t vtd_map(uintptr_t page);
void vtd_unmap_all(void);

#endif
