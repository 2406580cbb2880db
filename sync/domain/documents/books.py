"""What stands in the books: invoices and credit notes, journals, ledger lines, balances."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sync.domain.documents.orders import OrderLine


@dataclass(frozen=True)
class CreditNoteDraft:
    """Money back for an order, with or without goods; every amount positive.

    A line names the order line it gives back (`OrderLine.key`, "shipping:..." too); its tax code
    must be the original's, and the account follows the original line. A partial amount of one
    piece is quantity 1 (or the fraction) at the price that is given back.
    """

    key: str  # ours, unique among credit notes
    reference: str  # what people call it: RF-1203
    order_key: str
    dated: date  # posting and tax date, company's time zone; lies in an open period
    currency: str
    lines: tuple[OrderLine, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal
    reason: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError(f"{self.reference} gives nothing back")
        if sum(line.net for line in self.lines) != self.net:
            raise ValueError(f"{self.reference}: the lines do not add up to {self.net}")
        if self.net + self.tax != self.gross:
            raise ValueError(f"{self.reference}: {self.net} + {self.tax} is not {self.gross}")


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit note"


class DocumentState(StrEnum):
    DRAFT = "draft"  # not in the ledger yet
    POSTED = "posted"
    PAID = "paid"  # posted, and its receivable reconciled
    CANCELLED = "cancelled"  # taken back after (or before) posting


@dataclass(frozen=True)
class DocumentLine:
    """A line as the ERP computed it; negative on a credit note."""

    ref: str
    line_key: str  # of our order line; empty when the ERP's people made the line
    sku: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    net: Decimal
    tax: Decimal
    tax_codes: tuple[str, ...]
    account: str

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


@dataclass(frozen=True)
class DocumentTax:
    """The document's total for one tax code, as it stands in the ledger."""

    tax_code: str
    base: Decimal
    amount: Decimal
    account: str
    by_hand: bool = False  # a person wrote this amount; the lines' taxes need not add up to it


@dataclass(frozen=True)
class PostedDocument:
    """An invoice or credit note. Amounts are negative where money goes back."""

    ref: str
    kind: DocumentKind
    state: DocumentState
    erp_state: str
    number: str | None
    key: str  # a credit note's own key, else that of its order; empty when neither is ours
    order_key: str
    order_ref: str
    reference: str
    party: str
    dated: date | None
    currency: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    lines: tuple[DocumentLine, ...]
    taxes: tuple[DocumentTax, ...]
    move_ref: str | None  # of its ledger entry
    reverses: tuple[str, ...] = ()  # refs of the documents a credit note takes back
    modified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class JournalLine:
    account: str  # the ERP's account code
    debit: Decimal
    credit: Decimal
    memo: str = ""
    # The ERP's code of the party; wanted by, and only by, accounts that say `party_required`.
    party: str = ""


@dataclass(frozen=True)
class JournalEntry:
    key: str
    posting_date: date
    currency: str
    memo: str
    lines: tuple[JournalLine, ...]
    journal: str = ""  # the ERP's code; empty takes the connection's default

    def __post_init__(self) -> None:
        debit = sum((line.debit for line in self.lines), Decimal())
        credit = sum((line.credit for line in self.lines), Decimal())
        if debit != credit or not debit:
            raise ValueError(f"journal {self.key}: debits {debit} are not credits {credit}")


@dataclass(frozen=True)
class PostedJournal:
    """A posted entry read back, to the line."""

    ref: str
    number: str
    key: str
    posting_date: date
    journal: str
    lines: tuple[JournalLine, ...]
    reverses: str = ""  # the key of the entry it takes back
    line_refs: tuple[str, ...] = ()  # one a line, for `reconcile`


@dataclass(frozen=True)
class LedgerQuery:
    """Which ledger lines; every condition that is given must hold. Bounds are inclusive."""

    accounts: tuple[str, ...] = ()  # codes; empty means all
    start: date | None = None
    end: date | None = None
    changed_since: datetime | None = None
    party: str = ""
    open_only: bool = False  # not reconciled yet
    moves: tuple[str, ...] = ()  # refs of ledger entries; empty means all


@dataclass(frozen=True)
class LedgerLine:
    ref: str
    move_ref: str
    move_number: str
    posting_date: date
    account: str
    party: str
    debit: Decimal
    credit: Decimal
    memo: str
    journal: str
    journal_key: str  # of an entry of ours
    document_ref: str  # of the invoice or credit note it comes from
    reconciled: str | None  # the ERP's mark of what it was settled with
    modified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Balance:
    """Debit less credit of an account (and party) up to and with a day."""

    account: str
    party: str  # empty: all parties together, or an account without parties
    amount: Decimal
