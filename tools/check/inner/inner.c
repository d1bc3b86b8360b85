// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest without an operating system, which QEMU starts in no time even where it is
 * emulated twice. It reads commands from its serial port, a character each:
 *
 *   d  every edu device copies pages of our memory
 *   v  the same behind a VT-d, while pages are mapped and unmapped, and once more without
 *   e  the slots whose devices are to be unplugged let go of them
 */

#include "inner.h"

#define MULTIBOOT 0x1badb002
#define POOL 0x1000000U
#define PAGES 1024U
#define ROUNDS 4
#define CHURN 128

#define EDU 0x11e81234
#define EDU_BUFFER 0x40000
#define TO_DEVICE 1
#define FROM_DEVICE 3
#define NEW_BARS 0xe0000000U	/* for devices that the firmware has not seen */

#define SERIAL 0x3f8
#define CONFIG 0xcf8
#define SLOTS_DOWN 0xae04
#define EJECT 0xae08

__attribute__((section(".multiboot"), used))
static const uint32_t header[] = { MULTIBOOT, 0, -MULTIBOOT };

uint8_t stack[16384] __attribute__((aligned(16)));

/* SSE on, a stack: enough for C */
__asm__(".globl start\n"
	"start:\n"
	"	mov $stack + 16384, %esp\n"
	"	mov %cr0, %eax\n"
	"	and $~4, %eax\n"
	"	or $2, %eax\n"
	"	mov %eax, %cr0\n"
	"	mov %cr4, %eax\n"
	"	or $0x600, %eax\n"
	"	mov %eax, %cr4\n"
	"	call guest\n");

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void say(const char *s)
{
	for (; *s; s++) {
		while (!(inb(SERIAL + 5) & 0x20))
			;
		outb(SERIAL, *s);
	}
}

static char listen(void)
{
	while (!(inb(SERIAL + 5) & 1))
		;
	return inb(SERIAL);
}

static void number(const char *before, uint32_t n)
{
	char digits[] = "0x00000000";
	int i;

	for (i = 9; i > 1; i--, n >>= 4)
		digits[i] = "0123456789abcdef"[n & 15];
	say(before);
	say(digits);
}

static uint32_t random(void)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static uint32_t config(uint32_t device, uint32_t reg)
{
	outl(CONFIG, 0x80000000 | device << 11 | reg);
	return inl(CONFIG + 4);
}

static void set_config(uint32_t device, uint32_t reg, uint32_t value)
{
	outl(CONFIG, 0x80000000 | device << 11 | reg);
	outl(CONFIG + 4, value);
}

static void dma(uint32_t bar, uint64_t from, uint64_t to, int how)
{
	write64(bar + 0x80, from);
	write64(bar + 0x88, to);
	write64(bar + 0x90, PAGE);
	write64(bar + 0x98, how);
	while (read32(bar + 0x98) & 1)
		;
}

static uint64_t as_it_is(uintptr_t page)
{
	return page;
}

/* Return how many of some copies went wrong. */
static uint32_t copies(uint32_t bar, uint64_t (*map)(uintptr_t page))
{
	uint32_t i, k, wrong = 0;

	for (i = 0; i < ROUNDS; i++) {
		uint32_t a = random() % PAGES, b = (a + 1 + random() % (PAGES - 1)) % PAGES;
		uint8_t *from = (uint8_t *)(POOL + a * PAGE), *to = (uint8_t *)(POOL + b * PAGE);
		uint32_t same = 0;

		for (k = 0; k < PAGE; k++) {
			from[k] = random();
			to[k] = ~from[k];
		}
		dma(bar, map((uintptr_t)from), EDU_BUFFER, TO_DEVICE);
		dma(bar, EDU_BUFFER, map((uintptr_t)to), FROM_DEVICE);
		for (k = 0; k < PAGE; k++)
			same += from[k] == to[k];
		wrong += same != PAGE;
	}
	return wrong;
}

static uint32_t behind_vtd(uint32_t bar)
{
	uint32_t i, wrong;

	vtd_on();
	wrong = copies(bar, vtd_map);
	for (i = 0; i < CHURN; i++)
		vtd_map(POOL + random() % PAGES * PAGE);
	wrong += copies(bar, vtd_map);
	vtd_unmap_all();
	wrong += copies(bar, vtd_map);
	vtd_unmap_all();
	vtd_off();
	return wrong + copies(bar, as_it_is);
}

static uint32_t try_device(uint32_t device, char command)
{
	uint32_t bar = config(device, 0x10) & ~15U;

	if (!bar)
		set_config(device, 0x10, bar = NEW_BARS + (device << 20));
	set_config(device, 4, 6);	/* memory, bus master */
	return command == 'v' ? behind_vtd(bar) : copies(bar, as_it_is);
}

static void try_all(char command)
{
	uint32_t device, found = 0, wrong = 0;

	for (device = 0; device < 32; device++) {
		if (config(device, 0) != EDU)
			continue;
		found++;
		wrong += try_device(device, command);
	}
	number("devices: ", found);
	number(", wrong copies: ", wrong);
	say(".\n");
}

static void eject(void)
{
	uint32_t down = inl(SLOTS_DOWN);

	if (down)
		outl(EJECT, down);
	number("ejected: ", down);
	say(".\n");
}

void guest(void);
void guest(void)
{
	say("ready.\n");
	for (;;) {
		char command = listen();

		if (command == 'e')
			eject();
		else if (command == 'd' || command == 'v')
			try_all(command);
	}
}
