"""What a seller should be paid: a signed table of components, and the name of what is left over.

Whole minor units throughout. Positive is money for the seller. Own sellers are reckoned like any
other, because Marketplacer writes remittances for them too; only their booking differs (entries).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum


class Component(StrEnum):
    """The parts of a payout, in the order in which an advice shows them."""

    GOODS = "goods"  # before discount, tax contained
    DISCOUNT = "discount"
    DISCOUNT_FUNDED = "discount_funded"  # given back when the operator pays for it
    POSTAGE = "postage"
    GOODS_TAX = "goods_tax"  # withheld for the tax office
    POSTAGE_TAX = "postage_tax"
    COMMISSION = "commission"  # on goods
    COMMISSION_POSTAGE = "commission_postage"
    COMMISSION_TAX = "commission_tax"
    REFUND = "refund"
    CANCELLATION = "cancellation"
    COMMISSION_RETURNED = "commission_returned"
    RECOVERED = "recovered"  # Marketplacer takes back another sum than refund less commission
    ONLY_REMITTANCE = "only_remittance"  # moves the settlement, not the buyer's money
    ADJUSTMENT = "adjustment"
    CARRIED = "carried_forward"


class Cause(StrEnum):
    """Why two sides of the settlement differ."""

    COMMISSION_WRONG = "COMMISSION_WRONG"
    POSTAGE_MISSING = "POSTAGE_MISSING"
    TAX_WITHHELD = "TAX_WITHHELD"
    DISCOUNT_FUNDING = "DISCOUNT_FUNDING"
    ROUNDING = "ROUNDING"
    AMOUNT_WRONG = "AMOUNT_WRONG"
    CURRENCY_DIFFERS = "CURRENCY_DIFFERS"
    WRONG_SELLER = "WRONG_SELLER"
    DUPLICATE_REMITTANCE = "DUPLICATE_REMITTANCE"
    UNKNOWN_INVOICE = "UNKNOWN_INVOICE"
    SALE_NOT_REMITTED = "SALE_NOT_REMITTED"
    REFUND_NOT_DEDUCTED = "REFUND_NOT_DEDUCTED"
    ADVICE_TOTAL_WRONG = "ADVICE_TOTAL_WRONG"
    ADVICE_WITHOUT_REMITTANCE = "ADVICE_WITHOUT_REMITTANCE"
    ADVISED_TWICE = "ADVISED_TWICE"
    NOT_ADVISED = "NOT_ADVISED"
    PAID_TWICE = "PAID_TWICE"
    PAID_SHORT = "PAID_SHORT"
    PAID_OVER = "PAID_OVER"
    NOT_PAID = "NOT_PAID"
    UNKNOWN_ADVICE = "UNKNOWN_ADVICE"
    ADVICE_NEGATIVE = "ADVICE_NEGATIVE"
    CUSTOMER_PAYMENT_MISSING = "CUSTOMER_PAYMENT_MISSING"
    CUSTOMER_PAYMENT_WRONG = "CUSTOMER_PAYMENT_WRONG"
    CUSTOMER_PAYMENT_UNKNOWN = "CUSTOMER_PAYMENT_UNKNOWN"
    GATEWAY_PAYOUT_WRONG = "GATEWAY_PAYOUT_WRONG"

    @property
    def words(self) -> str:
        """The cause as a person reads it: "commission wrong"."""
        return _WORDS.get(self, self.replace("_", " ").lower())


_WORDS = {
    Cause.TAX_WITHHELD: "tax withheld",
    Cause.DISCOUNT_FUNDING: "discount charged to the other side",
    Cause.CURRENCY_DIFFERS: "another currency",
    Cause.WRONG_SELLER: "remitted to the wrong seller",
    Cause.DUPLICATE_REMITTANCE: "remitted twice",
    Cause.UNKNOWN_INVOICE: "for an unknown invoice",
    Cause.ADVICE_TOTAL_WRONG: "advice is not the sum of its lines",
    Cause.NOT_ADVISED: "released but not advised",
    Cause.UNKNOWN_ADVICE: "payment for an unknown advice",
    Cause.ADVICE_NEGATIVE: "owed by the seller",
    Cause.CUSTOMER_PAYMENT_UNKNOWN: "customer's payment for an unknown order",
    Cause.GATEWAY_PAYOUT_WRONG: "gateway paid out another sum",
}


@dataclass(frozen=True)
class Terms:
    """What Marketplacer's finance settings say about payouts."""

    withholds_goods_tax: bool = False
    withholds_postage_tax: bool = False
    operator_funds_discounts: bool = False
    commission_contains_tax: bool = True  # else the tax is taken besides
    postage_commission_rate: Decimal = Decimal(0)  # of the postage, 0.12 for 12 %


@dataclass(frozen=True)
class SaleLine:
    subtotal: int  # before discount, tax contained
    discount: int  # negative or nought
    tax: int
    postage: int
    postage_tax: int
    commission: int  # positive, as the line states it
    commission_tax: int


@dataclass(frozen=True)
class Reckoning:
    """The components of one payout, and the commission as a remittance states it."""

    components: Mapping[Component, int]
    commission: int  # positive on a sale, negative where it is returned

    @property
    def amount(self) -> int:
        return sum(self.components.values())


def _table(parts: Mapping[Component, int], commission: int) -> Reckoning:
    return Reckoning({name: parts[name] for name in Component if parts.get(name)}, commission)


def sale(lines: Sequence[SaleLine], terms: Terms) -> Reckoning:
    """The payout for an invoice as it was sold."""
    postage = sum(line.postage for line in lines)
    discount = sum(line.discount for line in lines)
    commission = sum(line.commission for line in lines)
    tax = sum(line.commission_tax for line in lines)
    net = commission - tax if terms.commission_contains_tax else commission
    on_postage = min(net, _rounded(postage * terms.postage_commission_rate))
    parts = {
        Component.GOODS: sum(line.subtotal for line in lines),
        Component.DISCOUNT: discount,
        Component.POSTAGE: postage,
        Component.COMMISSION: on_postage - net,
        Component.COMMISSION_POSTAGE: -on_postage,
        Component.COMMISSION_TAX: -tax,
    }
    if terms.operator_funds_discounts:
        parts[Component.DISCOUNT_FUNDED] = -discount
    if terms.withholds_goods_tax:
        parts[Component.GOODS_TAX] = -sum(line.tax for line in lines)
    if terms.withholds_postage_tax:
        parts[Component.POSTAGE_TAX] = -sum(line.postage_tax for line in lines)
    return _table(parts, net + tax)


def cancellation(sold: Reckoning, commission: int) -> Reckoning:
    """The payout of a sale taken back whole, commission as Marketplacer returns it (negative)."""
    taken = sum(
        amount
        for name, amount in sold.components.items()
        if name
        not in (Component.COMMISSION, Component.COMMISSION_POSTAGE, Component.COMMISSION_TAX)
    )
    parts = {Component.CANCELLATION: -taken, Component.COMMISSION_RETURNED: -commission}
    return _table(parts, commission)


def refund(*, amount: int, cash: int | None, commission: int, recovered: int | None) -> Reckoning:
    """The payout of a completed refund.

    `amount` is what its lines say, `cash` what the buyer got, `commission` what is returned
    (negative), `recovered` what Marketplacer says it takes from the seller.
    """
    paid = amount if cash is None else cash
    reckoned = paid + commission
    parts = {
        Component.REFUND: -amount,
        Component.ADJUSTMENT: amount - paid,
        Component.COMMISSION_RETURNED: -commission,
        Component.RECOVERED: 0 if recovered is None else reckoned - recovered,
    }
    return _table(parts, commission)


def amendment(*, gross: int, commission: int, buyer_paid: bool) -> Reckoning:
    """The payout of an amendment made by hand; without the buyer it only moves the settlement."""
    name = Component.ADJUSTMENT if buyer_paid else Component.ONLY_REMITTANCE
    return _table({name: gross, Component.COMMISSION_RETURNED: -commission}, commission)


def _rounded(amount: Decimal) -> int:
    return int(Decimal(amount).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True)
class Named:
    """A part of a difference with its cause; `component` is empty where none is to blame."""

    cause: Cause
    amount: int
    component: str = ""


def name_residue(
    expected: Reckoning, lines: Sequence[SaleLine], *, told: int, told_commission: int
) -> list[Named]:
    """The causes that explain `told - expected` to the last unit; empty when there is nothing.

    Commission is looked at first, because a remittance states its own; what remains is compared
    with the sums a settlement gets wrong as a whole: postage, tax, discount.
    """
    found: list[Named] = []
    more_commission = told_commission - expected.commission
    rest = told - expected.amount
    if more_commission:
        found.append(Named(Cause.COMMISSION_WRONG, -more_commission, Component.COMMISSION))
        rest += more_commission
    if not rest:
        return found
    postage = sum(line.postage for line in lines)
    tax, postage_tax = sum(x.tax for x in lines), sum(x.postage_tax for x in lines)
    suspects = (
        (Cause.POSTAGE_MISSING, Component.POSTAGE, -postage),
        (Cause.TAX_WITHHELD, Component.GOODS_TAX, -tax),
        (Cause.TAX_WITHHELD, Component.POSTAGE_TAX, -postage_tax),
        (Cause.TAX_WITHHELD, Component.GOODS_TAX, -tax - postage_tax),
        (Cause.DISCOUNT_FUNDING, Component.DISCOUNT, -sum(line.discount for line in lines)),
        (Cause.DISCOUNT_FUNDING, Component.DISCOUNT, sum(line.discount for line in lines)),
    )
    for cause, component, amount in suspects:
        if amount and rest == amount:
            return [*found, Named(cause, rest, component)]
    if abs(rest) <= max(1, len(lines)):
        return [*found, Named(Cause.ROUNDING, rest)]
    return [*found, Named(Cause.AMOUNT_WRONG, rest)]
