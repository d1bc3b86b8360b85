/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_PRIVATE_H
#define __IOMMUFD_PRIVATE_H

/**
 * DOC: Words
 *
 * ============== ==========================================================
 * IOAS           IO address space: IOVA to memory, made by the user
 * HWPT           hardware page table: an iommu_domain with an object id
 * RID, PASID     how a device names itself, and an address space of its own
 * aperture       the IOVA that a domain can translate
 * area           an IOVA range of an IOAS with its memory
 * backing        the memory of areas, pinned once however it is shared
 * hold           keeps a range of a backing pinned
 * run            physically contiguous pages
 * last, end      the last one that belongs to a range; the one after it
 * length         in bytes
 * npages         in PAGE_SIZE units
 * index          in pages from the start of a backing
 * ============== ==========================================================
 */

/**
 * DOC: Locking
 *
 * In the order in which they nest, outermost first:
 *
 * the caller's device lock (VFIO: dev_set->lock)
 *	serializes bind, attach, detach and unbind of a device.
 * &iommufd_ctx.groups_mutex
 *	which groups the context has devices of.
 * &iommufd_ioas.mutex
 *	held over choosing or making an automatic HWPT, and over its going.
 * &iommufd_group.lock
 *	what the devices of a group are attached to.
 * &iommufd_access.lock
 *	in which IOAS an access is; short.
 * &io_space.domains_mutex
 *	held over a domain's joining or leaving a space, which may be long. Maps
 *	and unmaps do not take it.
 * the lock of a source that may take its memory away (dma-buf: its resv)
 * &io_area.lock
 *	held over the work on one area: pinning, mapping, unmapping. One at a
 *	time.
 * &io_space.lock
 *	the structure of a space: tree, reservations, list of domains, states.
 *	Short; nothing that sleeps for long runs under it.
 * &io_backing.lock
 *	held over pinning and unpinning. Not nested with &io_space.lock. Many at
 *	a time only under &iommufd_ctx.process_mutex.
 * mmap_lock of the owner of the memory
 *
 * &iommufd_ctx.process_mutex is outside of all of these that it meets:
 * &io_space.lock and &io_backing.lock. The lock of struct iommufd_msi and that of
 * the iommu core's group nest inside &iommufd_group.lock. Kernel users are told
 * of an unmap under no lock at all.
 *
 * Leaves: &iommufd_ioas.auto_lock, and the xa_lock of &iommufd_ctx.objects, under
 * which references to objects are taken.
 */

#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>

#include "driver.h"
#include "io_pagetable.h"

struct file;
struct iommu_group;

DEFINE_LOCK_GUARD_1(xa_lock, struct xarray, xa_lock(_T->lock),
		    xa_unlock(_T->lock))

/**
 * struct iommufd_ctx - one open of /dev/iommu
 * @file: [I] the open file, whose references are those of the context
 * @dev: [I] on whose behalf dma-bufs are imported; it never does DMA
 * @objects: objects by id; its xa_lock orders lookup and destruction
 * @object_wait: woken when a short reference to an object goes
 * @groups: [groups_mutex; xa_lock to look] struct iommufd_group by group id
 * @groups_mutex: see DOC: Locking
 * @process_mutex: excludes changes of process from each other
 * @account_mode: [xa_lock of @objects] what new mappings are charged against
 * @container: [I] opened through /dev/vfio/vfio
 * @no_iommu: [xa_lock of @objects] a no-IOMMU group uses it as a container
 * @vfio_ioas: [xa_lock of @objects] what container calls act on, or NULL
 * @driver: what the built-in helpers keep
 */
struct iommufd_ctx {
	struct file *file;
	struct device *dev;
	struct xarray objects;
	wait_queue_head_t object_wait;
	struct xarray groups;
	struct mutex groups_mutex;
	struct mutex process_mutex;
	enum account_mode account_mode;
	bool container;
	bool no_iommu;
	struct iommufd_ioas *vfio_ioas;
	struct iommufd_driver_ctx driver;
};

/**
 * struct iommufd_ucmd - a running ioctl
 * @ictx: the context
 * @ubuffer: the user's struct
 * @user_size: its size
 * @cmd: our copy of it, zero extended
 * @new_obj: an object that the handler made; it becomes visible once its id has
 *	reached the user, and is destroyed if anything fails
 * @respond: write @cmd back although the handler failed
 */
struct iommufd_ucmd {
	struct iommufd_ctx *ictx;
	void __user *ubuffer;
	u32 user_size;
	void *cmd;
	struct iommufd_object *new_obj;
	bool respond;
};

/* ioctl.c */
long iommufd_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* main.c */
struct iommufd_ctx *iommufd_ctx_of(struct file *file);

/* object.c */
struct iommufd_object *iommufd_object_new(struct iommufd_ctx *ictx, size_t size,
					  enum iommufd_object_type type);
void iommufd_object_publish(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj);
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj);
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type);
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj);
int iommufd_object_destroy(struct iommufd_ctx *ictx, u32 id);
bool iommufd_object_try_destroy(struct iommufd_ctx *ictx,
				struct iommufd_object *obj);
void iommufd_object_remove(struct iommufd_ctx *ictx,
			   struct iommufd_object *obj);
void iommufd_objects_destroy_all(struct iommufd_ctx *ictx);
int iommufd_destroy(struct iommufd_ucmd *ucmd);

/* A reference that lasts; the object is kept by another one at this moment. */
static inline void iommufd_object_keep(struct iommufd_object *obj)
{
	refcount_inc(&obj->users);
}

/* After this the object may be gone at any time. */
static inline void iommufd_object_unkeep(struct iommufd_object *obj)
{
	refcount_dec(&obj->users);
}

/**
 * struct iommufd_ioas - an IO address space
 * @obj: the object
 * @ictx: [I]
 * @space: its areas and domains
 * @mutex: see DOC: Locking
 * @auto_lock: protects @auto_hwpts
 * @auto_hwpts: HWPTs that attaches made, in order of their making
 */
struct iommufd_ioas {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct io_space space;
	struct mutex mutex;
	spinlock_t auto_lock;
	struct list_head auto_hwpts;
};

struct iommufd_ioas *iommufd_ioas_new(struct iommufd_ctx *ictx);
void iommufd_ioas_free(struct iommufd_object *obj);
struct iommufd_ioas *iommufd_ioas_get(struct iommufd_ctx *ictx, u32 id);

static inline void iommufd_ioas_put(struct iommufd_ioas *ioas)
{
	iommufd_object_put(ioas->ictx, &ioas->obj);
}

int iommufd_ioas_alloc(struct iommufd_ucmd *ucmd);
int iommufd_ioas_iova_ranges(struct iommufd_ucmd *ucmd);
int iommufd_ioas_allow_iovas(struct iommufd_ucmd *ucmd);
int iommufd_ioas_map(struct iommufd_ucmd *ucmd);
int iommufd_ioas_copy(struct iommufd_ucmd *ucmd);
int iommufd_ioas_unmap(struct iommufd_ucmd *ucmd);
int iommufd_ioas_map_file(struct iommufd_ucmd *ucmd);
int iommufd_ioas_change_process(struct iommufd_ucmd *ucmd);
int iommufd_option(struct iommufd_ucmd *ucmd);

/**
 * struct iommufd_hw_pagetable - what every HWPT has
 * @obj: the object; its type tells which kind of HWPT this is
 * @ictx: [I]
 * @domain: [I]
 */
struct iommufd_hw_pagetable {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommu_domain *domain;
};

/**
 * struct iommufd_hwpt_paging - a HWPT that shows an IOAS
 * @common: what every HWPT has
 * @ioas: [I] reference held
 * @dom: its membership in the space of @ioas
 * @joined: [I] @dom is in the space
 * @automatic: [I] made by an attach, and gone with the last device
 * @item: [ioas->auto_lock] in &iommufd_ioas.auto_hwpts
 * @msi: doorbells that are mapped in it
 */
struct iommufd_hwpt_paging {
	struct iommufd_hw_pagetable common;
	struct iommufd_ioas *ioas;
	struct io_domain dom;
	bool joined;
	bool automatic;
	struct list_head item;
	struct iommufd_msi_pages msi;
};

/* The page table that shows the IOAS behind a HWPT. */
static inline struct iommufd_hwpt_paging *
iommufd_hwpt_to_paging(struct iommufd_hw_pagetable *hwpt)
{
	return container_of(hwpt, struct iommufd_hwpt_paging, common);
}

struct iommufd_hwpt_paging *
iommufd_hwpt_paging_new(struct iommufd_ioas *ioas, struct device *dev,
			bool coherent, bool automatic);
void iommufd_hwpt_paging_free(struct iommufd_object *obj);
struct iommufd_hwpt_paging *
iommufd_auto_hwpt_next(struct iommufd_ioas *ioas,
		       struct iommufd_hwpt_paging *prev);
void iommufd_hwpt_release(struct iommufd_hw_pagetable *hwpt);

/**
 * struct iommufd_group - the devices of an iommu_group that a context has bound
 * @ictx: [I]
 * @group: [I] reference held
 * @ndevices: [ictx->groups_mutex] bound devices
 * @nowned: [groups_mutex to change] those whose DMA the context owns
 * @lock: see DOC: Locking
 * @hwpt: [lock] what all RIDs of the group that are attached go through
 * @handle: [lock] of that attachment
 * @attached: [lock] devices whose RID is attached
 * @msi: doorbells that its interrupts use
 */
struct iommufd_group {
	struct iommufd_ctx *ictx;
	struct iommu_group *group;
	unsigned int ndevices;
	unsigned int nowned;
	struct mutex lock;
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_attach_handle *handle;
	struct list_head attached;
	struct iommufd_group_msi msi;
};

/**
 * struct iommufd_device - a device that a driver bound to the context
 * @obj: the object
 * @ictx: [I] reference held
 * @igroup: [I]
 * @dev: [I]
 * @coherent: [I] its page tables must enforce cache coherency
 * @owns_dma: [I] DMA ownership was claimed for it
 * @attached: [igroup->lock] in &iommufd_group.attached
 */
struct iommufd_device {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_group *igroup;
	struct device *dev;
	bool coherent;
	bool owns_dma;
	struct list_head attached;
};

void iommufd_device_free(struct iommufd_object *obj);

/* access.c */
void iommufd_access_free(struct iommufd_object *obj);
struct iommufd_ioas *iommufd_access_ioas(struct iommufd_access *access);

#endif
