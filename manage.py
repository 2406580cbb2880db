#!/usr/bin/env python
"""Django's command line; it finds or starts PostgreSQL by itself."""

import os
import sys

from django.core.management import execute_from_command_line

from mkterp import postgres


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mkterp.settings")
    try:
        postgres.ensure_running(sys.argv)
    except postgres.PostgresError as error:
        sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
