"""The sweeper and the broom: what fell between is picked up, what is spent is cleared away."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django_q.models import Task

from mkterp.core.models import Heartbeat
from sync.domain.cases import OF_ORDERS
from sync.models import ExceptionCase, Feed, InboxMessage
from sync.selectors import FEEDS
from sync.services import (
    alarms,
    case_desk,
    cases,
    deliveries,
    dry_run,
    lanes,
    orders,
    outbox,
    weighing,
)
from sync.services.inbox import FETCH, PROCESS

# A feed that runs seldom and found the far side away is tried again with the next sweep: an hour
# would pass until somebody noticed that it is back.
TRY_AGAIN = timedelta(seconds=50)
# django-q2 keeps every result row (it would otherwise lock them all to prune at each task).
KEEP_TASKS = timedelta(days=7)


@transaction.atomic
def sweep(*, at: datetime) -> None:
    """Wake every lane in which something is due and every feed that failed; look at idle cases."""
    waiting = InboxMessage.objects.filter(state=InboxMessage.State.NEW, not_before__lte=at)
    if waiting.filter(source=InboxMessage.Source.HINT).exists():
        lanes.wake(task=FETCH, at=at)
    if waiting.filter(source=InboxMessage.Source.NODE).exists():
        lanes.wake(task=PROCESS, at=at)
    for lane in deliveries.lanes_with_work(at=at):
        lanes.wake(task=outbox.TASKS[lane], at=at)
    _try_again(at)
    orders.recheck_waiting(at=at)
    dry_run.end_some(at=at)
    _resolve_idle_blockers(at)


def tend_cases(*, at: datetime) -> None:
    """Raise the alarms of health, weigh every open case anew, escalate what is overdue.

    It closes none: however old a case is, only its cause's end or a person closes it.
    """
    alarms.watch(at=at)
    weighing.weigh(at=at)
    case_desk.escalate(at=at)


def _try_again(at: datetime) -> None:
    failed = Feed.objects.filter(name__in=FEEDS, failed_at__lt=at - TRY_AGAIN)
    for name in failed.exclude(error_kind="").values_list("name", flat=True).order_by("name"):
        task = FEEDS[name][1]
        if settings.SCHEDULES[task] > 1:
            lanes.wake(task=task, at=at)


def _resolve_idle_blockers(at: datetime) -> None:
    """A case that was opened for orders and blocks none any more has lost its cause."""
    idle = ExceptionCase.objects.filter(
        state=ExceptionCase.State.OPEN, kind__in=OF_ORDERS, invoices=None
    )
    for case in idle.order_by("pk")[:500]:
        cases.resolve(case=case, resolution="It blocks nothing any more.", at=at)
    parked = ExceptionCase.objects.filter(
        state=ExceptionCase.State.OPEN, kind__in=OF_ORDERS, invoices__state="PARKED"
    )
    stale = parked.filter(last_seen_at__lt=at - timedelta(minutes=10)).order_by("last_seen_at")
    orders.recheck_cases(case_pks=list(stale.values_list("pk", flat=True).distinct()[:20]), at=at)


def prune(*, at: datetime) -> int:
    """Delete django-q2's spent task rows and the beats of workers long gone; returns how many.

    Our own records keep everything.
    """
    Heartbeat.objects.filter(beat_at__lt=at - KEEP_TASKS).delete()
    deleted: int = Task.objects.filter(stopped__lt=at - KEEP_TASKS).delete()[0]
    return deleted
