"""What only a real Tryton can show."""

from datetime import UTC, date, datetime
from decimal import Decimal

from sync.domain.delivery import Transient, UnknownOutcome
from sync.domain.documents import FulfilledBy, WriteStatus, Written
from sync.erp.tryton import TrytonErp
from tests.contract.erp.houses import TrytonHouse
from tests.contract.erp.orders import draft, line, shipping
from tests.sandbox.erp import Tryton


def test_an_expired_session_is_renewed_and_the_call_repeated(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0])])
    tryton_house.wire.calls.clear()
    tryton_house.wire.expire = True
    (answer,) = tryton_house.port.submit_orders([order])

    assert isinstance(answer, Written)
    assert tryton_house.wire.calls["common.db.login"] == 1
    assert len(tryton_house.sales(order.key)) == 1


def test_a_long_answer_is_read_whole(tryton_house: TrytonHouse) -> None:
    # Over 1,400 characters Tryton labels every answer gzip, but compresses it only when asked.
    assert len(tryton_house.port.items(None, None, 200).rows) == 200


def test_a_batch_is_a_fixed_number_of_calls(tryton_house: TrytonHouse) -> None:
    orders = [draft([line(tryton_house.skus[0]), shipping()]) for _ in range(6)]
    tryton_house.port.submit_orders(orders[:1])
    tryton_house.wire.calls.clear()
    answers = tryton_house.port.submit_orders(orders[1:])

    assert all(isinstance(answer, Written) for answer in answers)
    # Items, taxes, look, create, look, quote, confirm, read back.
    assert tryton_house.wire.calls.total() <= 8


def test_a_wrong_password_is_a_failed_check_not_an_exception(tryton: Tryton) -> None:
    info = tryton.info
    erp = TrytonErp(url=info["url"], database=info["database"], user=info["user"], password="wrong")
    report = erp.check()
    erp.close()
    assert [check.name for check in report.checks if not check.ok] == ["Sign-in"]


def test_the_document_carries_the_address_and_the_facts_but_no_person_becomes_a_record(
    tryton_house: TrytonHouse,
) -> None:
    order = draft(
        [line(tryton_house.skus[0])],
        attributes={"Order": "4711", "Seller": "Quayside"},
        placed_at=datetime(2026, 7, 14, 23, 30, tzinfo=UTC),
    )
    (written,) = tryton_house.port.submit_orders([order])
    assert isinstance(written, Written)
    assert written.ref is not None
    sale = tryton_house.sale(
        written.ref, "comment", "description", "reference", "party.name", "sale_date"
    )

    assert sale["reference"] == order.reference
    assert "Ann Example" in sale["comment"]
    assert "Seller: Quayside" in sale["description"]
    assert sale["party."]["name"] == "Marketplacer customers (principal)"
    # Half past midnight in London's summer: the company's day, not UTC's.
    assert sale["sale_date"] == date(2026, 7, 15)


def test_a_sellers_order_has_no_shipment(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0])], fulfilled_by=FulfilledBy.SELLER)
    (written,) = tryton_house.port.submit_orders([order])
    assert isinstance(written, Written)
    assert written.ref is not None
    sale = tryton_house.sale(written.ref, "shipments", "invoices", "total_amount")

    assert sale["shipments"] == []
    assert len(sale["invoices"]) == 1
    assert sale["total_amount"] == Decimal("12.00")


def test_an_unreachable_tryton_leaves_every_order_for_later(tryton_house: TrytonHouse) -> None:
    orders = [draft([line(tryton_house.skus[0])]) for _ in range(2)]
    with tryton_house.cut("model.sale.sale.create"):
        answers = tryton_house.port.submit_orders(orders)

    assert [type(answer) for answer in answers] == [Transient, Transient]
    assert [len(tryton_house.sales(order.key)) for order in orders] == [0, 0]


def test_a_lost_answer_to_the_confirmation_is_found_confirmed(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0])])
    tryton_house.wire.lose = "model.sale.sale.confirm"
    (answer,) = tryton_house.port.submit_orders([order])
    assert isinstance(answer, UnknownOutcome)
    (again,) = tryton_house.port.submit_orders([order])

    assert isinstance(again, Written)
    assert again.status is WriteStatus.EXISTED
    assert tryton_house.sales(order.key) == [("processing", order.gross)]
