// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/iommufd: what all contexts together use. What each of them has is
 * in its fdinfo.
 */
#include <linux/debugfs.h>

#include "iommufd_private.h"
#include "pfn_store.h"

static struct dentry *root;

static int get_store_bytes(void *data, u64 *value)
{
	*value = pfn_store_memory();
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(store_bytes_fops, get_store_bytes, NULL, "%llu\n");

/**
 * iommufd_debugfs_init() - the module is loaded: make the files
 */
void __init iommufd_debugfs_init(void)
{
	root = debugfs_create_dir("iommufd", NULL);
	debugfs_create_file_unsafe("pfn_store_bytes", 0400, root, NULL,
				   &store_bytes_fops);
}

/**
 * iommufd_debugfs_exit() - the module is unloaded
 */
void iommufd_debugfs_exit(void)
{
	debugfs_remove(root);
}
