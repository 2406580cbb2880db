"""The audit trail on the screen: found by whom, what, on what, when and why; never changed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mkterp.core import audit, seals
from mkterp.core.models import AuditEntry
from mkterp.core.roles import ROLES
from mkterp.core.screens.doors import doors
from mkterp.overview import trail
from sync.models import ExceptionCase, Invoice
from tests.rows import pour

pytestmark = pytest.mark.django_db

AUDIT = "/audit/"


@pytest.fixture
def entries(at, operations, finance) -> list[AuditEntry]:
    """What operations, finance and the system did, a day apart."""
    case = ExceptionCase(pk=17)
    return [
        audit.record(
            action="case.assign", subject=case, by=operations, at=at - timedelta(days=2),
            before={"assigned_to": None}, after={"assigned_to": 3, "name": "<b>Ann</b>"},
        ),
        audit.record(
            action="tolerance.set", subject=finance, by=finance, at=at - timedelta(days=1),
            before={"minor": 1}, after={"minor": 2}, reason="Agreed with the auditor.",
        ),
        audit.record(
            action="case.resolved", subject=case, by=None, at=at, before={"state": "OPEN"},
            after={"state": "RESOLVED"}, reason="Its cause is gone.",
        ),
    ]  # fmt: skip


def shown(client, **query) -> list[str]:
    page = client.get(AUDIT, query).context["page"]
    return [view.row.action for view in page.rows]


def test_the_newest_is_first_and_each_says_who_did_what_to_what_and_why(
    entries, auditor, client_of
):
    text = client_of(auditor).get(AUDIT).text

    assert text.index("Case: resolved") < text.index("Tolerance: set") < text.index("Case: assign")
    for words in ("EX-17", "the system", "Agreed with the auditor.", "minor: 1 → 2"):
        assert words in text
    assert "<b>Ann</b>" not in text


def test_it_is_filtered_by_person_action_kind_of_object_and_day(
    entries, auditor, operations, at, client_of
):
    client = client_of(auditor)

    assert shown(client, by=operations.pk) == ["case.assign"]
    assert shown(client, by="null") == ["case.resolved"]
    assert shown(client, action="tolerance.set") == ["tolerance.set"]
    assert shown(client, kind="core.user") == ["tolerance.set"]
    day = (at - timedelta(days=2)).date()
    assert shown(client, at_before=day) == ["case.assign"]
    form = client.get(f"{AUDIT}filter/").text
    assert ">Tolerance: set</option>" in form
    assert ">Exception case</option>" in form


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("EX-17", ["case.resolved", "case.assign"]),
        ("ex-17 gone", ["case.resolved"]),
        ("sync.exceptioncase:17", ["case.resolved", "case.assign"]),
        ("auditor", ["tolerance.set"]),
        ("its cause is gone", ["case.resolved"]),
        ("is", []),
        ("EX-1", []),
    ],
)
def test_it_is_searched_by_number_and_by_reason(entries, auditor, client_of, text, found):
    assert shown(client_of(auditor), q=text) == found


def test_an_orders_number_finds_what_was_done_to_it_its_message_and_its_exceptions(
    auditor, client_of, at
):
    pour(9, least=9)
    invoice = Invoice.objects.filter(cases__isnull=False, posting=None).first()
    case = invoice.cases.first()
    for action, subject in (("order.deed", invoice), ("case.deed", case)):
        audit.record(action=action, subject=subject, by=None, at=at + timedelta(days=9))

    assert shown(client_of(auditor), q=invoice.number)[:2] == ["case.deed", "order.deed"]


def test_an_entry_opens_with_what_was_before_and_leads_to_what_it_is_about(
    entries, auditor, finance, administrator, client_of
):
    changed = reverse("audit-entry-panel", kwargs={"key": entries[1].pk})
    text = client_of(administrator).get(changed, headers={"HX-Request": "true"}).text

    assert '<td class="nw">minor</td>' in text
    assert f'href="/people/{finance.pk}/"' in text
    # An auditor may not open people.
    text = client_of(auditor).get(changed, headers={"HX-Request": "true"}).text
    assert f"/people/{finance.pk}/" not in text
    case = reverse("audit-entry-panel", kwargs={"key": entries[2].pk})
    text = client_of(auditor).get(case, headers={"HX-Request": "true"}).text
    assert 'href="/exceptions/17/"' in text


def test_a_deed_is_said_by_the_name_that_people_have_for_its_object():
    assert trail.action_words("taxcodemapping.set") == "Tax code mapping: set"
    assert trail.action_words("case.give-back") == "Case: give back"
    assert trail.action_words("personal_data_erased") == "Personal data erased"
    assert trail.kind_words("mapping.skumapping") == "SKU mapping"


def test_every_page_that_an_entry_leads_to_is_there():
    for kind, name in trail.PAGES.items():
        assert reverse(name, kwargs={"key": 1}), kind
        assert trail.kind_words(kind) != kind


def test_it_is_taken_along_as_a_file(entries, auditor, client_of):
    answer = client_of(auditor).get(f"{AUDIT}export.csv?kind=sync.exceptioncase")
    text = b"".join(answer).decode()

    assert "case.resolved" in text
    assert "state: OPEN → RESOLVED" in text
    assert "tolerance.set" not in text


@pytest.mark.parametrize("role", ROLES)
def test_who_may_see_it_and_that_nobody_may_change_it(role, request, client_of):
    person = request.getfixturevalue(role)
    may = role in ("auditor", "finance", "controller", "administrator")

    assert client_of(person).get(AUDIT).status_code == (200 if may else 403)
    of_it = [door.name for door in doors() if door.route.startswith("audit/")]
    assert of_it == [
        "audit", "audit-export", "audit-workbook", "audit-filter", "audit-entry-panel",
    ]  # fmt: skip


def test_the_band_says_how_far_it_is_sealed_and_what_the_last_walk_found(
    entries, auditor, client_of
):
    client, now = client_of(auditor), timezone.now()
    assert "No entry is sealed yet." in client.get(AUDIT).text

    seals.seal()
    text = client.get(AUDIT).text
    assert "3 entries are sealed" in text
    assert "Not verified yet" in text

    seals.note(seals.verify(at=now), at=now)
    text = client.get(AUDIT).text
    assert "every link held" in text
    assert "1 newer one waits" in text

    broken = seals.Verdict(entries=4, head="", unsealed=0, broken=("link 2 is missing",))
    seals.note(broken, at=now)
    assert "link 2 is missing" in client.get(AUDIT).text


QUERIES = {
    "all": {},
    "the second page": {"after": True},
    "a person": {"by": "person"},
    "an action": {"action": "audit.verify"},
    "a kind": {"kind": "core.auditseal"},
    "a number": {"q": "EX-4711"},
    "a reason": {"q": "4711"},
    "a day": {"at_before": "2020-01-01"},
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_question_reads_the_whole_trail(auditor, client_of, at, name):
    pour(20_000, least=1, long=frozenset({AuditEntry}))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE core_auditentry")
    query, client = dict(QUERIES[name]), client_of(auditor)
    if "by" in query:
        query["by"] = auditor.pk
    url = AUDIT
    if query.pop("after", False):
        url = client.get(AUDIT).context["page"].next_url
    client.get(url, query)

    with CaptureQueriesContext(connection) as queries:
        assert client.get(url, query).status_code == 200

    asked = [one["sql"] for one in queries if "core_auditentry" in one["sql"]]
    assert len(asked) > 2
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        # A count up to a limit may begin anywhere; what looks for something may not.
        assert "Seq Scan on core_auditentry" not in plan or "Filter:" not in plan, plan
