// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer DMA with what only /dev/iommu has: several IOASes, attach and detach.
 * What the container can do as well is in p2p.c.
 */
#include <sys/mman.h>

#include "lib/clock.h"
#include "lib/p2p.h"
#include "lib/racers.h"
#include "test.h"

#define BAR	P2P_BAR
#define SPARE	P2P_SPARE
#define IOVA	(16 * MIB)

/* What the racers share */
struct state {
	struct p2p p;
	struct ioas other;
};

FIXTURE(p2p_ioas)
{
	struct state s;
};

FIXTURE_SETUP(p2p_ioas)
{
	if (p2p_open(&self->s.p, NULL))
		SKIP(return, NEEDS_GROUPS);
	self->s.other = must_ioas(self->s.p.fd);
	must(ioas_map_at(range_of(self->s.other, SPARE, PAGE), self->s.p.mem,
			 MAP_RW));
}

FIXTURE_TEARDOWN(p2p_ioas)
{
	p2p_close(&self->s.p);
	EXPECT_SETTLED(self->s.p.pinned);
}

static int copy_to(struct p2p *p, struct ioas to)
{
	return ioas_copy_at(to, IOVA, range_of(p->ioas, IOVA, BAR), MAP_RW);
}

TEST_F(p2p_ioas, attach_fills)
{
	struct p2p *p = &self->s.p;

	must(vfio_detach(p->edu[0].fd));
	must(p2p_map(p, IOVA, p->bar, BAR));
	must(vfio_attach(p->edu[0].fd, p->ioas.id));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
}

/* Who is attached while it is away gets it when it is back. */
TEST_F(p2p_ioas, attach_while_away)
{
	struct p2p *p = &self->s.p;

	must(p2p_map(p, IOVA, p->bar, BAR));
	must(vfio_detach(p->edu[0].fd));
	must(p2p_disable(p));
	must(vfio_attach(p->edu[0].fd, p->ioas.id));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));

	/* And the other way round: back while nobody is attached */
	must(p2p_disable(p));
	must(vfio_detach(p->edu[0].fd));
	must(p2p_enable(p));
	must(vfio_attach(p->edu[0].fd, p->ioas.id));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
}

/* A page table that nobody is attached to follows as well. */
TEST_F(p2p_ioas, copy_follows)
{
	struct p2p *p = &self->s.p;
	int hwpt = must(hwpt_alloc(self->s.other, p->edu[0].id, 0));

	must(p2p_map(p, IOVA, p->bar, BAR));
	must(copy_to(p, self->s.other));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	must(p2p_disable(p));
	must(vfio_attach(p->edu[0].fd, hwpt));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));

	/* It does not need what it is a copy of. */
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	must(p2p_disable(p));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	must(munmap(p->bar, BAR));
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	must(ioas_unmap(self->s.other, IOVA, BAR, NULL));
}

/* A copy made while it is away is there when it is back. */
TEST_F(p2p_ioas, copy_while_away)
{
	struct p2p *p = &self->s.p;

	must(p2p_map(p, IOVA, p->bar, BAR));
	must(p2p_disable(p));
	EXPECT_EQ(0, copy_to(p, self->s.other));
	must(vfio_attach(p->edu[0].fd, self->s.other.id));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
}

static bool is_reached_soon(struct peer *peer, __u64 iova)
{
	long end = clock_ms() + 2000;

	while (peer_is_blocked(peer, iova))
		if (clock_ms() > end)
			return false;
	return true;
}

/*
 * A BAR that a single entry of a page table maps: when that is gone, nobody is told
 * that the process may use it again.
 */
TEST_F(p2p_ioas, huge_bar)
{
	struct p2p *p = &self->s.p;
	struct pci_address pci;
	char *bar;
	int fd;

	if (pci_find(0x1b36, 0x0005, &pci, 1) != 1)
		SKIP(return, "no device with a BAR of 1 GiB");
	fd = must(vfio_open(&pci));
	must(vfio_bind(fd, p->fd));
	must(vfio_memory(fd, true));
	bar = must_ptr(mmap(NULL, 2 * GIB, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	bar += -addr(bar) & (GIB - 1);
	must_ptr(vfio_map_bar_at(bar, fd, 2, GIB));
	must(p2p_map(p, GIB, bar, GIB));
	EXPECT_FALSE(peer_is_blocked(&p->peer, GIB));
	EXPECT_FALSE(peer_is_blocked(&p->peer, 2 * GIB - PAGE));
	EXPECT_TRUE(peer_is_blocked(&p->peer, 2 * GIB));

	must(mprotect(bar, GIB, PROT_NONE));
	must(vfio_memory(fd, false));
	must(vfio_memory(fd, true));
	EXPECT_TRUE(p2p_stays_blocked(p, 2 * GIB - PAGE));
	must(mprotect(bar, GIB, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(is_reached_soon(&p->peer, 2 * GIB - PAGE));
	EXPECT_FALSE(peer_is_blocked(&p->peer, GIB));
	EXPECT_EQ(GIB, p2p_unmap(p, GIB, GIB));
	munmap(bar, GIB);
	close(fd);
}

/* Racers: each returns what no order of the calls explains. */
#define RACE_MS 2000

/*
 * Not by switching the BAR off: QEMU loses writes to the registers of its IOMMU when
 * another processor does that at the same time, with or without peer-to-peer DMA,
 * and then the kernel waits for ever for an invalidation.
 */
static void race_protect(struct racer *racer)
{
	struct state *n = racer->data;

	racer_allows(racer, mprotect(n->p.bar, BAR, PROT_READ), 0, 0);
	racer_allows(racer, mprotect(n->p.bar, BAR, PROT_READ | PROT_WRITE), 0, 0);
}

static void race_map(struct racer *racer)
{
	struct state *n = racer->data;
	__u64 iova = (5 + racer->nr) * IOVA;

	if (racer_allows(racer, p2p_map(&n->p, iova, n->p.bar, BAR), EFAULT, 0))
		return;
	racer->hits++;
	racer_allows(racer, p2p_unmap(&n->p, iova, BAR), 0, 0);
}

static void race_mmap(struct racer *racer)
{
	struct state *n = racer->data;
	__u64 iova = (5 + racer->nr) * IOVA;
	char *bar = must_ptr(vfio_map_bar(n->p.edu[1].fd, 0, BAR));
	int rc = p2p_map(&n->p, iova, bar, BAR);

	racer_allows(racer, rc, EFAULT, 0);
	munmap(bar, BAR);
	if (!rc)
		racer_allows(racer, p2p_unmap(&n->p, iova, BAR), 0, 0);
}

static void race_attach(struct racer *racer)
{
	struct state *n = racer->data;
	int device = n->p.edu[0].fd;

	racer_allows(racer, vfio_attach(device, n->p.ioas.id), 0, 0);
	racer_allows(racer, vfio_detach(device), 0, 0);
	racer_allows(racer, vfio_attach(device, n->other.id), 0, 0);
}

static void race_copy(struct racer *racer)
{
	struct state *n = racer->data;

	racer_allows(racer, copy_to(&n->p, n->other), 0, 0);
	racer_allows(racer, ioas_unmap(n->other, IOVA, BAR, NULL), 0, 0);
}

static void race_dma(struct racer *racer)
{
	struct state *n = racer->data;

	racer_allows(racer, edu_to_memory(&n->p.edu[0], IOVA + EDU_CHECK, 0, 4),
		     0, 0);
}

static void (*const races[][4])(struct racer *racer) = {
	{ race_protect, race_map, race_map, race_dma },
	{ race_protect, race_attach, race_copy, race_map },
	{ race_protect, race_mmap, race_mmap, race_attach },
	{ race_protect, race_attach, race_dma, race_copy },
};

TEST_F(p2p_ioas, races)
{
	struct racer racers[4];
	struct p2p *p = &self->s.p;
	int i, j;

	must(p2p_map(p, IOVA, p->bar, BAR));
	for (i = 0; i < ARRAY_SIZE(races); i++) {
		for (j = 0; j < 4; j++)
			racers[j] = (struct racer){
				.step = races[i][j],
				.data = &self->s,
			};
		EXPECT_EQ(0, racers_run(racers, 4, RACE_MS));
		for (j = 0; j < 4; j++)
			TH_LOG("race %d, %d: %lu steps, %d", i, j,
			       racers[j].steps, racers[j].bad);
		/* In the end it may be written, and so it is mapped. */
		must(vfio_attach(p->edu[0].fd, p->ioas.id));
		EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	}
	must(p2p_disable(p));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
}

TEST_HARNESS_MAIN
