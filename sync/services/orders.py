"""Orders: posted, or parked with every cause, by the registry and the rules of the moment."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Subquery

from mapping import selectors as registry
from mapping.models import Listing, ShippingTaxPolicy, SkuMapping, TaxCodeMapping
from mkterp.core import calendar
from mkterp.core.models import User
from mkterp.core.periods import is_open
from sync import connections
from sync.domain.cases import OF_ORDERS, CaseKind
from sync.domain.documents import FulfilledBy, OrderDraft, Treatment
from sync.domain.marketplace import InvoiceValue
from sync.domain.orders import (
    AS_CHARGED,
    Blocker,
    MappedItem,
    SellerFacts,
    ShippingPolicy,
    ShippingRule,
    Spread,
    TaxRule,
    translate,
)
from sync.marketplacer import parse
from sync.models import (
    ExceptionCase,
    InboxMessage,
    Invoice,
    InvoiceLine,
    LateChoice,
    OutboxMessage,
)
from sync.services import (
    bulk,
    cases,
    feeds,
    frozen,
    mirror,
    outbox,
    refunds,
    stock_orders,
)
from sync.services.cases import Cause
from sync.services.outbox import Parcel

State = Invoice.State
CHUNK = 200


@transaction.atomic
def refresh(*, messages: Sequence[InboxMessage], at: datetime) -> None:
    """Take invoices as Marketplacer told them: mirror each, then post or park it.

    Sets state and note on the messages; the caller saves them.
    """
    decide(invoices=mirror.take(messages=messages, at=at), at=at)


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
            message=posting, reason="The order was decided on again.", at=at
        ):
            _changed_after_posting(invoice, value, posting, resting, at)
            continue
        if resting is not None:
            invoice.state, invoice.posting = resting, None
            _unblock([invoice], at)
            invoice.save(update_fields=["state", "posting"])
        else:
            open_ones.append((invoice, value))
    drafts, blocked = _translate(open_ones)
    _park(blocked, at)
    _queue(drafts, at)
    stock_orders.note(invoice_ids=[invoice.pk for invoice, _ in invoices], at=at)


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
        if invoice.state != State.CANCELLED:
            refunds.cancelled(invoice=invoice, at=at)
        return
    if gross != invoice.gross or lines != {line.marketplacer_id for line in value.lines}:
        what = f"changed to {invoice.gross:.2f} from {gross:.2f}"
    else:
        return  # dispatched, remitted, re-addressed: nothing that the ERP's document holds
    cause = Cause(
        CaseKind.CHANGED_AFTER_POSTING,
        f"changed:{invoice.marketplacer_id}",
        f"{invoice.number} {what} at Marketplacer after it was sent to the ERP.",
        seller=invoice.seller,
    )
    cases.hold(invoice=invoice, case=cases.open_case(cause=cause, at=at))


def _translate(
    invoices: Sequence[tuple[Invoice, InvoiceValue]],
) -> tuple[list[tuple[Invoice, OrderDraft, dict[str, int]]], list[tuple[Invoice, list[Blocker]]]]:
    variants = {line.variant_id for _, value in invoices for line in value.lines}
    too_late = _too_late([invoice for invoice, _ in invoices])
    mappings = registry.mappings_of(variant_ids=variants)
    taxes = registry.tax_rules(countries={invoice.ship_to_country for invoice, _ in invoices})
    policies = registry.shipping_policies(
        countries={invoice.ship_to_country for invoice, _ in invoices}
    )
    sellers = registry.rules_of(marketplacer_ids={value.seller_id for _, value in invoices})
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
            seller=_seller_facts(sellers.get(value.seller_id), invoice.placed_at),
            items={variant: _item(row) for variant, row in in_force.items()},
            taxes=[
                _tax_rule(rule)
                for rule in taxes.get(invoice.ship_to_country, [])
                if registry.covers(rule, invoice.placed_at)
            ],
            arithmetic=connections.erp_capabilities().arithmetic,
            shipping=_shipping(policies.get(invoice.ship_to_country, []), invoice.placed_at),
        )
        if late := too_late.get(invoice.pk):
            found = [] if isinstance(result, OrderDraft) else result
            blocked.append((invoice, [*found, late]))
        elif isinstance(result, OrderDraft):
            items = {variant: row.item_id for variant, row in in_force.items()}
            drafts.append((invoice, result, items))
        else:
            blocked.append((invoice, result))
    return drafts, blocked


def _too_late(invoices: Sequence[Invoice]) -> dict[int, Blocker]:
    """Those placed in a period that we have closed, unless finance decided about them."""
    closed = calendar.closed_spans()
    days = {i.pk: i.placed_at.astimezone(settings.COMPANY_TIME_ZONE).date() for i in invoices}
    late = {pk: day for pk, day in days.items() if not is_open(closed, day)}
    if not late:
        return {}
    decided = set(
        LateChoice.objects.filter(invoice__in=late, choice=LateChoice.Choice.NEXT).values_list(
            "invoice_id", flat=True
        )
    )
    return {
        invoice.pk: Blocker(
            CaseKind.LATE_ORDER,
            f"late:{invoice.marketplacer_id}",
            f"{invoice.number} of {late[invoice.pk]:%d %b %Y} came after its period was closed.",
        )
        for invoice in invoices
        if invoice.pk in late and invoice.pk not in decided
    }


def _item(row: SkuMapping) -> MappedItem:
    return MappedItem(row.item.sku, row.pack_quantity)


def _tax_rule(rule: TaxCodeMapping) -> TaxRule:
    return TaxRule(rule.marketplace_rate, rule.erp_code, rule.erp_rate)


def _shipping(rows: Sequence[ShippingTaxPolicy], at: datetime) -> ShippingPolicy:
    for row in rows:
        if registry.covers(row, at):
            return ShippingPolicy(
                rule=None
                if row.rule == ShippingTaxPolicy.Rule.AS_CHARGED
                else ShippingRule(row.rule),
                spread=Spread(row.spread),
                flat_rate=row.flat_rate,
                bound=row.bound_minor,
            )
    return AS_CHARGED


def _seller_facts(rules: registry.SellerRules | None, at: datetime) -> SellerFacts | None:
    if rules is None:
        return None
    treatment, fulfilled_by = rules.treatment(at), rules.fulfilled_by(at)
    return SellerFacts(
        marketplacer_id=rules.seller.marketplacer_id,
        name=rules.seller.business_name,
        treatment=Treatment(treatment) if treatment else None,
        fulfilled_by=FulfilledBy(fulfilled_by) if fulfilled_by else None,
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
    kinds: dict[tuple[str, str], list[int]] = {}
    for invoice, draft, _ in drafts:
        invoice.posting, invoice.state = living["post_order", draft.key], State.QUEUED
        kinds.setdefault((draft.treatment, draft.fulfilled_by), []).append(invoice.pk)
    posting = outbox.living().filter(operation="post_order", key=OuterRef("marketplacer_id"))
    for (treatment, fulfilled_by), pks in kinds.items():
        Invoice.objects.filter(pk__in=pks).update(
            state=State.QUEUED,
            treatment=treatment,
            fulfilled_by=fulfilled_by,
            posting=Subquery(posting.values("pk")),
        )
    _freeze_items({invoice.pk: items for invoice, _, items in drafts})
    _unblock([invoice for invoice, _, _ in drafts], at)


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
    for invoice, _ in blocked:
        invoice.state, invoice.posting = State.PARKED, None
    _set_cases({i.pk: [opened[b.kind, b.key] for b in found] for i, found in blocked}, at)
    Invoice.objects.filter(pk__in=[invoice.pk for invoice, _ in blocked]).update(
        state=State.PARKED, posting=None
    )
    cases.weigh_first(held_by=opened.values(), at=at)


def _freeze_items(items_of: Mapping[int, Mapping[str, int]]) -> None:
    """Keep on each line the item it was posted as: a refund uses what its order used."""
    lines = InvoiceLine.objects.filter(invoice__in=items_of).order_by("pk")
    bulk.point(
        InvoiceLine,
        "item",
        {
            pk: items_of[invoice].get(variant)
            for pk, invoice, variant in lines.values_list("pk", "invoice_id", "variant_id")
        },
    )


def _unblock(invoices: Sequence[Invoice], at: datetime) -> None:
    """These invoices are blocked by nothing any more."""
    _set_cases({invoice.pk: [] for invoice in invoices}, at)


def _set_cases(causes: Mapping[int, Sequence[ExceptionCase]], at: datetime) -> None:
    """Each invoice (by key) is blocked by exactly these cases; a case that blocks none resolves.

    Cases that wait for a person's own word (a refusal, a difference) are not touched.
    """
    through = Invoice.cases.through
    wanted = {(pk, case.pk) for pk, found in causes.items() for case in found}
    gone = [
        link
        for link in through.objects.filter(
            invoice__in=causes,
            exceptioncase__state=ExceptionCase.State.OPEN,
            exceptioncase__kind__in=OF_ORDERS,
        )
        if (link.invoice_id, link.exceptioncase_id) not in wanted
    ]
    through.objects.filter(pk__in=[link.pk for link in gone]).delete()
    through.objects.bulk_create(
        [through(invoice_id=invoice, exceptioncase_id=case) for invoice, case in sorted(wanted)],
        ignore_conflicts=True,
    )
    idle = ExceptionCase.objects.filter(
        pk__in={link.exceptioncase_id for link in gone}, invoices=None
    )
    for case in idle.select_related("listing").order_by("pk"):
        resolution, by, proof = _why_gone(case, at)
        # Another worker may be parking an order in it this very moment: who has the row sees it.
        locked = ExceptionCase.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
        if not locked.invoices.exists():
            cases.resolve(case=locked, resolution=resolution, at=at, by=by, proof=proof)


def _why_gone(case: ExceptionCase, at: datetime) -> tuple[str, User | None, dict[str, str]]:
    """By whose deed a cause is gone, as far as the registry knows."""
    if case.kind == CaseKind.UNMAPPED_SKU and case.listing is not None:
        mapping = (
            case.listing.mappings.filter(state=SkuMapping.State.CONFIRMED)
            .in_force(at)
            .select_related("item", "made_by")
            .first()  # at most one: skumapping_one_item_at_a_time
        )
        if mapping is not None:
            proof = {"ERP item in force": str(mapping.item)}
            return f"{case.listing} was mapped to {mapping.item}.", mapping.made_by, proof
    return "The orders it blocked no longer meet this cause.", None, {}


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
            Invoice.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__in=pks[start : start + CHUNK])
            .select_related("posting", "seller", "source")
            .order_by("pk")
        )
        pairs = [(invoice, parse.invoice(invoice.source.body)) for invoice in locked]
        mirror.attach_sellers(pairs=pairs)
        decide(invoices=pairs, at=at)
    return len(pks)
