// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_VFIO_IOAS: which IOAS the ioctls of a VFIO container work on.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lib/container.h"
#include "lib/mockmem.h"
#include "lib/racers.h"
#include "test.h"

#define GET	IOMMU_VFIO_IOAS_GET
#define SET	IOMMU_VFIO_IOAS_SET
#define CLEAR	IOMMU_VFIO_IOAS_CLEAR
#define IOVA	MOCK_APERTURE_START

FIXTURE(vfio_ioas)
{
	int fd;
};

FIXTURE_SETUP(vfio_ioas)
{
	self->fd = must(iommufd_open());
}

FIXTURE_TEARDOWN(vfio_ioas)
{
	close(self->fd);
}

TEST_F(vfio_ioas, errors)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = NO_ID,
		.op = GET,
		.__reserved = 1,
	};

	EXPECT_EQ(-EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &cmd));
	cmd.op = CLEAR;
	EXPECT_EQ(-EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &cmd));
	cmd.op = CLEAR + 1;
	cmd.__reserved = 0;
	EXPECT_EQ(-EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &cmd));
	cmd.op = 0xffff;
	EXPECT_EQ(-EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &cmd));
}

TEST_F(vfio_ioas, get_and_set)
{
	int one = must(ioas_alloc(self->fd)), two = must(ioas_alloc(self->fd));

	EXPECT_EQ(-ENODEV, iommufd_vfio_ioas(self->fd, GET, 0));
	EXPECT_EQ(-ENOENT, iommufd_vfio_ioas(self->fd, SET, 0));
	EXPECT_EQ(-ENOENT, iommufd_vfio_ioas(self->fd, SET, NO_ID));
	EXPECT_EQ(0, iommufd_vfio_ioas(self->fd, SET, one));
	EXPECT_EQ(one, iommufd_vfio_ioas(self->fd, GET, 0));
	EXPECT_EQ(0, iommufd_vfio_ioas(self->fd, SET, two));
	EXPECT_EQ(two, iommufd_vfio_ioas(self->fd, GET, 0));
	EXPECT_EQ(-ENOENT, iommufd_vfio_ioas(self->fd, SET, NO_ID));
	EXPECT_EQ(two, iommufd_vfio_ioas(self->fd, GET, 0));
}

/* CLEAR forgets the choice and leaves the IOAS alone. */
TEST_F(vfio_ioas, clear)
{
	int id = must(ioas_alloc(self->fd));

	EXPECT_EQ(0, iommufd_vfio_ioas(self->fd, CLEAR, 0));
	must(iommufd_vfio_ioas(self->fd, SET, id));
	EXPECT_EQ(0, iommufd_vfio_ioas(self->fd, CLEAR, NO_ID));
	EXPECT_EQ(-ENODEV, iommufd_vfio_ioas(self->fd, GET, 0));
	EXPECT_EQ(0, iommufd_vfio_ioas(self->fd, CLEAR, 0));
	EXPECT_EQ(0, iommufd_destroy(self->fd, id));
}

/* Being the choice does not keep an IOAS. */
TEST_F(vfio_ioas, destroy)
{
	int one = must(ioas_alloc(self->fd)), two = must(ioas_alloc(self->fd));

	must(iommufd_vfio_ioas(self->fd, SET, one));
	EXPECT_EQ(0, iommufd_destroy(self->fd, two));
	EXPECT_EQ(one, iommufd_vfio_ioas(self->fd, GET, 0));
	EXPECT_EQ(0, iommufd_destroy(self->fd, one));
	EXPECT_EQ(-ENODEV, iommufd_vfio_ioas(self->fd, GET, 0));
	/* The ID comes back, the choice does not. */
	EXPECT_EQ(one, ioas_alloc(self->fd));
	EXPECT_EQ(-ENODEV, iommufd_vfio_ioas(self->fd, GET, 0));
}

/* What may neither be read nor written is no mapping for an IOMMU. */
TEST_F(vfio_ioas, no_direction)
{
	char *mem = must_ptr(mem_base(PAGE));

	must(iommufd_vfio_ioas(self->fd, SET, must(ioas_alloc(self->fd))));
	EXPECT_EQ(-EINVAL, container_map(self->fd, 0, mem, PAGE, 0));
	EXPECT_EQ(0, container_map(self->fd, 0, mem, PAGE, DMA_R));
	munmap(mem, PAGE);
}

/* Before there is a device nothing is pinned; a bitmap of 4 GiB is too much all the same. */
TEST(log_of_a_huge_mapping)
{
	struct vfio_iommu_type1_dirty_bitmap start = {
		.argsz = sizeof(start),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	int fd = must(container_open(NATIVE_NODE));
	struct ioas ioas = must_ioas(fd);

	must(iommufd_vfio_ioas(fd, SET, ioas.id));
	must(container_set_iommu(fd, VFIO_TYPE1v2_IOMMU));
	must(ioctl(fd, VFIO_IOMMU_DIRTY_PAGES, &start));
	EXPECT_EQ(-EINVAL, ioas_map_at(range_of(ioas, 0, 1UL << 47),
				       (void *)PAGE, MAP_RW));
	EXPECT_EQ(0, ioas_map_at(range_of(ioas, 0, GIB), (void *)PAGE, MAP_RW));
	close(fd);
}

/* A container that has lost its IOAS: nothing is there that a call could act on. */
TEST(without_ioas)
{
	struct vfio_iommu_type1_dirty_bitmap start = {
		.argsz = sizeof(start),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	static const char *const nodes[] = { NATIVE_NODE, COMPAT_NODE };
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = must(container_open(nodes[i]));
		must(iommufd_vfio_ioas(fd, SET, must(ioas_alloc(fd))));
		must(container_set_iommu(fd, VFIO_TYPE1v2_IOMMU));
		EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU));
		must(iommufd_vfio_ioas(fd, CLEAR, 0));
		EXPECT_EQ(-1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-ENODEV, container_map(fd, 0, (void *)PAGE, PAGE, DMA_RW));
		EXPECT_EQ(-ENODEV, container_unmap(fd, 0, PAGE, NULL));
		EXPECT_EQ(-1, ioctl(fd, VFIO_IOMMU_DIRTY_PAGES, &start));
		EXPECT_EQ(i ? ENOTTY : ENODEV, errno);
		close(fd);
	}
}

/*
 * Version 1 cuts a mapping that no IOMMU has in large pages, also if there was one
 * that had, before the version was chosen.
 */
TEST_F(vfio_ioas, cut_what_was_large)
{
	char *mem = must_ptr(mem_base(4 * PAGE));
	struct ioas ioas = must_ioas(self->fd);
	struct mock mock;
	__u64 bytes = 0;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(iommufd_vfio_ioas(self->fd, SET, ioas.id));
	must(mock_new(self->fd, ioas.id, 0, &mock));
	must(container_map(self->fd, IOVA, mem, 4 * PAGE, DMA_RW));
	/* In use: not now */
	EXPECT_EQ(-EINVAL, container_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	must(iommufd_destroy(self->fd, mock.stdev));
	must(container_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	must(mock_new(self->fd, ioas.id, 0, &mock));
	EXPECT_EQ(0, container_unmap(self->fd, IOVA + PAGE, PAGE, &bytes));
	EXPECT_EQ(PAGE, bytes);
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_MAP, .id = mock.hwpt,
			     .check_map = { IOVA, PAGE, addr(mem) }));
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_MAP, .id = mock.hwpt,
			     .check_map = { IOVA + 2 * PAGE, 2 * PAGE,
					    addr(mem + 2 * PAGE) }));
	munmap(mem, 4 * PAGE);
}

/* What is in large pages again goes as a whole, whatever the version. */
TEST_F(vfio_ioas, no_cut_of_large_pages)
{
	char *mem = must_ptr(mem_base(4 * PAGE));
	struct ioas ioas = must_ioas(self->fd);
	struct mock mock;
	__u64 bytes = 0;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(iommufd_vfio_ioas(self->fd, SET, ioas.id));
	must(container_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	must(iommufd_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES, ioas.id, 1));
	must(mock_new(self->fd, ioas.id, 0, &mock));
	must(container_map(self->fd, IOVA, mem, 4 * PAGE, DMA_RW));
	EXPECT_EQ(-EINVAL, container_unmap(self->fd, IOVA + PAGE, PAGE, NULL));
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_MAP, .id = mock.hwpt,
			     .check_map = { IOVA, 4 * PAGE, addr(mem) }));
	EXPECT_EQ(0, container_unmap(self->fd, IOVA, 4 * PAGE, &bytes));
	EXPECT_EQ(4 * PAGE, bytes);
	munmap(mem, 4 * PAGE);
}

#define CUT_SIZE	(64 * PAGE)

/* What the racers share */
struct cut {
	struct ioas ioas;
	char *mem;		/* CUT_SIZE bytes */
	int copier;		/* a kernel user */
};

static void *cut_in_a_page(void *data)
{
	struct cut *cut = data;

	return (void *)(long)container_unmap(cut->ioas.fd, IOVA, PAGE / 2, NULL);
}

/* Either there are parts of pages, or a kernel user that cannot do with them. */
static void cut_and_join(struct racer *racer)
{
	struct cut *cut = racer->data;
	pthread_t thread;
	void *result;
	int user;

	must(ioas_map_at(range_of(cut->ioas, IOVA, CUT_SIZE), cut->mem, MAP_RW));
	must(-pthread_create(&thread, NULL, cut_in_a_page, cut));
	user = mock_access(cut->ioas, true);
	must(-pthread_join(thread, &result));
	if (user >= 0 && (long)result != -EINVAL)
		racer->bad = -ERANGE;
	if (user < 0 && (user != -EADDRINUSE || result))
		racer->bad = user;
	if (user >= 0)
		close(user);
	must(ioas_unmap_all(cut->ioas, NULL));
	racer->hits++;
}

/* Who cuts waits for that. It is refused what is just being unmapped, or is. */
static void copy(struct racer *racer)
{
	struct cut *cut = racer->data;
	static char buffer[CUT_SIZE];

	racer_allows(racer, mock_rw(cut->copier,
				    range_of(cut->ioas, IOVA, CUT_SIZE), buffer, 0),
		     ENOENT, EINVAL);
}

TEST_F(vfio_ioas, cut_while_a_user_joins)
{
	struct cut cut = { .ioas = must_ioas(self->fd) };
	struct racer racers[] = {
		{ .step = cut_and_join, .data = &cut },
		{ .step = copy, .data = &cut },
	};

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(iommufd_vfio_ioas(self->fd, SET, cut.ioas.id));
	must(container_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	must(iommufd_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES, cut.ioas.id, 1));
	cut.mem = must_ptr(mem_base(CUT_SIZE));
	cut.copier = must(mock_access(cut.ioas, false));
	EXPECT_EQ(0, racers_run(racers, ARRAY_SIZE(racers), 1500));
	EXPECT_LT(0, racers[0].hits);
	TH_LOG("%lu cuts", racers[0].hits);
	close(cut.copier);
	munmap(cut.mem, CUT_SIZE);
}

/* What starts in the middle of a page does so wherever it moves to. */
TEST(address_in_a_page)
{
	char *mem = must_ptr(mem_base(2 * PAGE));
	int fd = must(container_open(NATIVE_NODE));
	struct ioas ioas = must_ioas(fd);

	must(iommufd_vfio_ioas(fd, SET, ioas.id));
	must(container_set_iommu(fd, VFIO_TYPE1v2_IOMMU));
	must(ioas_map_at(range_of(ioas, IOVA, PAGE), mem + PAGE / 2, MAP_RW));
	must(container_give_up(fd, IOVA, PAGE));
	EXPECT_EQ(-EINVAL, container_take_over(fd, IOVA, mem, PAGE));
	EXPECT_EQ(-EINVAL, container_take_over(fd, IOVA, mem + PAGE, PAGE));
	EXPECT_EQ(-EINVAL, container_take_over(fd, IOVA, NULL, PAGE));
	EXPECT_EQ(0, ioas_unmap(ioas, IOVA, PAGE, NULL));
	close(fd);
	munmap(mem, 2 * PAGE);
}

TEST_HARNESS_MAIN
