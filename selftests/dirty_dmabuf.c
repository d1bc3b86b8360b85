// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty bitmap of device memory. The lock of a dma-buf is one that its owner takes,
 * too: who reads the bitmap must not hold it while user memory is faulted in, which may
 * take any time.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lib/clock.h"
#include "lib/hwpt.h"
#include "lib/mockmem.h"
#include "lib/sources.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define SIZE	MIB		/* a single page of the IOMMU */
#define NO_CLEAR	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR
#define N(_array) ((int)ARRAY_SIZE(_array))

FIXTURE(dirty_dmabuf)
{
	int fd;
	int pinned;
	struct ioas ioas;
	__u32 hwpt;
	int file;		/* the dma-buf that is mapped */
};

static int map_dmabuf(struct ioas ioas, int file)
{
	return ioas_map_file_at(range_of(ioas, IOVA, SIZE), file, 0, MAP_RW);
}

FIXTURE_SETUP(dirty_dmabuf)
{
	struct mock mock;

	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	self->ioas = must_ioas(self->fd);
	must(mock_new(self->fd, self->ioas.id, 0, &mock));
	self->hwpt = must(mock_hwpt_huge(self->ioas, mock.idev));
	must(hwpt_track_dirty(self->fd, self->hwpt, true));
	self->file = must(MOCK_OP(self->fd, DMABUF_GET,
				  .dmabuf_get = { SIZE, O_CLOEXEC }));
	must(map_dmabuf(self->ioas, self->file));
}

FIXTURE_TEARDOWN(dirty_dmabuf)
{
	close(self->file);
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

static size_t count_bits(const __u8 *bits, size_t bytes)
{
	size_t i, n = 0;

	for (i = 0; i < bytes; i++)
		n += __builtin_popcount(bits[i]);
	return n;
}

static int read_bits(int fd, __u32 hwpt, __u32 flags, __u64 page_size, void *to)
{
	return GET_DIRTY_BITMAP(fd, .hwpt_id = hwpt, .flags = flags,
				.iova = IOVA, .length = SIZE,
				.page_size = page_size, .data = addr(to));
}

/* How many of its pages of 4 KiB are dirty still */
static int take_bits(int fd, __u32 hwpt)
{
	__u8 bits[SIZE / PAGE / 8] = {};

	must(read_bits(fd, hwpt, 0, PAGE, bits));
	return count_bits(bits, sizeof(bits));
}

/* The bitmap starts 8 bytes before the end of its first page. */
TEST_F(dirty_dmabuf, bitmap_over_pages)
{
	static const struct {
		__u64 page_size;
		int bad;	/* the page of the bitmap that is not there */
	} cases[] = {
		{ PAGE, -1 }, { PAGE, 0 }, { PAGE, 1 },
		{ 32, -1 }, { 32, 0 }, { 32, 1 },
		{ 1, -1 }, { 1, 1 }, { 1, 5 }, { 1, 32 },
	};
	const size_t room = SIZE / 8 + 2 * PAGE;
	__u32 flags;
	char *bits;
	int i, rc, bad, left;

	for (i = 0; i < 2 * N(cases); i++) {
		flags = i % 2 ? NO_CLEAR : 0;
		bits = must_ptr(mem_base(room));
		bad = cases[i / 2].bad;
		if (bad >= 0)
			munmap(bits + bad * PAGE, PAGE);
		must(mock_write_page(self->fd, self->hwpt, IOVA, PAGE));
		rc = read_bits(self->fd, self->hwpt, flags,
			       cases[i / 2].page_size, bits + PAGE - 8);
		EXPECT_EQ(bad >= 0 ? -EFAULT : 0, rc)
			TH_LOG("case %d", i);
		if (!rc) {
			EXPECT_EQ(SIZE / cases[i / 2].page_size,
				  count_bits((__u8 *)bits, room))
				TH_LOG("case %d", i);
		}
		/* What nobody has learned of is dirty still. */
		left = rc || flags ? SIZE / PAGE : 0;
		EXPECT_EQ(left, take_bits(self->fd, self->hwpt))
			TH_LOG("case %d", i);
		munmap(bits, room);
	}
}

/*
 * Who touches the second page of the bitmap waits as long as its file system is frozen.
 * It comes while the reader runs, who may or may not have missed it at first.
 */
#define FREEZE_MS	2000
#define STILL_MS	10	/* without a read: the reader waits */
#define PATIENCE_MS	2000	/* for the owner, who need not wait for that */
#define BITS_SIZE	32	/* of IOVA for a bit: a bitmap of a page */

struct frozen {
	int fd;
	struct ioas ioas;
	__u32 hwpt;
	int dmabuf;
	char *bitmap;
	int file;		/* what its second page is of */
	atomic_bool stop;
	atomic_ulong reads;
	atomic_ulong asked;	/* times that the owner is to take the memory away */
	atomic_ulong taken;	/* times that it did */
};

static void *read_always(void *arg)
{
	struct frozen *f = arg;

	for (; !f->stop; f->reads++)
		read_bits(f->fd, f->hwpt, NO_CLEAR, BITS_SIZE,
			  f->bitmap + PAGE - 8);
	return NULL;
}

static void *take_away_on_request(void *arg)
{
	struct frozen *f = arg;

	for (; !f->stop; clock_sleep_ms(1))
		if (f->taken != f->asked) {
			MOCK_OP(f->fd, DMABUF_REVOKE,
				.dmabuf_revoke = { f->dmabuf, 0 });
			f->taken++;
		}
	return NULL;
}

static bool reader_waits(struct frozen *f)
{
	unsigned long reads = f->reads;

	clock_sleep_ms(STILL_MS);
	return f->reads == reads;
}

/* Does the owner wait as long as the reader does? */
static bool owner_waits(struct frozen *f)
{
	long end = clock_ms() + PATIENCE_MS;
	unsigned long reads = f->reads;

	f->asked++;
	while (f->taken != f->asked && f->reads == reads && clock_ms() < end)
		clock_sleep_ms(1);
	return f->taken != f->asked && f->reads == reads;
}

/* Let the reader find the page, and wait. */
static bool stop_reader(struct frozen *f)
{
	int tries = 20;

	/* What was taken away does not come back by itself. */
	must(ioas_unmap(f->ioas, IOVA, SIZE, NULL));
	must(map_dmabuf(f->ioas, f->dmabuf));
	must(mock_write_page(f->fd, f->hwpt, IOVA, PAGE));
	must(ioctl(f->file, FIFREEZE, 0));
	must_ptr(mmap(f->bitmap + PAGE, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED, f->file, 0));
	/* From here on nobody must need memory. */
	while (!reader_waits(f) && --tries)
		;
	return tries;
}

static void let_reader_go(struct frozen *f)
{
	must(ioctl(f->file, FITHAW, 0));
	must(munmap(f->bitmap + PAGE, PAGE));
}

TEST_F(dirty_dmabuf, owner_need_not_wait)
{
	struct frozen f = { self->fd, self->ioas, self->hwpt, self->file };
	int waits = 0, long_waits = 0;
	pthread_t reader, owner;
	long end;

	f.file = file_in("ext4", DISK, NULL, PAGE);
	if (f.file < 0)
		SKIP(return, "no ext4");
	f.bitmap = must_ptr(mem_base(2 * PAGE));
	memset(f.bitmap, 0, PAGE);
	must(munmap(f.bitmap + PAGE, PAGE));
	must(-pthread_create(&reader, NULL, read_always, &f));
	must(-pthread_create(&owner, NULL, take_away_on_request, &f));
	end = clock_ms() + FREEZE_MS;
	while (!long_waits && clock_ms() < end) {
		if (stop_reader(&f)) {
			waits++;
			long_waits += owner_waits(&f);
		}
		let_reader_go(&f);
	}
	f.stop = true;
	must(-pthread_join(reader, NULL));
	must(-pthread_join(owner, NULL));
	EXPECT_LT(0, waits);
	EXPECT_EQ(0, long_waits);
	TH_LOG("%lu reads, %d waits", f.reads, waits);
	close(f.file);
}

TEST_HARNESS_MAIN
