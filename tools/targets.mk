# SPDX-License-Identifier: GPL-2.0-only
#
# The targets for people. Each calls a script that does first what it needs and
# leaves alone what is up to date.

.DEFAULT_GOAL := help
.PHONY: help setup kernel kernel-debug demo check check-arm64 check-dpdk coverage fuzz bench shell clean

help:
	@echo 'make setup    install packages, QEMU and the kernel source'
	@echo 'make kernel   build the kernel with this subsystem into build/linux'
	@echo 'make demo     boot it and show, step by step, what the IOMMU allows'
	@echo 'make check    run every test, on a plain and on a debug kernel'
	@echo 'make check-arm64  run those of an SMMUv3 on an arm64 kernel (installs 500 MB)'
	@echo 'make check-dpdk  drive network cards with DPDK (unpacks 350 MB; also in make check)'
	@echo 'make coverage  count which lines the tests run (a kernel with gcov)'
	@echo 'make fuzz     random calls on the debug kernel (SECONDS=60, SEED=to repeat)'
	@echo 'make bench    measure it next to what others need'
	@echo 'make shell    boot it to a shell (leave with exit or ctrl-a x)'
	@echo 'make clean    remove build/ (the caches outside stay)'
	@echo
	@echo 'KDIR=PATH takes your own Linux 7.3 tree; EXTRA_CONFIG=FILE adds a'
	@echo 'config fragment. make kernel-debug builds the other kernel of make check.'

setup:
	@tools/setup.sh

kernel:
	@tools/kernel/build

kernel-debug:
	@tools/kernel/build --debug

demo: kernel
	@$(MAKE) -s -C tools/demo OUTPUT=$(CURDIR)/build/demo KSRC=$(CURDIR)/build/linux
	@tools/vm/run --pasid -- build/demo/demo -- build/demo/legacy

check:
	@tools/check/run

check-arm64:
	@tools/check/run arm64

check-dpdk: kernel
	@tools/check/dpdk

coverage:
	@tools/check/coverage

# THREADS=1: the calls follow from the seed alone. PLAIN=1: on the plain kernel.
fuzz: $(if $(PLAIN),kernel,kernel-debug)
	@tools/fuzz/run $(if $(PLAIN),--plain) $(SEED:%=--seed %) \
		$(SECONDS:%=--seconds %) $(THREADS:%=--threads %)

bench:
	@tools/bench/run

shell: kernel
	@tools/vm/run --pasid --shell

clean:
	rm -rf build
