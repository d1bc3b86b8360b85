// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_MAP_FILE of device memory: one edu device reaches the registers of
 * another one by DMA, until their owner takes them away.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>

#include "test.h"

#define FIXED	IOMMU_IOAS_MAP_FIXED_IOVA
#define SIZE	(16 * PAGE)
#define IOVA	(16 * MIB)
#define SPARE	(64 * MIB)	/* memory that the device can use for itself */

struct lending {
	struct context c;
	struct edu *user;	/* attached */
	struct edu *owner;	/* not attached */
	struct ioas other;
	int file;		/* the first SIZE bytes of the owner's BAR 0 */
	__u32 *spare;
	__u32 value;		/* differs for each transfer */
};

FIXTURE(dmabuf)
{
	struct lending l;
};

static int owners_file(struct edu *owner)
{
	const struct vfio_region_dma_range range = { 0, SIZE };

	return vfio_dmabuf(owner->fd, 0, &range, 1);
}

FIXTURE_SETUP(dmabuf)
{
	if (context_open(&self->l.c, TWO_GROUPS))
		SKIP(return, NEEDS_GROUPS);
	self->l.user = &self->l.c.edu[0];
	self->l.owner = &self->l.c.edu[1];
	self->l.file = must(owners_file(self->l.owner));
	self->l.other = must_ioas(self->l.c.fd);
	must(vfio_attach(self->l.user->fd, self->l.c.ioas.id));
	self->l.spare = must_ptr(mem_base(PAGE));
	must(ioas_map_at(range_of(self->l.c.ioas, SPARE, PAGE), self->l.spare,
			 MAP_RW));
	self->l.value = 0x1234567;
}

FIXTURE_TEARDOWN(dmabuf)
{
	close(self->l.file);
	context_close(&self->l.c);
	EXPECT_SETTLED(self->l.c.pinned);
}

static void set_check(struct edu *edu, __u32 value)
{
	__atomic_store_n((__u32 *)(edu->regs + EDU_CHECK), value,
			 __ATOMIC_RELEASE);
}

static __u32 check_of(struct edu *edu)
{
	return __atomic_load_n((__u32 *)(edu->regs + EDU_CHECK),
			       __ATOMIC_ACQUIRE);
}

/* Can the device write to the register of the owner that is behind @iova? */
static bool writes(struct lending *l, __u64 iova)
{
	__u32 value = l->value++;

	set_check(l->owner, 0);
	*l->spare = value;
	must(edu_from_memory(l->user, SPARE, 0, sizeof(value)));
	must(edu_to_memory(l->user, iova + EDU_CHECK, 0, sizeof(value)));
	return check_of(l->owner) == ~value;
}

/* Can it read it? */
static bool reads(struct lending *l, __u64 iova)
{
	__u32 value = l->value++;

	set_check(l->owner, value);
	must(edu_from_memory(l->user, iova + EDU_CHECK, 0, sizeof(value)));
	*l->spare = 0;
	must(edu_to_memory(l->user, SPARE, 0, sizeof(value)));
	return *l->spare == ~value;
}

static int map_at(struct lending *l, __u64 iova, __u32 flags)
{
	return ioas_map_file_at(range_of(l->c.ioas, iova, SIZE), l->file,
				0, flags);
}

static int copy_to(struct lending *l, struct ioas to, __u64 iova)
{
	return ioas_copy_at(to, iova, range_of(l->c.ioas, IOVA, SIZE),
			    MAP_RW);
}

static const struct {
	const char *name;
	__u64 start;
	__u64 length;
	__u64 iova;
	int error;
} errors[] = {
	{ "no length", SIZE, 0, SPARE, EINVAL },
	{ "offset wraps", UINT64_MAX, 2, SPARE, EOVERFLOW },
	{ "longer than the file", 0, SIZE + PAGE, SPARE, EINVAL },
	{ "longer by a byte", 0, SIZE + 1, SPARE, EINVAL },
	{ "starts at the end", SIZE, PAGE, SPARE, EINVAL },
	{ "ends after the end", PAGE, SIZE, SPARE, EINVAL },
	{ "last offset", UINT64_MAX - PAGE, PAGE, SPARE, EINVAL },
	{ "odd length", 0, 1, IOVA, EINVAL },
	{ "odd offset", 1, PAGE, IOVA, EINVAL },
	{ "taken", 0, SIZE, SPARE, EEXIST },
};

TEST_F(dmabuf, errors)
{
	struct iova_range at;
	__u64 left;
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		at = range_of(self->l.c.ioas, errors[i].iova, errors[i].length);
		EXPECT_EQ(-errors[i].error,
			  ioas_map_file_at(at, self->l.file, errors[i].start,
					   MAP_RW))
			TH_LOG("error %d, %s", i, errors[i].name);
	}
	must(ioas_unmap_all(self->l.c.ioas, &left));
	EXPECT_EQ(PAGE, left);
}

/* The parts would have to be put together. */
TEST_F(dmabuf, several_parts)
{
	const struct vfio_region_dma_range ranges[] = {
		{ 0, 2 * PAGE }, { 2 * PAGE, 2 * PAGE },
	};
	int file = must(vfio_dmabuf(self->l.owner->fd, 0, ranges, 2));
	int i;

	for (i = 1; i <= 2; i++)
		EXPECT_EQ(-EOPNOTSUPP,
			  ioas_map_file_at(range_of(self->l.c.ioas, IOVA,
						    i * 2 * PAGE),
					   file, 0, MAP_RW));
	close(file);
}

/* Only VFIO says where its memory is. */
TEST_F(dmabuf, of_somebody_else)
{
	struct udmabuf_create create = {
		.memfd = must(mem_file(SIZE, MFD_ALLOW_SEALING)),
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = SIZE,
	};
	int maker = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), file;

	if (maker < 0) {
		close(create.memfd);
		SKIP(return, "no udmabuf");
	}
	ASSERT_EQ(0, fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	file = ioctl(maker, UDMABUF_CREATE, &create);
	ASSERT_LE(0, file);
	EXPECT_EQ(-EOPNOTSUPP,
		  ioas_map_file_at(range_of(self->l.c.ioas, IOVA, SIZE), file, 0,
				   MAP_RW));
	EXPECT_EQ(-EOPNOTSUPP,
		  ioas_map_file_at(range_of(self->l.other, IOVA, SIZE), file, 0,
				   MAP_RW));
	close(file);
	close(maker);
	close(create.memfd);
}

/* The mapping needs no fd any longer, and costs nothing. */
TEST_F(dmabuf, dma)
{
	EXPECT_FALSE(writes(&self->l, IOVA));
	EXPECT_FALSE(reads(&self->l, IOVA));
	must(map_at(&self->l, IOVA, MAP_RW));
	EXPECT_EQ(1, pins_since(self->l.c.pinned));
	close(self->l.file);
	EXPECT_EQ(-EBADF, map_at(&self->l, 2 * IOVA, MAP_RW));
	EXPECT_TRUE(writes(&self->l, IOVA));
	EXPECT_TRUE(reads(&self->l, IOVA));

	must(ioas_unmap(self->l.c.ioas, IOVA, SIZE, NULL));
	EXPECT_FALSE(writes(&self->l, IOVA));
	EXPECT_FALSE(reads(&self->l, IOVA));
	self->l.file = -1;
}

TEST_F(dmabuf, access)
{
	must(map_at(&self->l, IOVA, MAP_R));
	EXPECT_FALSE(writes(&self->l, IOVA));
	EXPECT_TRUE(reads(&self->l, IOVA));
	EXPECT_EQ(-EPERM, copy_to(&self->l, self->l.other, IOVA));
	must(map_at(&self->l, 2 * IOVA, MAP_W));
	EXPECT_TRUE(writes(&self->l, 2 * IOVA));
}

/* Not the first page of the file: other registers */
TEST_F(dmabuf, offset)
{
	struct iova_range page = range_of(self->l.c.ioas, IOVA, PAGE);

	must(ioas_map_file_at(page, self->l.file, PAGE, MAP_RW));
	EXPECT_FALSE(writes(&self->l, IOVA));
	must(ioas_unmap(self->l.c.ioas, IOVA, PAGE, NULL));
	must(ioas_map_file_at(page, self->l.file, 0, MAP_RW));
	EXPECT_TRUE(writes(&self->l, IOVA));
}

/* What was mapped before the attach is there after it. */
TEST_F(dmabuf, attach_fills)
{
	must(vfio_detach(self->l.user->fd));
	must(map_at(&self->l, IOVA, MAP_RW));
	EXPECT_FALSE(writes(&self->l, IOVA));
	must(vfio_attach(self->l.user->fd, self->l.c.ioas.id));
	EXPECT_TRUE(writes(&self->l, IOVA));
}

TEST_F(dmabuf, copy)
{
	__u64 left;

	must(map_at(&self->l, IOVA, MAP_RW));
	must(copy_to(&self->l, self->l.c.ioas, 2 * IOVA));
	must(ioas_copy_at(self->l.c.ioas, 3 * IOVA,
			  range_of(self->l.c.ioas, IOVA, PAGE), MAP_R));
	must(ioas_copy_at(self->l.c.ioas, 3 * IOVA + PAGE,
			  range_of(self->l.c.ioas, IOVA + PAGE, PAGE), MAP_RW));
	must(copy_to(&self->l, self->l.other, IOVA));
	must(ioas_unmap(self->l.c.ioas, IOVA, SIZE, NULL));

	EXPECT_FALSE(writes(&self->l, IOVA));
	EXPECT_TRUE(writes(&self->l, 2 * IOVA));
	EXPECT_FALSE(writes(&self->l, 3 * IOVA));
	EXPECT_TRUE(reads(&self->l, 3 * IOVA));
	EXPECT_FALSE(writes(&self->l, 3 * IOVA + PAGE));

	must(ioas_map_at(range_of(self->l.other, SPARE, PAGE), self->l.spare,
			 MAP_RW));
	must(vfio_attach(self->l.user->fd, self->l.other.id));
	EXPECT_TRUE(writes(&self->l, IOVA));
	must(ioas_unmap_all(self->l.c.ioas, &left));
	EXPECT_EQ(SIZE + 3 * PAGE, left);
	EXPECT_TRUE(writes(&self->l, IOVA));
}

/* Device memory is no memory of a file that somebody could pay for. */
TEST_F(dmabuf, change_process)
{
	must(ioas_unmap_all(self->l.c.ioas, NULL));
	EXPECT_EQ(0, iommufd_change_process(self->l.c.fd));
	must(map_at(&self->l, IOVA, MAP_RW));
	EXPECT_EQ(-EINVAL, iommufd_change_process(self->l.c.fd));
}

/* The owner takes its memory away, and has it back for new users. */
static void turn_off(struct lending *l)
{
	must(vfio_memory(l->owner->fd, false));
	must(vfio_memory(l->owner->fd, true));
}

static void close_owner(struct lending *l)
{
	edu_close(l->owner);
	context_open_edu(&l->c, 1);
}

/* While it is away nothing can be mapped. */
TEST_F(dmabuf, away)
{
	int file;

	must(vfio_memory(self->l.owner->fd, false));
	EXPECT_EQ(-ENODEV, map_at(&self->l, IOVA, MAP_RW));
	file = must(owners_file(self->l.owner));
	EXPECT_EQ(-ENODEV, ioas_map_file_at(range_of(self->l.c.ioas, IOVA, SIZE),
					    file, 0, MAP_RW));
	must(vfio_memory(self->l.owner->fd, true));
	EXPECT_EQ(0, map_at(&self->l, IOVA, MAP_RW));
	EXPECT_TRUE(writes(&self->l, IOVA));
	close(file);
}

static void (*const revocations[])(struct lending *l) = {
	turn_off, close_owner,
};

/* The mapping and its copies are dead, and stay where they are. */
TEST_F(dmabuf, revoked)
{
	__u64 bytes;
	int i;

	for (i = 0; i < ARRAY_SIZE(revocations); i++) {
		must(map_at(&self->l, IOVA, MAP_RW));
		must(copy_to(&self->l, self->l.c.ioas, 2 * IOVA));
		EXPECT_TRUE(writes(&self->l, IOVA));
		EXPECT_TRUE(writes(&self->l, 2 * IOVA));
		revocations[i](&self->l);

		EXPECT_FALSE(writes(&self->l, IOVA));
		EXPECT_FALSE(reads(&self->l, IOVA));
		EXPECT_FALSE(writes(&self->l, 2 * IOVA));
		EXPECT_EQ(-EEXIST,
			  ioas_map_at(range_of(self->l.c.ioas, IOVA, PAGE),
				      self->l.spare, MAP_RW));
		EXPECT_EQ(-ENODEV, copy_to(&self->l, self->l.c.ioas, 3 * IOVA));
		EXPECT_EQ(-ENODEV, copy_to(&self->l, self->l.other, IOVA));
		EXPECT_EQ(-ENOENT, ioas_unmap(self->l.c.ioas, 3 * IOVA, PAGE,
					      NULL));

		EXPECT_EQ(0, ioas_unmap(self->l.c.ioas, IOVA, SIZE, &bytes));
		EXPECT_EQ(SIZE, bytes);
		EXPECT_EQ(0, ioas_unmap(self->l.c.ioas, 2 * IOVA, SIZE, &bytes));
		EXPECT_EQ(SIZE, bytes);
	}
}

/* A dead mapping does not keep a device out, in whichever IOAS it is. */
TEST_F(dmabuf, attach_after_revocation)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(revocations); i++) {
		must(map_at(&self->l, IOVA, MAP_RW));
		must(copy_to(&self->l, self->l.other, IOVA));
		must(vfio_detach(self->l.user->fd));
		revocations[i](&self->l);

		EXPECT_EQ(-ENODEV, copy_to(&self->l, self->l.other, 2 * IOVA));
		EXPECT_LT(0, vfio_attach(self->l.owner->fd, self->l.other.id));
		EXPECT_LT(0, vfio_attach(self->l.user->fd, self->l.c.ioas.id));
		EXPECT_FALSE(writes(&self->l, IOVA));
		EXPECT_LT(0, vfio_attach(self->l.owner->fd, self->l.c.ioas.id));
		must(vfio_detach(self->l.owner->fd));
		must(ioas_unmap_all(self->l.other, NULL));
		must(ioas_unmap(self->l.c.ioas, IOVA, SIZE, NULL));
	}
}

/* The dead stay dead beside a new mapping. */
TEST_F(dmabuf, new_mapping)
{
	must(map_at(&self->l, IOVA, MAP_RW));
	turn_off(&self->l);
	must(map_at(&self->l, 2 * IOVA, MAP_RW));
	EXPECT_TRUE(writes(&self->l, 2 * IOVA));
	EXPECT_FALSE(writes(&self->l, IOVA));

	/* Of a device that was closed the old file is no use any more. */
	close_owner(&self->l);
	EXPECT_FALSE(writes(&self->l, 2 * IOVA));
	EXPECT_EQ(-ENODEV, map_at(&self->l, 3 * IOVA, MAP_RW));
	close(self->l.file);
	self->l.file = must(owners_file(self->l.owner));
	must(map_at(&self->l, 3 * IOVA, MAP_RW));
	EXPECT_TRUE(writes(&self->l, 3 * IOVA));
	EXPECT_FALSE(writes(&self->l, IOVA));
}

TEST_HARNESS_MAIN
