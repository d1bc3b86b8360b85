/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI device is taken away from vfio-pci while it is in use: unplugged, or its
 * driver unbound. That waits until the device has been closed.
 */
#ifndef LIB_REMOVAL_H
#define LIB_REMOVAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "vfio_device.h"

struct removal {
	struct pci_address pci;
	bool unplug;		/* else vfio-pci is unbound only */
	int rc;
	atomic_bool done;
	pthread_t thread;
};

/* Begin in a thread of its own. */
void removal_begin(struct removal *removal, const struct pci_address *pci,
		   bool unplug);
/* Is it, some time later, still waiting? */
bool removal_waits(struct removal *removal);
/* Wait for its end. The result */
int removal_end(struct removal *removal);
/* Plug in what was unplugged, and give it to vfio-pci. */
int removal_undo(const struct removal *removal);

#endif
