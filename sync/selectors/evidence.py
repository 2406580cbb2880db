"""What speaks against a feed besides its own word: a queue that stands still, a task that dies."""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value

from sync.models import Feed, InboxMessage, ListingStock, OutboxMessage, TaskRun

# How late a feed or task may be before it is called late: three missed runs.
LATE_RUNS = 3
# One that runs seldom is late this long after it was due: a night's work is missed by the morning.
SELDOM = timedelta(hours=3)
# So many runs of a feed may pass a message by before its queue stands still: a call in flight takes
# minutes, and a claim whose worker died is free again after five.
STILL_RUNS = 10
# Administrators pace how often levels are told.
STILL_PACED = timedelta(minutes=30)

_LANES = {
    "deliver_erp": OutboxMessage.Lane.ERP,
    "push_stock": OutboxMessage.Lane.STOCK,
    "deliver_marketplacer": OutboxMessage.Lane.MARKETPLACER,
    "deliver_notices": OutboxMessage.Lane.NOTICES,
}
# Feeds that have no line of their own on Health, and the task that runs them.
_WITHIN = {
    "stock_full": "sync.tasks.pull_all_stock",
    "listings in full": "sync.tasks.compare_catalogues",
    "items in full": "sync.tasks.compare_catalogues",
    "completeness": "reconciliation.tasks.sweep_days",
    "erp_account_lines": "sync.tasks.read_books",
}
MISSED = "missed its runs"
REFUSED = ("misconfigured", "sign-in refused", "missing right")


@dataclass(frozen=True)
class Trouble:
    """What is wrong, as a state of health and a sentence."""

    state: str
    words: str


@dataclass(frozen=True)
class Seen:
    """What there is besides the feeds' own rows: how tasks ended, and the heads of the queues."""

    runs: dict[str, TaskRun]
    due_since: dict[str, datetime]


def seen(*, at: datetime) -> Seen:
    """Two queries."""
    runs = {run.task: run for run in TaskRun.objects.order_by("task")}
    return Seen(runs, due_since(at=at))


def due_since(*, at: datetime) -> dict[str, datetime]:
    """By feed, since when the oldest message waits that it may take now. One query.

    What waits for a person, for an older message of its stream, for its time, or in a dry run is
    not due, and what a worker holds is taken. Each part ends at its first row of an index.
    """
    sql, parameters = _heads(dry_run=bool(settings.DRY_RUN))
    with connection.cursor() as cursor:
        cursor.execute(sql, [at if value == _MOMENT else value for value in parameters])
        return dict(cursor.fetchall())


# Stands in the kept query for the moment that is asked about.
_MOMENT = datetime(1, 1, 1, tzinfo=UTC)


@functools.cache
def _heads(*, dry_run: bool) -> tuple[str, tuple[Any, ...]]:
    """The query as SQL, put together once: the rail of every page asks it, and putting six
    together takes a quarter of a page."""
    at = _MOMENT
    lanes = {
        feed: lane
        for feed, lane in _LANES.items()
        if not dry_run or lane == OutboxMessage.Lane.NOTICES
    }
    heads = [_inbox(at), _looks(at), *(_outbox(feed, lane, at) for feed, lane in lanes.items())]
    sql, parameters = heads[0].union(*heads[1:], all=True).query.sql_with_params()
    return sql, tuple(parameters)


def _free(at: datetime) -> Q:
    return Q(Q(lease_until__isnull=True) | Q(lease_until__lt=at), not_before__lte=at)


def _outbox(feed: str, lane: str, at: datetime) -> QuerySet[Any, Any]:
    State = OutboxMessage.State
    living = [State.PENDING, State.IN_FLIGHT]
    older = OutboxMessage.objects.filter(
        stream=OuterRef("stream"),
        pk__lt=OuterRef("pk"),
        dry=False,
        state__in=[*living, State.FAILED],
    )
    due = OutboxMessage.objects.filter(
        _free(at), ~Exists(older), lane=lane, state__in=living, dry=False
    )
    return due.order_by("not_before").values_list(Value(feed), F("not_before"))[:1]


def _inbox(at: datetime) -> QuerySet[Any, Any]:
    due = InboxMessage.objects.filter(
        _free(at),
        source=InboxMessage.Source.HINT,
        typename="Invoice",
        state=InboxMessage.State.NEW,
    )
    return due.order_by("pk").values_list(Value("fetch_hinted"), F("not_before"))[:1]


def _looks(at: datetime) -> QuerySet[Any, Any]:
    due = ListingStock.objects.filter(look_at__lte=at)
    return due.order_by("look_at").values_list(Value("look_at_stock"), F("look_at"))[:1]


def stands_still(
    name: str, minutes: int, feed: Feed | None, due: datetime | None, at: datetime
) -> datetime | None:
    """Since when nothing of a feed's due messages moves; None while it moves or nothing is due.

    A long queue of old messages that is being worked moves: each run that gets through says so.
    """
    if due is None:
        return None
    moved = [due]
    if feed is not None:
        moved += [moment for moment in (feed.succeeded_at, feed.not_before) if moment is not None]
    since = max(moved)
    bound = STILL_PACED if name == "push_stock" else timedelta(minutes=minutes * STILL_RUNS)
    return since if at - since > bound else None


def task_trouble(
    task: str, run: TaskRun | None, feeds: dict[str, Feed], at: datetime
) -> Trouble | None:
    """What is wrong with a scheduled task; None while its runs end well, or before its first."""
    for name, runs_in in _WITHIN.items():
        feed = feeds.get(name)
        if runs_in == task and feed is not None and failing(feed):
            return Trouble("stopped" if feed.error_kind in REFUSED else "unavailable", feed.error)
    if run is None:
        return None
    since = run.succeeded_at or run.failing_since
    if since is None or at - since <= _grace(task):
        return None
    if run.failing_since is None:
        return Trouble("late", MISSED)
    begun = f"{run.failing_since:%d %b %H:%M} UTC"
    return Trouble("late", f"its task crashes since {begun}: {run.error}")


def _grace(task: str) -> timedelta:
    minutes = timedelta(minutes=settings.SCHEDULES[task])
    return min(minutes * LATE_RUNS, minutes + SELDOM)


def failing(feed: Feed) -> bool:
    """Whether the last run of a feed failed."""
    well, failed = feed.succeeded_at, feed.failed_at
    return bool(feed.error_kind and failed and (well is None or failed > well))
