"""An invoice's lines as the ERP will compute them: net prices, shipping shares, the last penny.

The order of what counts: what the customer paid, then the marketplace's tax total, then shipping
as it was charged. Where the ERP is to tax otherwise than the marketplace did (another rule for
shipping, another rate), its own tax stands as it is: nothing is moved to hide a difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from mkterp.core.money import digits, from_minor
from sync.domain import tax
from sync.domain.allocation import Allocation, allocate, usual
from sync.domain.baskets import Basis, Basket, Goods, Rate, pro_rata
from sync.domain.documents import LineKind, OrderLine
from sync.domain.marketplace import InvoiceLineValue, InvoiceValue
from sync.domain.tax import Arithmetic, Level, Prices


@dataclass(frozen=True)
class MappedItem:
    """The ERP item a listing was at the time of the order, and how many of it one piece is."""

    sku: str
    pack_quantity: int


@dataclass(frozen=True)
class TaxRule:
    """What a marketplace rate means in the ERP for one destination."""

    marketplace_rate: Decimal
    erp_code: str
    erp_rate: Decimal


class ShippingRule(StrEnum):
    """How shipping is taxed."""

    FOLLOWS_GOODS = "follows_goods"  # each share at the rate of the goods it belongs to
    FLAT = "flat"  # all of it at one rate


class Spread(StrEnum):
    """What shipping is spread over the goods by, where it follows them."""

    AS_CHARGED = "as_charged"  # as the marketplace put it on the lines
    VALUE = "value"
    QUANTITY = "quantity"


@dataclass(frozen=True)
class ShippingPolicy:
    """What finance has decided on shipping for a jurisdiction.

    Without a rule the ERP does as the marketplace charged. With another than the marketplace's the
    tax differs by design (cause BASIS): shares are pro rata then, and nothing is moved to hide it.
    `flat_rate` is a marketplace rate and goes with FLAT alone. `bound` is how far, in minor units,
    a shipping line may be from pro rata; None takes a quarter of a hundred of them.
    """

    rule: ShippingRule | None = None
    spread: Spread = Spread.AS_CHARGED
    flat_rate: Decimal | None = None
    bound: int | None = None

    def __post_init__(self) -> None:
        if (self.rule is ShippingRule.FLAT) != (self.flat_rate is not None):
            raise ValueError("a flat rule has a rate, and no other rule has one")


AS_CHARGED = ShippingPolicy()
_BOUND = 25
# A goods line's net may be a unit beside the one nearest to its gross: a customer pays documents.
_GOODS_LATITUDE = 1
_PRICE_DIGITS = 2  # of a unit price below the currency's smallest unit, as ERPs keep them


@dataclass(frozen=True)
class ChargedShipping:
    """How the marketplace taxed an invoice's postage; `flat_rate` goes with FLAT alone."""

    rule: ShippingRule
    flat_rate: Decimal | None = None


def goods_rate(line: InvoiceLineValue, rates: Sequence[Decimal]) -> Decimal | None:
    """The mapped rate of a line: what Marketplacer says, else what its tax amount fits."""
    if line.tax_rate is not None:
        return next((rate for rate in rates if rate == line.tax_rate), None)
    return tax.rate_of(line.total_minor, line.tax_minor, rates)


def charged_shipping(invoice: InvoiceValue, rates: Sequence[Decimal]) -> ChargedShipping | None:
    """How the postage's tax was computed: at one mapped rate, or line by line at that of the goods.

    One rate is taken where both fit equally well. None when neither fits to a unit a line.
    """
    charged = [line for line in invoice.lines if line.postage_minor]
    postage = sum(line.postage_minor for line in charged)
    amount = sum(line.postage_tax_minor for line in charged)
    found: list[tuple[int, ChargedShipping]] = []
    flat = tax.rate_of(postage, amount, rates, parts=len(charged))
    if flat is not None:
        miss = abs(tax.contained_tax(postage, flat) - amount)
        found.append((miss, ChargedShipping(ShippingRule.FLAT, flat)))
    own = [goods_rate(line, rates) for line in charged]
    misses = [
        abs(tax.contained_tax(line.postage_minor, rate) - line.postage_tax_minor)
        for line, rate in zip(charged, own, strict=True)
        if rate is not None
    ]
    if len(misses) == len(charged) and all(miss <= 1 for miss in misses):
        found.append((sum(misses), ChargedShipping(ShippingRule.FOLLOWS_GOODS)))
    return min(found, key=lambda one: one[0])[1] if found else None


def order_lines(
    invoice: InvoiceValue,
    *,
    currency: str,
    items: Mapping[str, MappedItem],
    taxes: Sequence[TaxRule],
    rounding: str,
    policy: ShippingPolicy = AS_CHARGED,
) -> list[OrderLine]:
    """The document's lines: goods, one shipping line for each tax code, and what no line carries.

    The ERP's gross is always what was paid. Every line must be mapped and the postage's tax must
    fit (`charged_shipping`); raises ValueError where they do not.
    """
    rules = {rule.marketplace_rate: rule for rule in taxes}
    applied = _Applied(invoice, rules, rounding, policy, items)
    answer = applied.answer()
    nets, line_taxes = answer.prediction.nets, answer.prediction.line_taxes or ()
    lines: list[OrderLine] = []
    for index, (line, goods) in enumerate(zip(invoice.lines, applied.basket.goods, strict=True)):
        pieces = goods.pieces or goods.quantity
        lines.append(
            OrderLine(
                key=line.marketplacer_id,
                kind=LineKind.GOODS,
                sku=items[line.variant_id].sku,
                description=line.title,
                quantity=pieces,
                unit_price=_price(answer.goods_nets[index], pieces, currency),
                net=from_minor(nets[index], currency),
                tax=from_minor(line_taxes[index], currency),
                tax_code=goods.rate.code,
            )
        )
    shares = [share for share in answer.shares if share.net]
    for index, share in enumerate(shares, len(lines)):
        lines.append(
            OrderLine(
                key=f"shipping:{share.rate.code}",
                kind=LineKind.SHIPPING,
                sku="",
                description="Shipping",
                quantity=Decimal(1),
                unit_price=_price(share.net, Decimal(1), currency),
                net=from_minor(nets[index], currency),
                tax=from_minor(line_taxes[index], currency),
                tax_code=share.rate.code,
            )
        )
    if answer.residue:
        lines.append(
            OrderLine(
                key="rounding",
                kind=LineKind.ROUNDING,
                sku="",
                description="Tax rounding",
                quantity=Decimal(1),
                unit_price=_price(answer.residue, Decimal(1), currency),
                net=from_minor(answer.residue, currency),
                tax=Decimal(),
                tax_code=None,
            )
        )
    return lines


def _price(net: int, pieces: Decimal, currency: str) -> Decimal:
    # That gives the net back for up to a hundred pieces; beyond, the line is what quantity x price
    # rounds to, which the search knows (`baskets.goods_base`).
    scaled = tax.round_exact(Fraction(net) / Fraction(pieces) * 10**_PRICE_DIGITS, "half_up")
    return Decimal(scaled).scaleb(-digits(currency) - _PRICE_DIGITS)


class _Applied:
    """The invoice as the ERP is to tax it (`basket`), beside how the marketplace did."""

    def __init__(
        self,
        invoice: InvoiceValue,
        rules: Mapping[Decimal, TaxRule],
        rounding: str,
        policy: ShippingPolicy,
        items: Mapping[str, MappedItem],
    ) -> None:
        rates = list(rules)
        self._lines = invoice.lines
        self._used = [rules[_known(goods_rate(line, rates), line)] for line in invoice.lines]
        shipping = sum(line.postage_minor for line in invoice.lines)
        charged = charged_shipping(invoice, rates) if shipping else None
        if shipping and charged is None:
            raise ValueError(f"the tax on the postage of invoice {invoice.legacy_id} fits no rate")
        on_shipping = sum(line.postage_tax_minor for line in invoice.lines)
        goods = tuple(
            Goods(
                amount=line.total_minor,
                rate=_rate(rule),
                quantity=line.quantity,
                weight=Decimal(line.postage_minor),
                tax=line.tax_minor,
                pieces=line.quantity * items[line.variant_id].pack_quantity,
            )
            for line, rule in zip(invoice.lines, self._used, strict=True)
        )
        as_charged = Basket(
            prices=Prices.INCLUSIVE,
            goods=goods,
            shipping=shipping,
            tax_total=sum(line.tax_minor for line in invoice.lines) + on_shipping,
            shipping_tax=on_shipping,
            arithmetic=Arithmetic(Level.LINE, rounding),
            basis=Basis.WEIGHT,  # a line weighs what the marketplace charged on it
            flat=_flat(charged.flat_rate if charged else None, rules),
            bound=_BOUND if policy.bound is None else policy.bound,
            goods_latitude=_GOODS_LATITUDE,
            price_digits=_PRICE_DIGITS,
        )
        self.basket = _by_policy(as_charged, policy, rules)
        self._agreed = self._same_rates(charged, rules) and self._same_shares(as_charged)

    def answer(self) -> Allocation:
        """The penny-exact document, or the one the ERP's own rules give, for what was paid."""
        plain, wanted = usual(self.basket), self.basket
        # Each side rounds each part once; what is more than that has another cause than rounding.
        parts = 2 * (len(self._lines) + len(plain.shares)) + len(self._lines)
        if not self._agreed or abs(plain.tax_miss) > parts:
            wanted = replace(wanted, tax_total=plain.prediction.tax, shipping_tax=None)
        met = not plain.residue and plain.prediction.tax == wanted.tax_total
        # One shipping line takes what is left of the total: there is nothing to choose.
        return plain if met and len(plain.shares) <= 1 else allocate(wanted)

    def _same_rates(
        self, charged: ChargedShipping | None, rules: Mapping[Decimal, TaxRule]
    ) -> bool:
        used = list(self._used)
        if charged is not None and charged.flat_rate is not None:
            used.append(rules[charged.flat_rate])
        return all(rule.marketplace_rate == rule.erp_rate for rule in used)

    def _same_shares(self, as_charged: Basket) -> bool:
        """Whether both tax each part of the shipping alike, to a unit a line for its splitting."""
        theirs, ours, nothing = pro_rata(as_charged), pro_rata(self.basket), Fraction()
        return all(
            abs(theirs.get(rate, nothing) - ours.get(rate, nothing)) <= len(self._lines)
            for rate in theirs.keys() | ours.keys()
        )


def _by_policy(basket: Basket, policy: ShippingPolicy, rules: Mapping[Decimal, TaxRule]) -> Basket:
    basis = {
        Spread.AS_CHARGED: Basis.WEIGHT,
        Spread.VALUE: Basis.VALUE,
        Spread.QUANTITY: Basis.QUANTITY,
    }[policy.spread]
    if policy.rule is None:
        return basket if basket.flat else replace(basket, basis=basis)
    return replace(basket, basis=basis, flat=_flat(policy.flat_rate, rules))


def _flat(rate: Decimal | None, rules: Mapping[Decimal, TaxRule]) -> Rate | None:
    return None if rate is None else _rate(rules[rate])


def _rate(rule: TaxRule) -> Rate:
    return Rate(rule.erp_code, rule.erp_rate)


def _known(rate: Decimal | None, line: InvoiceLineValue) -> Decimal:
    if rate is None:
        raise ValueError(f"line {line.marketplacer_id} has no mapped tax rate")
    return rate
