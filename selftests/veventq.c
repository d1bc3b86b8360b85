// SPDX-License-Identifier: GPL-2.0-only
/*
 * vEVENTQs: events of a vIOMMU of the mock, which a test reports and reads. What a
 * read has to return is compared with a model of the queue. Sequence numbers start
 * again after INT_MAX, which is too many events for a test.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/bad_input.h"
#include "lib/clock.h"
#include "lib/guest.h"
#include "test.h"

#define N(_array)	((int)ARRAY_SIZE(_array))
#define TYPE		IOMMU_VEVENTQ_TYPE_SELFTEST
#define VIRT_ID		0x99
#define MAX_DEPTH	(1 << 19)
#define BUDGET_MS	5000	/* for one depth of a queue */
#define HEADER		sizeof(struct iommufd_vevent_header)

/* An event as it is read */
struct record {
	struct iommufd_vevent_header header;
	struct iommu_viommu_event_selftest event;
};

#define RECORD	sizeof(struct record)

FIXTURE(veventq)
{
	struct guest g;
	struct event_queue queue;	/* has room for 2 */
	int pinned;
	char *mem;			/* a page, then none */
};

FIXTURE_SETUP(veventq)
{
	int fd = must(iommufd_open());

	self->g.fd = -1;
	self->queue.fd = -1;
	self->pinned = pins_since(0);
	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	close(fd);
	guest_open(&self->g);
	guest_attach(&self->g, VIRT_ID);
	must(veventq_alloc(self->g.fd, self->g.viommu, TYPE, 2, &self->queue));
	self->mem = must_ptr(mem_base(2 * PAGE));
	munmap(self->mem + PAGE, PAGE);
}

FIXTURE_TEARDOWN(veventq)
{
	close(self->queue.fd);
	guest_close(&self->g);
	EXPECT_SETTLED(self->pinned);
}

#define REPORT()	must(mock_vevent(self->g.fd, self->g.dev.idev))

static int read_file(int fd, void *buffer, size_t count)
{
	int n = read(fd, buffer, count);

	return n < 0 ? -errno : n;
}

/* The sequence number of the next record, plus 1000 if it says that some are lost */
static int take(int fd)
{
	struct record record;
	int n = read_file(fd, &record, RECORD);

	if (n == HEADER)
		return record.header.flags == IOMMU_VEVENTQ_FLAG_LOST_EVENTS ?
		       1000 + (int)record.header.sequence : -EPROTO;
	if (n != RECORD)
		return n ?: -EAGAIN;
	return record.header.flags || record.event.virt_id != VIRT_ID ?
	       -EPROTO : (int)record.header.sequence;
}

#define LOST	1000

static int events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = -1 };
	int n = poll(&pfd, 1, 0);

	return n < 0 ? -errno : pfd.revents;
}

TEST_F(veventq, alloc_errors)
{
	const struct iommu_veventq_alloc good = {
		.size = sizeof(good),
		.viommu_id = self->g.viommu,
		.type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = MAX_DEPTH,
	};
	const struct good_call call =
		GOOD_CALL(self->g.fd, IOMMU_VEVENTQ_ALLOC, good);
#define VEVENTQ(_stage, _member, _value, _error)			\
	BAD_AT(_stage, iommu_veventq_alloc, _member, _value, _error)
	const struct bad_input cases[] = {
		VEVENTQ(1, flags, 1, EOPNOTSUPP),
		VEVENTQ(1, flags, 1U << 31, EOPNOTSUPP),
		VEVENTQ(1, __reserved, 1, EOPNOTSUPP),
		VEVENTQ(1, type, IOMMU_VEVENTQ_TYPE_DEFAULT, EOPNOTSUPP),
		VEVENTQ(2, veventq_depth, 0, EINVAL),
		VEVENTQ(2, veventq_depth, MAX_DEPTH + 1, EINVAL),
		VEVENTQ(2, veventq_depth, -1, EINVAL),
		VEVENTQ(3, viommu_id, 0, ENOENT),
		VEVENTQ(3, viommu_id, NO_ID, ENOENT),
		VEVENTQ(3, viommu_id, self->g.parent, ENOENT),
		VEVENTQ(3, viommu_id, self->queue.id, ENOENT),
		VEVENTQ(4, type, TYPE, EEXIST),
	};
	struct rlimit limit, none = {};
	struct event_queue queue;

	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, bad_memory(&call));
	must(getrlimit(RLIMIT_NOFILE, &limit));
	none.rlim_max = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, veventq_alloc(self->g.fd, self->g.viommu, 7, 1,
					 &queue));
	must(setrlimit(RLIMIT_NOFILE, &limit));
	/* None of those has taken the place of the type. Any type will do. */
	EXPECT_EQ(0, veventq_alloc(self->g.fd, self->g.viommu, 7, MAX_DEPTH,
				   &queue));
	close(queue.fd);
	EXPECT_EQ(0, veventq_alloc(self->g.fd, self->g.viommu, -1, 1, &queue));
	close(queue.fd);
}

TEST_F(veventq, file)
{
	char path[32], name[64] = "";

	EXPECT_EQ(O_RDWR, fcntl(self->queue.fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->queue.fd, F_GETFD));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->queue.fd);
	must(readlink(path, name, sizeof(name) - 1) < 0 ? -errno : 0);
	EXPECT_STREQ("anon_inode:[iommufd-viommu-event]", name);
	EXPECT_EQ(-1, write(self->queue.fd, name, 8));
	EXPECT_EQ(EINVAL, errno);
	REPORT();
	EXPECT_EQ(-1, pread(self->queue.fd, self->mem, RECORD, 8));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(0, take(self->queue.fd));
}

/* What one read returns after so many reports to a queue of two */
TEST_F(veventq, read)
{
	static const struct {
		int reports;
		size_t count;
		int at;		/* from the end of memory */
		int result;
	} cases[] = {
		{ 0, 0, 100, -EINVAL }, { 0, 7, 100, -EINVAL },
		{ 0, 8, 100, 0 }, { 0, 100, 100, 0 }, { 0, 100, 0, 0 },
		{ 1, 0, 100, -EINVAL }, { 1, 7, 100, -EINVAL },
		{ 1, 8, 100, -EINVAL }, { 1, 11, 100, -EINVAL },
		{ 1, 12, 100, 12 }, { 1, 13, 99, 12 }, { 1, 4096, 4096, 12 },
		{ 2, 23, 100, 12 }, { 2, 24, 100, 24 }, { 2, 25, 100, 24 },
		{ 3, 24, 100, 24 }, { 3, 31, 100, 24 }, { 3, 32, 100, 32 },
		{ 9, 100, 100, 32 },
		/* Not all of it can be written: what could is read. */
		{ 1, 12, 0, -EFAULT }, { 1, 12, 7, -EFAULT },
		{ 1, 12, 8, -EFAULT }, { 1, 12, 11, -EFAULT },
		{ 2, 24, 12, 12 }, { 2, 24, 23, 12 }, { 3, 32, 24, 24 },
		{ 3, 32, 31, 24 },
	};
	int i, n, seq = 0, left;

	for (i = 0; i < N(cases); i++) {
		for (n = 0; n < cases[i].reports; n++)
			REPORT();
		EXPECT_EQ(cases[i].result,
			  read_file(self->queue.fd,
				    self->mem + PAGE - cases[i].at,
				    cases[i].count))
			TH_LOG("case %d", i);
		/* The others are there still. */
		n = cases[i].result;
		left = cases[i].reports;
		if (left > 2)
			left = 2;
		for (n = n < 0 ? 0 : n / (int)RECORD; n < left; n++)
			EXPECT_EQ(seq + n, take(self->queue.fd));
		seq += cases[i].reports;
		if (cases[i].reports > 2 && cases[i].result < 32)
			EXPECT_EQ(LOST + seq - 1, take(self->queue.fd));
		EXPECT_EQ(-EAGAIN, take(self->queue.fd));
		EXPECT_EQ(0, events(self->queue.fd));
	}
}

/* A queue as the uAPI describes it */
struct model {
	struct iommufd_vevent_header records[8];
	int n;
	int depth;
	__u32 sequence;
};

static bool last_is_lost(const struct model *model)
{
	return model->n && model->records[model->n - 1].flags;
}

static void model_report(struct model *model)
{
	int normal = model->n - last_is_lost(model);
	struct iommufd_vevent_header header = { 0, model->sequence++ };

	/* There is one LOST record at most, the last one. */
	model->n = normal;
	if (normal >= model->depth)
		header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	model->records[model->n++] = header;
}

static int model_read(struct model *model, char *buffer, size_t count)
{
	const __u32 virt_id = VIRT_ID;
	size_t done = 0, size;
	int i;

	if (count < HEADER)
		return -EINVAL;
	for (i = 0; i < model->n; i++) {
		size = model->records[i].flags ? HEADER : RECORD;
		if (done + size > count)
			break;
		memcpy(buffer + done, &model->records[i], HEADER);
		memcpy(buffer + done + HEADER, &virt_id, size - HEADER);
		done += size;
	}
	if (model->n && !i)
		return -EINVAL;
	model->n -= i;
	memmove(model->records, model->records + i,
		model->n * sizeof(model->records[0]));
	return done;
}

TEST_F(veventq, model)
{
	static const int depths[] = { 1, 2, 3, 7 };
	int i, step, wrong = 0, lost = 0;
	long end;

	srand(1);
	close(self->queue.fd);
	must(iommufd_destroy(self->g.fd, self->queue.id));
	for (i = 0; i < N(depths); i++) {
		struct model model = { .depth = depths[i] };

		must(veventq_alloc(self->g.fd, self->g.viommu, TYPE, depths[i],
				   &self->queue));
		end = clock_ms() + BUDGET_MS;
		for (step = 0; step < 3000 && clock_ms() < end; step++) {
			char expected[128] = {}, buffer[128] = {};
			size_t count = rand() % 64;

			if (rand() % 3) {
				REPORT();
				model_report(&model);
			} else {
				wrong += model_read(&model, expected, count) !=
					 read_file(self->queue.fd, buffer, count);
				wrong += !!memcmp(expected, buffer, 128);
			}
			lost += last_is_lost(&model);
			wrong += events(self->queue.fd) !=
				 (model.n ? POLLIN | POLLRDNORM : 0);
		}
		close(self->queue.fd);
		must(iommufd_destroy(self->g.fd, self->queue.id));
	}
	EXPECT_EQ(0, wrong);
	EXPECT_NE(0, lost);
	self->queue.fd = -1;
}

/* The same by hand, for a queue of one */
TEST_F(veventq, lost)
{
	struct event_queue other;
	char record[HEADER];

	must(veventq_alloc(self->g.fd, self->g.viommu, 7, 1, &other));
	close(self->queue.fd);
	must(iommufd_destroy(self->g.fd, self->queue.id));
	must(veventq_alloc(self->g.fd, self->g.viommu, TYPE, 1, &self->queue));
	REPORT();
	REPORT();
	REPORT();
	EXPECT_EQ(0, take(self->queue.fd));
	/* The last one that was lost; a header is enough room for it. */
	EXPECT_EQ(HEADER, read_file(self->queue.fd, record, HEADER));
	EXPECT_EQ(2, ((struct iommufd_vevent_header *)record)->sequence);
	/* It goes once the gap before an event shows the same. */
	REPORT();
	REPORT();
	EXPECT_EQ(3, take(self->queue.fd));
	REPORT();
	EXPECT_EQ(5, take(self->queue.fd));
	EXPECT_EQ(-EAGAIN, take(self->queue.fd));
	/* Not counted as an event of the queue */
	REPORT();
	REPORT();
	EXPECT_EQ(6, take(self->queue.fd));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(self->queue.fd));
	EXPECT_EQ(LOST + 7, take(self->queue.fd));
	EXPECT_EQ(0, events(self->queue.fd));
	/* Events of one type only */
	EXPECT_EQ(-EAGAIN, take(other.fd));
	close(other.fd);
}

/* Without a queue of the type nothing is reported, or without a vDEVICE. */
TEST_F(veventq, no_queue)
{
	close(self->queue.fd);
	EXPECT_EQ(0, mock_vevent(self->g.fd, self->g.dev.idev));
	EXPECT_EQ(0, mock_vevent(self->g.fd, self->g.dev.idev));
	EXPECT_EQ(0, mock_vevent(self->g.fd, self->g.dev.idev));
	must(iommufd_destroy(self->g.fd, self->queue.id));
	EXPECT_EQ(-EOPNOTSUPP, mock_vevent(self->g.fd, self->g.dev.idev));
	/* A new queue has new numbers. */
	must(veventq_alloc(self->g.fd, self->g.viommu, TYPE, 2, &self->queue));
	REPORT();
	EXPECT_EQ(0, take(self->queue.fd));
	must(mock_replace(self->g.fd, &self->g.dev, self->g.parent));
	EXPECT_EQ(-ENOENT, mock_vevent(self->g.fd, self->g.dev.idev));
	EXPECT_EQ(-EAGAIN, take(self->queue.fd));
}

TEST_F(veventq, destroy)
{
	REPORT();
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->g.fd, self->queue.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->g.fd, self->g.viommu));
	close(self->queue.fd);
	self->queue.fd = -1;
	EXPECT_EQ(0, iommufd_destroy(self->g.fd, self->queue.id));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->g.fd, self->queue.id));
}

/* A child and we read from one queue, and it lives on without the context. */
TEST_F(veventq, files)
{
	int status;
	pid_t pid;

	must(ioas_map_at(range_of(self->g.ioas, MOCK_APERTURE_START, PAGE),
			 self->mem, MAP_RW));
	REPORT();
	REPORT();
	REPORT();
	guest_close(&self->g);
	EXPECT_EQ(1, pins_since(self->pinned));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(take(self->queue.fd) ? 1 : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, take(self->queue.fd));
	close(self->queue.fd);
	self->queue.fd = -1;
	EXPECT_EQ(0, pins_since(self->pinned));
}

static void *report_later(void *arg)
{
	const struct guest *guest = arg;

	clock_sleep_ms(100);
	must(mock_vevent(guest->fd, guest->dev.idev));
	return NULL;
}

TEST_F(veventq, poll)
{
	struct pollfd pfd = { .fd = self->queue.fd, .events = POLLIN };
	pthread_t thread;

	must(-pthread_create(&thread, NULL, report_later, &self->g));
	EXPECT_EQ(1, poll(&pfd, 1, 10000));
	must(-pthread_join(thread, NULL));
	EXPECT_EQ(0, take(self->queue.fd));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
}

#define MANY	20000

struct readers {
	int fd;
	int n;			/* bytes that the first one got */
	int bad;		/* a result of the other one */
	atomic_bool done;
};

static void *read_all(void *arg)
{
	struct readers *r = arg;
	char *mem = must_ptr(mem_base(MANY * RECORD));

	r->n = read_file(r->fd, mem, MANY * RECORD);
	r->done = true;
	munmap(mem, MANY * RECORD);
	return NULL;
}

/* There is no room for an event (EINVAL), or there is none. */
static void *read_too_little(void *arg)
{
	struct readers *r = arg;
	char header[HEADER];
	int rc;

	while (!r->done) {
		rc = read_file(r->fd, header, HEADER);
		if (rc && rc != -EINVAL)
			r->bad = rc;
	}
	return NULL;
}

static void ignore(int sig)
{
}

/* A reader waits for another one: a signal is handled, and the read goes on. */
TEST_F(veventq, signals)
{
	const struct sigaction action = {
		.sa_handler = ignore,
		.sa_flags = SA_RESTART,
	};
	struct readers r = {};
	pthread_t threads[2];
	long end = clock_ms() + BUDGET_MS;
	int n;

	close(self->queue.fd);
	must(iommufd_destroy(self->g.fd, self->queue.id));
	must(veventq_alloc(self->g.fd, self->g.viommu, TYPE, MANY, &self->queue));
	for (n = 0; n < MANY && clock_ms() < end; n++)
		REPORT();
	r.fd = self->queue.fd;
	must(sigaction(SIGUSR1, &action, NULL));
	must(-pthread_create(&threads[0], NULL, read_too_little, &r));
	must(-pthread_create(&threads[1], NULL, read_all, &r));
	while (!r.done) {
		must(-pthread_kill(threads[0], SIGUSR1));
		clock_sleep_ms(1);
	}
	must(-pthread_join(threads[0], NULL));
	must(-pthread_join(threads[1], NULL));
	EXPECT_EQ(n * RECORD, r.n);
	EXPECT_EQ(0, r.bad);
}

TEST_HARNESS_MAIN
