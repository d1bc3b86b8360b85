// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test ioctl of /dev/iommu: mock devices, and drivers that access an IOAS. No op
 * of it blocks or warns on purpose, so that none is left out. Mind that
 * SET_TEMP_MEMORY_LIMIT is about the whole system: see fuzz.c.
 */
#include "../../iommufd_test.h"
#include "thread.h"

#define OP(_op)								\
	FIELD(iommu_test_cmd, op, V_VALUE, IOMMU_TEST_OP_##_op)
#define ID(_what, ...)							\
	FIELD(iommu_test_cmd, id, _what, __VA_ARGS__)

VALUES(device_flags, 0, 0, MOCK_FLAGS_DEVICE_NO_DIRTY,
	MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_PASID);
VALUES(access_flags, 0, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
VALUES(limits, 16, 32, 4096, 65536, 65536, 65536, 65536, 65536);
VALUES(page_sizes, 2048, 4096, 4096, 1 << 20);
VALUES(pasids, 1, 1, 1, 0, 2, IOMMU_TEST_PASID_RESERVED, (1 << MOCK_PASID_WIDTH) - 1);
VALUES(pin_flags, 0, MOCK_FLAGS_ACCESS_WRITE);
VALUES(pin_area_flags, MOCK_FLAGS_ACCESS_SYZ,
	MOCK_FLAGS_ACCESS_SYZ | MOCK_FLAGS_ACCESS_WRITE);
VALUES(rw_flags, 0, MOCK_ACCESS_RW_WRITE, MOCK_ACCESS_RW_SLOW_PATH,
	MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_SLOW_PATH);

static const struct field add_reserved[] = {
	OP(ADD_RESERVED), ID(V_ID, IDS(IOAS)),
	FIELD(iommu_test_cmd, add_reserved.start, V_NEW_IOVA),
	FIELD(iommu_test_cmd, add_reserved.length, V_NEW_LENGTH),
};

static const struct field device[] = {
	OP(MOCK_DOMAIN), ID(V_ID, IDS(IOAS) | IDS(PAGING) | IDS(DIRTY)),
};

static const struct field device_with_flags[] = {
	OP(MOCK_DOMAIN_FLAGS), ID(V_ID, IDS(IOAS) | IDS(PAGING) | IDS(PARENT)),
	FIELD_ONE_OF(iommu_test_cmd, mock_domain_flags.dev_flags, device_flags),
};

static const struct field pasid_device[] = {
	OP(MOCK_DOMAIN_FLAGS), ID(V_ID, IDS(PASID)),
	FIELD(iommu_test_cmd, mock_domain_flags.dev_flags, V_VALUE,
	      MOCK_FLAGS_DEVICE_PASID),
};

/* What it is attached to is no more when it is. */
static void note_device(struct thread *t, const void *arg)
{
	const struct iommu_test_cmd *cmd = arg;

	id_add(t->scene.life, T_DEVICE,
	       &(struct object){ .id = cmd->mock_domain.out_idev_id,
				 .goes_with = cmd->mock_domain.out_stdev_id });
	/* If this is one for PASIDs, others know it as such. */
	id_add(t->scene.life, T_PAGING,
	       &(struct object){ .id = cmd->mock_domain.out_hwpt_id,
				 .goes_with = cmd->mock_domain.out_stdev_id,
				 .ioas = t->scene.ioas });
}

static const struct field replace[] = {
	OP(MOCK_DOMAIN_REPLACE), ID(V_ID, ANY_STDEV),
	FIELD(iommu_test_cmd, mock_domain_replace.pt_id, V_ID,
	      ANY_TABLE | IDS(IOAS)),
};

static const struct field replace_nested[] = {
	OP(MOCK_DOMAIN_REPLACE), ID(V_ID, ANY_STDEV),
	FIELD(iommu_test_cmd, mock_domain_replace.pt_id, V_ID, IDS(VNESTED)),
};

static const struct field replace_faulting[] = {
	OP(MOCK_DOMAIN_REPLACE), ID(V_ID, ANY_STDEV),
	FIELD(iommu_test_cmd, mock_domain_replace.pt_id, V_ID, IDS(FAULTING)),
};

static const struct field check_map[] = {
	OP(MD_CHECK_MAP), ID(V_ID, ANY_PAGING),
	FIELD(iommu_test_cmd, check_map.iova, V_IOVA),
	FIELD_ONE_OF(iommu_test_cmd, check_map.length, page_sizes),
	FIELD(iommu_test_cmd, check_map.uptr, V_MAPPED),
};

static const struct field check_refs[] = {
	OP(MD_CHECK_REFS),
	FIELD_ONE_OF(iommu_test_cmd, check_refs.length, page_sizes),
	FIELD(iommu_test_cmd, check_refs.uptr, V_MAPPED),
	FIELD(iommu_test_cmd, check_refs.refs, V_BELOW, 2),
};

static const struct field create_access[] = {
	OP(CREATE_ACCESS), ID(V_ID, IDS(IOAS)),
	FIELD_ONE_OF(iommu_test_cmd, create_access.flags, access_flags),
};

static const struct field pin[] = {
	OP(ACCESS_PAGES), ID(V_FILE, F_ACCESS),
	FIELD_ONE_OF(iommu_test_cmd, access_pages.flags, pin_flags),
	FIELD(iommu_test_cmd, access_pages.iova, V_IOVA),
	FIELD(iommu_test_cmd, access_pages.length, V_LENGTH),
};

static const struct field pin_area[] = {
	OP(ACCESS_PAGES), ID(V_FILE, F_ACCESS),
	FIELD_ONE_OF(iommu_test_cmd, access_pages.flags, pin_area_flags),
	FIELD(iommu_test_cmd, access_pages.iova, V_AREA),
	FIELD(iommu_test_cmd, access_pages.length, V_BELOW, 9000),
};

static const struct field unpin[] = {
	OP(DESTROY_ACCESS_PAGES), ID(V_FILE, F_ACCESS),
	FIELD(iommu_test_cmd, destroy_access_pages.access_pages_id, V_BELOW, 8),
};

static const struct field rw[] = {
	OP(ACCESS_RW), ID(V_FILE, F_ACCESS),
	FIELD(iommu_test_cmd, access_rw.iova, V_IOVA),
	FIELD(iommu_test_cmd, access_rw.length, V_BELOW, 9000),
	FIELD(iommu_test_cmd, access_rw.uptr, V_BUFFER, 9000),
	FIELD_ONE_OF(iommu_test_cmd, access_rw.flags, rw_flags),
};

static const struct field access_replace[] = {
	OP(ACCESS_REPLACE_IOAS), ID(V_FILE, F_ACCESS),
	FIELD(iommu_test_cmd, access_replace_ioas.ioas_id, V_ID, IDS(IOAS)),
};

static const struct field memory_limit[] = {
	OP(SET_TEMP_MEMORY_LIMIT),
	FIELD_ONE_OF(iommu_test_cmd, memory_limit.limit, limits),
};

static const struct field dirty[] = {
	OP(DIRTY), ID(V_ID, IDS(DIRTY)),
	FIELD(iommu_test_cmd, dirty.iova, V_IOVA),
	FIELD(iommu_test_cmd, dirty.length, V_LENGTH),
	FIELD_ONE_OF(iommu_test_cmd, dirty.page_size, page_sizes),
	FIELD(iommu_test_cmd, dirty.uptr, V_BUFFER, 4096),
};

static const struct field check_iotlb[] = {
	OP(MD_CHECK_IOTLB), ID(V_ID, IDS(NESTED) | IDS(VNESTED)),
	FIELD(iommu_test_cmd, check_iotlb.id, V_BELOW, 4),
	FIELD(iommu_test_cmd, check_iotlb.iotlb, V_VALUE,
	      IOMMU_TEST_IOTLB_DEFAULT),
};

static const struct field trigger_iopf[] = {
	OP(TRIGGER_IOPF),
	FIELD(iommu_test_cmd, trigger_iopf.dev_id, V_ID, IDS(DEVICE)),
	FIELD(iommu_test_cmd, trigger_iopf.pasid, V_BELOW, 3),
	FIELD(iommu_test_cmd, trigger_iopf.grpid, V_BELOW, 4),
	FIELD(iommu_test_cmd, trigger_iopf.perm, V_FLAGS, 15),
	FIELD(iommu_test_cmd, trigger_iopf.addr, V_IOVA),
};

static const struct field check_cache[] = {
	OP(DEV_CHECK_CACHE), ID(V_ID, IDS(DEVICE)),
	FIELD(iommu_test_cmd, check_dev_cache.id, V_BELOW, 4),
	FIELD(iommu_test_cmd, check_dev_cache.cache, V_VALUE,
	      IOMMU_TEST_DEV_CACHE_DEFAULT),
};

static const struct field trigger_vevent[] = {
	OP(TRIGGER_VEVENT),
	FIELD(iommu_test_cmd, trigger_vevent.dev_id, V_BEHIND),
};

static const struct field pasid_attach[] = {
	OP(PASID_ATTACH), ID(V_ID, IDS(PASID_STDEV)),
	FIELD_ONE_OF(iommu_test_cmd, pasid_attach.pasid, pasids),
	FIELD(iommu_test_cmd, pasid_attach.pt_id, V_ID, IDS(PASID)),
};

static const struct field pasid_replace[] = {
	OP(PASID_REPLACE), ID(V_ID, IDS(PASID_STDEV)),
	FIELD_ONE_OF(iommu_test_cmd, pasid_replace.pasid, pasids),
	FIELD(iommu_test_cmd, pasid_replace.pt_id, V_ID, IDS(PASID)),
};

static const struct field pasid_detach[] = {
	OP(PASID_DETACH), ID(V_ID, IDS(PASID_STDEV)),
	FIELD_ONE_OF(iommu_test_cmd, pasid_detach.pasid, pasids),
};

static const struct field pasid_check[] = {
	OP(PASID_CHECK_HWPT), ID(V_ID, IDS(PASID_STDEV)),
	FIELD_ONE_OF(iommu_test_cmd, pasid_check.pasid, pasids),
	FIELD(iommu_test_cmd, pasid_check.hwpt_id, V_ID, IDS(PASID)),
};

/* O_RDONLY, O_RDWR */
VALUES(open_flags, 0, 2, 2);
VALUES(dmabuf_sizes, 4096, 65536, 65536, 1 << 20);

static const struct field dmabuf_get[] = {
	OP(DMABUF_GET),
	FIELD_ONE_OF(iommu_test_cmd, dmabuf_get.length, dmabuf_sizes),
	FIELD_ONE_OF(iommu_test_cmd, dmabuf_get.open_flags, open_flags),
};

static const struct field dmabuf_revoke[] = {
	OP(DMABUF_REVOKE),
	FIELD(iommu_test_cmd, dmabuf_revoke.dmabuf_fd, V_FILE, F_DMABUF),
	FIELD(iommu_test_cmd, dmabuf_revoke.revoked, V_BELOW, 2),
};

#define CALL(_name, _often, _fields)					\
	.name = "test " _name, .on = F_CONTEXT, .often = _often,	\
	.cmd = IOMMU_TEST_CMD, .shape = SHAPE(iommu_test_cmd, _fields)

static const struct call calls[] = {
	{ CALL("ADD_RESERVED", 1, add_reserved) },
	{ CALL("MOCK_DOMAIN", 6, device), .done = note_device,
	  .out = { ID_OUT(iommu_test_cmd, mock_domain.out_stdev_id, STDEV) } },
	{ CALL("MOCK_DOMAIN_FLAGS", 6, device_with_flags), .done = note_device,
	  .out = { ID_OUT(iommu_test_cmd, mock_domain.out_stdev_id, STDEV) } },
	{ CALL("MOCK_DOMAIN_FLAGS with PASIDs", 6, pasid_device),
	  .done = note_device,
	  .out = { ID_OUT(iommu_test_cmd, mock_domain.out_stdev_id,
			  PASID_STDEV) } },
	{ CALL("MOCK_DOMAIN_REPLACE", 20, replace) },
	{ CALL("MOCK_DOMAIN_REPLACE nested", 20, replace_nested),
	  .out = { ID_OUT(iommu_test_cmd, id, BEHIND) } },
	{ CALL("MOCK_DOMAIN_REPLACE with faults", 12, replace_faulting) },
	{ CALL("MD_CHECK_MAP", 4, check_map) },
	{ CALL("MD_CHECK_REFS", 1, check_refs) },
	{ CALL("CREATE_ACCESS", 8, create_access),
	  .out = { FILE_OUT(iommu_test_cmd, create_access.out_access_fd,
			    F_ACCESS) } },
	{ CALL("ACCESS_PAGES", 20, pin) },
	{ CALL("ACCESS_PAGES of an area", 10, pin_area) },
	{ CALL("DESTROY_ACCESS_PAGES", 12, unpin) },
	{ CALL("ACCESS_RW", 20, rw) },
	{ CALL("ACCESS_REPLACE_IOAS", 8, access_replace) },
	{ CALL("SET_TEMP_MEMORY_LIMIT", 1, memory_limit) },
	{ CALL("DIRTY", 16, dirty) },
	{ CALL("MD_CHECK_IOTLB", 4, check_iotlb) },
	{ CALL("TRIGGER_IOPF", 24, trigger_iopf) },
	{ CALL("DEV_CHECK_CACHE", 4, check_cache) },
	{ CALL("TRIGGER_VEVENT", 16, trigger_vevent) },
	{ CALL("PASID_ATTACH", 24, pasid_attach) },
	{ CALL("PASID_REPLACE", 16, pasid_replace) },
	{ CALL("PASID_DETACH", 8, pasid_detach) },
	{ CALL("PASID_CHECK_HWPT", 6, pasid_check) },
	{ CALL("DMABUF_GET", 6, dmabuf_get),
	  .out = { { OUT_FILE_RETURNED, 0, F_DMABUF } } },
	{ CALL("DMABUF_REVOKE", 3, dmabuf_revoke) },
};

const struct calls mock_calls = { COUNT(calls), calls };
