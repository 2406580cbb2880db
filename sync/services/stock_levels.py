"""Comparing: which listings should show another level, which of them may be told, which are held.

Set by set in SQL, so that half a million listings cost seconds and no memory of ours. What a level
is says `sync.domain.stock.available_to_sell`, what may be written says the guard, what is strange
enough for a person says `sync.domain.stock.strange`; SQL only joins their answers to rows.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from mapping.domain.ownership import Field
from sync.domain.stock import Limits, Tally, strange
from sync.models import StockHold, StockPolicy
from sync.services import guard, stock_holds, stock_orders, stock_pace, work

log = logging.getLogger(__name__)

TOUCHES = 20_000  # in one transaction
HOUR = timedelta(hours=1)
LANE = "stock_compare"

_SCOPE = """
CREATE TEMP TABLE scope ON COMMIT DROP AS
WITH taken AS (
  DELETE FROM sync_stocktouch WHERE id IN
         (SELECT id FROM sync_stocktouch ORDER BY id LIMIT %(touches)s FOR UPDATE SKIP LOCKED)
  RETURNING item_id, seller_id, listing_id
), items AS (SELECT DISTINCT item_id FROM taken WHERE item_id IS NOT NULL)
SELECT listing_id, bool_or(moved) AS moved FROM (
  SELECT m.listing_id, false AS moved FROM mapping_skumapping m JOIN items USING (item_id)
   WHERE m.state = 'CONFIRMED'
  UNION ALL SELECT s.listing_id, false FROM sync_listingstock s JOIN items USING (item_id)
  UNION ALL SELECT l.id, false FROM mapping_listing l
             WHERE l.seller_id IN (SELECT seller_id FROM taken WHERE seller_id IS NOT NULL)
  UNION ALL SELECT l.id, false FROM mapping_listing l WHERE l.seen_at >= %(seen)s
  UNION ALL SELECT m.listing_id, false FROM mapping_skumapping m
             WHERE m.state = 'CONFIRMED' AND %(all)s
  UNION ALL SELECT s.listing_id, false FROM sync_listingstock s WHERE %(all)s
  UNION ALL SELECT listing_id, true FROM taken WHERE listing_id IS NOT NULL
) affected GROUP BY listing_id
"""

# One row for each listing in scope: the level it should show and how it is made.
_FRESH = f"""
CREATE TEMP TABLE fresh ON COMMIT DROP AS
WITH rule AS (
  SELECT * FROM sync_safetyrule WHERE (valid_from IS NULL OR valid_from <= %(at)s)
     AND (valid_until IS NULL OR valid_until > %(at)s)
)
SELECT made.*, {{level}} AS level, {{unordered}} AS unordered
  FROM (
    SELECT listing.id AS listing_id, listing.seller_id, listing.count_on_hand AS mirrored,
           scope.moved,
           COALESCE(mapped.item_id, stock.item_id) AS item_id,
           COALESCE(mapped.pack_quantity, stock.pack) AS pack,
           erp.on_hand, erp.reserved, erp.available,
           COALESCE(promised.units, 0) AS promised,
           GREATEST(COALESCE(promised.units, 0) - COALESCE(stock.promised, 0), 0) AS ordered,
           COALESCE(by_item.quantity, by_brand.quantity, by_seller.quantity, everywhere.quantity, 0)
               AS safety,
           {guard.ANSWER} AS refusal
      FROM scope
      JOIN mapping_listing listing ON listing.id = scope.listing_id
      JOIN mapping_seller owner ON owner.id = listing.seller_id
      LEFT JOIN mapping_skumapping mapped ON mapped.listing_id = listing.id
           AND mapped.state = 'CONFIRMED'
           AND (mapped.valid_from IS NULL OR mapped.valid_from <= %(at)s)
           AND (mapped.valid_until IS NULL OR mapped.valid_until > %(at)s)
      LEFT JOIN sync_listingstock stock ON stock.listing_id = listing.id
      LEFT JOIN LATERAL (
        SELECT sum(e.on_hand) AS on_hand, sum(e.reserved) AS reserved, min(e.as_of) AS as_of,
               CASE WHEN bool_and(COALESCE(e.available, e.on_hand) IS NOT NULL)
                    THEN sum(COALESCE(e.available, e.on_hand - COALESCE(e.reserved, 0))) END
                   AS available
          FROM sync_erpstock e WHERE e.item_id = mapped.item_id
      ) erp ON true
      LEFT JOIN LATERAL (
        SELECT sum(p.units) AS units FROM sync_stockpromise p
         WHERE p.item_id = mapped.item_id
           AND (p.accepted_at IS NULL OR erp.as_of IS NULL OR p.accepted_at >= erp.as_of)
      ) promised ON true
      LEFT JOIN rule by_item ON by_item.scope = 'ITEM' AND by_item.item_id = mapped.item_id
      LEFT JOIN rule by_brand ON by_brand.scope = 'BRAND'
           AND upper(by_brand.brand) = upper(listing.brand)
      LEFT JOIN rule by_seller ON by_seller.scope = 'SELLER'
           AND by_seller.seller_id = listing.seller_id
      LEFT JOIN rule everywhere ON everywhere.scope = 'GLOBAL'
      {guard.ANSWER_JOINS}
  ) made
 WHERE item_id IS NOT NULL
"""
_LEVEL = (
    "CASE WHEN available IS NULL THEN NULL ELSE"
    " LEAST(2147483647, GREATEST(0, FLOOR(({free}) / pack)))::int END"
)
FRESH = _FRESH.format(
    level=_LEVEL.format(free="available - promised - safety"),
    # The level as it would be without the orders that came in since: what they explain is no fall.
    unordered=_LEVEL.format(free="available - promised - safety + ordered"),
)

# What is known to be shown, before this run: last told, else what the mirror or a look says.
_CHANGES = """
ALTER TABLE fresh ADD COLUMN base int, ADD COLUMN old_level int, ADD COLUMN known bool,
      ADD COLUMN old_hold bigint, ADD COLUMN hold_kind text, ADD COLUMN hold_id bigint;
UPDATE fresh SET base = COALESCE(s.told, s.shown, fresh.mirrored), old_level = s.level,
       known = true, old_hold = s.hold_id
  FROM sync_listingstock s WHERE s.listing_id = fresh.listing_id;
UPDATE fresh SET base = mirrored, known = false WHERE known IS NULL
"""

_PREVENTED = """
INSERT INTO sync_preventedwrite (day, seller_id, field, reason, times, last_at, last_listing_id)
SELECT %(day)s, seller_id, %(field)s, refusal, count(*), %(at)s, max(listing_id) FROM fresh
 WHERE refusal <> '' AND level IS NOT NULL
   AND level IS DISTINCT FROM CASE WHEN known THEN old_level ELSE mirrored END
 GROUP BY seller_id, refusal ORDER BY seller_id, refusal
ON CONFLICT (day, seller_id, field, reason) DO UPDATE
   SET times = sync_preventedwrite.times + excluded.times,
       last_at = excluded.last_at, last_listing_id = excluded.last_listing_id
"""

# A change for the worse that orders do not explain; and, third, what fell to zero within the hour
# and stays there, held or told. A first level (version 1) is no fall.
_TALLY = """
SELECT (SELECT count(*) FROM sync_listingstock WHERE refusal = ''),
       (SELECT COALESCE(sum(COALESCE(told, shown)), 0) FROM sync_listingstock WHERE refusal = ''),
       (SELECT count(*) FROM sync_listingstock s WHERE s.level = 0 AND s.refusal = ''
           AND s.changed_at > %(hour_ago)s AND s.version > 1
           AND NOT EXISTS (SELECT FROM fresh WHERE fresh.listing_id = s.listing_id
                              AND fresh.level IS DISTINCT FROM s.level)),
       (SELECT count(*) FROM fresh WHERE refusal = ''),
       (SELECT COALESCE(sum(base), 0) FROM fresh WHERE refusal = '' AND NOT known),
       count(*) FILTER (WHERE unordered = 0),
       COALESCE(sum(base - unordered), 0)
  FROM fresh
 WHERE refusal = '' AND base > 0 AND unordered < base AND level IS DISTINCT FROM old_level
"""

_HOLD = """
UPDATE fresh SET hold_kind = CASE
    WHEN refusal <> '' THEN NULL
    WHEN level IS NULL AND base IS NOT NULL AND known AND old_level IS NOT NULL THEN 'MISSING'
    WHEN old_hold IS NULL AND level IS NOT DISTINCT FROM old_level AND known THEN NULL
    WHEN available < 0 AND base > 0 THEN 'NEGATIVE'
    WHEN %(zeros)s AND unordered = 0 AND base > 0 THEN 'ZEROS'
    WHEN %(fall)s AND unordered < base THEN 'FALL'
  END;
-- What is held stays so until it is no longer what it was held for, or a person decides.
UPDATE fresh SET hold_kind = h.kind FROM sync_stockhold h
 WHERE h.id = fresh.old_hold AND refusal = '' AND hold_kind IS NULL AND base IS NOT NULL
   AND CASE h.kind WHEN 'MISSING' THEN level IS NULL WHEN 'NEGATIVE' THEN available < 0
                   WHEN 'ZEROS' THEN level = 0 AND base > 0 ELSE level < base END
"""

# Wanted differs from what is shown, or nobody knows what is shown.
_PUT = """
INSERT INTO sync_listingstock AS s
       (listing_id, item_id, pack, on_hand, reserved, available, promised, safety, level, version,
        changed_at, refusal, hold_id, told, told_version, queued_version, in_doubt, moved, infinite,
        looks, due_at, wrong_since, per_hour, lot, elsewhere)
SELECT listing_id, item_id, pack, on_hand, reserved, available, promised, safety, level, 1,
       %(at)s, refusal, hold_id, CASE WHEN refusal = '' AND level = mirrored THEN level END, 0, 0,
       false, moved AND refusal = '', false, 0,
       CASE WHEN refusal = '' AND hold_id IS NULL AND (moved OR level <> COALESCE(mirrored, -1))
                 AND level IS NOT NULL
            THEN %(at)s::timestamptz END,
       CASE WHEN level IS DISTINCT FROM mirrored OR moved THEN %(at)s::timestamptz END, 0, 1, 0
  FROM fresh ORDER BY listing_id
ON CONFLICT (listing_id) DO UPDATE SET
    item_id = excluded.item_id, pack = excluded.pack, on_hand = excluded.on_hand,
    reserved = excluded.reserved, available = excluded.available, promised = excluded.promised,
    safety = excluded.safety, level = excluded.level, refusal = excluded.refusal,
    hold_id = excluded.hold_id,
    version = s.version + CASE WHEN s.level IS DISTINCT FROM excluded.level
                                 OR s.refusal <> excluded.refusal
                                 OR excluded.moved THEN 1 ELSE 0 END,
    changed_at = CASE WHEN s.level IS DISTINCT FROM excluded.level
                      THEN excluded.changed_at ELSE s.changed_at END,
    discarded = CASE WHEN s.level IS DISTINCT FROM excluded.level THEN NULL ELSE s.discarded END,
    -- Another may write it meanwhile: what we told counts no more, and ours again is told again.
    told = CASE WHEN excluded.refusal = '' THEN s.told END,
    moved = s.moved OR excluded.moved,
    in_doubt = s.in_doubt OR (s.refusal <> '' AND excluded.refusal = ''),
    due_at = CASE
      WHEN excluded.refusal <> '' OR excluded.hold_id IS NOT NULL OR excluded.level IS NULL
        OR excluded.level IS NOT DISTINCT FROM
           CASE WHEN s.level IS DISTINCT FROM excluded.level THEN NULL ELSE s.discarded END
        THEN NULL
      WHEN s.refusal <> '' OR s.level IS DISTINCT FROM excluded.level OR s.hold_id IS NOT NULL
        OR excluded.moved
        THEN CASE WHEN s.in_doubt OR s.moved OR excluded.moved OR s.refusal <> ''
                    OR excluded.level IS DISTINCT FROM s.told
                  THEN LEAST(s.due_at, %(at)s) END
      ELSE s.due_at END,
    wrong_since = CASE WHEN excluded.level IS DISTINCT FROM s.told
                         OR s.in_doubt OR s.moved OR excluded.moved
                       THEN COALESCE(s.wrong_since, %(at)s) END
 WHERE (s.item_id, s.pack, s.on_hand, s.reserved, s.available, s.promised, s.safety, s.level,
        s.refusal, s.hold_id) IS DISTINCT FROM
       (excluded.item_id, excluded.pack, excluded.on_hand, excluded.reserved, excluded.available,
        excluded.promised, excluded.safety, excluded.level, excluded.refusal, excluded.hold_id)
    OR excluded.moved
"""

# A level that is not the newest, or may not be told any more, is not sent: said at once.
_SUPERSEDE = """
UPDATE sync_outboxmessage o
   SET state = CASE o.state WHEN 'FAILED' THEN 'ABANDONED' ELSE 'SUPERSEDED' END,
       last_error = CASE WHEN s.refusal <> '' THEN 'The guard: ' || s.refusal
                         WHEN s.hold_id IS NOT NULL THEN 'Held for a person.'
                         ELSE 'A newer level is known.' END
  FROM fresh JOIN sync_listingstock s ON s.listing_id = fresh.listing_id
 WHERE o.stream = 'stock:' || s.listing_id AND o.lane = 'STOCK' AND o.state IN ('PENDING', 'FAILED')
   AND (o.payload->>'version')::bigint <= s.queued_version
   AND ((o.payload->>'version')::bigint < s.version OR s.refusal <> '' OR s.hold_id IS NOT NULL)
RETURNING o.case_id
"""


def compare(*, clock: Callable[[], datetime], everything: bool = False) -> dict[str, int]:
    """Look at every listing that something touched (at all of them, when told so).

    Returns counts by what happened. One worker at a time; killed in between, nothing is lost: what
    was touched stays so until its comparison commits. A second run changes nothing.
    """
    if not work.try_lane_lock(LANE):
        return {}
    totals: dict[str, int] = {}
    try:
        while True:
            counts, more = _compare(clock(), everything)
            for what, many in counts.items():
                totals[what] = totals.get(what, 0) + many
            everything = False
            if not more:
                return totals
    finally:
        work.release_lane_lock(LANE)


@transaction.atomic
def _compare(at: datetime, everything: bool) -> tuple[dict[str, int], bool]:
    policy = stock_pace.policy()
    stock_orders.mark_accepted()
    guard.lay_out(at=at)
    given: dict[str, Any] = {
        "at": at,
        "touches": TOUCHES,
        "all": everything,
        # Read again since: it may have been published, taken down or sold out. An overlap, because
        # `seen_at` is the reader's clock and its transaction ends later.
        "seen": (policy.compared_at or at) - timedelta(minutes=2),
        "day": at.astimezone(settings.COMPANY_TIME_ZONE).date(),
        "field": str(Field.STOCK),
        "hour_ago": at - HOUR,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SCOPE, given)
        cursor.execute("CREATE INDEX ON scope (listing_id)")
        cursor.execute("ANALYZE scope; ANALYZE guard_seller")
        cursor.execute(FRESH, given)
        cursor.execute("CREATE INDEX ON fresh (listing_id); ANALYZE fresh")
        cursor.execute(_CHANGES)
        cursor.execute(_PREVENTED, given)
        _hold(cursor, given, policy, at)
        cursor.execute(_PUT, given)
        changed = cursor.rowcount
        cursor.execute(_SUPERSEDE)
        superseded = cursor.rowcount
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE refusal <> '') FROM fresh")
        looked, refused = cursor.fetchone()
        cursor.execute("SELECT EXISTS (SELECT FROM sync_stocktouch)")
        (more,) = cursor.fetchone()
        cursor.execute("DROP TABLE scope, fresh, guard_seller, guard_listing")
    stock_holds.close_empty(at=at)
    StockPolicy.objects.filter(pk=policy.pk).update(compared_at=at)
    counts = {
        "compared": looked,
        "changed": changed,
        "not ours": refused,
        "superseded": superseded,
    }
    return counts, bool(more)


def _hold(cursor: Any, given: dict[str, Any], policy: StockPolicy, at: datetime) -> None:
    """Hold what is strange; close the holds that nothing hangs on any more."""
    cursor.execute(_TALLY, given)
    ours, units, zeroed, fresh, new_units, zeros, fallen = cursor.fetchone()
    tally = Tally(
        listings=max(ours, fresh),
        units=int(units) + int(new_units),
        zeros=zeroed + zeros if zeros else 0,
        fallen=int(fallen),
    )
    limits = Limits(policy.zero_count, policy.zero_share, policy.fall_units, policy.fall_share)
    kinds = strange(tally, limits)
    cursor.execute(_HOLD, {"zeros": "ZEROS" in kinds, "fall": "FALL" in kinds})
    cursor.execute(
        "SELECT hold_kind, count(*), COALESCE(sum(base - COALESCE(level, 0)), 0) FROM fresh"
        " WHERE hold_kind IS NOT NULL GROUP BY hold_kind ORDER BY hold_kind"
    )
    for kind, listings, fall in cursor.fetchall():
        hold, made = StockHold.objects.get_or_create(
            kind=kind,
            state=StockHold.State.OPEN,
            defaults={
                "opened_at": at,
                "listings": listings,
                "units": fall,
                "of_listings": tally.listings,
            },
        )
        cursor.execute("UPDATE fresh SET hold_id = %s WHERE hold_kind = %s", [hold.pk, kind])
        if made:
            stock_holds.opened(hold=hold, at=at)
            log.warning("stock: %s levels held, %s", listings, hold.get_kind_display())
