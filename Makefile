# Every target creates `.venv` by itself; `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
BENCH ?= all --json docs/plots/measured.json --plots docs/plots

.PHONY: demo test check format lint types bench fuzz sweep clean

$(BIN)/activate:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: pyproject.toml | $(BIN)/activate
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/activate
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	-$(BIN)/python -m pip install --quiet 'torch==2.13.0'
	touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

demo: $(VENV)/.demo
	$(BIN)/symcalc derive "||X||_F^2" X --steps --verify

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS)

check: format lint types test

format: $(VENV)/.test
	$(BIN)/ruff format --check symcalc tests benchmarks examples

lint: $(VENV)/.test
	$(BIN)/ruff check symcalc tests benchmarks examples

types: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(BENCH)

fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz 10000 1

sweep: $(VENV)/.test
	$(BIN)/python -m tests.sweep

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
