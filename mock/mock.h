/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_MOCK_H
#define __IOMMUFD_MOCK_H

/*
 * All that the subsystem knows of its mock. Without CONFIG_IOMMUFD_TEST nothing
 * of this is left.
 */

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/types.h>

struct device;
struct dma_buf_attachment;
struct iommufd_object;
struct iommufd_ucmd;

#ifdef CONFIG_IOMMUFD_TEST
/* inject.c */
bool iommufd_should_fail(void);
unsigned long iommufd_batch(size_t size);

/* ops.c */
int iommufd_mock_init(void);
void iommufd_mock_exit(void);
int iommufd_test(struct iommufd_ucmd *ucmd);
void iommufd_mock_rewrite(struct iommufd_ucmd *ucmd, unsigned int cmd);

/* device.c */
bool iommufd_is_mock(const struct device *dev);

/* stdev.c */
void iommufd_stdev_free(struct iommufd_object *obj);

/* dmabuf.c */
int iommufd_mock_dmabuf_phys(struct dma_buf_attachment *attachment,
			     struct phys_vec *phys);
#else
/* Shall this fail, although nothing is wrong? */
static inline bool iommufd_should_fail(void)
{
	return false;
}

/* How many elements of @size bytes a buffer for a batch of work has room for. */
static inline unsigned long iommufd_batch(size_t size)
{
	return PAGE_SIZE / size;
}

static inline int iommufd_mock_init(void)
{
	return 0;
}

static inline void iommufd_mock_exit(void)
{
}

/* Change what the user passed before anybody looks at it. */
static inline void iommufd_mock_rewrite(struct iommufd_ucmd *ucmd,
					unsigned int cmd)
{
}

static inline bool iommufd_is_mock(const struct device *dev)
{
	return false;
}

/* As vfio_pci_dma_buf_iommufd_map(), for buffers that the mock exported. */
static inline int iommufd_mock_dmabuf_phys(struct dma_buf_attachment *attachment,
					   struct phys_vec *phys)
{
	return -EOPNOTSUPP;
}
#endif

#endif
