"""Mutations about products, external ids, metadata and webhooks."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from tests.sandbox.marketplacer.context import Caller, PayloadError, need
from tests.sandbox.marketplacer.mutating import Payload, mutation
from tests.sandbox.marketplacer.store import Doc

SEARCHABLE = (
    "Order", "Invoice", "LineItem", "Seller", "Advert", "Variant", "Shipment", "RefundRequest",
)  # fmt: skip


def put_external_ids(who: Caller, owner: Doc, pairs: list[Doc]) -> None:
    """Set keys on an object. That is a change of it: `updatedAt` moves and webhooks fire."""
    entries = {entry["key"]: entry for entry in owner.get("externalIds", ())}
    store = who.market.store
    for pair in pairs:
        key, value = pair["key"].strip(), pair.get("value")
        if not key:
            raise PayloadError("key", "can't be blank")
        if value is None or not value.strip():
            raise PayloadError("value", "can't be blank")
        old = entries.get(key)
        if old is not None:
            owners = store.external_ids.get((owner["kind"], key, old["value"]), [])
            if owner["number"] in owners:
                owners.remove(owner["number"])
        entries[key] = {"key": key, "value": value}
    store.change(owner["kind"], owner["number"], externalIds=list(entries.values()))
    who.market.touch(owner["kind"], owner["number"])


def _upsert_one(who: Caller, given: Payload) -> Payload:
    owner = need(who, given["owner"], "owner", *SEARCHABLE)
    put_external_ids(who, owner, [given])
    return {}


def _upsert_several(who: Caller, given: Payload) -> Payload:
    owner = need(who, given["ownerId"], "ownerId", *SEARCHABLE)
    put_external_ids(who, owner, given["externalIds"])
    return {}


def _metadata(who: Caller, given: Payload) -> Payload:
    owner = need(who, given["owner"], "owner", *SEARCHABLE)
    entries = {entry["key"]: entry for entry in owner.get("metadata", ())}
    entries[given["key"]] = {"key": given["key"], "value": given.get("value")}
    who.market.store.change(owner["kind"], owner["number"], metadata=list(entries.values()))
    who.market.touch(owner["kind"], owner["number"])
    return {}


def change_variant(who: Caller, variant: Doc, given: Payload, where: str = "attributes") -> Doc:
    """Carry a partial VariantInput into a variant. Raises PayloadError."""
    changes: Doc = {}
    for name in ("sku", "barcode", "countOnHand", "infiniteQuantity", "published"):
        if name in given:
            changes[name] = given[name]
    if changes.get("countOnHand", 0) is None or (changes.get("countOnHand") or 0) < 0:
        raise PayloadError(f"{where}.countOnHand", "must be greater than or equal to 0")
    if given.get("price") is not None:
        changes["priceCents"] = pence(given["price"], f"{where}.price")
    store = who.market.store
    store.change("Variant", variant["number"], **changes)
    if given.get("externalIds"):
        current = store.need("Variant", variant["number"])
        put_external_ids(who, current, given["externalIds"])
    return who.market.touch("Variant", variant["number"])


def pence(price: str | Decimal, where: str) -> int:
    """A decimal price in pounds as pence. Raises PayloadError."""
    try:
        value = Decimal(price).scaleb(2)
    except InvalidOperation:
        raise PayloadError(where, "is not a number") from None
    if value < 0 or value != value.to_integral_value():
        raise PayloadError(where, "must be zero or more, in whole pence")
    return int(value)


def _variant_update(who: Caller, given: Payload) -> Payload:
    attributes = given["attributes"]
    opaque = given.get("variantId") or attributes.get("id")
    variant = need(who, opaque, "variantId", "Variant")
    return {"variant": change_variant(who, variant, attributes)}


def _advert_upsert(who: Caller, given: Payload) -> Payload:
    attributes = given["attributes"]
    opaque = given.get("advertId") or attributes.get("id")
    store = who.market.store
    if opaque is None:
        advert = _new_advert(who, given, attributes)
    else:
        advert = need(who, opaque, "advertId", "Advert")
        changes = {n: attributes[n] for n in ("title", "description") if attributes.get(n)}
        store.change("Advert", advert["number"], **changes)
    for index, row in enumerate(attributes.get("variants") or ()):
        where = f"attributes.variants.{index}"
        if row.get("id") is not None:
            variant = need(who, row["id"], f"{where}.id", "Variant")
        else:
            variant = _new_variant(who, store.need("Advert", advert["number"]), attributes)
        change_variant(who, variant, row, where)
    return {"advert": who.market.touch("Advert", advert["number"])}


def _new_advert(who: Caller, given: Payload, attributes: Payload) -> Doc:
    if not attributes.get("title"):
        raise PayloadError("attributes.title", "can't be blank")
    seller = who.seller
    if seller is None:
        seller = need(who, given.get("sellerId"), "sellerId", "Seller")["number"]
    number = who.market.store.next_number("Advert")
    return who.market.store.put(
        "Advert",
        {
            "number": number,
            "kind": "Advert",
            "title": attributes["title"],
            "description": attributes.get("description"),
            "brandName": None,
            "sellerNumber": seller,
            "published": bool(attributes.get("attemptAutoPublish")),
            "variantNumbers": [],
            "externalIds": [],
            "metadata": [],
            "createdAt": who.market.store.now(),
        },
    )


def _new_variant(who: Caller, advert: Doc, attributes: Payload) -> Doc:
    store = who.market.store
    number = store.next_number("Variant")
    numbers = [*advert["variantNumbers"], number]
    store.change("Advert", advert["number"], variantNumbers=numbers)
    return store.put(
        "Variant",
        {
            "number": number,
            "kind": "Variant",
            "advertNumber": advert["number"],
            "sellerNumber": advert["sellerNumber"],
            "sku": None,
            "barcode": None,
            "label": "",
            "name": "",
            "priceCents": pence(attributes.get("price") or "0", "attributes.price"),
            "taxRate": "0.20",
            "countOnHand": 0,
            "infiniteQuantity": False,
            "published": True,
            "externalIds": [],
            "metadata": [],
            "createdAt": store.now(),
        },
    )


def _webhook_create(who: Caller, given: Payload) -> Payload:
    attributes = given["attributes"]
    seller = attributes.get("sellerId")
    if seller is not None:
        seller = need(who, seller, "sellerId", "Seller")["number"]
    retries = attributes.get("maxRetries")
    hook = who.webhooks.register(
        url=attributes["url"],
        type=attributes["type"],
        query=attributes.get("queryString"),
        hmac_key=attributes.get("hmacKey"),
        headers=attributes.get("headers"),
        event_name=attributes.get("eventName"),
        enabled=attributes.get("enabled") is not False,
        allow_skip=bool(attributes.get("allowSkip")),
        max_retries=25 if retries is None else retries,
        seller=seller,
    )
    return {"webhook": hook, "status": 201}


MUTATIONS = {
    "variantUpdate": mutation(_variant_update),
    "advertUpsert": mutation(_advert_upsert),
    "externalIdUpsert": mutation(_upsert_one, operator=True),
    "externalIdsUpsert": mutation(_upsert_several, operator=True),
    "metadataUpsert": mutation(_metadata, operator=True),
    "webhookCreate": mutation(_webhook_create, operator=True),
}
