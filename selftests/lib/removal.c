// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "removal.h"

#define PCI		"/sys/bus/pci"
#define A_WHILE		300	/* ms */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		rc = -errno;
	close(fd);
	return rc;
}

static int write_device_file(const struct pci_address *pci, const char *file,
			     const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), PCI "/devices/%s/%s", pci->name, file);
	return write_file(path, text);
}

static void *remove_it(void *arg)
{
	struct removal *removal = arg;
	const struct pci_address *pci = &removal->pci;

	removal->rc = removal->unplug ?
			      write_device_file(pci, "remove", "1") :
			      write_device_file(pci, "driver/unbind", pci->name);
	removal->done = true;
	return NULL;
}

void removal_begin(struct removal *removal, const struct pci_address *pci,
		   bool unplug)
{
	*removal = (struct removal){ .pci = *pci, .unplug = unplug };
	must(-pthread_create(&removal->thread, NULL, remove_it, removal));
}

bool removal_waits(struct removal *removal)
{
	clock_sleep_ms(A_WHILE);
	return !removal->done;
}

int removal_end(struct removal *removal)
{
	must(-pthread_join(removal->thread, NULL));
	return removal->rc;
}

int removal_undo(const struct removal *removal)
{
	int rc = 0;

	if (removal->unplug)
		rc = write_file(PCI "/rescan", "1");
	if (!rc)
		rc = write_device_file(&removal->pci, "driver_override",
				       "vfio-pci");
	return rc ? rc : write_file(PCI "/drivers_probe", removal->pci.name);
}
