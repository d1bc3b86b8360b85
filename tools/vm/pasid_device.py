# SPDX-License-Identifier: GPL-2.0-only
"""The test device that does DMA with a PASID: pasid-device/, built as a module for
the QEMU that is used, and a VT-d that knows PASIDs."""

import glob
import hashlib
import os
import re
import subprocess
import tempfile

import emulator

SOURCES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "pasid-device")
QEMU = "qemu-system-x86_64"
BORROWED = "hw-usb-smartcard.so"
STOCK = [path for lib in ("lib/*-linux-gnu", "lib", "lib64")
         for path in emulator.directories(f"{lib}/qemu/{BORROWED}")]
VTD = ",fsts=on,pasid-bits=8"      # of a VT-d that is in scalable mode
PRI = ",device-iotlb=on,svm=on"    # and takes page requests
DEVICE = "ccid-card-passthru"


class Unavailable(Exception):
    """Why this QEMU cannot have the device."""


def call(argv, **more):
    p = subprocess.run(argv, capture_output=True, text=True, errors="replace", **more)
    if p.returncode:
        raise Unavailable(p.stderr.strip() or f"{argv[0]}: status {p.returncode}")
    return p.stdout


def stamp():
    """The symbol that QEMU asks of a module, as proof that both are of one build."""
    stock = [path for pattern in STOCK for path in glob.glob(pattern)]
    if not stock:
        raise Unavailable(f"{QEMU} was built without modules, or has no {BORROWED}")
    found = re.search(r"\bqemu_stamp_\w+", call(["nm", "-D", "--defined-only", stock[0]]))
    if not found:
        raise Unavailable(f"{stock[0]} has no stamp")
    return found[0]


def environment(where):
    return dict(os.environ, QEMU_MODULE_DIR=where)


def compile_into(where, symbol):
    call(["gcc", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", f"-DSTAMP={symbol}",
          "-o", os.path.join(where, BORROWED), os.path.join(SOURCES, "device.c")])
    # Does QEMU take it, and the options of VT-d?
    call([QEMU, "-machine", "q35,kernel-irqchip=off", "-accel", "tcg", "-nodefaults",
          "-display", "none", "-S", "-monitor", "stdio",
          "-device", "intel-iommu,intremap=on,scalable-mode=on" + VTD + PRI, "-device", DEVICE],
         input="quit\n", env=environment(where))


def devices(other):
    """One by itself; two that are one IOMMU group, together with an other device."""
    functions = [f"{kind},addr=9.{n},multifunction=on"
                 for n, kind in enumerate((DEVICE, DEVICE, other))]
    return [word for device in [DEVICE + ",addr=8"] + functions for word in ("-device", device)]


def build(cache):
    """The directory with the module. It is made once for each QEMU and each source."""
    symbol = stamp()
    key = hashlib.sha256(symbol.encode())
    for name in sorted(os.listdir(SOURCES)) + [os.path.realpath(__file__)]:
        with open(os.path.join(SOURCES, name), "rb") as f:
            key.update(f.read())
    done = os.path.join(cache, "pasid-device-" + key.hexdigest()[:12])
    if os.path.isdir(done):
        return done
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        where = os.path.join(work, "module")
        os.mkdir(where)
        compile_into(where, symbol)
        try:
            os.rename(where, done)
        except OSError:
            if not os.path.isdir(done):     # another run was faster
                raise
    return done
