// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "container.h"
#include "kernel.h"
#include "memory.h"

const char *sequence;

void say(long rc, const char *step, ...)
{
	va_list args;

	printf("%s: ", sequence);
	va_start(args, step);
	vprintf(step, args);
	va_end(args);
	if (rc < 0)
		printf(" = %s\n", strerrorname_np(-rc));
	else
		printf(" = %ld\n", rc);
}

int errno_of(int rc)
{
	return rc < 0 ? -errno : rc;
}

void box_open(struct box *box)
{
	*box = (struct box){ .fd = must(container_open(NATIVE_NODE)) };
	must(edu_find_pair(false, box->pci));
	box->mem = must_ptr(mem_base(MIB));
	memset(box->mem, 1, MIB);
}

void box_add_group(struct box *box, int i)
{
	box->groups[i] = must(group_open(&box->pci[i]));
	must(group_set_container(box->groups[i], box->fd));
}

void box_add_edu(struct box *box, int i)
{
	int fd = must(group_device(box->groups[i], &box->pci[i]));

	must(edu_start(&box->edu[i], &box->pci[i], fd));
}

void box_open_type(struct box *box, int type)
{
	box_open(box);
	box_add_group(box, 0);
	must(container_set_iommu(box->fd, type));
	box_add_edu(box, 0);
}

void box_close(struct box *box)
{
	int i;

	for (i = 0; i < 2; i++) {
		edu_close(&box->edu[i]);
		if (box->groups[i])
			close(box->groups[i]);
	}
	close(box->fd);
	munmap(box->mem, MIB);
}

int box_map(struct box *box, __u64 iova, const void *va, __u64 size)
{
	return container_map(box->fd, iova, va, size, DMA_RW);
}

long box_unmap(struct box *box, __u64 iova, __u64 size)
{
	__u64 bytes = ~0ULL;
	int rc = container_unmap(box->fd, iova, size, &bytes);

	return rc ? rc : (long)bytes;
}

long box_unmap_all(struct box *box)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};
	int rc = errno_of(ioctl(box->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));

	return rc ? rc : (long)unmap.size;
}

void box_unmap_dirty(struct box *box, __u64 iova, __u64 size)
{
	__u64 word = 0;
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = {
			.argsz = sizeof(arg),
			.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			.iova = iova,
			.size = size,
		},
		.bitmap = { PAGE, sizeof(word), (void *)&word },
	};

	say(errno_of(ioctl(box->fd, VFIO_IOMMU_UNMAP_DMA, &arg)),
	    "unmap with bitmap");
	say(arg.unmap.size, "unmap with bitmap: size");
	printf("%s: unmap with bitmap: bitmap = %llx\n", sequence, word);
}

int box_avail(struct box *box)
{
	union {
		struct vfio_iommu_type1_info info;
		char bytes[1024];
	} u = { .info.argsz = sizeof(u) };
	const struct vfio_info_cap_header *cap;
	__u32 at;

	must(errno_of(ioctl(box->fd, VFIO_IOMMU_GET_INFO, &u)));
	for (at = u.info.cap_offset; at; at = cap->next) {
		cap = (void *)(u.bytes + at);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			return *(__u32 *)(cap + 1);
	}
	return -ENOENT;
}

int box_reach(struct box *box, __u64 iova)
{
	char *spare = box->mem + MIB - PAGE;
	int can = 0;

	/* The registers of another device are none to scribble on. */
	memset(spare, 0x77, PAGE);
	must(edu_from_memory(&box->edu[0], BOX_SPARE, 0, 8));
	must(edu_from_memory(&box->edu[0], iova, 0, 8));
	must(edu_to_memory(&box->edu[0], BOX_SPARE, 0, 8));
	if (spare[0] == 1)
		can |= DMA_R;
	memset(spare, 0x33, PAGE);
	must(edu_from_memory(&box->edu[0], BOX_SPARE, 0, 8));
	must(edu_to_memory(&box->edu[0], iova, 0, 8));
	if (box->mem[0] == 0x33)
		can |= DMA_W;
	memset(box->mem, 1, PAGE);
	return can;
}

void box_set_limit(unsigned long kib)
{
	const struct rlimit limit = { kib * KIB, kib * KIB };

	must(errno_of(setrlimit(RLIMIT_MEMLOCK, &limit)));
}

void box_drop_capability(int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	must(errno_of(syscall(SYS_capget, &head, data)));
	data[0].effective &= ~(1U << cap);
	must(errno_of(syscall(SYS_capset, &head, data)));
}

void box_say_charge(const char *when)
{
	say(status_kib("VmLck"), "%s: VmLck", when);
	say(status_kib("VmPin"), "%s: VmPin", when);
}

void box_ask_extensions(struct box *box, const char *when)
{
	unsigned long e;

	say(errno_of(ioctl(box->fd, VFIO_GET_API_VERSION)), "%s: version", when);
	for (e = 0; e <= 12; e++)
		say(errno_of(ioctl(box->fd, VFIO_CHECK_EXTENSION, e)),
		    "%s: extension %lu", when, e);
	say(errno_of(ioctl(box->fd, VFIO_CHECK_EXTENSION, ~0UL)),
	    "%s: extension -1", when);
}

static const struct {
	const char *name;
	unsigned long cmd;
} commands[] = {
	{ "GET_INFO", VFIO_IOMMU_GET_INFO },
	{ "MAP_DMA", VFIO_IOMMU_MAP_DMA },
	{ "UNMAP_DMA", VFIO_IOMMU_UNMAP_DMA },
	{ "DIRTY_PAGES", VFIO_IOMMU_DIRTY_PAGES },
	{ "ENABLE", VFIO_IOMMU_ENABLE },
	{ "DISABLE", VFIO_IOMMU_DISABLE },
	{ "113 + 20", _IO(VFIO_TYPE, VFIO_BASE + 113) },
	{ "another type", _IO('x', VFIO_BASE) },
};

void box_try_commands(struct box *box, const char *when)
{
	__u32 args[16];
	int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		say(errno_of(ioctl(box->fd, commands[i].cmd, 8)), "%s: %s, bad pointer",
		    when, commands[i].name);
		memset(args, 0, sizeof(args));
		args[0] = 1;
		say(errno_of(ioctl(box->fd, commands[i].cmd, args)), "%s: %s, short",
		    when, commands[i].name);
		memset(args, 0, sizeof(args));
		args[0] = sizeof(args);
		say(errno_of(ioctl(box->fd, commands[i].cmd, args)), "%s: %s, zeros",
		    when, commands[i].name);
	}
}

void box_try_types(struct box *box, const char *when)
{
	static const int types[] = { 0, 2, 4, 5, 6, 7, 8, 9, 10, 99, -1 };
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		say(container_set_iommu(box->fd, types[i]), "%s: type %d", when,
		    types[i]);
}

/* Each in a process of its own, that leaves nothing to the next one. */
int box_run(const struct sequence *sequences, int n)
{
	int i, status, bad = 0;
	pid_t child;

	for (i = 0; i < n; i++) {
		sequence = sequences[i].name;
		fflush(stdout);
		child = must(fork());
		if (!child) {
			sequences[i].run();
			exit(0);
		}
		must(errno_of(waitpid(child, &status, 0)));
		say(status, "end");
		bad |= status;
	}
	return bad ? 1 : 0;
}
