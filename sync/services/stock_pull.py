"""Levels from the ERP: what changed where it can tell, everything at night."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction

from sync import connections
from sync.domain.delivery import Failure
from sync.domain.documents import StockLevel
from sync.models import Feed
from sync.services import feeds, lanes, stock_orders, work

log = logging.getLogger(__name__)

FEED, FULL = "stock", "stock_full"
OVERLAP = timedelta(minutes=5)
CHUNK = 500

# The older of two snapshots never replaces the newer one. `fallen` halves in a day.
_STORE = """
WITH given AS (
  SELECT DISTINCT ON (item.id, g.location)
         item.id AS item_id, g.location, g.on_hand, g.reserved, g.available, g.as_of
    FROM unnest(%(skus)s::text[], %(locations)s::text[], %(on_hand)s::numeric[],
                %(reserved)s::numeric[], %(available)s::numeric[], %(as_of)s::timestamptz[])
         AS g(sku, location, on_hand, reserved, available, as_of)
    JOIN mapping_erpitem item ON item.sku = g.sku AND item.active
   ORDER BY item.id, g.location, g.as_of DESC
), old AS (
  SELECT s.* FROM sync_erpstock s JOIN given USING (item_id, location)
), put AS (
  INSERT INTO sync_erpstock
         (item_id, location, on_hand, reserved, available, as_of, read_at, fallen, fallen_at)
  SELECT item_id, location, on_hand, reserved, available, as_of, %(at)s, 0, %(at)s FROM given
  ORDER BY item_id, location
  ON CONFLICT (item_id, location) DO UPDATE
     SET on_hand = excluded.on_hand, reserved = excluded.reserved, available = excluded.available,
         as_of = excluded.as_of, read_at = excluded.read_at, fallen_at = excluded.fallen_at,
         fallen = sync_erpstock.fallen * power(0.5, GREATEST(0, extract(epoch FROM
                  excluded.fallen_at - COALESCE(sync_erpstock.fallen_at, excluded.fallen_at)))
                  / 86400)
             + GREATEST(0, COALESCE(
                COALESCE(sync_erpstock.available, sync_erpstock.on_hand)
                - COALESCE(excluded.available, excluded.on_hand), 0))::float
   WHERE sync_erpstock.as_of <= excluded.as_of
  RETURNING item_id, location, on_hand, reserved, available
)
INSERT INTO sync_stocktouch (item_id)
SELECT DISTINCT put.item_id FROM put LEFT JOIN old USING (item_id, location)
 WHERE (old.on_hand, old.reserved, old.available)
       IS DISTINCT FROM (put.on_hand, put.reserved, put.available)
    OR EXISTS (SELECT FROM sync_stockpromise p WHERE p.item_id = put.item_id)
"""

# A location that is not named any more while others are holds nothing; an item that is not named
# at all has no level: that is not zero, and a person looks before it is told.
_ABSENT = """
WITH seen AS (
  SELECT item.id AS item_id, array_agg(g.location) AS locations
    FROM unnest(%(skus)s::text[], %(locations)s::text[]) AS g(sku, location)
    JOIN mapping_erpitem item ON item.sku = g.sku AND item.active GROUP BY item.id
), emptied AS (
  UPDATE sync_erpstock s SET on_hand = 0, reserved = 0, available = 0, as_of = %(asked)s
    FROM seen
   WHERE s.item_id = seen.item_id AND NOT s.location = ANY(seen.locations)
     AND s.as_of < %(asked)s AND (s.on_hand, s.available) IS DISTINCT FROM (0, 0)
  RETURNING s.item_id
), lost AS (
  UPDATE sync_erpstock s SET on_hand = NULL, reserved = NULL, available = NULL, as_of = %(asked)s
    FROM mapping_erpitem item
   WHERE item.id = s.item_id AND item.sku = ANY(%(wanted)s) AND s.as_of < %(asked)s
     AND NOT EXISTS (SELECT FROM seen WHERE seen.item_id = s.item_id)
     AND s.on_hand IS NOT NULL
  RETURNING s.item_id
)
INSERT INTO sync_stocktouch (item_id)
SELECT DISTINCT item_id FROM (SELECT item_id FROM emptied UNION ALL SELECT item_id FROM lost) t
"""


def pull(*, clock: Callable[[], datetime], full: bool = False) -> dict[str, int]:
    """Read what changed since the last run, or everything; returns counts.

    The first run reads everything, as does every run of an ERP that cannot tell changes. A run
    that dies is repeated: its pages are the same rows again. One worker at a time.
    """
    name = FULL if full else FEED
    if feeds.held_back(name=name, at=clock()) or not work.try_lane_lock(FEED):
        return {}
    try:
        return _pull(name, clock, full)
    finally:
        work.release_lane_lock(FEED)


def _pull(name: str, clock: Callable[[], datetime], full: bool) -> dict[str, int]:
    counts = {"levels": 0, "items": 0}
    failure: Failure | None = None
    began = clock()
    since = feeds.get(FEED).cursor_at
    tells = "stock" in connections.erp_capabilities().modified_since
    try:
        if full or since is None or not tells:
            _read_all(clock, counts)
        else:
            _read(_changed(since - OVERLAP, at=began), clock, counts)
        Feed.objects.filter(name=FEED).update(cursor_at=began)
    except Failure as problem:
        failure = problem
    if counts["levels"]:
        with transaction.atomic():
            lanes.wake(task=stock_orders.COMPARE, at=clock())
    feeds.told(name=name, failure=failure, at=clock(), counts=counts)
    if full and failure is None:
        feeds.told(name=FEED, failure=None, at=clock(), counts=counts)
    return counts


def _changed(since: datetime, *, at: datetime) -> Iterable[str]:
    """SKUs that moved, and those that must be read besides; each once."""
    found = dict.fromkeys(stock_orders.unread_skus(at=at))
    cursor: str | None = None
    while True:
        page = connections.erp().stock_changed(since, cursor)
        found.update(dict.fromkeys(page.rows))
        cursor = page.cursor
        if cursor is None:
            return found


def _read(skus: Iterable[str], clock: Callable[[], datetime], counts: dict[str, int]) -> None:
    waiting = iter(skus)
    while chunk := list(islice(waiting, CHUNK)):
        asked = clock()
        levels: list[StockLevel] = []
        cursor: str | None = None
        while True:
            page = connections.erp().stock(chunk, cursor)
            levels += page.rows
            cursor = page.cursor
            if cursor is None:
                break
        store(levels=levels, at=clock())
        _absent(levels, chunk, asked)
        counts["items"] += len(chunk)
        counts["levels"] += len(levels)


def _read_all(clock: Callable[[], datetime], counts: dict[str, int]) -> None:
    asked = clock()
    cursor: str | None = None
    while True:
        page = connections.erp().stock(None, cursor)
        store(levels=page.rows, at=clock())
        counts["levels"] += len(page.rows)
        cursor = page.cursor
        if cursor is None:
            break
    _lost_since(asked)


@transaction.atomic
def store(*, levels: Sequence[StockLevel], at: datetime) -> None:
    """Write levels down and mark what they change. Older than what is held: left alone.

    The same again changes nothing. An SKU that no active item has is left out.
    """
    if not levels:
        return
    given: dict[str, Any] = {
        "at": at,
        "skus": [level.sku for level in levels],
        "locations": [level.location or "" for level in levels],
        "on_hand": [level.on_hand for level in levels],
        "reserved": [level.reserved for level in levels],
        "available": [level.available for level in levels],
        "as_of": [level.as_of for level in levels],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STORE, given)


@transaction.atomic
def _absent(levels: Sequence[StockLevel], wanted: Sequence[str], asked: datetime) -> None:
    given: dict[str, Any] = {
        "skus": [level.sku for level in levels],
        "locations": [level.location or "" for level in levels],
        "wanted": list(wanted),
        "asked": asked,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ABSENT, given)


@transaction.atomic
def _lost_since(asked: datetime) -> None:
    """After a complete reading: what it did not bring is emptied, or has no level any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH told AS (
              SELECT item_id, max(as_of) >= %(asked)s AS alive FROM sync_erpstock GROUP BY item_id
            ), lost AS (
              UPDATE sync_erpstock s
                 SET on_hand = CASE WHEN alive THEN 0 END, reserved = CASE WHEN alive THEN 0 END,
                     available = CASE WHEN alive THEN 0 END, as_of = %(asked)s
                FROM told
               WHERE told.item_id = s.item_id AND s.as_of < %(asked)s AND s.on_hand IS NOT NULL
              RETURNING s.item_id
            )
            INSERT INTO sync_stocktouch (item_id) SELECT DISTINCT item_id FROM lost
            """,
            {"asked": asked},
        )
