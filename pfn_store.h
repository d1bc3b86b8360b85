/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_PFN_STORE_H
#define __IOMMUFD_PFN_STORE_H

/**
 * DOC: PFN store
 *
 * The store remembers which page frame backs which index of a piece of backing
 * memory. It is the only place that does (design decision 3).
 *
 * The index space is cut into chunks of %PFN_CHUNK_PAGES pages that are aligned
 * as the backing address is, so that a transparent huge page fills one chunk. A
 * chunk whose frames are contiguous is one tagged value, of which frame number
 * of any index follows; any other chunk is an array of frame numbers, as long
 * as the part of the chunk that the backing memory really has.
 *
 * The store does not know which indices are present: its owner does, and asks
 * only for those. What it may hold for the others is meaningless.
 *
 * Locking: calls that change the store are serialized by the caller. Reading
 * frames that stay present needs no lock, as what is present never moves.
 */

#include <linux/types.h>
#include <linux/xarray.h>

struct page;

#define PFN_CHUNK_SHIFT	9
#define PFN_CHUNK_PAGES	(1UL << PFN_CHUNK_SHIFT)

/**
 * struct pfn_store - frame numbers of one piece of backing memory
 * @chunks: by chunk number: a value (contiguous) or an array
 * @bias: pages by which index 0 lies past the start of chunk 0
 * @npages: indices 0 to @npages - 1 exist
 */
struct pfn_store {
	struct xarray chunks;
	unsigned long bias;
	unsigned long npages;
};

/**
 * struct pfn_run - physically contiguous pages, and the walk that finds them
 * @index: first index of the run
 * @npages: length of the run
 * @pfn: frame of @index
 */
struct pfn_run {
	unsigned long index;
	unsigned long npages;
	unsigned long pfn;
	/* private: */
	const struct pfn_store *store;
	unsigned long last;
	unsigned long next;
	unsigned long chunk_end;	/* of the chunk that was looked at last */
	const unsigned long *array;	/* its frames, or NULL */
	unsigned long delta;		/* frame less index, if it has no array */
};

void pfn_store_init(struct pfn_store *store, unsigned long bias,
		    unsigned long npages);
void pfn_store_destroy(struct pfn_store *store);
unsigned long pfn_store_memory(void);

int pfn_store_set_run(struct pfn_store *store, unsigned long index,
		      unsigned long pfn, unsigned long npages, gfp_t gfp);
int pfn_store_set_pages(struct pfn_store *store, unsigned long index,
			struct page **pages, unsigned long npages, gfp_t gfp);
void pfn_store_drop_range(struct pfn_store *store, unsigned long first,
			  unsigned long last);
void pfn_store_clear(struct pfn_store *store);

unsigned long pfn_store_chunk_first(const struct pfn_store *store,
				    unsigned long index);
unsigned long pfn_store_chunk_last(const struct pfn_store *store,
				   unsigned long index);

void pfn_run_start(struct pfn_run *run, const struct pfn_store *store,
		   unsigned long first, unsigned long last);
bool pfn_run_next(struct pfn_run *run);

/* Every run of the present indices @first to @last, in ascending order. */
#define for_each_pfn_run(run, store, first, last)			\
	for (pfn_run_start(run, store, first, last); pfn_run_next(run);)

#endif
