// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/fdinfo/N of a /dev/iommu: what is in the context.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/mockdev.h"
#include "test.h"

/* Is there a line of that text? */
static bool shows(int fd, const char *format, ...)
{
	char path[64], line[256], want[256];
	bool found = false;
	va_list args;
	FILE *f;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found |= !strcmp(line, want);
	}
	if (f)
		fclose(f);
	return found;
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

TEST_HARNESS_MAIN
