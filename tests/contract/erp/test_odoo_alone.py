"""What only Odoo can show: its two protocols, its failures, its set-up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sync.domain.delivery import (
    AuthError,
    MissingRight,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.domain.documents import (
    JournalEntry,
    JournalLine,
    OrderPhase,
    ReturnDraft,
    ReturnLine,
    WriteStatus,
    Written,
)
from sync.erp.odoo import OdooErp
from tests.contract.erp.odoo_house import OdooHouse
from tests.contract.erp.orders import accepted, credit, draft, line, new_key, of, shipping
from tests.sandbox.erp.served import Told


@pytest.fixture(params=[16, 19])
def odoo(request: pytest.FixtureRequest) -> Iterator[OdooHouse]:
    house = OdooHouse(request.param)
    yield house
    house.close()


def failed(house: OdooHouse) -> list[tuple[str, str]]:
    return [(one.name, one.detail) for one in house.port.check().checks if not one.ok]


def test_each_series_is_spoken_to_in_its_own_protocol(odoo: OdooHouse) -> None:
    odoo.port.items(None, None, 5)
    seen = set(odoo.wire.calls)

    assert ("common.login" in seen) is (odoo.odoo.series < 19)
    assert "product.product.search_read" in seen


def test_a_batch_is_claimed_and_confirmed_in_one_call_each(odoo: OdooHouse) -> None:
    orders = [draft([line(odoo.skus[0]), shipping()]) for _ in range(6)]
    answers = odoo.port.submit_orders(orders)

    assert all(isinstance(answer, Written) for answer in answers)
    assert odoo.wire.calls["sale.order.load"] == 1
    assert odoo.wire.calls["sale.order.action_confirm"] == 1


def test_a_request_for_fewer_calls_is_told_with_its_wait(odoo: OdooHouse) -> None:
    odoo.port.items(None, None, 1)
    odoo.wire.instead(Told(429, {"error": "slow down"}, {"Retry-After": "7"}))
    with pytest.raises(Throttled) as told:
        odoo.port.items(None, None, 1)
    assert told.value.retry_after == 7


def test_a_server_error_to_a_write_leaves_the_outcome_open(odoo: OdooHouse) -> None:
    order = draft([line(odoo.skus[0])])
    odoo.wire.instead(Told(502, b"<html>Bad Gateway</html>"), name="sale.order.load")
    (answer,) = odoo.port.submit_orders([order])
    assert isinstance(answer, UnknownOutcome)
    odoo.wire.instead(Told(502, b"<html>Bad Gateway</html>"), name="sale.order.search_read")
    with pytest.raises(Transient):
        odoo.port.find_orders([order.key])


def test_a_revoked_key_is_a_refused_sign_in(odoo: OdooHouse) -> None:
    odoo.port.items(None, None, 1)
    odoo.odoo.key = "another"
    with pytest.raises(AuthError):
        odoo.port.items(None, None, 1)


def test_a_wrong_key_is_a_failed_check_not_an_exception(odoo: OdooHouse) -> None:
    erp = OdooErp(
        url=odoo.served.url, database=odoo.odoo.database, user=odoo.odoo.login, password="wrong"
    )
    report = erp.check()
    erp.close()
    assert [one.name for one in report.checks if not one.ok] == ["Sign-in"]


def test_a_missing_right_is_named_with_what_to_do(odoo: OdooHouse) -> None:
    odoo.odoo.lacking.add(("create", "account.move"))
    assert failed(odoo) == [("Rights", "Give the user the groups that may create account.move.")]
    order = draft([line(odoo.skus[0])])
    ref = accepted(odoo, order)
    odoo.ship(ref)
    odoo.post_invoices(ref)
    with pytest.raises(MissingRight, match=r"create 'account\.move'"):
        odoo.port.post_credit_note(credit(order, [of(order.lines[0], "1")]))


def test_a_missing_module_is_named_with_what_to_install(odoo: OdooHouse) -> None:
    del odoo.odoo.models["stock.move"]["sale_line_id"]
    ((name, detail),) = failed(odoo)
    assert name == "Modules and fields"
    assert "sale_line_id" in detail
    assert "sale_stock" in detail


def test_prices_that_odoo_would_cut_are_found_before_the_first_order(odoo: OdooHouse) -> None:
    ids = odoo.odoo.search("decimal.precision", [])
    odoo.odoo.put("decimal.precision", ids, {"digits": 2})
    ((name, detail),) = failed(odoo)
    assert name == "Price decimals"
    assert "Product Price" in detail


def test_two_items_of_one_code_are_nobodys(odoo: OdooHouse) -> None:
    first, second = odoo.skus[:2]
    ids = odoo.odoo.search("product.product", [["default_code", "=", second]])
    odoo.odoo.put("product.product", ids, {"default_code": first})
    (answer,) = odoo.port.submit_orders([draft([line(first)])])
    assert isinstance(answer, Rejected)
    assert first in str(answer)


def test_an_order_that_a_person_duplicates_stays_one_order(odoo: OdooHouse) -> None:
    order = draft([line(odoo.skus[0])])
    ref = accepted(odoo, order)
    copied = dict(odoo.odoo.row("sale.order", int(ref)))
    names = ("origin", "partner_id", "company_id", "currency_id")
    odoo.odoo.create("sale.order", [{name: copied[name] for name in names}])

    assert odoo.port.find_orders([order.key])[order.key].ref == ref


def test_no_person_becomes_a_record(odoo: OdooHouse) -> None:
    before = len(odoo.odoo.tables["res.partner"])
    ref = accepted(odoo, draft([line(odoo.skus[0])], attributes={"Seller": "<Quayside>"}))
    note = odoo.odoo.row("sale.order", int(ref))["note"]

    assert len(odoo.odoo.tables["res.partner"]) == before
    assert "Ann Example" in note
    assert "&lt;Quayside&gt;" in note


@pytest.mark.parametrize(
    "step", ["account.move.load", "account.move.write", "account.move.action_post"]
)
def test_a_journal_cut_off_anywhere_is_made_once(odoo: OdooHouse, step: str) -> None:
    one, other = odoo.accounts
    nothing = Decimal(0)
    entry = JournalEntry(
        new_key(),
        datetime.now(UTC).date(),
        "GBP",
        "a memo",
        (JournalLine(one, Decimal(3), nothing), JournalLine(other, nothing, Decimal(3))),
    )
    odoo.wire.lose = step
    with pytest.raises(UnknownOutcome):
        odoo.port.post_journal(entry)
    again = odoo.port.post_journal(entry)

    posted = again.status is WriteStatus.EXISTED
    assert posted is (step == "account.move.action_post")
    assert odoo.odoo.search("account.move", [["ref", "=", entry.key]]) == [int(again.ref or 0)]
    assert odoo.journals(entry.key) == 1


@pytest.mark.parametrize(
    "step", ["account.move.load", "account.move.write", "account.move.action_post"]
)
def test_a_refund_cut_off_anywhere_is_made_once(odoo: OdooHouse, step: str) -> None:
    order = draft([line(odoo.skus[0], "2")])
    ref = accepted(odoo, order)
    odoo.ship(ref)
    odoo.post_invoices(ref)
    refund = credit(order, [of(order.lines[0], "1")])
    odoo.wire.lose = step
    with pytest.raises(UnknownOutcome):
        odoo.port.post_credit_note(refund)
    odoo.port.post_credit_note(refund)

    found = odoo.odoo.search("account.move", [["move_type", "=", "out_refund"]])
    assert [odoo.odoo.row("account.move", ident)["state"] for ident in found] == ["posted"]


@pytest.mark.parametrize(
    "step", ["stock.picking.load", "stock.picking.write", "stock.picking.action_confirm"]
)
def test_a_return_cut_off_anywhere_is_announced_once(odoo: OdooHouse, step: str) -> None:
    order = draft([line(odoo.skus[0], "2")])
    odoo.ship(accepted(odoo, order))
    back = ReturnDraft(
        key=new_key(),
        reference="RF-9",
        order_key=order.key,
        expected_on=datetime.now(UTC).date(),
        lines=(ReturnLine(order.lines[0].key, order.lines[0].sku, Decimal(2)),),
    )
    odoo.wire.lose = step
    with pytest.raises(UnknownOutcome):
        odoo.port.submit_return(back)
    odoo.port.submit_return(back)

    found = odoo.odoo.search("stock.picking", [["origin", "=", f"mkterp return {back.key}"]])
    assert [odoo.odoo.row("stock.picking", ident)["state"] for ident in found] == ["assigned"]
    state = odoo.port.find_returns([back.key])[back.key]
    assert [part.quantity for part in state.lines] == [Decimal(2)]


@pytest.mark.parametrize("step", ["stock.move.write", "stock.picking.action_cancel"])
def test_an_amendment_cut_off_anywhere_is_finished_by_the_next(odoo: OdooHouse, step: str) -> None:
    order = draft([line(odoo.skus[0], "3"), line(odoo.skus[1], "1")])
    first, second = (one.key for one in order.lines)
    ref = accepted(odoo, order)
    lowered = {first: Decimal(1), second: Decimal(0)}
    if step == "stock.picking.action_cancel":
        lowered[first] = Decimal(0)
    odoo.wire.lose = step
    with pytest.raises(UnknownOutcome):
        odoo.port.amend_order(ref, lowered, "fewer")
    state = odoo.port.amend_order(ref, lowered, "fewer")

    assert dict(state.withdrawn) == {first: 3 - lowered[first], second: Decimal(1)}
    (level,) = odoo.port.stock([odoo.skus[0]], None).rows
    assert level.available == 50 - lowered[first]


def test_a_lost_confirmation_is_found_confirmed(odoo: OdooHouse) -> None:
    order = draft([line(odoo.skus[0])])
    odoo.wire.lose = "sale.order.action_confirm"
    (answer,) = odoo.port.submit_orders([order])
    assert isinstance(answer, UnknownOutcome)
    (again,) = odoo.port.submit_orders([order])
    assert isinstance(again, Written)
    assert again.status is WriteStatus.EXISTED
    assert again.order is not None
    assert again.order.phase is OrderPhase.ACCEPTED
    assert odoo.sales(order.key) == [("sale", order.gross)]
