# Everything a contributor or CI does. `make` alone lists the targets.

PYTHON ?= python3
# make run STORE=... : a file; cassandra, a local node that is started; or a URL, cassandra://...
STORE ?=
# make lock UPGRADE=--upgrade moves to the newest versions; without it, pins that still fit stay.
UPGRADE ?=
# make torture: for how long, from which choices (none: random ones), on how many nodes, with what.
SECONDS ?= 600
SEED ?=
NODES ?= 3
FAULTS ?= kill,pause
# make bench BENCH="cassandra --nodes 3": which benchmarks, and how (none: all).
BENCH ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_VERSION := 0.13.9
TOOLS := .tools/uv-$(UV_VERSION)
UV := $(TOOLS)/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
           --custom-compile-command "make lock" $(UPGRADE) pyproject.toml \
           --extra api --extra cassandra
CODE := $(wildcard src tests bench examples docs/conf.py)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format docs bench torture lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

ifeq ($(STORE),)
run: $(VENV)/.run ## Start the service (STORE=cassandra: on a local Cassandra)
	@exec $(BIN)/download-licensing serve
else ifeq ($(STORE),cassandra)
run: $(VENV)/.dev # it starts a node, too
	@exec scripts/serve-on-cassandra $(BIN)
else
run: $(VENV)/.run
	@exec $(BIN)/download-licensing serve --store '$(STORE)'
endif

test: lint ## Lint, then run all tests
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev ## Check style, formatting and types
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy $(CODE)

format: $(VENV)/.dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix-only $(CODE)
	@$(BIN)/ruff format $(CODE)

docs: $(VENV)/.dev ## Build the site into build/docs
	@$(BIN)/python -m sphinx -c docs -d build/doctrees --fail-on-warning --keep-going -q . build/docs
	@echo "build/docs/index.html"

bench: $(VENV)/.dev $(VENV)/.bench ## Run the benchmarks (BENCH: which, and how)
	@$(BIN)/python -m bench $(BENCH)

torture: $(VENV)/.dev ## Torture a Cassandra cluster (SECONDS, SEED, NODES, FAULTS)
	@$(BIN)/python -m tests.torture --seconds $(SECONDS) --nodes $(NODES) --faults $(FAULTS) \
	    $(if $(SEED),--seed $(SEED))

lock: $(UV) ## Write requirements/*.txt anew (UPGRADE=--upgrade for newest versions)
	@$(COMPILE) --group dev --output-file requirements/dev.txt
	@$(COMPILE) --group build --constraint requirements/dev.txt --output-file requirements/run.txt
	@$(COMPILE) --group build --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt

clean: ## Remove everything that can be made again
	@rm -rf $(VENV) .tools build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment serves all three: its locks agree with each other, so they can be installed in
# any order. The stamps lie inside it, so that a new environment starts without them.
$(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing requirements/$*.txt"
	@$(PIP) install --requirement requirements/$*.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@echo "Creating $(VENV)"
	@scripts/create-venv $(PYTHON) $(VENV)

$(UV):
	@scripts/create-venv $(PYTHON) $(TOOLS)
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
