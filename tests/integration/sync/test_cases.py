"""Exceptions that order themselves: weight, people, sleep, service levels, and what closes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry, User
from mkterp.core.roles import ROLES, sync_roles
from sync import selectors
from sync.domain.cases import OF_ORDERS, CaseKind
from sync.models import ExceptionCase, Invoice, OutboxMessage
from sync.services import case_desk, cases, upkeep, weighing
from sync.services.cases import Cause, Stake
from tests.factories import make_catalogue_read, make_listing, make_seller, make_tax_codes
from tests.integration.sync.test_screens_lists import hear

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def registry():
    make_catalogue_read()
    make_tax_codes()


@pytest.fixture
def colleague(db) -> User:
    person = User.objects.create(username="colleague")
    person.groups.set([Group.objects.get(name="operations")])
    return person


def opened(kind=CaseKind.STOCK_DRIFT, key="x", *, at) -> ExceptionCase:
    return cases.open_case(cause=Cause(kind, key, f"Something about {key}."), at=at)


def weighed(case, at) -> ExceptionCase:
    weighing.weigh(at=at)
    case.refresh_from_db()
    return case


# -- weight ---------------------------------------------------------------------------------------


def test_a_case_weighs_what_its_kind_threatens_from_its_first_moment(at):
    case = opened(CaseKind.STOCK_DRIFT, at=at)
    case.refresh_from_db()

    assert (case.points_stock, case.points_catalogue, case.points_close) == (15, 0, 0)
    assert case.priority == 15


def test_the_money_it_holds_up_counts_eight_points_for_each_tenfold(at):
    listing = make_listing(seller=make_seller())
    invoice = hear(1, at=at, listing=listing)
    case = invoice.cases.get()
    points = {}
    for gross in (0, 90, 990, 9_990, 99_990, 9_999_990):
        Invoice.objects.update(gross=Decimal(gross))
        points[gross] = weighed(case, at).points_money

    assert points == {0: 0, 90: 8, 990: 16, 9_990: 24, 99_990: 24, 9_999_990: 24}
    assert case.held_orders == 1


def test_a_case_weighs_its_first_order_at_once_and_what_more_adds_within_the_minute(at):
    listing = make_listing(seller=make_seller())
    case = hear(1, at=at, listing=listing).cases.get()
    assert (case.held_orders, case.held_money) == (1, Decimal(60))

    hear(2, at=at, listing=listing)

    case.refresh_from_db()
    assert case.held_orders == 1
    assert weighed(case, at).held_orders == 2


def test_what_the_erp_refused_weighs_on_its_case_at_once(at):
    invoice = hear(1, at=at, listing=make_listing(seller=make_seller()))
    Invoice.objects.update(state=Invoice.State.FAILED)
    case = opened(CaseKind.ERP_REJECTED, at=at)

    cases.hold(invoice=invoice, case=case)

    case.refresh_from_db()
    assert (case.held_orders, case.held_money) == (1, invoice.gross)


def test_an_order_that_was_posted_weighs_nothing_any_more(at):
    invoice = hear(1, at=at, listing=make_listing(seller=make_seller()))
    case = invoice.cases.get()
    assert weighed(case, at).held_money > 0

    Invoice.objects.update(state=Invoice.State.POSTED)

    assert (weighed(case, at).held_money, case.held_orders, case.points_money) == (0, 0, 0)


def differing(minor, key="x", kind=CaseKind.PAYOUT_DIFFERS, *, at, currency="GBP"):
    stake = Stake(minor, currency)
    cause = Cause(kind, key, f"Differs by {minor}.", stake=stake)
    return cases.open_case(cause=cause, at=at)


def test_what_two_sides_differ_by_weighs_from_the_first_moment_as_orders_money_does(at):
    penny, much = differing(2, "penny", at=at), differing(1_000_000, "much", at=at)
    foreign = differing(10_000, "yen", at=at, currency="JPY")  # it has no hundredths
    for case in (penny, much, foreign):
        case.refresh_from_db()

    assert [c.points_money for c in (penny, much, foreign)] == [0, 24, 24]
    assert much.priority == penny.priority + 24
    assert (much.held_orders, much.held_money) == (0, 0)
    assert str(much.at_stake) == "10,000.00 GBP"


def test_a_difference_that_is_seen_again_weighs_its_sum_of_now(at):
    case = differing(1_000_000, at=at)
    differing(90_00, at=at)
    case.refresh_from_db()
    assert (case.at_stake_minor, case.points_money, case.occurrences) == (9000, 8, 2)

    opened(CaseKind.PAYOUT_DIFFERS, at=at)  # nothing is said about its sum
    case.refresh_from_db()
    assert case.at_stake_minor == 9000

    assert cases.put_at_stake(stakes={case.pk: Stake(0, "GBP")}, at=at) == 1
    assert cases.put_at_stake(stakes={case.pk: Stake(0, "GBP")}, at=at) == 0
    case.refresh_from_db()
    assert (case.points_money, case.at_stake, case.occurrences) == (0, None, 3)


def test_of_orders_held_up_and_a_difference_the_larger_weighs_and_they_are_never_added(at):
    case = hear(1, at=at, listing=make_listing(seller=make_seller())).cases.get()
    points = {}
    for gross, minor in ((90, 0), (90, 99_000), (990, 9_000), (990, 99_000)):
        Invoice.objects.update(gross=Decimal(gross))
        cases.put_at_stake(stakes={case.pk: Stake(minor, "GBP")}, at=at)
        points[gross, minor] = weighed(case, at).points_money
        assert case.held_money == gross

    assert list(points.values()) == [8, 16, 16, 16]


def test_the_list_the_panel_and_the_question_say_what_differs_apart_from_what_is_held_up(
    operations, client_of, at
):
    held = hear(1, at=at, listing=make_listing(seller=make_seller())).cases.get()
    much, little = differing(1_000_000, "much", at=at), differing(2, "little", at=at)
    differing(300, "euro", at=at, currency="EUR")
    client = client_of(operations)

    page = client.get(reverse("sync:exceptions")).context["page"]
    assert page.summary == "£60.00 held up · €3.00 differs · £10,000.02 differs"
    by_sum = client.get(reverse("sync:exceptions"), {"sort": "-at_stake"})
    assert by_sum.context["page"].rows[0].row == much
    assert "</span>10,000.00</span>" in by_sum.text
    panels = {
        case.pk: client.get(reverse("sync:exception", args=[case.pk])).text for case in (held, much)
    }
    assert "£10,000.00 differs" in panels[much.pk]
    assert "It blocks no order" in panels[much.pk]
    assert "1 order, £60.00" in panels[held.pk]
    assert "differs between the two sides" not in panels[held.pk]
    asked = client.post(reverse("sync:exception-assign"), {"pk": [held.pk, much.pk, little.pk]})
    assert "Together 1 order waits, £60.00. £10,000.02 differs." in asked.text
    assert selectors.blocked_money() == (1, Decimal(60))  # Home's sum is of orders alone


def test_a_closed_difference_weighs_nothing_and_no_sum_has_it_any_more(operations, client_of, at):
    case = differing(1_000_000, at=at)
    cases.resolve(case=case, resolution="They agree.", at=at)
    case.refresh_from_db()

    assert (case.at_stake, case.at_stake_minor) == (None, 1_000_000)
    assert cases.put_at_stake(stakes={case.pk: Stake(5, "GBP")}, at=at) == 0
    page = client_of(operations).get(reverse("sync:exceptions"), {"state": ""}).context["page"]
    assert page.summary == ""
    assert selectors.open_by_kind() == []


def test_the_database_refuses_a_sum_without_a_currency(at):
    case = opened(at=at)

    with pytest.raises(IntegrityError, match="case_at_stake_in_a_currency"):
        ExceptionCase.objects.filter(pk=case.pk).update(at_stake_minor=5)


def test_the_trends_sum_differences_by_kind_and_currency_beside_what_is_held_up(at):
    for minor, key, currency in ((100, "a", "GBP"), (250, "b", "GBP"), (300, "c", "EUR")):
        differing(minor, key, at=at, currency=currency)

    (row,) = selectors.open_by_kind()

    assert (row["many"], row["money"]) == (3, 0)
    assert row["at_stake"] == [("EUR", Decimal(3)), ("GBP", Decimal("3.5"))]


def test_the_nearer_the_periods_end_the_higher_what_the_close_hangs_on(at):
    case = opened(CaseKind.MONEY_MISMATCH, at=at)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    last = datetime(2026, 11, 30, 20, tzinfo=UTC)

    assert [weighed(case, day).points_days for day in (first, last)] == [0, 10]


def test_weighing_twice_changes_nothing_the_second_time(at):
    opened(at=at)
    weighing.weigh(at=at)

    assert weighing.weigh(at=at) == 0


def test_the_database_refuses_a_priority_that_does_not_add_up(at):
    case = opened(at=at)

    with pytest.raises(IntegrityError, match="case_priority_adds_up"):
        ExceptionCase.objects.filter(pk=case.pk).update(priority=99)


def test_the_list_is_ordered_by_priority_over_its_pages_and_shows_the_sum(
    operations, client_of, at, monkeypatch
):
    kinds = (CaseKind.STOCK_DRIFT, CaseKind.FEED_STOPPED, CaseKind.NO_ADDRESS)
    for kind in kinds:
        for number in range(30):
            opened(kind, f"{kind}-{number}", at=at)
    client, seen, url = client_of(operations), [], reverse("sync:exceptions")
    while url:
        page = client.get(url).context["page"]
        seen += [row.row for row in page.rows]
        url = page.next_url

    assert [case.priority for case in seen] == sorted((c.priority for c in seen), reverse=True)
    assert len({case.pk for case in seen}) == len(seen) == 90
    panel = client.get(reverse("sync:exception", args=[seen[0].pk])).text
    top = seen[0]
    assert f"= {top.priority}</b> of 100" in panel
    assert f"<b>{top.points_stock}</b> of 15" in panel


# -- people ---------------------------------------------------------------------------------------


def test_a_case_is_given_to_somebody_and_given_back(operations, colleague, at):
    case = opened(at=at)

    case_desk.assign(case=case, person=colleague, by=operations, at=at)
    case.refresh_from_db()
    assert case.assigned_to == colleague

    case_desk.give_back(case=case, by=colleague, at=at)
    case.refresh_from_db()
    assert case.assigned_to is None
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["case.assign", "case.give-back"]


def test_a_case_is_not_given_to_somebody_who_may_do_nothing_about_it(operations, viewer, at):
    case = opened(at=at)

    with pytest.raises(Refused, match="viewer may not work on exceptions"):
        case_desk.assign(case=case, person=viewer, by=operations, at=at)

    case.refresh_from_db()
    assert case.assigned_to is None


@pytest.mark.parametrize("kind", ["NO_FULFILMENT_RULE", "AUTO_MAP_OFF", "FEED_STOPPED"])
def test_an_administrator_takes_a_case_that_asks_for_one_and_is_given_it(
    operations, administrator, client_of, at, kind
):
    case = opened(CaseKind(kind), at=at)
    asked = client_of(operations).post(reverse("sync:exception-assign"), {"one": case.pk})
    assert f'<option value="{administrator.pk}">' in asked.text
    client = client_of(administrator)

    client.post(reverse("sync:exception-take"), {"one": case.pk})
    comment = {"one": case.pk, "confirmed": "1", "text": "Looking."}
    client.post(reverse("sync:exception-comment"), comment)

    case.refresh_from_db()
    assert case.assigned_to == administrator
    assert AuditEntry.objects.get(action="case.comment").reason == "Looking."


@pytest.mark.parametrize("role", ROLES)
def test_a_refused_entry_is_sent_again_by_those_whom_its_case_tells_to(role, client_of, at):
    sync_roles()
    person = User.objects.create(username="somebody")
    person.groups.set([Group.objects.get(name=role)])
    case = opened(CaseKind.JOURNAL_REFUSED, at=at)
    message = OutboxMessage.objects.create(
        lane="ERP", operation="post_journal", key="tax:1", stream="s", reference="TJ-1",
        payload={}, state="FAILED", queued_at=at, not_before=at, case=case,
    )  # fmt: skip
    client, may = client_of(person), role in ("operations", "finance", "controller")
    page = client.get(reverse("sync:exception", kwargs={"key": case.pk}))
    assert (reverse("sync:exception-retry") in page.text) == may

    answer = client.post(reverse("sync:exception-retry"), {"one": case.pk})

    message.refresh_from_db()
    assert (message.state, answer.status_code) == (("PENDING", 303) if may else ("FAILED", 403))
    from_outbox = client.post(reverse("sync:outbox-message-retry"), {"one": message.pk})
    assert (from_outbox.status_code == 403) == (role != "operations")


def test_many_cases_are_given_away_on_the_screen_at_once(operations, colleague, client_of, at):
    keys = [opened(key=str(n), at=at).pk for n in range(3)]
    client = client_of(operations)
    url = reverse("sync:exception-assign")

    question = client.post(url, {"pk": keys})
    assert "Give 3 exceptions to whom?" in question.text
    assert ExceptionCase.objects.filter(assigned_to=None).count() == 3

    nobody = client.post(url, {"pk": keys, "confirmed": "1", "person": ""})
    assert (nobody.status_code, "This field is required" in nobody.text) == (422, True)

    client.post(url, {"pk": keys, "confirmed": "1", "person": colleague.pk})
    assert ExceptionCase.objects.filter(assigned_to=colleague).count() == 3


def test_a_comment_stays_in_the_history_of_the_case(operations, client_of, at):
    case = opened(at=at)
    client = client_of(operations)

    client.post(
        reverse("sync:exception-comment"),
        {"one": case.pk, "confirmed": "1", "text": "Asked the <b>warehouse</b>."},
    )

    page = client.get(reverse("sync:exception", args=[case.pk])).text
    assert "operations:" in page
    assert "Asked the &lt;b&gt;warehouse&lt;/b&gt;." in page


def test_my_queue_holds_my_cases_and_nobody_elses(operations, colleague, client_of, at):
    mine, theirs = opened(key="mine", at=at), opened(key="theirs", at=at)
    case_desk.take(case=mine, by=operations, at=at)
    case_desk.take(case=theirs, by=colleague, at=at)
    client = client_of(operations)

    home = client.get("/exceptions/").context["page"]
    tab = next(tab for tab in home.tabs if tab.view.name == "mine")
    rows = client.get(tab.url).context["page"].rows

    assert [row.row.pk for row in rows] == [mine.pk]
    assert tab.count == "1"


# -- sleep ----------------------------------------------------------------------------------------


def test_a_snoozed_case_leaves_the_queue_and_comes_back_by_itself(operations, client_of):
    now = timezone.now()
    case = opened(at=now)
    client = client_of(operations)
    soon = now + timedelta(seconds=5)
    case_desk.snooze(case=case, until=soon, by=operations, at=now)
    shown = {
        view: len(client.get(url).context["page"].rows)
        for view, url in (
            ("open", "/exceptions/"),
            ("snoozed", "/exceptions/?view=snoozed&state=OPEN&asleep=true"),
        )
    }
    assert shown == {"open": 0, "snoozed": 1}

    ExceptionCase.objects.update(snoozed_until=now - timedelta(seconds=1))  # the time has come

    assert len(client.get("/exceptions/").context["page"].rows) == 1


def test_nothing_sleeps_past_the_end_of_the_period(operations, at):
    case = opened(at=at)  # 23:59 on 30 November
    midnight = datetime(2026, 12, 1, tzinfo=UTC)

    with pytest.raises(Refused, match="nothing sleeps past it"):
        case_desk.snooze(case=case, until=midnight + timedelta(seconds=1), by=operations, at=at)
    case_desk.snooze(case=case, until=midnight, by=operations, at=at)

    case.refresh_from_db()
    assert case.snoozed_until == midnight


def test_a_snooze_into_the_past_is_refused(operations, at):
    with pytest.raises(Refused, match="still to come"):
        case_desk.snooze(case=opened(at=at), until=at, by=operations, at=at)


def test_the_screen_offers_only_times_within_the_period(operations, client_of):
    case = opened(at=timezone.now())
    client = client_of(operations)
    url = reverse("sync:exception-snooze")

    asked = client.post(url, {"one": case.pk})
    choices = asked.context["form"].fields["until"].choices
    too_late = (timezone.now() + timedelta(days=60)).isoformat()
    refused = client.post(url, {"one": case.pk, "confirmed": "1", "until": too_late})
    assert refused.status_code == 422
    client.post(url, {"one": case.pk, "confirmed": "1", "until": choices[-1][0]})

    case.refresh_from_db()
    assert case.snoozed_until == datetime.fromisoformat(choices[-1][0])


# -- service levels -------------------------------------------------------------------------------


def test_a_case_is_escalated_once_when_its_service_level_has_run_out(at):
    case = opened(CaseKind.STOCK_HELD, at=at)  # severity 3: four hours
    before, after = at + timedelta(hours=3, minutes=59), at + timedelta(hours=4)

    assert case_desk.escalate(at=before) == []
    assert case_desk.escalate(at=after) == [case]
    assert case_desk.escalate(at=after + timedelta(days=1)) == []
    assert AuditEntry.objects.filter(action="case.escalate").count() == 1


def test_nothing_is_ever_closed_by_age(at):
    kept = [opened(kind, f"old-{kind}", at=at).pk for kind in set(CaseKind) - OF_ORDERS]

    for days in (1, 40, 400, 4000):
        upkeep.sweep(at=at + timedelta(days=days))
        upkeep.tend_cases(at=at + timedelta(days=days))

    still_open = ExceptionCase.objects.filter(state="OPEN", pk__in=kept)
    assert sorted(still_open.values_list("pk", flat=True)) == sorted(kept)


# -- closing --------------------------------------------------------------------------------------


def test_a_case_that_resolves_itself_keeps_the_proof(at):
    case = opened(CaseKind.FEED_STOPPED, at=at)

    cases.resolve(case=case, resolution="It got through.", at=at, proof={"read orders": "12"})

    case.refresh_from_db()
    assert case.proof == {"read orders": "12", "orders still held": "0"}
    entry = AuditEntry.objects.get(action="case.resolved")
    assert (entry.by, entry.after["proof"]) == (None, case.proof)


def test_dismissing_needs_the_stronger_permission_and_a_reason(
    operations, controller, client_of, at
):
    case = opened(at=at)
    url = reverse("sync:exception-dismiss")
    asked = {"one": case.pk, "confirmed": "1"}

    assert client_of(operations).post(url, {**asked, "reason": "no"}).status_code == 403
    assert client_of(controller).post(url, {**asked, "reason": " "}).status_code == 422
    case.refresh_from_db()
    assert case.state == "OPEN"

    client_of(controller).post(url, {**asked, "reason": "Seller left."})
    case.refresh_from_db()
    assert (case.state, case.resolution, case.closed_by) == (
        "DISMISSED",
        "Seller left.",
        controller,
    )


def test_the_list_costs_the_same_number_of_queries_for_one_case_as_for_fifty(
    operations, client_of, at
):
    opened(key="first", at=at)
    client = client_of(operations)
    client.get("/exceptions/")
    with CaptureQueriesContext(connection) as few:
        client.get("/exceptions/")
    for number in range(60):
        opened(key=str(number), at=at)
    with CaptureQueriesContext(connection) as many:
        client.get("/exceptions/")

    assert len(many) == len(few)
