"""Items, stock, shipments and goods that come back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True)
class Item:
    ref: str
    sku: str
    name: str
    parent_ref: str | None
    barcodes: tuple[str, ...]
    price: Decimal | None
    currency: str | None
    active: bool
    options: Mapping[str, str]  # size, colour, ... where the ERP has them
    modified_at: datetime | None


@dataclass(frozen=True)
class StockLevel:
    """A level of one item at one location, no younger than `as_of`.

    `on_hand` lies there; `reserved` of it is assigned to shipments; `available` is what may still
    be promised: accepted orders are taken off, assigned or not. A negative level is told as it is.
    """

    sku: str
    location: str | None
    on_hand: Decimal
    reserved: Decimal | None
    available: Decimal | None  # None: the ERP cannot tell
    as_of: datetime  # our clock, before the ERP was asked


class ShipmentPhase(StrEnum):
    """What a shipment means to a customer; the ERP's own word stands beside it."""

    OPEN = "open"  # still in the house
    SHIPPED = "shipped"  # has left
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ShippedLine:
    """One order line's share of a shipment, or of a parcel."""

    sku: str
    quantity: Decimal
    line_key: str = ""  # of the order line; empty when the ERP's people made the line


@dataclass(frozen=True)
class Parcel:
    """One box. An ERP that knows no boxes gives none, and the tracking with the shipment."""

    number: str
    tracking: str  # empty: none yet
    lines: tuple[ShippedLine, ...]


@dataclass(frozen=True)
class Shipment:
    ref: str
    number: str
    order_ref: str
    state: str  # the ERP's own word
    shipped_on: date | None  # set once SHIPPED
    lines: tuple[ShippedLine, ...]  # everything in it, parcels or not
    carrier: str | None  # the ERP's name for it
    tracking: tuple[str, ...]
    modified_at: datetime | None
    phase: ShipmentPhase = ShipmentPhase.OPEN
    order_key: str = ""
    parcels: tuple[Parcel, ...] = ()


@dataclass(frozen=True)
class ReturnLine:
    line_key: str  # of the order line
    sku: str
    quantity: Decimal  # positive


@dataclass(frozen=True)
class ReturnDraft:
    """Goods announced to come back. Says nothing about money: that is a CreditNoteDraft."""

    key: str  # ours
    reference: str  # what people call it: RF-1203
    order_key: str
    expected_on: date
    lines: tuple[ReturnLine, ...]
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError(f"{self.reference} returns nothing")
        if any(line.quantity <= 0 for line in self.lines):
            raise ValueError(f"{self.reference}: a returned quantity is not positive")


class ReturnPhase(StrEnum):
    EXPECTED = "expected"
    RECEIVED = "received"  # in the house, not back on the shelf
    RESTOCKED = "restocked"  # counts as stock again
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ReturnState:
    """A return as the ERP holds it; the warehouse may have counted less than was announced."""

    ref: str
    number: str
    key: str
    order_key: str
    phase: ReturnPhase
    erp_state: str
    lines: tuple[ReturnLine, ...]
    received_on: date | None = None
    modified_at: datetime | None = field(default=None, compare=False)
