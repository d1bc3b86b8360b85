// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls of /dev/iommu and VFIO, from several threads. The calls follow from
 * the seed and the number of the thread; what they meet depends on what the other
 * threads do, unless there is just one thread.
 *
 * It ends with 0 if nothing stays pinned or charged, and each ioctl worked at least
 * once when there was time for it. That the kernel has nothing to complain about is
 * for tools/vm/run to find out.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "lib/clock.h"
#include "lib/iommu.h"
#include "lib/kernel.h"
#include "lib/memory.h"
#include "lib/mockdev.h"
#include "thread.h"
#include "windows.h"

#define MAX_THREADS	16
#define TIME_FOR_ALL	30	/* seconds in which every call has to work once */
#define STUCK		150	/* seconds without an end of a call */
#define REMOVAL		20	/* seconds for the removal of a device */
#define SWITCH		256	/* steps until a thread goes to another context */
#define BUFFERS		0x200000000000UL
#define MEMLOCK		(128 * MIB)
/* What IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT has at the start */
#define USUAL_LIMIT	65536

static struct thread threads[MAX_THREADS];
static struct {
	__u64 seed;
	int seconds;
	int threads;
} options = { .seconds = 60, .threads = 4 };
bool trace;
static bool stop;

/* Without the capability what it pins is limited. */
static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	must(syscall(SYS_capget, &head, data) ? -errno : 0);
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	must(syscall(SYS_capset, &head, data) ? -errno : 0);
}

/*
 * Shared with the children that it forks; at the same place each time, with nothing
 * behind it.
 */
static char *new_buffer(size_t size)
{
	static char *next = (char *)BUFFERS;
	char *at = next;

	next += MIB;
	return must_ptr(mmap(at, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			     -1, 0));
}

static void *run_thread(void *data)
{
	struct thread *t = data;

	t->tid = gettid();
	/* The first one is not limited. */
	if (t->nr)
		drop_ipc_lock();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!(t->steps % SWITCH))
			t->nr_context = rng_below(&t->rng, NR_CONTEXTS);
		if (rng_one_in(&t->rng, 4))
			other_step(t);
		else
			call_run(t, call_pick(&t->rng));
		__atomic_fetch_add(&t->steps, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void start(struct thread *t, int nr)
{
	t->nr = nr;
	t->doing = "nothing yet";
	t->fault_fd = -1;
	t->arg = new_buffer(ARG_ROOM);
	t->data = new_buffer(DATA_ROOM);
	t->event = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	rng_seed(&t->rng, options.seed, nr);
	must(-pthread_create(&t->thread, NULL, run_thread, t));
}

/* Say where a thread hangs, and end. */
static void say_stuck(const struct thread *t)
{
	char path[64], stack[4096];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stack", t->tid);
	f = fopen(path, "re");
	if (f)
		n = fread(stack, 1, sizeof(stack) - 1, f);
	stack[n] = 0;
	printf("fuzz: thread %d is stuck for %d s: %s\n%s\n", t->nr, STUCK,
	       t->doing, stack);
	fflush(stdout);
	_exit(1);
}

static bool is_running(struct thread *t)
{
	return t->thread && pthread_tryjoin_np(t->thread, NULL);
}

/* Until the time is over and all threads have noticed */
static void watch(void)
{
	unsigned long steps, last[MAX_THREADS] = {};
	long now, since[MAX_THREADS] = {}, begin = clock_ms();
	int i, running = 1;

	while (running) {
		clock_sleep_ms(200);
		now = clock_ms();
		if (now - begin > options.seconds * 1000L)
			__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		for (i = running = 0; i < options.threads; i++) {
			if (stop && !is_running(&threads[i])) {
				threads[i].thread = 0;
				continue;
			}
			running++;
			steps = __atomic_load_n(&threads[i].steps,
						__ATOMIC_RELAXED);
			if (steps != last[i] || !since[i])
				since[i] = now;
			last[i] = steps;
			if (now - since[i] > STUCK * 1000L)
				say_stuck(&threads[i]);
		}
	}
}

static int check_settled(int pinned)
{
	int pages = pinned_pages(), kib = status_kib("VmPin");
	int charged = status_kib("VmLck");

	if (pages == pinned && !kib && !charged)
		return 0;
	printf("fuzz: %d pages stay pinned, VmPin is %d kB, VmLck is %d kB\n",
	       pages - pinned, kib, charged);
	return 1;
}

/* It takes for ever if one of them is open still: a child does it. */
static int remove_devices(void)
{
	long deadline = clock_ms() + REMOVAL * 1000L;
	pid_t pid = must(fork());

	if (!pid) {
		devices_remove();
		_exit(0);
	}
	while (!waitpid(pid, NULL, WNOHANG)) {
		if (clock_ms() > deadline) {
			printf("fuzz: a device stays open\n");
			return 1;
		}
		clock_sleep_ms(20);
	}
	return 0;
}

static int report(void)
{
	static struct counts sum;
	unsigned long steps = 0;
	int i, missing;

	for (i = 0; i < options.threads; i++) {
		count_sum(&sum, &threads[i].counts);
		steps += threads[i].steps;
	}
	missing = count_report(&sum);
	printf("fuzz: %lu steps, %d calls without a success\n", steps, missing);
	return missing && options.seconds >= TIME_FOR_ALL;
}

static void say_how_to_repeat(void)
{
	printf("fuzz: seed %llu, %d s, %d threads; again: make fuzz SEED=%llu SECONDS=%d\n",
	       options.seed, options.seconds, options.threads, options.seed,
	       options.seconds);
	fflush(stdout);
}

static void read_options(int argc, char **argv)
{
	int c;

	must(getrandom(&options.seed, sizeof(options.seed), 0) < 0 ? -errno : 0);
	options.seed %= 1000000000;
	while ((c = getopt(argc, argv, "s:t:n:v")) != -1) {
		if (c == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (c == 't')
			options.seconds = atoi(optarg);
		else if (c == 'n')
			options.threads = atoi(optarg);
		else if (c == 'v')
			trace = true;
		else
			exit(2);
	}
	if (options.threads < 1 || options.threads > MAX_THREADS)
		exit(2);
}

static void set_limits(void)
{
	const struct rlimit memlock = { MEMLOCK, MEMLOCK };
	const struct rlimit files = { 512, 512 };

	must(setrlimit(RLIMIT_MEMLOCK, &memlock) ? -errno : 0);
	must(setrlimit(RLIMIT_NOFILE, &files) ? -errno : 0);
}

/* What the mock was told about the whole system is taken back. */
static void restore_limit(void)
{
	int fd = must(iommufd_open());

	must(MOCK_OP(fd, SET_TEMP_MEMORY_LIMIT,
		     .memory_limit.limit = USUAL_LIMIT));
	close(fd);
}

int main(int argc, char **argv)
{
	int i, pinned, failed;

	read_options(argc, argv);
	say_how_to_repeat();
	set_limits();
	devices_find();
	pinned = must(pinned_pages());
	windows_open();
	for (i = 0; i < options.threads; i++)
		start(&threads[i], i);
	watch();
	state_close();
	windows_close();
	/* What a call opened that was spoilt into another one is in no table. */
	closefrom(STDERR_FILENO + 1);
	restore_limit();
	failed = report();
	failed |= check_settled(pinned);
	failed |= remove_devices();
	say_how_to_repeat();
	return failed;
}
