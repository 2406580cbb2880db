"""Matching rules: what a change would do over all history, looked at before it is saved."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Q

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from reconciliation.models import MatchingRule, Residue
from reconciliation.services import advised, cash, customer_money, findings, pairing
from reconciliation.services.findings import Finding
from reconciliation.services.pairing import Rule

SHOWN = 100


@dataclass(frozen=True)
class Wanted:
    """A rule that somebody means to set; it holds from `valid_from` (None: since ever) on."""

    valid_from: date | None
    tolerance_minor: int
    bank_tolerance_minor: int
    bank_window_days: int
    match_by_amount: bool
    grace_days: int


@dataclass(frozen=True)
class Effect:
    """What a rule would change: pairs that would agree or no longer, payments won and lost."""

    agreed: int
    no_longer: int
    payments_new: int
    payments_lost: int
    residues_new: int
    residues_gone: int
    examples: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        return not any(
            (self.agreed, self.no_longer, self.payments_new, self.payments_lost,
             self.residues_new, self.residues_gone)
        )  # fmt: skip


class _Undo(Exception):
    """Ends a trial; nothing of it stays."""


def with_rule(wanted: Wanted) -> list[Rule]:
    """The rules as they would be: the ones before it end where it begins, later ones go."""
    start = wanted.valid_from
    kept = []
    for rule in pairing.rules():
        if start is None or (rule.valid_from is not None and rule.valid_from >= start):
            continue
        until = start if rule.valid_until is None else min(start, rule.valid_until)
        kept.append(Rule(**{**vars(rule), "valid_until": until}))
    new = Rule(
        start,
        None,
        wanted.tolerance_minor,
        wanted.bank_tolerance_minor,
        wanted.bank_window_days,
        wanted.match_by_amount,
        wanted.grace_days,
    )
    return [*kept, new]


def preview(*, wanted: Wanted, at: datetime) -> Effect:
    """Match everything as the rule would have it, count what differs, and undo all of it."""
    effect: list[Effect] = []
    try:
        with transaction.atomic():
            effect.append(_tried(wanted, at))
            raise _Undo
    except _Undo:
        return effect[0]


_STATES = """
    SELECT count(*) FILTER (WHERE now.state = 1 AND m.state = 2),
           count(*) FILTER (WHERE now.state = 2 AND m.state = 1)
      FROM reconciliation_payoutmatch m
      JOIN reconciliation_expectation e ON e.id = m.expectation_id
      JOIN sync_remittance r ON r.id = m.remittance_id
     CROSS JOIN LATERAL (SELECT CASE
           WHEN r.seller_id = e.seller_id AND r.currency = e.currency
            AND greatest(abs(r.amount_minor - e.amount_minor),
                         abs(r.commission_minor - e.commission_minor))
                <= coalesce((SELECT n.tolerance FROM matching_rule_now n
                              WHERE n.span @> e.due_date), 0) THEN 1 ELSE 2 END AS state) AS now
     WHERE m.state IN (1, 2)
"""


def _payments() -> set[tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT advice_id, bank_line_id, amount_minor FROM reconciliation_cashmatch")
        return set(cursor.fetchall())


def _tried(wanted: Wanted, at: datetime) -> Effect:
    pairing.alone()
    before = _payments()
    standing = dict(Residue.objects.filter(cleared_at=None).values_list("key", "sentence"))
    rules = with_rule(wanted)
    pairing.load_rules(rules)
    with connection.cursor() as cursor:
        cursor.execute(_STATES)
        agreed, no_longer = cursor.fetchone()
    pairing.pair(since=None, by_rules=rules)
    cash.match(at=at)
    after = _payments()
    found: dict[str, Finding] = {
        finding.key: finding
        for finding in (
            *findings.of_payouts(at=at),
            *advised.of_advices(at=at),
            *cash.of_payments(at=at),
            *customer_money.of_gateway(at=at),
        )
    }
    new = [finding.sentence for key, finding in found.items() if key not in standing]
    gone = [sentence for key, sentence in standing.items() if key not in found]
    examples = [f"Would stand: {x}" for x in new[:SHOWN]]
    examples += [f"Would agree: {x}" for x in gone[: SHOWN - len(examples)]]
    return Effect(
        agreed=agreed,
        no_longer=no_longer,
        payments_new=len(after - before),
        payments_lost=len(before - after),
        residues_new=len(new),
        residues_gone=len(gone),
        examples=tuple(examples),
    )


@transaction.atomic
def set_rule(*, wanted: Wanted, by: User, at: datetime, reason: str) -> MatchingRule:
    """This rule holds from its day on; the one before it ends there. The next run goes by it.

    Rules that were to begin later are taken away: the new one is the last word. Refused without a
    reason, and when it is what holds already.
    """
    if not reason.strip():
        raise Refused("Say why the rule changes.")
    pairing.alone()
    values = {name: value for name, value in vars(wanted).items() if name != "valid_from"}
    start = wanted.valid_from
    rows = MatchingRule.objects.select_for_update(no_key=True).order_by("pk")
    current = rows.filter(Q(valid_until=None)).first()
    if (
        current is not None
        and all(getattr(current, n) == v for n, v in values.items())
        and (start is None or current.valid_from is None or current.valid_from <= start)
    ):
        raise Refused("That is what holds already.")
    before = [str(row) for row in rows]
    replaced = rows if start is None else rows.filter(valid_from__gte=start)
    replaced.delete()
    if start is not None:
        rows.filter(Q(valid_until=None) | Q(valid_until__gt=start)).update(valid_until=start)
    row = MatchingRule.objects.create(
        valid_from=start, set_by=by, set_at=at, reason=reason, **values
    )
    after = {**values, "valid_from": start.isoformat() if start else None}
    audit.record(
        action="matchingrule.set", subject=row, by=by, at=at, reason=reason,
        before={"rules": before}, after=after,
    )  # fmt: skip
    return row
