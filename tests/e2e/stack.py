"""The whole product as `make demo` starts it, on data of its own, for the journeys to use."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
# Run in the product: its next orders at the marketplace's zero rate find no ERP tax.
NO_ZERO_RATE = """
from django.utils import timezone
from mapping.models import TaxCodeMapping
# Marketplacer tells whole seconds: an order of this very second must find it gone.
now = timezone.now().replace(microsecond=0)
rows = TaxCodeMapping.objects.filter(country="GB", marketplace_rate=0, valid_until=None)
print(rows.update(valid_until=now))
"""


def wait_for(what: str, ready: Callable[[], Any], seconds: float) -> Any:
    """What `ready` answers as soon as it is true; fails naming what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still no {what}")
        time.sleep(0.3)


@dataclass
class Stack:
    """A running demo: its addresses, and the far sides to ask."""

    home: Path
    facts: dict[str, Any]
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.facts['web_port']}"

    @property
    def erp(self) -> dict[str, Any]:
        """What a client of Tryton needs, as its launcher wrote it."""
        facts: dict[str, Any] = json.loads((self.home / "demo" / "erp.json").read_text())
        return facts

    def witness(self, method: str, path: str, body: Any = None) -> Any:
        """Ask or tell the sandbox marketplace, past its API."""
        address = f"http://127.0.0.1:{self.facts['marketplacer_port']}/_sandbox/{path}"
        response = httpx.request(method, address, json=body, timeout=30)
        response.raise_for_status()
        return response.json()

    def status(self) -> dict[str, Any]:
        """`manage.py status --json`, as a person would type it."""
        done = subprocess.run(
            [sys.executable, "manage.py", "status", "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def shell(self, script: str) -> str:
        """Run Python inside the product, with what its worker knows; the last line it printed."""
        (worker, *_) = wait_for("worker", lambda: self.pids("manage.py worker"), 60)
        told = Path(f"/proc/{worker}/environ").read_bytes().decode().split("\0")
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
            cwd=ROOT,
            env=dict(pair.split("=", 1) for pair in told if pair),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return (done.stdout.splitlines() or [""])[-1]

    def pids(self, name: str) -> list[int]:
        """The demo's processes whose command line names this, the demo itself left out."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == self.process.pid:
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environ = (entry / "environ").read_bytes().decode(errors="replace")
                if name in words and f"MKTERP_DATA_DIR={self.home}" in environ:
                    found.append(int(entry.name))
        return found


@contextlib.contextmanager
def running_demo(home: Path, *, rate: float, since: datetime) -> Iterator[Stack]:
    """Start the demo on a data folder, live since then, wait for it, stop it with Ctrl-C."""
    environment = {**os.environ, "MKTERP_DATA_DIR": str(home), "PYTHONUNBUFFERED": "1"}
    environment.pop("DATABASE_URL", None)
    log = home / "demo.log"
    home.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "demo", "--rate", str(rate), "--port", "0"),
                *("--since", since.isoformat()),
            ],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:

        def live() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"the demo ended early:\n{log.read_text()[-4000:]}")
            return "The registry is filled" in log.read_text()

        wait_for("live demo", live, 420)
        facts = json.loads((home / "demo" / "facts.json").read_text())
        yield Stack(home, facts, process, environment)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
