// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_DMA, UNMAP_DMA, DIRTY_PAGES and the update of addresses of a VFIO container, and
 * what each call says: a transcript. It judges nothing. On a kernel with
 * vfio_iommu_type1 and on one with ours it has to be the same, which
 * tools/check/container_diff.py looks at.
 */
#include <linux/capability.h>
#include <stdint.h>
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
#define TOP	(~0ULL - PAGE + 1)

#define TYPE1	VFIO_TYPE1_IOMMU
#define TYPE1V2	VFIO_TYPE1v2_IOMMU

/* Where to map from */
enum from { MEM, MEM_ODD, NONE, READ_ONLY, NO_ACCESS, KERNEL, BAR, BAR_READ_ONLY,
	    NULL_PAGE, TOP_PAGE, HALF };

static void *from(struct box *box, enum from from)
{
	switch (from) {
	case MEM_ODD:
		return box->mem + 16;
	case NONE:
		return must_ptr(mem_none(MIB));
	case READ_ONLY:
	case NO_ACCESS:
		return must_ptr(mmap(NULL, MIB, from == READ_ONLY ? PROT_READ :
				     PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				     0));
	case KERNEL:
		return (void *)0xffff888000000000UL;
	case BAR:
		return must_ptr(vfio_map_bar(box->edu[1].fd, 0, MIB));
	case BAR_READ_ONLY: {
		void *bar = must_ptr(vfio_map_bar(box->edu[1].fd, 0, MIB));

		must(errno_of(mprotect(bar, MIB, PROT_READ)));
		return bar;
	}
	case NULL_PAGE:
		return NULL;
	case TOP_PAGE:
		return (void *)TOP;
	case HALF: {
		char *mem = must_ptr(mem_base(MIB));

		must(errno_of(munmap(mem + PAGE, MIB - PAGE)));
		return mem;
	}
	default:
		return box->mem;
	}
}

static const struct {
	const char *name;
	__u32 argsz, flags;
	enum from from;
	__u64 iova, size;
} maps[] = {
	{ "a page", 32, DMA_RW, MEM, IOVA, PAGE },
	{ "read", 32, DMA_R, MEM, IOVA, PAGE },
	{ "write", 32, DMA_W, MEM, IOVA, PAGE },
	{ "large argsz", 4096, DMA_RW, MEM, IOVA, PAGE },
	{ "largest argsz", ~0U, DMA_RW, MEM, IOVA, PAGE },
	{ "argsz 0", 0, DMA_RW, MEM, IOVA, PAGE },
	{ "argsz 31", 31, DMA_RW, MEM, IOVA, PAGE },
	{ "no flags", 32, 0, MEM, IOVA, PAGE },
	{ "flag 3", 32, DMA_RW | 8, MEM, IOVA, PAGE },
	{ "flag 31", 32, DMA_RW | 1U << 31, MEM, IOVA, PAGE },
	{ "VADDR and READ", 32, DMA_R | VFIO_DMA_MAP_FLAG_VADDR, MEM, IOVA, PAGE },
	{ "VADDR", 32, VFIO_DMA_MAP_FLAG_VADDR, MEM, IOVA, PAGE },
	{ "VADDR, odd", 32, VFIO_DMA_MAP_FLAG_VADDR, MEM_ODD, IOVA, PAGE },
	{ "size 0", 32, DMA_RW, MEM, IOVA, 0 },
	{ "size 0, odd", 32, DMA_RW, MEM_ODD, IOVA + 1, 0 },
	{ "size 1", 32, DMA_RW, MEM, IOVA, 1 },
	{ "odd size", 32, DMA_RW, MEM, IOVA, PAGE + 512 },
	{ "odd IOVA", 32, DMA_RW, MEM, IOVA + 8, PAGE },
	{ "odd address", 32, DMA_RW, MEM_ODD, IOVA, PAGE },
	{ "no flags, odd address", 32, 0, MEM_ODD, IOVA, PAGE },
	{ "IOVA wraps", 32, DMA_RW, MEM, TOP, 2 * PAGE },
	{ "IOVA wraps, no flags", 32, 0, MEM, TOP, 2 * PAGE },
	{ "IOVA wraps to 0", 32, DMA_RW, MEM, TOP, PAGE + 1 },
	{ "last IOVA", 32, DMA_RW, MEM, TOP, PAGE },
	{ "last IOVA, odd", 32, DMA_RW, MEM, ~0ULL, 1 },
	{ "all sizes", 32, DMA_RW, MEM, 0, ~0ULL },
	{ "all but a page", 32, DMA_RW, MEM, 0, TOP },
	{ "address wraps", 32, DMA_RW, TOP_PAGE, IOVA, 2 * PAGE },
	{ "last address", 32, DMA_RW, TOP_PAGE, IOVA, PAGE },
	{ "address 0", 32, DMA_RW, NULL_PAGE, IOVA, PAGE },
	{ "kernel's address", 32, DMA_RW, KERNEL, IOVA, PAGE },
	{ "nothing there", 32, DMA_RW, NONE, IOVA, PAGE },
	{ "half is there", 32, DMA_RW, HALF, IOVA, 2 * PAGE },
	{ "read-only, read", 32, DMA_R, READ_ONLY, IOVA, PAGE },
	{ "read-only, write", 32, DMA_W, READ_ONLY, IOVA, PAGE },
	{ "read-only, both", 32, DMA_RW, READ_ONLY, IOVA, PAGE },
	{ "no access, read", 32, DMA_R, NO_ACCESS, IOVA, PAGE },
	{ "no access, both", 32, DMA_RW, NO_ACCESS, IOVA, PAGE },
	{ "IOVA 0", 32, DMA_RW, MEM, 0, PAGE },
	{ "interrupts", 32, DMA_RW, MEM, 0xfee00000, PAGE },
	{ "before interrupts", 32, DMA_RW, MEM, 0xfedff000, PAGE },
	{ "into interrupts", 32, DMA_RW, MEM, 0xfedff000, 2 * PAGE },
	{ "last interrupt", 32, DMA_RW, MEM, 0xfeeff000, PAGE },
	{ "after interrupts", 32, DMA_RW, MEM, 0xfef00000, PAGE },
	{ "over interrupts", 32, DMA_RW, MEM, 0xfee80000, MIB },
	{ "end of the aperture", 32, DMA_RW, MEM, (1ULL << 39) - PAGE, PAGE },
	{ "over the end", 32, DMA_RW, MEM, (1ULL << 39) - PAGE, 2 * PAGE },
	{ "after the end", 32, DMA_RW, MEM, 1ULL << 39, PAGE },
	{ "after 48 bits", 32, DMA_RW, MEM, 1ULL << 48, PAGE },
	{ "taken", 32, DMA_RW, MEM, SPARE, PAGE },
	{ "taken, wrong address", 32, DMA_RW, NONE, SPARE, PAGE },
	{ "end is taken", 32, DMA_RW, MEM, SPARE - PAGE, 2 * PAGE },
	{ "around what is taken", 32, DMA_RW, MEM, SPARE - PAGE, 16 * PAGE },
	{ "BAR", 32, DMA_RW, BAR, IOVA, MIB },
	{ "page of a BAR", 32, DMA_RW, BAR, IOVA, PAGE },
	{ "BAR and beyond", 32, DMA_RW, BAR, IOVA, 16 * MIB },
	{ "BAR, read", 32, DMA_R, BAR, IOVA, PAGE },
	{ "read-only BAR, read", 32, DMA_R, BAR_READ_ONLY, IOVA, PAGE },
	{ "read-only BAR, both", 32, DMA_RW, BAR_READ_ONLY, IOVA, PAGE },
};

static void try_map(struct box *box, int i)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = maps[i].argsz,
		.flags = maps[i].flags,
		.vaddr = (uintptr_t)from(box, maps[i].from),
		.iova = maps[i].iova,
		.size = maps[i].size,
	};
	const char *name = maps[i].name;
	int rc;

	rc = errno_of(ioctl(box->fd, VFIO_IOMMU_MAP_DMA, &map));
	say(rc, "%s", name);
	say(box_avail(box), "%s: maps left", name);
	say(status_kib("VmLck"), "%s: VmLck", name);
	if (maps[i].from == MEM && maps[i].iova != SPARE)
		say(box_reach(box, maps[i].iova), "%s: reached", name);
	say(box_unmap(box, map.iova, map.size), "%s: unmap", name);
	say(box_avail(box), "%s: maps left then", name);
}

static void try_maps(int type)
{
	struct box box;
	int i;

	box_open_type(&box, type);
	box_add_group(&box, 1);
	box_add_edu(&box, 1);
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
		try_map(&box, i);
		say(box_unmap_all(&box), "%s: unmap all", maps[i].name);
	}
	say(errno_of(ioctl(box.fd, VFIO_IOMMU_MAP_DMA, 8)), "bad pointer");
	say(status_kib("VmLck"), "VmLck at the end");
	box_close(&box);
}

static void run_map(void)
{
	try_maps(TYPE1V2);
}

static void run_map_v1(void)
{
	try_maps(TYPE1);
}

/* There are maps of pages 0, 1-2, 4-7, 16-31, from IOVA on. */
static const struct {
	const char *name;
	__u32 argsz, flags;
	__u64 iova, size;
} unmaps[] = {
	{ "first", 24, 0, IOVA, PAGE },
	{ "second", 24, 0, IOVA + PAGE, 2 * PAGE },
	{ "first two", 24, 0, IOVA, 3 * PAGE },
	{ "first three", 24, 0, IOVA, 8 * PAGE },
	{ "the hole", 24, 0, IOVA + 3 * PAGE, PAGE },
	{ "larger than the hole", 24, 0, IOVA + 3 * PAGE, 2 * PAGE },
	{ "before the first", 24, 0, IOVA - 4 * PAGE, 5 * PAGE },
	{ "before all", 24, 0, PAGE, PAGE },
	{ "half of the second", 24, 0, IOVA + PAGE, PAGE },
	{ "other half of the second", 24, 0, IOVA + 2 * PAGE, PAGE },
	{ "first and a half", 24, 0, IOVA, 2 * PAGE },
	{ "half and third", 24, 0, IOVA + 2 * PAGE, 6 * PAGE },
	{ "middle of the fourth", 24, 0, IOVA + 18 * PAGE, PAGE },
	{ "third, part of fourth", 24, 0, IOVA + 4 * PAGE, 13 * PAGE },
	{ "part of third, fourth", 24, 0, IOVA + 5 * PAGE, 30 * PAGE },
	{ "part of second, third, part of fourth", 24, 0, IOVA + 2 * PAGE,
	  16 * PAGE },
	{ "everything by range", 24, 0, 0, 1ULL << 39 },
	{ "to the last IOVA", 24, 0, IOVA, ~0ULL - IOVA + 1 },
	{ "all", 24, 2, 0, 0 },
	{ "all, IOVA", 24, 2, PAGE, 0 },
	{ "all, size", 24, 2, 0, PAGE },
	{ "all, odd IOVA", 24, 2, 1, 0 },
	{ "large argsz", 4096, 0, IOVA, PAGE },
	{ "argsz 0", 0, 0, IOVA, PAGE },
	{ "argsz 23", 23, 0, IOVA, PAGE },
	{ "flag 3", 24, 8, IOVA, PAGE },
	{ "flag 31", 24, 1U << 31, IOVA, PAGE },
	{ "size 0", 24, 0, IOVA, 0 },
	{ "size 0, odd IOVA", 24, 0, IOVA + 1, 0 },
	{ "size 0, last IOVA", 24, 0, ~0ULL, 0 },
	{ "odd size", 24, 0, IOVA, 1 },
	{ "odd size, more than a page", 24, 0, IOVA, PAGE + 1 },
	{ "odd IOVA", 24, 0, IOVA + 1, PAGE },
	{ "wraps", 24, 0, TOP, 2 * PAGE },
	{ "wraps, odd", 24, 0, TOP + 1, PAGE },
	{ "last page", 24, 0, TOP, PAGE },
	{ "bitmap", 24, 1, IOVA, PAGE },
	{ "bitmap, short", 47, 1, IOVA, PAGE },
	{ "bitmap, of nothing", 48, 1, IOVA, PAGE },
	{ "bitmap and all", 48, 3, 0, 0 },
	{ "bitmap and VADDR", 48, 5, IOVA, PAGE },
	{ "VADDR", 24, 4, IOVA, PAGE },
	{ "VADDR of two", 24, 4, IOVA, 3 * PAGE },
	{ "VADDR of a half", 24, 4, IOVA + PAGE, PAGE },
	{ "VADDR of nothing", 24, 4, PAGE, PAGE },
	{ "VADDR of all", 24, 6, 0, 0 },
	{ "VADDR of all, IOVA", 24, 6, PAGE, 0 },
};

static void try_unmap(struct box *box, int i)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = {
			.argsz = unmaps[i].argsz,
			.flags = unmaps[i].flags,
			.iova = unmaps[i].iova,
			.size = unmaps[i].size,
		},
	};
	int before = box_avail(box);

	say(errno_of(ioctl(box->fd, VFIO_IOMMU_UNMAP_DMA, &arg)), "%s",
	    unmaps[i].name);
	say(arg.unmap.size, "%s: size", unmaps[i].name);
	say(box_avail(box) - before, "%s: maps gone", unmaps[i].name);
	say(status_kib("VmLck"), "%s: VmLck", unmaps[i].name);
	say(box_reach(box, IOVA), "%s: first reached", unmaps[i].name);
	say(box_map(box, IOVA + 18 * PAGE, box->mem, PAGE), "%s: map in the fourth",
	    unmaps[i].name);
}

static void try_unmaps(int type)
{
	struct box box;
	int i;

	box_open_type(&box, type);
	for (i = 0; i < ARRAY_SIZE(unmaps); i++) {
		must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
		must(box_map(&box, IOVA, box.mem, PAGE));
		must(box_map(&box, IOVA + PAGE, box.mem + PAGE, 2 * PAGE));
		must(box_map(&box, IOVA + 4 * PAGE, box.mem + 4 * PAGE, 4 * PAGE));
		must(box_map(&box, IOVA + 16 * PAGE, box.mem + 16 * PAGE,
			 16 * PAGE));
		try_unmap(&box, i);
		say(box_unmap_all(&box), "%s: unmap all", unmaps[i].name);
	}
	say(errno_of(ioctl(box.fd, VFIO_IOMMU_UNMAP_DMA, 8)), "bad pointer");
	box_close(&box);
}

static void run_unmap(void)
{
	try_unmaps(TYPE1V2);
}

static void run_unmap_v1(void)
{
	try_unmaps(TYPE1);
}

/* Arguments of DIRTY_PAGES, with the first page of IOVA mapped */
static const struct {
	const char *name;
	__u32 argsz, flags;
	__u64 iova, size, pgsize, bytes;
} dirties[] = {
	{ "no flag", 48, 0 },
	{ "short", 7, 1 },
	{ "two flags", 48, 3 },
	{ "flag 3", 48, 8 },
	{ "stop before start", 8, 2 },
	{ "get before start", 48, 4, IOVA, PAGE, PAGE, 8 },
	{ "start", 8, 1 },
	{ "start again", 8, 1 },
	{ "get", 48, 4, IOVA, PAGE, PAGE, 8 },
	{ "get again", 48, 4, IOVA, PAGE, PAGE, 8 },
	{ "get 64 pages", 48, 4, IOVA, 64 * PAGE, PAGE, 8 },
	{ "get 65 pages, short bitmap", 48, 4, IOVA, 65 * PAGE, PAGE, 8 },
	{ "get 65 pages", 48, 4, IOVA, 65 * PAGE, PAGE, 16 },
	{ "get, half a map at the end", 48, 4, IOVA - PAGE, 3 * PAGE, PAGE, 8 },
	{ "get one page before", 48, 4, IOVA - PAGE, 5 * PAGE, PAGE, 8 },
	{ "get, in the second word", 48, 4, IOVA - 66 * PAGE, 70 * PAGE, PAGE, 16 },
	{ "get, half a map", 48, 4, IOVA + 2 * PAGE, PAGE, PAGE, 8 },
	{ "get, short", 47, 4, IOVA, PAGE, PAGE, 8 },
	{ "get, no bitmap", 48, 4, IOVA, PAGE, PAGE, 0 },
	{ "get, odd bitmap", 48, 4, IOVA, PAGE, PAGE, 7 },
	{ "get, huge bitmap", 48, 4, IOVA, PAGE, PAGE, 1ULL << 29 },
	{ "get, no page size", 48, 4, IOVA, PAGE, 0, 8 },
	{ "get, page size 2 MiB", 48, 4, 0, HUGE, HUGE, 8 },
	{ "get, odd page size", 48, 4, IOVA, PAGE, PAGE | HUGE, 8 },
	{ "get, no size", 48, 4, IOVA, 0, PAGE, 8 },
	{ "get, odd size", 48, 4, IOVA, PAGE + 1, PAGE, 8 },
	{ "get, odd IOVA", 48, 4, IOVA + 1, PAGE, PAGE, 8 },
	{ "get, wraps", 48, 4, TOP, 2 * PAGE, PAGE, 8 },
	{ "get, nothing mapped", 48, 4, PAGE, PAGE, PAGE, 8 },
	{ "stop", 8, 2 },
	{ "stop again", 8, 2 },
	{ "get after stop", 48, 4, IOVA, PAGE, PAGE, 8 },
};

static void try_dirty(struct box *box, int i)
{
	__u64 words[2] = { 0x8000000000000000ULL, 0 };
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty.argsz = dirties[i].argsz,
		.dirty.flags = dirties[i].flags,
		.get.iova = dirties[i].iova,
		.get.size = dirties[i].size,
		.get.bitmap.pgsize = dirties[i].pgsize,
		.get.bitmap.size = dirties[i].bytes,
		.get.bitmap.data = (void *)words,
	};

	say(errno_of(ioctl(box->fd, VFIO_IOMMU_DIRTY_PAGES, &arg)), "%s",
	    dirties[i].name);
	printf("%s: %s: bitmap = %llx %llx\n", sequence, dirties[i].name,
	       words[0], words[1]);
}

static void try_dirties(int type)
{
	struct box box;
	int i;

	box_open_type(&box, type);
	must(box_map(&box, IOVA, box.mem, PAGE));
	must(box_map(&box, IOVA + PAGE, box.mem, 3 * PAGE));
	for (i = 0; i < ARRAY_SIZE(dirties); i++)
		try_dirty(&box, i);
	say(errno_of(ioctl(box.fd, VFIO_IOMMU_DIRTY_PAGES, 8)), "bad pointer");
	box_unmap_dirty(&box, IOVA, PAGE);
	try_dirty(&box, 6);
	box_unmap_dirty(&box, IOVA + 2 * PAGE, PAGE);
	box_unmap_dirty(&box, IOVA, 4 * PAGE);
	box_unmap_dirty(&box, IOVA, 4 * PAGE);
	box_close(&box);
}

static void run_dirty(void)
{
	try_dirties(TYPE1V2);
}

static void run_dirty_v1(void)
{
	try_dirties(TYPE1);
}

/* Where the bitmap of an unmap goes */
enum to { WORDS, TO_NULL, TO_KERNEL, TO_READ_ONLY, TO_NOTHING, TO_ODD };

/* Unmaps with a bitmap, of maps of pages 0, 1-3 and 70, from IOVA on */
static const struct {
	const char *name;
	__u32 argsz;
	enum to to;
	__u64 iova, size, pgsize, bytes;
} bitmaps[] = {
	{ "first", 48, WORDS, IOVA, PAGE, PAGE, 8 },
	{ "second", 48, WORDS, IOVA + PAGE, 3 * PAGE, PAGE, 8 },
	{ "both", 48, WORDS, IOVA, 4 * PAGE, PAGE, 8 },
	{ "all three", 48, WORDS, IOVA, 71 * PAGE, PAGE, 16 },
	{ "all three, huge argsz", ~0U, WORDS, IOVA, 71 * PAGE, PAGE, 16 },
	{ "and before", 48, WORDS, IOVA - 5 * PAGE, 76 * PAGE, PAGE, 16 },
	{ "nothing", 48, WORDS, PAGE, PAGE, PAGE, 8 },
	{ "half", 48, WORDS, IOVA + 2 * PAGE, 2 * PAGE, PAGE, 8 },
	{ "one and a half", 48, WORDS, IOVA, 2 * PAGE, PAGE, 8 },
	{ "short bitmap", 48, WORDS, IOVA, 71 * PAGE, PAGE, 8 },
	{ "odd bitmap", 48, WORDS, IOVA, PAGE, PAGE, 7 },
	{ "longer, odd bitmap", 48, WORDS, IOVA, PAGE, PAGE, 15 },
	{ "no bitmap", 48, WORDS, IOVA, PAGE, PAGE, 0 },
	{ "largest bitmap", 48, WORDS, IOVA, PAGE, PAGE, 1 << 28 },
	{ "too large a bitmap", 48, WORDS, IOVA, PAGE, PAGE, (1 << 28) + 8 },
	{ "bitmap that wraps", 48, WORDS, IOVA, PAGE, PAGE, ~0ULL },
	{ "page size 1", 48, WORDS, IOVA, PAGE, 1, 4096 },
	{ "page size 8 KiB", 48, WORDS, IOVA, 2 * PAGE, 2 * PAGE, 8 },
	{ "two page sizes", 48, WORDS, IOVA, PAGE, PAGE | HUGE, 8 },
	{ "odd IOVA", 48, WORDS, IOVA + 1, PAGE, PAGE, 8 },
	{ "odd size", 48, WORDS, IOVA, PAGE + 1, PAGE, 8 },
	{ "small size", 48, WORDS, IOVA, 1, PAGE, 8 },
	{ "wraps", 48, WORDS, TOP, 2 * PAGE, PAGE, 8 },
	{ "to NULL", 48, TO_NULL, IOVA, PAGE, PAGE, 8 },
	{ "to the kernel", 48, TO_KERNEL, IOVA, PAGE, PAGE, 8 },
	{ "to read-only memory", 48, TO_READ_ONLY, IOVA, PAGE, PAGE, 8 },
	{ "to nothing", 48, TO_NOTHING, IOVA, PAGE, PAGE, 8 },
	{ "all three to nothing", 48, TO_NOTHING, IOVA, 71 * PAGE, PAGE, 16 },
	{ "nothing to nothing", 48, TO_NOTHING, PAGE, PAGE, PAGE, 8 },
	{ "to an odd address", 48, TO_ODD, IOVA, 4 * PAGE, PAGE, 8 },
};

static void *bitmap_at(struct box *box, enum to to, __u64 *words)
{
	switch (to) {
	case TO_NULL:
		return NULL;
	case TO_KERNEL:
		return from(box, KERNEL);
	case TO_READ_ONLY:
		return from(box, READ_ONLY);
	case TO_NOTHING:
		return from(box, NONE);
	case TO_ODD:
		return (char *)words + 3;
	default:
		return words;
	}
}

static void try_bitmap(struct box *box, int i)
{
	__u64 words[3] = { 0x8000000000000000ULL, 0x4000000000000000ULL, 0 };
	const char *name = bitmaps[i].name;
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = {
			.argsz = bitmaps[i].argsz,
			.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			.iova = bitmaps[i].iova,
			.size = bitmaps[i].size,
		},
		.bitmap = {
			.pgsize = bitmaps[i].pgsize,
			.size = bitmaps[i].bytes,
			.data = bitmap_at(box, bitmaps[i].to, words),
		},
	};
	int before = box_avail(box);

	say(errno_of(ioctl(box->fd, VFIO_IOMMU_UNMAP_DMA, &arg)), "%s", name);
	say(arg.unmap.size, "%s: size", name);
	printf("%s: %s: bitmap = %llx %llx %llx\n", sequence, name, words[0],
	       words[1], words[2]);
	say(box_avail(box) - before, "%s: maps gone", name);
}

static void try_all_bitmaps(int type)
{
	struct vfio_iommu_type1_dirty_bitmap start = {
		.argsz = sizeof(start),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	struct box box;
	int i;

	box_open_type(&box, type);
	say(errno_of(ioctl(box.fd, VFIO_IOMMU_DIRTY_PAGES, &start)), "start");
	for (i = 0; i < ARRAY_SIZE(bitmaps); i++) {
		must(box_map(&box, IOVA, box.mem, PAGE));
		must(box_map(&box, IOVA + PAGE, box.mem, 3 * PAGE));
		must(box_map(&box, IOVA + 70 * PAGE, box.mem, PAGE));
		try_bitmap(&box, i);
		say(box_unmap_all(&box), "%s: unmap all", bitmaps[i].name);
	}
	box_close(&box);
}

static void run_bitmap(void)
{
	try_all_bitmaps(TYPE1V2);
}

static void run_bitmap_v1(void)
{
	try_all_bitmaps(TYPE1);
}

/* Memory that is one large page, to processor and IOMMU */
static void try_huge(int type)
{
	struct box box;

	box_open_type(&box, type);
	munmap(box.mem, MIB);
	box.mem = must_ptr(mem_hugetlb(HUGE));
	memset(box.mem, 1, HUGE);
	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));

	say(box_map(&box, IOVA, box.mem, HUGE), "map");
	box_say_charge("map");
	say(box_reach(&box, IOVA), "reach");
	say(box_reach(&box, IOVA + HUGE), "reach what is after it");
	say(box_unmap(&box, IOVA + MIB, MIB), "unmap the second half");
	say(box_reach(&box, IOVA), "second half");
	say(box_unmap(&box, IOVA, PAGE), "unmap the first page");
	say(box_reach(&box, IOVA), "first page");
	box_say_charge("first page");
	say(box_unmap_all(&box), "unmap all");

	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
	say(box_map(&box, IOVA + PAGE, box.mem, MIB), "map a part, odd page");
	say(box_map(&box, IOVA + HUGE, box.mem, HUGE), "map all next to it");
	say(box_reach(&box, IOVA + PAGE), "reach the part");
	say(box_reach(&box, IOVA + HUGE), "reach all");
	say(box_unmap(&box, IOVA, HUGE), "unmap the part");
	say(box_reach(&box, IOVA + HUGE), "reach all then");
	say(box_unmap(&box, 0, 1ULL << 32), "unmap everything");
	box_say_charge("everything");
	munmap(box.mem, HUGE);
	box.mem = must_ptr(mem_base(MIB));
	box_close(&box);
}

static void run_huge(void)
{
	try_huge(TYPE1V2);
}

static void run_huge_v1(void)
{
	try_huge(TYPE1);
}

static int invalidate(struct box *box, __u64 iova, __u64 size, const char *step)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_VADDR |
			 (size ? 0 : VFIO_DMA_UNMAP_FLAG_ALL),
		.iova = iova,
		.size = size,
	};
	int rc = errno_of(ioctl(box->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));

	say(rc, "%s", step);
	say(unmap.size, "%s: size", step);
	return rc;
}

static int update(struct box *box, __u64 iova, const void *va, __u64 size)
{
	return container_map(box->fd, iova, va, size, VFIO_DMA_MAP_FLAG_VADDR);
}

static void update_in_child(struct box *box)
{
	int status;
	pid_t child = must(fork());

	if (!child) {
		say(update(box, IOVA, box->mem, 4 * PAGE), "child: update");
		box_say_charge("child");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	say(status, "child");
	box_say_charge("the child's");
}

static void try_address(int type)
{
	struct box box;

	box_open_type(&box, type);
	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
	must(box_map(&box, IOVA, box.mem, 4 * PAGE));
	must(box_map(&box, 2 * IOVA, box.mem, 4 * PAGE));
	say(update(&box, IOVA, box.mem, 4 * PAGE), "update before");
	invalidate(&box, IOVA + PAGE, PAGE, "a part");
	invalidate(&box, IOVA, 4 * PAGE, "one");
	invalidate(&box, IOVA, 4 * PAGE, "one again");
	invalidate(&box, 0, 3 * IOVA, "both");
	invalidate(&box, 3 * IOVA, PAGE, "none");
	say(box_reach(&box, IOVA), "reach");
	box_say_charge("invalid");
	say(errno_of(ioctl(box.fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR)),
	    "extension");
	box.groups[1] = must(group_open(&box.pci[1]));
	say(group_set_container(box.groups[1], box.fd), "another group");
	say(update(&box, IOVA, box.mem + 1, 4 * PAGE), "update, odd");
	say(update(&box, IOVA, box.mem, PAGE), "update of a part");
	say(update(&box, IOVA, box.mem, 5 * PAGE), "update of more");
	say(update(&box, 3 * IOVA, box.mem, PAGE), "update of nothing");
	say(update(&box, 2 * IOVA, box.mem, 4 * PAGE), "update of the valid one");
	say(update(&box, IOVA, box.mem, 4 * PAGE), "update");
	say(update(&box, IOVA, box.mem, 4 * PAGE), "update again");
	box_say_charge("valid");
	say(box_reach(&box, IOVA), "reach then");
	say(group_set_container(box.groups[1], box.fd), "another group then");

	invalidate(&box, 0, 0, "all");
	say(box_unmap(&box, 2 * IOVA, 4 * PAGE), "unmap an invalid one");
	update_in_child(&box);
	say(update(&box, SPARE, box.mem + MIB - PAGE, PAGE), "update the last");
	say(box_unmap_all(&box), "unmap all");
	box_say_charge("unmapped");
	box_close(&box);
}

static void run_address(void)
{
	try_address(TYPE1V2);
}

static void run_address_v1(void)
{
	try_address(TYPE1);
}

/* Not everybody may lock what the address is to be in. */
static void run_address_limit(void)
{
	struct box box;
	pid_t child;
	int status;

	box_open_type(&box, TYPE1V2);
	must(box_map(&box, IOVA, box.mem, 4 * PAGE));
	invalidate(&box, IOVA, 4 * PAGE, "invalidate");
	child = must(fork());
	if (!child) {
		box_set_limit(8);
		box_drop_capability(CAP_IPC_LOCK);
		say(update(&box, IOVA, box.mem, 4 * PAGE), "over the limit");
		box_say_charge("over the limit");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	say(status, "child");
	box_say_charge("still ours");
	box_drop_capability(CAP_IPC_LOCK);
	box_set_limit(8);
	say(update(&box, IOVA, box.mem, 4 * PAGE), "over the limit, the same one");
	box_say_charge("the same one");
	say(box_unmap_all(&box), "unmap all");
	box_say_charge("unmapped");
	box_close(&box);
}

/* Devices of groups that came before are opened meanwhile. */
static void run_address_late(void)
{
	struct box box;
	int fd;

	box_open(&box);
	box_add_group(&box, 0);
	box_add_group(&box, 1);
	must(container_set_iommu(box.fd, TYPE1V2));
	must(box_map(&box, IOVA, box.mem, 4 * PAGE));
	invalidate(&box, IOVA, 4 * PAGE, "before a device");
	fd = group_device(box.groups[0], &box.pci[0]);
	say(fd < 0 ? fd : 0, "open while it is invalid");
	if (fd >= 0)
		close(fd);
	say(update(&box, IOVA, box.mem, 4 * PAGE), "update");
	must(box_map(&box, SPARE, box.mem + MIB - PAGE, PAGE));
	box_add_edu(&box, 0);
	say(box_reach(&box, IOVA), "reach");
	invalidate(&box, IOVA, 4 * PAGE, "with a device");
	fd = group_device(box.groups[1], &box.pci[1]);
	say(fd < 0 ? fd : 0, "open another one");
	if (fd >= 0)
		close(fd);
	say(box_map(&box, 2 * IOVA, box.mem, PAGE), "map something else");
	say(box_unmap(&box, 2 * IOVA, PAGE), "unmap it");
	say(box_unmap(&box, IOVA, 4 * PAGE), "unmap what is invalid");
	box_close(&box);
}

static const struct sequence sequences[] = {
	{ "map", run_map },
	{ "map, v1", run_map_v1 },
	{ "unmap", run_unmap },
	{ "unmap, v1", run_unmap_v1 },
	{ "dirty", run_dirty },
	{ "dirty, v1", run_dirty_v1 },
	{ "bitmap", run_bitmap },
	{ "bitmap, v1", run_bitmap_v1 },
	{ "huge", run_huge },
	{ "huge, v1", run_huge_v1 },
	{ "address", run_address },
	{ "address, v1", run_address_v1 },
	{ "address, limit", run_address_limit },
	{ "address, late", run_address_late },
};

int main(void)
{
	return box_run(sequences, ARRAY_SIZE(sequences));
}
