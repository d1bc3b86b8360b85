// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page source: device memory behind a dma-buf.
 *
 * The memory has no pages to pin; it is one physically contiguous range that is
 * known from the start. But its owner may take it away at any time. It says so
 * under the reservation lock of the dma-buf, and when it has said so nothing may
 * reach the memory any more: so whoever maps an area of it holds that lock too,
 * and a revocation unmaps all areas before it returns. What was revoked never
 * comes back; its areas stay, empty, until they are unmapped.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "mock/mock.h"
#include "pages.h"

/**
 * struct dmabuf_source - what a backing keeps of a dma-buf
 * @attach: our attachment
 * @phys: where index 0 of the backing is
 * @pinned: the exporter was asked to keep it in place
 */
struct dmabuf_source {
	struct dma_buf_attachment *attach;
	phys_addr_t phys;
	bool pinned;
};

static struct dma_resv *resv_of(struct io_backing *backing)
{
	return backing->dmabuf->attach->dmabuf->resv;
}

static void dmabuf_lock(struct io_backing *backing)
{
	dma_resv_lock(resv_of(backing), NULL);
}

static void dmabuf_unlock(struct io_backing *backing)
{
	dma_resv_unlock(resv_of(backing));
}

static int dmabuf_pin(struct io_backing *backing, unsigned long first,
		      unsigned long last, unsigned long *next)
{
	unsigned long pfn = PHYS_PFN(backing->dmabuf->phys);
	int rc;

	dma_resv_assert_held(resv_of(backing));
	if (backing->revoked)
		return -ENODEV;
	rc = pfn_store_set_run(&backing->store, first, pfn + first,
			       last - first + 1, GFP_KERNEL_ACCOUNT);
	if (!rc)
		*next = last + 1;
	return rc;
}

static void dmabuf_unpin(struct io_backing *backing, unsigned long pfn,
			 unsigned long npages)
{
}

static void dmabuf_release(struct io_backing *backing)
{
	struct dmabuf_source *source = backing->dmabuf;
	struct dma_buf *dmabuf = source->attach->dmabuf;

	if (source->pinned) {
		dmabuf_lock(backing);
		dma_buf_unpin(source->attach);
		dmabuf_unlock(backing);
	}
	dma_buf_detach(dmabuf, source->attach);
	dma_buf_put(dmabuf);
	kfree(source);
}

static struct backing_lock_keys dmabuf_keys;

static const struct io_backing_ops dmabuf_ops = {
	.prot = IOMMU_MMIO,
	.keys = &dmabuf_keys,
	.unaccounted = true,
	.lock = dmabuf_lock,
	.unlock = dmabuf_unlock,
	.pin = dmabuf_pin,
	.unpin = dmabuf_unpin,
	.release = dmabuf_release,
};

/* The owner takes the memory away. */
static void invalidate(struct dma_buf_attachment *attach)
{
	struct io_backing *backing = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	backing_revoke(backing);
}

static const struct dma_buf_attach_ops importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = invalidate,
};

/*
 * Exporters hand out DMA addresses only. VFIO tells us, and nobody else, where
 * its memory really is; it may not be loaded.
 */
static int ask_exporter(struct dma_buf_attachment *attach,
			struct phys_vec *phys)
{
	typeof(&vfio_pci_dma_buf_iommufd_map) ask;
	int rc;

	rc = iommufd_mock_dmabuf_phys(attach, phys);
	if (rc != -EOPNOTSUPP)
		return rc;
	ask = symbol_get(vfio_pci_dma_buf_iommufd_map);
	if (!ask)
		return -EOPNOTSUPP;
	rc = ask(attach, phys);
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return rc;
}

static int locate(struct io_backing *backing)
{
	unsigned long length = backing->npages << PAGE_SHIFT;
	struct dmabuf_source *source = backing->dmabuf;
	struct phys_vec phys;
	int rc;

	rc = dma_buf_pin(source->attach);
	if (rc)
		return rc;
	source->pinned = true;
	rc = ask_exporter(source->attach, &phys);
	if (rc)
		return rc;
	if (backing->revoked)
		return -ENODEV;
	if (!PAGE_ALIGNED(phys.paddr) || phys.len < backing->addr ||
	    phys.len - backing->addr < length)
		return -EINVAL;
	source->phys = phys.paddr + backing->addr;
	return 0;
}

static int import(struct io_backing *backing, struct dma_buf *dmabuf,
		  struct device *dev)
{
	struct dma_buf_attachment *attach;
	int rc;

	backing->dmabuf = kzalloc_obj(*backing->dmabuf, GFP_KERNEL_ACCOUNT);
	if (!backing->dmabuf)
		return -ENOMEM;
	attach = dma_buf_dynamic_attach(dmabuf, dev, &importer_ops, backing);
	if (IS_ERR(attach)) {
		kfree(backing->dmabuf);
		return PTR_ERR(attach);
	}
	backing->dmabuf->attach = attach;
	get_dma_buf(dmabuf);
	/* From here on the source can be released. */
	backing->ops = &dmabuf_ops;
	dmabuf_lock(backing);
	rc = locate(backing);
	dmabuf_unlock(backing);
	return rc;
}

/* What a backing is before it has its dma-buf, or if it never gets it. */
static const struct io_backing_ops no_dmabuf_ops = {
	.keys = &dmabuf_keys,
	.lock = dmabuf_lock,
	.unlock = dmabuf_unlock,
};

/**
 * backing_create_dmabuf() - make a backing of part of a dma-buf
 * @dmabuf: the dma-buf; the backing takes a reference
 * @dev: on whose behalf it is imported
 * @start: byte offset in the dma-buf
 * @length: bytes, not 0; @start + @length - 1 does not wrap
 * @writable: devices may be allowed to write
 *
 * Context: may sleep; takes the reservation lock of @dmabuf.
 * Return: the backing; ERR_PTR(-EINVAL) the dma-buf is smaller, -EOPNOTSUPP its
 * memory is not that of a vfio-pci device, or not contiguous, -ENODEV it was
 * revoked, -ENOMEM, or what the exporter says. (uapi-behaviour.md 6.5)
 */
struct io_backing *backing_create_dmabuf(struct dma_buf *dmabuf,
					 struct device *dev,
					 unsigned long start,
					 unsigned long length, bool writable)
{
	unsigned long offset = offset_in_page(start);
	struct io_backing *backing;
	int rc;

	if (start + length - 1 >= dmabuf->size || length / PAGE_SIZE >= U32_MAX)
		return ERR_PTR(-EINVAL);
	backing = backing_create(&no_dmabuf_ops, start - offset,
				 DIV_ROUND_UP(offset + length, PAGE_SIZE),
				 writable, ACCOUNT_NONE);
	if (IS_ERR(backing))
		return backing;
	rc = import(backing, dmabuf, dev);
	if (rc) {
		backing_put(backing);
		return ERR_PTR(rc);
	}
	return backing;
}
