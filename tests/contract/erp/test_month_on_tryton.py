"""The month's accountants make the same mistakes in a real Tryton and in the ERP in memory."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from sync.domain.documents import DocumentState, PostedDocument
from tests.contract.erp.houses import FakeHouse, TrytonHouse
from tests.contract.erp.orders import accepted, draft, line
from tests.fakes import FakeErp
from tests.month.real import RealErp
from tests.sandbox.erp import Tryton

Erp = FakeErp | RealErp


@pytest.fixture
def real(tryton: Tryton) -> Iterator[RealErp]:
    erp = RealErp(tryton)
    yield erp
    erp.close()


@pytest.fixture(params=["fake", "tryton"])
def erp(request: pytest.FixtureRequest) -> tuple[Erp, FakeHouse | TrytonHouse]:
    if request.param == "fake":
        house = FakeHouse()
        return house.erp, house
    return request.getfixturevalue("real"), request.getfixturevalue("tryton_house")


def shorten(erp: Erp, ref: str) -> str:
    return erp.shorten_invoice(ref)


def double_price(erp: Erp, ref: str) -> str:
    return erp.replace_invoice(ref, Decimal("10.0000"))


def zero_rate(erp: Erp, ref: str) -> str:
    return erp.retax_invoice(ref, "GB-ZERO")


def post_twice(erp: Erp, ref: str) -> str:
    return erp.double_invoice(ref)


@pytest.mark.parametrize(
    ("mistake", "net", "tax", "stands"),
    [
        (shorten, "5.00", "1.00", False),
        (double_price, "25.00", "5.00", False),
        (zero_rate, "15.00", "1.00", False),
        (post_twice, "15.00", "3.00", True),
    ],
)
def test_a_mistake_is_made_and_put_right(
    erp: tuple[Erp, FakeHouse | TrytonHouse],
    mistake: Callable[[Erp, str], str],
    net: str,
    tax: str,
    stands: bool,
) -> None:
    books, house = erp
    order = draft([line(house.skus[2], "1", "10.0000"), line(house.skus[3], "1", "5.0000")])
    ref = accepted(house, order)
    house.ship(ref)
    house.post_invoices(ref)

    def held() -> dict[str, PostedDocument]:
        return {one.ref: one for one in books.find_documents([order.key])[order.key]}

    (right,) = held()
    made = mistake(books, right)
    wrong = held()[made]

    assert (wrong.state, wrong.net, wrong.tax) == (
        DocumentState.POSTED,
        Decimal(net),
        Decimal(tax),
    )
    assert (held()[right].state is DocumentState.POSTED) == stands

    books.cancel_invoice(wrong.ref)
    if not stands:
        books.post_again(right)

    standing = [one for one in held().values() if one.state is DocumentState.POSTED]
    assert sum(one.net for one in standing) == Decimal("15.00")
    assert sum(one.tax for one in standing) == Decimal("3.00")
    lines = sorted(found.line_key for one in standing for found in one.lines)
    assert lines == sorted(sold.key for sold in order.lines)
