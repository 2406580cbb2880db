"""What we predict as tax is what a real Tryton computes, per line and per document."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from mkterp.core.money import from_minor, to_minor
from sync.domain import sample_baskets
from sync.domain.allocation import allocate
from sync.domain.baskets import erp_lines
from sync.domain.tax import Arithmetic, Level, Prediction, TaxedLine, predict
from tests.contract.erp.houses import TrytonHouse

DOCUMENTS = 320
PER_CALL = 80
# Beside the seed's taxes: others' rates, and one tax of two components that are rounded apart.
LOW, ODD, TWO = "TEST-5", "TEST-8.25", "TEST-6.25+2.5"
RATES = {
    "GB-STD": (Decimal("0.20"),),
    LOW: (Decimal("0.05"),),
    "GB-ZERO": (Decimal(0),),
    ODD: (Decimal("0.0825"),),
    TWO: (Decimal("0.0625"), Decimal("0.025")),
}


def a_document(chance: Random) -> list[tuple[Decimal, Decimal, str]]:
    """(quantity, unit price, tax code) of a sale; one in four is or has something given back."""
    lines = []
    refund = chance.random() < 0.1
    for _ in range(chance.choices((1, 2, 3, 4, 6, 9), (20, 25, 20, 15, 12, 8))[0]):
        quantity = Decimal(chance.choice((1, 1, 1, 2, 3, 7, 12, 144)))
        # Four decimals, as Tryton keeps them; often an exact half of a penny or of its tax.
        price = Decimal(chance.randint(1, 900_000)) / 10_000
        if chance.random() < 0.3:
            price = Decimal(chance.randint(1, 9_000)) / 100 + chance.choice(
                (Decimal("0.0050"), Decimal("0.0250"), Decimal("0.1250"))
            )
        if refund or chance.random() < 0.06:
            price = -price
        lines.append((quantity, price, chance.choice(list(RATES))))
    return lines


def taxed(lines: Sequence[tuple[Decimal, Decimal, str]]) -> list[TaxedLine]:
    return [TaxedLine(quantity * price * 100, code, RATES[code]) for quantity, price, code in lines]


class Desk:
    """Sales that nobody confirms, written past the adapter."""

    def __init__(self, house: TrytonHouse) -> None:
        self.hands = house.hands
        rpc, ids = self.hands.staff, self.hands.ids
        self.company = ids["company"]
        (product,) = rpc.read(
            "product.product", [("code", "=", house.skus[0])], ["sale_uom"], limit=1
        )
        self.product, self.unit = product["id"], product["sale_uom"]
        wanted = [("description", "in", list(RATES))]
        rows = rpc.read("account.tax", wanted, ["description"])
        self.taxes = {row["description"]: row["id"] for row in rows}
        (party,) = rpc.read("party.party", [("addresses", "!=", None)], ["addresses"], limit=1)
        self.party, self.address = party["id"], party["addresses"][0]

    def write(self, documents: Sequence[Sequence[tuple[Decimal, Decimal, str]]]) -> list[int]:
        ids: list[int] = []
        for start in range(0, len(documents), PER_CALL):
            chunk = documents[start : start + PER_CALL]
            ids += self.hands.staff.create("sale.sale", *[self._sale(lines) for lines in chunk])
        return ids

    def _sale(self, lines: Sequence[tuple[Decimal, Decimal, str]]) -> dict[str, Any]:
        made = [
            {
                "type": "line",
                "product": self.product,
                "unit": self.unit,
                "quantity": float(quantity),
                "unit_price": price,
                "description": code,
                "taxes": [("add", [self.taxes[code]])],
            }
            for quantity, price, code in lines
        ]
        return {
            "company": self.company,
            "party": self.party,
            "invoice_address": self.address,
            "shipment_address": self.address,
            "lines": [("create", made)],
        }

    def figures(self, ids: Sequence[int]) -> list[tuple[list[int], int, int]]:
        """(nets of the lines, tax, gross) of each sale, in pence."""
        fields = ["tax_amount", "total_amount", "lines.amount", "lines.sequence"]
        found = {}
        for start in range(0, len(ids), PER_CALL):
            domain = [("id", "in", list(ids[start : start + PER_CALL]))]
            for row in self.hands.staff.read("sale.sale", domain, fields):
                nets = [pence(one["amount"]) for one in sorted(row["lines."], key=by_id)]
                found[row["id"]] = (nets, pence(row["tax_amount"]), pence(row["total_amount"]))
        return [found[one] for one in ids]


def by_id(row: dict[str, Any]) -> int:
    return int(row["id"])


def pence(amount: Decimal) -> int:
    return to_minor(amount, "GBP")


def figures(prediction: Prediction) -> tuple[list[int], int, int]:
    return list(prediction.nets), prediction.tax, prediction.gross


@contextmanager
def rounding(house: TrytonHouse, level: Level) -> Iterator[None]:
    house.hands.round_tax(level.value)
    try:
        yield
    finally:
        house.hands.round_tax("line")


@pytest.fixture(scope="module")
def desk(tryton_house: TrytonHouse) -> Desk:
    for code in (LOW, ODD):
        tryton_house.hands.add_tax(code, *RATES[code])
    tryton_house.hands.add_tax_of(TWO, RATES[TWO])
    return Desk(tryton_house)


@pytest.fixture(scope="module")
def documents() -> list[list[tuple[Decimal, Decimal, str]]]:
    chance = Random(11)
    return [a_document(chance) for _ in range(DOCUMENTS)]


@pytest.fixture(scope="module")
def sales(desk: Desk, documents: list[list[tuple[Decimal, Decimal, str]]]) -> list[int]:
    return desk.write(documents)


@pytest.mark.parametrize("level", list(Level))
def test_the_prediction_is_trytons_own_figure(
    tryton_house: TrytonHouse,
    desk: Desk,
    documents: list[list[tuple[Decimal, Decimal, str]]],
    sales: list[int],
    level: Level,
) -> None:
    with rounding(tryton_house, level):
        theirs = desk.figures(sales)
    ours = [figures(predict(taxed(lines), Arithmetic(level, "half_even"))) for lines in documents]

    wrong = [
        (lines, mine, his)
        for lines, mine, his in zip(documents, ours, theirs, strict=True)
        if mine != his
    ]
    assert not wrong[:3], f"{len(wrong)} of {len(documents)} differ"
    assert len(documents) >= 300


def test_both_roundings_were_really_asked_for(
    tryton_house: TrytonHouse, desk: Desk, sales: list[int]
) -> None:
    with rounding(tryton_house, Level.LINE):
        by_line = desk.figures(sales)
    with rounding(tryton_house, Level.DOCUMENT):
        by_document = desk.figures(sales)

    assert sum(one != other for one, other in zip(by_line, by_document, strict=True)) > 20


@pytest.mark.parametrize("level", list(Level))
def test_penny_exact_baskets_are_penny_exact_in_tryton(
    tryton_house: TrytonHouse, desk: Desk, level: Level
) -> None:
    sold = [
        replace(basket, arithmetic=Arithmetic(level, "half_even"))
        for market, basket in sample_baskets.generate(seed=19, orders=900)
        if market.currency == "GBP"
    ][:150]
    assert len(sold) == 150
    answers = [allocate(basket) for basket in sold]
    documents = []
    for basket, answer in zip(sold, answers, strict=True):
        lines = erp_lines(basket, answer.goods_nets, {s.rate: s.net for s in answer.shares})
        documents.append(
            [(Decimal(1), from_minor(int(line.base), "GBP"), _code(line)) for line in lines]
        )
    with rounding(tryton_house, level):
        theirs = desk.figures(desk.write(documents))
    met = 0
    for basket, answer, (_, tax, gross) in zip(sold, answers, theirs, strict=True):
        assert (tax, gross) == (answer.prediction.tax, answer.prediction.gross)
        if answer.exact:
            assert (tax, gross) == (basket.tax_total, basket.paid)
            met += 1
    assert met > 140


def _code(line: TaxedLine) -> str:
    """The sandbox's code of a generated basket's rate."""
    return {"GB-0.20": "GB-STD", "GB-0.05": LOW, "GB-0.00": "GB-ZERO"}[line.code]
