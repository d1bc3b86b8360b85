// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO container as a client of the IOAS layers.
 *
 * A context that serves as a container has an IOAS for it, an ordinary object
 * that the user may look at, replace and destroy. The container's ioctls are not
 * served yet: those of VFIO answer EOPNOTSUPP.
 */
#include <linux/vfio.h>

#include "iommufd_private.h"
#include "vfio_compat.h"

/* The container's IOAS with a short reference. */
static struct iommufd_ioas *get_vfio_ioas(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;

	guard(xa_lock)(&ictx->objects);
	ioas = ictx->vfio_ioas;
	if (!ioas)
		return ERR_PTR(-ENODEV);
	refcount_inc(&ioas->obj.users);
	refcount_inc(&ioas->obj.wait_cnt);
	return ioas;
}

/**
 * iommufd_vfio_compat_ioas_get_id() - which IOAS a device of a group attaches to
 * @ictx: the context that is the container
 * @out_ioas_id: receives the id
 *
 * Context: process context.
 * Return: 0, or -ENODEV if the container has none. (kernel-api.md 10)
 */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id)
{
	struct iommufd_ioas *ioas = get_vfio_ioas(ictx);

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	*out_ioas_id = ioas->obj.id;
	iommufd_ioas_put(ioas);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_get_id, "IOMMUFD_VFIO");

/**
 * iommufd_vfio_compat_set_no_iommu() - use a context for no-IOMMU groups
 * @ictx: the context that is the container
 *
 * Context: process context. There is no way back.
 * Return: 0, or -EINVAL if the container has an IOAS. (kernel-api.md 10)
 */
int iommufd_vfio_compat_set_no_iommu(struct iommufd_ctx *ictx)
{
	guard(xa_lock)(&ictx->objects);
	if (ictx->vfio_ioas)
		return -EINVAL;
	ictx->no_iommu = true;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_set_no_iommu, "IOMMUFD_VFIO");

/* Make @ioas the container's IOAS unless there is one, or there must be none. */
static int offer_vfio_ioas(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas)
{
	guard(xa_lock)(&ictx->objects);
	if (ictx->no_iommu)
		return -EINVAL;
	if (ictx->vfio_ioas)
		return -EEXIST;
	ictx->vfio_ioas = ioas;
	/* Published here, so that nobody can destroy it before. */
	__xa_store(&ictx->objects, ioas->obj.id, &ioas->obj, GFP_ATOMIC);
	return 0;
}

/**
 * iommufd_vfio_compat_ioas_create() - make sure that a container has an IOAS
 * @ictx: the context that is the container
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL if the context serves no-IOMMU groups, -ENOMEM.
 * (kernel-api.md 10)
 */
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas = iommufd_ioas_new(ictx);
	int rc;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = offer_vfio_ioas(ictx, ioas);
	if (rc)
		iommufd_object_abort(ictx, &ioas->obj);
	return rc == -EEXIST ? 0 : rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_create, "IOMMUFD_VFIO");

static int set_vfio_ioas(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_ioas *ioas = iommufd_ioas_get(ictx, id);

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	scoped_guard(xa_lock, &ictx->objects)
		ictx->vfio_ioas = ioas;
	iommufd_ioas_put(ioas);
	return 0;
}

/**
 * iommufd_vfio_ioas() - IOMMU_VFIO_IOAS
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP unknown operation; -ENODEV there is none to get;
 * -ENOENT the IOAS to set does not exist. (uapi-behaviour.md 6.10)
 */
int iommufd_vfio_ioas(struct iommufd_ucmd *ucmd)
{
	struct iommu_vfio_ioas *cmd = ucmd->cmd;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	switch (cmd->op) {
	case IOMMU_VFIO_IOAS_GET:
		return iommufd_vfio_compat_ioas_get_id(ucmd->ictx,
						       &cmd->ioas_id);
	case IOMMU_VFIO_IOAS_SET:
		return set_vfio_ioas(ucmd->ictx, cmd->ioas_id);
	case IOMMU_VFIO_IOAS_CLEAR:
		scoped_guard(xa_lock, &ucmd->ictx->objects)
			ucmd->ictx->vfio_ioas = NULL;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * iommufd_vfio_ioctl() - the container's ioctls
 * @ictx: the context
 * @cmd: a command that is not one of /dev/iommu
 * @arg: its argument
 *
 * Return: -EOPNOTSUPP for those of the container, -ENOTTY for all others.
 */
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg)
{
	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
	case VFIO_SET_IOMMU:
	case VFIO_IOMMU_GET_INFO:
	case VFIO_IOMMU_MAP_DMA:
	case VFIO_IOMMU_UNMAP_DMA:
	case VFIO_IOMMU_DIRTY_PAGES:
		return -EOPNOTSUPP;
	default:
		return -ENOTTY;
	}
}
