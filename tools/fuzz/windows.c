// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/mman.h>

#include "lib/memory.h"
#include "state.h"
#include "windows.h"

#define AT		0x100000000000UL
#define DISTANCE	(1UL << 30)
#define PAGES		(WINDOW_SIZE / PAGE)
#define RW		(PROT_READ | PROT_WRITE)

static int shared_file, zeroes;

static const int mmap_flags[NR_WINDOWS] = {
	[W_BASE] = MAP_PRIVATE | MAP_ANONYMOUS,
	[W_HUGE] = MAP_PRIVATE | MAP_ANONYMOUS,
	[W_SHARED] = MAP_SHARED,
	[W_PRIVATE] = MAP_PRIVATE,
	[W_HUGETLB] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
	[W_REGISTERS] = MAP_SHARED,
	[W_VIOMMU] = MAP_SHARED,
};

struct pages {
	enum window window;
	char *at;
	size_t size;
	size_t offset;		/* in the window */
};

__u64 window_start(enum window window)
{
	return AT + window * DISTANCE;
}

__u64 window_address(struct rng *rng, __u64 align)
{
	/* The last two often have nothing. */
	enum window window = rng_below(rng, rng_one_in(rng, 8) ? NR_WINDOWS :
							 W_REGISTERS);
	/* Most things happen at the start. */
	__u64 room = rng_one_in(rng, 4) ? WINDOW_SIZE : WINDOW_SIZE / 8;

	return window_start(window) + rng_below(rng, room) / align * align;
}

static struct pages pick_pages(struct rng *rng)
{
	enum window window = rng_below(rng, NR_WINDOWS);
	size_t unit = window == W_HUGETLB ? HUGE : PAGE, all, n, first;

	all = WINDOW_SIZE / unit;
	first = rng_below(rng, rng_one_in(rng, 4) ? all : all / 8 + 1);
	n = 1 + rng_below(rng, rng_one_in(rng, 64) ? all - first :
			       rng_one_in(rng, 4) && all - first > 16 ? 16 : 1);
	return (struct pages){ window, (char *)window_start(window) + first * unit,
			       n * unit, first * unit };
}

static int result(long rc)
{
	return rc == -1 ? -errno : 0;
}

static int map_registers(struct rng *rng, const struct pages *pages)
{
	struct file file;

	if (!file_pick(rng_one_in(rng, 4) ? F_DEVICE : F_BOUND, rng, &file))
		return -ENODEV;
	/* VFIO has the first region at the start of the file. */
	return result((long)mmap(pages->at, pages->size, RW,
				 MAP_SHARED | MAP_FIXED, file.fd, pages->offset));
}

static int map_viommu(struct rng *rng, const struct pages *pages)
{
	struct context *context = &contexts[rng_below(rng, NR_CONTEXTS)];
	__u64 length = context->mmap_length, offset = context->mmap_offset;

	if (!length || rng_one_in(rng, 4)) {
		length = pages->size;
		offset += pages->offset;
	}
	return result((long)mmap(pages->at, length, RW, MAP_SHARED | MAP_FIXED,
				 context->fd, offset));
}

static int map_pages(struct rng *rng, const struct pages *pages)
{
	int flags = mmap_flags[pages->window], fd = -1;
	char *at;

	if (pages->window == W_REGISTERS)
		return map_registers(rng, pages);
	if (pages->window == W_VIOMMU)
		return map_viommu(rng, pages);
	if (!(flags & MAP_ANONYMOUS))
		fd = shared_file;
	at = mmap(pages->at, pages->size, RW, flags | MAP_FIXED, fd,
		  fd < 0 ? 0 : pages->offset);
	if (at != MAP_FAILED && pages->window == W_HUGE)
		madvise(at, pages->size, MADV_HUGEPAGE);
	return result((long)at);
}

static int unmap_pages(struct rng *rng, const struct pages *pages)
{
	return result(munmap(pages->at, pages->size));
}

static int move_pages_away(struct rng *rng, const struct pages *pages)
{
	size_t to = rng_below(rng, PAGES) * PAGE;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (rng_one_in(rng, 4))
		flags |= MREMAP_DONTUNMAP;
	if (to + pages->size > WINDOW_SIZE)
		to = 0;
	return result((long)mremap(pages->at, pages->size, pages->size, flags,
				   window_start(pages->window) + to));
}

static int advise_pages(struct rng *rng, const struct pages *pages)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_COLLAPSE, MADV_DONTFORK, MADV_DOFORK,
		MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_PAGEOUT, MADV_COLD,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	int n = sizeof(advices) / sizeof(*advices);

	return result(madvise(pages->at, pages->size, advices[rng_below(rng, n)]));
}

static int protect_pages(struct rng *rng, const struct pages *pages)
{
	static const int prots[] = { RW, RW, PROT_READ, PROT_NONE };

	return result(mprotect(pages->at, pages->size, prots[rng_below(rng, 4)]));
}

/* The kernel touches them, as there may be nothing. Registers are left alone. */
static int touch_pages(struct rng *rng, const struct pages *pages)
{
	if (pages->window == W_REGISTERS)
		return -ENODEV;
	return read(zeroes, pages->at, pages->size) < 0 ? -errno : 0;
}

static int cut_file(struct rng *rng, const struct pages *pages)
{
	if (rng_one_in(rng, 2))
		return result(fallocate(shared_file, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, pages->offset,
					pages->size));
	if (ftruncate(shared_file, rng_below(rng, PAGES) * PAGE))
		return -errno;
	return result(ftruncate(shared_file, WINDOW_SIZE));
}

/* Mapping comes often, so that there is something. */
static const struct {
	const char *name;
	int (*step)(struct rng *rng, const struct pages *pages);
} steps[] = {
	{ "mmap", map_pages },
	{ "mmap", map_pages },
	{ "mmap", map_pages },
	{ "munmap", unmap_pages },
	{ "mremap", move_pages_away },
	{ "madvise", advise_pages },
	{ "mprotect", protect_pages },
	{ "touch", touch_pages },
	{ "touch", touch_pages },
	{ "truncate", cut_file },
};

const char *window_step(struct rng *rng, int *rc)
{
	int i = rng_below(rng, sizeof(steps) / sizeof(*steps));
	struct pages pages = pick_pages(rng);

	*rc = steps[i].step(rng, &pages);
	return steps[i].name;
}

void windows_open(void)
{
	struct rng rng = { 0 };
	enum window i;

	zeroes = must(open("/dev/zero", O_RDONLY | O_CLOEXEC));
	shared_file = must(mem_file(WINDOW_SIZE, 0));
	for (i = 0; i < W_REGISTERS; i++) {
		struct pages pages = { i, (char *)window_start(i), WINDOW_SIZE };

		must(map_pages(&rng, &pages));
	}
}

void windows_close(void)
{
	/* A mapping can go beyond the end of its window. */
	must(result(munmap((char *)AT, NR_WINDOWS * DISTANCE)));
	close(shared_file);
}
