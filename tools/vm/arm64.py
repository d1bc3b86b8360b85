# SPDX-License-Identifier: GPL-2.0-only
"""The arm64 VM: QEMU's machine "virt" with an SMMUv3 that translates in two stages.

The kernel makes a vIOMMU only where no DMA bypasses the caches of the processors. In
QEMU that is so, but its firmware tables do not say it. They are read from QEMU, and
the kernel gets a corrected copy of the one that describes the IOMMU."""

import os
import struct
import subprocess

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
BUSYBOX = os.path.join(CACHE, "iommufd/arm64/busybox")
FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
KERNEL = "arch/arm64/boot/Image"
WORDS = ["console=ttyAMA0"]
CONSOLE, OUTPUT = "ttyAMA0", "ttyS0"
QEMU = ["qemu-system-aarch64", "-machine", "virt,gic-version=3,iommu=smmuv3",
        "-global", "arm-smmuv3.stage=nested", "-cpu", "neoverse-n1"]
MACHINE = QEMU + ["-bios", FIRMWARE]

# Of the machine: RAM, and the interface to the tables (docs/specs/fw_cfg.rst in QEMU)
RAM = 0x40000000
FW_CFG_DMA = 0x9020010
FW_CFG_DIRECTORY = 0x19
READ_SELECTED = 2 | 8

# IORT (Arm DEN0049)
CHECKSUM, OEM_REVISION, FIRST_NODE = 9, 24, 40
ROOT_COMPLEX = 2
MEMORY_FLAGS, CANWBS = 16 + 7, 1 << 2


def serial(out):
    """A second port for the programs: the machine has one of its own."""
    return ["-chardev", f"socket,id=out,path={out}",
            "-device", "pci-serial,chardev=out,addr=3"]


class Tester:
    """A machine whose memory is read and written, and which does not run."""

    def __init__(self):
        self.qemu = subprocess.Popen(
            QEMU + ["-accel", "tcg", "-S", "-nodefaults", "-display", "none",
                    "-qtest", "stdio", "-qtest-log", "/dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.qemu.kill()
        self.qemu.communicate()

    def command(self, *words):
        print(*words, file=self.qemu.stdin, flush=True)
        answer = self.qemu.stdout.readline().split()
        if answer[:1] != ["OK"]:
            raise RuntimeError(f"QEMU's answer to {words[0]}: {answer}")
        return answer[1:]

    def write(self, at, data):
        self.command("write", hex(at), len(data), "0x" + data.hex())

    def read(self, at, size):
        return bytes.fromhex(self.command("read", hex(at), size)[0][2:])

    def fw_cfg(self, key, size):
        to = RAM + 4096
        self.write(RAM, struct.pack(">IIQ", key << 16 | READ_SELECTED, size, to))
        self.write(FW_CFG_DMA, struct.pack(">Q", RAM))
        return self.read(to, size)

    def file(self, wanted):
        count, = struct.unpack(">I", self.fw_cfg(FW_CFG_DIRECTORY, 4))
        entries = self.fw_cfg(FW_CFG_DIRECTORY, 4 + 64 * count)[4:]
        for size, key, _, name in struct.iter_unpack(">IHH56s", entries):
            if name.rstrip(b"\0") == wanted:
                return self.fw_cfg(key, size)
        raise RuntimeError(f"QEMU has no {wanted}")


def correct(iort):
    """DMA through the root complex is coherent. A higher revision makes the kernel take
    this table instead of the other."""
    at, = struct.unpack_from("<I", iort, FIRST_NODE)
    done = 0
    while at < len(iort):
        kind, size = struct.unpack_from("<BH", iort, at)
        if kind == ROOT_COMPLEX:
            iort[at + MEMORY_FLAGS] |= CANWBS
            done += 1
        at += size
    if not done:
        raise RuntimeError("no root complex in QEMU's IORT")
    revision, = struct.unpack_from("<I", iort, OEM_REVISION)
    struct.pack_into("<I", iort, OEM_REVISION, revision + 1)
    iort[CHECKSUM] = (iort[CHECKSUM] - sum(iort)) % 256


def write_tables(image):
    """Into the part of an initramfs where the kernel looks for tables."""
    with Tester() as tester:
        tables = tester.file(b"etc/acpi/tables")
    start = tables.index(b"IORT")
    size, = struct.unpack_from("<I", tables, start + 4)
    iort = bytearray(tables[start:start + size])
    correct(iort)
    where = os.path.join(image, "kernel/firmware/acpi")
    os.makedirs(where)
    with open(os.path.join(where, "IORT.aml"), "wb") as f:
        f.write(iort)
