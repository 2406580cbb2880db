"""Orders and their documents from the mirrors as the values that the domain compares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mkterp.core.money import to_minor
from reconciliation.domain.adjusting import Kind
from reconciliation.domain.differences import (
    SHIPPING,
    Booked,
    BookedLine,
    BookedTax,
    Given,
    Sold,
    SoldLine,
)
from reconciliation.models import TaxAdjustment
from sync.models import Correction, Invoice, LedgerDocument

_STANDING = [LedgerDocument.State.POSTED, LedgerDocument.State.PAID]


@dataclass(frozen=True)
class Pair:
    """One order beside its documents, with what deciding needs to know of it."""

    invoice: Invoice
    version: str
    sold: Sold
    booked: Booked
    day: date
    document: str
    party: str
    # Whether the tax is the operator's own: an agent's is passed on to the seller (ADR 0008).
    liable: bool
    adjusted: Mapping[tuple[Kind, str, str], int]


def load(chunk: Sequence[tuple[int, str]]) -> list[Pair]:
    """These orders (key, version), in a fixed number of queries."""
    versions = dict(chunk)
    invoices = (
        Invoice.objects.filter(pk__in=versions)
        .select_related("seller")
        .prefetch_related("lines", "ledger_documents__lines", "ledger_documents__taxes")
        .order_by("pk")
    )
    corrections: dict[int, list[Correction]] = {}
    for row in (
        Correction.objects.filter(invoice__in=versions).select_related("closing").order_by("pk")
    ):
        corrections.setdefault(row.invoice_id, []).append(row)
    adjusted = approved(list(versions))
    return [
        _pair(
            invoice, versions[invoice.pk], corrections.get(invoice.pk, []),
            adjusted.get(invoice.pk, {}),
        )
        for invoice in invoices
    ]  # fmt: skip


def approved(invoice_ids: Sequence[int]) -> dict[int, dict[tuple[Kind, str, str], int]]:
    """What was approved for these orders and not taken back, by kind, tax code and account."""
    found: dict[int, dict[tuple[Kind, str, str], int]] = {}
    rows = TaxAdjustment.objects.filter(
        invoice__in=invoice_ids, state=TaxAdjustment.State.APPROVED, journal__reversed_by=None
    ).order_by("pk")
    for row in rows:
        key = (Kind(row.kind), row.tax_code, row.account)
        sums = found.setdefault(row.invoice_id or 0, {})
        sums[key] = sums.get(key, 0) + row.amount_minor
    return found


def _pair(
    invoice: Invoice,
    version: str,
    corrections: Sequence[Correction],
    adjusted: Mapping[tuple[Kind, str, str], int],
) -> Pair:
    documents = sorted(invoice.ledger_documents.all(), key=lambda row: row.pk)
    invoices = [
        d for d in documents
        if d.kind == LedgerDocument.Kind.INVOICE and d.state != LedgerDocument.State.DRAFT
    ]  # fmt: skip
    last = max(invoices, key=lambda d: (d.state in _STANDING, d.dated or date.min, d.pk))
    if last.dated is None:
        raise TypeError(f"{last} is {last.erp_state} and has no date")
    return Pair(
        invoice=invoice,
        version=version,
        sold=_sold(invoice, corrections, documents),
        booked=_booked([d for d in invoices if d.state in _STANDING]),
        day=last.dated,
        document=str(last),
        party=last.party,
        liable=invoice.treatment == "principal",
        adjusted=adjusted,
    )


def _sold(
    invoice: Invoice, corrections: Sequence[Correction], documents: Sequence[LedgerDocument]
) -> Sold:
    currency = invoice.currency
    withdrawn = _withdrawn(corrections)
    lines = sorted(invoice.lines.all(), key=lambda line: line.position)
    postage = sum(to_minor(line.postage, currency) for line in lines)
    postage_tax = sum(to_minor(line.postage_tax, currency) for line in lines)
    left = postage - withdrawn.get(SHIPPING, 0)
    found = []
    for line in lines:
        gross, tax = to_minor(line.total, currency), to_minor(line.tax, currency)
        kept = gross - withdrawn.get(line.marketplacer_id, 0)
        if kept or not gross:
            found.append(
                SoldLine(
                    line.marketplacer_id, line.title or line.sku, kept, _share(tax, kept, gross),
                    line.tax_rate, line.quantity,
                )
            )  # fmt: skip
    return Sold(
        number=invoice.number,
        currency=currency,
        country=invoice.ship_to_country,
        lines=tuple(found),
        postage=left,
        postage_tax=_share(postage_tax, left, postage),
        given=tuple(_given(corrections, documents, currency)),
    )


def _share(tax: int, kept: int, gross: int) -> int:
    """The tax of what is kept of an amount."""
    if kept == gross or not gross:
        return tax
    return int((Decimal(tax) * kept / gross).to_integral_value())


def _withdrawn(corrections: Sequence[Correction]) -> dict[str, int]:
    """What was taken out before it was invoiced, by place: gross, minor units."""
    sums: dict[str, int] = {}
    for row in corrections:
        if not row.withdrawn_minor or row.closing is None:
            continue
        for key, amount in row.closing.payload.get("gross_minor", {}).items():
            place = SHIPPING if key.startswith(f"{SHIPPING}:") else key
            sums[place] = sums.get(place, 0) + int(amount)
    return sums


def _given(
    corrections: Sequence[Correction], documents: Sequence[LedgerDocument], currency: str
) -> list[Given]:
    """Refunds against credit notes; a credit note that no refund asked for stands alone."""
    notes: dict[str, int] = {}
    numbers: dict[str, str] = {}
    for note in documents:
        if note.kind == LedgerDocument.Kind.CREDIT_NOTE and note.state in _STANDING:
            notes[note.key] = notes.get(note.key, 0) - to_minor(note.gross, currency)
            numbers[note.key] = str(note)
    found = []
    for row in corrections:
        if not row.credit_ref:
            continue
        own = to_minor(row.credit_gross or Decimal(), currency)
        wanted = row.amount_minor - row.withdrawn_minor
        found.append(Given(row.key, row.reference, wanted, notes.pop(row.key, own)))
    return found + [
        Given(key, f"Credit note {numbers[key]}, which no refund asked for,", 0, amount)
        for key, amount in sorted(notes.items())
    ]


def _booked(invoices: Sequence[LedgerDocument]) -> Booked:
    lines, taxes = [], []
    for document in invoices:
        for line in sorted(document.lines.all(), key=lambda one: one.pk):
            lines.append(
                BookedLine(
                    document=str(document),
                    key=line.line_key,
                    title=line.description or line.sku,
                    net=to_minor(line.net, document.currency),
                    tax=to_minor(line.tax, document.currency),
                    code=line.tax_code,
                )
            )
        for one in sorted(document.taxes.all(), key=lambda one: one.pk):
            amount = to_minor(one.amount, document.currency)
            taxes.append(BookedTax(one.tax_code, amount, one.account, one.by_hand))
    return Booked(frozenset(d.currency for d in invoices), tuple(lines), tuple(taxes))
