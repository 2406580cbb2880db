"""How things stand, in the words of home and health. Reads selectors, writes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from mkterp.core.screens import Badge
from sync import selectors
from sync.domain.cases import CaseKind
from sync.screens.exception_table import label_of, priority_bar
from sync.selectors import FeedHealth

SHOWN = 12  # cases of one kind on home; the rest is one link away
LATEST = 6

FEED = {
    "well": Badge("well", "done"),
    "waiting": Badge("waiting", "wait"),
    "late": Badge("late", "need"),
    "unavailable": Badge("no answer", "broke"),
    "stopped": Badge("stopped", "broke"),
}
# What still works and what waits while a feed does not get through.
CONSEQUENCE = {
    "sellers": "Orders go on; new sellers are not seen yet.",
    "listings": "Orders go on; new listings and changed SKUs are not seen yet.",
    "items": "Orders go on; new ERP items cannot be suggested yet.",
    "invoices": "Webhooks still bring orders; the next read that gets through brings the rest.",
    "fetch_hinted": "The poll brings the same orders within a minute of getting through.",
    "deliver_erp": "Orders wait in the outbox, in their order. Nothing is lost.",
    "deliver_marketplacer": "Orders are in the ERP; only its numbers are told later.",
    "read_back": "Posted orders stay posted; the comparison and the booking date come later.",
    "erp_shipments": "Orders go on; goods that left are told to Marketplacer later, each once.",
    "shipments": "Goods are told; sellers' own shipments show later.",
    "returns": "Refunds go on; goods that came back show later.",
    "corrections": "Refunds wait, in their order. None is lost and none is booked twice.",
    "carriers": "Shipments go on; a new carrier is not seen yet.",
    "stock": "Levels are told as they were; orders that come in are still taken off them.",
    "push_stock": "Marketplacer shows what it was told before; only the newest levels will go.",
    "look_at_stock": "Levels are told; whether Marketplacer shows them is looked at later.",
}


@dataclass(frozen=True)
class Shown:
    """The first few of many rows."""

    rows: list[Any]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def shown(rows: QuerySet[Any]) -> Shown:
    """The first few cases, each with the words home says of it."""
    found = list(rows[:SHOWN])
    for case in found:
        case.label = label_of(case)
        case.bar = priority_bar(case)
    return Shown(found, rows.order_by().count())


@dataclass(frozen=True)
class FeedLine:
    """A feed's health with its badge, and what its trouble means for the orders."""

    feed: FeedHealth
    badge: Badge
    consequence: str

    @property
    def troubled(self) -> bool:
        return self.badge.meaning in ("broke", "need")

    @property
    def broken(self) -> bool:
        return self.badge.meaning == "broke"

    @property
    def read(self) -> list[tuple[str, Any]]:
        """What the last run counted, in words."""
        return [(name.replace("_", " "), value) for name, value in self.feed.counts.items()]


def start_at(*found: Shown) -> str:
    """The address of the first thing to do; "" when there is nothing."""
    case = next((rows.rows[0] for rows in found if rows.rows), None)
    if case is None:
        return ""
    if case.kind == CaseKind.UNMAPPED_SKU and case.listing_id:
        return f"{reverse('sync:unmapped')}?listing={case.listing_id}"
    return reverse("sync:exception", kwargs={"key": case.pk})


def feed_lines(*, at: datetime) -> list[FeedLine]:
    """Every feed in the order of the road."""
    return [
        FeedLine(feed, FEED[feed.state], CONSEQUENCE[feed.name]) for feed in selectors.feeds(at=at)
    ]
