# Everything here needs Python 3.11 or newer and make, nothing else. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile --no-input
USE := $(VENV)/.installed-requirements
DEVELOP := $(VENV)/.installed-requirements-dev
SEGMENT := $(VENV)/sdks/segment-2.3.3
UV ?= uv
COMPILE := $(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-annotate --no-header --quiet
ARGS ?=

# Tests start hundreds of commands: without compiled modules each would compile everything it imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-fast check bench lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: $(USE) ## start everything and send a year of real customers through it (ARGS=--exit: and stop)
	@$(BIN)/cdp demo $(ARGS)

up: $(USE) ## start the databases, the API and the projector
	@$(BIN)/cdp up $(ARGS)

down: $(USE) ## stop them
	@$(BIN)/cdp down

test: $(DEVELOP) $(SEGMENT) ## run all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

test-fast: $(DEVELOP) $(SEGMENT) ## run the tests that are quick
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" --hypothesis-profile fast $(ARGS)

check: $(DEVELOP) ## check format, lint, types and the direction of imports
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(DEVELOP) ## measure the numbers in docs/benchmarks.md (a few minutes)
	@$(BIN)/python -m benchmarks $(ARGS)

lock: pyproject.toml ## choose the newest versions and write both requirements files (needs uv)
	@$(COMPILE) --upgrade --all-extras --group dev pyproject.toml --output-file requirements-dev.txt
	@$(COMPILE) --upgrade --extra demo --group build --constraint requirements-dev.txt pyproject.toml --output-file requirements.txt

clean: ## remove .venv and the caches; the data in .cdp stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: $(PYTHON) is missing or older than Python 3.11. Install Python 3.11 or newer," >&2; \
		echo "or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "make: $(PYTHON) cannot make a virtual environment; on Debian install python3-venv." >&2; \
		rm -rf $(VENV); exit 1; }

# Each lock includes what the project needs to be installed without a build environment (setuptools).
$(USE): requirements.txt pyproject.toml | $(BIN)/python
	@echo "installing what cdp needs into $(VENV) (about half a minute)"
	@$(PIP) --require-hashes --requirement requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOP): requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "installing what development needs into $(VENV) (about a minute)"
	@$(PIP) --require-hashes --requirement requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(USE)

# The last release of this client that takes only status 200 for success; it cannot stand beside the newer one.
$(SEGMENT): tests/sdks/segment-2.3.3.txt | $(DEVELOP)
	@rm -rf $@
	@$(PIP) --require-hashes --no-deps --requirement $< --target $@
	@touch $@
