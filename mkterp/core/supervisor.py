"""The supervisor of a worker: it notices a cluster that runs nothing any more, and replaces it.

django-q2 stalls silently when the idle process that holds its queue's lock is killed: everything
looks alive, nothing is executed, SIGTERM is ignored. Only a proof of execution shows it, and only
SIGKILL to the whole process group ends it. Tasks are safe with that: they carry no data of their
own, and what they had claimed comes back when its lease ends.
"""

import contextlib
import fcntl
import logging
import os
import platform
import random
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.db import Error, close_old_connections, connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from mkterp import postgres
from mkterp.core import processes
from mkterp.core.models import Heartbeat
from mkterp.core.workers import heartbeat_name

logger = logging.getLogger(__name__)

PAUSES = (0.0, 1.0, 2.0, 5.0, 15.0, 60.0)  # seconds before a restart, by failures in a row
LOOK_EVERY = 1.0
ASKED_AT_ONCE = 4
STARTING = 30.0  # seconds that a cluster gets on top before its first sign of life


@dataclass
class Pulse:
    """What was seen of a cluster's heartbeat, on the clock that never jumps.

    Silence is judged by when a change was *seen*, not by the times written in the row: a
    corrected system clock or a suspended machine must not look like a dead worker.
    """

    stale: float  # seconds of silence that are allowed
    longest: float  # seconds a task may take before django-q2 itself ends it
    heard_at: float
    busy_until: float = 0.0
    row: tuple[object, ...] | None = None
    beats: int = 0

    def see(self, row: tuple[object, ...] | None, *, busy_for: float, at: float) -> None:
        """Take in the row as it is now: (beat_at, detail), and what it says of being busy."""
        if row is None or row == self.row:
            return
        if self.row is None or row[0] != self.row[0]:
            self.heard_at = at
            self.beats += 1
        self.busy_until = at + busy_for if busy_for else 0.0
        self.row = row

    def pardon(self, *, at: float) -> None:
        """Count from now: the silence so far was not the cluster's (the database was away)."""
        self.heard_at = at

    def is_quiet(self, *, at: float) -> bool:
        """Not heard yet, or silent for half the time allowed: worth asking for a sign."""
        return not self.beats or at - self.heard_at > self.stale / 2

    def is_lost(self, *, at: float) -> bool:
        """Silent for too long. A long task excuses it, but for no longer than a task may take."""
        silent = at - self.heard_at - (0.0 if self.beats else STARTING)
        return silent > self.stale and (at > self.busy_until or silent > self.longest + self.stale)


class Supervisor:
    """Runs one cluster as a child in a process group of its own, and heals it.

    `run` returns after SIGTERM or SIGINT, when the cluster has finished its tasks or has been
    killed after `stop_within` seconds. Any number may run, on any number of hosts.
    """

    def __init__(self, *, stop_within: float) -> None:
        self.stop_within = stop_within
        self.worker = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stale = float(settings.WORKER_STALE_SECONDS)
        self.cluster: subprocess.Popen[bytes] | None = None
        self.failures = 0
        self.stopping = False

    def run(self) -> None:
        """Start the cluster again whenever it ends or falls silent, until told to stop."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        with self._registered():
            while not self.stopping:
                self._start()
                if reason := self._watch():
                    pause = PAUSES[min(self.failures, len(PAUSES) - 1)]
                    logger.error("%s; killed the cluster, restart in %g s", reason, pause)
                    self._kill()
                    self.failures += 1
                    self._rest(pause)
            self._finish()

    # -- the child -----------------------------------------------------------------------------

    def _start(self) -> None:
        self._forget(self.worker)  # what its predecessor said of itself does not hold for it
        self.cluster = subprocess.Popen(
            [
                *(sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"),
                *("--child", self.worker, "--stop-within", str(self.stop_within)),
            ],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        logger.info("worker %s runs as process group %s", self.worker, self.cluster.pid)

    def _kill(self) -> None:
        if self.cluster is None:
            return
        if self.cluster.poll() is None:
            os.killpg(self.cluster.pid, signal.SIGKILL)
            self.cluster.wait()
        _kill_cluster(self.worker)  # whom it left behind when it ended by itself

    def _finish(self) -> None:
        """Let the cluster finish its tasks, for a while, and end it."""
        if self.cluster is not None and self.cluster.poll() is None:
            self.cluster.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.cluster.wait(self.stop_within)
        self._kill()

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self.stopping:
            self.stop_within = 0.0
        self.stopping = True

    # -- watching ------------------------------------------------------------------------------

    def _watch(self) -> str:
        """Look until the cluster must go; returns why, or nothing when we were told to stop."""
        assert self.cluster is not None
        pulse = Pulse(self.stale, float(Conf.TIMEOUT or 0), heard_at=time.monotonic())
        while not self.stopping:
            code = self.cluster.poll()
            if code is not None:
                return f"the cluster ended by itself with {code}"
            now = time.monotonic()
            try:
                self._listen(pulse, at=now)
            except Error as error:
                logger.warning("the database does not answer: %s", error)
                connection.close()
                self._heal_database()
                pulse.pardon(at=time.monotonic())
            if pulse.is_lost(at=now):
                return f"no task was executed for {now - pulse.heard_at:.0f} s"
            if pulse.beats:
                self.failures = 0
            # Never in step with the clusters' polling: the same one would be quicker every time.
            self._rest(min(LOOK_EVERY, self.stale / 10) * random.uniform(0.5, 1.5))
        return ""

    def _listen(self, pulse: Pulse, *, at: float) -> None:
        close_old_connections()
        found = Heartbeat.objects.filter(name=heartbeat_name(self.worker)).first()
        if found is not None:
            busy_for = float(found.detail.get("busy_for", 0))
            pulse.see((found.beat_at, found.detail), busy_for=busy_for, at=at)
        # On several hosts another worker may be quicker with every task. Ask until one is ours;
        # where work waits already there is no need to: a healthy cluster would have taken it.
        if pulse.is_quiet(at=at) and not OrmQ.objects.filter(lock__lte=timezone.now()).exists():
            # A cluster holds one task at a time, so of a few at once the slower gets its share.
            for _ in range(ASKED_AT_ONCE):
                async_task("mkterp.core.workers.ping", save=False)

    def _heal_database(self) -> None:
        """A server of our own that was killed is started again; one that was stopped is not."""
        if os.environ.get("DATABASE_URL"):
            return
        try:
            if postgres.Cluster(settings.DATA_DIR).revive():
                logger.error("PostgreSQL had died; it runs again")
        except postgres.PostgresError as error:
            logger.error("PostgreSQL cannot be started: %s", error)

    def _rest(self, seconds: float) -> None:
        """Wait, and wake up at once when told to stop."""
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    # -- those who were here before --------------------------------------------------------------

    @contextlib.contextmanager
    def _registered(self) -> Iterator[None]:
        """Keep a locked file with our name; clear away workers whose file nobody locks any more.

        The kernel drops the lock however a supervisor ends, so a file that can be locked names a
        cluster without one.
        """
        folder = Path(settings.DATA_DIR) / "workers"
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(BlockingIOError, FileNotFoundError), path.open() as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.name.startswith(f"{platform.node()}:"):
                    logger.warning("clearing away worker %s, whose supervisor died", path.name)
                    _kill_cluster(path.name)
                    self._forget(path.name)
                    path.unlink()
        mine = folder / self.worker
        with mine.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                self._kill()
                self._forget(self.worker)
                mine.unlink(missing_ok=True)

    def _forget(self, worker: str) -> None:
        """A worker that ended in order is no dead worker: its heartbeat goes."""
        with contextlib.suppress(Error):
            Heartbeat.objects.filter(name=heartbeat_name(worker)).delete()


def _kill_cluster(worker: str) -> None:
    left = processes.kill_titled(rf"worker --child {re.escape(worker)}(\s|$)", within=20)
    if left:
        logger.error("processes %s of worker %s do not end", sorted(left), worker)
