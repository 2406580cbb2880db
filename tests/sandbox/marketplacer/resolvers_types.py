"""Fields of the object types: relations between documents, and money in words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from tests.sandbox.marketplacer.context import caller, operator_only
from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.paging import connection
from tests.sandbox.marketplacer.payouts import seller_remittances
from tests.sandbox.marketplacer.store import Doc

Resolver = Callable[..., Any]


def one(kind: str, field: str) -> Resolver:
    """A relation to one document whose number stands in `field`; null where it is gone."""

    def resolve(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> Doc | None:
        number = doc.get(field)
        return None if number is None else caller(info).market.store.get(kind, number)

    return resolve


def many(kind: str, field: str) -> Resolver:
    """A plain list of documents whose numbers stand in `field`."""

    def resolve(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> list[Doc]:
        store = caller(info).market.store
        return [store.need(kind, number) for number in doc.get(field, ())]

    return resolve


def pages(kind: str, field: str) -> Resolver:
    """A connection over documents whose numbers stand in `field`."""

    def resolve(doc: Doc, info: GraphQLResolveInfo, **args: Any) -> Doc:
        store = caller(info).market.store
        return connection([store.need(kind, number) for number in doc.get(field, ())], args)

    return resolve


def reference(kind: str, field: str) -> Resolver:
    """The opaque id of a related document."""

    def resolve(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> str | None:
        number = doc.get(field)
        return None if number is None else global_id(kind, number)

    return resolve


def same(field: str) -> Resolver:
    """Another field of the same document."""
    return lambda doc, info, **_: doc.get(field)


def fixed(value: Any) -> Resolver:
    """Always the same answer."""
    return lambda doc, info, **_: value


def pounds(cents: int | None, currency: str | None = None) -> str | None:
    """Pence as the `…Formatted` fields show them."""
    if cents is None:
        return None
    if currency not in (None, "GBP"):
        raise GraphQLError(f"Currency {currency} is not available")
    sign = "-" if cents < 0 else ""
    return f"{sign}£{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def formatted(field: str) -> Resolver:
    """The `…Formatted` twin of a `…Cents` field."""
    return lambda doc, info, currency=None, **_: pounds(doc.get(field), currency)


def external_ids(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> list[Doc]:
    """The external ids of a document."""
    return [
        {
            "id": global_id("ExternalID", doc["number"] * 100 + index),
            "owner": doc,
            **entry,
        }
        for index, entry in enumerate(doc.get("externalIds", ()))
    ]


def _variants(doc: Doc, info: GraphQLResolveInfo, **args: Any) -> Doc:
    store = caller(info).market.store
    rows = [store.need("Variant", number) for number in doc.get("variantNumbers", ())]
    if args.get("displayableOnly", doc.get("published", False)):
        rows = [row for row in rows if row["published"]]
    return connection(rows, args)


def _displayable(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> bool:
    return bool(doc["published"])


def _buyable(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> bool:
    return bool(doc["published"] and (doc["infiniteQuantity"] or doc["countOnHand"] > 0))


def _price(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> str:
    return str(Decimal(doc["priceCents"]).scaleb(-2))


def _brand(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> Doc | None:
    name = doc.get("brandName")
    if not name:
        return None
    number = int.from_bytes(name.encode()[:6], "big")
    return {"number": number, "kind": "Brand", "name": name}


def _adverts_count(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> int:
    adverts = caller(info).market.store.all("Advert")
    return sum(advert.get("sellerNumber") == doc["number"] for advert in adverts)


def _order_of(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> Doc | None:
    operator_only(info)
    return caller(info).market.store.get("Order", doc["orderNumber"])


def buyer(field: str) -> Resolver:
    """A field of the parent order, shown on the invoice."""

    def resolve(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> Any:
        order = caller(info).market.store.get("Order", doc["orderNumber"])
        return order.get(field) if order else None

    return resolve


def _aggregate(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> str:
    flags = [
        set(invoice["statusFlags"]) for invoice in many("Invoice", "invoiceNumbers")(doc, info)
    ]
    for status in ("PAYMENT_UNDER_REVIEW", "CANCELLED", "COLLECTED", "SENT"):
        if flags and all(status in each for each in flags):
            return status
    return "PAID" if any("PAID" in each for each in flags) else "AWAITING_PAYMENT"


def _final(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> bool:
    ends = {"SENT", "COLLECTED", "CANCELLED", "REFUNDED"}
    return all(
        ends & set(invoice["statusFlags"])
        for invoice in many("Invoice", "invoiceNumbers")(doc, info)
    )


def _amendment_lines(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> list[Doc]:
    store = caller(info).market.store
    return [
        {
            "number": doc["number"] * 100 + index,
            "kind": "InvoiceAmendmentLineItem",
            "amountCents": row["totalCents"] // (row["quantity"] or 1),
            "commissionAmountCents": row.get("commissionCents", 0),
            "commissionTaxCents": round(row.get("commissionCents", 0) / 6),
            "custom": row.get("custom"),
            "dispatched": row.get("dispatched"),
            "lineItem": store.get("LineItem", row.get("lineNumber") or 0),
        }
        for index, row in enumerate(doc["rows"])
    ]


def _remittances(doc: Doc, info: GraphQLResolveInfo, **args: Any) -> Doc:
    rows = seller_remittances(caller(info).market, doc["number"], args.get("released"))
    return connection(rows, args)


def _notes(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> list[Doc]:
    return [
        {"number": doc["number"] * 100 + index, "kind": "RefundRequestNote", "note": note}
        for index, note in enumerate(doc["notes"])
    ]


def _ship_from(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> Doc | None:
    """Documented as visible to the seller only."""
    if caller(info).seller is None:
        return None
    return caller(info).market.store.get("Address", doc["shippedFromNumber"] or 0)


def _duplicates(doc: Doc, info: GraphQLResolveInfo, **_: Any) -> list[Doc]:
    if not doc["barcode"]:
        return []
    rows = caller(info).market.store.all("Variant")
    return [row for row in rows if row["barcode"] == doc["barcode"] and row is not doc]


ADVERT: dict[str, Resolver] = {
    "brand": _brand,
    "fullTitle": same("title"),
    "seller": one("Seller", "sellerNumber"),
    "variants": _variants,
    "displayable": _displayable,
    "online": _displayable,
    "details": lambda doc, info, **_: doc,
}

FIELDS: dict[str, dict[str, Resolver]] = {
    "Seller": {
        "advertsCount": _adverts_count,
        "shipmentAddresses": many("Address", "shipmentAddressNumbers"),
        "remittances": _remittances,
    },
    "Advert": ADVERT,
    "UnpublishedAdvert": ADVERT,
    "DeletedAdvert": ADVERT,
    "Variant": {
        "advert": one("Advert", "advertNumber"),
        "buyable": _buyable,
        "displayable": _displayable,
        "duplicateBarcodeVariants": _duplicates,
        "duplicateBarcodeAdverts": fixed([]),
        "editablePrice": _price,
        "editablePriceCents": same("priceCents"),
        "editablePriceFormatted": formatted("priceCents"),
        "lowestPrice": _price,
        "lowestPriceCents": same("priceCents"),
    },
    "Order": {
        "invoices": pages("Invoice", "invoiceNumbers"),
        "aggregateInvoiceStatus": _aggregate,
        "aggregateInvoiceStatusFinal": _final,
    },
    "Invoice": {
        "order": _order_of,
        "seller": one("Seller", "sellerNumber"),
        "lineItems": many("LineItem", "lineNumbers"),
        "shipments": many("Shipment", "shipmentNumbers"),
        "amendments": many("InvoiceAmendment", "amendmentNumbers"),
        "refundRequests": many("RefundRequest", "refundNumbers"),
        "adjustments": fixed([]),
        "annotations": fixed([]),
        "buyerFirstName": buyer("firstName"),
        "buyerSurname": buyer("surname"),
        "buyerEmailAddress": buyer("emailAddress"),
        "buyerPhone": buyer("phone"),
        "buyerMessageToSeller": buyer("messageToSeller"),
        "buyerBillingAddress": buyer("billingAddress"),
        "shippingAddress": buyer("address"),
    },
    "LineItem": {
        "invoice": one("Invoice", "invoiceNumber"),
        "advert": one("Advert", "advertNumber"),
        "advertId": reference("Advert", "advertNumber"),
        "advertLegacyId": same("advertNumber"),
        "variantId": reference("Variant", "variantNumber"),
        "adjustments": fixed([]),
    },
    "InvoiceAmendment": {
        "invoice": one("Invoice", "invoiceNumber"),
        "lineItems": _amendment_lines,
    },
    "Shipment": {
        "invoice": one("Invoice", "invoiceNumber"),
        "shippedItems": same("items"),
        "shippedFrom": _ship_from,
    },
    "ShippedItem": {"lineItem": one("LineItem", "lineNumber")},
    "RefundRequest": {
        "invoice": one("Invoice", "invoiceNumber"),
        "lineItems": same("items"),
        "notes": _notes,
    },
    "RefundRequestLineItem": {"lineItem": one("LineItem", "lineNumber")},
    "Remittance": {
        "invoice": one("Invoice", "invoiceNumber"),
        "invoiceAmendment": one("InvoiceAmendment", "amendmentNumber"),
        "seller": one("Seller", "sellerNumber"),
    },
    "RemittanceAdvice": {
        "seller": one("Seller", "sellerNumber"),
        "remittances": many("Remittance", "remittanceNumbers"),
        "remittanceActions": fixed([]),
        "attachments": fixed([]),
    },
    "Webhook": {"seller": one("Seller", "sellerNumber"), "events": fixed([])},
}
