"""Pair expected payouts with remittances inside PostgreSQL, in a fixed number of statements.

Nothing leaves the database: a million pairs cost one hash join and one insert. The first run
fills an empty table without its indexes and builds them afterwards; a later one computes the
pairs beside the old ones and writes only what differs, so that running twice writes nothing. All
of it is one transaction of the caller's: cut off half-way, the old pairs stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction

from reconciliation.models import MatchingRule, PayoutMatch

# Server memory for one hash table; Python holds a few counts.
WORK_MEM = "256MB"
LOCK = "reconciliation:matching"
ONE_PARTNER = "payoutmatch_one_partner"  # the index of the model


@dataclass(frozen=True)
class Rule:
    """A matching rule as the SQL reads it; dates are a half-open span, None is open."""

    valid_from: date | None
    valid_until: date | None
    tolerance: int
    bank_tolerance: int = 0
    bank_window: int = 30
    match_by_amount: bool = True
    grace: int = 3


DEFAULT_RULE = Rule(None, None, 0)


def rules() -> list[Rule]:
    """The rules in force; days that none covers want the cent (see DEFAULT_RULE)."""
    return [
        Rule(
            row.valid_from,
            row.valid_until,
            row.tolerance_minor,
            row.bank_tolerance_minor,
            row.bank_window_days,
            row.match_by_amount,
            row.grace_days,
        )
        for row in MatchingRule.objects.order_by("pk")
    ]


def load_rules(given: Sequence[Rule]) -> None:
    """Put rules where the statements of this transaction find them."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS matching_rule_now")
        cursor.execute(
            "CREATE TEMP TABLE matching_rule_now (span daterange, tolerance bigint,"
            " bank_tolerance bigint, bank_window int, by_amount bool, grace int) ON COMMIT DROP"
        )
        cursor.executemany(
            "INSERT INTO matching_rule_now"
            " VALUES (daterange(%s, %s), %s, %s, %s, %s, %s)",
            [
                (r.valid_from, r.valid_until, r.tolerance, r.bank_tolerance, r.bank_window,
                 r.match_by_amount, r.grace)
                for r in given
            ],
        )  # fmt: skip


_PAIRS = """
    SELECT r.id AS remittance_id, e.id AS expectation_id,
           CASE WHEN r.amount_minor = e.amount_minor AND r.commission_minor = e.commission_minor
                     AND r.seller_id = e.seller_id AND r.currency = e.currency THEN 0
                WHEN r.seller_id = e.seller_id AND r.currency = e.currency
                     AND greatest(abs(r.amount_minor - e.amount_minor),
                                  abs(r.commission_minor - e.commission_minor))
                         <= coalesce((SELECT n.tolerance FROM matching_rule_now n
                                       WHERE n.span @> e.due_date), 0) THEN 1
                ELSE 2 END::smallint AS state,
           r.amount_minor - e.amount_minor AS residue_minor
      FROM reconciliation_expectation e
      JOIN sync_remittance r ON r.origin = e.origin
     WHERE r.gone_at IS NULL
"""

# Of several remittances for one thing the one that fits best is its partner, the others too many.
_SURPLUS = """
    UPDATE {table} AS m SET state = 3, residue_minor = ranked.amount
      FROM (SELECT f.remittance_id, r.amount_minor AS amount, row_number() OVER (
                       PARTITION BY f.expectation_id
                       ORDER BY f.state, abs(f.residue_minor), r.created_at, r.id) AS place
              FROM {table} f JOIN sync_remittance r ON r.id = f.remittance_id
             WHERE f.expectation_id IN (SELECT expectation_id FROM {table}
                                         GROUP BY 1 HAVING count(*) > 1)) AS ranked
     WHERE ranked.remittance_id = m.remittance_id AND ranked.place > 1
"""

_SCOPE = """
    CREATE TEMP TABLE touched_origin ON COMMIT DROP AS
    SELECT origin FROM reconciliation_expectation WHERE touched_at >= %(since)s
     UNION SELECT origin FROM sync_remittance WHERE touched_at >= %(since)s AND origin <> ''
"""

_GONE = """
    DELETE FROM reconciliation_payoutmatch AS m
     WHERE NOT EXISTS (SELECT FROM fresh f WHERE f.remittance_id = m.remittance_id
                          AND f.expectation_id = m.expectation_id AND f.state = m.state
                          AND f.residue_minor = m.residue_minor) {scope}
"""
_IN_SCOPE = """
       AND (m.expectation_id IN (SELECT e.id FROM reconciliation_expectation e
                                   JOIN touched_origin USING (origin))
            OR m.remittance_id IN (SELECT r.id FROM sync_remittance r
                                    WHERE r.touched_at >= %(since)s))
"""
_NEW = """
    INSERT INTO reconciliation_payoutmatch (remittance_id, expectation_id, state, residue_minor)
    SELECT f.remittance_id, f.expectation_id, f.state, f.residue_minor FROM fresh f
     WHERE NOT EXISTS (SELECT FROM reconciliation_payoutmatch m
                        WHERE m.remittance_id = f.remittance_id)
"""


def alone() -> None:
    """Wait until no other matching runs; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])


@transaction.atomic
def pair(*, since: datetime | None, by_rules: Sequence[Rule] | None = None) -> dict[str, int]:
    """Bring the pairs up to date; returns how many were written and how many taken away.

    `since` looks only at what changed at or after it; None looks at everything. `by_rules` are the
    rules in force unless somebody tries others.
    """
    alone()
    load_rules(rules() if by_rules is None else by_rules)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEM}'")
        if since is None and not PayoutMatch.objects.exists():
            return _fill()
        cursor.execute("DROP TABLE IF EXISTS fresh, touched_origin")
        scope = ""
        if since is not None:
            cursor.execute(_SCOPE, {"since": since})
            cursor.execute("ANALYZE touched_origin")
            scope = " AND e.origin IN (SELECT origin FROM touched_origin)"
        cursor.execute(f"CREATE TEMP TABLE fresh ON COMMIT DROP AS {_PAIRS}{scope}")
        cursor.execute("ANALYZE fresh")
        cursor.execute(_SURPLUS.format(table="fresh"))
        within = "" if since is None else _IN_SCOPE
        cursor.execute(_GONE.format(scope=within), {"since": since})
        gone = cursor.rowcount
        cursor.execute(_NEW)
        return {"pairs written": cursor.rowcount, "pairs taken away": gone}


def _fill() -> dict[str, int]:
    """Fill the empty table: rows first, then each index in one go."""
    table = PayoutMatch._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        # A file made by this transaction itself need not be logged as well (wal_level = minimal).
        cursor.execute(f"TRUNCATE {table}")
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
            [table],
        )
        constraints = cursor.fetchall()
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
            " AND schemaname = current_schema() AND NOT indexname = ANY(%s)",
            [table, [name for name, _ in constraints]],
        )
        indexes = dict(cursor.fetchall())
        for name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute(
            f"INSERT INTO {table} (remittance_id, expectation_id, state, residue_minor) {_PAIRS}"
        )
        written = cursor.rowcount
        _one_partner(indexes.pop(ONE_PARTNER), table)
        for name, definition in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for definition in indexes.values():
            cursor.execute(definition)
    return {"pairs written": written, "pairs taken away": 0}


def _one_partner(definition: str, table: str) -> None:
    """Build the unique index; only when it cannot be built is anything one too many.

    Looking for them first would cost more than the index.
    """
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(definition)
        except IntegrityError:
            cursor.execute(_SURPLUS.format(table=table))
            cursor.execute(definition)
