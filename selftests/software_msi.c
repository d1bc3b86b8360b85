// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts where they are DMA like any other, as on Arm: the kernel maps what they
 * are written to into every page table of the device, in a window of its own. Arm64
 * only (tools/vm/run --arm64).
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "lib/vsmmu.h"
#include "test.h"

/* Where the kernel lets interrupts go, and to which register of the machine's */
#define MSI_WINDOW	STAGE1_LOW
#define MSI_REGISTER	(MSI_WINDOW + 0x40)

#define SOON_MS		2000
#define NEVER_MS	300

/* An eventfd for the interrupts of a device */
static int enable(struct edu *edu)
{
	int event = eventfd(0, EFD_CLOEXEC);

	must(event < 0 ? -errno : 0);
	must(vfio_msi(edu->fd, event));
	return event;
}

/* The device sends an interrupt. Does one, and not more, arrive in @ms? */
static bool arrives_in(struct edu *edu, int event, int ms)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	__u64 count;

	edu_interrupt(edu);
	return poll(&pfd, 1, ms) == 1 &&
	       read(event, &count, sizeof(count)) == sizeof(count) &&
	       count == 1;
}

static bool arrives(struct edu *edu, int event)
{
	return arrives_in(edu, event, SOON_MS);
}

static bool is_lost(struct edu *edu, int event)
{
	return !arrives_in(edu, event, NEVER_MS);
}

FIXTURE(software_msi)
{
	struct vsmmu v;
	int event;	/* of its device */
};

FIXTURE_SETUP(software_msi)
{
	self->event = -1;
	if (vsmmu_open(&self->v))
		SKIP(return, NEEDS_SMMU);
	self->event = enable(vsmmu_edu(&self->v));
}

FIXTURE_TEARDOWN(software_msi)
{
	if (self->event >= 0)
		close(self->event);
	vsmmu_close(&self->v);
	EXPECT_SETTLED(self->v.c.pinned);
}

/* Wherever the device is, its interrupts find a way, unless it is nowhere. */
TEST_F(software_msi, attach)
{
	struct edu *edu = vsmmu_edu(&self->v);
	struct ioas ioas = self->v.c.ioas;
	struct ioas other = must_ioas(ioas.fd);

	EXPECT_TRUE(arrives(edu, self->event));
	must(vfio_attach(edu->fd, other.id));
	EXPECT_TRUE(arrives(edu, self->event));
	must(vfio_attach(edu->fd, ioas.id));
	EXPECT_TRUE(arrives(edu, self->event));
	must(vfio_attach(edu->fd, self->v.parent));
	EXPECT_TRUE(arrives(edu, self->event));
	/* It fails, and the device is where it was. */
	EXPECT_EQ(-ENOENT, vfio_attach(edu->fd, self->v.nested));
	EXPECT_TRUE(arrives(edu, self->event));
	must(vfio_detach(edu->fd));
	EXPECT_TRUE(is_lost(edu, self->event));
	must(vfio_attach(edu->fd, other.id));
	EXPECT_TRUE(arrives(edu, self->event));
}

TEST_F(software_msi, enable_again)
{
	struct edu *edu = vsmmu_edu(&self->v);

	must(vfio_msi(edu->fd, -1));
	EXPECT_TRUE(is_lost(edu, self->event));
	must(vfio_msi(edu->fd, self->event));
	EXPECT_TRUE(arrives(edu, self->event));
}

/* The window is nobody's to map or unmap. */
TEST_F(software_msi, window)
{
	struct edu *edu = vsmmu_edu(&self->v);
	struct ioas ioas = self->v.c.ioas;

	EXPECT_EQ(-EINVAL, ioas_map_at(range_of(ioas, MSI_WINDOW, PAGE),
				       self->v.mem, MAP_RW));
	EXPECT_EQ(-ENOENT, ioas_unmap(ioas, MSI_WINDOW, PAGE, NULL));
	EXPECT_TRUE(arrives(edu, self->event));
	must(ioas_unmap_all(ioas, NULL));
	EXPECT_TRUE(arrives(edu, self->event));
}

/* The window is in the nesting parent. What leads there is the guest's. */
TEST_F(software_msi, nested)
{
	struct vsmmu *v = &self->v;
	struct edu *edu = vsmmu_edu(v);
	struct vevent event;

	vsmmu_attach(v, vsmmu_simple(v, STE_BYPASS));
	EXPECT_TRUE(arrives(edu, self->event));
	vsmmu_attach(v, vsmmu_simple(v, STE_ABORT));
	EXPECT_TRUE(is_lost(edu, self->event));

	vsmmu_enter(v);
	EXPECT_TRUE(is_lost(edu, self->event));
	ASSERT_EQ(sizeof(event), vsmmu_read_event(v, SOON_MS, &event));
	EXPECT_EQ(EVENT_TRANSLATION, event_type(&event.event));
	EXPECT_EQ(MSI_REGISTER, event.event.evt[2]);
	stage1_set(&v->stage1, MSI_WINDOW, MSI_WINDOW | PTE_PAGE);
	EXPECT_TRUE(arrives(edu, self->event));

	/* Those of a device that starts to send some when it is there */
	must(vfio_msi(edu->fd, -1));
	must(vfio_msi(edu->fd, self->event));
	EXPECT_TRUE(arrives(edu, self->event));
	vsmmu_attach(v, v->parent);
	EXPECT_TRUE(arrives(edu, self->event));
}

/* Two devices of two groups share the window, and a page in it. */
TEST(two_groups)
{
	struct context c;
	int event[2], i;

	if (context_open(&c, TWO_GROUPS) || !context_has_smmu(&c))
		SKIP(return, NEEDS_SMMU);
	for (i = 0; i < 2; i++) {
		must(vfio_attach(c.edu[i].fd, c.ioas.id));
		event[i] = enable(&c.edu[i]);
	}
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(arrives(&c.edu[i], event[i]));
	must(vfio_detach(c.edu[0].fd));
	EXPECT_TRUE(is_lost(&c.edu[0], event[0]));
	EXPECT_TRUE(arrives(&c.edu[1], event[1]));
	must(vfio_attach(c.edu[0].fd, must_ioas(c.fd).id));
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(arrives(&c.edu[i], event[i]));
	context_close(&c);
	for (i = 0; i < 2; i++)
		close(event[i]);
	EXPECT_SETTLED(c.pinned);
}

TEST_HARNESS_MAIN
