"""An invoice's lines as the ERP will compute them: net prices, shipping shares, the last penny.

The order of what counts: what the customer paid, then the marketplace's tax total, then shipping
as it was charged. Where the ERP is to tax otherwise than the marketplace did (another rule for
shipping, another rate), its own tax stands as it is: nothing is moved to hide a difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from mkterp.core.money import digits, from_minor
from sync.domain import tax
from sync.domain.allocation import Allocation, Share, allocate, allocate_tax, document, usual
from sync.domain.baskets import Basis, Basket, Goods, Rate, erp_lines, pro_rata
from sync.domain.documents import LineKind, OrderLine
from sync.domain.marketplace import InvoiceLineValue, InvoiceValue
from sync.domain.shipping import (
    AS_CHARGED,
    ChargedShipping,
    ShippingPolicy,
    Spread,
    charged_shipping,
    goods_rate,
)
from sync.domain.tax import Arithmetic, Level, Prices

# Minor units by which a share of the shipping may leave its pro-rata amount, unless finance say.
BOUND = 25
# A goods line's net may be a unit beside the one nearest to its gross: a customer pays documents.
_GOODS_LATITUDE = 1
_PRICE_DIGITS = 2  # of a unit price below the currency's smallest unit, as ERPs keep them


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


def order_lines(
    invoice: InvoiceValue,
    *,
    currency: str,
    items: Mapping[str, MappedItem],
    taxes: Sequence[TaxRule],
    arithmetic: Arithmetic,
    policy: ShippingPolicy = AS_CHARGED,
    passed_on: bool = False,
) -> list[OrderLine]:
    """The document's lines: goods, one shipping line for each tax code, and what no line carries.

    The ERP's gross is always what was paid. `passed_on` says that the whole document goes on to
    its seller: then each code's tax is the marketplace's too, wherever only rounding is between
    them (ADR 0016). Every line must be mapped and the postage's tax must fit (`charged_shipping`);
    raises ValueError where they do not.
    """
    rules = {rule.marketplace_rate: rule for rule in taxes}
    applied = _Applied(invoice, rules, arithmetic, policy, items)
    answer = applied.passed_on() if passed_on else applied.answer()
    nets = answer.prediction.nets
    line_taxes = tax.line_taxes(
        erp_lines(
            applied.basket, answer.goods_nets, {share.rate: share.net for share in answer.shares}
        ),
        arithmetic,
    )
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
        arithmetic: Arithmetic,
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
            arithmetic=arithmetic,
            basis=Basis.WEIGHT,  # a line weighs what the marketplace charged on it
            flat=_flat(charged.flat_rate if charged else None, rules),
            bound=BOUND if policy.bound is None else policy.bound,
            goods_latitude=_GOODS_LATITUDE if arithmetic.level is Level.LINE else 0,
            price_digits=_PRICE_DIGITS,
        )
        self._as_charged, self._charged = as_charged, _by_code(as_charged, invoice)
        self.basket = _by_policy(as_charged, policy, rules)
        self._agreed = self._same_rates(charged, rules) and self._same_shares(as_charged)

    @cached_property
    def _usual(self) -> Allocation:
        return usual(self.basket)

    def answer(self) -> Allocation:
        """The penny-exact document, or the one the ERP's own rules give, for what was paid."""
        plain, wanted = self._usual, self.basket
        if not self._only_rounding(plain):
            wanted = replace(wanted, tax_total=plain.prediction.tax, shipping_tax=None)
        met = not plain.residue and plain.prediction.tax == wanted.tax_total
        # One shipping line takes what is left of the total: there is nothing to choose.
        return plain if met and len(plain.shares) <= 1 else allocate(wanted)

    def passed_on(self) -> Allocation:
        """The document with the marketplace's tax for each code; its gross may lack pennies."""
        answer = self.answer()
        if not self._only_rounding(self._usual) or self._taxed_as_charged(answer):
            return answer
        nets, shares, moved = list(answer.goods_nets), list[Share](), 0
        for rate in self._charged:
            places, part = self._part(rate)
            found = allocate_tax(part)
            for place, net in zip(places, found.goods_nets, strict=True):
                nets[place] = net
            shares += found.shares
            moved += found.goods_moved
        exact = document(self.basket, nets, shares, moved)
        return exact if self._taxed_as_charged(exact) else answer

    def _only_rounding(self, plain: Allocation) -> bool:
        """Whether the tax can differ by nothing else: each side rounds each part once."""
        parts = 2 * (len(self._lines) + len(plain.shares)) + len(self._lines)
        return self._agreed and abs(plain.tax_miss) <= parts

    def _taxed_as_charged(self, answer: Allocation) -> bool:
        ours = answer.prediction.by_code
        return all(ours.get(rate.code, 0) == one.tax for rate, one in self._charged.items())

    def _part(self, rate: Rate) -> tuple[list[int], Basket]:
        """What has this code, as a basket by itself, and the places of its goods.

        Its shipping is no further from pro rata than the roundings of its parts explain, at the
        rates there are: more would be no rounding to whoever compares (differences).
        """
        charged, whole = self._charged[rate], self._as_charged
        places = [place for place, line in enumerate(whole.goods) if line.rate == rate]
        part = replace(
            whole,
            goods=tuple(whole.goods[place] for place in places),
            shipping=charged.shipping,
            tax_total=charged.tax,
            shipping_tax=charged.shipping_tax,
            flat=rate,
            bound=min(whole.bound, charged.parts * 5 // 2),
        )
        return places, part

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


@dataclass
class _Charged:
    """What the marketplace charged at one rate."""

    shipping: int = 0
    shipping_tax: int = 0
    tax: int = 0  # on goods and shipping
    parts: int = 0  # lines with shipping: each was rounded, by half a unit of tax at most


def _by_code(basket: Basket, invoice: InvoiceValue) -> dict[Rate, _Charged]:
    """The charges of an invoice by the ERP's rate, in the order of its lines."""
    found: dict[Rate, _Charged] = {}
    for line, goods in zip(invoice.lines, basket.goods, strict=True):
        found.setdefault(goods.rate, _Charged()).tax += line.tax_minor
        post = found.setdefault(basket.flat or goods.rate, _Charged())
        post.parts += bool(line.postage_minor)
        post.shipping += line.postage_minor
        post.shipping_tax += line.postage_tax_minor
        post.tax += line.postage_tax_minor
    return found


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
