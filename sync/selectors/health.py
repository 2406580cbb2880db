"""How the feeds and the workers do, by evidence."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    Count,
    Max,
    Q,
    Sum,
)
from django_q.models import Schedule

from mkterp.core.models import Heartbeat
from sync.models import (
    Feed,
    FeedHour,
    InboxMessage,
    Invoice,
    OutboxMessage,
    TaskRun,
)
from sync.selectors import evidence
from sync.selectors.counts import MOST_COUNTED
from sync.selectors.evidence import LATE_RUNS
from sync.selectors.invoices import order_counts
from sync.selectors.schedules import FEEDS, WHEN_NEEDED, label_of, other_tasks

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORKER_SILENT = timedelta(minutes=2, seconds=30)


@dataclass(frozen=True)
class FeedHealth:
    """How one feed does, proven by what it recorded: well, late, waiting, stopped or never run."""

    name: str
    label: str
    state: str
    words: str
    succeeded_at: datetime | None
    counts: dict[str, int]
    waiting: int  # rows queued behind it
    minutes: int = 0  # between its runs; 0: it runs when there is work
    read_to: datetime | None = None  # by the far side's clock: what is newer has not been read
    next_run: datetime | None = None
    runs: int = 0  # of the last day, with how many of them failed and the rows they handled
    failures: int = 0
    rows: int = 0
    due_since: datetime | None = None  # the oldest message that could be taken now

    @property
    def error_percent(self) -> int:
        return round(100 * self.failures / self.runs) if self.runs else 0

    @property
    def rows_per_hour(self) -> int:
        return round(self.rows / (DAY / HOUR))


def feed_states(*, at: datetime) -> dict[str, str]:
    """The state of every feed, as in `feeds`, and of every other task. Three queries."""
    rows, seen = _rows(), evidence.seen(at=at)
    # How many wait behind a feed is in its words, and never in its state.
    found = {name: _judged(name, rows, seen, 0, at).state for name in FEEDS}
    return found | {task: _task_health(task, rows, seen, at).state for task in other_tasks()}


def feeds(*, at: datetime) -> list[FeedHealth]:
    """Every feed, in the order of the road; green only by evidence. Eight queries."""
    rows, seen = _rows(), evidence.seen(at=at)
    waiting = _waiting(at)
    last_day = {
        found["feed"]: dict[str, Any](found)
        for found in FeedHour.objects.filter(hour__gt=at - DAY)
        .order_by()
        .values("feed")
        .annotate(runs=Sum("runs"), failures=Sum("failures"), rows=Sum("rows"))
    }
    due = dict(Schedule.objects.values_list("func", "next_run"))
    return [
        replace(
            _judged(name, rows, seen, waiting.get(name, 0), at),
            minutes=_minutes(name),
            read_to=rows[name].cursor_at if name in rows else None,
            next_run=due.get(task),
            runs=last_day.get(name, {}).get("runs", 0),
            failures=last_day.get(name, {}).get("failures", 0),
            rows=last_day.get(name, {}).get("rows", 0),
        )
        for name, (_, task) in FEEDS.items()
    ]


def tasks(*, at: datetime) -> list[FeedHealth]:
    """Every scheduled task that is no feed, by how its runs ended. Four queries."""
    rows, seen = _rows(), evidence.seen(at=at)
    due = dict(Schedule.objects.values_list("func", "next_run"))
    return [
        replace(
            _task_health(task, rows, seen, at),
            minutes=settings.SCHEDULES[task],
            next_run=due.get(task),
        )
        for task in other_tasks()
    ]


def _rows() -> dict[str, Feed]:
    return {feed.name: feed for feed in Feed.objects.order_by("name")}


def _task_health(task: str, rows: dict[str, Feed], seen: evidence.Seen, at: datetime) -> FeedHealth:
    run: TaskRun | None = seen.runs.get(task)
    well = run.succeeded_at if run else None
    trouble = evidence.task_trouble(task, run, rows, at)
    state, words = ("well", "") if well else ("waiting", "has not run yet")
    if trouble is not None:
        state, words = trouble.state, trouble.words
    return FeedHealth(task, label_of(task), state, words, well, {}, 0)


def _judged(
    name: str, rows: dict[str, Feed], seen: evidence.Seen, waiting: int, at: datetime
) -> FeedHealth:
    """What a feed says of itself, unless that is good and its queue or its task belies it."""
    label, task = FEEDS[name]
    feed = rows.get(name)
    found = _feed_health(name, label, _minutes(name), feed, waiting, at)
    due = seen.due_since.get(name)
    if found.state not in ("well", "waiting"):
        return replace(found, due_since=due)
    trouble = evidence.task_trouble(task, seen.runs.get(task), rows, at)
    if trouble is None:
        still = evidence.stands_still(name, settings.SCHEDULES[task], feed, due, at)
        if still is not None:
            words = f"nothing has moved since {still:%d %b %H:%M} UTC, and {waiting or 'some'} wait"
            trouble = evidence.Trouble("late", words)
    if trouble is not None:
        found = replace(found, state=trouble.state, words=trouble.words)
    return replace(found, due_since=due)


def _minutes(name: str) -> int:
    return 0 if name in WHEN_NEEDED else settings.SCHEDULES[FEEDS[name][1]]


def _waiting(at: datetime) -> dict[str, int]:
    undelivered = Q(state__in=[OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT])
    lanes = dict(
        OutboxMessage.objects.filter(undelivered)
        .order_by()
        .values_list("lane")
        .annotate(many=Count("pk"))
    )
    new = InboxMessage.objects.filter(state=InboxMessage.State.NEW)
    return {
        "fetch_hinted": new.filter(source=InboxMessage.Source.HINT).count(),
        "deliver_erp": lanes.get(OutboxMessage.Lane.ERP, 0),
        "push_stock": lanes.get(OutboxMessage.Lane.STOCK, 0),
        "deliver_marketplacer": lanes.get(OutboxMessage.Lane.MARKETPLACER, 0),
        "deliver_notices": lanes.get(OutboxMessage.Lane.NOTICES, 0),
    }


def _feed_health(
    name: str, label: str, minutes: int, feed: Feed | None, waiting: int, at: datetime
) -> FeedHealth:
    if feed is None:
        idle = minutes == 0 and not waiting
        words = "nothing to do yet" if idle else "has not run yet"
        return FeedHealth(name, label, "waiting", words, None, {}, waiting)
    well = feed.succeeded_at
    if evidence.failing(feed):
        state = "stopped" if feed.error_kind in evidence.REFUSED else "unavailable"
        return FeedHealth(name, label, state, feed.error, well, feed.counts, waiting)
    late = minutes and (well is None or at - well > timedelta(minutes=minutes * LATE_RUNS))
    if late:
        return FeedHealth(name, label, "late", evidence.MISSED, well, feed.counts, waiting)
    return FeedHealth(name, label, "well", "", well, feed.counts, waiting)


@dataclass(frozen=True)
class WorkerHealth:
    name: str
    alive: bool
    beat_at: datetime
    detail: dict[str, Any]


def workers(*, at: datetime) -> list[WorkerHealth]:
    """Workers that ever proved to execute something, and whether they still do."""
    return [
        WorkerHealth(row.name, at - row.beat_at < WORKER_SILENT, row.beat_at, row.detail)
        for row in Heartbeat.objects.order_by("name")
    ]


def status(*, at: datetime) -> dict[str, Any]:
    """The whole state in plain values, for `manage.py status --json` and monitoring."""
    return {
        **order_counts(),
        "dry_run": settings.DRY_RUN,
        "would_send": OutboxMessage.objects.filter(
            dry=True, state=OutboxMessage.State.PENDING
        ).count(),
        "orders_booked": Invoice.objects.filter(erp_document__booked_at__isnull=False).count(),
        "feeds": {
            feed.name: {
                "state": feed.state,
                "words": feed.words,
                "succeeded_at": feed.succeeded_at and feed.succeeded_at.isoformat(),
                "waiting": feed.waiting,
                "last_run": feed.counts,
                "runs_of_a_day": feed.runs,
                "failures_of_a_day": feed.failures,
                "next_run": feed.next_run and feed.next_run.isoformat(),
            }
            for feed in feeds(at=at)
        },
        "tasks": {
            task.name: {
                "state": task.state,
                "words": task.words,
                "succeeded_at": task.succeeded_at and task.succeeded_at.isoformat(),
            }
            for task in tasks(at=at)
        },
        "workers": {
            worker.name: {"alive": worker.alive, "beat_at": worker.beat_at.isoformat()}
            for worker in workers(at=at)
        },
    }


@dataclass(frozen=True)
class Stall:
    """No worker executes anything: since when, and what waits meanwhile, up to the most shown."""

    since: datetime | None  # None: no worker has ever run here
    messages: int  # to be read
    orders: int  # for the ERP
    told: int  # answers for Marketplacer

    @property
    def waits(self) -> bool:
        return bool(self.messages or self.orders or self.told)


def stalled(*, at: datetime) -> Stall | None:
    """None while a worker proves that it executes. One query, four when all are silent."""
    beat = Heartbeat.objects.aggregate(last=Max("beat_at"))["last"]
    if beat is not None and at - beat < WORKER_SILENT:
        return None
    waiting = (
        InboxMessage.objects.filter(state=InboxMessage.State.NEW),
        Invoice.objects.filter(state=Invoice.State.QUEUED),
        OutboxMessage.objects.filter(
            lane=OutboxMessage.Lane.MARKETPLACER,
            state__in=[OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT],
        ),
    )
    return Stall(beat, *(rows.order_by()[:MOST_COUNTED].count() for rows in waiting))
