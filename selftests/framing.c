// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frame of every ioctl of /dev/iommu: command numbers, struct sizes, what is
 * read and what is written back.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "test.h"

struct command {
	const char *name;
	unsigned int cmd;
	unsigned int size;
	unsigned int min_size;
};

#define COMMAND(_cmd, _nr, _size, _min) \
	{ #_cmd, _IO(';', _nr), _size, _min }

/* Numbers, not names and sizeof: they are what programs were compiled with. */
static const struct command commands[] = {
	COMMAND(DESTROY, 0x80, 8, 8),
	COMMAND(IOAS_ALLOC, 0x81, 12, 12),
	COMMAND(IOAS_ALLOW_IOVAS, 0x82, 24, 24),
	COMMAND(IOAS_COPY, 0x83, 40, 40),
	COMMAND(IOAS_IOVA_RANGES, 0x84, 32, 32),
	COMMAND(IOAS_MAP, 0x85, 40, 40),
	COMMAND(IOAS_UNMAP, 0x86, 24, 24),
	COMMAND(OPTION, 0x87, 24, 24),
	COMMAND(VFIO_IOAS, 0x88, 12, 12),
	COMMAND(HWPT_ALLOC, 0x89, 48, 24),
	COMMAND(GET_HW_INFO, 0x8a, 40, 32),
	COMMAND(HWPT_SET_DIRTY_TRACKING, 0x8b, 16, 16),
	COMMAND(HWPT_GET_DIRTY_BITMAP, 0x8c, 48, 48),
	COMMAND(HWPT_INVALIDATE, 0x8d, 32, 32),
	COMMAND(FAULT_QUEUE_ALLOC, 0x8e, 16, 16),
	COMMAND(IOAS_MAP_FILE, 0x8f, 40, 40),
	COMMAND(VIOMMU_ALLOC, 0x90, 40, 24),
	COMMAND(VDEVICE_ALLOC, 0x91, 24, 24),
	COMMAND(IOAS_CHANGE_PROCESS, 0x92, 8, 8),
	COMMAND(VEVENTQ_ALLOC, 0x93, 32, 28),
	COMMAND(HW_QUEUE_ALLOC, 0x94, 40, 40),
	COMMAND(IOAS_NOIOMMU_GET_PA, 0x95, 40, 40),
};

#define END (commands + ARRAY_SIZE(commands))

FIXTURE(framing)
{
	int fd;
	char *page;		/* with nothing mapped behind it */
};

FIXTURE_SETUP(framing)
{
	self->fd = must(iommufd_open());
	self->page = must_ptr(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_EQ(0, munmap(self->page + PAGE, PAGE));
}

FIXTURE_TEARDOWN(framing)
{
	close(self->fd);
}

/* A struct of @size bytes, all 0 but the size, that ends with the page */
static void *zeroes(char *page, unsigned int size)
{
	memset(page, 0, PAGE);
	memcpy(page + PAGE - size, &size, sizeof(size));
	return page + PAGE - size;
}

/* The same call in a context that has nothing in it yet */
static int in_new_context(unsigned int cmd, void *arg)
{
	int fd = must(iommufd_open());
	int rc = iommufd_ioctl(fd, cmd, arg);

	close(fd);
	return rc;
}

TEST_F(framing, too_short)
{
	const struct command *c;
	unsigned int size;

	for (c = commands; c < END; c++) {
		for (size = 0; size < c->min_size; size++) {
			memset(self->page, 0, PAGE);
			memcpy(self->page, &size, sizeof(size));
			EXPECT_EQ(-EINVAL, iommufd_ioctl(self->fd, c->cmd,
							 self->page))
				TH_LOG("%s, size %u", c->name, size);
		}
	}
}

/* Every size from the first version's to today's is taken. */
TEST_F(framing, min_size)
{
	const struct command *c;
	unsigned int size;
	int rc, full;

	for (c = commands; c < END; c++) {
		full = in_new_context(c->cmd,
				      zeroes(self->page, c->size));
		for (size = c->min_size; size < c->size; size++) {
			rc = in_new_context(c->cmd,
					    zeroes(self->page, size));
			EXPECT_EQ(full, rc)
				TH_LOG("%s, size %u", c->name, size);
		}
		EXPECT_NE(-ENOTTY, full)
			TH_LOG("%s", c->name);
		EXPECT_NE(-EFAULT, full)
			TH_LOG("%s", c->name);
		EXPECT_NE(-E2BIG, full)
			TH_LOG("%s", c->name);
	}
}

TEST_F(framing, longer_with_zeroes)
{
	const struct command *c;
	static const unsigned int more[] = { 1, 8, 100, 2000 };
	int i, rc, full;

	for (c = commands; c < END; c++) {
		full = in_new_context(c->cmd,
				      zeroes(self->page, c->size));
		for (i = 0; i < ARRAY_SIZE(more); i++) {
			rc = in_new_context(c->cmd,
					    zeroes(self->page,
						   c->size + more[i]));
			EXPECT_EQ(full, rc)
				TH_LOG("%s + %u", c->name, more[i]);
		}
	}
}

TEST_F(framing, longer_with_more)
{
	const struct command *c;
	static const unsigned int at[] = { 0, 1, 7, 63 };
	char *arg;
	int i;

	for (c = commands; c < END; c++) {
		for (i = 0; i < ARRAY_SIZE(at); i++) {
			arg = zeroes(self->page, c->size + 64);
			arg[c->size + at[i]] = 1;
			EXPECT_EQ(-E2BIG, iommufd_ioctl(self->fd, c->cmd,
							arg))
				TH_LOG("%s, byte %u", c->name, at[i]);
		}
	}
}

TEST_F(framing, bad_pointer)
{
	const struct command *c;
	unsigned int size;
	char *arg;

	for (c = commands; c < END; c++) {
		EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, c->cmd, NULL))
			TH_LOG("%s", c->name);
		EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, c->cmd,
						 self->page + PAGE - 2))
			TH_LOG("%s", c->name);

		/* The size can be read, and not all of the rest. */
		for (size = c->size; size < c->size + 100;
		     size += 99) {
			arg = zeroes(self->page, size - 1);
			memcpy(arg, &size, sizeof(size));
			EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd,
							 c->cmd, arg))
				TH_LOG("%s, size %u", c->name, size);
		}

		/* A size that is wrong whatever follows */
		arg = zeroes(self->page, 8);
		*(__u32 *)arg = 0xffffffff;
		EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, c->cmd, arg))
			TH_LOG("%s", c->name);
	}
}

/* Direction, size and type are part of a command. */
TEST_F(framing, other_command_word)
{
	const struct command *c;
	static const unsigned int other[] = {
		_IOR(';', 0, int), _IOW(';', 0, int), _IOWR(';', 0, __u64),
		_IOC(_IOC_NONE, ';', 0, 8), _IO(':', 0), _IO(0, 0),
	};
	unsigned int i, cmd;

	for (c = commands; c < END; c++) {
		for (i = 0; i < ARRAY_SIZE(other); i++) {
			cmd = other[i] | _IOC_NR(c->cmd);
			EXPECT_EQ(-ENOTTY,
				  iommufd_ioctl(self->fd, cmd,
						zeroes(self->page, 64)))
				TH_LOG("%s as %x", c->name, cmd);
			EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, cmd, NULL))
				TH_LOG("%s as %x", c->name, cmd);
		}
	}
}

TEST_F(framing, unknown_number)
{
	static const unsigned int nr[] = { 0, 1, 0x63, 0x7f, 0x96, 0x9f, 0xc0,
					   0xff };
	int i;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		EXPECT_EQ(-ENOTTY, iommufd_ioctl(self->fd, _IO(';', nr[i]),
						 zeroes(self->page, 64)))
			TH_LOG("%x", nr[i]);
	}
}

/* The answer goes no further than the caller's struct, whose size stays. */
TEST_F(framing, result)
{
	struct {
		struct iommu_ioas_alloc cmd;
		__u32 more[5];
	} arg = { .cmd.size = sizeof(arg) };
	int i;

	ASSERT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOC, &arg));
	EXPECT_EQ(sizeof(arg), arg.cmd.size);
	EXPECT_NE(0, arg.cmd.out_ioas_id);
	for (i = 0; i < ARRAY_SIZE(arg.more); i++)
		EXPECT_EQ(0, arg.more[i]);

	memset(&arg, 0xff, sizeof(arg));
	arg.cmd.size = sizeof(arg.cmd);
	arg.cmd.flags = 0;
	ASSERT_EQ(0, iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOC, &arg));
	EXPECT_EQ(sizeof(arg.cmd), arg.cmd.size);
	for (i = 0; i < ARRAY_SIZE(arg.more); i++)
		EXPECT_EQ(0xffffffff, arg.more[i]);
}

/* Nothing is written after an error. */
TEST_F(framing, no_result_after_error)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = MAP_RW,
		.ioas_id = NO_ID,
		.length = PAGE,
	};
	struct iommu_ioas_map before = cmd;

	EXPECT_EQ(-ENOENT, iommufd_ioctl(self->fd, IOMMU_IOAS_MAP, &cmd));
	EXPECT_EQ(0, memcmp(&cmd, &before, sizeof(cmd)));
}

/* An object whose ID does not reach the user does not exist. */
TEST_F(framing, result_cannot_be_written)
{
	struct iommu_ioas_alloc *cmd = (void *)self->page;
	int id;

	cmd->size = sizeof(*cmd);
	cmd->flags = 0;
	ASSERT_EQ(0, mprotect(self->page, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_ALLOC, cmd));
	id = must(ioas_alloc(self->fd));
	EXPECT_EQ(1, id);
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, id + 1));
}

/* There is nothing to read or to write. */
TEST_F(framing, read_and_write)
{
	EXPECT_EQ(-1, read(self->fd, self->page, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, self->page, 8));
	EXPECT_EQ(EINVAL, errno);
}

TEST(node)
{
	struct stat stat;

	ASSERT_EQ(0, lstat("/dev/iommu", &stat));
	EXPECT_TRUE(S_ISCHR(stat.st_mode));
	EXPECT_EQ(0660, stat.st_mode & 07777);
}

TEST_HARNESS_MAIN
