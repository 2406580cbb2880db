"""The settlement's journal entries, in roles: which side each component of a payout goes to.

Whole minor units; a debit is positive. `SELLER_PENDING` and `SELLER_DUE` stand on the seller's
party. What a sale or refund itself booked in the ERP (its document) is passed on to the payable;
everything else that a payout contains is an extra line here, so that the payable moves by exactly
the expected payout.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciliation.domain.payout import Component


class Role(StrEnum):
    """The accounts' roles that entries name: codes of `mapping.AccountMapping`."""

    PASSED_ON = ""  # what the ERP's own document booked
    CUSTOMER_CLEARING = "customer_clearing"
    SELLER_PENDING = "seller_payable_pending"
    SELLER_DUE = "seller_payable_due"
    COMMISSION = "commission_revenue"
    COMMISSION_TAX = "commission_tax"
    OUTPUT_TAX = "output_tax"
    BANK = "bank"
    GATEWAY = "gateway_clearing"
    GATEWAY_FEE = "gateway_fee"
    PURCHASE_COST = "purchase_cost"
    INPUT_TAX = "input_tax"
    WRITE_OFF = "write_off"


PAYABLES = {Role.SELLER_PENDING, Role.SELLER_DUE}


@dataclass(frozen=True)
class RoleLine:
    """A line of an entry before its account is known. A debit is positive."""

    role: Role
    amount: int


# What stands in the ERP's document already: the customer's side of the sale or refund.
_IN_DOCUMENT = {
    Component.GOODS, Component.DISCOUNT, Component.POSTAGE, Component.REFUND,
    Component.ADJUSTMENT, Component.CANCELLATION,
}  # fmt: skip
_ROLES = {
    Component.COMMISSION: Role.COMMISSION,
    Component.COMMISSION_POSTAGE: Role.COMMISSION,
    Component.COMMISSION_TAX: Role.COMMISSION_TAX,
    Component.COMMISSION_RETURNED: Role.COMMISSION,
    Component.GOODS_TAX: Role.OUTPUT_TAX,
    Component.POSTAGE_TAX: Role.OUTPUT_TAX,
    Component.DISCOUNT_FUNDED: Role.COMMISSION,
    Component.RECOVERED: Role.WRITE_OFF,
    Component.ONLY_REMITTANCE: Role.WRITE_OFF,
    Component.CARRIED: Role.WRITE_OFF,
}


def in_document(components: Mapping[Component, int]) -> int:
    """What the ERP's document is for, from the seller's side: positive on a sale."""
    return sum(amount for name, amount in components.items() if name in _IN_DOCUMENT)


def extras(components: Mapping[Component, int], *, commission_tax: int = 0) -> list[RoleLine]:
    """What a payout contains besides the document: balanced lines between payable and the rest.

    `commission_tax` is the part of a returned commission that is tax, signed as the component.
    """
    amounts: dict[Role, int] = {}
    for name, amount in components.items():
        if name in _IN_DOCUMENT:
            continue
        tax = commission_tax if name == Component.COMMISSION_RETURNED else 0
        for role, part in ((_ROLES[name], amount - tax), (Role.COMMISSION_TAX, tax)):
            amounts[role] = amounts.get(role, 0) + part
    lines = [RoleLine(role, amount) for role, amount in amounts.items() if amount]
    owed = sum(line.amount for line in lines)
    return [RoleLine(Role.SELLER_PENDING, -owed), *lines] if lines else []


def passed_on(amount: int) -> list[RoleLine]:
    """The document's amount, moved to the payable; empty when there is none."""
    return (
        [RoleLine(Role.PASSED_ON, amount), RoleLine(Role.SELLER_PENDING, -amount)] if amount else []
    )


def advice(total: int) -> list[RoleLine]:
    """An agent's advice: what was pending is due. A negative one gives the opposite."""
    return [RoleLine(Role.SELLER_PENDING, total), RoleLine(Role.SELLER_DUE, -total)]


def purchase(total: int, tax: int) -> list[RoleLine]:
    """The advice of a third party whose sales are ours: we buy what we sold."""
    lines = [RoleLine(Role.PURCHASE_COST, total - tax), RoleLine(Role.INPUT_TAX, tax)]
    return [*(line for line in lines if line.amount), RoleLine(Role.SELLER_DUE, -total)]


def payment(amount: int) -> list[RoleLine]:
    """A bank line that pays an advice."""
    return [RoleLine(Role.SELLER_DUE, amount), RoleLine(Role.BANK, -amount)]


def payout_received(amount: int) -> list[RoleLine]:
    """The gateway's payout reaches the bank."""
    return [RoleLine(Role.BANK, amount), RoleLine(Role.GATEWAY, -amount)]


def customers_money(amount: int, fee: int) -> list[RoleLine]:
    """What the gateway settled for orders, less what it kept."""
    lines = (
        RoleLine(Role.GATEWAY, amount - fee),
        RoleLine(Role.GATEWAY_FEE, fee),
        RoleLine(Role.CUSTOMER_CLEARING, -amount),
    )
    return [line for line in lines if line.amount]


def opposite(lines: Iterable[RoleLine]) -> list[RoleLine]:
    """The entry that takes another back."""
    return [RoleLine(line.role, -line.amount) for line in lines]
