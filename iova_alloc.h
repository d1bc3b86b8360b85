/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_IOVA_ALLOC_H
#define __IOMMUFD_IOVA_ALLOC_H

/**
 * DOC: IOVA tree
 *
 * What occupies an IOVA space, as disjoint closed ranges in a red-black tree
 * in which every node knows the widest gap below it. Finding what lies at an
 * IOVA and finding the lowest gap of a size are both O(log n).
 *
 * The tree is a pure data structure: its owner serializes all calls.
 */

#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct iova_node - one occupied range
 * @rb: its place in the tree
 * @first: first IOVA
 * @last: last IOVA
 * @reserved: what the tree's owner put here: a reservation, or an area
 */
struct iova_node {
	struct rb_node rb;
	unsigned long first;
	unsigned long last;
	bool reserved;
	/* private: of the subtree: its ends, and the widest gap between them */
	struct iova_subtree {
		unsigned long first;
		unsigned long last;
		unsigned long gap;
	} sub;
};

struct iova_tree {
	struct rb_root root;
};

/**
 * struct iova_want - what to look for
 * @length: bytes that must be free, not 0
 * @align: power of two to which a candidate is aligned up
 * @offset: bits that are then set in the candidate
 */
struct iova_want {
	unsigned long length;
	unsigned long align;
	unsigned long offset;
};

void iova_tree_insert(struct iova_tree *tree, struct iova_node *node);
void iova_tree_remove(struct iova_tree *tree, struct iova_node *node);
struct iova_node *iova_tree_first(const struct iova_tree *tree,
				  unsigned long first, unsigned long last);
struct iova_node *iova_tree_next(struct iova_node *node, unsigned long last);
bool iova_tree_find_free(const struct iova_tree *tree, unsigned long first,
			 unsigned long last, const struct iova_want *want,
			 unsigned long *iova);

#endif
