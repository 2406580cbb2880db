"""What the clock starts: how its runs ended, and one run more because a person says so."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.models import Feed, Lane, TaskRun
from sync.selectors import FEEDS, label_of
from sync.selectors.evidence import REFUSED
from sync.services import feeds, lanes


def ran(*, task: str, result: object, success: bool, at: datetime) -> None:
    """Record how a run ended. Twice is harmless; a task that no schedule names is nobody's."""
    if task not in settings.SCHEDULES:
        return
    run = TaskRun(task=task, succeeded_at=at, failing_since=None, error="")
    fields = ["succeeded_at", "failing_since", "error"]
    if not success:
        known = TaskRun.objects.filter(task=task).values_list("failing_since", flat=True)
        run.failing_since = known.first() or at  # unique: there is one or none
        run.error, fields = _name_of(str(result)), ["failing_since", "error"]
        run.succeeded_at = None
    TaskRun.objects.bulk_create(
        [run], update_conflicts=True, unique_fields=["task"], update_fields=fields
    )


def _name_of(result: str) -> str:
    """The exception's name and no more: its message may hold what was in a row."""
    lines = result.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    after = lines[frames[-1] + 1 :] if frames else []
    name = next((line for line in after if line and not line.startswith(" ")), "")
    return name.partition(":")[0].rpartition(".")[2][:200] or "it ended without an answer"


@transaction.atomic
def run_now(*, task: str, by: User, at: datetime) -> str:
    """Queue one run of a scheduled task, at a person's word; returns what people call it.

    A feed that was refused is tried without its wait: what refused it is thought mended. Refused
    while the far side asks to be left alone. Twice within half a minute queues one run.
    """
    if task not in settings.SCHEDULES:
        raise Refused("Nothing of that name runs here.")
    names = [name for name, (_, path) in FEEDS.items() if path == task]
    for feed in Feed.objects.select_for_update(no_key=True).filter(name__in=names):
        if feed.error_kind in REFUSED:
            feed.not_before = None
            feed.save(update_fields=["not_before"])
        elif feeds.held_back(name=feed.name, at=at):
            raise Refused(f"{label_of(task)}: the other side asks to be left alone for a moment.")
    if lanes.wake(task=task, at=at):
        lane = Lane.objects.get(name=task)
        audit.record(action="feed.run", subject=lane, by=by, at=at, after={"task": task})
    return label_of(task)
