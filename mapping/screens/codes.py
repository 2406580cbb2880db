# mypy: allow-subclassing-any
"""Tax codes and accounts: what the marketplace's words are called in the ERP, and since when."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from mapping import selectors
from mapping.models import AccountMapping, AccountRole, ShippingTaxPolicy, TaxCodeMapping
from mkterp.core.screens import Badge, Empty, ListScreen, View, marks
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn, TimeColumn

SPANS = {
    "in force": Badge("in force", "done"),
    "ended": Badge("ended", "wait"),
    "planned": Badge("planned", "move"),
}


class DatedFilters(filters.FilterSet):
    now = filters.BooleanFilter(method="by_now", label="In force now")

    def by_now(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(span="in force") if value else rows.exclude(span="in force")


class TaxCodeFilters(DatedFilters):
    class Meta:
        model = TaxCodeMapping
        fields = ["country"]


class TaxCodeTable(tables.Table):
    country = LeadColumn(sub="region", verbose_name="Delivered to")
    marketplace_rate = Column(verbose_name="Marketplace rate", css="n")
    origin = Column(verbose_name="Sent from", narrow="hide", wide=True)
    item_class = Column(verbose_name="Item class", narrow="hide", wide=True)
    exemption = Column(narrow="hide", css="c-widest")
    erp_code = Column(verbose_name="ERP tax", mono=True)
    erp_rate = Column(verbose_name="ERP rate", css="n", narrow="hide")
    valid_from = TimeColumn(verbose_name="From", narrow="hide")
    valid_until = TimeColumn(verbose_name="Until", narrow="hide", wide=True)
    set_by = Column(
        accessor="set_by__username", verbose_name="Said by", narrow="hide", css="c-widest"
    )
    reason = Column(verbose_name="Why", narrow="hide", wide=True)
    state = StateColumn(SPANS, accessor="span")


class TaxCodes(ListScreen):
    room = "mapping"
    name, noun = "tax-codes", "tax code"
    handbook = "data/tax"
    title, icon = "Tax codes", "percent"
    permission = "mapping.view_taxcodemapping"
    table, filters = TaxCodeTable, TaxCodeFilters
    search_fields = ("country__istartswith", "erp_code", "item_class", "reason")
    orderings: ClassVar = {
        "country": ("country", "marketplace_rate", "id"),
        "valid_from": ("set_at", "id"),
    }
    order = "country"
    views = (View("now", "In force", {"now": "true"}), View("all", "All that ever were"))
    above_template = "mapping/_tax_tools.html"
    empty = Empty(
        "No tax code is mapped",
        "A marketplace rate in a country means one tax of the ERP. Orders with a rate that nobody "
        "has mapped wait; they are listed with their money under unmapped tax codes.",
        "percent",
        "sync:unmapped-taxes",
        "Open the unmapped tax codes",
    )

    def rows(self, request: HttpRequest) -> QuerySet[TaxCodeMapping]:
        return selectors.tax_code_mappings(at=timezone.now())

    def row_title(self, row: TaxCodeMapping) -> str:
        return str(row)

    def row_url(self, row: TaxCodeMapping) -> str:
        return ""


class ShippingFilters(DatedFilters):
    class Meta:
        model = ShippingTaxPolicy
        fields = ["country"]


class ShippingTable(tables.Table):
    country = LeadColumn(verbose_name="Delivered to")
    rule = Column(accessor="get_rule_display", verbose_name="Shipping is taxed")
    flat_rate = Column(verbose_name="Flat rate", css="n", narrow="hide")
    spread = Column(accessor="get_spread_display", verbose_name="Spread", narrow="hide")
    bound_minor = Column(verbose_name="Bound (cents)", css="n", narrow="hide", wide=True)
    valid_from = TimeColumn(verbose_name="From", narrow="hide")
    valid_until = TimeColumn(verbose_name="Until", narrow="hide", wide=True)
    set_by = Column(accessor="set_by__username", verbose_name="Said by", narrow="hide", wide=True)
    reason = Column(verbose_name="Why", narrow="hide", wide=True)
    state = StateColumn(SPANS, accessor="span")


class ShippingPolicies(ListScreen):
    room = "mapping"
    handbook = "data/tax"
    name, noun, nouns = "shipping-tax", "shipping policy", "shipping policies"
    title, icon = "Tax on shipping", "percent"
    permission = "mapping.view_taxcodemapping"
    table, filters = ShippingTable, ShippingFilters
    search_fields = ("country__istartswith", "reason")
    orderings: ClassVar = {"country": ("country", "id"), "valid_from": ("set_at", "id")}
    order = "country"
    views = (View("now", "In force", {"now": "true"}), View("all", "All that ever were"))
    above_template = "mapping/_shipping_tools.html"
    empty = Empty(
        "Shipping is taxed as it was charged",
        "Without a policy the ERP taxes shipping as the marketplace did. A policy that differs "
        "makes a difference by design: it is shown as tax basis, never as rounding.",
        "percent",
    )

    def rows(self, request: HttpRequest) -> QuerySet[ShippingTaxPolicy]:
        return selectors.shipping_tax_policies(at=timezone.now())

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "rules": ShippingTaxPolicy.Rule.choices,
            "spreads": ShippingTaxPolicy.Spread.choices,
            "may": request.user.has_perm("mapping.change_taxcodemapping"),
        }

    def row_title(self, row: ShippingTaxPolicy) -> str:
        return str(row)

    def row_url(self, row: ShippingTaxPolicy) -> str:
        return ""


class AccountFilters(DatedFilters):
    class Meta:
        model = AccountMapping
        fields = ["event", "role"]


class RoleColumn(LeadColumn):
    """What a role is, in words; its code, as a file names it, after them."""

    def render(self, value: str, record: AccountMapping) -> SafeString:
        words = dict(AccountRole.choices).get(value, value)
        code = value if words != value else ""
        return marks.strong(words[:1].upper() + words[1:], code)


class AccountTable(tables.Table):
    role = RoleColumn(verbose_name="Role")
    event = Column(verbose_name="In the event", narrow="sub")
    erp_account = Column(verbose_name="ERP account", mono=True)
    valid_from = TimeColumn(verbose_name="From", narrow="hide")
    valid_until = TimeColumn(verbose_name="Until", narrow="hide", wide=True)
    set_by = Column(accessor="set_by__username", verbose_name="Said by", narrow="hide", wide=True)
    reason = Column(verbose_name="Why", narrow="hide", wide=True)
    state = StateColumn(SPANS, accessor="span")


class Accounts(ListScreen):
    room = "mapping"
    name, noun = "accounts", "account"
    handbook = "data/tax"
    title, icon = "Accounts", "landmark"
    permission = "mapping.view_taxcodemapping"
    table, filters = AccountTable, AccountFilters
    search_fields = ("role", "event", "erp_account", "reason")
    orderings: ClassVar = {"role": ("role", "event", "id"), "valid_from": ("set_at", "id")}
    order = "role"
    views = (View("now", "In force", {"now": "true"}), View("all", "All that ever were"))
    above_template = "mapping/_account_tools.html"
    empty = Empty(
        "No account is mapped",
        "Each role in an entry, such as customer clearing or commission revenue, is played by one "
        "account of the ERP. An entry whose roles are not all mapped is not booked.",
        "landmark",
    )

    def rows(self, request: HttpRequest) -> QuerySet[AccountMapping]:
        return selectors.account_mappings(at=timezone.now())

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "missing": selectors.roles_without_account(at=timezone.now()),
            "may": request.user.has_perm("mapping.change_taxcodemapping"),
        }

    def row_title(self, row: AccountMapping) -> str:
        return str(row)

    def row_url(self, row: AccountMapping) -> str:
        return ""
