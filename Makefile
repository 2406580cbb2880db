# The only list of commands. `make` shows it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv/bin
PY := $(VENV)/python

.PHONY: help venv demo demo-reset test run worker lint types unit integration contract e2e gallery bench faults

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: ## make .venv from the pinned, hashed requirements (does nothing when it is up to date)
	@scripts/bootstrap.sh

demo: venv ## the whole product with a sandbox marketplace and a real Tryton; Ctrl-C stops it
	@$(PY) manage.py demo

demo-reset: venv ## forget the demo's data; the next `make demo` starts afresh
	@$(PY) manage.py demo --reset

run: venv ## the web server alone, on http://127.0.0.1:8000
	@$(PY) manage.py migrate --verbosity 0
	@$(VENV)/gunicorn mkterp.wsgi --bind 127.0.0.1:8000 --workers 2 --threads 4 --no-control-socket

worker: venv ## one worker that executes tasks and schedules
	@$(PY) manage.py worker

lint: venv ## style, imports, templates, settings, migrations
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@told=$$($(VENV)/lint-imports --no-cache) || { echo "$$told" | tail -n 30; exit 1; }
	@$(VENV)/djlint templates --lint --quiet
	@$(PY) manage.py makemigrations --check --dry-run --verbosity 0
	@MKTERP_HTTPS=1 $(PY) manage.py check --deploy --fail-level WARNING
	@scripts/no_addresses.sh

types: venv ## mypy, strict
	@$(VENV)/mypy

unit: venv ## pure code: seconds
	@$(VENV)/pytest tests/unit

integration: venv ## services and screens on PostgreSQL
	@$(VENV)/pytest tests/integration

contract: venv ## the other sides: sandbox over HTTP, a real Tryton, a real cluster
	@$(VENV)/pytest tests/contract

e2e: venv ## the journeys in a real browser; pictures land in tests/screenshots
	@scripts/browser.sh >/dev/null
	@$(VENV)/pytest tests/e2e

gallery: venv ## a picture of every page at three sizes, light and dark, in the folder gallery
	@scripts/browser.sh >/dev/null
	@$(PY) -m tests.e2e.gallery

test: venv ## everything, as the gate runs it
	@scripts/test.sh

bench: venv ## what is claimed about speed, measured beside a peer; writes bench.json
	@$(PY) -m tests.bench

SEED ?= 3
FAULTS ?= 10000
faults: venv ## kills, cuts and lost answers, then the far sides are asked; SEED=3 FAULTS=10000
	@$(PY) -m tests.faults --seed $(SEED) --faults $(FAULTS)
