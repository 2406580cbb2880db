"""The registry of a company with half a million listings, straight into the tables.

COPY into a narrow table, then one INSERT: what the catalogue feeds would have mirrored in an hour.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from mapping.models import OwnershipRule, Seller
from tests.sandbox.catalogue import Catalogue
from tests.sandbox.marketplacer.ids import global_id


@transaction.atomic
def fill(company: Catalogue, ours: set[int]) -> None:
    """Sellers with their owners, listings, items and the opening mappings; then ANALYZE."""
    _sellers(company, ours)
    _listings(company)
    _items(company)
    _mappings(company)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _sellers(company: Catalogue, ours: set[int]) -> None:
    now = timezone.now()
    sellers = Seller.objects.bulk_create(
        Seller(
            marketplacer_id=global_id("Seller", seller.legacy_id),
            legacy_id=seller.legacy_id,
            business_name=seller.business_name,
            seen_at=now,
        )
        for seller in company.sellers
    )
    OwnershipRule.objects.bulk_create(
        OwnershipRule(
            seller=seller,
            owner="operator" if seller.legacy_id in ours else "seller",
            reason="bench",
            set_at=now,
        )
        for seller in sellers
    )


def _listings(company: Catalogue) -> None:
    wanted = {v.advert_legacy_id for v in company.variants if v.popularity <= 200}
    _copy(
        "variant (marketplacer_id text, number bigint, seller bigint, advert text, sku text,"
        " title text, brand text, stock int, published bool)",
        (
            (
                global_id("Variant", v.legacy_id),
                v.legacy_id,
                v.seller_legacy_id,
                global_id("Advert", v.advert_legacy_id),
                v.sku or "",
                v.title,
                v.brand,
                v.stock,
                v.published and (v.advert_legacy_id in wanted or v.advert_legacy_id % 61 != 0),
            )
            for v in company.variants
        ),
        """
        INSERT INTO mapping_listing
               (marketplacer_id, legacy_id, seller_id, advert_id, sku, barcode, title, brand, label,
                count_on_hand, published, deleted, seen_at)
        SELECT v.marketplacer_id, v.number, s.id, v.advert, v.sku, '', v.title, v.brand, '',
               v.stock, v.published, false, now() - interval '1 day'
          FROM variant v JOIN mapping_seller s ON s.legacy_id = v.seller ORDER BY v.number
        """,
    )


def _items(company: Catalogue) -> None:
    _copy(
        "item (place int, sku text, name text, active bool)",
        ((place, i.sku, i.name, i.active) for place, i in enumerate(company.erp_items)),
        """
        INSERT INTO mapping_erpitem
               (erp_ref, sku, name, parent_ref, barcodes, currency, options, active, seen_at,
                search_text)
        SELECT place::text, sku, name, '', '{}', '', '{}', active, now(), '' FROM item
         ORDER BY place
        """,
    )


def _mappings(company: Catalogue) -> None:
    _copy(
        "mapped (number bigint, sku text, pack int)",
        ((m.variant_legacy_id, m.erp_sku, m.pack_quantity) for m in company.opening_mappings),
        """
        INSERT INTO mapping_skumapping
               (listing_id, item_id, state, source, pack_quantity, reason, made_at, compared,
                review_due, retire_reason)
        SELECT l.id, min(i.id), 'CONFIRMED', 'IMPORT', m.pack, '', now(), '{}', false, ''
          FROM mapped m JOIN mapping_listing l ON l.legacy_id = m.number
          JOIN mapping_erpitem i ON i.sku = m.sku AND i.active
         GROUP BY l.id, m.pack ORDER BY l.id
        """,
    )


def _copy(table: str, rows: Iterable[tuple[Any, ...]], insert: str) -> None:
    name = table.split(" ", 1)[0]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {table} ON COMMIT DROP")
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"ANALYZE {name}")
        cursor.execute(insert)
