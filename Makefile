# What an engineer types: `make run` serves the site, `make test` proves it. What they make stays in .venv and .data.

VENV := .venv
BIN := $(VENV)/bin
# The tests' own servers and files, so that they never disturb a running site.
TEST_DATA := $(or $(DATA_DIR),.data)/test

.PHONY: help run demo test lint bench chaos topologies screenshots clean
.DEFAULT_GOAL := help

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 12

run: $(VENV)/installed ## serve the site until Ctrl-C
	@exec $(BIN)/python -m config.run

demo: $(VENV)/installed ## print the running site's address and tokens
	@$(BIN)/python -m config.demo

test: lint ## check everything
	DATA_DIR=$(TEST_DATA) $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/installed-dev ## check style, types and who imports whom
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy --no-error-summary

bench: $(VENV)/installed-dev ## measure it against itself and PostgreSQL; writes benchmarks/results.md
	DATA_DIR=$(or $(DATA_DIR),.data)/bench $(BIN)/python -W ignore -m benchmarks $(BENCH_ARGS)

chaos: $(VENV)/installed-dev ## break everything for MINUTES (10) under load, and check every promise
	DATA_DIR=$(or $(DATA_DIR),.data)/chaos $(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(CHAOS_ARGS)

topologies: $(VENV)/installed-dev ## fail over PostgreSQL and lose commits; keep pricing busy; put two sites on one Redis
	$(BIN)/python -m tests.topologies.failover
	DATA_DIR=$(or $(DATA_DIR),.data)/topologies $(BIN)/python -m tests.topologies.busy_pricing
	DATA_DIR=$(or $(DATA_DIR),.data)/topologies $(BIN)/python -m tests.topologies.two_sites

screenshots: $(VENV)/installed-dev ## photograph every page of the running site into docs/screenshots
	@DJANGO_SETTINGS_MODULE=config.settings $(BIN)/python -m tests.browser.screenshots

clean: ## remove everything that was made, data included; refuses while it is in use
	@python=$$($(FIND_PYTHON)) && $$python -m config.clean
	rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis .coverage* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- The virtualenv: made once, installed into again only when the requirements have changed ---------------

define FIND_PYTHON
for python in python3.11 python3 python3.12 python3.13; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; exit; fi; \
done; echo "Python 3.11 or later is needed." >&2; exit 1
endef

$(VENV)/made:
	@python=$$($(FIND_PYTHON)) && if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$python can make no virtualenv; on Debian: apt-get install python3-venv" >&2; exit 1; fi; \
	echo "Making $(VENV) ..."; $$python -m venv --clear $(VENV)
	@touch $@

$(VENV)/installed: requirements.txt | $(VENV)/made
	@echo "Installing what the site needs ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@
