"""What the wire can do, and which of the three failures it becomes."""

import re

import httpx
import pytest

from sync.domain.delivery import (
    AuthError,
    MissingRight,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.marketplacer import allowed
from sync.marketplacer.client import MarketplacerClient
from sync.marketplacer.governor import RateGovernor

EMPTY = {"data": {"invoices": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}}


def client_that_gets(answer):
    def handle(request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return MarketplacerClient(
        "http://sandbox/graphql", "key", transport=httpx.MockTransport(handle)
    )


def read(client):
    return client.invoice_page(updated_since=None, after=None)


def write(client):
    client.set_external_id(owner="invoice-1", key="erp_order", value="SO-1")


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        (httpx.ConnectError("refused"), Transient, Transient),
        (httpx.ReadTimeout("slow"), Transient, UnknownOutcome),
        (httpx.RemoteProtocolError("cut"), Transient, UnknownOutcome),
        (httpx.Response(500), Transient, UnknownOutcome),
        (httpx.Response(502), Transient, UnknownOutcome),
        (httpx.Response(200, text="<html>"), Transient, UnknownOutcome),
        (httpx.Response(200, json=[]), Transient, UnknownOutcome),
        (httpx.Response(200, json={"data": None}), Transient, UnknownOutcome),
        (httpx.Response(429), Throttled, Throttled),
        (httpx.Response(503), Throttled, Throttled),
        (httpx.Response(401, text="API Token has expired"), AuthError, AuthError),
        (httpx.Response(404), Rejected, Rejected),
        (
            httpx.Response(200, json={"errors": [{"message": "no such argument"}]}),
            Rejected,
            Rejected,
        ),
        (
            httpx.Response(
                200,
                json={"errors": [{"message": "no", "extensions": {"code": "MISSING_SCOPE"}}]},
            ),
            MissingRight,
            MissingRight,
        ),
    ],
)
def test_every_answer_becomes_one_of_our_failures(answer, on_read, on_write):
    with pytest.raises(on_read) as read_failure:
        read(client_that_gets(answer))
    with pytest.raises(on_write) as write_failure:
        write(client_that_gets(answer))
    assert (type(read_failure.value), type(write_failure.value)) == (on_read, on_write)


@pytest.mark.parametrize(("header", "seconds"), [("90", 90.0), ("", 60.0), ("soon", 60.0)])
def test_waits_as_long_as_marketplacer_asks_and_a_minute_when_it_does_not_say(header, seconds):
    with pytest.raises(Throttled) as failure:
        read(client_that_gets(httpx.Response(429, headers={"Retry-After": header})))
    assert failure.value.retry_after == seconds


def test_field_errors_inside_a_200_are_a_refusal_with_the_field_and_the_words():
    payload = {"status": 422, "errors": [{"field": "value", "messages": ["is too long"]}]}
    answer = httpx.Response(200, json={"data": {"externalIdUpsert": payload}})

    with pytest.raises(Rejected, match="value: is too long") as failure:
        write(client_that_gets(answer))
    assert failure.value.field == "value"


def test_an_empty_page_is_no_failure():
    assert read(client_that_gets(httpx.Response(200, json=EMPTY))).nodes == []


@pytest.mark.parametrize(
    ("mutation", "variables"),
    [
        ("variantUpdate", {"input": {"variantId": "v", "attributes": {"countOnHand": 0}}}),
        ("advertUpsert", {"input": {"attributes": {"price": "1.00"}}}),
        ("shipmentAddressCreate", {"input": {"address": {"city": "Leeds"}}}),
        ("shipmentCreate", {"input": {"shippedFromId": "a"}}),
        ("orderUpdate", {"input": {"attributes": {"address": {"city": "Leeds"}}}}),
        ("externalIdUpsert", {"input": {"owner": "o", "key": "k", "shippedFromId": "a"}}),
        ("externalIdUpsert", {"input": {"owner": {"countOnHand": 0}}}),
        ("externalIdUpsert", {"input": [{"owner": "o"}]}),
    ],
)
def test_what_is_not_on_the_list_never_reaches_the_wire(mutation, variables):
    text = f"mutation M($input: X!) {{ {mutation}(input: $input) {{ status }} }}"
    with pytest.raises(allowed.ForbiddenWrite):
        allowed.check(text, variables, frozenset({"another"}))


def test_no_operation_of_ours_can_write_prices_or_addresses():
    carried = {path for paths in allowed.ALLOWED.values() for path in paths}

    assert not [path for path in carried if re.search("price|address|shippedFrom", path, re.I)]


def test_the_governor_spreads_a_burst_over_the_window():
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    governor = RateGovernor(3, 10, clock=lambda: now[0], sleep=sleep)
    for _ in range(7):
        governor.before_call()

    assert slept == [10.0, 10.0]
