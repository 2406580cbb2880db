"""The whole product in processes of its own, on data of its own, kept running like a service."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from mkterp import postgres

ROOT = Path(__file__).resolve().parent.parent.parent
KEY, HMAC, PASSWORD = "faults-api-key", "faults-hmac-key", "Tr-faults-password-4711"
WORKERS = 2
WEBS = ("web-0", "web-1")  # as on two hosts behind a balancer
DISK_BYTES = 3_000_000_000
# What the cluster's log says of its processes.
ROLES = {
    "executor": r"ready for work at (\d+)",
    "monitor": r"monitoring at (\d+)",
    "pusher": r"pushing tasks at (\d+)",
}


def wait_for(what: str, ready: Callable[[], Any], seconds: float) -> Any:
    """What `ready` answers as soon as it is true; fails naming what was waited for."""
    deadline = time.monotonic() + seconds
    while not (answer := ready()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still no {what}")
        time.sleep(0.2)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class House:
    """Web, workers, sandbox and an ERP ("double" or "tryton") on a PostgreSQL of their own."""

    def __init__(self, folder: Path, *, seed: int, erp: str) -> None:
        self.folder, self.seed, self.erp = folder, seed, erp
        self.disk = Disk(folder / "server")
        self.clocks = Clocks(folder, [f"worker-{n}" for n in range(WORKERS)])
        self.cluster = postgres.Cluster(self.disk.folder, durable=True)
        self.ports = {name: free_port() for name in (*WEBS, "marketplacer", "erp")}
        self.go_live = datetime.now(UTC).replace(microsecond=0)
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("DATABASE_URL",)},
            "MKTERP_TEST_CLUSTER": "",
            "MKTERP_DATA_DIR": str(self.disk.folder),
            "MKTERP_GO_LIVE_AT": self.go_live.isoformat(),
            "MARKETPLACER_URL": f"http://127.0.0.1:{self.ports['marketplacer']}/graphql",
            "MARKETPLACER_API_KEY": KEY,
            "MARKETPLACER_WEBHOOK_KEY": HMAC,
            "ERP_URL": f"http://127.0.0.1:{self.ports['erp']}",
            "ERP_DATABASE": "faults_erp",
            "ERP_USER": "integration",
            "ERP_PASSWORD": PASSWORD,
            "PYTHONUNBUFFERED": "1",
        }
        if erp == "double":
            self.environment["ERP_ADAPTER"] = "tests.faults.double.RemoteErp"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._http = httpx.Client(timeout=60)

    # -- starting and stopping -------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self) -> Iterator["House"]:
        keeper = threading.Thread(target=self._keep, daemon=True)
        try:
            self.disk.open()
            self.cluster.ensure()
            self.manage("migrate", "--verbosity", "0")
            self.manage("syncschedules", "--verbosity", "0")
            self.manage("shell", "-v0", "-c", _PEOPLE.format(password=PASSWORD))
            for name in self._commands():
                self._start(name)
            keeper.start()
            self.manage("demo_registry", "--seed", str(self.seed))
            yield self
        finally:
            self._stopping.set()
            if keeper.is_alive():
                keeper.join()
            for process in self.processes.values():
                process.terminate()
            for process in self.processes.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                process.kill()
            self.cluster.destroy()
            self.disk.close()

    def _commands(self) -> dict[str, list[str]]:
        python, port = sys.executable, self.ports
        erp = [python, "-m", "tests.faults.double", "--port", str(port["erp"])]
        if self.erp == "tryton":
            erp = [
                *(python, "-m", "tests.sandbox.erp", "--port", str(port["erp"]), "--keep"),
                *("--pg-uri", self.cluster.uri("postgres"), "--database", "faults_erp"),
                *("--pg-bin", str(self.cluster.bin_dir), "--password", PASSWORD),
                *("--ready-file", str(self.folder / "erp.json"), "--progress"),
            ]
        return {
            "erp": [*erp, "--seed", str(self.seed)],
            "marketplacer": [
                *(python, "-m", "tests.sandbox.marketplacer", "--seed", str(self.seed)),
                *("--port", str(port["marketplacer"]), "--api-key", KEY, "--hmac-key", HMAC),
                *("--webhook-url", f"http://127.0.0.1:{port['web-0']}/webhooks/marketplacer/"),
                *("--webhook-time-scale", "0.05", "--state", str(self.folder / "marketplacer")),
            ],
            **{
                name: [
                    *(python, "-m", "gunicorn", "mkterp.wsgi", "--no-control-socket"),
                    *("--bind", f"127.0.0.1:{port[name]}", "--workers", "1", "--threads", "4"),
                ]
                for name in WEBS
            },
            **{f"worker-{n}": [python, "manage.py", "worker"] for n in range(WORKERS)},
        }

    def _start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._commands()[name],
                cwd=ROOT,
                env={**self.environment, **self.clocks.environment(name)},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def _keep(self) -> None:
        """As a service manager would: what ends is started again."""
        while not self._stopping.wait(0.5):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    self._start(name)

    def manage(self, *arguments: str, seconds: float = 600) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"manage.py {arguments[0]} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    # -- whom to strike ----------------------------------------------------------------------------

    def victims(self, role: str) -> list[int]:
        """Live processes of that role, the newest last."""
        supervisors = [self.processes[f"worker-{n}"].pid for n in range(WORKERS)]
        webs = [self.processes[name].pid for name in WEBS]
        if role == "web main":
            return webs
        if role == "web":
            return [pid for one in webs for pid in children(one)]
        if role == "supervisor":
            return supervisors
        mains = [pid for one in supervisors for pid in children(one)]
        if role == "cluster main":
            return mains
        if role == "sentinel":
            return [pid for main in mains for pid in children(main)]
        named: list[int] = []
        for n in range(WORKERS):
            text = (self.folder / f"worker-{n}.log").read_text(errors="replace")[-200_000:]
            named += [int(pid) for pid in re.findall(ROLES[role], text)]
        ours = {pid for main in mains for one in children(main) for pid in children(one)}
        return [pid for pid in named if pid in ours]

    # -- whom to ask -------------------------------------------------------------------------------

    def witness(self, method: str, path: str, body: Any = None) -> Any:
        """Ask or tell the sandbox marketplace, past its API."""
        address = f"http://127.0.0.1:{self.ports['marketplacer']}/_sandbox/{path}"
        response = self._http.request(method, address, json=body)
        response.raise_for_status()
        return response.json()

    def ask_double(self) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(f"http://127.0.0.1:{self.ports['erp']}/").json()
        return found

    def dial_double(self, chances: dict[str, float]) -> None:
        self._http.post(f"http://127.0.0.1:{self.ports['erp']}/dial", json=chances)

    def tryton(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "erp.json").read_text())
        return facts

    def deadlocks(self) -> int:
        """How many requests to the web servers locked rows crosswise with somebody else."""
        logs = [self.folder / f"{name}.log" for name in WEBS]
        trace = "psycopg.errors.DeadlockDetected"
        return sum(log.read_text(errors="replace").count(trace) for log in logs)

    def sql(self, text: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows, or none of a statement without any. Raises psycopg.OperationalError."""
        with psycopg.connect(self.cluster.uri(), autocommit=True) as connection:
            cursor = connection.execute(text, values)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []


class Disk:
    """A disk of its own in memory for the database's files, so that it can be full.

    Only who may mount one has it (`own`): root, outside of most containers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own = False

    def open(self) -> None:
        self.folder.mkdir()
        if os.geteuid() == 0 and shutil.which("mount"):
            size = f"size={DISK_BYTES},mode=0755"
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", size, "tmpfs", self.folder],
                stderr=subprocess.DEVNULL,
                check=False,
            )
            self.own = mounted.returncode == 0
        if not self.own:
            print("no disk is filled: this account cannot mount one", file=sys.stderr)

    def close(self) -> None:
        if self.own:
            subprocess.run(["umount", "--lazy", self.folder], check=False)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Nothing more can be written to it meanwhile."""
        filler = self.folder / "filler"
        try:
            with filler.open("wb") as handle:
                while free := shutil.disk_usage(self.folder).free:
                    with contextlib.suppress(OSError):  # the database took some of it just now
                        os.posix_fallocate(handle.fileno(), handle.seek(0, os.SEEK_END), free)
                yield
        finally:
            filler.unlink()


class Clocks:
    """A clock for each of these, which can be set wrong by minutes."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._files = {name: folder / f"{name}.clock" for name in names}
        self.right()

    def right(self) -> None:
        """All of them."""
        for name in self._files:
            self.set(name, 0)

    def set(self, name: str, minutes: int) -> None:
        """So far ahead of the true time, or behind it; it is there within half a second."""
        fresh = self._files[name].with_suffix(".new")
        fresh.write_text(str(minutes))
        fresh.replace(self._files[name])

    def environment(self, name: str) -> dict[str, str]:
        """What makes a Python process go by that clock."""
        if name not in self._files:
            return {}
        return {
            "MKTERP_FAULTS_CLOCK": str(self._files[name]),
            "PYTHONPATH": str(ROOT / "tests/faults/clock"),
        }


def children(parent: int) -> list[int]:
    """The live children of a process."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    with contextlib.suppress(OSError):
        return [int(pid) for pid in path.read_text().split()]
    return []


def kill(pid: int) -> bool:
    """SIGKILL; whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


_PEOPLE = """
from django.contrib.auth.models import Group
from mkterp.core.models import User
for name, role in (("admin", "administrator"), ("one", "operations"), ("two", "operations")):
    user, _ = User.objects.get_or_create(username=name)
    user.set_password("{password}")
    user.save()
    user.groups.set([Group.objects.get(name=role)])
"""
