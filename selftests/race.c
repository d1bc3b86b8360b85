// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that get into each other's way. Each call has a result that fits some
 * order of the calls, and when all is over nothing is left.
 *
 * What goes wrong here often shows in the kernel's log, which the caller of these
 * programs has to look at.
 */
#include <linux/memfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "lib/clock.h"
#include "test.h"

#define RUN_MS	700
#define RACERS	4
#define IOVA	(16 * MIB)
#define SIZE	(4 * PAGE)

struct race {
	struct context c;
	char *mem;		/* SIZE bytes for each racer */
	int file;		/* what racers map instead, if they do */
	atomic_bool stop;
	struct racer {
		struct race *race;
		void (*step)(struct racer *racer);
		int nr;
		pthread_t thread;
		unsigned long steps;
		long mapped;	/* bytes mapped minus bytes unmapped */
		int bad;	/* the first error that nothing explains */
	} racers[RACERS];
};

FIXTURE(race)
{
	struct race r;
};

FIXTURE_SETUP(race)
{
	if (context_open(&self->r.c, TWO_GROUPS))
		SKIP(return, NEEDS_GROUPS);
	self->r.mem = must_ptr(mem_base(RACERS * SIZE));
}

FIXTURE_TEARDOWN(race)
{
	context_close(&self->r.c);
	EXPECT_SETTLED(self->r.c.pinned);
}

static void *run_racer(void *arg)
{
	struct racer *racer = arg;

	while (!racer->race->stop) {
		racer->step(racer);
		racer->steps++;
	}
	return NULL;
}

/* The first racer does @first, the others do @rest. */
static void run(struct race *race, void (*first)(struct racer *racer),
		void (*rest)(struct racer *racer))
{
	struct racer *racer;
	int i;

	race->stop = false;
	for (i = 0; i < RACERS; i++) {
		racer = &race->racers[i];
		*racer = (struct racer){ race, i ? rest : first, i };
		must(-pthread_create(&racer->thread, NULL, run_racer, racer));
	}
	clock_sleep_ms(RUN_MS);
	race->stop = true;
	for (i = 0; i < RACERS; i++)
		must(-pthread_join(race->racers[i].thread, NULL));
}

/* The first error that no order of the calls explains */
static int unfair(const struct race *race)
{
	int i;

	for (i = 0; i < RACERS; i++) {
		if (!race->racers[i].steps)
			return -ETIMEDOUT;
		if (race->racers[i].bad)
			return race->racers[i].bad;
	}
	return 0;
}

/* Beside success these two errors are results that fit. */
static int allow(struct racer *racer, int rc, int error, int other)
{
	if (rc < 0 && rc != -error && rc != -other && !racer->bad)
		racer->bad = rc;
	return rc;
}

static char *mem_of(struct racer *racer)
{
	return racer->race->mem + racer->nr * SIZE;
}

static struct iova_range range_at(struct racer *racer, __u64 iova)
{
	return range_of(racer->race->c.ioas, iova, SIZE);
}

/* Each has a range of its own: nobody can be in the way. */
static void own_range(struct racer *racer)
{
	__u64 iova = IOVA + racer->nr * SIZE, bytes;

	allow(racer, ioas_map_at(range_at(racer, iova), mem_of(racer), MAP_RW),
	      0, 0);
	if (!allow(racer, ioas_unmap(racer->race->c.ioas, iova, SIZE, &bytes),
		   0, 0) && bytes != SIZE)
		racer->bad = -ERANGE;
}

TEST_F(race, own_ranges)
{
	run(&self->r, own_range, own_range);
	EXPECT_EQ(0, unfair(&self->r));
	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	run(&self->r, own_range, own_range);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/* All have the same range: one of them has it at a time. */
static void same_range(struct racer *racer)
{
	__u64 bytes;

	if (!allow(racer, ioas_map_at(range_at(racer, IOVA), mem_of(racer),
				      MAP_RW), EEXIST, 0))
		racer->mapped += SIZE;
	if (!allow(racer, ioas_unmap(racer->race->c.ioas, IOVA, SIZE, &bytes),
		   ENOENT, EBUSY))
		racer->mapped -= bytes;
}

static long mapped_by_all(struct race *race)
{
	long sum = 0;
	int i;

	for (i = 0; i < RACERS; i++)
		sum += race->racers[i].mapped;
	return sum;
}

TEST_F(race, same_range)
{
	__u64 left;

	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	run(&self->r, same_range, same_range);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(mapped_by_all(&self->r) / PAGE, pins_since(self->r.c.pinned));
	must(ioas_unmap_all(self->r.c.ioas, &left));
	EXPECT_EQ(mapped_by_all(&self->r), left);
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/* What the kernel picks is nobody else's. */
static void picked_range(struct racer *racer)
{
	__u64 iova, bytes;

	if (allow(racer, ioas_map(racer->race->c.ioas, mem_of(racer), SIZE,
				  MAP_RW, &iova), 0, 0))
		return;
	if (!allow(racer, ioas_unmap(racer->race->c.ioas, iova, SIZE, &bytes),
		   0, 0) && bytes != SIZE)
		racer->bad = -ERANGE;
}

TEST_F(race, picked_ranges)
{
	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	run(&self->r, picked_range, picked_range);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/* A range that is just being filled or emptied may answer EBUSY. */
static void unmap_patiently(struct racer *racer, __u64 iova)
{
	int rc;

	do {
		rc = ioas_unmap(racer->race->c.ioas, iova, SIZE, NULL);
	} while (rc == -EBUSY);
	allow(racer, rc, 0, 0);
}

static void own_range_patiently(struct racer *racer)
{
	__u64 iova = IOVA + racer->nr * SIZE;

	allow(racer, ioas_map_at(range_at(racer, iova), mem_of(racer), MAP_RW),
	      0, 0);
	unmap_patiently(racer, iova);
}

static void attach_and_detach(struct racer *racer)
{
	struct edu *edu = &racer->race->c.edu[racer->steps % 2];

	allow(racer, vfio_attach(edu->fd, racer->race->c.ioas.id), 0, 0);
	allow(racer, vfio_detach(edu->fd), 0, 0);
}

TEST_F(race, attach_while_mapping)
{
	run(&self->r, attach_and_detach, own_range_patiently);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

static void close_and_open(struct racer *racer)
{
	struct race *race = racer->race;
	int i = racer->steps % 2;

	edu_close(&race->c.edu[i]);
	must(edu_open(&race->c.edu[i], &race->c.pci[i], race->c.ioas.fd));
	allow(racer, vfio_attach(race->c.edu[i].fd, race->c.ioas.id), 0, 0);
}

TEST_F(race, close_device_while_mapping)
{
	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	run(&self->r, close_and_open, own_range_patiently);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

static void unmap_all(struct racer *racer)
{
	__u64 bytes;

	if (!allow(racer, ioas_unmap_all(racer->race->c.ioas, &bytes), EBUSY, 0))
		racer->mapped -= bytes;
	sched_yield();
}

static void map_and_leave(struct racer *racer)
{
	__u64 iova = IOVA + (racer->nr * 16 + racer->steps % 16) * SIZE;

	if (!allow(racer, ioas_map_at(range_at(racer, iova), mem_of(racer),
				      MAP_RW), EEXIST, 0))
		racer->mapped += SIZE;
}

TEST_F(race, unmap_all)
{
	__u64 left;

	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	run(&self->r, unmap_all, map_and_leave);
	EXPECT_EQ(0, unfair(&self->r));
	must(ioas_unmap_all(self->r.c.ioas, &left));
	EXPECT_EQ(mapped_by_all(&self->r), left);
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/* A copy is whole, or there was nothing to copy. */
static void copy(struct racer *racer)
{
	struct race *race = racer->race;
	__u64 iova = 2 * IOVA + racer->nr * SIZE;

	if (!allow(racer, ioas_copy_at(race->c.ioas, iova, range_at(racer, IOVA),
				       MAP_RW), ENOENT, 0))
		allow(racer, ioas_unmap(race->c.ioas, iova, SIZE, NULL), 0, 0);
}

static void source(struct racer *racer)
{
	allow(racer, ioas_map_at(range_at(racer, IOVA), racer->race->mem,
				 MAP_RW), 0, 0);
	sched_yield();
	allow(racer, ioas_unmap(racer->race->c.ioas, IOVA, SIZE, NULL), 0, 0);
}

TEST_F(race, copy)
{
	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	run(&self->r, source, copy);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/*
 * Device memory that its owner takes away and gives back, while others copy it
 * and a device comes and goes.
 */
static void lend(struct racer *racer)
{
	struct race *race = racer->race;
	int owner = race->c.edu[1].fd;

	allow(racer, ioas_map_file_at(range_at(racer, IOVA), race->file, 0,
				      MAP_RW), 0, 0);
	sched_yield();
	allow(racer, vfio_memory(owner, false), 0, 0);
	allow(racer, vfio_memory(owner, true), 0, 0);
	unmap_patiently(racer, IOVA);
}

static void borrow(struct racer *racer)
{
	struct race *race = racer->race;
	__u64 iova = 2 * IOVA + racer->nr * SIZE;

	if (racer->nr == 1)
		attach_and_detach(racer);
	else if (!allow(racer, ioas_copy_at(race->c.ioas, iova,
					    range_at(racer, IOVA), MAP_RW),
			ENOENT, ENODEV))
		unmap_patiently(racer, iova);
}

TEST_F(race, device_memory)
{
	const struct vfio_region_dma_range range = { 0, SIZE };
	__u64 left;

	self->r.file = must(vfio_dmabuf(self->r.c.edu[1].fd, 0, &range, 1));
	run(&self->r, lend, borrow);
	EXPECT_EQ(0, unfair(&self->r));
	must(ioas_unmap_all(self->r.c.ioas, &left));
	EXPECT_EQ(0, left);
	close(self->r.file);
}

/* Objects come and go under those who use them. */
static void alloc_and_destroy(struct racer *racer)
{
	struct race *race = racer->race;
	int id = must(ioas_alloc(race->c.ioas.fd));

	if (racer->steps % 2)
		sched_yield();
	/* Another racer may have been faster. */
	allow(racer, iommufd_destroy(race->c.ioas.fd, id), EBUSY, ENOENT);
}

static void use_any(struct racer *racer)
{
	struct race *race = racer->race;
	struct ioas ioas = { race->c.ioas.fd, 4 + racer->steps % 8 };
	__u64 iova;

	switch (racer->steps / 8 % 4) {
	case 0:
		allow(racer, ioas_map(ioas, mem_of(racer), SIZE, MAP_RW,
				      &iova), ENOENT, 0);
		break;
	case 1:
		allow(racer, ioas_unmap_all(ioas, NULL), ENOENT, EBUSY);
		break;
	case 2:
		allow(racer, vfio_attach(race->c.edu[racer->nr % 2].fd, ioas.id),
		      ENOENT, 0);
		allow(racer, vfio_detach(race->c.edu[racer->nr % 2].fd), 0, 0);
		break;
	default:
		allow(racer, iommufd_destroy(ioas.fd, ioas.id), ENOENT, EBUSY);
	}
}

TEST_F(race, destroy)
{
	int id;

	/* The devices and the IOAS have the first three IDs. */
	EXPECT_EQ(4, ioas_alloc(self->r.c.fd));
	run(&self->r, alloc_and_destroy, use_any);
	EXPECT_EQ(0, unfair(&self->r));
	for (id = 4; id < 64; id++)
		EXPECT_NE(-EBUSY, iommufd_destroy(self->r.c.fd, id));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/* A context whose fd is closed while others are inside */
static void use_and_close(struct racer *racer)
{
	struct race *race = racer->race;
	__u64 iova;

	allow(racer, ioas_map(race->c.ioas, mem_of(racer), SIZE, MAP_RW, &iova),
	      EBADF, ENOENT);
}

static void close_context(struct racer *racer)
{
	struct race *race = racer->race;
	int other = must(iommufd_open());

	/* Closes what the number stood for, and opens another one, at once. */
	must(ioas_alloc(other));
	if (dup2(other, race->c.ioas.fd) < 0)
		racer->bad = -errno;
	close(other);
}

TEST_F(race, close_context)
{
	edu_close(&self->r.c.edu[0]);
	edu_close(&self->r.c.edu[1]);
	/* The first object of a context */
	EXPECT_EQ(1, self->r.c.ioas.id);
	run(&self->r, close_context, use_and_close);
	EXPECT_EQ(0, unfair(&self->r));
}

/* Of those who want a device, one gets it. */
static void bind_one(struct racer *racer)
{
	struct race *race = racer->race;
	int fd = must(vfio_open(&race->c.pci[0])), id;

	id = allow(racer, vfio_bind(fd, race->c.ioas.fd), EINVAL, 0);
	if (id > 0)
		allow(racer, vfio_attach(fd, race->c.ioas.id), 0, 0);
	close(fd);
}

TEST_F(race, bind)
{
	edu_close(&self->r.c.edu[0]);
	edu_close(&self->r.c.edu[1]);
	must(ioas_map_at(range_of(self->r.c.ioas, IOVA, SIZE), self->r.mem,
			 MAP_RW));
	run(&self->r, bind_one, bind_one);
	EXPECT_EQ(0, unfair(&self->r));
	EXPECT_EQ(0, pins_since(self->r.c.pinned));
}

/* A process that is killed in the middle of a long map leaves nothing. */
TEST_F(race, kill)
{
	const size_t size = 256 * MIB;
	char *mem = must_ptr(mem_base(size));
	pid_t pid;
	int i;

	must(vfio_attach(self->r.c.edu[0].fd, self->r.c.ioas.id));
	for (i = 0; i < 5; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			ioas_map_at(range_of(self->r.c.ioas, IOVA, size), mem,
				    MAP_RW);
			pause();
		}
		clock_sleep_ms(20 + 30 * i);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		/* It may have come to its end. */
		must(ioas_unmap_all(self->r.c.ioas, NULL));
		EXPECT_EQ(0, pins_since(self->r.c.pinned));
	}
}

static int map_gib(struct race *race)
{
	return ioas_map_file_at(range_of(race->c.ioas, IOVA, GIB), race->file,
				0, MAP_RW);
}

/* The same where all of it is one run, which is mapped page by page. */
TEST_F(race, kill_in_a_run)
{
	struct race *r = &self->r;
	long start, all;
	char *mem;
	pid_t pid;

	r->file = mem_file(GIB, MFD_HUGETLB | MFD_HUGE_1GB);
	mem = mem_of_file(r->file, GIB);
	if (mem == MAP_FAILED)
		SKIP(return, "no huge page of 1 GiB is there");
	/* It takes seconds to clear it. */
	*mem = 1;
	must(iommufd_option_set(r->c.ioas.fd, IOMMU_OPTION_HUGE_PAGES,
				r->c.ioas.id, 0));
	must(vfio_attach(r->c.edu[0].fd, r->c.ioas.id));
	start = clock_ms();
	must(map_gib(r));
	all = clock_ms() - start;
	must(ioas_unmap_all(r->c.ioas, NULL));

	pid = must(fork());
	if (!pid) {
		map_gib(r);
		pause();
	}
	clock_sleep_ms(all / 8);
	start = clock_ms();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_GT(all / 2 + 500, clock_ms() - start)
		TH_LOG("%ld ms, the map takes %ld", clock_ms() - start, all);
	EXPECT_EQ(-ENOENT, ioas_unmap(r->c.ioas, IOVA, GIB, NULL));
	EXPECT_EQ(0, pins_since(r->c.pinned));
	munmap(mem, GIB);
	close(r->file);
}

TEST_HARNESS_MAIN
