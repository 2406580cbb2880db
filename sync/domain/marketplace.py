"""Marketplacer's things as values, in its own nouns. Money is integer minor units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class AddressValue:
    street: str
    city: str
    postcode: str
    state: str
    country: str  # ISO 3166-1 alpha-2


@dataclass(frozen=True)
class OrderValue:
    marketplacer_id: str
    legacy_id: int | None
    external_ids: Mapping[str, str]


@dataclass(frozen=True)
class InvoiceLineValue:
    marketplacer_id: str
    legacy_id: int | None
    variant_id: str
    sku: str
    barcode: str
    title: str
    variant_name: str
    brand: str
    quantity: Decimal
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    tax_rate: Decimal | None
    postage_minor: int
    postage_tax_minor: int
    commission_minor: int
    commission_tax_minor: int
    status: str


@dataclass(frozen=True)
class InvoiceValue:
    marketplacer_id: str
    legacy_id: int
    order: OrderValue
    seller_id: str
    seller_name: str
    created_at: datetime
    paid_at: datetime | None
    updated_at: datetime
    delivery_type: str
    status_flags: frozenset[str]
    total_minor: int
    lines: tuple[InvoiceLineValue, ...]
    buyer_first_name: str
    buyer_surname: str
    shipping_address: AddressValue | None
    external_ids: Mapping[str, str]


@dataclass(frozen=True)
class SellerValue:
    marketplacer_id: str
    legacy_id: int | None
    business_name: str
    deleted: bool
    updated_at: datetime | None


@dataclass(frozen=True)
class ListingValue:
    marketplacer_id: str
    legacy_id: int | None
    advert_id: str
    seller_id: str
    sku: str
    barcode: str
    title: str
    brand: str
    label: str
    price_minor: int | None
    count_on_hand: int | None
    published: bool
    deleted: bool
    updated_at: datetime | None
