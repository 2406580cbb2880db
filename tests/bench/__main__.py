"""`make bench`: every claim about speed beside its comparison, in one run.

Names of benches as arguments run only those.
"""

import os
import sys
from pathlib import Path

import django

from tests.bench.frame import report
from tests.bench.servers import database


def main() -> int:
    with database("bench") as address:
        os.environ["DATABASE_URL"] = address
        os.environ["DJANGO_SETTINGS_MODULE"] = "mkterp.settings"
        os.environ["MKTERP_LOG_LEVEL"] = "WARNING"
        os.environ["MKTERP_GO_LIVE_AT"] = "2020-01-01T00:00:00+00:00"
        django.setup()
        # They use the models, which exist only now.
        from tests.bench import (  # noqa: PLC0415
            hosts,
            lists,
            posting,
            pulling,
            ranking,
            reconcile,
            stock,
            webhooks,
        )

        benches = {
            "webhooks": webhooks,
            "pulling": pulling,
            "posting": posting,
            "stock": stock,
            "reconcile": reconcile,
            "ranking": ranking,
            "lists": lists,
            "hosts": hosts,
        }
        wanted = sys.argv[1:] or list(benches)
        rows = [row for name in wanted for row in benches[name].rows()]
    return 0 if report(rows, Path("bench.json")) else 1


if __name__ == "__main__":
    sys.exit(main())
