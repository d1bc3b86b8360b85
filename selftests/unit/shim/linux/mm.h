/* SPDX-License-Identifier: GPL-2.0-only */
/* A struct page that is nothing but its frame number. */
#ifndef _SHIM_LINUX_MM_H
#define _SHIM_LINUX_MM_H

#include <linux/kernel.h>
#include <linux/types.h>

struct page;

#define SHIM_PAGE_BASE	0xffffea0000000000UL
#define SHIM_PAGE_SHIFT	6

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return (struct page *)(SHIM_PAGE_BASE + (pfn << SHIM_PAGE_SHIFT));
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return ((unsigned long)page - SHIM_PAGE_BASE) >> SHIM_PAGE_SHIFT;
}

#endif
