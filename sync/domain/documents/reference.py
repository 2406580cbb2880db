"""What the ERP has been set up with, for mapping screens and checks."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True)
class TaxCode:
    code: str  # what an OrderLine names
    rate: Decimal  # 0.20
    description: str
    account: str = ""  # where its amounts are booked


class AccountKind(StrEnum):
    """What an account is for, as far as we have to care; OTHER is everything else."""

    RECEIVABLE = "receivable"
    PAYABLE = "payable"
    REVENUE = "revenue"
    EXPENSE = "expense"
    BALANCE_SHEET = "balance sheet"  # carried forward from year to year
    OTHER = "other"


@dataclass(frozen=True)
class Account:
    code: str
    name: str
    kind: str  # the ERP's own word
    group: AccountKind = AccountKind.OTHER
    party_required: bool = False  # a journal line on it must name a party, else must not
    reconciles: bool = False  # its lines can be settled against each other


@dataclass(frozen=True)
class Journal:
    code: str
    name: str
    kind: str


@dataclass(frozen=True)
class Party:
    code: str
    name: str
    ref: str
    active: bool = True


class PeriodState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"  # can be opened again by the ERP's people
    LOCKED = "locked"  # cannot


@dataclass(frozen=True)
class Period:
    name: str
    start: date
    end: date
    state: PeriodState

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.start <= day <= self.end


def postable(periods: tuple[Period, ...], day: date) -> bool:
    """Whether an entry may be dated that day: a period holds it and is open."""
    return any(period.holds(day) and period.state is PeriodState.OPEN for period in periods)


def first_postable(periods: tuple[Period, ...], day: date) -> date | None:
    """That day when it is postable, else the first one after it that is; None when none is."""
    starts = [
        max(period.start, day)
        for period in periods
        if period.state is PeriodState.OPEN and period.end >= day
    ]
    return min(starts, default=None)


@dataclass(frozen=True)
class ReferenceData:
    company: str
    currency: str
    time_zone: str
    tax_rounding: str  # "line" or "document"
    taxes: tuple[TaxCode, ...]  # those that may be used today
    accounts: tuple[Account, ...]
    locations: tuple[str, ...]
    open_until: date | None
    journals: tuple[Journal, ...] = ()
    # Codes that were valid once: old documents name them, new ones are refused. A code in neither
    # tuple is not (or no longer) in the ERP.
    retired_taxes: tuple[TaxCode, ...] = ()
    carriers: tuple[str, ...] = ()
