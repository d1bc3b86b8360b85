/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iova_bitmap.c needs of the kernel, for a test in user space. "User
 * memory" is an arena whose pages cannot be touched unless they are pinned:
 * AddressSanitizer sees to it.
 */
#ifndef IOVA_BITMAP_KERNEL_H
#define IOVA_BITMAP_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <linux/types.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef __u8 u8;
typedef __u64 u64;
#define u128 unsigned __int128

#ifndef PAGE_SHIFT
#define PAGE_SHIFT	8
#endif
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define BITS_PER_BYTE	8

#define __user
#define __counted_by(member)
#define __aligned(bytes)	__attribute__((aligned(bytes)))
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define EXPORT_SYMBOL_NS_GPL(symbol, ns)
#define noinline
#define GFP_KERNEL_ACCOUNT	0
#define FOLL_WRITE		1

#define WARN_ON_ONCE(condition)	(condition)
#define ERR_PTR(error)		((void *)(long)(error))
#define IS_ERR(ptr)		((unsigned long)(ptr) >= -4095UL)
#define __ffs(word)		((unsigned int)__builtin_ctzl(word))
#define offset_in_page(addr)	((unsigned long)(addr) & ~PAGE_MASK)
#define check_add_overflow(a, b, sum)	__builtin_add_overflow(a, b, sum)

#define min(a, b)						\
	({							\
		__typeof__(a) min_a = (a);			\
		__typeof__(b) min_b = (b);			\
		min_a < min_b ? min_a : min_b;			\
	})

#define kmalloc_flex(obj, member, count, gfp)			\
	malloc(offsetof(__typeof__(obj), member) +		\
	       (count) * sizeof((obj).member[0]))
#define kfree(ptr)	free(ptr)

#define ARENA_PAGES	96

struct page {
	bool broken;
	int pins;
	u64 bits;	/* how many were set when it was pinned */
};

extern u8 arena[ARENA_PAGES << PAGE_SHIFT];
extern struct page arena_pages[ARENA_PAGES];
extern unsigned long total_pins, live_pins, most_pins;

static inline bool access_ok(const void *address, size_t length)
{
	unsigned long last;

	return !__builtin_add_overflow((unsigned long)address, length - 1,
				       &last) && last >> 63 == 0;
}

static inline u64 bits_in_page(const struct page *page)
{
	const u8 *bytes = arena + ((page - arena_pages) << PAGE_SHIFT);
	u64 n = 0;
	size_t i;

	for (i = 0; i < PAGE_SIZE; i++)
		n += __builtin_popcount(bytes[i]);
	return n;
}

static inline int pin_user_pages_fast(unsigned long address, int npages,
				      unsigned int flags, struct page **pages)
{
	unsigned long first = (address - (unsigned long)arena) >> PAGE_SHIFT;
	int i;

	if (address & ~PAGE_MASK || flags != FOLL_WRITE)
		abort();

	for (i = 0; i < npages; i++) {
		if (first + i >= ARENA_PAGES || arena_pages[first + i].broken)
			break;
		pages[i] = &arena_pages[first + i];
		pages[i]->pins++;
		ASAN_UNPOISON_MEMORY_REGION(arena +
					    ((first + i) << PAGE_SHIFT),
					    PAGE_SIZE);
		pages[i]->bits = bits_in_page(pages[i]);
		total_pins++;
		if (++live_pins > most_pins)
			most_pins = live_pins;
	}
	return i ?: -EFAULT;
}

static inline void unpin_user_pages_dirty_lock(struct page **pages,
					       unsigned long npages, bool dirty)
{
	for (; npages; npages--, pages++) {
		if ((*pages)->pins-- != 1)
			abort();
		/* What was written must not get lost. */
		if (!dirty && (*pages)->bits != bits_in_page(*pages))
			abort();
		ASAN_POISON_MEMORY_REGION(arena + ((*pages - arena_pages) <<
						   PAGE_SHIFT), PAGE_SIZE);
		live_pins--;
	}
}

static inline void *kmap_local_page(struct page *page)
{
	return arena + ((page - arena_pages) << PAGE_SHIFT);
}

static inline void kunmap_local(void *address)
{
}

#endif
