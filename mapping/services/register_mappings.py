"""Mappings from a file: a listing named by its variant, or by seller and SKU, is an item."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mapping.models import ErpItem, Listing, Seller, SkuMapping
from mapping.services.registers import (
    Author,
    Items,
    Row,
    Verdict,
    Wrong,
    bad,
    code,
    digits,
    integer,
    overlap,
    seller,
    sellers,
    span,
)
from mapping.signals import mapping_changed
from mkterp.core.models import AuditEntry

State = SkuMapping.State
Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class New:
    listing: Listing
    item: ErpItem
    pack_quantity: int
    valid_from: datetime | None
    valid_until: datetime | None


class Mappings:
    """Without dates a mapping holds from ever on; what is mapped already must agree."""

    required = ("seller_id", "erp_sku")
    optional = ("variant_id", "sku", "pack_quantity", "valid_from", "valid_until")

    def __init__(self, at: datetime) -> None:
        self.at = at
        # What this file has said of a listing (its row, or spans and rows), for all rows of it:
        # nearly all rows are about all times, and a number is all that is kept of those.
        self.always: dict[int, int] = {}
        self.said: dict[int, list[tuple[Span, int]]] = {}

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        known = sellers(rows)
        by_variant, by_sku = self._listings(rows, known)
        items = Items(row.get("erp_sku", "").strip() for _, row in rows)
        listings = {one.pk for one in by_variant.values()} | {
            one.pk for found in by_sku.values() for one in found
        }
        held: dict[int, list[SkuMapping]] = {}
        for mapping in SkuMapping.objects.filter(
            listing__in=listings, state__in=[State.CONFIRMED, State.RETIRED]
        ).select_related("item"):
            held.setdefault(mapping.listing_id, []).append(mapping)
        verdicts = []
        for number, row in rows:
            try:
                listing = self._listing(row, seller(row, known), by_variant, by_sku)
                item = items.one(row, "erp_sku")
                verdicts.append(self._judge(number, row, listing, item, held.get(listing.pk, [])))
            except Wrong as wrong:
                verdicts.append(bad(number, str(wrong)))
        return verdicts

    def _listings(
        self, rows: Iterable[tuple[int, Row]], known: dict[str, Seller]
    ) -> tuple[dict[tuple[int, str], Listing], dict[tuple[int, str], list[Listing]]]:
        variants = {int(text) for _, row in rows if (text := digits(row.get("variant_id", "")))}
        skus = {
            text
            for _, row in rows
            if not row.get("variant_id") and (text := row.get("sku", "").strip())
        }
        of_known = Listing.objects.filter(seller__in=known.values()).order_by("pk")
        by_variant = {
            (one.seller_id, str(one.legacy_id)): one
            for one in of_known.filter(legacy_id__in=variants)
        }
        by_sku: dict[tuple[int, str], list[Listing]] = {}
        for one in of_known.filter(sku__in=skus, deleted=False):
            by_sku.setdefault((one.seller_id, one.sku), []).append(one)
        return by_variant, by_sku

    def _listing(
        self,
        row: Row,
        of: Seller,
        by_variant: dict[tuple[int, str], Listing],
        by_sku: dict[tuple[int, str], list[Listing]],
    ) -> Listing:
        variant = code(row, "variant_id")
        if variant:
            number = digits(variant)
            found = by_variant.get((of.pk, str(int(number)))) if number else None
            if found is None:
                raise Wrong(f"variant_id {variant} is not a listing of seller_id {of.legacy_id}.")
            return found
        sku = code(row, "sku")
        if not sku:
            raise Wrong("Neither variant_id nor sku says which listing it is.")
        many = by_sku.get((of.pk, sku), [])
        if len(many) != 1:
            what = "is not a listing" if not many else f"is {len(many)} listings"
            raise Wrong(f"sku {sku} {what} of seller_id {of.legacy_id}; give the variant_id.")
        return many[0]

    def _judge(
        self, number: int, row: Row, listing: Listing, item: ErpItem, held: Sequence[SkuMapping]
    ) -> Verdict:
        pack, dates = integer(row, "pack_quantity", default=1), span(row)
        if dates[1] is not None and dates[1] > self.at:
            raise Wrong("valid_until lies ahead; a mapping is ended when the day has come.")
        said = self.said.get(listing.pk, [])
        there = next((row for earlier, row in said if overlap(earlier, dates)), 0)
        if there := self.always.get(listing.pk, there):
            raise Wrong(f"{listing} stands in row {there} already, for the same time.")
        for mapping in held:
            same = (mapping.item_id, mapping.pack_quantity) == (item.pk, pack)
            theirs = (mapping.valid_from, mapping.valid_until)
            if same and (dates == (None, None) or dates == theirs):
                self._note(listing, dates, number)
                return Verdict(number, "is so already", ok=True, new=False)
            if overlap(theirs, dates):
                raise Wrong(
                    f"{listing} is mapped to {mapping.item.sku} at that time; remap it on its page."
                )
        self._note(listing, dates, number)
        pieces = f" ({pack} pieces)" if pack > 1 else ""
        return Verdict(
            number,
            f"maps {listing} to {item}{pieces}",
            ok=True,
            deed=New(listing, item, pack, *dates),
        )

    def _note(self, listing: Listing, dates: Span, number: int) -> None:
        if dates == (None, None):
            self.always[listing.pk] = number
        else:
            self.said.setdefault(listing.pk, []).append((dates, number))

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        new = [
            SkuMapping(
                listing=deed.listing,
                item=deed.item,
                state=State.RETIRED if deed.valid_until is not None else State.CONFIRMED,
                source=SkuMapping.Source.IMPORT,
                pack_quantity=deed.pack_quantity,
                valid_from=deed.valid_from,
                valid_until=deed.valid_until,
                reason=author.reason,
                made_by=author.by,
                made_at=author.at,
            )
            for deed in (verdict.deed for verdict in verdicts)
        ]
        SkuMapping.objects.bulk_create(new, batch_size=1000)
        # What `audit.record` writes one by one, for as many rows as a file has.
        AuditEntry.objects.bulk_create(
            [
                AuditEntry(
                    at=author.at,
                    by=author.by,
                    action="mapping.confirm",
                    subject=f"mapping.skumapping:{mapping.pk}",
                    after={"listing": str(mapping.listing), "item": mapping.item.sku},
                    reason=author.reason,
                )
                for mapping in new
            ],
            batch_size=1000,
        )
        mapping_changed.send(sender=SkuMapping, listing_ids={m.listing_id for m in new})
