"""Name what does not agree after pairing, and keep each difference as long as it stands.

Only what is unequal or lonely leaves the database; equal pairs never do.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from mkterp.core.money import from_minor
from reconciliation.domain import payout
from reconciliation.domain.payout import Cause
from reconciliation.models import Expectation, PayoutMatch, Residue
from reconciliation.services.expectations import reckoned, sale_lines
from sync import selectors

Level = Residue.Level
CHUNK = 500


@dataclass(frozen=True)
class Finding:
    """A difference as a run found it; `key` names the same one in every run."""

    key: str
    level: str
    cause: Cause
    seller_id: int | None
    day: date
    currency: str
    amount: int
    sentence: str
    component: str = ""
    expected: int | None = None
    found: int | None = None
    expectation_id: int | None = None
    remittance_id: int | None = None
    advice_id: int | None = None
    bank_line_id: int | None = None


def money(minor: int, currency: str) -> str:
    """Words for an amount: £ signs are the screens' business."""
    return f"{from_minor(minor, currency):,.2f} {currency}"


def company_day(moment: datetime) -> date:
    """The day of a moment where the company's books are kept."""
    return moment.astimezone(settings.COMPANY_TIME_ZONE).date()


def of_payouts(*, at: datetime) -> Iterator[Finding]:
    """Differences between what we expect and what Marketplacer remits."""
    yield from _unequal()
    yield from _surplus()
    yield from _rows(_UNKNOWN, {"today": company_day(at)}, _unknown)
    yield from _rows(_MISSING, {"today": company_day(at)}, _missing)


def _unequal() -> Iterator[Finding]:
    rows = (
        PayoutMatch.objects.filter(state=PayoutMatch.State.DIFFERENT)
        .select_related("expectation__amendment__refund", "remittance__seller")
        .order_by("pk")
    )
    batch: list[PayoutMatch] = []
    for row in rows.iterator(chunk_size=CHUNK):
        batch.append(row)
        if len(batch) == CHUNK:
            yield from _named(batch)
            batch = []
    yield from _named(batch)


def _named(batch: list[PayoutMatch]) -> Iterator[Finding]:
    sold = selectors.sold({row.expectation.invoice_id for row in batch})
    for row in batch:
        ours, told = row.expectation, row.remittance
        common: dict[str, Any] = {
            "level": Level.PAYOUT,
            "currency": ours.currency,
            "day": ours.due_date,
            "expectation_id": ours.pk,
            "remittance_id": told.pk,
            "expected": ours.amount_minor,
            "found": told.amount_minor,
        }
        if told.currency != ours.currency:
            yield Finding(
                key=f"pair:{told.pk}:currency",
                cause=Cause.CURRENCY_DIFFERS,
                seller_id=ours.seller_id,
                amount=0,
                sentence=f"Remitted in {told.currency}, sold in {ours.currency}.",
                **common,
            )
            continue
        if ours.seller_id and told.seller_id and told.seller_id != ours.seller_id:
            words = f"{money(told.amount_minor, ours.currency)} is remitted to {told.seller}."
            for side, seller, amount in (
                ("wrong", told.seller_id, told.amount_minor),
                ("right", ours.seller_id, -ours.amount_minor),
            ):
                yield Finding(
                    key=f"pair:{told.pk}:seller:{side}",
                    cause=Cause.WRONG_SELLER,
                    seller_id=seller,
                    amount=amount,
                    sentence=f"{words} It was another seller's sale.",
                    **common,
                )
            continue
        lines = sale_lines(sold[ours.invoice_id]) if ours.kind == Expectation.Kind.SALE else []
        for part in payout.name_residue(
            reckoned(ours),
            lines,
            told=told.amount_minor,
            told_commission=told.commission_minor,
        ):
            yield Finding(
                key=f"pair:{told.pk}:{part.cause}:{part.component}",
                cause=part.cause,
                component=part.component,
                seller_id=ours.seller_id,
                amount=part.amount,
                sentence=_sentence(part, ours, told.amount_minor, told.commission_minor),
                **common,
            )


def _sentence(part: payout.Named, ours: Expectation, told: int, commission: int) -> str:
    expected = money(ours.amount_minor, ours.currency)
    if part.cause == Cause.COMMISSION_WRONG:
        return (
            f"Commission remitted {money(commission, ours.currency)}, "
            f"sold at {money(ours.commission_minor, ours.currency)}."
        )
    tail = {
        Cause.POSTAGE_MISSING: "the postage is missing",
        Cause.TAX_WITHHELD: "the tax was withheld",
        Cause.DISCOUNT_FUNDING: "the discount was charged to the other side",
        Cause.ROUNDING: "a rounding",
    }.get(part.cause, "no single component explains it")
    return f"Remitted {money(told, ours.currency)}, expected {expected}: {tail}."


def _surplus() -> Iterator[Finding]:
    rows = PayoutMatch.objects.filter(state=PayoutMatch.State.SURPLUS)
    for row in rows.select_related("expectation", "remittance").order_by("pk"):
        yield Finding(
            key=f"pair:{row.pk}:surplus",
            level=Level.PAYOUT,
            cause=Cause.DUPLICATE_REMITTANCE,
            seller_id=row.remittance.seller_id,
            day=row.remittance.created_date,
            currency=row.remittance.currency,
            amount=row.remittance.amount_minor,
            found=row.remittance.amount_minor,
            expectation_id=row.expectation_id,
            remittance_id=row.pk,
            sentence="A further remittance for the same invoice or amendment.",
        )


# What names no invoice is flagged at once; what names one may only wait for it to be read.
_UNKNOWN = """
    SELECT r.id, r.seller_id, r.created_date, r.currency, r.amount_minor, r.origin
      FROM sync_remittance r
     WHERE r.gone_at IS NULL
       AND NOT EXISTS (SELECT FROM reconciliation_payoutmatch m WHERE m.remittance_id = r.id)
       AND (r.origin = '' OR r.created_date + coalesce((SELECT n.grace FROM matching_rule_now n
                WHERE n.span @> r.created_date), {grace}) <= %(today)s)
     ORDER BY r.id
"""

_MISSING = """
    SELECT e.id, e.seller_id, e.due_date, e.currency, e.amount_minor, e.kind
      FROM reconciliation_expectation e
     WHERE e.amount_minor <> 0
       AND NOT EXISTS (SELECT FROM reconciliation_payoutmatch m
                        WHERE m.expectation_id = e.id AND m.state <> 3)
       AND e.due_date + coalesce((SELECT n.grace FROM matching_rule_now n
                WHERE n.span @> e.due_date), {grace}) <= %(today)s
     ORDER BY e.id
"""


def _rows(statement: str, values: Mapping[str, Any], make: Any) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(grace=3), values)
        while rows := cursor.fetchmany(CHUNK):
            for row in rows:
                yield make(*row)


def _unknown(
    pk: int, seller: int | None, day: date, currency: str, amount: int, origin: str
) -> Finding:
    return Finding(
        key=f"remittance:{pk}:unknown",
        level=Level.PAYOUT,
        cause=Cause.UNKNOWN_INVOICE,
        seller_id=seller,
        day=day,
        currency=currency,
        amount=amount,
        found=amount,
        remittance_id=pk,
        sentence=f"A remittance for {origin or 'no invoice at all'}, which we do not know.",
    )


def _missing(
    pk: int, seller: int | None, day: date, currency: str, amount: int, kind: str
) -> Finding:
    sale = kind == Expectation.Kind.SALE
    return Finding(
        key=f"expected:{pk}:missing",
        level=Level.PAYOUT,
        cause=Cause.SALE_NOT_REMITTED if sale else Cause.REFUND_NOT_DEDUCTED,
        seller_id=seller,
        day=day,
        currency=currency,
        amount=-amount,
        expected=amount,
        found=0,
        expectation_id=pk,
        sentence="No remittance was written for this sale."
        if sale
        else f"The {Expectation.Kind(kind).label} was not taken off the seller's payout.",
    )


@transaction.atomic
def store(*, findings: Iterable[Finding], at: datetime) -> dict[str, int]:
    """Make the standing residues equal to what was found; returns what changed.

    What is found again keeps its age; what is found no more is cleared. A second run with the same
    findings changes nothing.
    """
    standing = {row.key: row for row in Residue.objects.filter(cleared_at=None)}
    new: list[Residue] = []
    changed: list[Residue] = []
    kept = set[str]()
    for finding in findings:
        facts = {
            "level": finding.level,
            "cause": finding.cause.value,
            "component": finding.component,
            "seller_id": finding.seller_id,
            "day": finding.day,
            "currency": finding.currency,
            "amount_minor": finding.amount,
            "expected_minor": finding.expected,
            "found_minor": finding.found,
            "sentence": finding.sentence,
            "expectation_id": finding.expectation_id,
            "remittance_id": finding.remittance_id,
            "advice_id": finding.advice_id,
            "bank_line_id": finding.bank_line_id,
        }
        kept.add(finding.key)
        row = standing.get(finding.key)
        if row is None:
            new.append(Residue(key=finding.key, found_at=at, **facts))
        elif any(getattr(row, name) != value for name, value in facts.items()):
            for name, value in facts.items():
                setattr(row, name, value)
            changed.append(row)
    gone = [row for key, row in standing.items() if key not in kept]
    Residue.objects.bulk_create(new, batch_size=CHUNK)
    Residue.objects.bulk_update(
        changed,
        ["level", "cause", "component", "seller", "day", "currency", "amount_minor",
         "expected_minor", "found_minor", "sentence"],
        batch_size=100,
    )  # fmt: skip
    Residue.objects.filter(pk__in=[row.pk for row in gone]).update(cleared_at=at)
    return {"residues new": len(new), "changed": len(changed), "cleared": len(gone)}
