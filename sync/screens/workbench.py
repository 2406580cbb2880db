"""The workbench: unmapped listings by the money they hold up, and the items they may be."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from mapping import selectors as registry
from mapping.domain.text import search_text
from mapping.models import ErpItem, Listing, SkuMapping
from mkterp.core.screens import words
from sync import selectors
from sync.forms import DeskForm
from sync.selectors import Unmapped
from sync.services.workbench import Released

FIRST, STEP, MOST = 50, 100, 450  # queue entries drawn
WORDS_SHOWN = 8
PUNCTUATION = ".,;:/()[]'\"&+"


@dataclass(frozen=True)
class Candidate:
    """An ERP item that the open listing may be, and what speaks for it."""

    number: int  # the key that approves it; 0: none
    item: ErpItem
    alike: int  # per cent of shared trigrams, not a probability
    same_barcode: bool
    other_barcode: bool  # both have one, and they differ
    same_sku: bool
    shared: list[str]  # words of the listing that the item has too
    foreign: list[str]  # words that only the item has
    cheaper: Decimal | None  # item's price less the listing's; None when one is unknown

    @property
    def cheaper_text(self) -> str:
        text, _ = words.difference_text(self.cheaper or Decimal(0), settings.COMPANY_CURRENCY)
        return text


def candidate(
    listing: Listing, item: ErpItem, number: int, similarity: float, *, same_barcode: bool
) -> Candidate:
    """What a person needs to see of an item beside the listing."""
    ours = plain_words(listing.title, listing.brand, listing.label)
    theirs = plain_words(item.name, *(str(value) for value in item.options.values()))
    cheaper = None
    if listing.price is not None and item.price is not None:
        cheaper = item.price - listing.price
    return Candidate(
        number=number,
        item=item,
        alike=round(similarity * 100),
        same_barcode=same_barcode,
        other_barcode=bool(listing.barcode and item.barcodes) and not same_barcode,
        same_sku=bool(listing.sku) and listing.sku.casefold() == item.sku.casefold(),
        shared=list(dict.fromkeys(word for word in ours if word in theirs))[:WORDS_SHOWN],
        foreign=list(dict.fromkeys(word for word in theirs if word not in ours))[:WORDS_SHOWN],
        cheaper=cheaper,
    )


def plain_words(*texts: str) -> list[str]:
    """The words of names and options, without codes and punctuation: what people compare."""
    return [word for part in search_text(*texts).split() if (word := part.strip(PUNCTUATION))]


@dataclass
class Desk:
    """What the workbench shows; its address says all of it: seller, text, listing, find, show."""

    request: HttpRequest
    given: QueryDict
    at: datetime
    refused: str = ""
    prefer: list[int] = field(default_factory=list)  # open the first of these that is still here

    @cached_property
    def form(self) -> DeskForm:
        form = DeskForm(self.given)
        form.is_valid()
        return form

    @property
    def wanted(self) -> dict[str, Any]:
        """What the address asks for; what makes no sense is left out."""
        return self.form.cleaned_data

    @property
    def show(self) -> int:
        return min(self.wanted.get("show") or FIRST, MOST)

    @property
    def narrowed(self) -> bool:
        return bool(self.wanted.get("seller") or self.wanted.get("q"))

    # -- the queue ----------------------------------------------------------------------------

    @cached_property
    def _cases(self) -> QuerySet[Any]:
        rows = selectors.unmapped_cases()
        if seller := self.wanted.get("seller"):
            rows = rows.filter(listing__seller=seller)
        for word in self.wanted.get("q", "").split():
            rows = rows.filter(listing__in=registry.listings_with(word=word))
        return rows

    @cached_property
    def _idle(self) -> QuerySet[Any]:
        rows = selectors.unmapped_listings(at=self.at)
        if seller := self.wanted.get("seller"):
            rows = rows.filter(seller=seller)
        for word in self.wanted.get("q", "").split():
            rows = rows.filter(pk__in=registry.listings_with(word=word))
        return rows

    @cached_property
    def queue(self) -> list[Unmapped]:
        """The listings that orders wait for, dearest first, then those nobody ordered yet."""
        cases = list(self._cases[: self.show])
        found = [
            Unmapped(case.listing, case, case.blocked_orders, case.blocked_money)
            for case in cases
            if case.listing is not None
        ]
        if len(cases) < self.show:
            idle = self._idle[: self.show - len(cases)]
            found += [Unmapped(listing, None, 0, Decimal(0)) for listing in idle]
        return found

    @cached_property
    def total(self) -> int:
        """How many are in the queue, counted up to the limit."""
        limit = words.COUNT_LIMIT + 1
        waited_for: int = self._cases.order_by().count()
        idle: int = self._idle.order_by()[:limit].count()
        return min(limit, waited_for + idle)

    @property
    def total_text(self) -> str:
        return words.count_text(self.total)

    @property
    def more(self) -> int:
        """How many entries to draw when more are asked for; 0 when all are there."""
        return min(self.show + STEP, MOST) if self.total > self.show < MOST else 0

    @property
    def nothing_read(self) -> bool:
        """Whether no listing has ever been read: then an empty queue proves nothing."""
        return not Listing.objects.exists()

    @cached_property
    def held(self) -> selectors.Held:
        return selectors.held()

    # -- the open listing ---------------------------------------------------------------------

    @cached_property
    def open(self) -> Unmapped | None:
        by_listing = {entry.listing.pk: entry for entry in self.queue}
        for pk in self.prefer:
            if pk in by_listing:
                return by_listing[pk]
        named = self.wanted.get("listing")
        if named is not None and not self.prefer:
            return by_listing.get(named.pk) or selectors.blocked_by(named)
        return self.queue[0] if self.queue else None

    @property
    def chosen(self) -> bool:
        """Whether the person works on a listing, rather than being shown the first."""
        return bool(self.prefer) or self.wanted.get("listing") is not None

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The queue as its table draws it."""
        return [
            {
                "listing": entry.listing,
                "orders": entry.orders,
                "money": entry.money,
                "url": self.address(listing=entry.listing.pk),
            }
            for entry in self.queue
        ]

    @cached_property
    def mapping(self) -> SkuMapping | None:
        """What the open listing is mapped to already."""
        if self.open is None:
            return None
        in_force = self.open.listing.mappings.filter(state=SkuMapping.State.CONFIRMED)
        return in_force.in_force(self.at).select_related("item", "made_by").order_by("-pk").first()

    @cached_property
    def candidates(self) -> list[Candidate]:
        if self.open is None or self.mapping is not None:
            return []
        listing = self.open.listing
        return [
            candidate(listing, s.item, number, s.similarity, same_barcode=s.same_barcode)
            for number, s in enumerate(registry.suggestions(listing=listing), start=1)
        ]

    @cached_property
    def found(self) -> list[Candidate]:
        """Items of the master that a search of the person's own brought."""
        text = self.wanted.get("find", "")
        if self.open is None or not text:
            return []
        listing = self.open.listing
        codes = {code.lstrip("0") for code in [listing.barcode] if code}
        items: QuerySet[Any] = registry.search_items(text=text)  # annotated with `similarity`
        return [
            candidate(
                listing,
                item,
                0,
                item.similarity,
                same_barcode=bool(codes & {code.lstrip("0") for code in item.barcodes}),
            )
            for item in items
        ]

    @property
    def after(self) -> list[int]:
        """The listings that follow the open one, nearest first: one of them is opened next."""
        keys = [entry.listing.pk for entry in self.queue]
        at = keys.index(self.open.listing.pk) if self.open and self.open.listing.pk in keys else -1
        return keys[at + 1 : at + 6]

    # -- addresses ----------------------------------------------------------------------------

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What narrows the queue, for the forms that do something else."""
        given = [(name, self.given.get(name, "")) for name in ("seller", "q", "show")]
        return [(name, value) for name, value in given if value]

    def address(self, **changes: Any) -> str:
        """The workbench with changes; the open listing and its search go unless they are named."""
        query = QueryDict(mutable=True)
        for name, value in {**dict(self.kept), **changes}.items():
            if value:
                query[name] = str(value)
        base = reverse("sync:unmapped")
        return f"{base}?{query.urlencode()}" if query else base

    @property
    def here(self) -> str:
        if self.open is None:
            return self.address()
        return self.address(listing=self.open.listing.pk, find=self.wanted.get("find", ""))

    @property
    def clear(self) -> str:
        return reverse("sync:unmapped")

    @property
    def show_more(self) -> str:
        return self.address(show=self.more)

    @property
    def may_map(self) -> bool:
        return bool(self.request.user.has_perm("mapping.confirm_skumapping"))

    @property
    def currency(self) -> str:
        return str(settings.COMPANY_CURRENCY)


def mapped(released: Released) -> str:
    """What a confirmation did, in one sentence with its numbers."""
    if not released.orders and not released.still_parked:
        return "Mapped. No order waited for it."
    held = released.still_parked
    wait = f"wait{'s' if held == 1 else ''} for another cause as well"
    if not released.orders:
        return f"Mapped. {words.things(held, 'order', 'orders')} {wait}."
    money = words.money_text(released.money, settings.COMPANY_CURRENCY)
    text = f"Mapped. {words.things(released.orders, 'order', 'orders')}, {money} released"
    return f"{text}; {held} more {wait}." if held else f"{text}."
