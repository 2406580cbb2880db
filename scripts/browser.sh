#!/usr/bin/env bash
# Find a Chromium for the browser tests, or install one; print its path and keep it in .data/browser.
# MKTERP_BROWSER names one to use. As root with apt it is Debian's own, else Playwright's.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
# Ubuntu's chromium-browser may be a stub that only advertises a snap: it must show its version.
works() { [ -x "$1" ] && "$1" --version 2>/dev/null | grep -qiE 'chrom(e|ium)'; }
keep() {
    mkdir -p .data
    printf '%s\n' "$1" | tee .data/browser
    exit 0
}
find_installed() {
    local name path
    for name in chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        path=$(command -v "$name" || true)
        if [ -n "$path" ] && works "$path"; then
            keep "$path"
        fi
    done
}

if [ -n "${MKTERP_BROWSER:-}" ]; then
    works "$MKTERP_BROWSER" && keep "$MKTERP_BROWSER"
    say "MKTERP_BROWSER=$MKTERP_BROWSER does not run"
    exit 1
fi
if [ -s .data/browser ] && [ -x "$(cat .data/browser)" ]; then
    cat .data/browser
    exit 0
fi
find_installed

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing chromium with apt (about a minute, once)"
    export DEBIAN_FRONTEND=noninteractive
    mkdir -p .data
    if { apt-get update -q && apt-get install -q -y --no-install-recommends \
        chromium fonts-liberation fonts-dejavu-core; } >.data/browser-install.log 2>&1; then
        find_installed
    else
        tail -n 5 .data/browser-install.log >&2
        say "apt could not install it; trying Playwright's"
    fi
fi

say "Downloading Playwright's Chromium (once)"
if ! .venv/bin/python -m playwright install chromium >&2; then
    say "No browser for the browser tests. Install Chromium or Chrome with the system's package"
    say "manager, or name one: MKTERP_BROWSER=/path/to/chrome make test"
    exit 1
fi
path=$(.venv/bin/python -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
')
if ! works "$path"; then
    say "$path does not run: it may need libraries of the system."
    say "As root: .venv/bin/python -m playwright install-deps chromium"
    exit 1
fi
keep "$path"
