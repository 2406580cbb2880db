"""Queueing what is due to be told: one message for each listing, frozen, allowed by the guard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from mapping.domain.ownership import Field
from sync.domain.guard import Permit
from sync.models import ListingStock
from sync.services import guard, lanes, stock_cadence

PUSH = "sync.tasks.push_stock"
CHUNK = 2000

_QUEUE = """
WITH queued AS (
  UPDATE sync_listingstock s
     SET queued_version = s.version, due_at = NULL
   WHERE s.listing_id = ANY(%(listings)s) AND s.refusal = '' AND s.hold_id IS NULL
  RETURNING s.listing_id, s.version, COALESCE(s.level, 0) AS level
)
INSERT INTO sync_outboxmessage
       (lane, operation, key, stream, reference, payload, state, queued_at, not_before, last_error,
        attempts, unrecorded, dry)
SELECT 'STOCK', 'set_stock', q.listing_id || ':' || q.version, 'stock:' || q.listing_id,
       COALESCE(NULLIF(l.sku, ''), 'variant ' || l.legacy_id, l.marketplacer_id),
       jsonb_build_object('variant_id', l.marketplacer_id, 'listing', q.listing_id,
                          'quantity', q.level, 'version', q.version),
       'PENDING', %(at)s, %(at)s, '', 0, 0, %(dry)s
  FROM queued q JOIN mapping_listing l ON l.id = q.listing_id
  JOIN unnest(%(listings)s::bigint[]) WITH ORDINALITY AS given(listing_id, place)
       ON given.listing_id = q.listing_id
 ORDER BY given.place
ON CONFLICT DO NOTHING
"""

# An older message that has not left is not the newest any more.
_OLDER = """
UPDATE sync_outboxmessage o
   SET state = CASE o.state WHEN 'FAILED' THEN 'ABANDONED' ELSE 'SUPERSEDED' END,
       last_error = 'A newer level is known.'
  FROM sync_listingstock s
 WHERE s.listing_id = ANY(%(listings)s) AND o.stream = 'stock:' || s.listing_id
   AND o.lane = 'STOCK' AND o.state IN ('PENDING', 'FAILED')
   AND (o.payload->>'version')::bigint < s.version
"""


def queue_due(*, at: datetime) -> int:
    """Queue the levels whose time has come, the most urgent first; returns how many.

    The guard is asked again here, by the rules of this moment: what it refuses is counted and
    waits for nothing. Twice queues nothing twice.
    """
    chosen = stock_cadence.choose(at=at)
    return sum(_chunk(chosen[start : start + CHUNK], at) for start in range(0, len(chosen), CHUNK))


@transaction.atomic
def _chunk(chosen: Sequence[int], at: datetime) -> int:
    still = set(
        ListingStock.objects.select_for_update(no_key=True, of=("self",), skip_locked=True)
        .filter(pk__in=chosen, due_at__isnull=False, refusal="", hold=None)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return enqueue(listing_ids=[pk for pk in chosen if pk in still], at=at)


@transaction.atomic
def enqueue(*, listing_ids: Sequence[int], at: datetime) -> int:
    """Queue the newest level of these listings, in this order; returns how many the guard let."""
    if not listing_ids:
        return 0
    answers = guard.stock_permits(listing_ids=listing_ids, at=at)
    allowed = [pk for pk in listing_ids if pk in answers and isinstance(answers[pk].answer, Permit)]
    refused = [
        (subject.seller_id, pk, subject.answer.code)
        for pk, subject in answers.items()
        if not isinstance(subject.answer, Permit)
    ]
    guard.count_prevented(field=Field.STOCK, refused=refused, at=at)
    _refuse(refused)
    given: dict[str, Any] = {"listings": allowed, "at": at, "dry": settings.DRY_RUN}
    with connection.cursor() as cursor:
        cursor.execute(_OLDER, given)
        cursor.execute(_QUEUE, given)
        queued = int(cursor.rowcount)
    if queued:
        lanes.wake(task=PUSH, at=at)
    return queued


def _refuse(refused: Sequence[tuple[int, int, str]]) -> None:
    if refused:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE sync_listingstock s SET refusal = given.code, due_at = NULL, told = NULL,"
                " version = version + 1"
                " FROM unnest(%s::bigint[], %s::text[]) AS given(listing, code)"
                " WHERE s.listing_id = given.listing",
                [[pk for _, pk, _ in refused], [code for _, _, code in refused]],
            )
