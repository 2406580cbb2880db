"""`manage.py demo`: the whole product with a sandbox marketplace and a real Tryton, on one machine.

The app answers at once; Tryton comes up behind it (minutes the first time, seconds later), orders
wait for it and then flow. Ctrl-C stops everything; the next run goes on where this one stopped.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mkterp import postgres
from mkterp.core.models import User

# Who signs in, by role; the password is made once for each checkout and printed.
PEOPLE = {
    "operations": "operations",
    "finance": "finance",
    "controller": "controller",
    "admin": "administrator",
    "auditor": "auditor",
    "viewer": "viewer",
}
STOP_WITHIN = 20.0


@dataclass
class Child:
    """One process of the demo, in a group of its own so that Ctrl-C reaches us first."""

    name: str
    command: list[str]
    log: Path
    restart: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, env: Mapping[str, str]) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(env),
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Command(BaseCommand):
    help = "Run mkterp with a sandbox marketplace and a real Tryton."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="forget everything and stop")
        parser.add_argument("--rate", type=float, default=12, help="orders a minute")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--since",
            type=datetime.fromisoformat,
            metavar="MOMENT",
            help="the moment of going live, with its zone: 2026-10-31T12:00:00+00:00 leaves "
            "October to be closed. Now, where nothing is said; only the first start asks.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.home = settings.DATA_DIR / "demo"
        if os.environ.get("DATABASE_URL"):
            raise CommandError("The demo keeps to its own database: unset DATABASE_URL.")
        if options["reset"]:
            self._reset()
            return
        began = time.monotonic()
        self.home.mkdir(parents=True, exist_ok=True)
        facts = self._facts(options)
        env = self._environment(facts)
        os.environ.update(env)
        call_command("migrate", verbosity=0)
        call_command("syncschedules", verbosity=0)
        password = self._people()
        children = self._children(facts, options)
        # Said here, for whoever starts us in the background has both ignored or killing.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for child in children:
                child.start(env)
            self._wait_for_web(facts["web_port"], children)
            self._say_hello(facts, password, time.monotonic() - began)
            self._watch(children, env)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping…")
        finally:
            self._stop(children)
        self.stdout.write("Stopped. `make demo` goes on from here; `make demo-reset` forgets.")

    # -- what this checkout's demo is ------------------------------------------------------------

    def _facts(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Ports, keys and the moment of going live: made once, the same at every later start."""
        path = self.home / "facts.json"
        if path.exists():
            facts: dict[str, Any] = json.loads(path.read_text())
        else:
            since: datetime = options["since"] or datetime.now(UTC)
            if since.tzinfo is None:
                raise CommandError("--since needs a zone: write 2026-10-31T12:00:00+00:00.")
            facts = {
                "go_live_at": since.isoformat(timespec="seconds"),
                "api_key": secrets.token_urlsafe(24),
                "webhook_key": secrets.token_urlsafe(24),
                "password": secrets.token_urlsafe(9),
                "erp_password": "Tr-" + secrets.token_hex(12),
                "seed": options["seed"],
                "web_port": options["port"],
                "marketplacer_port": 9100,
                "erp_port": 8100,
            }
        for name in ("web_port", "marketplacer_port", "erp_port"):
            facts[name] = _free_port(facts[name])
        path.touch(0o600)
        path.write_text(json.dumps(facts, indent=1))
        return facts

    def _environment(self, facts: Mapping[str, Any]) -> dict[str, str]:
        return {
            **os.environ,
            "MARKETPLACER_URL": f"http://127.0.0.1:{facts['marketplacer_port']}/graphql",
            "MARKETPLACER_API_KEY": facts["api_key"],
            "MARKETPLACER_WEBHOOK_KEY": facts["webhook_key"],
            "ERP_URL": f"http://127.0.0.1:{facts['erp_port']}",
            "ERP_DATABASE": "demo_erp",
            "ERP_USER": "integration",
            "ERP_PASSWORD": facts["erp_password"],
            "MKTERP_GO_LIVE_AT": facts["go_live_at"],
            "MKTERP_PRACTICE": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def _people(self) -> str:
        password: str = json.loads((self.home / "facts.json").read_text())["password"]
        for username, role in PEOPLE.items():
            user, _ = User.objects.get_or_create(username=username)
            user.set_password(password)
            user.save()
            user.groups.set([Group.objects.get(name=role)])
        return password

    def _children(self, facts: Mapping[str, Any], options: Mapping[str, Any]) -> list[Child]:
        python, cluster = sys.executable, postgres.Cluster(settings.DATA_DIR)
        webhook = f"http://127.0.0.1:{facts['web_port']}/webhooks/marketplacer/"
        port, erp_port = str(facts["marketplacer_port"]), str(facts["erp_port"])
        commands = {
            "web": [
                *(python, "-m", "gunicorn", "mkterp.wsgi"),
                *("--bind", f"127.0.0.1:{facts['web_port']}", "--workers", "2", "--threads", "4"),
                "--no-control-socket",  # it is one for each user: two demos would fight over it
            ],
            "marketplacer": [
                *(python, "-m", "tests.sandbox.marketplacer", "--port", port),
                *("--seed", str(facts["seed"]), "--rate", str(options["rate"])),
                *("--state", str(self.home / "marketplacer"), "--api-key", facts["api_key"]),
                *("--webhook-url", webhook, "--hmac-key", facts["webhook_key"]),
            ],
            "worker": [python, "manage.py", "worker"],
            "tryton": [
                *(python, "-m", "tests.sandbox.erp", "--port", erp_port),
                *("--pg-uri", cluster.uri("postgres"), "--pg-bin", str(cluster.bin_dir)),
                *("--database", "demo_erp", "--seed", str(facts["seed"]), "--keep", "--staff"),
                *("--password", facts["erp_password"]),
                *("--progress", "--ready-file", str(self.home / "erp.json")),
            ],
            "go-live": [python, "manage.py", "demo_registry", "--seed", str(facts["seed"])],
        }
        return [
            Child(name, command, self.home / f"{name}.log", restart=name != "go-live")
            for name, command in commands.items()
        ]

    # -- running -------------------------------------------------------------------------------

    def _wait_for_web(self, port: int, children: list[Child]) -> None:
        deadline = time.monotonic() + 60
        web = children[0]
        while time.monotonic() < deadline:
            if web.process is not None and web.process.poll() is not None:
                raise CommandError(f"The web server ended; its log is {web.log}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise CommandError(f"The web server did not answer; its log is {web.log}")

    def _say_hello(self, facts: Mapping[str, Any], password: str, seconds: float) -> None:
        self.stdout.write(
            f"\n  http://127.0.0.1:{facts['web_port']}/   (ready after {seconds:.0f} s)\n\n"
            f"  Sign in as  operations  with the password  {password}\n"
            f"  (the same password for {', '.join(list(PEOPLE)[1:])})\n\n"
            f"  Marketplacer sandbox: http://127.0.0.1:{facts['marketplacer_port']}/graphql\n"
            f"  Tryton is starting behind it; orders wait until it is there. "
            f"Logs: {os.path.relpath(self.home)}\n"
            "  Ctrl-C stops everything.\n"
        )

    def _watch(self, children: list[Child], env: Mapping[str, str]) -> None:
        """Show Tryton's progress and start again what ends by itself, until Ctrl-C."""
        tryton = next(child for child in children if child.name == "tryton")
        told = tryton.log.stat().st_size if tryton.log.exists() else 0
        while True:
            for child in children:
                code = child.process.poll() if child.process is not None else None
                if code is None:
                    continue
                if child.restart:
                    self.stdout.write(f"  {child.name} ended with {code}; starting it again")
                    time.sleep(1)
                    child.start(env)
                elif code == 0:
                    self.stdout.write("  The registry is filled: orders flow.")
                    child.process = None
                else:
                    raise CommandError(f"{child.name} ended with {code}; its log is {child.log}")
            told = self._tell_progress(tryton.log, told)
            time.sleep(0.5)

    def _tell_progress(self, log: Path, told: int) -> int:
        text = log.read_bytes()[told:]
        whole = text[: text.rfind(b"\n") + 1]
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith("Tryton:"):
                self.stdout.write(f"  {line}")
        return told + len(whole)

    def _stop(self, children: list[Child]) -> None:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        until = time.monotonic() + STOP_WITHIN
        for child in reversed(children):
            child.stop()
        for child in reversed(children):
            child.wait(until)
        postgres.Cluster(settings.DATA_DIR).stop()

    def _reset(self) -> None:
        postgres.Cluster(settings.DATA_DIR).destroy()
        shutil.rmtree(self.home, ignore_errors=True)
        self.stdout.write("The demo's data is gone; `make demo` starts afresh.")


def _free_port(wanted: int) -> int:
    """The wanted port when nothing listens there, else one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
