"""The values that cross the ERP port: neutral accounting nouns, exact money, aware times.

Amounts are ``Decimal`` in major units of the document's currency. Nothing here knows Tryton,
Marketplacer or Django.
"""

from dataclasses import dataclass
from enum import StrEnum

from sync.domain.documents.books import (
    Balance,
    CreditNoteDraft,
    DocumentKind,
    DocumentLine,
    DocumentState,
    DocumentTax,
    JournalEntry,
    JournalLine,
    LedgerLine,
    LedgerQuery,
    PostedDocument,
    PostedJournal,
)
from sync.domain.documents.goods import (
    Item,
    Parcel,
    ReturnDraft,
    ReturnLine,
    ReturnPhase,
    ReturnState,
    Shipment,
    ShipmentPhase,
    ShippedLine,
    StockLevel,
)
from sync.domain.documents.orders import (
    Address,
    FulfilledBy,
    LineKind,
    OrderDraft,
    OrderLine,
    OrderPhase,
    OrderState,
    Treatment,
)
from sync.domain.documents.reference import (
    Account,
    AccountKind,
    Journal,
    Party,
    Period,
    PeriodState,
    ReferenceData,
    TaxCode,
    first_postable,
    postable,
)


class WriteStatus(StrEnum):
    CREATED = "created"
    EXISTED = "existed"
    ACCEPTED = "accepted"  # taken, result later: poll the ticket


@dataclass(frozen=True)
class Written:
    """What a write left in the ERP: found there already, made now, or promised."""

    ref: str | None
    number: str | None
    status: WriteStatus
    order: OrderState | None = None  # read back, for orders
    ticket: str | None = None
    document: PostedDocument | None = None  # read back, for credit notes
    returned: ReturnState | None = None  # read back, for returns
    journal: PostedJournal | None = None  # read back by the caller, for journal entries


__all__ = [
    "Account",
    "AccountKind",
    "Address",
    "Balance",
    "CreditNoteDraft",
    "DocumentKind",
    "DocumentLine",
    "DocumentState",
    "DocumentTax",
    "FulfilledBy",
    "Item",
    "Journal",
    "JournalEntry",
    "JournalLine",
    "LedgerLine",
    "LedgerQuery",
    "LineKind",
    "OrderDraft",
    "OrderLine",
    "OrderPhase",
    "OrderState",
    "Parcel",
    "Party",
    "Period",
    "PeriodState",
    "PostedDocument",
    "PostedJournal",
    "ReferenceData",
    "ReturnDraft",
    "ReturnLine",
    "ReturnPhase",
    "ReturnState",
    "Shipment",
    "ShipmentPhase",
    "ShippedLine",
    "StockLevel",
    "TaxCode",
    "Treatment",
    "WriteStatus",
    "Written",
    "first_postable",
    "postable",
]
