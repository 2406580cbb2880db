# mypy: allow-subclassing-any
"""Orders: one line for each invoice of Marketplacer, which is what becomes one ERP document."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from mapping.models import ErpItem, Seller
from mkterp.core.models import User
from mkterp.core.screens import Action, Badge, Empty, View, words
from mkterp.core.screens.columns import AgeColumn, Column, MoneyColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from sync import selectors
from sync.models import ErpDocument, ExceptionCase, Invoice, InvoiceLine, OutboxMessage
from sync.screens import badges
from sync.screens.base import SyncScreen
from sync.services import outbox

State = Invoice.State
DELIVERY_TYPES = [
    ("BUY_ONLINE", "delivery"),
    ("CLICK_AND_COLLECT", "click and collect"),
    ("NO_DISPATCH", "nothing to dispatch"),
]
LONGEST_NUMBER = 18  # digits that fit a database integer


class OrderFilters(filters.FilterSet):
    state = AnyOf(choices=State.choices)
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")
    placed_at = filters.DateFromToRangeFilter(label="Placed")
    delivery_type = filters.ChoiceFilter(
        choices=DELIVERY_TYPES, empty_label="any", label="Delivery"
    )
    case = filters.NumberFilter(field_name="cases", label="Exception EX-")
    unbooked = filters.BooleanFilter(method="by_unbooked", label="Accepted, not in the ledger yet")

    class Meta:
        model = Invoice
        fields = ["state", "seller", "placed_at", "delivery_type"]

    def by_unbooked(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        ones = selectors.unbooked()
        return rows.filter(ones) if value else rows.exclude(ones)


class OrderTable(tables.Table):
    number = Column(verbose_name="Order", narrow="lead", css="nw")
    order = Column(
        accessor="order__legacy_id", verbose_name="Marketplacer", narrow="hide", wide=True
    )
    seller = Column(accessor="seller_name", narrow="sub", css="sub-ink")
    waits_for = Column(
        default="", verbose_name="Waits for", narrow="hide", css="c-lead sub-ink", wide=True
    )
    placed_at = AgeColumn(verbose_name="Placed")
    gross = MoneyColumn(verbose_name="Total")
    erp_number = Column(
        accessor="erp_document__number", verbose_name="ERP number", narrow="hide", wide=True
    )
    state = StateColumn(badges.ORDER)


def retry_posting(*, order: Invoice, by: User, at: datetime) -> OutboxMessage:
    """Send a refused order to the ERP again. Refused as `outbox.retry` refuses."""
    posting = order.posting
    if posting is None:
        raise TypeError(f"{order} was refused without having been sent")
    return outbox.retry(message=posting, by=by, at=at)


def is_refused(order: Invoice) -> bool:
    return order.posting is not None and order.posting.state == OutboxMessage.State.FAILED


RETRY = Action(
    "retry",
    "Retry",
    "sync.retry_outboxmessage",
    retry_posting,
    one="order",
    condition=is_refused,
    unmet="Only an order that the ERP refused is sent again.",
    done="{things} sent again. The answer shows here within seconds.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)


class Orders(SyncScreen):
    name, noun = "orders", "order"
    handbook = "data/orders"
    title, icon = "Orders", "shopping-bag"
    permission = "sync.view_invoice"
    table, filters = OrderTable, OrderFilters
    searches = True
    lead = "number"
    orderings: ClassVar = {
        "placed_at": ("placed_at", "id"),
        "number": ("legacy_id", "id"),
        "gross": ("gross", "id"),
    }
    order = "-placed_at"
    views = (
        View("all", "All"),
        View("parked", "Parked", {"state": State.PARKED}, count=True),
        View("moving", "On its way", {"state": [State.QUEUED, State.WAITING]}, count=True),
        View("posted", "Posted", {"state": State.POSTED}),
        View("refused", "Refused", {"state": State.FAILED}, count=True),
        View("cancelled", "Cancelled", {"state": State.CANCELLED}),
    )
    actions = (RETRY,)
    empty = Empty(
        "No orders yet",
        "Paid orders of the marketplace appear here within a minute, each with everything that "
        "happened to it on its way into the ERP.",
        "shopping-bag",
        "health",
        "Look at the feeds",
    )
    panel_template = "sync/_order_panel.html"
    detail_template = "sync/order_detail.html"

    def rows(self, request: HttpRequest) -> QuerySet[Invoice]:
        cause = ExceptionCase.objects.filter(
            invoices=OuterRef("pk"), state=ExceptionCase.State.OPEN
        ).order_by("pk")
        return (
            selectors.orders()
            .select_related("posting")
            .defer("posting__payload", "posting__answer")
            .annotate(waits_for=Subquery(cause.values("cause")[:1]))
        )

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Every word is one of the three sides' numbers, a SKU, or part of a seller's name."""
        for word in text.split():
            rows = rows.filter(_meant_by(word))
        return rows

    def row_badge(self, row: Invoice) -> Badge:
        return badges.ORDER[State(row.state)]

    def moving(self, row: Invoice) -> bool:
        if row.state == State.QUEUED:
            return True
        # Refused once, and sent again by a person.
        return row.state == State.FAILED and not is_refused(row)

    def weigh(self, request: HttpRequest, action: Action, rows: Any) -> str:
        money = sum((row.gross for row in rows), Decimal(0))
        return words.money_text(money, settings.COMPANY_CURRENCY)

    def panel_context(self, request: HttpRequest, row: Invoice) -> dict[str, Any]:
        return {
            "delivery": dict(DELIVERY_TYPES).get(row.delivery_type, row.delivery_type.lower()),
            "causes": list(selectors.causes_of(row)),
            "lines": list(selectors.lines_of(row)),
            "events": [drawn(event) for event in selectors.story(row)],
        }

    def detail_context(self, request: HttpRequest, row: Invoice) -> dict[str, Any]:
        context = self.panel_context(request, row)
        may_read = request.user.has_perm("sync.view_rawpayload")
        versions = [
            {"message": message, "text": pretty(message.body)}
            for message in (selectors.heard_of(row) if may_read else [])
        ]
        return {**context, **taxes(row, context["lines"]), "versions": versions}


def drawn(event: selectors.Event) -> dict[str, Any]:
    """A timeline's event with its colour and glyph."""
    meaning, glyph = badges.EVENTS[event.state]
    return {"event": event, "meaning": meaning, "glyph": glyph}


def pretty(body: Any) -> str:
    """JSON for people."""
    return json.dumps(body, indent=2, ensure_ascii=False)


def taxes(order: Invoice, lines: list[InvoiceLine]) -> dict[str, Any]:
    """Marketplacer's tax beside ours: by line, for postage and rounding, and in all."""
    ours = selectors.posted_tax(order)
    shipping = [tax for key, tax in ours.items() if key.startswith("shipping:")]
    total = ours.get("")
    return {
        "lines_taxed": [{"line": line, "ours": ours.get(line.marketplacer_id)} for line in lines],
        "postage": sum((line.postage for line in lines), Decimal(0)),
        "postage_tax": sum((line.postage_tax for line in lines), Decimal(0)),
        "ours_postage_tax": sum(shipping, Decimal(0)) if ours else None,
        "ours_total": total,
        "tax_difference": total - order.tax if total is not None else None,
    }


def _meant_by(word: str) -> Q:
    """The invoices one word of a search means.

    A union and not an OR: each part is one look-up in an index, however many orders there are.
    """
    spellings = [word, word.upper()]
    in_erp = ErpDocument.objects.order_by().values("invoice")
    lines = InvoiceLine.objects.order_by().values("invoice")
    items = ErpItem.objects.filter(sku__in=spellings)
    sellers = Seller.objects.filter(business_name__icontains=word)
    parts = [
        lines.filter(sku__in=spellings),
        lines.filter(item__in=items.values("pk")),
        in_erp.filter(number__in=spellings),
        in_erp.filter(invoice_number__in=spellings),
        Invoice.objects.order_by().filter(seller__in=sellers.values("pk")).values("pk"),
    ]
    digits = word.upper().removeprefix("INV-").removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER:
        invoices = Invoice.objects.order_by().values("pk")
        parts.append(invoices.filter(legacy_id=int(digits)))
        parts.append(invoices.filter(order__legacy_id=int(digits)))
    return Q(pk__in=parts[0].union(*parts[1:]))


ORDERS = Orders()
