// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU and the test ioctl: bad input, unwinding, and what happens when
 * their users get into each other's way. What they show about the subsystem is
 * for the other tests, and for those of the kernel tree.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../iommufd_test.h"
#include "lib/clock.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define SIZE	(16 * PAGE)


FIXTURE(mock)
{
	int fd;
	struct ioas ioas;
	char *mem;
	int pinned;
};

/* The result of DMABUF_GET is an fd. */
static int test_op(int fd, struct iommu_test_cmd *cmd)
{
	int rc;

	cmd->size = sizeof(*cmd);
	rc = ioctl(fd, IOMMU_TEST_CMD, cmd);
	return rc < 0 ? -errno : rc;
}

#define OP(_op, ...)							\
	test_op(self->fd, &(struct iommu_test_cmd){ .op = IOMMU_TEST_OP_##_op, __VA_ARGS__ })

FIXTURE_SETUP(mock)
{
	self->pinned = pins_since(0);
	self->fd = must(iommufd_open());
	if (test_op(self->fd, &(struct iommu_test_cmd){}) == -ENOTTY)
		SKIP(return, "the kernel has no mock");
	self->ioas = must_ioas(self->fd);
	self->mem = must_ptr(mem_base(SIZE));
	mem_fill(self->mem, SIZE, 1);
}

FIXTURE_TEARDOWN(mock)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

struct mock {
	__u32 stdev;
	__u32 hwpt;
	__u32 idev;
};

static int mock_new(struct ioas ioas, struct mock *mock)
{
	struct iommu_test_cmd cmd = { .op = IOMMU_TEST_OP_MOCK_DOMAIN, .id = ioas.id };
	int rc = test_op(ioas.fd, &cmd);

	*mock = (struct mock){ cmd.mock_domain.out_stdev_id,
			       cmd.mock_domain.out_hwpt_id,
			       cmd.mock_domain.out_idev_id };
	return rc;
}

static int access_new(struct ioas ioas, __u32 flags)
{
	struct iommu_test_cmd cmd = { .op = IOMMU_TEST_OP_CREATE_ACCESS, .id = ioas.id,
		      .create_access.flags = flags };

	return test_op(ioas.fd, &cmd) ?: (int)cmd.create_access.out_access_fd;
}

/* @va may be NULL: then the pages are not compared. Returns the item. */
static int access_pin(int fd, int access, __u64 iova, __u64 length, void *va)
{
	struct iommu_test_cmd cmd = { .op = IOMMU_TEST_OP_ACCESS_PAGES, .id = access,
		      .access_pages = { .iova = iova, .length = length,
					.uptr = addr(va) } };

	return test_op(fd, &cmd) ?: (int)cmd.access_pages.out_access_pages_id;
}

#define PINNER	MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES

TEST_F(mock, unknown_ops)
{
	__u32 op;

	EXPECT_EQ(-EOPNOTSUPP, test_op(self->fd, &(struct iommu_test_cmd){ .op = 0 }));
	for (op = IOMMU_TEST_OP_DMABUF_REVOKE + 1; op; op <<= 1)
		EXPECT_EQ(-EOPNOTSUPP, test_op(self->fd, &(struct iommu_test_cmd){ .op = op }));
}

TEST_F(mock, struct_sizes)
{
	struct {
		struct iommu_test_cmd cmd;
		__u64 more;
	} cmd = { .cmd.op = IOMMU_TEST_OP_MD_CHECK_REFS };
	const __u32 least = offsetof(struct iommu_test_cmd, last) + sizeof(cmd.cmd.last);

	cmd.cmd.size = least - 1;
	EXPECT_EQ(-EINVAL, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, &cmd));
	cmd.cmd.size = least;
	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, &cmd));
	cmd.cmd.size = sizeof(cmd);
	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, &cmd));
	cmd.more = 1;
	EXPECT_EQ(-E2BIG, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, &cmd));
}

TEST_F(mock, device_errors)
{
	struct mock mock;

	EXPECT_EQ(-ENOENT, OP(MOCK_DOMAIN, .id = 0));
	EXPECT_EQ(-ENOENT, OP(MOCK_DOMAIN, .id = NO_ID));
	EXPECT_EQ(-EINVAL, OP(MOCK_DOMAIN_FLAGS, .id = self->ioas.id,
			      .mock_domain_flags.dev_flags = 2));
	EXPECT_EQ(-EINVAL, OP(MOCK_DOMAIN_FLAGS, .id = self->ioas.id,
			      .mock_domain_flags.dev_flags = 8));
	must(mock_new(self->ioas, &mock));
	EXPECT_EQ(-EINVAL, OP(MOCK_DOMAIN, .id = mock.stdev));
	EXPECT_EQ(-EINVAL, OP(MOCK_DOMAIN, .id = mock.idev));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, mock.idev));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->ioas.id));
	EXPECT_EQ(-ENOENT, OP(MOCK_DOMAIN_REPLACE, .id = mock.idev,
			      .mock_domain_replace.pt_id = self->ioas.id));
	EXPECT_EQ(-ENOENT, OP(MOCK_DOMAIN_REPLACE, .id = mock.stdev,
			      .mock_domain_replace.pt_id = NO_ID));
	EXPECT_EQ(-EINVAL, OP(MOCK_DOMAIN_REPLACE, .id = mock.stdev,
			      .mock_domain_replace.pt_id = mock.stdev));
	EXPECT_EQ(0, OP(MOCK_DOMAIN_REPLACE, .id = mock.stdev,
			.mock_domain_replace.pt_id = mock.hwpt));

	EXPECT_EQ(0, OP(DEV_CHECK_CACHE, .id = mock.idev,
			.check_dev_cache = { 3, IOMMU_TEST_DEV_CACHE_DEFAULT }));
	EXPECT_EQ(-EINVAL, OP(DEV_CHECK_CACHE, .id = mock.idev,
			      .check_dev_cache = { 3, 1 }));
	EXPECT_EQ(-EINVAL, OP(DEV_CHECK_CACHE, .id = mock.idev,
			      .check_dev_cache = { 4, IOMMU_TEST_DEV_CACHE_DEFAULT }));
	EXPECT_EQ(-ENOENT, OP(DEV_CHECK_CACHE, .id = mock.stdev));

	EXPECT_EQ(0, iommufd_destroy(self->fd, mock.stdev));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, mock.idev));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, mock.hwpt));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->ioas.id));
}

/* A struct that the kernel can read and not write */
static struct iommu_test_cmd *read_only(struct iommu_test_cmd cmd)
{
	struct iommu_test_cmd *copy = must_ptr(mem_base(PAGE));

	cmd.size = sizeof(cmd);
	*copy = cmd;
	must(mprotect(copy, PAGE, PROT_READ));
	return copy;
}

TEST_F(mock, device_of_which_nobody_learns)
{
	struct iommu_test_cmd *cmd = read_only((struct iommu_test_cmd){ .op = IOMMU_TEST_OP_MOCK_DOMAIN,
					.id = self->ioas.id });

	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->ioas.id));
}

TEST_F(mock, access_of_which_nobody_learns)
{
	struct iommu_test_cmd *cmd = read_only((struct iommu_test_cmd){ .op = IOMMU_TEST_OP_CREATE_ACCESS,
					.id = self->ioas.id });
	int next = must(eventfd(0, 0));

	close(next);
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->ioas.id));
	EXPECT_EQ(next, must(eventfd(0, 0)));
}

TEST_F(mock, pin_of_which_nobody_learns)
{
	int access = must(access_new(self->ioas, PINNER));
	struct iommu_test_cmd *cmd = read_only((struct iommu_test_cmd){ .op = IOMMU_TEST_OP_ACCESS_PAGES,
					.id = access,
					.access_pages = { .iova = IOVA,
							  .length = PAGE } });

	must(ioas_map_at(range_of(self->ioas, IOVA, SIZE), self->mem, MAP_RW));
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
	EXPECT_EQ(0, OP(MD_CHECK_REFS, .check_refs = { PAGE, addr(self->mem), 0 }));
	/* The id was not used up. */
	EXPECT_EQ(0, access_pin(self->fd, access, IOVA, PAGE, self->mem));
	EXPECT_EQ(0, OP(MD_CHECK_REFS, .check_refs = { PAGE, addr(self->mem), 1 }));
	close(access);
	EXPECT_EQ(0, OP(MD_CHECK_REFS, .check_refs = { PAGE, addr(self->mem), 0 }));
}

TEST_F(mock, access_errors)
{
	int reader = must(access_new(self->ioas, 0));
	int pinner = must(access_new(self->ioas, PINNER));
	char byte;

	EXPECT_EQ(-EOPNOTSUPP, access_new(self->ioas, 2));
	EXPECT_EQ(-ENOENT, access_new((struct ioas){ self->fd, NO_ID }, 0));
	EXPECT_EQ(-EBADFD, access_pin(self->fd, -1, IOVA, PAGE, NULL));
	EXPECT_EQ(-EBADFD, access_pin(self->fd, self->fd, IOVA, PAGE, NULL));
	EXPECT_EQ(-EOPNOTSUPP, access_pin(self->fd, reader, IOVA, PAGE, NULL));
	EXPECT_EQ(-ENOMEM, access_pin(self->fd, pinner, IOVA, 16 * MIB + 1, NULL));
	EXPECT_EQ(-EINVAL, access_pin(self->fd, pinner, IOVA, 0, NULL));
	EXPECT_EQ(-EOVERFLOW, access_pin(self->fd, pinner, -1UL, 2, NULL));
	EXPECT_EQ(-ENOENT, access_pin(self->fd, pinner, IOVA, PAGE, NULL));
	EXPECT_EQ(-EOPNOTSUPP, OP(ACCESS_PAGES, .id = pinner,
				  .access_pages.flags = 2));
	EXPECT_EQ(-EBADFD, OP(DESTROY_ACCESS_PAGES, .id = self->fd));
	EXPECT_EQ(-ENOENT, OP(DESTROY_ACCESS_PAGES, .id = pinner));
	EXPECT_EQ(-EBADFD, OP(ACCESS_REPLACE_IOAS, .id = self->fd));
	EXPECT_EQ(-ENOENT, OP(ACCESS_REPLACE_IOAS, .id = pinner,
			      .access_replace_ioas.ioas_id = NO_ID));

	must(ioas_map_at(range_of(self->ioas, IOVA, SIZE), self->mem, MAP_RW));
	EXPECT_EQ(-EBADE, access_pin(self->fd, pinner, IOVA, 2 * PAGE,
				     self->mem + PAGE));
	EXPECT_EQ(0, OP(MD_CHECK_REFS, .check_refs = { SIZE, addr(self->mem), 0 }));

	EXPECT_EQ(-EBADFD, OP(ACCESS_RW, .id = self->fd));
	EXPECT_EQ(-EOPNOTSUPP, OP(ACCESS_RW, .id = reader, .access_rw.flags = 2));
	EXPECT_EQ(-ENOMEM, OP(ACCESS_RW, .id = reader,
			      .access_rw.length = 16 * MIB + 1));
	EXPECT_EQ(-EINVAL, OP(ACCESS_RW, .id = reader, .access_rw.iova = IOVA));
	EXPECT_EQ(-EFAULT, OP(ACCESS_RW, .id = reader,
			      .access_rw = { .iova = IOVA, .length = 1,
					     .flags = MOCK_ACCESS_RW_WRITE }));
	EXPECT_EQ(-EFAULT, OP(ACCESS_RW, .id = reader,
			      .access_rw = { .iova = IOVA, .length = 1 }));
	EXPECT_EQ(0, OP(ACCESS_RW, .id = reader,
			.access_rw = { .iova = IOVA + 5, .length = 1,
				       .uptr = addr(&byte) }));
	EXPECT_EQ(self->mem[5], byte);
	close(reader);
	close(pinner);
}

/* A fuzzer names mappings by their number. */
TEST_F(mock, made_up_names)
{
	const __u64 second = 1 + (3ULL << 32), third = 2;
	int access = must(access_new(self->ioas, PINNER));
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = MAP_RW | IOMMU_IOAS_MAP_FIXED_IOVA |
			 MOCK_FLAGS_ACCESS_SYZ,
		.src_ioas_id = self->ioas.id,
		.dst_ioas_id = self->ioas.id,
		.dst_iova = IOVA + 4 * PAGE,
		.length = PAGE,
	};
	char byte;

	must(ioas_map_at(range_of(self->ioas, IOVA, PAGE), self->mem, MAP_RW));
	must(ioas_map_at(range_of(self->ioas, IOVA + 2 * PAGE, PAGE),
			 self->mem + PAGE, MAP_RW));
	must(OP(ADD_RESERVED, .id = self->ioas.id,
		.add_reserved = { IOVA + PAGE, PAGE }));
	EXPECT_EQ(0, OP(ACCESS_RW, .id = access,
			.access_rw = { .iova = second, .length = 1,
				       .uptr = addr(&byte),
				       .flags = MOCK_FLAGS_ACCESS_SYZ }));
	EXPECT_EQ(self->mem[PAGE + 3], byte);
	EXPECT_EQ(0, OP(ACCESS_PAGES, .id = access,
			.access_pages = { .iova = 1, .length = PAGE,
					  .uptr = addr(self->mem + PAGE),
					  .flags = MOCK_FLAGS_ACCESS_SYZ }));
	/* There is no third one: IOVA 0 */
	EXPECT_EQ(-ENOENT, OP(ACCESS_PAGES, .id = access,
			      .access_pages = { .iova = third, .length = PAGE,
						.flags = MOCK_FLAGS_ACCESS_SYZ }));
	copy.src_iova = 1;
	EXPECT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_COPY, &copy));
	EXPECT_EQ(0, OP(ACCESS_PAGES, .id = access,
			.access_pages = { .iova = copy.dst_iova, .length = PAGE,
					  .uptr = addr(self->mem + PAGE) }));
	close(access);
}

TEST_F(mock, check_map)
{
	const __u64 va = addr(self->mem);
	struct mock mock;

	must(ioas_map_at(range_of(self->ioas, IOVA, SIZE), self->mem, MAP_RW));
	must(mock_new(self->ioas, &mock));
#define CHECK(_iova, _length, _va)					\
	OP(MD_CHECK_MAP, .id = mock.hwpt, .check_map = { _iova, _length, _va })
	EXPECT_EQ(0, CHECK(IOVA, SIZE, va));
	EXPECT_EQ(0, CHECK(IOVA + 2048, 2048, va + 2048));
	EXPECT_EQ(0, CHECK(IOVA + 2048, 0, va));
	EXPECT_EQ(-EINVAL, CHECK(IOVA + 2048, 2048, va));
	EXPECT_EQ(-EINVAL, CHECK(IOVA, PAGE, va + PAGE));
	EXPECT_EQ(-EINVAL, CHECK(IOVA + SIZE, PAGE, va));
	EXPECT_EQ(-EINVAL, CHECK(IOVA + 1024, 2048, va));
	EXPECT_EQ(-EINVAL, CHECK(IOVA, 1024, va));
	EXPECT_EQ(-EINVAL, CHECK(IOVA, 2048, va + 1));
	EXPECT_EQ(-EINVAL, CHECK(IOVA, PAGE, -2048UL));
	EXPECT_EQ(-EFAULT, CHECK(IOVA, PAGE, 0));
#undef CHECK
	EXPECT_EQ(-ENOENT, OP(MD_CHECK_MAP, .id = self->ioas.id));
	EXPECT_EQ(-ENOENT, OP(MD_CHECK_MAP, .id = NO_ID));

#define CHECK(_length, _va, _refs)					\
	OP(MD_CHECK_REFS, .check_refs = { _length, _va, _refs })
	EXPECT_EQ(0, CHECK(SIZE, va, 1));
	EXPECT_EQ(-EIO, CHECK(SIZE, va, 0));
	EXPECT_EQ(-EIO, CHECK(SIZE, va, 2));
	EXPECT_EQ(-EINVAL, CHECK(SIZE - 1, va, 1));
	EXPECT_EQ(-EINVAL, CHECK(SIZE, va + 2048, 1));
	EXPECT_EQ(-EINVAL, CHECK(2 * PAGE, -PAGE, 1));
	EXPECT_EQ(-EFAULT, CHECK(PAGE, 0, 1));
#undef CHECK
}

TEST_F(mock, reserve)
{
#define RESERVE(_start, _length)					\
	OP(ADD_RESERVED, .id = self->ioas.id, .add_reserved = { _start, _length })
	struct iommu_iova_range ranges[4];

	EXPECT_EQ(-ENOENT, OP(ADD_RESERVED, .id = NO_ID,
			      .add_reserved.length = 1));
	EXPECT_EQ(-EINVAL, RESERVE(PAGE, 0));
	EXPECT_EQ(-EOVERFLOW, RESERVE(2, -1UL));
	must(ioas_map_at(range_of(self->ioas, IOVA, SIZE), self->mem, MAP_RW));
	EXPECT_EQ(-EADDRINUSE, RESERVE(IOVA + SIZE - 1, 2));
	EXPECT_EQ(0, RESERVE(IOVA + SIZE, 2 * PAGE));
	EXPECT_EQ(0, RESERVE(IOVA + SIZE + PAGE, 2 * PAGE));
	EXPECT_EQ(0, RESERVE(1, 1));
	EXPECT_EQ(3, ioas_ranges(self->ioas, ranges, 4));
	EXPECT_EQ(IOVA + SIZE + 3 * PAGE, ranges[2].start);
#undef RESERVE
}

/* As little memory as there can be for batches */
TEST_F(mock, memory_limit)
{
	const __u32 default_limit = 65536;
	struct mock one, two;
	__u32 limit;
	int i;

#define LIMIT(_limit) OP(SET_TEMP_MEMORY_LIMIT, .memory_limit.limit = _limit)
	EXPECT_EQ(-EINVAL, LIMIT(0));
	EXPECT_EQ(-EINVAL, LIMIT(11));
	must(mock_new(self->ioas, &one));
	for (limit = 12; limit < 4 * default_limit; limit += limit / 3) {
		must(LIMIT(limit));
		/* In reverse, so that nothing is contiguous by chance. */
		for (i = 0; i < 8; i++)
			must(ioas_map_at(range_of(self->ioas, IOVA + i * 2 * PAGE,
						  2 * PAGE),
					 self->mem + (7 - i) * 2 * PAGE, MAP_RW));
		must(mock_new(self->ioas, &two));
		for (i = 0; i < 8; i++)
			EXPECT_EQ(0, OP(MD_CHECK_MAP, .id = two.hwpt,
					.check_map = { IOVA + i * 2 * PAGE,
						       2 * PAGE,
						       addr(self->mem +
							    (7 - i) * 2 * PAGE) }));
		must(iommufd_destroy(self->fd, two.stdev));
		must(ioas_unmap(self->ioas, IOVA, SIZE, NULL));
		must(ioas_map_at(range_of(self->ioas, IOVA, SIZE), self->mem,
				 MAP_RW));
		EXPECT_EQ(0, OP(MD_CHECK_MAP, .id = one.hwpt,
				.check_map = { IOVA, SIZE, addr(self->mem) }));
		must(ioas_unmap(self->ioas, IOVA, SIZE, NULL));
	}
	must(LIMIT(default_limit));
#undef LIMIT
}

static int dmabuf_new(int fd, __u32 length)
{
	return test_op(fd, &(struct iommu_test_cmd){ .op = IOMMU_TEST_OP_DMABUF_GET,
				     .dmabuf_get = { length, O_CLOEXEC } });
}

TEST_F(mock, dmabuf)
{
	int buffer = must(dmabuf_new(self->fd, 2 * PAGE + 1));
	struct iova_range to = range_of(self->ioas, IOVA, 3 * PAGE);
	int other = must(eventfd(0, 0));
	struct mock mock;

	EXPECT_EQ(-EINVAL, dmabuf_new(self->fd, 0));
	EXPECT_EQ(-EINVAL, dmabuf_new(self->fd, 2 * MIB + 1));
	EXPECT_EQ(-EINVAL, dmabuf_new(self->fd, -1));
	close(must(dmabuf_new(self->fd, 2 * MIB)));
#define REVOKE(_fd, _revoked)						\
	OP(DMABUF_REVOKE, .dmabuf_revoke = { _fd, _revoked })
	EXPECT_EQ(-EBADF, REVOKE(-1, 1));
	EXPECT_EQ(-EINVAL, REVOKE(other, 1));

	must(mock_new(self->ioas, &mock));
	must(ioas_map_file_at(to, buffer, 0, MAP_RW));
	EXPECT_EQ(0, REVOKE(buffer, 1));
	EXPECT_EQ(-ENODEV, ioas_map_file_at(range_of(self->ioas, IOVA + MIB,
						     PAGE), buffer, 0, MAP_RW));
	EXPECT_EQ(-EEXIST, ioas_map_at(to, self->mem, MAP_RW));
	must(iommufd_destroy(self->fd, mock.stdev));
	must(mock_new(self->ioas, &mock));
	EXPECT_EQ(0, REVOKE(buffer, 0));
	EXPECT_EQ(0, ioas_map_file_at(range_of(self->ioas, IOVA + MIB, PAGE),
				      buffer, PAGE, MAP_RW));
	EXPECT_EQ(0, ioas_unmap(self->ioas, to.iova, to.length, NULL));
	EXPECT_EQ(0, ioas_map_file_at(to, buffer, 0, MAP_RW));
	/* Its memory is there as long as it is mapped. */
	close(buffer);
	close(other);
#undef REVOKE
}

struct looker {
	struct ioas ioas;
	struct mock mock;
	char *mem;
	int access;
	int dmabuf;
	atomic_bool stop;
	atomic_ulong looks;
	int bad;
};

/* What does not fit is not there, or just going: nothing else is right. */
static void look(struct looker *looker, int rc)
{
	if (rc && rc != -EINVAL && rc != -ENOENT)
		looker->bad = rc;
	looker->looks++;
}

static void *look_at_maps(void *arg)
{
	struct looker *looker = arg;

	while (!looker->stop)
		look(looker, test_op(looker->ioas.fd, &(struct iommu_test_cmd){
			.op = IOMMU_TEST_OP_MD_CHECK_MAP,
			.id = looker->mock.hwpt,
			.check_map = { IOVA, SIZE, addr(looker->mem) } }));
	return NULL;
}

static void *pin_maps(void *arg)
{
	struct looker *looker = arg;

	while (!looker->stop) {
		int item = access_pin(looker->ioas.fd, looker->access, IOVA,
				      SIZE, looker->mem);

		look(looker, item < 0 ? item : 0);
		if (item >= 0)
			look(looker, test_op(looker->ioas.fd, &(struct iommu_test_cmd){
				.op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
				.id = looker->access,
				.destroy_access_pages.access_pages_id = item }));
	}
	return NULL;
}

/* A race ends after so many rounds or, once all has happened that is to, so much time. */
#define ROUNDS	300
#define RACE_MS	8000

/* Map and unmap what others look at, while devices come and go. */
TEST_F(mock, race)
{
	struct looker looker = { .ioas = self->ioas, .mem = self->mem };
	long end = clock_ms() + RACE_MS;
	struct mock mock = {};
	pthread_t threads[2];
	int i;

	must(mock_new(self->ioas, &looker.mock));
	looker.access = must(access_new(self->ioas, PINNER));
	must(-pthread_create(&threads[0], NULL, look_at_maps, &looker));
	must(-pthread_create(&threads[1], NULL, pin_maps, &looker));
	for (i = 0; i < ROUNDS && (clock_ms() < end || !looker.looks); i++) {
		EXPECT_EQ(0, ioas_map_at(range_of(self->ioas, IOVA, SIZE),
					 self->mem, MAP_RW));
		if (i % 4 == 0)
			EXPECT_EQ(0, mock_new(self->ioas, &mock));
		EXPECT_EQ(0, ioas_unmap(self->ioas, IOVA, SIZE, NULL));
		if (i % 4 == 0)
			EXPECT_EQ(0, iommufd_destroy(self->fd, mock.stdev));
	}
	looker.stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	close(looker.access);
	EXPECT_EQ(0, looker.bad);
	EXPECT_NE(0, looker.looks);
	EXPECT_EQ(0, OP(MD_CHECK_REFS, .check_refs = { SIZE, addr(self->mem), 0 }));
}

static void *keep_revoking(void *arg)
{
	struct looker *looker = arg;

	while (!looker->stop)
		look(looker, test_op(looker->ioas.fd, &(struct iommu_test_cmd){
			.op = IOMMU_TEST_OP_DMABUF_REVOKE,
			.dmabuf_revoke = { looker->dmabuf,
					   looker->looks & 1 } }));
	return NULL;
}

/* Map a buffer whose owner takes it away all the time. */
TEST_F(mock, race_with_revocation)
{
	struct looker looker = {
		.ioas = self->ioas,
		.dmabuf = must(dmabuf_new(self->fd, SIZE)),
	};
	int i, rc, mapped = 0, refused = 0;
	long end = clock_ms() + RACE_MS;
	struct mock one, two;
	pthread_t thread;

	must(mock_new(self->ioas, &one));
	must(-pthread_create(&thread, NULL, keep_revoking, &looker));
	for (i = 0; i < ROUNDS && (clock_ms() < end || !mapped || !refused); i++) {
		rc = ioas_map_file_at(range_of(self->ioas, IOVA, SIZE),
				      looker.dmabuf, 0, MAP_RW);
		mapped += !rc;
		refused += rc == -ENODEV;
		EXPECT_EQ(0, mock_new(self->ioas, &two));
		if (!rc)
			EXPECT_EQ(0, ioas_unmap(self->ioas, IOVA, SIZE, NULL));
		EXPECT_EQ(0, iommufd_destroy(self->fd, two.stdev));
	}
	looker.stop = true;
	pthread_join(thread, NULL);
	close(looker.dmabuf);
	EXPECT_EQ(0, looker.bad);
	EXPECT_EQ(i, mapped + refused);
	EXPECT_NE(0, mapped);
	EXPECT_NE(0, refused);
}

TEST_HARNESS_MAIN
