"""The filters of the list queries: whether a document is among those asked for."""

from __future__ import annotations

from typing import Any

from tests.sandbox.marketplacer.context import Caller
from tests.sandbox.marketplacer.ids import BadId, read_id, stamp
from tests.sandbox.marketplacer.store import Doc


def advert_fits(who: Caller, advert: Doc, filters: dict[str, Any]) -> bool:
    """Whether a product passes the filters of advertsWhere."""
    variants = [who.market.store.need("Variant", number) for number in advert["variantNumbers"]]
    title = advert["title"].lower()
    codes = {str(v["sku"]) for v in variants} | {str(v["barcode"]) for v in variants}

    def fits(name: str, value: Any) -> bool:
        if value is None:
            return True
        if name == "legacyIds":
            return advert["number"] in value
        if name == "retailerIds":
            return is_one_of("Seller", advert["sellerNumber"], value)
        if name in ("title", "q"):
            return str(value).lower() in title
        if name == "idTitleSkuBarcode":
            return str(value).lower() in title or value in codes | {str(advert["number"])}
        if name == "variantSkus":
            return any(v["sku"] in value for v in variants)
        if name == "variantBarcodes":
            return any(v["barcode"] in value for v in variants)
        if name == "stockStatus":
            return any(v["countOnHand"] > 0 or v["infiniteQuantity"] for v in variants)
        if name == "status":
            return bool(value != "NOT_DISPLAYED")
        if name == "createdSince":
            return bool(advert["createdAt"] >= stamp(value))
        if name == "createdUntil":
            return bool(advert["createdAt"] <= stamp(value))
        if name == "vetted":
            return bool(value)
        if name == "rejectedViaVetting":
            return not value
        return False  # brands and taxons have no ids in this instance

    return all(fits(name, value) for name, value in filters.items())


def is_one_of(kind: str, number: int, opaque: list[str]) -> bool:
    """Whether the object is behind one of the opaque ids; foreign ids match nothing."""
    for each in opaque:
        try:
            if read_id(each) == (kind, number):
                return True
        except BadId:
            continue
    return False


TIMES = {"created": "createdAt", "updated": "updatedAt", "paid": "paidAt", "remitted": "remittedAt"}


def invoice_fits(who: Caller, row: Doc, filters: dict[str, Any]) -> bool:
    """Whether an invoice passes an InvoiceFilters."""
    for name, value in filters.items():
        if value is None:
            continue
        if name.endswith("Since"):
            if (row.get(TIMES[name[:-5]]) or "") < stamp(value):
                return False
        elif name.endswith("Until"):
            if not "" < (row.get(TIMES[name[:-5]]) or "") <= stamp(value):
                return False
        elif not _invoice_fits_other(who, row, name, value):
            return False
    return True


def _invoice_fits_other(who: Caller, row: Doc, name: str, value: Any) -> bool:
    if name == "legacyId":
        return bool(row["number"] == value)
    if name == "orderId":
        return bool(row["orderNumber"] == value)
    if name == "statuses":
        return _old_status(row) in value
    if name == "notDispatched":
        flags = set(row["statusFlags"])
        done = bool({"SENT", "COLLECTED", "CANCELLED"} & flags) or "PAID" not in flags
        return done is not value
    order = who.market.store.need("Order", row["orderNumber"])
    if name == "externalId":  # documented: the parent order's ids, not the invoice's
        return any(entry["value"] == value for entry in order["externalIds"])
    if name == "partialExternalId":
        return any(value in entry["value"] for entry in order["externalIds"])
    if name == "buyerEmailAddress":
        return bool(order.get("emailAddress") == value)
    if name == "buyerName":
        return value.lower() in f"{order.get('firstName')} {order.get('surname')}".lower()
    return False


def _old_status(row: Doc) -> str:
    flags = row["statusFlags"]
    order = ("CANCELLED", "REFUNDED", "COLLECTED", "READY", "SENT", "PARTIALLY_SENT",
             "PAYMENT_UNDER_REVIEW", "PAID")  # fmt: skip
    return next((status for status in order if status in flags), "AWAITING_PAYMENT")


def refund_fits(who: Caller, row: Doc, name: str, value: Any) -> bool:
    """Whether a refund request passes one filter."""
    invoice = who.market.store.need("Invoice", row["invoiceNumber"])
    times = {"createdSince": "createdAt", "createdUntil": "createdAt",
             "refundedSince": "refundedAt", "refundedUntil": "refundedAt"}  # fmt: skip
    if name in times:
        found, limit = row.get(times[name]) or "", stamp(value)
        return found >= limit if name.endswith("Since") else "" < found <= limit
    if name == "legacyId":
        return bool(row["number"] == value)
    if name == "invoiceLegacyId":
        return bool(invoice["number"] == value)
    if name == "statuses":
        return row["status"] in value
    if name == "lineItemStatuses":
        return any(item["status"] in value for item in row["items"])
    if name == "sellerId":
        return is_one_of("Seller", invoice["sellerNumber"], [value])
    return False
