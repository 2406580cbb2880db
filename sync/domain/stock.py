"""What may be sold, when a change is too strange to be told, and what was seen afterwards.

Levels are whole pieces of a listing; amounts are the item's units, exact decimals.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

# Two clocks (Marketplacer's and ours) may differ by so much; an order placed nearer to the telling
# than this may lie on either side of it.
CLOCKS_DIFFER = timedelta(seconds=60)


def available_to_sell(
    *,
    on_hand: Decimal | None,
    reserved: Decimal | None,
    available: Decimal | None,
    promised: Decimal,
    safety: Decimal,
    pack: int,
) -> int | None:
    """Packs that may be shown: what the ERP can promise, less our orders it does not know yet.

    None when the ERP gives no level. Never below zero, never a part of a pack. The comparison of
    whole catalogues says the same in SQL (sync/services/stock_levels), held to this by a test.
    """
    if available is None:
        if on_hand is None:
            return None
        available = on_hand - (reserved or 0)
    free = available - promised - safety
    if free <= 0:
        return 0
    return int((free / pack).to_integral_value(rounding=ROUND_FLOOR))


def covers(*, as_of: datetime, accepted_at: datetime | None) -> bool:
    """Whether a snapshot already counts an order: the ERP had accepted it before it was asked."""
    return accepted_at is not None and accepted_at < as_of


class HoldKind(StrEnum):
    ZEROS = "ZEROS"
    FALL = "FALL"
    NEGATIVE = "NEGATIVE"
    MISSING = "MISSING"


@dataclass(frozen=True)
class Limits:
    """From when on a run is held: at least the number and at least the share."""

    zero_count: int
    zero_share: float
    fall_units: int
    fall_share: float


@dataclass(frozen=True)
class Tally:
    """One run's changes over the listings we may write, and how many units and listings those are.

    `zeros` and `fallen` count what is already at zero or fallen within the last hour, too, so that
    a collapse that comes in small pages is still one.
    """

    listings: int
    units: int
    zeros: int
    fallen: int


def strange(tally: Tally, limits: Limits) -> frozenset[HoldKind]:
    """Which kinds of change of this run wait for a person. NEGATIVE and MISSING always do."""
    found = {HoldKind.NEGATIVE, HoldKind.MISSING}
    if tally.zeros >= max(limits.zero_count, 1) and tally.zeros >= limits.zero_share * (
        tally.listings
    ):
        found.add(HoldKind.ZEROS)
    if tally.fallen >= max(limits.fall_units, 1) and tally.fallen >= limits.fall_share * (
        tally.units
    ):
        found.add(HoldKind.FALL)
    return frozenset(found)


@dataclass(frozen=True)
class BatchSize:
    """How many levels a document carries: learned, one more at each success, halved at trouble."""

    least: int
    most: int

    def after(self, size: int, *, sent: int, seconds: float, failed: bool) -> int:
        """The next size. A success counts only when the document was full; slow is trouble."""
        if failed or seconds > SLOW_SECONDS:
            return max(self.least, min(size, sent) // 2)
        if sent >= size:
            size += max(1, self.most // 25)
        return min(self.most, max(self.least, size))


# An answer slower than this says that the document was too large: well below the client's timeout.
SLOW_SECONDS = 10.0
BATCH = BatchSize(least=1, most=50)


class Seen(StrEnum):
    """What a reading back means."""

    RIGHT = "right"
    SOLD = "sold"  # lower than told, by orders that we know
    LATER = "look again"  # lower, and an order may still be on its way to us
    DRIFT = "drift"


def seen(*, told: int, shown: int, sold: int, maybe_sold: int, looks: int, patience: int) -> Seen:
    """Compare what is shown with what was told.

    `sold` pieces were surely ordered after the telling, `maybe_sold` about at the same time.
    Higher than told is never right. Lower than all known orders explain may be an order that has
    not reached us: it is looked at `patience` times before it is called drift.
    """
    if shown == told - sold:
        return Seen.SOLD if sold else Seen.RIGHT
    if told - sold - maybe_sold <= shown < told - sold:
        return Seen.SOLD
    if shown > told - sold:
        return Seen.DRIFT if shown > told or looks >= patience else Seen.LATER
    return Seen.DRIFT if looks >= patience else Seen.LATER
