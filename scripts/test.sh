#!/usr/bin/env bash
# Everything the gate runs, in the order that fails soonest. Nothing is skipped: a part that cannot
# run fails and says what to do.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

# Tryton's first start takes minutes: its snapshot is made while the quick checks run.
step "preparing Tryton in the background"
mkdir -p .data
export MKTERP_TEST_CLUSTER=1
server=$(.venv/bin/python -m mkterp.postgres up)
tools=$(.venv/bin/python -c "from mkterp import postgres as p; \
print(p.Cluster(p.default_data_dir()).bin_dir)")
.venv/bin/python -m tests.sandbox.erp --prepare --progress --pg-uri "$server" \
    --pg-bin "$tools" --database "prepare_$$" >.data/tryton-prepare.log 2>&1 &
prepare=$!
trap 'kill "$prepare" 2>/dev/null || true' EXIT

step "browser"
scripts/browser.sh

step "lint"
make --no-print-directory lint

step "types"
make --no-print-directory types

step "unit, integration, documents"
.venv/bin/pytest -n 2 --durations=10 tests/unit tests/integration tests/test_docs.py

step "waiting for Tryton's snapshot"
if ! wait "$prepare"; then
    tail -n 40 .data/tryton-prepare.log >&2
    echo "Tryton could not be prepared; its log is .data/tryton-prepare.log" >&2
    exit 1
fi

step "contract: the sandbox, a real Tryton, a real cluster"
.venv/bin/pytest -n 2 --dist loadfile --durations=10 tests/contract

step "browser journey"
.venv/bin/pytest --durations=10 tests/e2e

step "done"
