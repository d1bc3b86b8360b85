// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault queues with a real IOMMU: page requests of the VM's device that does DMA
 * with a PASID (tools/vm/run --pri) reach user space through VT-d, and the answers
 * the device.
 *
 * What QEMU 11 has no page requests of: DMA without a PASID, and a device whose RID
 * is not attached.
 */
#include <poll.h>

#include "lib/clock.h"
#include "lib/hwpt.h"
#include "lib/pasid_dev.h"
#include "lib/racers.h"
#include "test.h"

#define N(_array) ((int)ARRAY_SIZE(_array))
#define NEEDS_PRI	"no device with page requests (tools/vm/run --pri)"
#define IOVA		(16 * MIB)
#define PAGES		2
#define SPACES		3
#define ONE		1
#define TWO		2

/* The address space without a queue; the RID is in it. */
#define SILENT		2

#define READ		IOMMU_PGFAULT_PERM_READ
#define WRITE		IOMMU_PGFAULT_PERM_WRITE
#define LAST		IOMMU_PGFAULT_FLAGS_LAST_PAGE
#define WITH_PASID	IOMMU_PGFAULT_FLAGS_PASID_VALID
#define SUCCESS		IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID		IOMMUFD_PAGE_RESP_INVALID

#define MESSAGE	sizeof(struct iommu_hwpt_pgfault)
#define ANSWER	sizeof(struct iommu_hwpt_page_response)

/* Address spaces 0 and 1 have a queue of the same number, SILENT has none. */
struct setting {
	struct pasid_dev dev;
	struct ioas ioas[SPACES];
	__u32 hwpt[SPACES];
	struct event_queue queue[SPACES];
	char *mem;		/* PAGES of them, mapped nowhere yet */
	int pinned;
	int fd;
};

static __u32 alloc_faulting(struct ioas ioas, __u32 device, __u32 queue)
{
	return must(HWPT_ALLOC(ioas.fd, .dev_id = device, .pt_id = ioas.id,
			       .flags = IOMMU_HWPT_FAULT_ID_VALID |
					IOMMU_HWPT_ALLOC_PASID,
			       .fault_id = queue));
}

static void make_space(struct setting *s, int i)
{
	s->ioas[i] = must_ioas(s->fd);
	if (i == SILENT) {
		s->hwpt[i] = must(hwpt_alloc(s->ioas[i], s->dev.id,
					     IOMMU_HWPT_ALLOC_PASID));
		return;
	}
	must(fault_queue_alloc(s->fd, &s->queue[i]));
	s->hwpt[i] = alloc_faulting(s->ioas[i], s->dev.id, s->queue[i].id);
}

static void open_device(struct pasid_dev *dev, const struct pci_address *pci,
			int fd)
{
	must(pasid_dev_open(dev, pci, fd));
	must(pasid_dev_asks(dev) ? 0 : -ENODEV);
}

/* @rc: was the device found? */
static int set_up(struct setting *s, int rc, const struct pci_address *pci)
{
	int i;

	*s = (struct setting){ .fd = -1, .pinned = must(pinned_pages()) };
	if (rc)
		return rc;
	s->fd = must(iommufd_open());
	open_device(&s->dev, pci, s->fd);
	s->mem = must_ptr(mem_base(PAGES * PAGE));
	for (i = 0; i < SPACES; i++)
		make_space(s, i);
	must(vfio_attach(s->dev.fd, s->hwpt[SILENT]));
	return 0;
}

static void tear_down(struct setting *s)
{
	pasid_dev_close(&s->dev);
	if (s->fd < 0)
		return;
	close(s->queue[0].fd);
	close(s->queue[1].fd);
	close(s->fd);
}

/* To memory and from it */
FIXTURE(vtd_fault)
{
	struct setting s;
};

FIXTURE_VARIANT(vtd_fault)
{
	bool store;
};

FIXTURE_VARIANT_ADD(vtd_fault, store) { true };
FIXTURE_VARIANT_ADD(vtd_fault, load) { false };

FIXTURE_SETUP(vtd_fault)
{
	struct pci_address pci;

	if (set_up(&self->s, pasid_dev_find(&pci), &pci))
		SKIP(return, NEEDS_PRI);
}

FIXTURE_TEARDOWN(vtd_fault)
{
	tear_down(&self->s);
	EXPECT_SETTLED(self->s.pinned);
}

/* Several transfers at a time */
FIXTURE(vtd_faults)
{
	struct setting s;
};

FIXTURE_SETUP(vtd_faults)
{
	struct pci_address pci;

	if (set_up(&self->s, pasid_dev_find(&pci), &pci))
		SKIP(return, NEEDS_PRI);
}

FIXTURE_TEARDOWN(vtd_faults)
{
	tear_down(&self->s);
	EXPECT_SETTLED(self->s.pinned);
}

/* 1 when there are messages; 0 if there are none for @ms */
static int wait_for_message(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n = poll(&pfd, 1, ms);

	return n < 0 ? -errno : n;
}

/* One or more messages, when they are there; 0 if there are none for @ms */
static int read_within(int fd, struct iommu_hwpt_pgfault *messages, int room,
		       int ms)
{
	int n = wait_for_message(fd, ms);

	if (n <= 0)
		return n;
	n = read(fd, messages, room * MESSAGE);
	return n < 0 ? -errno : n / (int)MESSAGE;
}

/* The cookie of the group that consists of this one request */
static int take(int fd, struct iommu_hwpt_pgfault *message)
{
	int n = read_within(fd, message, 1, 1000);

	return n == 1 ? (int)message->cookie : n ?: -ENODATA;
}

static int answer(int fd, __u32 cookie, __u32 code)
{
	const struct iommu_hwpt_page_response response = { cookie, code };
	int n = write(fd, &response, ANSWER);

	return n < 0 ? -errno : n == ANSWER ? 0 : -EIO;
}

static struct pasid_dma page_of(__u32 pasid, bool store)
{
	return (struct pasid_dma){ .pasid = pasid, .iova = IOVA,
				   .length = PAGE, .store = store };
}

#define attach(pasid, pt) vfio_attach_pasid(self->s.dev.fd, pasid, pt)
#define detach(pasid) vfio_detach_pasid(self->s.dev.fd, pasid)
#define start(channel, dma) pasid_dev_start(&self->s.dev, channel, dma)
#define state(channel) pasid_dev_state(&self->s.dev, channel)
#define result(channel) pasid_dev_result(&self->s.dev, channel)
#define map(space, flags) \
	ioas_map_at(range_of(self->s.ioas[space], IOVA, PAGE), self->s.mem, flags)

/* The device asks for a page; the cookie of that, taken from queue 0 */
#define ask_and_take(channel, dma)					\
({									\
	struct iommu_hwpt_pgfault _message;				\
									\
	ASSERT_EQ(-EINPROGRESS, start(channel, dma));			\
	must(take(self->s.queue[0].fd, &_message));			\
})

TEST_F(vtd_fault, message)
{
	struct pasid_dma dma = page_of(ONE, variant->store);
	struct iommu_hwpt_pgfault message, expected = {
		.flags = LAST | WITH_PASID,
		.dev_id = self->s.dev.id,
		.pasid = ONE,
		.perm = variant->store ? WRITE : READ,
		.addr = IOVA,
	};

	must(attach(ONE, self->s.hwpt[0]));
	/* Pages are asked for, whatever is wanted of them. */
	dma.iova += 100;
	dma.length = 8;
	ASSERT_EQ(-EINPROGRESS, start(0, &dma));
	expected.cookie = must(take(self->s.queue[0].fd, &message));
	expected.grpid = message.grpid;
	EXPECT_EQ(0, memcmp(&expected, &message, MESSAGE));
	EXPECT_EQ(0, read_within(self->s.queue[0].fd, &message, 1, 100));
	EXPECT_EQ(-EINPROGRESS, state(0));
	EXPECT_EQ(0, answer(self->s.queue[0].fd, expected.cookie, INVALID));
	EXPECT_EQ(-EACCES, result(0));
}

/* What a page has to be for the transfer, what is said of it, and what follows */
static const struct {
	__u32 flags;		/* of a mapping, or none */
	__u32 code;
	int store, load;
} answers[] = {
	{ MAP_RW, SUCCESS, 0, 0 },
	{ MAP_R, SUCCESS, -EFAULT, 0 },
	{ 0, SUCCESS, -EFAULT, -EFAULT },
	{ 0, INVALID, -EACCES, -EACCES },
	/* The device need not try. */
	{ MAP_RW, INVALID, -EACCES, -EACCES },
};

/* Both sides of a transfer are as expected, if it was done or if it was not. */
static bool arrived(struct pasid_dev *dev, const char *mem, bool store,
		    bool done)
{
	char page[PAGE];

	pasid_dev_get(dev, page);
	return mem_differs(mem, PAGE, store && done ? 2 : 1) < 0 &&
	       mem_differs(page, PAGE, store || !done ? 2 : 1) < 0;
}

TEST_F(vtd_fault, answers)
{
	const struct pasid_dma dma = page_of(ONE, variant->store);
	char page[PAGE];
	int i, cookie, expected;

	must(attach(ONE, self->s.hwpt[0]));
	for (i = 0; i < N(answers); i++) {
		mem_fill(self->s.mem, PAGE, 1);
		mem_fill(page, PAGE, 2);
		pasid_dev_put(&self->s.dev, page);
		expected = variant->store ? answers[i].store : answers[i].load;

		cookie = ask_and_take(0, &dma);
		if (answers[i].flags)
			must(map(0, answers[i].flags));
		EXPECT_EQ(-EINPROGRESS, state(0));
		EXPECT_EQ(0, answer(self->s.queue[0].fd, cookie, answers[i].code));
		EXPECT_EQ(expected, result(0))
			TH_LOG("row %d", i);
		EXPECT_TRUE(arrived(&self->s.dev, self->s.mem, variant->store,
				    !expected))
			TH_LOG("row %d", i);
		if (answers[i].flags)
			must(ioas_unmap(self->s.ioas[0], IOVA, PAGE, NULL));
	}
}

/* For what is mapped no device asks. */
TEST_F(vtd_fault, mapped)
{
	const struct pasid_dma dma = page_of(ONE, variant->store);
	struct iommu_hwpt_pgfault message;

	must(map(0, variant->store ? MAP_RW : MAP_R));
	must(attach(ONE, self->s.hwpt[0]));
	EXPECT_EQ(0, start(0, &dma));
	EXPECT_EQ(0, read_within(self->s.queue[0].fd, &message, 1, 100));

	/* It has not kept the translation. */
	must(ioas_unmap(self->s.ioas[0], IOVA, PAGE, NULL));
	EXPECT_EQ(0, answer(self->s.queue[0].fd, ask_and_take(0, &dma), SUCCESS));
	EXPECT_EQ(-EFAULT, result(0));
}

/* Two pages that are asked for together are answered together. */
TEST_F(vtd_fault, group_of_two)
{
	struct pasid_dma dma = page_of(ONE, variant->store);
	struct iommu_hwpt_pgfault messages[3] = {};
	int fd = self->s.queue[0].fd;

	dma.iova += PAGE / 2;
	mem_fill(self->s.mem, PAGES * PAGE, 1);
	must(attach(ONE, self->s.hwpt[0]));
	ASSERT_EQ(-EINPROGRESS, start(0, &dma));
	/* All of a group or nothing */
	EXPECT_EQ(-EINVAL, read_within(fd, messages, 1, 1000));
	ASSERT_EQ(2, read_within(fd, messages, 3, 1000));
	EXPECT_EQ(IOVA, messages[0].addr);
	EXPECT_EQ(IOVA + PAGE, messages[1].addr);
	EXPECT_EQ(0, messages[0].flags & LAST);
	EXPECT_EQ(LAST, messages[1].flags & LAST);
	EXPECT_EQ(messages[0].grpid, messages[1].grpid);
	EXPECT_EQ(messages[0].cookie, messages[1].cookie);

	must(ioas_map_at(range_of(self->s.ioas[0], IOVA, 2 * PAGE), self->s.mem,
			 MAP_RW));
	EXPECT_EQ(0, answer(fd, messages[0].cookie, SUCCESS));
	EXPECT_EQ(-EINVAL, answer(fd, messages[1].cookie, SUCCESS));
	EXPECT_EQ(0, result(0));
}

/* If one of two pages is there, it is the other that is asked for. */
TEST_F(vtd_fault, one_of_two)
{
	struct pasid_dma dma = page_of(ONE, variant->store);
	struct iommu_hwpt_pgfault message;
	int i, cookie;

	dma.iova += PAGE / 2;
	must(attach(ONE, self->s.hwpt[0]));
	for (i = 0; i < 2; i++) {
		must(ioas_map_at(range_of(self->s.ioas[0], IOVA + i * PAGE, PAGE),
				 self->s.mem, MAP_RW));
		ASSERT_EQ(-EINPROGRESS, start(0, &dma));
		cookie = must(take(self->s.queue[0].fd, &message));
		EXPECT_EQ(IOVA + !i * PAGE, message.addr);
		EXPECT_EQ(LAST, message.flags & LAST);
		EXPECT_EQ(0, answer(self->s.queue[0].fd, cookie, SUCCESS));
		EXPECT_EQ(-EFAULT, result(0));
		must(ioas_unmap(self->s.ioas[0], IOVA + i * PAGE, PAGE, NULL));
	}
}

/* Ways out of an attachment while the device waits for an answer */
static const struct {
	int moves_to;		/* address space, or nowhere */
	bool taken;		/* by user space, before */
} leaving[] = {
	{ -1, false }, { -1, true },
	{ 1, false }, { 1, true },
	{ SILENT, false }, { SILENT, true },
};

TEST_F(vtd_fault, leave)
{
	const struct pasid_dma dma = page_of(ONE, variant->store);
	struct iommu_hwpt_pgfault message;
	int i, cookie, fd = self->s.queue[0].fd;

	for (i = 0; i < N(leaving); i++) {
		must(attach(ONE, self->s.hwpt[0]));
		ASSERT_EQ(-EINPROGRESS, start(0, &dma));
		ASSERT_EQ(1, wait_for_message(fd, 1000));
		cookie = leaving[i].taken ? must(take(fd, &message)) : 0;
		if (leaving[i].moves_to < 0)
			must(detach(ONE));
		else
			must(attach(ONE,
				    self->s.hwpt[leaving[i].moves_to]));
		EXPECT_EQ(-EACCES, result(0))
			TH_LOG("row %d", i);
		/* Nothing is left of it. */
		if (cookie)
			EXPECT_EQ(-EINVAL, answer(fd, cookie, SUCCESS));
		EXPECT_EQ(0, read_within(fd, &message, 1, 100));
		EXPECT_EQ(0, read_within(self->s.queue[1].fd, &message, 1, 0));
		must(detach(ONE));
	}
}

/* Requests go where the device is. */
TEST_F(vtd_fault, moved)
{
	const struct pasid_dma dma = page_of(ONE, variant->store);
	struct iommu_hwpt_pgfault message;
	int cookie;

	must(attach(ONE, self->s.hwpt[0]));
	must(attach(ONE, self->s.hwpt[1]));
	ASSERT_EQ(-EINPROGRESS, start(0, &dma));
	cookie = must(take(self->s.queue[1].fd, &message));
	EXPECT_EQ(0, read_within(self->s.queue[0].fd, &message, 1, 0));
	must(map(1, MAP_RW));
	EXPECT_EQ(0, answer(self->s.queue[1].fd, cookie, SUCCESS));
	EXPECT_EQ(0, result(0));

	/* Where nobody is asked the answer is no. */
	must(attach(ONE, self->s.hwpt[SILENT]));
	start(0, &dma);
	EXPECT_EQ(-EACCES, result(0));
	must(map(SILENT, MAP_RW));
	EXPECT_EQ(0, start(0, &dma));

	/* And back */
	must(attach(ONE, self->s.hwpt[0]));
	EXPECT_EQ(0, answer(self->s.queue[0].fd, ask_and_take(0, &dma), INVALID));
	EXPECT_EQ(-EACCES, result(0));
}

/* Each PASID has its queue, and its answers. */
TEST_F(vtd_faults, two_pasids)
{
	const struct pasid_dma dma[] = { page_of(ONE, true), page_of(TWO, true) };
	struct iommu_hwpt_pgfault message[2];
	int i, cookie[2];

	for (i = 0; i < 2; i++) {
		must(attach(dma[i].pasid, self->s.hwpt[i]));
		ASSERT_EQ(-EINPROGRESS, start(i, &dma[i]));
	}
	for (i = 0; i < 2; i++) {
		cookie[i] = must(take(self->s.queue[i].fd, &message[i]));
		EXPECT_EQ(dma[i].pasid, message[i].pasid);
	}
	must(map(1, MAP_RW));
	EXPECT_EQ(0, answer(self->s.queue[1].fd, cookie[1], SUCCESS));
	EXPECT_EQ(0, result(1));
	EXPECT_EQ(-EINPROGRESS, state(0));
	must(detach(TWO));
	EXPECT_EQ(-EINPROGRESS, state(0));
	EXPECT_EQ(0, answer(self->s.queue[0].fd, cookie[0], INVALID));
	EXPECT_EQ(-EACCES, result(0));
}

/* What is answered in another order reaches who asked. */
TEST_F(vtd_faults, many)
{
	struct iommu_hwpt_pgfault messages[PASID_DEV_CHANNELS];
	struct pasid_dma dma = page_of(ONE, true);
	int i, at, fd = self->s.queue[0].fd;

	must(attach(ONE, self->s.hwpt[0]));
	for (i = 0; i < PASID_DEV_CHANNELS; i++) {
		dma.iova = IOVA + i * PAGE;
		ASSERT_EQ(-EINPROGRESS, start(i, &dma));
	}
	for (i = 0; i < PASID_DEV_CHANNELS; i++)
		must(take(fd, &messages[i]));
	for (i = PASID_DEV_CHANNELS - 1; i >= 0; i--) {
		at = (messages[i].addr - IOVA) / PAGE;
		ASSERT_EQ(i, at);
		EXPECT_EQ(0, answer(fd, messages[i].cookie,
				    i % 2 ? INVALID : SUCCESS));
		EXPECT_EQ(i % 2 ? -EACCES : -EFAULT, result(i));
		if (i)
			EXPECT_EQ(-EINPROGRESS, state(i - 1));
	}
}

/* What the queue belongs to is closed; the attachment is still there. */
TEST_F(vtd_faults, queue_closed)
{
	const struct pasid_dma dma = page_of(ONE, true);

	must(attach(ONE, self->s.hwpt[0]));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->s.fd, self->s.queue[0].id));
	ask_and_take(0, &dma);
	ASSERT_EQ(-EINPROGRESS, start(1, &dma));
	close(self->s.queue[0].fd);
	close(self->s.queue[1].fd);
	close(self->s.fd);
	self->s.fd = -1;
	EXPECT_EQ(-EINPROGRESS, state(0));
	EXPECT_EQ(-EINPROGRESS, state(1));
	must(detach(ONE));
	EXPECT_EQ(-EACCES, result(0));
	EXPECT_EQ(-EACCES, result(1));
}

/* The device is closed, and forgets what it has asked for. */
TEST_F(vtd_faults, device_closed)
{
	const struct pasid_dma dma = page_of(ONE, true);
	struct pci_address pci = self->s.dev.pci;
	struct iommu_hwpt_pgfault message;
	int cookie, fd = self->s.queue[0].fd;

	must(attach(ONE, self->s.hwpt[0]));
	cookie = ask_and_take(0, &dma);
	ASSERT_EQ(-EINPROGRESS, start(1, &dma));
	pasid_dev_close(&self->s.dev);
	EXPECT_EQ(-EINVAL, answer(fd, cookie, SUCCESS));
	EXPECT_EQ(0, read_within(fd, &message, 1, 100));

	must(pasid_dev_open(&self->s.dev, &pci, self->s.fd));
	EXPECT_EQ(-ENODATA, state(0));
	must(vfio_attach(self->s.dev.fd, self->s.hwpt[SILENT]));
	must(attach(ONE, self->s.hwpt[0]));
	EXPECT_EQ(0, answer(fd, ask_and_take(0, &dma), INVALID));
	EXPECT_EQ(-EACCES, result(0));
}

/* A reset makes the device forget it too, and leaves the attachment alone. */
TEST_F(vtd_faults, reset)
{
	const struct pasid_dma dma = page_of(ONE, true);
	int cookie, fd = self->s.queue[0].fd;

	must(attach(ONE, self->s.hwpt[0]));
	cookie = ask_and_take(0, &dma);
	must(vfio_reset(self->s.dev.fd));
	EXPECT_EQ(-ENODATA, state(0));
	EXPECT_EQ(0, answer(fd, cookie, SUCCESS));
	EXPECT_EQ(-ENODATA, state(0));

	must(vfio_bus_master(self->s.dev.fd, true));
	cookie = ask_and_take(0, &dma);
	must(map(0, MAP_RW));
	EXPECT_EQ(0, answer(fd, cookie, SUCCESS));
	EXPECT_EQ(0, result(0));
}

/* A device that cannot ask has nothing to do with a queue. */
TEST_F(vtd_faults, device_without_requests)
{
	struct pci_address pci;
	struct edu edu;
	__u32 hwpt;

	must(pci_find(0x1234, EDU_DEVICE, &pci, 1));
	must(edu_open(&edu, &pci, self->s.fd));
	hwpt = alloc_faulting(self->s.ioas[0], edu.id, self->s.queue[0].id);
	EXPECT_EQ(-ENODEV, vfio_attach(edu.fd, hwpt));
	must(vfio_attach(edu.fd, self->s.hwpt[SILENT]));
	EXPECT_EQ(-ENODEV, vfio_attach(edu.fd, hwpt));
	edu_close(&edu);
}

/* The RID has a queue as well: it is not asked for what a PASID needs. */
TEST_F(vtd_faults, rid_and_pasid)
{
	const struct pasid_dma rid = page_of(NO_PASID, true);
	const struct pasid_dma one = page_of(ONE, true);
	struct iommu_hwpt_pgfault message;
	int cookie;

	must(vfio_attach(self->s.dev.fd, self->s.hwpt[0]));
	must(attach(ONE, self->s.hwpt[1]));
	must(map(0, MAP_RW));
	EXPECT_EQ(0, start(0, &rid));
	ASSERT_EQ(-EINPROGRESS, start(1, &one));
	cookie = must(take(self->s.queue[1].fd, &message));
	EXPECT_EQ(0, read_within(self->s.queue[0].fd, &message, 1, 100));

	/* Nor does it matter that it goes elsewhere. */
	must(vfio_attach(self->s.dev.fd, self->s.hwpt[SILENT]));
	EXPECT_EQ(-EINPROGRESS, state(1));
	must(map(1, MAP_RW));
	EXPECT_EQ(0, answer(self->s.queue[1].fd, cookie, SUCCESS));
	EXPECT_EQ(0, result(1));
}

/* What the racers below are at */
struct rally {
	struct setting *s;
	int nr;			/* channel or queue */
	unsigned int seed;
};

static void ask_for_something(struct racer *racer)
{
	struct rally *r = racer->data;
	const struct pasid_dma dma = page_of(ONE, rand_r(&r->seed) % 2);
	int rc;

	pasid_dev_start(&r->s->dev, r->nr, &dma);
	do {
		usleep(20);
		rc = pasid_dev_state(&r->s->dev, r->nr);
	} while (rc == -EINPROGRESS && !atomic_load(racer->stop));
	racer->hits += !rc;
	/* No page, no attachment, or nobody who answers any longer */
	if (rc != -EPERM && rc != -EINPROGRESS)
		racer_allows(racer, rc, EACCES, EFAULT);
}

static void answer_something(struct racer *racer)
{
	struct rally *r = racer->data;
	struct iommu_hwpt_pgfault message;
	int fd = r->s->queue[r->nr].fd;
	int rc = read_within(fd, &message, 1, 10);

	if (rc <= 0) {
		/* Between poll() and read() it can be answered. */
		racer_allows(racer, rc, 0, 0);
		return;
	}
	rc = answer(fd, message.cookie, rand_r(&r->seed) % 4 ? SUCCESS : INVALID);
	racer->hits += !rc;
	racer_allows(racer, rc, EINVAL, 0);
}

static void map_something(struct racer *racer)
{
	struct rally *r = racer->data;
	struct ioas ioas = r->s->ioas[rand_r(&r->seed) % 2];
	int rc = rand_r(&r->seed) % 2 ?
			 ioas_map_at(range_of(ioas, IOVA, PAGE), r->s->mem,
				     MAP_RW) :
			 ioas_unmap(ioas, IOVA, PAGE, NULL);

	racer->hits += rc >= 0;
	racer_allows(racer, rc, EEXIST, ENOENT);
}

/* To a page table with a queue or to the one without, from another or from none */
static void come_and_go(struct racer *racer)
{
	struct rally *r = racer->data;
	int fd = r->s->dev.fd;
	int to = rand_r(&r->seed) % (SPACES + 1);
	int rc = to == SPACES ? vfio_detach_pasid(fd, ONE) :
				vfio_attach_pasid(fd, ONE, r->s->hwpt[to]);

	racer->hits += rc >= 0;
	racer_allows(racer, rc, 0, 0);
	/* Let a few be asked for and answered, or move while the first is reported. */
	if (to < SILENT && rand_r(&r->seed) % 2)
		clock_sleep_ms(20);
}

TEST_F(vtd_faults, race)
{
	struct setting *s = &self->s;
	struct rally rallies[] = {
		{ s, 0, 1 }, { s, 1, 2 }, { s, 0, 3 }, { s, 1, 4 },
		{ s, 0, 5 }, { s, 0, 6 },
	};
	struct racer racers[] = {
		{ ask_for_something, &rallies[0] },
		{ ask_for_something, &rallies[1] },
		{ answer_something, &rallies[2] },
		{ answer_something, &rallies[3] },
		{ map_something, &rallies[4] },
		{ come_and_go, &rallies[5] },
	};
	int i;

	EXPECT_EQ(0, racers_run(racers, N(racers), 3000));
	for (i = 0; i < N(racers); i++) {
		TH_LOG("%lu of %lu", racers[i].hits, racers[i].steps);
		EXPECT_LT(0, racers[i].hits);
	}
	must(detach(ONE));
	for (i = 0; i < 2; i++)
		EXPECT_NE(-EINPROGRESS, result(i));
	for (i = 0; i < SILENT; i++)
		EXPECT_EQ(0, iommufd_destroy(s->fd, s->hwpt[i]));
}

/* Two devices of one IOMMU group */
FIXTURE(vtd_fault_group)
{
	struct setting s;
	struct pasid_dev other;
};

FIXTURE_SETUP(vtd_fault_group)
{
	struct pci_address pair[2], edu;

	self->other.regs = NULL;
	if (set_up(&self->s, pasid_dev_find_group(pair, &edu), &pair[0]))
		SKIP(return, NEEDS_PRI);
	open_device(&self->other, &pair[1], self->s.fd);
	must(vfio_attach(self->other.fd, self->s.hwpt[SILENT]));
	must(attach(ONE, self->s.hwpt[0]));
	must(vfio_attach_pasid(self->other.fd, ONE, self->s.hwpt[0]));
}

FIXTURE_TEARDOWN(vtd_fault_group)
{
	pasid_dev_close(&self->other);
	tear_down(&self->s);
	EXPECT_SETTLED(self->s.pinned);
}

/* Both ask for the same; each gets its own answer. */
#define ask_twice(messages)						\
do {									\
	const struct pasid_dma _dma = page_of(ONE, true);		\
									\
	ASSERT_EQ(-EINPROGRESS, start(0, &_dma));			\
	ASSERT_EQ(-EINPROGRESS,						\
		  pasid_dev_start(&self->other, 0, &_dma));		\
	must(take(self->s.queue[0].fd, &messages[0]));			\
	must(take(self->s.queue[0].fd, &messages[1]));			\
} while (0)

TEST_F(vtd_fault_group, answers)
{
	struct iommu_hwpt_pgfault messages[2];
	int fd = self->s.queue[0].fd;

	ask_twice(messages);
	EXPECT_EQ(0, answer(fd, messages[1].cookie, INVALID));
	EXPECT_EQ(-EACCES, pasid_dev_result(&self->other, 0));
	EXPECT_EQ(-EINPROGRESS, state(0));
	must(map(0, MAP_RW));
	EXPECT_EQ(0, answer(fd, messages[0].cookie, SUCCESS));
	EXPECT_EQ(0, result(0));
}

TEST_F(vtd_fault_group, who_asks)
{
	struct iommu_hwpt_pgfault messages[2];

	ask_twice(messages);
	EXPECT_EQ(self->s.dev.id, messages[0].dev_id);
	EXPECT_EQ(self->other.id, messages[1].dev_id);
}

/* Who leaves is answered; nobody else. */
TEST_F(vtd_fault_group, one_leaves)
{
	struct iommu_hwpt_pgfault messages[2];
	int fd = self->s.queue[0].fd;

	ask_twice(messages);
	must(detach(ONE));
	EXPECT_EQ(-EACCES, result(0));
	EXPECT_EQ(-EINPROGRESS, pasid_dev_state(&self->other, 0));
	EXPECT_EQ(-EINVAL, answer(fd, messages[0].cookie, SUCCESS));
	EXPECT_EQ(0, answer(fd, messages[1].cookie, SUCCESS));
	EXPECT_EQ(-EFAULT, pasid_dev_result(&self->other, 0));
}

/* Who moves takes the others along. */
TEST_F(vtd_fault_group, all_move)
{
	struct iommu_hwpt_pgfault messages[2];

	ask_twice(messages);
	must(attach(ONE, self->s.hwpt[1]));
	EXPECT_EQ(-EACCES, result(0));
	EXPECT_EQ(-EACCES, pasid_dev_result(&self->other, 0));
}

TEST_HARNESS_MAIN
