/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of iommufd that is always built in, because built-in IOMMU drivers
 * and the iommu core call it: software MSI, registers of a vIOMMU for mmap, and
 * vIOMMU events. Here is what the module shares with it; driver.c has the rest.
 */
#ifndef __IOMMUFD_DRIVER_H
#define __IOMMUFD_DRIVER_H

#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

struct iommufd_ctx;
struct iommufd_device;
struct iommufd_group;
struct iommufd_object;
struct mem_cgroup;

/**
 * DOC: Software MSI
 *
 * On some machines an MSI is a write that the IOMMU translates like any other.
 * The IOMMU driver then names a window of IOVAs (a reserved region of type
 * SW_MSI) in which the doorbell pages of the interrupt controllers have to be
 * mapped.
 *
 * A doorbell gets a page of the window when the first interrupt of a context
 * needs it, and keeps that page for as long as the context lives: interrupts
 * that were set up stay valid when their device moves to another page table.
 *
 * Each group remembers which doorbells its interrupts use. They are mapped into
 * a page table before the group enters it, and unmapped when the last group has
 * left, so that nothing of them is left when the window ceases to be reserved.
 *
 * While a group is being moved, an interrupt that is set up gets its doorbell in
 * the page table that the group comes from and in the one that it goes to.
 *
 * All of this is under &iommufd_msi.lock, which nests inside the mutex of the
 * iommu group, and therefore must not be held while the iommu core is called to
 * attach anything.
 */
#define IOMMUFD_MSI_MAX_PAGES 64

/**
 * struct iommufd_msi_page - a doorbell page that has its IOVA
 * @window: start of the window that it is in
 * @doorbell: physical address of the page
 * @iova: where it is mapped
 */
struct iommufd_msi_page {
	phys_addr_t window;
	phys_addr_t doorbell;
	unsigned long iova;
};

/**
 * struct iommufd_msi - the doorbells of a context
 * @lock: m: protects this struct and what the groups and page tables of the
 *        context have of it
 * @nr_pages: how many of @pages are in use [m]
 * @pages: the doorbells [m]; the index is the bit in the bitmaps below
 */
struct iommufd_msi {
	struct mutex lock; /* [m] */
	unsigned int nr_pages;
	struct iommufd_msi_page pages[IOMMUFD_MSI_MAX_PAGES];
};

/**
 * struct iommufd_msi_pages - the doorbells in a page table
 * @domain: the domain of the page table [I]
 * @nr_groups: groups whose RID DMA goes through it, directly or nested [m]
 * @mapped: which doorbells are mapped [m]
 */
struct iommufd_msi_pages {
	struct iommu_domain *domain;
	unsigned int nr_groups;
	DECLARE_BITMAP(mapped, IOMMUFD_MSI_MAX_PAGES);
};

/**
 * struct iommufd_group_msi - the doorbells of a group
 * @ctx: those of the context that the group is used in [I]
 * @window: start of the window [m]
 * @window_length: bytes in the window; 0 when the group has none [m]
 * @needed: which doorbells its interrupts use [m]
 * @present: the page table that it is attached to, or NULL [m]
 * @next: the page table that it is about to be attached to, or NULL [m]
 */
struct iommufd_group_msi {
	struct iommufd_msi *ctx;
	phys_addr_t window;
	size_t window_length;
	DECLARE_BITMAP(needed, IOMMUFD_MSI_MAX_PAGES);
	struct iommufd_msi_pages *present;
	struct iommufd_msi_pages *next;
};

static inline void iommufd_msi_pages_init(struct iommufd_msi_pages *pages,
					  struct iommu_domain *domain)
{
	*pages = (struct iommufd_msi_pages){ .domain = domain };
}

#if IS_ENABLED(CONFIG_IRQ_MSI_IOMMU)
void iommufd_group_msi_set_window(struct iommufd_group_msi *group,
				  phys_addr_t start, size_t length);
int iommufd_group_msi_enter(struct iommufd_group_msi *group,
			    struct iommufd_msi_pages *pages);
void iommufd_group_msi_entered(struct iommufd_group_msi *group, int rc);
void iommufd_group_msi_leave(struct iommufd_group_msi *group);
#else
static inline void iommufd_group_msi_set_window(struct iommufd_group_msi *group,
						phys_addr_t start,
						size_t length)
{
}

static inline int iommufd_group_msi_enter(struct iommufd_group_msi *group,
					  struct iommufd_msi_pages *pages)
{
	return 0;
}

static inline void iommufd_group_msi_entered(struct iommufd_group_msi *group,
					     int rc)
{
}

static inline void iommufd_group_msi_leave(struct iommufd_group_msi *group)
{
}
#endif

/**
 * struct iommufd_attach_handle - what the iommu core keeps of an attachment
 * @handle: the core's part
 * @igroup: the group that is attached
 * @attachment: the devices of the group that are
 * @dev_id: object id of one of them, for page requests of a device of the group
 *          that is not
 */
struct iommufd_attach_handle {
	struct iommu_attach_handle handle;
	struct iommufd_group *igroup;
	struct iommufd_attachment *attachment;
	u32 dev_id;
};

/**
 * struct mmio_window - registers that user space may mmap
 * @owner: the object that they belong to. Each mapping is a user of it
 * @phys: physical address
 * @npages: size
 */
struct mmio_window {
	struct iommufd_object *owner;
	phys_addr_t phys;
	unsigned long npages;
};

/**
 * struct mmio_windows - the registers that can be mapped through a context
 * @by_pgoff: the &struct mmio_window by their offset for mmap, in pages. Its
 *            lock protects all of this
 * @next_pgoff: offset of the next one. Offsets are never used twice, so that a
 *              stale one cannot lead to somebody else's registers
 */
struct mmio_windows {
	struct xarray by_pgoff;
	unsigned long next_pgoff;
};

struct mmio_window *iommufd_mmio_window_get(struct iommufd_ctx *ictx,
					    unsigned long pgoff,
					    unsigned long npages);

/**
 * struct iommufd_driver_ctx - what a context has for the built-in part
 * @mmio: registers for mmap
 * @msi: doorbells
 */
struct iommufd_driver_ctx {
	struct mmio_windows mmio;
	struct iommufd_msi msi;
};

static inline void iommufd_driver_ctx_init(struct iommufd_driver_ctx *driver)
{
	xa_init_flags(&driver->mmio.by_pgoff, XA_FLAGS_ACCOUNT);
	driver->mmio.next_pgoff = 1;
	mutex_init(&driver->msi.lock);
	driver->msi.nr_pages = 0;
}

static inline void iommufd_driver_ctx_destroy(struct iommufd_driver_ctx *driver)
{
	WARN_ON(!xa_empty(&driver->mmio.by_pgoff));
	xa_destroy(&driver->mmio.by_pgoff);
	mutex_destroy(&driver->msi.lock);
}

static inline void iommufd_group_msi_init(struct iommufd_group_msi *group,
					  struct iommufd_driver_ctx *driver)
{
	*group = (struct iommufd_group_msi){ .ctx = &driver->msi };
}

/**
 * struct vevent - an event on its way to the reader of a vEVENTQ
 * @item: on &vevent_queue.events
 * @length: bytes of @payload
 * @header: what the reader gets first
 * @payload: what the reader gets next
 */
struct vevent {
	struct list_head item;
	size_t length;
	struct iommufd_vevent_header header;
	u8 payload[] __counted_by(length);
};

/**
 * struct vevent_queue - events of one type of one vIOMMU
 * @viommu_item: on &iommufd_viommu.veventqs [veventqs_rwsem of the vIOMMU]
 * @type: kind of events [I]
 * @depth: how many unread events it holds [I]
 * @memcg: who pays for them [I]
 * @readers: who waits for an event
 * @lock: l: protects the rest. Taken in threaded interrupt handlers
 * @events: in the order of their sequence. @lost, if it is here, is the last [l]
 * @nr_events: number of @events, without @lost [l]
 * @next_sequence: of the next event, lost or not [l]
 * @lost: says that the latest events did not fit. To take it off the queue use
 *        list_del_init(); it is not allocated by itself [l]
 */
struct vevent_queue {
	struct list_head viommu_item;
	enum iommu_veventq_type type;
	u32 depth;
	struct mem_cgroup *memcg;
	wait_queue_head_t readers;

	spinlock_t lock; /* [l] */
	struct list_head events;
	u32 nr_events;
	u32 next_sequence;
	struct vevent lost;
};

#endif
