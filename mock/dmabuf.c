// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter of dma-bufs that stands in for VFIO: one range of memory, which it
 * can take away from its importers and give back.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

#define MOST_BYTES	(512 * PAGE_SIZE)

/**
 * struct mock_dmabuf - a buffer
 * @memory: [I] physically contiguous
 * @length: [I] bytes
 * @revoked: [resv of the dma-buf] nobody may use it
 */
struct mock_dmabuf {
	void *memory;
	size_t length;
	bool revoked;
};

/* Ordinary importers have no business here. */
static struct sg_table *map_buffer(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void unmap_buffer(struct dma_buf_attachment *attachment,
			 struct sg_table *sgt,
			 enum dma_data_direction direction)
{
}

static void free_buffer(struct mock_dmabuf *mock)
{
	if (mock->memory)
		free_pages_exact(mock->memory, mock->length);
	kfree(mock);
}

static void release_buffer(struct dma_buf *dmabuf)
{
	free_buffer(dmabuf->priv);
}

static const struct dma_buf_ops mock_dmabuf_ops = {
	.map_dma_buf = map_buffer,
	.unmap_dma_buf = unmap_buffer,
	.release = release_buffer,
};

static struct mock_dmabuf *new_buffer(size_t length)
{
	struct mock_dmabuf *mock = kzalloc(sizeof(*mock), GFP_KERNEL_ACCOUNT);

	if (!mock)
		return NULL;
	mock->length = length;
	mock->memory = alloc_pages_exact(length,
					 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!mock->memory) {
		free_buffer(mock);
		return NULL;
	}
	return mock;
}

/* The result is the file descriptor; the struct stays as it is. */
int mock_dmabuf_get(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	size_t length = PAGE_ALIGN((size_t)cmd->dmabuf_get.length);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct mock_dmabuf *mock;
	struct dma_buf *dmabuf;
	int fd;

	if (!length || length > MOST_BYTES)
		return -EINVAL;
	mock = new_buffer(length);
	if (!mock)
		return -ENOMEM;
	info.ops = &mock_dmabuf_ops;
	info.size = length;
	info.flags = cmd->dmabuf_get.open_flags;
	info.priv = mock;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		free_buffer(mock);
		return PTR_ERR(dmabuf);
	}
	fd = dma_buf_fd(dmabuf, cmd->dmabuf_get.open_flags);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

/* Whatever changes, nobody goes on with what he has mapped. */
static void set_revoked(struct dma_buf *dmabuf, bool revoked)
{
	struct mock_dmabuf *mock = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	mock->revoked = revoked;
	dma_buf_invalidate_mappings(dmabuf);
	dma_resv_unlock(dmabuf->resv);
}

int mock_dmabuf_revoke(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct dma_buf *dmabuf = dma_buf_get(cmd->dmabuf_revoke.dmabuf_fd);
	int rc = -EOPNOTSUPP;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dmabuf->ops == &mock_dmabuf_ops) {
		set_revoked(dmabuf, cmd->dmabuf_revoke.revoked);
		rc = 0;
	}
	dma_buf_put(dmabuf);
	return rc;
}

/**
 * iommufd_mock_dmabuf_phys() - where the memory of a dma-buf is
 * @attachment: of the importer
 * @phys: receives the range
 *
 * Context: the lock of the reservation is held.
 * Return: 0, -EOPNOTSUPP the mock did not export it, -ENODEV it is revoked.
 */
int iommufd_mock_dmabuf_phys(struct dma_buf_attachment *attachment,
			     struct phys_vec *phys)
{
	struct dma_buf *dmabuf = attachment->dmabuf;
	struct mock_dmabuf *mock = dmabuf->priv;

	dma_resv_assert_held(dmabuf->resv);
	if (dmabuf->ops != &mock_dmabuf_ops)
		return -EOPNOTSUPP;
	if (mock->revoked)
		return -ENODEV;
	phys->paddr = virt_to_phys(mock->memory);
	phys->len = mock->length;
	return 0;
}

MODULE_IMPORT_NS("DMA_BUF");
