"""A run of the matching: payouts, advices, payments, residues and monthly sums, in one go."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from mkterp.core import audit
from mkterp.core.models import User
from reconciliation.models import MatchingRule, MatchRun
from reconciliation.services import (
    advised,
    cash,
    customer_money,
    expectations,
    findings,
    pairing,
    residue_cases,
)
from sync.services import lanes

# A change that was written while the last run looked is looked at again.
OVERLAP = timedelta(minutes=5)
TASK = "reconciliation.tasks.match_settlement"


def run(*, at: datetime, whole: bool = False, by: User | None = None) -> MatchRun:
    """Bring everything up to date; only what changed since the last run unless `whole`.

    What is expected is reckoned first, in pieces that each commit. The rest is one transaction: a
    run that is cut off leaves the old result. A run with nothing new writes only its own row.
    """
    changed = expectations.refresh(at=at)
    with transaction.atomic():
        pairing.alone()
        last = MatchRun.objects.order_by("-pk").first()
        # A clock that went back would hide what changed meanwhile: then everything is looked at.
        trusted = last is not None and last.started_at <= at and not whole
        # A rule that was set since judges everything anew.
        if last is not None and MatchingRule.objects.filter(set_at__gte=last.started_at).exists():
            trusted = False
        since = last.started_at - OVERLAP if last is not None and trusted else None
        counts = {"payouts reckoned": changed, **pairing.pair(since=since)}
        counts |= cash.match(at=at)
        counts["customers' lines placed"] = customer_money.adopt()
        found = [
            *findings.of_payouts(at=at),
            *advised.of_advices(at=at),
            *cash.of_payments(at=at),
            *customer_money.of_gateway(at=at),
        ]
        counts |= findings.store(findings=found, at=at)
        counts |= residue_cases.bring_up_to_date(at=at)
        counts["seller months"] = _sum_up()
        done = MatchRun.objects.create(started_at=at, finished_at=at, since=since, counts=counts)
        if by is not None:
            audit.record(action="matching.run", subject=done, by=by, at=at, after=counts)
    return done


@transaction.atomic
def ask(*, at: datetime) -> None:
    """Have a run made as soon as a worker is free; asking twice makes one."""
    lanes.wake(task=TASK, at=at)


_MONTHS = """
    WITH facts AS (
        SELECT seller_id, date_trunc('month', due_date)::date AS month, currency,
               amount_minor AS expected, 0::bigint AS told, 0::bigint AS advised, 0::bigint AS paid,
               0::bigint AS residue, 0 AS residues
          FROM reconciliation_expectation WHERE seller_id IS NOT NULL
     UNION ALL
        SELECT seller_id, date_trunc('month', created_date)::date, currency, 0, amount_minor, 0, 0,
               0, 0
          FROM sync_remittance WHERE seller_id IS NOT NULL AND gone_at IS NULL
     UNION ALL
        SELECT a.seller_id, date_trunc('month', a.issued_date)::date, a.currency, 0, 0,
               a.total_minor, coalesce((SELECT sum(m.amount_minor) FROM reconciliation_cashmatch m
                                         WHERE m.advice_id = a.id), 0), 0, 0
          FROM sync_remittanceadvice a WHERE a.seller_id IS NOT NULL
     UNION ALL
        SELECT seller_id, date_trunc('month', day)::date, currency, 0, 0, 0, 0, amount_minor, 1
          FROM reconciliation_residue WHERE seller_id IS NOT NULL AND cleared_at IS NULL),
    parts AS (
        SELECT seller_id, month, currency, jsonb_object_agg(name, amount) AS components
          FROM (SELECT seller_id, date_trunc('month', day)::date AS month, currency,
                       coalesce(nullif(component, ''), lower(cause)) AS name,
                       sum(amount_minor) AS amount
                  FROM reconciliation_residue WHERE seller_id IS NOT NULL AND cleared_at IS NULL
                 GROUP BY 1, 2, 3, 4) AS named
         GROUP BY 1, 2, 3)
    SELECT f.seller_id, f.month, f.currency, sum(expected)::bigint AS expected_minor,
           sum(told)::bigint AS told_minor, sum(advised)::bigint AS advised_minor,
           sum(paid)::bigint AS paid_minor, sum(residue)::bigint AS residue_minor,
           sum(residues)::int AS residues, coalesce(p.components, '{}'::jsonb) AS components
      FROM facts f LEFT JOIN parts p USING (seller_id, month, currency)
     GROUP BY 1, 2, 3, p.components
"""
_COLUMNS = (
    "seller_id, month, currency, expected_minor, told_minor, advised_minor, paid_minor,"
    " residue_minor, residues, components"
)


def _sum_up() -> int:
    """Rewrite the monthly sums that differ; returns how many were written."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS month_fresh")
        cursor.execute(f"CREATE TEMP TABLE month_fresh ON COMMIT DROP AS {_MONTHS}")
        cursor.execute(
            "DELETE FROM reconciliation_sellerperiod p WHERE NOT EXISTS (SELECT FROM month_fresh f"
            " WHERE (f.seller_id, f.month, f.currency) = (p.seller_id, p.month, p.currency))"
        )
        names = _COLUMNS.split(", ")[3:]
        changes = ", ".join(f"{name} = excluded.{name}" for name in names)
        ours = ", ".join(f"reconciliation_sellerperiod.{name}" for name in names)
        theirs = ", ".join(f"excluded.{name}" for name in names)
        cursor.execute(
            f"INSERT INTO reconciliation_sellerperiod ({_COLUMNS}) SELECT {_COLUMNS}"
            " FROM month_fresh f WHERE NOT EXISTS (SELECT FROM reconciliation_sellerperiod p"
            f" WHERE ({', '.join(f'p.{n}' for n in _COLUMNS.split(', '))})"
            f" = ({', '.join(f'f.{n}' for n in _COLUMNS.split(', '))}))"
            f" ON CONFLICT (seller_id, month, currency) DO UPDATE SET {changes}"
            f" WHERE ({ours}) IS DISTINCT FROM ({theirs})"
        )
        return int(cursor.rowcount)
