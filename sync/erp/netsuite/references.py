"""What mkterp has to know of an account besides what it can look up: the names of its records.

NetSuite's tax codes are named by their ids, since their rates and accounts are in tables that
differ from account to account; `check` holds all of it against the account.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sync.domain.documents import Treatment

# Custom fields that say what is ours (docs/erps.md). NetSuite copies them to what is made of an
# order: fulfilments and invoices.
KEY, ORDER, REVERSES = "custbody_mkterp_key", "custbody_mkterp_order", "custbody_mkterp_reverses"
LINE, SKU, ORDERED = "custcol_mkterp_line", "custcol_mkterp_sku", "custcol_mkterp_ordered"
BODY_FIELDS, LINE_FIELDS = (KEY, ORDER, REVERSES), (LINE, SKU, ORDERED)
KEY_LENGTH = 300  # of a free-form text field
_PLAIN = re.compile(r"[a-z0-9_-]{1,80}")
_PREFIX = "mkterp-"


@dataclass(frozen=True)
class Tax:
    """A tax code of SuiteTax: its id and its type's, its rate, and where it is booked."""

    rate: Decimal
    account: str
    code: str
    type: str
    retired: bool = False


@dataclass(frozen=True)
class Setup:
    """The records mkterp works with; the defaults are what docs/erps.md sets up."""

    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))  # of the user's settings
    subsidiary: str = "1"  # id
    location: str = ""  # name, where goods leave from and stock is read
    principal_customer: str = "MKT-PRINCIPAL"  # entity ids
    agent_customer: str = "MKT-AGENT"
    taxes: Mapping[str, Tax] = field(default_factory=dict)
    # Items without stock: what a seller dispatches itself moves none of ours, and for an agent's
    # sales it lands on accounts that are passed on (ADR 0008).
    shipping: str = "MKT-SHIPPING"
    rounding: str = "MKT-ROUNDING"
    seller_goods: str = "MKT-SELLER-GOODS"
    agent_goods: str = "MKT-AGENT-GOODS"
    agent_shipping: str = "MKT-AGENT-SHIPPING"
    # Account: the item without stock by which goods booked there are given back. An item with
    # stock on a credit memo would take the goods in.
    refunds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Setup":
        """From JSON: rates as text, the time zone by name. Raises ValueError, TypeError."""
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"NetSuite's setup has no {', '.join(unknown)}.")
        made = dict(given)
        if "time_zone" in made:
            made["time_zone"] = ZoneInfo(made["time_zone"])
        if "subsidiary" in made:
            made["subsidiary"] = str(int(made["subsidiary"]))
        made["taxes"] = {
            name: Tax(
                Decimal(str(one["rate"])),
                one["account"],
                str(one["code"]),
                str(one["type"]),
                bool(one.get("retired")),
            )
            for name, one in given.get("taxes", {}).items()
        }
        return cls(**made)

    def customer(self, treatment: Treatment) -> str:
        """The customer such sales are made to."""
        return self.principal_customer if treatment is Treatment.PRINCIPAL else self.agent_customer

    def services(self) -> tuple[str, ...]:
        """Every item without stock that is named here."""
        return (
            *(self.shipping, self.rounding, self.seller_goods),
            *(self.agent_goods, self.agent_shipping, *self.refunds.values()),
        )


def external_id(key: str) -> str:
    """Our key as an external id, which NetSuite keeps unique among records of a kind.

    Letters, digits, - and _ are all it takes, and it may not tell capitals apart; for a key with
    more in it stands a hash. The key itself is in the field KEY.
    """
    if _PLAIN.fullmatch(key):
        return _PREFIX + key
    return _PREFIX + hashlib.sha256(key.encode()).hexdigest()


def money(value: object) -> Decimal:
    """An amount as the answer tells it."""
    return Decimal(str(value or 0))
