"""What only Business Central can show: its protocol, its failures, its set-up, its limits."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync.domain.delivery import (
    AuthError,
    Conflict,
    MissingRight,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.erp.business_central.references import Setup
from tests.contract.erp.business_central_house import BusinessCentralHouse, entry
from tests.contract.erp.orders import accepted, draft, line
from tests.sandbox.erp.business_central.seed import SETUP
from tests.sandbox.erp.served import Told


def failed(house: BusinessCentralHouse) -> list[tuple[str, str]]:
    return [(one.name, one.detail) for one in house.port.check().checks if not one.ok]


def test_pages_are_followed_where_the_server_says(central: BusinessCentralHouse) -> None:
    first = central.port.items(None, None, 5)
    second = central.port.items(None, first.cursor, 5)
    third = central.port.items(None, second.cursor, 5)

    assert [len(page.rows) for page in (first, second, third)] == [5, 5, 2]
    assert third.cursor is None
    assert len({row.sku for page in (first, second, third) for row in page.rows}) == 12
    assert first.cursor is not None
    assert first.cursor.startswith("/v2.0/northbank.example/")  # never another host


def test_an_expired_token_is_renewed_and_the_call_repeated(central: BusinessCentralHouse) -> None:
    central.port.items(None, None, 1)
    central.erp.door.tokens.clear()
    order = draft([line(central.skus[0])])
    accepted(central, order)

    assert central.wire.calls["POST token"] == 2
    assert len(central.sales(order.key)) == 1


def test_a_wrong_secret_is_a_failed_check_not_an_exception(central: BusinessCentralHouse) -> None:
    central.erp.door.secret = "another"
    ((name, detail),) = failed(central)
    assert name == "Sign-in"
    assert "AADSTS7000215" in detail
    with pytest.raises(AuthError):
        central.port.items(None, None, 1)


def test_too_many_calls_are_told_with_their_wait(central: BusinessCentralHouse) -> None:
    central.erp.door.limit = (3, 300)
    central.port.periods()
    with pytest.raises(Throttled) as told:
        central.port.periods()
    assert told.value.retry_after == 10


def test_orders_after_one_that_was_throttled_are_not_tried(central: BusinessCentralHouse) -> None:
    orders = [draft([line(central.skus[0])]) for _ in range(3)]
    central.wire.instead(Told(429, None, {"Retry-After": "7"}), name="POST salesOrders")
    answers = central.port.submit_orders(orders)

    assert [type(answer) for answer in answers] == [Throttled] * 3
    assert central.wire.calls["POST salesOrders"] == 1


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (503, Transient, Transient),  # it waited in the queue and was not begun
        (504, Transient, UnknownOutcome),
        (408, Transient, UnknownOutcome),
        (500, Transient, UnknownOutcome),
    ],
)
def test_a_server_error_says_whether_a_write_may_have_happened(
    central: BusinessCentralHouse, status: int, read: type, write: type
) -> None:
    central.port.items(None, None, 1)
    central.wire.instead(Told(status, b"<html>"), name="GET items")
    with pytest.raises(read):
        central.port.items(None, None, 1)
    central.wire.instead(Told(status, b"<html>"), name="POST salesOrders")
    (answer,) = central.port.submit_orders([draft([line(central.skus[0])])])
    assert type(answer) is write


def test_a_record_somebody_else_changed_is_not_overwritten(central: BusinessCentralHouse) -> None:
    order = draft([line(central.skus[0], "3")])
    ref = accepted(central, order)
    told = {"error": {"code": "Request_EntityChanged", "message": "Another user has changed it."}}
    central.wire.instead(Told(409, told), name="PATCH salesOrderLines")
    with pytest.raises(Conflict):
        central.port.amend_order(ref, {order.lines[0].key: Decimal(1)}, "fewer")

    state = central.port.amend_order(ref, {order.lines[0].key: Decimal(1)}, "fewer")
    assert dict(state.withdrawn) == {order.lines[0].key: Decimal(2)}


def test_the_double_refuses_what_the_real_one_refuses(central: BusinessCentralHouse) -> None:
    ref = accepted(central, draft([line(central.skus[0])]))
    (order,) = central.erp.find("salesOrders", number=ref)
    company = central.erp.find("companies")[0]["id"]
    root = f"{central.served.url}/v2.0/northbank.example/Production/api/v2.0/companies({company})"
    token = next(iter(central.erp.door.tokens))
    path = f"/salesOrders({order['id']})"
    body = {"customerNumber": "MKT-AGENT", "pricesIncludeTax": False}
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as http:

        def answer(verb: str, where: str, **given: Any) -> tuple[int, str]:
            told = http.request(verb, root + where, **given)
            return told.status_code, told.json()["error"]["code"]

        def patch(etag: str) -> tuple[int, str]:
            email = {"email": "a@b.c"}
            return answer("PATCH", path, json=email, headers={"If-Match": etag} if etag else {})

        assert patch("") == (400, "BadRequest_InvalidRequestHeaders")
        assert patch('W/"old"') == (409, "Request_EntityChanged")
        assert answer("POST", "/salesOrders", json={**body, "colour": "red"})[1] == "BadRequest"
        assert answer("POST", "/salesOrders", json={**body, "number": "1"})[0] == 400
        assert answer("POST", "/salesOrders", json={**body, "externalDocumentNumber": "x" * 36})[
            1
        ] == ("Application_StringExceededLength")
        assert answer("GET", "/salesOrderLines", params={"$filter": "quantity eq 1"})[0] == 400
        assert answer("GET", "/items", params={"$filter": "colour eq 'red'"})[1] == "BadRequest"
        mixed = {"$filter": "number eq 'A' or displayName eq 'B'"}
        assert answer("GET", "/items", params=mixed) == (501, "NotImplemented")
        assert answer("GET", "/items", params={"$apply": "aggregate"})[1] == "BadRequest"
        assert answer("GET", "/returnOrders")[1] == "BadRequest_NotFound"
        assert answer("POST", f"{path}/Microsoft.NAV.release")[1] == "BadRequest_NotFound"
        item = {"lineType": "Item", "lineObjectNumber": "BC-1", "quantity": 1, "taxCode": "GB-STD"}
        dear = {**item, "unitPrice": 1.234567}
        assert answer("POST", f"{path}/salesOrderLines", json=dear)[0] == 400
    assert len(central.erp.find("salesOrders")) == 1


# -- the set-up -----------------------------------------------------------------------------------


def test_a_missing_right_is_named_before_the_first_order(central: BusinessCentralHouse) -> None:
    central.erp.lacking |= {"journals", "dimensions"}
    ((name, detail),) = failed(central)
    assert name == "Rights to read"
    assert "journals" in detail
    assert "dimensions" in detail
    with pytest.raises(MissingRight, match="journals"):
        central.port.post_journal(entry(central))


def test_what_the_set_up_names_and_the_company_lacks_is_told(central: BusinessCentralHouse) -> None:
    (customer,) = central.erp.find("customers", number="MKT-AGENT")
    (default,) = central.erp.find("defaultDimensions", parentId=customer["id"])
    central.erp.put(default, {"dimensionValueCode": "MKT-PRINCIPAL"})
    (account,) = central.erp.find("accounts", number="4.1.5")
    central.erp.put(account, {"directPosting": False})
    central.people.delete_tax("GB-ZERO")

    found = dict(failed(central))
    assert "MKT-AGENT the default dimension MKTPARTY" in found["Customers"]
    assert "Direct Posting on the accounts 4.1.5" in found["Accounts"]
    assert "no tax group GB-ZERO" in found["Taxes"]


def test_a_word_the_set_up_does_not_know_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="warehouse"):
        Setup.of({**SETUP, "warehouse": "WH"})


def test_another_company_is_named_with_those_that_are_there(central: BusinessCentralHouse) -> None:
    central.bc_port._client.company_name = "Southbank"
    ((name, detail),) = failed(central)
    assert name == "Company"
    assert "Northbank UK" in detail
