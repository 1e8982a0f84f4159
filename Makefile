# Every target sets up what it needs first; a second call skips what is done.

.DEFAULT_GOAL := help
.PHONY: help setup demo test conformance decision-tables vectors models lint sanitize bench \
	bench-swap fuzz \
	interop-server train format clean

# The Python that .venv is made from.
PYTHON = $(shell scripts/choose-python.sh)
# Where interop-server listens.
PORT ?= 10000
# How long each fuzzer runs.
SECONDS ?= 60
# Where the cases of others are looked for.
conformance: CASES ?= ../shared/conformance/cel
decision-tables: CASES ?= ../shared/conformance/decision_tables
vectors: CASES ?= ../shared/vectors
models: CASES ?= ../shared/conformance/models

VENV := .venv
BIN := $(VENV)/bin
JOBS := $(shell nproc)
NATIVE := $(MAKE) --no-print-directory --silent -C native -j$(JOBS) PYTHON=$(CURDIR)/$(BIN)/python
PYTEST := $(BIN)/python -m pytest

SYSTEM_READY := build/setup/system
VENV_READY := $(VENV)/.fenqi-installed
EXTENSIONS_READY := build/setup/extensions
EXTENSION_SOURCES := setup.py $(shell find native proto src/fenqi/lab -name '*.cc' -o -name '*.h' \
	-o -name '*.proto' -o -name '*.pyx' -o -name Makefile -o -name generate_contract.py)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(EXTENSIONS_READY) ## Install what is missing, make .venv, build the core and the extensions

demo: setup ## Score real applications through the RPC, print a summary, keep serving until Ctrl-C
	@$(BIN)/fenqi demo

test: setup ## Run the C++ tests, then pytest
	@$(NATIVE) test
	@$(PYTEST)

conformance: setup ## Run the CEL specification's cases below CASES=<folder>; WHY=1 says what went wrong
	@if [ -d "$(CASES)" ]; then $(BIN)/python -m tests.policy.conformance $(if $(WHY),--why) "$(CASES)"; \
	else echo "there is no folder $(CASES); name one with conformance cases: make conformance CASES=<folder>"; fi

lint: setup ## Check style, types and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@scripts/lint-native.sh

sanitize: setup ## Run core and server tests under ASan+UBSan, then under TSan
	@scripts/sanitize.sh $(BIN)/python

bench: setup ## Measure against peers in the same run; writes bench/results/
	@$(BIN)/python -m bench

bench-swap: setup ## Measure what swaps of model and policy cost under load; writes bench/results/swap.json
	@$(BIN)/python -m bench swap

decision-tables: setup ## Run the decision tables below CASES=FOLDER against index, scan and analysis
	@$(BIN)/python -m tests.policy.decision_table_cases $(CASES)

fuzz: setup ## Run every fuzzer for SECONDS=60 each (needs clang)
	@$(NATIVE) fuzz SECONDS=$(SECONDS)

vectors: setup ## Run the published annual rates and schedules in CASES=<folder>
	@$(BIN)/python -m tests.offers.vectors $(CASES)

models: setup ## Run the ONNX models below CASES=<folder> on the rows that come with them
	@$(BIN)/python -m tests.artifacts.model_cases $(CASES)

interop-server: setup ## Serve gRPC's own grpc.testing.TestService on PORT=10000
	@$(NATIVE) tools
	@exec build/native/release/bin/interop --address=127.0.0.1 --port=$(PORT)

train: setup ## Train the bundled models again, from the bundled data
	@$(BIN)/python -m models.training

format: setup ## Let the formatters decide the layout
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	git ls-files '*.cc' '*.h' | xargs clang-format -i

clean: ## Remove everything that was built, but not .venv
	rm -rf build
	find src -name '*.so' -delete -o -name '*_pb2.py' -delete -o -name '*_pb2.pyi' -delete \
		-o -name '*_pb2_grpc.py' -delete

$(SYSTEM_READY): scripts/setup-system.sh
	@scripts/setup-system.sh $(PYTHON)
	@mkdir -p $(@D) && touch $@

$(VENV_READY): pyproject.toml | $(SYSTEM_READY)
	@test -x $(BIN)/python || { echo "Making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing Fenqi and its tools into $(VENV), building the core: takes some minutes once"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	@touch $@

$(EXTENSIONS_READY): $(VENV_READY) $(EXTENSION_SOURCES)
	@echo "Building the core and the extensions"
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@mkdir -p $(@D) && touch $@
