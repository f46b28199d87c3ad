# What people type. Needs Python 3.11 or newer and make; `make run PYTHON=python3.13` takes another Python.

PYTHON ?= python3
VENV = .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet --quiet

.PHONY: help run test lint clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.installed  ## start the service with config/aggregator.yaml; Ctrl-C stops it
	@mkdir -p drop var
	@echo 'Two reports of one event to try it with; in another terminal, type:'
	@echo '    cp config/samples/*.txt drop/'
	@$(VENV)/bin/aggregator --config config/aggregator.yaml run

test: $(VENV)/.installed-dev  ## run all tests
	@$(VENV)/bin/python -m pytest --numprocesses=auto --dist=loadfile

lint: $(VENV)/.installed-dev  ## look for mistakes without running anything
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

clean:  ## remove the environment and caches; what is in drop/ and var/ is yours, and stays
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is made last, so a set-up that was cut short is done again; so it is when the requirements change.
$(VENV)/.installed: pyproject.toml
	@$(check_python)
	@echo 'Setting up $(VENV): done once, takes a minute or two'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo 'Adding the tools for tests to $(VENV)'
	@$(PIP) install --editable '.[dev]'
	@touch $@

check_python = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo 'This needs Python 3.11 or newer, and $(PYTHON) is not. Name another one: make PYTHON=python3.11 $(MAKECMDGOALS)' >&2; \
	exit 1; }
