/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: who maps, pins, attaches and destroys what. @rc is what the caller is
 * told; the other numbers are those of the user.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommufd

#if !defined(__IOMMUFD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define __IOMMUFD_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

TRACE_EVENT(iommufd_map,
	TP_PROTO(u32 ioas, unsigned long iova, unsigned long length, int rc),
	TP_ARGS(ioas, iova, length, rc),
	TP_STRUCT__entry(
		__field(u32, ioas)
		__field(unsigned long, iova)
		__field(unsigned long, length)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->ioas = ioas;
		__entry->iova = iova;
		__entry->length = length;
		__entry->rc = rc;
	),
	TP_printk("ioas=%u iova=%#lx length=%#lx rc=%d", __entry->ioas,
		  __entry->iova, __entry->length, __entry->rc)
);

TRACE_EVENT(iommufd_unmap,
	TP_PROTO(u32 ioas, unsigned long first, unsigned long last,
		 unsigned long unmapped, int rc),
	TP_ARGS(ioas, first, last, unmapped, rc),
	TP_STRUCT__entry(
		__field(u32, ioas)
		__field(unsigned long, first)
		__field(unsigned long, last)
		__field(unsigned long, unmapped)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->ioas = ioas;
		__entry->first = first;
		__entry->last = last;
		__entry->unmapped = unmapped;
		__entry->rc = rc;
	),
	TP_printk("ioas=%u first=%#lx last=%#lx unmapped=%#lx rc=%d",
		  __entry->ioas, __entry->first, __entry->last,
		  __entry->unmapped, __entry->rc)
);

/* @addr: in the process, or offset in the file */
TRACE_EVENT(iommufd_pin,
	TP_PROTO(unsigned long addr, unsigned long npages, int rc),
	TP_ARGS(addr, npages, rc),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(unsigned long, npages)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->npages = npages;
		__entry->rc = rc;
	),
	TP_printk("addr=%#lx npages=%lu rc=%d", __entry->addr, __entry->npages,
		  __entry->rc)
);

/* @from and @to: HWPTs; @from is 0 if there was none, or it is still there */
TRACE_EVENT(iommufd_attach,
	TP_PROTO(const struct device *dev, u32 pasid, u32 from, u32 to, int rc),
	TP_ARGS(dev, pasid, from, to, rc),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, from)
		__field(u32, to)
		__field(int, rc)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = pasid;
		__entry->from = from;
		__entry->to = to;
		__entry->rc = rc;
	),
	TP_printk("dev=%s pasid=%u from=%u to=%u rc=%d", __get_str(dev),
		  __entry->pasid, __entry->from, __entry->to, __entry->rc)
);

TRACE_EVENT(iommufd_detach,
	TP_PROTO(const struct device *dev, u32 pasid, u32 from),
	TP_ARGS(dev, pasid, from),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, from)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = pasid;
		__entry->from = from;
	),
	TP_printk("dev=%s pasid=%u from=%u", __get_str(dev), __entry->pasid,
		  __entry->from)
);

/* The last page request of a group */
TRACE_EVENT(iommufd_fault,
	TP_PROTO(const struct device *dev, u32 pasid, u32 grpid, u64 addr,
		 u32 perm),
	TP_ARGS(dev, pasid, grpid, addr, perm),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, grpid)
		__field(u64, addr)
		__field(u32, perm)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = pasid;
		__entry->grpid = grpid;
		__entry->addr = addr;
		__entry->perm = perm;
	),
	TP_printk("dev=%s pasid=%u grpid=%u addr=%#llx perm=%#x",
		  __get_str(dev), __entry->pasid, __entry->grpid,
		  __entry->addr, __entry->perm)
);

/* @code: IOMMUFD_PAGE_RESP_* */
TRACE_EVENT(iommufd_fault_answer,
	TP_PROTO(const struct device *dev, u32 pasid, u32 grpid, int code),
	TP_ARGS(dev, pasid, grpid, code),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, grpid)
		__field(int, code)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = pasid;
		__entry->grpid = grpid;
		__entry->code = code;
	),
	TP_printk("dev=%s pasid=%u grpid=%u code=%d", __get_str(dev),
		  __entry->pasid, __entry->grpid, __entry->code)
);

/* @type: enum iommufd_object_type */
TRACE_EVENT(iommufd_destroy,
	TP_PROTO(u32 id, unsigned int type),
	TP_ARGS(id, type),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(unsigned int, type)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->type = type;
	),
	TP_printk("id=%u type=%u", __entry->id, __entry->type)
);

#endif /* __IOMMUFD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../drivers/iommu/iommufd
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
