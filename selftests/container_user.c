// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver of the kernel (an mdev, the copy engine of samples/) does in a VFIO
 * container: copies and pins, what is charged and what is dirty for them, and what
 * calls of the container they keep from working; and what each call says: a
 * transcript, see container.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/box.h"
#include "lib/container.h"
#include "lib/copyengine.h"
#include "lib/memory.h"

#define IOVA	(16 * MIB)
#define READ	(2 * IOVA)	/* is mapped for reading */
#define WRITE	(3 * IOVA)	/* for writing */
#define NOTHING	(5 * IOVA)

#define TYPE1	VFIO_TYPE1_IOMMU
#define TYPE1V2	VFIO_TYPE1v2_IOMMU

/* A box with an engine in it */
struct desk {
	struct box box;
	struct copyengine engine;
	int group;
};

static void desk_open(struct desk *d)
{
	memset(d, 0, sizeof(*d));
	d->engine.fd = -1;
	d->group = -1;
	box_open(&d->box);
}

static void desk_add_group(struct desk *d)
{
	must(mdev_create(&d->engine.mdev, MDEV_COPYENGINE));
	d->group = must(mdev_open_group(&d->engine.mdev, d->box.fd));
}

static void desk_open_engine(struct desk *d)
{
	d->engine.fd = must(mdev_open_by_group(&d->engine.mdev, d->group));
}

static void desk_map(struct desk *d)
{
	struct box *box = &d->box;

	say(box_map(box, IOVA, box->mem, 16 * PAGE), "map");
	say(container_map(box->fd, READ, box->mem + 16 * PAGE, 4 * PAGE, DMA_R),
	    "map for reading");
	say(container_map(box->fd, WRITE, box->mem + 20 * PAGE, 4 * PAGE, DMA_W),
	    "map for writing");
	box_say_charge("mapped");
}

/* A container of type @type with an engine that is open, and something mapped */
static void desk_open_type(struct desk *d, int type)
{
	desk_open(d);
	desk_add_group(d);
	must(container_set_iommu(d->box.fd, type));
	desk_open_engine(d);
	desk_map(d);
}

static void desk_leave(struct desk *d)
{
	if (d->group >= 0)
		close(d->group);
	d->group = -1;
	copyengine_close(&d->engine);
}

static void desk_close(struct desk *d)
{
	if (d->engine.fd >= 0)
		close(d->engine.fd);
	d->engine.fd = -1;
	desk_leave(d);
	box_close(&d->box);
	box_say_charge("closed");
}

static void say_info(struct desk *d, const char *when)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	say(errno_of(ioctl(d->box.fd, VFIO_IOMMU_GET_INFO, &info)), "%s: info",
	    when);
	say(info.flags, "%s: flags", when);
	say(info.iova_pgsizes >> 12, "%s: page sizes, of 4 KiB", when);
	say(info.argsz, "%s: size of the chain", when);
}

static void say_extensions(struct desk *d, const char *when)
{
	say(errno_of(ioctl(d->box.fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR)),
	    "%s: update of addresses", when);
	say(errno_of(ioctl(d->box.fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU)),
	    "%s: coherent", when);
}

static const struct {
	const char *name;
	__u64 dst, src, len;
} copies[] = {
	{ "a page", IOVA + 8 * PAGE, IOVA, PAGE },
	{ "a byte", IOVA + 8 * PAGE + 7, IOVA + 3, 1 },
	{ "over pages", IOVA + 9 * PAGE + 100, IOVA + 50, 3 * PAGE },
	{ "of nothing", IOVA, IOVA, 0 },
	{ "from for reading", IOVA, READ, PAGE },
	{ "to for reading", READ, IOVA, PAGE },
	{ "from for writing", IOVA, WRITE, PAGE },
	{ "to for writing", WRITE, IOVA, PAGE },
	{ "from nothing", IOVA, NOTHING, PAGE },
	{ "to nothing", NOTHING, IOVA, PAGE },
	{ "over the end", IOVA, IOVA + 15 * PAGE, 2 * PAGE },
	{ "into the end", IOVA + 16 * PAGE - 8, IOVA, 16 },
	{ "from before", IOVA + PAGE, IOVA - 8, 16 },
	{ "from the last IOVA", IOVA, ~0ULL, 1 },
	{ "over the last IOVA", IOVA, ~0ULL, 2 },
};

static void try_copies(struct desk *d)
{
	int i, j, sum;

	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		for (j = 0; j < 24 * (int)PAGE; j++)
			d->box.mem[j] = j / PAGE + j % 251;
		say(copyengine_copy(&d->engine, copies[i].dst, copies[i].src,
				    copies[i].len), "copy %s", copies[i].name);
		say(copyengine_copied(&d->engine), "copy %s: bytes",
		    copies[i].name);
		for (j = sum = 0; j < 24 * (int)PAGE; j++)
			sum = sum * 31 + d->box.mem[j];
		say(sum & 0xffffff, "copy %s: memory", copies[i].name);
	}
}

static const struct {
	const char *name;
	__u64 iova, len;
} pins[] = {
	{ "a page", IOVA, PAGE },
	{ "all", IOVA, 16 * PAGE },
	{ "over the end", IOVA + 15 * PAGE, 2 * PAGE },
	{ "before", IOVA - PAGE, 2 * PAGE },
	{ "for reading", READ, PAGE },
	{ "for writing", WRITE, PAGE },
	{ "nothing", NOTHING, PAGE },
	{ "the last IOVA", ~0ULL - PAGE + 1, PAGE },
	{ "over the last IOVA", ~0ULL - PAGE + 1, 2 * PAGE },
};

static void try_pins(struct desk *d)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pins); i++) {
		say(copyengine_pin(&d->engine, pins[i].iova, pins[i].len),
		    "pin %s", pins[i].name);
		box_say_charge(pins[i].name);
		say(copyengine_load(&d->engine, IOVA + 4 * PAGE, 8),
		    "pin %s: load", pins[i].name);
		must(copyengine_unpin(&d->engine));
	}
	box_say_charge("unpinned");
}

/* The engine gives up what it has pinned. */
static void unmap_pinned(struct desk *d)
{
	struct box *box = &d->box;

	say(copyengine_pin(&d->engine, IOVA + PAGE, 2 * PAGE), "pin again");
	say(box_unmap(box, READ, 4 * PAGE), "unmap another one");
	say(copyengine_load(&d->engine, IOVA, 8), "load");
	say(box_unmap(box, IOVA + PAGE, 2 * PAGE), "unmap what is pinned");
	say(copyengine_load(&d->engine, IOVA, 8), "load then");
	box_say_charge("part");
	say(box_unmap(box, IOVA, 16 * PAGE), "unmap what it is in");
	say(copyengine_load(&d->engine, WRITE, 8), "load at last");
	say(copyengine_copy(&d->engine, IOVA, IOVA, 8), "copy at last");
	box_say_charge("unmapped");
	say(box_unmap_all(box), "unmap all");
}

static void run_alone(void)
{
	struct box *box;
	struct desk d;

	desk_open(&d);
	box = &d.box;
	desk_add_group(&d);
	say(container_set_iommu(box->fd, VFIO_NOIOMMU_IOMMU), "no-IOMMU type");
	say(container_set_iommu(box->fd, TYPE1V2), "type");
	say_info(&d, "joined");
	say(box_map(box, IOVA, must_ptr(mem_none(MIB)), PAGE), "map nothing");
	say(box_unmap(box, IOVA, PAGE), "unmap nothing");
	desk_map(&d);
	desk_open_engine(&d);
	box_say_charge("open");
	say_info(&d, "open");
	say_extensions(&d, "open");
	say(box_map(box, 8 * IOVA, must_ptr(mem_none(MIB)), PAGE),
	    "map nothing then");
	say(copyengine_copy(&d.engine, IOVA, 8 * IOVA, PAGE), "copy nothing");
	say(copyengine_pin(&d.engine, 8 * IOVA, PAGE), "pin nothing");
	say(box_unmap(box, 8 * IOVA, PAGE), "unmap nothing then");
	say(box_map(box, IOVA + PAGE, box->mem, PAGE), "map what is taken");
	try_copies(&d);
	try_pins(&d);
	unmap_pinned(&d);
	desk_close(&d);
}

static void run_v1(void)
{
	struct desk d;

	desk_open_type(&d, TYPE1);
	say_extensions(&d, "v1");
	try_copies(&d);
	try_pins(&d);
	unmap_pinned(&d);
	desk_close(&d);
}

static void dirty_flag(struct desk *d, __u32 flag, const char *step)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flag,
	};

	say(errno_of(ioctl(d->box.fd, VFIO_IOMMU_DIRTY_PAGES, &dirty)), "%s",
	    step);
}

static int get_dirty(struct desk *d, void *word)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty.argsz = sizeof(arg),
		.dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = IOVA,
		.get.size = 16 * PAGE,
		.get.bitmap = { PAGE, sizeof(__u64), word },
	};

	return errno_of(ioctl(d->box.fd, VFIO_IOMMU_DIRTY_PAGES, &arg));
}

static void say_dirty(struct desk *d, const char *when)
{
	__u64 word = 0;

	say(get_dirty(d, &word), "%s: dirty", when);
	say(word, "%s: bitmap", when);
}

/* Memory for an answer that is not there, and arguments that end too early */
static void try_bad_memory(struct desk *d)
{
	char *end = (char *)must_ptr(mem_base(2 * PAGE)) + PAGE;
	struct vfio_iommu_type1_dma_unmap *unmap = (void *)(end - sizeof(*unmap));

	munmap(end, PAGE);
	say(get_dirty(d, end), "bitmap nowhere");
	*unmap = (struct vfio_iommu_type1_dma_unmap){
		.argsz = sizeof(*unmap) + sizeof(struct vfio_bitmap),
		.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.iova = IOVA,
		.size = 16 * PAGE,
	};
	say(errno_of(ioctl(d->box.fd, VFIO_IOMMU_UNMAP_DMA, unmap)),
	    "unmap, arguments cut off");
	munmap(end - PAGE, PAGE);
}

static void run_dirty(void)
{
	struct desk d;

	desk_open_type(&d, TYPE1V2);
	say(copyengine_copy(&d.engine, IOVA, IOVA + PAGE, PAGE), "copy before");
	say(copyengine_pin(&d.engine, IOVA + 4 * PAGE, PAGE), "pin before");
	dirty_flag(&d, VFIO_IOMMU_DIRTY_PAGES_FLAG_START, "start");
	say_dirty(&d, "start");
	say_dirty(&d, "start, again");
	say(copyengine_copy(&d.engine, IOVA + 7 * PAGE + 8, IOVA, PAGE), "copy");
	try_bad_memory(&d);
	say_dirty(&d, "copied");
	say_dirty(&d, "copied, again");
	say(copyengine_unpin(&d.engine), "unpin");
	say_dirty(&d, "unpinned");
	say_dirty(&d, "unpinned, again");
	say(copyengine_pin(&d.engine, IOVA + 9 * PAGE, 2 * PAGE), "pin");
	say(copyengine_unpin(&d.engine), "unpin at once");
	say_dirty(&d, "for a moment");
	dirty_flag(&d, VFIO_IOMMU_DIRTY_PAGES_FLAG_START, "start again");
	say(copyengine_copy(&d.engine, IOVA + 3 * PAGE, IOVA, 8), "copy again");
	dirty_flag(&d, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP, "stop");
	dirty_flag(&d, VFIO_IOMMU_DIRTY_PAGES_FLAG_START, "start anew");
	say_dirty(&d, "anew");
	say(box_unmap(&d.box, IOVA, 16 * PAGE), "unmap");
	say(box_map(&d.box, IOVA, d.box.mem, 16 * PAGE), "map while tracking");
	say_dirty(&d, "a new one");
	say(copyengine_copy(&d.engine, IOVA + 2 * PAGE, IOVA, 8), "copy to it");
	say(copyengine_pin(&d.engine, IOVA + 15 * PAGE, PAGE), "pin of it");

	/* The unmap makes the engine give up the pin first. */
	box_unmap_dirty(&d.box, IOVA, 16 * PAGE);
	desk_close(&d);
}

/* With a device behind an IOMMU, which comes and goes */
static void run_both(void)
{
	struct desk d;

	desk_open_type(&d, TYPE1V2);
	say(copyengine_pin(&d.engine, IOVA + PAGE, 2 * PAGE), "pin");
	box_say_charge("pinned");
	dirty_flag(&d, VFIO_IOMMU_DIRTY_PAGES_FLAG_START, "start");
	box_add_group(&d.box, 0);
	box_add_edu(&d.box, 0);
	box_say_charge("with an IOMMU");
	say_info(&d, "with an IOMMU");
	say_extensions(&d, "with an IOMMU");
	say(copyengine_load(&d.engine, IOVA, 8), "load");
	say_dirty(&d, "with an IOMMU");
	say(copyengine_unpin(&d.engine), "unpin");
	box_say_charge("unpinned");
	say(copyengine_pin(&d.engine, IOVA + 5 * PAGE, PAGE), "pin then");
	box_say_charge("pinned then");
	say(box_map(&d.box, 8 * IOVA, d.box.mem, 4 * PAGE), "map with an IOMMU");
	box_say_charge("mapped with an IOMMU");

	edu_close(&d.box.edu[0]);
	say(group_unset_container(d.box.groups[0]), "the IOMMU goes");
	box_say_charge("without an IOMMU");
	say_info(&d, "without an IOMMU");
	say_dirty(&d, "without an IOMMU");
	say_dirty(&d, "without an IOMMU, again");
	say(copyengine_load(&d.engine, IOVA, 8), "load without an IOMMU");
	say(box_unmap(&d.box, IOVA, 16 * PAGE), "unmap");
	box_say_charge("unmapped");
	desk_close(&d);
}

static int invalidate(struct desk *d)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL,
	};

	return errno_of(ioctl(d->box.fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

static void run_address(void)
{
	struct box *box;
	struct desk d;
	int group;

	desk_open(&d);
	box = &d.box;
	box_add_group(box, 0);
	must(container_set_iommu(box->fd, TYPE1V2));
	box_add_edu(box, 0);
	say(box_map(box, IOVA, box->mem, 16 * PAGE), "map");
	say(invalidate(&d), "invalidate");
	must(mdev_create(&d.engine.mdev, MDEV_COPYENGINE));
	group = mdev_open_group(&d.engine.mdev, box->fd);
	say(group < 0 ? group : 0, "join");
	say(container_map(box->fd, IOVA, box->mem, 16 * PAGE,
			  VFIO_DMA_MAP_FLAG_VADDR), "update");
	d.group = mdev_open_group(&d.engine.mdev, box->fd);
	say(d.group < 0 ? d.group : 0, "join then");
	desk_open_engine(&d);
	say(invalidate(&d), "invalidate with an engine");
	say(container_map(box->fd, IOVA, box->mem, 16 * PAGE,
			  VFIO_DMA_MAP_FLAG_VADDR), "update with an engine");
	say(copyengine_copy(&d.engine, IOVA, IOVA + PAGE, PAGE), "copy");
	say(copyengine_pin(&d.engine, IOVA, PAGE), "pin");
	close(d.engine.fd);
	d.engine.fd = -1;
	desk_leave(&d);
	say(invalidate(&d), "invalidate without the engine");
	say(box_unmap_all(box), "unmap all");
	desk_close(&d);
}

/* The process whose memory it is has gone. */
static void run_orphan(void)
{
	struct desk d;
	int status;
	pid_t child;

	desk_open_type(&d, TYPE1V2);
	child = must(fork());
	if (!child) {
		say(box_map(&d.box, 8 * IOVA, d.box.mem, 4 * PAGE), "child: map");
		say(copyengine_copy(&d.engine, 8 * IOVA, 8 * IOVA + PAGE, PAGE),
		    "child: copy");
		say(copyengine_pin(&d.engine, 8 * IOVA, PAGE), "child: pin");
		box_say_charge("child: pinned");
		say(copyengine_unpin(&d.engine), "child: unpin");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	say(status, "child");
	say(copyengine_copy(&d.engine, IOVA, 8 * IOVA, PAGE), "copy of it");
	say(copyengine_pin(&d.engine, 8 * IOVA, PAGE), "pin of it");
	box_say_charge("orphan");
	say(box_unmap(&d.box, 8 * IOVA, 4 * PAGE), "unmap it");
	desk_close(&d);
}

static const struct sequence sequences[] = {
	{ "engine", run_alone },
	{ "engine, v1", run_v1 },
	{ "engine, dirty", run_dirty },
	{ "engine and IOMMU", run_both },
	{ "engine, address", run_address },
	{ "engine, orphan", run_orphan },
};

int main(void)
{
	return box_run(sequences, ARRAY_SIZE(sequences));
}
