#!/usr/bin/env python
"""Django's command line; it finds the checkout's .venv and its PostgreSQL by itself."""

import os
import sys
from pathlib import Path

_VENV = Path(__file__).resolve().parent / ".venv"
if sys.prefix == sys.base_prefix and (_VENV / "bin" / "python").exists():
    # Started with the system's Python: what `make venv` installed is in the other one.
    os.execv(_VENV / "bin" / "python", [str(_VENV / "bin" / "python"), *sys.argv])

from django.core.management import execute_from_command_line  # noqa: E402

from mkterp import postgres  # noqa: E402


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mkterp.settings")
    try:
        postgres.ensure_running(sys.argv)
    except postgres.PostgresError as error:
        sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
