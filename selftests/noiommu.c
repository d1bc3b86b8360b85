// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices without an IOMMU: a program is told where memory is, and tells the device.
 *
 * What needs such a device is skipped unless the VM has one. It needs VFIO's module
 * parameter enable_unsafe_noiommu_mode, and to be booted without IOMMU:
 * intel_iommu=off vfio.enable_unsafe_noiommu_mode=1
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/bad_input.h"
#include "lib/hwpt.h"
#include "lib/mockdev.h"
#include "test.h"

#define NEEDS_NOIOMMU	"no device without IOMMU"
#define IOVA	MOCK_APERTURE_START
#define N(_array) ((int)ARRAY_SIZE(_array))

/* In a mapping here */
#define MAX_PAGES	(3 * HUGE / PAGE)

/* Of the 64 bits of an entry of pagemap */
#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_PFN	((1ULL << 55) - 1)

static int get_pa(struct ioas ioas, __u64 iova, __u64 *length, __u64 *phys)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas.id,
		.iova = iova,
		.length = *length,
	};
	int rc = iommufd_ioctl(ioas.fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);

	*length = cmd.length;
	*phys = cmd.out_phys;
	return rc;
}

/* Only whether there is an answer */
static int can_get_pa(struct ioas ioas, __u64 iova)
{
	__u64 length = 1, phys;

	return get_pa(ioas, iova, &length, &phys);
}

/* The device's file is called noiommu-vfioN. -ENODEV if there is none. */
static int open_noiommu(const struct pci_address *pci)
{
	struct dirent *entry;
	char path[320];
	DIR *dir;
	int fd = -ENODEV;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev",
		 pci->name);
	dir = opendir(path);
	if (!dir)
		return -ENODEV;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "noiommu-vfio", 12))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
		break;
	}
	closedir(dir);
	return fd;
}

/* An edu device without IOMMU, and bound; -ENODEV if there is none. */
static int open_edu(struct edu *edu, int iommufd)
{
	struct pci_address pci[8];
	int i, n = must(pci_find(EDU_VENDOR, EDU_DEVICE, pci, N(pci)));

	for (i = 0; i < n && i < N(pci); i++) {
		*edu = (struct edu){ .pci = pci[i],
				     .fd = open_noiommu(&pci[i]) };
		if (edu->fd == -ENODEV)
			continue;
		must(edu->fd);
		edu->id = must(vfio_start(edu->fd, iommufd, PAGE, &edu->regs));
		return 0;
	}
	return -ENODEV;
}

/* What the answers have to be for any context, with or without such a device */
TEST(errors)
{
	int fd = must(iommufd_open());
	struct ioas ioas = must_ioas(fd);
	const struct iommu_ioas_noiommu_get_pa good = {
		.size = sizeof(good),
		.ioas_id = ioas.id,
		.iova = IOVA,
		.length = 1,
	};
	const struct good_call call =
		GOOD_CALL(fd, IOMMU_IOAS_NOIOMMU_GET_PA, good);
#define GET_PA(_stage, _member, _value, _error)				\
	BAD_AT(_stage, iommu_ioas_noiommu_get_pa, _member, _value, _error)
	const struct bad_input cases[] = {
		GET_PA(1, flags, 1, EOPNOTSUPP),
		GET_PA(1, flags, 1U << 31, EOPNOTSUPP),
		GET_PA(1, __reserved, 1, EOPNOTSUPP),
		GET_PA(2, length, 0, EINVAL),
		GET_PA(3, iova, -1, EOVERFLOW),
		GET_PA(4, ioas_id, 0, ENOENT),
		GET_PA(4, ioas_id, NO_ID, ENOENT),
		GET_PA(5, iova, 0, ENOENT),
		GET_PA(5, iova, IOVA - 1, ENOENT),
		GET_PA(5, iova, IOVA + PAGE, ENOENT),
		GET_PA(5, iova, -2, ENOENT),
	};

	must(ioas_map_at(range_of(ioas, IOVA, PAGE), must_ptr(mem_base(PAGE)),
			 MAP_RW));
	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	/* Nobody has pinned it: there is no answer. */
	EXPECT_EQ(0, bad_call(&call, "no page table", EOPNOTSUPP));
	close(fd);
}

/* An IOMMU translates: where the memory is, is none of the user's business. */
TEST(with_iommu)
{
	int fd = must(iommufd_open());
	struct ioas ioas = must_ioas(fd);
	struct mock mock;

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	must(ioas_map_at(range_of(ioas, IOVA, PAGE), must_ptr(mem_base(PAGE)),
			 MAP_RW));
	must(mock_new(fd, ioas.id, 0, &mock));
	EXPECT_EQ(-EOPNOTSUPP, can_get_pa(ioas, IOVA));
	EXPECT_EQ(-ENOENT, can_get_pa(ioas, IOVA + PAGE));
	close(fd);
}

static void drop_capability(int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	must(syscall(SYS_capget, &header, data) ? -errno : 0);
	data[capability / 32].effective &= ~(1U << capability % 32);
	must(syscall(SYS_capset, &header, data) ? -errno : 0);
}

TEST(capability)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.flags = -1,
		.__reserved = 1,
		.iova = -1,
	};
	int fd = must(iommufd_open());

	EXPECT_EQ(-EOPNOTSUPP, iommufd_ioctl(fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	drop_capability(CAP_SYS_RAWIO);
	EXPECT_EQ(-EPERM, iommufd_ioctl(fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	cmd.size--;
	EXPECT_EQ(-EINVAL, iommufd_ioctl(fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	close(fd);
}

FIXTURE(noiommu)
{
	int fd;
	int pinned;
	int pagemap;
	struct ioas ioas;
	struct edu edu;
	int hwpt;		/* what it is attached to */
};

FIXTURE_SETUP(noiommu)
{
	self->pinned = pins_since(0);
	self->fd = must(iommufd_open());
	self->edu.regs = NULL;
	self->pagemap = must(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	if (open_edu(&self->edu, self->fd))
		SKIP(return, NEEDS_NOIOMMU);
	self->ioas = must_ioas(self->fd);
	self->hwpt = must(vfio_attach(self->edu.fd, self->ioas.id));
}

FIXTURE_TEARDOWN(noiommu)
{
	edu_close(&self->edu);
	if (self->fd >= 0)
		close(self->fd);
	close(self->pagemap);
	EXPECT_SETTLED(self->pinned);
}

/* Where the pages are that begin at @va, and have to be there */
static void read_pagemap(int pagemap, const void *va, __u64 *phys, int n)
{
	ssize_t size = n * sizeof(*phys);
	int i;

	must(pread(pagemap, phys, size, addr(va) / PAGE * 8) == size ? 0 : -EIO);
	for (i = 0; i < n; i++) {
		must(phys[i] & PAGEMAP_PRESENT && phys[i] & PAGEMAP_PFN ?
		     0 : -EIO);
		phys[i] = (phys[i] & PAGEMAP_PFN) * PAGE;
	}
}

/* How many bytes follow each other from byte @at on, of @most */
static __u64 run_of(const __u64 *phys, __u64 at, __u64 most)
{
	__u64 n = PAGE - at % PAGE;

	for (at /= PAGE; n < most && phys[at] + PAGE == phys[at + 1]; at++)
		n += PAGE;
	return n < most ? n : most;
}

/* Compare all answers about a mapping; the number of wrong ones */
static int compare(int pagemap, struct iova_range range, const char *va)
{
	static const __u64 offsets[] = { 0, 1, 7, 2048, 4095, 4096, 4097, 8191,
					 100001, HUGE - 1, HUGE, HUGE + 5000 };
	static const __u64 lengths[] = { 1, 2, 4095, 4096, 4097, 65536,
					 HUGE, 3 * HUGE, 1ULL << 62, -1 };
	__u64 at, length, phys, most, pages[MAX_PAGES];
	int i, k, wrong = 0;

	read_pagemap(pagemap, va, pages, range.length / PAGE);

	for (i = 0; i < N(offsets); i++) {
		/* From the start, and as far from the end */
		for (k = 0; k < 2 * N(lengths); k++) {
			if (offsets[i] >= range.length)
				continue;
			at = k % 2 ? range.length - 1 - offsets[i] : offsets[i];
			length = lengths[k / 2];
			most = range.length - at;
			most = most < length ? most : length;
			wrong += get_pa(range.ioas, range.iova + at, &length,
					&phys) ||
				 phys != pages[at / PAGE] + at % PAGE ||
				 length != run_of(pages, at, most);
		}
	}
	return wrong;
}

TEST_F(noiommu, answers)
{
	const size_t size = MAX_PAGES * PAGE;
	int file = must(mem_file(size, 0));
	char *const kinds[] = { mem_base(size), mem_thp(size),
				mem_hugetlb(size), mem_of_file(file, size) };
	static const __u64 iovas[] = { IOVA, PAGE, 1ULL << 52, -4 * HUGE };
	struct iova_range range = range_of(self->ioas, 0, size);
	int i, k, kinds_seen = 0;

	for (i = 0; i < N(kinds); i++) {
		if (kinds[i] == MAP_FAILED)
			continue;
		kinds_seen++;
		for (k = 0; k < N(iovas); k++) {
			range.iova = iovas[k];
			must(ioas_map_at(range, kinds[i], MAP_RW));
			EXPECT_EQ(0, compare(self->pagemap, range, kinds[i]));
			EXPECT_EQ(-ENOENT, can_get_pa(self->ioas,
						      range.iova - 1));
			EXPECT_EQ(-ENOENT, can_get_pa(self->ioas,
						      range.iova + size));
			must(ioas_unmap(self->ioas, range.iova, size, NULL));
			EXPECT_EQ(-ENOENT, can_get_pa(self->ioas, range.iova));
		}
		EXPECT_EQ(0, pins_since(self->pinned));
	}
	EXPECT_LE(3, kinds_seen);
	close(file);
}

/* The last page of all, and pages in any order */
TEST_F(noiommu, odd_mappings)
{
	char *mem = must_ptr(mem_base(8 * PAGE));
	struct iova_range range = range_of(self->ioas, -PAGE, PAGE);
	__u64 length = -1, phys, page;
	int i;

	must(ioas_map_at(range, mem, MAP_R));
	read_pagemap(self->pagemap, mem, &page, 1);
	EXPECT_EQ(0, get_pa(self->ioas, -PAGE + 1, &length, &phys));
	EXPECT_EQ(page + 1, phys);
	EXPECT_EQ(PAGE - 1, length);
	EXPECT_EQ(0, can_get_pa(self->ioas, -2));
	EXPECT_EQ(-EOVERFLOW, can_get_pa(self->ioas, -1));
	for (i = 0; i < 8; i++) {
		range.iova = IOVA + i * PAGE;
		must(ioas_map_at(range, mem + (7 - i) * PAGE, MAP_RW));
	}
	for (i = 0; i < 8; i++) {
		range.iova = IOVA + i * PAGE;
		EXPECT_EQ(0, compare(self->pagemap, range,
				     mem + (7 - i) * PAGE));
	}
	/* An answer does not go on into the next mapping. */
	must(ioas_unmap(self->ioas, IOVA, 8 * PAGE, NULL));
	mem = mem_hugetlb(HUGE);
	if (mem == MAP_FAILED)
		return;
	for (i = 0; i < 8; i++) {
		range = range_of(self->ioas, IOVA + i * HUGE / 8, HUGE / 8);
		must(ioas_map_at(range, mem + i * HUGE / 8, MAP_RW));
	}
	for (i = 0; i < 8; i++) {
		range.iova = IOVA + i * HUGE / 8;
		EXPECT_EQ(0, compare(self->pagemap, range, mem + i * HUGE / 8));
	}
	/* A copy of the middle of a mapping starts in the middle of its memory. */
	range = range_of(self->ioas, IOVA + PAGE, 3 * PAGE);
	must(ioas_copy_at(self->ioas, 2 * IOVA, range, MAP_RW));
	range.iova = 2 * IOVA;
	EXPECT_EQ(0, compare(self->pagemap, range, mem + PAGE));
}

/* The device reads and writes where it is told. */
TEST_F(noiommu, dma)
{
	char *mem = must_ptr(mem_base(4 * PAGE));
	struct iova_range range = range_of(self->ioas, IOVA, 4 * PAGE);
	__u64 from, to, length = PAGE;

	must(ioas_map_at(range, mem, MAP_RW));
	mem_fill(mem, 4 * PAGE, 1);
	must(get_pa(self->ioas, IOVA + PAGE, &length, &from));
	EXPECT_EQ(PAGE, length);
	must(get_pa(self->ioas, IOVA + 3 * PAGE, &length, &to));
	must(edu_from_memory(&self->edu, from, 0, PAGE));
	must(edu_to_memory(&self->edu, to, 0, PAGE));
	EXPECT_EQ(-1, mem_differs(mem, 3 * PAGE, 1));
	EXPECT_EQ(-1, mem_differs_from(mem + 3 * PAGE, PAGE, 1, PAGE));
}

TEST_F(noiommu, attach)
{
	char *mem = must_ptr(mem_base(PAGE));
	struct ioas other = must_ioas(self->fd);
	struct iommu_iova_range all;
	int manual;

	must(ioas_map_at(range_of(self->ioas, IOVA, PAGE), mem, MAP_RW));
	must(ioas_map_at(range_of(other, IOVA, PAGE), mem, MAP_RW));
	EXPECT_EQ(1, pins_since(self->pinned));
	EXPECT_EQ(0, can_get_pa(self->ioas, IOVA));
	EXPECT_EQ(-EOPNOTSUPP, can_get_pa(other, IOVA));
	EXPECT_EQ(PAGE, ioas_alignment(self->ioas));
	EXPECT_EQ(1, ioas_ranges(self->ioas, &all, 1));
	EXPECT_EQ(0, all.start);
	EXPECT_EQ(-1ULL, all.last);
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->hwpt));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->ioas.id));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, self->edu.id));

	/* VFIO replaces what is attached. */
	must(vfio_attach(self->edu.fd, other.id));
	EXPECT_EQ(-EOPNOTSUPP, can_get_pa(self->ioas, IOVA));
	EXPECT_EQ(0, can_get_pa(other, IOVA));
	EXPECT_EQ(-ENOENT, iommufd_destroy(self->fd, self->hwpt));
	EXPECT_EQ(1, pins_since(self->pinned));
	EXPECT_EQ(-EINVAL, vfio_attach(self->edu.fd, self->edu.id));
	EXPECT_EQ(-ENOENT, vfio_attach(self->edu.fd, NO_ID));
	EXPECT_EQ(0, can_get_pa(other, IOVA));
	must(vfio_detach(self->edu.fd));
	EXPECT_EQ(-EOPNOTSUPP, can_get_pa(other, IOVA));
	EXPECT_EQ(0, pins_since(self->pinned));

	/* A page table that is there without being attached will do. */
	manual = must(hwpt_alloc(other, self->edu.id, 0));
	EXPECT_EQ(0, can_get_pa(other, IOVA));
	must(vfio_attach(self->edu.fd, manual));
	EXPECT_EQ(-EBUSY, iommufd_destroy(self->fd, manual));
	must(vfio_detach(self->edu.fd));
	EXPECT_EQ(0, iommufd_destroy(self->fd, manual));
	EXPECT_EQ(-EOPNOTSUPP, can_get_pa(other, IOVA));
}

TEST_F(noiommu, hwpt_errors)
{
	const struct iommu_hwpt_selftest data = {};
	struct event_queue faults;
	const struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.dev_id = self->edu.id,
		.pt_id = self->ioas.id,
	};
	const struct good_call call = GOOD_CALL(self->fd, IOMMU_HWPT_ALLOC, good);
	struct iommu_hwpt_alloc with_data = good;
	const struct good_call data_call =
		GOOD_CALL(self->fd, IOMMU_HWPT_ALLOC, with_data);
#define ALLOC(_stage, _member, _value, _error)				\
	BAD_AT(_stage, iommu_hwpt_alloc, _member, _value, _error)
	const struct bad_input cases[] = {
		ALLOC(1, __reserved, 1, EOPNOTSUPP),
		ALLOC(2, pt_id, self->edu.id, EINVAL),
		ALLOC(3, flags, IOMMU_HWPT_ALLOC_NEST_PARENT, EOPNOTSUPP),
		ALLOC(3, flags, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, EOPNOTSUPP),
		ALLOC(3, flags, IOMMU_HWPT_ALLOC_PASID, EOPNOTSUPP),
		ALLOC(3, flags, 1U << 4, EOPNOTSUPP),
		ALLOC(3, flags, IOMMU_HWPT_FAULT_ID_VALID, ENOENT),
	};
	struct iommu_hw_info info = { .dev_id = self->edu.id };

	EXPECT_EQ(0, bad_inputs(&call, cases, N(cases)));
	EXPECT_EQ(0, bad_memory(&call));
	with_data.data_type = IOMMU_HWPT_DATA_SELFTEST;
	with_data.data_len = sizeof(data);
	with_data.data_uptr = addr(&data);
	EXPECT_EQ(0, bad_call(&data_call, "data", EOPNOTSUPP));
	with_data.pt_id = self->hwpt;
	EXPECT_EQ(0, bad_call(&data_call, "nested", EOPNOTSUPP));
	EXPECT_EQ(-EOPNOTSUPP, run_get_hw_info(self->fd, &info));
	EXPECT_EQ(-EOPNOTSUPP, VIOMMU_ALLOC(self->fd, .dev_id = self->edu.id,
					    .hwpt_id = self->hwpt, .type = 1));
	EXPECT_EQ(-EOPNOTSUPP, hwpt_track_dirty(self->fd, self->hwpt, true));
	must(fault_queue_alloc(self->fd, &faults));
	EXPECT_LT(0, HWPT_ALLOC(self->fd, .dev_id = self->edu.id,
				.pt_id = self->ioas.id, .fault_id = faults.id,
				.flags = IOMMU_HWPT_FAULT_ID_VALID));
	close(faults.fd);
}

/* A device with and one without IOMMU in one address space: each has its own. */
TEST_F(noiommu, next_to_an_iommu)
{
	char *mem = must_ptr(mem_base(4 * PAGE));
	struct iova_range range = range_of(self->ioas, IOVA, 4 * PAGE);
	struct mock mock;
	int first;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(ioas_map_at(range, mem, MAP_RW));
	for (first = 0; first < 2; first++) {
		must(mock_new(self->fd, self->ioas.id, 0, &mock));
		EXPECT_NE(mock.hwpt, self->hwpt);
		EXPECT_EQ(0, compare(self->pagemap, range, mem));
		EXPECT_EQ(0, MOCK_OP(self->fd, MD_CHECK_MAP, .id = mock.hwpt,
				     .check_map = { IOVA, 4 * PAGE,
						    addr(mem) }));
		EXPECT_EQ(4, pins_since(self->pinned));
		must(vfio_detach(self->edu.fd));
		EXPECT_EQ(-EOPNOTSUPP, can_get_pa(self->ioas, IOVA));
		/* Now the other one is the first one there. */
		self->hwpt = must(vfio_attach(self->edu.fd, self->ioas.id));
		EXPECT_NE(mock.hwpt, self->hwpt);
		EXPECT_EQ(0, compare(self->pagemap, range, mem));
		must(iommufd_destroy(self->fd, mock.stdev));
		EXPECT_EQ(0, compare(self->pagemap, range, mem));
	}
}

/* Memory that its owner has taken away has no address. */
TEST_F(noiommu, revoked)
{
	int buffer;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	buffer = must(MOCK_OP(self->fd, DMABUF_GET,
			      .dmabuf_get = { 4 * PAGE, O_CLOEXEC }));
	must(ioas_map_file_at(range_of(self->ioas, IOVA, 4 * PAGE), buffer, 0,
			      MAP_RW));
	EXPECT_EQ(0, can_get_pa(self->ioas, IOVA + PAGE));
	must(MOCK_OP(self->fd, DMABUF_REVOKE, .dmabuf_revoke = { buffer, 1 }));
	EXPECT_EQ(-EINVAL, can_get_pa(self->ioas, IOVA + PAGE));
	close(buffer);
}

/* The device goes; the context is closed before it. */
TEST_F(noiommu, close)
{
	must(ioas_map_at(range_of(self->ioas, IOVA, PAGE),
			 must_ptr(mem_base(PAGE)), MAP_RW));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(1, pins_since(self->pinned));
	edu_close(&self->edu);
	EXPECT_EQ(0, pins_since(self->pinned));
}

TEST_HARNESS_MAIN
