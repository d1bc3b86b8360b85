// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VFIO container is: its states, groups, information, charges, limits; and
 * what each call says: a transcript. It judges nothing. On a kernel with
 * vfio_iommu_type1 and on one with ours it has to be the same, which
 * tools/check/container_diff.py looks at.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/box.h"
#include "lib/container.h"
#include "lib/kernel.h"
#include "lib/memory.h"

#define IOVA	(16 * MIB)
#define SPARE	BOX_SPARE
#define POISON	0x5a

#define TYPE1	VFIO_TYPE1_IOMMU
#define TYPE1V2	VFIO_TYPE1v2_IOMMU

/* Not which fd it is */
static void say_device(struct box *box, const char *step)
{
	int fd = group_device(box->groups[0], &box->pci[0]);

	say(fd < 0 ? fd : 0, "%s", step);
	if (fd >= 0)
		close(fd);
}

static void run_states(void)
{
	struct box box;

	box_open(&box);
	box_ask_extensions(&box, "empty");
	box_try_commands(&box, "empty");
	box_try_types(&box, "empty");
	say(container_set_iommu(box.fd, TYPE1), "empty: type 1");

	box_add_group(&box, 0);
	box_ask_extensions(&box, "grouped");
	box_try_commands(&box, "grouped");
	box_try_types(&box, "grouped");
	say_device(&box, "grouped: device");

	say(container_set_iommu(box.fd, TYPE1V2), "grouped: type 3");
	box_ask_extensions(&box, "set");
	box_try_commands(&box, "set");
	box_try_types(&box, "set");
	say(container_set_iommu(box.fd, TYPE1V2), "set: the same type");
	say(container_set_iommu(box.fd, TYPE1), "set: the other type");
	box_add_edu(&box, 0);
	box_ask_extensions(&box, "device");
	box_try_commands(&box, "device");
	box_close(&box);
}

static void run_version1(void)
{
	struct box box;

	box_open(&box);
	box_add_group(&box, 0);
	say(container_set_iommu(box.fd, TYPE1), "type 1");
	box_ask_extensions(&box, "set");
	box_try_types(&box, "set");
	box_add_edu(&box, 0);
	box_try_commands(&box, "device");
	box_close(&box);
}

static void say_status(struct box *box, const char *when)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int rc = errno_of(ioctl(box->groups[0], VFIO_GROUP_GET_STATUS, &status));

	say(rc ? rc : (long)status.flags, "%s: status", when);
}

static void run_groups(void)
{
	int null = must(open("/dev/null", O_RDWR)), other, fd;
	struct pci_address nobody = { "0000:00:1e.7" };
	struct box box;

	box_open(&box);
	box.groups[0] = must(group_open(&box.pci[0]));
	say(group_open(&box.pci[0]), "open twice");
	say_status(&box, "alone");
	say_device(&box, "alone: device");
	say(group_unset_container(box.groups[0]), "alone: unset");
	say(group_set_container(box.groups[0], -1), "fd -1");
	say(group_set_container(box.groups[0], null), "fd of /dev/null");
	say(group_set_container(box.groups[0], box.groups[0]), "fd of the group");
	say(errno_of(ioctl(box.groups[0], VFIO_GROUP_SET_CONTAINER, 8)),
	    "bad pointer");

	say(group_set_container(box.groups[0], box.fd), "set");
	say_status(&box, "set");
	say(group_set_container(box.groups[0], box.fd), "set twice");
	other = must(container_open(NATIVE_NODE));
	say(group_set_container(box.groups[0], other), "another one, too");
	say(group_unset_container(box.groups[0]), "unset");
	say_status(&box, "unset");
	say(group_unset_container(box.groups[0]), "unset twice");
	say(group_set_container(box.groups[0], other), "another one");
	say(container_set_iommu(box.fd, TYPE1), "type of the old one");
	say(container_set_iommu(other, TYPE1V2), "type of the new one");
	say(group_device(box.groups[0], &nobody), "no such device");
	say(group_device(box.groups[0], &box.pci[1]), "device of another group");
	fd = must(group_device(box.groups[0], &box.pci[0]));
	say(group_unset_container(box.groups[0]), "unset with a device open");
	say_status(&box, "device open");
	close(fd);
	close(other);
	close(null);
	box_close(&box);
}

static const char *cap_name(int id)
{
	switch (id) {
	case VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE:
		return "IOVA_RANGE";
	case VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION:
		return "MIGRATION";
	case VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL:
		return "DMA_AVAIL";
	default:
		return "?";
	}
}

/* Everything in a capability after its header, as numbers of 4 bytes */
static void say_caps(const char *when, const char *buf, __u32 at, __u32 size)
{
	const struct vfio_info_cap_header *cap;
	const __u32 *word;
	__u32 end;
	int n = 0;

	for (; at && n < 8; at = cap->next, n++) {
		cap = (void *)(buf + at);
		say(cap->version, "%s: %s at %u, version", when,
		    cap_name(cap->id), at);
		end = cap->next ? cap->next : size;
		for (word = (void *)(cap + 1); (char *)word < buf + end; word++)
			say(*word, "%s: %s, byte %zd", when, cap_name(cap->id),
			    (char *)word - (char *)cap);
	}
}

static void say_info(struct box *box, __u32 argsz, const char *when)
{
	union {
		struct vfio_iommu_type1_info info;
		char bytes[1024];
	} u;
	int rc, i, last = -1;

	memset(&u, POISON, sizeof(u));
	u.info.argsz = argsz;
	rc = errno_of(ioctl(box->fd, VFIO_IOMMU_GET_INFO, &u));
	say(rc, "%s: argsz %u", when, argsz);
	if (rc)
		return;
	for (i = 0; i < (int)sizeof(u); i++)
		if (u.bytes[i] != POISON)
			last = i;
	say(last, "%s: last byte written", when);
	say(u.info.argsz, "%s: argsz", when);
	say(u.info.flags, "%s: flags", when);
	say(u.info.iova_pgsizes >> 12, "%s: page sizes, of 4 KiB", when);
	if (argsz < sizeof(u.info))
		return;
	say(u.info.cap_offset, "%s: cap_offset", when);
	if (u.info.cap_offset)
		say_caps(when, u.bytes, u.info.cap_offset, u.info.argsz < argsz ?
			 u.info.argsz : last + 1);
}

static void run_info(void)
{
	static const __u32 sizes[] = {
		0, 1, 15, 16, 20, 23, 24, 25, 40, 56, 72, 88, 100, 103, 104, 105,
		111, 112, 119, 120, 121, 127, 128, 136, 144, 160, 1024,
	};
	char when[16];
	struct box box;
	int i;

	box_open(&box);
	box_add_group(&box, 0);
	must(container_set_iommu(box.fd, TYPE1V2));
	say_info(&box, 1024, "before a device is open");
	box_add_edu(&box, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(when, sizeof(when), "%u", sizes[i]);
		say_info(&box, sizes[i], when);
	}
	must(box_map(&box, IOVA, box.mem, PAGE));
	must(box_map(&box, 2 * IOVA, box.mem, MIB));
	say_info(&box, 1024, "two maps");
	box_add_group(&box, 1);
	box_add_edu(&box, 1);
	say_info(&box, 1024, "two devices");
	box_close(&box);
}

static void charge_child(struct box *box)
{
	int status;
	pid_t child = must(fork());

	if (!child) {
		say(box_map(box, 8 * IOVA, box->mem, 4 * PAGE), "child: map");
		box_say_charge("child");
		say(box_unmap(box, IOVA, 4 * PAGE), "child: unmap the parent's");
		box_say_charge("child then");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	say(status, "child");
	box_say_charge("after the child");
	say(box_unmap(box, 8 * IOVA, 4 * PAGE), "unmap the child's");
	box_say_charge("that is gone");
}

static void run_charge(void)
{
	struct box box;

	box_open_type(&box, TYPE1V2);
	box_set_limit(64);
	say(box_map(&box, IOVA, box.mem, 4 * PAGE), "map");
	box_say_charge("map");
	say(box_map(&box, 2 * IOVA, box.mem, 4 * PAGE), "the same memory");
	box_say_charge("the same memory");
	say(box_map(&box, 3 * IOVA, box.mem, 32 * PAGE), "over the limit, as root");
	box_say_charge("over the limit, as root");
	say(box_unmap(&box, 3 * IOVA, 32 * PAGE), "unmap");
	box_say_charge("unmap");
	charge_child(&box);

	box_drop_capability(CAP_IPC_LOCK);
	say(box_unmap_all(&box), "unmap all");
	box_say_charge("unmap all");
	say(box_map(&box, IOVA, box.mem, 16 * PAGE), "limit");
	box_say_charge("limit");
	say(box_map(&box, 2 * IOVA, box.mem, PAGE), "over the limit");
	box_say_charge("over the limit");
	say(box_unmap(&box, IOVA, 16 * PAGE), "unmap the limit");
	say(box_map(&box, 2 * IOVA, box.mem, 17 * PAGE), "too much at once");
	box_say_charge("too much at once");
	box_close(&box);
	box_say_charge("closed");
}

static void run_lifecycle(void)
{
	struct box box;
	int other;

	box_open_type(&box, TYPE1V2);
	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
	say(box_map(&box, IOVA, box.mem, PAGE), "map");
	say(box_reach(&box, IOVA), "reach");
	say(box_reach(&box, IOVA + PAGE), "reach the next page");
	box_add_group(&box, 1);
	say(box_map(&box, IOVA + PAGE, box.mem, PAGE), "map with two groups");
	box_add_edu(&box, 1);
	say(box_unmap(&box, IOVA + PAGE, PAGE), "unmap with two devices");
	box_say_charge("two groups");

	/* The first group leaves, the second one keeps what is mapped. */
	edu_close(&box.edu[0]);
	say(group_unset_container(box.groups[0]), "first group leaves");
	box_say_charge("first group has left");
	say(box_map(&box, IOVA, box.mem, PAGE), "map again");
	say(errno_of(ioctl(box.fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU)),
	    "coherent");

	/* The second one leaves, and so does everything. */
	edu_close(&box.edu[1]);
	say(group_unset_container(box.groups[1]), "second group leaves");
	box_say_charge("second group has left");
	say(box_map(&box, IOVA, box.mem, PAGE), "map in the empty container");
	say(box_unmap_all(&box), "unmap all of the empty container");
	box_ask_extensions(&box, "empty");
	say(container_set_iommu(box.fd, TYPE1), "type of the empty container");

	/* And it can be used again, as another type. */
	say(group_set_container(box.groups[0], box.fd), "first group again");
	say(container_set_iommu(box.fd, TYPE1), "another type");
	box_add_edu(&box, 0);
	say(box_map(&box, IOVA, box.mem, PAGE), "map in the new one");
	box_say_charge("in the new one");

	/* A group keeps the container. */
	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
	other = box.fd;
	box.fd = must(open("/dev/null", O_RDWR));
	close(other);
	say(box_reach(&box, IOVA), "reach without the container's fd");
	box_close(&box);
	box_say_charge("closed");
}

static void set_entry_limit(const char *limit)
{
	static const char *const files[] = {
		"/sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
		"/sys/module/iommufd/parameters/dma_entry_limit",
	};
	int i, fd, n = 0;

	for (i = 0; i < 2; i++) {
		fd = open(files[i], O_WRONLY);
		if (fd < 0)
			continue;
		n += write(fd, limit, strlen(limit)) > 0;
		close(fd);
	}
	say(n ? 0 : -ENOENT, "set dma_entry_limit");
}

static void run_limit(void)
{
	struct box box;
	int i;

	box_open(&box);
	box_add_group(&box, 0);
	must(container_set_iommu(box.fd, TYPE1V2));
	set_entry_limit("3");
	box_add_edu(&box, 0);
	say(box_avail(&box), "the limit is of when the type was set");
	box_close(&box);

	box_open_type(&box, TYPE1V2);
	for (i = 0; i < 4; i++) {
		say(box_avail(&box), "available before %d", i);
		say(box_map(&box, IOVA + i * MIB, box.mem, PAGE), "map %d", i);
	}
	say(box_map(&box, IOVA, box.mem, PAGE), "taken");
	say(box_map(&box, 2 * IOVA, NULL, PAGE), "bad address");
	say(box_unmap(&box, IOVA, PAGE), "unmap");
	say(box_map(&box, IOVA, box.mem, PAGE), "map again");
	say(box_unmap_all(&box), "unmap all");
	say(box_avail(&box), "available");
	set_entry_limit("65535");
	box_close(&box);
}

/* It is a file that has nothing in it. */
static void run_file(void)
{
	struct box box;
	char byte = 0;

	box_open(&box);
	say(errno_of(read(box.fd, &byte, 1)), "read");
	say(errno_of(write(box.fd, &byte, 1)), "write");
	say(errno_of(lseek(box.fd, 1, SEEK_SET)), "seek");
	say(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, box.fd, 0) == MAP_FAILED ?
		    -errno : 0, "mmap");
	say(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, box.fd, PAGE) == MAP_FAILED ?
		    -errno : 0, "mmap of the second page");
	box_close(&box);
}

/* Devices and groups in different orders */
static void run_orders(void)
{
	struct box box;
	int i;

	/* The type after two groups, a device of the second one first */
	box_open(&box);
	box_add_group(&box, 0);
	box_add_group(&box, 1);
	say(container_set_iommu(box.fd, TYPE1V2), "type of two groups");
	box_add_edu(&box, 1);
	say(box_map(&box, IOVA, box.mem, PAGE), "map");
	box_add_edu(&box, 0);
	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
	say(box_reach(&box, IOVA), "reach");
	box_say_charge("two devices");

	/* A device that is closed and opened again finds what is mapped. */
	for (i = 0; i < 2; i++)
		edu_close(&box.edu[i]);
	box_say_charge("no device");
	say(box_map(&box, IOVA, box.mem, PAGE), "map what is mapped");
	say(box_map(&box, 2 * IOVA, box.mem, PAGE), "map without a device");
	box_add_edu(&box, 0);
	say(box_reach(&box, IOVA), "reach again");
	say(box_reach(&box, 2 * IOVA), "reach the other one");
	box_say_charge("one device");
	say(box_unmap_all(&box), "unmap all");
	box_close(&box);
}

/* Calls before any device is open */
static void run_early(void)
{
	struct box box;

	box_open(&box);
	box_add_group(&box, 0);
	say(box_map(&box, IOVA, box.mem, PAGE), "map before the type");
	must(container_set_iommu(box.fd, TYPE1V2));
	say(box_map(&box, IOVA, box.mem, PAGE), "map before a device");
	say(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE), "map the spare page");
	say(box_map(&box, 0xfee00000, box.mem, PAGE), "map the interrupts");
	say(box_unmap(&box, 0xfee00000, PAGE), "unmap the interrupts");
	say(box_map(&box, 3 * IOVA, NULL, PAGE), "map nothing");
	say(box_unmap(&box, 3 * IOVA, PAGE), "unmap nothing");
	box_say_charge("before a device");
	box_add_edu(&box, 0);
	box_say_charge("after it");
	say(box_reach(&box, IOVA), "reach what was mapped before");
	box_close(&box);
	box_say_charge("closed");
}

static const struct sequence sequences[] = {
	{ "file", run_file },
	{ "states", run_states },
	{ "version 1", run_version1 },
	{ "groups", run_groups },
	{ "info", run_info },
	{ "charge", run_charge },
	{ "lifecycle", run_lifecycle },
	{ "limit", run_limit },
	{ "orders", run_orders },
	{ "early", run_early },
};

int main(void)
{
	return box_run(sequences, ARRAY_SIZE(sequences));
}
