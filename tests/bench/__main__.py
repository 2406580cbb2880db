"""`make bench`: every claim about speed beside its comparison, in one run."""

import sys
from pathlib import Path

from tests.bench import webhooks
from tests.bench.frame import report

if __name__ == "__main__":
    rows = [row for bench in (webhooks,) for row in bench.rows()]
    sys.exit(0 if report(rows, Path("bench.json")) else 1)
