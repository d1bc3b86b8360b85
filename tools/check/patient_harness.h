/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before the kernel's own tests for the debug kernel. That is ten times
 * slower than the kernels that the harness allows 30 seconds for each test.
 */
#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300
