// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread maps and unmaps a range, others get in its way: they copy it, attach
 * devices, read, write and pin it, come and go. Every call has a result that fits some
 * order of the calls, and nothing is left. race.c does more of this with devices.
 *
 * And what others see of a map that takes long.
 */
#include <sched.h>

#include "lib/clock.h"
#include "lib/container.h"
#include "lib/mockmem.h"
#include "lib/probe.h"
#include "lib/racers.h"
#include "test.h"

#define RUN_MS	500
#define MOST_RUNS	10	/* until each has got what it wanted ... */
#define FEW_STEPS	100	/* ... unless it tried so rarely */
#define RIVALS	2
#define IOVA	(32 * MIB)
#define COPIES	(64 * MIB)
#define SIZE	(8 * PAGE)

/* Two pieces of memory take turns, so that what is read tells which one it was. */
struct stage {
	struct ioas ioas;
	struct ioas other;	/* with a page table of its own */
	struct mock mock;
	struct mock other_mock;
	char *mem[2];		/* SIZE bytes, filled with seed 0 and 1 */
	int file[2];		/* of the same size */
	int access;		/* pins */
};

FIXTURE(unmap)
{
	int pinned;
	int fd;
	struct stage stage;
};

typedef void (*racer_step)(struct racer *racer);

FIXTURE_VARIANT(unmap)
{
	racer_step owner;
	racer_step rival;
};

FIXTURE_SETUP(unmap)
{
	struct stage *stage = &self->stage;
	int i;

	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	stage->ioas = must_ioas(self->fd);
	stage->other = must_ioas(self->fd);
	must(mock_new(self->fd, stage->ioas.id, 0, &stage->mock));
	must(mock_new(self->fd, stage->other.id, 0, &stage->other_mock));
	stage->access = must(mock_access(stage->ioas, true));
	for (i = 0; i < 2; i++) {
		stage->mem[i] = must_ptr(mem_base(SIZE));
		mem_fill(stage->mem[i], SIZE, i);
		stage->file[i] = must(mem_file(SIZE, 0));
	}
}

FIXTURE_TEARDOWN(unmap)
{
	close(self->stage.access);
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

static struct iova_range whole(const struct stage *stage)
{
	return range_of(stage->ioas, IOVA, SIZE);
}

/* Nobody else takes the range or what is in it: it can be had and left always. */
static void leave(struct racer *racer)
{
	struct stage *stage = racer->data;
	__u64 bytes = 0;

	sched_yield();
	if (!racer_allows(racer, ioas_unmap(stage->ioas, IOVA, SIZE, &bytes), 0,
			  0) && bytes != SIZE)
		racer->bad = -ERANGE;
	racer->hits++;
}

static void own(struct racer *racer)
{
	struct stage *stage = racer->data;

	if (!racer_allows(racer, ioas_map_at(whole(stage),
					     stage->mem[racer->steps % 2],
					     MAP_RW), 0, 0))
		leave(racer);
}

static void own_file(struct racer *racer)
{
	struct stage *stage = racer->data;

	if (!racer_allows(racer, ioas_map_file_at(whole(stage),
						  stage->file[racer->steps % 2],
						  0, MAP_RW), 0, 0))
		leave(racer);
}

/* One that has to share the range */
static void own_in_turn(struct racer *racer)
{
	struct stage *stage = racer->data;

	if (!racer_allows(racer, ioas_map_at(whole(stage), stage->mem[0],
					     MAP_RW), EEXIST, 0))
		leave(racer);
}

/* Does the mock lead from @range to one of the two? */
static void must_be_either(struct racer *racer, const struct mock *mock,
			   struct iova_range range)
{
	struct stage *stage = racer->data;

	if (mock_check_map(mock, range, stage->mem[0]) &&
	    mock_check_map(mock, range, stage->mem[1]))
		racer->bad = -EBADE;
}

static void copy_to(struct racer *racer, struct ioas ioas,
		    const struct mock *mock)
{
	struct stage *stage = racer->data;
	__u64 iova = COPIES + racer->nr * MIB;

	if (racer_allows(racer, ioas_copy_at(ioas, iova, whole(stage), MAP_RW),
			 ENOENT, 0))
		return;
	must_be_either(racer, mock, range_of(ioas, iova, SIZE));
	racer_allows(racer, ioas_unmap(ioas, iova, SIZE, NULL), 0, 0);
	racer->hits++;
}

static void copy(struct racer *racer)
{
	struct stage *stage = racer->data;

	copy_to(racer, stage->ioas, &stage->mock);
}

static void copy_out(struct racer *racer)
{
	struct stage *stage = racer->data;

	copy_to(racer, stage->other, &stage->other_mock);
}

static void attach(struct racer *racer)
{
	struct stage *stage = racer->data;
	struct mock mock;
	int rc;

	if (racer_allows(racer, mock_new(stage->ioas.fd, stage->ioas.id, 0,
					 &mock), 0, 0))
		return;
	rc = mock_check_map(&mock, whole(stage), stage->mem[0]);
	if (rc)
		rc = mock_check_map(&mock, whole(stage), stage->mem[1]);
	racer_allows(racer, rc, EINVAL, 0);
	racer_allows(racer, iommufd_destroy(stage->ioas.fd, mock.stdev), 0, 0);
	racer->hits += !rc;
}

/* A page table that no device uses, and one that a device changes to and from */
static void replace(struct racer *racer)
{
	struct stage *stage = racer->data;
	int fd = stage->ioas.fd;
	struct mock mock;

	if (racer_allows(racer, mock_new(fd, stage->other.id, 0, &mock), 0, 0))
		return;
	racer_allows(racer, mock_replace(fd, &mock, stage->ioas.id), 0, 0);
	racer_allows(racer, mock_replace(fd, &mock, stage->other.id), 0, 0);
	racer_allows(racer, iommufd_destroy(fd, mock.stdev), 0, 0);
	racer->hits++;
}

static void pin_by(struct racer *racer, int access, bool unpin)
{
	struct stage *stage = racer->data;
	int item = mock_pin(access, whole(stage), NULL);

	if (racer_allows(racer, item, ENOENT, EINVAL) < 0)
		return;
	racer->hits++;
	/* An unmap may have taken it back. */
	if (unpin)
		racer_allows(racer, mock_unpin(stage->ioas.fd, access, item),
			     ENOENT, 0);
}

static void pin(struct racer *racer)
{
	struct stage *stage = racer->data;

	pin_by(racer, stage->access, true);
}

static void pin_and_close(struct racer *racer)
{
	struct stage *stage = racer->data;
	int access = racer_allows(racer, mock_access(stage->ioas, true), 0, 0);

	if (access < 0)
		return;
	pin_by(racer, access, false);
	if (close(access))
		racer->bad = -errno;
}

static void read_by(struct racer *racer, __u32 flags)
{
	struct stage *stage = racer->data;
	char data[SIZE];

	if (racer_allows(racer, mock_rw(stage->access, whole(stage), data,
					flags), ENOENT, EINVAL))
		return;
	racer->hits++;
	if (mem_differs(data, SIZE, 0) >= 0 && mem_differs(data, SIZE, 1) >= 0)
		racer->bad = -EBADE;
}

static void read_va(struct racer *racer)
{
	read_by(racer, 0);
}

static void read_pages(struct racer *racer)
{
	read_by(racer, MOCK_ACCESS_RW_SLOW_PATH);
}

static void write_pages(struct racer *racer)
{
	struct stage *stage = racer->data;
	char data[SIZE];

	memset(data, racer->nr, SIZE);
	if (!racer_allows(racer, mock_rw(stage->access, whole(stage), data,
					 MOCK_ACCESS_RW_WRITE |
					 MOCK_ACCESS_RW_SLOW_PATH),
			  ENOENT, EINVAL))
		racer->hits++;
}

/* A part of it cannot be unmapped, at whatever time. */
static void unmap_part(struct racer *racer)
{
	struct stage *stage = racer->data;

	if (ioas_unmap(stage->ioas, IOVA + PAGE, SIZE, NULL) != -ENOENT ||
	    ioas_unmap(stage->ioas, IOVA, PAGE, NULL) != -ENOENT)
		racer->bad = -ERANGE;
	racer->hits++;
}

/* A range of one's own that shares half of it; for all rivals the same */
static void overlap(struct racer *racer)
{
	struct stage *stage = racer->data;
	struct iova_range half = range_of(stage->ioas, IOVA + SIZE / 2, SIZE);

	if (racer_allows(racer, ioas_map_at(half, stage->mem[1], MAP_RW),
			 EEXIST, 0))
		return;
	racer_allows(racer, ioas_unmap(stage->ioas, half.iova, SIZE, NULL), 0,
		     0);
	racer->hits++;
}

static void look_around(struct racer *racer)
{
	struct stage *stage = racer->data;
	struct iommu_iova_range ranges[4], allowed = { IOVA, 4 * IOVA };

	racer_allows(racer, ioas_ranges(stage->ioas, ranges, 4), 0, 0);
	racer_allows(racer, ioas_allow(stage->ioas, &allowed, 1), 0, 0);
	racer_allows(racer, ioas_allow(stage->ioas, NULL, 0), 0, 0);
	racer->hits++;
}

static void change_process(struct racer *racer)
{
	struct stage *stage = racer->data;

	if (!racer_allows(racer, iommufd_change_process(stage->ioas.fd), EBUSY,
			  0))
		racer->hits++;
}

FIXTURE_VARIANT_ADD(unmap, copy) { own, copy };
FIXTURE_VARIANT_ADD(unmap, copy_to_another) { own, copy_out };
FIXTURE_VARIANT_ADD(unmap, copy_of_a_file) { own_file, copy_out };
FIXTURE_VARIANT_ADD(unmap, attach) { own, attach };
FIXTURE_VARIANT_ADD(unmap, attach_to_a_file) { own_file, attach };
FIXTURE_VARIANT_ADD(unmap, replace) { own, replace };
FIXTURE_VARIANT_ADD(unmap, pin) { own, pin };
FIXTURE_VARIANT_ADD(unmap, pin_of_a_file) { own_file, pin };
FIXTURE_VARIANT_ADD(unmap, pin_and_close) { own, pin_and_close };
FIXTURE_VARIANT_ADD(unmap, read) { own, read_va };
FIXTURE_VARIANT_ADD(unmap, read_pages) { own, read_pages };
FIXTURE_VARIANT_ADD(unmap, write_pages) { own, write_pages };
FIXTURE_VARIANT_ADD(unmap, unmap_part) { own, unmap_part };
FIXTURE_VARIANT_ADD(unmap, overlap) { own_in_turn, overlap };
FIXTURE_VARIANT_ADD(unmap, look_around) { own, look_around };
FIXTURE_VARIANT_ADD(unmap, change_process) { own_file, change_process };

static bool all_lucky(const struct racer *racers, int n)
{
	int i, lucky = 0;

	for (i = 0; i < n; i++)
		lucky += racers[i].hits > 0;
	return lucky == n;
}

/* On a slow machine it takes a while until each of them had luck. */
static int run_until_lucky(struct racer *racers, int n)
{
	int runs, rc = 0;

	for (runs = 0; !rc && runs < MOST_RUNS && !all_lucky(racers, n); runs++)
		rc = racers_run(racers, n, RUN_MS);
	return rc;
}

/* What is in a file is not that of the memory: nobody looks at it. */
TEST_F(unmap, against)
{
	struct racer racers[1 + RIVALS] = {};
	struct stage *stage = &self->stage;
	__u64 left;
	int i;

	for (i = 0; i < 2; i++)
		if (variant->owner == own_file)
			stage->mem[i] = must_ptr(mem_of_file(stage->file[i],
							     SIZE));
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		racers[i].step = i ? variant->rival : variant->owner;
		racers[i].data = stage;
	}
	EXPECT_EQ(0, run_until_lucky(racers, ARRAY_SIZE(racers)));
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		EXPECT_TRUE(racers[i].hits || racers[i].steps < FEW_STEPS)
			TH_LOG("racer %d: none of %lu steps", i,
			       racers[i].steps);
	}
	must(ioas_unmap_all(stage->ioas, &left));
	EXPECT_EQ(0, left);
	must(ioas_unmap_all(stage->other, &left));
	EXPECT_EQ(0, left);
	EXPECT_EQ(0, pins_since(self->pinned));
}

/* A context is closed under those who are inside; another one takes its number. */
static void close_and_open(struct racer *racer)
{
	struct stage *stage = racer->data, next = *stage;
	int fd = must(iommufd_open());

	next.ioas = must_ioas(fd);
	must(mock_new(fd, next.ioas.id, 0, &next.mock));
	if (dup2(fd, stage->ioas.fd) < 0)
		racer->bad = -errno;
	close(fd);
	racer->hits++;
}

static void use(struct racer *racer)
{
	struct stage *stage = racer->data;
	__u64 iova = IOVA + racer->nr * MIB;
	struct iova_range range = range_of(stage->ioas, iova, SIZE);

	if (!racer_allows(racer, ioas_map_at(range, stage->mem[0], MAP_RW), 0,
			  0))
		racer->hits++;
	racer_allows(racer, ioas_copy_at(stage->ioas, iova + COPIES, range,
					 MAP_R), ENOENT, 0);
	racer_allows(racer, ioas_unmap(stage->ioas, iova + COPIES, SIZE, NULL),
		     ENOENT, 0);
	racer_allows(racer, ioas_unmap(stage->ioas, iova, SIZE, NULL), ENOENT,
		     0);
}

FIXTURE(closed)
{
	int pinned;
	struct stage stage;
};

FIXTURE_SETUP(closed)
{
	struct stage *stage = &self->stage;
	int fd;

	self->pinned = must(pinned_pages());
	fd = must(iommufd_open());
	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	stage->ioas = must_ioas(fd);
	must(mock_new(fd, stage->ioas.id, 0, &stage->mock));
	stage->mem[0] = must_ptr(mem_base(SIZE));
}

FIXTURE_TEARDOWN(closed)
{
	close(self->stage.ioas.fd);
	EXPECT_SETTLED(self->pinned);
}

TEST_F(closed, while_in_use)
{
	struct racer racers[1 + RIVALS] = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		racers[i].step = i ? use : close_and_open;
		racers[i].data = &self->stage;
	}
	EXPECT_EQ(0, run_until_lucky(racers, ARRAY_SIZE(racers)));
	EXPECT_TRUE(all_lucky(racers, ARRAY_SIZE(racers)));
}

/* The memory moves to where it is already. */
static void move(struct racer *racer)
{
	struct stage *stage = racer->data;
	int fd = stage->ioas.fd;

	racer_allows(racer, ioas_map_at(whole(stage), stage->mem[0], MAP_RW),
		     EEXIST, 0);
	/* It is just being unmapped, before or after it was given up. */
	if (racer_allows(racer, container_give_up(fd, IOVA, SIZE), EBUSY,
			 EINVAL))
		return;
	if (!racer_allows(racer, container_take_over(fd, IOVA, stage->mem[0],
						     SIZE), ENOENT, EINVAL))
		racer->hits++;
}

static void unmap_moving(struct racer *racer)
{
	struct stage *stage = racer->data;
	__u64 bytes = 0;

	if (racer_allows(racer, ioas_unmap(stage->ioas, IOVA, SIZE, &bytes),
			 ENOENT, EBUSY))
		return;
	if (bytes != SIZE)
		racer->bad = -ERANGE;
	racer->hits++;
}

/* While an address is going to change no device can come, and afterwards it can. */
TEST(unmap_while_moving)
{
	struct stage stage = {};
	struct racer racers[] = {
		{ .step = move, .data = &stage },
		{ .step = unmap_moving, .data = &stage },
	};
	int fd = must(container_open(NATIVE_NODE));

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	stage.ioas = must_ioas(fd);
	must(iommufd_vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, stage.ioas.id));
	must(container_set_iommu(fd, VFIO_TYPE1v2_IOMMU));
	stage.mem[0] = must_ptr(mem_base(SIZE));
	EXPECT_EQ(0, run_until_lucky(racers, ARRAY_SIZE(racers)));
	EXPECT_TRUE(all_lucky(racers, ARRAY_SIZE(racers)));
	must(ioas_unmap_all(stage.ioas, NULL));
	EXPECT_EQ(0, mock_new(fd, stage.ioas.id, 0, &stage.mock));
	TH_LOG("%lu moves, %lu unmaps", racers[0].hits, racers[1].hits);
	close(fd);
}

/* The last group leaves a container while something is being mapped. */
#define MUCH	(4 * MIB)

struct forsaken {
	int fd;
	int group;
	char *mem;		/* MUCH bytes */
};

/*
 * Without the group there is no IOAS (ENODEV), and no type (EINVAL). A map that began
 * before the group left may end when it is back, and find no type when it is to be
 * unmapped: then it is there still (EEXIST).
 */
static void map_much_of_it(struct racer *racer)
{
	struct forsaken *f = racer->data;
	int rc = container_map(f->fd, IOVA, f->mem, MUCH, DMA_RW);

	if (rc != -EEXIST && racer_allows(racer, rc, ENODEV, EINVAL))
		return;
	racer->hits++;
	racer_allows(racer, container_unmap(f->fd, IOVA, MUCH, NULL), ENODEV,
		     EINVAL);
}

/* A mock device stays when the group leaves, and so would what is mapped. */
static void come_and_leave(struct racer *racer)
{
	struct forsaken *f = racer->data;
	struct mock mock;
	__u32 ioas;

	must(group_set_container(f->group, f->fd));
	must(container_set_iommu(f->fd, VFIO_TYPE1v2_IOMMU));
	ioas = must(iommufd_vfio_ioas(f->fd, IOMMU_VFIO_IOAS_GET, 0));
	must(mock_new(f->fd, ioas, 0, &mock));
	must(container_map(f->fd, IOVA - PAGE, f->mem, PAGE, DMA_RW));
	clock_sleep_ms(racer->steps % 16);
	must(group_unset_container(f->group));
	if (must(status_kib("VmLck")))
		racer->bad = -ENOTEMPTY;
	racer->hits++;
	must(iommufd_destroy(f->fd, mock.stdev));
	racer_allows(racer, iommufd_destroy(f->fd, ioas), 0, 0);
}

TEST(map_while_last_group_leaves)
{
	struct forsaken f = { .fd = must(container_open(NATIVE_NODE)) };
	struct racer racers[] = {
		{ .step = come_and_leave, .data = &f },
		{ .step = map_much_of_it, .data = &f },
	};
	int pinned = must(pinned_pages());
	struct pci_address pci;

	if (!mock_present(f.fd))
		SKIP(return, NEEDS_MOCK);
	if (edu_find_one(&pci))
		SKIP(return, NEEDS_EDU);
	f.group = must(group_open(&pci));
	f.mem = must_ptr(mem_base(MUCH));
	EXPECT_EQ(0, racers_run(racers, ARRAY_SIZE(racers), 4 * RUN_MS) ?:
			     run_until_lucky(racers, ARRAY_SIZE(racers)));
	EXPECT_TRUE(all_lucky(racers, ARRAY_SIZE(racers)));
	TH_LOG("%lu rounds, %lu maps", racers[0].hits, racers[1].hits);
	/* The container is open still. */
	EXPECT_SETTLED(pinned);
	close(f.group);
	close(f.fd);
}

/* A map that takes long: as much memory as this machine pins in that time */
#define LONG_MS	3000
#define MOST	(512 * MIB)
#define SAMPLE	(4 * MIB)
#define LONG	GIB		/* it is there */

struct long_map {
	struct ioas ioas;
	char *mem;
	size_t size;
	size_t part;		/* whose first page is filled with seed 7 */
	pthread_t thread;
	atomic_int result;	/* 1 while there is none */
};

FIXTURE(parallel)
{
	struct context c;	/* the first device is attached */
	struct long_map map;
	char *page;		/* is mapped at IOVA */
};

/* Nobody has touched the memory. */
static void choose_size(struct long_map *map)
{
	struct iova_range sample = range_of(map->ioas, LONG, SAMPLE);
	char *mem = must_ptr(mem_base(SAMPLE));
	long ms = clock_ms();

	must(ioas_map_at(sample, mem, MAP_RW));
	ms = clock_ms() - ms + 1;
	must(ioas_unmap(map->ioas, LONG, SAMPLE, NULL));
	munmap(mem, SAMPLE);
	map->size = LONG_MS * SAMPLE / ms / SAMPLE * SAMPLE;
	map->size = map->size < 2 * SAMPLE ? 2 * SAMPLE : map->size;
	map->size = map->size > MOST ? MOST : map->size;
	map->part = 3 * map->size / 4;
}

FIXTURE_SETUP(parallel)
{
	struct long_map *map = &self->map;

	if (context_open(&self->c, TWO_GROUPS))
		SKIP(return, NEEDS_GROUPS);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	map->ioas = self->c.ioas;
	choose_size(map);
	map->mem = must_ptr(mem_base(map->size));
	mem_fill(map->mem + map->part, PAGE, 7);
	self->page = must_ptr(mem_base(PAGE));
	mem_fill(self->page, PAGE, 8);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), self->page,
			 MAP_RW));
}

FIXTURE_TEARDOWN(parallel)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

static void *map_much(void *arg)
{
	struct long_map *map = arg;

	map->result = ioas_map_at(range_of(map->ioas, LONG, map->size), map->mem,
				  MAP_RW);
	return NULL;
}

/* Returns when it has begun to pin. */
static void start_long_map(struct long_map *map)
{
	int before = must(pinned_pages());

	map->result = 1;
	must(-pthread_create(&map->thread, NULL, map_much, map));
	while (must(pinned_pages()) < before + 1000 && map->result == 1)
		;
}

static void finish_long_map(struct long_map *map)
{
	must(-pthread_join(map->thread, NULL));
	must(map->result);
}

/* What is being mapped is taken already, and not there yet. */
TEST_F(parallel, not_there_yet)
{
	size_t size = self->map.size;
	struct ioas ioas = self->c.ioas;
	__u64 iova;

	start_long_map(&self->map);
	EXPECT_EQ(-EEXIST, ioas_map_at(range_of(ioas, LONG + HUGE, PAGE),
				       self->page, MAP_RW));
	EXPECT_EQ(-ENOENT, ioas_copy_at(ioas, COPIES, range_of(ioas, LONG, PAGE),
					MAP_RW));
	EXPECT_EQ(-EBUSY, ioas_unmap(ioas, LONG, size, NULL));
	EXPECT_EQ(-EBUSY, ioas_unmap_all(ioas, NULL));
	EXPECT_EQ(-ENOENT, ioas_unmap(ioas, LONG, PAGE, NULL));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->c.fd, ioas.id));
	iova = must_map(ioas, self->page, PAGE, MAP_RW);
	EXPECT_TRUE(iova < LONG || iova >= LONG + size);
	/* All that while it was not. */
	EXPECT_EQ(1, self->map.result);
	finish_long_map(&self->map);
	EXPECT_EQ(2 + size / PAGE, pins_since(self->c.pinned));
	EXPECT_EQ(0, ioas_unmap(ioas, LONG, size, NULL));
	EXPECT_EQ(2, pins_since(self->c.pinned));
}

/* Who works elsewhere in the same IOAS need not wait for it. */
TEST_F(parallel, others_go_on)
{
	struct ioas ioas = self->c.ioas;
	struct iommu_iova_range range;
	long start, begun, longest = 0;
	int rounds = 0;

	start_long_map(&self->map);
	begun = clock_ms();
	for (; self->map.result == 1 && rounds < 1000; rounds++) {
		start = clock_ms();
		must(ioas_map_at(range_of(ioas, COPIES, PAGE), self->page,
				 MAP_RW));
		must(ioas_copy_at(ioas, COPIES + MIB,
				  range_of(ioas, COPIES, PAGE), MAP_R));
		must(ioas_ranges(ioas, &range, 1));
		must(ioas_unmap(ioas, COPIES, PAGE, NULL));
		must(ioas_unmap(ioas, COPIES + MIB, PAGE, NULL));
		start = clock_ms() - start;
		longest = start > longest ? start : longest;
	}
	begun = clock_ms() - begun;
	finish_long_map(&self->map);
	TH_LOG("%d rounds in %ld ms, the longest of %ld ms; %zu MiB", rounds,
	       begun, longest, self->map.size / MIB);
	/* It would be one if it had to. */
	EXPECT_LT(5, rounds);
	EXPECT_GT(begun / 2 + 1, longest);
}

/* Who joins has it too, and who leaves does not keep it from coming to its end. */
TEST_F(parallel, attach_meanwhile)
{
	struct probe probe;

	start_long_map(&self->map);
	must(vfio_attach(self->c.edu[1].fd, self->c.ioas.id));
	must(vfio_detach(self->c.edu[0].fd));
	finish_long_map(&self->map);
	EXPECT_EQ(1 + self->map.size / PAGE, pins_since(self->c.pinned));
	probe_open(&probe, &self->c.edu[1], self->c.ioas);
	EXPECT_TRUE(probe_reads(&probe, LONG + self->map.part, 7, 0));
	EXPECT_TRUE(probe_reads(&probe, IOVA, 8, 0));
	must(vfio_detach(self->c.edu[1].fd));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

TEST_HARNESS_MAIN
