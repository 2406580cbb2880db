"""The API: by token only, with the person's permissions, in pages, never a surprise."""

from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from django.conf import settings as django
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection

from mapping.models import SkuMapping
from mkterp.api import api
from mkterp.core.api import tokens
from mkterp.core.models import ApiToken, AuditEntry
from mkterp.core.roles import ROLES
from mkterp.overview import handbook
from mkterp.wsgi import application
from reconciliation.models import TaxAdjustment
from reconciliation.services import adjustments
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Invoice, OutboxMessage
from sync.services import cases, inbox
from sync.services.cases import Cause
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db


def token_of(person, *, may_act=False) -> str:
    now = timezone.now()
    return tokens.make(person=person, name="t", days=1, may_act=may_act, by=person, at=now)[1]


def call(secret: str, path: str, method: str = "get", **body):
    headers = {"Authorization": f"Bearer {secret}"}
    asked = {"data": body, "content_type": "application/json"} if body else {}
    return getattr(Client(), method)(f"/api/v1/{path}", headers=headers, **asked)


@pytest.fixture
def blocked(at):
    """A listing that nobody has mapped, and three orders that wait for it."""
    make_catalogue_read()
    make_tax_codes()
    listing = make_listing(seller=make_seller())
    for number in (1, 2, 3):
        lines = [line_node(number, listing=listing)]
        node = invoice_node(number, seller=listing.seller, lines=lines)
        inbox.receive_nodes(nodes=[node], at=at)
    inbox.process(clock=lambda: at)
    return listing


def test_without_a_token_or_with_a_session_nobody_gets_in(viewer, client_of):
    assert Client().get("/api/v1/orders").status_code == 401
    assert client_of(viewer).get("/api/v1/orders").status_code == 401
    assert call("mkt_guessed", "orders").status_code == 401


def test_a_token_ends_by_its_day_by_revocation_and_with_its_person(viewer, operations):
    now = timezone.now()
    ended, revoked, gone = token_of(viewer), token_of(viewer), token_of(operations)
    assert {call(t, "orders").status_code for t in (ended, revoked, gone)} == {200}
    ApiToken.objects.filter(digest=tokens.digest(ended)).update(expires_at=now)
    row = ApiToken.objects.get(digest=tokens.digest(revoked))
    tokens.revoke(token=row, by=viewer, at=now)
    operations.is_active = False
    operations.save()

    assert {call(t, "orders").status_code for t in (ended, revoked, gone)} == {401}


def test_a_token_may_what_its_person_may_and_only_reads_unless_told(viewer, operations, blocked):
    item = make_item()
    pair = {"listing_id": blocked.marketplacer_id, "item_sku": item.sku}
    answers = [
        call(token_of(viewer, may_act=True), "mappings", "post", **pair),
        call(token_of(operations), "mappings", "post", **pair),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "mapping.confirm_skumapping" in answers[0].json()["detail"]
    assert "only read" in answers[1].json()["detail"]
    assert not SkuMapping.objects.exists()


def test_confirming_through_the_api_releases_the_orders_and_says_who_did_it(operations, blocked):
    item, secret = make_item(), token_of(operations, may_act=True)
    pair = {"listing_id": blocked.marketplacer_id, "item_sku": item.sku}
    first = call(secret, "mappings", "post", **pair)
    again = call(secret, "mappings", "post", **pair)

    assert (first.status_code, first.json()) == (200, again.json())
    assert set(Invoice.objects.values_list("state", flat=True)) == {Invoice.State.QUEUED}
    made = AuditEntry.objects.get(subject=f"mapping.skumapping:{first.json()['id']}")
    assert made.by == operations
    other = call(secret, "mappings", "post", **pair | {"item_sku": make_item().sku})
    assert other.status_code == 409
    assert SkuMapping.objects.count() == 1


def test_a_page_that_emptied_meanwhile_is_empty_and_not_the_first_one_again(viewer):
    secret = token_of(viewer)
    for _ in range(2):
        make_mapping(listing=make_listing())
    first = call(secret, "mappings?limit=1").json()
    SkuMapping.objects.exclude(pk=first["rows"][0]["id"]).delete()
    assert first["next"]

    again = call(secret, f"mappings?limit=1&after={first['next']}")

    assert again.json() == {"rows": [], "next": ""}


def test_orders_come_in_pages_that_cover_all_of_them_once(viewer, blocked):
    secret, seen, after = token_of(viewer), [], ""
    while True:
        answer = call(secret, f"orders?limit=2&after={after}").json()
        seen += [row["number"] for row in answer["rows"]]
        after = answer["next"]
        if not after:
            break

    assert sorted(seen) == ["INV-1", "INV-2", "INV-3"]
    one = call(secret, "orders?state=PARKED&limit=1").json()["rows"][0]
    case = ExceptionCase.objects.get(kind="UNMAPPED_SKU")
    assert one["exceptions"] == [case.pk]
    assert isinstance(one["gross"], str)
    assert call(secret, "orders?after=nonsense").status_code == 404


def test_a_page_costs_the_same_queries_however_many_rows(viewer, blocked):
    secret = token_of(viewer)
    call(secret, "orders")  # the token is seen for the first time
    asked = []
    for limit in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            assert len(call(secret, f"orders?limit={limit}").json()["rows"]) == limit
        asked.append(len(queries))

    assert asked[0] == asked[1]


def test_an_order_is_found_by_its_number(viewer, blocked):
    secret = token_of(viewer)
    for number in ("INV-2", "2", "inv-2"):
        rows = call(secret, f"orders?number={number}").json()["rows"]
        assert [row["number"] for row in rows] == ["INV-2"]

    assert call(secret, "orders?number=INV-9").json()["rows"] == []
    assert call(secret, "orders?number=ORD").json()["rows"] == []


def test_exceptions_are_found_by_seller(viewer, blocked):
    secret, other = token_of(viewer), make_seller()
    of_theirs = f"exceptions?seller_id={blocked.seller.marketplacer_id}"
    (found,) = call(secret, of_theirs).json()["rows"]

    assert (found["kind"], found["messages"]) == ("UNMAPPED_SKU", [])
    assert found["seller_id"] == blocked.seller.marketplacer_id
    assert call(secret, f"exceptions/{found['id']}").json() == found
    assert call(secret, f"exceptions?seller_id={other.marketplacer_id}").json()["rows"] == []


@pytest.fixture
def refused(at, operations, blocked) -> OutboxMessage:
    """The message of an order that the ERP refused, and the exception it opened."""
    invoice = Invoice.objects.order_by("pk").first()
    cause = Cause(CaseKind.ERP_REJECTED, "post_order:1", "The ERP refused it.")
    case = cases.open_case(cause=cause, at=at)
    message = OutboxMessage.objects.create(
        lane="ERP", operation="post_order", key=invoice.marketplacer_id, stream="s",
        reference="INV-1", payload={}, state="FAILED", queued_at=at, not_before=at,
        last_error="no such party", case=case,
    )  # fmt: skip
    invoice.posting, invoice.state = message, Invoice.State.FAILED
    invoice.save()
    return message


def test_what_was_refused_is_named_where_it_is_looked_for_and_sent_again_by_that_name(
    operations, refused
):
    secret = token_of(operations, may_act=True)
    (order,) = call(secret, "orders?state=FAILED").json()["rows"]
    (case,) = call(secret, "exceptions?kind=ERP_REJECTED").json()["rows"]
    (message,) = call(secret, "outbox").json()["rows"]
    named = {"id": refused.pk, "operation": "post_order", "state": "FAILED"}

    assert (order["message"], case["messages"]) == (named, [named])
    assert (message["id"], message["exception"]) == (refused.pk, case["id"])
    assert (message["reference"], message["last_answer"]) == ("INV-1", "no such party")

    again = call(secret, f"outbox/{order['message']['id']}/retry", "post")

    assert (again.status_code, again.json()["state"]) == (200, "PENDING")
    assert call(secret, f"outbox/{refused.pk}/retry", "post").status_code == 409
    assert call(secret, f"orders/{order['id']}").json()["message"]["state"] == "PENDING"


@pytest.fixture
def adjusted(at, blocked, finance) -> TaxAdjustment:
    """An adjustment that the system prepared, that finance approved and the ERP booked."""
    TaxAdjustment.objects.create(
        kind="TAX", invoice=Invoice.objects.get(legacy_id=2), day=at.date() - timedelta(days=9),
        currency="GBP", account="2.2.3", clearing_account="4.1.9", amount_minor=-2,
        theirs_minor=101, ours_minor=103, cause="ROUNDING", rule="up to 2", prepared_at=at,
    )  # fmt: skip
    row = TaxAdjustment.objects.create(
        kind="WRITE_OFF", day=at.date(), currency="GBP", account="2.2.3", clearing_account="4.1.9",
        amount_minor=5, theirs_minor=0, ours_minor=0, rule="by hand", prepared_at=at,
    )  # fmt: skip
    (journal,) = adjustments.approve(rows=[row], by=finance, at=at)
    OutboxMessage.objects.filter(pk=journal.posting_id).update(answer={"number": "JE-7"})
    row.refresh_from_db()
    return row


def test_adjustments_say_what_is_booked_by_whose_word_and_as_which_journal(viewer, adjusted, at):
    secret = token_of(viewer)
    booked, waiting = call(secret, "adjustments").json()["rows"]

    assert (booked["state"], booked["decided_by"]) == ("APPROVED", "finance")
    assert (booked["journal"], booked["journal_erp_number"]) == (str(adjusted.journal), "JE-7")
    assert (booked["order"], booked["order_number"], booked["prepared_by"]) == (None, "", "")
    figures = [waiting[f"{name}_minor"] for name in ("amount", "theirs", "ours")]
    assert figures == [-2, 101, 103]
    assert (waiting["order_number"], waiting["cause"]) == ("INV-2", "ROUNDING")
    assert (waiting["journal"], waiting["decided_at"]) == ("", None)
    assert call(secret, f"adjustments/{booked['id']}").json() == booked
    for chosen, row in (
        ("state=PREPARED", waiting),
        (f"first_day={at.date()}", booked),
        (f"last_day={at.date() - timedelta(days=1)}", waiting),
        ("order_number=INV-2", waiting),
    ):
        assert call(secret, f"adjustments?{chosen}").json()["rows"] == [row], chosen


@pytest.mark.parametrize("path", ["orders", "exceptions?state=OPEN", "outbox", "adjustments"])
def test_no_list_asks_more_for_more_rows(viewer, refused, adjusted, at, path):
    cases.open_case(cause=Cause(CaseKind.STOCK_DRIFT, "x", "Something."), at=at)
    for number in (1, 2):
        refused.pk, refused.key = None, f"again-{number}"
        refused.save(force_insert=True)
    secret, joined = token_of(viewer), "&" if "?" in path else "?"
    call(secret, path)  # the token is seen for the first time
    asked = []
    for limit in (1, 2):
        with CaptureQueriesContext(connection) as queries:
            assert len(call(secret, f"{path}{joined}limit={limit}").json()["rows"]) == limit
        asked.append(len(queries))

    assert asked[0] == asked[1] <= 12


def test_the_handbook_names_every_operation_and_what_it_asks():
    text = (Path(django.BASE_DIR) / "docs/operators/api.md").read_text()
    for _, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                address = f"/api/v1/{path}".replace("{int:key}", "{key}")
                line = f"| `{operation.methods[0]} {address}` |"
                (row,) = [one for one in text.splitlines() if one.startswith(line)]
                assert f"`{operation.view_func.permission}`" in row
    assert "page API (/handbook/api/)" in api.description
    assert handbook.page("api").title == "API"


def test_every_operation_asks_a_permission_that_some_role_holds():
    held = {name for role in ROLES.values() for name in role.permissions}
    asked = {}
    for _, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                asked[path] = getattr(operation.view_func, "permission", None)

    assert len(asked) > 4
    assert {path for path, permission in asked.items() if permission not in held} == set()


schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


@pytest.fixture
def act_token(administrator, operations, blocked, refused, adjusted):
    make_mapping(listing=make_listing(seller=blocked.seller))
    return token_of(operations, may_act=True)


@pytest.fixture
def one_connection():
    """The server's requests keep the test's connection open, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_sent_the_answer_is_what_the_description_says(case, act_token, one_connection):
    case.call_and_validate(
        headers={"Authorization": f"Bearer {act_token}"},
        # A query parameter that nobody declared is ignored, as everywhere on the web.
        excluded_checks=[negative_data_rejection],
    )
