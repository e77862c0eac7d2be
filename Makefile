# `make` alone prints the commands. CI runs the same ones.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
ARGS ?=

.PHONY: help setup lock demo registry test lint types contracts unit contract simulation integration long foreign e2e chaos bench bench-peers format clean

help: ## print the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv from the lock file (a second run is instant and offline)
	@bash infra/local/setup.sh

demo: setup ## everything from nothing, on real data, live (ARGS="--headless --report FILE.json" for machines)
	@$(BIN)/hitl demo $(ARGS)

registry: setup ## a schema registry with our schemas, to try it: in the foreground, in memory, until Ctrl-C
	@$(BIN)/hitl schemas serve $(ARGS)

test: setup lint types contracts unit contract simulation integration foreign ## what a change must pass: a quarter of an hour on 2 cores, and the desk in a browser where one is

lint: setup ## style and formatting of imports
	@echo '== lint'
	@$(BIN)/ruff check .

types: setup ## mypy --strict, tests included
	@echo '== types'
	@$(BIN)/mypy --strict

contracts: setup ## who may import whom
	@echo '== import contracts'
	@$(BIN)/lint-imports

unit: setup ## pure parts, and the facts they must reproduce (ARGS for pytest, as in ARGS="-k routing")
	@echo '== unit tests'
	@$(BIN)/pytest -q -n 2 tests/unit tests/acceptance $(ARGS)

contract: setup ## schemas, topics, commands: laws over all members
	@echo '== contract tests'
	@$(BIN)/pytest -q -n 2 tests/contract $(ARGS)

simulation: setup ## the whole topology on the simulated log, thousands of seeded schedules
	@echo '== simulation'
	@$(BIN)/pytest -q -n 2 tests/simulation $(ARGS)

integration: setup ## on a real broker
	@echo '== integration tests'
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m 'not long' tests/integration $(ARGS)

long: setup ## the other tests on a real broker: secured, hanging, killed, watched, as a demo
	@echo '== long integration tests'
	@$(BIN)/pytest -q -m long tests/integration $(ARGS)

foreign: setup
	@echo '== end-to-end tests'
	@$(BIN)/pytest -q tests/e2e $(ARGS)

e2e: setup ## apps in other languages, the desk in a browser, sign-in by a real Keycloak; first installs what they need
	@REQUIRE_KEYCLOAK=1 bash tests/e2e/setup.sh
	@REQUIRE_FOREIGN=1 REQUIRE_BROWSER=1 REQUIRE_KEYCLOAK=1 $(MAKE) foreign

chaos: setup ## long: a million simulated requests, 50 kills on the real broker, 50 people at the desk for 10 minutes
	@echo '== chaos'
	@$(BIN)/pytest -v -n 2 tests/chaos/test_million.py $(ARGS)
	@$(BIN)/pytest -v -s tests/chaos/test_kills.py $(ARGS)
	@$(BIN)/pytest -v -s tests/chaos/test_crowd.py $(ARGS)

bench: setup ## long: throughput, latency and CPU of each stage on the real broker
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-peers: setup ## long: the same job in other frameworks, each in an environment of its own
	@$(BIN)/python -m tests.benchmarks.peers $(ARGS)

format: setup ## fix what ruff can fix
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: setup ## resolve the lock files anew (ARGS="--upgrade" for newer versions)
	@compile() { $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate $(ARGS) "$$@"; }; \
	  compile pyproject.toml --group dev -o requirements.lock; \
	  compile pyproject.toml --group dev --extra torch -c requirements.lock -o requirements-torch.lock; \
	  compile -o requirements-uv.lock - <<< "$$(grep -o '^uv==[0-9.]*' requirements.lock)"

clean: ## remove caches of the tools (not the environment, not any data)
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
