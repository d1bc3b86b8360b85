// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "copyengine.h"
#include "vfio_device.h"

#define PATIENCE_MS	20000

int copyengine_open(struct copyengine *engine, int iommufd)
{
	int rc;

	*engine = (struct copyengine){ .fd = -1 };
	rc = mdev_create(&engine->mdev, MDEV_COPYENGINE);
	if (rc)
		return rc;
	engine->fd = mdev_open(&engine->mdev);
	rc = engine->fd < 0 ? engine->fd : vfio_bind(engine->fd, iommufd);
	if (rc < 0) {
		copyengine_close(engine);
		return rc;
	}
	engine->id = rc;
	return 0;
}

void copyengine_close(struct copyengine *engine)
{
	if (engine->fd >= 0)
		close(engine->fd);
	engine->fd = -1;
	if (engine->mdev.uuid[0])
		mdev_remove(&engine->mdev);
	engine->mdev.uuid[0] = 0;
}

/* The registers are little endian, as are the machines that this runs on. */
static int write_reg(struct copyengine *engine, int reg, __u64 value)
{
	if (pwrite(engine->fd, &value, sizeof(value), reg) < 0)
		return -errno;
	return 0;
}

static __u64 read_reg(struct copyengine *engine, int reg)
{
	__u64 value;

	if (pread(engine->fd, &value, sizeof(value), reg) != sizeof(value))
		return -1;
	return value;
}

int copyengine_start(struct copyengine *engine, __u64 command, __u64 dst,
		     __u64 src, __u64 len)
{
	int rc = write_reg(engine, COPYENGINE_SRC, src);

	if (!rc)
		rc = write_reg(engine, COPYENGINE_DST, dst);
	if (!rc)
		rc = write_reg(engine, COPYENGINE_LEN, len);
	if (!rc)
		rc = write_reg(engine, COPYENGINE_DOORBELL, command);
	return rc;
}

int copyengine_wait(struct copyengine *engine)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	long deadline = clock_ms() + PATIENCE_MS;

	do {
		switch (copyengine_status(engine)) {
		case COPYENGINE_IDLE:
		case COPYENGINE_DONE:
			return 0;
		case COPYENGINE_BUSY:
			break;
		case COPYENGINE_FAILED:
			return -read_reg(engine, COPYENGINE_ERROR);
		default:
			return -EIO;
		}
		nanosleep(&pause, NULL);
	} while (clock_ms() < deadline);
	return -ETIMEDOUT;
}

__u64 copyengine_copied(struct copyengine *engine)
{
	return read_reg(engine, COPYENGINE_COPIED);
}

__u64 copyengine_status(struct copyengine *engine)
{
	return read_reg(engine, COPYENGINE_STATUS);
}

int copyengine_reset(struct copyengine *engine)
{
	return ioctl(engine->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int copyengine_run(struct copyengine *engine, __u64 command, __u64 dst,
		   __u64 src, __u64 len)
{
	int rc = copyengine_start(engine, command, dst, src, len);

	return rc ? rc : copyengine_wait(engine);
}
