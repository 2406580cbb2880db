"""Remittances against the advices they stand on."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import connection

from reconciliation.domain.payout import Cause
from reconciliation.models import Residue
from reconciliation.services.findings import Finding, company_day, money

_TOTALS = """
    SELECT a.id, a.seller_id, a.issued_date, a.currency, a.total_minor, a.legacy_id,
           coalesce(sum(r.amount_minor), 0)::bigint, count(r.id),
           bool_or(r.seller_id IS DISTINCT FROM a.seller_id)
      FROM sync_remittanceadvice a
      LEFT JOIN sync_adviceline l ON l.advice_id = a.id
      LEFT JOIN sync_remittance r ON r.id = l.remittance_id
     GROUP BY a.id
    HAVING coalesce(sum(r.amount_minor), 0) <> a.total_minor
     ORDER BY a.id
"""

_TWICE = """
    SELECT r.id, r.seller_id, r.currency, r.amount_minor, a.id, a.issued_date, a.legacy_id,
           first.legacy_id
      FROM (SELECT l.remittance_id, l.advice_id, row_number() OVER w AS place,
                   first_value(l.advice_id) OVER w AS first_id
              FROM sync_adviceline l
             WHERE l.remittance_id IN (SELECT remittance_id FROM sync_adviceline
                                        GROUP BY 1 HAVING count(*) > 1)
            WINDOW w AS (PARTITION BY l.remittance_id ORDER BY l.advice_id)) AS doubled
      JOIN sync_remittance r ON r.id = doubled.remittance_id
      JOIN sync_remittanceadvice a ON a.id = doubled.advice_id
      JOIN sync_remittanceadvice first ON first.id = doubled.first_id
     WHERE doubled.place > 1 ORDER BY r.id, a.id
"""

_NOT_ADVISED = """
    SELECT r.id, r.seller_id, r.touched_at::date, r.currency, r.amount_minor
      FROM sync_remittance r
     WHERE r.released AND r.gone_at IS NULL
       AND NOT EXISTS (SELECT FROM sync_adviceline l WHERE l.remittance_id = r.id)
       AND r.touched_at::date + coalesce((SELECT n.bank_window FROM matching_rule_now n
                WHERE n.span @> r.created_date), 30) <= %(today)s
     ORDER BY r.id
"""


def of_advices(*, at: datetime) -> Iterator[Finding]:
    """Advices that are not the sum of their remittances, and remittances on none or on two."""
    for pk, seller, day, currency, total, number, summed, lines, _ in _all(_TOTALS, {}):
        yield Finding(
            key=f"advice:{pk}:total",
            level=Residue.Level.ADVICE,
            cause=Cause.ADVICE_TOTAL_WRONG if lines else Cause.ADVICE_WITHOUT_REMITTANCE,
            seller_id=seller,
            day=day,
            currency=currency,
            amount=total - summed,
            expected=summed,
            found=total,
            advice_id=pk,
            sentence=f"RA-{number} says {money(total, currency)}, "
            + (
                f"its {lines} remittances add up to {money(summed, currency)}."
                if lines
                else "and lists no remittance."
            ),
        )
    for remittance, seller, currency, amount, advice, day, number, first in _all(_TWICE, {}):
        yield Finding(
            key=f"advice:{advice}:twice:{remittance}",
            level=Residue.Level.ADVICE,
            cause=Cause.ADVISED_TWICE,
            seller_id=seller,
            day=day,
            currency=currency,
            amount=amount,
            found=amount,
            remittance_id=remittance,
            advice_id=advice,
            sentence=f"A remittance of RA-{first} stands on RA-{number} again.",
        )
    for remittance, seller, day, currency, amount in _all(_NOT_ADVISED, {"today": company_day(at)}):
        yield _not_advised(remittance, seller, day, currency, amount)


def _not_advised(
    remittance: int, seller: int | None, day: date, currency: str, amount: int
) -> Finding:
    return Finding(
        key=f"remittance:{remittance}:unadvised",
        level=Residue.Level.ADVICE,
        cause=Cause.NOT_ADVISED,
        seller_id=seller,
        day=day,
        currency=currency,
        amount=-amount,
        expected=amount,
        found=0,
        remittance_id=remittance,
        sentence="Released, and on no advice since.",
    )


def _all(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
