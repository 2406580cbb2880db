"""What health shows besides feeds and workers: webhooks, call budgets, completeness by day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from sync.models import CallPace, InboxMessage, Invoice, StockPolicy
from sync.selectors.counts import last_webhook

# A webhook that comes later than the reading of its news is late, not silent.
SLOW_WEBHOOK = timedelta(minutes=5)
State = Invoice.State


@dataclass(frozen=True)
class Silence:
    """Webhooks came once and have stopped, while reading still brings news."""

    heard_at: datetime


def webhook_silence(*, at: datetime) -> Silence | None:
    """None while webhooks come, when none ever came, and when there was no news to announce."""
    heard = last_webhook()
    window = timedelta(minutes=settings.WEBHOOK_SILENCE_MINUTES)
    if heard is None or at - heard.received_at <= window:
        return None
    unannounced = InboxMessage.objects.filter(
        source=InboxMessage.Source.NODE,
        received_at__gt=heard.received_at + SLOW_WEBHOOK,
        received_at__lte=at - SLOW_WEBHOOK,
    )
    return Silence(heard.received_at) if unannounced.exists() else None


@dataclass(frozen=True)
class Budget:
    """How much of a far side's patience is used: calls of this hour, and of how many."""

    name: str
    calls: int
    allowed: int
    silent_until: datetime | None  # it asked for silence until then

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.calls / self.allowed)) if self.allowed else 0


def budgets(*, at: datetime) -> list[Budget]:
    """Calls to Marketplacer in this hour, and the stock calls an administrator allows."""
    paces = {pace.name: pace for pace in CallPace.objects.order_by("name")}
    calls, seconds = settings.MARKETPLACER_RATE
    found = [
        _budget("Calls to Marketplacer", paces.get("marketplacer"), calls * 3600 // seconds, at)
    ]
    policy = StockPolicy.objects.filter(pk=1).first()
    stock = paces.get("stock")
    if policy is not None and stock is not None:
        allowed = policy.calls_per_hour
        since = (at - stock.saved_at).total_seconds() if stock.saved_at else 3600
        saved = min(allowed, stock.saved + since * allowed / 3600)
        found.append(Budget("Stock calls", max(0, round(allowed - saved)), allowed, None))
    return found


def _budget(name: str, pace: CallPace | None, allowed: int, at: datetime) -> Budget:
    if pace is None:
        return Budget(name, 0, allowed, None)
    this_hour = pace.hour is not None and at - pace.hour < timedelta(hours=1)
    silent = pace.blocked_until if pace.blocked_until and pace.blocked_until > at else None
    return Budget(name, pace.calls if this_hour else 0, allowed, silent)


@dataclass(frozen=True)
class Day:
    """One day's orders that came here, by where they are. `unexplained` must be nought."""

    day: date
    seen: int = 0
    posted: int = 0
    read_back: int = 0  # of the posted: the ERP's own document has been read
    waiting: int = 0  # parked or refused: a person must do something
    moving: int = 0  # queued or unpaid
    cancelled: int = 0

    @property
    def unexplained(self) -> int:
        known = self.posted + self.waiting + self.moving + self.cancelled
        return self.seen - known + self.posted - self.read_back


def completeness(*, at: datetime, days: int) -> list[Day]:
    """Each of the last days in the company's time zone, oldest first, today's among them."""
    zone = settings.COMPANY_TIME_ZONE
    today = at.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    counted: dict[str, Any] = {
        "seen": Count("pk"),
        "posted": Count("pk", filter=Q(state=State.POSTED)),
        "read_back": Count("pk", filter=Q(state=State.POSTED, erp_document__isnull=False)),
        "waiting": Count("pk", filter=Q(state__in=[State.PARKED, State.FAILED])),
        "moving": Count("pk", filter=Q(state__in=[State.QUEUED, State.WAITING])),
        "cancelled": Count("pk", filter=Q(state=State.CANCELLED)),
    }
    rows = (
        Invoice.objects.filter(placed_at__gte=start)
        .exclude(state=State.HISTORIC)
        .order_by()
        .annotate(day=TruncDate("placed_at", tzinfo=zone))
        .values("day")
        .annotate(**counted)
    )
    found = {row["day"]: Day(**row) for row in rows}
    every = [first + timedelta(days=number) for number in range(days)]
    return [found.get(day, Day(day)) for day in every]
