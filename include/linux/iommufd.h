/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iommufd offers to the rest of the kernel: to drivers that hand devices to
 * user space (VFIO), to drivers that do the DMA of their devices themselves
 * (mediated devices), and to IOMMU drivers that give parts of an IOMMU to a
 * guest.
 */
#ifndef __LINUX_IOMMUFD_H
#define __LINUX_IOMMUFD_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>

struct device;
struct file;
struct iommu_group;
struct iommu_user_data;
struct iommu_user_data_array;
struct iommufd_access;
struct iommufd_ctx;
struct iommufd_device;
struct iommufd_viommu_ops;
struct page;

/**
 * enum iommufd_object_type - what an ID of a context can stand for
 * @IOMMUFD_OBJ_NONE: nothing
 * @IOMMUFD_OBJ_ANY: for a lookup: whatever it is
 * @IOMMUFD_OBJ_DEVICE: a bound device
 * @IOMMUFD_OBJ_HWPT_PAGING: a page table that the kernel fills
 * @IOMMUFD_OBJ_HWPT_NESTED: a page table that a guest fills
 * @IOMMUFD_OBJ_IOAS: an IO address space
 * @IOMMUFD_OBJ_ACCESS: a kernel user of an IOAS
 * @IOMMUFD_OBJ_FAULT: a queue of page faults
 * @IOMMUFD_OBJ_VIOMMU: a guest's share of an IOMMU
 * @IOMMUFD_OBJ_VDEVICE: a device as the guest knows it
 * @IOMMUFD_OBJ_VEVENTQ: a queue of events of a vIOMMU
 * @IOMMUFD_OBJ_HW_QUEUE: a queue that the hardware works on
 * @IOMMUFD_OBJ_SELFTEST: a mock device
 * @IOMMUFD_OBJ_MAX: number of types
 */
enum iommufd_object_type {
	IOMMUFD_OBJ_NONE,
	IOMMUFD_OBJ_ANY = IOMMUFD_OBJ_NONE,
	IOMMUFD_OBJ_DEVICE,
	IOMMUFD_OBJ_HWPT_PAGING,
	IOMMUFD_OBJ_HWPT_NESTED,
	IOMMUFD_OBJ_IOAS,
	IOMMUFD_OBJ_ACCESS,
	IOMMUFD_OBJ_FAULT,
	IOMMUFD_OBJ_VIOMMU,
	IOMMUFD_OBJ_VDEVICE,
	IOMMUFD_OBJ_VEVENTQ,
	IOMMUFD_OBJ_HW_QUEUE,
#ifdef CONFIG_IOMMUFD_TEST
	IOMMUFD_OBJ_SELFTEST,
#endif
	IOMMUFD_OBJ_MAX,
};

/**
 * struct iommufd_object - what has an ID starts with this
 * @wait_cnt: users that are about to let go by themselves. Destruction waits for
 *            them instead of failing, so what is counted here has to end soon,
 *            or has to be made to end before the wait
 * @users: users that may stay. While there are any, user space cannot destroy
 *         the object
 * @type: what the object is
 * @id: its ID
 *
 * All of it belongs to iommufd.
 */
struct iommufd_object {
	refcount_t wait_cnt;
	refcount_t users;
	enum iommufd_object_type type;
	unsigned int id;
};

/*
 * Devices
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id);
void iommufd_device_unbind(struct iommufd_device *idev);

int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id);
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id);
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid);

struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev);
u32 iommufd_device_to_id(struct iommufd_device *idev);

/*
 * Accesses
 */

/**
 * struct iommufd_access_ops - what a kernel user of an IOAS brings along
 * @needs_pin_pages: the access calls iommufd_access_pin_pages(). Limits the IOAS
 *                   to mappings of whole pages
 * @unmap: The range is about to be unmapped: stop using it, and unpin every pin
 *         that overlaps it before returning. May sleep, may run in several
 *         threads at once and more than once for the same range, and is called
 *         for ranges that the access never pinned. It must not need a lock that
 *         is held around iommufd_access_destroy(), iommufd_access_detach() or
 *         iommufd_access_replace(), nor attach or bind anything. A pin has to be
 *         recorded in one step with making it, as seen from here
 */
struct iommufd_access_ops {
	u8 needs_pin_pages : 1;
	void (*unmap)(void *data, unsigned long iova, unsigned long length);
};

/*
 * Flags of iommufd_access_rw() and iommufd_access_pin_pages().
 *
 * RW_KTHREAD: the caller is a kernel thread without an mm of its own and may
 * adopt that of whoever mapped the memory. The last one is for the mock device:
 * go by page even where the memory could be copied directly.
 */
enum {
	IOMMUFD_ACCESS_RW_READ = 0,
	IOMMUFD_ACCESS_RW_WRITE = 1 << 0,
	IOMMUFD_ACCESS_RW_KTHREAD = 1 << 1,

	__IOMMUFD_ACCESS_RW_SLOW_PATH = 1 << 2,
};

struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ictx,
		      const struct iommufd_access_ops *ops, void *data, u32 *id);
void iommufd_access_destroy(struct iommufd_access *access);
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id);
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id);
void iommufd_access_detach(struct iommufd_access *access);

void iommufd_ctx_get(struct iommufd_ctx *ictx);

/*
 * vIOMMUs. An IOMMU driver puts one of the next three structs at the start of
 * its own; iommufd allocates the whole, zeroed, and frees it.
 */

/**
 * struct iommufd_viommu - a guest's share of an IOMMU
 * @obj: private to iommufd
 * @ictx: the context that it belongs to
 * @iommu_dev: the physical IOMMU
 * @hwpt: the nesting parent
 * @ops: set by the driver, as the last thing that iommu_ops::viommu_init does
 *       before it succeeds
 * @vdevs: its vDEVICEs by virt_id
 * @veventqs: private to iommufd
 * @veventqs_rwsem: private to iommufd
 * @type: what user space asked for
 *
 * What has no comment to the contrary is set before viommu_init is called, and
 * constant.
 */
struct iommufd_viommu {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommu_device *iommu_dev;
	struct iommufd_hwpt_paging *hwpt;

	const struct iommufd_viommu_ops *ops;

	struct xarray vdevs;
	struct list_head veventqs;
	struct rw_semaphore veventqs_rwsem;

	enum iommu_viommu_type type;
};

/**
 * struct iommufd_vdevice - a device as the guest of a vIOMMU knows it
 * @obj: private to iommufd
 * @viommu: the vIOMMU
 * @idev: the device, see iommufd_vdevice_to_device()
 * @virt_id: the guest's name for it: a stream ID (ARM), a DeviceID (AMD), a
 *           requester ID (Intel)
 * @destroy: may be set by the driver in &iommufd_viommu_ops.vdevice_init, to
 *           undo it. Called once, while the vDEVICE can still be found
 */
struct iommufd_vdevice {
	struct iommufd_object obj;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	u64 virt_id;
	void (*destroy)(struct iommufd_vdevice *vdev);
};

/**
 * struct iommufd_hw_queue - guest memory that the hardware works on
 * @obj: private to iommufd
 * @viommu: the vIOMMU
 * @access: private to iommufd: what keeps the memory pinned
 * @base_addr: where the guest believes its queue to be: an address in the
 *             nesting parent
 * @length: bytes in the queue
 * @type: what user space asked for
 * @destroy: may be set by the driver in
 *           &iommufd_viommu_ops.hw_queue_init_phys, to undo it. Called once; the
 *           memory is still pinned
 */
struct iommufd_hw_queue {
	struct iommufd_object obj;
	struct iommufd_viommu *viommu;
	struct iommufd_access *access;
	u64 base_addr;
	size_t length;
	enum iommu_hw_queue_type type;
	void (*destroy)(struct iommufd_hw_queue *hw_queue);
};

/**
 * struct iommufd_viommu_ops - what an IOMMU driver does for a vIOMMU
 * @destroy: Undoes iommu_ops::viommu_init. Called once, when the last user of
 *           the vIOMMU is gone; the nesting parent is still there, and iommufd
 *           frees the memory afterwards.
 * @alloc_domain_nested: Makes a nested domain out of @user_data, one of the
 *                       structs of the uAPI header, whose length is not 0.
 *                       @flags holds nothing but IOMMU_HWPT_ALLOC_PASID. Returns
 *                       a finished domain of type IOMMU_DOMAIN_NESTED with its
 *                       ops set, or an ERR_PTR.
 * @cache_invalidate: Works off an array of invalidation requests, for the IOTLB
 *                    or any other cache. On every return, successful or not,
 *                    entry_num of @array is the number of requests done.
 * @vdevice_size: VDEVICE_STRUCT_SIZE() of the driver's own struct, which then
 *                needs @vdevice_init; 0 when it has none.
 * @vdevice_init: Finishes a vDEVICE, whose @viommu, @idev and @virt_id are set.
 *                The vIOMMU does not list it yet. On failure its destroy is
 *                called if it was set.
 * @get_hw_queue_size: HW_QUEUE_STRUCT_SIZE() of the driver's struct for this
 *                     type of queue; 0 when there are no such queues.
 * @hw_queue_init_phys: Finishes a queue of hardware that fetches by physical
 *                      address. Everything in @hw_queue but destroy is set; its
 *                      memory is pinned, contiguous, and starts at
 *                      @base_addr_pa. @index is which of the vIOMMU's queues the
 *                      guest means.
 *
 * Any of them may be absent. All may sleep. @vdevice_init runs under a mutex of
 * the device's group, as does &iommufd_vdevice.destroy.
 */
struct iommufd_viommu_ops {
	void (*destroy)(struct iommufd_viommu *viommu);
	struct iommu_domain *(*alloc_domain_nested)(
		struct iommufd_viommu *viommu, u32 flags,
		const struct iommu_user_data *user_data);
	int (*cache_invalidate)(struct iommufd_viommu *viommu,
				struct iommu_user_data_array *array);
	const size_t vdevice_size;
	int (*vdevice_init)(struct iommufd_vdevice *vdev);
	size_t (*get_hw_queue_size)(struct iommufd_viommu *viommu,
				    enum iommu_hw_queue_type queue_type);
	int (*hw_queue_init_phys)(struct iommufd_hw_queue *hw_queue, u32 index,
				  phys_addr_t base_addr_pa);
};

#if IS_ENABLED(CONFIG_IOMMUFD)
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file);
struct iommufd_ctx *iommufd_ctx_from_fd(int fd);
void iommufd_ctx_put(struct iommufd_ctx *ictx);
bool iommufd_ctx_has_group(struct iommufd_ctx *ictx, struct iommu_group *group);

int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags);
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length);
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t len, unsigned int flags);

int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id);
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx);
int iommufd_vfio_compat_set_no_iommu(struct iommufd_ctx *ictx);
#else
static inline struct iommufd_ctx *iommufd_ctx_from_file(struct file *file)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void iommufd_ctx_put(struct iommufd_ctx *ictx)
{
}

static inline int
iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			 unsigned long length, struct page **out_pages,
			 unsigned int flags)
{
	return -EOPNOTSUPP;
}

static inline void
iommufd_access_unpin_pages(struct iommufd_access *access, unsigned long iova,
			   unsigned long length)
{
}

static inline int
iommufd_access_rw(struct iommufd_access *access, unsigned long iova, void *data,
		  size_t len, unsigned int flags)
{
	return -EOPNOTSUPP;
}

static inline int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx)
{
	return -EOPNOTSUPP;
}

static inline int iommufd_vfio_compat_set_no_iommu(struct iommufd_ctx *ictx)
{
	return -EOPNOTSUPP;
}
#endif

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER_CORE)
struct device *iommufd_vdevice_to_device(struct iommufd_vdevice *vdev);
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id);
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id);
int iommufd_viommu_report_event(struct iommufd_viommu *viommu,
				enum iommu_veventq_type type, void *event_data,
				size_t data_len);

int _iommufd_object_depend(struct iommufd_object *obj_dependent,
			   struct iommufd_object *obj_depended);
void _iommufd_object_undepend(struct iommufd_object *obj_dependent,
			      struct iommufd_object *obj_depended);
int _iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
			phys_addr_t mmio_addr, size_t length,
			unsigned long *offset);
void _iommufd_destroy_mmap(struct iommufd_ctx *ictx,
			   struct iommufd_object *owner, unsigned long offset);
#else
static inline struct device *
iommufd_vdevice_to_device(struct iommufd_vdevice *vdev)
{
	return NULL;
}

static inline struct device *
iommufd_viommu_find_dev(struct iommufd_viommu *viommu, unsigned long vdev_id)
{
	return NULL;
}

static inline int
iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu, struct device *dev,
			   unsigned long *vdev_id)
{
	return -ENOENT;
}

static inline int
iommufd_viommu_report_event(struct iommufd_viommu *viommu,
			    enum iommu_veventq_type type, void *event_data,
			    size_t data_len)
{
	return -EOPNOTSUPP;
}

static inline int
_iommufd_object_depend(struct iommufd_object *obj_dependent,
		       struct iommufd_object *obj_depended)
{
	return -EOPNOTSUPP;
}

static inline void
_iommufd_object_undepend(struct iommufd_object *obj_dependent,
			 struct iommufd_object *obj_depended)
{
}

static inline int
_iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
		    phys_addr_t mmio_addr, size_t length, unsigned long *offset)
{
	return -EOPNOTSUPP;
}

static inline void
_iommufd_destroy_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
		      unsigned long offset)
{
}
#endif

/* sizeof(drv_struct), if @member is a @core_struct and its first member. */
#define __IOMMUFD_STRUCT_SIZE(drv_struct, member, core_struct)                 \
	(sizeof(drv_struct) +                                                  \
	 BUILD_BUG_ON_ZERO(offsetof(drv_struct, member)) +                     \
	 BUILD_BUG_ON_ZERO(!__same_type(core_struct,                           \
					((drv_struct *)NULL)->member)))

/**
 * VIOMMU_STRUCT_SIZE - size of a driver's vIOMMU, checked when it compiles
 * @drv_struct: the driver's struct
 * @member: its first member, a &struct iommufd_viommu
 *
 * For iommu_ops::get_viommu_size.
 */
#define VIOMMU_STRUCT_SIZE(drv_struct, member)                                 \
	__IOMMUFD_STRUCT_SIZE(drv_struct, member, struct iommufd_viommu)

/**
 * VDEVICE_STRUCT_SIZE - size of a driver's vDEVICE, checked when it compiles
 * @drv_struct: the driver's struct
 * @member: its first member, a &struct iommufd_vdevice
 *
 * For &iommufd_viommu_ops.vdevice_size.
 */
#define VDEVICE_STRUCT_SIZE(drv_struct, member)                                \
	__IOMMUFD_STRUCT_SIZE(drv_struct, member, struct iommufd_vdevice)

/**
 * HW_QUEUE_STRUCT_SIZE - size of a driver's queue, checked when it compiles
 * @drv_struct: the driver's struct
 * @member: its first member, a &struct iommufd_hw_queue
 *
 * For &iommufd_viommu_ops.get_hw_queue_size.
 */
#define HW_QUEUE_STRUCT_SIZE(drv_struct, member)                               \
	__IOMMUFD_STRUCT_SIZE(drv_struct, member, struct iommufd_hw_queue)

static inline bool
__iommufd_hw_queue_siblings(const struct iommufd_hw_queue *a,
			    const struct iommufd_hw_queue *b)
{
	return !WARN_ON_ONCE(a->viommu != b->viommu);
}

static inline int __iommufd_hw_queue_depend(struct iommufd_hw_queue *dependent,
					    struct iommufd_hw_queue *depended)
{
	if (!__iommufd_hw_queue_siblings(dependent, depended))
		return -EINVAL;
	return _iommufd_object_depend(&dependent->obj, &depended->obj);
}

static inline void
__iommufd_hw_queue_undepend(struct iommufd_hw_queue *dependent,
			    struct iommufd_hw_queue *depended)
{
	__iommufd_hw_queue_siblings(dependent, depended);
	_iommufd_object_undepend(&dependent->obj, &depended->obj);
}

/**
 * iommufd_hw_queue_depend - let a queue keep another one from being destroyed
 * @dependent: pointer to the driver's struct of the queue that needs the other
 * @depended: pointer to that of the other
 * @member: the &struct iommufd_hw_queue in both
 *
 * The driver may find @depended in a table of its own from the moment on that
 * &iommufd_viommu_ops.hw_queue_init_phys has put it there. It can be depended on when
 * user space knows it.
 *
 * Return: 0; -ENOENT when user space does not know @depended yet, or it is being
 * destroyed; -EINVAL when they are one and the same, or (with a warning) on different
 * vIOMMUs.
 */
#define iommufd_hw_queue_depend(dependent, depended, member)                   \
	__iommufd_hw_queue_depend(&(dependent)->member, &(depended)->member)

/**
 * iommufd_hw_queue_undepend - undo iommufd_hw_queue_depend()
 * @dependent: as given there
 * @depended: as given there
 * @member: as given there
 */
#define iommufd_hw_queue_undepend(dependent, depended, member)                 \
	__iommufd_hw_queue_undepend(&(dependent)->member, &(depended)->member)

/**
 * iommufd_viommu_alloc_mmap - let user space mmap() registers of a vIOMMU
 * @viommu: the owner; the registers stay mapped no longer than it lives
 * @mmio_addr: physical address of the registers, page aligned
 * @length: how many bytes, whole pages
 * @offset: receives the offset for mmap() of the iommufd
 *
 * For iommu_ops::viommu_init, which then returns @offset and @length in its
 * data to user space. User space has to mmap() exactly that.
 *
 * Context: Process context. May sleep.
 * Return: 0 or a negative errno.
 */
static inline int iommufd_viommu_alloc_mmap(struct iommufd_viommu *viommu,
					    phys_addr_t mmio_addr,
					    size_t length,
					    unsigned long *offset)
{
	return _iommufd_alloc_mmap(viommu->ictx, &viommu->obj, mmio_addr,
				   length, offset);
}

/**
 * iommufd_viommu_destroy_mmap - undo iommufd_viommu_alloc_mmap()
 * @viommu: the owner
 * @offset: what was received
 *
 * For &iommufd_viommu_ops.destroy, and for the error path of viommu_init.
 *
 * Context: Process context. May sleep.
 */
static inline void iommufd_viommu_destroy_mmap(struct iommufd_viommu *viommu,
					       unsigned long offset)
{
	_iommufd_destroy_mmap(viommu->ictx, &viommu->obj, offset);
}

#endif
