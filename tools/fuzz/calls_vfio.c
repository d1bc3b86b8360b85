// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of VFIO that reach the subsystem: of a device, a group, a container.
 */
#include <fcntl.h>
#include <linux/vfio.h>

#include "thread.h"

#define R	VFIO_DMA_MAP_FLAG_READ
#define W	VFIO_DMA_MAP_FLAG_WRITE

/* Its context is known by the file from now on. */
static void note_bind(struct thread *t, const void *arg)
{
	const struct vfio_device_bind_iommufd *cmd = arg;

	file_bind(t->scene.file.fd, t->scene.nr_context);
	id_add(t->scene.life, T_DEVICE,
	       &(struct object){ .id = cmd->out_devid });
	if (devices[t->scene.file.device].has_pasids)
		id_add(t->scene.life, T_REAL,
		       &(struct object){ .id = cmd->out_devid });
}

static const struct field bind[] = {
	FIELD(vfio_device_bind_iommufd, iommufd, V_CONTEXT),
};

#define ATTACH_TO	(IDS(IOAS) | IDS(PAGING) | IDS(PASID))

static const struct field attach[] = {
	FIELD(vfio_device_attach_iommufd_pt, pt_id, V_ID, ATTACH_TO),
};

static const struct field attach_for_pasids[] = {
	FIELD(vfio_device_attach_iommufd_pt, pt_id, V_ID, IDS(REAL_PASID)),
};

static const struct field attach_pasid[] = {
	FIELD(vfio_device_attach_iommufd_pt, flags, V_VALUE,
	      VFIO_DEVICE_ATTACH_PASID),
	FIELD(vfio_device_attach_iommufd_pt, pt_id, V_ID, IDS(REAL_PASID)),
	FIELD(vfio_device_attach_iommufd_pt, pasid, V_VALUE, 1),
};

static const struct field detach_pasid[] = {
	FIELD(vfio_device_detach_iommufd_pt, flags, V_VALUE,
	      VFIO_DEVICE_DETACH_PASID),
	FIELD(vfio_device_detach_iommufd_pt, pasid, V_VALUE, 1),
};

static const struct field region_info[] = {
	FIELD(vfio_region_info, index, V_BELOW, 9),
};

struct one_irq {
	struct vfio_irq_set set;
	__s32 event;
};

static const struct field set_irqs[] = {
	FIELD(one_irq, set.flags, V_VALUE,
	      VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER),
	FIELD(one_irq, set.index, V_VALUE, VFIO_PCI_MSI_IRQ_INDEX),
	FIELD(one_irq, set.count, V_VALUE, 1),
	FIELD(one_irq, event, V_EVENT),
};

struct dma_buf {
	struct vfio_device_feature feature;
	struct vfio_device_feature_dma_buf dma_buf;
	struct vfio_region_dma_range ranges[2];
};

VALUES(starts, 0, 0, 4096, 65536);
VALUES(sizes, 4096, 65536, 65536, 1 << 20);

static const struct field get_dmabuf[] = {
	FIELD(dma_buf, feature.flags, V_VALUE,
	      VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF),
	FIELD(dma_buf, dma_buf.region_index, V_BELOW, 2),
	FIELD(dma_buf, dma_buf.open_flags, V_VALUE, O_RDWR | O_CLOEXEC),
	FIELD(dma_buf, dma_buf.nr_ranges, V_VALUE, 1),
	FIELD_ONE_OF(dma_buf, ranges[0].offset, starts),
	FIELD_ONE_OF(dma_buf, ranges[0].length, sizes),
	FIELD_ONE_OF(dma_buf, ranges[1].length, sizes),
};

struct set_container {
	__s32 fd;
};

static const struct field set_container[] = {
	FIELD(set_container, fd, V_CONTEXT),
};

struct device_name {
	char name[64];
};

static const struct field device_name[] = {
	FIELD(device_name, name, V_NAME),
};

/* Numbers that are the argument itself */
struct number {
	__u32 value;
};

VALUES(extensions, VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_DMA_CC_IOMMU,
	VFIO_UNMAP_ALL, VFIO_UPDATE_VADDR, VFIO_NOIOMMU_IOMMU);
VALUES(iommu_types, VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_TYPE1v2_IOMMU,
	VFIO_TYPE1v2_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_TYPE1v2_IOMMU);

static const struct field extension[] = {
	FIELD_ONE_OF(number, value, extensions),
};

static const struct field iommu_type[] = {
	FIELD_ONE_OF(number, value, iommu_types),
};

/* The room for its capabilities, which may be too little */
struct iommu_info {
	struct vfio_iommu_type1_info info;
	char caps[256];
};

VALUES(dma_flags, R | W, R | W, R, W);

static const struct field map_dma[] = {
	FIELD_ONE_OF(vfio_iommu_type1_dma_map, flags, dma_flags),
	FIELD(vfio_iommu_type1_dma_map, vaddr, V_ADDRESS),
	FIELD(vfio_iommu_type1_dma_map, iova, V_NEW_IOVA),
	FIELD(vfio_iommu_type1_dma_map, size, V_NEW_LENGTH),
};

static void note_map_dma(struct thread *t, const void *arg)
{
	const struct vfio_iommu_type1_dma_map *cmd = arg;

	map_add(t->scene.life, &(struct mapping){ CONTAINER_IOAS, cmd->iova,
						  cmd->size, cmd->vaddr });
}

/* The memory has another address now, after it had none for a while. */
static const struct field new_vaddr[] = {
	FIELD(vfio_iommu_type1_dma_map, flags, V_VALUE,
	      VFIO_DMA_MAP_FLAG_VADDR),
	FIELD(vfio_iommu_type1_dma_map, vaddr, V_MAPPED),
	FIELD(vfio_iommu_type1_dma_map, iova, V_IOVA),
	FIELD(vfio_iommu_type1_dma_map, size, V_LENGTH),
};

struct unmap_dma {
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_bitmap bitmap;
};

static const struct field unmap_dma[] = {
	FIELD(unmap_dma, unmap.iova, V_IOVA),
	FIELD(unmap_dma, unmap.size, V_LENGTH),
};

static const struct field no_vaddr[] = {
	FIELD(unmap_dma, unmap.flags, V_VALUE, VFIO_DMA_UNMAP_FLAG_VADDR),
	FIELD(unmap_dma, unmap.iova, V_IOVA),
	FIELD(unmap_dma, unmap.size, V_LENGTH),
};

/* Some more entries of it, so that it gets a new address some day. */
static void note_no_vaddr(struct thread *t, const void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		map_add(t->scene.life, &t->scene.map);
}

static const struct field unmap_dma_all[] = {
	FIELD(unmap_dma, unmap.flags, V_VALUE, VFIO_DMA_UNMAP_FLAG_ALL),
};

static const struct field unmap_dma_dirty[] = {
	FIELD(unmap_dma, unmap.flags, V_VALUE,
	      VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP),
	FIELD(unmap_dma, unmap.iova, V_IOVA),
	FIELD(unmap_dma, unmap.size, V_LENGTH),
	FIELD(unmap_dma, bitmap.pgsize, V_VALUE, 4096),
	FIELD(unmap_dma, bitmap.size, V_VALUE, 4096),
	FIELD(unmap_dma, bitmap.data, V_BUFFER, 4096),
};

static void forget_maps(struct thread *t, const void *arg)
{
	const struct unmap_dma *cmd = arg;

	map_drop(t->scene.life, &(struct mapping){ CONTAINER_IOAS,
						   cmd->unmap.iova,
						   cmd->unmap.size });
}

static void forget_all(struct thread *t, const void *arg)
{
	map_drop(t->scene.life, &(struct mapping){ CONTAINER_IOAS, 0, ~0ULL });
}

struct dirty_pages {
	struct vfio_iommu_type1_dirty_bitmap dirty;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

VALUES(logging, VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	VFIO_IOMMU_DIRTY_PAGES_FLAG_START, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);

static const struct field log_dirty[] = {
	FIELD_ONE_OF(dirty_pages, dirty.flags, logging),
};

static const struct field get_dirty[] = {
	FIELD(dirty_pages, dirty.flags, V_VALUE,
	      VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP),
	FIELD(dirty_pages, get.iova, V_IOVA),
	FIELD(dirty_pages, get.size, V_LENGTH),
	FIELD(dirty_pages, get.bitmap.pgsize, V_VALUE, 4096),
	FIELD(dirty_pages, get.bitmap.size, V_VALUE, 4096),
	FIELD(dirty_pages, get.bitmap.data, V_BUFFER, 4096),
};

#define CALL_AS(_name, _on, _often, _cmd, _struct, _fields)		\
	.name = _name, .on = _on, .often = _often, .cmd = _cmd,		\
	.shape = SHAPE(_struct, _fields)
#define CALL(_on, _often, _cmd, _struct, _fields)			\
	CALL_AS(#_cmd, _on, _often, _cmd, _struct, _fields)
#define CALL_ONLY(_on, _often, _cmd, _struct)				\
	.name = #_cmd, .on = _on, .often = _often, .cmd = _cmd,		\
	.shape = SHAPE_ONLY(_struct)

static const struct call calls[] = {
	{ CALL(F_CDEV, 12, VFIO_DEVICE_BIND_IOMMUFD,
	       vfio_device_bind_iommufd, bind), .done = note_bind },
	{ CALL(F_BOUND, 20, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
	       vfio_device_attach_iommufd_pt, attach),
	  .out = { ID_OUT(vfio_device_attach_iommufd_pt, pt_id, PAGING) } },
	{ CALL_AS("VFIO_DEVICE_ATTACH_IOMMUFD_PT of a PASID", F_BOUND, 10,
		  VFIO_DEVICE_ATTACH_IOMMUFD_PT, vfio_device_attach_iommufd_pt,
		  attach_pasid),
	  .pasids = true, .optional = without_pasids },
	{ CALL_AS("VFIO_DEVICE_ATTACH_IOMMUFD_PT for PASIDs", F_BOUND, 10,
		  VFIO_DEVICE_ATTACH_IOMMUFD_PT, vfio_device_attach_iommufd_pt,
		  attach_for_pasids),
	  .pasids = true, .optional = without_pasids },
	{ CALL_ONLY(F_BOUND, 4, VFIO_DEVICE_DETACH_IOMMUFD_PT,
		    vfio_device_detach_iommufd_pt) },
	{ CALL_AS("VFIO_DEVICE_DETACH_IOMMUFD_PT of a PASID", F_BOUND, 3,
		  VFIO_DEVICE_DETACH_IOMMUFD_PT, vfio_device_detach_iommufd_pt,
		  detach_pasid),
	  .pasids = true, .optional = without_pasids },
	{ CALL_ONLY(F_BOUND, 1, VFIO_DEVICE_GET_INFO, vfio_device_info) },
	{ CALL(F_BOUND, 1, VFIO_DEVICE_GET_REGION_INFO, vfio_region_info,
	       region_info) },
	{ CALL(F_BOUND, 1, VFIO_DEVICE_SET_IRQS, one_irq, set_irqs) },
	{ CALL_ONLY(F_BOUND, 1, VFIO_DEVICE_RESET, number), .no_size = true },
	{ CALL_AS("VFIO_DEVICE_FEATURE_DMA_BUF", F_BOUND, 4,
		  VFIO_DEVICE_FEATURE, dma_buf, get_dmabuf),
	  .out = { { OUT_FILE_RETURNED, 0, F_DMABUF } } },

	{ CALL_ONLY(F_GROUP, 1, VFIO_GROUP_GET_STATUS, vfio_group_status) },
	{ CALL(F_GROUP, 8, VFIO_GROUP_SET_CONTAINER, set_container,
	       set_container), .no_size = true },
	{ CALL_ONLY(F_GROUP, 1, VFIO_GROUP_UNSET_CONTAINER, number),
	  .no_size = true },
	{ CALL(F_GROUP, 6, VFIO_GROUP_GET_DEVICE_FD, device_name, device_name),
	  .no_size = true,
	  .out = { { OUT_FILE_RETURNED, 0, F_DEVICE } } },

	{ CALL_ONLY(F_CONTEXT, 1, VFIO_GET_API_VERSION, number),
	  .no_size = true },
	{ CALL(F_CONTEXT, 1, VFIO_CHECK_EXTENSION, number, extension),
	  .by_value = true },
	{ CALL(F_CONTEXT, 14, VFIO_SET_IOMMU, number, iommu_type),
	  .by_value = true },
	{ CALL_ONLY(F_CONTEXT, 2, VFIO_IOMMU_GET_INFO, iommu_info) },
	{ CALL(F_CONTEXT, 20, VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map,
	       map_dma), .done = note_map_dma },
	{ CALL_AS("VFIO_IOMMU_MAP_DMA of a new address", F_CONTEXT, 12,
		  VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map, new_vaddr) },
	{ CALL_AS("VFIO_IOMMU_UNMAP_DMA of an address", F_CONTEXT, 6,
		  VFIO_IOMMU_UNMAP_DMA, unmap_dma, no_vaddr),
	  .done = note_no_vaddr },
	{ CALL(F_CONTEXT, 12, VFIO_IOMMU_UNMAP_DMA, unmap_dma, unmap_dma),
	  .done = forget_maps },
	{ CALL_AS("VFIO_IOMMU_UNMAP_DMA all", F_CONTEXT, 1,
		  VFIO_IOMMU_UNMAP_DMA, unmap_dma, unmap_dma_all),
	  .done = forget_all },
	{ CALL_AS("VFIO_IOMMU_UNMAP_DMA with dirty pages", F_CONTEXT, 6,
		  VFIO_IOMMU_UNMAP_DMA, unmap_dma, unmap_dma_dirty),
	  .done = forget_maps },
	{ CALL_AS("VFIO_IOMMU_DIRTY_PAGES start, stop", F_CONTEXT, 4,
		  VFIO_IOMMU_DIRTY_PAGES, dirty_pages, log_dirty) },
	{ CALL_AS("VFIO_IOMMU_DIRTY_PAGES get", F_CONTEXT, 8,
		  VFIO_IOMMU_DIRTY_PAGES, dirty_pages, get_dirty) },
};

const struct calls vfio_calls = { COUNT(calls), calls };
