// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer DMA: the BAR of one edu device, which this process has mapped, is
 * mapped by its address for another edu device, natively and by the VFIO container.
 * It follows the process's mapping: when the BAR goes away, the IOMMU blocks.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/container.h"
#include "lib/p2p.h"
#include "lib/removal.h"
#include "test.h"

#define BAR	P2P_BAR
#define IOVA	(16 * MIB)
#define SPARE	P2P_SPARE

FIXTURE(p2p)
{
	struct p2p p;
};

FIXTURE_VARIANT(p2p)
{
	const char *node;	/* of a container */
};

FIXTURE_VARIANT_ADD(p2p, iommufd)
{
};

FIXTURE_VARIANT_ADD(p2p, container)
{
	.node = NATIVE_NODE,
};

FIXTURE_VARIANT_ADD(p2p, compat)
{
	.node = COMPAT_NODE,
};

FIXTURE_SETUP(p2p)
{
	if (p2p_open(&self->p, variant->node))
		SKIP(return, NEEDS_GROUPS);
}

FIXTURE_TEARDOWN(p2p)
{
	p2p_close(&self->p);
	EXPECT_SETTLED(self->p.pinned);
}

static const struct {
	const char *name;
	size_t at;
	size_t length;
	size_t off;		/* by how much the IOVA is less aligned */
	bool has_register;
} shapes[] = {
	{ "whole", 0, BAR, 0, true },
	{ "part", 0, 16 * PAGE, 0, true },
	{ "one page", 0, PAGE, 0, true },
	{ "whole, odd page", 0, BAR, PAGE, true },
	{ "part, odd page", 0, 16 * PAGE, 5 * PAGE, true },
	{ "from the second page on", PAGE, BAR - PAGE, 0, false },
	{ "the last page", BAR - PAGE, PAGE, 0, false },
};

TEST_F(p2p, shapes)
{
	struct p2p *p = &self->p;
	__u64 iova;
	int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		iova = IOVA + shapes[i].off;
		EXPECT_EQ(0, p2p_map(p, iova, p->bar + shapes[i].at,
				    shapes[i].length));
		/* Other registers than that one are there, too. */
		EXPECT_FALSE(peer_is_blocked(&p->peer, iova));
		EXPECT_EQ(shapes[i].has_register,
			  peer_writes(&p->peer, iova));
		EXPECT_EQ(shapes[i].has_register, peer_reads(&p->peer, iova))
			TH_LOG("%s", shapes[i].name);
		EXPECT_FALSE(peer_is_blocked(&p->peer, iova +
					     shapes[i].length - PAGE));
		EXPECT_TRUE(peer_is_blocked(&p->peer,
					    iova + shapes[i].length));
		EXPECT_EQ(shapes[i].length,
			  p2p_unmap(p, iova, shapes[i].length));
		EXPECT_TRUE(peer_is_blocked(&p->peer, iova))
			TH_LOG("%s", shapes[i].name);
	}
}

/*
 * The report of the IOMMU names the device and the address, whoever has mapped it.
 * Reports that come too often are dropped, for five seconds.
 */
TEST(report)
{
	char text[256], *at;
	int kmsg, tries, rc = -ETIMEDOUT;
	struct p2p p;

	if (p2p_open(&p, NULL))
		SKIP(return, NEEDS_GROUPS);
	must(p2p_map(&p, IOVA, p.bar, BAR));
	must(p2p_disable(&p));
	kmsg = must(kmsg_open());
	for (tries = 0; rc && tries < 30; tries++) {
		EXPECT_TRUE(peer_is_blocked(&p.peer, IOVA));
		rc = kmsg_dma_fault(kmsg, 200, text, sizeof(text));
	}
	ASSERT_EQ(0, rc);
	at = strstr(text, "fault addr ");
	ASSERT_NE(NULL, at);
	EXPECT_EQ(IOVA, strtoull(at + 11, NULL, 16) & ~(PAGE - 1));
	ASSERT_NE(NULL, strstr(text, p.pci[0].name + 5));
	close(kmsg);
	p2p_close(&p);
	EXPECT_SETTLED(p.pinned);
}

TEST_F(p2p, access)
{
	struct p2p *p = &self->p;
	struct iova_range to = range_of(p->ioas, IOVA, BAR);

	must(p2p_map_range(p, to, p->bar, MAP_R));
	EXPECT_TRUE(peer_reads(&p->peer, IOVA));
	EXPECT_FALSE(peer_writes(&p->peer, IOVA));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	must(p2p_map_range(p, to, p->bar, MAP_W));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
}

/* The process needs no right that it does not give to the device. */
TEST_F(p2p, protection)
{
	struct p2p *p = &self->p;
	struct iova_range to = range_of(p->ioas, IOVA, BAR);

	must(mprotect(p->bar, BAR, PROT_READ));
	EXPECT_EQ(-EFAULT, p2p_map_range(p, to, p->bar, MAP_RW));
	EXPECT_EQ(-EFAULT, p2p_map_range(p, to, p->bar, MAP_W));
	EXPECT_EQ(0, p2p_map_range(p, to, p->bar, MAP_R));
	EXPECT_TRUE(peer_reads(&p->peer, IOVA));
	EXPECT_FALSE(peer_writes(&p->peer, IOVA));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));

	must(mprotect(p->bar, BAR, PROT_NONE));
	EXPECT_EQ(-EFAULT, p2p_map_range(p, to, p->bar, MAP_R));
	EXPECT_EQ(-EFAULT, p2p_map_range(p, to, p->bar, MAP_RW));
}

TEST_F(p2p, errors)
{
	struct p2p *p = &self->p;

	must(p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_EQ(-EEXIST, p2p_map(p, IOVA + BAR - PAGE, p->bar, PAGE));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));

	must(vfio_memory(p->edu[1].fd, false));
	EXPECT_EQ(-EFAULT, p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_EQ(-EFAULT, p2p_map(p, IOVA, p->bar, PAGE));
	must(vfio_memory(p->edu[1].fd, true));
	EXPECT_EQ(0, p2p_map(p, IOVA, p->bar, PAGE));
	EXPECT_EQ(PAGE, p2p_unmap(p, IOVA, PAGE));

	must(munmap(p->bar + BAR - PAGE, PAGE));
	EXPECT_EQ(-EFAULT, p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_EQ(0, p2p_map(p, IOVA, p->bar, BAR - PAGE));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
}

/* Whoever unmaps it, and whatever the process may still use: nothing is charged. */
TEST_F(p2p, not_charged)
{
	struct p2p *p = &self->p;
	int pins = p2p_pins(p);
	int charged = must(status_kib("VmLck"));
	int pinned = must(status_kib("VmPin"));

	must(p2p_map(p, IOVA, p->bar, BAR));
	must(p2p_map(p, 2 * IOVA, p->bar, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, 2 * IOVA));
	EXPECT_EQ(pins, p2p_pins(p));
	EXPECT_EQ(charged, status_kib("VmLck"));
	EXPECT_EQ(pinned, status_kib("VmPin"));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	EXPECT_EQ(pins, p2p_pins(p));
	EXPECT_EQ(charged, status_kib("VmLck"));
	EXPECT_EQ(pinned, status_kib("VmPin"));
}

/* Map the start of a device's BAR in the place of what is at @va. */
static int bar_at(char *va, size_t length, const struct edu *edu)
{
	return vfio_map_bar_at(va, edu->fd, 0, length) == va ? 0 : -errno;
}

/*
 * Eight pages of which the fourth and the fifth are the start of the BAR, the rest
 * memory that is filled with seed 1
 */
static char *mix(struct p2p *p)
{
	char *mem = must_ptr(mem_base(8 * PAGE));

	mem_fill(mem, 8 * PAGE, 1);
	must(bar_at(mem + 3 * PAGE, 2 * PAGE, &p->edu[1]));
	return mem;
}

/* Does the user read the byte pattern of memory at page @n of the mix? */
static bool reads_memory(struct p2p *p, __u64 iova, int n)
{
	const __u32 length = PAGE - PEER_BUFFER;

	memset(p->mem, 0, PAGE);
	must(edu_from_memory(&p->edu[0], iova + n * PAGE, PEER_BUFFER, length));
	must(edu_to_memory(&p->edu[0], SPARE, PEER_BUFFER, length));
	return mem_differs_from(p->mem, length, 1, n * PAGE) < 0;
}

TEST_F(p2p, mixed_with_memory)
{
	struct p2p *p = &self->p;
	char *mem = mix(p);

	must(p2p_map(p, IOVA, mem, 8 * PAGE));
	/* The spare page, and six */
	EXPECT_EQ(7, p2p_pins(p));
	EXPECT_TRUE(reads_memory(p, IOVA, 2));
	EXPECT_TRUE(reads_memory(p, IOVA, 5));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA + 3 * PAGE));

	must(vfio_memory(p->edu[1].fd, false));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA + 3 * PAGE));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA + 4 * PAGE));
	EXPECT_TRUE(reads_memory(p, IOVA, 2));
	EXPECT_TRUE(reads_memory(p, IOVA, 5));
	must(vfio_memory(p->edu[1].fd, true));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA + 3 * PAGE));

	EXPECT_EQ(8 * PAGE, p2p_unmap(p, IOVA, 8 * PAGE));
	EXPECT_EQ(1, p2p_pins(p));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA + 3 * PAGE));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA + 2 * PAGE));
	munmap(mem, 8 * PAGE);
}

/* One call has mapped it, and no part goes alone. */
TEST_F(p2p, part_of_a_mix)
{
	struct p2p *p = &self->p;
	int error = variant->node && strcmp(variant->node, COMPAT_NODE) ?
			    EINVAL : ENOENT;
	static const struct {
		int at, n;
	} parts[] = { { 0, 3 }, { 3, 2 }, { 5, 3 }, { 0, 5 }, { 3, 5 }, { 4, 1 } };
	char *mem = mix(p);
	int i;

	must(p2p_map(p, IOVA, mem, 8 * PAGE));
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		EXPECT_EQ(-error, p2p_unmap(p, IOVA + parts[i].at * PAGE,
					parts[i].n * PAGE))
			TH_LOG("part %d", i);
	}
	EXPECT_TRUE(reads_memory(p, IOVA, 2));
	EXPECT_TRUE(reads_memory(p, IOVA, 5));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA + 3 * PAGE));
	EXPECT_EQ(8 * PAGE, p2p_unmap(p, IOVA, 8 * PAGE));
	munmap(mem, 8 * PAGE);
}

/* A mix of which the BAR is away is refused as a whole. */
TEST_F(p2p, mix_fails)
{
	struct p2p *p = &self->p;
	char *mem = mix(p);

	must(vfio_memory(p->edu[1].fd, false));
	EXPECT_EQ(-EFAULT, p2p_map(p, IOVA, mem, 8 * PAGE));
	EXPECT_EQ(1, p2p_pins(p));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	EXPECT_EQ(0, p2p_map(p, IOVA, p->mem, 8 * PAGE));
	munmap(mem, 8 * PAGE);
}

/* Ways to take the BAR away, and back. EINVAL: this device cannot. */
static int reset(struct p2p *p)
{
	return vfio_reset(p->edu[1].fd);
}

static int unmap_bar(struct p2p *p)
{
	return munmap(p->bar, BAR);
}

static int unmap_page(struct p2p *p)
{
	return munmap(p->bar + 8 * PAGE, PAGE);
}

static int move(struct p2p *p)
{
	char *to = must_ptr(mem_none(BAR));

	if (mremap(p->bar, BAR, BAR, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return -errno;
	p->bar = to;
	return 0;
}

static int cover(struct p2p *p)
{
	void *va = mmap(p->bar, BAR, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return va == MAP_FAILED ? -errno : 0;
}

static int cover_by_other(struct p2p *p)
{
	return bar_at(p->bar, BAR, &p->edu[0]);
}

static int cover_page_by_other(struct p2p *p)
{
	return bar_at(p->bar + 8 * PAGE, PAGE, &p->edu[0]);
}

static int cover_by_itself(struct p2p *p)
{
	return bar_at(p->bar, BAR, &p->edu[1]);
}

static int move_other_here(struct p2p *p)
{
	char *other = vfio_map_bar(p->edu[0].fd, 0, BAR);

	return mremap(must_ptr(other), BAR, BAR, MREMAP_MAYMOVE | MREMAP_FIXED,
		      p->bar) == p->bar ? 0 : -errno;
}

static int forbid_writing(struct p2p *p)
{
	return mprotect(p->bar, BAR, PROT_READ);
}

static int allow(struct p2p *p)
{
	return mprotect(p->bar, BAR, PROT_READ | PROT_WRITE);
}

static int forbid(struct p2p *p)
{
	return mprotect(p->bar, BAR, PROT_NONE);
}

static const struct {
	const char *name;
	int (*take)(struct p2p *p);
	int (*give)(struct p2p *p);	/* or it does not come back */
} ways[] = {
	{ "memory off", p2p_disable, p2p_enable },
	{ "reset", reset, p2p_enable },
	{ "mprotect read", forbid_writing, allow },
	{ "mprotect none", forbid, allow },
	{ "mremap", move },
	{ "munmap", unmap_bar },
	{ "munmap of a page", unmap_page },
	{ "another mmap", cover },
	{ "mmap of another device", cover_by_other },
	{ "mmap of a page of another device", cover_page_by_other },
	{ "mmap of the same once more", cover_by_itself },
	{ "mremap of another device", move_other_here },
};

TEST_F(p2p, taken_away)
{
	struct p2p *p = &self->p;
	char *bar;
	int i, rc;

	munmap(p->bar, BAR);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		bar = must_ptr(vfio_map_bar(p->edu[1].fd, 0, BAR));
		p->bar = bar;
		must(p2p_map(p, IOVA, bar, BAR));
		EXPECT_TRUE(peer_writes(&p->peer, IOVA));
		rc = ways[i].take(p);
		if (rc == -EINVAL && ways[i].take == reset) {
			TH_LOG("this device has no reset");
		} else {
			EXPECT_EQ(0, rc);
			EXPECT_TRUE(ways[i].take == reset ||
				    p2p_stays_blocked(p, IOVA))
				TH_LOG("%s", ways[i].name);
		}
		if (ways[i].give) {
			EXPECT_EQ(0, ways[i].give(p));
			EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA))
				TH_LOG("%s", ways[i].name);
		}
		EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
		EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
		munmap(p->bar, BAR);
		munmap(bar, BAR);
	}
}

/* Nor what it had read from, with a mapping that it cannot write through */
TEST_F(p2p, reading_goes_on)
{
	struct p2p *p = &self->p;
	struct iova_range to = range_of(p->ioas, IOVA, BAR);

	must(p2p_map_range(p, to, p->bar, MAP_R));
	must(mprotect(p->bar, BAR, PROT_READ));
	EXPECT_TRUE(peer_reads_soon(&p->peer, IOVA));
	must(mprotect(p->bar, BAR, PROT_NONE));
	EXPECT_FALSE(peer_reads(&p->peer, IOVA));
	clock_sleep_ms(P2P_A_WHILE);
	EXPECT_FALSE(peer_reads(&p->peer, IOVA));
}

/* However often, and with more mappings than one */
TEST_F(p2p, back_and_forth)
{
	struct p2p *p = &self->p;
	int i;

	must(p2p_map(p, IOVA, p->bar, BAR));
	must(p2p_map(p, 2 * IOVA, p->bar, PAGE));
	must(p2p_map(p, 3 * IOVA, p->edu[1].regs, PAGE));
	for (i = 0; i < 4; i++) {
		must(p2p_disable(p));
		EXPECT_TRUE(peer_is_blocked(&p->peer,
					    (i % 3 + 1) * IOVA));
		must(p2p_enable(p));
		EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
		EXPECT_TRUE(peer_writes_soon(&p->peer, 2 * IOVA));
		EXPECT_TRUE(peer_writes_soon(&p->peer, 3 * IOVA));
	}
	/* What is unmapped while it is away does not come back. */
	must(p2p_disable(p));
	EXPECT_EQ(PAGE, p2p_unmap(p, 2 * IOVA, PAGE));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	EXPECT_TRUE(peer_is_blocked(&p->peer, 2 * IOVA));
	EXPECT_NE(PAGE, p2p_unmap(p, 2 * IOVA, PAGE));
}

/* A child has a mapping of its own, and what it does to it is its affair. */
TEST_F(p2p, fork)
{
	struct p2p *p = &self->p;
	int status;
	pid_t child;

	must(p2p_map(p, IOVA, p->bar, BAR));
	child = must(fork());
	if (!child)
		_exit(munmap(p->bar, BAR));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
}

/* With a process its mapping ends. */
TEST_F(p2p, exit)
{
	struct p2p *p = &self->p;
	int status;
	pid_t child;

	child = must(fork());
	if (!child) {
		must(p2p_map(p, IOVA, p->bar, BAR));
		_exit(!peer_writes(&p->peer, IOVA));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
}

TEST_F(p2p, owner_closed)
{
	struct p2p *p = &self->p;

	must(p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	p2p_close_owner(p);
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	p2p_open_owner(p);
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	must(p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
}

static bool goes_away(struct p2p *p, struct removal *removal, bool unplug)
{
	bool waits, blocked;

	removal_begin(removal, &p->pci[1], unplug);
	waits = removal_waits(removal);
	p2p_close_owner(p);
	blocked = peer_is_blocked(&p->peer, IOVA);
	return !removal_end(removal) && waits && blocked &&
	       peer_is_blocked(&p->peer, IOVA);
}

TEST_F(p2p, driver_unbound)
{
	struct p2p *p = &self->p;
	struct removal removal;

	must(p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	EXPECT_TRUE(goes_away(p, &removal, false));
	must(removal_undo(&removal));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	p2p_open_owner(p);
}

TEST_F(p2p, device_removed)
{
	struct p2p *p = &self->p;
	struct removal removal;

	must(p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	EXPECT_TRUE(goes_away(p, &removal, true));
	must(removal_undo(&removal));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	p2p_open_owner(p);
	must(p2p_map(p, IOVA, p->bar, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
}

TEST_HARNESS_MAIN
