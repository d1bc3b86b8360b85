// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "vfio_device.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define VFIO_PCI "/sys/bus/pci/drivers/vfio-pci"

/* The last part of where the symbolic link @name of a PCI device leads. */
static int link_target(const struct pci_address *pci, const char *name,
		       char *to, size_t room)
{
	char path[128], target[256];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", pci->name, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (strlen(base) >= room)
		return -ENAMETOOLONG;
	memcpy(to, base, strlen(base) + 1);
	return 0;
}

/* @name from a directory; what is too long is no address. */
static bool to_address(const char *name, struct pci_address *pci)
{
	if (strlen(name) >= sizeof(pci->name))
		return false;
	memcpy(pci->name, name, strlen(name) + 1);
	return true;
}

static int read_id(const struct pci_address *pci, const char *file)
{
	unsigned int value;
	char path[128];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", pci->name, file);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%x", &value);
	fclose(f);
	return n == 1 ? (int)value : -EINVAL;
}

int pci_find(__u16 vendor, __u16 device, struct pci_address *found, int room)
{
	struct dirent **entries;
	struct pci_address pci;
	int i, n, count = 0;

	/* The directory of a driver has a link to each of its devices. */
	n = scandir(VFIO_PCI, &entries, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		if (strchr(entries[i]->d_name, ':') &&
		    to_address(entries[i]->d_name, &pci) &&
		    read_id(&pci, "vendor") == vendor &&
		    read_id(&pci, "device") == device) {
			if (count < room)
				found[count] = pci;
			count++;
		}
		free(entries[i]);
	}
	free(entries);
	return count;
}

int pci_group(const struct pci_address *pci)
{
	char group[16];
	int rc = link_target(pci, "iommu_group", group, sizeof(group));

	return rc ? rc : atoi(group);
}

/* Drivers that leave the DMA of their device to others */
static bool is_harmless(const char *driver)
{
	return !strcmp(driver, "vfio-pci") || !strcmp(driver, "pci-stub") ||
	       !strcmp(driver, "pcieport");
}

int pci_group_in_use(const struct pci_address *pci)
{
	struct pci_address other;
	char path[128], driver[32];
	struct dirent *entry;
	int in_use = 0;
	DIR *dir;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group/devices",
		 pci->name);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (to_address(entry->d_name, &other) &&
		    !link_target(&other, "driver", driver, sizeof(driver)))
			in_use |= !is_harmless(driver);
	}
	closedir(dir);
	return in_use;
}

int vfio_open_at(const char *sysfs)
{
	struct dirent *entry;
	char path[320];
	DIR *dir;
	int fd = -ENODEV;

	/* The directory vfio-dev holds one more, named vfioN. */
	snprintf(path, sizeof(path), "%s/vfio-dev", sysfs);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		break;
	}
	closedir(dir);
	return fd;
}

int vfio_open(const struct pci_address *pci)
{
	char path[64];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s", pci->name);
	return vfio_open_at(path);
}

int vfio_bind(int device, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};

	if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		return -errno;
	return bind.out_devid;
}

static int run_attach(int device, __u32 flags, __u32 pasid, __u32 pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.flags = flags,
		.pt_id = pt_id,
		.pasid = pasid,
	};

	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -errno;
	return attach.pt_id;
}

static int run_detach(int device, __u32 flags, __u32 pasid)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
		.flags = flags,
		.pasid = pasid,
	};

	if (ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach))
		return -errno;
	return 0;
}

int vfio_attach(int device, __u32 pt_id)
{
	return run_attach(device, 0, 0, pt_id);
}

int vfio_detach(int device)
{
	return run_detach(device, 0, 0);
}

int vfio_attach_pasid(int device, __u32 pasid, __u32 pt_id)
{
	return run_attach(device, VFIO_DEVICE_ATTACH_PASID, pasid, pt_id);
}

int vfio_detach_pasid(int device, __u32 pasid)
{
	return run_detach(device, VFIO_DEVICE_DETACH_PASID, pasid);
}

static int region_info(int device, int index, struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

/* Set and clear bits of the PCI command register. */
static int change_command(int device, __u16 set, __u16 clear)
{
	struct vfio_region_info config;
	__u16 command;
	off_t at;
	int rc;

	rc = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (rc)
		return rc;
	at = config.offset + PCI_COMMAND;
	if (pread(device, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	command = (command | set) & ~clear;
	if (pwrite(device, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	return 0;
}

int vfio_bus_master(int device, bool on)
{
	return change_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
			      on ? 0 : PCI_COMMAND_MASTER);
}

int vfio_memory(int device, bool on)
{
	return change_command(device, on ? PCI_COMMAND_MEMORY : 0,
			      on ? 0 : PCI_COMMAND_MEMORY);
}

void *vfio_map_bar_at(void *va, int device, int bar, size_t size)
{
	struct vfio_region_info info;
	int rc = region_info(device, VFIO_PCI_BAR0_REGION_INDEX + bar, &info);

	if (!rc && size > info.size)
		rc = -EINVAL;
	if (rc) {
		errno = -rc;
		return MAP_FAILED;
	}
	return mmap(va, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (va ? MAP_FIXED : 0), device, info.offset);
}

void *vfio_map_bar(int device, int bar, size_t size)
{
	return vfio_map_bar_at(NULL, device, bar, size);
}

int vfio_start(int device, int iommufd, size_t size, char **regs)
{
	int id = vfio_bind(device, iommufd);
	int rc = id < 0 ? id : vfio_bus_master(device, true);
	char *bar;

	if (rc)
		return rc;
	bar = vfio_map_bar(device, 0, size);
	if (bar == MAP_FAILED)
		return -errno;
	*regs = bar;
	return id;
}

int vfio_msi(int device, int event)
{
	struct {
		struct vfio_irq_set set;
		__s32 event;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
				 (event < 0 ? VFIO_IRQ_SET_DATA_NONE :
					      VFIO_IRQ_SET_DATA_EVENTFD),
			.index = VFIO_PCI_MSI_IRQ_INDEX,
			.count = event >= 0,
		},
		.event = event,
	};

	return ioctl(device, VFIO_DEVICE_SET_IRQS, &irq) ? -errno : 0;
}

int vfio_reset(int device)
{
	return ioctl(device, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vfio_dmabuf(int device, int bar, const struct vfio_region_dma_range *ranges,
		int n)
{
	struct vfio_device_feature_dma_buf *dmabuf;
	struct vfio_device_feature *feature;
	size_t size = sizeof(*feature) + sizeof(*dmabuf) + n * sizeof(*ranges);
	int fd;

	feature = calloc(1, size);
	if (!feature)
		return -ENOMEM;
	feature->argsz = size;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	dmabuf = (void *)feature->data;
	dmabuf->region_index = VFIO_PCI_BAR0_REGION_INDEX + bar;
	dmabuf->open_flags = O_RDWR | O_CLOEXEC;
	dmabuf->nr_ranges = n;
	memcpy(dmabuf->dma_ranges, ranges, n * sizeof(*ranges));
	fd = ioctl(device, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;
	free(feature);
	return fd;
}
