"""Rules of sellers, tax codes, accounts and duplicates from files."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from mapping.models import (
    AccountMapping,
    DuplicatePair,
    ErpItem,
    FulfilmentRule,
    Listing,
    ListingOwnership,
    OwnershipRule,
    Seller,
    SellerTreatment,
    TaxCodeMapping,
)
from mapping.services import duplicates, ownership, rules
from mapping.services.chains import Circle, survivors
from mapping.services.registers import (
    Author,
    Items,
    Row,
    Verdict,
    Wrong,
    bad,
    code,
    digits,
    moment,
    overlap,
    rate,
    seller,
    sellers,
)
from mkterp.core import audit

CHOICES: dict[str, tuple[Any, str, list[str]]] = {
    "stock_owner": (OwnershipRule, "owner", OwnershipRule.Owner.values),
    "fulfilled_by": (FulfilmentRule, "fulfilled_by", FulfilmentRule.By.values),
    "treatment": (SellerTreatment, "treatment", SellerTreatment.Treatment.values),
}


class Once:
    """What rows of this file are about, so that none is spoken of twice."""

    def __init__(self) -> None:
        self.rows: dict[Any, int] = {}

    def claim(self, identity: Any, number: int, what: str) -> None:
        if identity in self.rows:
            raise Wrong(f"{what} stands in row {self.rows[identity]} already.")
        self.rows[identity] = number


class Sellers:
    """Who owns the stock, who dispatches, whose sale it is; an empty cell changes nothing."""

    required = ("seller_id", "stock_owner", "fulfilled_by", "treatment")
    optional = ("dispatch_country",)

    def __init__(self, at: datetime) -> None:
        self.at, self.once = at, Once()

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        known = sellers(rows)
        held = {
            column: dict(
                model.objects.in_force(self.at)
                .filter(seller__in=known.values())
                .values_list("seller_id", field)
            )
            for column, (model, field, _) in CHOICES.items()
        }
        verdicts = []
        for number, row in rows:
            try:
                verdicts.append(self._judge(number, row, seller(row, known), held))
            except Wrong as wrong:
                verdicts.append(bad(number, str(wrong)))
        return verdicts

    def _judge(self, number: int, row: Row, of: Seller, held: dict[str, dict[int, str]]) -> Verdict:
        wanted: dict[str, str] = {}
        for column, (_, _, allowed) in CHOICES.items():
            value = row.get(column, "").strip().lower()
            if value and value not in allowed:
                raise Wrong(f"{column} is {value!r}; it must be {' or '.join(allowed)}, or empty.")
            if value and held[column].get(of.pk) != value:
                wanted[column] = value
        country = row.get("dispatch_country", "").strip().upper()
        if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
            raise Wrong(f"dispatch_country is {country!r}; it must be two letters, such as GB.")
        self.once.claim(of.pk, number, f"seller_id {of.legacy_id}")
        if country and country != of.dispatch_country:
            wanted["dispatch_country"] = country
        if not wanted:
            return Verdict(number, "is so already", ok=True, new=False)
        what = ", ".join(f"{name} {value}" for name, value in wanted.items())
        return Verdict(number, f"sets {what} for {of}", ok=True, deed=(of, wanted))

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        for verdict in verdicts:
            of, wanted = verdict.deed
            for column, value in wanted.items():
                if column in CHOICES:
                    rules.set_rule(
                        rule=CHOICES[column][0],
                        seller=of,
                        value=value,
                        by=author.by,
                        at=author.at,
                        reason=author.reason,
                    )
            if country := wanted.get("dispatch_country"):
                before, of.dispatch_country = of.dispatch_country, country
                of.save(update_fields=["dispatch_country"])
                audit.record(
                    action="seller.dispatch_country",
                    subject=of,
                    by=author.by,
                    at=author.at,
                    before={"dispatch_country": before},
                    after={"dispatch_country": country},
                    reason=author.reason,
                )


class StockRules:
    """Whose stock some listings of a seller are: a variant, a brand, SKUs that begin alike."""

    required = ("seller_id", "scope", "value", "owner")
    optional = ()

    def __init__(self, at: datetime) -> None:
        self.at, self.once = at, Once()

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        known = sellers(rows)
        variants = {int(text) for _, row in rows if (text := digits(row.get("value", "")))}
        listings = {
            (one.seller_id, str(one.legacy_id)): one
            for one in Listing.objects.filter(seller__in=known.values(), legacy_id__in=variants)
        }
        held = {
            (one.seller_id, one.scope, one.listing_id, one.value.casefold()): one.owner
            for one in ListingOwnership.objects.in_force(self.at).filter(seller__in=known.values())
        }
        verdicts = []
        for number, row in rows:
            try:
                verdicts.append(self._judge(number, row, seller(row, known), listings, held))
            except Wrong as wrong:
                verdicts.append(bad(number, str(wrong)))
        return verdicts

    def _judge(
        self,
        number: int,
        row: Row,
        of: Seller,
        listings: dict[tuple[int, str], Listing],
        held: dict[tuple[int, str, int | None, str], str],
    ) -> Verdict:
        scope, owner = row.get("scope", "").strip().lower(), row.get("owner", "").strip().lower()
        scopes, owners = ListingOwnership.Scope.values, ListingOwnership.Owner.values
        if scope not in scopes:
            raise Wrong(f"scope is {scope!r}; it must be {' or '.join(scopes)}.")
        if owner not in owners:
            raise Wrong(f"owner is {owner!r}; it must be {' or '.join(owners)}.")
        value, listing = code(row, "value"), None
        if not value:
            raise Wrong("value is empty; it names the variant, the brand or the beginning.")
        if scope == ListingOwnership.Scope.LISTING:
            listing = listings.get((of.pk, digits(value)))
            if listing is None:
                raise Wrong(f"value {value} is not a variant of seller_id {of.legacy_id}.")
            value = ""
        identity = (of.pk, scope, listing.pk if listing else None, value.casefold())
        self.once.claim(identity, number, f"The same {scope} of seller_id {of.legacy_id}")
        if held.get(identity) == owner:
            return Verdict(number, "is so already", ok=True, new=False)
        wanted = ownership.Wanted(of, owner, scope, value, listing)
        about = str(listing) if listing else f"{scope} {value}"
        words = f"gives {about} of {of} to the {owner}"
        return Verdict(number, words, ok=True, deed=wanted)

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        for verdict in verdicts:
            ownership.set_for_listings(
                wanted=verdict.deed, by=author.by, at=author.at, reason=author.reason
            )


class TaxCodes:
    """Which ERP tax each marketplace rate is, by delivery country and narrower keys."""

    required = ("country", "marketplace_rate", "erp_code", "erp_rate")
    optional = ("region", "origin", "item_class", "exemption", "valid_from")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.said: dict[rules.TaxKey, list[tuple[Any, int]]] = {}

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        countries = {row.get("country", "").strip().upper() for _, row in rows}
        held: dict[rules.TaxKey, list[TaxCodeMapping]] = {}
        for one in TaxCodeMapping.objects.filter(country__in=countries).order_by("pk"):
            held.setdefault(_key(one), []).append(one)
        verdicts = []
        for number, row in rows:
            try:
                verdicts.append(self._judge(number, row, held))
            except Wrong as wrong:
                verdicts.append(bad(number, str(wrong)))
        return verdicts

    def _judge(
        self, number: int, row: Row, held: dict[rules.TaxKey, list[TaxCodeMapping]]
    ) -> Verdict:
        country = _country(row, "country")
        erp_code = code(row, "erp_code")
        if not country or not erp_code:
            raise Wrong("country must be a two-letter code and erp_code must not be empty.")
        key = rules.TaxKey(
            country,
            rate(row, "marketplace_rate"),
            row.get("region", "").strip().upper(),
            _country(row, "origin"),
            row.get("item_class", "").strip(),
            row.get("exemption", "").strip(),
        )
        erp_rate, begins = rate(row, "erp_rate"), moment(row, "valid_from")
        new = not _dated_problem(
            self.said.setdefault(key, []),
            held.get(key, []),
            begins,
            number,
            same=lambda one: (one.erp_code, one.erp_rate) == (erp_code, erp_rate),
            at=self.at,
        )
        if not new:
            return Verdict(number, "is so already", ok=True, new=False)
        words = f"maps {key.marketplace_rate} in {country} to {erp_code}"
        return Verdict(number, words, ok=True, deed=(key, erp_code, erp_rate, begins))

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        for verdict in verdicts:
            key, erp_code, erp_rate, begins = verdict.deed
            rules.map_tax_code(
                **vars(key),
                erp_code=erp_code,
                erp_rate=erp_rate,
                by=author.by,
                at=author.at,
                reason=author.reason,
                moment=begins,
            )


def _key(one: TaxCodeMapping) -> rules.TaxKey:
    return rules.TaxKey(
        one.country,
        Decimal(one.marketplace_rate).normalize() + 0,
        one.region,
        one.origin,
        one.item_class,
        one.exemption,
    )


def _country(row: Row, column: str) -> str:
    text = row.get(column, "").strip().upper()
    if text and not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise Wrong(f"{column} is {text!r}; it must be two letters, such as GB.")
    return text


def _dated_problem(
    said: list[tuple[Any, int]],
    held: Sequence[Any],
    begins: datetime | None,
    number: int,
    *,
    same: Any,
    at: datetime,
) -> bool:
    """Whether a dated row is so already. Raises Wrong when it meets another one in time."""
    for other, there in said:
        if other == begins:
            raise Wrong(f"Row {there} says the same thing from the same moment.")
    said.append((begins, number))
    effective = begins or at
    for one in held:
        if same(one) and overlap((one.valid_from, one.valid_until), (effective, None)):
            ahead = [each for each in held if each.valid_from and each.valid_from > effective]
            if not ahead and (one.valid_from is None or one.valid_from <= effective):
                return True
    if any(one.valid_from is not None and one.valid_from > effective for one in held):
        raise Wrong("A later one is set already; its time would overlap. Choose a later day.")
    if (
        begins is not None
        and begins < at
        and any(overlap((one.valid_from, one.valid_until), (begins, at)) for one in held)
    ):
        raise Wrong("valid_from lies in a time for which another one holds; choose today or later.")
    return False


class Accounts:
    """Which ERP account plays which role, in an event or in all."""

    required = ("role", "erp_account")
    optional = ("event", "valid_from")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.said: dict[tuple[str, str], list[tuple[Any, int]]] = {}

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        held: dict[tuple[str, str], list[AccountMapping]] = {}
        for one in AccountMapping.objects.order_by("pk"):
            held.setdefault((one.event, one.role), []).append(one)
        verdicts = []
        for number, row in rows:
            try:
                verdicts.append(self._judge(number, row, held))
            except Wrong as wrong:
                verdicts.append(bad(number, str(wrong)))
        return verdicts

    def _judge(
        self, number: int, row: Row, held: dict[tuple[str, str], list[AccountMapping]]
    ) -> Verdict:
        role, event = row.get("role", "").strip(), row.get("event", "").strip()
        account, begins = code(row, "erp_account"), moment(row, "valid_from")
        if not role or not account:
            raise Wrong("role and erp_account must not be empty.")
        if len(role) > 60 or len(event) > 60 or len(account) > 100:
            raise Wrong("role and event hold 60 characters at most, erp_account 100.")
        key = (event, role)
        so_already = _dated_problem(
            self.said.setdefault(key, []),
            held.get(key, []),
            begins,
            number,
            same=lambda one: one.erp_account == account,
            at=self.at,
        )
        if so_already:
            return Verdict(number, "is so already", ok=True, new=False)
        words = f"{role} is {account}{f' in {event}' if event else ''}"
        return Verdict(number, words, ok=True, deed=(key, account, begins))

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        for verdict in verdicts:
            (event, role), account, begins = verdict.deed
            rules.map_account(
                role=role,
                event=event,
                erp_account=account,
                by=author.by,
                at=author.at,
                reason=author.reason,
                moment=begins,
            )


class Duplicates:
    """Items that are one product twice: the first is to be merged into the second."""

    required = ("erp_sku", "duplicate_of")
    optional = ()

    def __init__(self, at: datetime) -> None:
        self.at, self.once = at, Once()
        self.merges = dict(duplicates.merges())

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        columns = ("erp_sku", "duplicate_of")
        items = Items(row.get(column, "").strip() for _, row in rows for column in columns)
        verdicts = []
        for number, row in rows:
            try:
                verdicts.append(self._judge(number, row, items))
            except Wrong as wrong:
                verdicts.append(bad(number, str(wrong)))
        return verdicts

    def _judge(self, number: int, row: Row, items: Items) -> Verdict:
        given_up, kept = items.one(row, "erp_sku"), items.one(row, "duplicate_of")
        if given_up.pk == kept.pk:
            raise Wrong(f"{given_up} cannot be a duplicate of itself.")
        self.once.claim(given_up.pk, number, f"erp_sku {given_up}")
        if self.merges.get(given_up.pk) == kept.pk:
            return Verdict(number, "is so already", ok=True, new=False)
        try:
            survivors([*(self.merges | {given_up.pk: kept.pk}).items()])
        except Circle as circle:
            skus = dict(ErpItem.objects.filter(pk__in=circle.items).values_list("pk", "sku"))
            chain = " into ".join(skus[pk] for pk in circle.items)
            raise Wrong(f"That closes a circle: {chain}.") from circle
        self.merges[given_up.pk] = kept.pk
        words = f"{given_up} is to be merged into {kept}"
        return Verdict(number, words, ok=True, deed=(given_up, kept))

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        for verdict in verdicts:
            given_up, kept = verdict.deed
            left, right = sorted((given_up, kept), key=lambda item: item.pk)
            pair, _ = DuplicatePair.objects.get_or_create(
                left=left, right=right, defaults={"found_at": author.at, "score": 1}
            )
            duplicates.judge(
                pair=pair,
                same=True,
                by=author.by,
                at=author.at,
                keep=kept,
                reason=author.reason,
            )
