// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes on besides ioctls: memory, queues, files, devices that do DMA.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "lib/clock.h"
#include "lib/copyengine.h"
#include "lib/edu.h"
#include "lib/memory.h"
#include "thread.h"
#include "windows.h"

static int result(long rc)
{
	return rc < 0 ? -errno : 0;
}

static int close_context(struct thread *t)
{
	context_leave(rng_below(&t->rng, NR_CONTEXTS));
	return 0;
}

/* The type that a container once has stays. */
static int close_container(struct thread *t)
{
	context_leave(NATIVE_CONTEXT);
	return 0;
}

static int close_file(struct thread *t)
{
	struct file file;

	if (!file_take(rng_below(&t->rng, NR_KINDS), &t->rng, &file))
		return -ENOENT;
	return result(close(file.fd));
}

static int dup_file(struct thread *t)
{
	enum file_kind kind = rng_below(&t->rng, NR_KINDS);
	struct file file;

	if (!file_pick(kind, &t->rng, &file))
		return -ENOENT;
	file.fd = dup(file.fd);
	if (file.fd < 0)
		return -errno;
	file_add(kind, &file);
	return 0;
}

static int new_memfd(struct thread *t)
{
	struct file file = { .context = NO_CONTEXT };
	bool huge = rng_one_in(&t->rng, 8);

	if (file_count(F_MEMFD) > 4)
		return -ENFILE;
	file.fd = mem_file(huge ? HUGE : WINDOW_SIZE / 4,
			   (huge ? MFD_HUGETLB : 0) | MFD_ALLOW_SEALING);
	if (file.fd < 0)
		return file.fd;
	file_add(F_MEMFD, &file);
	return 0;
}

/* Cut it, or seal it against writing. */
static int change_memfd(struct thread *t)
{
	struct file file;

	if (!file_pick(F_MEMFD, &t->rng, &file))
		return -ENOENT;
	if (rng_one_in(&t->rng, 8))
		return result(fcntl(file.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	return result(fallocate(file.fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				rng_below(&t->rng, 16) * PAGE, PAGE));
}

static int read_faults(struct thread *t)
{
	struct iommu_hwpt_pgfault *faults = (void *)t->data;
	struct file file;
	ssize_t n;

	if (!file_pick(F_FAULT, &t->rng, &file))
		return -ENOENT;
	n = read(file.fd, faults, sizeof(*faults) * rng_below(&t->rng, 4) +
		 (rng_one_in(&t->rng, 8) ? 4 : 0));
	if (n >= (ssize_t)sizeof(*faults)) {
		t->cookie = faults->cookie;
		t->fault_fd = file.fd;
	}
	/* There often is nothing. */
	return n < 0 ? -errno : n ? 0 : -EAGAIN;
}

static int answer_faults(struct thread *t)
{
	struct iommu_hwpt_page_response answers[2] = {
		{ t->cookie, rng_below(&t->rng, 2) },
		{ rng_below(&t->rng, 4), rng_below(&t->rng, 3) },
	};
	struct file file;

	if (!file_pick(F_FAULT, &t->rng, &file))
		return -ENOENT;
	if (rng_one_in(&t->rng, 2))
		file.fd = t->fault_fd;
	return result(write(file.fd, answers,
			    sizeof(*answers) * (1 + rng_below(&t->rng, 2))));
}

static int read_events(struct thread *t)
{
	struct file file;
	ssize_t n;

	if (!file_pick(F_VEVENT, &t->rng, &file))
		return -ENOENT;
	n = read(file.fd, t->data, 4 * rng_below(&t->rng, 12));
	return n < 0 ? -errno : n ? 0 : -EAGAIN;
}

static int poll_queue(struct thread *t)
{
	struct pollfd poll_fd = { .events = POLLIN | POLLOUT };
	struct file file;

	if (!file_pick(rng_one_in(&t->rng, 2) ? F_FAULT : F_VEVENT, &t->rng,
		       &file))
		return -ENOENT;
	poll_fd.fd = file.fd;
	return result(poll(&poll_fd, 1, 0));
}

static int read_fdinfo(struct thread *t)
{
	char path[40];
	int fd, rc;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 contexts[rng_below(&t->rng, NR_CONTEXTS)].fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = result(read(fd, t->data, DATA_ROOM));
	close(fd);
	return rc;
}

/*
 * A device is opened by its group or alone. Most are opened in one of the ways only,
 * as they would get in each other's way.
 */
static int add_opened(struct thread *t, enum file_kind kind,
		      int (*open)(int nr))
{
	struct file file = { .context = NO_CONTEXT };

	if (!nr_devices)
		return -ENODEV;
	file.device = rng_below(&t->rng, nr_devices);
	if (file.device % 2 != (kind == F_GROUP) && !rng_one_in(&t->rng, 8))
		file.device = (file.device + 1) % nr_devices;
	file.fd = open(file.device);
	if (file.fd < 0)
		return file.fd;
	file_add(kind, &file);
	return 0;
}

int open_device(struct thread *t)
{
	return add_opened(t, F_CDEV, device_open);
}

int open_group(struct thread *t)
{
	return add_opened(t, F_GROUP, device_open_group);
}

/*
 * QEMU ends when an edu device is told to leave its buffer. So its registers are
 * written as a whole, by one thread at a time, while it is idle, and what other
 * devices write to them by DMA must not reach those of the transfer.
 */
static pthread_mutex_t registers = PTHREAD_MUTEX_INITIALIZER;

#define REG_FROM	0x80
#define REG_TO		0x88
#define REG_COUNT	0x90
#define REG_COMMAND	0x98
#define BUFFER_AT	0x40000

static int write_regs(int fd, const __u64 (*regs)[2], int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (pwrite(fd, &regs[i][1], 8, regs[i][0]) != 8)
			return -EIO;
	return 0;
}

static int edu_dma(int fd, struct rng *rng, const struct mapping *map)
{
	bool to_memory = rng_one_in(rng, 2);
	__u64 pages = map->length / PAGE + 1;
	__u64 iova = (map->iova & -PAGE) + rng_below(rng, pages) * PAGE;
	const __u64 regs[][2] = {
		{ REG_FROM, to_memory ? BUFFER_AT : iova },
		{ REG_TO, to_memory ? iova : BUFFER_AT },
		{ REG_COUNT, to_memory ? 64 : 1 + rng_below(rng, 4096) },
		{ REG_COMMAND, to_memory ? 3 : 1 },
	};
	__u64 command;

	if (pread(fd, &command, 8, REG_COMMAND) != 8)
		return -EIO;
	return command & 1 ? -EBUSY : write_regs(fd, regs, COUNT(regs));
}

static int engine_dma(int fd, struct rng *rng, const struct mapping *map)
{
	const __u64 regs[][2] = {
		{ COPYENGINE_SRC, map->iova },
		{ COPYENGINE_DST, map->iova + rng_below(rng, 16) * PAGE },
		{ COPYENGINE_LEN, rng_below(rng, 65536) },
		{ COPYENGINE_DOORBELL, 1 + rng_below(rng, 5) },
	};

	return write_regs(fd, regs, COUNT(regs));
}

/* With a device that nobody closes or switches off meanwhile */
static int with_device(struct thread *t,
		       int (*step)(struct thread *t, int fd, struct file *file))
{
	struct file file;
	int fd, rc;

	if (!file_pick(rng_one_in(&t->rng, 4) ? F_DEVICE : F_BOUND, &t->rng,
		       &file))
		return -ENOENT;
	fd = dup(file.fd);
	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&registers);
	rc = step(t, fd, &file);
	pthread_mutex_unlock(&registers);
	close(fd);
	return rc;
}

static int start_dma(struct thread *t, int fd, struct file *file)
{
	const struct device *device = &devices[file->device];
	struct mapping map = { 0, 0, PAGE };
	struct life life;

	if (file->context != NO_CONTEXT) {
		life = context_enter(file->context);
		map_pick(life, 0, &t->rng, &map);
	}
	if (device->is_engine)
		return engine_dma(fd, &t->rng, &map);
	return device->is_edu ? edu_dma(fd, &t->rng, &map) : -ENODEV;
}

static int dma(struct thread *t)
{
	return with_device(t, start_dma);
}

static int switch_device(struct thread *t, int fd, struct file *file)
{
	bool on = !rng_one_in(&t->rng, 4);

	if (devices[file->device].is_engine)
		return -ENODEV;
	if (rng_one_in(&t->rng, 2))
		return vfio_bus_master(fd, on);
	return vfio_memory(fd, on);
}

static int switching(struct thread *t)
{
	return with_device(t, switch_device);
}

static const struct {
	const char *name;
	int often;
	int (*step)(struct thread *t);
} steps[] = {
	{ "close a context", 1, close_context },
	{ "close a container", 2, close_container },
	{ "close a file", 20, close_file },
	{ "dup", 4, dup_file },
	{ "new memfd", 8, new_memfd },
	{ "change a memfd", 4, change_memfd },
	{ "read a fault queue", 60, read_faults },
	{ "write a fault queue", 60, answer_faults },
	{ "read a vEVENTQ", 60, read_events },
	{ "poll", 10, poll_queue },
	{ "fdinfo", 2, read_fdinfo },
	{ "open a device", 20, open_device },
	{ "open a group", 20, open_group },
	{ "DMA", 30, dma },
	{ "bus master, memory", 6, switching },
};

static int pick_step(struct rng *rng)
{
	int i, sum = 0, found = 0;

	for (i = 0; i < COUNT(steps); i++) {
		sum += steps[i].often;
		if ((int)rng_below(rng, sum) < steps[i].often)
			found = i;
	}
	return found;
}

void other_step(struct thread *t)
{
	int i = pick_step(&t->rng), rc;
	long begin = clock_ms();

	if (rng_one_in(&t->rng, 2)) {
		t->doing = "memory";
		t->doing = window_step(&t->rng, &rc);
	} else {
		t->doing = steps[i].name;
		rc = steps[i].step(t);
	}
	if (trace)
		dprintf(STDOUT_FILENO, "%d: %s = %d\n", t->nr, t->doing, rc);
	count(&t->counts, count_row(t->doing), rc, begin);
}
