/* SPDX-License-Identifier: GPL-2.0-only */
/* Whatever warns in the kernel fails the test. */
#ifndef _SHIM_LINUX_BUG_H
#define _SHIM_LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>

__attribute__((noreturn)) void unit_warned(const char *file, int line,
					   const char *what);

#define WARN_ON(condition)						\
	({								\
		if (condition)						\
			unit_warned(__FILE__, __LINE__, #condition);	\
		false;							\
	})
#define WARN_ON_ONCE(condition)	WARN_ON(condition)

#endif
