// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/memfd.h>

#include "clock.h"
#include "sources.h"

#define THP_DIR		"/sys/kernel/mm/transparent_hugepage/"
#define PATIENCE_MS	5000

int write_switch(const char *path, const char *text)
{
	ssize_t length = strlen(text);
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != length)
		rc = -errno;
	close(fd);
	return rc;
}

/* Of "one [two] three" it is two that holds. */
static void read_switch(const char *path, char *text, size_t room)
{
	char line[128] = "", *from, *to;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, line, sizeof(line) - 1) < 0)
		line[0] = 0;
	close(fd);
	from = strchr(line, '[');
	to = strchr(line, ']');
	if (from && to)
		*to = 0;
	snprintf(text, room, "%s", from && to ? from + 1 : "");
}

/* Touch memory while a switch of the kernel is in another position. */
static void *touch_with(void *mem, size_t size, const char *path,
			const char *position)
{
	char before[32];
	size_t i;

	if (mem == MAP_FAILED)
		return mem;
	read_switch(path, before, sizeof(before));
	if (!before[0] || write_switch(path, position)) {
		munmap(mem, size);
		errno = ENODEV;
		return MAP_FAILED;
	}
	for (i = 0; i < size; i += PAGE)
		((char *)mem)[i] = 1;
	write_switch(path, before);
	return mem;
}

void *mem_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void *mem_private_file(size_t size)
{
	int fd = mem_file(size, 0);
	void *mem;

	if (fd < 0) {
		errno = -fd;
		return MAP_FAILED;
	}
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return mem;
}

/* A mapping of less than a huge page gets pages of the next smaller kind. */
void *mem_mthp(size_t size)
{
	if (size >= HUGE) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	return touch_with(mem_thp(size), size,
			  THP_DIR "hugepages-64kB/enabled", "madvise");
}

void *mem_shared_thp(size_t size)
{
	int fd = mem_file(size, 0);
	char *mem;

	if (fd < 0) {
		errno = -fd;
		return MAP_FAILED;
	}
	/* The address has to be as far from a huge page as the offset. */
	mem = mem_thp(size);
	if (mem != MAP_FAILED)
		mem = mmap(mem, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED || madvise(mem, size, MADV_HUGEPAGE))
		return MAP_FAILED;
	return touch_with(mem, size, THP_DIR "shmem_enabled", "advise");
}

void *mem_hugetlb_1g(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MFD_HUGE_1GB,
		    -1, 0);
}

/* Bits 0 to 54 of an entry of the page map are the frame, bit 63: it is there. */
int mem_frames(const void *mem, size_t npages, __u64 *frames)
{
	ssize_t bytes = npages * sizeof(*frames);
	off_t where = (uintptr_t)mem / PAGE * sizeof(*frames);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), rc = 0;
	size_t i;

	if (fd < 0)
		return -errno;
	if (pread(fd, frames, bytes, where) != bytes)
		rc = -EIO;
	close(fd);
	for (i = 0; i < npages; i++)
		frames[i] = frames[i] >> 63 ? frames[i] & ((1UL << 55) - 1) : 0;
	return rc;
}

bool mem_is_made_of(const void *mem, size_t size, size_t unit)
{
	size_t i, n = size / PAGE, of_unit = unit / PAGE;
	__u64 *frames = calloc(n, sizeof(*frames)), first = 0;
	bool is = frames && !mem_frames(mem, n, frames);

	for (i = 0; i < n && is; i++) {
		if (i % of_unit == 0)
			first = frames[i];
		is = frames[i] && first % of_unit == 0 &&
		     frames[i] == first + i % of_unit;
	}
	free(frames);
	return is;
}

static int make_file_system(const char *device)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execlp("mke2fs", "mke2fs", "-F", "-b", "4096", device, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -ENODEV : 0;
}

/* The one before may just be going. */
static int wait_for_disk(const char *device)
{
	long deadline = clock_ms() + PATIENCE_MS;
	int fd;

	for (;;) {
		fd = open(device, O_RDWR | O_EXCL | O_CLOEXEC);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (errno != EBUSY)
			return -ENODEV;
		if (clock_ms() > deadline)
			return -EBUSY;
		clock_sleep_ms(10);
	}
}

static int new_file(const char *dir, size_t size)
{
	static const char zeros[PAGE];
	char path[64];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	/* That of who was here before */
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (i = 0; i < size; i += PAGE)
		if (write(fd, zeros, PAGE) != PAGE) {
			close(fd);
			return -ENOSPC;
		}
	return fd;
}

int file_in(const char *type, const char *device, const char *options,
	    size_t size)
{
	char dir[] = "/tmp/file_in.XXXXXX";
	int fd, rc = 0;

	if (device)
		rc = wait_for_disk(device);
	if (rc)
		return rc;
	if (!mkdtemp(dir))
		return -errno;
	/* Whoever comes first makes the file system, which takes long. */
	rc = mount(device ?: "none", dir, type, 0, options);
	if (rc && device && errno == EINVAL && !make_file_system(device))
		rc = mount(device, dir, type, 0, options);
	if (rc) {
		rmdir(dir);
		return -ENODEV;
	}
	fd = new_file(dir, size);
	/* What is open stays. */
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return fd;
}
