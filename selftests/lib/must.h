/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the functions of this library have in common.
 *
 * A function that can fail returns a negative errno, and 0 or something
 * positive (an ID, an fd) when it did not: the raw form. must() around a call is
 * its asserting form: it has the value of the call, or says what failed and ends
 * the process with 1.
 */
#ifndef LIB_MUST_H
#define LIB_MUST_H

#define must(call) must_value((call), #call, __FILE__, __LINE__)

int must_value(int value, const char *call, const char *file, int line);

/* The same for what answers with a pointer and errno. */
#define must_ptr(call) must_pointer((call), #call, __FILE__, __LINE__)

void *must_pointer(void *value, const char *call, const char *file, int line);

#endif
