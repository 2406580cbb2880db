"""Which changed levels are told now: dearest waiting first, within the budget of calls.

`plan` looks over the whole catalogue now and then and fits one price to the budget; `choose` fills
the calls that the budget allows by that price. What a level's waiting costs, what the price means
and what a call must be worth says `sync.domain.cadence`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from sync.domain import cadence
from sync.domain.cadence import Plan, SkuState, Survey, Velocity
from sync.domain.stock import CLOCKS_DIFFER
from sync.models import OutboxMessage, StockPolicy, StockPromise
from sync.services import stock_pace, work

LANE = "stock_plan"
WINDOW = timedelta(days=5)
# The neighbours of the chosen budget that the curve shows.
NEIGHBOURS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
MOST_AT_RISK = 20

_SALES = """
WITH sold AS (
  SELECT line.listing_id,
         sum(line.quantity * power(0.5, extract(epoch FROM %(at)s - i.placed_at) / 86400)) AS units,
         sum(line.quantity ^ 2 * power(0.5, extract(epoch FROM %(at)s - i.placed_at) / 86400))
             AS squares
    FROM sync_invoice i JOIN sync_invoiceline line ON line.invoice_id = i.id
   WHERE i.placed_at > %(since)s AND i.placed_at <= %(at)s AND i.state <> 'CANCELLED'
     AND line.listing_id IS NOT NULL AND line.quantity > 0
   GROUP BY line.listing_id
)
UPDATE sync_listingstock s
   SET per_hour = COALESCE(units, 0)::float / %(hours)s,
       lot = (COALESCE(squares, 0) + 1)::float / (COALESCE(units, 0) + 1)::float
  FROM (SELECT l.listing_id, sold.units, sold.squares FROM sync_listingstock l
          LEFT JOIN sold USING (listing_id) WHERE l.per_hour > 0 OR sold.units > 0) measured
 WHERE s.listing_id = measured.listing_id
"""

# Shown: last told, less what was surely ordered since. Elsewhere: what fell less what we sold.
_STATES = """
SELECT s.listing_id, s.level,
       COALESCE(s.told, s.shown, l.count_on_hand, 0) - COALESCE((
           SELECT sum(p.pieces) FROM sync_stockpromise p
            WHERE p.listing_id = s.listing_id AND p.placed_at > s.told_at + %(differ)s), 0)::int,
       s.per_hour, s.lot,
       GREATEST(0, COALESCE((SELECT sum(e.fallen * power(0.5,
                  GREATEST(0, extract(epoch FROM %(at)s - e.fallen_at)) / 86400))
              FROM sync_erpstock e WHERE e.item_id = s.item_id), 0)
           / s.pack / %(hours)s - s.per_hour)::float,
       COALESCE(extract(epoch FROM %(at)s - s.wrong_since) / 3600, 0)::float
  FROM sync_listingstock s JOIN mapping_listing l ON l.id = s.listing_id
 WHERE s.refusal = '' AND s.hold_id IS NULL AND s.level IS NOT NULL
"""


def plan(*, clock: Callable[[], datetime]) -> StockPolicy:
    """Survey the catalogue, fit the price to the budget, draw the curve; one worker at a time.

    Memory stays flat: one state at a time. A second run gives the same from the same facts.
    """
    at = clock()
    policy = stock_pace.policy()
    if not work.try_lane_lock(LANE):
        return policy
    try:
        _measure(at)
        found = Survey()
        risky: list[SkuState] = []
        for state in _states(at, candidates=False):
            found.add(state)
            risky.append(state)
            if len(risky) >= 4000:
                risky = [state for _, state in cadence.most_at_risk(risky, MOST_AT_RISK)]
        _save(policy, found, risky, at)
    finally:
        work.release_lane_lock(LANE)
    return stock_pace.policy()


def _measure(at: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        given: dict[str, Any] = {"at": at, "since": at - WINDOW, "hours": _watched()}
        cursor.execute(_SALES, given)


def _watched() -> float:
    """How many hours the window weighs, an hour a day ago counting half, and a prior's worth."""
    seen = Velocity().after(WINDOW.total_seconds() / 3600)
    return seen.hours + seen.prior_hours


def _states(at: datetime, *, candidates: bool) -> Iterator[SkuState]:
    """Streamed: what waits to be told, or whatever changes at all."""
    given: dict[str, Any] = {"at": at, "hours": _watched(), "differ": CLOCKS_DIFFER}
    text = _STATES
    if candidates:
        text += " AND s.due_at IS NOT NULL"
    else:
        text += (
            " AND (s.wrong_since IS NOT NULL OR EXISTS (SELECT FROM sync_erpstock e"
            " WHERE e.item_id = s.item_id AND e.fallen > 0.01))"
        )
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(text, given)
        while rows := cursor.fetchmany(5000):
            for listing, level, shown, per_hour, lot, elsewhere, wrong in rows:
                yield SkuState(
                    sku=str(listing),
                    level=level,
                    shown=shown,
                    per_hour=per_hour,
                    elsewhere_per_hour=elsewhere,
                    lot=lot,
                    wrong_hours=wrong,
                )


def _save(policy: StockPolicy, found: Survey, risky: list[SkuState], at: datetime) -> None:
    levels = stock_pace.batch_size()
    fitted = cadence.plan(
        found, calls_per_hour=policy.calls_per_hour, levels_per_call=max(levels, 1)
    )
    budgets = sorted({round(max(policy.calls_per_hour, 60) * share) for share in NEIGHBOURS})
    points = cadence.trade_off(found, budgets, levels_per_call=max(levels, 1))
    policy.price, policy.planned_at = fitted.price, at
    policy.curve = {
        "levels_per_call": levels,
        "changing": found.skus,
        "wrong": found.wrong,
        "points": [
            {"calls": point.calls_per_hour, "oversold": round(point.oversold_per_hour, 4)}
            for point in points
        ],
        "risk": [
            {"listing": int(state.sku), "cost": round(cost, 4), "level": state.level,
             "shown": state.shown, "per_hour": round(state.per_hour + state.elsewhere_per_hour, 3)}
            for cost, state in cadence.most_at_risk(risky, MOST_AT_RISK)
            if cost > 0
        ],
    }  # fmt: skip
    policy.save(update_fields=["price", "planned_at", "curve"])


def in_force(policy: StockPolicy) -> Plan:
    """The plan that was last fitted, with what an administrator has chosen since."""
    return Plan(
        price=max(policy.price, cadence.WORTH_A_CALL),
        levels_per_hour=policy.calls_per_hour * stock_pace.batch_size(),
        longest_wait_hours=policy.longest_wait_hours,
    )


def choose(*, at: datetime) -> list[int]:
    """The listings to be told now, the most urgent first: whole calls, while they are worth it.

    The others keep an estimate of when; they are weighed again each time. Reads the budget and
    takes nothing from it: the push does.
    """
    policy = stock_pace.policy()
    plan = in_force(policy)
    biggest = _biggest_order()
    size = stock_pace.batch_size()
    most = cadence.most_saved(policy.calls_per_hour)
    waiting = _waiting_to_leave()
    held = stock_pace.saved_calls(calls_per_hour=policy.calls_per_hour) - waiting / size
    ranked: list[tuple[float, int, float]] = []
    for state in _states(at, candidates=True):
        worth = cadence.urgency(state, plan, biggest_order=biggest)
        if state.wrong_hours >= plan.longest_wait_hours:
            worth = math.inf
        ranked.append((-worth, int(state.sku), cadence.next_tell(state, plan)))
    ranked.sort()
    chosen = 0
    while chosen < len(ranked):
        if -ranked[chosen][0] < plan.asks(held=held, most=most):
            break
        chosen += size
        held -= 1
    _estimate([(listing, wait) for _, listing, wait in ranked[chosen:]], at)
    return [listing for _, listing, _ in ranked[:chosen]]


def _biggest_order() -> int:
    """The most pieces of one listing that an order of these days took."""
    biggest = StockPromise.objects.aggregate(most=Max("pieces"))["most"]
    return math.ceil(biggest) if biggest is not None else 1


def _waiting_to_leave() -> int:
    return OutboxMessage.objects.filter(
        lane=OutboxMessage.Lane.STOCK, state=OutboxMessage.State.PENDING
    ).count()


def _estimate(later: Sequence[tuple[int, float]], at: datetime) -> None:
    if not later:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sync_listingstock s SET due_at = given.due FROM unnest(%s::bigint[],"
            " %s::timestamptz[]) AS given(listing, due) WHERE s.listing_id = given.listing"
            " AND s.due_at IS NOT NULL AND s.due_at IS DISTINCT FROM given.due",
            [
                [listing for listing, _ in later],
                [at + timedelta(seconds=max(wait, 60.0)) for _, wait in later],
            ],
        )
