"""What only NetSuite can show: its protocol, its failures, its set-up, what is cut off halfway."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync.domain.delivery import (
    AuthError,
    Conflict,
    MissingRight,
    PeriodClosed,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.domain.documents import FulfilledBy, OrderPhase, ShipmentPhase, WriteStatus, Written
from sync.erp.netsuite import NetSuiteErp
from sync.erp.netsuite.references import Setup, external_id
from tests.contract.erp.netsuite_house import NetSuiteHouse, entry
from tests.contract.erp.orders import accepted, credit, draft, line, new_key, of, shipping
from tests.sandbox.erp import Box
from tests.sandbox.erp.netsuite.seed import setup
from tests.sandbox.erp.served import Told


def failed(house: NetSuiteHouse) -> list[tuple[str, str]]:
    return [(one.name, one.detail) for one in house.port.check().checks if not one.ok]


def told(status: int, code: str, words: str) -> Told:
    return Told(status, {"o:errorDetails": [{"detail": words, "o:errorCode": code}]})


# -- the protocol ---------------------------------------------------------------------------------


def test_pages_are_read_by_keys_and_each_row_once(netsuite: NetSuiteHouse) -> None:
    first = netsuite.port.items(None, None, 5)
    second = netsuite.port.items(None, first.cursor, 5)
    third = netsuite.port.items(None, second.cursor, 5)

    assert [len(page.rows) for page in (first, second, third)] == [5, 5, 2]
    assert third.cursor is None
    assert len({row.sku for page in (first, second, third) for row in page.rows}) == 12


def test_an_expired_token_is_renewed_and_the_call_repeated(netsuite: NetSuiteHouse) -> None:
    netsuite.port.items(None, None, 1)
    netsuite.erp.door.tokens.clear()
    order = draft([line(netsuite.skus[0])])
    accepted(netsuite, order)

    assert netsuite.wire.calls["POST token"] == 2
    assert len(netsuite.sales(order.key)) == 1


def test_a_certificate_that_is_not_mapped_is_a_failed_check_not_an_exception(
    netsuite: NetSuiteHouse,
) -> None:
    netsuite.erp.door.certificate_id = "another"
    ((name, detail),) = failed(netsuite)
    assert name == "Sign-in"
    assert "invalid_grant" in detail
    with pytest.raises(AuthError):
        netsuite.port.items(None, None, 1)


def test_a_key_that_is_no_key_is_told_as_one(netsuite: NetSuiteHouse) -> None:
    erp = NetSuiteErp(
        account="1", url=netsuite.served.url, client_id="mkterp", certificate_id="cert-1",
        password="a-secret", setup=netsuite.setup,
    )  # fmt: skip
    with pytest.raises(AuthError, match="PEM"):
        erp.items(None, None, 1)
    erp.close()


def test_no_more_calls_are_made_at_once_than_an_account_works_on(netsuite: NetSuiteHouse) -> None:
    orders = [draft([line(netsuite.skus[0])]) for _ in range(12)]
    keys = [order.key for order in orders]
    netsuite.port.submit_orders(orders)
    netsuite.erp.door.stay = 0.1
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(lambda _: netsuite.port.find_orders(keys), range(4)))
    assert [set(one) for one in found] == [set(keys)] * 4
    # One more than it works on would have been refused. How many met depends on the machine.
    assert 1 < netsuite.erp.door.busiest <= 5


def test_an_account_that_works_for_others_too_asks_us_to_wait(netsuite: NetSuiteHouse) -> None:
    netsuite.port.items(None, None, 1)
    netsuite.erp.door.at_once = 0
    with pytest.raises(Throttled) as asked:
        netsuite.port.periods()
    assert asked.value.retry_after == 3


def test_orders_after_one_that_was_throttled_are_not_tried(netsuite: NetSuiteHouse) -> None:
    orders = [draft([line(netsuite.skus[0])]) for _ in range(3)]
    netsuite.wire.instead(Told(429, None, {"Retry-After": "7"}), name="POST salesOrder")
    answers = netsuite.port.submit_orders(orders)

    assert [type(answer) for answer in answers] == [Throttled] * 3
    assert netsuite.wire.calls["POST salesOrder"] == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_to_a_write_leaves_the_outcome_open(
    netsuite: NetSuiteHouse, status: int
) -> None:
    netsuite.port.items(None, None, 1)
    netsuite.wire.instead(Told(status, b"<html>"), name="POST suiteql")
    with pytest.raises(Transient):
        netsuite.port.items(None, None, 1)
    netsuite.wire.instead(Told(status, b"<html>"), name="POST salesOrder")
    (answer,) = netsuite.port.submit_orders([draft([line(netsuite.skus[0])])])
    assert type(answer) is UnknownOutcome


def test_what_somebody_else_changed_meanwhile_is_a_conflict(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0], "3")])
    ref = accepted(netsuite, order)
    words = "Record has been changed"
    netsuite.wire.instead(told(400, "RCRD_HAS_BEEN_CHANGED", words), name="PATCH salesOrder")
    with pytest.raises(Conflict):
        netsuite.port.amend_order(ref, {order.lines[0].key: Decimal(1)}, "fewer")

    state = netsuite.port.amend_order(ref, {order.lines[0].key: Decimal(1)}, "fewer")
    assert dict(state.withdrawn) == {order.lines[0].key: Decimal(2)}


def test_the_double_refuses_what_the_real_one_refuses(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0])])
    ref = accepted(netsuite, order)
    token = next(iter(netsuite.erp.door.tokens))
    root = f"{netsuite.served.url}/services/rest/"
    strict = {"X-NetSuite-PropertyNameValidation": "Error", "Prefer": "transient"}
    with httpx.Client(headers={"Authorization": f"Bearer {token}", **strict}) as http:

        def answer(verb: str, where: str, **given: Any) -> tuple[int, str]:
            said = http.request(verb, root + where, **given)
            return said.status_code, said.json()["o:errorDetails"][0]["o:errorCode"]

        def query(text: str, **given: Any) -> tuple[int, str]:
            return answer("POST", "query/v1/suiteql", json={"q": text}, **given)

        assert query("SELECT i.id FROM item i") == (400, "INVALID_PARAMETER")
        assert query("SELECT i.id FROM item i ORDER BY i.id LIMIT 3")[1] == "INVALID_PARAMETER"
        assert query("SELECT i.colour FROM item i ORDER BY i.id")[1] == "INVALID_PARAMETER"
        assert query("SELECT i.id AS number FROM item i ORDER BY 1")[1] == "INVALID_PARAMETER"
        assert query("DELETE FROM item")[1] == "INVALID_PARAMETER"
        right = "SELECT i.id FROM item i ORDER BY i.id"
        assert query(right, params={"limit": 1001})[0] == 400
        assert query(right, params={"limit": 10, "offset": 3})[0] == 400
        assert query(right, headers={"Prefer": ""})[1] == "INVALID_HEADER"
        sales = "record/v1/salesOrder"
        body = {"externalId": external_id(order.key), "taxDetailsOverride": True}
        body |= {"entity": {"id": "1"}, "subsidiary": {"id": "1"}}
        assert answer("POST", sales, json=body)[1] == "INVALID_CONTENT"
        customer = netsuite.erp.one("entity", entityid="MKT-AGENT")["id"]
        body |= {"entity": {"id": str(customer)}}
        assert answer("POST", sales, json=body) == (400, "USER_ERROR")  # already exists
        assert answer("POST", sales, json={**body, "colour": "red"})[1] == "INVALID_CONTENT"
        assert answer("GET", f"{sales}/eid:nobody")[0] == 404
        assert answer("DELETE", f"{sales}/{ref}")[0] == 405
        assert answer("GET", "record/v1/estimate/1")[0] == 404
        assert http.get(f"{root}{sales}/{ref}").json()["item"] == {"links": []}  # not expanded
        upsert = http.put(f"{root}{sales}/eid:{external_id(order.key)}", json={"memo": "again"})
        assert upsert.headers["Location"].endswith(f"/{ref}")
    assert netsuite.sales(order.key) == [("B", order.gross)]


# -- orders ---------------------------------------------------------------------------------------


def test_an_order_arrives_in_one_request_lines_and_taxes(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0]), line(netsuite.skus[1], tax_code="GB-ZERO"), shipping()])
    ref = accepted(netsuite, order)
    row = netsuite.erp.transactions[int(ref)]

    assert netsuite.wire.calls["POST salesOrder"] == 1
    assert netsuite.wire.calls["PATCH salesOrder"] == 0
    assert [one["taxamount"] for one in row["taxdetails"]] == [one.tax for one in order.lines]
    assert (row["shippingaddress"]["addressee"], row["otherrefnum"]) == (
        "Ann Example",
        order.reference,
    )
    assert "Order: 4711" in row["memo"]


@pytest.mark.parametrize("key", ["Mixed-Case-" + "x" * 200, "pass:on 1", "grün"])
def test_a_key_that_is_no_external_id_is_kept_beside_it(netsuite: NetSuiteHouse, key: str) -> None:
    order = draft([line(netsuite.skus[0])], key=key)
    ref = accepted(netsuite, order)
    assert set(netsuite.port.find_orders([key, key.upper()])) == {key}
    (again,) = netsuite.port.submit_orders([order])
    assert isinstance(again, Written)
    assert again.status is WriteStatus.EXISTED
    netsuite.ship(ref)
    netsuite.post_invoices(ref)

    (invoice,) = netsuite.port.find_documents([key])[key]
    assert (invoice.key, invoice.reference) == (key, order.reference)


def test_an_order_made_by_somebody_else_at_the_same_moment_is_found(
    netsuite: NetSuiteHouse,
) -> None:
    order = draft([line(netsuite.skus[0])])
    ref = accepted(netsuite, order)
    # We looked before the other one wrote: what we saw was nothing.
    nothing = {"items": [], "hasMore": False, "count": 0, "offset": 0, "totalResults": 0}
    netsuite.wire.instead(Told(200, nothing), name="POST suiteql")
    (answer,) = netsuite.port.submit_orders([order])

    assert isinstance(answer, Written)
    assert (answer.ref, answer.status) == (ref, WriteStatus.EXISTED)
    assert netsuite.wire.calls["POST salesOrder"] == 2
    assert len(netsuite.sales(order.key)) == 1


def test_an_order_that_waits_for_an_approval_is_not_accepted_yet(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0])])
    ref = accepted(netsuite, order)
    netsuite.erp.transactions[int(ref)]["status"] = "A"

    assert netsuite.port.find_orders([order.key])[order.key].phase is OrderPhase.QUOTED
    (answer,) = netsuite.port.submit_orders([order])
    assert isinstance(answer, Transient)


def test_a_cancellation_whose_answer_is_lost_is_there_at_the_next_look(
    netsuite: NetSuiteHouse,
) -> None:
    ref = accepted(netsuite, draft([line(netsuite.skus[0], "2"), shipping()]))
    netsuite.wire.lose = "PATCH salesOrder"
    with pytest.raises(UnknownOutcome):
        netsuite.port.cancel_order(ref, "not wanted")
    assert netsuite.port.cancel_order(ref, "not wanted").phase is OrderPhase.CANCELLED
    assert netsuite.wire.calls["PATCH salesOrder"] == 1
    assert netsuite.erp.transactions[int(ref)]["memo"].endswith("Cancelled: not wanted")


def test_the_taxes_of_a_lowered_line_are_lowered_with_it(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0], "5", "8.3333"), shipping()])
    ref = accepted(netsuite, order)
    state = netsuite.port.amend_order(ref, {order.lines[0].key: Decimal(3)}, "two fewer")
    # 3 x 8.3333 and 3.33, and a fifth of each.
    assert (state.net, state.tax) == (Decimal("28.33"), Decimal("5.67"))


def test_an_order_billed_in_parts_has_its_tax_in_parts(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0], "3", "10.0000")])
    ref = accepted(netsuite, order)
    for quantity in (Decimal(1), Decimal(2)):
        netsuite.ship(ref, {netsuite.skus[0]: quantity})
        netsuite.post_invoices(ref)
    documents = netsuite.port.find_documents([order.key])[order.key]
    assert [one.tax for one in documents] == [Decimal(2), Decimal(4)]
    (state,) = netsuite.port.order_states([ref])
    assert (state.phase, state.invoice_number) == (OrderPhase.BOOKED, documents[-1].number)


def test_no_person_becomes_a_record_and_a_long_address_is_refused(netsuite: NetSuiteHouse) -> None:
    before = len(netsuite.erp.find("entity"))
    order = draft([line(netsuite.skus[0])])
    accepted(netsuite, order)
    assert len(netsuite.erp.find("entity")) == before

    far = replace(order, key=new_key(), ship_to=replace(order.ship_to, city="x" * 51))
    (answer,) = netsuite.port.submit_orders([far])
    assert isinstance(answer, Rejected)
    assert "city" in str(answer)


def test_a_picked_fulfilment_is_told_before_it_leaves(netsuite: NetSuiteHouse) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    order = draft([line(netsuite.skus[0], "2")])
    ref = accepted(netsuite, order)
    netsuite.pick(ref)
    (shipment,) = netsuite.port.shipments(since, None).rows
    assert (shipment.phase, shipment.state) == (ShipmentPhase.OPEN, "Picked")
    (level,) = netsuite.port.stock([netsuite.skus[0]], None).rows
    assert (level.on_hand, level.reserved) == (50, 2)


def test_a_carriers_own_list_of_packages_is_read_too(netsuite: NetSuiteHouse) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    ref = accepted(netsuite, draft([line(netsuite.skus[0])]))
    netsuite.ship(ref, carrier="UPS", boxes=[Box("1Z 1"), Box("1Z 2")])
    (shipment,) = netsuite.port.shipments(since, None).rows
    assert (shipment.carrier, shipment.tracking) == ("UPS", ("1Z 1", "1Z 2"))


def test_what_cannot_be_committed_is_not_free(netsuite: NetSuiteHouse) -> None:
    sku = netsuite.skus[0]
    accepted(netsuite, draft([line(sku, "60")]))
    (level,) = netsuite.port.stock([sku], None).rows
    assert (level.on_hand, level.reserved, level.available) == (50, 50, -10)


# -- the books ------------------------------------------------------------------------------------


def test_a_journal_whose_answer_is_lost_is_posted_once(netsuite: NetSuiteHouse) -> None:
    journal = entry(netsuite)
    netsuite.wire.lose = "POST journalEntry"
    with pytest.raises(UnknownOutcome):
        netsuite.port.post_journal(journal)
    assert netsuite.port.post_journal(journal).status is WriteStatus.EXISTED
    assert netsuite.journals(journal.key) == 1


def test_a_refund_whose_answer_is_lost_is_made_once_and_moves_no_goods(
    netsuite: NetSuiteHouse,
) -> None:
    order = draft([line(netsuite.skus[0], "2"), shipping()])
    ref = accepted(netsuite, order)
    netsuite.ship(ref)
    netsuite.post_invoices(ref)
    refund = credit(order, [of(order.lines[0], "1"), of(order.lines[1], "1")])
    netsuite.wire.lose = "POST creditMemo"
    with pytest.raises(UnknownOutcome):
        netsuite.port.post_credit_note(refund)
    assert netsuite.port.post_credit_note(refund).status is WriteStatus.EXISTED

    assert netsuite.people.memos(order.key) == ["A"]
    assert netsuite.erp.one("item", itemid=netsuite.skus[0])["onhand"] == 48


def test_a_refund_on_an_account_without_an_item_names_what_is_missing(
    netsuite: NetSuiteHouse,
) -> None:
    order = draft([line(netsuite.skus[0])], fulfilled_by=FulfilledBy.SELLER)
    netsuite.post_invoices(accepted(netsuite, order))
    object.__setattr__(netsuite.setup, "refunds", {})
    with pytest.raises(Rejected, match=r"booked on 4\.1\.1: name an item"):
        netsuite.port.post_credit_note(credit(order, [of(order.lines[0], "1")]))
    assert netsuite.people.memos(order.key) == []


def test_a_period_that_only_netsuite_knows_to_be_closed_is_a_closed_period(
    netsuite: NetSuiteHouse,
) -> None:
    words = "The posting period for this transaction is closed."
    netsuite.wire.instead(told(400, "USER_ERROR", words), name="POST journalEntry")
    journal = entry(netsuite)
    with pytest.raises(PeriodClosed):
        netsuite.port.post_journal(journal)
    assert netsuite.journals(journal.key) == 0


def test_an_entry_that_waits_for_its_approval_is_neither_posted_nor_made_again(
    netsuite: NetSuiteHouse,
) -> None:
    journal = entry(netsuite)
    netsuite.port.post_journal(journal)
    (row,) = netsuite.erp.of("Journal", custbody_mkterp_key=journal.key)
    row |= {"posting": False, "status": "A"}
    with pytest.raises(Transient, match="approval"):
        netsuite.port.post_journal(journal)
    assert netsuite.wire.calls["POST journalEntry"] == 1
    assert netsuite.port.journals([journal.key]) == {}


def test_an_invoice_people_have_paid_is_told_as_paid(netsuite: NetSuiteHouse) -> None:
    order = draft([line(netsuite.skus[0])], fulfilled_by=FulfilledBy.SELLER)
    netsuite.post_invoices(accepted(netsuite, order))
    (invoice,) = netsuite.port.find_documents([order.key])[order.key]
    netsuite.people.pay_invoice(invoice.ref)
    (invoice,) = netsuite.port.find_documents([order.key])[order.key]
    assert invoice.state == "paid"


# -- the set-up -----------------------------------------------------------------------------------


def test_a_missing_right_is_named_before_the_first_order(netsuite: NetSuiteHouse) -> None:
    netsuite.erp.lacking |= {"accountingperiod", "pricing"}
    ((name, detail),) = failed(netsuite)
    assert name == "Rights to read"
    assert "accountingperiod" in detail
    assert "pricing" in detail
    netsuite.erp.lacking = {"journalEntry"}
    with pytest.raises(MissingRight, match="Permission"):
        netsuite.port.post_journal(entry(netsuite))


def test_what_the_set_up_names_and_the_account_lacks_is_told(netsuite: NetSuiteHouse) -> None:
    netsuite.erp.one("entity", entityid="MKT-AGENT")["entityid"] = "OTHER"
    netsuite.erp.one("item", itemid="MKT-REFUND")["incomeaccount"] = None
    netsuite.people.delete_tax("GB-ZERO")

    found = dict(failed(netsuite))
    assert "MKT-AGENT" in found["Customers"]
    assert "MKT-REFUND, whose income account is none" in found["Items"]
    assert "GB-ZERO" in found["Taxes"]


def test_a_clock_of_another_zone_is_found_before_a_change_is_missed(
    netsuite: NetSuiteHouse,
) -> None:
    netsuite.erp.age = timedelta(hours=8)  # its user lives elsewhere
    ((name, detail),) = failed(netsuite)
    assert name == "Clock"
    assert "time_zone" in detail


@pytest.fixture
def abroad() -> Iterator[NetSuiteHouse]:
    """An account whose integration user lives elsewhere."""
    house = NetSuiteHouse("America/New_York")
    yield house
    house.close()


def test_times_are_told_and_compared_in_the_zone_of_the_user(abroad: NetSuiteHouse) -> None:
    house = abroad
    before = datetime.now(UTC) - timedelta(seconds=1)
    house.retire(house.skus[0])
    (item,) = house.port.items(before, None, 20).rows
    assert (item.sku, failed(house)) == (house.skus[0], [])
    assert item.modified_at is not None
    assert before - timedelta(seconds=1) <= item.modified_at <= datetime.now(UTC)
    assert house.port.items(datetime.now(UTC) + timedelta(seconds=2), None, 20).rows == ()


def test_a_word_the_set_up_does_not_know_is_refused_at_the_start(netsuite: NetSuiteHouse) -> None:
    with pytest.raises(ValueError, match="warehouse"):
        Setup.of({**setup(netsuite.erp), "warehouse": "WH"})
