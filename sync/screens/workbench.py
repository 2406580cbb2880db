"""The workbench: unmapped listings by the money they hold up, and the items they may be."""

from collections.abc import Sequence
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
from mapping.models import ErpItem, Listing, NewItemRequest, SkuMapping, StoredSuggestion
from mkterp.core.screens import words
from sync import selectors
from sync.forms.desk import DeskForm
from sync.screens.candidates import Candidate, found, offered
from sync.selectors import Unmapped
from sync.selectors.workbench import asked_for
from sync.services.workbench import Released

FIRST, STEP, MOST = 50, 100, 450  # queue entries drawn
OFFERED = 5  # candidates, one for each key from 1 to 5


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
    def asked(self) -> bool:
        """Whether the queue shows what waits for a new item instead of what waits for a person."""
        return bool(self.wanted.get("asked"))

    @cached_property
    def asked_many(self) -> int:
        return asked_for()

    @property
    def asked_url(self) -> str:
        return self.address(asked=None if self.asked else "1", show=None)

    @property
    def narrowed(self) -> bool:
        return bool(self.wanted.get("seller") or self.wanted.get("q"))

    # -- the queue ----------------------------------------------------------------------------

    @cached_property
    def _cases(self) -> QuerySet[Any]:
        rows = selectors.unmapped_cases(asked=self.asked)
        if seller := self.wanted.get("seller"):
            rows = rows.filter(listing__seller=seller)
        for word in self.wanted.get("q", "").split():
            rows = rows.filter(listing__in=registry.listings_with(word=word))
        return rows

    @cached_property
    def _idle(self) -> QuerySet[Any]:
        rows = selectors.unmapped_listings(at=self.at, asked=self.asked)
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
    def offers(self) -> registry.Offers:
        """What was computed ahead for the open listing."""
        if self.open is None or self.mapping is not None:
            return registry.Offers(None)
        return registry.offers(listing=self.open.listing, limit=OFFERED)

    @cached_property
    def candidates(self) -> list[Candidate]:
        if self.open is None or self.mapping is not None:
            return []
        listing = self.open.listing
        if self.offers.stored is None:  # not ranked yet: what looks alike
            return self._alike(listing)
        warnings = self._warnings([offer.item for offer in self.offers.offers])
        decides = self.offers.stored.decides if len(self.offers.offers) > 1 else ""
        return [
            offered(
                listing,
                offer,
                number,
                warning=warnings.get(offer.item.pk, ""),
                hint=f"the next one differs in {decides}" if decides and number == 1 else "",
            )
            for number, offer in enumerate(self.offers.offers, start=1)
        ]

    def _alike(self, listing: Listing) -> list[Candidate]:
        alike = registry.suggestions(listing=listing, limit=OFFERED)
        warnings = self._warnings([one.item for one in alike])
        return [
            found(listing, s.item, number, s.similarity, warning=warnings.get(s.item.pk, ""))
            for number, s in enumerate(alike, start=1)
        ]

    def _warnings(self, items: Sequence[ErpItem]) -> dict[int, str]:
        pairs = registry.duplicates_of([item.pk for item in items])
        return {
            item.pk: registry.warning(item, pairs[item.pk]) for item in items if item.pk in pairs
        }

    @property
    def verdict(self) -> str:
        """What the suggestions come down to, in a sentence; "" when the first one says it."""
        stored = self.offers.stored
        if self.open is None or self.mapping is not None:
            return ""
        if stored is None:
            if not self.candidates:
                return "It has not been ranked yet, and no item of the ERP looks like it."
            return "It has not been ranked yet. These share words or codes with it."
        if not self.offers.offers:
            return "No item is suggested: none looks like it, or all were rejected."
        if stored.verdict == StoredSuggestion.Verdict.NONE_LIKELY:
            return "No item of the ERP is likely to be it. These come nearest."
        if stored.verdict == StoredSuggestion.Verdict.AMBIGUOUS:
            what = f" They differ in {stored.decides}: look there." if stored.decides else ""
            return f"Several items fit equally well.{what}"
        return ""

    @property
    def blind(self) -> bool:
        """Whether this listing is judged without its confidences in sight (see registry.BLIND)."""
        return (
            self.open is not None
            and self.offers.stored is not None
            and registry.is_blind(self.open.listing)
        )

    @cached_property
    def predecessor(self) -> SkuMapping | None:
        """The mapped listing that this one seems to be under a new variant id."""
        if self.open is None or self.mapping is not None:
            return None
        return registry.predecessor(listing=self.open.listing, at=self.at)

    @cached_property
    def requested(self) -> NewItemRequest | None:
        return registry.requested(listing=self.open.listing) if self.open is not None else None

    @cached_property
    def found(self) -> list[Candidate]:
        """Items of the master that a search of the person's own brought."""
        text = self.wanted.get("find", "")
        if self.open is None or not text:
            return []
        items: list[Any] = list(registry.search_items(text=text))  # annotated with `similarity`
        warnings = self._warnings(items)
        return [
            found(self.open.listing, item, 0, item.similarity, warning=warnings.get(item.pk, ""))
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
        given = [(name, self.given.get(name, "")) for name in ("seller", "q", "show", "asked")]
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
    many = len(released.mappings)
    what = "Mapped." if many == 1 else f"{words.things(many, 'listing', 'listings')} mapped."
    if not released.orders and not released.still_parked:
        return f"{what} No order waited for {'it' if many == 1 else 'them'}."
    held = released.still_parked
    wait = f"wait{'s' if held == 1 else ''} for another cause as well"
    if not released.orders:
        return f"{what} {words.things(held, 'order', 'orders')} {wait}."
    money = words.money_text(released.money, settings.COMPANY_CURRENCY)
    text = f"{what} {words.things(released.orders, 'order', 'orders')}, {money} released"
    return f"{text}; {held} more {wait}." if held else f"{text}."
