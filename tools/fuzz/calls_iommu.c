// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/iommu.
 */
#include <linux/iommufd.h>

#include "../../iommufd_test.h"
#include "thread.h"

#define FIXED	IOMMU_IOAS_MAP_FIXED_IOVA
#define R	IOMMU_IOAS_MAP_READABLE
#define W	IOMMU_IOAS_MAP_WRITEABLE

VALUES(map_flags, FIXED | R | W, FIXED | R | W, FIXED | R | W, FIXED | R,
	FIXED | W, R | W, R, 0);
VALUES(page_sizes, 2048, 4096, 4096, 4096, 65536, 1 << 20, 1);

static void forget_object(struct thread *t, const void *arg)
{
	const struct iommu_destroy *cmd = arg;

	id_drop(t->scene.life, cmd->id);
}

static const struct field destroy[] = {
	FIELD(iommu_destroy, id, V_ID, ANY_ID),
};

static const struct field range[] = {
	FIELD(iommu_iova_range, start, V_NEW_IOVA),
	FIELD(iommu_iova_range, last, V_LAST),
};

static const struct shape range_shape = SHAPE(iommu_iova_range, range);

static const struct field iova_ranges[] = {
	FIELD(iommu_ioas_iova_ranges, ioas_id, V_ID, IDS(IOAS)),
	FIELD(iommu_ioas_iova_ranges, num_iovas, V_BELOW, 64),
	FIELD(iommu_ioas_iova_ranges, allowed_iovas, V_BUFFER, 1024),
};

static const struct field allow_iovas[] = {
	FIELD(iommu_ioas_allow_iovas, ioas_id, V_ID, IDS(IOAS)),
	FIELD(iommu_ioas_allow_iovas, num_iovas, V_BELOW, 3),
	FIELD_ARRAY(iommu_ioas_allow_iovas, allowed_iovas, 1024, range_shape),
};

static void note_map(struct thread *t, const void *arg)
{
	const struct iommu_ioas_map *cmd = arg;

	map_add(t->scene.life, &(struct mapping){ cmd->ioas_id, cmd->iova,
						  cmd->length, cmd->user_va });
}

static const struct field map[] = {
	FIELD_ONE_OF(iommu_ioas_map, flags, map_flags),
	FIELD(iommu_ioas_map, ioas_id, V_ID, IDS(IOAS)),
	FIELD(iommu_ioas_map, user_va, V_ADDRESS),
	FIELD(iommu_ioas_map, length, V_NEW_LENGTH),
	FIELD(iommu_ioas_map, iova, V_NEW_IOVA),
};

static void note_map_file(struct thread *t, const void *arg)
{
	const struct iommu_ioas_map_file *cmd = arg;

	map_add(t->scene.life, &(struct mapping){ cmd->ioas_id, cmd->iova,
						  cmd->length });
}

VALUES(file_starts, 0, 0, 0, 4096, 2048, 65536);

/* Of a memfd and of a dma-buf */
#define MAP_FILE(_name, _kind)						\
static const struct field _name[] = {					\
	FIELD_ONE_OF(iommu_ioas_map_file, flags, map_flags),		\
	FIELD(iommu_ioas_map_file, ioas_id, V_ID, IDS(IOAS)),		\
	FIELD(iommu_ioas_map_file, fd, V_FILE, _kind),			\
	FIELD_ONE_OF(iommu_ioas_map_file, start, file_starts),		\
	FIELD(iommu_ioas_map_file, length, V_NEW_LENGTH),		\
	FIELD(iommu_ioas_map_file, iova, V_NEW_IOVA),			\
}

MAP_FILE(map_memfd, F_MEMFD);
MAP_FILE(map_dmabuf, F_DMABUF);

static void note_copy(struct thread *t, const void *arg)
{
	const struct iommu_ioas_copy *cmd = arg;

	map_add(t->scene.life, &(struct mapping){ cmd->dst_ioas_id,
						  cmd->dst_iova, cmd->length });
}

#define COPY(_name, _flags, _what)					\
static const struct field _name[] = {					\
	FIELD_ONE_OF(iommu_ioas_copy, flags, _flags),			\
	FIELD(iommu_ioas_copy, src_ioas_id, V_MAP_IOAS),		\
	FIELD(iommu_ioas_copy, length, V_LENGTH),			\
	FIELD(iommu_ioas_copy, src_iova, _what),			\
	FIELD(iommu_ioas_copy, dst_ioas_id, V_ID, IDS(IOAS)),		\
	FIELD(iommu_ioas_copy, dst_iova, V_NEW_IOVA),			\
}

/* The source is the n-th mapping. */
VALUES(syz_flags, FIXED | R | MOCK_FLAGS_ACCESS_SYZ, R | MOCK_FLAGS_ACCESS_SYZ);

COPY(copy, map_flags, V_IOVA);
COPY(copy_area, syz_flags, V_AREA);

static void forget_maps(struct thread *t, const void *arg)
{
	const struct iommu_ioas_unmap *cmd = arg;

	/* Its length is not that of the range any more. */
	map_drop(t->scene.life, &(struct mapping){ cmd->ioas_id, cmd->iova,
						   t->scene.length });
}

static void forget_all(struct thread *t, const void *arg)
{
	const struct iommu_ioas_unmap *cmd = arg;

	map_drop(t->scene.life, &(struct mapping){ cmd->ioas_id, 0, ~0ULL });
}

static const struct field unmap[] = {
	FIELD(iommu_ioas_unmap, ioas_id, V_MAP_IOAS),
	FIELD(iommu_ioas_unmap, iova, V_IOVA),
	FIELD(iommu_ioas_unmap, length, V_LENGTH),
};

static const struct field unmap_all[] = {
	FIELD(iommu_ioas_unmap, ioas_id, V_ID, IDS(IOAS)),
	FIELD(iommu_ioas_unmap, length, V_VALUE, ~0ULL),
};

static const struct field noiommu_get_pa[] = {
	FIELD(iommu_ioas_noiommu_get_pa, ioas_id, V_ID, IDS(IOAS)),
	FIELD(iommu_ioas_noiommu_get_pa, iova, V_IOVA),
	FIELD(iommu_ioas_noiommu_get_pa, length, V_LENGTH),
};

static const struct field huge_pages[] = {
	FIELD(iommu_option, option_id, V_VALUE, IOMMU_OPTION_HUGE_PAGES),
	FIELD(iommu_option, op, V_BELOW, 2),
	FIELD(iommu_option, object_id, V_ID, IDS(IOAS)),
	FIELD(iommu_option, val64, V_BELOW, 2),
};

static const struct field rlimit_mode[] = {
	FIELD(iommu_option, option_id, V_VALUE, IOMMU_OPTION_RLIMIT_MODE),
	FIELD(iommu_option, op, V_BELOW, 2),
	FIELD(iommu_option, val64, V_BELOW, 2),
};

static const struct field vfio_ioas_set[] = {
	FIELD(iommu_vfio_ioas, ioas_id, V_ID, IDS(IOAS)),
	FIELD(iommu_vfio_ioas, op, V_VALUE, IOMMU_VFIO_IOAS_SET),
};

static const struct field vfio_ioas_get[] = {
	FIELD(iommu_vfio_ioas, op, V_VALUE, IOMMU_VFIO_IOAS_GET),
};

static const struct field vfio_ioas_clear[] = {
	FIELD(iommu_vfio_ioas, op, V_VALUE, IOMMU_VFIO_IOAS_CLEAR),
};

VALUES(paging_flags, 0);
VALUES(dirty_flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
	IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_NEST_PARENT);
VALUES(pasid_flags, IOMMU_HWPT_ALLOC_PASID,
	IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_FAULT_ID_VALID,
	IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
VALUES(faulting_flags, IOMMU_HWPT_FAULT_ID_VALID,
	IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID,
	IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
VALUES(faulting_nested_flags, IOMMU_HWPT_FAULT_ID_VALID,
	IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID);
VALUES(parent_flags, IOMMU_HWPT_ALLOC_NEST_PARENT,
	IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID,
	IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
VALUES(real_pasid_flags, IOMMU_HWPT_ALLOC_PASID);
VALUES(nested_flags, 0, IOMMU_HWPT_ALLOC_PASID);
VALUES(vnested_flags, 0, IOMMU_HWPT_ALLOC_PASID, IOMMU_HWPT_FAULT_ID_VALID);
VALUES(pasid_nested_flags, IOMMU_HWPT_ALLOC_PASID);

static const struct field hwpt_data[] = {
	FIELD(iommu_hwpt_selftest, iotlb, V_VALUE, IOMMU_TEST_IOTLB_DEFAULT),
	FIELD(iommu_hwpt_selftest, pagetable_type, V_BELOW, 2),
};

static const struct shape hwpt_data_shape = SHAPE(iommu_hwpt_selftest, hwpt_data);

#define HWPT(_name, _flags, _on, ...)					\
	HWPT_OF(_name, DEVICE, _flags, _on, __VA_ARGS__)
#define HWPT_OF(_name, _device, _flags, _on, ...)			\
static const struct field _name[] = {					\
	FIELD_ONE_OF(iommu_hwpt_alloc, flags, _flags),			\
	FIELD(iommu_hwpt_alloc, dev_id, V_ID, IDS(_device)),		\
	FIELD(iommu_hwpt_alloc, pt_id, V_ID, _on),			\
	FIELD(iommu_hwpt_alloc, fault_id, V_ID, IDS(FAULT)),		\
	__VA_ARGS__							\
}
#define HWPT_WITH_DATA(_name, _flags, _on)				\
	HWPT(_name, _flags, _on,					\
	     FIELD(iommu_hwpt_alloc, data_type, V_VALUE,		\
		   IOMMU_HWPT_DATA_SELFTEST),				\
	     FIELD(iommu_hwpt_alloc, data_len, V_VALUE,			\
		   sizeof(struct iommu_hwpt_selftest)),			\
	     FIELD_ARRAY(iommu_hwpt_alloc, data_uptr, 64, hwpt_data_shape))

HWPT(paging, paging_flags, IDS(IOAS));
HWPT_WITH_DATA(paging_data, paging_flags, IDS(IOAS));
HWPT(dirty, dirty_flags, IDS(IOAS));
HWPT(faulting, faulting_flags, IDS(IOAS));
HWPT_WITH_DATA(faulting_nested, faulting_nested_flags, IDS(PARENT));
HWPT(pasid, pasid_flags, IDS(IOAS));
HWPT_WITH_DATA(pasid_nested, pasid_nested_flags, IDS(PARENT) | IDS(VIOMMU));
HWPT_OF(real_pasid, REAL, real_pasid_flags, IDS(IOAS));
HWPT(parent, parent_flags, IDS(IOAS));
HWPT_WITH_DATA(nested, nested_flags, IDS(PARENT));
HWPT_WITH_DATA(viommu_nested, vnested_flags, IDS(VIOMMU));

static const struct field get_hw_info[] = {
	FIELD(iommu_hw_info, flags, V_BELOW, 2),
	FIELD(iommu_hw_info, dev_id, V_ID, IDS(DEVICE)),
	FIELD(iommu_hw_info, data_len, V_BELOW, 64),
	FIELD(iommu_hw_info, data_uptr, V_BUFFER, 64),
};

VALUES(tracking, IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	IOMMU_HWPT_DIRTY_TRACKING_ENABLE, IOMMU_HWPT_DIRTY_TRACKING_ENABLE, 0);

static const struct field set_dirty_tracking[] = {
	FIELD_ONE_OF(iommu_hwpt_set_dirty_tracking, flags, tracking),
	FIELD(iommu_hwpt_set_dirty_tracking, hwpt_id, V_ID, IDS(DIRTY)),
};

static const struct field get_dirty_bitmap[] = {
	FIELD(iommu_hwpt_get_dirty_bitmap, hwpt_id, V_ID, IDS(DIRTY)),
	FIELD(iommu_hwpt_get_dirty_bitmap, flags, V_BELOW, 2),
	FIELD(iommu_hwpt_get_dirty_bitmap, iova, V_IOVA),
	FIELD(iommu_hwpt_get_dirty_bitmap, length, V_LENGTH),
	FIELD_ONE_OF(iommu_hwpt_get_dirty_bitmap, page_size, page_sizes),
	FIELD(iommu_hwpt_get_dirty_bitmap, data, V_BUFFER, 4096),
};

static const struct field tlb_request[] = {
	FIELD(iommu_hwpt_invalidate_selftest, flags, V_BELOW, 2),
	FIELD(iommu_hwpt_invalidate_selftest, iotlb_id, V_BELOW, 5),
};

static const struct field cache_request[] = {
	FIELD(iommu_viommu_invalidate_selftest, flags, V_BELOW, 2),
	FIELD(iommu_viommu_invalidate_selftest, vdev_id, V_BELOW, 4),
	FIELD(iommu_viommu_invalidate_selftest, cache_id, V_BELOW, 5),
};

static const struct shape tlb_request_shape =
	SHAPE(iommu_hwpt_invalidate_selftest, tlb_request);
static const struct shape cache_request_shape =
	SHAPE(iommu_viommu_invalidate_selftest, cache_request);

#define INVALIDATE(_name, _on, _type, _shape)				\
static const struct field _name[] = {					\
	FIELD(iommu_hwpt_invalidate, hwpt_id, V_ID, _on),		\
	FIELD_ARRAY(iommu_hwpt_invalidate, data_uptr, 256, _shape),	\
	FIELD(iommu_hwpt_invalidate, data_type, V_VALUE, _type),	\
	FIELD(iommu_hwpt_invalidate, entry_num, V_BELOW, 5),		\
	FIELD(iommu_hwpt_invalidate, entry_len, V_VALUE, (_shape).size), \
}

INVALIDATE(invalidate, IDS(NESTED) | IDS(FAULTING), IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
			  tlb_request_shape);

INVALIDATE(viommu_invalidate, IDS(VIOMMU), IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
			  cache_request_shape);

/* Where its memory can be mapped is in its data. */
static void note_viommu(struct thread *t, const void *arg)
{
	const struct iommu_viommu_selftest *data = (void *)t->data;
	const struct iommu_viommu_alloc *cmd = arg;

	if (cmd->data_uptr != (__u64)(unsigned long)t->data)
		return;
	t->scene.life.context->mmap_offset = data->out_mmap_offset;
	t->scene.life.context->mmap_length = data->out_mmap_length;
}

static const struct field viommu_data[] = {
	FIELD(iommu_viommu_selftest, in_data, V_VALUE, 0x1234),
};

static const struct shape viommu_data_shape =
	SHAPE(iommu_viommu_selftest, viommu_data);

static const struct field viommu[] = {
	FIELD(iommu_viommu_alloc, type, V_VALUE, IOMMU_VIOMMU_TYPE_SELFTEST),
	FIELD(iommu_viommu_alloc, dev_id, V_ID, IDS(DEVICE)),
	FIELD(iommu_viommu_alloc, hwpt_id, V_ID, IDS(PARENT)),
	FIELD(iommu_viommu_alloc, data_len, V_VALUE,
	      sizeof(struct iommu_viommu_selftest)),
	FIELD_ARRAY(iommu_viommu_alloc, data_uptr, 64, viommu_data_shape),
};

VALUES(virtual_ids, 1, 2, 3, 4, 5, 0);

static const struct field vdevice[] = {
	FIELD(iommu_vdevice_alloc, viommu_id, V_ID, IDS(VIOMMU)),
	FIELD(iommu_vdevice_alloc, dev_id, V_ID, IDS(DEVICE)),
	FIELD_ONE_OF(iommu_vdevice_alloc, virt_id, virtual_ids),
};

VALUES(depths, 1, 2, 4, 64);

static const struct field veventq[] = {
	FIELD(iommu_veventq_alloc, viommu_id, V_ID, IDS(VIOMMU)),
	FIELD(iommu_veventq_alloc, type, V_VALUE, IOMMU_VEVENTQ_TYPE_SELFTEST),
	FIELD_ONE_OF(iommu_veventq_alloc, veventq_depth, depths),
};

static const struct field hw_queue[] = {
	FIELD(iommu_hw_queue_alloc, viommu_id, V_ID, IDS(VIOMMU)),
	FIELD(iommu_hw_queue_alloc, type, V_VALUE,
	      IOMMU_HW_QUEUE_TYPE_SELFTEST),
	FIELD(iommu_hw_queue_alloc, index, V_BELOW, 3),
	FIELD(iommu_hw_queue_alloc, nesting_parent_iova, V_IOVA),
	FIELD_ONE_OF(iommu_hw_queue_alloc, length, page_sizes),
};

/* There are such devices only on a machine without an IOMMU. */
static bool always(void)
{
	return true;
}

#define CALL(_name, _often, _cmd, _struct, _fields)			\
	.name = _name, .on = F_CONTEXT, .often = _often, .cmd = _cmd,	\
	.shape = SHAPE(_struct, _fields)

static const struct call calls[] = {
	{ CALL("DESTROY", 30, IOMMU_DESTROY, iommu_destroy, destroy),
	  .done = forget_object },
	{ .name = "IOAS_ALLOC", .on = F_CONTEXT, .often = 10,
	  .cmd = IOMMU_IOAS_ALLOC, .shape = SHAPE_ONLY(iommu_ioas_alloc),
	  .out = { ID_OUT(iommu_ioas_alloc, out_ioas_id, IOAS) } },
	{ CALL("IOAS_IOVA_RANGES", 4, IOMMU_IOAS_IOVA_RANGES,
	       iommu_ioas_iova_ranges, iova_ranges) },
	{ CALL("IOAS_ALLOW_IOVAS", 2, IOMMU_IOAS_ALLOW_IOVAS,
	       iommu_ioas_allow_iovas, allow_iovas) },
	{ CALL("IOAS_MAP", 60, IOMMU_IOAS_MAP, iommu_ioas_map, map),
	  .done = note_map },
	{ CALL("IOAS_MAP_FILE memfd", 20, IOMMU_IOAS_MAP_FILE,
	       iommu_ioas_map_file, map_memfd), .done = note_map_file },
	{ CALL("IOAS_MAP_FILE dma-buf", 20, IOMMU_IOAS_MAP_FILE,
	       iommu_ioas_map_file, map_dmabuf), .done = note_map_file },
	{ CALL("IOAS_COPY", 20, IOMMU_IOAS_COPY, iommu_ioas_copy, copy),
	  .done = note_copy },
	{ CALL("IOAS_COPY of an area", 5, IOMMU_IOAS_COPY, iommu_ioas_copy,
	       copy_area), .done = note_copy },
	{ CALL("IOAS_UNMAP", 40, IOMMU_IOAS_UNMAP, iommu_ioas_unmap, unmap),
	  .done = forget_maps },
	{ CALL("IOAS_UNMAP all", 3, IOMMU_IOAS_UNMAP, iommu_ioas_unmap,
	       unmap_all), .done = forget_all },
	{ .name = "IOAS_CHANGE_PROCESS", .on = F_CONTEXT, .often = 10,
	  .cmd = IOMMU_IOAS_CHANGE_PROCESS,
	  .shape = SHAPE_ONLY(iommu_ioas_change_process) },
	{ CALL("IOAS_NOIOMMU_GET_PA", 2, IOMMU_IOAS_NOIOMMU_GET_PA,
	       iommu_ioas_noiommu_get_pa, noiommu_get_pa), .optional = always },
	{ CALL("OPTION HUGE_PAGES", 6, IOMMU_OPTION, iommu_option, huge_pages) },
	{ CALL("OPTION RLIMIT_MODE", 6, IOMMU_OPTION, iommu_option,
	       rlimit_mode) },
	{ CALL("VFIO_IOAS SET", 6, IOMMU_VFIO_IOAS, iommu_vfio_ioas,
	       vfio_ioas_set) },
	{ CALL("VFIO_IOAS GET", 6, IOMMU_VFIO_IOAS, iommu_vfio_ioas,
	       vfio_ioas_get),
	  .out = { ID_OUT(iommu_vfio_ioas, ioas_id, IOAS) } },
	{ CALL("VFIO_IOAS CLEAR", 1, IOMMU_VFIO_IOAS, iommu_vfio_ioas,
	       vfio_ioas_clear) },
	{ CALL("HWPT_ALLOC", 8, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, paging),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, PAGING) } },
	{ CALL("HWPT_ALLOC with data", 6, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	       paging_data),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, PAGING) } },
	{ CALL("HWPT_ALLOC with DIRTY_TRACKING", 8, IOMMU_HWPT_ALLOC,
	       iommu_hwpt_alloc, dirty),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, DIRTY) } },
	{ CALL("HWPT_ALLOC with faults", 8, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	       faulting),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, FAULTING) } },
	{ CALL("HWPT_ALLOC nested with faults", 8, IOMMU_HWPT_ALLOC,
	       iommu_hwpt_alloc, faulting_nested),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, FAULTING) } },
	{ CALL("HWPT_ALLOC for PASIDs", 8, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	       pasid),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, PASID) } },
	{ CALL("HWPT_ALLOC for PASIDs of a real device", 8, IOMMU_HWPT_ALLOC,
	       iommu_hwpt_alloc, real_pasid),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, REAL_PASID) },
	  .optional = without_pasids },
	{ CALL("HWPT_ALLOC nested for PASIDs", 8, IOMMU_HWPT_ALLOC,
	       iommu_hwpt_alloc, pasid_nested),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, PASID) } },
	{ CALL("HWPT_ALLOC of a parent", 8, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	       parent),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, PARENT) } },
	{ CALL("HWPT_ALLOC nested", 8, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	       nested),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, NESTED) } },
	{ CALL("HWPT_ALLOC of a vIOMMU", 12, IOMMU_HWPT_ALLOC, iommu_hwpt_alloc,
	       viommu_nested),
	  .out = { ID_OUT(iommu_hwpt_alloc, out_hwpt_id, VNESTED) } },
	{ CALL("GET_HW_INFO", 4, IOMMU_GET_HW_INFO, iommu_hw_info,
	       get_hw_info) },
	{ CALL("HWPT_SET_DIRTY_TRACKING", 10, IOMMU_HWPT_SET_DIRTY_TRACKING,
	       iommu_hwpt_set_dirty_tracking, set_dirty_tracking) },
	{ CALL("HWPT_GET_DIRTY_BITMAP", 12, IOMMU_HWPT_GET_DIRTY_BITMAP,
	       iommu_hwpt_get_dirty_bitmap, get_dirty_bitmap) },
	{ CALL("HWPT_INVALIDATE", 8, IOMMU_HWPT_INVALIDATE,
	       iommu_hwpt_invalidate, invalidate) },
	{ CALL("HWPT_INVALIDATE of a vIOMMU", 8, IOMMU_HWPT_INVALIDATE,
	       iommu_hwpt_invalidate, viommu_invalidate) },
	{ .name = "FAULT_QUEUE_ALLOC", .on = F_CONTEXT, .often = 10,
	  .cmd = IOMMU_FAULT_QUEUE_ALLOC, .shape = SHAPE_ONLY(iommu_fault_alloc),
	  .out = { ID_OUT(iommu_fault_alloc, out_fault_id, FAULT),
		   FILE_OUT(iommu_fault_alloc, out_fault_fd, F_FAULT) } },
	{ CALL("VIOMMU_ALLOC", 12, IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc,
	       viommu), .done = note_viommu,
	  .out = { ID_OUT(iommu_viommu_alloc, out_viommu_id, VIOMMU) } },
	{ CALL("VDEVICE_ALLOC", 12, IOMMU_VDEVICE_ALLOC, iommu_vdevice_alloc,
	       vdevice),
	  .out = { ID_OUT(iommu_vdevice_alloc, out_vdevice_id, VDEVICE) } },
	{ CALL("VEVENTQ_ALLOC", 12, IOMMU_VEVENTQ_ALLOC, iommu_veventq_alloc,
	       veventq),
	  .out = { ID_OUT(iommu_veventq_alloc, out_veventq_id, VEVENTQ),
		   FILE_OUT(iommu_veventq_alloc, out_veventq_fd, F_VEVENT) } },
	{ CALL("HW_QUEUE_ALLOC", 16, IOMMU_HW_QUEUE_ALLOC, iommu_hw_queue_alloc,
	       hw_queue),
	  .out = { ID_OUT(iommu_hw_queue_alloc, out_hw_queue_id, QUEUE) } },
};

const struct calls iommu_calls = { COUNT(calls), calls };
