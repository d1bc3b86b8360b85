# SPDX-License-Identifier: GPL-2.0-only
"""Which QEMU: the machine's, or the newer one that tools/setup.sh unpacked."""

import os

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "iommufd")


def use_unpacked():
    os.environ["PATH"] = os.path.join(CACHE, "bin") + os.pathsep + os.environ["PATH"]


def directories(path):
    """Where a directory below /usr may be, for the QEMU that is used: the first that is there"""
    return [os.path.join(CACHE, "qemu-x86_64/usr", path), os.path.join("/usr", path)]
