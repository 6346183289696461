# Onlooker: `make demo` shows the whole system on real footage, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PYTEST := $(BIN)/pytest
FAST := not slow

.PHONY: help setup demo test slowest check format lint types contract chaos endurance bench measure up down clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.runtime: pyproject.toml requirements.lock
	@if [ -z "$(PYTHON)" ]; then echo "Onlooker needs Python 3.11 or newer with venv: apt-get install python3 python3-venv" >&2; exit 3; fi
	@echo "Installing into $(VENV) (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

setup: $(VENV)/.dev  ## create .venv with everything that the tests need
	@$(BIN)/onlooker models prepare --samples

demo: $(VENV)/.runtime  ## the whole pipeline on real footage, without a server
	@$(BIN)/onlooker demo

test: setup  ## every test
	$(PYTEST) -n 2 --junitxml=.pytest_cache/last-run.xml

slowest: $(VENV)/.dev  ## the twenty slowest tests of the last `make test`
	@$(BIN)/python -m tests.slowest

check: setup format lint types contract  ## format, lint, types, import contract, the fast tests
	$(PYTEST) -n 2 -m "$(FAST)"

format: $(VENV)/.dev  ## check the format
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev  ## lint, sizes of files and functions
	$(BIN)/ruff check .
	$(BIN)/python tests/sizes.py

types: $(VENV)/.dev  ## mypy --strict
	$(BIN)/mypy

contract: $(VENV)/.dev  ## who may import whom
	$(BIN)/lint-imports --no-cache

chaos: setup  ## kill every service again and again during a long stream, and compare the rows (15 minutes)
	$(BIN)/python -m tests.chaos

endurance: setup  ## run the services over two live stands for an hour, and see what their memory does
	$(BIN)/python -m tests.endurance

bench: setup  ## the benchmarks
	$(BIN)/onlooker bench perception
	$(BIN)/onlooker bench stream

measure: setup  ## the accuracy table of the README, on the data found by ONLOOKER_DATA
	$(BIN)/python -m onlooker.lab.accuracy

up:  ## the whole system with Docker: Kafka, ClickHouse, capture, workers, sink, Grafana
	docker/secrets.sh
	docker compose -f docker/compose.yaml up --build --detach --wait

down:  ## stop what `make up` started; the data stays
	docker compose -f docker/compose.yaml down

clean:  ## remove what was built here
	rm -rf $(VENV) build dist demo-data onlooker-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
