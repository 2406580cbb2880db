"""Reading back: does Marketplacer show what it was told? What it does not is listed and healed."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from mapping.models import Listing
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure
from sync.domain.stock import CLOCKS_DIFFER, Seen, seen
from sync.marketplacer.stock import VariantLevel
from sync.models import ListingStock, StockDrift, StockTouch
from sync.services import cases, feeds, lanes, stock_orders, stock_pace, stock_queue, work
from sync.services.cases import Cause

log = logging.getLogger(__name__)

FEED = "look_at_stock"
BATCH = 100
# How often an unexplained lower level is looked at again before it is called drift.
PATIENCE = 3
# So many drifts of one listing in a week are no accident: somebody else writes it.
REPEATED = 3
WEEK = timedelta(days=7)

_SOLD = """
SELECT p.listing_id,
       COALESCE(sum(p.pieces) FILTER (WHERE p.placed_at > s.told_at + %(differ)s), 0)::int,
       COALESCE(sum(p.pieces) FILTER (WHERE p.placed_at BETWEEN s.told_at - %(differ)s
                                                    AND s.told_at + %(differ)s), 0)::int
  FROM sync_stockpromise p JOIN sync_listingstock s USING (listing_id)
 WHERE p.listing_id = ANY(%(listings)s)
 GROUP BY p.listing_id
"""


def look(*, clock: Callable[[], datetime]) -> int:
    """Read back every listing that is due for it; returns how many were seen. Reads only.

    Twice is harmless: what was seen rightly is not due any more.
    """
    if feeds.held_back(name=FEED, at=clock()) or not work.try_lane_lock(FEED):
        return 0
    looked, failure = 0, None
    drifted = 0
    try:
        while due := _due(clock()):
            asked = clock()
            try:
                shown = connections.marketplacer().variant_levels([v for _, v in due])
            except Failure as problem:
                failure = problem
                break
            drifted += _see(due, shown, asked, clock())
            looked += len(due)
            if len(due) < BATCH:
                break
    finally:
        work.release_lane_lock(FEED)
    if looked or failure:
        counts = {"looked": looked, "drifted": drifted}
        feeds.told(name=FEED, failure=failure, at=clock(), counts=counts)
    return looked


def look_at_all(*, at: datetime) -> int:
    """At night: everything that was ever told is to be read back; returns how many."""
    return ListingStock.objects.filter(refusal="", told__isnull=False, look_at=None).update(
        look_at=at
    )


def _due(at: datetime) -> list[tuple[int, str]]:
    rows = ListingStock.objects.filter(look_at__lte=at).order_by("look_at", "pk")
    return list(rows.values_list("listing_id", "listing__marketplacer_id")[:BATCH])


@transaction.atomic
def _see(
    due: Sequence[tuple[int, str]],
    shown: Mapping[str, VariantLevel],
    asked: datetime,
    at: datetime,
) -> int:
    stocks = {
        stock.listing_id: stock
        for stock in ListingStock.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=[pk for pk, _ in due])
        .order_by("pk")
    }
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"listings": list(stocks), "differ": CLOCKS_DIFFER}
        cursor.execute(_SOLD, given)
        sold = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    drifted = 0
    again: list[int] = []
    for pk, variant in due:
        stock = stocks[pk]
        if stock.told_at is not None and stock.told_at > asked:
            continue  # told again meanwhile; it is due for another look
        stock.look_at = None
        found = shown.get(variant)
        if found is None:
            stock.save(update_fields=["look_at"])
            continue
        stock.shown, stock.shown_at = found.count, asked
        if found.infinite is not None and found.infinite != stock.infinite:
            stock.infinite = found.infinite
            StockTouch.objects.create(item_id=stock.item_id)
            lanes.wake(task=stock_orders.COMPARE, at=at)
        if stock.told is not None or stock.refusal:
            drifted += _judge(stock, found, *sold.get(pk, (0, 0)), at=at, again=again)
        stock.save()
    ListingStock.objects.filter(pk__in=again).update(
        version=F("version") + 1, in_doubt=True, due_at=at
    )
    stock_queue.enqueue(listing_ids=again, at=at)
    return drifted


def _judge(
    stock: ListingStock,
    found: VariantLevel,
    sold: int,
    maybe_sold: int,
    *,
    at: datetime,
    again: list[int],
) -> int:
    if stock.refusal:
        return _seen_after_losing(stock, found, at)
    told = stock.told or 0
    meaning = seen(
        told=told,
        shown=found.count,
        sold=sold,
        maybe_sold=maybe_sold,
        looks=stock.looks,
        patience=PATIENCE,
    )
    if meaning in (Seen.RIGHT, Seen.SOLD):
        stock.looks = 0
        StockDrift.objects.filter(listing=stock.listing_id, state=StockDrift.State.OPEN).update(
            state=StockDrift.State.HEALED, closed_at=at
        )
        return 0
    if meaning is Seen.LATER:
        stock.looks += 1
        wait = stock_pace.policy().read_back_seconds * 2**stock.looks
        stock.look_at = at + timedelta(seconds=wait)
        return 0
    if stock.hold_id is None and stock.level is not None:
        again.append(stock.listing_id)
    if stock.in_doubt:
        return 0  # it may be our own write, whose answer was lost
    _drift(stock, expected=told - sold, shown=found.count, at=at)
    return 1


def _drift(stock: ListingStock, *, expected: int, shown: int, at: datetime) -> None:
    drift, _ = StockDrift.objects.get_or_create(
        listing_id=stock.listing_id,
        state=StockDrift.State.OPEN,
        defaults={"found_at": at, "expected": expected, "shown": shown},
    )
    log.warning("stock: listing %s shows %s, told %s", stock.listing_id, shown, expected)
    often = StockDrift.objects.filter(listing=stock.listing_id, found_at__gt=at - WEEK).count()
    if often >= REPEATED:
        listing = Listing.objects.select_related("seller").get(pk=stock.listing_id)
        cause = Cause(
            CaseKind.STOCK_DRIFT,
            f"drift:{listing.marketplacer_id}",
            f"{listing} showed another level than it was told, {often} times in a week.",
            quote=f"Last: {drift.shown} instead of {drift.expected}.",
            listing=listing,
            seller=listing.seller,
        )
        cases.open_case(cause=cause, at=at)


def _seen_after_losing(stock: ListingStock, found: VariantLevel, at: datetime) -> int:
    """A write was on its way when the listing stopped being ours: say if it arrived."""
    if not stock.in_doubt:
        return 0
    stock.in_doubt = False
    StockDrift.objects.get_or_create(
        listing_id=stock.listing_id,
        state=StockDrift.State.NOT_OURS,
        found_at=at,
        defaults={
            "expected": stock.level or 0,
            "shown": found.count,
            "closed_at": at,
            "note": "A level was on its way when the listing stopped being ours to write;"
            f" Marketplacer shows {found.count} now. The seller should look at it.",
        },
    )
    return 1
