"""Bank lines against advices: by reference, by amount and date, several together.

Set-based like the pairing of payouts, and always over everything, because advices and their
payments are few. What a person matched is never touched.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from reconciliation.domain.payout import Cause
from reconciliation.models import Residue
from reconciliation.services.findings import Finding, company_day, money

# "RA-71", "RA 71", "ra0071" anywhere in what the bank passes on.
NUMBER = r"\mRA[-_ ]?0*([0-9]{1,15})\M"

_STEPS = (
    "DROP TABLE IF EXISTS cash_fresh, cash_named",
    "CREATE TEMP TABLE cash_fresh (advice_id bigint, bank_line_id bigint, amount bigint, how text)"
    " ON COMMIT DROP",
    # Which advices each line names, by their number or by the reference we paid them with.
    f"""
    CREATE TEMP TABLE cash_named ON COMMIT DROP AS
    SELECT DISTINCT b.id AS line, -b.amount_minor AS money, b.currency, a.id AS advice,
           a.total_minor AS total, a.issued_at, a.currency AS advice_currency
      FROM reconciliation_bankline b
     CROSS JOIN LATERAL regexp_matches(upper(b.reference || ' ' || b.text), '{NUMBER}', 'g') AS hit
      JOIN sync_remittanceadvice a ON a.legacy_id = hit[1]::bigint
     WHERE NOT EXISTS (SELECT FROM reconciliation_cashmatch p
                        WHERE p.bank_line_id = b.id AND p.how = 'PERSON')
     UNION
    SELECT b.id, -b.amount_minor, b.currency, a.id, a.total_minor, a.issued_at, a.currency
      FROM reconciliation_bankline b
      JOIN sync_remittanceadvice a
        ON a.payment_reference <> '' AND a.payment_reference = b.reference
     WHERE NOT EXISTS (SELECT FROM reconciliation_cashmatch p
                        WHERE p.bank_line_id = b.id AND p.how = 'PERSON')
       AND b.reference !~* '{NUMBER}'
    """,
    # Each advice a line names gets its total, the last one what is left: a difference shows there.
    """
    INSERT INTO cash_fresh
    SELECT advice, line,
           CASE WHEN place < many THEN total ELSE money - coalesce(before, 0) END,
           CASE WHEN many = 1 THEN 'REFERENCE' ELSE 'TOGETHER' END
      FROM (SELECT n.*, count(*) OVER (PARTITION BY line) AS many,
                   row_number() OVER w AS place,
                   sum(total) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
              FROM cash_named n WHERE currency = advice_currency
            WINDOW w AS (PARTITION BY line ORDER BY issued_at, advice)) AS shared
    """,
    # Without a reference: one advice and one line of the same sum, each with no other candidate;
    # where the payee bears the seller's name, only such candidates count.
    """
    INSERT INTO cash_fresh
    WITH open_advice AS ({open_advices}), free_line AS ({free_lines}),
    candidate AS (
        SELECT a.id AS advice, b.id AS line, -b.amount_minor AS money,
               lower(b.counterparty) = a.name AS strong
          FROM open_advice a
          JOIN free_line b ON b.currency = a.currency
           AND b.booked_date BETWEEN a.issued_date AND a.issued_date + a.bank_window
           AND abs(a.total_minor + b.amount_minor) <= a.bank_tolerance
         WHERE a.by_amount AND a.total_minor > 0),
    counted AS (
        SELECT c.*, bool_or(strong) OVER (PARTITION BY line) AS line_strong,
               bool_or(strong) OVER (PARTITION BY advice) AS advice_strong FROM candidate c),
    best AS (
        SELECT c.*, count(*) OVER (PARTITION BY line) AS lines,
               count(*) OVER (PARTITION BY advice) AS advices
          FROM counted c WHERE strong OR NOT (line_strong OR advice_strong))
    SELECT advice, line, money, 'AMOUNT' FROM best WHERE lines = 1 AND advices = 1
    """,
    # One payment for several advices of the seller it names: the oldest ones that add up to it.
    """
    INSERT INTO cash_fresh
    WITH open_advice AS ({open_advices}), free_line AS ({free_lines}),
    running AS (
        SELECT a.*, sum(total_minor) OVER w AS upto, count(*) OVER w AS many
          FROM open_advice a WINDOW w AS (PARTITION BY seller_id ORDER BY issued_at, id)),
    hit AS (
        SELECT b.id AS line, r.seller_id, r.many, count(*) OVER (PARTITION BY r.seller_id) AS lines
          FROM free_line b
          JOIN running r ON r.name = lower(b.counterparty) AND r.currency = b.currency
           AND r.upto = -b.amount_minor AND r.many > 1 AND r.by_amount
           AND b.booked_date BETWEEN r.issued_date AND r.issued_date + r.bank_window)
    SELECT r.id, h.line, r.total_minor, 'TOGETHER'
      FROM hit h JOIN running r ON r.seller_id = h.seller_id AND r.many <= h.many
     WHERE h.lines = 1
    """,
    # Several payments for one advice: all free lines to its seller add up to it.
    """
    INSERT INTO cash_fresh
    WITH open_advice AS ({open_advices}), free_line AS ({free_lines}),
    parts AS (
        SELECT a.id AS advice, b.id AS line, -b.amount_minor AS money, a.total_minor,
               sum(-b.amount_minor) OVER (PARTITION BY a.id) AS together
          FROM open_advice a
          JOIN free_line b ON lower(b.counterparty) = a.name AND b.currency = a.currency
           AND b.booked_date BETWEEN a.issued_date AND a.issued_date + a.bank_window
         WHERE a.by_amount AND (SELECT count(*) FROM open_advice o
                                 WHERE o.seller_id = a.seller_id AND o.total_minor > 0) = 1)
    SELECT advice, line, money, 'TOGETHER' FROM parts WHERE together = total_minor
    """,
    """
    DELETE FROM reconciliation_cashmatch m
     WHERE m.how <> 'PERSON'
       AND NOT EXISTS (SELECT FROM cash_fresh f WHERE f.advice_id = m.advice_id
                          AND f.bank_line_id = m.bank_line_id AND f.amount = m.amount_minor
                          AND f.how = m.how)
    """,
    """
    INSERT INTO reconciliation_cashmatch (advice_id, bank_line_id, amount_minor, how, reason,
                                          made_at)
    SELECT f.advice_id, f.bank_line_id, f.amount, f.how, '', %(at)s FROM cash_fresh f
     WHERE NOT EXISTS (SELECT FROM reconciliation_cashmatch m
                        WHERE m.advice_id = f.advice_id AND m.bank_line_id = f.bank_line_id)
    """,
)

_OPEN_ADVICES = """
    SELECT a.id, a.seller_id, lower(s.business_name) AS name, a.currency, a.total_minor,
           a.issued_at, a.issued_date,
           coalesce(n.bank_window, 30) AS bank_window,
           coalesce(n.bank_tolerance, 0) AS bank_tolerance, coalesce(n.by_amount, true) AS by_amount
      FROM sync_remittanceadvice a
      JOIN mapping_seller s ON s.id = a.seller_id
      LEFT JOIN matching_rule_now n ON n.span @> a.issued_date
     WHERE a.total_minor <> 0
       AND NOT EXISTS (SELECT FROM cash_fresh f WHERE f.advice_id = a.id)
       AND NOT EXISTS (SELECT FROM reconciliation_cashmatch p
                        WHERE p.advice_id = a.id AND p.how = 'PERSON')
"""
_FREE_LINES = f"""
    SELECT b.* FROM reconciliation_bankline b
     WHERE b.amount_minor < 0
       AND b.reference || ' ' || b.text !~* '{NUMBER}'
       AND NOT EXISTS (SELECT FROM cash_fresh f WHERE f.bank_line_id = b.id)
       AND NOT EXISTS (SELECT FROM reconciliation_cashmatch p
                        WHERE p.bank_line_id = b.id AND p.how = 'PERSON')
"""


@transaction.atomic
def match(*, at: datetime) -> dict[str, int]:
    """Bring the payments' pairs up to date; the rules must be loaded (see pairing.load_rules)."""
    changed = {"payments taken away": 0, "payments matched": 0}
    with connection.cursor() as cursor:
        for step in _STEPS:
            text = step.replace("{open_advices}", _OPEN_ADVICES)
            text = text.replace("{free_lines}", _FREE_LINES)
            if "%(at)s" in text:
                cursor.execute(text, {"at": at})
                changed["payments matched"] = cursor.rowcount
            else:
                cursor.execute(text)
                if "DELETE FROM reconciliation_cashmatch" in text:
                    changed["payments taken away"] = cursor.rowcount
    return changed


_PAID = """
    SELECT a.id, a.seller_id, a.issued_date, a.currency, a.total_minor, a.legacy_id,
           sum(m.amount_minor)::bigint, count(*), max(b.booked_date),
           coalesce(max(n.bank_tolerance), 0), min(b.id)
      FROM sync_remittanceadvice a
      JOIN reconciliation_cashmatch m ON m.advice_id = a.id
      JOIN reconciliation_bankline b ON b.id = m.bank_line_id
      LEFT JOIN matching_rule_now n ON n.span @> a.issued_date
     GROUP BY a.id
    HAVING abs(sum(m.amount_minor) - a.total_minor) > coalesce(max(n.bank_tolerance), 0)
     ORDER BY a.id
"""

# Only where the bank's statements reach beyond the window can "not paid" be said. What a seller
# owes on negative advices is carried forward against what he is owed.
_NOT_PAID = """
    SELECT a.id, a.seller_id, a.issued_date, a.currency, a.total_minor, a.legacy_id
      FROM sync_remittanceadvice a
      LEFT JOIN matching_rule_now n ON n.span @> a.issued_date
     WHERE a.total_minor > 0
       AND NOT EXISTS (SELECT FROM reconciliation_cashmatch m WHERE m.advice_id = a.id)
       AND a.issued_date + coalesce(n.bank_window, 30)
           < (SELECT max(booked_date) FROM reconciliation_bankline)
       AND (SELECT sum(o.total_minor) FROM sync_remittanceadvice o
             WHERE o.seller_id = a.seller_id AND o.currency = a.currency
               AND NOT EXISTS (SELECT FROM reconciliation_cashmatch m
                                WHERE m.advice_id = o.id)) > 0
     ORDER BY a.id
"""

# What a seller owes and nothing has outweighed since: no later advice of his makes good for it.
_OWED = """
    SELECT a.id, a.seller_id, a.issued_date, a.currency, a.total_minor, a.legacy_id
      FROM sync_remittanceadvice a
      LEFT JOIN matching_rule_now n ON n.span @> a.issued_date
     WHERE a.total_minor < 0
       AND NOT EXISTS (SELECT FROM reconciliation_cashmatch m WHERE m.advice_id = a.id)
       AND a.issued_date + coalesce(n.bank_window, 30) < %(today)s
       AND (SELECT sum(o.total_minor) FROM sync_remittanceadvice o
             WHERE o.seller_id = a.seller_id AND o.currency = a.currency
               AND NOT EXISTS (SELECT FROM reconciliation_cashmatch m
                                WHERE m.advice_id = o.id)) < 0
     ORDER BY a.id
"""

_UNKNOWN_ADVICE = f"""
    SELECT b.id, b.booked_date, b.currency, -b.amount_minor, b.reference,
           EXISTS (SELECT FROM cash_named n WHERE n.line = b.id)
      FROM reconciliation_bankline b
     WHERE b.reference || ' ' || b.text ~* '{NUMBER}'
       AND NOT EXISTS (SELECT FROM reconciliation_cashmatch m WHERE m.bank_line_id = b.id)
     ORDER BY b.id
"""


def of_payments(*, at: datetime) -> Iterator[Finding]:
    """Advices that were paid otherwise than they say, and payments for advices nobody wrote."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID)
        for row in cursor.fetchall():
            yield _paid_otherwise(*row)
        cursor.execute(_NOT_PAID)
        for pk, seller, day, currency, total, number in cursor.fetchall():
            yield Finding(
                key=f"advice:{pk}:unpaid",
                level=Residue.Level.BANK,
                cause=Cause.NOT_PAID,
                seller_id=seller,
                day=day,
                currency=currency,
                amount=-total,
                expected=total,
                found=0,
                advice_id=pk,
                sentence=f"RA-{number} is not on the bank's statements.",
            )
        cursor.execute(_OWED, {"today": company_day(at)})
        for pk, seller, day, currency, total, number in cursor.fetchall():
            yield Finding(
                key=f"advice:{pk}:owed",
                level=Residue.Level.BANK,
                cause=Cause.ADVICE_NEGATIVE,
                seller_id=seller,
                day=day,
                currency=currency,
                amount=-total,
                expected=total,
                found=0,
                advice_id=pk,
                sentence=f"RA-{number} asks {money(-total, currency)} back from the seller, and no "
                "later advice has set it off.",
            )
        cursor.execute(_UNKNOWN_ADVICE)
        for pk, day, currency, amount, reference, known in cursor.fetchall():
            yield Finding(
                key=f"line:{pk}:unknown",
                level=Residue.Level.BANK,
                cause=Cause.CURRENCY_DIFFERS if known else Cause.UNKNOWN_ADVICE,
                seller_id=None,
                day=day,
                currency=currency,
                amount=amount,
                found=amount,
                bank_line_id=pk,
                sentence=f"The bank paid {money(amount, currency)} for {reference}, "
                + ("which is in another currency." if known else "an advice we do not know."),
            )


def _paid_otherwise(*row: Any) -> Finding:
    pk, seller, _, currency, total, number, paid, lines, booked, _, line = row
    if total > 0 and lines > 1 and paid >= 2 * total:
        cause, words = Cause.PAID_TWICE, f"was paid {lines} times"
    elif paid > total:
        cause, words = Cause.PAID_OVER, "was paid too much"
    else:
        cause, words = Cause.PAID_SHORT, "was paid too little"
    return Finding(
        key=f"advice:{pk}:paid",
        level=Residue.Level.BANK,
        cause=cause,
        seller_id=seller,
        day=booked,
        currency=currency,
        amount=paid - total,
        expected=total,
        found=paid,
        advice_id=pk,
        bank_line_id=line,
        sentence=f"RA-{number} {words}: {money(paid, currency)} of {money(total, currency)}.",
    )
