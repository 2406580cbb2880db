"""A real worker (supervisor and django-q2 cluster) on the tests' own database."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path

from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from mkterp.core import processes
from mkterp.core.models import Heartbeat


def wait_until(condition, what, seconds=60.0):
    """Poll with a deadline; returns what the condition returned."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
    return found


def database_address():
    """The test database's address for another process."""
    facts = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}
    found = {key: str(facts[name]) for key, name in names.items() if facts[name]}
    if facts["PORT"]:
        found["port"] = str(facts["PORT"])
    return make_conninfo("", **found)


class Worker:
    """`manage.py worker` in a process of its own, its log in a file."""

    def __init__(self, folder: Path, *, stale: int, stop_within: float, env: dict[str, str]):
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "manage.py", "worker"),
                    *("--stop-within", str(stop_within)),
                ],
                cwd=settings.BASE_DIR,
                env={
                    **os.environ,
                    "MKTERP_SECRET_KEY": settings.SECRET_KEY,
                    "MKTERP_DATA_DIR": str(folder),
                    "MKTERP_LOG_LEVEL": "INFO",
                    "WORKER_STALE_SECONDS": str(stale),
                    **env,
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def said(self, pattern):
        """All that the log says that matches."""
        return re.findall(pattern, self.log.read_text())

    def wait_for(self, pattern, *, times=1, seconds=60.0):
        def found():
            matches = self.said(pattern)
            if len(matches) >= times:
                return matches
            assert self.process.poll() is None, f"the worker ended:\n{self.log.read_text()}"
            return None

        try:
            return wait_until(found, repr(pattern), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log says\n{self.log.read_text()}") from None

    @cached_property
    def name(self):
        """host:pid:nonce, as in the titles of the cluster's processes."""
        return self.wait_for(r"worker (\S+) runs as")[0]

    def groups(self):
        """The process group of each cluster that it ran; the last one runs now."""
        return [int(pid) for pid in self.wait_for(r"runs as process group (\d+)")]

    def executors(self):
        """The cluster's processes that execute tasks."""
        return [int(pid) for pid in self.wait_for(r"ready for work at (\d+)", times=2)][-2:]

    def members(self):
        """All live processes of the cluster."""
        return processes.titled(rf"worker --child {re.escape(self.name)}")

    def is_ready(self):
        """Wait until it has proved that it executes; returns itself."""
        wait_until(self.heartbeat, "the first heartbeat", 120)
        return self

    def heartbeat(self):
        return Heartbeat.objects.filter(name=f"worker {self.name.rpartition(':')[0]}").first()

    def stop(self):
        """SIGTERM; returns the exit code and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        return code, time.monotonic() - began
