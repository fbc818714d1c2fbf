# make demo   the whole quickstart, from nothing: set-up in .venv, data, training, report
# make test   the test suite, from nothing
# Both are quick when nothing changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint types layers bench clean

demo: $(STAMP)
	$(BIN)/catena run quickstart

test: $(STAMP)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(TESTS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/pyright

layers: $(STAMP)
	$(BIN)/python -m pytest -q tests/test_layers.py

# PyTorch first and by its exact version: where a CPU build can be had it is taken, and the other packages keep it.
$(STAMP): pyproject.toml
	$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 13) else f'Python 3.11 or 3.12 is needed, {sys.version.split()[0]} was found; name one with make PYTHON=python3.11')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[taxonomy,train,dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
