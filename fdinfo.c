// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/fdinfo/N of a /dev/iommu: what is in the context, a line for each
 * object. Each line is "iommufd-<type>:", a tab and "name=value" pairs; new pairs
 * may come at the end.
 */
#include <linux/iommu.h>
#include <linux/seq_file.h>

#include "iommufd_private.h"

static void show_ioas(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);
	struct io_space_stats stats;

	io_space_get_stats(&ioas->space, &stats);
	seq_printf(m, "iommufd-ioas:\tid=%u areas=%lu mapped=%lu pinned=%lu domains=%u accesses=%u\n",
		   obj->id, stats.areas, stats.mapped, stats.pinned,
		   stats.domains, stats.users);
}

static void show_hwpt_paging(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_hwpt_paging *hwpt =
		container_of(obj, struct iommufd_hwpt_paging, common.obj);

	seq_printf(m, "iommufd-hwpt:\tid=%u ioas=%u automatic=%u nest_parent=%u pasid=%u dirty=%u\n",
		   obj->id, hwpt->ioas->obj.id, hwpt->automatic,
		   hwpt->nest_parent, hwpt->common.pasid,
		   !!hwpt->common.domain->dirty_ops);
}

static void show_hwpt_nested(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_hwpt_nested *hwpt =
		container_of(obj, struct iommufd_hwpt_nested, common.obj);

	seq_printf(m, "iommufd-hwpt-nested:\tid=%u parent=%u pasid=%u\n",
		   obj->id, hwpt->parent->common.obj.id, hwpt->common.pasid);
}

static void show_device(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);
	struct iommufd_attachment *attachment;
	unsigned long pasid;

	seq_printf(m, "iommufd-device:\tid=%u name=%s", obj->id,
		   dev_name(idev->dev));
	scoped_guard(mutex, &idev->igroup->lock)
		xa_for_each(&idev->igroup->attachments, pasid, attachment) {
			if (!xa_load(&attachment->devices, obj->id))
				continue;
			if (pasid == IOMMU_NO_PASID)
				seq_puts(m, " rid=");
			else
				seq_printf(m, " pasid%lu=", pasid);
			if (attachment->blocked)
				seq_puts(m, "blocked");
			else
				seq_printf(m, "%u", attachment->hwpt->obj.id);
		}
	seq_putc(m, '\n');
}

static void show_access(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_access *access = iommufd_access_of(obj);
	u32 ioas_id;

	seq_printf(m, "iommufd-access:\tid=%u", obj->id);
	if (iommufd_access_shows(access, &ioas_id))
		seq_printf(m, " ioas=%u", ioas_id);
	seq_putc(m, '\n');
}

static void show_viommu(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_viommu *viommu =
		container_of(obj, struct iommufd_viommu, obj);

	seq_printf(m, "iommufd-viommu:\tid=%u hwpt=%u type=%u\n", obj->id,
		   viommu->hwpt->common.obj.id, viommu->type);
}

static void show_vdevice(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_vdevice *vdev =
		container_of(obj, struct iommufd_vdevice, obj);

	seq_printf(m, "iommufd-vdevice:\tid=%u viommu=%u virt_id=%llu\n",
		   obj->id, vdev->viommu->obj.id, vdev->virt_id);
}

static void show_fault(struct seq_file *m, struct iommufd_object *obj)
{
	seq_printf(m, "iommufd-fault:\tid=%u\n", obj->id);
}

static void show_veventq(struct seq_file *m, struct iommufd_object *obj)
{
	seq_printf(m, "iommufd-veventq:\tid=%u\n", obj->id);
}

static void show_hw_queue(struct seq_file *m, struct iommufd_object *obj)
{
	struct iommufd_hw_queue *queue =
		container_of(obj, struct iommufd_hw_queue, obj);

	seq_printf(m, "iommufd-hw-queue:\tid=%u viommu=%u iova=%#llx length=%zu\n",
		   obj->id, queue->viommu->obj.id, queue->base_addr,
		   queue->length);
}

static void (*const show_fns[IOMMUFD_OBJ_MAX])(struct seq_file *m,
					       struct iommufd_object *obj) = {
	[IOMMUFD_OBJ_DEVICE] = show_device,
	[IOMMUFD_OBJ_HWPT_PAGING] = show_hwpt_paging,
	[IOMMUFD_OBJ_HWPT_NESTED] = show_hwpt_nested,
	[IOMMUFD_OBJ_IOAS] = show_ioas,
	[IOMMUFD_OBJ_ACCESS] = show_access,
	[IOMMUFD_OBJ_FAULT] = show_fault,
	[IOMMUFD_OBJ_VIOMMU] = show_viommu,
	[IOMMUFD_OBJ_VDEVICE] = show_vdevice,
	[IOMMUFD_OBJ_VEVENTQ] = show_veventq,
	[IOMMUFD_OBJ_HW_QUEUE] = show_hw_queue,
};

/**
 * iommufd_show_fdinfo() - file_operations.show_fdinfo of /dev/iommu
 * @m: where to
 * @file: the open file
 *
 * Objects that come or go meanwhile may be missing.
 *
 * Context: may sleep; waits for attaches that are under way.
 */
void iommufd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct iommufd_ctx *ictx = iommufd_ctx_of(file);
	struct iommufd_object *obj;
	unsigned long id;

	xa_for_each(&ictx->objects, id, obj) {
		/* A reader must not be what keeps the user from destroying it. */
		obj = iommufd_object_peek(ictx, id);
		if (!obj)
			continue;
		if (show_fns[obj->type])
			show_fns[obj->type](m, obj);
		iommufd_object_unpeek(ictx, obj);
	}
}
