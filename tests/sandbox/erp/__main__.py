"""Start the sandbox ERP and stay in the foreground until stopped.

    python -m tests.sandbox.erp --port 8100 --pg-uri postgresql://… --database erp --keep --staff

Prints one JSON line on standard output once it answers; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import types
from pathlib import Path

from tests.sandbox.erp.environment import SandboxError
from tests.sandbox.erp.launcher import die_with_parent, progress, running_tryton, write_ready
from tests.sandbox.erp.staff import Staff


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.erp", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--pg-uri", required=True, help="any libpq address of the server")
    parser.add_argument("--pg-bin", type=Path, help="folder of pg_dump and pg_restore")
    parser.add_argument("--database", default="erp")
    parser.add_argument("--cache", type=Path, help="environment and snapshots (MKTERP_CACHE)")
    parser.add_argument("--seed", type=int, default=7, help="of the catalogue")
    parser.add_argument("--keep", action="store_true", help="go on with the database, and keep it")
    parser.add_argument("--password", default="", help="of the user integration")
    parser.add_argument("--ready-file", type=Path, help="also write the JSON line here")
    parser.add_argument("--progress", action="store_true", help="say what is going on")
    parser.add_argument("--staff", action="store_true", help="simulate its people: ship, invoice")
    parser.add_argument("--staff-every", type=float, default=8.0, metavar="SECONDS")
    parser.add_argument("--prepare", action="store_true", help="make the snapshot and end")
    parser.add_argument("--with-parent", action="store_true", help="stop when the parent ends")
    return parser.parse_args()


def _stopped(_signal: int, _frame: types.FrameType | None) -> None:
    raise SystemExit(0)


def main() -> int:
    options = _arguments()
    if options.with_parent:
        die_with_parent()
    signal.signal(signal.SIGTERM, _stopped)
    signal.signal(signal.SIGINT, _stopped)
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)
    try:
        with running_tryton(
            pg_uri=options.pg_uri,
            database=options.database,
            pg_bin=options.pg_bin,
            cache=options.cache,
            port=options.port,
            seed_number=options.seed,
            keep=options.keep,
            password=options.password,
            say=progress if options.progress else lambda _: None,
        ) as erp:
            if options.prepare:
                return 0
            if options.ready_file:
                write_ready(erp.info, options.ready_file)
            print(json.dumps(erp.info), flush=True)
            if options.progress:
                progress(f"ready at {erp.info['url']} after {erp.info['ready_after_s']} s")
            staff = Staff(erp, options.seed) if options.staff else None
            while erp.process.poll() is None:
                if staff is not None:
                    staff.work()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    erp.process.wait(options.staff_every)
            progress(f"the server ended with {erp.process.returncode}")
            return 1
    except SandboxError as error:
        progress(str(error))
        return 1
    finally:
        if options.ready_file:
            options.ready_file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
