# make demo: train a simulated board and draw the run.   make test: everything that must hold.
# Python 3.11 or newer with venv, git and make are all that a machine must have.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Threads slow small solves down five times.
export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test lint unit bench system clean

demo: $(VENV)/.installed
	$(BIN)/labnet demo --out demo

test: lint unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.installed-dev system
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/host_paced.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/lattices.py

# ngspice: the independent check of the circuit. Installed where we may, else said.
system:
	@command -v ngspice >/dev/null || { \
	  if ! command -v apt-get >/dev/null; then echo "Please install ngspice; its tests are skipped without."; \
	  elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ngspice; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq ngspice; \
	  else echo "Please run: sudo apt-get install ngspice (its tests are skipped without)."; fi; }

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
	rm -rf $(VENV) demo .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
