// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO container as a client of the IOAS layers, see the DOC block in
 * vfio_compat.h. Here is what it is; vfio_map.c and vfio_info.c have what it does.
 */
#include <linux/capability.h>
#include <linux/vfio.h>

#include "iommufd_private.h"
#include "vfio_compat.h"

/**
 * iommufd_vfio_get_ioas() - the IOAS that has a container's mappings
 * @ictx: the context
 *
 * Return: the IOAS, until iommufd_ioas_put(), or ERR_PTR(-ENODEV).
 */
struct iommufd_ioas *iommufd_vfio_get_ioas(struct iommufd_ctx *ictx)
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

static int get_ioas_id(struct iommufd_ctx *ictx, u32 *id)
{
	struct iommufd_ioas *ioas = iommufd_vfio_get_ioas(ictx);

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	*id = ioas->obj.id;
	iommufd_ioas_put(ioas);
	return 0;
}

/**
 * iommufd_vfio_compat_ioas_get_id() - which IOAS a device of a group attaches to
 * @ictx: the context that is the container
 * @out_ioas_id: receives the id
 *
 * Context: process context.
 * Return: 0; -ENODEV the container has none; -EINVAL a native container has no type
 * yet. (kernel-api.md 10, vfio-compat.md 7.2)
 */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id)
{
	/* A native container has no devices before it has a type. */
	if (ictx->container && !READ_ONCE(ictx->vfio_type))
		return -EINVAL;
	return get_ioas_id(ictx, out_ioas_id);
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_get_id, "IOMMUFD_VFIO");

/**
 * iommufd_vfio_compat_set_no_iommu() - use a context for no-IOMMU groups
 * @ictx: the context that is the container
 *
 * Context: process context. There is no way back before the last group leaves a
 * native container.
 * Return: 0; -EINVAL the container has an IOAS, which for a native one is -EPERM, as
 * is a caller without CAP_SYS_RAWIO. (kernel-api.md 10, vfio-compat.md 7.2)
 */
int iommufd_vfio_compat_set_no_iommu(struct iommufd_ctx *ictx)
{
	if (ictx->container && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	guard(xa_lock)(&ictx->objects);
	if (ictx->vfio_ioas)
		return ictx->container ? -EPERM : -EINVAL;
	ictx->no_iommu = true;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_set_no_iommu, "IOMMUFD_VFIO");

/* Make @ioas the container's IOAS unless there is one, or there must be none. */
static int offer_vfio_ioas(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas)
{
	guard(xa_lock)(&ictx->objects);
	if (ictx->no_iommu)
		return ictx->container ? -EPERM : -EINVAL;
	if (ictx->vfio_ioas)
		return -EEXIST;
	ictx->vfio_ioas = ioas;
	/* Published here, so that nobody can destroy it before. */
	__xa_store(&ictx->objects, ioas->obj.id, &ioas->obj, GFP_ATOMIC);
	return 0;
}

/* Nobody joins memory whose address is not known. */
static int check_joining(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas = iommufd_vfio_get_ioas(ictx);
	bool invalid;

	if (IS_ERR(ioas))
		return 0;
	invalid = io_space_has_invalid_va(&ioas->space);
	iommufd_ioas_put(ioas);
	return invalid ? -EBUSY : 0;
}

/**
 * iommufd_vfio_compat_ioas_create() - make sure that a container has an IOAS
 * @ictx: the context that is the container
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL if the context serves no-IOMMU groups (of a native container:
 * -EPERM), -EBUSY the address of its memory is going to change, -ENOMEM.
 * (kernel-api.md 10)
 */
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;
	int rc;

	rc = check_joining(ictx);
	if (rc)
		return rc;
	ioas = iommufd_ioas_new(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	ioas->of_container = true;
	rc = offer_vfio_ioas(ictx, ioas);
	if (rc)
		iommufd_object_abort(ictx, &ioas->obj);
	return rc == -EEXIST ? 0 : rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_create, "IOMMUFD_VFIO");

/* What groups have made of a container goes. The IOAS is kept for the caller. */
static struct iommufd_ioas *reset_container(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;

	guard(xa_lock)(&ictx->objects);
	ioas = ictx->vfio_ioas;
	/* Somebody may have come: whoever does offers an IOAS after that. */
	if (atomic_read(&ictx->holders) || (ioas && !ioas->of_container))
		return NULL;
	WRITE_ONCE(ictx->vfio_type, 0);
	ictx->no_iommu = false;
	ictx->vfio_ioas = NULL;
	if (ioas)
		iommufd_object_keep(&ioas->obj);
	return ioas;
}

/* The same, and what is mapped goes. Who comes later finds no IOAS to map in. */
static struct iommufd_ioas *empty_container(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;
	unsigned long unmapped;

	guard(rwsem_write)(&ictx->vfio_lock);
	ioas = reset_container(ictx);
	if (ioas)
		io_space_unmap(&ioas->space, 0, ULONG_MAX, &unmapped);
	return ioas;
}

/**
 * iommufd_vfio_forsaken() - the last group has left a native container
 * @ictx: the context that is the container
 *
 * VFIO does not say so; but a group holds the context. The container is as new
 * afterwards, unless the user has chosen an IOAS for it: then nothing happens.
 *
 * The IOAS stays if something keeps it that the user has made. Then, if that is a
 * hardware queue, a kernel user that does not give up its pins, or a call that names the
 * IOAS by its id and maps or unmaps just now, so does what is mapped: the user, who knows
 * the id, can unmap it.
 *
 * Context: process context, may sleep; waits for calls of the container that map or
 * unmap.
 */
void iommufd_vfio_forsaken(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas = empty_container(ictx);

	if (ioas)
		iommufd_object_try_destroy(ictx, &ioas->obj);
}

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
		return get_ioas_id(ucmd->ictx, &cmd->ioas_id);
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

/* Do all page tables of the container enforce cache coherency? */
static int enforces_coherency(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas = iommufd_vfio_get_ioas(ictx);
	bool coherent;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	coherent = io_space_is_coherent(&ioas->space);
	iommufd_ioas_put(ioas);
	return coherent;
}

static bool is_no_iommu(struct iommufd_ctx *ictx)
{
	guard(xa_lock)(&ictx->objects);
	return ictx->no_iommu;
}

static bool has_ioas(struct iommufd_ctx *ictx)
{
	guard(xa_lock)(&ictx->objects);
	return ictx->vfio_ioas;
}

/* Before a type is chosen there is nothing yet that could be coherent. */
static int check_coherency(struct iommufd_ctx *ictx)
{
	if (ictx->container && READ_ONCE(ictx->vfio_type) != VFIO_TYPE1_IOMMU &&
	    READ_ONCE(ictx->vfio_type) != VFIO_TYPE1v2_IOMMU)
		return 0;
	return enforces_coherency(ictx);
}

/* Groups of the other kind rule it out. */
static int check_no_iommu(struct iommufd_ctx *ictx)
{
	if (ictx->container && has_ioas(ictx))
		return 0;
	return IS_ENABLED(CONFIG_VFIO_NOIOMMU);
}

/* A native container does nothing before it knows what kind it is. */
static int check_type(struct iommufd_ctx *ictx)
{
	if (!ictx->container)
		return 0;
	switch (READ_ONCE(ictx->vfio_type)) {
	case 0:
		return -EINVAL;
	case VFIO_NOIOMMU_IOMMU:
		return -ENOTTY;
	default:
		return 0;
	}
}

/* Kernel users could not do without an address. */
static int check_update_vaddr(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;
	bool can;

	if (!ictx->container || check_type(ictx))
		return 0;
	ioas = iommufd_vfio_get_ioas(ictx);
	if (IS_ERR(ioas))
		return 0;
	can = !io_space_has_users(&ioas->space);
	iommufd_ioas_put(ioas);
	return can;
}

static int check_extension(struct iommufd_ctx *ictx, unsigned long extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return !is_no_iommu(ictx);
	case VFIO_NOIOMMU_IOMMU:
		return check_no_iommu(ictx);
	case VFIO_DMA_CC_IOMMU:
		return check_coherency(ictx);
	case VFIO_UPDATE_VADDR:
		return check_update_vaddr(ictx);
	default:
		return 0;
	}
}

/* Unless the last group has left since, and taken the IOAS along. */
static int choose_type(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas,
		       unsigned long type)
{
	guard(xa_lock)(&ictx->objects);
	if (ictx->container &&
	    (ictx->vfio_ioas != ioas || ictx->no_iommu != !ioas))
		return -EINVAL;
	WRITE_ONCE(ictx->vfio_type, type);
	return 0;
}

static int set_no_iommu_type(struct iommufd_ctx *ictx, unsigned long type)
{
	if (!IS_ENABLED(CONFIG_VFIO_NOIOMMU) || type != VFIO_NOIOMMU_IOMMU)
		return ictx->container ? -ENODEV : -EINVAL;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	return choose_type(ictx, NULL, type);
}

/* Version 1 of type1 may be asked to unmap any page: each has to be alone. */
static int prepare_type(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas,
			unsigned long type)
{
	if (!ictx->container)
		return io_space_set_large_pages(&ioas->space,
						type != VFIO_TYPE1_IOMMU);
	io_space_set_limit(&ioas->space, iommufd_vfio_map_limit());
	return 0;
}

static int set_type1(struct iommufd_ctx *ictx, unsigned long type)
{
	struct iommufd_ioas *ioas;
	int rc;

	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU) {
		/* For vfio_iommu_type1 another thing that it has, but no type. */
		bool unknown = ictx->container && type != VFIO_UNMAP_ALL;

		return unknown ? -ENODEV : -EINVAL;
	}
	ioas = iommufd_vfio_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = prepare_type(ictx, ioas, type);
	if (!rc)
		rc = choose_type(ictx, ioas, type);
	iommufd_ioas_put(ioas);
	return rc;
}

static int set_iommu(struct iommufd_ctx *ictx, unsigned long type)
{
	guard(rwsem_write)(&ictx->vfio_lock);
	if (ictx->container && READ_ONCE(ictx->vfio_type))
		return -EINVAL;
	if (is_no_iommu(ictx))
		return set_no_iommu_type(ictx, type);
	if (ictx->container && !has_ioas(ictx))
		return -EINVAL;
	return set_type1(ictx, type);
}

static int use_mappings(struct iommufd_ctx *ictx, unsigned int cmd,
			void __user *arg)
{
	int rc = check_type(ictx);

	if (rc)
		return rc;
	switch (cmd) {
	case VFIO_IOMMU_GET_INFO:
		return iommufd_vfio_get_info(ictx, arg);
	case VFIO_IOMMU_MAP_DMA:
		return iommufd_vfio_map_dma(ictx, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return iommufd_vfio_unmap_dma(ictx, arg);
	case VFIO_IOMMU_DIRTY_PAGES:
		return ictx->container ? iommufd_vfio_dirty_pages(ictx, arg) :
					 -ENOTTY;
	default:
		return -ENOTTY;
	}
}

/**
 * iommufd_vfio_ioctl() - the container's ioctls
 * @ictx: the context
 * @cmd: a command that is not one of /dev/iommu
 * @arg: its argument
 *
 * Return: what the container says; -ENOTTY if it does not know the command, which
 * a native container that has no type yet says as -EINVAL. (vfio-compat.md 3, 9)
 */
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg)
{
	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return check_extension(ictx, arg);
	case VFIO_SET_IOMMU:
		return set_iommu(ictx, arg);
	default:
		return use_mappings(ictx, cmd, (void __user *)arg);
	}
}
