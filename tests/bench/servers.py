"""Databases and servers for a measurement: made for it, gone after it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg

from mkterp import postgres

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def database(name: str, *, template: str = "template1") -> Iterator[str]:
    """An empty database in the checkout's own server, migrated; yields its address.

    With the name of another that nobody uses as `template` it begins as that one is.
    """
    cluster = postgres.Cluster(postgres.default_data_dir())
    cluster.ensure()
    with psycopg.connect(cluster.uri("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    address = cluster.uri(name)
    manage(["migrate", "--verbosity", "0"], {"DATABASE_URL": address})
    try:
        yield address
    finally:
        with psycopg.connect(cluster.uri("postgres"), autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def manage(arguments: Sequence[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@contextlib.contextmanager
def gunicorn(application: str, env: Mapping[str, str]) -> Iterator[int]:
    """The application under gunicorn as the README runs it: 2 workers of 4 threads."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"),
            *("--workers", "2", "--threads", "4", "--log-level", "warning"),
        ],
        cwd=ROOT,
        env={**os.environ, "MKTERP_LOG_LEVEL": "WARNING", **env},
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{application} did not start")
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
