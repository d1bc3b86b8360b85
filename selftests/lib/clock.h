/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <time.h>

static inline long clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline long clock_ms(void)
{
	return clock_us() / 1000;
}

static inline void clock_sleep_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

#endif
