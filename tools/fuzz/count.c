// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "count.h"
#include "lib/clock.h"
#include "lib/must.h"
#include "thread.h"

/*
 * What a call needs is there or not for hundreds of tries. In a minute it may never be; in
 * an hour each call is tried more often than that, and succeeds.
 */
#define ENOUGH_TRIES	500

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *names[MAX_ROWS];	/* of rows behind those of the calls */
static int nr_names;
static bool worked[MAX_ROWS];

int count_row(const char *name)
{
	int i, first = calls_count();

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_names && strcmp(names[i], name); i++)
		;
	if (i == nr_names && first + i < MAX_ROWS)
		names[nr_names++] = name;
	pthread_mutex_unlock(&lock);
	if (first + i >= MAX_ROWS)
		must(-ENOSPC);
	return first + i;
}

void count(struct counts *counts, int row, int rc, long begin)
{
	counts->ms[row] += clock_ms() - begin;
	if (rc >= 0) {
		counts->good[row]++;
		__atomic_store_n(&worked[row], true, __ATOMIC_RELAXED);
	} else {
		counts->bad[row][-rc < MAX_ERRNO ? -rc : 0]++;
	}
}

bool count_worked(int row)
{
	return __atomic_load_n(&worked[row], __ATOMIC_RELAXED);
}

void count_sum(struct counts *to, const struct counts *counts)
{
	int i, j;

	for (i = 0; i < MAX_ROWS; i++) {
		to->good[i] += counts->good[i];
		to->ms[i] += counts->ms[i];
		for (j = 0; j < MAX_ERRNO; j++)
			to->bad[i][j] += counts->bad[i][j];
	}
}

static void print_row(const struct counts *counts, int row, const char *name,
		      const char *remark)
{
	int i;

	printf("%-42s %6lu %7u %s", name, counts->ms[row], counts->good[row],
	       remark);
	for (i = 0; i < MAX_ERRNO; i++)
		if (counts->bad[row][i])
			printf(" %s %u", strerrorname_np(i) ?: "other",
			       counts->bad[row][i]);
	printf("\n");
}

static bool tried_enough(const struct counts *counts, int row)
{
	unsigned int i, tries = counts->good[row];

	for (i = 0; i < MAX_ERRNO; i++)
		tries += counts->bad[row][i];
	return tries >= ENOUGH_TRIES;
}

static const char *remark(const struct counts *counts, int row)
{
	if (counts->good[row])
		return "";
	if (!call_has_to_work(row))
		return "(not here)";
	return tried_enough(counts, row) ? "NEVER" : "(too seldom)";
}

int count_report(const struct counts *counts)
{
	int i, n = calls_count(), missing = 0;

	printf("%-42s %6s %7s  other results\n", "what", "ms", "good");
	for (i = 0; i < n; i++) {
		missing += call_has_to_work(i) && !counts->good[i] &&
			   tried_enough(counts, i);
		print_row(counts, i, call_of(i)->name, remark(counts, i));
	}
	for (i = 0; i < nr_names; i++)
		print_row(counts, n + i, names[i], "");
	return missing;
}
