"""The values that cross the ERP port: neutral accounting nouns, exact money, aware times.

Amounts are ``Decimal`` in major units of the document's currency. Nothing here knows Tryton,
Marketplacer or Django.
"""

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


class WriteStatus(StrEnum):
    CREATED = "created"
    EXISTED = "existed"
    ACCEPTED = "accepted"  # taken, result later: poll the ticket


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
    sku: str
    location: str | None
    on_hand: Decimal
    reserved: Decimal | None
    available: Decimal | None  # None: the ERP cannot tell
    as_of: datetime


@dataclass(frozen=True)
class ShippedLine:
    sku: str
    quantity: Decimal


@dataclass(frozen=True)
class Shipment:
    ref: str
    number: str
    order_ref: str
    state: str
    shipped_on: date | None
    lines: tuple[ShippedLine, ...]
    carrier: str | None
    tracking: tuple[str, ...]
    modified_at: datetime | None


@dataclass(frozen=True)
class JournalLine:
    account: str  # the ERP's account code
    debit: Decimal
    credit: Decimal
    memo: str = ""


@dataclass(frozen=True)
class JournalEntry:
    key: str
    posting_date: date
    currency: str
    memo: str
    lines: tuple[JournalLine, ...]

    def __post_init__(self) -> None:
        debit = sum((line.debit for line in self.lines), Decimal())
        credit = sum((line.credit for line in self.lines), Decimal())
        if debit != credit or not debit:
            raise ValueError(f"journal {self.key}: debits {debit} are not credits {credit}")


@dataclass(frozen=True)
class Written:
    """What a write left in the ERP: found there already, made now, or promised."""

    ref: str | None
    number: str | None
    status: WriteStatus
    order: OrderState | None = None  # read back, for orders
    ticket: str | None = None


@dataclass(frozen=True)
class TaxCode:
    code: str  # what an OrderLine names
    rate: Decimal  # 0.20
    description: str


@dataclass(frozen=True)
class Account:
    code: str
    name: str
    kind: str


@dataclass(frozen=True)
class ReferenceData:
    company: str
    currency: str
    time_zone: str
    tax_rounding: str  # "line" or "document"
    taxes: tuple[TaxCode, ...]
    accounts: tuple[Account, ...]
    locations: tuple[str, ...]
    open_until: date | None
