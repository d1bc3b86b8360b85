// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memory can be mapped: each kind of it, with a device that reads and writes
 * it; and what is refused, with which error, and without a trace.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/mockmem.h"
#include "lib/probe.h"
#include "lib/sources.h"
#include "test.h"

#define IOVA	GIB
#define NEEDS_KIND	"there is no such memory"

/* Of a call that answers with an ID when it has no error */
static int error_of(int rc)
{
	return rc < 0 ? rc : 0;
}

static void *mapped(int fd, size_t size, int prot, int flags)
{
	void *mem;

	if (fd < 0) {
		errno = -fd;
		return MAP_FAILED;
	}
	mem = mmap(NULL, size, prot, flags, fd, 0);
	close(fd);
	return mem;
}

static void *on_ramfs(size_t size)
{
	return mapped(file_in("ramfs", NULL, NULL, size), size,
			  PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void *on_tmpfs(size_t size)
{
	return mapped(file_in("tmpfs", NULL, NULL, size), size,
			  PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void *on_disk(size_t size)
{
	return mapped(file_in("ext4", DISK, NULL, size), size,
			  PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void *private_on_disk(size_t size)
{
	return mapped(file_in("ext4", DISK, NULL, size), size,
			  PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* The file is sparse: no huge page is in it yet. */
static void *hugetlb_hole(size_t size)
{
	return mapped(mem_file(size, MFD_HUGETLB), size,
			  PROT_READ | PROT_WRITE, MAP_SHARED);
}

FIXTURE(kind)
{
	struct context c;
	struct probe probe;
	char *mem;
};

FIXTURE_VARIANT(kind)
{
	void *(*make)(size_t size);
	size_t size;
	size_t unit;		/* it comes in pieces of this size */
	__u32 flags;		/* what a device may do */
};

FIXTURE_VARIANT_ADD(kind, base) { mem_base, 2 * HUGE, PAGE, MAP_RW };
FIXTURE_VARIANT_ADD(kind, mthp) { mem_mthp, MIB, MTHP, MAP_RW };
FIXTURE_VARIANT_ADD(kind, thp) { mem_thp, 2 * HUGE, HUGE, MAP_RW };
FIXTURE_VARIANT_ADD(kind, hugetlb) { mem_hugetlb, 2 * HUGE, HUGE, MAP_RW };
FIXTURE_VARIANT_ADD(kind, hugetlb_hole) {
	hugetlb_hole, 2 * HUGE, HUGE, MAP_RW
};
FIXTURE_VARIANT_ADD(kind, shared) { mem_shared, 2 * HUGE, PAGE, MAP_RW };
FIXTURE_VARIANT_ADD(kind, shared_thp) {
	mem_shared_thp, 2 * HUGE, HUGE, MAP_RW
};
FIXTURE_VARIANT_ADD(kind, private_file) { mem_private_file, MIB, PAGE, MAP_RW };
FIXTURE_VARIANT_ADD(kind, ramfs) { on_ramfs, MIB, PAGE, MAP_R };
FIXTURE_VARIANT_ADD(kind, tmpfs) { on_tmpfs, MIB, PAGE, MAP_RW };
FIXTURE_VARIANT_ADD(kind, disk) { on_disk, MIB, PAGE, MAP_R };
FIXTURE_VARIANT_ADD(kind, private_disk) { private_on_disk, MIB, PAGE, MAP_RW };

FIXTURE_SETUP(kind)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	self->mem = variant->make(variant->size);
	if (self->mem == MAP_FAILED)
		SKIP(return, NEEDS_KIND);
	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	probe_open(&self->probe, &self->c.edu[0], self->c.ioas);
}

FIXTURE_TEARDOWN(kind)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
	/* Nothing of it stays with the kernel. */
	if (self->mem != MAP_FAILED)
		EXPECT_EQ(0, munmap(self->mem, variant->size));
}

/* At the start, over the first border between two pieces, at the end */
static const char *const places[] = { "start", "border", "end" };

static size_t place(size_t size, size_t unit, int i)
{
	const size_t where[] = {
		0,
		(unit > PAGE && unit < size ? unit : size / 2) - PAGE / 2,
		size - PAGE,
	};

	return where[i];
}

struct piece {
	char *mem;
	size_t size;
	size_t unit;
	__u32 flags;
};

static void fill_places(const struct piece *piece)
{
	size_t at, whole;
	int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		at = place(piece->size, piece->unit, i);
		whole = at / PAGE * PAGE;
		mem_fill(piece->mem + whole, at == whole ? PAGE : 2 * PAGE, i);
	}
}

/* What memory holds the device finds, and the other way round. */
static void check_places(struct __test_metadata *_metadata,
			 const struct piece *piece, struct probe *probe,
			 __u64 iova)
{
	size_t at;
	int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		at = place(piece->size, piece->unit, i);
		EXPECT_TRUE(probe_reads(probe, iova + at, i, at % PAGE))
			TH_LOG("%s", places[i]);
		if (!(piece->flags & MAP_W))
			continue;
		probe_writes(probe, iova + at, 10 + i);
		EXPECT_EQ(-1, mem_differs(piece->mem + at, PAGE, 10 + i))
			TH_LOG("%s", places[i]);
	}
}

TEST_F(kind, dma)
{
	const struct piece piece = {
		self->mem, variant->size, variant->unit, variant->flags,
	};

	fill_places(&piece);
	must(ioas_map_at(range_of(self->c.ioas, IOVA, piece.size), piece.mem,
			 piece.flags));
	if (!mem_is_made_of(piece.mem, piece.size, piece.unit))
		SKIP(return, "memory is too fragmented");
	EXPECT_EQ(1 + piece.size / PAGE, pins_since(self->c.pinned));
	check_places(_metadata, &piece, &self->probe, IOVA);
	must(ioas_unmap(self->c.ioas, IOVA, piece.size, NULL));
	EXPECT_EQ(1, pins_since(self->c.pinned));
}

/* Memory that nobody has touched; what has no content yet is zero. */
TEST_F(kind, untouched)
{
	size_t at = variant->unit < variant->size ? variant->unit : HUGE;

	must(ioas_map_at(range_of(self->c.ioas, IOVA, variant->size), self->mem,
			 variant->flags));
	if (variant->flags & MAP_W) {
		probe_writes(&self->probe, IOVA + at, 1);
		EXPECT_EQ(-1, mem_differs(self->mem + at, PAGE, 1));
	}
	mem_fill(self->mem + at + PAGE, PAGE, 2);
	EXPECT_TRUE(probe_reads(&self->probe, IOVA + at + PAGE, 2, 0));
}

/* Nothing is pinned before a device needs it, and nothing after. */
TEST_F(kind, at_attach)
{
	struct ioas other = must_ioas(self->c.fd);
	int device = self->c.edu[0].fd;

	must(ioas_map_at(range_of(other, IOVA, variant->size), self->mem,
			 variant->flags));
	must(ioas_map_at(range_of(other, PROBE_IOVA, PAGE), self->probe.page,
			 MAP_RW));
	EXPECT_EQ(1, pins_since(self->c.pinned));
	mem_fill(self->mem + variant->size - PAGE, PAGE, 3);
	must(vfio_attach(device, other.id));
	EXPECT_EQ(1 + variant->size / PAGE, pins_since(self->c.pinned));
	EXPECT_TRUE(probe_reads(&self->probe, IOVA + variant->size - PAGE, 3,
				0));
	must(vfio_detach(device));
	EXPECT_EQ(0, pins_since(self->c.pinned));
}

/* Two pages, one on either side of a border, and a copy of the second one */
TEST_F(kind, parts)
{
	size_t at = variant->unit < variant->size ? variant->unit : HUGE;
	struct iova_range both = range_of(self->c.ioas, IOVA, 2 * PAGE);

	mem_fill(self->mem + at, PAGE, 4);
	must(ioas_map_at(both, self->mem + at - PAGE, variant->flags));
	EXPECT_EQ(3, pins_since(self->c.pinned));
	must(ioas_copy_at(self->c.ioas, 2 * IOVA,
			  range_of(self->c.ioas, IOVA + PAGE, PAGE), MAP_R));
	must(ioas_unmap(self->c.ioas, IOVA, 2 * PAGE, NULL));
	EXPECT_EQ(2, pins_since(self->c.pinned));
	EXPECT_TRUE(probe_reads(&self->probe, 2 * IOVA, 4, 0));
}

/* Where the kernel picks, the IOMMU can use pages as large as those of memory. */
TEST_F(kind, picked)
{
	__u64 iova = must_map(self->c.ioas, self->mem, variant->size,
			      variant->flags);

	EXPECT_EQ(addr(self->mem) % variant->unit, iova % variant->unit);
}

/* The largest pages: it takes seconds to clear one. */
TEST(hugetlb_1g)
{
	struct piece piece = { .size = GIB, .unit = GIB, .flags = MAP_RW };
	struct probe probe;
	struct context c;
	__u64 iova;

	if (context_open(&c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	piece.mem = mem_hugetlb_1g(GIB);
	if (piece.mem == MAP_FAILED)
		SKIP(return, "no huge page of 1 GiB is there");
	must(vfio_attach(c.edu[0].fd, c.ioas.id));
	probe_open(&probe, &c.edu[0], c.ioas);
	fill_places(&piece);
	ASSERT_TRUE(mem_is_made_of(piece.mem, GIB, GIB));
	iova = must_map(c.ioas, piece.mem, GIB, MAP_RW);
	EXPECT_EQ(0, iova % GIB);
	EXPECT_EQ(1 + GIB / PAGE, pins_since(c.pinned));
	check_places(_metadata, &piece, &probe, iova);

	/* A page out of it remains. */
	mem_fill(piece.mem + HUGE, PAGE, 4);
	must(ioas_copy_at(c.ioas, 8 * GIB, range_of(c.ioas, iova + HUGE, PAGE),
			  MAP_R));
	must(ioas_unmap(c.ioas, iova, GIB, NULL));
	EXPECT_EQ(2, pins_since(c.pinned));
	EXPECT_TRUE(probe_reads(&probe, 8 * GIB, 4, 0));
	context_close(&c);
	EXPECT_SETTLED(c.pinned);
}

/*
 * What is refused stands at @at, with memory that is fine on both sides. Each
 * function puts it there, and answers how long it is or -errno.
 */
#define AT	HUGE		/* from the start of the memory */
#define SIZE	(3 * HUGE)
#define BEFORE	(128 * PAGE)	/* that much of it is used, */
#define BEHIND	(AT + HUGE)	/* and from here on */
#define REST	(16 * PAGE)	/* this */

FIXTURE(refused)
{
	struct context c;	/* the device is not attached */
	char *mem;		/* SIZE bytes; on both sides filled with seed 1 */
	size_t length;		/* of what stands at AT */
};

FIXTURE_VARIANT(refused)
{
	int (*put)(char *at, const struct context *c);
	int read_error;
	int write_error;
};

static int put_file(char *at, size_t size, int prot, int flags, int fd)
{
	void *mem;

	if (fd < 0)
		return fd;
	mem = mmap(at, size, prot, flags | MAP_FIXED, fd, 0);
	close(fd);
	return mem == MAP_FAILED ? -errno : (int)size;
}

static int put_nothing(char *at, const struct context *c)
{
	return munmap(at, MIB) ? -errno : (int)MIB;
}

static int put_guard(char *at, const struct context *c)
{
	const int guard_install = 102;

	return madvise(at, MIB, guard_install) ? -errno : (int)MIB;
}

static int put_no_access(char *at, const struct context *c)
{
	return mprotect(at, MIB, PROT_NONE) ? -errno : (int)MIB;
}

static int put_read_only(char *at, const struct context *c)
{
	return mprotect(at, MIB, PROT_READ) ? -errno : (int)MIB;
}

static int put_disk(char *at, const struct context *c)
{
	return put_file(at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
			file_in("ext4", DISK, NULL, MIB));
}

static int put_ramfs(char *at, const struct context *c)
{
	return put_file(at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
			file_in("ramfs", NULL, NULL, MIB));
}

static int put_dax(char *at, const struct context *c)
{
	return put_file(at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
			file_in("ext4", DAX, "dax", MIB));
}

static int put_private_dax(char *at, const struct context *c)
{
	return put_file(at, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			file_in("ext4", DAX, "dax", MIB));
}

static int secret_file(size_t size)
{
	int fd = syscall(SYS_memfd_secret, O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return ftruncate(fd, size) ? -errno : fd;
}

static int put_secret(char *at, const struct context *c)
{
	return put_file(at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
			secret_file(MIB));
}

/* One page or huge page of the file, then nothing */
static int put_end_of_file(char *at, const struct context *c)
{
	return put_file(at, MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
			mem_file(PAGE, 0));
}

/* The file is cut: it grows by being mapped. */
static int put_end_of_hugetlb(char *at, const struct context *c)
{
	int fd = mem_file(HUGE, MFD_HUGETLB), rc;

	if (fd < 0)
		return fd;
	rc = put_file(at, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, dup(fd));
	if (rc > 0 && ftruncate(fd, 0))
		rc = -errno;
	close(fd);
	return rc;
}

FIXTURE_VARIANT_ADD(refused, nothing) { put_nothing, EFAULT, EFAULT };
FIXTURE_VARIANT_ADD(refused, guard) { put_guard, EFAULT, EFAULT };
FIXTURE_VARIANT_ADD(refused, no_access) { put_no_access, EFAULT, EFAULT };
FIXTURE_VARIANT_ADD(refused, read_only) { put_read_only, 0, EFAULT };
FIXTURE_VARIANT_ADD(refused, disk) { put_disk, 0, EFAULT };
FIXTURE_VARIANT_ADD(refused, ramfs) { put_ramfs, 0, EFAULT };
FIXTURE_VARIANT_ADD(refused, dax) { put_dax, EOPNOTSUPP, EOPNOTSUPP };
FIXTURE_VARIANT_ADD(refused, private_dax) {
	put_private_dax, EOPNOTSUPP, EOPNOTSUPP
};
FIXTURE_VARIANT_ADD(refused, secret) { put_secret, EFAULT, EFAULT };
FIXTURE_VARIANT_ADD(refused, end_of_file) { put_end_of_file, EFAULT, EFAULT };
FIXTURE_VARIANT_ADD(refused, end_of_hugetlb) {
	put_end_of_hugetlb, EFAULT, EFAULT
};

FIXTURE_SETUP(refused)
{
	int rc;

	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	self->mem = must_ptr(mem_base(SIZE));
	mem_fill(self->mem + AT - BEFORE, BEFORE, 1);
	mem_fill(self->mem + BEHIND, REST, 1);
	rc = variant->put(self->mem + AT, &self->c);
	if (rc < 0)
		SKIP(return, NEEDS_KIND);
	self->length = rc;
}

FIXTURE_TEARDOWN(refused)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
	/* The rest is as it was. */
	EXPECT_EQ(-1, mem_differs(self->mem + AT - BEFORE, BEFORE, 1));
	EXPECT_EQ(-1, mem_differs(self->mem + BEHIND, REST, 1));
}

/* What a call takes of the memory, relative to what stands at AT: pages */
static const struct {
	const char *name;
	int before;
	int behind;
} spans[] = {
	{ "all of it", 0, 0 },
	{ "up to its end", 100, 0 },
	{ "from before to behind", 3, 7 },
	{ "from its middle on", -20, 13 },
};

static const __u32 all_flags[] = { MAP_R, MAP_W, MAP_RW };

TEST_F(refused, map)
{
	struct iova_range good = range_of(self->c.ioas, IOVA, 4 * PAGE), range;
	int i, j, error;
	__u32 flags;
	char *va;

	must(vfio_attach(self->c.edu[0].fd, self->c.ioas.id));
	for (i = 0; i < ARRAY_SIZE(spans) * ARRAY_SIZE(all_flags); i++) {
		j = i / ARRAY_SIZE(all_flags);
		flags = all_flags[i % ARRAY_SIZE(all_flags)];
		error = flags & MAP_W ? variant->write_error :
					variant->read_error;
		va = self->mem + AT - spans[j].before * (long)PAGE;
		range = range_of(self->c.ioas, IOVA, self->length +
				 (spans[j].before + spans[j].behind) *
				 (long)PAGE);
		EXPECT_EQ(-error, ioas_map_at(range, va, flags))
			TH_LOG("%s, flags %x", spans[j].name, flags);
		if (!error)
			must(ioas_unmap(self->c.ioas, IOVA, range.length, NULL));
		EXPECT_EQ(0, pins_since(self->c.pinned))
			TH_LOG("%s", spans[j].name);
		/* The place is free. */
		EXPECT_EQ(0, ioas_map_at(good, self->mem, MAP_RW));
		must(ioas_unmap(self->c.ioas, IOVA, good.length, NULL));
	}
}

/* Without a device nobody looks; with the device it is refused. */
TEST_F(refused, attach)
{
	struct iova_range range = range_of(self->c.ioas, IOVA,
					   self->length + PAGE);
	struct ioas old = must_ioas(self->c.fd);
	int i, error, device = self->c.edu[0].fd;

	must(ioas_map_at(range_of(old, IOVA, PAGE), self->mem, MAP_RW));
	must(vfio_attach(device, old.id));
	must(ioas_map_at(range_of(self->c.ioas, 2 * IOVA, BEFORE),
			 self->mem + AT - BEFORE, MAP_RW));
	for (i = 0; i < ARRAY_SIZE(all_flags); i++) {
		error = all_flags[i] & MAP_W ? variant->write_error :
					       variant->read_error;
		EXPECT_EQ(0, ioas_map_at(range, self->mem + AT - PAGE,
					 all_flags[i]));
		EXPECT_EQ(1, pins_since(self->c.pinned));
		EXPECT_EQ(-error, error_of(vfio_attach(device,
						       self->c.ioas.id)))
			TH_LOG("flags %x", all_flags[i]);
		/* It is where it was, or all is pinned. */
		EXPECT_EQ(error ? 1 : (BEFORE + range.length) / PAGE,
			  pins_since(self->c.pinned));
		must(vfio_attach(device, old.id));
		EXPECT_EQ(1, pins_since(self->c.pinned));
		must(ioas_unmap(self->c.ioas, IOVA, range.length, NULL));
	}
	EXPECT_LT(0, vfio_attach(device, self->c.ioas.id));
}

/* A kernel user that pins is refused likewise. */
TEST_F(refused, kernel_user)
{
	struct iova_range range = range_of(self->c.ioas, IOVA, 2 * HUGE);
	struct iova_range around = range_of(self->c.ioas, IOVA + AT - PAGE,
					    3 * PAGE);
	static const __u32 flags[] = { MAP_R, MAP_RW };
	int i, rc, error, access;

	if (!mock_present(self->c.fd))
		SKIP(return, NEEDS_MOCK);
	access = must(mock_access(self->c.ioas, true));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		error = flags[i] & MAP_W ? variant->write_error :
					       variant->read_error;
		must(ioas_map_at(range, self->mem, flags[i]));
		rc = mock_pin(access, around, NULL);
		EXPECT_EQ(-error, error_of(rc))
			TH_LOG("flags %x", flags[i]);
		EXPECT_EQ(error ? 0 : 3, pins_since(self->c.pinned));
		if (rc >= 0)
			must(mock_unpin(self->c.fd, access, rc));
		must(ioas_unmap(self->c.ioas, IOVA, range.length, NULL));
	}
	close(access);
}

static int file_on_tmpfs(void)
{
	return file_in("tmpfs", NULL, NULL, MIB);
}

static int file_on_ramfs(void)
{
	return file_in("ramfs", NULL, NULL, MIB);
}

static int file_on_disk(void)
{
	return file_in("ext4", DISK, NULL, MIB);
}

static int file_on_dax(void)
{
	return file_in("ext4", DAX, "dax", MIB);
}

static int file_secret(void)
{
	return secret_file(MIB);
}

static int file_directory(void)
{
	return open("/tmp", O_RDONLY);
}

static int file_path(void)
{
	return open("/dev/null", O_PATH);
}

static int file_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int file_iommufd(void)
{
	return iommufd_open();
}

static int file_too_short(void)
{
	return mem_file(MIB - 1, 0);
}

/* More huge pages than there are */
static int file_too_large(void)
{
	return mem_file(GIB, MFD_HUGETLB);
}

/* Two IOASes; the device is in the second one. */
static int open_both(struct context *c, struct ioas *attached)
{
	if (context_open(c, ONE_EDU))
		return -ENODEV;
	*attached = must_ioas(c->fd);
	must(vfio_attach(c->edu[0].fd, attached->id));
	return 0;
}

FIXTURE(file)
{
	struct context c;
	struct ioas attached;
	int fd;
};

FIXTURE_VARIANT(file)
{
	int (*open)(void);
	__u32 flags;
	__u64 length;
	int error;		/* of the first call, */
	int late_error;		/* or of what needs its memory */
};

FIXTURE_VARIANT_ADD(file, tmpfs) { file_on_tmpfs, MAP_RW, MIB, 0, 0 };
FIXTURE_VARIANT_ADD(file, ramfs) { file_on_ramfs, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, disk) { file_on_disk, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, disk_to_read) { file_on_disk, MAP_R, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, dax) { file_on_dax, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, secret) { file_secret, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, directory) { file_directory, MAP_RW, MIB, EACCES, 0 };
FIXTURE_VARIANT_ADD(file, directory_to_read) {
	file_directory, MAP_R, MIB, 0, EINVAL
};
FIXTURE_VARIANT_ADD(file, path) { file_path, MAP_R, MIB, EBADF, 0 };
FIXTURE_VARIANT_ADD(file, socket) { file_socket, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, iommufd) { file_iommufd, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, too_short) { file_too_short, MAP_RW, MIB, 0, EINVAL };
FIXTURE_VARIANT_ADD(file, not_too_short) {
	file_too_short, MAP_RW, MIB - PAGE, 0, 0
};
FIXTURE_VARIANT_ADD(file, too_large) { file_too_large, MAP_RW, GIB, 0, ENOMEM };

FIXTURE_SETUP(file)
{
	if (open_both(&self->c, &self->attached))
		SKIP(return, NEEDS_EDU);
	self->fd = variant->open();
	if (self->fd < 0)
		SKIP(return, NEEDS_KIND);
}

FIXTURE_TEARDOWN(file)
{
	context_close(&self->c);
	close(self->fd);
	EXPECT_SETTLED(self->c.pinned);
}

/* Where no device is, it is refused to the one that comes. */
TEST_F(file, attach)
{
	struct iova_range range = range_of(self->c.ioas, IOVA, variant->length);
	int device = self->c.edu[0].fd;

	EXPECT_EQ(-variant->error,
		  ioas_map_file_at(range, self->fd, 0, variant->flags));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	EXPECT_EQ(-variant->late_error,
		  error_of(vfio_attach(device, self->c.ioas.id)));
	EXPECT_EQ(variant->error || variant->late_error ?
		  0 : variant->length / PAGE, pins_since(self->c.pinned));
}

/* Where a device is, at once. */
TEST_F(file, map)
{
	struct iova_range range = range_of(self->attached, IOVA, variant->length);
	int error = variant->error ?: variant->late_error;

	EXPECT_EQ(-error,
		  ioas_map_file_at(range, self->fd, 0, variant->flags));
	EXPECT_EQ(error ? 0 : variant->length / PAGE,
		  pins_since(self->c.pinned));
}

FIXTURE(file_size)
{
	struct context c;
	struct ioas attached;
};

FIXTURE_SETUP(file_size)
{
	if (open_both(&self->c, &self->attached))
		SKIP(return, NEEDS_EDU);
}

FIXTURE_TEARDOWN(file_size)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* What shrinks after it was mapped is looked at when it is needed. */
TEST_F(file_size, shrunk)
{
	int fd = must(mem_file(MIB, 0)), device = self->c.edu[0].fd;

	must(ioas_map_file_at(range_of(self->c.ioas, IOVA, MIB), fd, 0,
			      MAP_RW));
	ASSERT_EQ(0, ftruncate(fd, MIB - PAGE));
	EXPECT_EQ(-EINVAL, vfio_attach(device, self->c.ioas.id));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	ASSERT_EQ(0, ftruncate(fd, MIB));
	EXPECT_LT(0, vfio_attach(device, self->c.ioas.id));
	EXPECT_EQ(MIB / PAGE, pins_since(self->c.pinned));
	close(fd);
}

/* More huge pages than there are: no page is lost. */
TEST_F(file_size, huge_pages_come_back)
{
	struct iova_range range = range_of(self->attached, IOVA, GIB);
	int fd = mem_file(GIB, MFD_HUGETLB), free_before;
	char *mem;

	if (fd < 0)
		SKIP(return, "no hugetlb");
	free_before = must(meminfo("HugePages_Free"));
	if (!free_before)
		SKIP(return, "no huge page is there");
	EXPECT_EQ(-ENOMEM, ioas_map_file_at(range, fd, 0, MAP_RW));
	close(fd);
	EXPECT_EQ(free_before, meminfo("HugePages_Free"));

	mem = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(-EFAULT, ioas_map_at(range, mem, MAP_RW));
	EXPECT_EQ(0, pins_since(self->c.pinned));
	ASSERT_EQ(0, munmap(mem, GIB));
	EXPECT_EQ(free_before, meminfo("HugePages_Free"));
}

TEST_HARNESS_MAIN
