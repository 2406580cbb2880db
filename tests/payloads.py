"""Marketplacer's JSON as it comes over the wire, with boring defaults."""

from decimal import Decimal

from sync.domain.tax import contained_tax

VAT = "0.2"


def line_node(number=1, *, listing=None, gross=6_000, quantity=1, rate=VAT, postage=0, **changes):
    """A LineItem as InvoiceFields selects it; `gross` is the line's total in pence."""
    return {
        "id": f"line-{number}",
        "legacyId": number,
        "variantId": listing.marketplacer_id if listing else f"variant-{number}",
        "variantSku": listing.sku if listing else f"SKU-{number}",
        "variantBarcode": "",
        "variantName": "M, sage",
        "advertTitle": listing.title if listing else "Camp shirt",
        "brandName": "Saltbush",
        "quantity": quantity,
        "status": "ALLOCATED",
        "subtotalCents": gross,
        "discountCents": 0,
        "taxTotalCents": contained_tax(gross, Decimal(rate)),
        "totalCents": gross,
        "taxRate": float(rate),
        "postageCents": postage,
        "postageTaxCents": contained_tax(postage, Decimal(VAT)),
        "commissionAmountCents": 600,
        "commissionAmountTaxCents": 100,
        **changes,
    }


def invoice_node(number=41207, *, seller, lines=None, updated="2026-11-01T09:00:00Z", **changes):
    """An Invoice as InvoiceFields selects it, placed on 1 November 2026 and paid."""
    lines = [line_node()] if lines is None else lines
    return {
        "__typename": "Invoice",
        "id": f"invoice-{number}",
        "legacyId": number,
        "createdAt": "2026-11-01T09:00:00Z",
        "paidAt": "2026-11-01T09:00:00Z",
        "updatedAt": updated,
        "deliveryType": "BUY_ONLINE",
        "statusFlags": ["PAID"],
        "totalCents": sum(line["totalCents"] + line["postageCents"] for line in lines),
        "buyerFirstName": "Ana",
        "buyerSurname": "Example",
        "shippingAddress": {
            "address": "1 Sample Street",
            "subaddress": None,
            "city": "Exampleton",
            "postcode": "EX1 1AA",
            "state": None,
            "country": {"name": "United Kingdom", "code": "GB"},
        },
        "seller": {
            "id": seller.marketplacer_id if seller else "seller-nobody-read",
            "legacyId": seller.legacy_id if seller else 0,
            "businessName": seller.business_name if seller else "Unread seller",
        },
        "order": {"id": f"order-{number}", "legacyId": number, "externalIds": []},
        "externalIds": [],
        "lineItems": lines,
        **changes,
    }
