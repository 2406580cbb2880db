"""The mirror of Marketplacer's orders: what each invoice says, in its newest version."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from mapping.models import Listing, Seller
from mapping.services import catalogue
from mkterp.core.money import from_minor
from sync.domain.cases import CaseKind
from sync.domain.marketplace import InvoiceLineValue, InvoiceValue
from sync.marketplacer import parse
from sync.models import ExceptionCase, InboxMessage, Invoice, InvoiceLine, Order
from sync.services import bulk, cases
from sync.services.cases import Cause

State = Invoice.State


@transaction.atomic
def take(*, messages: Sequence[InboxMessage], at: datetime) -> list[tuple[Invoice, InvoiceValue]]:
    """Mirror invoices as Marketplacer told them; returns those whose content or status is news.

    Sets state and note on the messages; the caller saves them. The newest version of an invoice
    wins, whatever order the messages come in; an older one changes nothing and says so. Of two
    within the same second the one that was read later is the newer. What is returned is locked.
    """
    newest: dict[str, tuple[InboxMessage, InvoiceValue]] = {}
    for message in messages:
        message.state, message.note, message.processed_at = InboxMessage.State.DONE, "", at
        try:
            value = parse.invoice(message.body)
        except parse.Unreadable as problem:
            _unreadable(message, str(problem), at)
            continue
        known = newest.get(value.marketplacer_id)
        if known is not None and known[1].updated_at > value.updated_at:
            _ignore(message, "a newer version came with it")
            continue
        if known is not None:
            _ignore(known[0], "a newer version came with it")
        newest[value.marketplacer_id] = (message, value)
    return _write(newest, at) if newest else []


def _ignore(message: InboxMessage, note: str) -> None:
    message.state, message.note = InboxMessage.State.IGNORED, note


def _unreadable(message: InboxMessage, problem: str, at: datetime) -> None:
    message.state, message.note = InboxMessage.State.UNREADABLE, problem
    cause = Cause(
        CaseKind.UNREADABLE_MESSAGE,
        f"node:{message.node_id}",
        f"Marketplacer sent an invoice that cannot be read: {problem}",
    )
    cases.open_case(cause=cause, at=at)


def _write(
    newest: Mapping[str, tuple[InboxMessage, InvoiceValue]], at: datetime
) -> list[tuple[Invoice, InvoiceValue]]:
    """Write the mirrors; returns the invoices whose content or status is news, locked."""
    values = [value for _, value in newest.values()]
    _ensure_catalogue(values, at)
    _resolve_unreadable(newest, at)
    orders = _orders(values)
    sellers = Seller.objects.in_bulk({v.seller_id for v in values}, field_name="marketplacer_id")
    held = {
        invoice.marketplacer_id: invoice
        for invoice in Invoice.objects.select_for_update(no_key=True, of=("self",))
        .filter(marketplacer_id__in=newest)
        .select_related("posting")
        .order_by("pk")
    }
    new: list[tuple[Invoice, InvoiceValue]] = []
    changed: list[tuple[Invoice, InvoiceValue]] = []
    for marketplacer_id in sorted(newest):
        message, value = newest[marketplacer_id]
        invoice = held.get(marketplacer_id)
        if invoice is not None and (invoice.changed_at, invoice.source_id or 0) > (
            value.updated_at,
            message.pk,
        ):
            _ignore(message, f"older than what we hold ({invoice.changed_at:%Y-%m-%d %H:%M:%S})")
            continue
        digest = _content_hash(value)
        flags = sorted(value.status_flags)
        if invoice is not None and (invoice.content_hash, invoice.status_flags) == (digest, flags):
            # Our own external id, or a re-read: the version moves on, the content does not.
            invoice.changed_at = value.updated_at
            invoice.save(update_fields=["changed_at"])
            message.note = "nothing in it that concerns us changed"
            continue
        is_new = invoice is None
        invoice = invoice or Invoice(marketplacer_id=marketplacer_id, state=State.WAITING)
        _fill(invoice, value, orders[value.order.marketplacer_id], sellers.get(value.seller_id))
        invoice.content_hash, invoice.source, invoice.status_flags = digest, message, flags
        (new if is_new else changed).append((invoice, value))
    bulk.insert([invoice for invoice, _ in new])
    Invoice.objects.bulk_update([invoice for invoice, _ in changed], _FILLED)
    _write_lines([*new, *changed], replace=[invoice for invoice, _ in changed])
    return [*new, *changed]


_FILLED = [
    "seller",
    "seller_name",
    "delivery_type",
    "status_flags",
    "placed_at",
    "paid_at",
    "changed_at",
    "gross",
    "tax",
    "ship_to_country",
    "content_hash",
    "source",
]


def _fill(invoice: Invoice, value: InvoiceValue, order: Order, seller: Seller | None) -> None:
    currency = settings.COMPANY_CURRENCY
    tax = sum(line.tax_minor + line.postage_tax_minor for line in value.lines)
    invoice.legacy_id = value.legacy_id
    invoice.order = order
    invoice.seller = seller
    invoice.seller_name = value.seller_name
    invoice.delivery_type = value.delivery_type
    invoice.placed_at = value.created_at
    invoice.paid_at = value.paid_at
    invoice.changed_at = value.updated_at
    invoice.currency = currency
    invoice.gross = from_minor(value.total_minor, currency)
    invoice.tax = from_minor(tax, currency)
    invoice.ship_to_country = value.shipping_address.country if value.shipping_address else ""


def _ensure_catalogue(values: Sequence[InvoiceValue], at: datetime) -> None:
    """Orders may name a listing before the catalogue feed has brought it."""
    catalogue.ensure_listings(
        listings=[
            catalogue.ListingFacts(
                marketplacer_id=line.variant_id,
                legacy_id=None,
                seller_id=value.seller_id,
                advert_id="",
                sku=line.sku,
                barcode=line.barcode,
                title=line.title,
                brand=line.brand,
                label=line.variant_name,
                price=None,
                count_on_hand=None,
                published=True,
                deleted=False,
                changed_at=None,
            )
            for value in values
            for line in value.lines
            if line.variant_id
        ],
        at=at,
    )


def _resolve_unreadable(newest: Iterable[str], at: datetime) -> None:
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.UNREADABLE_MESSAGE,
        key__in=[f"node:{node_id}" for node_id in newest],
        state=ExceptionCase.State.OPEN,
    ):
        cases.resolve(case=case, resolution="A later version could be read.", at=at)


def _orders(values: Sequence[InvoiceValue]) -> dict[str, Order]:
    wanted = {value.order.marketplacer_id: value.order for value in values}
    bulk.insert(
        [Order(marketplacer_id=key, legacy_id=wanted[key].legacy_id) for key in sorted(wanted)],
        ignore_conflicts=True,
    )
    found = Order.objects.filter(marketplacer_id__in=wanted)
    return {order.marketplacer_id: order for order in found}


def _content_hash(value: InvoiceValue) -> str:
    """A digest of all that matters for the document: lines, money, parties, payment.

    Not the version, the status flags (compared apart) or external ids: the last are our own echo.
    """
    facts = replace(
        value, updated_at=value.created_at, status_flags=frozenset[str](), external_ids={}
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _write_lines(
    invoices: Sequence[tuple[Invoice, InvoiceValue]], *, replace: Sequence[Invoice]
) -> None:
    before = InvoiceLine.objects.filter(invoice__in=replace)
    # What a line was posted as outlives its rewriting: corrections and remapping go by it.
    posted_as = {
        (invoice, line, variant): item
        for invoice, line, variant, item in before.values_list(
            "invoice_id", "marketplacer_id", "variant_id", "item_id"
        )
    }
    before.delete()
    variants = {line.variant_id for _, value in invoices for line in value.lines}
    listings = dict(
        Listing.objects.filter(marketplacer_id__in=variants).values_list("marketplacer_id", "pk")
    )
    bulk.insert(
        [
            _line(
                invoice,
                position,
                line,
                listing_pk=listings.get(line.variant_id),
                item_pk=posted_as.get((invoice.pk, line.marketplacer_id, line.variant_id)),
            )
            for invoice, value in invoices
            for position, line in enumerate(value.lines, start=1)
        ]
    )


def _line(
    invoice: Invoice,
    position: int,
    line: InvoiceLineValue,
    *,
    listing_pk: int | None,
    item_pk: int | None,
) -> InvoiceLine:
    def money(minor: int) -> Decimal:
        return from_minor(minor, invoice.currency)

    return InvoiceLine(
        invoice=invoice,
        marketplacer_id=line.marketplacer_id,
        position=position,
        variant_id=line.variant_id,
        listing_id=listing_pk,
        item_id=item_pk,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        total=money(line.total_minor),
        tax=money(line.tax_minor),
        tax_rate=line.tax_rate,
        postage=money(line.postage_minor),
        postage_tax=money(line.postage_tax_minor),
        commission=money(line.commission_minor),
    )


@transaction.atomic
def attach_sellers(*, pairs: Sequence[tuple[Invoice, InvoiceValue]]) -> None:
    """A seller that was unknown when the invoice came may have been read since."""
    lone = [(invoice, value) for invoice, value in pairs if invoice.seller_id is None]
    known = Seller.objects.in_bulk({v.seller_id for _, v in lone}, field_name="marketplacer_id")
    for invoice, value in lone:
        if value.seller_id in known:
            invoice.seller = known[value.seller_id]
            invoice.save(update_fields=["seller"])
            _ensure_catalogue([value], invoice.changed_at)
            _write_lines([(invoice, value)], replace=[invoice])
