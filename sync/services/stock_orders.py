"""What orders take from stock before the ERP's levels know of them.

An order is subtracted from a level until a snapshot is in that was taken after the ERP accepted it.
`note` is called wherever an order is decided on, in that transaction, so that a level is never
compared without an order that is already ours to know.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from mapping.models import ListingOwnership, OwnershipDefault, OwnershipRule, Seller, SkuMapping
from sync.models import StockPolicy, StockTouch
from sync.services import lanes

COMPARE = "sync.tasks.compare_stock"
# Long after they count no more, promises still explain why Marketplacer shows less than was told.
KEEP = timedelta(days=7)

# What the seller dispatches never left our shelves. Whose it is was frozen when the invoice was
# translated; before that the rule of its day says so, and without one we rather subtract.
_NOTE = """
WITH wanted AS (
  SELECT i.id AS invoice_id, line.listing_id, COALESCE(line.item_id, mapped.item_id) AS item_id,
         sum(line.quantity * mapped.pack_quantity) AS units, sum(line.quantity) AS pieces,
         i.placed_at
    FROM sync_invoice i
    JOIN sync_invoiceline line ON line.invoice_id = i.id AND line.quantity > 0
    JOIN mapping_skumapping mapped ON mapped.listing_id = line.listing_id
         AND mapped.state IN ('CONFIRMED', 'RETIRED')
         AND (mapped.valid_from IS NULL OR mapped.valid_from <= i.placed_at)
         AND (mapped.valid_until IS NULL OR mapped.valid_until > i.placed_at)
    LEFT JOIN mapping_fulfilmentrule rule ON rule.seller_id = i.seller_id
         AND (rule.valid_from IS NULL OR rule.valid_from <= i.placed_at)
         AND (rule.valid_until IS NULL OR rule.valid_until > i.placed_at)
   WHERE i.id = ANY(%(invoices)s) AND i.state NOT IN ('CANCELLED', 'HISTORIC')
     AND COALESCE(NULLIF(i.fulfilled_by, ''), rule.fulfilled_by, 'operator') <> 'seller'
   GROUP BY 1, 2, 3, i.placed_at
), gone AS (
  DELETE FROM sync_stockpromise p
   WHERE p.invoice_id = ANY(%(invoices)s)
     AND NOT EXISTS (SELECT FROM wanted w WHERE (w.invoice_id, w.listing_id, w.item_id)
                                              = (p.invoice_id, p.listing_id, p.item_id))
  RETURNING p.item_id, p.listing_id
), put AS (
  INSERT INTO sync_stockpromise (invoice_id, listing_id, item_id, units, pieces, placed_at)
  SELECT invoice_id, listing_id, item_id, units, pieces, placed_at FROM wanted
  ORDER BY invoice_id, listing_id, item_id
  ON CONFLICT (invoice_id, listing_id, item_id) DO UPDATE
     SET units = excluded.units, pieces = excluded.pieces
   WHERE (sync_stockpromise.units, sync_stockpromise.pieces) <> (excluded.units, excluded.pieces)
  RETURNING item_id, listing_id
)
INSERT INTO sync_stocktouch (item_id, listing_id)
SELECT item_id, listing_id FROM gone UNION SELECT item_id, listing_id FROM put
"""

# When the ERP said that it holds the order. Written by the posting, read here.
_ACCEPTED = """
UPDATE sync_stockpromise p SET accepted_at = d.accepted_at
  FROM sync_erpdocument d
 WHERE d.invoice_id = p.invoice_id AND p.accepted_at IS NULL
"""


@transaction.atomic
def note(*, invoice_ids: Iterable[int], at: datetime) -> int:
    """Subtract what these invoices hold now, and no more; returns how many listings that touches.

    A cancelled order and one from before go-live hold nothing. An order lowers what Marketplacer
    shows and a cancelled one may raise it, so these listings are told even if their level comes
    out as it was last told. A second run changes nothing.
    """
    invoices = sorted(set(invoice_ids))
    if not invoices:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"invoices": invoices})
        touched = int(cursor.rowcount)
    if touched:
        lanes.wake(task=COMPARE, at=at)
    return touched


def mark_accepted() -> None:
    """Copy down which orders the ERP has accepted."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPTED)


def unread_skus(*, at: datetime) -> list[str]:
    """Items to be read although nothing of them moved since the last reading.

    Those whose orders the ERP has accepted and no snapshot covers: their level may have moved in
    the moment between the two, which no later change would bring up again. And those that were
    compared and never read: mapped since, or made since.
    """
    mark_accepted()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT item.sku
              FROM sync_stockpromise p
              JOIN mapping_erpitem item ON item.id = p.item_id AND item.active
             WHERE p.accepted_at > %s - interval '2 days'
               AND NOT EXISTS (
                   SELECT FROM sync_erpstock s WHERE s.item_id = p.item_id
                   HAVING min(s.as_of) > p.accepted_at)
             UNION
            SELECT item.sku
              FROM sync_listingstock stock
              JOIN mapping_erpitem item ON item.id = stock.item_id AND item.active
             WHERE stock.level IS NULL
               AND NOT EXISTS (SELECT FROM sync_erpstock s WHERE s.item_id = stock.item_id)
             ORDER BY 1
            """,
            [at],
        )
        return [row[0] for row in cursor.fetchall()]


def touch_items(*, item_ids: Iterable[int], at: datetime) -> None:
    """Something these items' levels depend on changed: compare them again."""
    _touch([StockTouch(item_id=pk) for pk in sorted(set(item_ids))], at)


def touch_sellers(*, seller_ids: Iterable[int], at: datetime) -> None:
    """A rule about these sellers changed: compare all their listings again."""
    _touch([StockTouch(seller_id=pk) for pk in sorted(set(seller_ids))], at)


def touch_started(*, at: datetime) -> None:
    """Touch what dated rules and mappings began or ceased to hold for since the last comparison."""
    policy = StockPolicy.objects.filter(pk=1).first()
    if policy is None or policy.compared_at is None:
        return
    span = (policy.compared_at, at)
    turned = Q(valid_from__range=span) | Q(valid_until__range=span)
    sellers = set(OwnershipRule.objects.filter(turned).values_list("seller", flat=True))
    sellers |= set(ListingOwnership.objects.filter(turned).values_list("seller", flat=True))
    if OwnershipDefault.objects.filter(turned).exists():
        sellers |= set(Seller.objects.values_list("pk", flat=True))
    items = set(SkuMapping.objects.filter(turned).values_list("item", flat=True))
    touch_sellers(seller_ids=sellers, at=at)
    touch_items(item_ids=items, at=at)


@transaction.atomic
def _touch(touches: Sequence[StockTouch], at: datetime) -> None:
    if touches:
        StockTouch.objects.bulk_create(touches)
        lanes.wake(task=COMPARE, at=at)


def prune(*, at: datetime) -> int:
    """Drop promises that no level and no reading back needs any more; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM sync_stockpromise p WHERE p.accepted_at < %s AND EXISTS ("
            "SELECT FROM sync_erpstock s WHERE s.item_id = p.item_id"
            " HAVING min(s.as_of) > p.accepted_at)",
            [at - KEEP],
        )
        return int(cursor.rowcount)
