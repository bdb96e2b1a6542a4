# make demo: train a simulated board and draw the run.   make test: everything that must hold of the Python packages.
# make test-hardware: firmware, plant and driver together, many times.   make test-firmware: what must hold of the firmware.
# make docs: the documentation as a site, after its code blocks and notebooks have run.
# Python 3.11 or newer with venv, git and make are all that a machine must have.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Threads slow small solves down five times.
export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test lint kernels unit coverage bench docs system clean test-hardware test-firmware $(addprefix firmware-,native asan avr lint tidy fuzz)

demo: $(VENV)/.installed
	$(BIN)/labnet demo --out demo

# The linters have one core, the compiler of the engine the other; then the tests have both.
test: $(VENV)/.installed-dev
	$(MAKE) --no-print-directory --output-sync=target -j2 lint kernels
	$(MAKE) --no-print-directory unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What the engine compiles is kept on disk; processes of tests that begin together would each compile it.
kernels: $(VENV)/.installed-dev
	$(BIN)/python tests/engine/kernels.py

unit: $(VENV)/.installed-dev system
	$(BIN)/pytest -n auto --dist worksteal -m "not slow and not docs"

# Which lines the tests run. To measure that takes as long again as the tests.
coverage: $(VENV)/.installed-dev system
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist worksteal -m "not slow and not docs"
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/host_paced.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/rules.py
	$(BIN)/python benchmarks/self_triggered.py
	$(BIN)/python benchmarks/lattices.py
	$(BIN)/python benchmarks/live.py
	$(BIN)/python benchmarks/catalogue.py
	$(BIN)/python benchmarks/firmware.py

# What README, docs and notebooks say works, and the site made of them; a warning fails it.
docs: $(VENV)/.installed-dev system
	rm -rf docs/api docs/notebooks
	$(BIN)/pytest -n auto --dist worksteal -m docs
	$(BIN)/sphinx-build -q -n -W --keep-going -b html docs docs/_build/html
	@echo docs/_build/html/index.html

# Firmware, plant and driver together, many times.
test-hardware: $(VENV)/.installed-dev system
	$(BIN)/pytest -n auto --dist worksteal -m "slow and not docs"

# Unit tests of the firmware in the PC's and the chip's sizes, plain and with sanitizers; the chip's build; checkers; fuzzing.
# The minute of fuzzing has one core, all else the other.
test-firmware: system
	$(MAKE) --no-print-directory --output-sync=target -j2 firmware-fuzz firmware-tidy firmware-asan firmware-avr firmware-lint

firmware-native firmware-asan firmware-avr:
	cd firmware && cmake --workflow --preset $(@:firmware-%=%)

FIRMWARE := $(filter-out firmware/src/commands.%,$(wildcard $(foreach type,c h,$(addsuffix /*.$(type), \
  firmware/src firmware/hal firmware/hal/* firmware/tests firmware/fuzz simulators/emulator))))

firmware-lint: $(VENV)/bin/python
	@echo clang-format, cppcheck, generate.py --check
	@clang-format --dry-run -Werror $(FIRMWARE)
	@cd firmware && cppcheck --quiet --std=c11 --enable=warning,style,performance,portability --error-exitcode=1 \
	  -U__AVR__ -Isrc -Ihal -Ihal/native -Iboards -Itests src hal tests fuzz ../simulators/emulator
	@$(BIN)/python firmware/generate.py --check

firmware-tidy: firmware-native
	@echo clang-tidy
	@printf '%s\n' $(filter-out firmware/fuzz/% firmware/hal/atmega2560/%,$(filter %.c,$(FIRMWARE))) | \
	  xargs -n 1 clang-tidy --quiet -p firmware/build/native 2>/dev/null

firmware-fuzz:
	cd firmware && cmake --workflow --preset fuzz
	rm -rf firmware/build/fuzz/found && mkdir firmware/build/fuzz/found
	cd firmware/build/fuzz && ./fuzz_link -max_total_time=60 -max_len=1000 -timeout=20 -dict=words.dict \
	  found ../../fuzz/corpus >fuzz.log 2>&1 || { tail -60 fuzz.log; exit 1; }
	@tail -1 firmware/build/fuzz/fuzz.log

# What the tests want of the system: ngspice, the independent check of the circuit; gcc, which builds the firmware; what checks
# the firmware; chromium, which looks at the page of labnet watch. Installed where we may, else said.
SYSTEM := ngspice gcc libc6-dev cmake ninja-build libcmocka-dev gcc-avr avr-libc avrdude libsimavr-dev cppcheck clang \
  clang-tidy clang-format chromium

system:
	@if ! command -v apt-get >/dev/null; then \
	  echo "Please have $(SYSTEM), as your system calls them; tests are skipped without ngspice and a C compiler."; exit; fi; \
	missing=$$(for package in $(SYSTEM); do \
	  dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed || echo $$package; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq $$missing; \
	else echo "Please run: sudo apt-get install" $$missing "(tests are skipped without ngspice and a C compiler)."; fi

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("labnet needs Python 3.11 or newer; run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) demo firmware/build docs/_build docs/api docs/notebooks .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
