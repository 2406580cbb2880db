"""`python -m mkterp.postgres`: the server without Django."""

import argparse
import sys
from pathlib import Path

from mkterp.postgres import Cluster, PostgresError, default_data_dir


def main() -> int:
    """Do what the command line says; `status` exits 3 when the server does not run."""
    parser = argparse.ArgumentParser(prog="python -m mkterp.postgres", description=__doc__)
    parser.add_argument("action", choices=["up", "down", "status", "destroy"])
    parser.add_argument("--data", type=Path, default=default_data_dir(), help="the data folder")
    parser.add_argument("--test", action="store_true", help="the tests' server, not durable")
    options = parser.parse_args()
    cluster = Cluster(options.data, durable=False if options.test else None)
    try:
        return run(cluster, options.action)
    except PostgresError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def run(cluster: Cluster, action: str) -> int:
    """Carry out one action and print its outcome; returns the exit code."""
    code = 0
    if action == "up":
        said = cluster.ensure()
    elif action == "down":
        said = "stopped" if cluster.stop() else "was not running"
    elif action == "destroy":
        cluster.destroy()
        said = f"deleted {cluster.home}"
    else:
        status = cluster.status()
        said = f"{status.uri} (process {status.pid})" if status.running else "not running"
        code = 0 if status.running else 3
    sys.stdout.write(f"{said}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
