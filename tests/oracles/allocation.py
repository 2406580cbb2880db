"""Every combination of shipping lines, tried one by one: the judge of `sync.domain.allocation`.

Shares no code with what it judges but the form of the question (`Basket`): the shares, the ERP's
arithmetic and the search are written again, with the decimal module's own roundings.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from itertools import product

TIES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "half_down": ROUND_HALF_DOWN}
PRECISE = Context(prec=60)
MOST_GOODS_MOVES = 8


@dataclass(frozen=True)
class Answer:
    """The best document there is: what it misses, and what it costs."""

    residue: int
    tax_miss: int
    goods_moved: int
    deviation: Fraction | None  # None: no whole amount lies within the bound
    combinations: int

    @property
    def exact(self):
        return self.deviation is not None and not self.residue and not self.tax_miss


def best(basket):
    """The best of all documents: paid, then (goods moved,) tax, then deviation."""
    with localcontext(PRECISE):
        return _best(basket)


def _best(basket):
    codes, exact = _pro_rata(basket)
    ranges = [_within(share, basket.bound, basket.shipping) for share in exact]
    goods = [_net(basket, line) for line in basket.goods]
    latitude = range(-basket.goods_latitude, basket.goods_latitude + 1)
    found, tried = [], 0
    for steps in product(latitude, repeat=len(goods)):
        moved = sum(map(abs, steps))
        if moved > MOST_GOODS_MOVES:
            continue
        nets = [net + step for net, step in zip(goods, steps, strict=True)]
        if any(step and net * own <= 0 for step, net, own in zip(steps, nets, goods, strict=True)):
            continue
        for shares in product(*ranges):
            tried += 1
            net, tax = _document(basket, nets, codes, shares)
            residue = _paid(basket) - net - tax
            miss = basket.tax_total - tax
            deviation = sum(
                (abs(share - want) for share, want in zip(shares, exact, strict=True)), Fraction()
            )
            perfect = not residue and not miss
            # Nothing that meets both figures is beaten by anything that does not.
            rank = (not perfect, abs(residue), moved, abs(miss), deviation)
            found.append((rank, residue, miss))
    if not found:
        return Answer(0, 0, 0, None, 0)
    rank, residue, miss = min(found)
    return Answer(residue, miss, rank[2], rank[4], tried)


def _paid(basket):
    charged = sum(line.amount for line in basket.goods) + basket.shipping
    return charged if basket.prices == "inclusive" else charged + basket.tax_total


def _net(basket, line):
    if line.net is not None:
        return line.net
    if basket.prices == "exclusive":
        return line.amount
    exact = Fraction(line.amount) / (1 + Fraction(line.rate.rate))
    return _round(exact, "half_up")


def _pro_rata(basket):
    """The codes shipping goes to, and the exact net share of each."""
    if not basket.shipping:
        return [], []
    if basket.flat is not None:
        weights = {basket.flat: Fraction(1)}
    else:
        weights = {}
        for line in basket.goods:
            sign = 1 if basket.shipping > 0 else -1
            value = {
                "value": Fraction(sign * line.amount),
                "quantity": Fraction(line.quantity),
                "weight": Fraction(line.weight),
            }[basket.basis]
            weights[line.rate] = weights.get(line.rate, Fraction()) + value
        weights = {rate: max(Fraction(), weight) for rate, weight in weights.items()}
        if not sum(weights.values()):
            weights = {
                rate: Fraction(sum(line.rate == rate for line in basket.goods)) for rate in weights
            }
    total = sum(weights.values())
    exact = []
    for rate, weight in weights.items():
        share = basket.shipping * weight / total
        exact.append(share / (1 + Fraction(rate.rate)) if basket.prices == "inclusive" else share)
    return list(weights), exact


def _within(share, bound, shipping):
    near = range(int(share) - bound - 2, int(share) + bound + 3)
    return [n for n in near if abs(n - share) <= bound and n * shipping >= 0]


def _document(basket, nets, codes, shares):
    """The ERP's net and tax: bases of goods lines, then of the shipping lines that are there."""
    bases = []
    for line, net in zip(basket.goods, nets, strict=True):
        base = Fraction(net)
        if basket.price_digits is not None:
            pieces = Fraction(line.pieces or line.quantity)
            scale = 10**basket.price_digits
            base = pieces * Fraction(_round(base / pieces * scale, "half_up"), scale)
        bases.append((line.rate, base))
    bases += [(rate, Fraction(n)) for rate, n in zip(codes, shares, strict=True) if n]
    ties = basket.arithmetic.ties
    net = sum(_round(base, ties) for _, base in bases)
    if basket.arithmetic.level == "line":
        return net, sum(_round(base * Fraction(rate.rate), ties) for rate, base in bases)
    sums = {}
    for rate, base in bases:
        side = base >= 0 or _round(base, ties) == 0
        sums[rate, side] = sums.get((rate, side), Fraction()) + base * Fraction(rate.rate)
    return net, sum(_round(amount, ties) for amount in sums.values())


def _round(amount, ties):
    """With the decimal module; exact, for the denominators here are far below its precision."""
    whole, rest = divmod(abs(amount.numerator), amount.denominator)
    part = Decimal(rest) / Decimal(amount.denominator)
    # A third is not a half, however long: only what is one exactly may look like one.
    if part == Decimal("0.5") and 2 * rest != amount.denominator:
        part = Decimal("0.6") if 2 * rest > amount.denominator else Decimal("0.4")
    rounded = int((Decimal(whole) + part).quantize(Decimal(1), rounding=TIES[ties]))
    return -rounded if amount < 0 else rounded
