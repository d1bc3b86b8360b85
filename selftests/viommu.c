// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs and vDEVICEs of the mock IOMMU: bad input, who keeps whom, what is left of
 * a vDEVICE whose device goes, invalidation, and memory of the driver that is
 * mapped.
 */
#include <sys/mman.h>

#include "lib/bad_input.h"
#include "lib/guest.h"
#include "test.h"

#define N(_array) ((int)ARRAY_SIZE(_array))

FIXTURE(viommu)
{
	struct guest g;
	int pinned;
};

FIXTURE_SETUP(viommu)
{
	int fd = must(iommufd_open());

	self->g.fd = -1;
	self->pinned = pins_since(0);
	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	close(fd);
	guest_open(&self->g);
}

FIXTURE_TEARDOWN(viommu)
{
	guest_close(&self->g);
	EXPECT_SETTLED(self->pinned);
}

#define DESTROY(_id) iommufd_destroy(self->g.fd, _id)

TEST_F(viommu, alloc_errors)
{
	struct iommu_viommu_selftest data = { .in_data = 1 };
	const struct iommu_viommu_selftest before = data;
	void *read_only = must_ptr(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE |
					MAP_ANONYMOUS, -1, 0));
	const struct iommu_viommu_alloc good = {
		.size = sizeof(good),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = self->g.dev.idev,
		.hwpt_id = self->g.parent,
		.data_len = sizeof(data),
		.data_uptr = addr(&data),
	};
	const struct good_call call =
		GOOD_CALL(self->g.fd, IOMMU_VIOMMU_ALLOC, good);
	struct iommu_viommu_alloc cmd = good;
	__u32 plain = must(hwpt_alloc(self->g.ioas, self->g.dev.idev, 0));
	__u32 nested = must(guest_nested(&self->g, self->g.dev.idev,
					 self->g.parent));
#define VIOMMU(_stage, _member, _value, _error)				\
	BAD_AT(_stage, iommu_viommu_alloc, _member, _value, _error)
	const struct bad_input cases[] = {
		VIOMMU(1, flags, 1, EOPNOTSUPP),
		VIOMMU(1, flags, 1U << 31, EOPNOTSUPP),
		VIOMMU(1, type, IOMMU_VIOMMU_TYPE_DEFAULT, EOPNOTSUPP),
		VIOMMU(2, dev_id, 0, ENOENT),
		VIOMMU(2, dev_id, NO_ID, ENOENT),
		VIOMMU(2, dev_id, self->g.dev.stdev, ENOENT),
		VIOMMU(3, type, IOMMU_VIOMMU_TYPE_ARM_SMMUV3, EOPNOTSUPP),
		VIOMMU(3, type, -1, EOPNOTSUPP),
		VIOMMU(4, hwpt_id, 0, ENOENT),
		VIOMMU(4, hwpt_id, NO_ID, ENOENT),
		VIOMMU(4, hwpt_id, nested, ENOENT),
		VIOMMU(4, hwpt_id, self->g.ioas.id, ENOENT),
		VIOMMU(4, hwpt_id, self->g.viommu, ENOENT),
		VIOMMU(5, hwpt_id, plain, EINVAL),
		VIOMMU(6, data_len, 7, EINVAL),
		VIOMMU(6, data_len, 25, EINVAL),
		VIOMMU(6, data_len, -1, EINVAL),
		VIOMMU(7, data_uptr, 0, EFAULT),
		VIOMMU(7, data_uptr, -16, EFAULT),
		VIOMMU(7, data_uptr, addr(read_only), EFAULT),
	};

	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, memcmp(&before, &data, sizeof(data)));
	EXPECT_EQ(0, bad_memory(&call));
	/* Nobody looks at this one. Of the data only as much as there is room. */
	memset(&data, 0xa5, sizeof(data));
	data.in_data = 9;
	cmd.__reserved = 1;
	cmd.data_len = 8;
	EXPECT_EQ(0, DESTROY(must(run_viommu_alloc(self->g.fd, &cmd))));
	EXPECT_EQ(9, data.out_data);
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5, data.out_mmap_offset);
	EXPECT_EQ(0, DESTROY(nested));
	EXPECT_EQ(-EBUSY, DESTROY(self->g.parent));
}

TEST_F(viommu, vdevice_errors)
{
	struct iommu_vdevice_alloc good = {
		.size = sizeof(good),
		.viommu_id = self->g.viommu,
		.virt_id = 2,
	};
	const struct good_call call =
		GOOD_CALL(self->g.fd, IOMMU_VDEVICE_ALLOC, good);
	struct mock second;
	int id;
#define VDEVICE(_stage, _member, _value, _error)			\
	BAD_AT(_stage, iommu_vdevice_alloc, _member, _value, _error)
	const struct bad_input cases[] = {
		VDEVICE(1, viommu_id, 0, ENOENT),
		VDEVICE(1, viommu_id, NO_ID, ENOENT),
		VDEVICE(1, viommu_id, self->g.parent, ENOENT),
		VDEVICE(1, viommu_id, self->g.dev.idev, ENOENT),
		VDEVICE(1, dev_id, 0, ENOENT),
		VDEVICE(1, dev_id, NO_ID, ENOENT),
		VDEVICE(1, dev_id, self->g.dev.stdev, ENOENT),
		VDEVICE(1, dev_id, self->g.viommu, ENOENT),
		VDEVICE(2, dev_id, self->g.dev.idev, EEXIST),
		VDEVICE(3, virt_id, 1, EEXIST),
	};

	must(mock_new(self->g.fd, self->g.parent, 0, &second));
	good.dev_id = second.idev;
	id = must(guest_vdevice(&self->g, self->g.dev.idev, 1));
	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, bad_memory(&call));
	/* Another vIOMMU has other IDs; but a device can be one vDEVICE only. */
	good.viommu_id = must(VIOMMU_ALLOC(self->g.fd,
					   .dev_id = second.idev,
					   .hwpt_id = self->g.parent,
					   .type = IOMMU_VIOMMU_TYPE_SELFTEST));
	good.virt_id = 1;
	EXPECT_LT(0, run_vdevice_alloc(self->g.fd, &good));
	EXPECT_EQ(-EEXIST, guest_vdevice(&self->g, second.idev, 3));
	/* Once it is destroyed, both are free again. */
	EXPECT_EQ(0, DESTROY(id));
	EXPECT_EQ(-ENOENT, DESTROY(id));
	EXPECT_LT(0, guest_vdevice(&self->g, self->g.dev.idev, 1));
}

/* Any number of 64 bits may be an ID of the guest. */
TEST_F(viommu, virt_ids)
{
	static const __u64 ids[] = { 0, 1, 0x7fffffff, 0xffffffff, 1ULL << 32,
				     1ULL << 63, -2ULL, -1ULL };
	struct mock devs[N(ids)];
	int i;

	for (i = 0; i < N(ids); i++) {
		must(mock_new(self->g.fd, self->g.parent, 0, &devs[i]));
		EXPECT_LT(0, guest_vdevice(&self->g, devs[i].idev, ids[i]));
		EXPECT_EQ(-EEXIST, guest_vdevice(&self->g, self->g.dev.idev,
						 ids[i]));
	}
	EXPECT_LT(0, guest_vdevice(&self->g, self->g.dev.idev, 2));
}

/* A device of another IOMMU */
TEST_F(viommu, other_iommu)
{
	struct pci_address pci;
	struct edu edu;

	if (edu_find_one(&pci))
		SKIP(return, NEEDS_EDU);
	must(edu_open(&edu, &pci, self->g.fd));
	EXPECT_EQ(-EINVAL, guest_vdevice(&self->g, edu.id, 1));
	EXPECT_EQ(-EINVAL, guest_nested(&self->g, edu.id, self->g.viommu));
	EXPECT_GT(0, guest_nested(&self->g, edu.id, self->g.parent));
	EXPECT_EQ(-EOPNOTSUPP,
		  VIOMMU_ALLOC(self->g.fd, .dev_id = edu.id,
			       .hwpt_id = self->g.parent,
			       .type = IOMMU_VIOMMU_TYPE_SELFTEST));
	EXPECT_LT(0, guest_vdevice(&self->g, self->g.dev.idev, 1));
	edu_close(&edu);
}

/* The device goes first: the ID of the vDEVICE is nobody's as long as we live. */
TEST_F(viommu, tombstone)
{
	struct mock dev;
	int vdev, id, i;

	must(mock_new(self->g.fd, self->g.parent, 0, &dev));
	vdev = must(guest_vdevice(&self->g, dev.idev, 5));
	/* DEVICE and VDEVICE keep nothing that would keep this one. */
	EXPECT_EQ(0, DESTROY(dev.stdev));
	EXPECT_EQ(-ENOENT, DESTROY(vdev));
	for (i = 0; i < 64; i++) {
		id = must(ioas_alloc(self->g.fd));
		EXPECT_NE(vdev, id);
	}
	/* What it was to the guest is free. */
	EXPECT_LT(0, guest_vdevice(&self->g, self->g.dev.idev, 5));
	EXPECT_EQ(0, MOCK_OP(self->g.fd, DEV_CHECK_CACHE,
			     .id = self->g.dev.idev,
			     .check_dev_cache = { 0, IOMMU_TEST_DEV_CACHE_DEFAULT }));
}

/* A tombstone counts as an object, and nothing can be done about it. */
TEST_F(viommu, tombstone_alone)
{
	int vdev = must(guest_vdevice(&self->g, self->g.dev.idev, 5));

	EXPECT_EQ(0, DESTROY(self->g.dev.stdev));
	EXPECT_EQ(0, DESTROY(self->g.viommu));
	EXPECT_EQ(0, DESTROY(self->g.parent));
	EXPECT_EQ(0, DESTROY(self->g.ioas.id));
	EXPECT_EQ(-ENOENT, DESTROY(vdev));
	EXPECT_EQ(-EBUSY, iommufd_option_set(self->g.fd,
					     IOMMU_OPTION_RLIMIT_MODE, 0, 1));
	EXPECT_NE(vdev, must(ioas_alloc(self->g.fd)));
}

/* What is made on top of a vIOMMU, each by itself */
static int make_nested(struct guest *g)
{
	return guest_nested(g, g->dev.idev, g->viommu);
}

static int make_vdevice(struct guest *g)
{
	return guest_vdevice(g, g->dev.idev, 1);
}

static int make_veventq(struct guest *g)
{
	struct event_queue queue;

	must(veventq_alloc(g->fd, g->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, 1,
			   &queue));
	close(queue.fd);
	return queue.id;
}

static int make_hw_queue(struct guest *g)
{
	return HW_QUEUE_ALLOC(g->fd, .viommu_id = g->viommu,
			      .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
			      .nesting_parent_iova = MOCK_APERTURE_START,
			      .length = PAGE);
}

TEST_F(viommu, kept_by)
{
	int (*const make[])(struct guest *g) = {
		make_nested, make_vdevice, make_veventq, make_hw_queue,
	};
	struct guest *g = &self->g;
	int ids[N(make)], i, k;

	must(ioas_map_at(range_of(g->ioas, MOCK_APERTURE_START, PAGE),
			 must_ptr(mem_base(PAGE)), MAP_RW));
	for (i = 0; i < N(make); i++) {
		ids[i] = must(make[i](g));
		EXPECT_EQ(-EBUSY, DESTROY(g->viommu));
		EXPECT_EQ(0, DESTROY(ids[i]));
	}
	/* All at once, and then one by one, from each of them on */
	for (i = 0; i < N(make); i++) {
		for (k = 0; k < N(make); k++)
			ids[k] = must(make[k](g));
		for (k = 0; k < N(make); k++) {
			EXPECT_EQ(-EBUSY, DESTROY(g->viommu));
			EXPECT_EQ(0, DESTROY(ids[(i + k) % N(make)]));
		}
	}
	EXPECT_EQ(-EBUSY, DESTROY(g->parent));
	EXPECT_EQ(0, DESTROY(g->viommu));
	must(mock_replace(g->fd, &g->dev, g->ioas.id));
	EXPECT_EQ(0, DESTROY(g->parent));
}

TEST_F(viommu, attach)
{
	int nested = must(guest_nested(&self->g, self->g.dev.idev,
				       self->g.viommu));
	int other, vdev;

	EXPECT_EQ(-ENOENT, mock_replace(self->g.fd, &self->g.dev, nested));
	/* It stays where it was. */
	EXPECT_EQ(0, MOCK_OP(self->g.fd, PASID_CHECK_HWPT,
			     .id = self->g.dev.stdev,
			     .pasid_check = { 0, self->g.parent }));
	vdev = must(guest_vdevice(&self->g, self->g.dev.idev, 1));
	must(mock_replace(self->g.fd, &self->g.dev, nested));
	/* From one vIOMMU to another, where it is not known */
	other = must(VIOMMU_ALLOC(self->g.fd, .dev_id = self->g.dev.idev,
				  .hwpt_id = self->g.parent,
				  .type = IOMMU_VIOMMU_TYPE_SELFTEST));
	other = must(guest_nested(&self->g, self->g.dev.idev, other));
	EXPECT_EQ(-ENOENT, mock_replace(self->g.fd, &self->g.dev, other));
	EXPECT_EQ(-EINVAL, mock_replace(self->g.fd, &self->g.dev,
					self->g.viommu));
	EXPECT_EQ(-EINVAL, mock_replace(self->g.fd, &self->g.dev, vdev));
	EXPECT_EQ(-ENOENT, mock_replace(self->g.fd, &self->g.dev, NO_ID));
	EXPECT_EQ(0, MOCK_OP(self->g.fd, PASID_CHECK_HWPT,
			     .id = self->g.dev.stdev,
			     .pasid_check = { 0, nested }));
	EXPECT_EQ(-EBUSY, DESTROY(nested));
	/* The attachment does not keep the vDEVICE. */
	EXPECT_EQ(0, DESTROY(vdev));
}

TEST_F(viommu, invalidate)
{
	struct iommu_viommu_invalidate_selftest e[3] = {
		{ .vdev_id = 1 }, { .vdev_id = 1, .cache_id = 1 },
		{ .vdev_id = 1, .cache_id = 2 },
	};
	const struct iommu_hwpt_invalidate good = {
		.size = sizeof(good),
		.hwpt_id = self->g.viommu,
		.data_uptr = addr(e),
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
		.entry_len = sizeof(e[0]),
		.entry_num = 1,
	};
	struct iommu_hwpt_invalidate cmd = good;
	struct good_call call = GOOD_CALL(self->g.fd, IOMMU_HWPT_INVALIDATE, good);
	int vdev = must(guest_vdevice(&self->g, self->g.dev.idev, 1));
#define INVAL(_stage, _member, _value, _error)				\
	BAD_AT(_stage, iommu_hwpt_invalidate, _member, _value, _error)
	const struct bad_input cases[] = {
		INVAL(1, __reserved, 1, EOPNOTSUPP),
		INVAL(2, data_uptr, 0, EINVAL),
		INVAL(2, entry_len, 0, EINVAL),
		INVAL(2, entry_len, PAGE + 1, EINVAL),
		INVAL(2, entry_num, (1 << 19) + 1, EINVAL),
		INVAL(3, hwpt_id, NO_ID, ENOENT),
		INVAL(4, hwpt_id, vdev, EINVAL),
		INVAL(4, hwpt_id, self->g.parent, EINVAL),
		INVAL(5, data_type, 0, EINVAL),
		INVAL(5, data_type,
		      IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID, EINVAL),
		/* A longer entry, which ends with the next one's vdev_id */
		INVAL(6, entry_len, 2 * sizeof(e[0]), E2BIG),
		INVAL(6, entry_len, PAGE, E2BIG),
		INVAL(6, data_uptr, 16, EFAULT),
	};

	call.zeroed_at = offsetof(struct iommu_hwpt_invalidate, entry_num);
	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	/* Only those before a device that nobody has */
	e[1].vdev_id = 2;
	cmd.entry_num = 3;
	EXPECT_EQ(-EINVAL, run_invalidate(self->g.fd, &cmd));
	EXPECT_EQ(1, cmd.entry_num);
	e[1].vdev_id = 1;
	e[1].cache_id = MOCK_DEV_CACHE_NUM;
	cmd.entry_num = 3;
	EXPECT_EQ(-EINVAL, run_invalidate(self->g.fd, &cmd));
	EXPECT_EQ(1, cmd.entry_num);
	EXPECT_EQ(0, MOCK_OP(self->g.fd, DEV_CHECK_CACHE,
			     .id = self->g.dev.idev, .check_dev_cache = { 0, 0 }));
	EXPECT_EQ(0, MOCK_OP(self->g.fd, DEV_CHECK_CACHE,
			     .id = self->g.dev.idev,
			     .check_dev_cache = { 2, IOMMU_TEST_DEV_CACHE_DEFAULT }));
	/* The guest's number of a device that it does not have any more */
	must(DESTROY(vdev));
	cmd.entry_num = 1;
	EXPECT_EQ(-EINVAL, run_invalidate(self->g.fd, &cmd));
	EXPECT_EQ(0, cmd.entry_num);
}

FIXTURE(window)
{
	struct guest g;
	int pinned;
	__u32 *window;		/* mapped, with read and write permission */
};

static void *map_window(const struct guest *g, int prot)
{
	return mmap(NULL, g->mmap_length, prot, MAP_SHARED, g->fd,
		    g->mmap_offset);
}

FIXTURE_SETUP(window)
{
	int fd = must(iommufd_open());

	self->g.fd = -1;
	self->pinned = pins_since(0);
	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	close(fd);
	guest_open(&self->g);
	ASSERT_EQ(2 * PAGE, self->g.mmap_length);
	self->window = must_ptr(map_window(&self->g, PROT_READ | PROT_WRITE));
}

FIXTURE_TEARDOWN(window)
{
	guest_close(&self->g);
	EXPECT_SETTLED(self->pinned);
}

#define UNMAP(_from, _n)						\
	must(munmap((char *)self->window + (_from) * PAGE, (_n) * PAGE))

TEST_F(window, errors)
{
	const __u64 offset = self->g.mmap_offset;
	const struct {
		__u64 offset;
		size_t pages;
		int prot;
		int flags;
		int error;
	} cases[] = {
		{ offset, 2, PROT_READ, MAP_PRIVATE, EINVAL },
		{ offset, 2, PROT_READ | PROT_EXEC, MAP_PRIVATE, EINVAL },
		{ 0, 1, PROT_READ, MAP_PRIVATE, EINVAL },
		{ offset, 2, PROT_EXEC, MAP_SHARED, EPERM },
		{ offset, 2, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED,
		  EPERM },
		{ 0, 2, PROT_READ | PROT_EXEC, MAP_SHARED, EPERM },
		{ 0, 2, PROT_READ, MAP_SHARED, ENXIO },
		{ offset - PAGE, 2, PROT_READ, MAP_SHARED, ENXIO },
		{ offset + PAGE, 2, PROT_READ, MAP_SHARED, ENXIO },
		{ offset + PAGE, 1, PROT_READ, MAP_SHARED, ENXIO },
		{ offset, 1, PROT_READ, MAP_SHARED, ENXIO },
		{ offset, 3, PROT_READ, MAP_SHARED, ENXIO },
		{ 1ULL << 62, 2, PROT_READ, MAP_SHARED, ENXIO },
	};
	int i;

	EXPECT_LE(PAGE, offset);
	EXPECT_EQ(0, offset % PAGE);
	for (i = 0; i < N(cases); i++) {
		errno = 0;
		EXPECT_EQ(MAP_FAILED, mmap(NULL, cases[i].pages * PAGE,
					   cases[i].prot, cases[i].flags,
					   self->g.fd, cases[i].offset));
		EXPECT_EQ(cases[i].error, errno)
			TH_LOG("case %d", i);
	}
	/* None of them keeps it. */
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	UNMAP(0, 2);
	EXPECT_EQ(0, DESTROY(self->g.viommu));
	EXPECT_EQ(MAP_FAILED, map_window(&self->g, PROT_READ));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(window, memory)
{
	const __u32 *second = must_ptr(map_window(&self->g, PROT_READ));

	EXPECT_EQ(self->g.in_data, self->window[0]);
	self->window[PAGE / 2 - 1] = 77;
	EXPECT_EQ(77, second[PAGE / 2 - 1]);
	EXPECT_EQ(-1, mprotect(self->window, 2 * PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	UNMAP(0, 2);
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	EXPECT_EQ(self->g.in_data, second[0]);
	must(munmap((void *)second, 2 * PAGE));
	EXPECT_EQ(0, DESTROY(self->g.viommu));
}

/* Half of it, by and by */
TEST_F(window, split)
{
	UNMAP(0, 1);
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	UNMAP(1, 1);
	EXPECT_EQ(0, DESTROY(self->g.viommu));
}

TEST_F(window, split_by_protection)
{
	must(mprotect((char *)self->window + PAGE, PAGE, PROT_READ));
	EXPECT_EQ(self->g.in_data, self->window[0]);
	UNMAP(1, 1);
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	UNMAP(0, 1);
	EXPECT_EQ(0, DESTROY(self->g.viommu));
}

TEST_F(window, mremap)
{
	char *place = must_ptr(mem_none(8 * PAGE));
	__u32 *moved;

	/* It cannot grow. */
	EXPECT_EQ(MAP_FAILED, mremap(self->window, 2 * PAGE, 3 * PAGE,
				     MREMAP_MAYMOVE));
	/* A second mapping of the same is one more to keep it. */
	moved = must_ptr(mremap(self->window, 2 * PAGE, 2 * PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, place));
	EXPECT_EQ(addr(place), addr(moved));
	EXPECT_EQ(self->g.in_data, moved[0]);
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	must_ptr(mremap(moved, 2 * PAGE, PAGE, 0));
	EXPECT_EQ(self->g.in_data, moved[0]);
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	must(munmap(moved, PAGE));
	EXPECT_EQ(0, DESTROY(self->g.viommu));
}

/* A child has it as well. */
TEST_F(window, fork)
{
	int up[2], down[2], status;
	char byte = 0;
	pid_t pid;

	must(pipe(up));
	must(pipe(down));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(down[1]);
		/* Not closed in the child: a mapping is enough. */
		close(self->g.fd);
		self->window[1] = self->window[0] + 1;
		if (write(up[1], &byte, 1) != 1 || read(down[0], &byte, 1) < 0)
			_exit(1);
		_exit(self->window[1] == self->g.in_data + 1 ? 0 : 2);
	}
	ASSERT_EQ(1, read(up[0], &byte, 1));
	EXPECT_EQ(self->g.in_data + 1, self->window[1]);
	UNMAP(0, 2);
	EXPECT_EQ(-EBUSY, DESTROY(self->g.viommu));
	close(down[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, DESTROY(self->g.viommu));
}

/* The whole context lives on behind a mapping. */
TEST_F(window, close)
{
	must(ioas_map_at(range_of(self->g.ioas, MOCK_APERTURE_START, PAGE),
			 must_ptr(mem_base(PAGE)), MAP_RW));
	guest_close(&self->g);
	EXPECT_EQ(1, pins_since(self->pinned));
	EXPECT_EQ(self->g.in_data, self->window[0]);
	UNMAP(0, 1);
	self->window[PAGE / 4] = 5;
	EXPECT_EQ(5, self->window[PAGE / 4]);
	EXPECT_EQ(1, pins_since(self->pinned));
	UNMAP(1, 1);
	EXPECT_EQ(0, pins_since(self->pinned));
}

TEST_HARNESS_MAIN
