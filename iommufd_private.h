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
 *	serializes bind, attach, detach and unbind of a device. Under it, or that of
 *	a group, the last reference of VFIO to a container may go.
 * &iommufd_ctx.vfio_lock
 *	makes the calls of a container that unmap something wait for those that
 *	map something, and the other way round. Who empties the container because
 *	the last group has left waits for both.
 * &iommufd_ctx.groups_mutex
 *	which groups the context has devices of.
 * &iommufd_ioas.mutex
 *	held over choosing or making an automatic HWPT, and over its going.
 * &iommufd_ctx.vdevices_mutex
 *	held over making and unmaking a vDEVICE.
 * &iommufd_group.lock
 *	what the devices of a group are attached to, and their vDEVICEs.
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
 * the iommu core's group nest inside &iommufd_group.lock. Kernel users are told of an
 * unmap under no lock that giving up their pins takes; a container holds
 * &iommufd_ctx.vfio_lock and, when it cuts a mapping, &io_space.domains_mutex.
 *
 * &iommufd_fault.lock nests inside &iommufd_group.lock; inside of it nests what the
 * IOMMU driver needs to answer page requests. Nothing of the user is read or
 * written under it. Who reports a page request takes &iommufd_fault.queue_lock
 * alone, a leaf.
 *
 * Leaves: &iommufd_ioas.auto_lock, the lock of struct vevent_queue, and the xa_lock
 * of &iommufd_ctx.objects, under which references to objects are taken.
 */

#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/vfio.h>

#include "driver.h"
#include "io_pagetable.h"

struct file;
struct iommu_group;
struct iommu_user_data;
struct iommufd_fault;
struct seq_file;
struct vm_area_struct;

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
 * @vdevices_mutex: see DOC: Locking
 * @process_mutex: excludes changes of process from each other
 * @account_mode: [xa_lock of @objects] what new mappings are charged against
 * @holders: references that are not open files of the user: groups, devices...
 * @forsaken: [I] called when there is no holder any more, or NULL; there may be
 *	one again
 * @container: [I] opened through /dev/vfio/vfio
 * @no_iommu: [xa_lock of @objects] a no-IOMMU group uses it as a container
 * @vfio_ioas: [xa_lock of @objects] what container calls act on, or NULL
 * @vfio_type: [xa_lock of @objects] what VFIO_SET_IOMMU chose, or 0
 * @vfio_lock: see DOC: Locking
 * @driver: what the built-in helpers keep
 */
struct iommufd_ctx {
	struct file *file;
	struct device *dev;
	struct xarray objects;
	wait_queue_head_t object_wait;
	struct xarray groups;
	struct mutex groups_mutex;
	struct mutex vdevices_mutex;
	struct mutex process_mutex;
	enum account_mode account_mode;
	atomic_t holders;
	void (*forsaken)(struct iommufd_ctx *ictx);
	bool container;
	bool no_iommu;
	struct iommufd_ioas *vfio_ioas;
	unsigned int vfio_type;
	struct rw_semaphore vfio_lock; /* see above */
	struct iommufd_driver_ctx driver;
};

/* Is it a container that has VFIO_IOMMU_DIRTY_PAGES: native, and of version 2? */
static inline bool iommufd_has_dirty_pages(const struct iommufd_ctx *ictx)
{
	return ictx->container &&
	       READ_ONCE(ictx->vfio_type) == VFIO_TYPE1v2_IOMMU;
}

/**
 * struct iommufd_ucmd - a running ioctl
 * @ictx: the context
 * @ubuffer: the user's struct
 * @user_size: its size
 * @cmd: our copy of it, zero extended
 * @new_obj: an object that the handler made; it becomes visible once its id has
 *	reached the user, and is destroyed if anything fails
 * @new_file: a file that reads the events of @new_obj; open with it
 * @new_fd: where that is going to be open
 * @respond: write @cmd back although the handler failed
 */
struct iommufd_ucmd {
	struct iommufd_ctx *ictx;
	void __user *ubuffer;
	u32 user_size;
	void *cmd;
	struct iommufd_object *new_obj;
	struct file *new_file;
	int new_fd;
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
struct iommufd_object *iommufd_object_peek(struct iommufd_ctx *ictx, u32 id);
void iommufd_object_unpeek(struct iommufd_ctx *ictx, struct iommufd_object *obj);
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj);
int iommufd_object_destroy(struct iommufd_ctx *ictx, u32 id);
bool iommufd_object_entomb(struct iommufd_ctx *ictx,
			   struct iommufd_object *obj);
void iommufd_object_free_entombed(struct iommufd_ctx *ictx,
				  struct iommufd_object *obj);
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
 * @of_container: [I] made because a group was put into a container
 */
struct iommufd_ioas {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct io_space space;
	struct mutex mutex;
	spinlock_t auto_lock;
	struct list_head auto_hwpts;
	bool of_container;
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

/* For the VFIO container, with what flags mean to IOMMU_IOAS_MAP */
int iommufd_ioas_map_user(struct iommufd_ioas *ioas, u64 va, u64 length,
			  u32 flags, u64 *iova);

/**
 * struct iommufd_hw_pagetable - what every HWPT has
 * @obj: the object; its type tells which kind of HWPT this is
 * @ictx: [I]
 * @domain: [I]
 * @pasid: [I] devices that are attached with PASIDs may use it
 * @fault: [I] who answers page requests, or NULL; kept
 */
struct iommufd_hw_pagetable {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommu_domain *domain;
	bool pasid;
	struct iommufd_fault *fault;
};

/**
 * struct iommufd_hwpt_paging - a HWPT that shows an IOAS
 * @common: what every HWPT has
 * @ioas: [I] reference held
 * @dom: its membership in the space of @ioas
 * @joined: [I] @dom is in the space
 * @automatic: [I] made by an attach, and gone with the last device
 * @nest_parent: [I] nested HWPTs and vIOMMUs may be put on it
 * @item: [ioas->auto_lock] in &iommufd_ioas.auto_hwpts
 * @msi: doorbells that are mapped in it
 */
struct iommufd_hwpt_paging {
	struct iommufd_hw_pagetable common;
	struct iommufd_ioas *ioas;
	struct io_domain dom;
	bool joined;
	bool automatic;
	bool nest_parent;
	struct list_head item;
	struct iommufd_msi_pages msi;
};

/**
 * struct iommufd_hwpt_nested - a HWPT that a guest fills
 * @common: what every HWPT has
 * @parent: [I] translates what this one yields
 * @viommu: [I] what it was allocated for, kept; if NULL, @parent is kept
 */
struct iommufd_hwpt_nested {
	struct iommufd_hw_pagetable common;
	struct iommufd_hwpt_paging *parent;
	struct iommufd_viommu *viommu;
};

/* The page table that shows the IOAS behind a HWPT. */
static inline struct iommufd_hwpt_paging *
iommufd_hwpt_to_paging(struct iommufd_hw_pagetable *hwpt)
{
	if (hwpt->obj.type == IOMMUFD_OBJ_HWPT_NESTED)
		return container_of(hwpt, struct iommufd_hwpt_nested,
				    common)->parent;
	return container_of(hwpt, struct iommufd_hwpt_paging, common);
}

/* hw_pagetable.c */
struct iommufd_hwpt_paging *
iommufd_hwpt_auto_new(struct iommufd_ioas *ioas, struct iommufd_device *idev);
struct iommufd_hwpt_paging *
iommufd_auto_hwpt_next(struct iommufd_ioas *ioas,
		       struct iommufd_hwpt_paging *prev);
void iommufd_hwpt_release(struct iommufd_hw_pagetable *hwpt);
void iommufd_hwpt_paging_free(struct iommufd_object *obj);
void iommufd_hwpt_nested_free(struct iommufd_object *obj);
int iommufd_hwpt_alloc(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_invalidate(struct iommufd_ucmd *ucmd);

/* hwpt_dirty.c */
int iommufd_hwpt_set_dirty_tracking(struct iommufd_ucmd *ucmd);
int iommufd_hwpt_get_dirty_bitmap(struct iommufd_ucmd *ucmd);
void iommufd_hwpt_tell_dirty(struct iommufd_hwpt_paging *hwpt, bool on);
int iommufd_ioas_track_dirty(struct iommufd_ioas *ioas, bool on);
int iommufd_ioas_read_dirty(struct iommufd_ioas *ioas,
			    const struct io_range *range, u64 __user *to);

/* hwpt_noiommu.c */
#ifdef CONFIG_IOMMUFD_NOIOMMU
struct iommu_domain *iommufd_noiommu_domain_alloc(void);
bool iommufd_is_noiommu_domain(const struct iommu_domain *domain);
int iommufd_ioas_noiommu_get_pa(struct iommufd_ucmd *ucmd);
#else
static inline struct iommu_domain *iommufd_noiommu_domain_alloc(void)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline bool iommufd_is_noiommu_domain(const struct iommu_domain *domain)
{
	return false;
}

static inline int iommufd_ioas_noiommu_get_pa(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}
#endif

/**
 * struct iommufd_attachment - what devices of a group go through at one PASID
 * @hwpt: [lock] never NULL while there are @devices, each of which keeps it
 * @handle: [lock] what the iommu core knows it by
 * @blocked: [lock] the core does not know it: a move failed, and so did the way back
 * @devices: [lock] struct iommufd_device by object id
 */
struct iommufd_attachment {
	struct iommufd_hw_pagetable *hwpt;
	struct iommufd_attach_handle *handle;
	bool blocked;
	struct xarray devices;
};

/**
 * struct iommufd_group - the devices of an iommu_group that a context has bound
 * @ictx: [I]
 * @group: [I] reference held; NULL for a device without an IOMMU
 * @ndevices: [ictx->groups_mutex] bound devices
 * @nowned: [groups_mutex to change] those whose DMA the context owns
 * @lock: see DOC: Locking
 * @attachments: [lock] struct iommufd_attachment by PASID; IOMMU_NO_PASID is that
 *	of the RIDs
 * @msi: doorbells that its interrupts use
 */
struct iommufd_group {
	struct iommufd_ctx *ictx;
	struct iommu_group *group;
	unsigned int ndevices;
	unsigned int nowned;
	struct mutex lock;
	struct xarray attachments;
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
 * @vdev: [vdevices_mutex] what it is to a guest, or NULL
 * @unbinding: [vdevices_mutex] no vDEVICE can be made of it any more
 */
struct iommufd_device {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_group *igroup;
	struct device *dev;
	bool coherent;
	bool owns_dma;
	struct iommufd_vdevice *vdev;
	bool unbinding;
};

/* Without an IOMMU in front of it: CONFIG_IOMMUFD_NOIOMMU */
static inline bool iommufd_is_noiommu(const struct iommufd_device *idev)
{
	return !idev->igroup->group;
}

/* attach.c */
void iommufd_device_detach_all(struct iommufd_device *idev);

/* device.c */
struct iommufd_device *iommufd_device_get(struct iommufd_ctx *ictx, u32 id);
int iommufd_get_hw_info(struct iommufd_ucmd *ucmd);
void iommufd_device_free(struct iommufd_object *obj);

static inline void iommufd_device_put(struct iommufd_device *idev)
{
	iommufd_object_put(idev->ictx, &idev->obj);
}

/* eventq.c */
struct iommufd_eventq;

/**
 * struct iommufd_eventq_ops - a kind of queue that user space reads
 * @name: of the file
 * @read: copy what is queued to the user; 0 if nothing is
 * @write: take answers from the user; NULL if there are none to give
 * @pending: is there something to read?
 */
struct iommufd_eventq_ops {
	const char *name;
	ssize_t (*read)(struct iommufd_eventq *eventq, char __user *buf,
			size_t count);
	ssize_t (*write)(struct iommufd_eventq *eventq, const char __user *buf,
			 size_t count);
	bool (*pending)(struct iommufd_eventq *eventq);
};

/**
 * struct iommufd_eventq - an object with a file that user space reads
 * @obj: the object; its file keeps it
 * @ictx: [I]
 * @ops: [I]
 * @readers: [I] who waits for something to read
 */
struct iommufd_eventq {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_eventq_ops *ops;
	wait_queue_head_t *readers;
};

int iommufd_eventq_prepare(struct iommufd_ucmd *ucmd,
			   struct iommufd_eventq *eventq);
void iommufd_eventq_publish(struct iommufd_ucmd *ucmd);
void iommufd_eventq_abort(struct iommufd_ucmd *ucmd);

/* fault.c */
int iommufd_fault_alloc(struct iommufd_ucmd *ucmd);
int iommufd_fault_attach(struct iommufd_hw_pagetable *hwpt, u32 fault_id);
void iommufd_fault_release(struct iommufd_hw_pagetable *hwpt);
void iommufd_fault_cancel(struct iommufd_hw_pagetable *hwpt,
			  struct iommufd_attach_handle *handle,
			  const struct device *dev);
void iommufd_fault_free(struct iommufd_object *obj);

/* viommu.c */
struct iommufd_viommu *iommufd_viommu_get(struct iommufd_ctx *ictx, u32 id);
bool iommufd_viommu_serves(const struct iommufd_viommu *viommu,
			   const struct iommufd_device *idev);
int iommufd_viommu_alloc(struct iommufd_ucmd *ucmd);
void iommufd_viommu_free(struct iommufd_object *obj);
int iommufd_viommu_mmap(struct iommufd_ctx *ictx, struct vm_area_struct *vma);

static inline void iommufd_viommu_put(struct iommufd_viommu *viommu)
{
	iommufd_object_put(viommu->ictx, &viommu->obj);
}

/* vdevice.c */
int iommufd_vdevice_alloc(struct iommufd_ucmd *ucmd);
void iommufd_vdevice_free(struct iommufd_object *obj);
void iommufd_vdevice_bury(struct iommufd_device *idev);

/* veventq.c */
int iommufd_veventq_alloc(struct iommufd_ucmd *ucmd);
void iommufd_veventq_free(struct iommufd_object *obj);

/* hw_queue.c */
int iommufd_hw_queue_alloc(struct iommufd_ucmd *ucmd);
void iommufd_hw_queue_free(struct iommufd_object *obj);

/* fdinfo.c */
void iommufd_show_fdinfo(struct seq_file *m, struct file *file);

/* debugfs.c */
void iommufd_debugfs_init(void);
void iommufd_debugfs_exit(void);

/* access.c */
struct iommufd_access *iommufd_access_of(struct iommufd_object *obj);
struct iommufd_access *iommufd_access_lock(struct iommufd_ioas *ioas,
					   const struct io_range *range,
					   phys_addr_t *phys);
void iommufd_access_unlock(struct iommufd_access *access);
void iommufd_access_free(struct iommufd_object *obj);
struct iommufd_ioas *iommufd_access_ioas(struct iommufd_access *access);
bool iommufd_access_shows(struct iommufd_access *access, u32 *ioas_id);

#endif
