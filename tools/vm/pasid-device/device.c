// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device for QEMU that does DMA with a PASID, which no device of QEMU's own can.
 * What it looks like to software is in regs.h.
 *
 * This is a module for a QEMU 11 of a distribution, as it is installed. QEMU loads
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
#define PASID_AT		0x110
#define  PASID_CONTROL		(PASID_AT + 6)
#define PRI_AT			0x120
#define  PRI_CONTROL		(PRI_AT + 4)
#define ACS_AT			0x130
#define  ACS_CAPABILITIES	(ACS_AT + 4)
#define  ACS_COMPLETIONS	0x8

#define CAPABILITY_ACS		0x0d

#define PAGE		0x1000
#define MAX_PAGES	2	/* that a transfer can touch */
#define PRI_GROUPS	512	/* numbers of groups of page requests */
#define RID_PASID	0	/* the entry for DMA without a PASID, with Linux */

/* One transfer at a time */
struct channel {
	uint32_t reg[PASID_DEV_TRANSFERS / 4 + 1];
	uint32_t command;	/* the last one */
	uint16_t group;		/* of its page requests, if it is asking */
	bool answered;
	uint32_t answer;
};

struct device {
	struct page_listener listener;	/* first: see answered() */
	void *pci;
	struct device *next;
	uint16_t next_group;
	struct channel channel[PASID_DEV_CHANNELS];
	uint8_t buffer[PASID_DEV_BUFFER_SIZE];
};

/* All there are. QEMU has one thread at a time in here. */
static struct device *devices;

static uint32_t *reg(struct channel *c, uint32_t at)
{
	return &c->reg[at / 4];
}

static uint32_t enabled(struct device *d)
{
	uint32_t on = 0;

	if (pcie_pasid_enabled(d->pci))
		on |= PASID_DEV_HAS_PASID;
	if (pcie_ats_enabled(d->pci))
		on |= PASID_DEV_HAS_ATS;
	if (pcie_pri_enabled(d->pci))
		on |= PASID_DEV_HAS_PRI;
	if (pci_default_read_config(d->pci, COMMAND, 2) & COMMAND_MASTER)
		on |= PASID_DEV_HAS_MASTER;
	return on;
}

/* What a device does not even send to the IOMMU */
static bool refused(struct device *d, struct channel *c)
{
	uint32_t needed = PASID_DEV_HAS_MASTER;
	uint32_t pasid = *reg(c, PASID_DEV_PASID);
	uint32_t offset = *reg(c, PASID_DEV_OFFSET);
	uint32_t length = *reg(c, PASID_DEV_LENGTH);
	uint32_t direction = c->command & ~PASID_DEV_ASK;

	if (direction != PASID_DEV_LOAD && direction != PASID_DEV_STORE)
		return true;
	if (!length || offset >= sizeof(d->buffer) ||
	    length > sizeof(d->buffer) - offset)
		return true;
	if (pasid != PASID_DEV_NO_PASID && pasid >> PASID_DEV_PASID_BITS)
		return true;
	if (pasid != PASID_DEV_NO_PASID)
		needed |= PASID_DEV_HAS_PASID;
	if (c->command & PASID_DEV_ASK)
		needed |= PASID_DEV_HAS_ATS | PASID_DEV_HAS_PRI;
	return needed & ~enabled(d);
}

static bool is_store(struct channel *c)
{
	return c->command & PASID_DEV_STORE;
}

static uint64_t iova_of(struct channel *c)
{
	return (uint64_t)*reg(c, PASID_DEV_IOVA_HIGH) << 32 |
	       *reg(c, PASID_DEV_IOVA_LOW);
}

/* A part of a transfer */
struct piece {
	void *space;
	uint64_t address;
	uint32_t length;
};

static uint32_t move(struct device *d, struct channel *c,
		     const struct piece *pieces, int n)
{
	uint8_t *at = d->buffer + *reg(c, PASID_DEV_OFFSET);
	uint8_t bytes[PASID_DEV_BUFFER_SIZE];
	uint32_t done = 0;
	int i;

	memcpy(bytes, at, *reg(c, PASID_DEV_LENGTH));
	for (i = 0; i < n; i++) {
		if (address_space_rw(pieces[i].space, pieces[i].address, 0,
				     bytes + done, pieces[i].length,
				     is_store(c)))
			return PASID_DEV_BLOCKED;
		done += pieces[i].length;
	}
	if (!is_store(c))
		memcpy(at, bytes, done);
	++*reg(c, PASID_DEV_TRANSFERS);
	return PASID_DEV_DONE;
}

/*
 * Is the entry of the PASID table one that is about to go? Linux makes it not present,
 * invalidates what is cached of it, and clears the rest of it only then. QEMU 11 does
 * not look whether it is present: with the rest it still translates, and caches that
 * after the invalidation. If the entry is cleared meanwhile, it is even cached for
 * domain 0, which nobody invalidates. A device of VT-d is blocked by such an entry.
 *
 * An entry that is present stays as it is until the DMA has been done, other than that
 * it may be made not present: to invalidate takes the lock that is held here.
 */
static bool is_going(struct device *d, uint32_t pasid)
{
	uint64_t entry[8] = {};

	if (pasid == PASID_DEV_NO_PASID)
		pasid = RID_PASID;
	return vtd_dev_get_pe_from_pasid(x86_iommu_get_default(),
					 qdev_get_parent_bus(d->pci),
					 pci_requester_id(d->pci) & 0xff, pasid,
					 entry) == VTD_ENTRY_NOT_PRESENT;
}

/* Where untranslated DMA goes; NULL if this QEMU is not as we think it is. */
static void *address_space(struct device *d, uint32_t pasid)
{
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

static uint32_t move_untranslated(struct device *d, struct channel *c)
{
	const struct piece all = {
		.space = address_space(d, *reg(c, PASID_DEV_PASID)),
		.address = iova_of(c),
		.length = *reg(c, PASID_DEV_LENGTH),
	};

	if (!all.space)
		return PASID_DEV_REFUSED;
	if (is_going(d, *reg(c, PASID_DEV_PASID)))
		return PASID_DEV_BLOCKED;
	return move(d, c, &all, 1);
}

/* A page of a transfer, and the part of the transfer that is in it */
struct page {
	uint64_t iova;
	bool missing;
	struct piece piece;
};

static void translate(struct device *d, struct channel *c, struct page *page)
{
	uint32_t access = is_store(c) ? MAY_WRITE : MAY_READ, errors = 0;
	struct translation t = {};

	page->missing = is_going(d, *reg(c, PASID_DEV_PASID)) ||
		pci_ats_request_translation(d->pci, *reg(c, PASID_DEV_PASID),
					    false, false, page->iova, PAGE,
					    !is_store(c), &t, 1, &errors) != 1 ||
		errors || !(t.access & access);
	page->piece.space = t.space;
	page->piece.address = (t.address & ~t.mask) |
			      (page->piece.address & t.mask);
}

/* Returns how many there are. */
static int translate_all(struct device *d, struct channel *c,
			 struct page *pages)
{
	uint64_t iova = iova_of(c), end = iova + *reg(c, PASID_DEV_LENGTH);
	uint64_t next;
	int n;

	for (n = 0; iova < end && n < MAX_PAGES; n++, iova = next) {
		next = (iova & -(uint64_t)PAGE) + PAGE;
		if (next > end)
			next = end;
		pages[n] = (struct page){
			.iova = iova & -(uint64_t)PAGE,
			.piece = { .address = iova, .length = next - iova },
		};
		translate(d, c, &pages[n]);
	}
	return n;
}

static uint32_t move_translated(struct device *d, struct channel *c,
				const struct page *pages, int n)
{
	struct piece pieces[MAX_PAGES];
	int i;

	for (i = 0; i < n; i++) {
		if (pages[i].missing)
			return PASID_DEV_BLOCKED;
		pieces[i] = pages[i].piece;
	}
	return move(d, c, pieces, n);
}

/* One group; its last request says so. */
static uint32_t request(struct device *d, struct channel *c,
			const struct page *pages, int n)
{
	uint32_t pasid = *reg(c, PASID_DEV_PASID);
	int i;

	c->answered = false;
	c->group = d->next_group++ % PRI_GROUPS;
	*reg(c, PASID_DEV_STATUS) = PASID_DEV_ASKING;
	if (pci_pri_register_notifier(d->pci, pasid, &d->listener))
		return PASID_DEV_REFUSED;
	while (!pages[n - 1].missing)
		n--;
	for (i = 0; i < n; i++)
		if (pages[i].missing &&
		    pci_pri_request_page(d->pci, pasid, false, false,
					 pages[i].iova, i == n - 1, c->group,
					 !is_store(c), is_store(c)))
			return PASID_DEV_REFUSED;
	return PASID_DEV_ASKING;
}

static uint32_t ask(struct device *d, struct channel *c)
{
	struct page pages[MAX_PAGES];
	int n = translate_all(d, c, pages);
	uint32_t status = move_translated(d, c, pages, n);

	return status == PASID_DEV_BLOCKED ? request(d, c, pages, n) : status;
}

/* In the thread in which the IOMMU's driver has the answer sent */
static void answered(struct page_listener *listener, struct page_answer *answer)
{
	struct device *d = (struct device *)listener;
	struct channel *c;

	for (c = d->channel; c < d->channel + PASID_DEV_CHANNELS; c++) {
		if (*reg(c, PASID_DEV_STATUS) != PASID_DEV_ASKING ||
		    c->group != answer->group)
			continue;
		c->answered = true;
		c->answer = answer->code;
	}
}

static uint32_t go_on(struct device *d, struct channel *c)
{
	struct page pages[MAX_PAGES];

	if (!c->answered)
		return PASID_DEV_ASKING;
	if (c->answer != PAGE_GRANTED)
		return PASID_DEV_DENIED;
	if (refused(d, c))
		return PASID_DEV_REFUSED;
	return move_translated(d, c, pages, translate_all(d, c, pages));
}

static uint32_t start(struct device *d, struct channel *c, uint32_t command)
{
	c->command = command;
	if (refused(d, c))
		return PASID_DEV_REFUSED;
	return command & PASID_DEV_ASK ? ask(d, c) : move_untranslated(d, c);
}

/* Its registers; @at is then the place among them. */
static struct channel *channel_at(struct device *d, uint64_t *at)
{
	uint64_t number = *at / PASID_DEV_CHANNEL;

	*at %= PASID_DEV_CHANNEL;
	return number < PASID_DEV_CHANNELS ? &d->channel[number] : NULL;
}

static uint64_t bar_read(void *opaque, uint64_t at, unsigned int size)
{
	struct device *d = opaque;
	struct channel *c;
	uint64_t value = 0;

	if (at >= PASID_DEV_BUFFER) {
		memcpy(&value, d->buffer + at - PASID_DEV_BUFFER, size);
		return value;
	}
	c = channel_at(d, &at);
	if (!c || at >= sizeof(c->reg))
		return 0;
	if (at == PASID_DEV_ENABLED)
		return enabled(d);
	if (at == PASID_DEV_STATUS && *reg(c, at) == PASID_DEV_ASKING)
		*reg(c, at) = go_on(d, c);
	return *reg(c, at);
}

static void bar_write(void *opaque, uint64_t at, uint64_t value,
		      unsigned int size)
{
	struct device *d = opaque;
	struct channel *c;

	if (at >= PASID_DEV_BUFFER) {
		memcpy(d->buffer + at - PASID_DEV_BUFFER, &value, size);
		return;
	}
	c = channel_at(d, &at);
	if (c && at == PASID_DEV_COMMAND)
		*reg(c, PASID_DEV_STATUS) = start(d, c, value);
	else if (c && at < PASID_DEV_COMMAND)
		*reg(c, at) = value;
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

/* Of the machine, or of the function (FLR). Transfers end, requests are forgotten. */
static void reset(void *pci)
{
	struct device *d = device_of(pci);
	int i;

	memset(d->channel, 0, sizeof(d->channel));
	memset(d->buffer, 0, sizeof(d->buffer));
	for (i = 0; i < PASID_DEV_CHANNELS; i++)
		*reg(&d->channel[i], PASID_DEV_PASID) = PASID_DEV_NO_PASID;
	/* QEMU leaves these as they are. */
	pci_default_write_config(pci, PASID_CONTROL, 0, 2);
	pci_default_write_config(pci, ATS_CONTROL, 0, 2);
	pci_default_write_config(pci, PRI_CONTROL, 0, 2);
}

static void config_write(void *pci, uint32_t at, uint32_t value, int length)
{
	pci_default_write_config(pci, at, value, length);
	pcie_cap_flr_write_config(pci, at, value, length);
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
	d->listener.answered = answered;
	d->pci = pci;
	d->next = devices;
	devices = d;
	memory_region_init_io(bar, pci, &bar_ops, d, "pasid-device",
			      PASID_DEV_BAR_SIZE);
	pci_register_bar(pci, 0, 0, bar);
	pcie_cap_flr_init(pci);
	pcie_ats_init(pci, ATS_AT, true);
	pcie_pasid_init(pci, PASID_AT, PASID_DEV_PASID_BITS, true, true);
	pcie_pri_init(pci, PRI_AT, 32, true);
	add_acs(pci);
	reset(pci);
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
