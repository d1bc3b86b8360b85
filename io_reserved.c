// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserved and allowed IOVA of a space.
 *
 * Reservations of several owners may overlap; the tree, whose nodes are
 * disjoint, holds one node for each stretch that they cover together. They are
 * few and change seldom: each change takes all their nodes out and puts the new
 * ones in. The node of a stretch is the one in its first reservation, so that
 * taking a reservation back needs no memory.
 */
#include <linux/minmax.h>
#include <linux/slab.h>

#include "io_pagetable.h"

/**
 * io_reserved_new() - make a reservation that is in no space yet
 * @list: where to put it
 * @owner: who may take it back
 * @first: first IOVA
 * @last: last IOVA
 *
 * Return: 0 or -ENOMEM.
 */
int io_reserved_new(struct list_head *list, const void *owner,
		    unsigned long first, unsigned long last)
{
	struct io_reserved *res = kzalloc_obj(*res, GFP_KERNEL_ACCOUNT);

	if (!res)
		return -ENOMEM;
	res->owner = owner;
	res->first = first;
	res->last = last;
	res->node.reserved = true;
	list_add_tail(&res->item, list);
	return 0;
}

/**
 * io_reserved_free() - free reservations that are in no space any more
 * @list: the list
 */
void io_reserved_free(struct list_head *list)
{
	struct io_reserved *res, *tmp;

	list_for_each_entry_safe(res, tmp, list, item) {
		list_del(&res->item);
		kfree(res);
	}
}

static void take_nodes_out(struct io_space *space)
{
	struct io_reserved *res;

	list_for_each_entry(res, &space->reserved, item) {
		if (res->in_tree)
			iova_tree_remove(&space->tree, &res->node);
		res->in_tree = false;
	}
}

static void put_nodes_in(struct io_space *space)
{
	struct io_reserved *head = NULL, *res;

	list_for_each_entry(res, &space->reserved, item) {
		if (head && (head->node.last == ULONG_MAX ||
			     res->first <= head->node.last + 1)) {
			head->node.last = max(head->node.last, res->last);
			continue;
		}
		if (head)
			iova_tree_insert(&space->tree, &head->node);
		head = res;
		head->node.first = res->first;
		head->node.last = res->last;
		head->in_tree = true;
	}
	if (head)
		iova_tree_insert(&space->tree, &head->node);
}

static void insert_sorted(struct io_space *space, struct io_reserved *new)
{
	struct io_reserved *res;

	list_for_each_entry(res, &space->reserved, item)
		if (res->first > new->first)
			break;
	list_add_tail(&new->item, &res->item);
}

static bool overlaps_area(struct io_space *space, unsigned long first,
			  unsigned long last)
{
	struct iova_node *node = iova_tree_first(&space->tree, first, last);

	while (node && node->reserved)
		node = iova_tree_next(node, last);
	return node;
}

static bool overlaps_allowed(struct io_space *space, unsigned long first,
			     unsigned long last)
{
	unsigned int i;

	for (i = 0; i < space->nr_allowed; i++)
		if (space->allowed[i].first <= last &&
		    first <= space->allowed[i].last)
			return true;
	return false;
}

/**
 * io_reserved_overlaps() - does anything reserve part of a range
 * @space: the space
 * @first: first IOVA
 * @last: last IOVA
 *
 * Context: @space->lock is held.
 */
bool io_reserved_overlaps(const struct io_space *space, unsigned long first,
			  unsigned long last)
{
	struct io_reserved *res;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(res, &space->reserved, item)
		if (res->first <= last && first <= res->last)
			return true;
	return false;
}

/**
 * io_reserved_add_locked() - put reservations into a space, all or none
 * @space: the space
 * @list: made by io_reserved_new(); emptied on success
 *
 * Context: @space->lock is held.
 * Return: 0, or -EADDRINUSE if one overlaps an area or an allowed range.
 */
int io_reserved_add_locked(struct io_space *space, struct list_head *list)
{
	struct io_reserved *res, *tmp;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(res, list, item)
		if (overlaps_area(space, res->first, res->last) ||
		    overlaps_allowed(space, res->first, res->last))
			return -EADDRINUSE;

	/* Point of no return. */
	take_nodes_out(space);
	list_for_each_entry_safe(res, tmp, list, item) {
		list_del(&res->item);
		insert_sorted(space, res);
	}
	put_nodes_in(space);
	return 0;
}

/**
 * io_reserved_add() - put reservations into a space, all or none
 * @space: the space
 * @list: made by io_reserved_new(); emptied on success
 *
 * Context: takes @space->lock.
 * Return: 0, or -EADDRINUSE if one overlaps an area or an allowed range.
 */
int io_reserved_add(struct io_space *space, struct list_head *list)
{
	guard(mutex)(&space->lock);
	return io_reserved_add_locked(space, list);
}

/**
 * io_reserved_remove() - take back all reservations of an owner
 * @space: the space
 * @owner: the owner
 *
 * Context: takes @space->lock. Never fails, allocates nothing.
 */
void io_reserved_remove(struct io_space *space, const void *owner)
{
	struct io_reserved *res, *tmp;
	LIST_HEAD(gone);

	scoped_guard(mutex, &space->lock) {
		take_nodes_out(space);
		list_for_each_entry_safe(res, tmp, &space->reserved, item)
			if (res->owner == owner)
				list_move(&res->item, &gone);
		put_nodes_in(space);
	}
	io_reserved_free(&gone);
}

/**
 * io_space_set_allowed() - replace the list of allowed ranges
 * @space: the space
 * @ranges: sorted and disjoint, allocated by kvmalloc(), or NULL with @n 0
 * @n: how many
 *
 * Return: 0, and then @ranges belongs to the space, or -EADDRINUSE if one of
 * them is partly reserved.
 */
int io_space_set_allowed(struct io_space *space, struct io_range *ranges,
			 unsigned int n)
{
	struct io_range *old;
	unsigned int i;

	scoped_guard(mutex, &space->lock) {
		for (i = 0; i < n; i++)
			if (io_reserved_overlaps(space, ranges[i].first,
						 ranges[i].last))
				return -EADDRINUSE;
		old = space->allowed;
		space->allowed = ranges;
		space->nr_allowed = n;
	}
	kvfree(old);
	return 0;
}

/**
 * io_space_usable() - list what no reservation covers
 * @space: the space
 * @ranges: receives the first @max ranges, ascending
 * @max: room in @ranges
 *
 * Return: how many ranges there are.
 */
unsigned int io_space_usable(struct io_space *space, struct io_range *ranges,
			     unsigned int max)
{
	unsigned long next = 0;
	struct io_reserved *res;
	unsigned int n = 0;

	guard(mutex)(&space->lock);
	list_for_each_entry(res, &space->reserved, item) {
		if (!res->in_tree)
			continue;
		if (res->node.first > next) {
			if (n < max)
				ranges[n] = (struct io_range){
					next, res->node.first - 1 };
			n++;
		}
		if (res->node.last == ULONG_MAX)
			return n;
		next = res->node.last + 1;
	}
	if (n < max)
		ranges[n] = (struct io_range){ next, ULONG_MAX };
	return n + 1;
}
