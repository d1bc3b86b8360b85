// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects: their IDs, and IOMMU_DESTROY.
 */
#include "test.h"

#define MANY 2000

FIXTURE(object)
{
	int fd;
	int pinned;
};

FIXTURE_SETUP(object)
{
	self->pinned = must(pinned_pages());
	self->fd = must(iommufd_open());
}

FIXTURE_TEARDOWN(object)
{
	close(self->fd);
	EXPECT_SETTLED(self->pinned);
}

TEST_F(object, destroy)
{
	int id = must(ioas_alloc(self->fd));

	EXPECT_EQ(0, iommufd_destroy(self->fd, id));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, id));
}

TEST_F(object, destroy_what_is_not_there)
{
	static const __u32 ids[] = { 0, 1, 2, NO_ID, 0x80000000, 0xffffffff };
	int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, ids[i]))
			TH_LOG("id %u", ids[i]);
	}
	must(ioas_alloc(self->fd));
	for (i = 2; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, ids[i]))
			TH_LOG("id %u", ids[i]);
	}
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, 0));
}

/* A new object has the lowest ID that is free. */
TEST_F(object, ids)
{
	int i;

	for (i = 1; i <= 5; i++)
		EXPECT_EQ(i, ioas_alloc(self->fd));
	EXPECT_EQ(0, iommufd_destroy(self->fd, 4));
	EXPECT_EQ(0, iommufd_destroy(self->fd, 2));
	EXPECT_EQ(2, ioas_alloc(self->fd));
	EXPECT_EQ(4, ioas_alloc(self->fd));
	EXPECT_EQ(6, ioas_alloc(self->fd));
}

TEST_F(object, many)
{
	int i, id;

	for (i = 1; i <= MANY; i++)
		ASSERT_EQ(i, ioas_alloc(self->fd));
	for (i = 1; i <= MANY; i += 2)
		ASSERT_EQ(0, iommufd_destroy(self->fd, i));
	for (i = 1; i <= MANY; i++) {
		id = iommufd_destroy(self->fd, i);
		ASSERT_EQ(i % 2 ? -ENOENT : 0, id);
	}
	EXPECT_EQ(1, ioas_alloc(self->fd));
}

/* What close() has to clear up */
TEST_F(object, many_left)
{
	struct ioas ioas = { .fd = self->fd };
	void *mem = must_ptr(mem_base(PAGE));
	int i;

	for (i = 1; i <= MANY; i++) {
		ioas.id = must(ioas_alloc(self->fd));
		if (i % 3 == 0)
			must_map(ioas, mem, PAGE, MAP_RW);
	}
}

TEST_F(object, contexts_are_independent)
{
	int other = must(iommufd_open());
	__u64 iova;

	EXPECT_EQ(1, ioas_alloc(self->fd));
	EXPECT_EQ(2, ioas_alloc(self->fd));
	EXPECT_EQ(1, ioas_alloc(other));

	EXPECT_EQ(-ENOENT, iommufd_destroy(other, 2));
	EXPECT_EQ(-ENOENT, ioas_map((struct ioas){ other, 2 }, self, PAGE,
				    MAP_R, &iova));
	EXPECT_EQ(0, iommufd_destroy(other, 1));
	EXPECT_EQ(0, ioas_alignment((struct ioas){ self->fd, 1 }) < 0);
	close(other);
	EXPECT_EQ(0, iommufd_destroy(self->fd, 1));
	EXPECT_EQ(0, iommufd_destroy(self->fd, 2));
}

/* A duplicate is the same context, and the last one to go ends it. */
TEST_F(object, duplicate_fd)
{
	int id = must(ioas_alloc(self->fd));
	int other = dup(self->fd);

	ASSERT_LE(0, other);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, iommufd_destroy(other, id));
	close(other);
}

TEST_F(object, child_shares_the_context)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(ioas_alloc(self->fd) == 1 ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, iommufd_destroy(self->fd, 1));
}

/* What is mapped does not keep an IOAS. */
TEST_F(object, destroy_with_mappings)
{
	struct ioas ioas = must_ioas(self->fd);
	void *mem = must_ptr(mem_base(16 * PAGE));
	int i;

	for (i = 0; i < 16; i++)
		must_map(ioas, mem + i * PAGE, PAGE, MAP_RW);
	EXPECT_EQ(0, iommufd_destroy(self->fd, ioas.id));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, ioas.id));
	/* The ID is given to an empty one. */
	EXPECT_EQ(ioas.id, must(ioas_alloc(self->fd)));
	EXPECT_EQ(-ENOENT, ioas_unmap(ioas, PAGE, 16 * PAGE, NULL));
}

TEST_HARNESS_MAIN
