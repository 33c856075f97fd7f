PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/.installed

# Tests and demo start hundreds of Python processes: each would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test drills systems lint bench bench-gates dist readme recording man
help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Tealmesh needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + \
	  ": run `make PYTHON=python3.11`, or whichever you have")'
	@echo "installing into $(VENV), which takes about a minute…"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) pip==26.3 # the one that comes with Python 3.11 takes twice the time
	$(INSTALL) --no-deps --no-compile -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	$(PY) -m compileall -q -j 0 $(VENV)/lib
	@touch $@

demo: $(STAMP) ## From version 1 to version 2 under load, on this machine
	$(VENV)/bin/teal demo

test: $(STAMP) ## Run all tests
	$(PY) -m pytest -n 5

drills: $(STAMP) ## Run the long forms of tests, some 20,000 requests each
	$(PY) -m pytest -n 2 -m drill
	TEALMESH_TEST_THOROUGH=1 $(PY) -m pytest -n 2 -m 'hypothesis and not drill'
	TEALMESH_TEST_THOROUGH=1 $(PY) -m pytest tests/envoy/test_generated.py

systems: $(STAMP) ## Apply five Terraform systems in the style of public ones, with traffic
	$(PY) -m pytest -m drill tests/terraform/test_systems.py

lint: $(STAMP) ## ruff, mypy --strict and the import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(STAMP) ## Measure; writes bench/results.json
	$(PY) -m bench

bench-gates: $(STAMP) ## Simulate releases: what the comparing gate promises, beside other rules
	$(PY) -m bench.gates

dist: $(STAMP) ## Build a wheel and check it in an empty environment; writes dist/
	rm -rf build dist
	$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	.ci/check-wheel dist/*.whl

readme: $(STAMP) ## Run the README's commands in a fresh clone
	$(PY) docs/readme.py

recording: $(STAMP) ## Record the README's first minutes and docs/screens.md
	$(PY) docs/record.py
	$(PY) docs/screens.py

man: $(STAMP) ## Write man pages of all commands to build/man
	$(PY) docs/man.py build/man
