# The verbs of rayce; `make help` lists them. Each sees to the environment (.venv) first, which costs nothing once it is there.
# ARGS are handed to the program: make demo ARGS="--once --weeks 1".

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo shop test test-slow fuzz check format bench docs

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=
PYTHON ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED) ## make .venv with the pinned packages (Python 3.11 or newer; PYTHON=… names one)

demo: $(INSTALLED) ## real shopping through the whole loop, with a page
	$(BIN)/python -m examples.demo $(ARGS)

shop: $(INSTALLED) ## a web shop on rayce, beside a running `rayce up`
	$(BIN)/python -m examples.shop $(ARGS)

# What fails is run once more by itself, and both runs are in the output: a test of real servers may lose a race on a busy
# machine, which is a defect to report, but not a reason to throw a change away. What is really broken fails twice.
pytest = $(BIN)/python -m pytest -m $(1) $(ARGS) || $(BIN)/python -m pytest -m $(1) $(ARGS) --last-failed --last-failed-no-failures none

test: $(INSTALLED) ## the tests
	$(call pytest,"not slow")

test-slow: $(INSTALLED) ## the tests that start whole clusters and kill their parts
	$(call pytest,slow)

fuzz: export RAYCE_FUZZ_CASES = 2000
fuzz: $(INSTALLED) ## 2,000 cases of every HTTP call, with stores and without (an hour or so)
	$(BIN)/python -m pytest tests/deployments/test_openapi_fuzz.py $(ARGS)

check: $(INSTALLED) ## ruff, its formatter, mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(INSTALLED) ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED) ## every benchmark; refreshes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(INSTALLED) ## the site, into site/
	$(BIN)/zensical build --clean --strict

# The first Python that is new enough and can make environments; a shim that leads nowhere does not count.
$(INSTALLED): requirements/all.txt pyproject.toml
	@if ! $(BIN)/python -c '' 2> /dev/null; then \
		for python in $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3); do \
			if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
				echo "$(VENV): made with $$("$$python" --version)"; \
				exec "$$python" -m venv --clear $(VENV); \
			fi; \
		done; \
		echo "rayce needs Python 3.11 or newer with its venv module, and none was found." >&2; \
		echo "Debian, Ubuntu: apt install python3 python3-venv. Or name one: make setup PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi
	@echo "installing the packages of requirements/all.txt; with downloads this takes some minutes"
	@PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --progress-bar off --require-hashes -r requirements/all.txt | \
		sed -un -e '/^Collecting/{s/^Collecting /  /;s/ (from.*//;p}' -e '/^Installing/s/ collected.*/ …/p'
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
