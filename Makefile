# Two commands for newcomers: `make demo` and `make test`. Both set up .venv first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTEST_ARGS ?=

.PHONY: help demo test lint types unit docs clean

help:
	@echo "make demo   train the 3-bit flip-flop, map its dynamics, write out/flipflop/"
	@echo "make test   lint, types and all tests"
	@echo "make docs   build the documentation, docs/_build/html/index.html"
	@echo "make clean  remove the environment and everything that was built"

# Installed anew when one of these files changes. The demo needs the package alone.
PACKAGING := pyproject.toml setup.cfg setup.py constraints.txt $(wildcard pyrnn/unroll/*.cpp pyrnn/unroll/*.h)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(VENV)/.package: $(PACKAGING) | $(BIN)/python
	$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(PACKAGING) | $(BIN)/python
	$(PIP) -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.package

demo: $(VENV)/.package
	$(BIN)/pyrnn demo

test: lint types unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) -m "not gpu" $(PYTEST_ARGS)

docs: $(VENV)/.dev
	$(PIP) -c constraints.txt -e ".[docs]"
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) build out docs/_build docs/gallery docs/api/generated docs/_static/scenes *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage*
