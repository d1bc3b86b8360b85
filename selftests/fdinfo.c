// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/fdinfo/N of a /dev/iommu: what is in the context. debugfs: what all of
 * them use.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/guest.h"
#include "lib/mockmem.h"
#include "lib/racers.h"
#include "test.h"

#define READERS	2
#define RUN_MS	700

/* Is there a line of that text? */
static bool shows(int fd, const char *format, ...)
{
	char line[256] = "\n";
	va_list args;

	va_start(args, format);
	vsnprintf(line + 1, sizeof(line) - 2, format, args);
	va_end(args);
	strcat(line, "\n");
	return iommufd_fdinfo_has(fd, line);
}

TEST(ioas)
{
	int fd = must(iommufd_open());
	struct ioas ioas = must_ioas(fd);
	void *mem = mem_base(4 * PAGE);

	EXPECT_TRUE(shows(fd, "iommufd-ioas:\tid=%u areas=0 mapped=0 pinned=0 domains=0 accesses=0",
			  ioas.id));
	must_map(ioas, mem, PAGE, MAP_RW);
	must_map(ioas, mem + PAGE, 3 * PAGE, MAP_RW);
	EXPECT_TRUE(shows(fd, "iommufd-ioas:\tid=%u areas=2 mapped=%lu pinned=0 domains=0 accesses=0",
			  ioas.id, 4 * PAGE));
	munmap(mem, 4 * PAGE);
	close(fd);
}

TEST(device)
{
	int fd = must(iommufd_open());
	struct ioas ioas = must_ioas(fd);
	void *mem = mem_base(4 * PAGE);
	struct mock mock;

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	must(mock_new(fd, ioas.id, MOCK_FLAGS_DEVICE_PASID, &mock));
	must_map(ioas, mem, 4 * PAGE, MAP_RW);
	EXPECT_TRUE(shows(fd, "iommufd-ioas:\tid=%u areas=1 mapped=%lu pinned=%lu domains=1 accesses=0",
			  ioas.id, 4 * PAGE, 4 * PAGE));
	EXPECT_TRUE(shows(fd, "iommufd-hwpt:\tid=%u ioas=%u automatic=1 nest_parent=0 pasid=0 dirty=0",
			  mock.hwpt, ioas.id));
	munmap(mem, 4 * PAGE);
	close(fd);
}

TEST(pasids)
{
	int fd = must(iommufd_open());
	struct ioas ioas = must_ioas(fd);
	char name[64] = "";
	struct mock mock;
	int hwpt, i;

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	must(mock_new(fd, ioas.id, MOCK_FLAGS_DEVICE_PASID, &mock));
	hwpt = must(hwpt_alloc(ioas, mock.idev, IOMMU_HWPT_ALLOC_PASID));
	must(mock_replace(fd, &mock, hwpt));
	must(mock_pasid_attach(fd, &mock, 7, hwpt));
	/* Its name is the mock's business. */
	for (i = 0; i < 64 && !name[0]; i++)
		if (shows(fd, "iommufd-device:\tid=%u name=iommufd_mock%d rid=%d pasid7=%d",
			  mock.idev, i, hwpt, hwpt))
			snprintf(name, sizeof(name), "iommufd_mock%d", i);
	EXPECT_STRNE("", name);
	must(mock_pasid_detach(fd, &mock, 7));
	EXPECT_TRUE(shows(fd, "iommufd-device:\tid=%u name=%s rid=%d",
			  mock.idev, name, hwpt));
	close(fd);
}

TEST(kernel_user)
{
	int fd = must(iommufd_open()), access;
	struct ioas ioas = must_ioas(fd);

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	access = must(mock_access(ioas, true));
	EXPECT_TRUE(shows(fd, "iommufd-ioas:\tid=%u areas=0 mapped=0 pinned=0 domains=0 accesses=1",
			  ioas.id));
	/* It is the next object. */
	EXPECT_TRUE(shows(fd, "iommufd-access:\tid=%u ioas=%u", ioas.id + 1,
			  ioas.id));
	close(access);
	EXPECT_FALSE(shows(fd, "iommufd-access:\tid=%u ioas=%u", ioas.id + 1,
			   ioas.id));
	close(fd);
}

/* Two devices of a context are in no line of each other. */
TEST(two_devices)
{
	int fd = must(iommufd_open());
	struct pci_address pci[2];
	struct ioas ioas;
	struct edu edu[2];
	int i, hwpt;

	if (edu_find_pair(true, pci)) {
		close(fd);
		SKIP(return, NEEDS_GROUP);
	}
	ioas = must_ioas(fd);
	for (i = 0; i < 2; i++)
		must(edu_open(&edu[i], &pci[i], fd));
	hwpt = must(vfio_attach(edu[0].fd, ioas.id));
	EXPECT_TRUE(shows(fd, "iommufd-device:\tid=%u name=%s rid=%d",
			  edu[0].id, pci[0].name, hwpt));
	EXPECT_TRUE(shows(fd, "iommufd-device:\tid=%u name=%s", edu[1].id,
			  pci[1].name));
	for (i = 0; i < 2; i++)
		edu_close(&edu[i]);
	close(fd);
}

/* What a guest has */
TEST(guest)
{
	struct event_queue faults, events;
	int vdevice, nested, by_parent, queue;
	struct guest g;
	char *mem;

	g.fd = must(iommufd_open());
	if (!mock_present(g.fd))
		SKIP(return, NEEDS_MOCK);
	close(g.fd);
	guest_open(&g);
	mem = must_ptr(mem_base(PAGE));
	must(ioas_map_at(range_of(g.ioas, MOCK_APERTURE_START, PAGE), mem,
			 MAP_RW));
	vdevice = must(guest_vdevice(&g, g.dev.idev, 5));
	nested = must(guest_nested(&g, g.dev.idev, g.viommu));
	by_parent = must(guest_nested(&g, g.dev.idev, g.parent));
	queue = must(HW_QUEUE_ALLOC(g.fd, .viommu_id = g.viommu,
				    .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
				    .nesting_parent_iova = MOCK_APERTURE_START,
				    .length = PAGE));
	must(fault_queue_alloc(g.fd, &faults));
	must(veventq_alloc(g.fd, g.viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, 1,
			   &events));

	EXPECT_TRUE(shows(g.fd, "iommufd-viommu:\tid=%u hwpt=%u type=%u",
			  g.viommu, g.parent, IOMMU_VIOMMU_TYPE_SELFTEST));
	EXPECT_TRUE(shows(g.fd, "iommufd-vdevice:\tid=%u viommu=%u virt_id=5",
			  vdevice, g.viommu));
	EXPECT_TRUE(shows(g.fd, "iommufd-hwpt-nested:\tid=%u parent=%u pasid=0",
			  nested, g.parent));
	EXPECT_TRUE(shows(g.fd, "iommufd-hwpt-nested:\tid=%u parent=%u pasid=0",
			  by_parent, g.parent));
	EXPECT_TRUE(shows(g.fd, "iommufd-hw-queue:\tid=%u viommu=%u iova=%#lx length=%lu",
			  queue, g.viommu, MOCK_APERTURE_START, PAGE));
	EXPECT_TRUE(shows(g.fd, "iommufd-fault:\tid=%u", faults.id));
	EXPECT_TRUE(shows(g.fd, "iommufd-veventq:\tid=%u", events.id));
	close(faults.fd);
	close(events.fd);
	guest_close(&g);
	munmap(mem, PAGE);
}

static long store_bytes(void)
{
	FILE *f = fopen("/sys/kernel/debug/iommufd/pfn_store_bytes", "r");
	long bytes = -1;

	if (f) {
		(void)!fscanf(f, "%ld", &bytes);
		fclose(f);
	}
	return bytes;
}

/* Two pages of one frame, which are no run: 8 bytes for each are counted. */
TEST(store)
{
	int fd = must(iommufd_open()), file = must(mem_file(PAGE, 0)), i;
	struct ioas ioas = must_ioas(fd);
	char *mem = must_ptr(mem_base(2 * PAGE));
	long before = store_bytes();
	struct iova_range range = range_of(ioas, MOCK_APERTURE_START, 2 * PAGE);
	struct mock mock;

	if (!mock_present(fd))
		SKIP(return, NEEDS_MOCK);
	ASSERT_LE(0, before);
	for (i = 0; i < 2; i++)
		must_ptr(mmap(mem + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, file, 0));
	must(ioas_map_at(range, mem, MAP_RW));
	EXPECT_EQ(before, store_bytes());
	must(mock_new(fd, ioas.id, 0, &mock));
	EXPECT_EQ(before + 2 * 8, store_bytes());
	must(ioas_unmap_all(ioas, NULL));
	EXPECT_EQ(before, store_bytes());
	must_map(ioas, mem, PAGE, MAP_RW);
	EXPECT_EQ(before, store_bytes());
	munmap(mem, 2 * PAGE);
	close(file);
	close(fd);
}

/* What was not as if nobody had read */
struct read_context {
	int fd;
	unsigned long device_kept;
	unsigned long hwpt_left;
	unsigned long ioas_kept;
};

static void read_it(struct racer *racer)
{
	struct read_context *c = racer->data;

	racer->hits += iommufd_fdinfo_has(c->fd, "iommufd-ioas:");
}

/* A device comes and goes, and its page table with it. */
static void come_and_go(struct racer *racer)
{
	struct read_context *c = racer->data;
	struct ioas ioas = must_ioas(c->fd);
	struct mock mock;

	must(mock_new(c->fd, ioas.id, 0, &mock));
	c->device_kept += iommufd_destroy(c->fd, mock.stdev) != 0;
	c->hwpt_left += iommufd_destroy(c->fd, mock.hwpt) != -ENOENT;
	c->ioas_kept += iommufd_destroy(c->fd, ioas.id) != 0;
}

/* Who looks keeps nothing. */
TEST(keeps_nothing)
{
	struct read_context c = { .fd = must(iommufd_open()) };
	struct racer racers[1 + READERS] = { { .step = come_and_go, .data = &c } };
	int i;

	if (!mock_present(c.fd))
		SKIP(return, NEEDS_MOCK);
	/* There is always something to see. */
	must_ioas(c.fd);
	for (i = 1; i <= READERS; i++)
		racers[i] = (struct racer){ .step = read_it, .data = &c };
	EXPECT_EQ(0, racers_run(racers, 1 + READERS, RUN_MS));
	EXPECT_LT(0, racers[1].hits);
	EXPECT_EQ(0, c.device_kept);
	EXPECT_EQ(0, c.hwpt_left);
	EXPECT_EQ(0, c.ioas_kept);
	TH_LOG("%lu devices, %lu reads", racers[0].steps, racers[1].steps);
	close(c.fd);
}

TEST_HARNESS_MAIN
