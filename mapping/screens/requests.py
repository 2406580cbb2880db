# mypy: allow-subclassing-any
"""Items that the ERP team is asked to make: a list to send, with its state."""

from typing import ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from mapping import selectors
from mapping.models import NewItemRequest, Seller
from mapping.services import decisions
from mkterp.core.screens import Action, Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, MoneyColumn, StateColumn, TimeColumn

State = NewItemRequest.State
STATES = {
    State.OPEN: Badge("to be sent", "need"),
    State.SENT: Badge("sent", "move"),
    State.MADE: Badge("made", "done"),
    State.WITHDRAWN: Badge("withdrawn", "wait"),
}

SENT = Action(
    "sent",
    "Mark as sent",
    "mapping.confirm_skumapping",
    decisions.requests_sent,
    many="requests",
    condition=lambda request: request.state == State.OPEN,
    unmet="Only what has not been sent yet can be marked as sent.",
    done="Marked as sent: {things}.",
    multi=True,
    icon="send",
)
WITHDRAW = Action(
    "withdraw",
    "Withdraw",
    "mapping.confirm_skumapping",
    decisions.withdraw_request,
    one="request",
    condition=lambda request: request.state in (State.OPEN, State.SENT),
    unmet="Only what is still asked for can be withdrawn.",
    done="Withdrawn: {things}. Its listing is in the unmapped SKUs again.",
    multi=True,
    icon="rotate-ccw",
)


class RequestFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=State.choices, empty_label="any")
    seller = filters.ModelChoiceFilter(
        field_name="listing__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    asked_at = filters.DateFromToRangeFilter(label="Asked")

    class Meta:
        model = NewItemRequest
        fields = ["state"]


class RequestTable(tables.Table):
    listing = LeadColumn(accessor="listing__title", sub="listing__sku", verbose_name="Listing")
    seller = Column(accessor="listing__seller__business_name", narrow="hide")
    brand = Column(accessor="listing__brand", narrow="hide", wide=True)
    label = Column(accessor="listing__label", verbose_name="Size, colour", narrow="hide")
    barcode = Column(accessor="listing__barcode", narrow="hide", mono=True)
    price = MoneyColumn(
        accessor="listing__price", currency=settings.COMPANY_CURRENCY, narrow="hide"
    )
    note = Column(narrow="hide", wide=True)
    asked_by = Column(accessor="asked_by__username", verbose_name="Asked by", narrow="hide")
    asked_at = TimeColumn(verbose_name="Asked")
    item = Column(accessor="item__sku", verbose_name="Made as", narrow="hide", wide=True)
    state = StateColumn(STATES)


class NewItems(ListScreen):
    room = "mapping"
    name, noun = "new-items", "request"
    handbook = "data/items"
    title, icon = "New items to ask for", "package"
    permission = "mapping.view_listing"
    table, filters = RequestTable, RequestFilters
    search_fields = ("listing__sku", "listing__title", "listing__barcode", "note")
    orderings: ClassVar = {"asked_at": ("asked_at", "id")}
    order = "-asked_at"
    views = (
        View("open", "To be sent", {"state": State.OPEN}, count=True),
        View("sent", "Sent", {"state": State.SENT}, count=True),
        View("made", "Made", {"state": State.MADE}),
        View("all", "All"),
    )
    actions = (SENT, WITHDRAW)
    above_template = "mapping/_xlsx.html"
    empty = Empty(
        "No item is asked for",
        "When the ERP has no item for a listing, press n in the unmapped SKUs: it is put on this "
        "list, which you give to the ERP team. mkterp never makes an item by itself.",
        "package",
        "sync:unmapped",
        "Open the unmapped SKUs",
    )

    def rows(self, request: HttpRequest) -> QuerySet[NewItemRequest]:
        return selectors.new_item_requests()

    def row_title(self, row: NewItemRequest) -> str:
        return f"An item for {row.listing}"

    def row_url(self, row: NewItemRequest) -> str:
        return f"{reverse('sync:unmapped')}?listing={row.listing_id}"

    def list_context(self, request: HttpRequest) -> dict[str, str]:
        return {"url": reverse("mapping:new-items-xlsx"), "what": "the requests to be sent"}
