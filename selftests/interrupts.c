// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine that does not keep the interrupts of devices apart: whoever has a device
 * can raise any interrupt. Its devices are refused, unless the administrator has
 * allowed it. The kernel's command line needs intremap=off.
 */
#include <stdio.h>

#include "lib/container.h"
#include "lib/sources.h"
#include "test.h"

#define ALLOW	"/sys/module/iommufd/parameters/allow_unsafe_interrupts"

static bool are_apart(void)
{
	char words[4096] = "";
	FILE *f = fopen("/proc/cmdline", "r");

	if (f) {
		words[fread(words, 1, sizeof(words) - 1, f)] = 0;
		fclose(f);
	}
	return !strstr(words, "intremap=off");
}

FIXTURE(interrupts)
{
	struct pci_address pci;
	int fd;
	int device;
};

FIXTURE_SETUP(interrupts)
{
	if (are_apart() || edu_find_one(&self->pci))
		SKIP(return, "no device without isolated interrupts");
	self->fd = must(iommufd_open());
	self->device = must(vfio_open(&self->pci));
}

FIXTURE_TEARDOWN(interrupts)
{
	must(write_switch(ALLOW, "N"));
	close(self->device);
	close(self->fd);
}

TEST_F(interrupts, refused)
{
	int i, group, id = must(ioas_alloc(self->fd));

	for (i = 0; i < 2; i++)
		EXPECT_EQ(-EPERM, vfio_bind(self->device, self->fd));
	close(self->device);
	self->device = -1;
	/* By its group, too */
	must(iommufd_vfio_ioas(self->fd, IOMMU_VFIO_IOAS_SET, id));
	group = must(group_open(&self->pci));
	must(group_set_container(group, self->fd));
	EXPECT_EQ(-EPERM, group_device(group, &self->pci));
	close(group);
	/* No ID was used up. */
	EXPECT_EQ(id + 1, ioas_alloc(self->fd));
}

TEST_F(interrupts, allowed)
{
	struct ioas ioas = must_ioas(self->fd);
	int kmsg = must(kmsg_open());
	char text[256], start[64];

	must(write_switch(ALLOW, "Y"));
	EXPECT_LT(0, vfio_bind(self->device, self->fd));
	snprintf(start, sizeof(start), "vfio-pci %s: interrupts are not isolated",
		 self->pci.name);
	EXPECT_EQ(0, kmsg_line(kmsg, 1000, start, text, sizeof(text)));
	EXPECT_LT(0, vfio_attach(self->device, ioas.id));
	close(kmsg);
	close(self->device);

	must(write_switch(ALLOW, "N"));
	self->device = must(vfio_open(&self->pci));
	EXPECT_EQ(-EPERM, vfio_bind(self->device, self->fd));
}

TEST_HARNESS_MAIN
