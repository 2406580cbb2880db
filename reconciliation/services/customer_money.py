"""What the payment gateway settled against what customers paid and got back.

Until a gateway file is loaded nothing is said; after that every paid order of the days it covers
must have its payment. Amounts are positive where more arrived than should have.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection

from mkterp.core.money import digits
from reconciliation.domain.payout import Cause
from reconciliation.models import Residue
from reconciliation.services.findings import Finding, company_day, money

# A line that came before its order is given to it once the order is mirrored.
_ADOPT = """
    UPDATE reconciliation_gatewayline g SET invoice_id = i.id
      FROM sync_invoice i
     WHERE g.invoice_id IS NULL AND g.invoice_number ~ '^[0-9]{1,18}$'
       AND i.legacy_id = g.invoice_number::bigint
"""

# Each paid order of the covered days beside what the gateway settled for it.
_ORDERS = """
    WITH covered AS (SELECT min(day) AS first, max(day) AS last FROM reconciliation_gatewayline),
    settled AS (
        SELECT invoice_id, currency, min(id) AS line,
               sum(amount_minor) FILTER (WHERE kind = 'PAYMENT') AS paid,
               sum(amount_minor) FILTER (WHERE kind IN ('REFUND', 'CHARGEBACK')) AS back
          FROM reconciliation_gatewayline WHERE invoice_id IS NOT NULL
         GROUP BY 1, 2),
    given AS (
        SELECT invoice_id, sum(gross_minor) AS back, max(completed_date) AS last
          FROM sync_amendment GROUP BY 1)
    SELECT i.legacy_id, i.seller_id, e.due_date, i.currency, e.id,
           round(i.gross * %(unit)s)::bigint AS gross, s.paid,
           coalesce(g.back, 0)::bigint AS owed, coalesce(s.back, 0)::bigint AS back
      FROM sync_invoice i
      JOIN reconciliation_expectation e ON e.origin = i.marketplacer_id
     CROSS JOIN covered c
      LEFT JOIN settled s ON s.invoice_id = i.id AND s.currency = i.currency
      LEFT JOIN given g ON g.invoice_id = i.id
     WHERE e.due_date BETWEEN c.first AND c.last
       AND e.due_date + coalesce((SELECT n.grace FROM matching_rule_now n
                WHERE n.span @> e.due_date), 3) <= %(today)s
       AND (coalesce(s.paid, 0) <> round(i.gross * %(unit)s)
            OR (coalesce(s.back, 0) <> coalesce(g.back, 0)
                AND (g.last IS NULL OR g.last + 3 <= %(today)s)
                AND (g.last IS NULL OR g.last <= c.last)))
     ORDER BY i.id
"""

_UNKNOWN = """
    SELECT g.id, g.day, g.currency, g.amount_minor, g.invoice_number, g.identity
      FROM reconciliation_gatewayline g
     WHERE g.invoice_id IS NULL AND g.kind <> 'FEE'
     ORDER BY g.id
"""

# A payout reaches the bank as lines that bear its number, mostly one.
_PAYOUTS = """
    SELECT g.payout, b.line, b.day, b.currency, b.paid, g.total
      FROM (SELECT payout, currency, sum(amount_minor - fee_minor)::bigint AS total
              FROM reconciliation_gatewayline WHERE payout <> '' GROUP BY 1, 2) AS g
      JOIN (SELECT reference, currency, min(id) AS line, max(booked_date) AS day,
                   sum(amount_minor)::bigint AS paid
              FROM reconciliation_bankline WHERE reference <> '' GROUP BY 1, 2) AS b
        ON b.reference = g.payout AND b.currency = g.currency
     WHERE b.paid <> g.total
     ORDER BY b.line
"""


def adopt() -> int:
    """Give lines that waited for their order to it; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_ADOPT)
        return int(cursor.rowcount)


def of_gateway(*, at: datetime) -> Iterator[Finding]:
    """Orders whose money did not arrive as it should, and money for orders nobody knows."""
    unit = 10 ** digits(settings.COMPANY_CURRENCY)
    for row in _all(_ORDERS, {"today": company_day(at), "unit": unit}):
        yield from _of_order(*row)
    for pk, day, currency, amount, number, identity in _all(_UNKNOWN, {}):
        yield Finding(
            key=f"gateway:{pk}:unknown",
            level=Residue.Level.MONEY,
            cause=Cause.CUSTOMER_PAYMENT_UNKNOWN,
            seller_id=None,
            day=day,
            currency=currency,
            amount=amount,
            found=amount,
            sentence=f"The gateway settled {money(amount, currency)} ({identity}) for "
            f"{number or 'no order at all'}, which we do not know.",
        )
    for payout, line, day, currency, paid, total in _all(_PAYOUTS, {}):
        yield Finding(
            key=f"payout:{payout}:{currency}:sum",
            level=Residue.Level.MONEY,
            cause=Cause.GATEWAY_PAYOUT_WRONG,
            seller_id=None,
            day=day,
            currency=currency,
            amount=paid - total,
            expected=total,
            found=paid,
            bank_line_id=line,
            sentence=f"{payout} reached the bank as {money(paid, currency)}, its lines add up to "
            f"{money(total, currency)}.",
        )


def _of_order(
    number: int,
    seller: int | None,
    day: date,
    currency: str,
    expectation: int,
    gross: int,
    paid: int | None,
    owed: int,
    back: int,
) -> Iterator[Finding]:
    common: dict[str, Any] = {
        "level": Residue.Level.MONEY,
        "seller_id": seller,
        "day": day,
        "currency": currency,
        "expectation_id": expectation,
    }
    if paid is None:
        yield Finding(
            key=f"order:{number}:unpaid",
            cause=Cause.CUSTOMER_PAYMENT_MISSING,
            amount=-gross,
            expected=gross,
            found=0,
            sentence=f"INV-{number} was paid at Marketplacer, and the gateway settled nothing.",
            **common,
        )
    elif paid != gross:
        yield Finding(
            key=f"order:{number}:paid",
            cause=Cause.CUSTOMER_PAYMENT_WRONG,
            amount=paid - gross,
            expected=gross,
            found=paid,
            sentence=f"The gateway settled {money(paid, currency)} for INV-{number}, which cost "
            f"{money(gross, currency)}.",
            **common,
        )
    if back != owed and paid is not None:
        yield Finding(
            key=f"order:{number}:back",
            cause=Cause.CUSTOMER_PAYMENT_WRONG,
            amount=back - owed,
            expected=owed,
            found=back,
            sentence=f"{money(-back, currency)} of INV-{number} went back through the gateway, "
            f"{money(-owed, currency)} was given back at Marketplacer.",
            **common,
        )


def _all(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
