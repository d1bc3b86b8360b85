// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_IOMMU_GET_INFO: what the container can do, as a struct with a chain of
 * capabilities behind it.
 */
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "iommufd_private.h"
#include "vfio_compat.h"

#define INFO_SIZE	sizeof(struct vfio_iommu_type1_info)
#define INFO_MIN_SIZE	offsetofend(struct vfio_iommu_type1_info, iova_pgsizes)

/* How many bytes of bitmap vfio_iommu_type1 takes at a time */
#define MAX_BITMAP	SZ_256M

/**
 * struct info_chain - the reply that is being put together
 * @buf: the info struct and the capabilities
 * @last: the last capability, or NULL
 * @size: bytes in use
 */
struct info_chain {
	void *buf;
	struct vfio_info_cap_header *last;
	size_t size;
};

static void *add_cap(struct info_chain *chain, size_t size, u16 id)
{
	struct vfio_info_cap_header *cap = chain->buf + chain->size;

	cap->id = id;
	cap->version = 1;
	if (chain->last)
		chain->last->next = chain->size;
	chain->last = cap;
	/* The next one starts aligned. */
	chain->size += ALIGN(size, sizeof(u64));
	return cap;
}

static void add_migration(struct info_chain *chain)
{
	struct vfio_iommu_type1_info_cap_migration *cap;

	cap = add_cap(chain, sizeof(*cap), VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	cap->pgsize_bitmap = PAGE_SIZE;
	cap->max_dirty_bitmap_size = MAX_BITMAP;
}

static void add_dma_avail(struct info_chain *chain, unsigned long avail)
{
	struct vfio_iommu_type1_info_dma_avail *cap;

	cap = add_cap(chain, sizeof(*cap), VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	cap->avail = min_t(unsigned long, avail, U32_MAX);
}

static void add_iova_ranges(struct info_chain *chain,
			    const struct io_range *ranges, unsigned int n)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	unsigned int i;

	if (!n)
		return;
	cap = add_cap(chain, struct_size(cap, iova_ranges, n),
		      VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	cap->nr_iovas = n;
	for (i = 0; i < n; i++) {
		cap->iova_ranges[i].start = ranges[i].first;
		cap->iova_ranges[i].end = ranges[i].last;
	}
}

static size_t most_size(unsigned int n)
{
	struct vfio_iommu_type1_info_cap_iova_range *ranges;

	return INFO_SIZE +
	       ALIGN(sizeof(struct vfio_iommu_type1_info_cap_migration), 8) +
	       ALIGN(sizeof(struct vfio_iommu_type1_info_dma_avail), 8) +
	       struct_size(ranges, iova_ranges, n);
}

/* The reply as it is when there is room for all of it. */
static int compose(struct iommufd_ctx *ictx, struct io_space *space,
		   struct info_chain *chain)
{
	struct io_range *ranges __free(kfree) = NULL;
	struct vfio_iommu_type1_info *info;
	struct io_summary summary;
	unsigned int n, room;

	room = io_space_usable(space, NULL, 0);
	ranges = kcalloc(room, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
	chain->buf = kzalloc(most_size(room), GFP_KERNEL_ACCOUNT);
	if (!ranges || !chain->buf)
		return -ENOMEM;
	n = min(io_space_usable(space, ranges, room), room);
	io_space_summary(space, &summary);

	info = chain->buf;
	info->flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info->iova_pgsizes = summary.pgsizes;
	chain->size = INFO_SIZE;
	if (ictx->container)
		add_migration(chain);
	add_dma_avail(chain, summary.free_areas);
	add_iova_ranges(chain, ranges, n);
	return 0;
}

/* With too little room the user learns only how much is needed. */
static int reply(struct iommufd_ctx *ictx, void __user *arg, u32 argsz,
		 const struct info_chain *chain)
{
	struct vfio_iommu_type1_info *info = chain->buf;
	size_t size = min_t(size_t, argsz, INFO_SIZE);

	info->argsz = argsz;
	if (argsz >= chain->size) {
		info->cap_offset = INFO_SIZE;
		size = chain->size;
	}
	if (argsz < chain->size || !ictx->container)
		info->argsz = chain->size;
	return copy_to_user(arg, chain->buf, size) ? -EFAULT : 0;
}

static int get_info(struct iommufd_ctx *ictx, struct io_space *space,
		    void __user *arg, u32 argsz)
{
	struct info_chain chain = {};
	int rc;

	rc = compose(ictx, space, &chain);
	if (!rc)
		rc = reply(ictx, arg, argsz, &chain);
	kfree(chain.buf);
	return rc;
}

/**
 * iommufd_vfio_get_info() - VFIO_IOMMU_GET_INFO
 * @ictx: the context
 * @arg: struct vfio_iommu_type1_info
 *
 * Return: 0, -EFAULT, -EINVAL, -ENODEV there is no IOAS, -ENOMEM.
 * (vfio-compat.md 4, 9.2)
 */
int iommufd_vfio_get_info(struct iommufd_ctx *ictx, void __user *arg)
{
	struct vfio_iommu_type1_info info;
	struct iommufd_ioas *ioas;
	int rc;

	if (copy_from_user(&info, arg, INFO_MIN_SIZE))
		return -EFAULT;
	if (info.argsz < INFO_MIN_SIZE)
		return -EINVAL;
	ioas = iommufd_vfio_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = get_info(ictx, &ioas->space, arg, info.argsz);
	iommufd_ioas_put(ioas);
	return rc;
}
