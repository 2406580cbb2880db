"""What the standard API of Business Central does not tell, given in the settings instead.

It names a tax but neither its rate nor its account, and knows which accounts are for a customer's
or a vendor's money only inside its posting groups. `check` holds what it can against the company.
"""

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sync.domain.documents import Treatment

ENTRY = "MK-"  # before the batch's code in the document number of an entry of ours
KEY_LENGTH = 35  # of an external document number
_LETTERS = 10  # of a journal batch's code


@dataclass(frozen=True)
class Tax:
    """A VAT product posting group (or tax group) as the company's posting set-up has it."""

    rate: Decimal
    account: str  # where it is booked
    retired: bool = False


@dataclass(frozen=True)
class Setup:
    """The numbers of the records mkterp works with; the defaults are what docs/erps.md sets up."""

    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    location: str = ""  # code, for lines with goods; empty leaves it to the company
    principal_customer: str = "MKT-PRINCIPAL"
    agent_customer: str = "MKT-AGENT"
    taxes: Mapping[str, Tax] = field(default_factory=dict)
    no_tax: str = "NO-TAX"  # the group of lines that carry no tax
    receivable: str = ""  # the receivables account of both customers' posting group
    payables: tuple[str, ...] = ()  # the accounts of what sellers are owed
    # Where lines that are not goods of ours are booked: what a seller dispatches itself moves no
    # stock, and for an agent's sales it lands on accounts that are passed on (ADR 0008).
    shipping: str = ""
    rounding: str = ""
    seller_goods: str = ""
    agent_goods: str = ""
    agent_shipping: str = ""
    party_dimension: str = "MKTPARTY"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Setup":
        """From JSON: rates as text, the time zone by name. Raises ValueError, TypeError."""
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"Business Central's setup has no {', '.join(unknown)}.")
        made = dict(given)
        if "time_zone" in made:
            made["time_zone"] = ZoneInfo(made["time_zone"])
        if "payables" in made:
            made["payables"] = tuple(made["payables"])
        made["taxes"] = {
            code: Tax(Decimal(str(one["rate"])), one["account"], bool(one.get("retired")))
            for code, one in given.get("taxes", {}).items()
        }
        return cls(**made)

    def customer(self, treatment: Treatment) -> str:
        """The number of the customer such sales are made to."""
        return self.principal_customer if treatment is Treatment.PRINCIPAL else self.agent_customer

    def accounts(self) -> dict[str, str]:
        """Every account named here, with what it is for."""
        named = {
            "receivable": self.receivable,
            "shipping": self.shipping,
            "rounding": self.rounding,
            "seller_goods": self.seller_goods,
            "agent_goods": self.agent_goods,
            "agent_shipping": self.agent_shipping,
            **{f"payables {number}": number for number in self.payables},
            **{f"tax {code}": tax.account for code, tax in self.taxes.items() if tax.account},
        }
        return named

    def wants_party(self, account: str) -> bool:
        """Whether a line on the account says whose money it is."""
        return account == self.receivable or account in self.payables


def document_key(key: str) -> str:
    """Our key as an external document number: itself where it fits, else what stands for it.

    In capitals, as Business Central keeps it; the key itself stands in a comment line.
    """
    if len(key) <= KEY_LENGTH:
        return key.upper()
    return ("MKTERP-" + hashlib.sha256(key.encode()).hexdigest().upper())[:KEY_LENGTH]


def memo_half(key: str) -> str:
    """A key's half of a credit memo's external document number."""
    return hashlib.sha256(key.encode()).hexdigest()[:16].upper()


def memo_key(order_key: str, key: str) -> str:
    """The external document number of a credit memo: found by its order, and by its own key."""
    return f"{memo_half(order_key)}-{memo_half(key)}"


def batch_code(key: str) -> str:
    """The journal batch of an entry: capitals alone, since Business Central counts digits up."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest())
    letters = ""
    for _ in range(_LETTERS):
        number, place = divmod(number, 26)
        letters += string.ascii_uppercase[place]
    return letters


def document_number(key: str) -> str:
    """The document number of an entry, by which it is found in the ledger."""
    return ENTRY + batch_code(key)


def money(value: object) -> Decimal:
    """An amount as the answer tells it."""
    return Decimal(str(value or 0))
