// SPDX-License-Identifier: GPL-2.0-only
/*
 * HWPTs of devices without an IOMMU. Nothing translates for such a device: a
 * privileged program asks where its memory is, and tells the device. What a HWPT
 * does for it is to keep the memory pinned. So the domain has no page table; who
 * asks is answered from the PFN store.
 */
#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "iommufd_private.h"

static void noiommu_free(struct iommu_domain *domain)
{
	kfree(domain);
}

static const struct iommu_domain_ops noiommu_ops = {
	.free = noiommu_free,
};

/**
 * iommufd_noiommu_domain_alloc() - make a domain that translates nothing
 *
 * Return: the domain, or ERR_PTR(-ENOMEM).
 */
struct iommu_domain *iommufd_noiommu_domain_alloc(void)
{
	struct iommu_domain *domain =
		kzalloc_obj(*domain, GFP_KERNEL_ACCOUNT);

	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	domain->ops = &noiommu_ops;
	domain->pgsize_bitmap = PAGE_MASK;
	domain->geometry.aperture_end = ULONG_MAX;
	domain->geometry.force_aperture = true;
	return domain;
}

/**
 * iommufd_is_noiommu_domain() - is it one of those that translate nothing?
 * @domain: the domain
 *
 * Return: whether it is.
 */
bool iommufd_is_noiommu_domain(const struct iommu_domain *domain)
{
	return domain->ops == &noiommu_ops;
}

static int find_phys(struct io_space *space,
		     struct iommu_ioas_noiommu_get_pa *cmd)
{
	unsigned long cursor = cmd->iova, length;
	struct io_area *area;
	phys_addr_t phys;
	int rc = -ENOENT;

	area = io_space_walk(space, NULL, &cursor);
	if (!area)
		return -ENOENT;
	if (area->node.first <= cmd->iova)
		rc = area_find_phys(area, cmd->iova, iommufd_is_noiommu_domain,
				    &phys, &length);
	area_put(area);
	if (rc)
		return rc;
	cmd->out_phys = phys;
	cmd->length = min_t(u64, cmd->length, length);
	return 0;
}

/**
 * iommufd_ioas_noiommu_get_pa() - IOMMU_IOAS_NOIOMMU_GET_PA
 * @ucmd: the call
 *
 * Return: 0; -EPERM; -EOPNOTSUPP also if no device without an IOMMU is attached;
 * -EINVAL; -EOVERFLOW; -ENOENT. (uapi-behaviour.md 6.11, better-than-7.3.md row
 * 11)
 */
int iommufd_ioas_noiommu_get_pa(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_noiommu_get_pa *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	int rc;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if (!cmd->length)
		return -EINVAL;
	if (cmd->iova >= ULONG_MAX)
		return -EOVERFLOW;
	ioas = iommufd_ioas_get(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	do
		rc = find_phys(&ioas->space, cmd);
	while (rc == -EAGAIN);
	iommufd_ioas_put(ioas);
	return rc;
}
