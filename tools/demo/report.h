/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the demo prints: steps, what was verified in each, and a summary.
 */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include <stdbool.h>

#define __printf(a, b) __attribute__((format(printf, a, b)))

void report_step(const char *title);
/* A line about what was done */
void __printf(1, 2) report(const char *format, ...);
/* Something that has to be so. Returns whether it is. */
bool __printf(2, 3) verify(bool is_so, const char *format, ...);
/* A call that failed with a negative errno. Returns that. */
int failed(const char *call, int error);

/* What the current step needs is not there. It is no failure, and no success. */
void report_missing(const char *what);
/* A step that was not tried because one before it failed */
void report_not_run(const char *title);
/* The table of all steps. Returns whether all of them are verified. */
bool report_summary(void);

#endif
