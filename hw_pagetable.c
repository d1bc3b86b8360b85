// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables that show an IOAS.
 *
 * Happy path: the IOMMU driver allocates a domain for a device, it joins the
 * space of the IOAS, which fills it, and devices are attached.
 *
 * Unhappy path: the domain cannot be allocated or filled; the object is aborted,
 * and its free function undoes what there is.
 */
#include <linux/iommu.h>

#include "../iommu-priv.h"
#include "iommufd_private.h"

void iommufd_hwpt_paging_free(struct iommufd_object *obj)
{
	struct iommufd_hwpt_paging *hwpt =
		container_of(obj, struct iommufd_hwpt_paging, common.obj);

	scoped_guard(spinlock, &hwpt->ioas->auto_lock)
		list_del_init(&hwpt->item);
	if (hwpt->joined)
		io_space_leave(&hwpt->ioas->space, &hwpt->dom);
	if (hwpt->common.domain)
		iommu_domain_free(hwpt->common.domain);
	iommufd_object_unkeep(&hwpt->ioas->obj);
}

static int alloc_domain(struct iommufd_hwpt_paging *hwpt, struct device *dev,
			bool coherent)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	if (IS_ERR(domain))
		return PTR_ERR(domain);
	hwpt->common.domain = domain;
	domain->iommufd_hwpt = &hwpt->common;
	domain->cookie_type = IOMMU_COOKIE_IOMMUFD;
	iommufd_msi_pages_init(&hwpt->msi, domain);

	/* Only an empty domain may change its mind about this. */
	if (coherent &&
	    WARN_ON_ONCE(!domain->ops->enforce_cache_coherency ||
			 !domain->ops->enforce_cache_coherency(domain)))
		return -EINVAL;
	return 0;
}

/**
 * iommufd_hwpt_paging_new() - make a HWPT that shows an IOAS
 * @ioas: the IOAS
 * @dev: a device that it must suit
 * @coherent: it must enforce cache coherency
 * @automatic: made by an attach; goes with the last device
 *
 * Context: @ioas->mutex is held; may sleep for long.
 * Return: the HWPT, filled but not published, or an ERR_PTR(): what the IOMMU
 * driver says, -ENOMEM, -EINVAL, -EADDRINUSE, or an error of pinning.
 * (uapi-behaviour.md 4.4, 5.1, 5.2)
 */
struct iommufd_hwpt_paging *
iommufd_hwpt_paging_new(struct iommufd_ioas *ioas, struct device *dev,
			bool coherent, bool automatic)
{
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_object *obj;
	int rc;

	lockdep_assert_held(&ioas->mutex);
	obj = iommufd_object_new(ioas->ictx, sizeof(*hwpt),
				 IOMMUFD_OBJ_HWPT_PAGING);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	hwpt = container_of(obj, struct iommufd_hwpt_paging, common.obj);
	hwpt->common.ictx = ioas->ictx;
	hwpt->automatic = automatic;
	INIT_LIST_HEAD(&hwpt->item);
	hwpt->ioas = ioas;
	iommufd_object_keep(&ioas->obj);

	rc = alloc_domain(hwpt, dev, coherent);
	if (!rc)
		rc = io_space_join(&ioas->space, &hwpt->dom,
				   hwpt->common.domain);
	if (rc) {
		iommufd_object_abort(ioas->ictx, obj);
		return ERR_PTR(rc);
	}
	hwpt->joined = true;
	if (automatic) {
		guard(spinlock)(&ioas->auto_lock);
		list_add_tail(&hwpt->item, &ioas->auto_hwpts);
	}
	return hwpt;
}

/**
 * iommufd_auto_hwpt_next() - walk over the automatic HWPTs of an IOAS
 * @ioas: the IOAS
 * @prev: the one before, or NULL; the walk gives it up
 *
 * Context: @ioas->mutex is held, so that no automatic HWPT is given up by its
 * last device; but the user may destroy one that no device has.
 * Return: the next HWPT, kept, or NULL.
 */
struct iommufd_hwpt_paging *
iommufd_auto_hwpt_next(struct iommufd_ioas *ioas,
		       struct iommufd_hwpt_paging *prev)
{
	struct iommufd_hwpt_paging *hwpt;
	bool found = false;

	lockdep_assert_held(&ioas->mutex);
	scoped_guard(spinlock, &ioas->auto_lock) {
		hwpt = list_prepare_entry(prev, &ioas->auto_hwpts, item);
		list_for_each_entry_continue(hwpt, &ioas->auto_hwpts, item) {
			found = refcount_inc_not_zero(&hwpt->common.obj.users);
			if (found)
				break;
		}
	}
	if (prev)
		iommufd_object_unkeep(&prev->common.obj);
	return found ? hwpt : NULL;
}

/**
 * iommufd_hwpt_release() - give up a HWPT on behalf of a device
 * @hwpt: the device keeps it; an automatic HWPT goes with its last device
 *
 * Context: may sleep; takes the mutex of the IOAS of an automatic HWPT.
 */
void iommufd_hwpt_release(struct iommufd_hw_pagetable *hwpt)
{
	struct iommufd_hwpt_paging *paging = iommufd_hwpt_to_paging(hwpt);
	struct iommufd_ioas *ioas = paging->ioas;

	if (!paging->automatic) {
		iommufd_object_unkeep(&hwpt->obj);
		return;
	}
	iommufd_object_keep(&ioas->obj);
	scoped_guard(mutex, &ioas->mutex)
		iommufd_object_try_destroy(hwpt->ictx, &hwpt->obj);
	iommufd_object_unkeep(&ioas->obj);
}
