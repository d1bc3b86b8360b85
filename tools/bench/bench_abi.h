/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the bench program asks of the two bench modules. Costs are differences of
 * the time stamp counter, which counts instructions in the VM of the benchmark.
 */
#ifndef BENCH_ABI_H
#define BENCH_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct bench_floor - what the kernel's services cost when called bare
 * @device: PCI function for which a domain is made
 * @va: memory of the caller, page aligned
 * @length: bytes
 * @iova: where to map it
 * @gup: out, pinning with one call
 * @scan: out, finding the runs of contiguous frames
 * @map: out, iommu_map_sg() of all runs with one call
 * @unmap: out, iommu_unmap() with one call
 * @unpin: out, unpinning with one call for each run
 * @runs: out, how many runs there are
 */
struct bench_floor {
	char device[16];
	__u64 va;
	__u64 length;
	__u64 iova;
	__u64 gup;
	__u64 scan;
	__u64 map;
	__u64 unmap;
	__u64 unpin;
	__u64 runs;
};

/**
 * struct bench_access - a kernel user of an IOAS pins a range and lets go of it
 * @iommufd: file descriptor
 * @ioas: its ID there
 * @iova: first IOVA
 * @length: bytes
 * @pin: out, iommufd_access_pin_pages() of the whole range
 * @unpin: out, iommufd_access_unpin_pages()
 */
struct bench_access {
	__s32 iommufd;
	__u32 ioas;
	__u64 iova;
	__u64 length;
	__u64 pin;
	__u64 unpin;
};

#define BENCH_FLOOR	_IOWR('B', 1, struct bench_floor)
#define BENCH_ACCESS	_IOWR('B', 2, struct bench_access)

#endif
