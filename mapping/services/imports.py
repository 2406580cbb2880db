"""The registry from CSV files, all or nothing, with a verdict for each row before anything changes.

sellers:   seller_id, stock_owner, fulfilled_by, treatment, dispatch_country
mappings:  seller_id, variant_id, erp_sku, pack_quantity
tax-codes: country, marketplace_rate, erp_code, erp_rate

`seller_id` and `variant_id` are the numbers people see in the Marketplacer portal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from mapping.models import (
    ErpItem,
    FulfilmentRule,
    Listing,
    OwnershipRule,
    Seller,
    SellerTreatment,
    SkuMapping,
)
from mapping.services import rules
from mapping.signals import mapping_changed
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

Row = Mapping[str, str]
Deed = Callable[[], None]


@dataclass(frozen=True)
class Verdict:
    """What an import would do with one row: "new", "unchanged", or the error and its fix."""

    row: int  # as a spreadsheet counts them: the heading is row 1
    words: str
    ok: bool


@dataclass(frozen=True)
class Plan:
    verdicts: Sequence[Verdict]
    carry_out: Deed

    @property
    def errors(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.ok]


def apply(*, plan: Plan) -> None:
    """Do what the plan says, in one transaction. Refused when any row has an error."""
    if plan.errors:
        first = plan.errors[0]
        raise Refused(
            f"{len(plan.errors)} rows cannot be imported; the first is row {first.row}: "
            f"{first.words} Nothing was changed."
        )
    with transaction.atomic():
        plan.carry_out()


def _columns(rows: Sequence[Row], wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if rows and name not in rows[0]]
    if missing:
        raise Refused(f"The file has no column {', '.join(missing)}. Nothing was changed.")


def plan_sellers(*, rows: Sequence[Row], by: User | None, at: datetime, reason: str) -> Plan:
    """Who owns the stock, who dispatches, whose sale it is; an empty cell changes nothing."""
    _columns(rows, ["seller_id", "stock_owner", "fulfilled_by", "treatment"])
    sellers = {str(seller.legacy_id): seller for seller in Seller.objects.order_by("pk")}
    verdicts: list[Verdict] = []
    deeds: list[Deed] = []
    for number, row in enumerate(rows, start=2):
        seller = sellers.get(row["seller_id"].strip())
        if seller is None:
            words = f"seller_id {row['seller_id']} is not a seller we have read from Marketplacer."
            verdicts.append(Verdict(number, words, ok=False))
            continue
        problem = _check_choices(row)
        if problem:
            verdicts.append(Verdict(number, problem, ok=False))
            continue
        verdicts.append(Verdict(number, f"sets the rules of {seller}", ok=True))
        deeds.append(_seller_deed(seller, row, by, at, reason))
    return Plan(verdicts, lambda: _all(deeds))


CHOICES: dict[str, tuple[Any, list[str]]] = {
    "stock_owner": (OwnershipRule, OwnershipRule.Owner.values),
    "fulfilled_by": (FulfilmentRule, FulfilmentRule.By.values),
    "treatment": (SellerTreatment, SellerTreatment.Treatment.values),
}


def _check_choices(row: Row) -> str:
    for column, (_, allowed) in CHOICES.items():
        if row[column] and row[column] not in allowed:
            return f"{column} is {row[column]!r}; it must be {' or '.join(allowed)}, or empty."
    return ""


def _seller_deed(seller: Seller, row: Row, by: User | None, at: datetime, reason: str) -> Deed:
    def carry_out() -> None:
        for column, (rule, _) in CHOICES.items():
            if row[column]:
                rules.set_rule(
                    rule=rule, seller=seller, value=row[column], by=by, at=at, reason=reason
                )
        if country := row.get("dispatch_country", ""):
            Seller.objects.filter(pk=seller.pk).update(dispatch_country=country)

    return carry_out


def plan_mappings(*, rows: Sequence[Row], by: User | None, at: datetime, reason: str) -> Plan:
    """Confirmed mappings from the beginning of time; what is mapped already must agree."""
    _columns(rows, ["seller_id", "variant_id", "erp_sku"])
    listings = {
        (str(listing.seller.legacy_id), str(listing.legacy_id)): listing
        for listing in Listing.objects.select_related("seller").order_by("pk")
    }
    items = {item.sku: item for item in ErpItem.objects.filter(active=True).order_by("-pk")}
    mapped = {
        mapping.listing_id: mapping
        for mapping in SkuMapping.objects.filter(
            state__in=[SkuMapping.State.CONFIRMED, SkuMapping.State.RETIRED]
        ).order_by("pk")
    }
    verdicts: list[Verdict] = []
    new: list[SkuMapping] = []
    seen: set[int] = set()
    for number, row in enumerate(rows, start=2):
        listing = listings.get((row["seller_id"].strip(), row["variant_id"].strip()))
        item = items.get(row["erp_sku"].strip())
        pack = row.get("pack_quantity") or "1"
        problem = _mapping_problem(row, listing, item, pack, mapped)
        if problem or listing is None or item is None:
            verdicts.append(Verdict(number, problem, ok=False))
        elif listing.pk in seen:
            words = f"variant_id {row['variant_id']} stands in the file twice."
            verdicts.append(Verdict(number, words, ok=False))
        elif listing.pk in mapped:
            verdicts.append(Verdict(number, "unchanged", ok=True))
        else:
            seen.add(listing.pk)
            verdicts.append(Verdict(number, f"maps {listing} to {item}", ok=True))
            new.append(
                SkuMapping(
                    listing=listing,
                    item=item,
                    state=SkuMapping.State.CONFIRMED,
                    source=SkuMapping.Source.IMPORT,
                    pack_quantity=int(pack),
                    reason=reason,
                    made_by=by,
                    made_at=at,
                )
            )
    return Plan(verdicts, lambda: _create_mappings(new, by, at, reason))


def _mapping_problem(
    row: Row,
    listing: Listing | None,
    item: ErpItem | None,
    pack: str,
    mapped: Mapping[int, SkuMapping],
) -> str:
    if listing is None:
        return f"variant_id {row['variant_id']} of seller_id {row['seller_id']} is not a listing."
    if item is None:
        return f"erp_sku {row['erp_sku']} is not an active ERP item."
    if not (pack.isdecimal() and int(pack)):
        return f"pack_quantity is {pack!r}; it must be a whole number above zero."
    current = mapped.get(listing.pk)
    if current is not None and (current.item_id, current.pack_quantity) != (item.pk, int(pack)):
        return f"{listing} is mapped to another item already; remap it on the mapping screen."
    return ""


def _create_mappings(new: Sequence[SkuMapping], by: User | None, at: datetime, reason: str) -> None:
    SkuMapping.objects.bulk_create(new, batch_size=1000)
    for mapping in new:
        audit.record(
            action="mapping.confirm",
            subject=mapping,
            by=by,
            at=at,
            after={"listing": str(mapping.listing), "item": mapping.item.sku},
            reason=reason,
        )
    mapping_changed.send(sender=SkuMapping, listing_ids={m.listing_id for m in new})


def plan_tax_codes(*, rows: Sequence[Row], by: User | None, at: datetime, reason: str) -> Plan:
    """Which ERP tax each marketplace rate is, by delivery country."""
    _columns(rows, ["country", "marketplace_rate", "erp_code", "erp_rate"])
    verdicts: list[Verdict] = []
    deeds: list[Deed] = []
    for number, row in enumerate(rows, start=2):
        try:
            marketplace_rate = Decimal(row["marketplace_rate"])
            erp_rate = Decimal(row["erp_rate"])
        except InvalidOperation:
            words = "marketplace_rate and erp_rate must be numbers such as 0.20."
            verdicts.append(Verdict(number, words, ok=False))
            continue
        if len(row["country"]) != 2 or not row["erp_code"]:
            words = "country must be a two-letter code and erp_code must not be empty."
            verdicts.append(Verdict(number, words, ok=False))
            continue
        verdicts.append(Verdict(number, f"maps {marketplace_rate} to {row['erp_code']}", ok=True))
        deeds.append(_tax_deed(row, marketplace_rate, erp_rate, by, at, reason))
    return Plan(verdicts, lambda: _all(deeds))


def _tax_deed(
    row: Row, rate: Decimal, erp_rate: Decimal, by: User | None, at: datetime, reason: str
) -> Deed:
    def carry_out() -> None:
        rules.map_tax_code(
            country=row["country"],
            marketplace_rate=rate,
            erp_code=row["erp_code"],
            erp_rate=erp_rate,
            by=by,
            at=at,
            reason=reason,
        )

    return carry_out


def _all(deeds: Sequence[Deed]) -> None:
    for deed in deeds:
        deed()
