# Every target sets itself up: Python 3.10 or later and make are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/.demo
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTHONS ?= python3.10 python3.11 python3.12 python3.13 python3.14
# More workers than that would spend their time on collecting the tests.
SPREAD := --numprocesses=auto --maxprocesses=8 --dist=worksteal
QUICK := tests/core tests/circuit tests/settings tests/guard tests/telemetry

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage pythons check bench backends e2e suites docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(DEMO): pyproject.toml
	@echo "Setting up $(VENV) with what the demo needs (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable ".[demo]"
	@touch $@

$(STAMP): $(DEMO)
	@echo "Adding to $(VENV) what the tests need (once) ..."
	@$(PIP) --upgrade "pip>=25.1"
	@$(PIP) --group test --group browser --group check --group dashboard
	@touch $@

demo: $(if $(BACKENDS),backends,$(DEMO)) ## watch a shop survive its payment provider; BACKENDS=1 also in Jaeger, Tempo and Prometheus
	@$(BIN)/python -m $(if $(BACKENDS),tests.backends.explore,examples.checkout)

test: $(STAMP) ## run the tests, on all cores
	@$(BIN)/python -m pytest $(SPREAD)

test-fast: $(STAMP) ## run the tests that start no process and no server and take no seconds, on all cores
	@$(BIN)/python -m pytest $(SPREAD) -m "not processes and not slow"

coverage: $(STAMP) ## count the lines and branches that the tests of test-fast run; exits 1 below the floor
	@$(BIN)/coverage run -m pytest --quiet -m "not processes and not slow"
	@$(BIN)/coverage report

pythons: ## run the quick tests on each of PYTHONS that is there
	@for python in $(PYTHONS); do \
		$$python -c "" 2>/dev/null || { echo "$$python is not there: left out"; continue; }; \
		own=$(VENV)-$$(basename $$python)/bin/python; \
		test -x $$own || $$python -m venv $(VENV)-$$(basename $$python); \
		echo "$$($$own --version) ..."; \
		$$own -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1" \
			&& $$own -m pip install --quiet --disable-pip-version-check --editable ".[demo]" --group test \
			&& $$own -m pytest --quiet $(SPREAD) $(QUICK) || exit 1; \
	done

check: $(STAMP) ## lint, types, layers, generated documents, and the wheel in a clean environment
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.house_rules
	@$(BIN)/python docs/build.py --check
	@$(BIN)/python collector-config/grafana/dashboard.py --check
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml \
		.github/ISSUE_TEMPLATE/feature.yml
	@$(BIN)/pre-commit validate-config
	@$(BIN)/python -m tests.wheel

bench: $(STAMP) ## measure against the peers and the bars; exits 1 when a bar is missed
	@$(PIP) -r tests/bench/requirements.txt
	@$(BIN)/python -m tests.bench

backends: $(STAMP) ## build the Collector, Jaeger, Tempo and Prometheus, or find them in OTEL_BREAKER_BACKENDS
	@$(BIN)/python -m tests.backends.build

e2e: backends ## ask the real programs about the demo's outage; exits 1 when an answer is wrong
	@$(BIN)/python -m tests.backends

suites: $(STAMP) ## run third parties' own tests with every function of theirs guarded; LIBRARIES="toolz httpx" only these
	@$(BIN)/python -m tests.suites $(LIBRARIES)

docs: $(STAMP) ## write the generated documents
	@$(BIN)/python docs/build.py
	@$(BIN)/python collector-config/grafana/dashboard.py

clean: ## remove everything that the targets made
	@rm -rf $(VENV) $(VENV)-* build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache demo-output
