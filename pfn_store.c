// SPDX-License-Identifier: GPL-2.0-only
/*
 * PFN store: see the DOC block in pfn_store.h.
 *
 * Setting frames goes chunk by chunk: a run that continues what the chunk's
 * value says changes nothing, a run into an empty chunk makes a value, anything
 * else turns the chunk into an array. Arrays never turn back; the chunk goes
 * when its last page does.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "pfn_store.h"

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

	/* Not xa_empty(): a failed store may leave a node without an entry. */
	WARN_ON(xa_find(&store->chunks, &chunk, ULONG_MAX, XA_PRESENT));
	xa_destroy(&store->chunks);
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

/* The array of the chunk of @index; its first element is the chunk's first. */
static unsigned long *chunk_array(struct pfn_store *store, unsigned long index,
				  gfp_t gfp)
{
	unsigned long first = pfn_store_chunk_first(store, index);
	unsigned long n = pfn_store_chunk_last(store, index) - first + 1;
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
	if (entry) {
		pfn = value_pfn(entry, offset_of(store, first));
		for (i = 0; i < n; i++)
			array[i] = pfn + i;
	}
	rc = xa_err(xa_store(&store->chunks, chunk, array, gfp));
	if (rc) {
		kfree(array);
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

static bool pages_contiguous(struct page **pages, unsigned long npages)
{
	unsigned long pfn = page_to_pfn(pages[0]);
	unsigned long i;

	for (i = 1; i < npages; i++)
		if (page_to_pfn(pages[i]) != pfn + i)
			return false;
	return true;
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
		if (!xa_is_value(entry))
			kfree(entry);
	}
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

/*
 * Frames from @next on: sets *@pfn to the frame of @next and returns up to which
 * index frames are known to be contiguous from it.
 */
static unsigned long next_piece(struct pfn_run *run, unsigned long *pfn)
{
	const struct pfn_store *store = run->store;
	unsigned long next = run->next;
	void *entry;

	if (run->array && next <= run->array_last) {
		*pfn = run->array[next];
		return next;
	}

	entry = xa_load((struct xarray *)&store->chunks, chunk_of(store, next));
	run->array_last = min(pfn_store_chunk_last(store, next), run->last);
	if (xa_is_value(entry)) {
		run->array = NULL;
		*pfn = value_pfn(entry, offset_of(store, next));
		return run->array_last;
	}
	/* Biased, so that it can be indexed by the index itself. */
	run->array = (unsigned long *)entry -
		     pfn_store_chunk_first(store, next);
	*pfn = run->array[next];
	return next;
}

/**
 * pfn_run_next() - the next maximal run
 * @run: the walk; @run->index, @run->npages and @run->pfn describe the run
 *
 * Return: false when there is none.
 */
bool pfn_run_next(struct pfn_run *run)
{
	unsigned long pfn;

	/* next wraps to 0 only past an index that no store can have */
	if (run->next > run->last)
		return false;

	run->index = run->next;
	run->next = next_piece(run, &run->pfn) + 1;
	while (run->next <= run->last) {
		unsigned long piece_last = next_piece(run, &pfn);

		if (pfn != run->pfn + (run->next - run->index))
			break;
		run->next = piece_last + 1;
	}
	run->npages = run->next - run->index;
	return true;
}
