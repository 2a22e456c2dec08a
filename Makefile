# The only entry: everything there is to do with this checkout.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# `make ui PORT=4000`
PORT ?= 3000
# More arguments for pytest: `make test PYTEST_ARGS='-k drill -x'`
PYTEST_ARGS ?=
# `make bench SIZE=small ROUNDS=1`; medium is what the goals are meant for.
SIZE ?= medium
ROUNDS ?= 3
# Named by PYTHON=..., or the first Python >= 3.11 that is found.
export PYTHON

.PHONY: help demo ui test test-unit lint bench bench-scale venv tools testbed clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: venv tools ## all set-up, then the main job on an embedded platform (no Docker)
	@scripts/run_demo

ui: venv tools ## Dagster's web UI and daemon on what the demo made (PORT=3000)
	@test -f .demo/alt-backup.yaml || { echo "Nothing to show yet: run 'make demo' first." >&2; exit 1; }
	@.venv/bin/python scripts/demo_platform.py start
	@echo "Dagster UI: http://127.0.0.1:$(PORT)  (Ctrl-C ends it)"
	@cd .demo; PATH="$(CURDIR)/.venv/bin:$$PATH" DAGSTER_HOME="$(CURDIR)/.demo/dagster" \
		ALT_BACKUP_CONFIG="$(CURDIR)/.demo/alt-backup.yaml" \
		dagster dev --workspace ../workspace.yaml --host 127.0.0.1 --port $(PORT)

test: venv tools ## all set-up, lint, then the whole test suite, real containers included
	@scripts/run_tests $(PYTEST_ARGS)

test-unit: venv ## the tests that need no service at all
	@.venv/bin/python -m pytest tests/unit $(PYTEST_ARGS)

bench-scale: venv tools ## 200 volumes, 10,000 snapshots, 20,000 proofs: how long one waits (10 min)
	@scripts/install_packages chromium
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m benchmarks.scale

lint: venv ## ruff, mypy, import-linter; all of them, whatever the first one says
	@code=0; \
	.venv/bin/ruff check . || code=1; \
	.venv/bin/ruff format --check . || code=1; \
	.venv/bin/mypy || code=1; \
	.venv/bin/lint-imports --no-cache || code=1; \
	exit $$code

bench: venv tools ## this product beside what it replaces, into docs/ (SIZE=small|medium|large)
	@scripts/docker_engine start
	@scripts/build_test_images
	@scripts/fetch_peer || echo "borgmatic could not be installed: its row will be missing" >&2
	@PATH="$(CURDIR)/.venv/bin:$(CURDIR)/.testbed/peer/bin:$$PATH" \
		.venv/bin/python -m benchmarks --size $(SIZE) --rounds $(ROUNDS)

venv: ## .venv/ with the product and its tools (again when pyproject.toml changed)
	@scripts/create_venv

# (The PostgreSQL wheels know no time zone but the system's, and slim systems have none.)
tools: venv ## restic >= 0.17.1 as .venv/bin/restic
	@scripts/fetch_restic
	@test -e /usr/share/zoneinfo/UTC || scripts/install_packages tzdata

testbed: venv ## engines, Docker, test images and SFTP server, installed and started where missing
	@scripts/prepare_sftp_server
	@scripts/install_packages iproute2 redis-server prometheus busybox curl chromium
	@scripts/docker_engine start
	@scripts/fetch_compose
	@scripts/build_test_images
	@scripts/build_backup_image alt-backup-test/backup:1

clean: ## stop the demo's servers and our Docker engine, remove all that was made here
	@if [ -d .demo ]; then python3 scripts/demo_platform.py stop; fi
	@scripts/docker_engine stop
	@rm -rf .demo .testbed .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	@find . -path ./.git -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -type d -print0 | xargs -0r rm -rf
