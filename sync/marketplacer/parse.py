"""Marketplacer's JSON as our values: the only file that knows their field names.

Tolerant of what it does not know, strict about identity, money and time. Text is kept as it came.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sync.domain.marketplace import (
    AddressValue,
    InvoiceLineValue,
    InvoiceValue,
    ListingValue,
    OrderValue,
    SellerValue,
)

# The home country of the instance, for addresses that name a country without its code.
COUNTRY_CODES = {
    "australia": "AU",
    "ireland": "IE",
    "new zealand": "NZ",
    "united kingdom": "GB",
    "united states": "US",
}


class Unreadable(Exception):
    """A node or event in a shape we do not understand; the message names the field."""


def invoice(node: Any) -> InvoiceValue:
    """An Invoice node. Raises Unreadable, and nothing else, whatever it is given."""
    data = _object(node, "invoice")
    order = _object(data.get("order") or {}, "order")
    seller = _object(data.get("seller") or {}, "seller")
    return InvoiceValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_integer(data, "legacyId"),
        order=OrderValue(
            marketplacer_id=_text(order, "id") or _id(data, "id"),
            legacy_id=_maybe_integer(order, "legacyId"),
            external_ids=_external_ids(order),
        ),
        seller_id=_text(seller, "id"),
        seller_name=_text(seller, "businessName"),
        created_at=_time(data, "createdAt"),
        paid_at=_maybe_time(data, "paidAt"),
        updated_at=_time(data, "updatedAt"),
        delivery_type=_text(data, "deliveryType") or "BUY_ONLINE",
        status_flags=frozenset(str(flag) for flag in _list(data, "statusFlags")),
        total_minor=_integer(data, "totalCents"),
        lines=tuple(_line(line) for line in _list(data, "lineItems")),
        buyer_first_name=_text(data, "buyerFirstName"),
        buyer_surname=_text(data, "buyerSurname"),
        shipping_address=_address(data.get("shippingAddress")),
        external_ids=_external_ids(data),
    )


def _line(node: Any) -> InvoiceLineValue:
    data = _object(node, "lineItems")
    return InvoiceLineValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_maybe_integer(data, "legacyId"),
        variant_id=_text(data, "variantId"),
        sku=_text(data, "variantSku"),
        barcode=_text(data, "variantBarcode"),
        title=_text(data, "advertTitle"),
        variant_name=_text(data, "variantName"),
        brand=_text(data, "brandName"),
        quantity=_decimal(data, "quantity"),
        subtotal_minor=_integer(data, "subtotalCents"),
        discount_minor=_maybe_integer(data, "discountCents") or 0,
        tax_minor=_integer(data, "taxTotalCents"),
        total_minor=_integer(data, "totalCents"),
        tax_rate=_maybe_decimal(data, "taxRate"),
        postage_minor=_maybe_integer(data, "postageCents") or 0,
        postage_tax_minor=_maybe_integer(data, "postageTaxCents") or 0,
        commission_minor=_maybe_integer(data, "commissionAmountCents") or 0,
        commission_tax_minor=_maybe_integer(data, "commissionAmountTaxCents") or 0,
        status=_text(data, "status"),
    )


def seller(node: Any) -> SellerValue:
    """A Seller or DeletedSeller node."""
    data = _object(node, "seller")
    deleted = data.get("__typename") == "DeletedSeller"
    return SellerValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_maybe_integer(data, "legacyId"),
        business_name=_text(data, "businessName") or ("deleted seller" if deleted else ""),
        deleted=deleted,
        updated_at=_maybe_time(data, "updatedAt"),
    )


def listings(node: Any) -> list[ListingValue]:
    """The variants of an advert, whichever of the three kinds of advert it is."""
    advert = _object(node, "advert")
    kind = advert.get("__typename")
    details = _object(advert.get("details") or advert, "details")
    variants = _object(advert.get("variants") or {}, "variants")
    owner = _object(details.get("seller") or {}, "seller")
    return [
        _listing(_object(variant, "variants"), advert, details, _text(owner, "id"), kind)
        for variant in _list(variants, "nodes")
    ]


def _listing(
    data: Mapping[str, Any],
    advert: Mapping[str, Any],
    details: Mapping[str, Any],
    seller_id: str,
    kind: Any,
) -> ListingValue:
    return ListingValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_maybe_integer(data, "legacyId"),
        advert_id=_id(advert, "id"),
        seller_id=seller_id,
        sku=_text(data, "sku"),
        barcode=_text(data, "barcode"),
        title=_text(details, "title"),
        brand=_text(_object(details.get("brand") or {}, "brand"), "name"),
        label=_text(data, "label") or _text(data, "name"),
        price_minor=_maybe_integer(data, "lowestPriceCents"),
        count_on_hand=_maybe_integer(data, "countOnHand"),
        published=kind == "Advert" and data.get("published") is not False,
        deleted=kind == "DeletedAdvert",
        updated_at=_maybe_time(advert, "updatedAt"),
    )


def storable(value: Any) -> Any:
    """The same JSON in a form PostgreSQL can keep: its text has no NUL, and no title means one."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    return value


# -- the parts ----------------------------------------------------------------------------------


def _address(node: Any) -> AddressValue | None:
    if node is None:
        return None
    data = _object(node, "shippingAddress")
    country = _object(data.get("country") or {}, "country")
    state = _object(data.get("state") or {}, "state")
    lines = [_text(data, "address"), _text(data, "subaddress")]
    code = _text(country, "code") or COUNTRY_CODES.get(_text(country, "name").lower(), "")
    return AddressValue(
        street=", ".join(line for line in lines if line),
        city=_text(data, "city"),
        postcode=_text(data, "postcode"),
        state=_text(state, "short"),
        country=code.upper()[:2],
    )


def _external_ids(data: Mapping[str, Any]) -> dict[str, str]:
    pairs = [_object(pair, "externalIds") for pair in _list(data, "externalIds")]
    return {_text(pair, "key"): _text(pair, "value") for pair in pairs}


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable(f"{name} is {_kind(value)}, not an object")
    return value


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{name} is {_kind(value)}, not a list")
    return value


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} is {_kind(value)}, not text")
    return value.strip()


def _id(data: Mapping[str, Any], name: str) -> str:
    value = _text(data, name)
    if not value:
        raise Unreadable(f"{name} is missing")
    if len(value) > 120:
        raise Unreadable(f"{name} is longer than any id")
    return value


def _integer(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable(f"{name} is {_kind(value)}, not a whole number")
    if abs(value) >= 10**13:
        raise Unreadable(f"{name} is beyond any amount: {value}")
    return value


def _maybe_integer(data: Mapping[str, Any], name: str) -> int | None:
    return None if data.get(name) is None else _integer(data, name)


def _decimal(data: Mapping[str, Any], name: str) -> Decimal:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unreadable(f"{name} is {_kind(value)}, not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(f"{name} is not a number: {value!r}") from None
    if not number.is_finite() or abs(number) >= 10**9:
        raise Unreadable(f"{name} is beyond any quantity: {value!r}")
    return number


def _maybe_decimal(data: Mapping[str, Any], name: str) -> Decimal | None:
    return None if data.get(name) is None else _decimal(data, name)


def _time(data: Mapping[str, Any], name: str) -> datetime:
    value = _text(data, name)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Unreadable(f"{name} is not a time: {value!r}") from None
    if moment.tzinfo is None:
        raise Unreadable(f"{name} has no time zone: {value!r}")
    return moment


def _maybe_time(data: Mapping[str, Any], name: str) -> datetime | None:
    return None if data.get(name) is None else _time(data, name)


def _kind(value: Any) -> str:
    names = {type(None): "missing", bool: "true or false", dict: "an object", list: "a list"}
    return names.get(type(value), f"{type(value).__name__} {str(value)[:40]!r}")
