// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test ioctl: which operation is whose. And what the module calls when it is
 * loaded and unloaded.
 */
#include "internal.h"

/**
 * struct mock_op - an operation of the test ioctl
 * @run: does it
 * @out: the struct is written back after success. Those that could not undo
 *	their work if this fails call mock_respond() themselves instead
 */
struct mock_op {
	int (*run)(struct iommufd_ucmd *ucmd);
	bool out;
};

static const struct mock_op mock_ops[] = {
	[IOMMU_TEST_OP_ADD_RESERVED] = { mock_add_reserved },
	[IOMMU_TEST_OP_MOCK_DOMAIN] = { mock_attach_new, .out = true },
	[IOMMU_TEST_OP_MD_CHECK_MAP] = { mock_check_map },
	[IOMMU_TEST_OP_MD_CHECK_REFS] = { mock_check_refs },
	[IOMMU_TEST_OP_CREATE_ACCESS] = { mock_access_create },
	[IOMMU_TEST_OP_DESTROY_ACCESS_PAGES] = { mock_access_unpin },
	[IOMMU_TEST_OP_ACCESS_PAGES] = { mock_access_pin },
	[IOMMU_TEST_OP_ACCESS_RW] = { mock_access_rw },
	[IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT] = { mock_set_memory_limit },
	[IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE] = { mock_replace, .out = true },
	[IOMMU_TEST_OP_ACCESS_REPLACE_IOAS] = { mock_access_replace },
	[IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS] = { mock_attach_new_flags,
					      .out = true },
	[IOMMU_TEST_OP_DIRTY] = { mock_make_dirty, .out = true },
	[IOMMU_TEST_OP_MD_CHECK_IOTLB] = { mock_check_iotlb },
	[IOMMU_TEST_OP_TRIGGER_IOPF] = { mock_trigger_iopf },
	[IOMMU_TEST_OP_DEV_CHECK_CACHE] = { mock_check_cache },
	[IOMMU_TEST_OP_TRIGGER_VEVENT] = { mock_trigger_vevent },
	[IOMMU_TEST_OP_PASID_ATTACH] = { mock_pasid_attach },
	[IOMMU_TEST_OP_PASID_REPLACE] = { mock_pasid_replace, .out = true },
	[IOMMU_TEST_OP_PASID_DETACH] = { mock_pasid_detach },
	[IOMMU_TEST_OP_PASID_CHECK_HWPT] = { mock_pasid_check },
	[IOMMU_TEST_OP_DMABUF_GET] = { mock_dmabuf_get },
	[IOMMU_TEST_OP_DMABUF_REVOKE] = { mock_dmabuf_revoke },
};

/**
 * mock_respond() - write the struct of the test ioctl back
 * @ucmd: the call
 *
 * Return: 0 or -EFAULT.
 */
int mock_respond(struct iommufd_ucmd *ucmd)
{
	return copy_to_user(ucmd->ubuffer, ucmd->cmd,
			    min_t(size_t, ucmd->user_size,
				  sizeof(struct iommu_test_cmd))) ? -EFAULT : 0;
}

/**
 * iommufd_test() - IOMMU_TEST_CMD
 * @ucmd: the call
 *
 * Return: what the operation says, or -EOPNOTSUPP if there is no such one.
 * (mock-device.md 2 and 3)
 */
int iommufd_test(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	const struct mock_op *op;
	int rc;

	if (cmd->op >= ARRAY_SIZE(mock_ops) || !mock_ops[cmd->op].run)
		return -EOPNOTSUPP;
	op = &mock_ops[cmd->op];
	rc = op->run(ucmd);
	ucmd->respond = !rc && op->out;
	return rc;
}

/**
 * mock_find_area() - find an IOVA by a name that a fuzzer can make up
 * @space: the space
 * @name: the low half is the number of a mapping, the high half an offset in it
 *
 * Return: the IOVA, 0 if there are fewer mappings.
 */
u64 mock_find_area(struct io_space *space, u64 name)
{
	struct iova_node *node;
	u32 nth = name;

	guard(mutex)(&space->lock);
	for (node = iova_tree_first(&space->tree, 0, ULONG_MAX); node;
	     node = iova_tree_next(node, ULONG_MAX))
		if (!node->reserved && !nth--)
			return node->first + (name >> 32);
	return 0;
}

/**
 * iommufd_mock_rewrite() - change what the user passed before anybody looks at it
 * @ucmd: the call
 * @cmd: the command
 */
void iommufd_mock_rewrite(struct iommufd_ucmd *ucmd, unsigned int cmd)
{
	struct iommu_ioas_copy *copy = ucmd->cmd;
	struct iommufd_ioas *ioas;

	if (cmd != IOMMU_IOAS_COPY || !(copy->flags & MOCK_FLAGS_ACCESS_SYZ))
		return;
	copy->flags &= ~MOCK_FLAGS_ACCESS_SYZ;
	ioas = iommufd_ioas_get(ucmd->ictx, copy->src_ioas_id);
	if (IS_ERR(ioas))
		return;
	copy->src_iova = mock_find_area(&ioas->space, copy->src_iova);
	iommufd_ioas_put(ioas);
}

int __init iommufd_mock_init(void)
{
	mock_inject_init();
	return mock_iommu_init();
}

void iommufd_mock_exit(void)
{
	mock_iommu_exit();
	mock_inject_exit();
}
