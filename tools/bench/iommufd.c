// SPDX-License-Identifier: GPL-2.0-only
/*
 * Under test: whichever iommufd is loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "bench_abi.h"
#include "edu.h"
#include "iommu.h"

static int ctx, access_module;
static int device[2];
static struct ioas space[2];

static int fd_open(void)
{
	struct pci_address pci[2];
	int i;

	must(edu_find_pair(false, pci));
	ctx = must(iommufd_open());
	access_module = open("/dev/bench_access", O_RDWR | O_CLOEXEC);
	for (i = 0; i < 2; i++) {
		device[i] = must(vfio_open(&pci[i]));
		must(vfio_bind(device[i], ctx));
		space[i] = must_ioas(ctx);
		must(vfio_attach(device[i], space[i].id));
	}
	return 0;
}

static void fd_close(void)
{
	close(device[0]);
	close(device[1]);
	close(access_module);
	close(ctx);
}

static int fd_map(__u64 iova, void *va, __u64 length)
{
	struct iova_range to = { space[0], iova, length };

	return ioas_map_at(to, va, MAP_RW);
}

static int fd_map_anywhere(void *va, __u64 length, __u64 *iova)
{
	return ioas_map(space[0], va, length, MAP_RW, iova);
}

static int fd_unmap(__u64 iova, __u64 length)
{
	return ioas_unmap(space[0], iova, length, NULL);
}

static int fd_copy(__u64 iova, __u64 length)
{
	struct iova_range from = { space[0], iova, length };

	return ioas_copy_at(space[1], iova, from, MAP_RW);
}

static int fd_unmap_copy(__u64 iova, __u64 length)
{
	return ioas_unmap(space[1], iova, length, NULL);
}

static int fd_attach(int i)
{
	int rc = vfio_attach(device[i], space[i].id);

	return rc < 0 ? rc : 0;
}

static int fd_detach(int i)
{
	return vfio_detach(device[i]);
}

static int fd_access(__u64 iova, __u64 length, __u64 *pin, __u64 *unpin)
{
	struct bench_access arg = {
		.iommufd = ctx,
		.ioas = space[0].id,
		.iova = iova,
		.length = length,
	};

	if (ioctl(access_module, BENCH_ACCESS, &arg))
		return -errno;
	*pin = arg.pin;
	*unpin = arg.unpin;
	return 0;
}

const struct subject iommufd_subject = {
	.open = fd_open,
	.close = fd_close,
	.map = fd_map,
	.unmap = fd_unmap,
	.map_anywhere = fd_map_anywhere,
	.copy = fd_copy,
	.unmap_copy = fd_unmap_copy,
	.attach = fd_attach,
	.detach = fd_detach,
	.access = fd_access,
};
