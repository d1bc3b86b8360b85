// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failures on request: debugfs fail_iommufd, with the usual knobs and with
 * fail-nth of a task; and batches as small as a test wants them.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>

#include "internal.h"

static DECLARE_FAULT_ATTR(fail_iommufd);
static struct dentry *fail_dir;

/* The least that a batch needs: a pointer, and how often it repeats */
#define LEAST_MEMORY	(sizeof(unsigned long) + sizeof(u32))

static unsigned int memory_limit = SZ_64K;

/**
 * iommufd_should_fail() - fail on request
 *
 * Return: whether the caller shall fail, although nothing is wrong.
 */
bool iommufd_should_fail(void)
{
	return should_fail(&fail_iommufd, 1);
}

/**
 * iommufd_batch() - how many elements a buffer for a batch of work has room for
 * @size: of an element
 *
 * Return: at least 1, and at most what fits into a page.
 */
unsigned long iommufd_batch(size_t size)
{
	return clamp(READ_ONCE(memory_limit), size, PAGE_SIZE) / size;
}

/* For all contexts, until somebody sets another one. */
int mock_set_memory_limit(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;

	if (cmd->memory_limit.limit < LEAST_MEMORY)
		return -EINVAL;
	WRITE_ONCE(memory_limit, cmd->memory_limit.limit);
	return 0;
}

/* Without debugfs there is still fail-nth. */
void mock_inject_init(void)
{
	fail_dir = fault_create_debugfs_attr("fail_iommufd", NULL,
					     &fail_iommufd);
}

void mock_inject_exit(void)
{
	debugfs_remove_recursive(fail_dir);
}
