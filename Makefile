# All commands of the project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.PHONY: help run call test check bench fuzz cross image test-image nightly binary

# Where `make run` keeps its state and answers SIP. 5060 needs no privilege; if a PBX of this machine
# holds it already: make run SIP=127.0.0.1:5070
STATE ?= var
SIP ?= 127.0.0.1:5060
# Where the page is: https://127.0.0.1:8443/
WEB ?= 127.0.0.1:8443
FROM ?= 1001

export CARGO_TARGET_DIR ?= $(CURDIR)/target
# The dev profile optimises the dependencies (Cargo.toml), and starts in half the time of --release.
TRUNKGUARD := $(CARGO_TARGET_DIR)/debug/trunkguard
CARGO := cargo
# What the tests against real peers do (packages, namespaces) needs root.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: binary ## Start the daemon here: no root, simulated panel, example policy (SIP=ADDR:PORT WEB=ADDR:PORT)
	exec $(TRUNKGUARD) run --state $(STATE) --sip $(SIP) --web $(WEB) --board sim --firewall dry-run --policy example

call: binary ## Send the running daemon a real INVITE: make call NUMBER=011442071838750 FROM=1001
	@test -n "$(NUMBER)" || { echo "say which number: make call NUMBER=011442071838750 FROM=1001" >&2; exit 2; }
	exec $(TRUNKGUARD) call --state $(STATE) --from '$(FROM)' --number '$(NUMBER)'

test: binary ## Run all tests, with real Asterisks, sipp, sipsak and sipvicious (installs them; root)
	$(AS_ROOT) tests/setup.sh
	$(AS_ROOT) env "PATH=$$PATH" "HOME=$$HOME" TRUNKGUARD_BIN=$(TRUNKGUARD) $(CARGO) test --locked --workspace

check: ## Run all checks that need no peer: format, lints, boundaries, licences, tables, units, scripts
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked -q -p trunkguard-tests --test boundaries --test documents
	python3 firmware/core/tables/generate.py --check
	@if command -v systemd-analyze >/dev/null; then
	    for unit in systemd/*.service image/hawkbit/*.service; do
	        systemd-analyze security --offline=true --threshold=15 "$$unit" | tail -n 1
	    done
	else
	    echo "check: no systemd-analyze here; exposure of the units is not checked" >&2
	fi
	@if command -v shellcheck >/dev/null; then
	    git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck -x
	else
	    echo "check: no shellcheck here; scripts are not checked" >&2
	fi

bench: ## Measure against Kamailio, a raw UDP echo and (as root) plain forwarding; installs them
	tests/bench/run.sh $(ARGS)

fuzz: ## Fuzz the SIP reader for a minute (cargo-fuzz and nightly Rust): make fuzz SECONDS_=60
	cd tests/fuzz && $(CARGO) +nightly fuzz run read -- -max_total_time=$(or $(SECONDS_),60) -max_len=65536

cross: ## Cross-build the daemon for the box (aarch64); tests of core and store under emulation
	image/cross.sh --test

image: ## Build the box's image (aarch64): kernel, root, slots, disk
	image/build.sh

test-image: binary ## Boot the image in QEMU and try it: calls, packets, LEDs, updates, power cuts (root; TESTS=image_box for one, CUTS=200)
	image=$$(image/build.sh)
	image/test.sh "$$image"
	$(AS_ROOT) tests/setup.sh
	for test in $(or $(TESTS),$(basename $(notdir $(wildcard tests/tests/image_*)))); do
	    $(AS_ROOT) env "PATH=$$PATH" "HOME=$$HOME" TRUNKGUARD_BIN=$(TRUNKGUARD) TRUNKGUARD_IMAGE="$$image" \
	        $(if $(CUTS),TRUNKGUARD_CUTS=$(CUTS)) $(CARGO) test --locked -p trunkguard-tests --test "$$test" -- --ignored --nocapture --test-threads=1
	done

nightly: ## All of the image's tests with 200 power cuts, the core under emulation, and ten minutes of fuzzing
	$(MAKE) test-image CUTS=200
	$(MAKE) cross
	$(MAKE) fuzz SECONDS_=600

binary:
	$(CARGO) build --locked -p trunkguard
