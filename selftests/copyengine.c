// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that does DMA by software: the copy engine of samples/. It copies by
 * IOVA, in a thread of the kernel, and keeps memory pinned.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/copyengine.h"
#include "lib/racers.h"
#include "test.h"

#define IOVA	(16 * MIB)
#define SIZE	(16 * PAGE)
#define HALF	(IOVA + SIZE / 2)
#define LONG	(8 * MIB)	/* takes a while to copy */

#define RULE	"/sys/module/iommufd_copyengine/parameters/keep_pins"

FIXTURE(software)
{
	struct context c;
	struct ioas other;
	struct copyengine engine;	/* attached */
	char *mem;		/* SIZE bytes of seed 1, at IOVA */
	char expected[SIZE];	/* the same bytes */
};

FIXTURE_SETUP(software)
{
	int rc;

	must(context_open(&self->c, NO_EDU));
	self->other = must_ioas(self->c.fd);
	rc = copyengine_open(&self->engine, self->c.fd);
	if (rc == -ENODEV)
		SKIP(return, "no driver iommufd_copyengine");
	must(rc);
	must(vfio_attach(self->engine.fd, self->c.ioas.id));
	self->mem = must_ptr(mem_base(SIZE));
	mem_fill(self->mem, SIZE, 1);
	memcpy(self->expected, self->mem, SIZE);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem, MAP_RW));
}

FIXTURE_TEARDOWN(software)
{
	copyengine_close(&self->engine);
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

TEST_F(software, copy)
{
	static const struct {
		size_t to, from, length;
	} copies[] = {
		{ 0, PAGE, PAGE },
		{ 5 * PAGE, 2 * PAGE, 3 * PAGE },
		{ 8 * PAGE - 3, 77, 1 },
		{ 8 * PAGE - 3, PAGE - 100, 200 },
		{ 9 * PAGE + 1, PAGE - 1, 5 * PAGE + 2 },
		{ 0, SIZE - 1, 1 },
		{ SIZE - 1, 0, 1 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA + copies[i].to,
					     IOVA + copies[i].from,
					     copies[i].length));
		EXPECT_EQ(copies[i].length, copyengine_copied(&self->engine));
		memcpy(self->expected + copies[i].to,
		       self->expected + copies[i].from, copies[i].length);
		EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE))
			TH_LOG("copy %d", i);
	}
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, IOVA + PAGE, 0));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* Each kind of memory, through the process or not, over the border of two areas */
TEST_F(software, kinds_of_memory)
{
	int file = must(mem_file(2 * HUGE, 0)), i;
	struct {
		const char *name;
		char *mem;
	} kinds[] = {
		{ "base pages", mem_base(HUGE) },
		{ "transparent huge pages", mem_thp(HUGE) },
		{ "hugetlb", mem_hugetlb(HUGE) },
		{ "a file", mem_of_file(file, HUGE) },
	};

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct iova_range range = range_of(self->c.ioas, HUGE, HUGE);

		if (kinds[i].mem == MAP_FAILED) {
			TH_LOG("no %s here", kinds[i].name);
			continue;
		}
		if (kinds[i].mem == kinds[3].mem)
			must(ioas_map_file_at(range, file, 0, MAP_RW));
		else
			must(ioas_map_at(range, kinds[i].mem, MAP_RW));
		range.iova += HUGE;
		must(ioas_copy_at(self->c.ioas, range.iova,
				  range_of(self->c.ioas, HUGE, HUGE), MAP_RW));
		mem_fill(kinds[i].mem, HUGE, 10 + i);
		EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA,
					     range.iova - PAGE, 2 * PAGE));
		EXPECT_EQ(-1, mem_differs_from(self->mem, PAGE, 10 + i,
					       HUGE - PAGE))
			TH_LOG("%s", kinds[i].name);
		EXPECT_EQ(-1, mem_differs(self->mem + PAGE, PAGE, 10 + i))
			TH_LOG("%s", kinds[i].name);
		EXPECT_EQ(0, copyengine_copy(&self->engine, range.iova + 100,
					     IOVA + 2 * PAGE, PAGE));
		EXPECT_EQ(-1, mem_differs_from(kinds[i].mem + 100, PAGE, 1,
					       2 * PAGE))
			TH_LOG("%s", kinds[i].name);
		must(ioas_unmap(self->c.ioas, HUGE, 2 * HUGE, NULL));
	}
}

/* What must not be reached: the command fails, and that is all that happens. */
TEST_F(software, errors)
{
	enum { HOLE = 32 * MIB, READ = 40 * MIB, WRITE = 48 * MIB,
	       NONE = 56 * MIB };
	static const struct {
		__u64 command, dst, src, len;
		int error;
	} cases[] = {
		{ COPYENGINE_COPY, IOVA, HOLE, PAGE, ENOENT },
		{ COPYENGINE_COPY, HOLE, IOVA, PAGE, ENOENT },
		{ COPYENGINE_COPY, IOVA, IOVA - 1, PAGE, ENOENT },
		{ COPYENGINE_COPY, IOVA, -1ULL, 2, EOVERFLOW },
		{ COPYENGINE_COPY, READ, IOVA, PAGE, EPERM },
		{ COPYENGINE_COPY, IOVA, WRITE, PAGE, EPERM },
		{ COPYENGINE_COPY, IOVA, NONE, PAGE, EFAULT },
		{ COPYENGINE_COPY, NONE, IOVA, PAGE, EFAULT },
		{ COPYENGINE_PIN, 0, HOLE, PAGE, ENOENT },
		{ COPYENGINE_PIN, 0, IOVA + SIZE - PAGE, 2 * PAGE, ENOENT },
		{ COPYENGINE_PIN, 0, -PAGE, 2 * PAGE, EOVERFLOW },
		{ COPYENGINE_PIN, 0, READ, PAGE, EPERM },
		{ COPYENGINE_PIN, 0, NONE, PAGE, EFAULT },
		{ COPYENGINE_PIN, 0, IOVA + 1, PAGE, EINVAL },
		{ COPYENGINE_PIN, 0, IOVA, 17 * PAGE, EINVAL },
		{ COPYENGINE_LOAD, 0, IOVA, PAGE, ENXIO },
		{ COPYENGINE_STORE, IOVA, 0, PAGE, ENXIO },
		{ 0, IOVA, IOVA + PAGE, PAGE, EINVAL },
		{ -1ULL, IOVA, IOVA + PAGE, PAGE, EINVAL },
	};
	char *page = must_ptr(mem_base(PAGE));
	int i;

	mem_fill(page, PAGE, 2);
	must(ioas_map_at(range_of(self->c.ioas, READ, PAGE), page, MAP_R));
	must(ioas_map_at(range_of(self->c.ioas, WRITE, PAGE), page, MAP_W));
	must(ioas_map_at(range_of(self->c.ioas, NONE, PAGE), mem_none(PAGE),
			 MAP_RW));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(-cases[i].error,
			  copyengine_run(&self->engine, cases[i].command,
					 cases[i].dst, cases[i].src,
					 cases[i].len))
			TH_LOG("case %d", i);
		EXPECT_EQ(0, copyengine_copied(&self->engine));
		EXPECT_EQ(0, pins_since(self->c.pinned));
		EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE))
			TH_LOG("case %d", i);
		EXPECT_EQ(-1, mem_differs(page, PAGE, 2))
			TH_LOG("case %d", i);
	}
	/* The engine is none the worse for it, and what is allowed works. */
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, READ, PAGE));
	EXPECT_EQ(-1, mem_differs(self->mem, PAGE, 2));
	EXPECT_EQ(0, copyengine_copy(&self->engine, WRITE, IOVA + PAGE, PAGE));
	EXPECT_EQ(-1, mem_differs_from(page, PAGE, 1, PAGE));
}

/* It ends where the memory does. */
TEST_F(software, half_way)
{
	must(ioas_map_at(range_of(self->c.ioas, 2 * IOVA, PAGE),
			 must_ptr(mem_base(PAGE)), MAP_RW));
	EXPECT_EQ(-ENOENT, copyengine_copy(&self->engine, 2 * IOVA, IOVA,
					   2 * PAGE));
	EXPECT_EQ(PAGE, copyengine_copied(&self->engine));
	EXPECT_EQ(-ENOENT, copyengine_copy(&self->engine, IOVA,
					   IOVA + SIZE - 5 * PAGE, 6 * PAGE));
	EXPECT_EQ(5 * PAGE, copyengine_copied(&self->engine));
	memcpy(self->expected, self->expected + SIZE - 5 * PAGE, 5 * PAGE);
	EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE));
}

TEST_F(software, registers)
{
	static const struct {
		int at, length;
	} odd[] = {
		{ COPYENGINE_SRC, 4 }, { COPYENGINE_SRC, 16 }, { 4, 8 },
		{ COPYENGINE_SIZE, 8 }, { COPYENGINE_SIZE - 4, 8 },
	};
	__u64 value[2] = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		EXPECT_EQ(-1, pread(self->engine.fd, value, odd[i].length,
				    odd[i].at));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, pwrite(self->engine.fd, value, odd[i].length,
				     odd[i].at));
		EXPECT_EQ(EINVAL, errno);
	}
	for (i = COPYENGINE_STATUS; i < COPYENGINE_SIZE; i += 8)
		EXPECT_EQ(-1, pwrite(self->engine.fd, value, 8, i));
	EXPECT_EQ(COPYENGINE_IDLE, copyengine_status(&self->engine));
	EXPECT_EQ(-EINVAL, copyengine_run(&self->engine, 99, 0, 0, 0));
	EXPECT_EQ(COPYENGINE_FAILED, copyengine_status(&self->engine));
	EXPECT_EQ(0, copyengine_reset(&self->engine));
	EXPECT_EQ(COPYENGINE_IDLE, copyengine_status(&self->engine));
}

/* Memory of seed 3, and where a long copy puts it, which is the result */
static char *map_long(struct ioas ioas)
{
	char *from = must_ptr(mem_base(LONG)), *to = must_ptr(mem_base(LONG));

	mem_fill(from, LONG, 3);
	must(ioas_map_at(range_of(ioas, 4 * LONG, LONG), from, MAP_RW));
	must(ioas_map_at(range_of(ioas, 8 * LONG, LONG), to, MAP_RW));
	return to;
}

static int start_long(struct copyengine *engine)
{
	return copyengine_start(engine, COPYENGINE_COPY, 8 * LONG, 4 * LONG,
				LONG);
}

/* A reset ends what is under way, and gives the buffer up. */
TEST_F(software, reset)
{
	map_long(self->c.ioas);
	must(copyengine_pin(&self->engine, IOVA, PAGE));
	must(start_long(&self->engine));
	EXPECT_EQ(-EBUSY, start_long(&self->engine));
	EXPECT_EQ(COPYENGINE_BUSY, copyengine_status(&self->engine));
	EXPECT_EQ(0, copyengine_reset(&self->engine));
	EXPECT_EQ(COPYENGINE_IDLE, copyengine_status(&self->engine));
	EXPECT_EQ(0, copyengine_copied(&self->engine));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, IOVA + PAGE, PAGE));
}

/* The end of the process, or of the device, in the middle of a copy */
TEST_F(software, closed_while_copying)
{
	map_long(self->c.ioas);
	must(copyengine_pin(&self->engine, IOVA, PAGE));
	must(start_long(&self->engine));
	EXPECT_EQ(COPYENGINE_BUSY, copyengine_status(&self->engine));
	copyengine_close(&self->engine);
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(1, ioas_alignment(self->c.ioas));
}

/* As closed_while_copying, but of one who just dies. */
TEST_F(software, killed_while_copying)
{
	int status, child;

	close(self->engine.fd);
	self->engine.fd = -1;
	child = must(fork());
	if (!child) {
		struct copyengine *engine = &self->engine;
		int fd = must(iommufd_open());
		struct ioas ioas = must_ioas(fd);

		engine->fd = must(mdev_open(&engine->mdev));
		must(vfio_bind(engine->fd, fd));
		must(vfio_attach(engine->fd, ioas.id));
		map_long(ioas);
		must(copyengine_pin(engine, 4 * LONG, PAGE));
		must(start_long(engine));
		raise(SIGKILL);
	}
	must(waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* The buffer is pinned, and is reached without the IOVA. */
TEST_F(software, pinned)
{
	EXPECT_EQ(0, copyengine_pin(&self->engine, IOVA, 4 * PAGE));
	EXPECT_EQ(4, pins_since(self->c.pinned));
	EXPECT_EQ(-EBUSY, copyengine_pin(&self->engine, IOVA, PAGE));
	EXPECT_EQ(4, pins_since(self->c.pinned));

	EXPECT_EQ(0, copyengine_store(&self->engine, HALF + 9, 3 * PAGE));
	memcpy(self->expected + SIZE / 2 + 9, self->expected, 3 * PAGE);
	EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE));
	EXPECT_EQ(0, copyengine_load(&self->engine, HALF + 11, 3 * PAGE));
	memcpy(self->expected, self->expected + SIZE / 2 + 11, 3 * PAGE);
	EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE));
	EXPECT_EQ(-ENXIO, copyengine_load(&self->engine, HALF, 5 * PAGE));
	EXPECT_EQ(4 * PAGE, copyengine_copied(&self->engine));

	EXPECT_EQ(0, copyengine_unpin(&self->engine));
	EXPECT_EQ(0, copyengine_unpin(&self->engine));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-ENXIO, copyengine_load(&self->engine, IOVA, PAGE));
}

/*
 * An unmap makes an engine give up its buffer, if that is in the range. There are
 * four areas; the buffer of one engine is the second and third, that of the other
 * one the third and fourth.
 */
TEST_F(software, unmap_pinned)
{
	static const struct {
		__u64 iova, length, bytes;
		int pages;	/* still pinned */
		int use;	/* result of using the first buffer */
	} cases[] = {
		{ IOVA, 4 * PAGE, 4 * PAGE, 12, 0 },
		{ IOVA + 4 * PAGE, 4 * PAGE, 4 * PAGE, 8, -ENXIO },
		{ IOVA + 8 * PAGE, 4 * PAGE, 4 * PAGE, 0, -ENXIO },
		{ IOVA + 12 * PAGE, 4 * PAGE, 4 * PAGE, 8, 0 },
		{ IOVA, SIZE, SIZE, 0, -ENXIO },
		{ 0, ~0ULL, SIZE, 0, -ENXIO },
	};
	struct copyengine second;
	__u64 bytes;
	int i, j;

	must(copyengine_open(&second, self->c.fd));
	must(vfio_attach(second.fd, self->c.ioas.id));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		must(ioas_unmap_all(self->c.ioas, NULL));
		for (j = 0; j < SIZE; j += 4 * PAGE)
			must(ioas_map_at(range_of(self->c.ioas, IOVA + j,
						  4 * PAGE),
					 self->mem + j, MAP_RW));
		must(copyengine_pin(&self->engine, IOVA + 4 * PAGE, 8 * PAGE));
		must(copyengine_pin(&second, IOVA + 8 * PAGE, 8 * PAGE));
		EXPECT_EQ(0, ioas_unmap(self->c.ioas, cases[i].iova,
					cases[i].length, &bytes));
		EXPECT_EQ(cases[i].bytes, bytes);
		EXPECT_EQ(cases[i].pages, pins_since(self->c.pinned))
			TH_LOG("case %d", i);
		EXPECT_EQ(cases[i].use, copyengine_store(&self->engine,
							 IOVA + 4 * PAGE, PAGE))
			TH_LOG("case %d", i);
		must(copyengine_unpin(&self->engine));
		must(copyengine_unpin(&second));
	}
	copyengine_close(&second);
}

/* Detached, attached elsewhere or closed: the buffer is given up. */
TEST_F(software, detach_pinned)
{
	must(copyengine_pin(&self->engine, IOVA, SIZE));
	must(vfio_detach(self->engine.fd));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-ENOENT, copyengine_copy(&self->engine, IOVA, HALF, PAGE));
	EXPECT_EQ(-ENOENT, copyengine_pin(&self->engine, IOVA, PAGE));
	EXPECT_EQ(-ENXIO, copyengine_store(&self->engine, IOVA, PAGE));

	must(vfio_attach(self->engine.fd, self->c.ioas.id));
	must(copyengine_pin(&self->engine, IOVA, SIZE));
	must(vfio_attach(self->engine.fd, self->other.id));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-ENOENT, copyengine_copy(&self->engine, IOVA, HALF, PAGE));
	EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE));

	must(vfio_attach(self->engine.fd, self->c.ioas.id));
	must(copyengine_pin(&self->engine, IOVA, SIZE));
	copyengine_close(&self->engine);
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

static int write_rule(const char *value)
{
	int fd = open(RULE, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = write(fd, value, 1) == 1 ? 0 : -errno;
	close(fd);
	return rc;
}

/* A driver that keeps its pins: the unmap fails, and the log says who it was. */
TEST_F(software, keeps_pins)
{
	char text[256], by[32];
	int kmsg;

	must(write_rule("Y"));
	kmsg = must(kmsg_open());
	must(copyengine_pin(&self->engine, IOVA, PAGE));
	EXPECT_EQ(-EDEADLOCK, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(0, kmsg_line(kmsg, 1000, "iommufd: IOVA ", text, sizeof(text)));
	snprintf(by, sizeof(by), "access %u,", self->engine.id);
	EXPECT_TRUE(strstr(text, by)) TH_LOG("%s", text);
	close(kmsg);

	/* Nothing is unmapped, all goes on. */
	EXPECT_EQ(-EEXIST, ioas_map_at(range_of(self->c.ioas, IOVA, SIZE),
				       self->mem, MAP_RW));
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, IOVA + PAGE, PAGE));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	must(write_rule("N"));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* Beside a device with an IOMMU: pages are pinned once, whoever comes first. */
TEST_F(software, beside_hardware)
{
	const int all = SIZE / PAGE;
	struct pci_address pci;
	struct edu edu;

	if (edu_find_one(&pci))
		SKIP(return, NEEDS_EDU);
	must(edu_open(&edu, &pci, self->c.fd));
	must(copyengine_pin(&self->engine, IOVA, 4 * PAGE));
	EXPECT_EQ(4, pins_since(self->c.pinned));
	must(vfio_attach(edu.fd, self->c.ioas.id));
	EXPECT_EQ(all, pins_since(self->c.pinned));
	must(copyengine_unpin(&self->engine));
	must(copyengine_pin(&self->engine, HALF, 2 * PAGE));
	EXPECT_EQ(all, pins_since(self->c.pinned));

	/* What one writes the other reads. */
	EXPECT_EQ(0, copyengine_store(&self->engine, IOVA, PAGE));
	must(edu_from_memory(&edu, IOVA, 0, PAGE));
	must(edu_to_memory(&edu, IOVA + 2 * PAGE, 0, PAGE));
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA + 4 * PAGE,
				     IOVA + 2 * PAGE, PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem + 4 * PAGE, PAGE, 1, SIZE / 2));

	edu_close(&edu);
	EXPECT_EQ(2, pins_since(self->c.pinned));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* By its group the engine is attached to the IOAS of IOMMU_VFIO_IOAS. */
TEST_F(software, by_group)
{
	int group;

	close(self->engine.fd);
	must(iommufd_vfio_ioas(self->c.fd, IOMMU_VFIO_IOAS_SET,
			       self->c.ioas.id));
	group = must(mdev_open_group(&self->engine.mdev, self->c.fd));
	self->engine.fd = must(mdev_open_by_group(&self->engine.mdev, group));
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, HALF, PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem, PAGE, 1, SIZE / 2));
	EXPECT_EQ(0, copyengine_pin(&self->engine, IOVA, PAGE));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-ENOENT, copyengine_copy(&self->engine, IOVA, HALF, PAGE));
	close(group);
}

/* Map memory of a process that then exits, and maybe pin it before. */
static void map_and_exit(struct iova_range range, struct copyengine *engine,
			 bool pin)
{
	int status, child = must(fork());

	if (!child) {
		void *mem = must_ptr(mem_base(range.length));

		mem_fill(mem, range.length, 7);
		must(ioas_map_at(range, mem, MAP_RW));
		if (pin)
			must(copyengine_pin(engine, range.iova, range.length));
		_exit(0);
	}
	must(waitpid(child, &status, 0));
	must(-status);
}

/*
 * Memory of a process that has exited: out of reach, except for pages that are
 * pinned anyway.
 */
TEST_F(software, owner_is_gone)
{
	struct iova_range range = range_of(self->c.ioas, 2 * IOVA, 4 * PAGE);

	map_and_exit(range, &self->engine, false);
	EXPECT_EQ(-EFAULT, copyengine_copy(&self->engine, IOVA, 2 * IOVA, PAGE));
	EXPECT_EQ(-EFAULT, copyengine_copy(&self->engine, 2 * IOVA, IOVA, PAGE));
	EXPECT_EQ(-EFAULT, copyengine_pin(&self->engine, 2 * IOVA, PAGE));
	EXPECT_EQ(0, memcmp(self->expected, self->mem, SIZE));
	EXPECT_EQ(0, ioas_unmap(self->c.ioas, 2 * IOVA, 4 * PAGE, NULL));

	map_and_exit(range, &self->engine, true);
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, 2 * IOVA + PAGE,
				     2 * PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem, 2 * PAGE, 7, PAGE));
	EXPECT_EQ(0, copyengine_copy(&self->engine, 2 * IOVA, HALF, PAGE));
	EXPECT_EQ(0, copyengine_store(&self->engine, IOVA, PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem, PAGE, 1, SIZE / 2));
	EXPECT_EQ(0, copyengine_unpin(&self->engine));
	EXPECT_EQ(-EFAULT, copyengine_copy(&self->engine, IOVA, 2 * IOVA, PAGE));
}

/* A thread that keeps the engine busy. */
struct busy {
	struct copyengine *engine;
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong copies;	/* that ended well ... */
	atomic_ulong failures;	/* ... or with an error that was to be expected */
	atomic_int bad;		/* one that was not */
	int fine[3];		/* errors to be expected */
};

static void *copy_on_and_on(void *arg)
{
	struct busy *busy = arg;

	while (!busy->stop) {
		int rc = copyengine_copy(busy->engine, IOVA, HALF, SIZE / 2);

		if (!rc)
			busy->copies++;
		else if (-rc == busy->fine[0] || -rc == busy->fine[1] ||
			 -rc == busy->fine[2])
			busy->failures++;
		else
			busy->bad = rc;
	}
	return NULL;
}

static void start_busy(struct busy *busy)
{
	must(-pthread_create(&busy->thread, NULL, copy_on_and_on, busy));
}

static int stop_busy(struct busy *busy)
{
	busy->stop = true;
	must(-pthread_join(busy->thread, NULL));
	return busy->bad;
}

/* Wait for a copy that begins from now on. Of two that end, one did. */
static int wait_for_copy(struct busy *busy)
{
	unsigned long before = busy->copies;
	int ms;

	for (ms = 0; busy->copies < before + 2; ms++) {
		if (ms == 20000)
			return -ETIMEDOUT;
		clock_sleep_ms(1);
	}
	return 0;
}

/* What the engine copies after it was moved goes there, and nowhere else. */
TEST_F(software, replace_while_copying)
{
	struct busy busy = { .engine = &self->engine };
	struct ioas ioas[] = { self->c.ioas, self->other };
	char *const mem[] = { self->mem, must_ptr(mem_base(SIZE)) };
	int i, to;

	must(ioas_map_at(range_of(ioas[1], IOVA, SIZE), mem[1], MAP_RW));
	mem_fill(mem[1], SIZE, 2);
	start_busy(&busy);
	for (i = 1; i <= 20; i++) {
		to = i % 2;
		EXPECT_EQ(ioas[to].id, vfio_attach(self->engine.fd, ioas[to].id));
		must(wait_for_copy(&busy));
		mem_fill(mem[!to], SIZE / 2, 3);
		memset(mem[to], 0, SIZE / 2);
		must(wait_for_copy(&busy));
		EXPECT_EQ(-1, mem_differs(mem[!to], SIZE / 2, 3));
		EXPECT_EQ(0, memcmp(mem[to], mem[to] + SIZE / 2, SIZE / 2));
	}
	EXPECT_EQ(0, stop_busy(&busy));
	EXPECT_EQ(0, busy.failures);
}

/*
 * A copy goes on while the engine is moved: there is no moment in which it is
 * attached to nothing.
 */
TEST_F(software, replace_in_one_copy)
{
	const struct ioas ioas[] = { self->c.ioas, self->other };
	char *to = map_long(self->c.ioas);
	int moves = 0;

	must(ioas_copy_at(self->other, 4 * LONG,
			  range_of(self->c.ioas, 4 * LONG, LONG), MAP_RW));
	must(ioas_copy_at(self->other, 8 * LONG,
			  range_of(self->c.ioas, 8 * LONG, LONG), MAP_RW));
	must(start_long(&self->engine));
	while (copyengine_status(&self->engine) == COPYENGINE_BUSY)
		must(vfio_attach(self->engine.fd, ioas[++moves % 2].id));
	EXPECT_EQ(0, copyengine_wait(&self->engine));
	EXPECT_EQ(LONG, copyengine_copied(&self->engine));
	EXPECT_EQ(-1, mem_differs(to, LONG, 3));
	EXPECT_LT(1, moves);
}

/* What is unmapped is not written any more: an unmap waits for a copy. */
TEST_F(software, unmap_while_copying)
{
	struct busy busy = { &self->engine, .fine = { ENOENT, EINVAL } };
	int i;

	start_busy(&busy);
	for (i = 0; i < 30; i++) {
		must(wait_for_copy(&busy));
		EXPECT_EQ(0, ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
		mem_fill(self->mem, SIZE / 2, 100 + i);
		clock_sleep_ms(i % 4);
		EXPECT_EQ(-1, mem_differs(self->mem, SIZE / 2, 100 + i));
		must(ioas_map_at(range_of(self->c.ioas, IOVA, SIZE), self->mem,
				 MAP_RW));
	}
	EXPECT_EQ(0, stop_busy(&busy));
	EXPECT_NE(0, busy.failures);
}

/* The same for a detach, once the copy that was under way has ended. */
TEST_F(software, detach_while_copying)
{
	struct busy busy = { &self->engine, .fine = { ENOENT } };
	unsigned long failures;
	int i;

	start_busy(&busy);
	for (i = 0; i < 30; i++) {
		must(wait_for_copy(&busy));
		failures = busy.failures;
		EXPECT_EQ(0, vfio_detach(self->engine.fd));
		while (busy.failures < failures + 2 && !busy.bad)
			clock_sleep_ms(1);
		mem_fill(self->mem, SIZE / 2, 100 + i);
		clock_sleep_ms(i % 4);
		EXPECT_EQ(-1, mem_differs(self->mem, SIZE / 2, 100 + i));
		must(vfio_attach(self->engine.fd, self->c.ioas.id));
	}
	EXPECT_EQ(0, stop_busy(&busy));
}

struct race {
	struct copyengine *engine;
	struct ioas ioas, other;
	void *mem;
};

static void race_map(struct racer *racer)
{
	struct race *race = racer->data;

	racer_allows(racer, ioas_unmap(race->ioas, IOVA, SIZE, NULL), 0, 0);
	racer_allows(racer, ioas_map_at(range_of(race->ioas, IOVA, SIZE),
					race->mem, MAP_RW), 0, 0);
}

static void race_attach(struct racer *racer)
{
	struct race *race = racer->data;
	int device = race->engine->fd, to = race->ioas.id;

	racer_allows(racer, vfio_attach(device, race->other.id), 0, 0);
	racer_allows(racer, vfio_attach(device, to), 0, 0);
	racer_allows(racer, vfio_detach(device), 0, 0);
	racer_allows(racer, vfio_attach(device, to), 0, 0);
}

static void race_command(struct racer *racer)
{
	static const int commands[] = { COPYENGINE_PIN, COPYENGINE_STORE,
					COPYENGINE_COPY, COPYENGINE_UNPIN };
	struct race *race = racer->data;
	int rc = copyengine_run(race->engine, commands[racer->steps % 4], HALF,
				IOVA, 4 * PAGE);

	/* A reset; no buffer, or one already */
	if (rc != -EINTR && rc != -ENXIO && rc != -EBUSY)
		racer_allows(racer, rc, ENOENT, EINVAL);
}

static void race_reset(struct racer *racer)
{
	struct race *race = racer->data;

	clock_sleep_ms(racer->steps % 5);
	racer_allows(racer, copyengine_reset(race->engine), 0, 0);
}

/* Every call ends in a way that some order of them explains. */
TEST_F(software, race)
{
	struct race race = { &self->engine, self->c.ioas, self->other,
			     self->mem };
	struct racer racers[] = {
		{ race_map, &race },
		{ race_attach, &race },
		{ race_command, &race },
		{ race_reset, &race },
	};

	EXPECT_EQ(0, racers_run(racers, ARRAY_SIZE(racers), 1000));

	/* And all still works. */
	must(copyengine_reset(&self->engine));
	mem_fill(self->mem, SIZE, 9);
	EXPECT_EQ(0, copyengine_copy(&self->engine, IOVA, HALF, PAGE));
	EXPECT_EQ(-1, mem_differs_from(self->mem, PAGE, 9, SIZE / 2));
}

TEST_HARNESS_MAIN
