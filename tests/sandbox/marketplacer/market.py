"""The market itself: the documents, the catalogue they start from, and the news of each change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.sandbox.bulk import all_are_kept
from tests.sandbox.catalogue import Catalogue
from tests.sandbox.marketplacer.ids import stamp
from tests.sandbox.marketplacer.store import Doc, Store

CATALOGUE_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CARRIERS = (
    "Royal Parcel",
    "Swiftline",
    "Northern Couriers",
    "Collected in store",
    "Untracked post",
)
SHIPPING_POUNDS = (3.99, 3.99, 2.99, 4.95, 5.5, 4.5, 3.5, 4.25, 4.95, 2.95, 3.95, 0.0, 7.5, 3.99)

Emit = Callable[[str, int, str], None]


class Market:
    """Store, catalogue and announcer. Whoever changes a document calls `touch` or `created`."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self.store = store
        self.catalogue = catalogue
        self.emit: Emit = lambda kind, number, event: None
        self._seed()
        store.load()

    def touch(self, kind: str, number: int) -> Doc:
        """Mark a document as changed now and announce it, with what changes along with it."""
        return self._announce(kind, number, "update")

    def created(self, kind: str, number: int) -> Doc:
        """Announce a new document."""
        return self._announce(kind, number, "create")

    def _announce(self, kind: str, number: int, event: str) -> Doc:
        doc = self.store.need(kind, number)
        if event == "update" or not doc.get("updatedAt"):
            doc = self.store.change(kind, number, updatedAt=self.store.now())
        self.emit(kind, number, event)
        if kind == "Variant":
            self._announce("Advert", doc["advertNumber"], "update")
        elif kind in ("Shipment", "RefundRequest", "InvoiceAmendment"):
            self._announce("Invoice", doc["invoiceNumber"], "update")
        elif kind == "Invoice":
            self.store.change("Order", doc["orderNumber"], updatedAt=doc["updatedAt"])
        return doc

    @all_are_kept()
    def _seed(self) -> None:
        """Put the catalogue's documents; nothing of it is written to disk until it changes."""
        store = self.store
        store.hold_back = True
        for index, carrier in enumerate(CARRIERS, start=1):
            store.put(
                "ShipmentCarrier", {"number": index, "kind": "ShipmentCarrier", "name": carrier}
            )
        for index, seller in enumerate(self.catalogue.sellers):
            place = address(
                f"Unit {index + 3}, Wharf Road", seller.city, seller.postcode,
                seller.dispatch_country, number=1_000 + index,
            )  # fmt: skip
            store.put("Address", place)
            when = stamp(CATALOGUE_START + timedelta(minutes=index))
            store.put(
                "Seller",
                {
                    "number": seller.legacy_id,
                    "kind": "Seller",
                    "businessName": seller.business_name,
                    "accountType": "RETAILER",
                    "address": place,
                    "shipmentAddressNumbers": [place["number"]],
                    "emailAddress": seller.email,
                    "phone": f"0113 496 0{index:03d}",
                    "baseDomesticShippingCost": SHIPPING_POUNDS[index % len(SHIPPING_POUNDS)],
                    "baseInternationalShippingCost": 14.95,
                    "baseCommissionRate": float(seller.commission_rate),
                    "advertVettingRequired": False,
                    "isRetailer": True,
                    "online": True,
                    "externalIds": [],
                    "metadata": [],
                    "createdAt": when,
                    "updatedAt": when,
                },
            )
        gone = stamp(CATALOGUE_START)
        store.put(
            "Seller", {"number": 50, "kind": "Seller", "deleted": True,
                       "businessName": "Closed Shop",
                       "updatedAt": gone, "externalIds": []},
        )  # fmt: skip
        self._seed_adverts()
        store.hold_back = False

    def _seed_adverts(self) -> None:
        adverts: dict[int, Doc] = {}
        wanted = {v.advert_legacy_id for v in self.catalogue.variants if v.popularity <= 200}
        for index, variant in enumerate(self.catalogue.variants):
            when = stamp(CATALOGUE_START + timedelta(hours=1, seconds=index))
            number = variant.advert_legacy_id
            advert = adverts.get(number)
            if advert is None:
                advert = adverts[number] = {
                    "number": number,
                    "kind": "Advert",
                    "title": variant.title,
                    "description": f"<p>{variant.title}. Designed to last.</p>",
                    "brandName": variant.brand,
                    "sellerNumber": variant.seller_legacy_id,
                    "category": variant.category,
                    "published": number in wanted or number % 61 != 0,
                    "variantNumbers": [],
                    "externalIds": [],
                    "metadata": [],
                    "createdAt": when,
                }
            advert["updatedAt"] = when
            advert["variantNumbers"].append(variant.legacy_id)
            label = f"{variant.colour} / {variant.size}"
            self.store.put(
                "Variant",
                {
                    "number": variant.legacy_id,
                    "kind": "Variant",
                    "advertNumber": variant.advert_legacy_id,
                    "sellerNumber": variant.seller_legacy_id,
                    "sku": variant.sku,
                    "barcode": variant.barcode,
                    "label": label,
                    "name": label,
                    "priceCents": variant.price_cents,
                    "taxRate": str(variant.tax_rate),
                    "countOnHand": variant.stock,
                    "infiniteQuantity": False,
                    "published": variant.published,
                    "popularity": variant.popularity,
                    "externalIds": [],
                    "metadata": [],
                    "createdAt": when,
                    "updatedAt": when,
                },
            )
        for advert in adverts.values():
            self.store.put("Advert", advert)
        deleted = {"number": 100_000_000, "kind": "Advert", "deleted": True, "variantNumbers": [],
                   "title": "Withdrawn", "externalIds": [],
                   "updatedAt": stamp(CATALOGUE_START)}  # fmt: skip
        self.store.put("Advert", deleted)


def address(
    street: str, city: str, postcode: str, country: str, *, number: int, extra: str | None = None
) -> Doc:
    """An address document; `country` is a two-letter code."""
    names = {"GB": "United Kingdom", "IE": "Ireland", "AU": "Australia", "DE": "Germany"}
    name = names.get(country, country)
    return {
        "number": number,
        "kind": "Address",
        "address": street,
        "subaddress": extra,
        "city": city,
        "postcode": postcode,
        "country": {"name": name, "code": country},
        "state": None,
        "fullAddress": ", ".join(part for part in (street, extra, city, postcode, name) if part),
    }
