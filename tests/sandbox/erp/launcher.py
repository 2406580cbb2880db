"""A real Tryton on PostgreSQL: installed, seeded, saved as a snapshot, started and stopped.

with running_tryton(pg_uri="postgresql://…", database="erp_test") as erp:
    erp.info["url"]
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox.catalogue import Catalogue, build
from tests.sandbox.erp import seed, seed_items
from tests.sandbox.erp.database import Database
from tests.sandbox.erp.environment import LOCK, SandboxError, default_cache, locked, prepare, run
from tests.sandbox.erp.rpc import Rpc

MODULES = (
    *("sale", "account_product", "account_invoice_stock", "web_shop"),
    *("stock_package_shipping", "carrier"),  # parcels, tracking numbers, carriers
)
_SNAPSHOT_FORMAT = 3
_HOST = "127.0.0.1"
_LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Have Linux send this process SIGTERM when the one that started it ends."""
    if sys.platform == "linux":
        _LIBC.prctl(1, signal.SIGTERM)


def _quiet(_: str) -> None:
    """Say nothing."""


def progress(text: str) -> None:
    """A line for the person who waits."""
    print(f"Tryton: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Tryton:
    """A running server. `info` is what clients need: url, database, user, password, ids, …"""

    info: dict[str, Any]
    process: subprocess.Popen[bytes]
    log: Path

    def rpc(self, user: str = "staff") -> Rpc:
        """A session of one of its people: `integration`, `staff` or `admin`."""
        passwords = self.info["passwords"]
        return Rpc(self.info["url"], self.info["database"], user, passwords[user])


@contextlib.contextmanager
def running_tryton(
    *,
    pg_uri: str,
    database: str = "erp",
    pg_bin: Path | None = None,
    cache: Path | None = None,
    port: int = 0,
    seed_number: int = 7,
    keep: bool = False,
    password: str = "",
    say: Callable[[str], None] = _quiet,
) -> Iterator[Tryton]:
    """Start Tryton and stop it at the end. `port` 0 takes a free one.

    `password` becomes that of the user `integration`; without it a random one stays.
    With `keep` a database of that name is used as it is and stays; without it a fresh one is made
    (from the snapshot when there is one) and dropped at the end. Raises SandboxError.
    """
    began = time.monotonic()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", database):
        raise SandboxError("a database name has small letters, digits and _ only")
    work = Path(tempfile.mkdtemp(prefix="mkterp-erp-"))
    store = Database(pg_uri, database, pg_bin)
    server: subprocess.Popen[bytes] | None = None
    try:
        launcher = _Launcher(
            store=store,
            work=work,
            cache=(cache or default_cache()).absolute(),
            port=port or _free_port(),
            catalogue=build(seed_number),
            say=say,
        )
        launcher.make_ready(keep=keep)
        launcher.settle_password(password)
        server = launcher.serve(launcher.port)
        known = store.description()
        info = {
            **known,
            "url": _url(launcher.port),
            "database": database,
            "user": "integration",
            "password": known["passwords"]["integration"],
            "pid": server.pid,
            "ready_after_s": round(time.monotonic() - began, 1),
        }
        yield Tryton(info, server, launcher.log)
    finally:
        if server is not None:
            _stop(server)
        if not keep:
            with contextlib.suppress(SandboxError):  # the server may be gone before us
                store.drop()
        shutil.rmtree(work, ignore_errors=True)


@dataclass(frozen=True)
class _Launcher:
    store: Database
    work: Path
    cache: Path
    port: int
    catalogue: Catalogue
    say: Callable[[str], None]

    @property
    def log(self) -> Path:
        return self.work / "trytond.log"

    def make_ready(self, *, keep: bool) -> None:
        """Leave a complete database behind, by the shortest way there is."""
        self._check_port()
        programs = prepare(self.cache, self.say)
        (self.work / "bin").symlink_to(programs)
        if keep and self.store.state() == "ready":
            self.say("using the database as it is")
            return
        self.store.drop()
        snapshot = self._snapshot()
        with locked(snapshot.with_suffix(".lock"), lambda: self.say("waiting for the snapshot")):
            if not snapshot.exists():
                self._build(snapshot)
                return
        self.say("restoring the snapshot")
        self.store.create()
        self.store.restore(snapshot)
        self.store.finish()

    def settle_password(self, password: str) -> None:
        """Give `integration` this password before anybody waits at the port."""
        known = self.store.description()
        if not password or known["passwords"]["integration"] == password:
            return
        private = _free_port()
        server = self.serve(private)
        try:
            rpc = Rpc(_url(private), self.store.name, "admin", known["passwords"]["admin"])
            found = rpc.find("res.user", [("login", "=", "integration")])
            rpc.call("model.res.user.write", found, {"password": password})
            rpc.close()
        finally:
            _stop(server)
        known["passwords"]["integration"] = password
        self.store.describe(known)

    def _snapshot(self) -> Path:
        sources = [Path(seed.__file__), Path(seed_items.__file__), LOCK]
        made_of = [
            *[source.read_text() for source in sources],
            repr((self.catalogue.erp_items, self.catalogue.sellers)),
            repr((MODULES, _SNAPSHOT_FORMAT)),
            str(self.store.server_major()),
            time.strftime("%Y", time.gmtime()),  # the fiscal years in it
        ]
        key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]
        return self.cache / f"tryton-{key}.dump"

    def _build(self, snapshot: Path) -> None:
        began = time.monotonic()
        self.store.create()
        self.say("creating the database, about a minute the first time")
        passwords = {name: secrets.token_urlsafe(18) for name in ("admin", "integration", "staff")}
        secret = self.work / "password"
        secret.touch(0o600)
        secret.write_text(passwords["admin"])
        # Not on the public port: clients that wait for the ERP must not meet a half-made one, and
        # who signs in too early is locked out for minutes.
        private = _free_port()
        command = [self._program("trytond-admin"), "-c", self._configure(private)]
        command += ["-d", self.store.name, "-u", *MODULES, "--activate-dependencies"]
        command += ["--email", "admin@example.com"]
        run(command, env={**self._environment(), "TRYTONPASSFILE": str(secret)})
        self.say(f"database made after {time.monotonic() - began:.0f} s")
        server = self.serve(private)
        try:
            rpc = Rpc(_url(private), self.store.name, "admin", passwords["admin"])
            ids = seed.seed_books(rpc, passwords, self.catalogue, self.say)
            items = seed_items.seed_items(rpc, ids, self.catalogue, self.say)
            stocked = seed_items.seed_stock(rpc, ids, self.catalogue, self.say)
            rpc.close()
        finally:
            _stop(server)
        self.store.describe(
            {"passwords": passwords, "ids": ids, "items": items, "stocked": stocked}
        )
        self.store.finish()
        self.store.save(snapshot)
        self.say(f"seeded and saved after {time.monotonic() - began:.0f} s")

    def _configure(self, port: int) -> str:
        # The address of the database comes by the environment: see Database.
        configuration = self.work / f"trytond-{port}.conf"
        configuration.write_text(
            f"[database]\nuri = postgresql:///\npath = {self.work / 'files'}\n"
            f"[web]\nlisten = {_HOST}:{port}\n"
        )
        return str(configuration)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.store.environment, "DB_MAXCONN": "16", "TZ": "UTC"}

    def _program(self, name: str) -> str:
        return str((self.work / "bin").resolve() / name)

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, self.port))
            except OSError as error:
                raise SandboxError(f"port {self.port} is taken: {error}") from error

    def serve(self, port: int) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers."""
        command = [self._program("trytond"), "-c", self._configure(port)]
        with self.log.open("ab") as output:
            server = subprocess.Popen(
                [*command, "-d", self.store.name],
                env=self._environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C is for us, we stop it in order
                preexec_fn=die_with_parent,
            )
        try:
            self._wait(server, port)
        except BaseException:
            _stop(server)
            raise
        return server

    def _wait(self, server: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if server.poll() is not None:
                words = self.log.read_text(errors="replace")[-2000:]
                raise SandboxError(f"trytond ended with {server.returncode}:\n{words}")
            with contextlib.suppress(OSError):
                socket.create_connection((_HOST, port), 1).close()
                return
            time.sleep(0.05)
        raise SandboxError(f"trytond does not listen on port {port} after 90 s")


def _url(port: int) -> str:
    return f"http://{_HOST}:{port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def write_ready(info: dict[str, Any], target: Path) -> None:
    """Write the JSON line where only its owner reads it, whole or not at all."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(json.dumps(info))
    part.replace(target)
