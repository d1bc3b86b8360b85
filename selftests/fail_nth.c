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
#include <unistd.h>

#include "lib/container.h"
#include "lib/hwpt.h"
#include "lib/mockdev.h"
#include "lib/p2p.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define SIZE	(16 * PAGE)
#define DEBUGFS	"/sys/kernel/debug/"
#define MIN_ORDER	DEBUGFS "fail_page_alloc/min-order"
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
	struct pci_address pci;	/* of a device that a container can have */
	char *bar;		/* registers of a device */
	int files[4];		/* that are closed before the context */
	int nfiles;
	struct edu edu;		/* a device, which is in a context of its own */
	struct ioas of_edu[2];	/* IOASes there, or 0 */
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
	return write_file(DEBUGFS "failslab/ignore-gfp-wait", "N") ?:
	       write_file(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") ?:
	       write_file(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N") ?:
	       write_file(DEBUGFS "failslab/verbose", "0") ?:
	       write_file(DEBUGFS "fail_page_alloc/verbose", "0") ?:
	       write_file(DEBUGFS "fail_iommufd/verbose", "0");
}

FIXTURE_SETUP(fail_nth)
{
	size_t i;

	if (allow_failures())
		SKIP(return, "the kernel has no mock, or cannot fail on request");
	self->r.nth = must(open("/proc/thread-self/fail-nth", O_RDWR));
	self->r.pinned = pins_since(0);
	self->r.mem = must_ptr(mem_base(SIZE));
	/* Frames that do not follow each other */
	for (i = 0; i < SIZE; i += 2 * PAGE)
		self->r.mem[i] = 1;
	mem_fill(self->r.mem, SIZE, 1);
	self->r.memfd = must(mem_file(SIZE, 0));
}

FIXTURE_TEARDOWN(fail_nth)
{
}

#define OP(_run, _op, ...) MOCK_OP((_run)->fd, _op, __VA_ARGS__)

/* The run closes @fd, which may be an error. */
static int keep_file(struct run *run, int fd)
{
	if (fd >= 0)
		run->files[run->nfiles++] = fd;
	return fd;
}

/* The mock device */
static int attach_new(struct ioas ioas)
{
	struct mock mock;

	return mock_new(ioas.fd, ioas.id, 0, &mock) ?: (int)mock.stdev;
}

/* What a run has left in the context of the device */
static void leave_device(struct run *run)
{
	int i;

	if (run->edu.regs)
		vfio_detach(run->edu.fd);
	for (i = 0; i < 2; i++) {
		if (run->of_edu[i].id)
			must(iommufd_destroy(run->of_edu[i].fd,
					     run->of_edu[i].id));
		run->of_edu[i].id = 0;
	}
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
	run->nfiles = 0;

	snprintf(text, sizeof(text), "%d", n);
	must(pwrite(run->nth, text, strlen(text), 0));
	*result = steps(run);
	/* Reading it can fail on request, too. */
	left = pread(run->nth, text, sizeof(text) - 1, 0) < 0 ? 0 : atoi(text);
	while (pwrite(run->nth, "0", 1, 0) < 0)
		;
	leave_device(run);
	while (run->nfiles)
		close(run->files[--run->nfiles]);
	close(run->fd);
	EXPECT_EQ(0, pins_since(run->pinned))
		TH_LOG("after failure %d", n);
	EXPECT_EQ(0, status_kib("VmPin"))
		TH_LOG("after failure %d", n);
	return !left;
}

static void sweep_once(struct __test_metadata *_metadata, struct run *run,
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

/*
 * Single pages can fail the second time. Some of them are for the slabs, now and
 * then, so that what is the nth differs from run to run and something is missed.
 */
static void sweep(struct __test_metadata *_metadata, struct run *run,
		  int (*steps)(struct run *run))
{
	must(write_file(MIN_ORDER, "1"));
	sweep_once(_metadata, run, steps);
	must(write_file(MIN_ORDER, "0"));
	sweep_once(_metadata, run, steps);
}

static int steps_copy(struct run *run)
{
	struct iova_range from = range_of(run->ioas, IOVA, SIZE);
	int one, two, rc;

	one = attach_new(run->ioas);
	if (one < 0)
		return one;
	rc = ioas_map_at(from, run->mem, MAP_RW);
	if (rc)
		return rc;
	two = attach_new(run->other);
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
	dev = attach_new(run->ioas);
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
	dev = attach_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = ioas_allow(run->ioas, &range, 1);
	if (rc)
		return rc;
	rc = ioas_map(run->ioas, run->mem, SIZE, MAP_RW, &iova);
	if (rc)
		return rc;
	dev = attach_new(run->ioas);
	if (dev < 0)
		return dev;
	return ioas_unmap(run->ioas, iova, SIZE, NULL);
}

TEST_F(fail_nth, small_pages)
{
	sweep(_metadata, &self->r, steps_small_pages);
}

/* A mapping that goes to the IOMMU in pieces, of which a later one fails */
static int steps_batches(struct run *run)
{
	int dev, rc;

	dev = attach_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = ioas_map_at(range_of(run->ioas, IOVA, SIZE), run->mem, MAP_RW);
	if (rc)
		return rc;
	return ioas_unmap(run->ioas, IOVA, SIZE, NULL);
}

static int limit_memory(__u32 limit)
{
	int fd = must(iommufd_open()), rc;

	rc = MOCK_OP(fd, SET_TEMP_MEMORY_LIMIT, .memory_limit.limit = limit);
	close(fd);
	return rc;
}

TEST_F(fail_nth, batches)
{
	must(limit_memory(64));
	sweep(_metadata, &self->r, steps_batches);
	must(limit_memory(64 * KIB));
}

static int steps_access(struct run *run)
{
	struct iommu_test_cmd create = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = run->ioas.id,
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};
	char bytes[64];
	int i, rc, access;

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
		rc = mock_op(run->fd, &create);
	if (rc)
		return rc;
	access = keep_file(run, create.create_access.out_access_fd);
	rc = OP(run, ACCESS_PAGES, .id = access,
		.access_pages = { .iova = IOVA + PAGE,
				  .length = SIZE - 2 * PAGE });
	if (!rc)
		rc = OP(run, ACCESS_REPLACE_IOAS, .id = access,
			.access_replace_ioas.ioas_id = run->other.id);
	/* What is in the middle is pinned already when all of it is. */
	if (!rc)
		rc = OP(run, ACCESS_PAGES, .id = access,
			.access_pages = { .iova = IOVA + 6 * PAGE,
					  .length = 2 * PAGE });
	if (!rc)
		rc = OP(run, ACCESS_PAGES, .id = access,
			.access_pages = { .iova = IOVA, .length = SIZE,
					  .uptr = addr(run->mem) });
	if (!rc)
		rc = OP(run, ACCESS_RW, .id = access,
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

	dev = attach_new(run->ioas);
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
	int dev, rc, dmabuf;

	dmabuf = keep_file(run, OP(run, DMABUF_GET,
				   .dmabuf_get = { SIZE, O_CLOEXEC }));
	if (dmabuf < 0)
		return dmabuf;
	dev = attach_new(run->ioas);
	if (dev < 0)
		return dev;
	rc = ioas_map_file_at(range_of(run->ioas, IOVA, SIZE - PAGE),
			      dmabuf, PAGE, MAP_RW);
	if (!rc)
		rc = ioas_copy_at(run->other, IOVA,
				  range_of(run->ioas, IOVA, PAGE), MAP_R);
	if (rc)
		return rc;
	dev = attach_new(run->other);
	if (dev < 0)
		return dev;
	rc = OP(run, DMABUF_REVOKE, .dmabuf_revoke = { dmabuf, 1 });
	if (rc)
		return rc;
	dev = attach_new(run->other);
	if (dev < 0)
		return dev;
	return ioas_unmap_all(run->ioas, NULL);
}

TEST_F(fail_nth, dmabuf)
{
	sweep(_metadata, &self->r, steps_dmabuf);
}

static int steps_dirty(struct run *run)
{
	__u64 bits = 0;
	struct mock mock;
	int hwpt, rc;

	rc = mock_new(run->fd, run->ioas.id, 0, &mock);
	if (rc)
		return rc;
	hwpt = hwpt_alloc(run->ioas, mock.idev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	if (hwpt < 0)
		return hwpt;
	rc = mock_replace(run->fd, &mock, hwpt) ?:
	     ioas_map_at(range_of(run->ioas, IOVA, SIZE), run->mem, MAP_RW) ?:
	     hwpt_track_dirty(run->fd, hwpt, true);
	if (rc)
		return rc;
	rc = mock_write_page(run->fd, hwpt, IOVA, MOCK_PAGE_SIZE);
	if (rc < 0)
		return rc;
	return GET_DIRTY_BITMAP(run->fd, .hwpt_id = hwpt, .iova = IOVA,
				.length = SIZE, .page_size = PAGE,
				.data = addr(&bits)) ?:
	       hwpt_track_dirty(run->fd, hwpt, false);
}

TEST_F(fail_nth, dirty)
{
	sweep(_metadata, &self->r, steps_dirty);
}

/* Memory that is not pinned: registers of a device */
static int steps_registers(struct run *run)
{
	struct iova_range half = range_of(run->ioas, IOVA, P2P_BAR / 2);
	int dev, rc;

	rc = ioas_map_at(half, run->bar, MAP_RW);
	if (rc)
		return rc;
	dev = attach_new(run->ioas);
	if (dev < 0)
		return dev;
	half.iova += P2P_BAR;
	rc = ioas_map_at(half, run->bar + P2P_BAR / 2, MAP_RW) ?:
	     ioas_copy_at(run->other, IOVA, half, MAP_R);
	if (rc)
		return rc;
	dev = attach_new(run->other);
	if (dev < 0)
		return dev;
	return ioas_unmap_all(run->ioas, NULL);
}

TEST_F(fail_nth, registers)
{
	struct p2p p;

	if (p2p_open(&p, NULL))
		SKIP(return, NEEDS_GROUPS);
	self->r.bar = p.bar;
	/* What it has pinned is not of a run. */
	must((int)p2p_unmap(&p, P2P_SPARE, PAGE));
	sweep(_metadata, &self->r, steps_registers);
	p2p_close(&p);
}

/* A container of VFIO with a group of one device, which is not opened */
static int open_container(struct run *run)
{
	int fd, group, rc;

	fd = keep_file(run, container_open(NATIVE_NODE));
	if (fd < 0)
		return fd;
	group = keep_file(run, group_open(&run->pci));
	if (group < 0)
		return group;
	rc = group_set_container(group, fd) ?: container_set_iommu(fd, VFIO_TYPE1v2_IOMMU);
	return rc ?: fd;
}

static int track_writes(int container, __u32 flag)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flag,
	};

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

static int get_writes(int container)
{
	__u64 word = 0;
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty.argsz = sizeof(arg),
		.dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = IOVA,
		.get.size = SIZE,
		.get.bitmap = { PAGE, sizeof(word), (void *)&word },
	};

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg) ? -errno : 0;
}

static int steps_container(struct run *run)
{
	int fd = open_container(run);

	if (fd < 0)
		return fd;
	return container_map(fd, IOVA, run->mem, SIZE, DMA_RW) ?:
	       track_writes(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START) ?:
	       container_map(fd, IOVA + SIZE, run->mem, PAGE, DMA_RW) ?:
	       get_writes(fd) ?:
	       container_unmap(fd, IOVA, SIZE, NULL) ?:
	       track_writes(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

/* The first version of an iommufd's own container lets a mapping be cut. */
static int steps_cut(struct run *run)
{
	int dev, rc;

	rc = iommufd_vfio_ioas(run->fd, IOMMU_VFIO_IOAS_SET, run->ioas.id) ?:
	     container_set_iommu(run->fd, VFIO_TYPE1_IOMMU);
	if (rc)
		return rc;
	dev = attach_new(run->ioas);
	if (dev < 0)
		return dev;
	return container_map(run->fd, IOVA, run->mem, SIZE, DMA_RW) ?:
	       container_unmap(run->fd, IOVA + 4 * PAGE, 4 * PAGE, NULL) ?:
	       container_unmap(run->fd, IOVA, 4 * PAGE, NULL);
}

TEST_F(fail_nth, container)
{
	if (edu_find_one(&self->r.pci))
		SKIP(return, NEEDS_EDU);
	sweep(_metadata, &self->r, steps_container);
}

TEST_F(fail_nth, cut)
{
	sweep(_metadata, &self->r, steps_cut);
}

/* A device behind the real IOMMU, which has reserved regions */
static int steps_device(struct run *run)
{
	int i, rc;

	for (i = 0; i < 2; i++) {
		rc = ioas_alloc(run->of_edu[i].fd);
		if (rc < 0)
			return rc;
		run->of_edu[i].id = rc;
		rc = ioas_map_at(range_of(run->of_edu[i], IOVA, SIZE), run->mem,
				 MAP_RW);
		if (rc)
			return rc;
	}
	for (i = 0; i < 2; i++) {
		rc = vfio_attach(run->edu.fd, run->of_edu[i].id);
		if (rc < 0)
			return rc;
	}
	return vfio_detach(run->edu.fd);
}

TEST_F(fail_nth, device)
{
	struct run *r = &self->r;
	int fd;

	if (edu_find_one(&r->pci))
		SKIP(return, NEEDS_EDU);
	fd = must(iommufd_open());
	must(edu_open(&r->edu, &r->pci, fd));
	r->of_edu[0].fd = fd;
	r->of_edu[1].fd = fd;
	sweep(_metadata, r, steps_device);
	edu_close(&r->edu);
	close(fd);
}

static int take_request(const struct event_queue *queue)
{
	struct iommu_hwpt_page_response response = {};
	struct iommu_hwpt_pgfault message;
	int n = read(queue->fd, &message, sizeof(message));

	if (n < 0)
		return -errno;
	if (n != sizeof(message))
		return -EPROTO;
	response.cookie = message.cookie;
	n = write(queue->fd, &response, sizeof(response));
	return n < 0 ? -errno : 0;
}

static int steps_fault(struct run *run)
{
	struct event_queue queue;
	struct mock mock;
	int hwpt, rc;

	rc = fault_queue_alloc(run->fd, &queue);
	if (rc)
		return rc;
	keep_file(run, queue.fd);
	rc = mock_new(run->fd, run->ioas.id, MOCK_FLAGS_DEVICE_PASID, &mock);
	if (rc)
		return rc;
	hwpt = HWPT_ALLOC(run->fd, .dev_id = mock.idev, .pt_id = run->ioas.id,
			  .flags = IOMMU_HWPT_FAULT_ID_VALID |
				   IOMMU_HWPT_ALLOC_PASID,
			  .fault_id = queue.id);
	if (hwpt < 0)
		return hwpt;
	return mock_replace(run->fd, &mock, hwpt) ?:
	       mock_pasid_attach(run->fd, &mock, 7, hwpt) ?:
	       mock_page_request(run->fd, mock.idev, 7, 1, IOVA) ?:
	       take_request(&queue) ?:
	       mock_pasid_detach(run->fd, &mock, 7);
}

TEST_F(fail_nth, fault)
{
	sweep(_metadata, &self->r, steps_fault);
}

/* What a guest has in a vIOMMU on top of @parent */
static int fill_viommu(struct run *run, const struct mock *mock, int viommu)
{
	struct iommu_hwpt_selftest data = {};
	int rc, nested;

	rc = VDEVICE_ALLOC(run->fd, .viommu_id = viommu, .dev_id = mock->idev,
			   .virt_id = 1);
	if (rc < 0)
		return rc;
	rc = HW_QUEUE_ALLOC(run->fd, .viommu_id = viommu,
			    .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
			    .nesting_parent_iova = IOVA, .length = PAGE);
	if (rc < 0)
		return rc;
	nested = HWPT_ALLOC(run->fd, .dev_id = mock->idev, .pt_id = viommu,
			    .data_type = IOMMU_HWPT_DATA_SELFTEST,
			    .data_len = sizeof(data), .data_uptr = addr(&data));
	return nested < 0 ? nested : mock_replace(run->fd, mock, nested);
}

static int report_event(struct run *run, const struct mock *mock, int viommu)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} message;
	struct event_queue queue;
	int rc;

	rc = veventq_alloc(run->fd, viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, 1,
			   &queue);
	if (rc)
		return rc;
	keep_file(run, queue.fd);
	rc = mock_vevent(run->fd, mock->idev);
	if (rc)
		return rc;
	return read(queue.fd, &message, sizeof(message)) < 0 ? -errno : 0;
}

static int steps_viommu(struct run *run)
{
	struct iommu_viommu_selftest data = {};
	int parent, viommu, rc;
	struct mock mock;
	void *regs;

	rc = ioas_map_at(range_of(run->ioas, IOVA, SIZE), run->mem, MAP_RW) ?:
	     mock_new(run->fd, run->ioas.id, 0, &mock);
	if (rc)
		return rc;
	parent = hwpt_alloc(run->ioas, mock.idev, IOMMU_HWPT_ALLOC_NEST_PARENT);
	if (parent < 0)
		return parent;
	rc = mock_replace(run->fd, &mock, parent);
	if (rc)
		return rc;
	viommu = VIOMMU_ALLOC(run->fd, .dev_id = mock.idev, .hwpt_id = parent,
			      .type = IOMMU_VIOMMU_TYPE_SELFTEST,
			      .data_len = sizeof(data),
			      .data_uptr = addr(&data));
	if (viommu < 0)
		return viommu;
	regs = mmap(NULL, data.out_mmap_length, PROT_READ, MAP_SHARED, run->fd,
		    data.out_mmap_offset);
	if (regs == MAP_FAILED)
		return -errno;
	munmap(regs, data.out_mmap_length);
	return fill_viommu(run, &mock, viommu) ?:
	       report_event(run, &mock, viommu);
}

TEST_F(fail_nth, viommu)
{
	sweep(_metadata, &self->r, steps_viommu);
}

TEST_HARNESS_MAIN
