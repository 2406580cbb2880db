"""What the inventory screens show: levels and how they stand, holds, drift, prevented writes."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Abs, Coalesce

from mapping.models import Listing
from sync.models import (
    ListingStock,
    OutboxMessage,
    PreventedWrite,
    SafetyRule,
    StockDrift,
    StockHold,
    StockPolicy,
)


class Standing:
    """How a listing's stock stands, one word each; the first that fits."""

    REFUSED = "REFUSED"  # not ours to write
    HELD = "HELD"
    DISCARDED = "DISCARDED"
    UNKNOWN = "UNKNOWN"  # the ERP names no level
    ON_ITS_WAY = "ON_ITS_WAY"
    DUE = "DUE"
    RIGHT = "RIGHT"


def inventory() -> QuerySet[Any]:
    """Every mapped listing's stock with `standing`, and `base`: what it is thought to show now."""
    return _inventory().all()


@functools.cache
def _inventory() -> QuerySet[Any]:
    """Put together once: each page needs it, and it takes as long as reading half of one."""
    # Not joined: with a join on the very key that orders, a page at any depth is merged from row 1.
    listed = Subquery(Listing.objects.filter(pk=OuterRef("listing_id")).values("count_on_hand"))
    return ListingStock.objects.select_related("listing__seller", "item", "hold").annotate(
        base=Coalesce("told", "shown", listed),
        standing=Case(
            When(~Q(refusal=""), then=Value(Standing.REFUSED)),
            When(hold__isnull=False, then=Value(Standing.HELD)),
            When(discarded__isnull=False, discarded=F("level"), then=Value(Standing.DISCARDED)),
            When(level=None, then=Value(Standing.UNKNOWN)),
            When(queued_version__gt=F("told_version"), then=Value(Standing.ON_ITS_WAY)),
            When(due_at__isnull=False, then=Value(Standing.DUE)),
            default=Value(Standing.RIGHT),
            output_field=CharField(),
        ),
        change=Coalesce("level", Value(0)) - Coalesce("told", "shown", listed, Value(0)),
    )


# What a row must have to stand so, in words that an index knows: few rows wait among very many.
_MUST = {
    Standing.HELD: Q(hold__isnull=False),
    Standing.ON_ITS_WAY: Q(queued_version__gt=F("told_version")),
    Standing.DUE: Q(due_at__isnull=False),
}


def standing_so(rows: QuerySet[Any], standings: Iterable[str]) -> QuerySet[Any]:
    """Those of the `inventory` that stand in any of these ways."""
    wanted = list(standings)
    if all(one in _MUST for one in wanted):
        rows = rows.filter(functools.reduce(or_, (_MUST[one] for one in wanted), Q()))
    return rows.filter(standing__in=wanted)


@dataclass(frozen=True)
class Made:
    """How a level was made, in the item's units; `free` is what is left before packs."""

    on_hand: Decimal | None
    reserved: Decimal | None
    available: Decimal | None
    promised: Decimal
    safety: Decimal
    pack: int
    level: int | None

    @property
    def sentence(self) -> str:
        """ "120 on hand − 8 reserved − 3 not yet posted − 5 safety, in packs of 2"."""
        if self.available is None:
            return "the ERP names no level"
        parts = []
        if (
            self.on_hand is not None
            and self.reserved is not None
            and (self.on_hand - self.reserved == self.available)
        ):
            parts.append(f"{plain(self.on_hand)} on hand")
            if self.reserved:
                parts.append(f"{plain(self.reserved)} reserved")
        else:
            parts.append(f"{plain(self.available)} available")
        if self.promised:
            parts.append(f"{plain(self.promised)} not yet posted")
        if self.safety:
            parts.append(f"{plain(self.safety)} safety")
        text = " \N{MINUS SIGN} ".join(parts)
        return f"{text}, in packs of {self.pack}" if self.pack > 1 else text


def plain(amount: Decimal) -> str:
    """A quantity without needless zeros."""
    text = f"{amount.normalize():f}"
    return text.replace("-", "\N{MINUS SIGN}")


def made(stock: ListingStock) -> Made:
    return Made(
        stock.on_hand,
        stock.reserved,
        stock.available,
        stock.promised,
        stock.safety,
        stock.pack,
        stock.level,
    )


def messages_of(stock: ListingStock) -> QuerySet[OutboxMessage]:
    """The levels that were queued for this listing, newest first."""
    return OutboxMessage.objects.filter(
        lane=OutboxMessage.Lane.STOCK, key__startswith=f"{stock.pk}:"
    ).order_by("-pk")


def holds() -> QuerySet[StockHold]:
    """Every hold with `left`: how many listings still hang on it."""
    return StockHold.objects.select_related("closed_by").annotate(left=Count("held"))


def open_holds() -> list[StockHold]:
    return list(standing_holds().annotate(left=Count("held")).order_by("pk"))


def standing_holds() -> QuerySet[StockHold]:
    return StockHold.objects.filter(state=StockHold.State.OPEN)


def preview(hold: StockHold, *, limit: int = 20) -> list[ListingStock]:
    """The held listings whose level would fall furthest."""
    return list(inventory().filter(hold=hold).order_by("change", "pk")[:limit])


@dataclass(frozen=True)
class NextPush:
    """What would be told next: how many levels, to zero, up, down, and by how many pieces."""

    levels: int
    zeros: int
    up: int
    down: int
    pieces: int


def next_push() -> NextPush:
    with connection.cursor() as cursor:
        cursor.execute(*_next_push())
        return NextPush(*(value or 0 for value in cursor.fetchone() or (0, 0, 0, 0, 0)))


@functools.cache
def _next_push() -> tuple[str, tuple[Any, ...]]:
    """The question as text, which takes longer to make than to answer and is always the same."""
    waiting = standing_so(inventory(), [Standing.DUE, Standing.ON_ITS_WAY]).order_by()
    asked = (
        waiting.values(all=Value(1))
        .annotate(
            levels=Count("pk"),
            zeros=Count("pk", filter=Q(level=0)),
            up=Count("pk", filter=Q(change__gt=0)),
            down=Count("pk", filter=Q(change__lt=0)),
            pieces=Sum("change"),
        )
        .values_list("levels", "zeros", "up", "down", "pieces")
    )
    text, parameters = asked.query.sql_with_params()
    return text, tuple(parameters)


def drifts() -> QuerySet[StockDrift]:
    return StockDrift.objects.select_related("listing__seller").annotate(
        by=Abs(F("shown") - F("expected"))
    )


def prevented() -> QuerySet[PreventedWrite]:
    return PreventedWrite.objects.select_related("seller", "last_listing")


def prevented_since(day: date) -> int:
    """How many writes the guard forbade from that day on."""
    total = PreventedWrite.objects.filter(day__gte=day).aggregate(total=Sum("times"))["total"]
    return total or 0


def policy() -> StockPolicy:
    """What an administrator has chosen, or the defaults; writes nothing."""
    return StockPolicy.objects.filter(pk=1).first() or StockPolicy(pk=1)


def safety_rules() -> QuerySet[SafetyRule]:
    return SafetyRule.objects.select_related("seller", "item", "set_by")


def safety_in_force(*, at: datetime) -> int:
    """How many rules keep stock back now."""
    return SafetyRule.objects.in_force(at).count()


def told_within(*, at: datetime, hours: int = 1) -> int:
    """How many levels Marketplacer accepted lately."""
    return ListingStock.objects.filter(told_at__gt=at - timedelta(hours=hours)).count()
