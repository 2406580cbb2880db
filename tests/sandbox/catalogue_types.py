"""The records of the seeded catalogue: sellers, variants, ERP items, mappings and the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

STANDARD = Decimal("0.20")
ZERO = Decimal("0.00")
FIRST_SELLER, FIRST_ADVERT, FIRST_VARIANT = 51, 100_000_001, 7001


@dataclass(frozen=True, slots=True)
class SandboxSeller:
    """One seller. `treatment` is "principal", "agent", or None where nobody configured one."""

    legacy_id: int
    business_name: str
    own: bool
    treatment: str | None
    dispatch_country: str
    city: str
    postcode: str
    email: str
    commission_rate: Decimal


@dataclass(frozen=True, slots=True)
class SandboxVariant:
    """One sellable variant. `price_cents` is gross; `popularity` is the rank among all, from 1."""

    legacy_id: int
    advert_legacy_id: int
    seller_legacy_id: int
    sku: str | None
    barcode: str | None
    title: str
    brand: str
    size: str
    colour: str
    gender: str
    category: str
    price_cents: int
    tax_rate: Decimal
    tax_code: str
    stock: int
    published: bool
    popularity: int
    pack_quantity: int
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxErpItem:
    """One item of the ERP. `list_price` is net in GBP; `duplicate_of` names the item it repeats."""

    sku: str
    name: str
    template_code: str
    template_name: str
    barcode: str | None
    list_price: Decimal
    tax_class: str
    active: bool
    size: str
    colour: str
    brand: str
    gender: str
    category: str
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class OpeningMapping:
    """A mapping the company already had before it used the product."""

    seller_legacy_id: int
    variant_legacy_id: int
    variant_sku: str
    erp_sku: str
    pack_quantity: int = 1


@dataclass(frozen=True)
class Catalogue:
    """Everything `build` makes. `truth` is for witnesses: variant legacy id to ERP SKU or None."""

    seed: int
    sellers: tuple[SandboxSeller, ...]
    variants: tuple[SandboxVariant, ...]
    erp_items: tuple[SandboxErpItem, ...]
    opening_mappings: tuple[OpeningMapping, ...]
    truth: dict[int, str | None] = field(repr=False)

    def seller(self, legacy_id: int) -> SandboxSeller:
        """The seller with that number. Raises KeyError when there is none."""
        for seller in self.sellers:
            if seller.legacy_id == legacy_id:
                return seller
        raise KeyError(legacy_id)

    def variant(self, legacy_id: int) -> SandboxVariant:
        """The variant with that number. Raises KeyError when there is none."""
        index = legacy_id - FIRST_VARIANT
        if not 0 <= index < len(self.variants):
            raise KeyError(legacy_id)
        return self.variants[index]
