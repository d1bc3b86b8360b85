// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device for QEMU that does DMA with a PASID, which no device of QEMU's own can.
 * What it looks like to software is in regs.h.
 *
 * This is a module for a QEMU of a distribution, as it is installed. QEMU loads
 * modules from a list that was made when it was built, so this one goes by the name
 * of another, hw-usb-smartcard.so, and has its type:
 *
 *   QEMU_MODULE_DIR=directory qemu-system-x86_64 ... -device ccid-card-passthru
 *
 * It takes modules of its own build only. They show this by a symbol; which one is
 * passed as STAMP (see ../pasid_device.py).
 */
#include <stdlib.h>
#include <string.h>

#include "qemu.h"
#include "regs.h"

#define TYPE "ccid-card-passthru"

/* PCI configuration space */
#define COMMAND			0x04
#define  COMMAND_MASTER		0x4
#define EXPRESS_AT		0x80
#define ATS_AT			0x100
#define  ATS_CONTROL		(ATS_AT + 6)
#define  ATS_ENABLE		0x8000
#define PASID_AT		0x110
#define PASID_REGS		(PASID_AT + 4)	/* capabilities and control */
#define  PASID_CAPABILITIES	(PASID_DEV_PASID_BITS << 8 | 0x6 /* exec, priv */)
#define  PASID_ENABLE		0x10000
#define PRI_AT			0x120
#define  PRI_CONTROL		(PRI_AT + 4)
#define  PRI_ENABLE		0x1
#define ACS_AT			0x130
#define  ACS_CAPABILITIES	(ACS_AT + 4)
#define  ACS_COMPLETIONS	0x8

#define CAPABILITY_ACS		0x0d
#define CAPABILITY_PASID	0x1b

struct device {
	void *pci;
	struct device *next;
	uint32_t pasid_regs;
	uint32_t reg[PASID_DEV_TRANSFERS / 4 + 1];
	uint8_t buffer[PASID_DEV_BUFFER_SIZE];
};

/* All there are. QEMU has one thread at a time in here. */
static struct device *devices;

static uint32_t *reg(struct device *d, uint32_t at)
{
	return &d->reg[at / 4];
}

static bool is_set(struct device *d, uint32_t at, uint32_t bit)
{
	return pci_default_read_config(d->pci, at, 2) & bit;
}

static uint32_t enabled(struct device *d)
{
	uint32_t on = 0;

	if (d->pasid_regs & PASID_ENABLE)
		on |= PASID_DEV_HAS_PASID;
	if (is_set(d, ATS_CONTROL, ATS_ENABLE))
		on |= PASID_DEV_HAS_ATS;
	if (pcie_pri_init && is_set(d, PRI_CONTROL, PRI_ENABLE))
		on |= PASID_DEV_HAS_PRI;
	if (is_set(d, COMMAND, COMMAND_MASTER))
		on |= PASID_DEV_HAS_MASTER;
	return on;
}

/* What a device does not even send to the IOMMU */
static bool refused(struct device *d, uint32_t command)
{
	uint32_t pasid = *reg(d, PASID_DEV_PASID);
	uint32_t offset = *reg(d, PASID_DEV_OFFSET);
	uint32_t length = *reg(d, PASID_DEV_LENGTH);

	if (command != PASID_DEV_LOAD && command != PASID_DEV_STORE)
		return true;
	if (!length || offset >= sizeof(d->buffer) ||
	    length > sizeof(d->buffer) - offset)
		return true;
	if (!(enabled(d) & PASID_DEV_HAS_MASTER))
		return true;
	if (pasid == PASID_DEV_NO_PASID)
		return false;
	return !(enabled(d) & PASID_DEV_HAS_PASID) ||
	       pasid >> PASID_DEV_PASID_BITS;
}

/* Where the DMA goes; NULL if this QEMU is not as we think it is. */
static void *address_space(struct device *d)
{
	uint32_t pasid = *reg(d, PASID_DEV_PASID);
	int devfn = pci_requester_id(d->pci) & 0xff;
	void *bus = qdev_get_parent_bus(d->pci);
	struct vtd_address_space *found;

	if (pasid == PASID_DEV_NO_PASID)
		return pci_device_iommu_address_space(d->pci);
	found = vtd_find_add_as(x86_iommu_get_default(), bus, devfn, pasid);
	if (found->bus != bus || found->devfn != devfn || found->pasid != pasid)
		return NULL;
	return found->space;
}

static uint32_t transfer(struct device *d, uint32_t command)
{
	uint64_t iova = (uint64_t)*reg(d, PASID_DEV_IOVA_HIGH) << 32 |
			*reg(d, PASID_DEV_IOVA_LOW);
	uint8_t *at = d->buffer + *reg(d, PASID_DEV_OFFSET);
	uint32_t length = *reg(d, PASID_DEV_LENGTH);
	uint8_t bytes[PASID_DEV_BUFFER_SIZE];
	void *space;

	if (refused(d, command))
		return PASID_DEV_REFUSED;
	space = address_space(d);
	if (!space)
		return PASID_DEV_REFUSED;
	memcpy(bytes, at, length);
	if (address_space_rw(space, iova, 0, bytes, length,
			     command == PASID_DEV_STORE))
		return PASID_DEV_BLOCKED;
	if (command == PASID_DEV_LOAD)
		memcpy(at, bytes, length);
	++*reg(d, PASID_DEV_TRANSFERS);
	return PASID_DEV_DONE;
}

static uint64_t bar_read(void *opaque, uint64_t at, unsigned int size)
{
	struct device *d = opaque;
	uint64_t value = 0;

	if (at >= PASID_DEV_BUFFER)
		memcpy(&value, d->buffer + at - PASID_DEV_BUFFER, size);
	else if (at == PASID_DEV_ENABLED)
		value = enabled(d);
	else if (at < sizeof(d->reg))
		value = *reg(d, at);
	return value;
}

static void bar_write(void *opaque, uint64_t at, uint64_t value,
		      unsigned int size)
{
	struct device *d = opaque;

	if (at >= PASID_DEV_BUFFER)
		memcpy(d->buffer + at - PASID_DEV_BUFFER, &value, size);
	else if (at == PASID_DEV_COMMAND)
		*reg(d, PASID_DEV_STATUS) = transfer(d, value);
	else if (at < PASID_DEV_COMMAND)
		*reg(d, at) = value;
}

/* QEMU makes two aligned accesses of 32 bits from one of 64. */
static const struct memory_region_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min = 4, .max = 8 },
	.impl = { .min = 4, .max = 4 },
};

static struct device *device_of(void *pci)
{
	struct device *d = devices;

	while (d->pci != pci)
		d = d->next;
	return d;
}

/* Of the machine, or of the function (FLR) */
static void reset(void *pci)
{
	struct device *d = device_of(pci);

	memset(d->reg, 0, sizeof(d->reg));
	memset(d->buffer, 0, sizeof(d->buffer));
	*reg(d, PASID_DEV_PASID) = PASID_DEV_NO_PASID;
	d->pasid_regs = PASID_CAPABILITIES;
}

/*
 * Before 10.1 QEMU does not know the PASID capability, and lets nobody write to a
 * capability that it does not know. So its registers are kept here.
 */
static uint32_t config_read(void *pci, uint32_t at, int length)
{
	uint32_t value = pci_default_read_config(pci, at, length);
	uint32_t regs = device_of(pci)->pasid_regs;

	if (at >= PASID_REGS && at + length <= PASID_REGS + sizeof(regs))
		memcpy(&value, (char *)&regs + at - PASID_REGS, length);
	return value;
}

static void config_write(void *pci, uint32_t at, uint32_t value, int length)
{
	struct device *d = device_of(pci);
	uint32_t regs = d->pasid_regs;

	pci_default_write_config(pci, at, value, length);
	pcie_cap_flr_write_config(pci, at, value, length);
	if (at >= PASID_REGS && at + length <= PASID_REGS + sizeof(regs)) {
		memcpy((char *)&regs + at - PASID_REGS, &value, length);
		d->pasid_regs = PASID_CAPABILITIES | (regs & PASID_ENABLE);
	}
}

/*
 * Functions of one slot are isolated from each other if they say so by ACS. These
 * say that they could redirect completions, and cannot be told to: this makes them
 * one IOMMU group, but does not keep Linux from using their PASIDs.
 */
static void add_acs(void *pci)
{
	/* Can be written to until a capability is there. */
	pci_default_write_config(pci, ACS_CAPABILITIES, ACS_COMPLETIONS, 2);
	pcie_add_capability(pci, CAPABILITY_ACS, 1, ACS_AT, 8);
}

static void realize(void *pci, void **error)
{
	struct device *d = calloc(1, sizeof(*d));
	/* How to allocate one without knowing its size */
	void *bar = object_new("memory-region");

	if (!d || pcie_endpoint_cap_init(pci, EXPRESS_AT) < 0) {
		error_set(error, "no PCI Express capability");
		return;
	}
	d->pci = pci;
	d->next = devices;
	devices = d;
	reset(pci);
	memory_region_init_io(bar, pci, &bar_ops, d, "pasid-device",
			      PASID_DEV_BAR_SIZE);
	pci_register_bar(pci, 0, 0, bar);
	pcie_cap_flr_init(pci);
	pcie_ats_init(pci, ATS_AT, true);
	pcie_add_capability(pci, CAPABILITY_PASID, 1, PASID_AT, 8);
	if (pcie_pri_init)
		pcie_pri_init(pci, PRI_AT, 32, true);
	add_acs(pci);
}

/* The BAR may be in use for a little longer, so nothing is freed. */
static void unrealize(void *pci)
{
	struct device **link = &devices;

	while (*link && (*link)->pci != pci)
		link = &(*link)->next;
	if (*link)
		*link = (*link)->next;
}

/*
 * The size of the parent's part of the class is not known here, nor is it the same
 * in all versions. It is where the IDs of another device are found.
 */
static struct pci_class *pci_class_of(void *class)
{
	char *edu = object_class_by_name("edu");
	struct pci_class *found;
	size_t at;

	for (at = 0; edu && at < 1024; at += sizeof(void *)) {
		found = (struct pci_class *)(edu + at);
		if (found->vendor_id == 0x1234 && found->device_id == 0x11e8 &&
		    found->revision == 0x10 && found->class_id == 0xff)
			return (struct pci_class *)((char *)class + at);
	}
	return NULL;
}

static void class_init(void *class, const void *data)
{
	struct pci_class *pci = pci_class_of(class);

	(void)data;
	if (!pci)	/* ../pasid_device.py sees this before a VM is started. */
		abort();
	pci->realize = realize;
	pci->exit = unrealize;
	pci->config_read = config_read;
	pci->config_write = config_write;
	pci->vendor_id = PASID_DEV_VENDOR;
	pci->device_id = PASID_DEV_DEVICE;
	pci->class_id = 0xff;
	device_class_set_legacy_reset(class, reset);
}

static void register_types(void)
{
	static const struct interface_info express[] = {
		{ "pci-express-device" }, { NULL }
	};
	static const struct type_info type = {
		.name = TYPE,
		.parent = "pci-device",
		.class_init = class_init,
		.interfaces = express,
	};

	type_register_static(&type);
}

static __attribute__((constructor)) void on_load(void)
{
	register_dso_module_init(register_types, MODULE_INIT_QOM);
}

void STAMP(void);
void STAMP(void) { }
