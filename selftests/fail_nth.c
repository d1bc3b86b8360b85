// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that can fail fails once: allocations, pinning, charging, lookups,
 * page tables. Each sequence of calls is run again and again, and in the nth run
 * the nth thing that can fail does fail, until a run is over before that. However
 * far a run came, nothing is left of it when the context is closed.
 *
 * A call that failed here can have left something behind that shows only in the
 * kernel's log, which the caller of these programs has to look at.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../iommufd_test.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define SIZE	(16 * PAGE)
/* More runs than any sequence needs */
#define MOST_RUNS	2000

struct run {
	int nth;		/* what is to fail, a file of proc */
	int pinned;		/* pages in the whole system, before */
	int fd;
	struct ioas ioas;	/* two to begin with */
	struct ioas other;
	char *mem;
	int memfd;
	int dmabuf;
	int access;
};

FIXTURE(fail_nth)
{
	struct run r;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int rc;

	if (fd < 0)
		return -errno;
	rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* Allocations that may sleep, and those of user pages, can fail as well. */
static int allow_failures(void)
{
#define DEBUGFS "/sys/kernel/debug/"
	return write_file(DEBUGFS "failslab/ignore-gfp-wait", "N") ?:
	       write_file(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") ?:
	       write_file(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N") ?:
	       write_file(DEBUGFS "failslab/verbose", "0") ?:
	       write_file(DEBUGFS "fail_page_alloc/verbose", "0") ?:
	       write_file(DEBUGFS "fail_iommufd/verbose", "0");
}

FIXTURE_SETUP(fail_nth)
{
	if (allow_failures())
		SKIP(return, "the kernel has no mock, or cannot fail on request");
	self->r.nth = must(open("/proc/thread-self/fail-nth", O_RDWR));
	self->r.pinned = pins_since(0);
	self->r.mem = must_ptr(mem_base(SIZE));
	mem_fill(self->r.mem, SIZE, 1);
	self->r.memfd = must(mem_file(SIZE, 0));
}

FIXTURE_TEARDOWN(fail_nth)
{
}

/* A result of 0 or more is what an op that makes an fd has. */
static int test_op(int fd, struct iommu_test_cmd *cmd)
{
	int rc;

	cmd->size = sizeof(*cmd);
	rc = ioctl(fd, IOMMU_TEST_CMD, cmd);
	return rc < 0 ? -errno : rc;
}

#define OP(_run, _op, ...)						\
	test_op((_run)->fd, &(struct iommu_test_cmd){			\
			.op = IOMMU_TEST_OP_##_op, __VA_ARGS__ })

/* The mock device */
static int mock_new(struct ioas ioas)
{
	struct iommu_test_cmd cmd = { .op = IOMMU_TEST_OP_MOCK_DOMAIN,
				      .id = ioas.id };

	return test_op(ioas.fd, &cmd) ?: (int)cmd.mock_domain.out_stdev_id;
}

/*
 * One run of a sequence; @steps is called with the first call that may fail, and
 * returns the first error. Returns whether something did fail on request.
 */
static bool run_nth(struct __test_metadata *_metadata, struct run *run, int n,
		    int (*steps)(struct run *run), int *result)
{
	char text[16] = "";
	int left;

	run->fd = must(iommufd_open());
	run->ioas = must_ioas(run->fd);
	run->other = must_ioas(run->fd);
	run->dmabuf = -1;
	run->access = -1;

	snprintf(text, sizeof(text), "%d", n);
	must(pwrite(run->nth, text, strlen(text), 0));
	*result = steps(run);
	/* Reading it can fail on request, too. */
	left = pread(run->nth, text, sizeof(text) - 1, 0) < 0 ? 0 : atoi(text);
	while (pwrite(run->nth, "0", 1, 0) < 0)
		;
	if (run->access >= 0)
		close(run->access);
	if (run->dmabuf >= 0)
		close(run->dmabuf);
	close(run->fd);
	EXPECT_EQ(0, pins_since(run->pinned))
		TH_LOG("after failure %d", n);
	EXPECT_EQ(0, status_kib("VmPin"))
		TH_LOG("after failure %d", n);
	return !left;
}

static void sweep(struct __test_metadata *_metadata, struct run *run,
		  int (*steps)(struct run *run))
{
	int n, result, failed = 0;

	/* First without any failure: what is allocated once and for all is. */
	run_nth(_metadata, run, 0, steps, &result);
	ASSERT_EQ(0, result);
	for (n = 1; n < MOST_RUNS; n++) {
		if (!run_nth(_metadata, run, n, steps, &result))
			break;
		failed += !!result;
	}
	EXPECT_EQ(0, result);
	EXPECT_GT(MOST_RUNS, n);
	/* If this is 0, nothing was injected. */
	EXPECT_NE(0, failed);
	TH_LOG("%d failures, of which %d made a call fail", n - 1, failed);
}

static int steps_copy(struct run *run)
{
	struct iova_range from = range_of(run->ioas, IOVA, SIZE);
	int one, two, rc;

	one = mock_new(run->ioas);
	if (one < 0)
		return one;
	rc = ioas_map_at(from, run->mem, MAP_RW);
	if (rc)
		return rc;
	two = mock_new(run->other);
	if (two < 0)
		return two;
	from.iova += PAGE;
	from.length -= 2 * PAGE;
	rc = ioas_copy_at(run->other, IOVA + MIB, from, MAP_RW);
	if (rc)
		return rc;
	rc = iommufd_destroy(run->fd, one);
	if (rc)
		return rc;
	return ioas_unmap(run->ioas, IOVA, SIZE, NULL);
}

TEST_F(fail_nth, copy)
{
	sweep(_metadata, &self->r, steps_copy);
}

static int steps_replace(struct run *run)
{
	int dev, rc;

	rc = ioas_map_at(range_of(run->ioas, IOVA, SIZE), run->mem, MAP_RW);
	if (!rc)
		rc = ioas_map_at(range_of(run->other, IOVA, SIZE), run->mem,
				 MAP_R);
	if (rc)
		return rc;
	dev = mock_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = OP(run, MOCK_DOMAIN_REPLACE, .id = dev,
		.mock_domain_replace.pt_id = run->other.id);
	if (rc)
		return rc;
	rc = ioas_unmap_all(run->ioas, NULL);
	if (rc)
		return rc;
	return OP(run, MOCK_DOMAIN_REPLACE, .id = dev,
		  .mock_domain_replace.pt_id = run->ioas.id);
}

TEST_F(fail_nth, replace)
{
	sweep(_metadata, &self->r, steps_replace);
}

static int steps_small_pages(struct run *run)
{
	struct iommu_iova_range range = { IOVA, IOVA + MIB - 1 };
	__u64 iova;
	int dev, rc;

	rc = iommufd_option_set(run->fd, IOMMU_OPTION_HUGE_PAGES, run->ioas.id,
				0);
	if (rc)
		return rc;
	dev = mock_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = ioas_allow(run->ioas, &range, 1);
	if (rc)
		return rc;
	rc = ioas_map(run->ioas, run->mem, SIZE, MAP_RW, &iova);
	if (rc)
		return rc;
	dev = mock_new(run->ioas);
	if (dev < 0)
		return dev;
	return ioas_unmap(run->ioas, iova, SIZE, NULL);
}

TEST_F(fail_nth, small_pages)
{
	sweep(_metadata, &self->r, steps_small_pages);
}

static int steps_access(struct run *run)
{
	struct iommu_test_cmd create = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = run->ioas.id,
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};
	char bytes[64];
	int i, rc;

	/* In pieces, so that a pin reaches over several mappings. */
	for (i = 0; i < 4; i++) {
		rc = ioas_map_at(range_of(run->ioas, IOVA + i * 4 * PAGE,
					  4 * PAGE),
				 run->mem + (3 - i) * 4 * PAGE, MAP_RW);
		if (rc)
			return rc;
	}
	rc = ioas_map_at(range_of(run->other, IOVA, SIZE), run->mem, MAP_RW);
	if (!rc)
		rc = test_op(run->fd, &create);
	if (rc)
		return rc;
	run->access = create.create_access.out_access_fd;
	rc = OP(run, ACCESS_PAGES, .id = run->access,
		.access_pages = { .iova = IOVA + PAGE,
				  .length = SIZE - 2 * PAGE });
	if (!rc)
		rc = OP(run, ACCESS_REPLACE_IOAS, .id = run->access,
			.access_replace_ioas.ioas_id = run->other.id);
	if (!rc)
		rc = OP(run, ACCESS_PAGES, .id = run->access,
			.access_pages = { .iova = IOVA, .length = SIZE,
					  .uptr = addr(run->mem) });
	if (!rc)
		rc = OP(run, ACCESS_RW, .id = run->access,
			.access_rw = { .iova = IOVA + PAGE - 32, .length = 64,
				       .uptr = addr(bytes),
				       .flags = MOCK_ACCESS_RW_SLOW_PATH });
	if (!rc)
		rc = ioas_unmap_all(run->other, NULL);
	return rc;
}

TEST_F(fail_nth, access)
{
	sweep(_metadata, &self->r, steps_access);
}

static int steps_change_process(struct run *run)
{
	int dev, rc;

	dev = mock_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = ioas_map_file_at(range_of(run->ioas, IOVA, SIZE), run->memfd, 0,
			      MAP_RW);
	if (!rc)
		rc = ioas_copy_at(run->other, IOVA,
				  range_of(run->ioas, IOVA, SIZE), MAP_RW);
	if (!rc)
		rc = iommufd_change_process(run->fd);
	return rc;
}

TEST_F(fail_nth, change_process)
{
	sweep(_metadata, &self->r, steps_change_process);
}

static int steps_dmabuf(struct run *run)
{
	int dev, rc;

	run->dmabuf = OP(run, DMABUF_GET, .dmabuf_get = { SIZE, O_CLOEXEC });
	if (run->dmabuf < 0)
		return run->dmabuf;
	dev = mock_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = ioas_map_file_at(range_of(run->ioas, IOVA, SIZE - PAGE),
			      run->dmabuf, PAGE, MAP_RW);
	if (!rc)
		rc = ioas_copy_at(run->other, IOVA,
				  range_of(run->ioas, IOVA, PAGE), MAP_R);
	if (rc)
		return rc;
	dev = mock_new(run->other);
	if (dev < 0)
		return dev;
	rc = OP(run, DMABUF_REVOKE, .dmabuf_revoke = { run->dmabuf, 1 });
	if (rc)
		return rc;
	dev = mock_new(run->other);
	if (dev < 0)
		return dev;
	return ioas_unmap_all(run->ioas, NULL);
}

TEST_F(fail_nth, dmabuf)
{
	sweep(_metadata, &self->r, steps_dmabuf);
}

TEST_HARNESS_MAIN
