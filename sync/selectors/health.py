"""How the feeds and the workers do, by evidence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    Count,
    Max,
    Q,
)

from mkterp.core.models import Heartbeat
from sync.models import (
    Feed,
    InboxMessage,
    Invoice,
    OutboxMessage,
)
from sync.selectors.invoices import order_counts

# How late a feed may be before it is called late: three missed runs.
LATE_RUNS = 3
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


# What each feed brings, and how often it is meant to run (minutes; 0: only when there is work).
FEEDS = {
    "sellers": ("Sellers", settings.SCHEDULES["sync.tasks.pull_sellers"]),
    "listings": ("Listings", settings.SCHEDULES["sync.tasks.pull_listings"]),
    "items": ("ERP items", settings.SCHEDULES["sync.tasks.pull_items"]),
    "invoices": ("Orders in", settings.SCHEDULES["sync.tasks.poll_invoices"]),
    "fetch_hinted": ("Orders named by webhooks", 0),
    "deliver_erp": ("Orders to the ERP", 0),
    "deliver_marketplacer": ("ERP numbers to Marketplacer", 0),
    "read_back": ("ERP documents read back", 0),
    "erp_shipments": ("Shipments in the ERP", settings.SCHEDULES["sync.tasks.pull_erp_shipments"]),
    "shipments": ("Shipments at Marketplacer", settings.SCHEDULES["sync.tasks.pull_shipments"]),
    "returns": ("Goods that come back", settings.SCHEDULES["sync.tasks.pull_returns"]),
    "corrections": ("Refunds to the ERP", 0),
    "carriers": ("Carriers", settings.SCHEDULES["sync.tasks.pull_carriers"]),
    "stock": ("Stock levels in", settings.SCHEDULES["sync.tasks.pull_stock"]),
    "push_stock": ("Stock levels out", 0),
    "look_at_stock": ("Stock levels read back", 0),
}


def feeds(*, at: datetime) -> list[FeedHealth]:
    """Every feed, in the order of the road; green only by evidence."""
    rows = {feed.name: feed for feed in Feed.objects.order_by("name")}
    waiting = _waiting(at)
    return [
        _feed_health(name, label, minutes, rows.get(name), waiting.get(name, 0), at)
        for name, (label, minutes) in FEEDS.items()
    ]


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
        "orders_booked": Invoice.objects.filter(erp_document__booked_at__isnull=False).count(),
        "feeds": {
            feed.name: {
                "state": feed.state,
                "words": feed.words,
                "succeeded_at": feed.succeeded_at and feed.succeeded_at.isoformat(),
                "waiting": feed.waiting,
                "last_run": feed.counts,
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
    """No worker executes anything: since when, and what waits meanwhile."""

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
    return Stall(
        since=beat,
        messages=InboxMessage.objects.filter(state=InboxMessage.State.NEW).count(),
        orders=Invoice.objects.filter(state=Invoice.State.QUEUED).count(),
        told=OutboxMessage.objects.filter(
            lane=OutboxMessage.Lane.MARKETPLACER,
            state__in=[OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT],
        ).count(),
    )
