/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/iommu: IO address spaces, the IOMMU page tables that serve them, and
 * the parts of an IOMMU that a virtual machine monitor gives to a guest.
 */
#ifndef _UAPI_IOMMUFD_H
#define _UAPI_IOMMUFD_H

#include <linux/types.h>
#include <linux/ioctl.h>

/**
 * DOC: Calling convention
 *
 * Every open file of /dev/iommu is a context of its own. What it holds are
 * objects: address spaces (IOAS), hardware page tables (HWPT), devices, queues
 * and so on. An object is named by a 32-bit ID that is valid in its context
 * only; 0 is never an ID.
 *
 * Each command takes a pointer to its own struct, whose first member is
 * ``__u32 size``. The caller sets it to the sizeof that it was compiled with:
 *
 * - a caller older than the kernel passes a shorter struct; the kernel reads
 *   the members that are missing as zero;
 * - a caller newer than the kernel passes a longer one, which is accepted as
 *   long as everything past the end of the kernel's struct is zero.
 *
 * A struct that was filled with zeroes before its members are set therefore
 * works with any kernel. Results are written into the same struct, never past
 * the caller's size. Members named ``out_`` are results, members named
 * ``__reserved`` have to be 0. A command that fails changes nothing, unless its
 * description says otherwise.
 *
 * Errors that mean the same for every command:
 *
 * ==========  ==============================================================
 * ENOTTY      this kernel has no such command
 * EINVAL      the struct is too short, or a value in it makes no sense
 * E2BIG       the struct is longer than the kernel's and not zero there
 * EOPNOTSUPP  an unknown flag or enum value, a reserved member that is not 0,
 *             or something that the device or its IOMMU driver cannot do
 * ENOENT      no object of that ID and of a type that fits, or no such IOVA
 * EBUSY       the object is still used by another one or by another thread
 * EOVERFLOW   an address plus a length leaves the range of the type
 * EFAULT      a pointer that cannot be read or written
 * ENOMEM      no memory, or more of it pinned than RLIMIT_MEMLOCK allows
 * ==========  ==============================================================
 */

#define IOMMUFD_TYPE (';')

enum {
	IOMMUFD_CMD_BASE			= 0x80,
	IOMMUFD_CMD_DESTROY			= 0x80,
	IOMMUFD_CMD_IOAS_ALLOC			= 0x81,
	IOMMUFD_CMD_IOAS_ALLOW_IOVAS		= 0x82,
	IOMMUFD_CMD_IOAS_COPY			= 0x83,
	IOMMUFD_CMD_IOAS_IOVA_RANGES		= 0x84,
	IOMMUFD_CMD_IOAS_MAP			= 0x85,
	IOMMUFD_CMD_IOAS_UNMAP			= 0x86,
	IOMMUFD_CMD_OPTION			= 0x87,
	IOMMUFD_CMD_VFIO_IOAS			= 0x88,
	IOMMUFD_CMD_HWPT_ALLOC			= 0x89,
	IOMMUFD_CMD_GET_HW_INFO			= 0x8a,
	IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING	= 0x8b,
	IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP	= 0x8c,
	IOMMUFD_CMD_HWPT_INVALIDATE		= 0x8d,
	IOMMUFD_CMD_FAULT_QUEUE_ALLOC		= 0x8e,
	IOMMUFD_CMD_IOAS_MAP_FILE		= 0x8f,
	IOMMUFD_CMD_VIOMMU_ALLOC		= 0x90,
	IOMMUFD_CMD_VDEVICE_ALLOC		= 0x91,
	IOMMUFD_CMD_IOAS_CHANGE_PROCESS		= 0x92,
	IOMMUFD_CMD_VEVENTQ_ALLOC		= 0x93,
	IOMMUFD_CMD_HW_QUEUE_ALLOC		= 0x94,
	IOMMUFD_CMD_IOAS_NOIOMMU_GET_PA		= 0x95,
};

/*
 * Objects
 */

/**
 * struct iommu_destroy - ioctl(IOMMU_DESTROY)
 * @size: sizeof(struct iommu_destroy)
 * @id: the object to destroy
 *
 * Destroys an object that one of the ALLOC commands created. An object that
 * another one was built on, that is attached or whose fd is open is EBUSY, as
 * is every object that a kernel driver created (a device, an access). An IOAS
 * may be destroyed with mappings in it: they are unmapped.
 */
struct iommu_destroy {
	__u32 size;
	__u32 id;
};

#define IOMMU_DESTROY _IO(IOMMUFD_TYPE, IOMMUFD_CMD_DESTROY)

/*
 * IO address spaces
 */

/**
 * struct iommu_ioas_alloc - ioctl(IOMMU_IOAS_ALLOC)
 * @size: sizeof(struct iommu_ioas_alloc)
 * @flags: no flags are defined: 0
 * @out_ioas_id: ID of the new IOAS
 *
 * Creates an IO address space. It is empty, and every IOVA of it can be used
 * until a device brings restrictions along.
 */
struct iommu_ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};

#define IOMMU_IOAS_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_ALLOC)

/**
 * struct iommu_iova_range - a range of IOVAs, both ends included
 * @start: lowest IOVA of the range
 * @last: highest IOVA of the range
 *
 * Array element of &struct iommu_ioas_iova_ranges and
 * &struct iommu_ioas_allow_iovas.
 */
struct iommu_iova_range {
	__aligned_u64 start;
	__aligned_u64 last;
};

/**
 * struct iommu_ioas_iova_ranges - ioctl(IOMMU_IOAS_IOVA_RANGES)
 * @size: sizeof(struct iommu_ioas_iova_ranges)
 * @ioas_id: the IOAS to ask
 * @num_iovas: in: elements that the array at @allowed_iovas has room for;
 *             out: how many ranges there are
 * @__reserved: 0
 * @allowed_iovas: address of an array of &struct iommu_iova_range
 * @out_iova_alignment: what IOVA, length and start address of a mapping in this
 *                      IOAS have to be a multiple of. A power of two, 1 to the
 *                      page size
 *
 * Tells which IOVAs can be mapped, in ascending order: all but those that the
 * attached devices reserve (their interrupt windows, say) and those that a page
 * table cannot reach. What is mapped already makes no difference.
 *
 * Attach, detach, and the creation and destruction of a HWPT change the answer.
 * To be safe from a change for the worse see IOMMU_IOAS_ALLOW_IOVAS.
 *
 * EMSGSIZE when there are more ranges than the array holds. This is the one
 * error after which the results are valid: the array is full, @num_iovas is the
 * number needed.
 */
struct iommu_ioas_iova_ranges {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
	__aligned_u64 out_iova_alignment;
};

#define IOMMU_IOAS_IOVA_RANGES _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_IOVA_RANGES)

/**
 * struct iommu_ioas_allow_iovas - ioctl(IOMMU_IOAS_ALLOW_IOVAS)
 * @size: sizeof(struct iommu_ioas_allow_iovas)
 * @ioas_id: the IOAS to change
 * @num_iovas: number of elements of the array; 0 drops the present list
 * @__reserved: 0
 * @allowed_iovas: address of an array of &struct iommu_iova_range. They may come
 *                 in any order, must not overlap, and have at least two bytes
 *                 each
 *
 * Sets the IOVAs that have to stay usable, in place of an earlier list. From
 * then on a device or HWPT that would reserve a part of them is refused with
 * EADDRINUSE, and an IOVA that the kernel picks is picked among them. A fixed
 * IOVA may still lie elsewhere.
 *
 * EADDRINUSE when a part of the list is reserved already.
 */
struct iommu_ioas_allow_iovas {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
};

#define IOMMU_IOAS_ALLOW_IOVAS _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_ALLOW_IOVAS)

/**
 * enum iommufd_ioas_map_flags - flags of MAP, MAP_FILE and COPY
 * @IOMMU_IOAS_MAP_FIXED_IOVA: map at the IOVA that the caller gave. Without it
 *                             the kernel picks one
 * @IOMMU_IOAS_MAP_WRITEABLE: devices may write
 * @IOMMU_IOAS_MAP_READABLE: devices may read
 *
 * At least one of the last two is needed.
 */
enum iommufd_ioas_map_flags {
	IOMMU_IOAS_MAP_FIXED_IOVA	= 1 << 0,
	IOMMU_IOAS_MAP_WRITEABLE	= 1 << 1,
	IOMMU_IOAS_MAP_READABLE		= 1 << 2,
};

/**
 * struct iommu_ioas_map - ioctl(IOMMU_IOAS_MAP)
 * @size: sizeof(struct iommu_ioas_map)
 * @flags: see &enum iommufd_ioas_map_flags
 * @ioas_id: the IOAS to map into
 * @__reserved: 0
 * @user_va: address of the memory in the caller's address space
 * @length: how many bytes
 * @iova: where. In with FIXED_IOVA, out without
 *
 * Maps memory of the calling process. As soon as the IOAS has a page table, or a
 * kernel driver uses the mapping, the memory is pinned where it is and counts
 * against RLIMIT_MEMLOCK; before that nothing touches it. Devices go on to see
 * these very pages whatever the process does to its own view of them afterwards
 * (munmap, mremap, fork). Device memory, a BAR that VFIO maps, is not pinned: it
 * leaves the IOAS when it leaves the process, and returns with it.
 *
 * EEXIST when a fixed range is in use, ENOSPC when there is no room for a range
 * that the kernel has to pick, EINVAL when a fixed range is reserved or
 * something is not aligned to out_iova_alignment of IOMMU_IOAS_IOVA_RANGES,
 * EFAULT when @user_va has no memory that can be pinned with this access.
 */
struct iommu_ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 user_va;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOMMU_IOAS_MAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP)

/**
 * struct iommu_ioas_map_file - ioctl(IOMMU_IOAS_MAP_FILE)
 * @size: sizeof(struct iommu_ioas_map_file)
 * @flags: see &enum iommufd_ioas_map_flags
 * @ioas_id: the IOAS to map into
 * @fd: a memfd or a dma-buf. It may be closed after the call
 * @start: offset in the file of the first byte to map
 * @length: how many bytes
 * @iova: where. In with FIXED_IOVA, out without
 *
 * IOMMU_IOAS_MAP for the pages of a file; nobody has to have it mapped. Such a
 * mapping can change hands, see IOMMU_IOAS_CHANGE_PROCESS.
 *
 * Of dma-bufs only device memory that VFIO exported as one range
 * (VFIO_DEVICE_FEATURE_DMA_BUF) is taken; anything else is EOPNOTSUPP. The
 * exporter can take it back: devices lose the mapping at that moment, for good,
 * while the IOVA range stays occupied until UNMAP.
 *
 * WRITEABLE needs an @fd that was opened for writing (EACCES) and a memfd that
 * is not sealed against writing (EPERM). EBADF when @fd is not open; a file of
 * another kind, or one that ends before the range, is EINVAL at the time that
 * the pages are needed.
 */
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_MAP_FILE)

/**
 * struct iommu_ioas_copy - ioctl(IOMMU_IOAS_COPY)
 * @size: sizeof(struct iommu_ioas_copy)
 * @flags: see &enum iommufd_ioas_map_flags; FIXED_IOVA is about @dst_iova
 * @dst_ioas_id: the IOAS to map into
 * @src_ioas_id: the IOAS that has the memory mapped. May be the same
 * @length: how many bytes
 * @dst_iova: where. In with FIXED_IOVA, out without
 * @src_iova: first byte of the source
 *
 * Maps what is mapped at @src_iova a second time. Any part of one or more
 * mappings that follow each other without a gap (ENOENT) will do. The memory is
 * shared: it is pinned once and charged once, which makes this much cheaper than
 * another MAP, and each side can be unmapped without regard to the other.
 *
 * EPERM for WRITEABLE of memory that was not mapped WRITEABLE at first.
 */
struct iommu_ioas_copy {
	__u32 size;
	__u32 flags;
	__u32 dst_ioas_id;
	__u32 src_ioas_id;
	__aligned_u64 length;
	__aligned_u64 dst_iova;
	__aligned_u64 src_iova;
};

#define IOMMU_IOAS_COPY _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_COPY)

/**
 * struct iommu_ioas_unmap - ioctl(IOMMU_IOAS_UNMAP)
 * @size: sizeof(struct iommu_ioas_unmap)
 * @ioas_id: the IOAS to unmap from
 * @iova: first IOVA
 * @length: in: bytes in the range; out: bytes that were mapped in it and are no
 *          more
 *
 * Takes away every mapping in the range. When the call returns no device can
 * reach the memory any longer. @iova 0 with @length U64_MAX is everything, and
 * succeeds when there is nothing. Any other range without a mapping is ENOENT,
 * and so is one that cuts a mapping: a mapping goes as a whole.
 *
 * EBUSY when the range holds the memory of a hardware queue.
 */
struct iommu_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__aligned_u64 iova;
	__aligned_u64 length;
};

#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_UNMAP)

/**
 * struct iommu_ioas_change_process - ioctl(IOMMU_IOAS_CHANGE_PROCESS)
 * @size: sizeof(struct iommu_ioas_change_process)
 * @__reserved: 0
 *
 * For a process that took over the context from another one, at a live update
 * of a VMM for example: the pinned memory of all mappings is charged to the
 * caller from now on and no longer to who made them. EINVAL when there is a
 * mapping that did not come from IOMMU_IOAS_MAP_FILE.
 */
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};

#define IOMMU_IOAS_CHANGE_PROCESS \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_CHANGE_PROCESS)

/**
 * struct iommu_ioas_noiommu_get_pa - ioctl(IOMMU_IOAS_NOIOMMU_GET_PA)
 * @size: sizeof(struct iommu_ioas_noiommu_get_pa)
 * @flags: no flags are defined: 0
 * @ioas_id: the IOAS to ask
 * @__reserved: 0
 * @iova: the address to translate
 * @length: in: bytes that the caller is interested in; out: how many of them
 *          follow each other in physical memory as they do from @iova on
 * @out_phys: physical address of @iova
 *
 * Where the memory of a mapping is. For the driver of a device without an
 * IOMMU, which has to program physical addresses, and for the mappings of an
 * IOAS that such a device is attached to. Needs CAP_SYS_RAWIO (EPERM).
 */
struct iommu_ioas_noiommu_get_pa {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 out_phys;
};

#define IOMMU_IOAS_NOIOMMU_GET_PA \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_IOAS_NOIOMMU_GET_PA)

/*
 * Options
 */

/**
 * enum iommufd_option - option_id of &struct iommu_option
 * @IOMMU_OPTION_RLIMIT_MODE: of the whole context, object_id is 0. Who pays for
 *                            pinned memory: 0 the user, over all processes
 *                            (what /dev/iommu starts with); 1 the
 *                            process. To set it takes CAP_SYS_RESOURCE and a
 *                            context without objects
 * @IOMMU_OPTION_HUGE_PAGES: of one IOAS, object_id is its ID. 1, as at the
 *                           start: memory that lies together is mapped with the
 *                           largest IOMMU pages that fit; 0: page by page
 */
enum iommufd_option {
	IOMMU_OPTION_RLIMIT_MODE	= 0,
	IOMMU_OPTION_HUGE_PAGES		= 1,
};

/**
 * enum iommufd_option_ops - op of &struct iommu_option
 * @IOMMU_OPTION_OP_SET: val64 is the new value
 * @IOMMU_OPTION_OP_GET: val64 receives the value
 */
enum iommufd_option_ops {
	IOMMU_OPTION_OP_SET		= 0,
	IOMMU_OPTION_OP_GET		= 1,
};

/**
 * struct iommu_option - ioctl(IOMMU_OPTION)
 * @size: sizeof(struct iommu_option)
 * @option_id: see &enum iommufd_option
 * @op: see &enum iommufd_option_ops
 * @__reserved: 0
 * @object_id: the object that has the option, or 0
 * @val64: the value
 *
 * Sets or reads an option of the context or of an object.
 */
struct iommu_option {
	__u32 size;
	__u32 option_id;
	__u16 op;
	__u16 __reserved;
	__u32 object_id;
	__aligned_u64 val64;
};

#define IOMMU_OPTION _IO(IOMMUFD_TYPE, IOMMUFD_CMD_OPTION)

/*
 * The IOAS behind the legacy VFIO container
 */

/**
 * enum iommufd_vfio_ioas_op - op of &struct iommu_vfio_ioas
 * @IOMMU_VFIO_IOAS_GET: ask for the IOAS in use; ENODEV when there is none
 * @IOMMU_VFIO_IOAS_SET: use this IOAS
 * @IOMMU_VFIO_IOAS_CLEAR: use none
 */
enum iommufd_vfio_ioas_op {
	IOMMU_VFIO_IOAS_GET		= 0,
	IOMMU_VFIO_IOAS_SET		= 1,
	IOMMU_VFIO_IOAS_CLEAR		= 2,
};

/**
 * struct iommu_vfio_ioas - ioctl(IOMMU_VFIO_IOAS)
 * @size: sizeof(struct iommu_vfio_ioas)
 * @ioas_id: in for SET, out for GET
 * @op: see &enum iommufd_vfio_ioas_op
 * @__reserved: 0
 *
 * The ioctls of a VFIO container name no address space: on an iommufd they all
 * work on this IOAS. VFIO_GROUP_SET_CONTAINER makes one if none was set. SET and
 * CLEAR change the choice and nothing else: no IOAS is destroyed, and devices
 * stay where they are attached.
 */
struct iommu_vfio_ioas {
	__u32 size;
	__u32 ioas_id;
	__u16 op;
	__u16 __reserved;
};

#define IOMMU_VFIO_IOAS _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VFIO_IOAS)

/*
 * What the IOMMU of a device can do
 */

/**
 * enum iommu_hw_info_type - which struct describes an IOMMU
 * @IOMMU_HW_INFO_TYPE_NONE: out: the driver tells nothing about its hardware
 * @IOMMU_HW_INFO_TYPE_DEFAULT: in: whatever the driver thinks best
 * @IOMMU_HW_INFO_TYPE_INTEL_VTD: &struct iommu_hw_info_vtd
 * @IOMMU_HW_INFO_TYPE_ARM_SMMUV3: &struct iommu_hw_info_arm_smmuv3
 * @IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV: &struct iommu_hw_info_tegra241_cmdqv
 * @IOMMU_HW_INFO_TYPE_AMD: &struct iommu_hw_info_amd
 */
enum iommu_hw_info_type {
	IOMMU_HW_INFO_TYPE_NONE			= 0,
	IOMMU_HW_INFO_TYPE_DEFAULT		= 0,
	IOMMU_HW_INFO_TYPE_INTEL_VTD		= 1,
	IOMMU_HW_INFO_TYPE_ARM_SMMUV3		= 2,
	IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV	= 3,
	IOMMU_HW_INFO_TYPE_AMD			= 4,
};

/**
 * enum iommu_hw_info_vtd_flags - flags of &struct iommu_hw_info_vtd
 * @IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17: the hardware has erratum 772415
 *                                         (SPR17): a nesting parent must not
 *                                         contain read-only mappings
 */
enum iommu_hw_info_vtd_flags {
	IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17	= 1 << 0,
};

/**
 * struct iommu_hw_info_vtd - Intel VT-d
 * @flags: see &enum iommu_hw_info_vtd_flags
 * @__reserved: 0
 * @cap_reg: the Capability Register (VT-d specification, 11.4.2)
 * @ecap_reg: the Extended Capability Register (11.4.3)
 *
 * Type IOMMU_HW_INFO_TYPE_INTEL_VTD.
 */
struct iommu_hw_info_vtd {
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 cap_reg;
	__aligned_u64 ecap_reg;
};

/**
 * enum iommu_hw_info_arm_smmuv3_flags - flags of &struct iommu_hw_info_arm_smmuv3
 * @IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI: the hardware has erratum
 *                                                    T264-SMMU-3: a TLBI or
 *                                                    CFGI with its SYNC has to
 *                                                    be issued a second time
 */
enum iommu_hw_info_arm_smmuv3_flags {
	IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI = 1 << 0,
};

/**
 * struct iommu_hw_info_arm_smmuv3 - ARM SMMUv3
 * @flags: see &enum iommu_hw_info_arm_smmuv3_flags
 * @__reserved: 0
 * @idr: registers IDR0 to IDR5 (SMMUv3 specification, chapter 6.3)
 * @iidr: register IIDR: implementer and revision
 * @aidr: register AIDR: version of the architecture
 *
 * Type IOMMU_HW_INFO_TYPE_ARM_SMMUV3. The registers hold what the hardware says
 * of itself, which is more than the kernel lets a guest use. A VMM may look at
 * these fields and at no others, or it will break with a later kernel:
 *
 * ====  =================================================================
 * IDR0  ST_LEVEL, TERM_MODEL, STALL_MODEL, TTENDIAN, CD2L, ASID16, TTF
 * IDR1  SIDSIZE, SSIDSIZE
 * IDR3  BBML, RIL
 * IDR5  VAX, GRAN64K, GRAN16K, GRAN4K, DS
 * ====  =================================================================
 *
 * S1P goes without saying where a nested HWPT can be created, and so does
 * COHACC, without which a device cannot be bound. ATS belongs to the device, not
 * to the SMMU: set its bit in the guest's register when the guest's firmware
 * tables announce a device with ATS.
 */
struct iommu_hw_info_arm_smmuv3 {
	__u32 flags;
	__u32 __reserved;
	__u32 idr[6];
	__u32 iidr;
	__u32 aidr;
};

/**
 * struct iommu_hw_info_tegra241_cmdqv - NVIDIA Tegra241 CMDQV
 * @flags: 0
 * @version: PARAM bits 3:0, version of the CMDQV
 * @log2vcmdqs: PARAM bits 7:4, log2 of the number of VCMDQs
 * @log2vsids: PARAM bits 15:12, log2 of the number of stream IDs that can be
 *             replaced
 * @__reserved: 0
 *
 * Type IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV. The values fit the PARAM register that
 * a VMM emulates. A guest gets a single VINTF: bits 11:8 (log2 of the number of
 * VINTFs) are 0 there.
 */
struct iommu_hw_info_tegra241_cmdqv {
	__u32 flags;
	__u8 version;
	__u8 log2vcmdqs;
	__u8 log2vsids;
	__u8 __reserved;
};

/**
 * struct iommu_hw_info_amd - AMD IOMMU
 * @efr: Extended Feature Register, MMIO offset 0030h
 * @efr2: Extended Feature 2 Register, MMIO offset 01A0h
 *
 * Type IOMMU_HW_INFO_TYPE_AMD. Raw register values (see the AMD I/O
 * Virtualization Technology specification, 48882); not all that the hardware
 * has can be given to a guest. A VMM may pass on these fields of the EFR: GTSup,
 * GASup, GioSup, PPRSup, EPHSup, GATS, GLX, PASmax.
 */
struct iommu_hw_info_amd {
	__aligned_u64 efr;
	__aligned_u64 efr2;
};

/**
 * enum iommufd_hw_capabilities - out_capabilities of &struct iommu_hw_info
 * @IOMMU_HW_CAP_DIRTY_TRACKING: a HWPT with IOMMU_HWPT_ALLOC_DIRTY_TRACKING can
 *                               be allocated for this device, and then
 *                               IOMMU_HWPT_SET_DIRTY_TRACKING and
 *                               IOMMU_HWPT_GET_DIRTY_BITMAP work
 * @IOMMU_HW_CAP_PCI_PASID_EXEC: PCI: requests with a PASID may ask to execute.
 *                               Meaningful where PASIDs are supported
 * @IOMMU_HW_CAP_PCI_PASID_PRIV: PCI: requests with a PASID may be privileged.
 *                               Meaningful where PASIDs are supported
 * @IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED: PCI: ATS cannot be used with this device.
 *                                      When clear, it may be in use
 */
enum iommufd_hw_capabilities {
	IOMMU_HW_CAP_DIRTY_TRACKING		= 1 << 0,
	IOMMU_HW_CAP_PCI_PASID_EXEC		= 1 << 1,
	IOMMU_HW_CAP_PCI_PASID_PRIV		= 1 << 2,
	IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED	= 1 << 3,
};

/**
 * enum iommufd_hw_info_flags - flags of &struct iommu_hw_info
 * @IOMMU_HW_INFO_FLAG_INPUT_TYPE: in_data_type says which struct is wanted.
 *                                 Without it the default type is
 */
enum iommufd_hw_info_flags {
	IOMMU_HW_INFO_FLAG_INPUT_TYPE		= 1 << 0,
};

/**
 * struct iommu_hw_info - ioctl(IOMMU_GET_HW_INFO)
 * @size: sizeof(struct iommu_hw_info)
 * @flags: see &enum iommufd_hw_info_flags
 * @dev_id: the device whose IOMMU is described
 * @data_len: in: bytes at @data_uptr, may be 0; out: bytes that the kernel has
 * @data_uptr: address of a buffer for the struct that the type calls for. What
 *             does not fit is left out, what is not needed is zeroed
 * @in_data_type: in, with IOMMU_HW_INFO_FLAG_INPUT_TYPE: one of
 *                &enum iommu_hw_info_type
 * @out_data_type: out, in the same place: what is in the buffer
 * @out_max_pasid_log2: how many bits the PASIDs of this device have; 0 when it
 *                      has none
 * @__reserved: 0
 * @out_capabilities: see &enum iommufd_hw_capabilities
 *
 * Describes the IOMMU in front of a device, so that a VMM can build a virtual
 * one that promises no more.
 */
struct iommu_hw_info {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 data_len;
	__aligned_u64 data_uptr;
	union {
		__u32 in_data_type;
		__u32 out_data_type;
	};
	__u8 out_max_pasid_log2;
	__u8 __reserved[3];
	__aligned_u64 out_capabilities;
};

#define IOMMU_GET_HW_INFO _IO(IOMMUFD_TYPE, IOMMUFD_CMD_GET_HW_INFO)

/*
 * Hardware page tables
 */

/**
 * enum iommufd_hwpt_alloc_flags - flags of &struct iommu_hwpt_alloc
 * @IOMMU_HWPT_ALLOC_NEST_PARENT: nested HWPTs and vIOMMUs may be built on it
 * @IOMMU_HWPT_ALLOC_DIRTY_TRACKING: dirty tracking works on it, and a device
 *                                   whose IOMMU cannot do that is not attached
 * @IOMMU_HWPT_FAULT_ID_VALID: fault_id is set: page faults go to that queue
 * @IOMMU_HWPT_ALLOC_PASID: it can be attached to a PASID. A device uses PASIDs
 *                          only while the HWPT of its other DMA has this flag
 *                          as well, which that of an attach by IOAS ID has not
 */
enum iommufd_hwpt_alloc_flags {
	IOMMU_HWPT_ALLOC_NEST_PARENT		= 1 << 0,
	IOMMU_HWPT_ALLOC_DIRTY_TRACKING		= 1 << 1,
	IOMMU_HWPT_FAULT_ID_VALID		= 1 << 2,
	IOMMU_HWPT_ALLOC_PASID			= 1 << 3,
};

/**
 * enum iommu_hwpt_data_type - what data_uptr of &struct iommu_hwpt_alloc is
 * @IOMMU_HWPT_DATA_NONE: nothing
 * @IOMMU_HWPT_DATA_VTD_S1: &struct iommu_hwpt_vtd_s1
 * @IOMMU_HWPT_DATA_ARM_SMMUV3: &struct iommu_hwpt_arm_smmuv3
 * @IOMMU_HWPT_DATA_AMD_GUEST: &struct iommu_hwpt_amd_guest
 */
enum iommu_hwpt_data_type {
	IOMMU_HWPT_DATA_NONE			= 0,
	IOMMU_HWPT_DATA_VTD_S1			= 1,
	IOMMU_HWPT_DATA_ARM_SMMUV3		= 2,
	IOMMU_HWPT_DATA_AMD_GUEST		= 3,
};

/**
 * enum iommu_hwpt_vtd_s1_flags - flags of &struct iommu_hwpt_vtd_s1
 * @IOMMU_VTD_S1_SRE: supervisor requests are allowed
 * @IOMMU_VTD_S1_EAFE: extended accessed flags are maintained
 * @IOMMU_VTD_S1_WPE: write protection binds the supervisor as well
 */
enum iommu_hwpt_vtd_s1_flags {
	IOMMU_VTD_S1_SRE			= 1 << 0,
	IOMMU_VTD_S1_EAFE			= 1 << 1,
	IOMMU_VTD_S1_WPE			= 1 << 2,
};

/**
 * struct iommu_hwpt_vtd_s1 - a guest's first stage for Intel VT-d
 * @flags: see &enum iommu_hwpt_vtd_s1_flags
 * @pgtbl_addr: address of the top table, in the address space of the parent
 * @addr_width: width of the addresses that it translates, in bits
 * @__reserved: 0
 *
 * Type IOMMU_HWPT_DATA_VTD_S1.
 */
struct iommu_hwpt_vtd_s1 {
	__aligned_u64 flags;
	__aligned_u64 pgtbl_addr;
	__u32 addr_width;
	__u32 __reserved;
};

/**
 * struct iommu_hwpt_arm_smmuv3 - a guest's stream table entry for ARM SMMUv3
 * @ste: the first 128 bits of the entry, little endian (SMMUv3 specification,
 *       5.2). The guest decides about V, Cfg, S1Fmt, S1ContextPtr and S1CDMax
 *       in the first word, and about EATS, S1DSS, S1CIR, S1COR, S1CSH and
 *       S1STALLD in the second; every other bit is 0
 *
 * Type IOMMU_HWPT_DATA_ARM_SMMUV3. EIO when the entry is malformed or claims
 * more than that.
 *
 * Cfg chooses what becomes of DMA. Abort stops it. Bypass lets the nesting
 * parent alone translate. Stage 1 translates through the context descriptors at
 * S1ContextPtr, an address in the nesting parent, and needs the device to have
 * a vDEVICE before it is attached: invalidations and events name the device by
 * its virtual stream ID. For the other two the vDEVICE may come later, which
 * suits a guest that has not enabled its SMMU yet; but until then no event of
 * the device reaches the guest. It is best to make the vDEVICE when its ID is
 * known, and to attach the HWPT again.
 */
struct iommu_hwpt_arm_smmuv3 {
	__aligned_le64 ste[2];
};

/**
 * struct iommu_hwpt_amd_guest - a guest's device table entry for AMD IOMMU
 * @dte: the entry, 256 bits
 *
 * Type IOMMU_HWPT_DATA_AMD_GUEST.
 */
struct iommu_hwpt_amd_guest {
	__aligned_u64 dte[4];
};

/**
 * struct iommu_hwpt_alloc - ioctl(IOMMU_HWPT_ALLOC)
 * @size: sizeof(struct iommu_hwpt_alloc)
 * @flags: see &enum iommufd_hwpt_alloc_flags
 * @dev_id: a device that is going to use it
 * @pt_id: what it is built on, see below
 * @out_hwpt_id: ID of the new HWPT
 * @__reserved: 0
 * @data_type: see &enum iommu_hwpt_data_type
 * @data_len: bytes at @data_uptr; 0 if and only if @data_type is NONE
 * @data_uptr: address of the struct that @data_type calls for
 * @fault_id: with IOMMU_HWPT_FAULT_ID_VALID, the fault queue
 * @__reserved2: 0
 *
 * Creates a page table, in the format of the IOMMU that @dev_id is behind. Most
 * users need not: attach a device by the ID of an IOAS, and the kernel makes one
 * and shares it among the devices that it suits.
 *
 * - @pt_id an IOAS: a table that holds what the IOAS holds, now and later.
 * - @pt_id a HWPT with NEST_PARENT, or a vIOMMU: a nested one. A table that a
 *   guest keeps in its own memory turns guest addresses into addresses of the
 *   parent, and the parent turns those into memory. @data_uptr describes the
 *   guest's table in the words of the hardware. @dev_id has to be behind the
 *   IOMMU that the parent or vIOMMU was made for.
 *
 * EINVAL when @pt_id is none of these.
 */
struct iommu_hwpt_alloc {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pt_id;
	__u32 out_hwpt_id;
	__u32 __reserved;
	__u32 data_type;
	__u32 data_len;
	__aligned_u64 data_uptr;
	__u32 fault_id;
	__u32 __reserved2;
};

#define IOMMU_HWPT_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_ALLOC)

/*
 * Dirty tracking
 */

/**
 * enum iommufd_hwpt_set_dirty_tracking_flags - flags of
 *                                 &struct iommu_hwpt_set_dirty_tracking
 * @IOMMU_HWPT_DIRTY_TRACKING_ENABLE: start. Without it: stop
 */
enum iommufd_hwpt_set_dirty_tracking_flags {
	IOMMU_HWPT_DIRTY_TRACKING_ENABLE	= 1,
};

/**
 * struct iommu_hwpt_set_dirty_tracking - ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING)
 * @size: sizeof(struct iommu_hwpt_set_dirty_tracking)
 * @flags: see &enum iommufd_hwpt_set_dirty_tracking_flags
 * @hwpt_id: a HWPT that was allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @__reserved: 0
 *
 * Makes the IOMMU note what devices write, or stops it. At the start all memory
 * counts as clean.
 */
struct iommu_hwpt_set_dirty_tracking {
	__u32 size;
	__u32 flags;
	__u32 hwpt_id;
	__u32 __reserved;
};

#define IOMMU_HWPT_SET_DIRTY_TRACKING \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING)

/**
 * enum iommufd_hwpt_get_dirty_bitmap_flags - flags of
 *                                 &struct iommu_hwpt_get_dirty_bitmap
 * @IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR: memory that is reported as dirty stays
 *                                        dirty. Spares the flush of the IOTLB
 *                                        where the range is unmapped next
 */
enum iommufd_hwpt_get_dirty_bitmap_flags {
	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR	= 1,
};

/**
 * struct iommu_hwpt_get_dirty_bitmap - ioctl(IOMMU_HWPT_GET_DIRTY_BITMAP)
 * @size: sizeof(struct iommu_hwpt_get_dirty_bitmap)
 * @hwpt_id: a HWPT that was allocated with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @flags: see &enum iommufd_hwpt_get_dirty_bitmap_flags
 * @__reserved: 0
 * @iova: IOVA that the first bit stands for, a multiple of @page_size
 * @length: bytes of IOVA to report on, a multiple of @page_size
 * @page_size: bytes that one bit stands for, a power of two
 * @data: address of the bitmap, of any alignment
 *
 * Reports what devices have written since the last report, and forgets it. For
 * dirty memory at IOVA x this sets bit n % 8 of byte n / 8 of the bitmap, with n
 * = (x - @iova) / @page_size. Bits are set, never cleared: a bitmap can collect
 * several reports, and a fresh one starts as zeroes. A page that the IOMMU
 * tracks as one sets all bits that it covers. A part that is not mapped is
 * clean.
 *
 * EFAULT when the bitmap cannot be written. What could not be reported then is
 * part of the next report.
 */
struct iommu_hwpt_get_dirty_bitmap {
	__u32 size;
	__u32 hwpt_id;
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 data;
};

#define IOMMU_HWPT_GET_DIRTY_BITMAP \
	_IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP)

/*
 * Invalidation on behalf of a guest
 */

/**
 * enum iommu_hwpt_invalidate_data_type - what an array of requests consists of
 * @IOMMU_HWPT_INVALIDATE_DATA_VTD_S1: &struct iommu_hwpt_vtd_s1_invalidate
 * @IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3:
 *	&struct iommu_viommu_arm_smmuv3_invalidate
 */
enum iommu_hwpt_invalidate_data_type {
	IOMMU_HWPT_INVALIDATE_DATA_VTD_S1	= 0,
	IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3	= 1,
};

/**
 * enum iommu_hwpt_vtd_s1_invalidate_flags - flags of
 *                                 &struct iommu_hwpt_vtd_s1_invalidate
 * @IOMMU_VTD_INV_FLAGS_LEAF: leaf entries changed and nothing above them, so the
 *                            caches of the upper levels may stay
 */
enum iommu_hwpt_vtd_s1_invalidate_flags {
	IOMMU_VTD_INV_FLAGS_LEAF		= 1 << 0,
};

/**
 * struct iommu_hwpt_vtd_s1_invalidate - a request for Intel VT-d
 * @addr: first address, a multiple of 4 KiB
 * @npages: number of 4 KiB pages
 * @flags: see &enum iommu_hwpt_vtd_s1_invalidate_flags
 * @__reserved: 0
 *
 * Type IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, for a nested HWPT. Sent after a change
 * of the guest's table. @addr 0 with @npages U64_MAX is all that was cached from
 * it. Devices that use ATS have their own caches flushed along with it.
 */
struct iommu_hwpt_vtd_s1_invalidate {
	__aligned_u64 addr;
	__aligned_u64 npages;
	__u32 flags;
	__u32 __reserved;
};

/**
 * struct iommu_viommu_arm_smmuv3_invalidate - a request for ARM SMMUv3
 * @cmd: a command of the guest's command queue, 128 bits, little endian
 *
 * Type IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, for a vIOMMU. The commands are
 * TLBI_NSNH_ALL, TLBI_NH_VA, TLBI_NH_VAA, TLBI_NH_ALL, TLBI_NH_ASID, ATC_INV,
 * CFGI_CD and CFGI_CD_ALL. Any other one is EIO, and so is a field or a value
 * that the SMMU does not implement: the guest's commands are to be checked
 * before they are passed on.
 */
struct iommu_viommu_arm_smmuv3_invalidate {
	__aligned_le64 cmd[2];
};

/**
 * struct iommu_hwpt_invalidate - ioctl(IOMMU_HWPT_INVALIDATE)
 * @size: sizeof(struct iommu_hwpt_invalidate)
 * @hwpt_id: a nested HWPT, or a vIOMMU for what is not about one page table
 * @data_uptr: address of an array of requests
 * @data_type: see &enum iommu_hwpt_invalidate_data_type
 * @entry_len: bytes of one request
 * @entry_num: in: number of requests; out, on error too: how many are done
 * @__reserved: 0
 *
 * A guest that changed its page tables invalidates what its IOMMU may have
 * cached; a VMM passes that on with this command. The requests are worked off in
 * order up to the first that fails. With @entry_num 0 the call just tells
 * whether @data_type is supported.
 */
struct iommu_hwpt_invalidate {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 data_uptr;
	__u32 data_type;
	__u32 entry_len;
	__u32 entry_num;
	__u32 __reserved;
};

#define IOMMU_HWPT_INVALIDATE _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HWPT_INVALIDATE)

/*
 * Page faults
 */

/**
 * struct iommu_fault_alloc - ioctl(IOMMU_FAULT_QUEUE_ALLOC)
 * @size: sizeof(struct iommu_fault_alloc)
 * @flags: no flags are defined: 0
 * @out_fault_id: ID of the new queue, for fault_id of &struct iommu_hwpt_alloc
 * @out_fault_fd: a file to read the faults from and to write the answers to
 *
 * Creates a queue for the page requests of devices. poll() says POLLIN when
 * there is something to read.
 *
 * A read returns &struct iommu_hwpt_pgfault messages, never a part of a group,
 * and 0 when there are none. The length of a read is a multiple of the message,
 * and EINVAL when the next group needs more. A write passes one or more
 * &struct iommu_hwpt_page_response. The device waits for the answer; groups
 * without one are answered with INVALID when the device is detached or the queue
 * is destroyed.
 */
struct iommu_fault_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_fault_id;
	__u32 out_fault_fd;
};

#define IOMMU_FAULT_QUEUE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_FAULT_QUEUE_ALLOC)

/**
 * enum iommu_hwpt_pgfault_flags - flags of &struct iommu_hwpt_pgfault
 * @IOMMU_PGFAULT_FLAGS_PASID_VALID: the request had a PASID
 * @IOMMU_PGFAULT_FLAGS_LAST_PAGE: the last request of its group
 */
enum iommu_hwpt_pgfault_flags {
	IOMMU_PGFAULT_FLAGS_PASID_VALID		= 1 << 0,
	IOMMU_PGFAULT_FLAGS_LAST_PAGE		= 1 << 1,
};

/**
 * enum iommu_hwpt_pgfault_perm - what the device wants to do
 * @IOMMU_PGFAULT_PERM_READ: read
 * @IOMMU_PGFAULT_PERM_WRITE: write
 * @IOMMU_PGFAULT_PERM_EXEC: execute: the Execute Requested bit of a request with
 *                           a PASID (PCIe 10.4.1)
 * @IOMMU_PGFAULT_PERM_PRIV: with privilege: the Privileged Mode Requested bit
 *                           (PCIe 10.4.1)
 */
enum iommu_hwpt_pgfault_perm {
	IOMMU_PGFAULT_PERM_READ			= 1 << 0,
	IOMMU_PGFAULT_PERM_WRITE		= 1 << 1,
	IOMMU_PGFAULT_PERM_EXEC			= 1 << 2,
	IOMMU_PGFAULT_PERM_PRIV			= 1 << 3,
};

/**
 * struct iommu_hwpt_pgfault - one page request
 * @flags: see &enum iommu_hwpt_pgfault_flags
 * @dev_id: the device that asks
 * @pasid: its PASID, if it has one
 * @grpid: the group that the device put the request in
 * @perm: see &enum iommu_hwpt_pgfault_perm
 * @__reserved: 0
 * @addr: the address that was not mapped
 * @length: how much the device is going to need from there on; 0: it did not say
 * @cookie: names the group in the answer, the same in all of its messages
 */
struct iommu_hwpt_pgfault {
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
	__u32 grpid;
	__u32 perm;
	__u32 __reserved;
	__aligned_u64 addr;
	__u32 length;
	__u32 cookie;
};

/**
 * enum iommufd_page_response_code - answers to a group of page requests
 * @IOMMUFD_PAGE_RESP_SUCCESS: the pages are mapped now, try again ("Success" of
 *                             PCIe 10.4.2.1)
 * @IOMMUFD_PAGE_RESP_INVALID: they will not be, give up ("Invalid Request" of
 *                             PCIe 10.4.2.1)
 */
enum iommufd_page_response_code {
	IOMMUFD_PAGE_RESP_SUCCESS		= 0,
	IOMMUFD_PAGE_RESP_INVALID		= 1,
};

/**
 * struct iommu_hwpt_page_response - the answer to a group of page requests
 * @cookie: the cookie of its messages
 * @code: see &enum iommufd_page_response_code
 */
struct iommu_hwpt_page_response {
	__u32 cookie;
	__u32 code;
};

/*
 * Virtual IOMMUs
 */

/**
 * enum iommu_viommu_type - kinds of vIOMMUs
 * @IOMMU_VIOMMU_TYPE_DEFAULT: not used
 * @IOMMU_VIOMMU_TYPE_ARM_SMMUV3: a share of an ARM SMMUv3
 * @IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV: the same, with command queues of an NVIDIA
 *                                    Tegra241 CMDQV that the guest drives
 *                                    itself. They sit in a VINTF whose HYP_OWN
 *                                    is 0, so the VMM has to make HYP_OWN of
 *                                    the guest's VINTF_CONFIG read as 0, or
 *                                    they do not work
 */
enum iommu_viommu_type {
	IOMMU_VIOMMU_TYPE_DEFAULT		= 0,
	IOMMU_VIOMMU_TYPE_ARM_SMMUV3		= 1,
	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV	= 2,
};

/**
 * struct iommu_viommu_tegra241_cmdqv - data of a Tegra241 CMDQV vIOMMU
 * @out_vintf_mmap_offset: offset for mmap() of the iommufd
 * @out_vintf_mmap_length: length for mmap()
 *
 * Type IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV. The two describe page 0 of the VINTF: a
 * VMM maps it and puts it into the guest's physical address space, where the
 * guest controls its queues without any exit.
 */
struct iommu_viommu_tegra241_cmdqv {
	__aligned_u64 out_vintf_mmap_offset;
	__aligned_u64 out_vintf_mmap_length;
};

/**
 * struct iommu_viommu_alloc - ioctl(IOMMU_VIOMMU_ALLOC)
 * @size: sizeof(struct iommu_viommu_alloc)
 * @flags: no flags are defined: 0
 * @type: see &enum iommu_viommu_type
 * @dev_id: a device; the vIOMMU is a share of the IOMMU in front of it
 * @hwpt_id: the nesting parent that holds the guest's physical memory
 * @out_viommu_id: ID of the new vIOMMU
 * @data_len: bytes at @data_uptr
 * @__reserved: 0
 * @data_uptr: address of the struct that @type calls for, if it calls for one
 *
 * Creates a vIOMMU: one guest's share of one physical IOMMU, shut off from the
 * shares of others. On it depend all things that the IOMMU as a whole does for a
 * guest: the number spaces that the guest manages (its stream IDs, its ASIDs),
 * invalidations, events, queues in hardware that belong to the guest, and the
 * nesting parent that its nested HWPTs have in common.
 */
struct iommu_viommu_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 hwpt_id;
	__u32 out_viommu_id;
	__u32 data_len;
	__u32 __reserved;
	__aligned_u64 data_uptr;
};

#define IOMMU_VIOMMU_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VIOMMU_ALLOC)

/**
 * struct iommu_vdevice_alloc - ioctl(IOMMU_VDEVICE_ALLOC)
 * @size: sizeof(struct iommu_vdevice_alloc)
 * @viommu_id: the vIOMMU that the guest sees in front of the device
 * @dev_id: the device; it has one vDEVICE at most (EEXIST)
 * @out_vdevice_id: ID of the new vDEVICE
 * @virt_id: what the guest calls the device when it talks to this vIOMMU: the
 *           stream ID for ARM SMMUv3, the DeviceID for AMD, the requester ID for
 *           Intel. Another device with the same one is EEXIST
 *
 * Connects a device to the ID that the guest knows it by.
 *
 * Destroy the vDEVICE before the device is closed. Otherwise the kernel does,
 * and its object ID stays taken until the iommufd is closed: ENOENT for any use
 * of it.
 */
struct iommu_vdevice_alloc {
	__u32 size;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 out_vdevice_id;
	__aligned_u64 virt_id;
};

#define IOMMU_VDEVICE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VDEVICE_ALLOC)

/**
 * enum iommu_veventq_flag - flags of &struct iommufd_vevent_header
 * @IOMMU_VEVENTQ_FLAG_LOST_EVENTS: events were lost; no payload follows
 */
enum iommu_veventq_flag {
	IOMMU_VEVENTQ_FLAG_LOST_EVENTS		= 1U << 0,
};

/**
 * struct iommufd_vevent_header - what precedes each event of a vEVENTQ
 * @flags: see &enum iommu_veventq_flag
 * @sequence: number of the event: 0, 1 and so on to INT_MAX, then 0 again
 *
 * Lost events take numbers like the others, so a gap between two numbers tells
 * how many were lost between the two: after sequence 3, sequence 6 means that 4
 * and 5 are gone.
 *
 * When the events that were lost are the latest, there is no later number to
 * show it. Then the queue ends with a header that has LOST_EVENTS set, and the
 * number of the last one lost.
 */
struct iommufd_vevent_header {
	__u32 flags;
	__u32 sequence;
};

/**
 * enum iommu_veventq_type - kinds of events
 * @IOMMU_VEVENTQ_TYPE_DEFAULT: not used
 * @IOMMU_VEVENTQ_TYPE_ARM_SMMUV3: &struct iommu_vevent_arm_smmuv3
 * @IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV: &struct iommu_vevent_tegra241_cmdqv
 */
enum iommu_veventq_type {
	IOMMU_VEVENTQ_TYPE_DEFAULT		= 0,
	IOMMU_VEVENTQ_TYPE_ARM_SMMUV3		= 1,
	IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV	= 2,
};

/**
 * struct iommu_vevent_arm_smmuv3 - an event of an ARM SMMUv3
 * @evt: a record for the guest's event queue, 256 bits, little endian (SMMUv3
 *       specification, 7.3). Its StreamID is the virt_id of the vDEVICE
 *
 * Type IOMMU_VEVENTQ_TYPE_ARM_SMMUV3. Reported are C_BAD_STE (0x04),
 * F_STREAM_DISABLED (0x06), C_BAD_SUBSTREAMID (0x08), C_BAD_CD (0x0a),
 * F_TRANSLATION (0x10), F_ADDR_SIZE (0x11), F_ACCESS (0x12) and F_PERMISSION
 * (0x13), for devices that have a vDEVICE.
 */
struct iommu_vevent_arm_smmuv3 {
	__aligned_le64 evt[4];
};

/**
 * struct iommu_vevent_tegra241_cmdqv - an interrupt of a Tegra241 CMDQV
 * @lvcmdq_err_map: the LVCMDQ_ERR_MAP registers of the VINTF, 128 bits, little
 *                  endian: one bit per logical VCMDQ that has an error
 *
 * Type IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV. The VINTF is the guest's own: the bits
 * can be handed to it as they are.
 */
struct iommu_vevent_tegra241_cmdqv {
	__aligned_le64 lvcmdq_err_map[2];
};

/**
 * struct iommu_veventq_alloc - ioctl(IOMMU_VEVENTQ_ALLOC)
 * @size: sizeof(struct iommu_veventq_alloc)
 * @flags: no flags are defined: 0
 * @viommu_id: the vIOMMU whose events are wanted
 * @type: see &enum iommu_veventq_type; one queue of each type (EEXIST)
 * @veventq_depth: events that the queue holds before it loses some, 1 to 2^19
 * @out_veventq_id: ID of the new queue
 * @out_veventq_fd: a file to read the events from
 * @__reserved: 0
 *
 * Creates a queue for what the IOMMU has to tell the guest. poll() says POLLIN
 * when there is something to read.
 *
 * A read returns as many whole events as fit, and 0 when there are none. An
 * event is a &struct iommufd_vevent_header, and the struct of the queue's type
 * unless the header says LOST_EVENTS. EINVAL when not even the next one fits.
 */
struct iommu_veventq_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 veventq_depth;
	__u32 out_veventq_id;
	__u32 out_veventq_fd;
	__u32 __reserved;
};

#define IOMMU_VEVENTQ_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_VEVENTQ_ALLOC)

/**
 * enum iommu_hw_queue_type - kinds of hardware queues
 * @IOMMU_HW_QUEUE_TYPE_DEFAULT: not used
 * @IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV: a virtual command queue (VCMDQ) of an
 *                                      NVIDIA Tegra241 CMDQV
 *
 * The rules for a VCMDQ:
 *
 * - indices are allocated from 0 upwards and destroyed from the highest
 *   downwards, without gaps;
 * - the length is a power of two, from 32 bytes to 16 bytes times 2 to the power
 *   of CMDQS, a field of idr[1] of &struct iommu_hw_info_arm_smmuv3;
 * - the address is a multiple of the length;
 * - the memory behind it is contiguous. A huge page is; a VMM whose emulated
 *   IDR1.CMDQS admits no queue larger than its huge pages is on the safe side.
 */
enum iommu_hw_queue_type {
	IOMMU_HW_QUEUE_TYPE_DEFAULT		= 0,
	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV	= 1,
};

/**
 * struct iommu_hw_queue_alloc - ioctl(IOMMU_HW_QUEUE_ALLOC)
 * @size: sizeof(struct iommu_hw_queue_alloc)
 * @flags: no flags are defined: 0
 * @viommu_id: the vIOMMU that the queue belongs to
 * @type: see &enum iommu_hw_queue_type
 * @index: which of the vIOMMU's queues of this type
 * @out_hw_queue_id: ID of the new queue
 * @nesting_parent_iova: address of the queue's memory in the nesting parent, the
 *                       guest's physical address
 * @length: bytes of the queue's memory
 *
 * Lets the hardware work on a queue in guest memory by itself. The memory has to
 * be mapped READABLE (ENOENT, EPERM) and contiguous (EFAULT), and cannot be
 * unmapped (EBUSY) until the queue is destroyed.
 */
struct iommu_hw_queue_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 index;
	__u32 out_hw_queue_id;
	__aligned_u64 nesting_parent_iova;
	__aligned_u64 length;
};

#define IOMMU_HW_QUEUE_ALLOC _IO(IOMMUFD_TYPE, IOMMUFD_CMD_HW_QUEUE_ALLOC)

#endif
