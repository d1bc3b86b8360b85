// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"
#include "vfio_device.h"

#define MTTY	"/sys/class/mdev_bus/mtty"
#define CREATE	MTTY "/mdev_supported_types/mtty-1/create"
#define DEVICES	"/sys/bus/mdev/devices"

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

int mdev_create(struct mdev *mdev)
{
	int rc;

	if (access(MTTY, F_OK) && system("modprobe -q mtty"))
		return -ENODEV;
	rc = new_uuid(mdev);
	return rc ? rc : write_file(CREATE, mdev->uuid);
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
