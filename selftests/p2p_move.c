// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer DMA while the address of the BAR changes (VFIO_DMA_UNMAP_FLAG_VADDR,
 * VFIO_DMA_MAP_FLAG_VADDR), in this process or to another one.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/container.h"
#include "lib/p2p.h"
#include "test.h"

#define BAR	P2P_BAR
#define IOVA	(16 * MIB)

FIXTURE(p2p_move)
{
	struct p2p p;
	char *bar;		/* the same BAR once more */
};

FIXTURE_SETUP(p2p_move)
{
	if (p2p_open(&self->p, NATIVE_NODE))
		SKIP(return, NEEDS_GROUPS);
	self->bar = must_ptr(vfio_map_bar(self->p.edu[1].fd, 0, BAR));
	must(p2p_map(&self->p, IOVA, self->p.bar, BAR));
}

FIXTURE_TEARDOWN(p2p_move)
{
	munmap(self->bar, BAR);
	p2p_close(&self->p);
	EXPECT_SETTLED(self->p.pinned);
}

/* Its address is going to change. */
static int give_up(struct p2p *p)
{
	return container_give_up(p->fd, IOVA, BAR);
}

static int take_over(struct p2p *p, const void *va)
{
	return container_take_over(p->fd, IOVA, va, BAR);
}

static int move_to(struct p2p *p, const void *va)
{
	return give_up(p) ?: take_over(p, va);
}

TEST_F(p2p_move, here)
{
	struct p2p *p = &self->p;

	EXPECT_EQ(-EINVAL, take_over(p, self->bar));
	must(give_up(p));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	must(take_over(p, self->bar));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	/* What is where it was does not matter any more. */
	munmap(p->bar, BAR);
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	must(p2p_disable(p));
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	munmap(self->bar, BAR);
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	/* That is the spare page. */
	EXPECT_EQ(1, p2p_pins(p));
}

/* As with exec(): for a while there is no address. */
TEST_F(p2p_move, gap)
{
	struct p2p *p = &self->p;

	must(give_up(p));
	munmap(p->bar, BAR);
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	must(take_over(p, self->bar));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	EXPECT_EQ(BAR, p2p_unmap(p, IOVA, BAR));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
}

TEST_F(p2p_move, to_another_process)
{
	struct p2p *p = &self->p;
	int status;
	pid_t child;

	must(give_up(p));
	child = must(fork());
	if (!child) {
		if (take_over(p, self->bar) || status_kib("VmPin"))
			_exit(1);
		_exit(!peer_writes_soon(&p->peer, IOVA));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, status_kib("VmPin"));
	/* It went with the child; and can come back from there. */
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	must(move_to(p, p->bar));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
}

/* What is away comes back at the new address. */
TEST_F(p2p_move, while_it_is_off)
{
	struct p2p *p = &self->p;

	must(p2p_disable(p));
	must(move_to(p, self->bar));
	munmap(p->bar, BAR);
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
}

/* Neither memory nor nothing can stand in for it; it stays with the old address. */
TEST_F(p2p_move, refused)
{
	struct p2p *p = &self->p;

	must(give_up(p));
	EXPECT_EQ(-EFAULT, take_over(p, must_ptr(mem_base(BAR))));
	munmap(self->bar, BAR);
	EXPECT_EQ(-EFAULT, take_over(p, self->bar));
	EXPECT_TRUE(peer_writes(&p->peer, IOVA));
	must(p2p_disable(p));
	EXPECT_TRUE(peer_is_blocked(&p->peer, IOVA));
	must(p2p_enable(p));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	must(take_over(p, p->bar));
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
}

/* What the thread below is at */
struct toggle {
	struct p2p *p;
	atomic_bool stop;
	int rounds;
};

static void *on_and_off(void *data)
{
	struct toggle *toggle = data;

	while (!atomic_load(&toggle->stop)) {
		must(p2p_disable(toggle->p));
		must(p2p_enable(toggle->p));
		toggle->rounds++;
	}
	return NULL;
}

TEST_F(p2p_move, while_it_comes_and_goes)
{
	struct toggle toggle = { .p = &self->p };
	struct p2p *p = &self->p;
	pthread_t thread;
	int i;

	must(-pthread_create(&thread, NULL, on_and_off, &toggle));
	for (i = 0; i < 500; i++)
		EXPECT_EQ(0, move_to(p, i % 2 ? p->bar : self->bar));
	atomic_store(&toggle.stop, true);
	must(-pthread_join(thread, NULL));
	EXPECT_LT(0, toggle.rounds);
	EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	must(p2p_disable(p));
	EXPECT_TRUE(p2p_stays_blocked(p, IOVA));
}

/* Whoever moves it is killed at any moment of that. */
TEST_F(p2p_move, killed)
{
	struct p2p *p = &self->p;
	int i, status;
	pid_t child;

	for (i = 0; i < 40; i++) {
		child = must(fork());
		while (!child) {
			give_up(p);
			take_over(p, self->bar);
		}
		usleep(500 * i);
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		give_up(p);
		EXPECT_EQ(0, take_over(p, p->bar));
		EXPECT_TRUE(peer_writes_soon(&p->peer, IOVA));
	}
	EXPECT_EQ(0, status_kib("VmPin"));
}

TEST_HARNESS_MAIN
