# `make study` and `make test` are the two commands; both make the environment first, in .venv.

PYTHON ?= python3

BIN := .venv/bin
INSTALLED := .venv/.installed
# Which process does which tests is in tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -q -n auto

.DEFAULT_GOAL := help
.PHONY: help venv study test test-fast test-hosts test-faults check format messages clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(INSTALLED) ## make or update the environment

study: $(INSTALLED) ## run or continue the main study on the embedded corpus
	@echo "Study: seven news sections, tables in results/news7"
	@$(BIN)/python experiments/news7.py --out results/news7

test: $(INSTALLED) ## run all tests but test-hosts and test-faults
	@echo "Tests: all but test-hosts and test-faults"
	@$(PYTEST) -m "not campaign and not hosts"

test-fast: $(INSTALLED) ## run the tests that need no Ray
	@echo "Tests: those that need no Ray"
	@$(PYTEST) -m "not ray and not faults and not campaign and not hosts"

test-hosts: $(INSTALLED) ## run a real `ray up`, and lose a host
	@echo "Tests: ray up on hosts made of namespaces (Linux, root; skipped where they cannot be made)"
	@$(BIN)/python -m pytest -q -m hosts

test-faults: $(INSTALLED) ## run the long tests, then 100 random faults
	@echo "Tests: the long ones"
	@$(BIN)/python -m pytest -q -m campaign
	@echo "Fault campaign: 100 faults, results in results/faults (the same command again goes on)"
	@$(BIN)/python tests/faults/campaign.py --faults 100

check: $(INSTALLED) ## check style, types and layout
	@echo "Style: ruff"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@echo "Types: mypy"
	@$(BIN)/mypy
	@echo "Layout: import-linter"
	@$(BIN)/lint-imports --no-logo

format: $(INSTALLED) ## put the code in form
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

messages: $(INSTALLED) ## bring the Korean catalogue up to date with the code
	@$(BIN)/python tests/language/messages.py

clean: ## remove caches and build outputs; .venv and results stay
	@echo "Removing caches and build outputs; .venv and results stay"
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find al_ray tests experiments -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that works and is new enough is kept, and only brought up to date.
$(INSTALLED): pyproject.toml constraints.txt
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		found=$$($(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null); \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
			echo "Python 3.11 or newer is needed and $(PYTHON) is $${found:-not there}:" \
				"name one, as in make PYTHON=python3.11" >&2; exit 1; }; \
		echo "Environment: making .venv with Python $$found"; \
		$(PYTHON) -m venv --clear .venv; }
	@echo "Environment: installing what constraints.txt pins (minutes the first time)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
