#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Prepare a machine: packages, QEMU 11 or newer, and a Linux 7.3 source tree
# without its own drivers/iommu/iommufd.
#
# Usage: setup.sh            install what is missing, print the source path last
#        setup.sh --arm64    also what make check-arm64 needs: another compiler, QEMU
#                            and firmware (500 MB), and a shell for its VM
#        setup.sh --dpdk     also what make check-dpdk needs: DPDK (350 MB)
#   KDIR=PATH                use a snapshot of this 7.3 tree (never written to);
#                            remove linux-7.3-kdir from the cache to take another
#
# Nothing is done twice: what is there already is left alone.

set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/iommufd
arm64=
dpdk=
case ${1:-} in
--arm64) arm64=yes ;;
--dpdk) dpdk=yes ;;
esac
want=7.3
# Before 11, accesses to the registers of VT-d get lost while another CPU opens or
# closes a device.
qemu_min=11
qemu_suite=trixie
src=$cache/linux-$want${KDIR:+-kdir}

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

packages="bc bison ccache coccinelle cpio flex gcc kmod libc6-dev libcap-dev libelf-dev make
	busybox-static perl python3 rsync sparse uuid-dev xz-utils zstd"
# Recommended by the compiler, which can do without: libc6-dev-arm64-cross
[ -z "$arm64" ] || packages="$packages
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-efi-aarch64"

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "'$*' needs root: run 'make setup' as root or install sudo"
	fi
}

apt_root() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >&2
}

need_apt() {
	command -v apt-get >/dev/null ||
		die "no apt here: install by hand: $packages qemu-system-x86 (>= $qemu_min), and pass KDIR="
}

codename() { . /etc/os-release && echo "${VERSION_CODENAME:-}"; }

# The mirror from which the running release itself comes; never written down here.
mirror() {
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		awk -v c="$(codename)" '$1 == c { print $2; exit }'
}

# add_suite NAME SUITE: add SUITE of the configured mirror below every pin, so
# that nothing comes from it unless it is asked for by name.
add_suite() {
	local list=/etc/apt/sources.list.d/iommufd-$1.sources
	local pref=/etc/apt/preferences.d/iommufd-$1
	local uri

	uri=$(mirror)
	[ -n "$uri" ] || die "cannot tell which mirror apt uses for $(codename)"
	printf 'Package: *\nPin: release n=%s\nPin-Priority: -1\n' "$2" |
		as_root tee "$pref" >/dev/null
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
		"$uri" "$2" /usr/share/keyrings/debian-archive-keyring.gpg |
		as_root tee "$list" >/dev/null
	apt_root update
}

# have_candidate PACKAGE: some configured suite offers it, pinned or not.
have_candidate() { apt-cache madison "$1" 2>/dev/null | grep . >/dev/null; }

missing() {
	local p

	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || echo "$p"
	done
}

install_packages() {
	local m

	m=$(missing $packages)	# split on purpose, here and below
	[ -n "$m" ] || return 0
	need_apt
	say "installing:" $m
	apt_root update
	apt_root install --no-install-recommends -y $m
}

# qemu_major SYSTEM
qemu_major() {
	PATH=$cache/bin:$PATH "qemu-system-$1" --version 2>/dev/null |
		sed -n 's/^QEMU emulator version \([0-9]*\)\..*/\1/p'
}

# qemu_offered PACKAGE: the major version that apt would install
qemu_offered() {
	LC_ALL=C apt-cache policy "$1" |
		sed -n 's/^  Candidate: \([0-9]*:\)\{0,1\}\([0-9]*\)\..*/\2/p'
}

# run_unpacked SYSTEM ROOT: a script that runs what unpack_qemu() unpacked
run_unpacked() {
	cat <<-EOF
		#!/bin/sh
		r=$2
		exec "\$r"/usr/lib64/ld-linux-x86-64.so.2 \
			--library-path "\$r/usr/lib/x86_64-linux-gnu" \
			"\$r/usr/bin/qemu-system-$1" -L "\$r/usr/share/qemu" \
			-L "\$r/usr/share/seabios" -L "\$r/usr/lib/ipxe/qemu" "\$@"
	EOF
}

# unpack DIRECTORY SUITES PACKAGES...: packages with all that they need, in a directory
# of ours, from the last suite where that has them. The machine's own know nothing of it.
unpack() {
	local root=$1 suites=$2 uri suite sources=()
	shift 2

	if [ -n "$(missing mmdebstrap)" ]; then
		apt_root install --no-install-recommends -y mmdebstrap
	fi
	uri=$(mirror)
	for suite in $suites; do
		sources+=("deb $uri $suite main")
	done
	rm -rf "$root" "$root.part"
	mkdir -p "$root.part"
	mmdebstrap --quiet --variant=extract --include="$(echo "$@" | tr ' ' ,)" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt="APT::Default-Release \"${suites##* }\"" \
		"${suites%% *}" - "${sources[@]}" |
		tar -x -C "$root.part" --no-same-owner --exclude='./dev/*'
	mv "$root.part" "$root"
}

# unpack_qemu SYSTEM PACKAGES...: a newer one than this release has
unpack_qemu() {
	local system=$1
	shift

	[ "$(dpkg --print-architecture)" = amd64 ] ||
		die "QEMU $qemu_min or newer is needed for $system: install it by hand"
	say "unpacking QEMU for $system from $qemu_suite-backports"
	unpack "$cache/qemu-$system" "$qemu_suite $qemu_suite-backports" "$@"
	mkdir -p "$cache/bin"
	run_unpacked "$system" "$cache/qemu-$system" >"$cache/bin/qemu-system-$system"
	chmod +x "$cache/bin/qemu-system-$system"
}

# install_qemu SYSTEM PACKAGES...
install_qemu() {
	local major offered system=$1
	shift

	major=$(qemu_major "$system")
	[ "${major:-0}" -ge $qemu_min ] && return 0
	need_apt
	offered=$(qemu_offered "$1")
	if [ "${offered:-0}" -ge $qemu_min ]; then
		say "installing QEMU for $system"
		apt_root install --no-install-recommends -y "$@"
	else
		unpack_qemu "$system" "$@"
	fi
	major=$(qemu_major "$system")
	[ "${major:-0}" -ge $qemu_min ] ||
		die "QEMU $qemu_min or newer is needed, and is not to be had: ${major:-none}"
}

# DPDK with its drivers for the network card of its VM, to which it is the root
install_dpdk() {
	[ ! -e "$cache/dpdk" ] || return 0
	need_apt
	say "unpacking DPDK"
	unpack "$cache/dpdk" "$(codename)" dpdk-dev "$(apt-cache search --names-only \
		'^librte-net-e1000-[0-9]*$' | awk '{ print $1 }')"
	(cd "$cache/dpdk" && mkdir -p dev proc sys tmp var)
}

# The busybox of the arm64 VM. apt reads the lists of that architecture in a
# directory of ours: the machine's own packages know nothing of it.
install_arm64_busybox() {
	local part=$cache/arm64.part opt

	[ ! -x "$cache/arm64/busybox" ] || return 0
	need_apt
	say "downloading busybox for arm64"
	rm -rf "$part"
	mkdir -p "$part/lists/partial" "$part/archives/partial"
	opt="-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64
		-o Dir::State=$part -o Dir::State::status=/dev/null
		-o Dir::Cache=$part -o APT::Sandbox::User=root"
	# $opt is split on purpose.
	apt-get $opt update >&2
	(cd "$part" && apt-get $opt download busybox-static) >&2
	dpkg-deb --fsys-tarfile "$part"/busybox-static_*_arm64.deb |
		tar -xO --wildcards '*bin/busybox' >"$part/busybox"
	chmod +x "$part/busybox"
	rm -rf "$cache/arm64"
	mkdir "$cache/arm64"
	mv "$part/busybox" "$cache/arm64/"
	rm -rf "$part"
}

tree_version() {
	sed -n 's/^VERSION = //p;s/^PATCHLEVEL = //p' "$1/Makefile" 2>/dev/null |
		head -2 | paste -sd.
}

# Our own sources are written without the tree's: they never stay in the cache.
strip_own_dir() {
	find "$1/drivers/iommu/iommufd" -mindepth 1 -delete 2>/dev/null || true
	[ ! -e "$1/drivers/iommu/iommufd/main.c" ]
}

use_kdir() {
	local v

	v=$(tree_version "$KDIR")
	[ "$v" = $want ] ||
		die "KDIR=$KDIR is Linux ${v:-(no kernel tree)}; this subsystem is for Linux $want only"
	rm -rf "$src.part"
	say "copying the tree at $KDIR"
	mkdir -p "$src.part"
	# Sources only, whatever was built there.
	rsync -a --exclude=/.git --exclude=/drivers/iommu/iommufd/ \
		--exclude='*.o' --exclude='*.ko' --exclude='*.a' --exclude='.*.cmd' \
		--exclude='/.config*' --exclude='/vmlinux*' --exclude=/include/config \
		--exclude=/include/generated --exclude='/arch/*/include/generated' \
		"$KDIR/" "$src.part/"
	mkdir -p "$src.part/drivers/iommu/iommufd"
}

fetch_package() {
	local deb

	need_apt
	if ! have_candidate linux-source-$want; then
		add_suite kernel trixie-backports
	fi
	have_candidate linux-source-$want ||
		die "no configured suite has linux-source-$want: pass KDIR=PATH"
	if ! ls "$cache"/deb/linux-source-${want}_*_all.deb >/dev/null 2>&1; then
		say "downloading linux-source-$want"
		mkdir -p "$cache/deb.part"
		# Downloaded, not installed: pins do not matter for a named version.
		(cd "$cache/deb.part" && apt-get -qq download \
			"linux-source-$want=$(apt-cache madison linux-source-$want |
				awk -F'|' '{ gsub(/ /, "", $2); print $2; exit }')") >&2
		rm -rf "$cache/deb"
		mv "$cache/deb.part" "$cache/deb"
	fi
	deb=$(ls "$cache"/deb/linux-source-${want}_*_all.deb)
	rm -rf "$src.part"
	mkdir -p "$src.part"
	say "unpacking $(basename "$deb")"
	# drivers/iommu/iommufd is skipped, so that it is never on the disk at all.
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards "./usr/src/linux-source-$want.tar.xz" |
		tar -xJ -C "$src.part" --strip-components=1 \
			--exclude="linux-source-$want/drivers/iommu/iommufd/*"
	mkdir -p "$src.part/drivers/iommu/iommufd"
}

have_source() {
	[ "$(cat "$src/.iommufd-origin" 2>/dev/null)" = "$1" ]
}

install_source() {
	local origin=package

	[ -z "${KDIR:-}" ] || origin=$(readlink -e "$KDIR") || die "KDIR=$KDIR is not there"
	have_source "$origin" && return 0
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	have_source "$origin" && return 0	# another one was faster
	if [ -n "${KDIR:-}" ]; then
		use_kdir
	else
		fetch_package
	fi
	[ "$(tree_version "$src.part")" = $want ] ||
		die "the unpacked source is Linux $(tree_version "$src.part"), not $want"
	strip_own_dir "$src.part" || die "could not remove the tree's own iommufd"
	echo "$origin" >"$src.part/.iommufd-origin"
	rm -rf "$src"
	mv "$src.part" "$src"
}

install_packages
install_qemu x86_64 qemu-system-x86 qemu-system-common qemu-system-data seabios ipxe-qemu
install_source
if [ -n "$arm64" ]; then
	install_qemu aarch64 qemu-system-arm qemu-system-common qemu-system-data
	install_arm64_busybox
fi
[ -z "$dpdk" ] || install_dpdk
echo "$src"
