/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often each call was made, and with which results.
 */
#ifndef FUZZ_COUNT_H
#define FUZZ_COUNT_H

#include <stdbool.h>

#define MAX_ROWS	160
#define MAX_ERRNO	256

struct counts {
	unsigned int good[MAX_ROWS];
	unsigned int bad[MAX_ROWS][MAX_ERRNO];
	unsigned long ms[MAX_ROWS];
};

/* The row of what is no call of the tables, by its name */
int count_row(const char *name);
/* @begin: when it began, as clock_ms() says */
void count(struct counts *counts, int row, int rc, long begin);
void count_sum(struct counts *to, const struct counts *counts);
/* Did it ever succeed, in any thread? */
bool count_worked(int row);
/* Print all; the number of rows without a success that have to have one. */
int count_report(const struct counts *counts);

#endif
