// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO container with a device that has no IOMMU, and what each call says: a
 * transcript, see container.c. It needs a VM with such devices, see noiommu.c.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/box.h"
#include "lib/container.h"
#include "lib/mdev.h"
#include "lib/memory.h"

#define NOIOMMU	VFIO_NOIOMMU_IOMMU

static int open_group(const struct pci_address *pci)
{
	char path[48];

	snprintf(path, sizeof(path), "/dev/vfio/noiommu-%d",
		 must(pci_group(pci)));
	return errno_of(open(path, O_RDWR | O_CLOEXEC));
}

/* Returns the device's file or -1. */
static int say_device(struct box *box, const char *step)
{
	int fd = group_device(box->groups[0], &box->pci[0]);

	say(fd < 0 ? fd : 0, "%s", step);
	return fd < 0 ? -1 : fd;
}

static void say_status(struct box *box, const char *when)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	say(errno_of(ioctl(box->groups[0], VFIO_GROUP_GET_STATUS, &status)),
	    "%s: status", when);
	say(status.flags, "%s: flags", when);
}

static void run_states(void)
{
	struct box box;
	int fd;

	box_open(&box);
	box_ask_extensions(&box, "empty");
	box.groups[0] = must(open_group(&box.pci[0]));
	say_status(&box, "alone");
	say(group_set_container(box.groups[0], box.fd), "join");
	say_status(&box, "joined");
	box_ask_extensions(&box, "joined");
	box_try_commands(&box, "joined");
	say(container_set_iommu(box.fd, VFIO_TYPE1_IOMMU), "type 1");
	say(container_set_iommu(box.fd, VFIO_TYPE1v2_IOMMU), "type 3");
	say(container_set_iommu(box.fd, VFIO_UNMAP_ALL), "type 9");
	fd = say_device(&box, "device before the type");
	close(fd);
	say(container_set_iommu(box.fd, NOIOMMU), "type 8");
	say(container_set_iommu(box.fd, NOIOMMU), "type 8 again");
	box_try_types(&box, "set");
	box_ask_extensions(&box, "set");
	box_try_commands(&box, "set");
	say(box_map(&box, 0, box.mem, PAGE), "map");

	fd = say_device(&box, "device");
	close(fd);
	say(group_unset_container(box.groups[0]), "leave");
	box_ask_extensions(&box, "left");
	box_try_commands(&box, "left");
	say(container_set_iommu(box.fd, NOIOMMU), "type without a group");
	say(group_set_container(box.groups[0], box.fd), "join again");
	say(container_set_iommu(box.fd, NOIOMMU), "type again");
	box.groups[1] = must(open_group(&box.pci[1]));
	say(group_set_container(box.groups[1], box.fd), "another group");
	say(group_unset_container(box.groups[0]), "the first one leaves");
	box_try_types(&box, "one is left");
	box_close(&box);
}

/* A device that needs no IOMMU, next to one that has none */
static void run_mixed(void)
{
	struct mdev mdev;
	struct box box;
	int group;

	must(mdev_create(&mdev, MDEV_COPYENGINE));
	box_open(&box);
	box.groups[0] = must(open_group(&box.pci[0]));
	say(group_set_container(box.groups[0], box.fd), "join");
	group = mdev_open_group(&mdev, box.fd);
	say(group < 0 ? group : 0, "the other kind joins");
	say(group_unset_container(box.groups[0]), "leave");

	group = mdev_open_group(&mdev, box.fd);
	say(group < 0 ? group : 0, "the other kind first");
	say(group_set_container(box.groups[0], box.fd), "join then");
	close(group);
	say(group_set_container(box.groups[0], box.fd), "join after that");
	box_close(&box);
	mdev_remove(&mdev);
}

static void run_rights(void)
{
	struct box box;
	int fd;

	box_open(&box);
	box.groups[0] = must(open_group(&box.pci[0]));
	must(group_set_container(box.groups[0], box.fd));
	must(container_set_iommu(box.fd, NOIOMMU));
	box_drop_capability(CAP_SYS_RAWIO);
	fd = say_device(&box, "device");
	close(fd);
	say(group_unset_container(box.groups[0]), "leave");
	say(group_set_container(box.groups[0], box.fd), "join");
	say(container_set_iommu(box.fd, NOIOMMU), "type");
	say(open_group(&box.pci[1]), "open a group");
	box_close(&box);
}

static const struct sequence sequences[] = {
	{ "no IOMMU", run_states },
	{ "no IOMMU, mixed", run_mixed },
	{ "no IOMMU, rights", run_rights },
};

int main(void)
{
	return box_run(sequences, ARRAY_SIZE(sequences));
}
