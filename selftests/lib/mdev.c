// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "mdev.h"
#include "vfio_device.h"

#define DEVICES	"/sys/bus/mdev/devices"

static const struct {
	const char *module;
	const char *create;
} kinds[] = {
#define KIND(module, parent, type) \
	{ module, "/sys/class/mdev_bus/" parent "/mdev_supported_types/" type "/create" }
	[MDEV_MTTY] = KIND("mtty", "mtty", "mtty-1"),
	[MDEV_MDPY] = KIND("mdpy", "mdpy", "mdpy-vga"),
	[MDEV_MBOCHS] = KIND("mbochs", "mbochs", "mbochs-small"),
	[MDEV_COPYENGINE] = KIND("iommufd_copyengine", "copyengine",
				 "faux_driver-copyengine"),
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int new_uuid(struct mdev *mdev)
{
	int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	memset(mdev, 0, sizeof(*mdev));
	n = read(fd, mdev->uuid, sizeof(mdev->uuid) - 1);
	close(fd);
	return n == sizeof(mdev->uuid) - 1 ? 0 : -EIO;
}

int mdev_create(struct mdev *mdev, enum mdev_kind kind)
{
	char command[64];
	int rc;

	snprintf(command, sizeof(command), "modprobe -q %s",
		 kinds[kind].module);
	if (access(kinds[kind].create, F_OK) && system(command))
		return -ENODEV;
	rc = new_uuid(mdev);
	return rc ? rc : write_file(kinds[kind].create, mdev->uuid);
}

int mdev_remove(const struct mdev *mdev)
{
	char path[96];

	snprintf(path, sizeof(path), DEVICES "/%s/remove", mdev->uuid);
	return write_file(path, "1");
}

int mdev_open(const struct mdev *mdev)
{
	char path[96];

	snprintf(path, sizeof(path), DEVICES "/%s", mdev->uuid);
	return vfio_open_at(path);
}

int mdev_open_group(const struct mdev *mdev, int iommufd)
{
	char path[160], link[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", mdev->uuid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = 0;
	/* Its last part is the number of the group. */
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(link, '/') ?: link);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &iommufd)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

int mdev_open_by_group(const struct mdev *mdev, int group)
{
	int fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, mdev->uuid);

	return fd < 0 ? -errno : fd;
}
