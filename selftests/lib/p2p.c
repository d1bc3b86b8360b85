// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "container.h"
#include "kernel.h"
#include "memory.h"
#include "p2p.h"

#define MEM	(16 * PAGE)

static void open_edu(struct p2p *p, int i)
{
	if (!p->groups[i])
		must(edu_open(&p->edu[i], &p->pci[i], p->fd));
	else
		must(edu_start(&p->edu[i], &p->pci[i],
			       must(group_device(p->groups[i],
						 &p->pci[i]))));
}

static void open_group(struct p2p *p, int i)
{
	p->groups[i] = must(group_open(&p->pci[i]));
	must(group_set_container(p->groups[i], p->fd));
}

int p2p_map_range(struct p2p *p, struct iova_range to, void *va, __u32 flags)
{
	__u32 dma_flags = (flags & MAP_R ? DMA_R : 0) | (flags & MAP_W ? DMA_W : 0);

	if (p->groups[0])
		return container_map(p->fd, to.iova, va, to.length, dma_flags);
	to.ioas = p->ioas;
	return ioas_map_at(to, va, flags);
}

int p2p_map(struct p2p *p, __u64 iova, void *va, __u64 length)
{
	return p2p_map_range(p, (struct iova_range){ p->ioas, iova, length }, va, MAP_RW);
}

long p2p_unmap(struct p2p *p, __u64 iova, __u64 length)
{
	__u64 bytes;
	int rc;

	if (p->groups[0])
		rc = container_unmap(p->fd, iova, length, &bytes);
	else
		rc = ioas_unmap(p->ioas, iova, length, &bytes);
	return rc ? rc : (long)bytes;
}

static void open_space(struct p2p *p, const char *node)
{
	int i;

	if (!node) {
		p->fd = must(iommufd_open());
		p->ioas = must_ioas(p->fd);
		return;
	}
	p->fd = must(container_open(node));
	for (i = 0; i < 2; i++)
		open_group(p, i);
	must(container_set_iommu(p->fd, VFIO_TYPE1v2_IOMMU));
}

int p2p_open(struct p2p *p, const char *node)
{
	int i;

	*p = (struct p2p){ .fd = -1 };
	if (edu_find_pair(false, p->pci))
		return -ENODEV;
	p->pinned = must(pinned_pages());
	open_space(p, node);
	for (i = 0; i < 2; i++)
		open_edu(p, i);
	if (!node)
		must(vfio_attach(p->edu[0].fd, p->ioas.id));
	p->bar = must_ptr(vfio_map_bar(p->edu[1].fd, 0, P2P_BAR));
	/* Also after fork() it has to be the memory that is mapped. */
	p->mem = must_ptr(mem_of_file(must(mem_file(MEM, 0)), MEM));
	must(p2p_map(p, P2P_SPARE, p->mem, PAGE));
	p->peer = (struct peer){
		.user = &p->edu[0],
		.owner = &p->edu[1],
		.spare = (__u32 *)p->mem,
		.spare_iova = P2P_SPARE,
	};
	return 0;
}

void p2p_close_owner(struct p2p *p)
{
	munmap(p->bar, P2P_BAR);
	edu_close(&p->edu[1]);
	if (p->groups[1])
		close(p->groups[1]);
}

void p2p_close(struct p2p *p)
{
	if (p->fd < 0)
		return;
	p2p_close_owner(p);
	edu_close(&p->edu[0]);
	if (p->groups[0])
		close(p->groups[0]);
	close(p->fd);
}

void p2p_open_owner(struct p2p *p)
{
	if (p->groups[1])
		open_group(p, 1);
	open_edu(p, 1);
	p->bar = must_ptr(vfio_map_bar(p->edu[1].fd, 0, P2P_BAR));
}

int p2p_pins(struct p2p *p)
{
	return must(pinned_pages()) - p->pinned;
}

int p2p_disable(struct p2p *p)
{
	return vfio_memory(p->edu[1].fd, false);
}

int p2p_enable(struct p2p *p)
{
	return vfio_memory(p->edu[1].fd, true);
}

bool p2p_stays_blocked(struct p2p *p, __u64 iova)
{
	bool blocked = peer_is_blocked(&p->peer, iova);

	clock_sleep_ms(P2P_A_WHILE);
	return blocked && peer_is_blocked(&p->peer, iova);
}
