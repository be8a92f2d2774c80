# Every target installs what it needs by itself; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
UV_VERSION := 0.13.9
MEMBERS := $(wildcard libs/*) $(wildcard services/*)
MANIFESTS := pyproject.toml $(MEMBERS:%=%/pyproject.toml)
READY := $(VENV)/.ready
ARGS ?=
RECOGNISERS := ultralytics paddleocr
RECOGNISER_ROOM := services/recognition/engines
# Tests wait more than they work: more workers than cores.
WORKERS ?= 3

.PHONY: help install run up down test test-engines engines check chaos bench bench-stream bench-ledger bench-recognition format lock clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Install everything into the project (.venv), pinned by hashes

run: $(READY) ## Run the platform with its demonstration on http://127.0.0.1:8080 (ARGS=--empty: without it)
	@exec $(VENV)/bin/platekeeper run $(ARGS)

up: $(READY) ## Run the full stack in the background: Kafka, PostgreSQL, HAProxy, each service a process (ARGS: its options)
	@$(VENV)/bin/platekeeper up $(ARGS)

down: $(READY) ## Stop the full stack; what it kept stays
	@$(VENV)/bin/platekeeper down

test: engines check ## Check, then run every test (ARGS: more options for pytest)
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)
	$(if $(ARGS),,@$(VENV)/bin/platekeeper policy matrix --check)

test-engines: $(RECOGNISERS:%=test-engine-%) ## Really run every engine for reading plates, each beside ours, in environments of their own

.PRECIOUS: .engines/%/.ready

test-engine-%: .engines/%/.ready
	PYTHONPATH=.:tests:libs/common:services/recognition:services/recognition/training \
	    .engines/$*/bin/python -m pytest -c services/recognition/engines/pytest.ini --rootdir . --noconftest \
	    tests/recognisers/beside_$*.py $(ARGS)

measure-%: .engines/%/.ready # `platekeeper bench recognition` where that engine is (ARGS: its options)
	PYTHONPATH=.:libs/common:services/recognition .engines/$*/bin/python -c \
	    "import sys; from platekeeper.cli import main; sys.exit(main())" bench recognition --engine $* $(ARGS)

engines: $(READY)
	@nice $(VENV)/bin/python -m platekeeper.stack.fetch >/dev/null 2>&1 & # beside the checks; tests that need one wait

check: $(READY) ## Style, types and import walls
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/platekeeper policy check

chaos: $(READY) ## Kill -9 fifty times in the full stack under load, then count that nothing is lost (ARGS: its options)
	@PYTHONPATH=tests:tests/system $(VENV)/bin/python -m chaos $(ARGS)

bench: $(READY) ## Measure edge reads a second beside bare SQLite, in under a minute (ARGS: its options)
	@$(VENV)/bin/python benchmarks/embedded.py $(ARGS)

bench-stream: $(READY) ## Measure edge reads a second through the full stack beside a bare yardstick, in about ten minutes (ARGS)
	@$(VENV)/bin/python benchmarks/stream.py $(ARGS)

bench-ledger: $(READY) ## Measure access records a second, proved, and the verifying of a million, in some minutes (ARGS)
	@$(VENV)/bin/python benchmarks/ledger.py $(ARGS)

bench-recognition: $(READY) ## Measure frames a second that the recogniser reads beside the ppocr engine, in some minutes (ARGS)
	@$(VENV)/bin/python benchmarks/recognition.py $(ARGS)

format: $(READY) ## Rewrite the code in the house's style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(UV) ## Resolve the dependencies anew into requirements.lock
	$(UV) pip compile $(MANIFESTS) --group build --group dev --universal --generate-hashes --python-version 3.11 \
	    $(foreach member,$(MEMBERS),--no-emit-package platekeeper-$(notdir $(member))) \
	    --no-header --no-annotate --upgrade -o requirements.lock

	$(foreach engine,$(RECOGNISERS),$(UV) pip compile services/recognition/pyproject.toml $(RECOGNISER_ROOM)/requirements.in \
	    --extra $(engine) --override $(RECOGNISER_ROOM)/$(engine)/overrides.txt --universal --generate-hashes \
	    --python-version 3.11 --no-emit-package platekeeper-common --no-header --no-annotate --upgrade \
	    -o $(RECOGNISER_ROOM)/$(engine)/requirements.lock &&) true

clean: ## Remove what was installed and built (var/ stays)
	rm -rf $(VENV) .engines .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(UV):
	@echo "installing uv into .tools"
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.PRECIOUS: .engines/%/.ready
.engines/%/.ready: $(RECOGNISER_ROOM)/%/requirements.lock | $(UV)
	@echo "installing the engine $* into .engines/$*"
	test -x .engines/$*/bin/python || $(UV) venv --python $(PYTHON) .engines/$*
	$(UV) pip sync --python .engines/$*/bin/python --require-hashes $<
	@touch $@

$(READY): requirements.lock $(MANIFESTS) | $(UV)
	@echo "installing Platekeeper into $(VENV)"
	test -x $(VENV)/bin/python || $(UV) venv --python $(PYTHON) $(VENV)
	$(UV) pip sync --python $(VENV)/bin/python --compile-bytecode --require-hashes requirements.lock
	$(UV) pip install --python $(VENV)/bin/python --no-deps --no-build-isolation \
	    $(foreach member,$(MEMBERS),-e ./$(member)) -e .
	@touch $@
