# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced by scripts that call the kernel's make: what has to be the same in every
# call, or everything is compiled again. $tree is the tree that kmake builds.

root=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/iommufd
ours=drivers/iommu/iommufd
arch=x86
image=bzImage
cross=
foreign=()

use_arm64() {
	arch=arm64
	image=Image
	cross=aarch64-linux-gnu-
	foreign=(ARCH=$arch CROSS_COMPILE=$cross)
}

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KERNELRELEASE srctree
export CCACHE_DIR=$cache/ccache CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=4G
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=iommufd KBUILD_BUILD_HOST=iommufd KBUILD_BUILD_VERSION=1
export LC_ALL=C

kmake() {
	make -C "$tree" "${foreign[@]}" CC="ccache ${cross}gcc" HOSTCC="ccache gcc" "$@"
}
