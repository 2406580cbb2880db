"""What happened to money becomes entries in the ERP: sales, refunds, advices, payments.

Each event is booked once, when its facts are in: a sale when the ERP has booked its invoice, a
refund when its credit note is posted, an advice when nothing of it is in dispute, a payment when
the bank's line is matched. What is missing waits and is found again by the next run.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Abs, Coalesce

from mapping.models import OwnershipRule, Seller, SellerTreatment
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.money import digits
from reconciliation.domain import entries as domain
from reconciliation.domain.payout import Component
from reconciliation.models import (
    CashMatch,
    Expectation,
    Residue,
    SettlementEntry,
)
from reconciliation.services import customer_entries, payments_told
from reconciliation.services.entries import Accounts, Event, Wanted, book, take_back, tell_missing
from reconciliation.services.expectations import reckoned
from reconciliation.services.findings import company_day
from sync.models import Amendment, Correction, Invoice, RemittanceAdvice

AGENT = SellerTreatment.Treatment.AGENT
BATCH = 500


def prepare(*, at: datetime) -> dict[str, int]:
    """Book everything whose facts are in; returns how many entries of each event were queued.

    Worked in pieces, each its own transaction. A second run finds what the first one booked.
    """
    accounts = Accounts(at)
    counts: dict[str, int] = {}
    # In this order: a refund is booked only after its sale.
    for rows in (_sales(), _refunds(), _advices(), _payments()):
        many = 0
        while batch := list(islice(rows, BATCH)):
            for row in book(wanted=batch, accounts=accounts, at=at):
                counts[row.event] = counts.get(row.event, 0) + 1
                many += 1
        if many >= BATCH:
            _count_anew()
    counts["customers"] = customer_entries.prepare(accounts=accounts, at=at)
    counts["payments told"] = payments_told.tell(at=at)
    counts["taken back"] = _take_back_payments(at)
    counts["roles without account"] = tell_missing(accounts=accounts, at=at)
    counts["before go-live"] = accounts.before_go_live
    return counts


def _count_anew() -> None:
    """Tell the planner of many new entries: it must look for one by its order, not read them all.

    PostgreSQL counts by itself, a minute or more later; meanwhile it takes the table for small and
    compares every order with every entry.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reconciliation_settlemententry")


# -- sales and refunds of agents -------------------------------------------------------------------


def _sales() -> Iterator[Wanted]:
    booked = SettlementEntry.objects.standing().filter(invoice=OuterRef("pk"), event=Event.SALE)
    rows = (
        Invoice.objects.filter(
            ~Exists(booked), treatment=AGENT, erp_document__booked_date__isnull=False
        )
        .select_related("erp_document", "seller")
        .order_by("pk")
    )
    for invoice in rows.iterator(chunk_size=BATCH):
        day = invoice.erp_document.booked_date
        expected = Expectation.objects.filter(origin=invoice.marketplacer_id).first()
        if expected is None or invoice.seller is None or day is None:
            continue  # not reckoned yet: the next run
        components = reckoned(expected).components
        yield Wanted(
            key=f"sale:{invoice.marketplacer_id}",
            event=Event.SALE,
            day=day,
            currency=invoice.currency,
            memo=f"{invoice.number} sold for {invoice.seller}",
            lines=[
                *domain.passed_on(domain.in_document(components)),
                *domain.extras(components),
            ],
            seller=invoice.seller,
            links={"invoice": invoice},
            document={"order_key": invoice.marketplacer_id, "kind": "invoice", "ref": ""},
        )


def _refunds() -> Iterator[Wanted]:
    """Corrections of booked agents' sales that are through."""
    standing = SettlementEntry.objects.standing()
    booked = standing.filter(amendment=OuterRef("pk"), event=Event.REFUND)
    sold = standing.filter(invoice=OuterRef("invoice"), event=Event.SALE)
    through = Correction.objects.filter(
        Q(amendment=OuterRef("pk")) | Q(refund=OuterRef("refund"), refund__isnull=False),
        state__in=[Correction.State.DONE, Correction.State.NOT_NEEDED],
    )
    rows = (
        Amendment.objects.filter(~Exists(booked), Exists(sold), Exists(through))
        .select_related("invoice__seller", "refund")
        .order_by("pk")
    )
    for row in rows.iterator(chunk_size=BATCH):
        expected = Expectation.objects.filter(origin=row.marketplacer_id).first()
        correction = _correction(row)
        if expected is None or correction is None:
            continue
        components = reckoned(expected).components
        extras = domain.extras(components, commission_tax=-row.commission_tax_minor)
        credited = bool(correction.credit_ref)
        passed = domain.passed_on(domain.in_document(components)) if credited else []
        if not (passed or extras):
            continue
        yield Wanted(
            key=f"refund:{row.marketplacer_id}",
            event=Event.REFUND,
            day=correction.credit_date or row.completed_date,
            currency=row.currency,
            memo=f"{correction} of {row.invoice.number}",
            lines=[*passed, *extras],
            seller=row.invoice.seller,
            links={"amendment": row, "invoice": row.invoice},
            document={
                "order_key": row.invoice.marketplacer_id,
                "kind": "credit note",
                "ref": correction.credit_ref,
            }
            if credited
            else None,
        )


def _correction(row: Amendment) -> Correction | None:
    """The correction that follows an amendment, by itself or by its refund."""
    mine = Q(amendment=row)
    if row.refund_id is not None:
        mine |= Q(refund=row.refund_id)
    return Correction.objects.filter(mine).order_by("pk").first()


# -- advices ---------------------------------------------------------------------------------------


def in_dispute(advice: RemittanceAdvice) -> QuerySet[Residue]:
    """What stands between expected, remitted and advised on this advice."""
    return Residue.objects.filter(
        Q(advice=advice) | Q(remittance__advice_lines__advice=advice),
        cleared_at=None,
        level__in=[Residue.Level.PAYOUT, Residue.Level.ADVICE],
    ).distinct()


def _unbooked_advices() -> QuerySet[RemittanceAdvice]:
    booked = SettlementEntry.objects.standing().filter(advice=OuterRef("pk"), event=Event.ADVICE)
    return (
        RemittanceAdvice.objects.filter(~Exists(booked), seller__isnull=False)
        .exclude(total_minor=0)
        .select_related("seller")
        .order_by("pk")
    )


def _advices() -> Iterator[Wanted]:
    disputed = Residue.objects.filter(
        Q(advice=OuterRef("pk")) | Q(remittance__advice_lines__advice=OuterRef("pk")),
        cleared_at=None,
        level__in=[Residue.Level.PAYOUT, Residue.Level.ADVICE],
    )
    rows = _unbooked_advices().filter(~Exists(disputed))
    for advice in rows.iterator(chunk_size=BATCH):
        wanted = of_advice(advice)
        if wanted is not None:
            yield wanted


def of_advice(advice: RemittanceAdvice) -> Wanted | None:
    """The entry of an advice, None where its seller's payouts are not booked (see `books`)."""
    how = books(advice.seller, advice.issued_at)
    if how == "":
        return None
    if how == "agent":
        lines = domain.advice(advice.total_minor)
    else:
        lines = domain.purchase(advice.total_minor, _tax_of(advice))
    return Wanted(
        key=f"advice:{advice.marketplacer_id}",
        event=Event.ADVICE,
        day=advice.issued_date,
        currency=advice.currency,
        memo=f"{advice} of {advice.seller}",
        lines=lines,
        seller=advice.seller,
        links={"advice": advice},
    )


def books(seller: Seller | None, moment: datetime) -> str:
    """How a seller's payouts are booked: "agent", "purchase", or "" for not at all.

    Ours to sell and our own stock: the payout moves our money to ourselves. Ours to sell and
    somebody else's stock: we bought what we sold. Without a treatment nothing is booked by guess.
    """
    if seller is None:
        return ""
    treatment = SellerTreatment.objects.in_force(moment).filter(seller=seller).first()
    if treatment is None:
        return ""
    if treatment.treatment == AGENT:
        return "agent"
    rule = OwnershipRule.objects.in_force(moment).filter(seller=seller).first()
    own = rule is not None and rule.owner == OwnershipRule.Owner.OPERATOR
    return "" if own else "purchase"


def _tax_of(advice: RemittanceAdvice) -> int:
    """The tax in what we bought: of goods and postage, less that of the commission kept."""
    origins = advice.lines.values("remittance__origin")
    sold = Expectation.objects.filter(origin__in=origins, kind=Expectation.Kind.SALE)
    tax = 0
    for row in sold.select_related("invoice").order_by("pk"):
        unit = 10 ** digits(row.currency)
        kept = reckoned(row).components
        withheld = kept.get(Component.GOODS_TAX, 0) + kept.get(Component.POSTAGE_TAX, 0)
        tax += int(row.invoice.tax * unit) + withheld
        tax += kept.get(Component.COMMISSION_TAX, 0)
    return min(tax, advice.total_minor) if advice.total_minor > 0 else 0


@transaction.atomic
def book_advice(
    *, advice: RemittanceAdvice, by: User, at: datetime, reason: str
) -> SettlementEntry:
    """A person has an advice booked as it stands, although something of it is in dispute.

    Refused without a reason, when it is booked already or older than go-live, and where its
    seller's payouts are not booked. What is in dispute stays visible, as what the payable does not
    explain.
    """
    if not reason.strip():
        raise Refused("Say why the advice is booked as it stands.")
    if not _unbooked_advices().filter(pk=advice.pk).exists():
        raise Refused(f"{advice} is booked already, or has nothing to book.")
    wanted = of_advice(advice)
    if wanted is None:
        raise Refused(f"Payouts of {advice.seller} are not booked: it is our own, or has no rule.")
    accounts = Accounts(at)
    rows = book(wanted=[wanted], accounts=accounts, at=at, by=by)
    if accounts.before_go_live:
        raise Refused(f"{advice} was issued before go-live: the opening balances hold it.")
    if not rows:
        raise Refused(f"No ERP account plays {', '.join(accounts.missing)}; map it first.")
    audit.record(
        action="settlement.book_disputed", subject=advice, by=by, at=at, reason=reason, after={}
    )
    return rows[0]


# -- payments --------------------------------------------------------------------------------------


def _payments() -> Iterator[Wanted]:
    live = SettlementEntry.objects.standing().filter(
        event=Event.PAID, advice=OuterRef("advice"), bank_line=OuterRef("bank_line")
    )
    rows = (
        CashMatch.objects.filter(~Exists(live))
        .exclude(amount_minor=0)
        .select_related("advice__seller", "bank_line")
        .order_by("pk")
    )
    for row in rows.iterator(chunk_size=BATCH):
        advice, line = row.advice, row.bank_line
        if books(advice.seller, advice.issued_at) == "":
            continue
        yield Wanted(
            key=f"paid:{advice.marketplacer_id}:{line.pk}",
            event=Event.PAID,
            day=line.booked_date,
            currency=line.currency,
            memo=f"{advice} paid, {line.reference or line.identity}"[:200],
            lines=domain.payment(row.amount_minor),
            seller=advice.seller,
            links={"advice": advice, "bank_line": line},
        )


def _take_back_payments(at: datetime) -> int:
    """Payments that were matched otherwise since they were booked are taken back."""
    same = CashMatch.objects.filter(advice=OuterRef("advice"), bank_line=OuterRef("bank_line"))
    booked = (
        SettlementEntry.objects.standing()
        .filter(event=Event.PAID)
        .annotate(matched=Exists(same), now=_matched_now())
        .filter(Q(matched=False) | ~Q(now=F("debit_minor")))
        .order_by("pk")
    )
    done = 0
    for entry in booked:
        try:
            take_back(
                entry=entry,
                by=None,
                at=at,
                reason="The bank's line is matched otherwise now.",
                day=company_day(at),
            )
        except Refused:  # on its way this instant: the next run
            continue
        done += 1
    return done


def _matched_now() -> Any:
    sums = (
        CashMatch.objects.filter(advice=OuterRef("advice"), bank_line=OuterRef("bank_line"))
        .order_by()
        .values("advice")
        .annotate(sum=Abs(Sum("amount_minor")))
        .values("sum")
    )
    return Coalesce(Subquery(sums), 0)
