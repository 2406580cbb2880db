"""What would be mapped above a chosen confidence: every pair, its evidence, its orders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from mapping import selectors as registry
from mapping.models import StoredSuggestion
from mapping.services.mappings import Pair
from sync.forms.desk import BulkForm
from sync.screens.candidates import Candidate, offered
from sync.selectors.workbench import waiting_for

MOST = 100  # pairs at once: as many as a message can take back


@dataclass(frozen=True)
class Row:
    """One pair of the preview. `held` says why it would be left out; "" when it is in."""

    stored: StoredSuggestion
    one: Candidate
    orders: int
    money: Decimal
    held: str = ""

    @property
    def key(self) -> str:
        """What was shown: it is mapped only while it still is so."""
        return f"{self.stored.listing_id}-{self.one.item.pk}"


@dataclass
class Preview:
    request: HttpRequest
    form: BulkForm
    at: datetime
    refused: str = ""
    left: list[str] = field(default_factory=list)

    @cached_property
    def at_least(self) -> int:
        if self.form.is_bound and self.form.is_valid():
            return int(self.form.cleaned_data["at_least"])
        return int(self.form.fields["at_least"].initial)

    @cached_property
    def rows(self) -> list[Row]:
        found = registry.likely(at=self.at, at_least=self.at_least / 100)
        if self.form.is_bound and self.form.is_valid() and self.form.cleaned_data["seller"]:
            found = found.filter(listing__seller=self.form.cleaned_data["seller"])
        stored = list(found[:MOST])
        waiting = waiting_for([row.listing_id for row in stored])
        doubles = registry.duplicates_of([row.item_id for row in stored if row.item_id])
        rows = [
            self._row(row, waiting.get(row.listing_id, (0, Decimal(0))), doubles) for row in stored
        ]
        return sorted((row for row in rows if row is not None), key=lambda row: bool(row.held))

    def _row(
        self, stored: StoredSuggestion, waits: tuple[int, Decimal], doubles: Mapping[int, object]
    ) -> Row | None:
        offer = registry.first_offer(stored)
        if offer is None:
            return None
        one = offered(stored.listing, offer, 0)
        held = ""
        if offer.conflicts:
            names = ", ".join(str(each["name"]) for each in offer.conflicts)
            held = f"conflict in {names}"
        elif offer.item.pk in doubles:
            held = "the item may be a duplicate"
        return Row(stored, one, *waits, held)

    @property
    def ready(self) -> list[Row]:
        return [row for row in self.rows if not row.held]

    @property
    def held(self) -> list[Row]:
        return [row for row in self.rows if row.held]

    @property
    def orders(self) -> int:
        return sum(row.orders for row in self.ready)

    @property
    def money(self) -> Decimal:
        return sum((row.money for row in self.ready), Decimal(0))

    @property
    def full(self) -> bool:
        return len(self.rows) >= MOST

    def chosen(self, keys: Sequence[str]) -> list[Pair]:
        """The ticked pairs that are still as they were shown."""
        wanted: Iterable[Row] = (row for row in self.ready if row.key in set(keys))
        return [Pair(row.stored.listing, row.one.item) for row in wanted]

    @property
    def may_map(self) -> bool:
        return bool(self.request.user.has_perm("mapping.confirm_skumapping"))

    @property
    def currency(self) -> str:
        return str(settings.COMPANY_CURRENCY)

    @property
    def here(self) -> str:
        query = QueryDict(mutable=True)
        query["at_least"] = str(self.at_least)
        if self.form.is_bound and self.form.is_valid() and self.form.cleaned_data["seller"]:
            query["seller"] = str(self.form.cleaned_data["seller"].pk)
        return f"{reverse('sync:unmapped-bulk')}?{query.urlencode()}"
