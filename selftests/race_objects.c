// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that get into each other's way about page tables, fault queues, vIOMMUs and
 * what belongs to these, all on the mock IOMMU. As in race.c: each result fits some
 * order of the calls, in the end nothing is left, and the kernel's log has to be
 * looked at.
 */
#include <poll.h>
#include <sys/mman.h>

#include "lib/guest.h"
#include "lib/racers.h"
#include "test.h"

#define RUN_MS	2000
#define IOVA	MOCK_APERTURE_START
#define PAGES	16
#define SIZE	(PAGES * PAGE)
#define N(_array) ((int)ARRAY_SIZE(_array))

struct objects {
	struct guest g;
	char *mem;
	__u32 plain;		/* a page table to go to */
	struct event_queue faults;
	__u32 faulting[2];	/* their page requests go to @faults */
	atomic_uint id;		/* what comes and goes, 0 if it is not there */
	const struct kind *kind;
	char *bitmap;
	void *read_only;	/* a struct that cannot be written back */
	__u32 sequences[4];	/* what each racer has read last */
};

FIXTURE(objects)
{
	struct objects o;
	int pinned;
};

FIXTURE_SETUP(objects)
{
	struct objects *o = &self->o;
	int fd = must(iommufd_open()), i;

	o->g.fd = -1;
	o->faults.fd = -1;
	self->pinned = pins_since(0);
	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	close(fd);
	guest_open(&o->g);
	o->mem = must_ptr(mem_base(SIZE));
	must(ioas_map_at(range_of(o->g.ioas, IOVA, SIZE), o->mem, MAP_RW));
	o->plain = must(hwpt_alloc(o->g.ioas, o->g.dev.idev,
				   IOMMU_HWPT_ALLOC_DIRTY_TRACKING));
	must(fault_queue_alloc(o->g.fd, &o->faults));
	for (i = 0; i < 2; i++)
		o->faulting[i] = must(HWPT_ALLOC(o->g.fd,
						 .dev_id = o->g.dev.idev,
						 .pt_id = o->g.ioas.id,
						 .flags = IOMMU_HWPT_FAULT_ID_VALID,
						 .fault_id = o->faults.id));
}

FIXTURE_TEARDOWN(objects)
{
	close(self->o.faults.fd);
	guest_close(&self->o.g);
	EXPECT_SETTLED(self->pinned);
}

/* The first racer does the first step, and so on. */
static int run(struct objects *o, void (*const *steps)(struct racer *racer),
	       int n)
{
	struct racer racers[8] = {};
	int i;

	for (i = 0; i < n; i++)
		racers[i] = (struct racer){ .step = steps[i], .data = o };
	return racers_run(racers, n, RUN_MS);
}

#define RUN(_o, ...)							\
({									\
	void (*const _steps[])(struct racer *racer) = { __VA_ARGS__ };	\
									\
	run(_o, _steps, N(_steps));					\
})

/* The ID may name something else by now, which does not suit. */
static int fits(struct racer *racer, int rc)
{
	if (rc == -ENOENT || rc == -EINVAL || rc == -EOPNOTSUPP)
		return rc;
	return racer_allows(racer, rc, EBUSY, EEXIST);
}

/* Others are inside, or have something on top of it: not for long. */
static void destroy(struct racer *racer, struct objects *o, __u32 id)
{
	int rc;

	do {
		rc = iommufd_destroy(o->g.fd, id);
	} while (rc == -EBUSY);
	racer_allows(racer, rc, 0, 0);
}

/* What was made on top of what comes and goes */
static void discard(struct racer *racer, struct objects *o, int id)
{
	if (fits(racer, id) > 0)
		destroy(racer, o, id);
}

/*
 * One kind of object for each row: how it is made, and what others do with its ID
 * at the same time.
 */
struct kind {
	const char *name;
	int (*make)(struct objects *o);
	void (*use)(struct racer *racer, struct objects *o, __u32 id);
};

static int make_dirty(struct objects *o)
{
	return hwpt_alloc(o->g.ioas, o->g.dev.idev,
			  IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
}

static void use_dirty(struct racer *racer, struct objects *o, __u32 id)
{
	__u8 bits[PAGES / 8];

	fits(racer, hwpt_track_dirty(o->g.fd, id, racer->steps & 1));
	fits(racer, GET_DIRTY_BITMAP(o->g.fd, .hwpt_id = id, .iova = IOVA,
				     .length = SIZE, .page_size = PAGE,
				     .data = addr(bits)));
}

static int make_parent(struct objects *o)
{
	return hwpt_alloc(o->g.ioas, o->g.dev.idev,
			  IOMMU_HWPT_ALLOC_NEST_PARENT);
}

static void use_parent(struct racer *racer, struct objects *o, __u32 id)
{
	if (racer->steps % 2)
		discard(racer, o, guest_nested(&o->g, o->g.dev.idev, id));
	else
		discard(racer, o, VIOMMU_ALLOC(o->g.fd, .hwpt_id = id,
					       .dev_id = o->g.dev.idev,
					       .type = IOMMU_VIOMMU_TYPE_SELFTEST));
}

static int make_nested(struct objects *o)
{
	return guest_nested(&o->g, o->g.dev.idev, o->g.parent);
}

/* One of the users attaches, the others invalidate. */
static void use_nested(struct racer *racer, struct objects *o, __u32 id)
{
	struct iommu_hwpt_invalidate_selftest entry = {};
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = id,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.data_uptr = addr(&entry),
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};

	if (racer->nr != 1) {
		fits(racer, run_invalidate(o->g.fd, &cmd));
	} else if (!fits(racer, mock_replace(o->g.fd, &o->g.dev, id))) {
		racer_allows(racer, mock_replace(o->g.fd, &o->g.dev, o->plain),
			     0, 0);
	}
}

static int make_fault(struct objects *o)
{
	struct event_queue queue;
	int rc = fault_queue_alloc(o->g.fd, &queue);

	if (rc)
		return rc;
	close(queue.fd);
	return queue.id;
}

static void use_fault(struct racer *racer, struct objects *o, __u32 id)
{
	discard(racer, o, HWPT_ALLOC(o->g.fd, .dev_id = o->g.dev.idev,
				     .pt_id = o->g.ioas.id, .fault_id = id,
				     .flags = IOMMU_HWPT_FAULT_ID_VALID));
}

static int make_viommu(struct objects *o)
{
	return VIOMMU_ALLOC(o->g.fd, .hwpt_id = o->g.parent,
			    .dev_id = o->g.dev.idev,
			    .type = IOMMU_VIOMMU_TYPE_SELFTEST);
}

static void use_viommu(struct racer *racer, struct objects *o, __u32 id)
{
	struct event_queue queue;

	switch (racer->steps % 4) {
	case 0:
		discard(racer, o, VDEVICE_ALLOC(o->g.fd, .viommu_id = id,
						.dev_id = o->g.dev.idev,
						.virt_id = racer->nr));
		break;
	case 1:
		discard(racer, o, guest_nested(&o->g, o->g.dev.idev, id));
		break;
	case 2:
		discard(racer, o, HW_QUEUE_ALLOC(o->g.fd, .viommu_id = id,
				.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
				.nesting_parent_iova = IOVA, .length = 1));
		break;
	default:
		if (fits(racer, veventq_alloc(o->g.fd, id, 1 + racer->nr, 1,
					      &queue)))
			break;
		close(queue.fd);
		destroy(racer, o, queue.id);
	}
}

static int make_vdevice(struct objects *o)
{
	return guest_vdevice(&o->g, o->g.dev.idev, 1);
}

static void use_vdevice(struct racer *racer, struct objects *o, __u32 id)
{
	struct iommu_viommu_invalidate_selftest entry = { .vdev_id = 1 };
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = o->g.viommu,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
		.data_uptr = addr(&entry),
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};

	fits(racer, run_invalidate(o->g.fd, &cmd));
	discard(racer, o, VDEVICE_ALLOC(o->g.fd, .viommu_id = o->g.viommu,
					.dev_id = o->g.dev.idev,
					.virt_id = racer->nr + 1));
}

static int make_hw_queue(struct objects *o)
{
	return HW_QUEUE_ALLOC(o->g.fd, .viommu_id = o->g.viommu,
			      .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
			      .nesting_parent_iova = IOVA + PAGE, .length = 1);
}

static void use_hw_queue(struct racer *racer, struct objects *o, __u32 id)
{
	int queue = HW_QUEUE_ALLOC(o->g.fd, .viommu_id = o->g.viommu,
				   .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
				   .index = racer->nr % 2, .length = PAGE,
				   .nesting_parent_iova = IOVA);

	/* The second one without the first */
	if (queue != -EIO)
		discard(racer, o, queue);
}

static const struct kind kinds[] = {
	{ "HWPT", make_dirty, use_dirty },
	{ "nesting parent", make_parent, use_parent },
	{ "nested HWPT", make_nested, use_nested },
	{ "fault queue", make_fault, use_fault },
	{ "vIOMMU", make_viommu, use_viommu },
	{ "vDEVICE", make_vdevice, use_vdevice },
	{ "hardware queue", make_hw_queue, use_hw_queue },
};

static void come_and_go(struct racer *racer)
{
	struct objects *o = racer->data;
	int id = o->kind->make(o);

	/* A user may have made the only one that there can be. */
	if (id == -EEXIST)
		return;
	o->id = racer_allows(racer, id, 0, 0);
	if (racer->steps % 2)
		sched_yield();
	if (id > 0)
		destroy(racer, o, id);
	o->id = 0;
}

static void use(struct racer *racer)
{
	struct objects *o = racer->data;
	__u32 id = o->id;

	if (id)
		o->kind->use(racer, o, id);
	else
		sched_yield();
}

TEST_F(objects, destroy)
{
	struct objects *o = &self->o;
	int i, id;

	must(mock_replace(o->g.fd, &o->g.dev, o->plain));
	for (i = 0; i < N(kinds); i++) {
		o->kind = &kinds[i];
		id = must(ioas_alloc(o->g.fd));
		must(iommufd_destroy(o->g.fd, id));
		EXPECT_EQ(0, RUN(o, come_and_go, use, use, use))
			TH_LOG("%s", kinds[i].name);
		/* Nothing is left. */
		EXPECT_EQ(id, must(ioas_alloc(o->g.fd)))
			TH_LOG("%s", kinds[i].name);
		must(iommufd_destroy(o->g.fd, id));
	}
}

/* Page requests while their attachment comes and goes */
static void move(struct racer *racer)
{
	struct objects *o = racer->data;
	const __u32 to[] = { o->faulting[0], o->plain, o->faulting[1],
			     o->faulting[0], o->g.parent };

	racer_allows(racer, mock_replace(o->g.fd, &o->g.dev,
					 to[racer->steps % N(to)]), 0, 0);
}

static void request(struct racer *racer)
{
	struct objects *o = racer->data;

	racer_allows(racer, mock_page_request(o->g.fd, o->g.dev.idev, 0,
					      racer->steps % 512, 0), 0, 0);
}

/* What was read may have been answered meanwhile, for the detached device. */
static void read_and_answer(struct racer *racer)
{
	struct objects *o = racer->data;
	struct pollfd pfd = { .fd = o->faults.fd, .events = POLLIN };
	struct iommu_hwpt_pgfault m[3];
	struct iommu_hwpt_page_response r;
	int n, i;

	poll(&pfd, 1, 1);
	n = read(o->faults.fd, m, racer->steps % 2 ? sizeof(m) : sizeof(m[0]));
	racer_allows(racer, n < 0 ? -errno : 0, 0, 0);
	for (i = 0; i < n / (int)sizeof(m[0]); i++) {
		r = (struct iommu_hwpt_page_response){ m[i].cookie, i % 2 };
		if (m[i].dev_id != o->g.dev.idev)
			racer->bad = -EPROTO;
		/* Some are never answered. */
		if (racer->steps % 16 && write(o->faults.fd, &r, sizeof(r)) < 0)
			racer_allows(racer, -errno, EINVAL, 0);
		else
			racer->hits++;
	}
}

TEST_F(objects, faults)
{
	struct objects *o = &self->o;
	struct iommu_hwpt_pgfault m;

	EXPECT_EQ(0, RUN(o, move, request, request, read_and_answer,
			 read_and_answer));
	must(mock_replace(o->g.fd, &o->g.dev, o->plain));
	EXPECT_EQ(0, read(o->faults.fd, &m, sizeof(m)));
	EXPECT_EQ(0, iommufd_destroy(o->g.fd, o->faulting[0]));
	EXPECT_EQ(0, iommufd_destroy(o->g.fd, o->faulting[1]));
}

/* A device that is there for a moment, with page requests and without */
static void plug_and_unplug(struct racer *racer)
{
	struct objects *o = racer->data;
	struct mock mock;

	if (racer_allows(racer, mock_new(o->g.fd, o->faulting[0], 0, &mock), 0,
			 0))
		return;
	o->id = mock.idev;
	sched_yield();
	destroy(racer, o, mock.stdev);
}

/* Device IDs are used again: those of other objects are refused with ENOENT. */
static void use_device(struct racer *racer)
{
	struct objects *o = racer->data;
	struct iommu_hw_info info = { .dev_id = o->id };

	switch (racer->steps % 3) {
	case 0:
		racer_allows(racer, mock_page_request(o->g.fd, o->id, 0, 1, 0),
			     ENOENT, 0);
		break;
	case 1:
		racer_allows(racer, run_get_hw_info(o->g.fd, &info), ENOENT, 0);
		break;
	default:
		discard(racer, o, HWPT_ALLOC(o->g.fd, .dev_id = o->id,
					     .pt_id = o->g.ioas.id));
	}
}

static void alloc_vdevice(struct racer *racer)
{
	struct objects *o = racer->data;
	int id = racer_allows(racer, guest_vdevice(&o->g, o->id, racer->nr),
			      ENOENT, EEXIST), rc;

	if (id <= 0)
		return;
	racer->hits++;
	if (racer->steps % 2)
		sched_yield();
	do {
		rc = iommufd_destroy(o->g.fd, id);
	} while (rc == -EBUSY);
	/* It may have gone with its device. */
	racer_allows(racer, rc, ENOENT, 0);
}

TEST_F(objects, unplug)
{
	struct objects *o = &self->o;

	EXPECT_EQ(0, RUN(o, plug_and_unplug, use_device, use_device));
	EXPECT_EQ(0, RUN(o, plug_and_unplug, alloc_vdevice, alloc_vdevice,
			 use_device));
	/* No vDEVICE is left, nor what a guest calls one. */
	EXPECT_LT(0, guest_vdevice(&o->g, o->g.dev.idev, 1));
	must(iommufd_destroy(o->g.fd, o->g.dev.stdev));
	EXPECT_EQ(0, iommufd_destroy(o->g.fd, o->g.viommu));
	EXPECT_EQ(0, iommufd_destroy(o->g.fd, o->g.parent));
}

/* A queue that comes and goes, with events all the time */
static void veventq(struct racer *racer)
{
	struct objects *o = racer->data;
	struct { __u32 flags, sequence, virt_id; } record;
	struct event_queue queue;
	int i, n, last = -1;

	if (racer_allows(racer, veventq_alloc(o->g.fd, o->g.viommu,
					      IOMMU_VEVENTQ_TYPE_SELFTEST,
					      1 + racer->steps % 3, &queue),
			 0, 0))
		return;
	for (i = 0; i < 20; i++) {
		n = read(queue.fd, &record, sizeof(record));
		if (n < 0)
			racer->bad = -errno;
		if (n <= 0)
			continue;
		/* The record of a loss may be followed by what explains it. */
		if ((int)record.sequence <= last)
			racer->bad = -EPROTO;
		last = record.sequence;
	}
	close(queue.fd);
	destroy(racer, o, queue.id);
}

static void report(struct racer *racer)
{
	struct objects *o = racer->data;

	racer_allows(racer, mock_vevent(o->g.fd, o->g.dev.idev), EOPNOTSUPP, 0);
}

/* The attachment through which events come */
static void move_to_guest(struct racer *racer)
{
	struct objects *o = racer->data;

	racer_allows(racer, mock_replace(o->g.fd, &o->g.dev, racer->steps % 2 ?
					 o->plain : o->id), 0, 0);
}

static void report_or_not(struct racer *racer)
{
	struct objects *o = racer->data;

	racer_allows(racer, mock_vevent(o->g.fd, o->g.dev.idev), EOPNOTSUPP,
		     ENOENT);
}

TEST_F(objects, events)
{
	struct objects *o = &self->o;

	guest_attach(&o->g, 7);
	EXPECT_EQ(0, RUN(o, veventq, report, report));
	o->id = o->g.dev.hwpt;
	EXPECT_EQ(0, RUN(o, veventq, report_or_not, move_to_guest));
}

/* Readers of one queue: no event twice */
static void read_events(struct racer *racer)
{
	struct objects *o = racer->data;
	struct { __u32 flags, sequence, virt_id; } record;
	int n = read(o->faults.fd, &record, sizeof(record));

	if (n < 0)
		racer->bad = -errno;
	if (n != sizeof(record))
		return;
	/* In order for each of them, though not from one to the next */
	if (racer->hits && record.sequence <= o->sequences[racer->nr])
		racer->bad = -EPROTO;
	o->sequences[racer->nr] = record.sequence;
	racer->hits++;
}

TEST_F(objects, event_readers)
{
	struct objects *o = &self->o;

	guest_attach(&o->g, 7);
	close(o->faults.fd);
	must(veventq_alloc(o->g.fd, o->g.viommu, IOMMU_VEVENTQ_TYPE_SELFTEST,
			   1000, &o->faults));
	EXPECT_EQ(0, RUN(o, read_events, read_events, report));
}

/* Memory that hardware works on, or that is unmapped: one of the two */
static void lock_memory(struct racer *racer)
{
	struct objects *o = racer->data;
	int id = racer_allows(racer, make_hw_queue(o), ENOENT, EINVAL);

	if (id > 0)
		destroy(racer, o, id);
	racer->hits += id > 0;
}

static void unmap(struct racer *racer)
{
	struct objects *o = racer->data;
	int rc = racer->steps % 2 ? ioas_unmap(o->g.ioas, IOVA, SIZE, NULL) :
				    ioas_unmap_all(o->g.ioas, NULL);

	racer_allows(racer, rc, EBUSY, 0);
	if (!rc)
		racer_allows(racer, ioas_map_at(range_of(o->g.ioas, IOVA, SIZE),
						o->mem, MAP_RW), 0, 0);
}

TEST_F(objects, hw_queue)
{
	struct objects *o = &self->o;
	__u64 unmapped;

	EXPECT_EQ(0, RUN(o, lock_memory, unmap));
	EXPECT_EQ(0, ioas_unmap_all(o->g.ioas, &unmapped));
	EXPECT_EQ(SIZE, unmapped);
	EXPECT_EQ(0, pins_since(self->pinned));
}

/* A queue whose maker is never told of it, and one that needs it */
static void make_in_vain(struct racer *racer)
{
	struct objects *o = racer->data;
	int rc = iommufd_ioctl(o->g.fd, IOMMU_HW_QUEUE_ALLOC, o->read_only);

	if (rc != -EFAULT)
		racer->bad = rc ?: -EPROTO;
}

static void depend(struct racer *racer)
{
	struct objects *o = racer->data;
	int id = HW_QUEUE_ALLOC(o->g.fd, .viommu_id = o->g.viommu,
				.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
				.index = 1, .nesting_parent_iova = IOVA,
				.length = PAGE);

	/* EIO: there is no first one; ENOENT: it is not there yet. */
	racer_allows(racer, id, EIO, ENOENT);
	if (id <= 0)
		return;
	racer->bad = -EPROTO;
	destroy(racer, o, id);
}

TEST_F(objects, unborn_queue)
{
	struct objects *o = &self->o;
	const struct iommu_hw_queue_alloc first = {
		.size = sizeof(first),
		.viommu_id = o->g.viommu,
		.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
		.nesting_parent_iova = IOVA,
		.length = PAGE,
	};

	o->read_only = must_ptr(mem_base(PAGE));
	memcpy(o->read_only, &first, sizeof(first));
	must(mprotect(o->read_only, PAGE, PROT_READ));
	EXPECT_EQ(0, RUN(o, make_in_vain, depend));
	/* Nothing is in the way of what can be made. */
	EXPECT_EQ(0, iommufd_destroy(o->g.fd, o->g.viommu));
}

/* Registers that are mapped while their vIOMMU is destroyed */
static void map_window(struct racer *racer)
{
	struct objects *o = racer->data;
	const __u32 *window = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED,
				   o->g.fd, o->g.mmap_offset);

	if (window == MAP_FAILED) {
		racer_allows(racer, -errno, ENXIO, 0);
		return;
	}
	racer->hits++;
	if (*window != o->g.in_data)
		racer->bad = -EIO;
	munmap((char *)window + PAGE, PAGE);
	munmap((void *)window, PAGE);
}

static void replace_viommu(struct racer *racer)
{
	struct objects *o = racer->data;
	struct iommu_viommu_selftest data = { .in_data = o->g.in_data };

	destroy(racer, o, o->g.viommu);
	o->g.viommu = racer_allows(racer,
				   VIOMMU_ALLOC(o->g.fd,
						.hwpt_id = o->g.parent,
						.dev_id = o->g.dev.idev,
						.type = IOMMU_VIOMMU_TYPE_SELFTEST,
						.data_len = sizeof(data),
						.data_uptr = addr(&data)),
				   0, 0);
	/* An offset is not used again soon. */
	o->g.mmap_offset = data.out_mmap_offset;
}

TEST_F(objects, mmap)
{
	struct objects *o = &self->o;

	EXPECT_EQ(0, RUN(o, replace_viommu, map_window, map_window));
	EXPECT_EQ(0, iommufd_destroy(o->g.fd, o->g.viommu));
}

/* Dirty pages of what is mapped and unmapped, tracked and not */
static void write_pages(struct racer *racer)
{
	struct objects *o = racer->data;

	/* EINVAL: not tracked just now */
	racer_allows(racer, mock_write_page(o->g.fd, o->plain, IOVA +
					    racer->steps % PAGES * PAGE, PAGE),
		     EINVAL, ENOENT);
}

static void read_dirty(struct racer *racer)
{
	struct objects *o = racer->data;
	__u8 bits[4096];

	racer_allows(racer, GET_DIRTY_BITMAP(o->g.fd, .hwpt_id = o->plain,
					     .flags = racer->steps % 2,
					     .iova = IOVA, .length = 64 * MIB,
					     .page_size = PAGE,
					     .data = addr(bits)), 0, 0);
}

static void track(struct racer *racer)
{
	struct objects *o = racer->data;

	racer_allows(racer, hwpt_track_dirty(o->g.fd, o->plain,
					     racer->steps % 4), 0, 0);
}

TEST_F(objects, dirty)
{
	struct objects *o = &self->o;

	must(hwpt_track_dirty(o->g.fd, o->plain, true));
	EXPECT_EQ(0, RUN(o, unmap, write_pages, read_dirty, read_dirty, track));
}

/* Its first byte is the last one of a page; the next page changes. */
#define BAD_BITMAP(_o)	((_o)->bitmap + PAGE - 1)

static void protect_bitmap(struct racer *racer)
{
	struct objects *o = racer->data;

	must(mprotect(o->bitmap + PAGE, PAGE, racer->steps % 2 ? PROT_READ :
		      PROT_READ | PROT_WRITE));
}

/* Success or not: after a second look every bit has been seen. */
static void read_all_bits(struct racer *racer)
{
	struct objects *o = racer->data;
	const __u8 all[PAGES / 8] = { 0xff, 0xff };
	__u8 good[PAGES / 8] = {};
	int rc;

	/* Zeroes again, whether it can be written or not */
	must(madvise(o->bitmap, 2 * PAGE, MADV_DONTNEED));
	racer_allows(racer, mock_write(o->g.fd, o->plain, IOVA, SIZE, PAGE,
				       all), 0, 0);
	rc = racer_allows(racer,
			  GET_DIRTY_BITMAP(o->g.fd, .hwpt_id = o->plain,
					   .iova = IOVA, .length = SIZE,
					   .page_size = PAGE,
					   .data = addr(BAD_BITMAP(o))),
			  EFAULT, 0);
	racer->hits += !!rc;
	racer_allows(racer,
		     GET_DIRTY_BITMAP(o->g.fd, .hwpt_id = o->plain, .iova = IOVA,
				      .length = SIZE, .page_size = PAGE,
				      .data = addr(good)), 0, 0);
	good[0] |= BAD_BITMAP(o)[0];
	good[1] |= BAD_BITMAP(o)[1];
	if (good[0] != 0xff || good[1] != 0xff)
		racer->bad = -ENODATA;
}

TEST_F(objects, bitmap)
{
	struct objects *o = &self->o;

	o->bitmap = must_ptr(mem_base(2 * PAGE));
	must(hwpt_track_dirty(o->g.fd, o->plain, true));
	EXPECT_EQ(0, RUN(o, read_all_bits, protect_bitmap));
}

TEST_HARNESS_MAIN
