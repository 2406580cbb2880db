"""Many rows behind every list: one INSERT for each table, every value following from its number."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction

from mapping.models import (
    AccountMapping,
    DuplicatePair,
    ErpItem,
    Listing,
    NewItemRequest,
    Seller,
    ShippingTaxPolicy,
    SkuMapping,
    TaxCodeMapping,
)
from mkterp.core.models import AuditEntry
from reconciliation.models import (
    BankFile,
    BankLine,
    CompletenessStatement,
    Discrepancy,
    GatewayLine,
    Journal,
    JournalLine,
    Residue,
    SettlementEntry,
    TaxAdjustment,
)
from sync.models import (
    AccountLine,
    CarrierMapping,
    Channel,
    Correction,
    ExceptionCase,
    InboxMessage,
    Invoice,
    ListingStock,
    Notification,
    Order,
    OutboxMessage,
    PreventedWrite,
    RemittanceAdvice,
    Shipment,
    StockDrift,
    StockHold,
)

Held: Any = Invoice.cases.through

# What a column holds where its type alone does not say. SQL over the number of a row: g in this
# pour, n in the table.
SPECIAL: dict[type[models.Model], dict[str, str]] = {
    Listing: {
        "title": "(ARRAY['Camp shirt','Rain jacket','Wool sock','Field boot'])[1 + g % 4]"
        " || ' ' || n",
        "sku": "'SKU-' || n",
        "barcode": "(5000000000000 + n)::text",
    },
    ErpItem: {
        "sku": "'ITM-' || n", "name": "'Camp shirt ' || n", "search_text": "'itm ' || n",
        "barcodes": "ARRAY[(4000000000000 + n)::text]",
    },
    InboxMessage: {"typename": "'Invoice'", "node_id": "'invoice-' || n", "state": "'DONE'"},
    OutboxMessage: {
        # Of two in three a shipment's, as `Shipment` names them.
        "operation": "CASE WHEN (g - 1) % 3 > 0 THEN 'create_shipment' ELSE 'order' END",
        "reference": "'INV-' || n",
        "state": "CASE WHEN g % 100 = 3 THEN 'FAILED' ELSE 'DELIVERED' END",
        "delivered_at": "now() - g * interval '1 minute'",
    },
    Invoice: {"seller_name": "'Seller ' || g % 100", "source_id": "{InboxMessage} + g"},
    ExceptionCase: {
        "kind": "(ARRAY['UNMAPPED_SKU','ERP_REJECTED','LATE_ORDER'])[1 + g % 3]",
        "key": "'cause-' || n",
        "state": "CASE WHEN g % 100 = 0 THEN 'OPEN' ELSE 'RESOLVED' END",
        "closed_at": "CASE WHEN g % 100 = 0 THEN NULL ELSE now() - g * interval '1 minute' END",
        "cause": "'Nobody has said which item SKU-' || n || ' is.'",
        "listing_id": "{Listing} + g",
        "points_close": "g % 400",
        "priority": "g % 400",
        "held_money": "(g % 9000) + 0.5",
        "held_orders": "1",
        **dict.fromkeys(
            ("points_catalogue", "points_money", "points_stock", "points_days"), "0"
        ),
    },
    Held: {"invoice_id": "{Invoice} + g", "exceptioncase_id": "{ExceptionCase} + g"},
    ListingStock: {"item_id": "{ErpItem} + g", "level": "g % 90", "shown": "g % 90"},
    SkuMapping: {
        "listing_id": "{Listing} + g", "item_id": "{ErpItem} + g", "state": "'CONFIRMED'",
        "pack_quantity": "1",
    },
    Shipment: {
        "key": "'parcel-' || n", "carrier": "'DPD'", "tracking": "'T' || n",
        "posting_id": "CASE WHEN g % 3 > 0 THEN {OutboxMessage} + g + 1 END",
    },
    Correction: {"reference": "'RF-' || n"},
    StockHold: {"state": "'RELEASED'", "closed_at": "now()"},
    StockDrift: {"listing_id": "{Listing} + g"},
    PreventedWrite: {"listing_id": "{Listing} + g"},
    DuplicatePair: {"left_id": "{ErpItem} + g", "right_id": "{ErpItem} + g + 1"},
    NewItemRequest: {"listing_id": "{Listing} + g"},
    TaxCodeMapping: {"country": "'GB'", "marketplace_rate": "n / 100000.0"},
    ShippingTaxPolicy: {
        "country": "chr(65 + (n / 26)::int % 26) || chr(65 + n::int % 26)",
        "rule": "'follows_goods'", "bound_minor": "5",
    },
    CompletenessStatement: {"day": "current_date - n::int"},
    SettlementEntry: {"debit_minor": "g", "credit_minor": "g"},
    JournalLine: {"journal_id": "{Journal} + 1 + (g - 1) / 2", "position": "1 + (g - 1) % 2",
                  "debit": "CASE WHEN g % 2 = 1 THEN 5 ELSE 0 END",
                  "credit": "CASE WHEN g % 2 = 0 THEN 5 ELSE 0 END"},
    TaxAdjustment: {"state": "'PREPARED'", "amount_minor": "1 + g % 900", "tax_code": "'c' || n"},
    BankLine: {"amount_minor": "(g % 90000) - 45000"},
    Residue: {"cause": "'NOT_PAID'", "amount_minor": "(g % 900) - 450"},
    Discrepancy: {"line_key": "'l' || n", "allowed": "g % 2 = 0"},
    AccountLine: {"account": "'4'"},
    Channel: {"least_severity": "2", "rhythm": "'DAILY'"},
    AuditEntry: {
        "by_id": "CASE WHEN g % 3 > 0 THEN {User} + 1 END",
        "action": "(ARRAY['case.assign','case.resolved','mapping.confirm'])[1 + g % 3]",
        "subject": "(ARRAY['sync.exceptioncase','sync.exceptioncase','mapping.skumapping'])"
        "[1 + g % 3] || ':' || n",
        "after": """jsonb_build_object('state', 'S' || n)""",
        "reason": "CASE WHEN g % 3 = 1 THEN 'Its cause ' || n || ' is gone.' ELSE '' END",
    },
    Notification: {"channel_id": "{Channel} + 1", "message_id": "{OutboxMessage} + g"},
}  # fmt: skip

# In the order in which they name each other. The second figure: a row of it for so many others.
TABLES: tuple[tuple[type[models.Model], int], ...] = (
    (get_user_model(), 1_000), (Seller, 1_000), (ErpItem, 1), (Listing, 1), (InboxMessage, 1),
    (OutboxMessage, 1), (Order, 1), (Invoice, 1), (ExceptionCase, 1), (Held, 1), (SkuMapping, 1),
    (StockHold, 1_000), (ListingStock, 1), (Shipment, 1), (Correction, 1), (CarrierMapping, 1_000),
    (StockDrift, 1), (PreventedWrite, 1), (DuplicatePair, 10), (NewItemRequest, 10),
    (TaxCodeMapping, 1_000), (AccountMapping, 1_000), (ShippingTaxPolicy, 10_000),
    (RemittanceAdvice, 10), (BankFile, 1_000), (BankLine, 1), (SettlementEntry, 1),
    (GatewayLine, 1), (Residue, 1), (Journal, 10), (JournalLine, 5), (TaxAdjustment, 1),
    (Discrepancy, 1), (AccountLine, 1), (CompletenessStatement, 1_000),
    (Channel, 1_000), (Notification, 10), (AuditEntry, 1),
)  # fmt: skip


LONG = frozenset(
    (ErpItem, Listing, InboxMessage, OutboxMessage, Order, Invoice, ExceptionCase, Held,
     SkuMapping, ListingStock, Shipment)
)  # fmt: skip


def pour(
    many: int, *, least: int = 0, long: frozenset[type[models.Model]] | None = None
) -> dict[str, int]:
    """Fill every table behind a list; how many rows each got. The tables' rules are not asked.

    `many` rows go into the great tables; a small one gets its share, but at least `least`. With
    `long`, only those tables are great, and each of the others gets `least`.
    """
    first: dict[str, int] = {}
    poured: dict[str, int] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model, share in TABLES:
            name = model.__name__
            poured[name] = max(many // share, min(least, many))
            if long is not None and model not in long:
                poured[name] = min(least, many)
            first[name] = _last(cursor, model)
            _fill(cursor, model, poured, first)
    return poured


def _last(cursor: Any, model: type[models.Model]) -> int:
    cursor.execute(
        f'SELECT coalesce(max("{model._meta.pk.column}"), 0) FROM {model._meta.db_table}'
    )
    return int(cursor.fetchone()[0])


def _fill(
    cursor: Any, model: type[models.Model], poured: dict[str, int], first: dict[str, int]
) -> None:
    special = SPECIAL.get(model, {})
    columns, values = [], []
    for field in model._meta.concrete_fields:
        columns.append(f'"{field.column}"')
        value = special.get(field.column) or _value(field, poured)
        values.append(value.format(**first))
    table, last = model._meta.db_table, poured[model.__name__]
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
        f"FROM (SELECT g, {first[model.__name__]} + g AS n FROM generate_series(1, {last}) g) each"
    )
    if isinstance(model._meta.pk, models.AutoField):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
        )


def _value(field: models.Field, poured: dict[str, int]) -> str:
    """SQL for a column of this kind."""
    if field.remote_field is not None:
        target = field.remote_field.model.__name__
        if field.primary_key or field.unique or not field.null:
            known = target in poured and not (field.null and field.unique)
            return _one_of(target, poured, field) if known else "NULL"
        return "NULL"
    if field.primary_key:
        return "n"
    if field.null:
        return "NULL"
    if field.choices:
        codes = ", ".join(f"'{code}'" for code, _ in field.choices)
        return f"(ARRAY[{codes}])[1 + g % {len(field.choices)}]"
    if isinstance(field, ArrayField):
        return "'{{}}'"
    if isinstance(field, models.JSONField):
        return "'[]'" if field.default is list else "'{{}}'"
    if isinstance(field, models.DateTimeField):
        return "now() - g * interval '1 minute'"
    if isinstance(field, models.DateField):
        return "current_date - (g / 1000)::int"
    if isinstance(field, models.BooleanField):
        return "true" if field.default is True else "false"
    if isinstance(field, models.UUIDField):
        return "gen_random_uuid()"
    if isinstance(field, models.CharField | models.TextField):
        length = getattr(field, "max_length", None) or 200
        if field.name.endswith(("currency", "country")):
            return "'GBP'" if field.name.endswith("currency") else "'GB'"
        return f"'{field.name} ' || n" if length > 30 else "''"
    return "g % 1000" if field.default is models.NOT_PROVIDED else str(field.default or 0)


def _one_of(target: str, poured: dict[str, int], field: models.Field) -> str:
    """The row of the same number where each is named once, else one of them in turn."""
    if field.unique or field.primary_key:
        return f"{{{target}}} + g"
    return f"{{{target}}} + 1 + g % {poured[target]}"
