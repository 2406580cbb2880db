"""Generated baskets for the allocation report: the same seed, the same baskets.

They are what marketplaces sell in eight markets of zero, two and three decimals: one to eight
goods lines at the market's rates, discounts, refunds, shipping spread over the lines by value,
quantity or weight. The marketplace charges tax as Marketplacer does: on each line and on each
line's postage, each rounded half up by itself. The ERP rounds per line or per document, ties as
drawn. Shipping can be shared out differently only where it goes to more than one tax code, so
`mixed` says how many of a hundred baskets have goods of at least two rates.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from mkterp.core.money import ROUNDINGS, split
from sync.domain.baskets import Basis, Basket, Goods, Rate
from sync.domain.tax import Arithmetic, Level, Prices, contained_tax, tax_on


@dataclass(frozen=True)
class Market:
    """Where baskets are sold. Prices and shipping are drawn between these minor units."""

    currency: str
    prices: Prices
    rates: tuple[Rate, ...]
    price: tuple[int, int]
    shipping: tuple[int, int]
    bound: int  # about a quarter of a pound, euro, dollar or dinar; more yen: 8 and 10 % lie close


def _rates(country: str, *rates: str) -> tuple[Rate, ...]:
    return tuple(Rate(f"{country}-{rate}", Decimal(rate)) for rate in rates)


_CENTS = ((95, 15_000), (195, 1_295))
MARKETS = (
    Market("GBP", Prices.INCLUSIVE, _rates("GB", "0.20", "0.00", "0.05"), *_CENTS, 25),
    Market("EUR", Prices.INCLUSIVE, _rates("DE", "0.19", "0.07"), *_CENTS, 25),
    Market("EUR", Prices.INCLUSIVE, _rates("FR", "0.20", "0.10", "0.055"), *_CENTS, 25),
    Market("AUD", Prices.INCLUSIVE, _rates("AU", "0.10", "0.00"), *_CENTS, 25),
    Market("USD", Prices.EXCLUSIVE, _rates("US", "0.0825", "0.00", "0.04"), *_CENTS, 25),
    Market("GBP", Prices.EXCLUSIVE, _rates("GB", "0.20", "0.00", "0.05"), *_CENTS, 25),
    Market("JPY", Prices.INCLUSIVE, _rates("JP", "0.10", "0.08"), (100, 20_000), (300, 1_500), 60),
    Market("KWD", Prices.INCLUSIVE, _rates("KW", "0.05", "0.00"), (500, 60_000), (750, 4_000), 250),
)


def generate(*, seed: int, orders: int, mixed: int = 100) -> Iterator[tuple[Market, Basket]]:
    """That many baskets, `mixed` of a hundred with goods of at least two rates."""
    chance = Random(seed)
    for _ in range(orders):
        market = chance.choice(MARKETS)
        yield market, _basket(chance, market, chance.randrange(100) < mixed)


def _basket(chance: Random, market: Market, mixed: bool) -> Basket:
    goods = _goods(chance, market, mixed)
    low, high = market.shipping
    basket = Basket(
        prices=market.prices,
        goods=tuple(goods),
        shipping=chance.randint(low, high),
        tax_total=0,
        arithmetic=Arithmetic(chance.choice(list(Level)), chance.choice(sorted(ROUNDINGS))),
        basis=chance.choice(list(Basis)),
        bound=market.bound,
    )
    if chance.randrange(100) < 8:  # a refund of everything
        back = tuple(replace(line, amount=-line.amount) for line in goods)
        basket = replace(basket, goods=back, shipping=-basket.shipping)
    return charged(basket)


def _goods(chance: Random, market: Market, mixed: bool) -> list[Goods]:
    count = chance.choices(range(1, 9), (30, 25, 17, 11, 7, 5, 3, 2))[0]
    rates = [chance.choice(market.rates)] * count
    if mixed:
        count = max(count, 2)
        rates = [*chance.sample(market.rates, 2), *chance.choices(market.rates, k=count - 2)]
        chance.shuffle(rates)
    goods = []
    for rate in rates:
        quantity = chance.choices((1, 2, 3, 4, 6), (70, 17, 7, 4, 2))[0]
        amount = quantity * chance.randint(*market.price)
        weight = quantity * chance.choice((80, 150, 300, 750, 1_200))
        goods.append(Goods(amount, rate, Decimal(quantity), Decimal(weight)))
    if chance.randrange(100) < 15:  # ten per cent off one line, as a line of its own
        line = chance.choice(goods)
        if line.amount >= 10:
            goods.append(Goods(-(line.amount // 10), line.rate, Decimal(0), Decimal(0)))
    return goods


def charged(basket: Basket) -> Basket:
    """The basket with the marketplace's taxes: on each line and each line's postage, half up."""
    inclusive = basket.prices is Prices.INCLUSIVE

    def tax(amount: int, rate: Decimal) -> int:
        return contained_tax(amount, rate) if inclusive else tax_on(amount, rate, "half_up")

    sign = -1 if basket.shipping < 0 else 1
    weights: dict[Basis, list[int | Decimal]] = {
        Basis.VALUE: [max(sign * line.amount, 0) for line in basket.goods],
        Basis.QUANTITY: [line.quantity for line in basket.goods],
        Basis.WEIGHT: [line.weight for line in basket.goods],
    }
    goods = tuple(replace(line, tax=tax(line.amount, line.rate.rate)) for line in basket.goods)
    postage = [
        tax(part, (basket.flat or line.rate).rate)
        for line, part in zip(goods, split(basket.shipping, weights[basket.basis]), strict=True)
    ]
    on_goods = sum(line.tax or 0 for line in goods)
    return replace(
        basket, goods=goods, tax_total=on_goods + sum(postage), shipping_tax=sum(postage)
    )
