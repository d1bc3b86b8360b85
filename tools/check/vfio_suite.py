#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The kernel tree's own tests of VFIO, and what they need of the machine.

Usage: vfio_suite.py build TREE OUT [debug]"""

import glob
import os
import subprocess
import sys

TESTS = "tools/testing/selftests/vfio"
LIST = "tools/check/vfio-suite.expect"
EDU, OTHER_EDU, CARD = "0000:00:04.0", "0000:00:05.0", "0000:01:00.0"
# The network card can be reset, and copies: libvfio has a driver for it, which maps 1 GiB.
# That takes longer than the harness allows if it is not made of huge pages. It also has
# virtual functions.
MACHINE = ["--append", "transparent_hugepage_shmem=always vfio_pci.enable_sriov=1"] + [
    f"--qemu-arg={word}" for word in (
        "-netdev", "user,id=net,restrict=on",
        "-device", "pcie-root-port,id=port0,chassis=1,addr=12",
        "-device", "igb,netdev=net,bus=port0")]
# A huge page of 1 GiB: not with IOMMU_DEBUG_PAGEALLOC, which takes minutes to count it
GIB = ["--memory", "4G", "--append", "hugepagesz=1G hugepages=1"]
BUT_NO_GIB = ["--memory", "3G"]
MODES = ("vfio_type1_iommu", "vfio_type1v2_iommu", "iommufd_compat_type1",
         "iommufd_compat_type1v2", "iommufd")
WITHOUT_GIB = [word for mode in MODES for word in ("-V", f"{mode}_anonymous_hugetlb_1gb")]
# It counts the 1 GiB that libvfio maps as well, though: two modes are enough there.
TWO_MODES = [word for mode in MODES if mode not in ("vfio_type1v2_iommu", "iommufd")
             for word in ("-V", mode)]


def machine(debug):
    """For tools/vm/run"""
    return MACHINE + (BUT_NO_GIB if debug else GIB)


def programs(debug):
    """Each with its arguments"""
    return [["vfio_iommufd_setup_test", EDU],
            ["vfio_pci_device_test", CARD],
            ["vfio_pci_sriov_uapi_test", CARD],
            ["vfio_dma_mapping_test"] + (WITHOUT_GIB if debug else []) + [EDU],
            ["vfio_dma_mapping_mmio_test", EDU],
            ["vfio_pci_driver_test"] + (TWO_MODES if debug else []) +
            ["-t", "mix_and_match", CARD],
            ["vfio_pci_device_init_perf_test", EDU, OTHER_EDU, CARD]]


def build(tree, out, debug):
    """The tests as they are; for the slow kernel the harness gets more patience."""
    here = f"{tree}/{TESTS}"
    patience = ["-include", "tools/check/patient_harness.h"] if debug else []
    cc = ["gcc", "-w", "-O2", "-D_GNU_SOURCE=", "-isystem", f"{tree}/usr/include",
          f"-I{tree}/tools/include", f"-I{here}/..", f"-I{here}/lib/include"]
    library = f"{os.path.realpath(out)}/lib"
    os.makedirs(library, exist_ok=True)
    for source in glob.glob(f"{here}/lib/**/*.c", recursive=True):
        name = os.path.basename(source).removesuffix(".c")
        subprocess.run(cc + ["-c", "-o", f"{library}/{name}.o", source], check=True)
    for name in sorted({words[0] for words in programs(debug)}):
        subprocess.run(cc + patience + ["-static", "-pthread", "-o", f"{out}/{name}",
                                        f"{here}/{name}.c"] +
                       glob.glob(f"{library}/*.o") + ["-luuid"], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] != ["build"] or len(sys.argv) < 4:
        sys.exit(__doc__)
    build(*sys.argv[2:4], sys.argv[4:])
