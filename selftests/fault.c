// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault queues: page requests of mock devices, read and answered through a file.
 *
 * Each group has one request: the mock cannot make a larger one, so that rules
 * about groups that fit only in part are not tested here.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/bad_input.h"
#include "lib/clock.h"
#include "lib/hwpt.h"
#include "lib/mockdev.h"
#include "test.h"

#define N(_array) ((int)ARRAY_SIZE(_array))
#define MESSAGE	sizeof(struct iommu_hwpt_pgfault)
#define ANSWER	sizeof(struct iommu_hwpt_page_response)
#define SUCCESS	IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID	IOMMUFD_PAGE_RESP_INVALID

FIXTURE(fault)
{
	int fd;
	int pinned;
	struct ioas ioas;
	struct event_queue queue;
	__u32 hwpt;		/* its page requests go to @queue */
	struct mock dev;	/* attached to @hwpt, by its RID */
	char *mem;		/* two pages, then none */
};

/* A page table whose page requests go to @queue */
static __u32 alloc_faulting(struct ioas ioas, __u32 device, __u32 queue)
{
	return must(HWPT_ALLOC(ioas.fd, .dev_id = device, .pt_id = ioas.id,
			       .flags = IOMMU_HWPT_FAULT_ID_VALID |
					IOMMU_HWPT_ALLOC_PASID,
			       .fault_id = queue));
}

FIXTURE_SETUP(fault)
{
	self->pinned = pins_since(0);
	self->fd = must(iommufd_open());
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	self->ioas = must_ioas(self->fd);
	must(fault_queue_alloc(self->fd, &self->queue));
	must(mock_new(self->fd, self->ioas.id, MOCK_FLAGS_DEVICE_PASID,
		      &self->dev));
	self->hwpt = alloc_faulting(self->ioas, self->dev.idev, self->queue.id);
	must(mock_replace(self->fd, &self->dev, self->hwpt));
	self->mem = must_ptr(mem_base(3 * PAGE));
	munmap(self->mem + 2 * PAGE, PAGE);
}

FIXTURE_TEARDOWN(fault)
{
	close(self->queue.fd);
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

#define CHECK_HWPT(_pasid, _hwpt)					\
	MOCK_OP(self->fd, PASID_CHECK_HWPT, .id = dev.stdev,		\
		.pasid_check = { _pasid, _hwpt })
#define MOVE(_pasid, _hwpt)						\
	MOCK_OP(self->fd, PASID_REPLACE, .id = dev.stdev,		\
		.pasid_replace = { _pasid, _hwpt })

/* Page request number @grpid of the RID */
#define REQUEST(_grpid)							\
	must(mock_page_request(self->fd, self->dev.idev, 0, _grpid,	\
			       (_grpid) * PAGE))

static int read_file(int fd, void *buffer, size_t count)
{
	int n = read(fd, buffer, count);

	return n < 0 ? -errno : n;
}

static int write_file(int fd, const void *buffer, size_t count)
{
	int n = write(fd, buffer, count);

	return n < 0 ? -errno : n;
}

/* The cookie of the next group, which has to have this number; 0 if there is none */
static int take(int fd, __u32 grpid)
{
	struct iommu_hwpt_pgfault message;
	int n = read_file(fd, &message, MESSAGE);

	if (n <= 0)
		return n;
	return n == MESSAGE && message.grpid == grpid ? (int)message.cookie :
	       -EPROTO;
}

static int answer(int fd, __u32 cookie, __u32 code)
{
	const struct iommu_hwpt_page_response response = { cookie, code };
	int n = write_file(fd, &response, ANSWER);

	return n == ANSWER ? 0 : n;
}

static int events(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = -1 };
	int n = poll(&pfd, 1, ms);

	return n < 0 ? -errno : pfd.revents;
}

#define NOTHING	(POLLOUT | POLLWRNORM)
#define QUEUED	(POLLIN | POLLRDNORM | NOTHING)
/* Whether POLLWRNORM goes along with POLLOUT is open. */
#define EVENTS() (events(self->queue.fd, 0) | POLLWRNORM)

TEST_F(fault, alloc_errors)
{
	const struct iommu_fault_alloc good = { .size = sizeof(good) };
	const struct good_call call =
		GOOD_CALL(self->fd, IOMMU_FAULT_QUEUE_ALLOC, good);
	const struct bad_input cases[] = {
		BAD(iommu_fault_alloc, flags, 1, EOPNOTSUPP),
		BAD(iommu_fault_alloc, flags, 1U << 31, EOPNOTSUPP),
	};
	struct rlimit limit, none = {};
	struct event_queue queue;
	__u32 next = must(ioas_alloc(self->fd));

	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, bad_memory(&call));
	must(iommufd_destroy(self->fd, next));
	must(getrlimit(RLIMIT_NOFILE, &limit));
	none.rlim_max = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, fault_queue_alloc(self->fd, &queue));
	must(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(next, must(ioas_alloc(self->fd)));
}

TEST_F(fault, file)
{
	char path[32], name[64] = "";
	int flags = fcntl(self->queue.fd, F_GETFL);

	EXPECT_EQ(O_RDWR, flags & O_ACCMODE);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->queue.fd, F_GETFD));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->queue.fd);
	must(readlink(path, name, sizeof(name) - 1) < 0 ? -errno : 0);
	EXPECT_STREQ("anon_inode:[iommufd-pgfault]", name);
	EXPECT_EQ(-1, ioctl(self->queue.fd, IOMMU_DESTROY, NULL));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED,
				   self->queue.fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(fault, message)
{
	static const struct {
		__u32 pasid;
		__u32 grpid;
		__u32 perm;
		__u64 addr;
	} cases[] = {
		{ 0, 0, IOMMU_PGFAULT_PERM_READ, 0 },
		{ 0, 511, IOMMU_PGFAULT_PERM_WRITE, -PAGE },
		{ 7, 1, IOMMU_PGFAULT_PERM_EXEC | IOMMU_PGFAULT_PERM_PRIV,
		  0xdeadbeef000 },
		{ 7, 1, 15, 1 },
	};
	struct iommu_hwpt_pgfault message, expected;
	__u32 cookies[N(cases)];
	int i, k;

	must(mock_pasid_attach(self->fd, &self->dev, 7, self->hwpt));
	for (i = 0; i < N(cases); i++) {
		must(MOCK_OP(self->fd, TRIGGER_IOPF,
			     .trigger_iopf = { self->dev.idev, cases[i].pasid,
					       cases[i].grpid, cases[i].perm,
					       cases[i].addr }));
		expected = (struct iommu_hwpt_pgfault){
			.flags = IOMMU_PGFAULT_FLAGS_LAST_PAGE,
			.dev_id = self->dev.idev,
			.pasid = cases[i].pasid,
			.grpid = cases[i].grpid,
			.perm = cases[i].perm,
			.addr = cases[i].addr,
		};
		if (cases[i].pasid)
			expected.flags |= IOMMU_PGFAULT_FLAGS_PASID_VALID;
		memset(&message, 0xff, sizeof(message));
		ASSERT_EQ(MESSAGE, read_file(self->queue.fd, &message, MESSAGE));
		cookies[i] = expected.cookie = message.cookie;
		EXPECT_EQ(0, memcmp(&expected, &message, MESSAGE));
		EXPECT_NE(0, message.cookie);
		for (k = 0; k < i; k++)
			EXPECT_NE(cookies[k], cookies[i]);
	}
	for (i = 0; i < N(cases); i++)
		EXPECT_EQ(0, answer(self->queue.fd, cookies[i], i % 2));
}

/* What one read returns, with so many requests queued, and where it may write */
TEST_F(fault, read)
{
	const struct {
		int queued;
		size_t count;
		int at;		/* where in @mem, which has two pages */
		int result;
	} cases[] = {
		{ 0, 0, 0, 0 }, { 0, MESSAGE, 0, 0 }, { 0, 39, 0, -ESPIPE },
		{ 0, 1, 0, -ESPIPE }, { 0, 41, 0, -ESPIPE },
		/* Nothing is copied. */
		{ 0, MESSAGE, 2 * PAGE, 0 },
		{ 1, 0, 0, -EINVAL }, { 1, 39, 0, -ESPIPE },
		{ 1, 41, 0, -ESPIPE }, { 1, 79, 0, -ESPIPE },
		{ 1, MESSAGE, 1, MESSAGE }, { 1, 51 * MESSAGE, 8, MESSAGE },
		{ 1, MESSAGE, 2 * PAGE, -EFAULT },
		{ 1, MESSAGE, 2 * PAGE - 39, -EFAULT },
		{ 1, MESSAGE, 2 * PAGE - 40, MESSAGE },
		{ 3, MESSAGE, 0, MESSAGE }, { 3, 2 * MESSAGE, 0, 2 * MESSAGE },
		{ 3, 3 * MESSAGE, PAGE - 60, 3 * MESSAGE },
		{ 3, 4 * MESSAGE, 0, 3 * MESSAGE },
		{ 3, 3 * MESSAGE, 2 * PAGE - 1, -EFAULT },
		{ 3, 3 * MESSAGE, 2 * PAGE - 79, MESSAGE },
		{ 3, 3 * MESSAGE, 2 * PAGE - 80, 2 * MESSAGE },
	};
	int i, k, n;

	for (i = 0; i < N(cases); i++) {
		for (k = 0; k < cases[i].queued; k++)
			REQUEST(k);
		n = read_file(self->queue.fd, self->mem + cases[i].at,
			      cases[i].count);
		EXPECT_EQ(cases[i].result, n)
			TH_LOG("case %d", i);
		/* The others are there still, in their order. */
		for (k = n < 0 ? 0 : n / MESSAGE; k < cases[i].queued; k++)
			EXPECT_LT(0, take(self->queue.fd, k));
		EXPECT_EQ(0, take(self->queue.fd, 0));
		EXPECT_EQ(NOTHING, EVENTS());
	}
	REQUEST(1);
	EXPECT_EQ(-1, pread(self->queue.fd, self->mem, MESSAGE, MESSAGE));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_LT(0, take(self->queue.fd, 1));
}

/* A write of three answers, of which the second one is as the case says */
TEST_F(fault, write)
{
	const struct {
		__u32 cookie;	/* 0: the right one */
		__u32 code;
		int result;
	} cases[] = {
		{ 0, SUCCESS, 3 * ANSWER }, { 0, INVALID, 3 * ANSWER },
		{ 0, 2, ANSWER }, { 0, -1, ANSWER }, { -1, SUCCESS, ANSWER },
		{ 0x7fffffff, SUCCESS, ANSWER },
	};
	struct iommu_hwpt_page_response r[3];
	int i, k, n;

	for (i = 0; i < N(cases); i++) {
		__u32 cookies[3];

		for (k = 0; k < 3; k++) {
			REQUEST(k);
			cookies[k] = must(take(self->queue.fd, k));
			r[k] = (struct iommu_hwpt_page_response){ cookies[k] };
		}
		r[1].code = cases[i].code;
		r[1].cookie = cases[i].cookie ?: r[1].cookie;
		n = write_file(self->queue.fd, r, sizeof(r));
		EXPECT_EQ(cases[i].result, n);
		/* What was answered cannot be answered again, the others can. */
		for (k = 0; k < 3; k++)
			EXPECT_EQ(k < n / (int)ANSWER ? -EINVAL : 0,
				  answer(self->queue.fd, cookies[k], SUCCESS));
		/* The first one fails: nothing is consumed. */
		EXPECT_EQ(-EINVAL, write_file(self->queue.fd, r, sizeof(r)));
	}
}

TEST_F(fault, write_errors)
{
	struct iommu_hwpt_page_response *r = (void *)self->mem + 2 * PAGE - ANSWER;
	__u32 cookie;

	EXPECT_EQ(0, write_file(self->queue.fd, r, 0));
	EXPECT_EQ(-ESPIPE, write_file(self->queue.fd, r, 7));
	EXPECT_EQ(-ESPIPE, write_file(self->queue.fd, r, 9));
	EXPECT_EQ(-EINVAL, answer(self->queue.fd, 0, SUCCESS));
	EXPECT_EQ(-EINVAL, answer(self->queue.fd, 1, SUCCESS));
	/* Nobody has got its cookie yet. */
	REQUEST(1);
	EXPECT_EQ(-EINVAL, answer(self->queue.fd, 1, SUCCESS));
	EXPECT_EQ(-EINVAL, answer(self->queue.fd, 0, SUCCESS));
	cookie = must(take(self->queue.fd, 1));

	*r = (struct iommu_hwpt_page_response){ cookie, SUCCESS };
	EXPECT_EQ(-1, pwrite(self->queue.fd, r, ANSWER, ANSWER));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-EFAULT, write_file(self->queue.fd, r + 1, ANSWER));
	EXPECT_EQ(-EFAULT, write_file(self->queue.fd, (char *)r + 1, ANSWER));
	EXPECT_EQ(ANSWER, write_file(self->queue.fd, r, 2 * ANSWER));
	EXPECT_EQ(-EINVAL, answer(self->queue.fd, cookie, SUCCESS));
}

static void *request_later(void *arg)
{
	const int *what = arg;

	clock_sleep_ms(100);
	must(mock_page_request(what[0], what[1], 0, 5, 0));
	return NULL;
}

TEST_F(fault, poll)
{
	int what[] = { self->fd, self->dev.idev };
	struct pollfd pfd = { .fd = self->queue.fd, .events = POLLIN };
	pthread_t thread;

	EXPECT_EQ(NOTHING, EVENTS());
	REQUEST(1);
	REQUEST(2);
	EXPECT_EQ(QUEUED, EVENTS());
	must(take(self->queue.fd, 1));
	EXPECT_EQ(QUEUED, EVENTS());
	must(take(self->queue.fd, 2));
	/* Those that only wait for their answer do not count. */
	EXPECT_EQ(NOTHING, EVENTS());
	/* Who waits is woken up. */
	must(-pthread_create(&thread, NULL, request_later, what));
	EXPECT_EQ(1, poll(&pfd, 1, 10000));
	EXPECT_EQ(POLLIN, pfd.revents);
	must(-pthread_join(thread, NULL));
	EXPECT_LT(0, take(self->queue.fd, 5));
}

/* How the attachment ends that requests came from */
enum ending {
	REPLACE_BY_PLAIN,
	REPLACE_BY_FAULTING,
	REPLACE_BY_ITSELF,
	DETACH_PASID,
	REPLACE_PASID,
	DESTROY_DEVICE,
	NR_ENDINGS
};

#define PASID	3

static int end_attachment(int fd, const struct mock *dev, __u32 hwpt,
			  __u32 other, __u32 plain, enum ending ending)
{
	switch (ending) {
	case REPLACE_BY_PLAIN:
		return mock_replace(fd, dev, plain);
	case REPLACE_BY_FAULTING:
		return mock_replace(fd, dev, other);
	case REPLACE_BY_ITSELF:
		return mock_replace(fd, dev, hwpt);
	case DETACH_PASID:
		return mock_pasid_detach(fd, dev, PASID);
	case REPLACE_PASID:
		return MOCK_OP(fd, PASID_REPLACE, .id = dev->stdev,
			       .pasid_replace = { PASID, other });
	default:
		return iommufd_destroy(fd, dev->stdev);
	}
}

/*
 * Requests of two attachments of the device and of a second device, queued and
 * read, are in the queue of all. Those of the attachment that ends are answered;
 * the others wait.
 */
TEST_F(fault, ends_of_attachments)
{
	__u32 other = alloc_faulting(self->ioas, self->dev.idev, self->queue.id);
	__u32 plain = must(hwpt_alloc(self->ioas, self->dev.idev,
				      IOMMU_HWPT_ALLOC_PASID));
	struct mock second;
	int ending, k;

	must(mock_new(self->fd, self->hwpt, 0, &second));
	for (ending = 0; ending < NR_ENDINGS; ending++) {
		bool rid = ending == REPLACE_BY_PLAIN ||
			   ending == REPLACE_BY_FAULTING ||
			   ending == DESTROY_DEVICE;
		bool pasid = ending >= DETACH_PASID;
		struct mock dev;
		__u32 cookies[3];

		must(mock_new(self->fd, self->hwpt, MOCK_FLAGS_DEVICE_PASID,
			      &dev));
		must(mock_pasid_attach(self->fd, &dev, PASID, self->hwpt));
		for (k = 0; k < 2; k++) {
			must(mock_page_request(self->fd, dev.idev, 0, 10, 0));
			must(mock_page_request(self->fd, dev.idev, PASID, 11, 0));
			must(mock_page_request(self->fd, second.idev, 0, 12, 0));
			if (k)
				break;
			cookies[0] = must(take(self->queue.fd, 10));
			cookies[1] = must(take(self->queue.fd, 11));
			cookies[2] = must(take(self->queue.fd, 12));
		}
		ASSERT_EQ(0, end_attachment(self->fd, &dev, self->hwpt, other,
					    plain, ending));
		if (!rid)
			EXPECT_LT(0, take(self->queue.fd, 10));
		if (!pasid)
			EXPECT_LT(0, take(self->queue.fd, 11));
		EXPECT_LT(0, take(self->queue.fd, 12));
		EXPECT_EQ(0, take(self->queue.fd, 0));
		EXPECT_EQ(rid ? -EINVAL : 0,
			  answer(self->queue.fd, cookies[0], SUCCESS));
		EXPECT_EQ(pasid ? -EINVAL : 0,
			  answer(self->queue.fd, cookies[1], SUCCESS));
		EXPECT_EQ(0, answer(self->queue.fd, cookies[2], SUCCESS));
		if (ending != DESTROY_DEVICE)
			EXPECT_EQ(0, iommufd_destroy(self->fd, dev.stdev));
		EXPECT_EQ(NOTHING, EVENTS());
	}
	/* It was not in the way of what it moved to, either. */
	EXPECT_EQ(0, iommufd_destroy(self->fd, other));
}

/* A request goes to what its PASID is attached to. */
TEST_F(fault, routes)
{
	const struct iommu_hwpt_selftest data = {};
	struct event_queue other;
	__u32 parent, nested;

	must(fault_queue_alloc(self->fd, &other));
	must(mock_pasid_attach(self->fd, &self->dev, PASID,
			       alloc_faulting(self->ioas, self->dev.idev,
					      other.id)));
	must(mock_page_request(self->fd, self->dev.idev, PASID, 1, 0));
	EXPECT_EQ(0, take(self->queue.fd, 0));
	EXPECT_LT(0, take(other.fd, 1));
	/* Nobody has this one: no guest that would fill a PASID table. */
	must(mock_page_request(self->fd, self->dev.idev, PASID + 1, 2, 0));
	EXPECT_EQ(0, take(self->queue.fd, 0));
	EXPECT_EQ(0, take(other.fd, 0));

	parent = must(hwpt_alloc(self->ioas, self->dev.idev,
				 IOMMU_HWPT_ALLOC_NEST_PARENT));
	nested = must(HWPT_ALLOC(self->fd, .dev_id = self->dev.idev,
				 .pt_id = parent,
				 .flags = IOMMU_HWPT_FAULT_ID_VALID |
					  IOMMU_HWPT_ALLOC_PASID,
				 .fault_id = self->queue.id,
				 .data_type = IOMMU_HWPT_DATA_SELFTEST,
				 .data_len = sizeof(data),
				 .data_uptr = addr(&data)));
	must(mock_replace(self->fd, &self->dev, nested));
	must(mock_page_request(self->fd, self->dev.idev, PASID + 1, 3, 0));
	must(mock_page_request(self->fd, self->dev.idev, PASID, 4, 0));
	EXPECT_LT(0, take(self->queue.fd, 3));
	EXPECT_EQ(0, take(self->queue.fd, 0));
	EXPECT_LT(0, take(other.fd, 4));
	close(other.fd);
}

/* No HWPT and no file must be left; groups that nobody answers do not matter. */
TEST_F(fault, destroy)
{
	struct event_queue unused;

	must(fault_queue_alloc(self->fd, &unused));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, unused.id));
	close(unused.fd);
	EXPECT_EQ(0, iommufd_destroy(self->fd, unused.id));

	REQUEST(1);
	must(take(self->queue.fd, 1));
	REQUEST(2);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->queue.id));
	close(self->queue.fd);
	self->queue.fd = -1;
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->queue.id));
	/* Into a queue that nobody can read any more */
	REQUEST(3);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt));
	must(mock_replace(self->fd, &self->dev, self->ioas.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->queue.id));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->hwpt));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->queue.id));
	REQUEST(4);
}

/* The context is closed, or it is the queue, with groups in all states. */
TEST_F(fault, close_context_first)
{
	__u32 cookie, unanswered;

	must(ioas_map_at(range_of(self->ioas, MOCK_APERTURE_START, PAGE),
			 self->mem, MAP_RW));
	REQUEST(1);
	REQUEST(2);
	REQUEST(3);
	REQUEST(4);
	cookie = must(take(self->queue.fd, 1));
	close(self->fd);
	self->fd = -1;
	/* All of it is there as long as this file is. */
	EXPECT_EQ(1, pins_since(self->pinned));
	EXPECT_EQ(0, answer(self->queue.fd, cookie, SUCCESS));
	cookie = must(take(self->queue.fd, 2));
	unanswered = must(take(self->queue.fd, 3));
	EXPECT_NE(unanswered, cookie);
	EXPECT_EQ(0, answer(self->queue.fd, cookie, INVALID));
	EXPECT_EQ(QUEUED, EVENTS());
	close(self->queue.fd);
	self->queue.fd = -1;
	EXPECT_EQ(0, pins_since(self->pinned));
}

TEST_F(fault, close_queue_first)
{
	REQUEST(1);
	REQUEST(2);
	must(take(self->queue.fd, 1));
	close(self->queue.fd);
	self->queue.fd = -1;
	REQUEST(3);
}

/* Send a file to another process. */
static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	must(sendmsg(socket, &msg, 0) == 1 ? 0 : -errno);
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;

	must(recvmsg(socket, &msg, 0) == 1 ? 0 : -errno);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Reads the first of two requests and answers both; its status says how it went. */
static int use_elsewhere(int fd, __u32 known)
{
	int cookie = take(fd, 2);

	if (cookie <= 0)
		return 1;
	if (answer(fd, known, SUCCESS))
		return 2;
	return answer(fd, cookie, SUCCESS) ? 3 : 0;
}

/* Another process has the file by fork(), or by a message. */
TEST_F(fault, other_processes)
{
	int pair[2], pass, status;
	__u32 cookie;
	pid_t pid;

	for (pass = 0; pass < 2; pass++) {
		must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
		REQUEST(1);
		REQUEST(2);
		REQUEST(3);
		cookie = must(take(self->queue.fd, 1));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			/* Nothing but the file that comes by the message */
			if (pass)
				close_range(pair[1] + 1, ~0U, 0);
			close(self->fd);
			if (pass)
				close(self->queue.fd);
			_exit(use_elsewhere(pass ? receive_fd(pair[0]) :
					    self->queue.fd, cookie));
		}
		if (pass)
			send_fd(pair[1], self->queue.fd);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(-EINVAL, answer(self->queue.fd, cookie, SUCCESS));
		EXPECT_LT(0, take(self->queue.fd, 3));
		EXPECT_EQ(0, take(self->queue.fd, 0));
		close(pair[0]);
		close(pair[1]);
	}
}

#define REQUESTS	600
#define READERS		3

struct readers {
	int fd;
	pthread_t threads[READERS];
	atomic_int got[REQUESTS];
	atomic_int total;
	atomic_int bad;
};

/* Two at a time; answers each, the second one first. */
static void *read_some(void *arg)
{
	struct readers *readers = arg;
	struct iommu_hwpt_pgfault m[2];
	int n;

	while (readers->total < REQUESTS && !readers->bad) {
		n = read_file(readers->fd, m, sizeof(m));
		if (n < 0)
			readers->bad = n;
		for (n = n / (int)MESSAGE - 1; n >= 0; n--) {
			readers->got[m[n].grpid]++;
			readers->total++;
			if (answer(readers->fd, m[n].cookie, n))
				readers->bad = -EINVAL;
		}
	}
	return NULL;
}

/* Each group goes to one reader. */
TEST_F(fault, several_readers)
{
	struct readers readers = { .fd = self->queue.fd };
	int i, wrong = 0;

	for (i = 0; i < READERS; i++)
		must(-pthread_create(&readers.threads[i], NULL, read_some,
				     &readers));
	for (i = 0; i < REQUESTS; i++)
		REQUEST(i);
	for (i = 0; i < READERS; i++)
		must(-pthread_join(readers.threads[i], NULL));
	for (i = 0; i < REQUESTS; i++)
		wrong += readers.got[i] != 1;
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, readers.bad);
	EXPECT_EQ(REQUESTS, readers.total);
	EXPECT_EQ(NOTHING, EVENTS());
}

/* Who answers nothing does not get more and more to answer. */
TEST_F(fault, full)
{
	const int most = 16 * 1024;
	int i, cookie;

	for (i = 0; i <= most; i++)
		REQUEST(i % 512);
	for (i = 0; i < most; i++) {
		cookie = take(self->queue.fd, i % 512);
		ASSERT_LT(0, cookie);
	}
	/* The last one was answered without us. */
	EXPECT_EQ(0, take(self->queue.fd, 0));
	/* With all of them read there is no more room than before. */
	REQUEST(1);
	EXPECT_EQ(0, take(self->queue.fd, 1));
	EXPECT_EQ(0, answer(self->queue.fd, cookie, IOMMUFD_PAGE_RESP_SUCCESS));
	REQUEST(2);
	EXPECT_LT(0, take(self->queue.fd, 2));
}

/* What a move is refused to does not change where the requests go. */
TEST_F(fault, refused_move)
{
	struct mock dev;
	__u32 dirty, rid, one;

	dirty = must(hwpt_alloc(self->ioas, self->dev.idev,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
				IOMMU_HWPT_ALLOC_PASID));
	must(mock_new(self->fd, self->hwpt, MOCK_FLAGS_DEVICE_PASID |
		      MOCK_FLAGS_DEVICE_NO_DIRTY, &dev));
	must(mock_pasid_attach(self->fd, &dev, PASID, self->hwpt));
	must(mock_page_request(self->fd, dev.idev, 0, 1, 0));
	rid = must(take(self->queue.fd, 1));
	must(mock_page_request(self->fd, dev.idev, PASID, 2, 0));
	one = must(take(self->queue.fd, 2));

	EXPECT_EQ(-EINVAL, mock_replace(self->fd, &dev, dirty));
	EXPECT_EQ(-EINVAL, MOVE(PASID, dirty));
	EXPECT_EQ(0, CHECK_HWPT(0, self->hwpt));
	EXPECT_EQ(0, CHECK_HWPT(PASID, self->hwpt));
	must(mock_page_request(self->fd, dev.idev, 0, 3, 0));
	EXPECT_LT(0, take(self->queue.fd, 3));
	must(mock_page_request(self->fd, dev.idev, PASID, 4, 0));
	EXPECT_LT(0, take(self->queue.fd, 4));
	EXPECT_EQ(0, answer(self->queue.fd, rid, SUCCESS));
	EXPECT_EQ(0, answer(self->queue.fd, one, SUCCESS));
	EXPECT_EQ(0, iommufd_destroy(self->fd, dirty));
}

static __u32 alloc_nested(int fd, __u32 device, __u32 viommu, __u32 queue)
{
	const struct iommu_hwpt_selftest data = {};

	return must(HWPT_ALLOC(fd, .dev_id = device, .pt_id = viommu,
			       .flags = IOMMU_HWPT_FAULT_ID_VALID |
					IOMMU_HWPT_ALLOC_PASID,
			       .fault_id = queue,
			       .data_type = IOMMU_HWPT_DATA_SELFTEST,
			       .data_len = sizeof(data),
			       .data_uptr = addr(&data)));
}

static __u32 alloc_viommu(int fd, __u32 device, __u32 parent)
{
	return must(VIOMMU_ALLOC(fd, .dev_id = device, .hwpt_id = parent,
				 .type = IOMMU_VIOMMU_TYPE_SELFTEST));
}

#define NEW_VDEVICE()							\
	must(VDEVICE_ALLOC(self->fd, .viommu_id = viommu,		\
			   .dev_id = dev.idev, .virt_id = 1))

/*
 * The vDEVICE is gone when a move is refused, so the IOMMU driver refuses the way
 * back, too: the PASID reaches nothing, and can go on from there.
 */
TEST_F(fault, no_way_back)
{
	__u32 parent, viommu, nested, refused, vdev;
	struct mock dev = self->dev;

	parent = must(hwpt_alloc(self->ioas, dev.idev, IOMMU_HWPT_ALLOC_NEST_PARENT));
	viommu = alloc_viommu(self->fd, dev.idev, parent);
	nested = alloc_viommu(self->fd, dev.idev, parent);
	refused = alloc_nested(self->fd, dev.idev, nested, self->queue.id);
	vdev = NEW_VDEVICE();
	nested = alloc_nested(self->fd, dev.idev, viommu, self->queue.id);
	must(mock_pasid_attach(self->fd, &dev, PASID, nested));
	EXPECT_EQ(-ENOENT, MOVE(PASID, refused));
	EXPECT_EQ(0, CHECK_HWPT(PASID, nested));

	must(iommufd_destroy(self->fd, vdev));
	EXPECT_EQ(-ENOENT, MOVE(PASID, refused));
	EXPECT_TRUE(iommufd_fdinfo_has(self->fd, "=blocked\n"));
	EXPECT_NE(0, CHECK_HWPT(PASID, nested));
	EXPECT_EQ(-ENOENT, MOVE(PASID, refused));
	EXPECT_EQ(-ENOENT, MOVE(PASID, nested));
	vdev = NEW_VDEVICE();
	EXPECT_EQ(0, MOVE(PASID, nested));
	must(mock_page_request(self->fd, dev.idev, PASID, 1, 0));
	EXPECT_LT(0, take(self->queue.fd, 1));

	must(iommufd_destroy(self->fd, vdev));
	EXPECT_EQ(-ENOENT, MOVE(PASID, refused));
	EXPECT_EQ(0, MOVE(PASID, self->hwpt));
	EXPECT_EQ(0, CHECK_HWPT(PASID, self->hwpt));
	vdev = NEW_VDEVICE();
	EXPECT_EQ(0, MOVE(PASID, nested));
	must(iommufd_destroy(self->fd, vdev));
	EXPECT_EQ(-ENOENT, MOVE(PASID, refused));
	EXPECT_EQ(0, mock_pasid_detach(self->fd, &dev, PASID));
	EXPECT_EQ(0, iommufd_destroy(self->fd, nested));
}

TEST_HARNESS_MAIN
