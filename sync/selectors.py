"""What crossed the wire, what waits, and how we know: read only, always in a stated order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from mapping import selectors as registry
from mapping.models import Listing
from mkterp.core.models import AuditEntry, Heartbeat
from sync.domain.cases import KINDS, CaseKind
from sync.models import (
    ExceptionCase,
    Feed,
    InboxMessage,
    Invoice,
    InvoiceLine,
    OutboxMessage,
)

MONEY: "DecimalField[Any, Any]" = DecimalField(max_digits=18, decimal_places=4)
# How late a feed may be before it is called late: three missed runs.
LATE_RUNS = 3
WORKER_SILENT = timedelta(minutes=2, seconds=30)


# -- orders ----------------------------------------------------------------------------------


def orders() -> QuerySet[Invoice]:
    """Invoices, as people call them orders, with what a list shows of them."""
    return Invoice.objects.select_related("seller", "order", "erp_document").order_by(
        "-placed_at", "-pk"
    )


def order_counts() -> dict[str, int]:
    """Invoices created since go-live, by where they are; `seen` is the sum of the rest.

    Posted is accepted by the ERP. In flight is queued, on its way, or not paid for yet.
    """
    states = dict(
        Invoice.objects.exclude(state=Invoice.State.HISTORIC)
        .order_by()
        .values_list("state")
        .annotate(many=Count("pk"))
    )
    counts = {
        "orders_posted": states.get(Invoice.State.POSTED, 0),
        "orders_parked": states.get(Invoice.State.PARKED, 0),
        "orders_in_flight": states.get(Invoice.State.QUEUED, 0)
        + states.get(Invoice.State.WAITING, 0),
        "orders_failed": states.get(Invoice.State.FAILED, 0),
        "orders_cancelled": states.get(Invoice.State.CANCELLED, 0),
    }
    return {"orders_seen": sum(counts.values()), **counts}


@dataclass(frozen=True)
class Event:
    """One thing that happened to an order, for its timeline. `state` names a badge's meaning."""

    at: datetime
    title: str
    detail: str = ""
    state: str = "done"  # done, waiting, moving, person, broken
    case: ExceptionCase | None = None
    message: InboxMessage | None = None


def timeline(invoice: Invoice) -> list[Event]:
    """Everything that happened to one order, oldest first."""
    events = [Event(invoice.placed_at, "Placed at Marketplacer", str(invoice.order))]
    events += [_heard(message) for message in heard_of(invoice)]
    for case in invoice.cases.order_by("pk"):
        events += _case_events(case)
    for message in _sent(invoice):
        events.append(Event(message.queued_at, f"Queued {message.get_lane_display()}"))
        for attempt in message.tries.order_by("pk"):
            events.append(_tried(message, attempt.at, attempt.outcome, attempt.detail))
    document = getattr(invoice, "erp_document", None)
    if document is not None:
        sent = Decimal(invoice.posting.payload["gross"]) if invoice.posting else document.gross
        equal = document.gross == sent
        words = "equal to the cent" if equal else f"{document.gross - sent:+.2f} different"
        events.append(
            Event(
                document.accepted_at,
                f"Accepted as {document}",
                f"read back: {document.gross:.2f} {document.currency}, {words}",
                "done" if equal else "broken",
            )
        )
        if document.booked_at is not None:
            events.append(
                Event(
                    document.booked_at,
                    f"Booked as {document.invoice_number}",
                    f"in the ledger on {document.booked_date:%d %b %Y}",
                )
            )
    # Stable: what happened in one instant stays in the order of the road.
    return sorted(events, key=lambda event: event.at)


def causes_of(invoice: Invoice) -> QuerySet[ExceptionCase]:
    """The open cases an order waits for, oldest first."""
    return (
        invoice.cases.filter(state=ExceptionCase.State.OPEN)
        .select_related("assigned_to", "listing")
        .order_by("pk")
    )


def lines_of(invoice: Invoice) -> QuerySet[InvoiceLine]:
    """The lines with their listing and the ERP item each was posted as."""
    return invoice.lines.select_related("listing", "item").order_by("position")


def posted_tax(invoice: Invoice) -> dict[str, Decimal]:
    """Tax as we sent it, by Marketplacer's line id, and of the whole document under ""."""
    if invoice.posting is None:
        return {}
    payload = invoice.posting.payload
    return {"": Decimal(payload["tax"])} | {
        line["key"]: Decimal(line["tax"]) for line in payload["lines"]
    }


def heard_of(invoice: Invoice) -> QuerySet[InboxMessage]:
    """Every message about an order as it came, oldest first."""
    return InboxMessage.objects.filter(node_id=invoice.marketplacer_id).order_by("pk")


def _heard(message: InboxMessage) -> Event:
    if message.source == InboxMessage.Source.HINT:
        title = f"Webhook: {message.event_name}"
    else:
        title = "Read from Marketplacer"
    state = "broken" if message.state == InboxMessage.State.UNREADABLE else "done"
    return Event(message.received_at, title, message.note, state, message=message)


def _case_events(case: ExceptionCase) -> list[Event]:
    parked = KINDS[CaseKind(case.kind)].resolves_itself
    title = "Parked" if parked else "Exception opened"
    opened = Event(case.opened_at, title, case.cause, "person", case)
    if case.closed_at is None:
        return [opened]
    by = f" by {case.closed_by}" if case.closed_by else ""
    closed = Event(
        case.closed_at, f"{case.get_state_display().capitalize()}{by}", case.resolution, case=case
    )
    return [opened, closed]


def _sent(invoice: Invoice) -> QuerySet[OutboxMessage]:
    return (
        OutboxMessage.objects.filter(key=invoice.marketplacer_id)
        .prefetch_related("tries")
        .order_by("pk")
    )


def _tried(message: OutboxMessage, at: datetime, outcome: str, detail: str) -> Event:
    if outcome == "delivered":
        what = "posted" if message.operation == "post_order" else "ERP number told"
        return Event(at, what.capitalize(), message.get_lane_display())
    state = "broken" if outcome in ("rejected", "poison") else "waiting"
    return Event(at, f"Not taken: {outcome}", detail, state)


# -- exceptions ------------------------------------------------------------------------------


def cases() -> QuerySet[ExceptionCase]:
    """Cases with the orders and money each blocks now, and its severity.

    `blocked_orders`, `blocked_money` (company currency), `severity` 3 to 1.
    """
    blocking = (
        Invoice.objects.filter(cases=OuterRef("pk"))
        .exclude(state__in=[Invoice.State.POSTED, Invoice.State.CANCELLED])
        .order_by()
        .values("cases")
    )
    severity = [When(kind=kind, then=Value(facts.severity)) for kind, facts in KINDS.items()]
    return (
        ExceptionCase.objects.select_related("assigned_to", "listing", "seller", "closed_by")
        .annotate(
            blocked_orders=Coalesce(
                Subquery(blocking.annotate(many=Count("pk")).values("many")), Value(0)
            ),
            blocked_money=Coalesce(
                Subquery(blocking.annotate(sum=Sum("gross")).values("sum"), output_field=MONEY),
                Value(Decimal(0)),
                output_field=MONEY,
            ),
            severity=Case(*severity, default=Value(1), output_field=IntegerField()),
        )
        .order_by("-severity", "-blocked_money", "-pk")
    )


def open_cases() -> QuerySet[ExceptionCase]:
    return cases().filter(state=ExceptionCase.State.OPEN)


def blocked_money() -> tuple[int, Decimal]:
    """How many orders wait for a person, and their money in company currency."""
    held = Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
    found = held.aggregate(many=Count("pk"), money=Sum("gross"))
    return found["many"], found["money"] or Decimal(0)


def money_held_by(rows: QuerySet[ExceptionCase]) -> Decimal:
    """The money of the orders these cases hold up, each order once, in company currency."""
    found = Invoice.objects.filter(
        pk__in=Invoice.cases.through.objects.filter(
            exceptioncase__in=rows.order_by().values("pk")
        ).values("invoice"),
        state__in=[Invoice.State.PARKED, Invoice.State.FAILED],
    ).aggregate(money=Sum("gross"))
    return found["money"] or Decimal(0)


def history(case: ExceptionCase) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(subject=f"sync.exceptioncase:{case.pk}").order_by("at", "pk")


# -- queues ----------------------------------------------------------------------------------


def inbox() -> QuerySet[InboxMessage]:
    return InboxMessage.objects.defer("body").order_by("-pk")


def outbox() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.defer("payload").select_related("case").order_by("-pk")


# -- health ----------------------------------------------------------------------------------


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


# -- the workbench ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Unmapped:
    """A listing without an ERP item, and what waits for it. No case: nobody has ordered it yet."""

    listing: Listing
    case: ExceptionCase | None
    orders: int
    money: Decimal  # company currency


def unmapped_cases() -> QuerySet[Any]:
    """Open cases of listings that somebody ordered and no item is mapped to, dearest first."""
    rows: QuerySet[Any] = open_cases()  # with the annotations of `cases`
    return (
        rows.filter(kind=CaseKind.UNMAPPED_SKU, listing__isnull=False)
        .select_related("listing__seller", "assigned_to")
        .order_by("-blocked_money", "-blocked_orders", "pk")
    )


def unmapped_listings(*, at: datetime) -> QuerySet[Listing]:
    """Published listings that no item is mapped to and no order waits for."""
    waited_for = ExceptionCase.objects.filter(
        kind=CaseKind.UNMAPPED_SKU, state=ExceptionCase.State.OPEN, listing=OuterRef("pk")
    )
    return (
        registry.unmapped(at=at).filter(~Exists(waited_for), deleted=False).select_related("seller")
    )


def blocked_by(listing: Listing) -> Unmapped:
    """What waits for one listing."""
    case: Any = open_cases().filter(kind=CaseKind.UNMAPPED_SKU, listing=listing).first()
    if case is None:
        return Unmapped(listing, None, 0, Decimal(0))
    return Unmapped(listing, case, case.blocked_orders, case.blocked_money)


@dataclass(frozen=True)
class Held:
    """Orders that wait for a person, and their money in company currency, by what holds them."""

    orders: int
    money: Decimal
    unmapped_orders: int
    unmapped_money: Decimal
    refused_orders: int
    refused_money: Decimal

    @property
    def other_orders(self) -> int:
        return self.orders - self.unmapped_orders - self.refused_orders

    @property
    def other_money(self) -> Decimal:
        return self.money - self.unmapped_money - self.refused_money


def held() -> Held:
    """What waits for a person. An order that waits for several causes counts as unmapped first."""
    unmapped_sku = Invoice.cases.through.objects.filter(
        invoice=OuterRef("pk"),
        exceptioncase__kind=CaseKind.UNMAPPED_SKU,
        exceptioncase__state=ExceptionCase.State.OPEN,
    )
    parked = Q(state=Invoice.State.PARKED, unmapped=True)
    refused = Q(state=Invoice.State.FAILED)
    found = (
        Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
        .annotate(unmapped=Exists(unmapped_sku))
        .aggregate(
            orders=Count("pk"),
            money=Sum("gross"),
            unmapped_orders=Count("pk", filter=parked),
            unmapped_money=Sum("gross", filter=parked),
            refused_orders=Count("pk", filter=refused),
            refused_money=Sum("gross", filter=refused),
        )
    )
    values: dict[str, Any] = {
        name: value or (Decimal(0) if name.endswith("money") else 0)
        for name, value in found.items()
    }
    return Held(**values)


# -- silence ---------------------------------------------------------------------------------


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


# -- counts for the rail, each one query that stops counting at the most a screen shows ---------

MOST_COUNTED = 10_001


def open_case_count(*, kind: str = "") -> int:
    rows = ExceptionCase.objects.filter(state=ExceptionCase.State.OPEN).order_by()
    return (rows.filter(kind=kind) if kind else rows)[:MOST_COUNTED].count()


def parked_count() -> int:
    parked = Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
    return parked.order_by()[:MOST_COUNTED].count()


def refused_count() -> int:
    refused = OutboxMessage.objects.filter(state=OutboxMessage.State.FAILED)
    return refused.order_by()[:MOST_COUNTED].count()


def last_webhook() -> InboxMessage | None:
    """The newest webhook we stored, or None when none ever came."""
    hints = InboxMessage.objects.filter(source=InboxMessage.Source.HINT).defer("body")
    return hints.order_by("-received_at", "-pk").first()
