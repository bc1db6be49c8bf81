# lossatlas: what a newcomer types. Needs python3 >= 3.11, make and a C compiler; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# What `make reproduce` reproduces: a folder of experiments/. EXPERIMENT=depth make reproduce
EXPERIMENT ?= sharpness
ALL        := $(patsubst experiments/%/digits.yaml,%,$(sort $(wildcard experiments/*/digits.yaml)))

.DEFAULT_GOAL := help
.PHONY: help venv reproduce list results estimates test test-all lint types bench clean

help:
	@echo "make reproduce  train, survey, draw and judge the experiment '$(EXPERIMENT)' at scale digits"
	@echo "                (EXPERIMENT=... of $(ALL))"
	@echo "make list       every experiment: its question, its cost, its last verdict"
	@echo "make results    reproduce all of them, and rewrite what experiments/ shows"
	@echo "make test       lint, types, docstring examples and the fast tests"
	@echo "make test-all   the slow tests too"
	@echo "make venv       only set up .venv"
	@echo "make bench      run the benchmarks and rewrite their JSON"

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "lossatlas needs Python >= 3.11; found $$($(PYTHON) --version). Set PYTHON=python3.11, say."; exit 1; }
	@echo "Installing into $(VENV): about 6.5 GB with torch's CUDA parts, a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,tensorboard,dashboard,atlas]'
	@touch $@

reproduce: $(STAMP)
	@$(BIN)/lossatlas reproduce $(EXPERIMENT)

list: $(STAMP)
	@$(BIN)/lossatlas reproduce --list

# The pictures and verdicts that experiments/ shows, computed anew where the store lacks them.
results: $(STAMP)
	@for name in $(ALL); do $(BIN)/lossatlas reproduce $$name --publish || exit 1; done

# What scale paper takes, counted anew.
estimates: $(STAMP)
	@for name in $(ALL); do $(BIN)/lossatlas reproduce $$name scale=paper --estimate --publish || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

# Tests take a thread each and go side by side; some measure the machine, so that not all of its cores are taken.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

test: lint types
	$(PYTEST) -m 'not slow and not gpu'

test-all: lint types
	$(PYTEST)

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
