// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_MAP_FILE of memfds, with and without a device.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>

#include "test.h"

#define FIXED	IOMMU_IOAS_MAP_FIXED_IOVA
#define SIZE	(4 * PAGE)
#define IOVA	(16 * MIB)
#define TAKEN	(32 * MIB)

FIXTURE(map_file)
{
	struct context c;	/* the device is not attached */
	int file;
};

FIXTURE_SETUP(map_file)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	self->file = must(mem_file(SIZE, MFD_ALLOW_SEALING));
	must(ioas_map_file_at(range_of(self->c.ioas, TAKEN, SIZE), self->file,
			      0, MAP_RW));
}

FIXTURE_TEARDOWN(map_file)
{
	context_close(&self->c);
	close(self->file);
	EXPECT_SETTLED(self->c.pinned);
}

#define NO_IOAS	1
#define NO_FILE	2

/* Of everything that is wrong with a call, the first line here counts. */
static const struct {
	const char *name;
	__u32 flags;
	int missing;
	__u64 start;
	__u64 length;
	__u64 iova;
	int error;
} errors[] = {
	{ "unknown flag", 8, NO_IOAS | NO_FILE, 0, UINT64_MAX, UINT64_MAX,
	  EOPNOTSUPP },
	{ "length out of range", 0, NO_IOAS | NO_FILE, 0, UINT64_MAX, IOVA,
	  EOVERFLOW },
	{ "IOVA out of range", 0, NO_IOAS | NO_FILE, 0, SIZE, UINT64_MAX,
	  EOVERFLOW },
	{ "no access", FIXED, NO_IOAS | NO_FILE, 0, SIZE, IOVA, EINVAL },
	{ "no IOAS", FIXED | MAP_R, NO_IOAS | NO_FILE, 0, 0, IOVA, ENOENT },
	{ "no length", FIXED | MAP_R, NO_FILE, 0, 0, IOVA, EINVAL },
	{ "offset wraps", FIXED | MAP_R, NO_FILE, UINT64_MAX, 2, IOVA,
	  EOVERFLOW },
	{ "no file", FIXED | MAP_R, NO_FILE, 0, SIZE, TAKEN, EBADF },
	{ "IOVA wraps", FIXED | MAP_R, 0, 0, SIZE, -PAGE, EOVERFLOW },
	{ "taken", FIXED | MAP_R, 0, 0, SIZE, TAKEN, EEXIST },
};

TEST_F(map_file, errors)
{
	struct iommu_ioas_map_file cmd;
	__u64 left;
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		cmd = (struct iommu_ioas_map_file){
			.size = sizeof(cmd),
			.flags = errors[i].flags,
			.ioas_id = errors[i].missing & NO_IOAS ?
				   NO_ID : self->c.ioas.id,
			.fd = errors[i].missing & NO_FILE ? 999 : self->file,
			.start = errors[i].start,
			.length = errors[i].length,
			.iova = errors[i].iova,
		};
		EXPECT_EQ(-errors[i].error,
			  iommufd_ioctl(self->c.fd, IOMMU_IOAS_MAP_FILE, &cmd))
			TH_LOG("%s", errors[i].name);
	}
	must(ioas_unmap_all(self->c.ioas, &left));
	EXPECT_EQ(SIZE, left);
}

/* Write access to memory needs the right to write to its file. */
TEST_F(map_file, rights)
{
	struct iova_range at = range_of(self->c.ioas, IOVA, SIZE);
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_FUTURE_WRITE };
	char path[64];
	int i, fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->file);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, ioas_map_file_at(at, fd, 0, MAP_RW));
	EXPECT_EQ(-EACCES, ioas_map_file_at(at, fd, 0, MAP_W));
	EXPECT_EQ(0, ioas_map_file_at(at, fd, 0, MAP_R));
	must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
	close(fd);

	for (i = 0; i < ARRAY_SIZE(seals); i++) {
		fd = must(mem_file(SIZE, MFD_ALLOW_SEALING));
		ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, seals[i]));
		EXPECT_EQ(-EPERM, ioas_map_file_at(at, fd, 0, MAP_RW));
		EXPECT_EQ(0, ioas_map_file_at(at, fd, 0, MAP_R));
		must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));
		close(fd);
	}
}

struct sealing {
	pthread_barrier_t start;
	int file;
	int result;
};

static void *seal(void *arg)
{
	struct sealing *sealing = arg;

	pthread_barrier_wait(&sealing->start);
	sealing->result = fcntl(sealing->file, F_ADD_SEALS, F_SEAL_WRITE) ?
			  -errno : 0;
	return NULL;
}

/* Either the file is sealed, or a device can write to it: never both. */
TEST_F(map_file, sealed_meanwhile)
{
	struct iova_range at = range_of(self->c.ioas, IOVA, SIZE);
	struct sealing sealing;
	pthread_t thread;
	int i, mapped;

	must(ioas_unmap_all(self->c.ioas, NULL));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(-pthread_barrier_init(&sealing.start, NULL, 2));
	for (i = 0; i < 50; i++) {
		sealing.file = must(mem_file(SIZE, MFD_ALLOW_SEALING));
		must(-pthread_create(&thread, NULL, seal, &sealing));
		pthread_barrier_wait(&sealing.start);
		mapped = ioas_map_file_at(at, sealing.file, 0, MAP_RW);
		must(-pthread_join(thread, NULL));
		EXPECT_EQ(mapped ? -EPERM : 0, mapped);
		EXPECT_EQ(mapped ? 0 : -EBUSY, sealing.result);
		must(ioas_unmap_all(self->c.ioas, NULL));
		close(sealing.file);
	}
	pthread_barrier_destroy(&sealing.start);
}

/* The right to write cannot be had from a copy either. */
TEST_F(map_file, rights_of_a_copy)
{
	must(ioas_map_file_at(range_of(self->c.ioas, IOVA, SIZE), self->file, 0,
			      MAP_R));
	EXPECT_EQ(-EPERM, ioas_copy_at(self->c.ioas, 2 * IOVA + TAKEN,
				       range_of(self->c.ioas, IOVA, SIZE),
				       MAP_RW));
}

/* A file that is no memory, or too short, is refused when it is needed. */
TEST_F(map_file, not_memory)
{
	struct iova_range at = range_of(self->c.ioas, IOVA, SIZE);
	int file = open("/proc/version", O_RDONLY);

	ASSERT_LE(0, file);
	EXPECT_EQ(0, ioas_map_file_at(at, file, 0, MAP_R));
	EXPECT_EQ(-EINVAL, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));

	EXPECT_EQ(0, ioas_map_file_at(at, self->file, PAGE, MAP_RW));
	EXPECT_EQ(-EINVAL, vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	must(ioas_unmap(self->c.ioas, IOVA, SIZE, NULL));

	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ(-EINVAL, ioas_map_file_at(at, file, 0, MAP_R));
	EXPECT_EQ(-EINVAL, ioas_map_file_at(at, self->file, PAGE, MAP_RW));
	EXPECT_EQ(SIZE / PAGE, pins_since(self->c.pinned));
	close(file);
}

/*
 * A mapping does not keep its own context, or a device in it: when the user has closed
 * them the teardown finds nothing pinned.
 */
TEST_F(map_file, keeps_itself)
{
	struct context *c = &self->c;
	struct ioas used = must_ioas(c->fd);

	must_map(used, must_ptr(mem_base(SIZE)), SIZE, MAP_RW);
	must(vfio_attach(c->edu[0].fd, used.id));
	EXPECT_EQ(SIZE / PAGE, pins_since(c->pinned));
	EXPECT_EQ(0, ioas_map_file_at(range_of(c->ioas, IOVA, SIZE), c->fd, 0,
				      MAP_RW));
	EXPECT_EQ(0, ioas_map_file_at(range_of(c->ioas, 2 * TAKEN, SIZE),
				      c->edu[0].fd, 0, MAP_RW));
}

/* The device works on the file: its pages are those that a mapping shows. */
TEST_F(map_file, dma)
{
	char *mem = must_ptr(mem_of_file(self->file, SIZE));

	must(ioas_map_file_at(range_of(self->c.ioas, IOVA, 2 * PAGE), self->file,
			      PAGE, MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	close(self->file);
	self->file = -1;

	mem_fill(mem, SIZE, 1);
	must(edu_from_memory(&self->c.edu[0], IOVA, 0, PAGE));
	must(edu_to_memory(&self->c.edu[0], IOVA + PAGE, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(mem, 2 * PAGE, 1));
	EXPECT_EQ(-1, mem_differs_from(mem + 2 * PAGE, PAGE, 1, PAGE));
	EXPECT_EQ(-1, mem_differs_from(mem + 3 * PAGE, PAGE, 1, 3 * PAGE));
	munmap(mem, SIZE);
}

/* A file that nobody may write any more: for reading it is as good as any other. */
TEST_F(map_file, dma_of_a_sealed_file)
{
	const struct iova_range range = range_of(self->c.ioas, 2 * IOVA, SIZE);
	struct edu *edu = &self->c.edu[0];
	char *mem = must_ptr(mem_of_file(self->file, SIZE));
	char *spare = must_ptr(mem_base(PAGE));

	mem_fill(mem, SIZE, 1);
	munmap(mem, SIZE);
	must(ioas_unmap_all(self->c.ioas, NULL));
	must(fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	must(vfio_attach(edu->fd, self->c.ioas.id));
	EXPECT_EQ(-EPERM, ioas_map_file_at(range, self->file, 0, MAP_RW));
	must(ioas_map_file_at(range, self->file, 0, MAP_R));
	must(ioas_map_at(range_of(self->c.ioas, IOVA, PAGE), spare, MAP_RW));

	must(edu_from_memory(edu, 2 * IOVA + PAGE, 0, PAGE));
	must(edu_to_memory(edu, IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs_from(spare, PAGE, 1, PAGE));
	/* The IOMMU does not let the device write. */
	must(edu_to_memory(edu, 2 * IOVA, 0, PAGE));
	must(ioas_unmap(self->c.ioas, 2 * IOVA, SIZE, NULL));
	mem = must_ptr(mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, self->file, 0));
	EXPECT_EQ(-1, mem_differs(mem, SIZE, 1));
	munmap(mem, SIZE);
	munmap(spare, PAGE);
}

TEST_F(map_file, hugetlb)
{
	int file = mem_file(2 * HUGE, MFD_HUGETLB);
	char *mem;

	if (file < 0)
		SKIP(return, "no hugetlb");
	mem = mem_of_file(file, 2 * HUGE);
	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages reserved");
	must(ioas_map_file_at(range_of(self->c.ioas, IOVA, HUGE), file, HUGE,
			      MAP_RW));
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	EXPECT_EQ((HUGE + SIZE) / PAGE, pins_since(self->c.pinned));

	mem_fill(mem + HUGE, HUGE, 2);
	must(edu_from_memory(&self->c.edu[0], IOVA + HUGE - PAGE, 0, PAGE));
	must(edu_to_memory(&self->c.edu[0], IOVA, 0, PAGE));
	EXPECT_EQ(-1, mem_differs_from(mem + HUGE, PAGE, 2, HUGE - PAGE));
	EXPECT_EQ(-1, mem_differs_from(mem + HUGE + PAGE, HUGE - PAGE, 2, PAGE));
	munmap(mem, 2 * HUGE);
	close(file);
}

TEST_HARNESS_MAIN
