// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: what is done leaves a line in the trace, with what the user knows.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/hwpt.h"
#include "lib/mockdev.h"
#include "test.h"

#define TRACING	"/sys/kernel/tracing/"
#define IOVA	0x40000000UL

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

/* How many lines have that text? */
static int traced(const char *format, ...)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[512], want[256];
	va_list args;
	int n = 0;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		n += !!strstr(line, want);
	}
	if (f)
		fclose(f);
	return n;
}

FIXTURE(trace)
{
	int fd;
	struct ioas ioas;
	char *mem;
};

FIXTURE_SETUP(trace)
{
	self->fd = -1;
	if (write_to(TRACING "events/iommufd/enable", "1"))
		SKIP(return, "the kernel has no tracepoints");
	must(write_to(TRACING "trace", "\n"));
	self->fd = must(iommufd_open());
	self->ioas = must_ioas(self->fd);
	self->mem = must_ptr(mem_base(4 * PAGE));
}

FIXTURE_TEARDOWN(trace)
{
	if (self->fd < 0)
		return;
	close(self->fd);
	EXPECT_EQ(0, write_to(TRACING "events/iommufd/enable", "0"));
}

TEST_F(trace, maps)
{
	__u32 id = self->ioas.id;

	must(ioas_map_at(range_of(self->ioas, IOVA, 3 * PAGE), self->mem, MAP_RW));
	EXPECT_EQ(1, traced("iommufd_map: ioas=%u iova=%#lx length=%#lx rc=0",
			    id, IOVA, 3 * PAGE));
	EXPECT_EQ(-EEXIST, ioas_map_at(range_of(self->ioas, IOVA, PAGE),
				       self->mem, MAP_RW));
	EXPECT_EQ(1, traced("iommufd_map: ioas=%u iova=%#lx length=%#lx rc=%d",
			    id, IOVA, PAGE, -EEXIST));
	EXPECT_EQ(-ENOENT, ioas_unmap(self->ioas, IOVA, PAGE, NULL));
	EXPECT_EQ(1, traced("iommufd_unmap: ioas=%u first=%#lx last=%#lx unmapped=0x0 rc=%d",
			    id, IOVA, IOVA + PAGE - 1, -ENOENT));
	must(ioas_unmap(self->ioas, IOVA, 3 * PAGE, NULL));
	EXPECT_EQ(1, traced("iommufd_unmap: ioas=%u first=%#lx last=%#lx unmapped=%#lx rc=0",
			    id, IOVA, IOVA + 3 * PAGE - 1, 3 * PAGE));
	must(iommufd_destroy(self->fd, id));
	EXPECT_EQ(1, traced("iommufd_destroy: id=%u type=", id));
}

TEST_F(trace, devices)
{
	struct mock dev;
	__u32 hwpt;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(ioas_map_at(range_of(self->ioas, IOVA, 2 * PAGE), self->mem, MAP_RW));
	EXPECT_EQ(0, traced("iommufd_pin: addr=%#lx", (unsigned long)self->mem));
	must(mock_new(self->fd, self->ioas.id, MOCK_FLAGS_DEVICE_PASID, &dev));
	EXPECT_EQ(1, traced("iommufd_pin: addr=%#lx npages=2 rc=0",
			    (unsigned long)self->mem));
	EXPECT_EQ(1, traced("pasid=0 from=0 to=%u rc=0", dev.hwpt));
	hwpt = must(hwpt_alloc(self->ioas, dev.idev, IOMMU_HWPT_ALLOC_PASID));
	must(mock_replace(self->fd, &dev, hwpt));
	EXPECT_EQ(1, traced("pasid=0 from=%u to=%u rc=0", dev.hwpt, hwpt));
	must(mock_pasid_attach(self->fd, &dev, 7, hwpt));
	EXPECT_EQ(1, traced("pasid=7 from=0 to=%u rc=0", hwpt));
	must(mock_pasid_detach(self->fd, &dev, 7));
	EXPECT_EQ(1, traced("pasid=7 from=%u", hwpt));
	EXPECT_EQ(-ENOENT, mock_replace(self->fd, &dev, NO_ID));
	must(iommufd_destroy(self->fd, dev.stdev));
	EXPECT_EQ(2, traced("iommufd_detach: dev=iommufd_mock"));
}

TEST_F(trace, faults)
{
	struct iommu_hwpt_page_response answer = {
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};
	struct iommu_hwpt_pgfault message;
	struct event_queue queue;
	struct mock dev;
	__u32 hwpt;

	if (!mock_present(self->fd))
		SKIP(return, NEEDS_MOCK);
	must(fault_queue_alloc(self->fd, &queue));
	must(mock_new(self->fd, self->ioas.id, MOCK_FLAGS_DEVICE_PASID, &dev));
	hwpt = must(HWPT_ALLOC(self->fd, .dev_id = dev.idev,
			       .pt_id = self->ioas.id,
			       .flags = IOMMU_HWPT_FAULT_ID_VALID,
			       .fault_id = queue.id));
	must(mock_replace(self->fd, &dev, hwpt));
	must(mock_page_request(self->fd, dev.idev, 0, 5, 0x12000));
	EXPECT_EQ(1, traced("grpid=5 addr=0x12000 perm="));
	ASSERT_EQ(sizeof(message), read(queue.fd, &message, sizeof(message)));
	EXPECT_EQ(0, traced("grpid=5 code="));
	answer.cookie = message.cookie;
	ASSERT_EQ(sizeof(answer), write(queue.fd, &answer, sizeof(answer)));
	EXPECT_EQ(1, traced("grpid=5 code=%d", IOMMUFD_PAGE_RESP_SUCCESS));
	close(queue.fd);
}

TEST_HARNESS_MAIN
