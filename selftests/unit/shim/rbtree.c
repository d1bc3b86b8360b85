// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's rbtree, as it is. */
#include <lib/rbtree.c>
