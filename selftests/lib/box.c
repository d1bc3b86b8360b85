// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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

void box_say_charge(const char *when)
{
	say(status_kib("VmLck"), "%s: VmLck", when);
	say(status_kib("VmPin"), "%s: VmPin", when);
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
