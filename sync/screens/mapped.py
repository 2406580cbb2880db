"""What a mapping, a pair of duplicates and an unmapped tax show, orders included."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.http import HttpRequest

from mapping import selectors as registry
from mapping.models import Decision, DuplicatePair, ErpItem, Listing, SkuMapping
from mkterp.core.models import AuditEntry
from mkterp.core.screens import Badge
from sync.domain.cases import CaseKind
from sync.forms.desk import RemapForm, RetireForm, TaxForm
from sync.models import ErpTaxCode, ExceptionCase, Invoice, InvoiceLine
from sync.screens.candidates import Mark, found, mark
from sync.services import remapping

SHOWN = 12  # orders, listings


@dataclass
class MappedPage:
    """One mapping. `deed` is what was asked for and is shown before it is done."""

    request: HttpRequest
    mapping: SkuMapping
    at: datetime
    refused: str = ""
    deed: str = ""
    reach: remapping.Reach | None = None
    remap: RemapForm = field(init=False)
    retire: RetireForm = field(init=False)

    def __post_init__(self) -> None:
        self.remap = RemapForm(initial={"pack_quantity": self.mapping.pack_quantity})
        self.retire = RetireForm()

    def foresee(self, deed: str, *, moment: datetime | None, correct_earlier: bool) -> None:
        """What would happen to the orders."""
        self.deed = deed
        self.reach = remapping.reach(
            mapping=self.mapping, moment=moment or self.at, correct_earlier=correct_earlier
        )

    @property
    def badge(self) -> Badge:
        meanings = {
            SkuMapping.State.CONFIRMED: Badge("in force", "done"),
            SkuMapping.State.RETIRED: Badge("retired", "wait"),
        }
        state = SkuMapping.State(self.mapping.state)
        return meanings.get(state, Badge("never in force", "wait"))

    @property
    def in_force(self) -> bool:
        return self.mapping.state == SkuMapping.State.CONFIRMED

    @property
    def may_change(self) -> bool:
        return self.in_force and self.request.user.has_perm("mapping.retire_skumapping")

    @cached_property
    def marks(self) -> list[Mark]:
        """The facts of both sides, as compared when they were last looked at."""
        if self.mapping.compared:
            return [mark(one) for one in self.mapping.compared.get("evidence", [])]
        return found(self.mapping.listing, self.mapping.item, 0, 0).marks

    @cached_property
    def conflict(self) -> ExceptionCase | None:
        return ExceptionCase.objects.filter(
            kind=CaseKind.MAPPING_CONFLICT,
            key=f"pair:{self.mapping.pk}",
            state=ExceptionCase.State.OPEN,
        ).first()  # at most one: case_one_open_per_cause

    @cached_property
    def history(self) -> Sequence[SkuMapping]:
        """Every mapping the listing ever had, the newest first."""
        rows = self.mapping.listing.mappings.select_related("item", "made_by", "retired_by")
        return list(rows.order_by("-pk"))

    @cached_property
    def trail(self) -> Sequence[AuditEntry]:
        subjects = [f"mapping.skumapping:{row.pk}" for row in self.history]
        rows = AuditEntry.objects.filter(subject__in=subjects).select_related("by")
        return list(rows.order_by("-pk")[:SHOWN])

    @cached_property
    def decisions(self) -> Sequence[Decision]:
        rows = self.mapping.listing.decisions.select_related("by", "item").order_by("-pk")
        return list(rows[:SHOWN])

    @cached_property
    def siblings(self) -> int:
        """How many other listings are this item now."""
        return registry.listing_count(self.mapping.item) - int(self.in_force)

    @cached_property
    def orders(self) -> Sequence[Invoice]:
        rows = Invoice.objects.filter(
            lines__listing=self.mapping.listing_id, lines__item=self.mapping.item_id
        )
        return list(rows.distinct().order_by("-placed_at", "-pk")[:SHOWN])

    @property
    def currency(self) -> str:
        return str(settings.COMPANY_CURRENCY)


@dataclass
class Side:
    """One of two items, and what hangs on it."""

    name: str  # "left" or "right"
    item: ErpItem
    listings: Sequence[Listing]
    listing_count: int
    stock: Decimal | None
    orders: int
    money: Decimal

    @property
    def options(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in self.item.options.items())


@dataclass
class DuplicatePage:
    request: HttpRequest
    pair: DuplicatePair
    refused: str = ""

    @cached_property
    def sides(self) -> list[Side]:
        return [_side("left", self.pair.left), _side("right", self.pair.right)]

    @property
    def marks(self) -> list[Mark]:
        return [mark(one) for one in self.pair.evidence]

    @cached_property
    def group(self) -> Sequence[DuplicatePair]:
        """The other pairs that hang together with this one."""
        if not self.pair.group:
            return []
        rows = registry.duplicate_pairs().filter(
            group=self.pair.group,
            state__in=[DuplicatePair.State.OPEN, DuplicatePair.State.DUPLICATE],
        )
        return list(rows.exclude(pk=self.pair.pk).order_by("pk")[:SHOWN])

    @cached_property
    def following(self) -> int | None:
        """The next pair that waits for a person."""
        rows = DuplicatePair.objects.filter(state=DuplicatePair.State.OPEN)
        first = rows.exclude(pk=self.pair.pk).order_by("-score", "-pk").first()
        return first.pk if first is not None else None

    @property
    def may_judge(self) -> bool:
        return bool(self.request.user.has_perm("mapping.confirm_skumapping"))

    @property
    def open(self) -> bool:
        return self.pair.state == DuplicatePair.State.OPEN

    @property
    def currency(self) -> str:
        return str(settings.COMPANY_CURRENCY)


def _side(name: str, item: ErpItem) -> Side:
    lines = InvoiceLine.objects.filter(item=item).exclude(
        invoice__state__in=[Invoice.State.CANCELLED, Invoice.State.POSTED]
    )
    found = lines.aggregate(orders=Count("invoice", distinct=True), money=Sum("total"))
    return Side(
        name=name,
        item=item,
        listings=registry.listings_of(item, limit=SHOWN),
        listing_count=registry.listing_count(item),
        stock=item.stock.aggregate(sum=Sum("on_hand"))["sum"],
        orders=found["orders"],
        money=found["money"] or Decimal(0),
    )


def _rate(said: str) -> Decimal | None:
    """The rate in a case's key: some name an order or a line, whose tax fits no rate at all."""
    try:
        return Decimal(said)
    except InvalidOperation:
        return None


@dataclass
class TaxPage:
    request: HttpRequest
    form: TaxForm = field(default_factory=TaxForm)
    refused: str = ""

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Unmapped rates, the most money first; `rate` is None where an order's tax fits none."""
        cases = (
            ExceptionCase.objects.filter(
                kind=CaseKind.UNMAPPED_TAX_CODE, state=ExceptionCase.State.OPEN
            )
            .annotate(
                orders=Count("invoices", filter=Q(invoices__state=Invoice.State.PARKED)),
                money=Sum("invoices__gross", filter=Q(invoices__state=Invoice.State.PARKED)),
            )
            .order_by("-money", "pk")
        )
        rows = []
        for case in cases:
            country, rate = case.key.split(":")[1:3]
            rows.append({"case": case, "country": country, "rate": _rate(rate)})
        return rows

    def waiting(self, country: str, rate: Decimal) -> int:
        """How many orders wait for this rate in this country."""
        wanted = [
            row["case"].pk
            for row in TaxPage(self.request).rows
            if row["country"] == country and row["rate"] == rate
        ]
        parked = Invoice.objects.filter(cases__in=wanted, state=Invoice.State.PARKED)
        return parked.distinct().count()

    @property
    def codes(self) -> list[tuple[str, Decimal]]:
        """The ERP's tax codes and their rates, to choose from."""
        rows = ErpTaxCode.objects.filter(gone_at=None).order_by("code")
        return list(rows.values_list("code", "rate"))

    @property
    def may_map(self) -> bool:
        return bool(self.request.user.has_perm("mapping.change_taxcodemapping"))

    @property
    def currency(self) -> str:
        return str(settings.COMPANY_CURRENCY)
