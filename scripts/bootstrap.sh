#!/usr/bin/env bash
# Make .venv from the pinned, hashed requirements, with uv when it is there, else with venv and pip.
# Does nothing when .venv is up to date. PYTHON names the interpreter to use.
set -euo pipefail
cd "$(dirname "$0")/.."

# A virtual environment holds absolute paths, so it is only good where it was made.
stamp() { printf '# %s\n' "$PWD"; cat requirements.lock; }
if [ -x .venv/bin/python ] && stamp | cmp -s - .venv/.made-from; then
    exit 0
fi

say() { printf '%s\n' "$*" >&2; }
good() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    if ! good "$PYTHON"; then
        say "PYTHON=$PYTHON is not a Python 3.11 or newer: $("$PYTHON" --version 2>&1 || true)"
        exit 1
    fi
else
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if command -v "$candidate" >/dev/null && good "$candidate"; then
            PYTHON=$candidate
            break
        fi
    done
    if [ -z "${PYTHON:-}" ]; then
        say "No Python 3.11 or newer found ($(python3 --version 2>&1 || true))."
        say "Install one, or name it: make PYTHON=/path/to/python3.12"
        exit 1
    fi
fi
# Several programs called python are shims that ask the folder they stand in; this is the real one.
PYTHON=$("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))')
unset VIRTUAL_ENV PYTHONHOME

version() { "$1" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null || true; }
if [ -e .venv ] && { [ ! -f .venv/.made-from ] ||
    [ "$(head -n 1 .venv/.made-from)" != "# $PWD" ] ||
    [ "$(version .venv/bin/python)" != "$(version "$PYTHON")" ]; }; then
    rm -rf .venv
fi
rm -f .venv/.made-from

say "Making .venv with $("$PYTHON" --version) (seconds with uv, about half a minute with pip)"
if command -v uv >/dev/null; then
    export UV_PYTHON_DOWNLOADS=never
    [ -x .venv/bin/python ] || uv venv --quiet --python "$PYTHON" .venv
    uv pip sync --quiet --require-hashes --python .venv/bin/python requirements.lock
else
    # One that uv made has no pip in it.
    if [ -x .venv/bin/python ] && ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        rm -rf .venv
    fi
    if [ ! -x .venv/bin/python ] && ! "$PYTHON" -m venv .venv; then
        rm -rf .venv
        say "This Python cannot make virtual environments. Install its venv package"
        say "(on Debian and Ubuntu: apt-get install python3-venv), or install uv."
        exit 1
    fi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes --no-deps --requirement requirements.lock
fi
stamp >.venv/.made-from
