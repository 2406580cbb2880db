"""Orders on their way into the ERP, and as it holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class LineKind(StrEnum):
    GOODS = "goods"
    SHIPPING = "shipping"
    ROUNDING = "rounding"  # the cent no tax-exclusive price can reach; on the clearing account


class Treatment(StrEnum):
    """Whose sale it is, in the books: the operator's own (principal) or a seller's (agent)."""

    PRINCIPAL = "principal"
    AGENT = "agent"


class FulfilledBy(StrEnum):
    OPERATOR = "operator"  # the ERP picks, packs and ships
    SELLER = "seller"  # a financial record only: no picking


class OrderPhase(StrEnum):
    """How far an order has come in the ERP. ACCEPTED and BOOKED are different facts."""

    DRAFT = "draft"
    QUOTED = "quoted"
    ACCEPTED = "accepted"  # confirmed under our key
    BOOKED = "booked"  # its invoice is posted in the ledger
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Address:
    name: str
    street: str
    city: str
    postcode: str
    state: str
    country: str  # ISO 3166-1 alpha-2


@dataclass(frozen=True)
class OrderLine:
    """One line as the ERP will compute it: `net` is quantity x unit_price, rounded."""

    key: str  # Marketplacer's line id, "shipping:<tax code>" or "rounding"
    kind: LineKind
    sku: str  # the ERP's item code; empty for shipping and rounding
    description: str
    quantity: Decimal
    unit_price: Decimal  # before tax, up to 4 digits more than the currency
    net: Decimal
    tax: Decimal  # predicted, rounded as the ERP rounds
    tax_code: str | None  # the ERP's name for the tax; None = no tax on this line


@dataclass(frozen=True)
class OrderDraft:
    """A sales document complete enough to post; built once, frozen in the outbox."""

    key: str  # ours, unique in the ERP
    reference: str  # what people call it: INV-41207
    placed_at: datetime
    currency: str
    treatment: Treatment
    fulfilled_by: FulfilledBy
    ship_to: Address
    lines: tuple[OrderLine, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal  # what the customer paid
    # Marketplace facts the ERP's people want to see: order number, seller, commission, ...
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError(f"{self.reference} has no lines")
        if sum(line.net for line in self.lines) != self.net:
            raise ValueError(f"{self.reference}: the lines do not add up to {self.net}")
        if self.net + self.tax != self.gross:
            raise ValueError(f"{self.reference}: {self.net} + {self.tax} is not {self.gross}")


@dataclass(frozen=True)
class OrderState:
    """An order as the ERP holds it now, looked up by our key or by its own id."""

    ref: str  # the ERP's id
    number: str | None  # the number its people see
    key: str
    phase: OrderPhase
    erp_state: str  # its own word, for people
    net: Decimal
    tax: Decimal
    gross: Decimal
    currency: str
    invoice_number: str | None = None  # set once BOOKED
    booked_on: date | None = None
    # What will not be delivered any more, by line key: cancelled or amended after acceptance. Some
    # ERPs lower the order's totals for it, others keep them (Capabilities.amend_lowers_totals).
    withdrawn: Mapping[str, Decimal] = field(default_factory=dict)
