// SPDX-License-Identifier: GPL-2.0-only
/*
 * One area: bringing its pages into domains and out again.
 *
 * Happy path: hold the pages, map their runs in each domain; later unmap each
 * domain, which flushes, and only then release the pages.
 *
 * Unhappy path: a domain cannot be mapped: what this call mapped in it and in
 * the domains before is unmapped, then the pages are released.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "mock/mock.h"

/* Small areas get along with this many on the stack. */
#define FEW_RUNS	4

/* Who maps page by page looks this often if it is to end. */
#define LOOK_AROUND	1024

static struct kmem_cache *area_cache;

static unsigned long first_index(const struct io_area *area)
{
	return area->start >> PAGE_SHIFT;
}

static unsigned long last_index(const struct io_area *area)
{
	return (area->start + area_length(area) - 1) >> PAGE_SHIFT;
}

static void lock_area(struct io_area *area)
{
	backing_lock_source(area->backing);
	mutex_lock(&area->lock);
}

static void unlock_area(struct io_area *area)
{
	mutex_unlock(&area->lock);
	backing_unlock_source(area->backing);
}

DEFINE_GUARD(area, struct io_area *, lock_area(_T), unlock_area(_T))

static void revoke_area(struct backing_watch *watch);
static int restore_area(struct backing_watch *watch);

/**
 * area_init() - the module is loaded: prepare for area_create()
 *
 * Return: 0 or -ENOMEM.
 */
int __init area_init(void)
{
	area_cache = KMEM_CACHE(io_area, SLAB_ACCOUNT);
	return area_cache ? 0 : -ENOMEM;
}

/**
 * area_exit() - the module is unloaded
 */
void area_exit(void)
{
	kmem_cache_destroy(area_cache);
}

/**
 * area_create() - make an area that is in no space yet
 * @backing: its memory; the area takes a reference
 * @start: byte offset in @backing
 * @length: bytes, not 0
 * @prot: IOMMU_READ, IOMMU_WRITE
 *
 * Return: the area, with one reference, or NULL without memory.
 */
struct io_area *area_create(struct io_backing *backing, unsigned long start,
			    unsigned long length, int prot)
{
	struct io_area *area = kmem_cache_alloc(area_cache, GFP_KERNEL_ACCOUNT);

	if (!area)
		return NULL;
	*area = (struct io_area){
		.ref = REFCOUNT_INIT(1),
		.backing = backing_get(backing),
		.watch.revoked = revoke_area,
		.watch.restored = restore_area,
		.start = start,
		.prot = prot,
		/* Its place is not known yet; its length is. */
		.node.last = length - 1,
	};
	mutex_init(&area->lock);
	/* Pinning user memory, under the lock of its area, may fault MMIO in. */
	if (backing->ops->keys)
		lockdep_set_class(&area->lock, &backing->ops->keys->area);
	backing_watch(backing, &area->watch);
	return area;
}

/**
 * area_put() - drop a reference
 * @area: the area; with the last reference it is neither in a tree nor filled
 */
void area_put(struct io_area *area)
{
	if (!refcount_dec_and_test(&area->ref))
		return;
	if (area->leaked)
		return;
	WARN_ON(area->held);
	kvfree(area->dirty);
	backing_unwatch(area->backing, &area->watch);
	backing_put(area->backing);
	mutex_destroy(&area->lock);
	kmem_cache_free(area_cache, area);
}

/**
 * struct run_mapper - maps runs in ascending order of IOVA
 * @domain: where
 * @prot: IOMMU protection bits
 * @gfp: how to get memory
 * @iova: where the batch goes
 * @length: bytes in the batch
 * @sg: the batch
 * @n: runs in the batch
 * @max: room in the batch
 * @step: if set, each run is mapped by itself, in pieces of this size at most
 */
struct run_mapper {
	struct iommu_domain *domain;
	int prot;
	gfp_t gfp;
	unsigned long iova;
	unsigned long length;
	struct scatterlist *sg;
	unsigned int n;
	unsigned int max;
	unsigned long step;
};

static int mapper_flush(struct run_mapper *mapper)
{
	ssize_t mapped;

	if (!mapper->n)
		return 0;
	mapped = iommu_map_sg(mapper->domain, mapper->iova, mapper->sg,
			      mapper->n, mapper->prot, mapper->gfp);
	if (mapped < 0)
		return mapped;
	mapper->iova += mapper->length;
	mapper->length = 0;
	mapper->n = 0;
	return 0;
}

static int mapper_add(struct run_mapper *mapper, phys_addr_t phys,
		      unsigned long length)
{
	struct scatterlist *sg;
	int rc;

	if (mapper->n == mapper->max) {
		rc = mapper_flush(mapper);
		if (rc)
			return rc;
	}
	sg = &mapper->sg[mapper->n++];
	sg_set_page(sg, pfn_to_page(PHYS_PFN(phys)), length,
		    offset_in_page(phys));
	mapper->length += length;
	return 0;
}

static int mapper_add_single(struct run_mapper *mapper, phys_addr_t phys,
			     unsigned long length)
{
	unsigned int n = 0;

	while (length) {
		unsigned long step = min(length, mapper->step);
		int rc = iommu_map(mapper->domain, mapper->iova, phys, step,
				   mapper->prot, mapper->gfp);

		if (rc)
			return rc;
		mapper->iova += step;
		phys += step;
		length -= step;
		/* A run may be millions of pages. */
		if (++n % LOOK_AROUND)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int mapper_add_run(struct run_mapper *mapper, phys_addr_t phys,
			  unsigned long length)
{
	/* A scatterlist entry holds less than 4 GiB. */
	const unsigned long most = SZ_2G;

	if (mapper->step)
		return mapper_add_single(mapper, phys, length);
	while (length) {
		unsigned long piece = min(length, most);
		int rc = mapper_add(mapper, phys, piece);

		if (rc)
			return rc;
		phys += piece;
		length -= piece;
	}
	return 0;
}

static int map_runs(struct io_area *area, struct run_mapper *mapper)
{
	unsigned long rest = area_length(area);
	unsigned long offset = offset_in_page(area->start);
	struct pfn_run run;
	int rc;

	for_each_pfn_run(&run, &area->backing->store, first_index(area),
			 last_index(area)) {
		unsigned long length = min(rest, (run.npages << PAGE_SHIFT) -
							 offset);

		rc = mapper_add_run(mapper, PFN_PHYS(run.pfn) + offset, length);
		if (rc)
			return rc;
		rest -= length;
		offset = 0;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return mapper_flush(mapper);
}

/*
 * Unmap the first @length bytes of an area. If it cannot be proved that the IOMMU
 * has let go of them, they are never given back.
 */
static void unmap_part(struct io_area *area, struct iommu_domain *domain,
		       unsigned long length)
{
	if (!length || iommu_unmap(domain, area->node.first, length) == length)
		return;
	pr_err_once("iommufd: the IOMMU driver did not unmap IOVA %#lx-%#lx, its memory is lost\n",
		    area->node.first, area->node.first + length - 1);
	/* It is still told when the memory is taken away: that code must stay. */
	if (!area->leaked)
		__module_get(THIS_MODULE);
	area->leaked = true;
}

static void unmap_domain(struct io_area *area, struct io_domain *dom)
{
	if (!dom->pin_only)
		unmap_part(area, dom->domain, area_length(area));
}

/*
 * Without large pages every page is an entry of its own in the IOMMU. Memory
 * without struct pages cannot be in a scatterlist, nor a run whose struct pages are
 * not one array; and one page needs none.
 */
static unsigned long mapper_step(struct io_area *area, unsigned long npages)
{
	const bool pieces = IS_ENABLED(CONFIG_SPARSEMEM) &&
			    !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP);

	if (!READ_ONCE(area->space->large_pages))
		return PAGE_SIZE;
	return area->backing->ops->has_pages && npages > 1 && !pieces ?
		       0 : ULONG_MAX;
}

static int map_domain(struct io_area *area, struct io_domain *dom)
{
	unsigned long npages = last_index(area) - first_index(area) + 1;
	struct scatterlist few[FEW_RUNS];
	struct scatterlist *many __free(free_page) = NULL;
	struct run_mapper mapper = {
		.domain = dom->domain,
		.prot = area->prot | area->backing->ops->prot,
		.gfp = area->backing->ops->gfp ?: GFP_KERNEL_ACCOUNT,
		.iova = area->node.first,
		.sg = few,
		.max = min(npages, FEW_RUNS),
		.step = mapper_step(area, npages),
	};
	int rc;

	lockdep_assert_held(&area->lock);
	if (dom->pin_only)
		return 0;
	if (mapper.step != PAGE_SIZE)
		area->merged = true;
	if (npages > FEW_RUNS && !mapper.step) {
		many = (void *)__get_free_page(mapper.gfp);
		if (!many)
			return -ENOMEM;
		mapper.sg = many;
		/* Runs that go to the IOMMU driver together, with one flush. */
		mapper.max = iommufd_batch(sizeof(*mapper.sg));
	}
	if (!mapper.step)
		sg_init_table(mapper.sg, mapper.max);
	rc = map_runs(area, &mapper);
	if (rc)
		unmap_part(area, dom->domain, mapper.iova - area->node.first);
	return rc;
}

static int hold_pages(struct io_area *area)
{
	int rc;

	if (area->held)
		return 0;
	rc = backing_hold(area->backing, &area->hold, first_index(area),
			  last_index(area));
	area->held = !rc;
	return rc;
}

static void unhold_pages(struct io_area *area)
{
	if (!area->held || area->leaked)
		return;
	backing_release(area->backing, &area->hold);
	area->held = false;
	/* It is in no domain any more. */
	area->merged = false;
}

/* Unmap from the domains before @end, or from all. */
static void unmap_domains(struct io_area *area, struct io_domain *end)
{
	struct io_domain *dom = NULL;

	while ((dom = io_space_next_domain(area, dom)) && dom != end)
		unmap_domain(area, dom);
}

static int fill_area(struct io_area *area)
{
	struct io_domain *dom = NULL;
	int rc;

	lockdep_assert_held(&area->lock);
	while ((dom = io_space_next_domain(area, dom))) {
		rc = hold_pages(area);
		if (!rc)
			rc = map_domain(area, dom);
		if (rc) {
			unmap_domains(area, dom);
			unhold_pages(area);
			return rc;
		}
	}
	area->filled = true;
	return 0;
}

/**
 * area_fill() - map a new area in all domains that its epoch says
 * @area: is in the tree and %AREA_MAPPING
 *
 * If its memory is away, and may come back, it is mapped when that happens.
 *
 * Context: may sleep for long; takes @area->lock.
 * Return: 0, -ENODEV its memory was taken away for ever, or an error of pinning or
 * of the IOMMU driver, without a trace.
 */
int area_fill(struct io_area *area)
{
	guard(area)(area);
	if (!area->backing->revoked)
		return fill_area(area);
	if (!area->backing->ops->comes_back)
		return -ENODEV;
	area->suspended = true;
	return 0;
}

static void empty_area(struct io_area *area)
{
	lockdep_assert_held(&area->lock);
	area->suspended = false;
	if (!area->filled)
		return;
	unmap_domains(area, NULL);
	unhold_pages(area);
	area->filled = false;
}

/**
 * area_clear() - unmap an area from all domains and release its pages
 * @area: is in the tree and not %AREA_READY
 *
 * Context: may sleep; takes @area->lock. Never fails, allocates nothing.
 */
void area_clear(struct io_area *area)
{
	guard(area)(area);
	empty_area(area);
}

/**
 * area_join() - bring an area to the epoch in which a domain joined
 * @area: the area
 * @dom: the domain
 *
 * Context: may sleep for long; takes @area->lock.
 * Return: 0, or an error of pinning or of the IOMMU driver, without a trace.
 */
int area_join(struct io_area *area, struct io_domain *dom)
{
	bool held;
	int rc = 0;

	guard(area)(area);
	if (area->epoch >= dom->join)
		return 0;
	if (area->filled) {
		held = area->held;
		rc = hold_pages(area);
		if (!rc)
			rc = map_domain(area, dom);
		if (rc && !held)
			unhold_pages(area);
	}
	if (!rc)
		area->epoch = dom->join;
	return rc;
}

/**
 * area_leave() - bring an area to the epoch in which a domain left
 * @area: the area
 * @dom: the domain
 *
 * Context: may sleep; takes @area->lock. Never fails, allocates nothing.
 */
void area_leave(struct io_area *area, struct io_domain *dom)
{
	bool mapped;

	guard(area)(area);
	if (area->epoch >= dom->leave)
		return;
	mapped = area->filled && area->epoch >= dom->join;
	area->epoch = dom->leave;
	if (!mapped)
		return;
	unmap_domain(area, dom);
	if (!io_space_next_domain(area, NULL))
		unhold_pages(area);
}

static int cut_area(struct io_area *area, struct io_area *upper,
		    unsigned long iova)
{
	struct io_space *space = area->space;
	unsigned long last = area->node.last;

	guard(mutex)(&space->lock);
	/* A kernel user may have come that needs whole pages. */
	if (iova & (space->align - 1))
		return -EINVAL;
	upper->space = space;
	upper->epoch = area->epoch;
	upper->filled = area->filled;
	upper->suspended = area->suspended;
	upper->held = area->held;
	upper->leaked = area->leaked;
	iova_tree_remove(&space->tree, &area->node);
	WRITE_ONCE(area->node.last, iova - 1);
	upper->node.first = iova;
	upper->node.last = last;
	iova_tree_insert(&space->tree, &area->node);
	iova_tree_insert(&space->tree, &upper->node);
	upper->state = area->state;
	space->nr_areas++;
	return 0;
}

/**
 * area_cut() - make the upper part of an area one of its own
 * @area: is %AREA_UNMAPPING, and no kernel user uses it
 * @upper: in no space yet; of the same memory, from the cut on
 * @iova: first IOVA of the upper part
 *
 * What domains show is not touched.
 *
 * Context: takes @area->lock. The caller lets no domain join or leave.
 * Return: 0, or -EINVAL if an IOMMU page lies across the cut, or it is not aligned.
 */
int area_cut(struct io_area *area, struct io_area *upper, unsigned long iova)
{
	int rc;

	guard(area)(area);
	if (area->held && area->merged)
		return -EINVAL;
	rc = cut_area(area, upper, iova);
	if (rc)
		return rc;
	if (area->held)
		backing_split(area->backing, &area->hold, &upper->hold,
			      last_index(area), first_index(upper));
	return 0;
}

/**
 * area_read_dirty() - collect what was written through a domain
 * @area: the area
 * @dom: a domain that tracks it
 * @part: what of the area, in IOVA
 * @flags: IOMMU_DIRTY_NO_CLEAR or 0
 * @dirty: where to
 *
 * Context: may sleep; takes @area->lock.
 * Return: 0, also if the area is not mapped there any more, or what the IOMMU
 * driver says.
 */
int area_read_dirty(struct io_area *area, struct io_domain *dom,
		    const struct io_range *part, unsigned long flags,
		    struct iommu_dirty_bitmap *dirty)
{
	struct iommu_domain *domain = dom->domain;
	unsigned long last;

	guard(area)(area);
	if (!area->filled || area->epoch < dom->join)
		return 0;
	/* It may have been cut. */
	last = min(part->last, area->node.last);
	if (last < part->first)
		return 0;
	return domain->dirty_ops->read_and_clear_dirty(domain, part->first,
						       last - part->first + 1,
						       flags, dirty);
}

static bool is_in_domain_that(struct io_area *area,
			      bool (*suits)(const struct iommu_domain *domain))
{
	struct io_domain *dom = NULL;

	while ((dom = io_space_next_domain(area, dom)))
		if (suits(dom->domain))
			return true;
	return false;
}

/**
 * area_find_phys() - where memory is, and how much of it in one piece
 * @area: the area
 * @iova: what of it
 * @suits: which domains it must be mapped in, one of them at least
 * @phys: receives the physical address of @iova
 * @length: receives how many bytes follow each other there, as far as the area
 *	goes
 *
 * Context: may sleep; takes @area->lock.
 * Return: 0; -ENOENT it is not mapped any more; -EINVAL it was taken away;
 * -EOPNOTSUPP there is no such domain; -EAGAIN it was cut, another area has @iova.
 */
int area_find_phys(struct io_area *area, unsigned long iova,
		   bool (*suits)(const struct iommu_domain *domain),
		   phys_addr_t *phys, unsigned long *length)
{
	unsigned long at = area->start + (iova - area->node.first);
	unsigned long pfn = 0, next = 0;
	struct pfn_run run;

	guard(area)(area);
	if (area->backing->revoked)
		return -EINVAL;
	if (!area->filled)
		return -ENOENT;
	if (!is_in_domain_that(area, suits))
		return -EOPNOTSUPP;
	if (iova > area->node.last)
		return -EAGAIN;
	for_each_pfn_run(&run, &area->backing->store, at >> PAGE_SHIFT,
			 last_index(area)) {
		if (!next)
			pfn = run.pfn;
		else if (run.pfn != next)
			break;
		next = run.pfn + run.npages;
	}
	*phys = PFN_PHYS(pfn) + offset_in_page(at);
	*length = min(PFN_PHYS(next) - *phys, area->node.last - iova + 1);
	return 0;
}

/* backing_watch.revoked: the lock of the source is held. */
static void revoke_area(struct backing_watch *watch)
{
	struct io_area *area = container_of(watch, struct io_area, watch);

	guard(mutex)(&area->lock);
	if (!area->filled)
		return;
	empty_area(area);
	area->suspended = area->backing->ops->comes_back;
}

/* backing_watch.restored: the lock of the source is held. */
static int restore_area(struct backing_watch *watch)
{
	struct io_area *area = container_of(watch, struct io_area, watch);
	int rc;

	guard(mutex)(&area->lock);
	if (!area->suspended)
		return 0;
	rc = fill_area(area);
	area->suspended = rc;
	return rc;
}
