# The front door. CMake does the work: the presets in CMakePresets.json build in build/PRESET.

PREFIX ?= /usr/local
SECONDS ?= 60
ARGS ?=

.PHONY: help run packages test check portable torture bench bench-peers fuzz install reference dist deb fresh format lint clean
.NOTPARALLEL:

help:
	@echo 'make run       build, start a peer on this machine, and say what to type next'
	@echo 'make packages  build, and make two replicas of the package index agree'
	@echo 'make test      build and run all tests'
	@echo 'make check     the tests, again under sanitizers'
	@echo 'make portable  the core with 32 bits, and as WebAssembly in node: what tests need no library'
	@echo 'make torture   every order, fault and seed, for SECONDS=600, and a table'
	@echo 'make bench     build and run the benchmarks; ARGS=... is passed on'
	@echo 'make bench-peers  the same workloads on ours and on what others use, side by side; ARGS=--quick for less'
	@echo 'make fuzz      run each fuzz target for SECONDS=$(SECONDS)'
	@echo 'make install   install to PREFIX=$(PREFIX), below DESTDIR if set'
	@echo 'make reference man pages and HTML of all that is public, in build/release/reference'
	@echo 'make dist      mytosis.c and mytosis.h, all in one file each, and a tarball, in build/dist'
	@echo 'make deb       packages for Debian, and what lintian says of them, in build/deb'
	@echo 'make fresh     what the README says, and the packages, in a clean Debian 12; needs root'
	@echo 'make format    format all C sources'
	@echo 'make lint      what the checks ask: format, length, static analysis'
	@echo 'make clean     remove build/'

# exec, so that Ctrl-C is the peer's to answer.
run:
	@scripts/setup build
	@scripts/build release
	@MYTOSIS_BIN=$(CURDIR)/build/release/bin exec bash examples/first_peer.sh $(ARGS)

packages:
	@scripts/setup build
	@scripts/build release
	@MYTOSIS_BIN=$(CURDIR)/build/release/bin bash examples/packages.sh $(ARGS)

test:
	@scripts/setup test
	@scripts/build dev
	@scripts/test dev

check: test
	@scripts/build asan
	@scripts/test asan

portable:
	@scripts/setup m32 wasm
	@scripts/portable m32
	@scripts/portable wasm
	@bash tests/build/sizes.sh . wasm

# SECONDS is of `make fuzz`, too, and less by default there.
torture: SECONDS = 600
torture:
	@scripts/setup test fuzz
	@scripts/build dev
	@scripts/build fuzz
	@scripts/build tsan:threads
	@scripts/torture $(SECONDS)

bench:
	@scripts/setup build
	@scripts/build release
	@set -e; for program in build/release/bench/*_bench; do $$program $(ARGS); done

bench-peers:
	@scripts/setup build peers
	@scripts/build release:peers
	@bench/peers/run $(ARGS)

fuzz:
	@scripts/setup fuzz
	@scripts/build fuzz
	@scripts/fuzz $(SECONDS)

# As root, without DESTDIR: the loader is told, so that programs find the shared library at once.
install:
	@scripts/setup build reference
	@scripts/build release -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@cmake --install build/release
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

reference:
	@scripts/setup reference
	@scripts/build release:reference
	@echo 'build/release/reference/html/index.html; or: man build/release/reference/man3/mytosis_db.3'

dist:
	@scripts/setup dist
	@scripts/dist build/dist

deb:
	@scripts/setup dist deb
	@scripts/deb

fresh:
	@scripts/setup fresh
	@scripts/fresh

format:
	@scripts/setup lint
	@scripts/lint sources | xargs clang-format -i

lint:
	@scripts/setup lint
	@scripts/build clang
	@scripts/lint

clean:
	rm -rf build
