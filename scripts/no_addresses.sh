#!/usr/bin/env bash
# No tracked file names a package registry's host: the lock file must work with any index.
set -eu
cd "$(dirname "$0")/.."
hosts='pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian[.]org'
if git grep -nIE "$hosts" -- . ':!scripts/no_addresses.sh'; then
    echo "the lines above name a registry; take the address out" >&2
    exit 1
fi
