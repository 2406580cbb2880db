"""Orders: mirrored from what the inbox holds, then posted, or parked with every cause."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from mapping import selectors as registry
from mapping.models import Listing, Seller, SkuMapping, TaxCodeMapping
from mapping.services import catalogue
from mkterp.core.money import from_minor
from sync.domain.cases import KINDS, CaseKind
from sync.domain.documents import FulfilledBy, OrderDraft, Treatment
from sync.domain.marketplace import InvoiceLineValue, InvoiceValue
from sync.domain.orders import Blocker, MappedItem, SellerFacts, TaxRule, translate
from sync.marketplacer import parse
from sync.models import ExceptionCase, InboxMessage, Invoice, InvoiceLine, Order, OutboxMessage
from sync.services import cases, feeds, frozen, outbox
from sync.services.cases import Cause
from sync.services.outbox import Parcel

State = Invoice.State
CHUNK = 200


@transaction.atomic
def refresh(*, messages: Sequence[InboxMessage], at: datetime) -> None:
    """Take invoices as Marketplacer told them: mirror each, then post or park it.

    Sets state and note on the messages; the caller saves them. The newest version of an invoice
    wins, whatever order the messages come in; an older one changes nothing and says so.
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
        if known is not None and known[1].updated_at >= value.updated_at:
            _ignore(message, "a newer version came with it")
            continue
        if known is not None:
            _ignore(known[0], "a newer version came with it")
        newest[value.marketplacer_id] = (message, value)
    if newest:
        decide(invoices=_mirror(newest, at), at=at)


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


def _mirror(
    newest: Mapping[str, tuple[InboxMessage, InvoiceValue]], at: datetime
) -> list[tuple[Invoice, InvoiceValue]]:
    """Write the mirrors; returns the invoices whose content or status is news, locked."""
    values = [value for _, value in newest.values()]
    _ensure_catalogue(values, at)
    _resolve_unreadable(newest, at)
    orders = _orders(values)
    sellers = dict(
        Seller.objects.filter(marketplacer_id__in={v.seller_id for v in values}).values_list(
            "marketplacer_id", "pk"
        )
    )
    held = {
        invoice.marketplacer_id: invoice
        for invoice in Invoice.objects.select_for_update(of=("self",))
        .filter(marketplacer_id__in=newest)
        .select_related("posting")
        .order_by("pk")
    }
    new, changed = [], []
    for marketplacer_id in sorted(newest):
        message, value = newest[marketplacer_id]
        invoice = held.get(marketplacer_id)
        if invoice is not None and invoice.changed_at > value.updated_at:
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
    Invoice.objects.bulk_create([invoice for invoice, _ in new])
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


def _fill(invoice: Invoice, value: InvoiceValue, order: Order, seller_pk: int | None) -> None:
    currency = settings.COMPANY_CURRENCY
    tax = sum(line.tax_minor + line.postage_tax_minor for line in value.lines)
    invoice.legacy_id = value.legacy_id
    invoice.order = order
    invoice.seller_id = seller_pk
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
    Order.objects.bulk_create(
        [Order(marketplacer_id=key, legacy_id=wanted[key].legacy_id) for key in sorted(wanted)],
        ignore_conflicts=True,
    )
    found = Order.objects.filter(marketplacer_id__in=wanted)
    return {order.marketplacer_id: order for order in found}


def _content_hash(value: InvoiceValue) -> str:
    """A digest of all that matters for the document: lines, money, parties, payment.

    Not the version, the status flags (compared apart) or external ids: the last are our own echo.
    """
    facts = asdict(value)
    for volatile in ("updated_at", "status_flags", "external_ids"):
        facts.pop(volatile)
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()


def _write_lines(
    invoices: Sequence[tuple[Invoice, InvoiceValue]], *, replace: Sequence[Invoice]
) -> None:
    InvoiceLine.objects.filter(invoice__in=replace).delete()
    variants = {line.variant_id for _, value in invoices for line in value.lines}
    listings = dict(
        Listing.objects.filter(marketplacer_id__in=variants).values_list("marketplacer_id", "pk")
    )
    InvoiceLine.objects.bulk_create(
        [
            _line(invoice, position, line, listings.get(line.variant_id))
            for invoice, value in invoices
            for position, line in enumerate(value.lines, start=1)
        ]
    )


def _line(
    invoice: Invoice, position: int, line: InvoiceLineValue, listing_pk: int | None
) -> InvoiceLine:
    def money(minor: int) -> Decimal:
        return from_minor(minor, invoice.currency)

    return InvoiceLine(
        invoice=invoice,
        marketplacer_id=line.marketplacer_id,
        position=position,
        variant_id=line.variant_id,
        listing_id=listing_pk,
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


# -- decide: post or park -----------------------------------------------------------------------


@transaction.atomic
def decide(*, invoices: Sequence[tuple[Invoice, InvoiceValue]], at: datetime) -> None:
    """Post, park or leave each invoice, by the registry and the rules in force.

    A second run with nothing changed changes nothing. An invoice that the ERP may already hold is
    never posted again: what changed since is a case.
    """
    open_ones: list[tuple[Invoice, InvoiceValue]] = []
    ready = feeds.catalogue_read()
    for invoice, value in invoices:
        resting = _resting_state(value) or (None if ready else State.WAITING)
        posting = invoice.posting
        if posting is not None and not outbox.withdraw(
            message=posting, reason="Marketplacer changed the order.", at=at
        ):
            _changed_after_posting(invoice, value, posting, resting, at)
            continue
        if resting is not None:
            invoice.state, invoice.posting = resting, None
            _set_cases(invoice, [], at)
            invoice.save(update_fields=["state", "posting"])
        else:
            open_ones.append((invoice, value))
    drafts, blocked = _translate(open_ones)
    _park(blocked, at)
    _queue(drafts, at)


def _resting_state(value: InvoiceValue) -> Invoice.State | None:
    """The state of an invoice that is not to be posted now, or None when it is."""
    if value.created_at < settings.GO_LIVE_AT:
        return State.HISTORIC
    if "CANCELLED" in value.status_flags:
        return State.CANCELLED
    if value.paid_at is None or "PAYMENT_UNDER_REVIEW" in value.status_flags:
        return State.WAITING
    return None


def _changed_after_posting(
    invoice: Invoice,
    value: InvoiceValue,
    posting: OutboxMessage,
    resting: Invoice.State | None,
    at: datetime,
) -> None:
    gross = Decimal(posting.payload["gross"])
    lines = {line["key"] for line in posting.payload["lines"] if line["kind"] == "goods"}
    if resting == State.CANCELLED:
        what = "was cancelled"
    elif gross != invoice.gross or lines != {line.marketplacer_id for line in value.lines}:
        what = f"changed to {invoice.gross:.2f} from {gross:.2f}"
    else:
        return  # dispatched, remitted, re-addressed: nothing that the ERP's document holds
    cause = Cause(
        CaseKind.CHANGED_AFTER_POSTING,
        f"changed:{invoice.marketplacer_id}",
        f"{invoice.number} {what} at Marketplacer after it was sent to the ERP.",
        seller=invoice.seller,
    )
    invoice.cases.add(cases.open_case(cause=cause, at=at))


def _translate(
    invoices: Sequence[tuple[Invoice, InvoiceValue]],
) -> tuple[list[tuple[Invoice, OrderDraft, dict[str, int]]], list[tuple[Invoice, list[Blocker]]]]:
    variants = {line.variant_id for _, value in invoices for line in value.lines}
    mappings = registry.mappings_of(variant_ids=variants)
    taxes = registry.tax_rules(countries={invoice.ship_to_country for invoice, _ in invoices})
    drafts, blocked = [], []
    for invoice, value in invoices:
        in_force = {
            variant: row
            for variant in {line.variant_id for line in value.lines}
            for row in mappings.get(variant, [])
            if registry.covers(row, invoice.placed_at)
        }
        result = translate(
            value,
            currency=invoice.currency,
            seller=_seller_facts(invoice, value),
            items={variant: _item(row) for variant, row in in_force.items()},
            taxes=[
                _tax_rule(rule)
                for rule in taxes.get(invoice.ship_to_country, [])
                if registry.covers(rule, invoice.placed_at)
            ],
        )
        if isinstance(result, OrderDraft):
            items = {variant: row.item_id for variant, row in in_force.items()}
            drafts.append((invoice, result, items))
        else:
            blocked.append((invoice, result))
    return drafts, blocked


def _item(row: SkuMapping) -> MappedItem:
    return MappedItem(row.item.sku, row.pack_quantity)


def _tax_rule(rule: TaxCodeMapping) -> TaxRule:
    return TaxRule(rule.marketplace_rate, rule.erp_code, rule.erp_rate)


def _seller_facts(invoice: Invoice, value: InvoiceValue) -> SellerFacts | None:
    sellers = registry.sellers_with_rules(marketplacer_ids=[value.seller_id], at=invoice.placed_at)
    seller = sellers.get(value.seller_id)
    if seller is None:
        return None
    return SellerFacts(
        marketplacer_id=seller.marketplacer_id,
        name=seller.business_name,
        treatment=Treatment(seller.treatment) if seller.treatment else None,
        fulfilled_by=FulfilledBy(seller.fulfilled_by) if seller.fulfilled_by else None,
    )


def _queue(drafts: Sequence[tuple[Invoice, OrderDraft, dict[str, int]]], at: datetime) -> None:
    if not drafts:
        return
    living = outbox.enqueue(
        parcels=[
            Parcel(
                lane=OutboxMessage.Lane.ERP,
                operation="post_order",
                key=draft.key,
                stream=f"order:{draft.key}",
                reference=draft.reference,
                payload=frozen.freeze(draft),
            )
            for _, draft, _ in drafts
        ],
        at=at,
    )
    for invoice, draft, items in drafts:
        invoice.posting = living["post_order", draft.key]
        invoice.state = State.QUEUED
        invoice.treatment, invoice.fulfilled_by = draft.treatment, draft.fulfilled_by
        for line in invoice.lines.exclude(variant_id=""):
            line.item_id = items[line.variant_id]
            line.save(update_fields=["item"])
        _set_cases(invoice, [], at)
    Invoice.objects.bulk_update(
        [invoice for invoice, _, _ in drafts], ["posting", "state", "treatment", "fulfilled_by"]
    )


def _park(blocked: Sequence[tuple[Invoice, list[Blocker]]], at: datetime) -> None:
    if not blocked:
        return
    variants = {blocker.variant_id for _, found in blocked for blocker in found}
    listings = Listing.objects.in_bulk(variants - {""}, field_name="marketplacer_id")
    opened = cases.open_cases(
        causes=[
            Cause(
                blocker.kind,
                blocker.key,
                blocker.cause,
                listing=listings.get(blocker.variant_id),
                seller=invoice.seller,
            )
            for invoice, found in blocked
            for blocker in found
        ],
        at=at,
    )
    for invoice, found in blocked:
        invoice.state, invoice.posting = State.PARKED, None
        _set_cases(invoice, [opened[blocker.kind, blocker.key] for blocker in found], at)
    Invoice.objects.bulk_update([invoice for invoice, _ in blocked], ["state", "posting"])


def _set_cases(invoice: Invoice, causes: Sequence[ExceptionCase], at: datetime) -> None:
    """The invoice is blocked by exactly these cases; a case that blocks nothing more resolves."""
    wanted = {cause.pk for cause in causes}
    left = [
        case
        for case in invoice.cases.filter(state=ExceptionCase.State.OPEN).exclude(pk__in=wanted)
        if KINDS[CaseKind(case.kind)].resolves_itself
    ]
    invoice.cases.remove(*left)
    invoice.cases.add(*causes)
    for case in left:
        if not case.invoices.exists():
            cases.resolve(case=case, resolution="Its cause is gone.", at=at)


@transaction.atomic
def recheck(*, keys: Iterable[tuple[CaseKind, str]], at: datetime) -> int:
    """Decide again on every parked invoice that one of these causes blocks; returns how many."""
    open_cases = ExceptionCase.objects.filter(state=ExceptionCase.State.OPEN)
    wanted = [
        pk
        for kind, key in keys
        for pk in open_cases.filter(kind=kind, key=key).values_list("pk", flat=True)
    ]
    return recheck_cases(case_pks=wanted, at=at)


@transaction.atomic
def recheck_cases(*, case_pks: Sequence[int], at: datetime) -> int:
    """Decide again on the parked invoices that these cases block; returns how many."""
    parked = Invoice.objects.filter(cases__in=case_pks, state=State.PARKED)
    return decide_again(pks=sorted(set(parked.values_list("pk", flat=True))), at=at)


@transaction.atomic
def recheck_waiting(*, at: datetime, limit: int = 1000) -> int:
    """Decide on paid invoices that waited for the first read of the catalogue; returns how many."""
    if not feeds.catalogue_read():
        return 0
    waiting = Invoice.objects.filter(state=State.WAITING, paid_at__isnull=False).exclude(
        status_flags__contains=["PAYMENT_UNDER_REVIEW"]
    )
    return decide_again(
        pks=list(waiting.order_by("pk").values_list("pk", flat=True)[:limit]), at=at
    )


@transaction.atomic
def decide_again(*, pks: Sequence[int], at: datetime) -> int:
    """Decide on these invoices by the registry of this moment; returns how many they are."""
    for start in range(0, len(pks), CHUNK):
        locked = (
            Invoice.objects.select_for_update(of=("self",))
            .filter(pk__in=pks[start : start + CHUNK])
            .select_related("posting", "seller", "source")
            .order_by("pk")
        )
        pairs = [(invoice, parse.invoice(invoice.source.body)) for invoice in locked]
        _attach_sellers(pairs)
        decide(invoices=pairs, at=at)
    return len(pks)


def _attach_sellers(pairs: Sequence[tuple[Invoice, InvoiceValue]]) -> None:
    """A seller that was unknown when the invoice came may have been read since."""
    lone = [(invoice, value) for invoice, value in pairs if invoice.seller_id is None]
    known = Seller.objects.in_bulk({v.seller_id for _, v in lone}, field_name="marketplacer_id")
    for invoice, value in lone:
        if value.seller_id in known:
            invoice.seller = known[value.seller_id]
            invoice.save(update_fields=["seller"])
            _ensure_catalogue([value], invoice.changed_at)
            _write_lines([(invoice, value)], replace=[invoice])
