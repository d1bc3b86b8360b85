// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

/* The number after @name in a file of lines "name[:] number". */
static int find_number(const char *path, const char *name)
{
	char line[256], word[64];
	int number, found = -ENOENT;
	FILE *f = fopen(path, "re");

	if (!f)
		return -errno;
	while (found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^: \t]%*[: \t]%d", word, &number) == 2 &&
		    !strcmp(word, name))
			found = number;
	fclose(f);
	return found;
}

int status_kib(const char *name)
{
	return find_number("/proc/self/status", name);
}

int meminfo(const char *name)
{
	return find_number("/proc/meminfo", name);
}

static int sum_up_counters(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "1", 1) != 1)
		rc = -errno;
	close(fd);
	return rc;
}

int pinned_pages(void)
{
	int acquired, released, rc;

	rc = sum_up_counters();
	if (rc)
		return rc;
	acquired = find_number("/proc/vmstat", "nr_foll_pin_acquired");
	released = find_number("/proc/vmstat", "nr_foll_pin_released");
	if (acquired < 0 || released < 0)
		return -ENOENT;
	/* More released than pinned: an answer that no caller expects */
	return acquired < released ? -ERANGE : acquired - released;
}

int pins_so_far(void)
{
	int rc = sum_up_counters();

	return rc ? rc : find_number("/proc/vmstat", "nr_foll_pin_acquired");
}

int pins_since(int before)
{
	int kib = status_kib("VmPin"), all = pinned_pages();

	if (kib < 0 || all < 0)
		return kib < 0 ? kib : all;
	if (kib != (all - before) * 4) {
		printf("# VmPin is %d kB, but %d pages are pinned\n", kib,
		       all - before);
		return -ESTALE;
	}
	return kib / 4;
}

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next record: "priority,number,time,flags;text\n..." */
static int next_record(int kmsg, char *record, size_t room, long deadline)
{
	struct pollfd pfd = { .fd = kmsg, .events = POLLIN };
	long left;
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, room - 1);
		if (n > 0) {
			record[n] = 0;
			return 0;
		}
		/* EPIPE: older records are gone */
		if (n < 0 && errno != EAGAIN && errno != EPIPE)
			return -errno;
		left = deadline - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		poll(&pfd, 1, left);
	}
}

int kmsg_line(int kmsg, int ms, const char *start, char *text, size_t room)
{
	long deadline = now_ms() + ms;
	char record[2048], *line;
	int rc;

	for (;;) {
		rc = next_record(kmsg, record, sizeof(record), deadline);
		if (rc)
			return rc;
		line = strchr(record, ';');
		if (!line || strncmp(line + 1, start, strlen(start)))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(text, room, "%s", line + 1);
		return 0;
	}
}

int kmsg_dma_fault(int kmsg, int ms, char *text, size_t room)
{
	return kmsg_line(kmsg, ms, "DMAR: [DMA ", text, room);
}
