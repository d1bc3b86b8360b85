/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A struct page of which only the address means something. As with classic
 * sparse memory, adjacent struct pages are adjacent frames within a section
 * only: here each second section lies before the one it should follow.
 */
#ifndef _SHIM_LINUX_MM_H
#define _SHIM_LINUX_MM_H

#include <linux/kernel.h>
#include <linux/types.h>

#define SHIM_PAGE_SHIFT		6
#define SHIM_PAGE_BASE		0xffffea0000000000UL
#define SHIM_SECTION_PAGES	(1UL << 15)

struct page {
	char unused[1 << SHIM_PAGE_SHIFT];
};

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return (struct page *)(SHIM_PAGE_BASE +
			       ((pfn ^ SHIM_SECTION_PAGES) << SHIM_PAGE_SHIFT));
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (((unsigned long)page - SHIM_PAGE_BASE) >> SHIM_PAGE_SHIFT) ^
	       SHIM_SECTION_PAGES;
}

#endif
