// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's xarray, as it is, with what it needs. */
#include <lib/xarray.c>
#include <tools/lib/find_bit.c>

void __bitmap_clear(unsigned long *map, unsigned int start, int len)
{
	while (len--)
		__clear_bit(start++, map);
}
