// SPDX-License-Identifier: GPL-2.0-only
/*
 * PFN store: see the DOC block in pfn_store.h.
 *
 * Setting frames goes chunk by chunk: a run that continues what the chunk's
 * value says changes nothing, a run into an empty chunk makes a value, anything
 * else turns the chunk into an array. Arrays never turn back; the chunk goes
 * when its last page does.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "pfn_store.h"

/* Bytes of the arrays of all stores */
static atomic_long_t array_memory = ATOMIC_LONG_INIT(0);

/*
 * A value holds the frame that the first page of its chunk would have. That may
 * be up to a chunk below frame 0 for a chunk that is only used at its end.
 */
static void *value_of(unsigned long pfn, unsigned long offset)
{
	return xa_mk_value(pfn + PFN_CHUNK_PAGES - offset);
}

static unsigned long value_pfn(void *entry, unsigned long offset)
{
	return xa_to_value(entry) - PFN_CHUNK_PAGES + offset;
}

static unsigned long chunk_of(const struct pfn_store *store,
			      unsigned long index)
{
	return (index + store->bias) >> PFN_CHUNK_SHIFT;
}

static unsigned long offset_of(const struct pfn_store *store,
			       unsigned long index)
{
	return (index + store->bias) & (PFN_CHUNK_PAGES - 1);
}

/**
 * pfn_store_init() - make an empty store
 * @store: the store
 * @bias: pages by which index 0 lies past a chunk boundary of the backing
 *	address, below %PFN_CHUNK_PAGES
 * @npages: how many indices there are
 */
void pfn_store_init(struct pfn_store *store, unsigned long bias,
		    unsigned long npages)
{
	xa_init_flags(&store->chunks, XA_FLAGS_ACCOUNT);
	store->bias = bias;
	store->npages = npages;
}

/**
 * pfn_store_destroy() - free a store
 * @store: the store; all its chunks were dropped
 */
void pfn_store_destroy(struct pfn_store *store)
{
	unsigned long chunk = 0;

	if (xa_empty(&store->chunks))
		return;
	/* A failed store may have left a node without an entry. */
	WARN_ON(xa_find(&store->chunks, &chunk, ULONG_MAX, XA_PRESENT));
	xa_destroy(&store->chunks);
}

/**
 * pfn_store_memory() - what the arrays of all stores take
 *
 * What else there is of a store, a few bytes for each chunk, is not counted.
 *
 * Return: bytes
 */
unsigned long pfn_store_memory(void)
{
	return atomic_long_read(&array_memory);
}

/**
 * pfn_store_chunk_first() - the first index that shares the chunk of an index
 * @store: the store
 * @index: the index
 */
unsigned long pfn_store_chunk_first(const struct pfn_store *store,
				    unsigned long index)
{
	unsigned long offset = offset_of(store, index);

	return index < offset ? 0 : index - offset;
}

/**
 * pfn_store_chunk_last() - the last index that shares the chunk of an index
 * @store: the store
 * @index: the index
 */
unsigned long pfn_store_chunk_last(const struct pfn_store *store,
				   unsigned long index)
{
	unsigned long rest = PFN_CHUNK_PAGES - 1 - offset_of(store, index);

	return min(index + rest, store->npages - 1);
}

static unsigned long chunk_length(const struct pfn_store *store,
				  unsigned long index)
{
	return pfn_store_chunk_last(store, index) -
	       pfn_store_chunk_first(store, index) + 1;
}

static void free_array(const struct pfn_store *store, unsigned long index,
		       unsigned long *array)
{
	atomic_long_sub(chunk_length(store, index) * sizeof(*array),
			&array_memory);
	kfree(array);
}

/* Free what the store keeps of a chunk. */
static void free_chunk(const struct pfn_store *store, unsigned long chunk,
		       void *entry)
{
	unsigned long start = chunk << PFN_CHUNK_SHIFT;

	if (!xa_is_value(entry))
		free_array(store, max(start, store->bias) - store->bias, entry);
}

/* The array of the chunk of @index; its first element is the chunk's first. */
static unsigned long *chunk_array(struct pfn_store *store, unsigned long index,
				  gfp_t gfp)
{
	unsigned long first = pfn_store_chunk_first(store, index);
	unsigned long n = chunk_length(store, index);
	unsigned long chunk = chunk_of(store, index);
	void *entry = xa_load(&store->chunks, chunk);
	unsigned long *array;
	unsigned long pfn, i;
	int rc;

	if (entry && !xa_is_value(entry))
		return entry;

	array = kmalloc_array(n, sizeof(*array), gfp);
	if (!array)
		return NULL;
	atomic_long_add(n * sizeof(*array), &array_memory);
	if (entry) {
		pfn = value_pfn(entry, offset_of(store, first));
		for (i = 0; i < n; i++)
			array[i] = pfn + i;
	}
	rc = xa_err(xa_store(&store->chunks, chunk, array, gfp));
	if (rc) {
		free_array(store, index, array);
		return NULL;
	}
	return array;
}

/* A run within one chunk. */
static int set_run_in_chunk(struct pfn_store *store, unsigned long index,
			    unsigned long pfn, unsigned long npages, gfp_t gfp)
{
	unsigned long chunk = chunk_of(store, index);
	void *value = value_of(pfn, offset_of(store, index));
	void *entry = xa_load(&store->chunks, chunk);
	unsigned long *array;
	unsigned long i;

	if (entry == value)
		return 0;
	if (!entry)
		return xa_err(xa_store(&store->chunks, chunk, value, gfp));

	array = chunk_array(store, index, gfp);
	if (!array)
		return -ENOMEM;
	array += index - pfn_store_chunk_first(store, index);
	for (i = 0; i < npages; i++)
		array[i] = pfn + i;
	return 0;
}

/**
 * pfn_store_set_run() - record the frames of a run
 * @store: the store
 * @index: first index of the run
 * @pfn: its frame; the following indices have the following frames
 * @npages: length of the run
 * @gfp: how to allocate
 *
 * Return: 0, or -ENOMEM, after which none or some of the frames are recorded.
 */
int pfn_store_set_run(struct pfn_store *store, unsigned long index,
		      unsigned long pfn, unsigned long npages, gfp_t gfp)
{
	while (npages) {
		unsigned long n = min(npages, pfn_store_chunk_last(store, index) -
						      index + 1);
		int rc = set_run_in_chunk(store, index, pfn, n, gfp);

		if (rc)
			return rc;
		index += n;
		pfn += n;
		npages -= n;
	}
	return 0;
}

/*
 * Adjacent struct pages are what is cheap to see; that they stand for adjacent
 * frames all the way is seen at the end.
 */
static bool pages_contiguous(struct page **pages, unsigned long npages)
{
	struct page *expected = pages[0];
	unsigned long i;

	for (i = 1; i < npages; i++)
		if (pages[i] != ++expected)
			return false;
	return page_to_pfn(expected) == page_to_pfn(pages[0]) + npages - 1;
}

static int set_pages_in_chunk(struct pfn_store *store, unsigned long index,
			      struct page **pages, unsigned long npages,
			      gfp_t gfp)
{
	unsigned long *array;
	unsigned long i;

	if (pages_contiguous(pages, npages))
		return set_run_in_chunk(store, index, page_to_pfn(pages[0]),
					npages, gfp);

	array = chunk_array(store, index, gfp);
	if (!array)
		return -ENOMEM;
	array += index - pfn_store_chunk_first(store, index);
	for (i = 0; i < npages; i++)
		array[i] = page_to_pfn(pages[i]);
	return 0;
}

/**
 * pfn_store_set_pages() - record the frames of an array of pages
 * @store: the store
 * @index: index of the first page
 * @pages: the pages
 * @npages: how many
 * @gfp: how to allocate
 *
 * Return: 0, or -ENOMEM, after which none or some of the frames are recorded.
 */
int pfn_store_set_pages(struct pfn_store *store, unsigned long index,
			struct page **pages, unsigned long npages, gfp_t gfp)
{
	while (npages) {
		unsigned long n = min(npages, pfn_store_chunk_last(store, index) -
						      index + 1);
		int rc = set_pages_in_chunk(store, index, pages, n, gfp);

		if (rc)
			return rc;
		index += n;
		pages += n;
		npages -= n;
	}
	return 0;
}

/**
 * pfn_store_drop_range() - forget chunks of which no page is present any more
 * @store: the store
 * @first: any index in the first chunk
 * @last: any index in the last chunk
 *
 * Takes time for what there is, not for what the range could hold. Never fails
 * and never allocates.
 */
void pfn_store_drop_range(struct pfn_store *store, unsigned long first,
			  unsigned long last)
{
	unsigned long chunk;
	void *entry;

	xa_for_each_range(&store->chunks, chunk, entry, chunk_of(store, first),
			  chunk_of(store, last)) {
		xa_erase(&store->chunks, chunk);
		free_chunk(store, chunk, entry);
	}
}

/**
 * pfn_store_clear() - forget everything
 * @store: the store, of which no page is present any more
 *
 * Much cheaper than pfn_store_drop_range() of all chunks. Never fails and never
 * allocates.
 */
void pfn_store_clear(struct pfn_store *store)
{
	unsigned long chunk;
	void *entry;

	xa_for_each(&store->chunks, chunk, entry)
		free_chunk(store, chunk, entry);
	xa_destroy(&store->chunks);
}

/**
 * pfn_run_start() - begin a walk over the runs of present indices
 * @run: the walk
 * @store: the store
 * @first: first index
 * @last: last index; everything in between is present and stays so
 */
void pfn_run_start(struct pfn_run *run, const struct pfn_store *store,
		   unsigned long first, unsigned long last)
{
	*run = (struct pfn_run){
		.store = store,
		.next = first,
		.last = last,
	};
}

/* Look at the chunk in which the walk is now. */
static void load_chunk(struct pfn_run *run)
{
	const struct pfn_store *store = run->store;
	void *entry = xa_load((struct xarray *)&store->chunks,
			      chunk_of(store, run->next));

	/* Both biased, so that they can be used with the index itself. */
	if (xa_is_value(entry)) {
		run->array = NULL;
		run->delta = value_pfn(entry, offset_of(store, run->next)) -
			     run->next;
	} else {
		run->array = (unsigned long *)entry -
			     pfn_store_chunk_first(store, run->next);
	}
	run->chunk_end = min(pfn_store_chunk_last(store, run->next),
			     run->last) + 1;
}

/* How far the frame at which the walk is now lies above its index. */
static unsigned long delta_here(const struct pfn_run *run)
{
	return run->array ? run->array[run->next] - run->next : run->delta;
}

/* Pass what has the same delta in this chunk, which is one page at least. */
static void pass_run(struct pfn_run *run, unsigned long delta)
{
	const unsigned long *array = run->array;
	unsigned long next = run->next, end = run->chunk_end;

	if (!array) {
		run->next = end;
		return;
	}
	do
		next++;
	while (next < end && array[next] - next == delta);
	run->next = next;
}

/**
 * pfn_run_next() - the next maximal run
 * @run: the walk; @run->index, @run->npages and @run->pfn describe the run
 *
 * Return: false when there is none.
 */
bool pfn_run_next(struct pfn_run *run)
{
	unsigned long delta;

	if (run->next > run->last)
		return false;
	if (run->next >= run->chunk_end)
		load_chunk(run);

	run->index = run->next;
	delta = delta_here(run);
	for (;;) {
		pass_run(run, delta);
		if (run->next < run->chunk_end || run->next > run->last)
			break;
		load_chunk(run);
		if (delta_here(run) != delta)
			break;
	}
	run->pfn = run->index + delta;
	run->npages = run->next - run->index;
	return true;
}
