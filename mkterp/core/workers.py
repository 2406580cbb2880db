"""A django-q2 cluster as our supervisor runs it: it proves that it works and dies with its parent.

Proof of life is the end of the whole chain: a task was taken from the queue, executed, and its
result stored by the cluster's monitor. Every task counts, so a busy cluster needs no canary.
"""

import logging
import os
import platform
import signal
from importlib import import_module
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import Error
from django.utils import timezone
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.signals import post_execute, pre_execute

from mkterp.core import processes
from mkterp.core.models import Heartbeat

logger = logging.getLogger(__name__)


def heartbeat_name(worker: str) -> str:
    """The name of a worker's row; `worker` is "host:pid:nonce", of which a reader needs less."""
    return "worker " + worker.rpartition(":")[0]


def ping() -> None:
    """Do nothing: that it was executed is the message."""


def run_cluster(*, worker: str, stop_within: float) -> None:
    """Run a cluster in this process until SIGTERM or SIGINT, or until the supervisor is gone.

    It may finish what it executes, for `stop_within` seconds; then its process group is killed.
    """
    _prove_life(heartbeat_name(worker))
    # Whoever is forked from here on ends at once with its parent: no orphan goes on executing.
    forking = {"pid": os.getpid()}
    os.register_at_fork(
        before=lambda: forking.update(pid=os.getpid()),
        after_in_child=lambda: processes.die_with_parent(forking["pid"], signal.SIGKILL),
    )
    processes.die_with_parent(os.getppid(), signal.SIGTERM)
    # Django reads the screens when a task first composes a link, a second and more. Read before the
    # cluster forks, every worker has them, also the one that replaces another.
    import_module(settings.ROOT_URLCONF)
    group = os.getpid()
    cluster = Cluster()

    def stop(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(group, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, stop_within)
        cluster.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    cluster.start()


def _prove_life(name: str) -> None:
    detail = {"host": platform.node(), "pid": os.getpid()}

    def write(*, busy_for: float, fields: list[str]) -> None:
        # A heartbeat that cannot be written must not take the worker down with it.
        try:
            Heartbeat.objects.bulk_create(
                [
                    Heartbeat(
                        name=name,
                        beat_at=timezone.now(),
                        detail={**detail, "busy_for": busy_for},
                    )
                ],
                update_conflicts=True,
                unique_fields=["name"],
                update_fields=fields,
            )
        except Error as error:
            logger.warning("heartbeat not written: %s", error)

    def begins(**_: Any) -> None:
        write(busy_for=Conf.TIMEOUT or 0, fields=["detail"])

    def is_stored(**_: Any) -> None:
        write(busy_for=0, fields=["beat_at", "detail"])

    # The cluster's processes are forked from this one and keep these connections.
    pre_execute.connect(begins, weak=False, dispatch_uid="mkterp.begins")
    post_execute.connect(is_stored, weak=False, dispatch_uid="mkterp.is_stored")
