# Two commands for newcomers: `make demo` and `make test`. Both set up .venv first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTEST_ARGS ?=

.PHONY: help demo test lint types unit install clean

help:
	@echo "make demo   train the 3-bit flip-flop, map its dynamics, write out/flipflop/"
	@echo "make test   lint, types and all tests"
	@echo "make clean  remove the environment and everything that was built"

# The packages change when these files do.
$(VENV)/.installed: pyproject.toml setup.cfg constraints.txt $(wildcard setup.py)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/pyrnn demo

test: lint types unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

unit: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) -m "not gpu" $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) build out *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage*
