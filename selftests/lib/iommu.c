// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "iommu.h"

int iommufd_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int iommufd_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

bool iommufd_fdinfo_has(int fd, const char *text)
{
	char path[64], info[16384];
	size_t length;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		return false;
	length = fread(info, 1, sizeof(info) - 1, f);
	info[length] = 0;
	fclose(f);
	return strstr(info, text);
}

int iommufd_destroy(int fd, __u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return iommufd_ioctl(fd, IOMMU_DESTROY, &cmd);
}

int iommufd_change_process(int fd)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };

	return iommufd_ioctl(fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd);
}

static int run_option(int fd, struct iommu_option *cmd, __u32 id, __u32 object)
{
	cmd->size = sizeof(*cmd);
	cmd->option_id = id;
	cmd->object_id = object;
	return iommufd_ioctl(fd, IOMMU_OPTION, cmd);
}

int iommufd_option_get(int fd, __u32 id, __u32 object)
{
	struct iommu_option cmd = {
		.op = IOMMU_OPTION_OP_GET,
		.val64 = INT32_MAX,
	};
	int rc = run_option(fd, &cmd, id, object);

	return rc ? rc : (int)cmd.val64;
}

int iommufd_option_set(int fd, __u32 id, __u32 object, __u64 value)
{
	struct iommu_option cmd = {
		.op = IOMMU_OPTION_OP_SET,
		.val64 = value,
	};

	return run_option(fd, &cmd, id, object);
}

int iommufd_vfio_ioas(int fd, __u16 op, __u32 id)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = id,
		.op = op,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VFIO_IOAS, &cmd);

	return rc || op != IOMMU_VFIO_IOAS_GET ? rc : (int)cmd.ioas_id;
}

int ioas_alloc(int fd)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommufd_ioctl(fd, IOMMU_IOAS_ALLOC, &cmd);

	return rc ? rc : (int)cmd.out_ioas_id;
}

/* EMSGSIZE, the array was too short, is no error: its part is full. */
static int get_ranges(struct iommu_ioas_iova_ranges *cmd, struct ioas ioas)
{
	int rc;

	cmd->size = sizeof(*cmd);
	cmd->ioas_id = ioas.id;
	rc = iommufd_ioctl(ioas.fd, IOMMU_IOAS_IOVA_RANGES, cmd);
	return rc == -EMSGSIZE ? 0 : rc;
}

int ioas_ranges(struct ioas ioas, struct iommu_iova_range *ranges, __u32 room)
{
	struct iommu_ioas_iova_ranges cmd = {
		.num_iovas = room,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int rc = get_ranges(&cmd, ioas);

	return rc ? rc : (int)cmd.num_iovas;
}

int ioas_alignment(struct ioas ioas)
{
	struct iommu_ioas_iova_ranges cmd = {};
	int rc = get_ranges(&cmd, ioas);

	return rc ? rc : (int)cmd.out_iova_alignment;
}

int ioas_allow(struct ioas ioas, struct iommu_iova_range *ranges, __u32 num)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas.id,
		.num_iovas = num,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return iommufd_ioctl(ioas.fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

int ioas_map(struct ioas ioas, void *va, size_t length, __u32 flags,
	     __u64 *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas.id,
		.user_va = (uintptr_t)va,
		.length = length,
	};
	int rc = iommufd_ioctl(ioas.fd, IOMMU_IOAS_MAP, &cmd);

	if (!rc)
		*iova = cmd.iova;
	return rc;
}

int ioas_map_at(struct iova_range to, void *va, __u32 flags)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = to.ioas.id,
		.user_va = (uintptr_t)va,
		.length = to.length,
		.iova = to.iova,
	};

	return iommufd_ioctl(to.ioas.fd, IOMMU_IOAS_MAP, &cmd);
}

int ioas_map_file_at(struct iova_range to, int fd, __u64 start, __u32 flags)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = to.ioas.id,
		.fd = fd,
		.start = start,
		.length = to.length,
		.iova = to.iova,
	};

	return iommufd_ioctl(to.ioas.fd, IOMMU_IOAS_MAP_FILE, &cmd);
}

int ioas_copy_at(struct ioas to, __u64 iova, struct iova_range from,
		 __u32 flags)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = to.id,
		.src_ioas_id = from.ioas.id,
		.length = from.length,
		.dst_iova = iova,
		.src_iova = from.iova,
	};

	return iommufd_ioctl(to.fd, IOMMU_IOAS_COPY, &cmd);
}

int ioas_unmap(struct ioas ioas, __u64 iova, __u64 length, __u64 *unmapped)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas.id,
		.iova = iova,
		.length = length,
	};
	int rc = iommufd_ioctl(ioas.fd, IOMMU_IOAS_UNMAP, &cmd);

	if (!rc && unmapped)
		*unmapped = cmd.length;
	return rc;
}

int ioas_unmap_all(struct ioas ioas, __u64 *unmapped)
{
	return ioas_unmap(ioas, 0, UINT64_MAX, unmapped);
}

int hwpt_alloc(struct ioas ioas, __u32 device, __u32 flags)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = device,
		.pt_id = ioas.id,
	};
	int rc = iommufd_ioctl(ioas.fd, IOMMU_HWPT_ALLOC, &cmd);

	return rc ? rc : (int)cmd.out_hwpt_id;
}
