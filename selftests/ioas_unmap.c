// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_UNMAP, without a device: what goes and what does not.
 */
#include "test.h"

FIXTURE(unmap)
{
	int fd;
	int pinned;
	struct ioas ioas;
	void *mem;
};

/* Three mappings of 4 pages: A and B touch each other, C stands alone. */
#define A	(0x10 * PAGE)
#define B	(0x14 * PAGE)
#define C	(0x20 * PAGE)
#define EACH	(4 * PAGE)

static void map_three(struct ioas ioas, void *mem)
{
	must(ioas_map_at(range_of(ioas, A, EACH), mem, MAP_RW));
	must(ioas_map_at(range_of(ioas, B, EACH), mem, MAP_RW));
	must(ioas_map_at(range_of(ioas, C, EACH), mem, MAP_RW));
}

/* What is left in the IOAS, which is empty then */
static __u64 clear(struct ioas ioas)
{
	__u64 bytes;

	must(ioas_unmap_all(ioas, &bytes));
	return bytes;
}

FIXTURE_SETUP(unmap)
{
	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
	self->ioas = must_ioas(self->fd);
	self->mem = must_ptr(mem_base(EACH));
}

FIXTURE_TEARDOWN(unmap)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

static const struct {
	const char *name;
	__u64 iova;
	__u64 length;
	int error;
	__u64 unmapped;		/* 0 after an error */
} cases[] = {
	{ "one", A, EACH, 0, EACH },
	{ "one of two that touch", B, EACH, 0, EACH },
	{ "two", A, 2 * EACH, 0, 2 * EACH },
	{ "all three", A, C + EACH - A, 0, 3 * EACH },
	{ "more than there is", PAGE, C + 16 * PAGE, 0, 3 * EACH },
	{ "from 0 on", 0, C + EACH, 0, 3 * EACH },
	{ "to the end", A, UINT64_MAX - A, 0, 3 * EACH },
	{ "all but IOVA 0", 1, UINT64_MAX - 1, 0, 3 * EACH },
	{ "last with a hole before", B + EACH, C + EACH - B - EACH, 0, EACH },

	{ "nothing there", PAGE, 4 * PAGE, ENOENT },
	{ "the hole", B + EACH, C - B - EACH, ENOENT },
	{ "behind all", C + EACH, EACH, ENOENT },
	{ "IOVA 0", 0, 1, ENOENT },

	/* An area goes as a whole, and a refused call takes nothing away. */
	{ "all but the first byte", A + 1, EACH - 1, ENOENT },
	{ "all but the last byte", A, EACH - 1, ENOENT },
	{ "a page inside", A + PAGE, PAGE, ENOENT },
	{ "one byte", C, 1, ENOENT },
	{ "A and the head of B", A, EACH + PAGE, ENOENT },
	{ "the tail of A and B", A + PAGE, 2 * EACH - PAGE, ENOENT },
	{ "A, B and the head of C", A, C + 1 - A, ENOENT },
	{ "all but the end of C", 0, C + EACH - 1, ENOENT },
	{ "all but the start of A", A + 1, UINT64_MAX - A - 1, ENOENT },

	{ "no length", A, 0, EINVAL },
	{ "wraps", A, UINT64_MAX - A + 2, EOVERFLOW },
	{ "wraps at the end", UINT64_MAX - 1, 3, EOVERFLOW },
	{ "length out of range", A, UINT64_MAX, EOVERFLOW },
	{ "IOVA out of range", UINT64_MAX, 1, EOVERFLOW },
	{ "IOVA out of range, no length", UINT64_MAX, 0, EOVERFLOW },
};

TEST_F(unmap, cases)
{
	__u64 unmapped;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		map_three(self->ioas, self->mem);
		unmapped = 0;
		EXPECT_EQ(-cases[i].error,
			  ioas_unmap(self->ioas, cases[i].iova,
				     cases[i].length, &unmapped))
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(cases[i].unmapped, unmapped)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(3 * EACH - cases[i].unmapped, clear(self->ioas))
			TH_LOG("%s", cases[i].name);
	}
}

TEST_F(unmap, unknown_ioas)
{
	self->ioas.id = NO_ID;
	EXPECT_EQ(-ENOENT, ioas_unmap(self->ioas, A, EACH, NULL));
	EXPECT_EQ(-ENOENT, ioas_unmap_all(self->ioas, NULL));
}

TEST_F(unmap, all)
{
	__u64 unmapped = 1;

	EXPECT_EQ(0, ioas_unmap_all(self->ioas, &unmapped));
	EXPECT_EQ(0, unmapped);
	map_three(self->ioas, self->mem);
	EXPECT_EQ(0, ioas_unmap_all(self->ioas, &unmapped));
	EXPECT_EQ(3 * EACH, unmapped);
	EXPECT_EQ(0, ioas_unmap_all(self->ioas, &unmapped));
	EXPECT_EQ(0, unmapped);
}

/* "Everything" is the pair of 0 and U64_MAX. The rest of it can be empty. */
TEST_F(unmap, nothing_there)
{
	EXPECT_EQ(-ENOENT, ioas_unmap(self->ioas, 0, UINT64_MAX - 1, NULL));
	EXPECT_EQ(-EOVERFLOW, ioas_unmap(self->ioas, 1, UINT64_MAX, NULL));
	EXPECT_EQ(-ENOENT, ioas_unmap(self->ioas, 1, UINT64_MAX - 1, NULL));
}

/* The ends of the 64-bit space */
TEST_F(unmap, ends)
{
	const __u64 top = -EACH;
	__u64 unmapped;

	must(ioas_map_at(range_of(self->ioas, 0, EACH), self->mem, MAP_RW));
	must(ioas_map_at(range_of(self->ioas, top, EACH), self->mem, MAP_RW));
	EXPECT_EQ(-ENOENT, ioas_unmap(self->ioas, top, EACH - 1, NULL));
	EXPECT_EQ(-EOVERFLOW, ioas_unmap(self->ioas, top, EACH + 1, NULL));
	EXPECT_EQ(0, ioas_unmap(self->ioas, top, EACH, &unmapped));
	EXPECT_EQ(EACH, unmapped);
	EXPECT_EQ(0, ioas_unmap(self->ioas, 0, EACH, &unmapped));
	EXPECT_EQ(EACH, unmapped);
	EXPECT_EQ(0, clear(self->ioas));
}

/* The areas are gone although the answer does not reach the caller. */
TEST_F(unmap, result_cannot_be_written)
{
	struct iommu_ioas_unmap *cmd = must_ptr(mem_base(PAGE));

	map_three(self->ioas, self->mem);
	*cmd = (struct iommu_ioas_unmap){
		.size = sizeof(*cmd),
		.ioas_id = self->ioas.id,
		.iova = A,
		.length = EACH,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, cmd));
	EXPECT_EQ(2 * EACH, clear(self->ioas));
}

/* A byte is a mapping too, where no device asks for more. */
TEST_F(unmap, bytes)
{
	__u64 unmapped;
	int i;

	for (i = 0; i < 64; i++)
		must(ioas_map_at(range_of(self->ioas, PAGE + i, 1),
				 self->mem + i, MAP_RW));
	EXPECT_EQ(0, ioas_unmap(self->ioas, PAGE + 7, 3, &unmapped));
	EXPECT_EQ(3, unmapped);
	EXPECT_EQ(-ENOENT, ioas_unmap(self->ioas, PAGE + 7, 3, NULL));
	EXPECT_EQ(61, clear(self->ioas));
}

TEST_HARNESS_MAIN
