// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel users of an IOAS: the software table. Not served yet: nobody can create
 * an access, so that the other calls have nothing to act on.
 */
#include "iommufd_private.h"

void iommufd_access_free(struct iommufd_object *obj)
{
}

/**
 * iommufd_access_create() - bind a kernel user to a context
 * @ictx: the context
 * @ops: its callbacks
 * @data: passed to the callbacks
 * @id: receives the object id
 *
 * Return: ERR_PTR(-EOPNOTSUPP).
 */
struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ictx,
		      const struct iommufd_access_ops *ops, void *data, u32 *id)
{
	return ERR_PTR(-EOPNOTSUPP);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_create, "IOMMUFD");

/**
 * iommufd_access_destroy() - undo iommufd_access_create()
 * @access: the access
 */
void iommufd_access_destroy(struct iommufd_access *access)
{
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_destroy, "IOMMUFD");

/**
 * iommufd_access_attach() - choose the IOAS of an access
 * @access: the access
 * @ioas_id: the IOAS
 *
 * Return: -EOPNOTSUPP.
 */
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_attach, "IOMMUFD");

/**
 * iommufd_access_replace() - move an access to another IOAS
 * @access: the access
 * @ioas_id: the IOAS
 *
 * Return: -EOPNOTSUPP.
 */
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_replace, "IOMMUFD");

/**
 * iommufd_access_detach() - undo iommufd_access_attach()
 * @access: the access
 */
void iommufd_access_detach(struct iommufd_access *access)
{
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_detach, "IOMMUFD");

/**
 * iommufd_access_pin_pages() - pin pages by IOVA
 * @access: the access
 * @iova: first IOVA
 * @length: bytes
 * @out_pages: receives the pages
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Return: -EOPNOTSUPP.
 */
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_pin_pages, "IOMMUFD");

/**
 * iommufd_access_unpin_pages() - undo iommufd_access_pin_pages()
 * @access: the access
 * @iova: first IOVA
 * @length: bytes
 */
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length)
{
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_unpin_pages, "IOMMUFD");

/**
 * iommufd_access_rw() - read or write memory by IOVA
 * @access: the access
 * @iova: first IOVA
 * @data: kernel memory
 * @len: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 *
 * Return: -EOPNOTSUPP.
 */
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t len, unsigned int flags)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_rw, "IOMMUFD");
