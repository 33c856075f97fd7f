PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Every file that is installed has one of the hashes in the lock, whichever index it comes from.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps
LOCKED := $(INSTALL) --require-hashes
STAMP := $(VENV)/.installed
DEVELOPMENT := $(VENV)/.installed-for-development
# For the locks, the bill of materials and fuzzing, apart from what runs and what tests.
TOOLS := $(VENV)/tools
TOOLBOX := $(TOOLS)/.installed

# Tests and demo start hundreds of Python processes: each would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help dashboard demo test test-cost scenarios drills long soak soak-page soak-short soak-memory systems rehearse-aws lint bench bench-gates dist readme recording screenshots man lock sbom audit fuzz
help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Tealmesh needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + \
	  ": run `make PYTHON=python3.11`, or whichever you have")'
	@echo "installing into $(VENV), which takes about a minute…"
	$(PYTHON) -m venv $(VENV)
	$(PY) $(LOCKED) -r requirements-build.lock
	$(PY) $(LOCKED) --no-compile -r requirements.lock
	$(PY) $(INSTALL) --no-build-isolation -e .
	$(PY) -m compileall -q -j 0 $(VENV)/lib
	@touch $@

$(DEVELOPMENT): $(STAMP) requirements-dev.lock
	@echo "installing what tests and checks need…"
	$(PY) $(LOCKED) --no-compile -r requirements-dev.lock
	$(PY) -m compileall -q -j 0 $(VENV)/lib
	@touch $@

$(TOOLBOX): $(STAMP) requirements-tools.lock
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python $(LOCKED) -r requirements-build.lock
	$(TOOLS)/bin/python $(LOCKED) -r requirements-tools.lock
	@touch $@

# Does nothing where the sources are those of what is built.
PAGE = $(PY) dashboard/build.py
dashboard: $(STAMP) ## Build the page at /_teal/, which demo and test do where they can
	$(PAGE) build

demo: $(STAMP) ## From version 1 to version 2 under load, on this machine
	@$(PAGE) --optional build
	$(VENV)/bin/teal demo

WORKERS = 4
test: $(DEVELOPMENT) ## Run the tests: 8 minutes on two cores
	@$(PAGE) --optional build
	@$(PAGE) --optional test & page=$$!; $(PY) -m pytest -n $(WORKERS); tests=$$?; wait $$page && exit $$tests

scenarios: $(DEVELOPMENT) ## Run the longer stories of whole systems, as the gate does after the tests
	@$(PAGE) --optional build
	$(PY) -m pytest -n $(WORKERS) -m 'scenario and not drill' $$(grep -rl mark.scenario tests --include="test_*.py")

# As root: each worker has a control group of its own.
test-cost: $(DEVELOPMENT) ## Run the tests and say what each costs the processor: build/test-cost.jsonl
	@mkdir -p build
	TEALMESH_TEST_COST=build/test-cost.jsonl $(PY) -m pytest -n $(WORKERS)

DRILLED = build/drills.jsonl
drills: $(DEVELOPMENT) ## Kill, stop, cut and fill up what there is, under load; writes docs/drills.md
	@rm -f $(DRILLED)
	@TEALMESH_DRILL_RESULTS=$(DRILLED) $(PY) -m pytest -m '' tests/drills; status=$$?; \
	  $(PY) docs/drills.py $(DRILLED) && exit $$status

long: $(DEVELOPMENT) ## Run the long forms of tests, some 20,000 requests each
	$(PY) -m pytest -n 2 -m drill --ignore tests/drills
	TEALMESH_TEST_THOROUGH=1 $(PY) -m pytest -n 2 -m 'hypothesis and not drill'
	TEALMESH_TEST_THOROUGH=1 $(PY) -m pytest tests/envoy/test_generated.py tests/rollout/machine/test_machine.py

soak: $(DEVELOPMENT) ## 3,000,000 requests, 100 blue/green cycles, two replicas, a kill a minute; SECONDS=3600 RATE=1300
	$(PY) -m bench.soak --seconds $(or $(SECONDS),3600) --rate $(or $(RATE),1300)

soak-page: $(DEVELOPMENT) dashboard ## Leave the page open for an hour of deployments and crashes; SECONDS=600
	TEALMESH_SOAK_SECONDS=$(or $(SECONDS),3600) $(PY) -m pytest -s -m '' tests/dashboard/test_soak.py

soak-short: $(DEVELOPMENT) ## Deploy for 8 minutes at full load: no request may be lost; SECONDS=480
	$(PY) -m bench.soak_short --seconds $(or $(SECONDS),480)

soak-memory: $(DEVELOPMENT) ## Change, connect and disconnect for half an hour: memory stays; SECONDS=1800
	$(PY) -m bench.soak_memory --seconds $(or $(SECONDS),1800)

systems: $(DEVELOPMENT) ## Apply five Terraform systems in the style of public ones, with traffic
	$(PY) -m pytest -m drill tests/terraform/test_systems.py

rehearse-aws: $(DEVELOPMENT) ## Play AWS by our own cloud, apply the modules, release under load; writes docs/rehearsal-aws.md
	TEAL_REHEARSAL_REPORT=1 $(PY) -m pytest -s -m drill tests/rehearsal

lint: $(DEVELOPMENT) ## ruff, mypy --strict, the import contracts, and the page's code
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PAGE) --optional check

bench: $(DEVELOPMENT) ## Measure; writes bench/results.json
	$(PY) -m bench

bench-gates: $(DEVELOPMENT) ## Simulate releases: what the comparing gate promises, beside other rules
	$(PY) -m bench.gates

dist: dashboard ## Build a wheel and check it in an empty environment; writes dist/
	rm -rf build dist
	$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	.ci/check-wheel dist/*.whl

readme: $(DEVELOPMENT) ## Run the README's commands in a fresh clone
	$(PY) docs/readme.py

recording: $(DEVELOPMENT) ## Record the README's first minutes and its terminal, and docs/screens.md
	$(PY) docs/record.py
	$(PY) docs/film.py
	$(PY) docs/screens.py

screenshots: $(DEVELOPMENT) dashboard ## Take pictures of every page, into build/screenshots; those of the README too
	$(PY) docs/screenshots.py
	$(PY) docs/screenshots.py --readme

man: $(DEVELOPMENT) ## Write man pages of all commands to build/man
	$(PY) docs/man.py build/man

COMPILE = $(TOOLS)/bin/uv pip compile --quiet --no-annotate --universal --python-version 3.11 \
  --generate-hashes --custom-compile-command 'make lock' $(UPGRADE)
lock: $(TOOLBOX) ## Write the locks anew, with hashes; UPGRADE=--upgrade for newer versions
	$(COMPILE) --group build -o requirements-build.lock
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --group tools -o requirements-tools.lock
	$(COMPILE) --group node -o requirements-node.lock
	$(VENV)/bin/python images/requirements.py

sbom: $(TOOLBOX) ## Write build/sbom.json: CycloneDX, of what runs (requirements.lock)
	mkdir -p build
	PYTHONWARNINGS=ignore $(TOOLS)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
	  --output-reproducible --validate -o build/sbom.json

audit: $(TOOLBOX) ## Ask for known vulnerabilities of what runs, where the database can be reached
	@.ci/audit requirements.lock || [ $$? = 2 ] # 2: it has said that nobody could be asked

# atheris is beside what runs: its environment first, then ours for all that it looks at.
fuzz: $(TOOLBOX) $(DEVELOPMENT) ## A minute of fuzzing (atheris) at each door; SECONDS=60
	PYTHONPATH="$$($(TOOLS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
	  $(PY) -m tests.security.fuzz $(or $(SECONDS),60)
