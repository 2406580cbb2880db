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
)
from sync.selectors.counts import MOST_COUNTED
from sync.selectors.invoices import order_counts

# How late a feed may be before it is called late: three missed runs.
LATE_RUNS = 3
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

    @property
    def error_percent(self) -> int:
        return round(100 * self.failures / self.runs) if self.runs else 0

    @property
    def rows_per_hour(self) -> int:
        return round(self.rows / (DAY / HOUR))


# What each feed brings, and the task that runs it.
FEEDS = {
    "sellers": ("Sellers", "pull_sellers"),
    "listings": ("Listings", "pull_listings"),
    "items": ("ERP items", "pull_items"),
    "invoices": ("Orders in", "poll_invoices"),
    "fetch_hinted": ("Orders named by webhooks", "fetch_hinted"),
    "deliver_erp": ("Orders to the ERP", "deliver_erp"),
    "deliver_marketplacer": ("ERP numbers to Marketplacer", "deliver_marketplacer"),
    "read_back": ("ERP documents read back", "read_back"),
    "erp_documents": ("Posted ERP documents", "pull_documents"),
    "erp_books": ("ERP periods and balances", "read_books"),
    "erp_shipments": ("Shipments in the ERP", "pull_erp_shipments"),
    "shipments": ("Shipments at Marketplacer", "pull_shipments"),
    "returns": ("Goods that come back", "pull_returns"),
    "corrections": ("Refunds to the ERP", "look_at_corrections"),
    "carriers": ("Carriers", "pull_carriers"),
    "stock": ("Stock levels in", "pull_stock"),
    "push_stock": ("Stock levels out", "push_stock"),
    "look_at_stock": ("Stock levels read back", "look_at_stock"),
    "refunds": ("Refunds in", "pull_refunds"),
    "remittances": ("Remittances", "sweep_remittances"),
    "advices": ("Remittance advices", "pull_advices"),
    "deliver_notices": ("Notifications out", "deliver_notices"),
}
# These record a run only when there was work for it, so that silence says nothing.
_WHEN_NEEDED = (
    "fetch_hinted",
    "deliver_erp",
    "deliver_marketplacer",
    "read_back",
    "corrections",
    "push_stock",
    "look_at_stock",
    "deliver_notices",
)


def feed_states(*, at: datetime) -> dict[str, str]:
    """The state of every feed, as in `feeds`, from its own row alone. One query."""
    rows = {feed.name: feed for feed in Feed.objects.order_by("name")}
    # What waits behind a feed is in its words, and never in its state.
    return {
        name: _feed_health(name, label, _minutes(name), rows.get(name), 0, at).state
        for name, (label, _) in FEEDS.items()
    }


def feeds(*, at: datetime) -> list[FeedHealth]:
    """Every feed, in the order of the road; green only by evidence. Six queries."""
    rows = {feed.name: feed for feed in Feed.objects.order_by("name")}
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
            _feed_health(name, label, _minutes(name), rows.get(name), waiting.get(name, 0), at),
            minutes=_minutes(name),
            read_to=rows[name].cursor_at if name in rows else None,
            next_run=due.get(f"sync.tasks.{task}"),
            runs=last_day.get(name, {}).get("runs", 0),
            failures=last_day.get(name, {}).get("failures", 0),
            rows=last_day.get(name, {}).get("rows", 0),
        )
        for name, (label, task) in FEEDS.items()
    ]


def _minutes(name: str) -> int:
    return 0 if name in _WHEN_NEEDED else settings.SCHEDULES[f"sync.tasks.{FEEDS[name][1]}"]


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
    well, failed = feed.succeeded_at, feed.failed_at
    if feed.error_kind and failed and (well is None or failed > well):
        stopped = feed.error_kind in ("misconfigured", "sign-in refused", "missing right")
        state = "stopped" if stopped else "unavailable"
        return FeedHealth(name, label, state, feed.error, well, feed.counts, waiting)
    late = minutes and (well is None or at - well > timedelta(minutes=minutes * LATE_RUNS))
    if late:
        return FeedHealth(name, label, "late", "missed its runs", well, feed.counts, waiting)
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
