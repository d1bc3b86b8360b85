// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "must.h"

int must_value(int value, const char *call, const char *file, int line)
{
	if (value >= 0)
		return value;
	fflush(stdout);
	fprintf(stderr, "# %s:%d: %s: %s\n", file, line, call, strerror(-value));
	exit(1);
}

void *must_pointer(void *value, const char *call, const char *file, int line)
{
	if (!value || value == MAP_FAILED)
		must_value(-errno, call, file, line);
	return value;
}
