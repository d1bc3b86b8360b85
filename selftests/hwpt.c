// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables that the user makes, what an IOMMU tells about itself, and
 * invalidation: bad input to all of it, on the mock IOMMU and on VT-d. What goes
 * through them is for other tests.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "lib/bad_input.h"
#include "lib/hwpt.h"
#include "lib/mockdev.h"
#include "test.h"

#define IOVA	MOCK_APERTURE_START
#define SIZE	(4 * PAGE)
#define N(_array) ((int)ARRAY_SIZE(_array))

FIXTURE(hwpt)
{
	int fd;
	int pinned;
	struct ioas ioas;
	struct mock dev;	/* attached to the automatic HWPT of @ioas */
	struct event_queue faults;
	__u32 parent;		/* nesting parent of @ioas */
	__u32 nested;
	__u32 viommu;
	struct iommu_hwpt_selftest data;
};

FIXTURE_SETUP(hwpt)
{
	self->pinned = pins_since(0);
	self->fd = must(iommufd_open());
	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	self->ioas = must_ioas(self->fd);
	must(mock_new(self->fd, self->ioas.id, 0, &self->dev));
	must(fault_queue_alloc(self->fd, &self->faults));
	self->parent = must(hwpt_alloc(self->ioas, self->dev.idev,
				       IOMMU_HWPT_ALLOC_NEST_PARENT));
	self->data.iotlb = IOMMU_TEST_IOTLB_DEFAULT;
	self->nested = must(HWPT_ALLOC(self->fd, .dev_id = self->dev.idev,
				       .pt_id = self->parent,
				       .data_type = IOMMU_HWPT_DATA_SELFTEST,
				       .data_len = sizeof(self->data),
				       .data_uptr = addr(&self->data)));
	self->viommu = must(VIOMMU_ALLOC(self->fd, .dev_id = self->dev.idev,
					 .hwpt_id = self->parent,
					 .type = IOMMU_VIOMMU_TYPE_SELFTEST));
}

FIXTURE_TEARDOWN(hwpt)
{
	close(self->faults.fd);
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

#define ALLOC(_member, _value, _error)					\
	BAD(iommu_hwpt_alloc, _member, _value, _error)
#define ALLOC_AT(_stage, _member, _value, _error)			\
	BAD_AT(_stage, iommu_hwpt_alloc, _member, _value, _error)

/* Each of them fails, and one more that succeeds leaves nothing either. */
static int alloc_fails(struct __test_metadata *_metadata, int fd,
		       const struct iommu_hwpt_alloc *good,
		       const struct bad_input *cases, int n)
{
	const struct good_call call = GOOD_CALL(fd, IOMMU_HWPT_ALLOC, *good);
	struct iommu_hwpt_alloc cmd = *good;

	EXPECT_EQ(0, bad_memory(&call));
	EXPECT_EQ(0, iommufd_destroy(fd, must(run_hwpt_alloc(fd, &cmd))));
	return bad_inputs(&call, cases, n);
}

/* What may be on top of what, and in which order it is found out */
TEST_F(hwpt, paging)
{
	const struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = self->dev.idev,
		.pt_id = self->ioas.id,
		.fault_id = self->faults.id,
	};
	const struct bad_input cases[] = {
		ALLOC(__reserved, 1, EOPNOTSUPP),
		/* With the other one of the two it would be right. */
		ALLOC_AT(2, data_type, IOMMU_HWPT_DATA_SELFTEST, EINVAL),
		ALLOC_AT(2, data_len, sizeof(self->data), EINVAL),
		ALLOC_AT(3, dev_id, 0, ENOENT),
		ALLOC_AT(3, dev_id, NO_ID, ENOENT),
		ALLOC_AT(3, dev_id, -1, ENOENT),
		ALLOC_AT(3, dev_id, self->ioas.id, ENOENT),
		ALLOC_AT(3, dev_id, self->dev.stdev, ENOENT),
		ALLOC_AT(4, pt_id, 0, EINVAL),
		ALLOC_AT(4, pt_id, NO_ID, EINVAL),
		ALLOC_AT(4, pt_id, self->dev.idev, EINVAL),
		ALLOC_AT(4, pt_id, self->dev.stdev, EINVAL),
		ALLOC_AT(4, pt_id, self->nested, EINVAL),
		ALLOC_AT(4, pt_id, self->faults.id, EINVAL),
		ALLOC_AT(5, flags, 1U << 4, EOPNOTSUPP),
		ALLOC_AT(5, flags, 1U << 31, EOPNOTSUPP),
		ALLOC_AT(5, flags, IOMMU_HWPT_FAULT_ID_VALID |
				   IOMMU_HWPT_ALLOC_NEST_PARENT, EOPNOTSUPP),
		ALLOC_AT(6, fault_id, 0, ENOENT),
		ALLOC_AT(6, fault_id, NO_ID, ENOENT),
		ALLOC_AT(6, fault_id, self->ioas.id, ENOENT),
	};

	EXPECT_EQ(0, alloc_fails(_metadata, self->fd, &good, cases, N(cases)));
	/* The queue has no user left. */
	close(self->faults.fd);
	self->faults.fd = -1;
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->faults.id));
}

TEST_F(hwpt, paging_with_data)
{
	const struct iommu_hwpt_selftest unknown = { .pagetable_type = 2 };
	const struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.dev_id = self->dev.idev,
		.pt_id = self->ioas.id,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(self->data),
		.data_uptr = addr(&self->data),
	};
	const struct bad_input cases[] = {
		ALLOC_AT(1, data_type, IOMMU_HWPT_DATA_NONE, EINVAL),
		ALLOC_AT(1, data_len, 0, EINVAL),
		ALLOC_AT(2, data_type, IOMMU_HWPT_DATA_VTD_S1, EOPNOTSUPP),
		ALLOC_AT(2, data_type, -1, EOPNOTSUPP),
		ALLOC_AT(3, data_len, 3, EINVAL),
		ALLOC_AT(3, data_len, 9, EINVAL),
		ALLOC_AT(3, data_len, -1, EINVAL),
		ALLOC_AT(4, data_uptr, 0, EFAULT),
		ALLOC_AT(4, data_uptr, -16, EFAULT),
		ALLOC_AT(4, data_uptr, addr(&unknown), EOPNOTSUPP),
	};

	EXPECT_EQ(0, alloc_fails(_metadata, self->fd, &good, cases, N(cases)));
}

TEST_F(hwpt, nested)
{
	const struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = self->dev.idev,
		.pt_id = self->parent,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(self->data),
		.data_uptr = addr(&self->data),
		.fault_id = self->faults.id,
	};
	struct iommu_hwpt_alloc by_viommu = good;
	__u32 plain = must(hwpt_alloc(self->ioas, self->dev.idev, 0));
	const struct bad_input cases[] = {
		ALLOC(__reserved, -1, EOPNOTSUPP),
		ALLOC_AT(2, data_type, IOMMU_HWPT_DATA_NONE, EINVAL),
		ALLOC_AT(2, data_len, 0, EINVAL),
		ALLOC_AT(3, dev_id, NO_ID, ENOENT),
		ALLOC_AT(4, pt_id, NO_ID, EINVAL),
		ALLOC_AT(4, pt_id, self->nested, EINVAL),
		ALLOC_AT(5, flags, IOMMU_HWPT_ALLOC_NEST_PARENT, EOPNOTSUPP),
		ALLOC_AT(5, flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, EOPNOTSUPP),
		ALLOC_AT(5, flags, 1U << 4, EOPNOTSUPP),
		ALLOC_AT(5, flags, 1U << 31, EOPNOTSUPP),
		/* Automatic, and no parent */
		ALLOC_AT(6, pt_id, self->dev.hwpt, EINVAL),
		ALLOC_AT(6, pt_id, plain, EINVAL),
		ALLOC_AT(7, data_type, IOMMU_HWPT_DATA_VTD_S1, EOPNOTSUPP),
		ALLOC_AT(8, data_len, 3, EINVAL),
		ALLOC_AT(8, data_len, 9, EINVAL),
		ALLOC_AT(9, data_uptr, 0, EFAULT),
		ALLOC_AT(10, fault_id, NO_ID, ENOENT),
		ALLOC_AT(10, fault_id, self->parent, ENOENT),
	};

	EXPECT_EQ(0, alloc_fails(_metadata, self->fd, &good, cases, N(cases)));
	/* With a vIOMMU in the place of the parent */
	by_viommu.pt_id = self->viommu;
	EXPECT_EQ(0, alloc_fails(_metadata, self->fd, &by_viommu, cases,
				 N(cases)));
}

TEST_F(hwpt, dirty_flag_of_a_device_without)
{
	const struct bad_input flags[] = {
		ALLOC(flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, EOPNOTSUPP),
		ALLOC(flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			     IOMMU_HWPT_ALLOC_NEST_PARENT, EOPNOTSUPP),
	};
	struct iommu_hwpt_alloc good = { .size = sizeof(good) };
	struct mock dev;
	__u32 dirty;

	must(mock_new(self->fd, self->ioas.id, MOCK_FLAGS_DEVICE_NO_DIRTY, &dev));
	good.dev_id = dev.idev;
	good.pt_id = self->ioas.id;
	EXPECT_EQ(0, alloc_fails(_metadata, self->fd, &good, flags, N(flags)));
	/* Nor can it be attached to one that another device got. */
	dirty = must(hwpt_alloc(self->ioas, self->dev.idev,
				IOMMU_HWPT_ALLOC_DIRTY_TRACKING));
	EXPECT_EQ(-EINVAL, mock_replace(self->fd, &dev, dirty));
	EXPECT_EQ(0, iommufd_destroy(self->fd, dirty));
}

/* What is mapped already may not suit a page table. */
TEST_F(hwpt, what_is_mapped)
{
	static const struct {
		const char *what;
		__u64 iova;
		__u64 length;
		bool no_memory;
		int error;
	} cases[] = {
		{ "below the aperture", IOVA - PAGE, PAGE, false, -EADDRINUSE },
		{ "reaches below it", IOVA - PAGE, 2 * PAGE, false, -EADDRINUSE },
		{ "beyond it", MOCK_APERTURE_LAST + 1, PAGE, false, -EADDRINUSE },
		{ "unaligned IOVA", IOVA + 512, PAGE, false, -EADDRINUSE },
		{ "unaligned length", IOVA, PAGE + 512, false, -EADDRINUSE },
		{ "no memory", IOVA, SIZE, true, -EFAULT },
		{ "what suits", IOVA, SIZE, false, 0 },
	};
	char *mem = must_ptr(mem_base(SIZE)), *none = must_ptr(mem_none(SIZE));
	struct iommu_hwpt_alloc cmd = { .size = sizeof(cmd),
					.dev_id = self->dev.idev };
	__u64 unmapped;
	int i;

	for (i = 0; i < N(cases); i++) {
		struct ioas ioas = must_ioas(self->fd);
		char *va = mem;

		cmd.pt_id = ioas.id;
		if (cases[i].no_memory)
			va = none;
		must(ioas_map_at(range_of(ioas, cases[i].iova, cases[i].length),
				 va, MAP_RW));
		if (cases[i].error) {
			const struct good_call call =
				GOOD_CALL(self->fd, IOMMU_HWPT_ALLOC, cmd);

			EXPECT_EQ(0, bad_call(&call, cases[i].what,
					      -cases[i].error));
		} else {
			int id = must(run_hwpt_alloc(self->fd, &cmd));

			EXPECT_EQ(SIZE / PAGE, pins_since(self->pinned));
			EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_MAP, .id = id,
					     .check_map = { IOVA, SIZE,
							    addr(mem) }));
			EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, ioas.id));
			EXPECT_EQ(0, iommufd_destroy(self->fd, id));
		}
		EXPECT_EQ(0, pins_since(self->pinned));
		EXPECT_EQ(0, ioas_unmap_all(ioas, &unmapped));
		EXPECT_EQ(cases[i].length, unmapped);
		EXPECT_EQ(0, iommufd_destroy(self->fd, ioas.id));
	}
}

/* Who keeps whom (4.2). The last of each row is what others are made of. */
TEST_F(hwpt, destroy_order)
{
	__u32 second = must(HWPT_ALLOC(self->fd, .dev_id = self->dev.idev,
				       .pt_id = self->viommu,
				       .flags = IOMMU_HWPT_FAULT_ID_VALID,
				       .fault_id = self->faults.id,
				       .data_type = IOMMU_HWPT_DATA_SELFTEST,
				       .data_len = sizeof(self->data),
				       .data_uptr = addr(&self->data)));

	must(mock_replace(self->fd, &self->dev, self->nested));
	/* The automatic one went with its only device. */
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, self->dev.hwpt));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->nested));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->parent));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->viommu));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->ioas.id));
	close(self->faults.fd);
	self->faults.fd = -1;
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->faults.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->dev.idev));

	EXPECT_EQ(0, iommufd_destroy(self->fd, self->dev.stdev));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->nested));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->parent));
	EXPECT_EQ(0, iommufd_destroy(self->fd, second));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->faults.id));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->viommu));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->parent));
	EXPECT_EQ(0, iommufd_destroy(self->fd, self->ioas.id));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, self->ioas.id));
}

#define INVAL(_member, _value, _error)					\
	BAD(iommu_hwpt_invalidate, _member, _value, _error)
#define INVAL_AT(_stage, _member, _value, _error)			\
	BAD_AT(_stage, iommu_hwpt_invalidate, _member, _value, _error)

/* A HWPT with an IOTLB of its own; and its 4 entries */
static int check_iotlb(int fd, __u32 hwpt, __u32 first, __u32 others)
{
	int i, rc = 0;

	for (i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM && !rc; i++)
		rc = MOCK_OP(fd, MD_CHECK_IOTLB, .id = hwpt,
			     .check_iotlb = { i, i ? others : first });
	return rc;
}

TEST_F(hwpt, invalidate)
{
	struct iommu_hwpt_invalidate_selftest entry = {};
	const struct iommu_hwpt_invalidate good = {
		.size = sizeof(good),
		.hwpt_id = self->nested,
		.data_uptr = addr(&entry),
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};
	struct iommu_hwpt_invalidate cmd = good;
	struct good_call call = GOOD_CALL(self->fd, IOMMU_HWPT_INVALIDATE, good);
	const struct bad_input cases[] = {
		INVAL(__reserved, 1, EOPNOTSUPP),
		INVAL_AT(2, data_uptr, 0, EINVAL),
		INVAL_AT(2, entry_len, 0, EINVAL),
		INVAL_AT(2, entry_len, PAGE + 1, EINVAL),
		INVAL_AT(2, entry_len, -1, EINVAL),
		INVAL_AT(2, entry_num, (1 << 19) + 1, EINVAL),
		INVAL_AT(2, entry_num, -1, EINVAL),
		INVAL_AT(3, hwpt_id, 0, ENOENT),
		INVAL_AT(3, hwpt_id, NO_ID, ENOENT),
		INVAL_AT(4, hwpt_id, self->parent, EINVAL),
		INVAL_AT(4, hwpt_id, self->dev.idev, EINVAL),
		INVAL_AT(4, hwpt_id, self->ioas.id, EINVAL),
		INVAL_AT(5, data_type, 0, EINVAL),
		INVAL_AT(5, data_type,
			 IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID, EINVAL),
		INVAL_AT(6, entry_len, sizeof(entry) - 1, EINVAL),
		INVAL_AT(7, data_uptr, 8, EFAULT),
	};

	call.zeroed_at = offsetof(struct iommu_hwpt_invalidate, entry_num);
	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, check_iotlb(self->fd, self->nested,
				 IOMMU_TEST_IOTLB_DEFAULT,
				 IOMMU_TEST_IOTLB_DEFAULT));
	EXPECT_EQ(0, run_invalidate(self->fd, &cmd));
	EXPECT_EQ(1, cmd.entry_num);
	EXPECT_EQ(0, check_iotlb(self->fd, self->nested, 0,
				 IOMMU_TEST_IOTLB_DEFAULT));
	/* The number cannot be told. */
	EXPECT_EQ(0, bad_memory(&call));
}

/* entry_num 0 asks whether a type is known; the rest does not matter. */
TEST_F(hwpt, invalidate_nothing)
{
	const struct {
		__u32 id;
		__u32 type;
		int error;
	} cases[] = {
		{ self->nested, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, 0 },
		{ self->nested, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID,
		  -EINVAL },
		{ self->viommu, IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST, 0 },
		{ self->viommu, IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID,
		  -EINVAL },
		{ self->parent, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, -EINVAL },
		{ NO_ID, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, -ENOENT },
	};
	int i;

	for (i = 0; i < N(cases); i++) {
		struct iommu_hwpt_invalidate cmd = {
			.hwpt_id = cases[i].id,
			.data_type = cases[i].type,
			.entry_len = -(i % 2),
			.data_uptr = i % 3,
		};

		EXPECT_EQ(cases[i].error, run_invalidate(self->fd, &cmd));
		EXPECT_EQ(0, cmd.entry_num);
	}
	EXPECT_EQ(0, check_iotlb(self->fd, self->nested,
				 IOMMU_TEST_IOTLB_DEFAULT,
				 IOMMU_TEST_IOTLB_DEFAULT));
}

/* Those before the first bad one are done, and no others. */
TEST_F(hwpt, invalidate_some)
{
	struct iommu_hwpt_invalidate_selftest *e = must_ptr(mem_base(2 * PAGE));
	const size_t fit = PAGE / sizeof(*e);
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = self->nested,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = sizeof(*e),
	};

	/* The second page of the array has gone. */
	munmap((char *)e + PAGE, PAGE);
	e[fit - 1].iotlb_id = 1;
	cmd.data_uptr = addr(&e[fit - 2]);
	cmd.entry_num = 4;
	EXPECT_EQ(-EFAULT, run_invalidate(self->fd, &cmd));
	EXPECT_EQ(2, cmd.entry_num);
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_IOTLB, .id = self->nested,
			     .check_iotlb = { 1, 0 }));
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_IOTLB, .id = self->nested,
			     .check_iotlb = { 2, IOMMU_TEST_IOTLB_DEFAULT }));

	e[0].iotlb_id = 2;
	e[1].iotlb_id = MOCK_NESTED_DOMAIN_IOTLB_NUM;
	e[2].iotlb_id = 3;
	cmd.data_uptr = addr(e);
	cmd.entry_num = 3;
	EXPECT_EQ(-EINVAL, run_invalidate(self->fd, &cmd));
	EXPECT_EQ(1, cmd.entry_num);
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_IOTLB, .id = self->nested,
			     .check_iotlb = { 3, IOMMU_TEST_IOTLB_DEFAULT }));
	e[1].flags = 2;
	cmd.entry_num = 3;
	EXPECT_EQ(-EOPNOTSUPP, run_invalidate(self->fd, &cmd));
	EXPECT_EQ(1, cmd.entry_num);
	e[1] = (struct iommu_hwpt_invalidate_selftest){ 1, 0 };
	cmd.entry_num = 3;
	EXPECT_EQ(0, run_invalidate(self->fd, &cmd));
	EXPECT_EQ(3, cmd.entry_num);
	EXPECT_EQ(0, check_iotlb(self->fd, self->nested, 0, 0));
}

/* As many as there may be: none is left out, and no memory is asked for them. */
TEST_F(hwpt, invalidate_many)
{
	const size_t n = 1 << 19;
	struct iommu_hwpt_invalidate_selftest *e =
		must_ptr(mem_base(n * sizeof(*e)));
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = self->nested,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = sizeof(*e),
		.entry_num = n,
		.data_uptr = addr(e),
	};

	e[n - 1].iotlb_id = 3;
	EXPECT_EQ(0, run_invalidate(self->fd, &cmd));
	EXPECT_EQ(n, cmd.entry_num);
	EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_IOTLB, .id = self->nested,
			     .check_iotlb = { 3, 0 }));
}

#define INFO(_member, _value, _error)					\
	BAD(iommu_hw_info, _member, _value, _error)
#define INFO_AT(_stage, _member, _value, _error)			\
	BAD_AT(_stage, iommu_hw_info, _member, _value, _error)

/* Bad input for a device; @type is what it has. */
static int info_fails(int fd, __u32 device, __u32 other, __u32 type)
{
	__u8 buffer[64];
	struct iommu_hw_info good = {
		.size = sizeof(good),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.dev_id = device,
		.data_len = sizeof(buffer),
		.data_uptr = addr(buffer),
		.in_data_type = type,
	};
	struct good_call call = GOOD_CALL(fd, IOMMU_GET_HW_INFO, good);
	const struct bad_input cases[] = {
		INFO_AT(1, flags, 2, EOPNOTSUPP),
		INFO_AT(1, flags, 1U << 31, EOPNOTSUPP),
		INFO_AT(1, __reserved, 1, EOPNOTSUPP),
		INFO_AT(1, __reserved, 1 << 8, EOPNOTSUPP),
		INFO_AT(1, __reserved, 1 << 16, EOPNOTSUPP),
		INFO_AT(2, dev_id, 0, ENOENT),
		INFO_AT(2, dev_id, NO_ID, ENOENT),
		INFO_AT(2, dev_id, other, ENOENT),
		INFO_AT(3, in_data_type, IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
			EOPNOTSUPP),
		INFO_AT(3, in_data_type, -1, EOPNOTSUPP),
		INFO_AT(4, data_uptr, 0, EFAULT),
		INFO_AT(4, data_uptr, -16, EFAULT),
	};

	return bad_inputs(&call, cases, N(cases)) + bad_memory(&call);
}

/*
 * What is told into a buffer of any length, a byte off the alignment: as much as
 * fits, then zeroes, and no byte beyond. Returns how many lengths went wrong.
 */
static int info_lengths(int fd, __u32 device, const void *expected, size_t size,
			struct iommu_hw_info *last)
{
	__u8 buffer[80], want[80];
	int wrong = 0;
	size_t length;

	for (length = 0; length <= 64; length++) {
		struct iommu_hw_info cmd = {
			.dev_id = device,
			.data_len = length,
			.data_uptr = length ? addr(buffer) + 1 : 0,
			/* Not to be looked at without the flag */
			.in_data_type = IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
		};

		memset(buffer, 0xa5, sizeof(buffer));
		memset(want, 0xa5, sizeof(want));
		memset(want + 1, 0, length);
		memcpy(want + 1, expected, length < size ? length : size);
		wrong += run_get_hw_info(fd, &cmd) || cmd.data_len != size ||
			 memcmp(want, buffer, sizeof(want));
		*last = cmd;
	}
	return wrong;
}

TEST_F(hwpt, info)
{
	const struct iommu_test_hw_info expected = {
		.test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL,
	};
	static const struct {
		__u32 flags;
		__u64 caps;
		__u8 log2;
	} kinds[] = {
		{ 0, IOMMU_HW_CAP_DIRTY_TRACKING, 0 },
		{ MOCK_FLAGS_DEVICE_NO_DIRTY, 0, 0 },
		{ MOCK_FLAGS_DEVICE_PASID, IOMMU_HW_CAP_DIRTY_TRACKING,
		  MOCK_PASID_WIDTH },
	};
	struct iommu_hw_info info;
	struct mock dev;
	int i;

	for (i = 0; i < N(kinds); i++) {
		must(mock_new(self->fd, self->ioas.id, kinds[i].flags, &dev));
		EXPECT_EQ(0, info_fails(self->fd, dev.idev, dev.stdev,
					IOMMU_HW_INFO_TYPE_SELFTEST));
		EXPECT_EQ(0, info_lengths(self->fd, dev.idev, &expected,
					  sizeof(expected), &info));
		EXPECT_EQ(IOMMU_HW_INFO_TYPE_SELFTEST, info.out_data_type);
		EXPECT_EQ(kinds[i].caps | IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED,
			  info.out_capabilities);
		EXPECT_EQ(kinds[i].log2, info.out_max_pasid_log2);
	}
}

/* A buffer that ends in the middle of what is to be zeroed */
TEST_F(hwpt, info_half_a_buffer)
{
	char *mem = must_ptr(mem_base(2 * PAGE));
	struct iommu_hw_info cmd = {
		.dev_id = self->dev.idev,
		.data_len = 64,
		.data_uptr = addr(mem) + PAGE - 32,
	};

	munmap(mem + PAGE, PAGE);
	EXPECT_EQ(-EFAULT, run_get_hw_info(self->fd, &cmd));
	cmd.data_len = 32;
	EXPECT_EQ(0, run_get_hw_info(self->fd, &cmd));
	cmd.data_uptr += 28;
	cmd.data_len = 8;
	EXPECT_EQ(-EFAULT, run_get_hw_info(self->fd, &cmd));
}

FIXTURE(vtd)
{
	struct context c;
	__u32 device;
};

FIXTURE_SETUP(vtd)
{
	if (context_open(&self->c, ONE_EDU))
		SKIP(return, NEEDS_EDU);
	self->device = self->c.edu[0].id;
}

FIXTURE_TEARDOWN(vtd)
{
	context_close(&self->c);
	EXPECT_SETTLED(self->c.pinned);
}

/* What the kernel tells about its first VT-d unit; the VM has no other. */
static __u64 unit_register(const char *name)
{
	unsigned long long value = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/iommu/dmar0/intel-iommu/%s",
		 name);
	f = must_ptr(fopen(path, "re"));
	must(fscanf(f, "%llx", &value) == 1 ? 0 : -EINVAL);
	fclose(f);
	return value;
}

TEST_F(vtd, info)
{
	struct iommu_hw_info_vtd vtd = {};
	struct iommu_hw_info info = {
		.dev_id = self->device,
		.data_len = sizeof(vtd),
		.data_uptr = addr(&vtd),
	};

	must(run_get_hw_info(self->c.fd, &info));
	EXPECT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, info.out_data_type);
	EXPECT_NE(0, vtd.cap_reg);
	EXPECT_NE(0, vtd.ecap_reg);
	EXPECT_EQ(0, vtd.__reserved);
	EXPECT_EQ(unit_register("cap"), vtd.cap_reg);
	EXPECT_EQ(unit_register("ecap"), vtd.ecap_reg);
	EXPECT_EQ(0, info_lengths(self->c.fd, self->device, &vtd, sizeof(vtd),
				  &info));
	EXPECT_EQ(0, info_fails(self->c.fd, self->device, self->c.ioas.id,
				IOMMU_HW_INFO_TYPE_INTEL_VTD));
	EXPECT_TRUE(info.out_capabilities & IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED);
}

/* What this VT-d does not have is refused, and says so beforehand. */
TEST_F(vtd, alloc)
{
	struct iommu_hwpt_selftest data = {};
	const struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.dev_id = self->device,
		.pt_id = self->c.ioas.id,
	};
	const struct good_call call =
		GOOD_CALL(self->c.fd, IOMMU_HWPT_ALLOC, good);
	struct iommu_hwpt_alloc with_data = good;
	struct good_call data_call =
		GOOD_CALL(self->c.fd, IOMMU_HWPT_ALLOC, with_data);
	struct iommu_hw_info info = { .dev_id = self->device };
	const struct bad_input dirty[] = {
		ALLOC(flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, EOPNOTSUPP),
	};
	const struct bad_input cases[] = {
		ALLOC(__reserved, 1, EOPNOTSUPP),
		ALLOC(data_type, IOMMU_HWPT_DATA_VTD_S1, EINVAL),
		ALLOC(dev_id, self->c.ioas.id, ENOENT),
		ALLOC(pt_id, self->device, EINVAL),
		ALLOC_AT(5, flags, 1U << 4, EOPNOTSUPP),
		ALLOC_AT(5, flags, IOMMU_HWPT_FAULT_ID_VALID |
				   IOMMU_HWPT_ALLOC_NEST_PARENT, EOPNOTSUPP),
		ALLOC(fault_id, 0, ENOENT),
	};

	must(run_get_hw_info(self->c.fd, &info));
	if (!(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING))
		EXPECT_EQ(0, bad_inputs(&call, dirty, 1));
	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases) - 1));
	EXPECT_EQ(0, bad_memory(&call));
	with_data.data_type = IOMMU_HWPT_DATA_SELFTEST;
	with_data.data_len = sizeof(data);
	with_data.data_uptr = addr(&data);
	EXPECT_EQ(0, bad_call(&data_call, "data of the mock", EOPNOTSUPP));
}

TEST_HARNESS_MAIN
