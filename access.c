// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses: drivers of the kernel that use an IOAS as their software table.
 *
 * Happy path: create, attach to an IOAS, pin and copy by IOVA, detach, destroy.
 *
 * When an access leaves an IOAS it first becomes impossible to pin anything new
 * there, then the driver is told to give up all its pins, and then it is taken
 * out. Pins are given up in the IOAS in which they were made, also while the
 * access is on its way to another one. It copies all the time: up to some moment
 * in the IOAS that it leaves, from then on in the other one.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <uapi/linux/vfio.h>

#include "iommufd_private.h"

/**
 * struct iommufd_access - a driver of the kernel that uses an IOAS
 * @obj: the object
 * @ictx: [I] reference held
 * @ops: [I] callbacks
 * @data: [I] for the callbacks
 * @user: its membership in the space
 * @lock: protects the following
 * @ioas: where it pins, or NULL; kept
 * @ioas_unpin: where it gives up pins and copies, or NULL; kept
 * @range: [I] of an access that only locks memory: what it locks
 */
struct iommufd_access {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_access_ops *ops;
	void *data;
	struct io_user user;
	struct mutex lock;
	struct iommufd_ioas *ioas;
	struct iommufd_ioas *ioas_unpin;
	struct io_range range;
};

static void unmap_user(struct io_user *user, unsigned long iova,
		       unsigned long length)
{
	struct iommufd_access *access =
		container_of(user, struct iommufd_access, user);

	access->ops->unmap(access->data, iova, length);
}

static void give_up_pins(struct iommufd_access *access)
{
	if (access->ops->unmap)
		access->ops->unmap(access->data, 0, ULONG_MAX);
}

/**
 * iommufd_access_of() - the access that an object is
 * @obj: of that type
 */
struct iommufd_access *iommufd_access_of(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_access, obj);
}

void iommufd_access_free(struct iommufd_object *obj)
{
	struct iommufd_access *access = iommufd_access_of(obj);

	mutex_destroy(&access->lock);
}

/**
 * iommufd_access_create() - make a driver a user of a context
 * @ictx: the context
 * @ops: its callbacks; @ops->unmap is called when pins are to be given up
 * @data: passed to the callbacks
 * @id: receives the object id
 *
 * Context: process context.
 * Return: the access, or ERR_PTR(-ENOMEM). (kernel-api.md 5)
 */
struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ictx,
		      const struct iommufd_access_ops *ops, void *data, u32 *id)
{
	struct iommufd_access *access;
	struct iommufd_object *obj;

	obj = iommufd_object_new(ictx, sizeof(*access), IOMMUFD_OBJ_ACCESS);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	access = container_of(obj, struct iommufd_access, obj);
	access->ictx = ictx;
	access->ops = ops;
	access->data = data;
	access->user.align = ops->needs_pin_pages ? PAGE_SIZE : 1;
	access->user.unmap = ops->unmap ? unmap_user : NULL;
	access->user.id = obj->id;
	mutex_init(&access->lock);
	iommufd_ctx_get(ictx);
	/* For the driver, so that the user cannot destroy the object. */
	iommufd_object_keep(obj);
	iommufd_object_publish(ictx, obj);
	*id = obj->id;
	return access;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_create, "IOMMUFD");

/*
 * Let the access use an IOAS, which is kept until leave_ioas(). Not under the
 * lock of the access: whoever is told of an unmap may wait for somebody who pins.
 */
static struct iommufd_ioas *join_ioas(struct iommufd_access *access, u32 id,
				      struct io_user *user)
{
	struct iommufd_ioas *ioas = iommufd_ioas_get(access->ictx, id);
	int rc;

	if (IS_ERR(ioas))
		return ioas;
	rc = io_space_add_user(&ioas->space, user);
	if (!rc)
		iommufd_object_keep(&ioas->obj);
	iommufd_ioas_put(ioas);
	return rc ? ERR_PTR(rc) : ioas;
}

static void leave_ioas(struct iommufd_ioas *ioas, struct io_user *user)
{
	io_space_remove_user(&ioas->space, user);
	iommufd_object_unkeep(&ioas->obj);
}

/**
 * iommufd_access_attach() - choose the IOAS of an access
 * @access: the access
 * @ioas_id: the IOAS
 *
 * Context: process context. The caller serializes attach, replace and detach.
 * Return: 0; -ENOENT; -EADDRINUSE an area there has no whole pages, which pins
 * need; -EINVAL and a warning if it is attached. (kernel-api.md 5)
 */
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	struct iommufd_ioas *ioas;

	if (WARN_ON(access->ioas || access->ioas_unpin))
		return -EINVAL;
	ioas = join_ioas(access, ioas_id, &access->user);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	guard(mutex)(&access->lock);
	access->ioas = ioas;
	access->ioas_unpin = ioas;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_attach, "IOMMUFD");

/* No new pins from here on. Returns the IOAS that is to be left. */
static struct iommufd_ioas *begin_leave(struct iommufd_access *access)
{
	struct iommufd_ioas *ioas;

	guard(mutex)(&access->lock);
	ioas = access->ioas;
	access->ioas = NULL;
	return ioas;
}

static void detach(struct iommufd_access *access)
{
	struct iommufd_ioas *ioas = begin_leave(access);

	if (!ioas)
		return;
	give_up_pins(access);
	scoped_guard(mutex, &access->lock)
		access->ioas_unpin = NULL;
	leave_ioas(ioas, &access->user);
}

/**
 * iommufd_access_detach() - undo iommufd_access_attach()
 * @access: the access; warns if it is not attached
 *
 * Context: process context; calls @ops->unmap for everything, and waits for
 * calls that are under way. The caller serializes attach, replace and detach, and
 * holds no lock that @ops->unmap takes. (kernel-api.md 5)
 */
void iommufd_access_detach(struct iommufd_access *access)
{
	if (!WARN_ON(!access->ioas))
		detach(access);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_detach, "IOMMUFD");

/* Does @id name the IOAS where the access is? */
static int is_attached_to(struct iommufd_access *access, u32 id)
{
	guard(mutex)(&access->lock);
	if (access->ioas)
		return access->ioas->obj.id == id;
	return access->ioas_unpin ? -EBUSY : -ENOENT;
}

/**
 * iommufd_access_replace() - move an access to another IOAS
 * @access: the access
 * @ioas_id: the IOAS
 *
 * Context: as iommufd_access_detach().
 * Return: 0; -ENOENT no such IOAS, or not attached; -EBUSY it is just being
 * moved; -EADDRINUSE; -ENOMEM. An error leaves it where it was. (kernel-api.md 5)
 */
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id)
{
	/* A stand-in until the old IOAS is left; nothing is pinned for it. */
	struct io_user joining = { .align = access->user.align };
	struct iommufd_ioas *ioas, *old;
	int rc;

	rc = is_attached_to(access, ioas_id);
	if (rc)
		return rc < 0 ? rc : 0;
	ioas = join_ioas(access, ioas_id, &joining);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	old = begin_leave(access);
	if (!old) {
		leave_ioas(ioas, &joining);
		return -EBUSY;
	}
	give_up_pins(access);
	scoped_guard(mutex, &access->lock)
		access->ioas_unpin = ioas;
	leave_ioas(old, &access->user);
	io_space_swap_user(&ioas->space, &joining, &access->user);
	guard(mutex)(&access->lock);
	access->ioas = ioas;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_replace, "IOMMUFD");

/**
 * iommufd_access_destroy() - undo iommufd_access_create()
 * @access: the access; detached if it is attached; invalid afterwards
 *
 * Context: as iommufd_access_detach().
 */
void iommufd_access_destroy(struct iommufd_access *access)
{
	struct iommufd_ctx *ictx = access->ictx;

	detach(access);
	iommufd_object_remove(ictx, &access->obj);
	iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_destroy, "IOMMUFD");

/*
 * Keep an IOAS that the access keeps for the time that an operation takes. Not
 * by its id: that may fail on request, and giving up a pin must not.
 */
static struct iommufd_ioas *use_ioas(struct iommufd_access *access,
				     struct iommufd_ioas *ioas)
{
	lockdep_assert_held(&access->lock);
	if (!ioas)
		return ERR_PTR(-ENOENT);
	refcount_inc(&ioas->obj.users);
	refcount_inc(&ioas->obj.wait_cnt);
	return ioas;
}

/**
 * iommufd_access_shows() - which IOAS an access uses
 * @access: the access
 * @ioas_id: receives the id of the IOAS
 *
 * Return: whether there is one.
 */
bool iommufd_access_shows(struct iommufd_access *access, u32 *ioas_id)
{
	guard(mutex)(&access->lock);
	if (!access->ioas)
		return false;
	*ioas_id = access->ioas->obj.id;
	return true;
}

/**
 * iommufd_access_ioas() - the IOAS that an operation works on
 * @access: the access
 *
 * Return: the IOAS, until iommufd_ioas_put(), or ERR_PTR(-ENOENT).
 */
struct iommufd_ioas *iommufd_access_ioas(struct iommufd_access *access)
{
	guard(mutex)(&access->lock);
	return use_ioas(access, access->ioas);
}

/* vfio_iommu_type1 does not tell what is not mapped from what cannot be. */
static int errno_for(const struct iommufd_access *access, int rc)
{
	if (!access->ictx->container)
		return rc;
	return rc == -ENOENT || rc == -EOVERFLOW ? -EINVAL : rc;
}

static int range_of(struct io_range *range, unsigned long iova,
		    unsigned long length)
{
	if (!length)
		return -EINVAL;
	range->first = iova;
	return check_add_overflow(iova, length - 1, &range->last) ? -EOVERFLOW :
								    0;
}

/**
 * iommufd_access_pin_pages() - pin memory by IOVA
 * @access: the access; its ops have needs_pin_pages and unmap
 * @iova: first IOVA
 * @length: bytes
 * @out_pages: receives a page for each PAGE_SIZE of the range
 * @flags: IOMMUFD_ACCESS_RW_WRITE if the pages are going to be written
 *
 * The caller remembers the pin under the lock under which its unmap looks for
 * pins in the range, so that an unmap sees it either pinned and remembered or
 * not pinned.
 *
 * Context: process context, may sleep, faults pages in.
 * Return: 0; -ENOENT (in a native container: -EINVAL) not attached, or part of the
 * range is not mapped; -EINVAL; -EOVERFLOW; -EACCES in a native container of version
 * 1; -EPERM; -ENOMEM; -EFAULT. An error leaves no trace. (kernel-api.md 5.1,
 * vfio-compat.md 7.3)
 */
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags)
{
	int prot = flags & IOMMUFD_ACCESS_RW_WRITE ? IOMMU_WRITE : IOMMU_READ;
	struct iommufd_ioas *ioas;
	struct io_range range;
	int rc;

	if (WARN_ON_ONCE(!access->ops->needs_pin_pages || !access->ops->unmap))
		return -EINVAL;
	/* vfio_iommu_type1 has this in version 2 only. */
	if (access->ictx->container &&
	    READ_ONCE(access->ictx->vfio_type) == VFIO_TYPE1_IOMMU)
		return -EACCES;
	rc = range_of(&range, iova, length);
	if (rc)
		return rc;
	ioas = iommufd_access_ioas(access);
	if (IS_ERR(ioas))
		return errno_for(access, PTR_ERR(ioas));
	rc = io_space_pin(&ioas->space, &range, prot, out_pages);
	iommufd_ioas_put(ioas);
	return errno_for(access, rc);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_pin_pages, "IOMMUFD");

/**
 * iommufd_access_unpin_pages() - undo one iommufd_access_pin_pages()
 * @access: the access
 * @iova: first IOVA
 * @length: bytes, both exactly as they were pinned; warns otherwise
 *
 * Context: process context, may sleep. (kernel-api.md 5)
 */
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length)
{
	struct iommufd_ioas *ioas;
	struct io_range range;

	if (WARN_ON(range_of(&range, iova, length)))
		return;
	scoped_guard(mutex, &access->lock)
		ioas = use_ioas(access, access->ioas_unpin);
	if (WARN_ON(IS_ERR(ioas)))
		return;
	WARN_ON(!io_space_unpin(&ioas->space, &range, 0));
	iommufd_ioas_put(ioas);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_unpin_pages, "IOMMUFD");

static unsigned int copy_flags(unsigned int flags)
{
	unsigned int copy = 0;

	if (flags & IOMMUFD_ACCESS_RW_WRITE)
		copy |= BACKING_COPY_WRITE;
	if (flags & IOMMUFD_ACCESS_RW_KTHREAD)
		copy |= BACKING_COPY_KTHREAD;
	if (flags & __IOMMUFD_ACCESS_RW_SLOW_PATH)
		copy |= BACKING_COPY_BY_PAGE;
	return copy;
}

/**
 * iommufd_access_rw() - copy from or to memory by IOVA
 * @access: the access
 * @iova: first IOVA
 * @data: kernel memory
 * @len: bytes
 * @flags: IOMMUFD_ACCESS_RW_WRITE to write to the IOVA, else read from it;
 *	IOMMUFD_ACCESS_RW_KTHREAD if the caller is a kernel thread
 *
 * Context: process context, may sleep, faults pages in.
 * Return: 0; -ENOENT not attached, or part of the range is not mapped; -EINVAL;
 * -EOVERFLOW; in a native container these three are -EINVAL; -EPERM; -EFAULT. Some
 * bytes may have been copied when it fails. (kernel-api.md 5.3, vfio-compat.md 7.3)
 */
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t len, unsigned int flags)
{
	struct iommufd_ioas *ioas;
	struct io_range range;
	int rc;

	rc = range_of(&range, iova, len);
	if (rc)
		return errno_for(access, rc);
	scoped_guard(mutex, &access->lock)
		ioas = use_ioas(access, access->ioas_unpin);
	if (IS_ERR(ioas))
		return errno_for(access, PTR_ERR(ioas));
	rc = io_space_rw(&ioas->space, &range, data, copy_flags(flags));
	iommufd_ioas_put(ioas);
	return errno_for(access, rc);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_rw, "IOMMUFD");

/**
 * iommufd_access_lock() - keep memory of an IOAS pinned and mapped
 * @ioas: the IOAS; kept
 * @range: whole pages
 * @phys: receives the physical address of the first one
 *
 * No driver is behind such an access, and nobody can find it.
 *
 * Context: process context, may sleep, faults pages in.
 * Return: the access, or an ERR_PTR(): -EADDRINUSE the IOAS is not made of whole
 * pages; -ENOENT part of the range is not mapped; -EPERM it may not be read;
 * -EINVAL it is not memory, or its pages are not those of the IOVA; -EFAULT they
 * do not follow each other; -ENOMEM; or an error of pinning.
 */
struct iommufd_access *iommufd_access_lock(struct iommufd_ioas *ioas,
					   const struct io_range *range,
					   phys_addr_t *phys)
{
	const int prot = IOMMU_READ | IO_PIN_LOCKED;
	struct iommufd_access *access __free(kfree) =
		kzalloc_obj(*access, GFP_KERNEL_ACCOUNT);
	int rc;

	if (!access)
		return ERR_PTR(-ENOMEM);
	access->user.align = PAGE_SIZE;
	access->range = *range;
	access->ioas = ioas;
	rc = io_space_add_user(&ioas->space, &access->user);
	if (rc)
		return ERR_PTR(rc);
	rc = io_space_pin(&ioas->space, range, prot, NULL);
	if (!rc) {
		rc = io_space_phys(&ioas->space, range, phys);
		if (rc)
			io_space_unpin(&ioas->space, range, prot);
	}
	if (rc) {
		io_space_remove_user(&ioas->space, &access->user);
		return ERR_PTR(rc);
	}
	iommufd_object_keep(&ioas->obj);
	return_ptr(access);
}

/**
 * iommufd_access_unlock() - undo iommufd_access_lock()
 * @access: invalid afterwards
 *
 * Context: process context, may sleep.
 */
void iommufd_access_unlock(struct iommufd_access *access)
{
	struct io_space *space = &access->ioas->space;

	WARN_ON(!io_space_unpin(space, &access->range,
				IOMMU_READ | IO_PIN_LOCKED));
	leave_ioas(access->ioas, &access->user);
	kfree(access);
}
