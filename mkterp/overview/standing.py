"""How things stand, in the words of home and health. Reads selectors, writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet
from django.urls import reverse

from mkterp.core.models import AccountingPeriod, User
from mkterp.core.screens import Badge
from mkterp.core.screens.words import things
from reconciliation.selectors import board, books, facts
from reconciliation.selectors.books import Proof
from sync import selectors
from sync.domain.cases import CaseKind
from sync.screens.exception_table import label_of, priority_bar
from sync.selectors import Day, FeedHealth

SHOWN = 12  # cases of one kind on home; the rest is one link away
LATEST = 6
STRIP_DAYS = 28

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
    "refunds": "Orders go on; what was given back is booked later.",
    "remittances": "Orders go on; what sellers are owed shows later.",
    "advices": "Orders go on; new payouts show later.",
    "erp_documents": "Orders post; what the ERP booked is compared with them later.",
    "erp_books": "Orders post; the clearing account and the periods are shown as last read.",
    "deliver_notices": "Everything else goes on; people are told later, of all of it at once.",
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
    def path(self) -> str:
        """The task that runs it."""
        return selectors.FEEDS[self.feed.name][1]

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


@dataclass(frozen=True)
class TaskLine:
    """A scheduled task that is no feed, with its badge."""

    task: FeedHealth
    badge: Badge


def task_lines(*, at: datetime) -> list[TaskLine]:
    """Every scheduled task that is no feed: those in trouble first."""
    lines = [TaskLine(task, FEED[task.state]) for task in selectors.tasks(at=at)]
    return sorted(lines, key=lambda line: line.badge.meaning not in ("broke", "need"))


@dataclass(frozen=True)
class DayCell:
    """One day of the completeness strip: what came here, against what both sides named.

    Our own rows cannot say that nothing is missing. A day is whole only once both sides were asked
    about it, after it was over.
    """

    day: Day
    proof: Proof | None = None
    before_us: bool = False  # before go-live: nobody asks

    @property
    def orders(self) -> int:
        return max(self.day.seen, self.proof.orders if self.proof else 0)

    @property
    def lost(self) -> int:
        """Unaccounted for: found when both sides were asked, or in our own rows since."""
        return max(self.day.unexplained, self.proof.gaps if self.proof else 0)

    @property
    def meaning(self) -> str:
        """The colour of its cell."""
        if self.lost:
            return "broke"
        if self.day.waiting:
            return "need"
        if self.day.moving:
            return "move"
        return "done" if self.proof and self.orders else "wait"

    @property
    def word(self) -> str:
        if self.lost:
            return f"{self.lost:,} lost"
        if self.day.waiting:
            return f"{self.day.waiting:,} wait"
        if self.day.moving:
            return f"{self.day.moving:,} move"
        if self.proof is None:
            return "–" if self.before_us else "not proved"
        return "whole" if self.orders else "none"

    @property
    def words(self) -> str:
        """The day in a sentence."""
        day = self.day
        parts = [
            (day.posted, "in the ERP"),
            (day.moving, "on their way"),
            (day.waiting, "wait for a person"),
            (day.cancelled, "cancelled"),
            (self.lost, "unaccounted for"),
        ]
        known = ", ".join(f"{many:,} {what}" for many, what in parts if many)
        said = things(self.orders, "order", "orders") if self.orders else "no orders"
        return f"{day.day:%a %d %b}: {said}{': ' if known else ''}{known}; {self._proved}"

    @property
    def _proved(self) -> str:
        if self.before_us and self.proof is None:
            return "before go-live"
        return "both sides were asked" if self.proof else "not proved yet"


def day_cells(*, at: datetime) -> list[DayCell]:
    """The last four weeks, oldest first."""
    days = completed_days(at=at)
    proved = books.proofs(since=days[0].day) if days else {}
    live = settings.GO_LIVE_AT.astimezone(settings.COMPANY_TIME_ZONE).date()
    return [DayCell(day, proved.get(day.day), before_us=day.day < live) for day in days]


def completed_days(*, at: datetime) -> list[Day]:
    """Each day's completeness. Renewed once a minute: it reads four weeks of orders."""
    found: list[Day] | None = cache.get_or_set(
        "overview.completeness", lambda: selectors.completeness(at=at, days=STRIP_DAYS), 60
    )
    return found or []


@dataclass(frozen=True)
class CloseLine:
    """How far the close of the period that is worked on has come."""

    period: AccountingPeriod
    holding: int
    total: int
    left: str  # "6 days left"

    @property
    def text(self) -> str:
        return f"{self.holding} of {self.total} facts hold, {self.left}"


def close_line(*, at: datetime) -> CloseLine | None:
    """The close in one line; None before there is a calendar.

    Its facts are renewed once a minute, for everybody: to look at them takes some thirty queries.
    """
    period = board.current(at=at)
    if period is None:
        return None
    held: tuple[int, int] | None = cache.get_or_set(
        f"overview.close.{period.pk}", lambda: _held(period, at), 60
    )
    holding, total = held or (0, 0)
    closed = period.state == AccountingPeriod.State.CLOSED
    today = at.astimezone(settings.COMPANY_TIME_ZONE).date()
    return CloseLine(period, holding, total, "closed" if closed else days_left(period, today))


def _held(period: AccountingPeriod, at: datetime) -> tuple[int, int]:
    found = facts.findings(period, at)
    return sum(one.holds for one in found.values()), len(found)


def days_left(period: AccountingPeriod, today: date) -> str:
    """Until the day by which the period is to be closed."""
    left = (period.due_date - today).days
    if left < 0:
        return f"{things(-left, 'day', 'days')} overdue"
    return f"{things(left, 'day', 'days')} left" if left else "due today"


def to_approve(user: User) -> int:
    """The tax adjustments that this person may approve: none of their own."""
    if not user.has_perm("reconciliation.approve_taxadjustment"):
        return 0
    return books.to_approve().exclude(prepared_by=user).count()
