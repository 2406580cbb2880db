"""Write down what a comparison found: matches, differences, their cases, prepared adjustments."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Sum
from django.db.models.functions import Abs, Greatest

from mapping import selectors as registry
from mapping.models import AccountRole
from mkterp.core.money import Money, from_minor
from reconciliation.domain.adjusting import Kind, Outcome, Verdict, Wanted
from reconciliation.domain.differences import ABOUT_TAX, SMALL, Difference
from reconciliation.domain.differences import Cause as Named
from reconciliation.models import Discrepancy, DocumentMatch, TaxAdjustment
from reconciliation.services.comparing_load import Pair
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Invoice
from sync.services import cases
from sync.services.cases import Cause

Found = tuple[Pair, list[Difference], Verdict]
State = TaxAdjustment.State
_KINDS = (CaseKind.TAX_DIFFERS, CaseKind.DOCUMENT_DIFFERS)
_MATCH = [
    "version", "state", "day", "currency", "theirs_gross_minor", "theirs_tax_minor",
    "ours_gross_minor", "ours_tax_minor", "compared_at",
]  # fmt: skip
_FIGURES = [
    "sentence", "tax_code", "fits", "day", "currency", "gross_minor", "tax_minor",
    "theirs_gross_minor", "theirs_tax_minor", "ours_gross_minor", "ours_tax_minor", "allowed",
    "case",
]  # fmt: skip


@transaction.atomic
def save(found: Sequence[Found], *, at: datetime) -> None:
    """Keep these comparisons; what no longer differs is cleared, what is not decided is renewed."""
    DocumentMatch.objects.bulk_create(
        [_match(pair, verdict, at) for pair, _, verdict in found],
        update_conflicts=True,
        unique_fields=["invoice"],
        update_fields=_MATCH,
    )
    _discrepancies(found, at)
    clearing = registry.account(event="", role=AccountRole.TAX_ADJUSTMENT, at=at)
    if clearing is not None:  # nobody has said where to book: differences are named all the same
        _adjustments(found, clearing, at)


def _match(pair: Pair, verdict: Verdict, at: datetime) -> DocumentMatch:
    given = pair.sold.given
    return DocumentMatch(
        invoice_id=pair.invoice.pk,
        version=pair.version,
        state=verdict.outcome.value,
        day=pair.day,
        currency=pair.sold.currency,
        theirs_gross_minor=pair.sold.gross - sum(one.wanted for one in given),
        theirs_tax_minor=pair.sold.tax,
        ours_gross_minor=pair.booked.gross - sum(one.credited for one in given),
        ours_tax_minor=pair.booked.tax,
        compared_at=at,
    )


def _discrepancies(found: Sequence[Found], at: datetime) -> None:
    standing = {
        (row.invoice_id, row.line_key, row.cause): row
        for row in Discrepancy.objects.select_for_update(no_key=True, of=("self",)).filter(
            invoice__in=[pair.invoice.pk for pair, _, _ in found], cleared_at=None
        )
    }
    rows: dict[tuple[int, str, str], tuple[Discrepancy, Pair, Difference]] = {}
    for pair, differences, verdict in found:
        for one in differences:
            key = (pair.invoice.pk, one.line, one.cause.value)
            row = standing.get(key) or Discrepancy(
                invoice=pair.invoice, line_key=one.line, cause=one.cause.value, found_at=at
            )
            rows[key] = (_filled(row, pair, one, verdict), pair, one)
    gone = [row.pk for key, row in standing.items() if key not in rows]
    Discrepancy.objects.filter(pk__in=gone).update(cleared_at=at)
    _open_cases([entry for entry in rows.values() if not entry[0].allowed], at)
    Discrepancy.objects.bulk_create([row for row, _, _ in rows.values() if row.pk is None])
    Discrepancy.objects.bulk_update(
        [row for row, _, _ in rows.values() if row.pk is not None], _FIGURES
    )


def _filled(row: Discrepancy, pair: Pair, one: Difference, verdict: Verdict) -> Discrepancy:
    row.seller = pair.invoice.seller
    row.sentence, row.tax_code, row.fits = one.sentence, one.code, list(one.fits)
    row.day, row.currency = pair.day, pair.sold.currency
    row.gross_minor, row.tax_minor = one.gross, one.tax
    row.theirs_gross_minor, row.theirs_tax_minor = one.theirs_gross, one.theirs_tax
    row.ours_gross_minor, row.ours_tax_minor = one.ours_gross, one.ours_tax
    # What a person must look at: everything that no rule could allow, and what went too far.
    row.allowed = verdict.outcome is not Outcome.BEYOND or (
        one.cause in SMALL and one is not verdict.blame
    )
    return row


def _open_cases(entries: Sequence[tuple[Discrepancy, Pair, Difference]], at: datetime) -> None:
    """One case a cause: a wrong tax code has one, however many orders it meets."""
    fresh = [entry for entry in entries if entry[0].case is None or not _is_open(entry[0].case)]
    opened = cases.open_cases(causes=[_cause(pair, one) for _, pair, one in fresh], at=at)
    through = Invoice.cases.through
    links = []
    for row, pair, one in fresh:
        cause = _cause(pair, one)
        row.case = opened[cause.kind, cause.key]
        links.append(through(invoice_id=pair.invoice.pk, exceptioncase_id=row.case.pk))
    through.objects.bulk_create(links, ignore_conflicts=True)


def _is_open(case: ExceptionCase) -> bool:
    return case.state == ExceptionCase.State.OPEN


def _cause(pair: Pair, one: Difference) -> Cause:
    if one.cause in ABOUT_TAX:
        place = pair.sold.country or "no country"
        key = f"tax:{place}:{one.cause.value}:{one.code}:{'+'.join(one.fits)}"
        words = f"{one.sentence} Met first on {pair.sold.number} to {place}."
        return Cause(CaseKind.TAX_DIFFERS, key[:200], words)
    return Cause(
        CaseKind.DOCUMENT_DIFFERS,
        f"document:{pair.invoice.marketplacer_id}",
        f"{pair.document} for {pair.sold.number}: {one.sentence}",
        seller=pair.invoice.seller,
    )


def say_what_is_at_stake(*, at: datetime) -> int:
    """Each open case's sum of its standing differences, without signs; returns how many changed.

    Of each difference the larger of its sum and its tax: a tax may differ in the same sum. A case
    has one currency: the one most is at stake in.
    """
    sums = (
        Discrepancy.objects.filter(cleared_at=None, allowed=False, case__isnull=False)
        .order_by()
        .values("case", "currency")
        .annotate(minor=Sum(Greatest(Abs("gross_minor"), Abs("tax_minor"))))
        .order_by("case", "minor", "currency")
    )
    stakes = {row["case"]: cases.Stake(int(row["minor"]), row["currency"]) for row in sums}
    return cases.put_at_stake(stakes=stakes, at=at)


@transaction.atomic
def resolve_cleared(*, at: datetime) -> int:
    """Resolve the cases whose last difference was cleared; returns how many."""
    standing = Discrepancy.objects.filter(case=OuterRef("pk"), cleared_at=None, allowed=False)
    done = ExceptionCase.objects.filter(
        ~Exists(standing), kind__in=_KINDS, state=ExceptionCase.State.OPEN
    ).order_by("pk")
    for case in done:
        cases.resolve(
            case=case,
            resolution="Both sides agree, or it was adjusted.",
            at=at,
            proof=_agreed(case),
        )
    return len(done)


def _agreed(case: ExceptionCase) -> dict[str, str]:
    """What the orders it was about amount to on either side, as last compared."""
    about = Discrepancy.objects.filter(case=case).order_by().values("invoice")
    proof: dict[str, str] = {}
    for row in (
        DocumentMatch.objects.filter(invoice__in=about)
        .order_by()
        .values("currency")
        .annotate(
            many=Count("pk"),
            their_sum=Sum("theirs_gross_minor"),
            our_sum=Sum("ours_gross_minor"),
            their_tax=Sum("theirs_tax_minor"),
            our_tax=Sum("ours_tax_minor"),
        )
        .order_by("currency")
    ):
        currency = row["currency"]
        proof[f"orders compared in {currency}"] = str(row["many"])
        for name, minor in (
            ("sum at the marketplace", row["their_sum"]),
            ("sum in the ERP", row["our_sum"]),
            ("tax at the marketplace", row["their_tax"]),
            ("tax in the ERP", row["our_tax"]),
        ):
            # Of each currency its own figures: orders of two are rare, and never added up.
            known = f"{proof[name]} and " if name in proof else ""
            proof[name] = f"{known}{Money(from_minor(int(minor), currency), currency)}"
    return proof


# -- adjustments -----------------------------------------------------------------------------------


def _adjustments(found: Sequence[Found], clearing: str, at: datetime) -> None:
    ids = [pair.invoice.pk for pair, _, _ in found]
    held: dict[tuple[int, str, str, str], TaxAdjustment] = {}
    turned_down: dict[tuple[int, str, str, str], int] = {}
    for row in (
        TaxAdjustment.objects.select_for_update(no_key=True, of=("self",))
        .filter(invoice__in=ids, state__in=[State.PREPARED, State.REJECTED])
        .order_by("pk")
    ):
        key = (row.invoice_id or 0, row.kind, row.tax_code, row.account)
        if row.state == State.PREPARED:
            held[key] = row
        else:
            turned_down[key] = row.amount_minor
    fresh = []
    for pair, differences, verdict in found:
        wanted = _wanted(pair, verdict)
        for key in [key for key in held if key[0] == pair.invoice.pk]:
            kept = wanted.get(key)
            row = held[key]
            by_hand = row.prepared_by_id is not None and verdict.outcome is Outcome.BEYOND
            same = kept is not None and (kept.amount, pair.day) == (row.amount_minor, row.day)
            if by_hand or same:
                wanted.pop(key, None)
                continue
            row.state, row.decided_at, row.decided_why = (
                State.SUPERSEDED, at, "The documents or the rules changed.",
            )  # fmt: skip
            row.save(update_fields=["state", "decided_at", "decided_why"])
        fresh += [
            adjustment(pair, differences, one, clearing, at)
            for key, one in wanted.items()
            if turned_down.get(key) != one.amount
        ]
    TaxAdjustment.objects.bulk_create(fresh)


def _wanted(pair: Pair, verdict: Verdict) -> dict[tuple[int, str, str, str], Wanted]:
    """What is still to be booked: what the verdict wants, less what was approved already."""
    if verdict.outcome is Outcome.BEYOND:
        return {}
    found: dict[tuple[Kind, str, str], Wanted] = {
        (one.kind, one.code, one.account): one for one in verdict.wanted
    }
    for kind, code, account in pair.adjusted:
        if (kind, code, account) not in found:
            nothing = Wanted(kind, account, code, 0, 0, 0, Named.ROUNDING, "no longer differs")
            found[kind, code, account] = nothing
    left = {}
    for (kind, code, account), one in found.items():
        amount = one.amount - pair.adjusted.get((kind, code, account), 0)
        if amount and account:
            key = (pair.invoice.pk, kind.value, code, account)
            left[key] = replace(one, amount=amount)
    return left


def adjustment(
    pair: Pair, differences: Sequence[Difference], one: Wanted, clearing: str, at: datetime
) -> TaxAdjustment:
    """A prepared adjustment with its arithmetic, not saved yet."""
    mine = [
        d for d in differences if one.kind is Kind.GROSS or d.code.partition(",")[0] == one.code
    ]
    gross = one.kind is Kind.GROSS
    return TaxAdjustment(
        kind=one.kind.value,
        invoice=pair.invoice,
        seller=pair.invoice.seller,
        document=pair.document,
        day=pair.day,
        currency=pair.sold.currency,
        account=one.account,
        clearing_account=clearing,
        party=pair.party if gross else "",
        tax_code=one.code,
        amount_minor=one.amount,
        theirs_minor=one.theirs,
        ours_minor=one.ours,
        cause=one.cause.value,
        rule=one.rule,
        lines=[
            {
                "line": d.line,
                "theirs": d.theirs_gross if gross else d.theirs_tax,
                "ours": d.ours_gross if gross else d.ours_tax,
                "words": d.sentence,
            }
            for d in mine
        ],
        prepared_at=at,
    )
