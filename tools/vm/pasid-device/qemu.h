/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the device needs of QEMU 11: declared here, as distributions do not package
 * QEMU's headers. Objects of QEMU are void pointers. All functions are among the
 * symbols that the emulator exports to its modules.
 */
#ifndef PASID_DEV_QEMU_H
#define PASID_DEV_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Modules: run a function when the types of this module are wanted. */
#define MODULE_INIT_QOM 3

void register_dso_module_init(void (*init)(void), int kind);

/* Object model */
struct interface_info {
	const char *type;
};

struct type_info {
	const char *name;
	const char *parent;
	size_t instance_size;
	size_t instance_align;
	void (*instance_init)(void *object);
	void (*instance_post_init)(void *object);
	void (*instance_finalize)(void *object);
	bool abstract;
	size_t class_size;
	void (*class_init)(void *class, const void *data);
	void (*class_base_init)(void *class, const void *data);
	const void *class_data;
	const struct interface_info *interfaces;
};

void *type_register_static(const struct type_info *info);
void *object_class_by_name(const char *type);
void *object_new(const char *type);
void device_class_set_legacy_reset(void *class, void (*reset)(void *device));
void *qdev_get_parent_bus(void *device);
void error_setg_internal(void **error, const char *file, int line,
			 const char *function, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#define error_set(error, ...) \
	error_setg_internal(error, __FILE__, __LINE__, __func__, __VA_ARGS__)

/* Memory */
#define DEVICE_LITTLE_ENDIAN 2

struct memory_region_ops {
	uint64_t (*read)(void *opaque, uint64_t at, unsigned int size);
	void (*write)(void *opaque, uint64_t at, uint64_t value,
		      unsigned int size);
	void *read_with_attrs;
	void *write_with_attrs;
	int endianness;
	struct {
		unsigned int min, max;
		bool unaligned;
		void *accepts;
	} valid;
	struct {
		unsigned int min, max;
		bool unaligned;
	} impl;
};

void memory_region_init_io(void *region, void *owner,
			   const struct memory_region_ops *ops, void *opaque,
			   const char *name, uint64_t size);
/* @attributes is a struct of 8 bytes; all zero says nothing special. */
uint32_t address_space_rw(void *space, uint64_t at, uint64_t attributes,
			  void *buffer, uint64_t length, bool is_write);

/*
 * PCI. The fields that follow those of its parent in the class of a PCI device;
 * where they start is found at run time.
 */
struct pci_class {
	void (*realize)(void *device, void **error);
	void (*exit)(void *device);
	uint32_t (*config_read)(void *device, uint32_t at, int length);
	void (*config_write)(void *device, uint32_t at, uint32_t value,
			     int length);
	uint16_t vendor_id;
	uint16_t device_id;
	uint8_t revision;
	uint16_t class_id;
};

uint32_t pci_default_read_config(void *device, uint32_t at, int length);
void pci_default_write_config(void *device, uint32_t at, uint32_t value,
			      int length);
void pci_register_bar(void *device, int bar, uint8_t type, void *region);
int pcie_endpoint_cap_init(void *device, uint8_t at);
void pcie_cap_flr_init(void *device);
void pcie_cap_flr_write_config(void *device, uint32_t at, uint32_t value,
			       int length);
void pcie_add_capability(void *device, uint16_t id, uint8_t version,
			 uint16_t at, uint16_t size);
void pcie_ats_init(void *device, uint16_t at, bool aligned);
void pcie_pasid_init(void *device, uint16_t at, uint8_t bits, bool execute,
		     bool privileged);
void pcie_pri_init(void *device, uint16_t at, uint32_t outstanding,
		   bool with_pasid);
bool pcie_pasid_enabled(const void *device);
bool pcie_ats_enabled(const void *device);
bool pcie_pri_enabled(const void *device);

/* ATS: what the IOMMU makes of an address */
struct translation {
	void *space;		/* where the DMA goes */
	uint64_t iova;
	uint64_t address;	/* in @space */
	uint64_t mask;		/* bits of @address that are those of the IOVA */
	uint32_t access;	/* that is allowed */
	uint32_t pasid;
};

#define MAY_READ	1
#define MAY_WRITE	2

/* Returns how many of @found are filled, or a negative errno. */
ssize_t pci_ats_request_translation(void *device, uint32_t pasid,
				    bool privileged, bool execute,
				    uint64_t iova, size_t length, bool no_write,
				    struct translation *found, size_t room,
				    uint32_t *errors);

/* PRI: an IOMMU is asked for pages, and answers later. */
struct page_answer {
	uint32_t code;		/* PAGE_GRANTED or another */
	uint16_t group;
};

#define PAGE_GRANTED	0

struct page_listener {
	void (*answered)(struct page_listener *listener,
			 struct page_answer *answer);
};

int pci_pri_register_notifier(void *device, uint32_t pasid,
			      struct page_listener *listener);
void pci_pri_unregister_notifier(void *device, uint32_t pasid);
int pci_pri_request_page(void *device, uint32_t pasid, bool privileged,
			 bool execute, uint64_t iova, bool last, uint16_t group,
			 bool read, bool write);

/* The address space of DMA without PASID */
void *pci_device_iommu_address_space(void *device);
uint16_t pci_requester_id(void *device);

/* VT-d: the address space of DMA of a function with a PASID */
struct vtd_address_space {
	void *bus;
	uint8_t devfn;
	uint32_t pasid;
	uint64_t space[];	/* more follows */
};

void *x86_iommu_get_default(void);
struct vtd_address_space *vtd_find_add_as(void *vtd, void *bus, int devfn,
					  unsigned int pasid);

#define VTD_ENTRY_NOT_PRESENT	-0x59	/* a fault reason of VT-d */

/* Reads the entry of the PASID table; returns 0 or a negative fault reason. */
int vtd_dev_get_pe_from_pasid(void *vtd, void *bus, uint8_t devfn,
			      uint32_t pasid, uint64_t *entry);

#endif
