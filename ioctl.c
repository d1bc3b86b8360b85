// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/iommu: what they have in common.
 *
 * Happy path: find the command in the table, copy its struct in, check what the
 * table knows, run the handler, copy the struct out, publish a new object.
 *
 * Unhappy path: the handler fails, or the struct cannot be copied out: a new
 * object is aborted, and the user never saw its id.
 */
#include <linux/fs.h>
#include <linux/nospec.h>

#include "iommufd_private.h"
#include "iommufd_test.h"
#include "mock/mock.h"
#include "vfio_compat.h"

/**
 * struct ioctl_desc - one command
 * @cmd: the whole command word; 0: there is none of this number
 * @size: bytes of the struct
 * @min_size: bytes that a user must pass at least
 * @flags_at: where the u32 flags are, 0 without flags
 * @flags: the flags that are known
 * @reserved_at: where a u32 is that must be 0; 0 without one
 * @out: the struct is written back after success
 * @handler: does it
 */
struct ioctl_desc {
	unsigned int cmd;
	u16 size;
	u16 min_size;
	u16 flags_at;
	u16 reserved_at;
	u32 flags;
	bool out;
	int (*handler)(struct iommufd_ucmd *ucmd);
};

union ucmd_buffer {
	u32 size;
	struct iommu_destroy destroy;
	struct iommu_fault_alloc fault;
	struct iommu_hw_info hw_info;
	struct iommu_hw_queue_alloc hw_queue;
	struct iommu_hwpt_alloc hwpt;
	struct iommu_hwpt_get_dirty_bitmap get_dirty;
	struct iommu_hwpt_invalidate invalidate;
	struct iommu_hwpt_set_dirty_tracking set_dirty;
	struct iommu_ioas_alloc alloc;
	struct iommu_ioas_allow_iovas allow_iovas;
	struct iommu_ioas_change_process change_process;
	struct iommu_ioas_copy copy;
	struct iommu_ioas_iova_ranges iova_ranges;
	struct iommu_ioas_map map;
	struct iommu_ioas_map_file map_file;
	struct iommu_ioas_noiommu_get_pa get_pa;
	struct iommu_ioas_unmap unmap;
	struct iommu_option option;
	struct iommu_vdevice_alloc vdevice;
	struct iommu_veventq_alloc veventq;
	struct iommu_vfio_ioas vfio_ioas;
	struct iommu_viommu_alloc viommu;
#ifdef CONFIG_IOMMUFD_TEST
	struct iommu_test_cmd test;
#endif
};

/* _last is the last member that the first version of the struct had. */
#define CMD(_cmd, _handler, _struct, _last, ...)			\
	[_IOC_NR(_cmd) - IOMMUFD_CMD_BASE] = {				\
		.cmd = _cmd,						\
		.size = sizeof(struct _struct) +			\
			BUILD_BUG_ON_ZERO(sizeof(struct _struct) >	\
					  sizeof(union ucmd_buffer)),	\
		.min_size = offsetofend(struct _struct, _last),		\
		.handler = _handler,					\
		__VA_ARGS__						\
	}
#define FLAGS(_struct, _flags)						\
	.flags_at = offsetof(struct _struct, flags), .flags = _flags
#define RESERVED(_struct, _member)					\
	.reserved_at = offsetof(struct _struct, _member)
#define OUT	.out = true

#define MAP_FLAGS							\
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |		\
	 IOMMU_IOAS_MAP_READABLE)

static const struct ioctl_desc ioctl_table[] = {
	CMD(IOMMU_DESTROY, iommufd_destroy, iommu_destroy, id),
	CMD(IOMMU_FAULT_QUEUE_ALLOC, iommufd_fault_alloc, iommu_fault_alloc,
	    out_fault_fd, FLAGS(iommu_fault_alloc, 0), OUT),
	CMD(IOMMU_GET_HW_INFO, iommufd_get_hw_info, iommu_hw_info, __reserved,
	    OUT),
	CMD(IOMMU_HW_QUEUE_ALLOC, iommufd_hw_queue_alloc, iommu_hw_queue_alloc,
	    length, FLAGS(iommu_hw_queue_alloc, 0), OUT),
	CMD(IOMMU_HWPT_ALLOC, iommufd_hwpt_alloc, iommu_hwpt_alloc, __reserved,
	    RESERVED(iommu_hwpt_alloc, __reserved), OUT),
	CMD(IOMMU_HWPT_GET_DIRTY_BITMAP, iommufd_hwpt_get_dirty_bitmap,
	    iommu_hwpt_get_dirty_bitmap, data,
	    FLAGS(iommu_hwpt_get_dirty_bitmap,
		  IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR),
	    RESERVED(iommu_hwpt_get_dirty_bitmap, __reserved)),
	CMD(IOMMU_HWPT_INVALIDATE, iommufd_hwpt_invalidate,
	    iommu_hwpt_invalidate, __reserved),
	CMD(IOMMU_HWPT_SET_DIRTY_TRACKING, iommufd_hwpt_set_dirty_tracking,
	    iommu_hwpt_set_dirty_tracking, __reserved,
	    FLAGS(iommu_hwpt_set_dirty_tracking,
		  IOMMU_HWPT_DIRTY_TRACKING_ENABLE)),
	CMD(IOMMU_IOAS_ALLOC, iommufd_ioas_alloc, iommu_ioas_alloc,
	    out_ioas_id, FLAGS(iommu_ioas_alloc, 0), OUT),
	CMD(IOMMU_IOAS_ALLOW_IOVAS, iommufd_ioas_allow_iovas,
	    iommu_ioas_allow_iovas, allowed_iovas,
	    RESERVED(iommu_ioas_allow_iovas, __reserved)),
	CMD(IOMMU_IOAS_CHANGE_PROCESS, iommufd_ioas_change_process,
	    iommu_ioas_change_process, __reserved,
	    RESERVED(iommu_ioas_change_process, __reserved)),
	CMD(IOMMU_IOAS_COPY, iommufd_ioas_copy, iommu_ioas_copy, src_iova,
	    FLAGS(iommu_ioas_copy, MAP_FLAGS), OUT),
	CMD(IOMMU_IOAS_IOVA_RANGES, iommufd_ioas_iova_ranges,
	    iommu_ioas_iova_ranges, out_iova_alignment,
	    RESERVED(iommu_ioas_iova_ranges, __reserved), OUT),
	CMD(IOMMU_IOAS_MAP, iommufd_ioas_map, iommu_ioas_map, iova,
	    FLAGS(iommu_ioas_map, MAP_FLAGS),
	    RESERVED(iommu_ioas_map, __reserved), OUT),
	CMD(IOMMU_IOAS_MAP_FILE, iommufd_ioas_map_file, iommu_ioas_map_file, iova,
	    FLAGS(iommu_ioas_map_file, MAP_FLAGS), OUT),
	CMD(IOMMU_IOAS_NOIOMMU_GET_PA, iommufd_ioas_noiommu_get_pa,
	    iommu_ioas_noiommu_get_pa, out_phys, OUT),
	CMD(IOMMU_IOAS_UNMAP, iommufd_ioas_unmap, iommu_ioas_unmap, length,
	    OUT),
	CMD(IOMMU_OPTION, iommufd_option, iommu_option, val64, OUT),
	CMD(IOMMU_VDEVICE_ALLOC, iommufd_vdevice_alloc, iommu_vdevice_alloc,
	    virt_id, OUT),
	CMD(IOMMU_VEVENTQ_ALLOC, iommufd_veventq_alloc, iommu_veventq_alloc,
	    out_veventq_fd, FLAGS(iommu_veventq_alloc, 0), OUT),
	CMD(IOMMU_VFIO_IOAS, iommufd_vfio_ioas, iommu_vfio_ioas, __reserved,
	    OUT),
	CMD(IOMMU_VIOMMU_ALLOC, iommufd_viommu_alloc, iommu_viommu_alloc,
	    out_viommu_id, FLAGS(iommu_viommu_alloc, 0), OUT),
#ifdef CONFIG_IOMMUFD_TEST
	CMD(IOMMU_TEST_CMD, iommufd_test, iommu_test_cmd, last),
#endif
};

static const struct ioctl_desc *find_desc(unsigned int cmd)
{
	unsigned int nr = array_index_nospec(_IOC_NR(cmd) - IOMMUFD_CMD_BASE,
					     ARRAY_SIZE(ioctl_table));
	const struct ioctl_desc *desc = &ioctl_table[nr];

	return desc->cmd == cmd ? desc : NULL;
}

/* The checks that need nothing but the table. */
static int check_policy(const struct ioctl_desc *desc, const void *cmd)
{
	const u32 *flags = cmd + desc->flags_at;
	const u32 *reserved = cmd + desc->reserved_at;

	if (desc->flags_at && (*flags & ~desc->flags))
		return -EOPNOTSUPP;
	if (desc->reserved_at && *reserved)
		return -EOPNOTSUPP;
	return 0;
}

static int respond(struct iommufd_ucmd *ucmd, const struct ioctl_desc *desc)
{
	if (copy_to_user(ucmd->ubuffer, ucmd->cmd,
			 min_t(size_t, ucmd->user_size, desc->size)))
		return -EFAULT;
	return 0;
}

/* What the handler made comes into the world. */
static void publish(struct iommufd_ucmd *ucmd)
{
	if (ucmd->new_file)
		iommufd_eventq_publish(ucmd);
	if (ucmd->new_obj)
		iommufd_object_publish(ucmd->ictx, ucmd->new_obj);
}

static void unmake(struct iommufd_ucmd *ucmd)
{
	if (ucmd->new_file)
		iommufd_eventq_abort(ucmd);
	if (ucmd->new_obj)
		iommufd_object_abort(ucmd->ictx, ucmd->new_obj);
}

static int run(struct iommufd_ucmd *ucmd, const struct ioctl_desc *desc)
{
	int rc;

	rc = desc->handler(ucmd);
	if ((!rc && desc->out) || ucmd->respond)
		rc = respond(ucmd, desc) ?: rc;
	if (rc)
		unmake(ucmd);
	else
		publish(ucmd);
	return rc;
}

/**
 * iommufd_ioctl() - file_operations.unlocked_ioctl of /dev/iommu
 * @file: the open file
 * @cmd: the command
 * @arg: user pointer to its struct
 *
 * Return: 0 or what the command says; for all of them: -EFAULT, -ENOTTY unknown
 * command, -EINVAL the struct is too short, -E2BIG it has unknown members that
 * are not zero, -EOPNOTSUPP an unknown flag or a reserved field that is not zero.
 * (uapi-behaviour.md 2)
 */
long iommufd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct iommufd_ucmd ucmd = {
		.ictx = iommufd_ctx_of(file),
		.ubuffer = (void __user *)arg,
	};
	const struct ioctl_desc *desc;
	union ucmd_buffer buffer;
	int rc;

	BUILD_BUG_ON(sizeof(buffer.size) != sizeof(ucmd.user_size));
	if (_IOC_NR(cmd) < IOMMUFD_CMD_BASE ||
	    _IOC_NR(cmd) - IOMMUFD_CMD_BASE >= ARRAY_SIZE(ioctl_table))
		return iommufd_vfio_ioctl(ucmd.ictx, cmd, arg);

	if (get_user(ucmd.user_size, (u32 __user *)ucmd.ubuffer))
		return -EFAULT;
	desc = find_desc(cmd);
	if (!desc)
		return -ENOTTY;
	if (ucmd.user_size < desc->min_size)
		return -EINVAL;
	rc = copy_struct_from_user(&buffer, desc->size, ucmd.ubuffer,
				   ucmd.user_size);
	if (rc)
		return rc;
	/* The size may have changed since; the first one counts. */
	buffer.size = ucmd.user_size;
	ucmd.cmd = &buffer;
	iommufd_mock_rewrite(&ucmd, cmd);

	return check_policy(desc, ucmd.cmd) ?: run(&ucmd, desc);
}
