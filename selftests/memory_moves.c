// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to memory while it is mapped: it is moved, advised about, shared with
 * a child, taken out of the process, or its process ends. The device keeps what it
 * was given, and the process and the device see the same page as long as the process
 * has not asked for another one.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include "lib/probe.h"
#include "lib/sources.h"
#include "test.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define IOVA	(256 * MIB)
#define SIZE	(2 * HUGE)

/* Two pages in the middle, which the tests look at; the rest is for company. */
#define LOOK	(HUGE + 16 * PAGE)

/* Memory, or a file that is mapped as such; the process maps it too. */
struct source {
	void *(*make)(size_t size);	/* NULL: a file */
	unsigned int file;		/* flags of memfd_create() */
	bool shared;			/* with others by its nature */
};

static const struct source base = { .make = mem_base };
static const struct source thp = { .make = mem_thp };
static const struct source hugetlb = { .make = mem_hugetlb };
static const struct source shared = { .make = mem_shared, .shared = true };
static const struct source file = { .shared = true };
static const struct source hugetlb_file = {
	.file = MFD_HUGETLB,
	.shared = true,
};

static void *make_memory(const struct source *source, int *fd)
{
	*fd = -1;
	if (source->make)
		return source->make(SIZE);
	*fd = mem_file(SIZE, source->file);
	return *fd < 0 ? MAP_FAILED : mem_of_file(*fd, SIZE);
}

/* It is kept without its fd. */
static void map_memory(struct ioas ioas, char *mem, int fd)
{
	struct iova_range range = range_of(ioas, IOVA, SIZE);

	if (fd < 0) {
		must(ioas_map_at(range, mem, MAP_RW));
		return;
	}
	must(ioas_map_file_at(range, fd, 0, MAP_RW));
	close(fd);
}

FIXTURE(move)
{
	struct context c;
	struct probe probe;
};

FIXTURE_VARIANT(move)
{
	const struct source *source;
};

FIXTURE_VARIANT_ADD(move, base) { &base };
FIXTURE_VARIANT_ADD(move, thp) { &thp };
FIXTURE_VARIANT_ADD(move, hugetlb) { &hugetlb };
FIXTURE_VARIANT_ADD(move, shared) { &shared };
FIXTURE_VARIANT_ADD(move, file) { &file };
FIXTURE_VARIANT_ADD(move, hugetlb_file) { &hugetlb_file };

FIXTURE_SETUP(move)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	probe_open(&self->probe, &self->c.edu[0], self->c.ioas);
}

FIXTURE_TEARDOWN(move)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/*
 * What a process does to its memory. Each answers where it is then. What this kind
 * of memory cannot do, or the kernel refuses for pinned memory, does nothing.
 */
static char *compact(char *mem)
{
	must(write_switch("/proc/sys/vm/compact_memory", "1"));
	return mem;
}

static char *page_out(char *mem)
{
	madvise(mem, SIZE, MADV_COLD);
	madvise(mem, SIZE, MADV_PAGEOUT);
	must(write_switch("/proc/sys/vm/drop_caches", "3"));
	return mem;
}

static char *collapse(char *mem)
{
	madvise(mem, SIZE, MADV_HUGEPAGE);
	madvise(mem, SIZE, MADV_COLLAPSE);
	return mem;
}

static char *lock(char *mem)
{
	must(mlock(mem, SIZE) ? -errno : 0);
	must(munlock(mem, SIZE) ? -errno : 0);
	return mem;
}

static char *protect(char *mem)
{
	mprotect(mem + LOOK, PAGE, PROT_NONE);
	mprotect(mem + LOOK, PAGE, PROT_READ | PROT_WRITE);
	must(mprotect(mem, SIZE, PROT_NONE) ? -errno : 0);
	must(mprotect(mem, SIZE, PROT_READ | PROT_WRITE) ? -errno : 0);
	return mem;
}

/* A page next to those that count goes, which splits a huge page. */
static char *split(char *mem)
{
	madvise(mem + LOOK - PAGE, PAGE, MADV_DONTNEED);
	mprotect(mem + LOOK - PAGE, PAGE, PROT_READ);
	return mem;
}

static char *move_away(char *mem)
{
	char *to = must_ptr(mem_none(SIZE));

	return must_ptr(mremap(mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			       to));
}

static void wait_for(pid_t pid)
{
	int status;

	must(pid);
	must(waitpid(pid, &status, 0) == pid ? 0 : -errno);
	must(-status);
}

static char *fork_child_writes(char *mem)
{
	pid_t pid = fork();

	if (!pid) {
		mem_fill(mem + LOOK, 2 * PAGE, 99);
		_exit(0);
	}
	wait_for(pid);
	return mem;
}

/* Parent and child write, and the child is the one that stays longer. */
static char *fork_both_write(char *mem)
{
	int hold[2];
	pid_t pid;

	must(pipe(hold) ? -errno : 0);
	pid = fork();
	if (!pid) {
		char c;

		close(hold[1]);
		mem_fill(mem + LOOK, PAGE, 98);
		_exit(read(hold[0], &c, 1));
	}
	mem_fill(mem + LOOK, 2 * PAGE, 97);
	close(hold[1]);
	wait_for(pid);
	close(hold[0]);
	return mem;
}

static char *discard(char *mem)
{
	must(madvise(mem, SIZE, MADV_DONTNEED) ? -errno : 0);
	return mem;
}

static char *lazily_free(char *mem)
{
	madvise(mem, SIZE, MADV_FREE);
	return compact(page_out(mem));
}

static char *map_anew(char *mem)
{
	must(munmap(mem, SIZE) ? -errno : 0);
	return must_ptr(mmap(mem, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			     MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}

/* The file has no such part any more. */
static char *punch(char *mem)
{
	must(madvise(mem, SIZE, MADV_REMOVE) ? -errno : 0);
	return mem;
}

/* Whether the process has the page still that the device has */
enum keeps {
	YES,
	NO,
	IF_SHARED,
};

static const struct {
	const char *name;
	char *(*act)(char *mem);
	enum keeps keeps;
	bool only_shared;
} acts[] = {
	{ "compact", compact, YES },
	{ "page out", page_out, YES },
	{ "free lazily", lazily_free, YES },
	{ "collapse", collapse, YES },
	{ "lock", lock, YES },
	{ "protect", protect, YES },
	{ "split", split, YES },
	{ "move", move_away, YES },
	{ "fork, child writes", fork_child_writes, YES },
	{ "fork, both write", fork_both_write, YES },
	{ "discard", discard, IF_SHARED },
	{ "map anew", map_anew, NO },
	{ "punch a hole", punch, NO, true },
};

/*
 * The device reads the first page, and writes what it has read to the second one:
 * both are those of the process, or neither is.
 */
static void check_pair(struct __test_metadata *_metadata, struct probe *probe,
		       char *mem, bool same, const char *name)
{
	if (same)
		mem_fill(mem + LOOK, PAGE, 2);
	else
		memset(mem + LOOK, 0, 2 * PAGE);
	EXPECT_TRUE(probe_reads(probe, IOVA + LOOK, same ? 2 : 1, 0))
		TH_LOG("after %s", name);
	memset(mem + LOOK + PAGE, 0, PAGE);
	probe_writes_again(probe, IOVA + LOOK + PAGE);
	EXPECT_EQ(same, mem_differs(mem + LOOK + PAGE, PAGE, 2) < 0)
		TH_LOG("after %s", name);
	EXPECT_EQ(!same, !mem[LOOK + PAGE] &&
		  !memcmp(mem + LOOK + PAGE, mem + LOOK + PAGE + 1, PAGE - 1))
		TH_LOG("after %s", name);
}

TEST_F(move, acts)
{
	bool same, is_shared = variant->source->shared;
	char *mem;
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (acts[i].only_shared && !is_shared)
			continue;
		mem = make_memory(variant->source, &fd);
		if (mem == MAP_FAILED)
			SKIP(return, "there is no such memory");
		mem_fill(mem + LOOK, PAGE, 1);
		map_memory(self->c.ioas, mem, fd);
		mem = acts[i].act(mem);
		EXPECT_EQ(1 + SIZE / PAGE, pins_since(self->c.pinned))
			TH_LOG("after %s", acts[i].name);
		same = acts[i].keeps == YES ||
		       (acts[i].keeps == IF_SHARED && is_shared);
		check_pair(_metadata, &self->probe, mem, same, acts[i].name);
		must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
		EXPECT_EQ(1, pins_since(self->c.pinned))
			TH_LOG("after %s", acts[i].name);
		ASSERT_EQ(0, munmap(mem, SIZE));
	}
}

/*
 * Memory that can be unplugged. Pages there move away before they are pinned, or it
 * could not go any longer.
 */
#define BLOCKS		"/sys/devices/system/memory/"
#define MAX_BLOCKS	64

FIXTURE(unplug)
{
	struct context c;
	struct probe probe;
	int block;
	unsigned long first;	/* frame of it */
	unsigned long frames;
};

FIXTURE_VARIANT(unplug)
{
	const struct source *source;
};

FIXTURE_VARIANT_ADD(unplug, base) { &base };
FIXTURE_VARIANT_ADD(unplug, thp) { &thp };
FIXTURE_VARIANT_ADD(unplug, shared) { &shared };
FIXTURE_VARIANT_ADD(unplug, file) { &file };

static int set_block(int block, const char *state)
{
	char path[64];

	snprintf(path, sizeof(path), BLOCKS "memory%d/state", block);
	return write_switch(path, state);
}

static unsigned long block_frames(void)
{
	unsigned long bytes = 0;
	FILE *f = fopen(BLOCKS "block_size_bytes", "re");

	if (f && fscanf(f, "%lx", &bytes) != 1)
		bytes = 0;
	if (f)
		fclose(f);
	return bytes / PAGE;
}

/* The highest block that goes is empty then, and for what can move. */
static int take_block(void)
{
	int block;

	for (block = MAX_BLOCKS - 1; block >= 0; block--) {
		if (set_block(block, "offline"))
			continue;
		if (!set_block(block, "online_movable"))
			return block;
		set_block(block, "online");
	}
	return -1;
}

FIXTURE_SETUP(unplug)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	self->frames = block_frames();
	self->block = self->frames ? take_block() : -1;
	if (self->block < 0)
		SKIP(return, "no memory can be unplugged");
	self->first = self->block * self->frames;
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	probe_open(&self->probe, &self->c.edu[0], self->c.ioas);
}

FIXTURE_TEARDOWN(unplug)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
	set_block(self->block, "offline");
	EXPECT_EQ(0, set_block(self->block, "online"));
}

/* How many pages of @mem are in the block that has these frames */
static int count_in(const char *mem, unsigned long first, unsigned long frames)
{
	__u64 at[SIZE / PAGE];
	int in = 0, i;

	must(mem_frames(mem, ARRAY_SIZE(at), at));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		in += at[i] - first < frames;
	return in;
}

TEST_F(unplug, memory)
{
	char *mem;
	int fd;

	mem = must_ptr(make_memory(variant->source, &fd));
	mem_fill(mem, SIZE, 1);
	if (!count_in(mem, self->first, self->frames))
		SKIP(return, "other memory is preferred");
	map_memory(self->c.ioas, mem, fd);

	/* The pages went elsewhere with all that is in them. */
	EXPECT_EQ(-1, mem_differs(mem, SIZE, 1));
	EXPECT_EQ(0, count_in(mem, self->first, self->frames));
	EXPECT_EQ(0, set_block(self->block, "offline"));
	EXPECT_EQ(1 + SIZE / PAGE, pins_since(self->c.pinned));
	EXPECT_TRUE(probe_reads(&self->probe, IOVA + LOOK, 1, LOOK));
	probe_writes(&self->probe, IOVA + LOOK, 2);
	EXPECT_EQ(-1, mem_differs(mem + LOOK, PAGE, 2));
}

/* A process that maps its memory and ends, while others have the context. */
FIXTURE(ends)
{
	struct context c;	/* the first device is attached */
	struct probe probe;
};

FIXTURE_VARIANT(ends)
{
	void (*end)(void);
	int signal;		/* else it ends by itself */
};

static void end_by_exit(void)
{
	_exit(0);
}

static void end_by_exec(void)
{
	execlp("sleep", "sleep", "1", NULL);
	_exit(127);
}

static void end_never(void)
{
	for (;;)
		pause();
}

FIXTURE_VARIANT_ADD(ends, exit) { end_by_exit };
FIXTURE_VARIANT_ADD(ends, exec) { end_by_exec };
FIXTURE_VARIANT_ADD(ends, killed) { end_never, SIGKILL };

FIXTURE_SETUP(ends)
{
	if (context_open(&self->c, TWO_GROUPS))
		SKIP(return, NEEDS_GROUPS);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	probe_open(&self->probe, &self->c.edu[0], self->c.ioas);
}

FIXTURE_TEARDOWN(ends)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* Returns when a child has mapped memory of its own, filled with seed 1. */
static pid_t start_mapper(struct iova_range range, void (*end)(void))
{
	int done[2];
	pid_t pid;
	char c = 0;

	must(pipe2(done, O_CLOEXEC) ? -errno : 0);
	pid = must(fork());
	if (!pid) {
		char *mem = must_ptr(mem_base(range.length));

		mem_fill(mem, range.length, 1);
		must(ioas_map_at(range, mem, MAP_RW));
		must(write(done[1], &c, 1) == 1 ? 0 : -errno);
		end();
	}
	close(done[1]);
	must(read(done[0], &c, 1) == 1 ? 0 : -EPIPE);
	close(done[0]);
	return pid;
}

TEST_F(ends, device_keeps_it)
{
	struct iova_range range = range_of(self->c.ioas, IOVA, 4 * PAGE);
	pid_t pid = start_mapper(range, variant->end);
	struct ioas other = must_ioas(self->c.fd);
	struct probe second = self->probe;

	if (variant->signal)
		ASSERT_EQ(0, kill(pid, variant->signal));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(self->c.pinned + 5, pinned_pages());
	EXPECT_TRUE(probe_reads(&self->probe, IOVA + PAGE, 1, PAGE));
	probe_writes(&self->probe, IOVA + 2 * PAGE, 2);
	EXPECT_TRUE(probe_reads(&self->probe, IOVA + 2 * PAGE, 2, 0));

	/* What is pinned can be had by others, by copy and by attach. */
	must(ioas_copy_at(other, IOVA, range, MAP_R));
	must(ioas_copy_at(other, PROBE_IOVA,
			  range_of(self->c.ioas, PROBE_IOVA, PAGE), MAP_RW));
	must(vfio_attach(self->c.edu[1].fd, other.id));
	second.edu = &self->c.edu[1];
	EXPECT_TRUE(probe_reads(&second, IOVA + 3 * PAGE, 1, 3 * PAGE));
	EXPECT_EQ(self->c.pinned + 5, pinned_pages());

	/* The last one lets go of it, and nobody can have it any more. */
	must(ioas_unmap(self->c.ioas, IOVA, range.length, NULL));
	EXPECT_EQ(self->c.pinned + 5, pinned_pages());
	must(vfio_detach(self->c.edu[1].fd));
	EXPECT_EQ(self->c.pinned + 1, pinned_pages());
	EXPECT_EQ(-EFAULT, vfio_attach(self->c.edu[1].fd, other.id));
	EXPECT_EQ(self->c.pinned + 1, pinned_pages());
}

/* A fatal signal in the middle of a call that pins much memory */
#define MUCH		(768 * MIB)
#define SOME		4096	/* pages: it is under way */
#define FEW		(MUCH / PAGE / 4)

FIXTURE(killed)
{
	struct context c;	/* the device is not attached */
};

FIXTURE_VARIANT(killed)
{
	bool by_file;
	bool at_attach;
};

FIXTURE_VARIANT_ADD(killed, map) { false, false };
FIXTURE_VARIANT_ADD(killed, map_file) { true, false };
FIXTURE_VARIANT_ADD(killed, attach) { false, true };
FIXTURE_VARIANT_ADD(killed, attach_file) { true, true };

FIXTURE_SETUP(killed)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
}

FIXTURE_TEARDOWN(killed)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

static void pin_much(struct ioas ioas, int device, bool by_file, bool at_attach)
{
	struct iova_range range = range_of(ioas, IOVA, MUCH);

	if (!at_attach)
		must(vfio_attach(device, ioas.id));
	if (by_file)
		must(ioas_map_file_at(range, must(mem_file(MUCH, 0)), 0,
				      MAP_RW));
	else
		must(ioas_map_at(range, must_ptr(mem_base(MUCH)), MAP_RW));
	if (at_attach)
		must(vfio_attach(device, ioas.id));
}

TEST_F(killed, leaves_nothing)
{
	__u64 left;
	pid_t pid;
	int pins;

	pid = must(fork());
	if (!pid) {
		pin_much(self->c.ioas, self->c.edu[0].fd, variant->by_file,
			 variant->at_attach);
		end_never();
	}
	while (must(pinned_pages()) < self->c.pinned + SOME)
		ASSERT_EQ(0, waitpid(pid, NULL, WNOHANG));
	pins = must(pins_so_far());
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	/* It does not go on for long. */
	EXPECT_GT(FEW, pins_so_far() - pins);
	EXPECT_EQ(self->c.pinned, pinned_pages());
	/* The call has not come to its end. */
	must(ioas_unmap_all(self->c.ioas, &left));
	EXPECT_EQ(variant->at_attach ? MUCH : 0, left);
}

TEST_HARNESS_MAIN
