// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

#define MAX_STEPS 16

static struct result {
	const char *title;
	int verified;
	int failures;
	bool not_run;
	bool missing;		/* something that it needs */
} results[MAX_STEPS];

static int steps;

static struct result *new_step(const char *title)
{
	struct result *result = &results[steps < MAX_STEPS ? steps++ : steps - 1];

	result->title = title;
	return result;
}

void report_step(const char *title)
{
	new_step(title);
	printf("\nStep %d: %s\n", steps, title);
}

void report(const char *format, ...)
{
	va_list args;

	printf("         ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

bool verify(bool is_so, const char *format, ...)
{
	struct result *now = &results[steps - 1];
	va_list args;

	if (is_so)
		now->verified++;
	else
		now->failures++;
	printf("  %s ", is_so ? "  ok  " : "FAILED");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return is_so;
}

int failed(const char *call, int error)
{
	verify(false, "%s: %s", call, strerror(-error));
	return error;
}

void report_not_run(const char *title)
{
	new_step(title)->not_run = true;
}

void report_missing(const char *what)
{
	report("not shown: %s", what);
	results[steps - 1].missing = true;
}

static const char *verdict(const struct result *result)
{
	if (result->not_run)
		return "not run";
	if (result->missing)
		return "not shown";
	return result->failures || !result->verified ? "FAILED" : "ok";
}

bool report_summary(void)
{
	const struct result *result;
	const char *end = "demo: every step verified";
	bool all = steps > 0;

	printf("\n%-4s  %-52s  %8s  %s\n", "step", "", "verified", "result");
	for (result = results; result < results + steps; result++) {
		printf("%4d  %-52s  %8d  %s\n", (int)(result - results) + 1,
		       result->title, result->verified, verdict(result));
		if (result->missing)
			end = "demo: every step verified that can be shown here";
		else
			all = all && !strcmp(verdict(result), "ok");
	}
	printf("\n%s\n", all ? end : "demo: FAILED");
	return all;
}
