"""The endpoint itself: who may ask, how pages end, and in which layer an error comes."""

import base64
import json

import httpx
import pytest

from tests.sandbox.marketplacer import Sandbox
from tests.sandbox.marketplacer.limits import Limits

KEY = {"marketplacer-api-key": "sandbox-operator-key"}
WHO = "{ apiKeyPrincipal { name emailAddress seller { legacyId } } }"
PAGE = """
query Page($first: Int, $after: String) {
  invoices(first: $first, after: $after) {
    totalCount
    nodes { legacyId }
    edges { cursor node { id } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def test_a_request_without_a_valid_key_is_answered_401(http):
    for headers in ({}, {"marketplacer-api-key": "wrong"}):
        answer = http.post("/graphql", json={"query": WHO}, headers=headers)
        assert (answer.status_code, answer.text) == (401, "API Token has expired")


def test_the_key_may_come_as_a_bearer_token(http):
    headers = {"Authorization": "Bearer sandbox-operator-key"}
    answer = http.post("/graphql", json={"query": WHO}, headers=headers)
    assert answer.json()["data"]["apiKeyPrincipal"]["name"] == "Sandbox operator"


def test_basic_auth_stands_before_the_key(catalogue):
    sandbox = Sandbox(7, catalogue=catalogue, basic_auth="staging:secret")
    transport = httpx.WSGITransport(app=sandbox.wsgi_app)
    with httpx.Client(transport=transport, base_url="http://marketplace.test") as http:
        refused = http.post("/graphql", json={"query": WHO}, headers=KEY)
        wrong = http.post("/graphql", json={"query": WHO}, headers=KEY, auth=("staging", "no"))
        passed = http.post("/graphql", json={"query": WHO}, headers=KEY, auth=("staging", "secret"))
    assert (refused.status_code, refused.text) == (401, "Unauthorized")
    assert wrong.status_code == 401
    assert passed.status_code == 200


def test_a_page_has_50_rows_by_default_and_500_at_most(sandbox, ask):
    sandbox.place_orders(400)
    assert len(ask(PAGE)["data"]["invoices"]["nodes"]) == 50
    assert len(ask(PAGE, first=500)["data"]["invoices"]["nodes"]) == 500
    assert "500" in ask(PAGE, first=501)["errors"][0]["message"]
    assert "errors" in ask(PAGE, first=-1)


def test_backward_paging_is_refused(ask):
    for arguments in ("last: 5", 'before: "MTA"'):
        body = ask(f"{{ invoices({arguments}) {{ totalCount }} }}")
        assert "Backward pagination" in body["errors"][0]["message"]
        assert body["data"] == {"invoices": None}


def test_a_foreign_cursor_is_an_error(ask):
    for cursor in ("?", "bm90IGEgbnVtYmVy"):
        assert "Invalid cursor" in ask(PAGE, after=cursor)["errors"][0]["message"]


def _walk(ask, between=lambda: None) -> list[int]:
    seen, after = [], None
    while True:
        page = ask(PAGE, first=20, after=after)["data"]["invoices"]
        seen += [node["legacyId"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return seen
        after = page["pageInfo"]["endCursor"]
        between()


def test_pages_of_a_still_list_give_every_invoice_once_in_order_of_change(sandbox, ask):
    sandbox.place_orders(60)
    seen = _walk(ask)
    assert seen == [invoice["legacy_id"] for invoice in sandbox.invoices()]


def test_a_list_that_changes_between_pages_shifts_unless_cursors_are_told_not_to(catalogue):
    for keyset in (False, True):
        sandbox = Sandbox(7, catalogue=catalogue, keyset_cursors=keyset)
        sandbox.place_orders(60)
        numbers = [invoice["legacy_id"] for invoice in sandbox.invoices()]

        def ask(query: str, made: Sandbox = sandbox, **variables: object) -> dict[str, object]:
            return made.graphql(query, variables)

        touched = iter(numbers)
        seen = _walk(ask, lambda made=sandbox, t=touched: made.market.touch("Invoice", next(t)))
        assert (set(seen) == set(numbers)) is keyset


def test_unknown_fields_and_bad_variables_are_graphql_errors_with_http_200(ask):
    assert "Cannot query field 'colour'" in ask("{ invoices { colour } }")["errors"][0]["message"]
    assert "syntax" in ask("{ invoices(")["errors"][0]["message"].lower()
    query = (
        "query($since: ISO8601DateTime) { invoices(filters: {updatedSince: $since}) { totalCount }}"
    )
    assert "ISO 8601" in ask(query, since="yesterday")["errors"][0]["message"]


def test_what_a_mutation_refuses_stands_in_its_payload(ask):
    query = """mutation($input: ExternalIDUpsertMutationInput!) {
      externalIdUpsert(input: $input) { status errors { field messages } } }"""
    body = ask(query, input={"owner": "SW52b2ljZS05OTk=", "key": "erp", "value": "1"})
    assert "errors" not in body
    payload = body["data"]["externalIdUpsert"]
    assert payload["status"] == 404
    assert payload["errors"] == [{"field": "owner", "messages": ["must exist"]}]


def test_a_query_deeper_than_thirty_levels_is_refused(ask):
    def nested(levels: int) -> str:
        inner = "id"
        for _ in range(levels):
            inner = f"order {{ invoices {{ nodes {{ {inner} }} }} }}"
        return f"{{ invoices {{ nodes {{ {inner} }} }} }}"

    assert "errors" not in ask(nested(9))
    assert "depth" in ask(nested(10))["errors"][0]["message"]


def test_a_body_that_is_not_a_graphql_request_is_answered_400(http):
    for content in (b"{", b"[]", b'{"query": 5}', b'{"query": "{a}", "variables": [1]}'):
        answer = http.post("/graphql", content=content, headers=KEY)
        assert answer.status_code == 400, content


def test_too_many_requests_are_answered_429_with_a_time_to_wait(catalogue):
    sandbox = Sandbox(7, catalogue=catalogue, limits=Limits(per_key=3, window_seconds=30))
    transport = httpx.WSGITransport(app=sandbox.wsgi_app)
    with httpx.Client(transport=transport, base_url="http://marketplace.test") as http:
        answers = [http.post("/graphql", json={"query": WHO}, headers=KEY) for _ in range(5)]
        other = {"marketplacer-api-key": "sandbox-seller-54"}
        assert http.post("/graphql", json={"query": WHO}, headers=other).status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 30


def test_a_read_only_key_lacks_the_scope_to_write(ask):
    query = 'mutation { externalIdUpsert(input: {owner: "x", key: "k", value: "v"}) { status } }'
    body = ask(query, key="sandbox-read-only-key")
    assert body["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"


def test_a_sellers_key_sees_only_its_own_invoices_and_no_order(sandbox, ask):
    sandbox.place_orders(60)
    key = "sandbox-seller-54"
    body = ask("{ invoices(first: 500) { nodes { seller { legacyId } } } }", key=key)
    sellers = {node["seller"]["legacyId"] for node in body["data"]["invoices"]["nodes"]}
    assert sellers == {54}
    body = ask("{ invoices(first: 1) { nodes { id order { id } } } }", key=key)
    assert "permission" in body["errors"][0]["message"]
    assert ask(WHO, key=key)["data"]["apiKeyPrincipal"]["seller"]["legacyId"] == 54


@pytest.mark.parametrize("path", ["/", "/graphql", "/api/v2/client"])
def test_there_is_nothing_to_get(http, path):
    assert http.get(path).status_code == 404


def test_ids_are_opaque_and_decode_to_type_and_number(sandbox, ask):
    sandbox.place_orders(1)
    node = ask("{ invoices { nodes { id legacyId } } }")["data"]["invoices"]["nodes"][0]
    assert base64.b64decode(node["id"]).decode() == f"Invoice-{node['legacyId']}"
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = ask(query, ids=["nonsense", node["id"], "SW52b2ljZS0x"])["data"]["nodes"]
    assert found == [None, {"__typename": "Invoice", "id": node["id"]}, None]


def test_faults_strike_before_the_work_or_after_it(sandbox, http):
    def post():
        return http.post("/graphql", json={"query": WHO}, headers=KEY)

    sandbox.faults.set({"fail_next": 2, "fail_status": 503, "retry_after": 7})
    assert [post().status_code for _ in range(3)] == [503, 503, 200]
    sandbox.faults.set({"p_429": 1.0})
    assert (post().status_code, post().headers["Retry-After"]) == (429, "7")
    sandbox.faults.set({"reset": True, "lose_next": 1})
    executed = sandbox.log.root_fields["apiKeyPrincipal"]
    with pytest.raises(httpx.RemoteProtocolError):
        post()
    assert sandbox.log.root_fields["apiKeyPrincipal"] == executed + 1
    sandbox.faults.set({"p_lost_answer": 1.0, "lost_answer_as": "502"})
    assert post().status_code == 502
    with pytest.raises(ValueError, match="no fault"):
        sandbox.faults.set({"p_501": 1})


def test_the_log_keeps_operations_with_their_variables(sandbox, http):
    query = "query Mine($first: Int) { invoices(first: $first) { totalCount } }"
    body = {"query": query, "variables": {"first": 3}, "operationName": "Mine"}
    http.post("/graphql", json=body, headers=KEY)
    log = http.get("/_sandbox/log", params={"root_field": "invoices"}).json()
    assert log["operations"][-1]["variables"] == {"first": 3}
    assert log["operations"][-1]["operation"] == "Mine"
    assert log["mutations"] == {}
    summary = json.loads(http.get("/_sandbox/summary").text)
    assert summary["requests"] == {"invoices": 1}
