#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Check that a layer of the subsystem uses its own or lower layers only.

Usage: layers.py SOURCE_DIR [OBJECT_DIR]

A file may include headers, and with OBJECT_DIR call functions, of its own layer
or a lower one. Upwards goes only an ops table that the upper layer handed down."""

import glob
import os
import re
import subprocess
import sys

LAYERS = {
    "entry": "main ioctl fdinfo vfio_compat vfio_info vfio_map vfio_dirty vfio_vaddr",
    "objects": """iommufd_private object ioas ioas_process hw_pagetable hwpt_dirty
        hwpt_noiommu device attach access eventq fault veventq viommu vdevice
        hw_queue driver sw_msi debugfs""",
    "address space": "io_pagetable io_reserved io_user io_container io_dirty area iova_alloc",
    "page supply": """pages pages_access pages_user pages_file pages_dmabuf pages_mmio
        pages_account""",
    "pure": "pfn_store span iova_bitmap trace",
}
# The mock looks at everything from outside; nothing may need it.
OUTSIDE = ("selftest", "iommufd_test")

LEVEL = {name: level for level, names in enumerate(reversed(LAYERS.values()))
         for name in names.split()}
NAME = list(reversed(LAYERS))


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def files(source):
    for path in sorted(glob.glob(source + "/*.[ch]")):
        if not path.endswith(".mod.c"):
            yield path


def check_includes(source):
    ours = {os.path.basename(p) for p in files(source)}
    for path in files(source):
        me = stem(path)
        if me in OUTSIDE:
            continue
        if me not in LEVEL:
            yield f"{os.path.basename(path)}: in no layer; name it in tools/check/layers.py"
            continue
        with open(path) as f:
            for n, line in enumerate(f, 1):
                m = re.match(r'#\s*include\s+"([^"/]+)"', line)
                other = stem(m[1]) if m and m[1] in ours else None
                if other and LEVEL.get(other, -1) > LEVEL[me]:
                    yield (f"{os.path.basename(path)}:{n}: {NAME[LEVEL[me]]} includes "
                           f"{m[1]} of {NAME[LEVEL[other]]}")


def symbols(path, kinds):
    out = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in out.splitlines() if line.split()[-2] in kinds}


def check_calls(source, objects):
    owner, wanted = {}, {}
    for path in files(source):
        obj = os.path.join(objects, stem(path) + ".o")
        if path.endswith(".h") or stem(path) not in LEVEL or not os.path.exists(obj):
            continue
        wanted[stem(path)] = symbols(obj, "U")
        owner.update(dict.fromkeys(symbols(obj, "TDBRVW"), stem(path)))
    if not wanted:
        yield f"no objects in {objects}"
    for me, names in wanted.items():
        for name in sorted(names):
            other = owner.get(name)
            if other and LEVEL[other] > LEVEL[me]:
                yield (f"{me}.c: {NAME[LEVEL[me]]} uses {name}() of {other}.c, "
                       f"{NAME[LEVEL[other]]}")


def main():
    found = list(check_includes(sys.argv[1]))
    if len(sys.argv) > 2:
        found += check_calls(*sys.argv[1:3])
    print("\n".join(found) or "every use goes sideways or down")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
