// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOVA tree: see the DOC block in iova_alloc.h.
 *
 * A gap is named by the node before it (NULL: before the first node). Going from
 * one wide enough gap to the next is a successor walk that skips every subtree
 * whose widest gap is too small.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/rbtree_augmented.h>

#include "iova_alloc.h"

/*
 * How many gaps are tried one by one before asking for one so wide that any
 * alignment fits into it.
 */
#define EXACT_TRIES	32

static struct iova_node *node_of(struct rb_node *rb)
{
	return rb_entry_safe(rb, struct iova_node, rb);
}

static struct iova_node *left_of(const struct iova_node *node)
{
	return node_of(node->rb.rb_left);
}

static struct iova_node *right_of(const struct iova_node *node)
{
	return node_of(node->rb.rb_right);
}

static inline bool update_node(struct iova_node *node, bool exit)
{
	struct iova_node *left = left_of(node), *right = right_of(node);
	struct iova_subtree sub = { node->first, node->last, 0 };

	if (left) {
		sub.first = left->sub.first;
		sub.gap = max(left->sub.gap, node->first - left->sub.last - 1);
	}
	if (right) {
		sub.last = right->sub.last;
		sub.gap = max3(sub.gap, right->sub.gap,
			       right->sub.first - node->last - 1);
	}
	if (exit && node->sub.first == sub.first &&
	    node->sub.last == sub.last && node->sub.gap == sub.gap)
		return true;
	node->sub = sub;
	return false;
}

RB_DECLARE_CALLBACKS(static, iova_augment, struct iova_node, rb, sub,
		     update_node)

/**
 * iova_tree_insert() - occupy a range
 * @tree: the tree
 * @node: its first and last are set and overlap no other node
 */
void iova_tree_insert(struct iova_tree *tree, struct iova_node *node)
{
	struct rb_node **link = &tree->root.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (node->first < node_of(parent)->first)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&node->rb, parent, link);
	/* The new leaf first, then what is above it, then the rebalancing. */
	update_node(node, false);
	iova_augment_propagate(parent, NULL);
	rb_insert_augmented(&node->rb, &tree->root, &iova_augment);
}

/**
 * iova_tree_remove() - free a range
 * @tree: the tree
 * @node: was inserted
 */
void iova_tree_remove(struct iova_tree *tree, struct iova_node *node)
{
	rb_erase_augmented(&node->rb, &tree->root, &iova_augment);
}

/* The lowest node that ends at or after @iova. */
static struct iova_node *node_from(const struct iova_tree *tree,
				   unsigned long iova)
{
	struct iova_node *node = node_of(tree->root.rb_node), *found = NULL;

	while (node) {
		if (node->last >= iova) {
			found = node;
			node = left_of(node);
		} else {
			node = right_of(node);
		}
	}
	return found;
}

/**
 * iova_tree_first() - the lowest node that touches a range
 * @tree: the tree
 * @first: first IOVA of the range
 * @last: last IOVA of the range
 *
 * Return: the node, or NULL if all of the range is free.
 */
struct iova_node *iova_tree_first(const struct iova_tree *tree,
				  unsigned long first, unsigned long last)
{
	struct iova_node *node = node_from(tree, first);

	return node && node->first <= last ? node : NULL;
}

/**
 * iova_tree_next() - the node after another one
 * @node: the node
 * @last: last IOVA of interest
 *
 * Return: the next node, or NULL if it starts after @last.
 */
struct iova_node *iova_tree_next(struct iova_node *node, unsigned long last)
{
	struct iova_node *next = node_of(rb_next(&node->rb));

	return next && next->first <= last ? next : NULL;
}

/*
 * The first gap in the subtree of @node that has @length bytes, which exists, as
 * the node before it.
 */
static struct iova_node *first_gap_in(struct iova_node *node,
				      unsigned long length)
{
	for (;;) {
		struct iova_node *left = left_of(node), *right = right_of(node);

		if (left && left->sub.gap >= length) {
			node = left;
			continue;
		}
		if (left && node->first - left->sub.last - 1 >= length)
			return node_of(rb_prev(&node->rb));
		if (right->sub.first - node->last - 1 >= length)
			return node;
		node = right;
	}
}

/*
 * The first node after @node that is followed by @length free bytes, or the last
 * node of the tree, what follows which the caller judges.
 */
static struct iova_node *gap_after(struct iova_node *node, unsigned long length)
{
	const unsigned long from = node->last;

	for (;;) {
		struct iova_node *right = right_of(node), *parent;

		if (right && right->sub.gap >= length)
			return first_gap_in(right, length);
		/* All of this subtree is passed; its end is before its parent. */
		for (;;) {
			struct rb_node *up = rb_parent(&node->rb);

			parent = node_of(up);
			if (!parent)
				goto rightmost;
			if (up->rb_left == &node->rb)
				break;
			node = parent;
		}
		/* Not the gap that follows the node where this began. */
		if (node->sub.last != from &&
		    parent->first - node->sub.last - 1 >= length)
			return node_of(rb_prev(&parent->rb));
		node = parent;
		right = right_of(node);
		if (right && right->sub.first - node->last - 1 >= length)
			return node;
	}
rightmost:
	while (right_of(node))
		node = right_of(node);
	return node;
}

/* Does what is wanted fit between @first and @last? */
static bool fits(const struct iova_want *want, unsigned long first,
		 unsigned long last, unsigned long *iova)
{
	unsigned long start, end;

	if (first > last ||
	    check_add_overflow(first, want->align - 1, &start))
		return false;
	start &= ~(want->align - 1);
	start |= want->offset;
	if (check_add_overflow(start, want->length - 1, &end) || end > last)
		return false;
	*iova = start;
	return true;
}

/* The hunt through the gaps of at least @length bytes, @tries of them at most. */
static bool hunt(const struct iova_tree *tree, unsigned long first,
		 unsigned long last, const struct iova_want *want,
		 unsigned long length, unsigned long tries, unsigned long *iova)
{
	struct iova_node *node = node_from(tree, first), *next;

	if (!node)
		return fits(want, first, last, iova);
	if (node->first > first &&
	    fits(want, first, min(last, node->first - 1), iova))
		return true;

	/* The gap right after a node is only looked at from the node before. */
	next = node_of(rb_next(&node->rb));
	if (next && next->first - node->last - 1 < length)
		node = gap_after(node, length);

	while (tries--) {
		if (node->last >= last)
			return false;
		next = node_of(rb_next(&node->rb));
		if (fits(want, node->last + 1,
			 next ? min(last, next->first - 1) : last, iova))
			return true;
		if (!next)
			return false;
		node = gap_after(node, length);
	}
	return false;
}

/**
 * iova_tree_find_free() - a low free place for a new range
 * @tree: the tree
 * @first: first IOVA that may be used
 * @last: last IOVA that may be used
 * @want: size and alignment
 * @iova: receives the start
 *
 * First fit, but after %EXACT_TRIES gaps that lie badly for the alignment the
 * first one that suits every alignment is preferred. Whenever something fits,
 * something is found. O(log n), unless the space is full of gaps that are wide
 * enough, lie badly, and there is none that suits every alignment.
 *
 * Return: whether there is such a place.
 */
bool iova_tree_find_free(const struct iova_tree *tree, unsigned long first,
			 unsigned long last, const struct iova_want *want,
			 unsigned long *iova)
{
	unsigned long roomy;

	if (hunt(tree, first, last, want, want->length, EXACT_TRIES, iova))
		return true;
	if (!check_add_overflow(want->length, want->align - 1, &roomy) &&
	    !check_add_overflow(roomy, want->offset, &roomy) &&
	    hunt(tree, first, last, want, roomy, 2, iova))
		return true;
	return hunt(tree, first, last, want, want->length, ULONG_MAX, iova);
}
