"""Orders, exceptions, inbox and outbox on screen: what they say, how they act, what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mapping.models import Seller
from mkterp.core.models import Heartbeat
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, InboxMessage, Invoice, OutboxMessage
from sync.services import case_desk, cases, feeds, inbox, postings
from sync.services.cases import Cause
from tests.factories import (
    make_catalogue_read,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
    make_worker,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def alive():
    make_catalogue_read()
    make_tax_codes()
    make_worker(beat_at=timezone.now())


def hear(number, *, at, listing, **changes):
    """An order of one piece arrives and is decided on; returns the invoice."""
    line = line_node(number, listing=listing)
    node = invoice_node(number, seller=listing.seller, lines=[line], **changes)
    inbox.receive_nodes(nodes=[node], at=at)
    inbox.process(clock=lambda: at)
    return Invoice.objects.get(legacy_id=number)


def mapped_listing(**changes):
    listing = make_listing(**changes)
    make_mapping(listing=listing)
    return listing


def refuse(invoice, *, at, words="Missing account receivable."):
    """The ERP refused the order, in these words."""
    message = invoice.posting
    kind = CaseKind.ERP_REJECTED
    cause = Cause(kind, f"post_order:{message.key}", f"Tryton refused {invoice}.", quote=words)
    case = cases.open_case(cause=cause, at=at)
    message.state, message.case, message.last_error = OutboxMessage.State.FAILED, case, words
    message.save()
    postings.refused(message=message, case=case)
    return case


def numbers(answer):
    return [row.title for row in answer.context["page"].rows]


# -- orders --------------------------------------------------------------------------------------


def test_tabs_show_orders_by_where_they_are(operations, client_of, at):
    hear(1, listing=mapped_listing(), at=at)
    hear(2, listing=make_listing(), at=at)
    client = client_of(operations)

    parked = client.get(reverse("sync:orders"), {"view": "parked", "state": "PARKED"})
    moving = client.get(reverse("sync:orders"), {"view": "moving", "state": ["QUEUED", "WAITING"]})

    assert (numbers(parked), numbers(moving)) == (["INV-2"], ["INV-1"])


@pytest.mark.parametrize("text", ["INV-41207", "41207", "BLT-TAN-M", "blt-tan-m", "Saltbush"])
def test_an_order_is_found_by_number_sku_and_seller(text, operations, client_of, at):
    listing = make_listing(sku="BLT-TAN-M", seller=make_seller(business_name="Saltbush Linen"))
    hear(41207, listing=listing, at=at)
    hear(9, listing=make_listing(), at=at)

    found = client_of(operations).get(reverse("sync:orders"), {"q": text})

    assert numbers(found) == ["INV-41207"]


def test_a_number_beyond_any_number_finds_nothing_and_breaks_nothing(operations, client_of):
    found = client_of(operations).get(reverse("sync:orders"), {"q": "9" * 40})

    assert (found.status_code, numbers(found)) == (200, [])


def test_the_page_of_a_parked_order_names_its_cause_and_leads_to_the_fix(operations, client_of, at):
    listing = make_listing()
    invoice = hear(1, listing=listing, at=at)

    page = client_of(operations).get(reverse("sync:order", kwargs={"key": invoice.pk})).text

    assert "no ERP item is mapped to it" in page
    assert f"{reverse('sync:unmapped')}?listing={listing.pk}" in page
    assert "Read from Marketplacer" in page  # its timeline


def test_markup_in_a_title_is_shown_as_text_everywhere(operations, client_of, at):
    listing = make_listing(title="<script>alert(1)</script>", sku="<b>x")
    invoice = hear(1, listing=listing, at=at)
    case = invoice.cases.get()
    client = client_of(operations)
    addresses = [
        reverse("sync:orders") + f"?open={invoice.pk}",
        reverse("sync:order", kwargs={"key": invoice.pk}),
        reverse("sync:exceptions") + f"?open={case.pk}",
        reverse("sync:exception", kwargs={"key": case.pk}),
        reverse("sync:unmapped"),
        reverse("sync:inbox") + f"?open={InboxMessage.objects.get().pk}",
        reverse("home"),
    ]

    pages = [client.get(address).text for address in addresses]

    assert not any("<script>alert" in page or "<b>x" in page for page in pages)
    assert all("&lt;script&gt;" in page or "&lt;b&gt;x" in page for page in pages)


def test_raw_payloads_are_for_those_who_may_see_buyers(operations, viewer, client_of, at):
    invoice = hear(1, listing=mapped_listing(), at=at)
    message = InboxMessage.objects.get()
    addresses = [
        reverse("sync:order", kwargs={"key": invoice.pk}),
        reverse("sync:inbox") + f"?open={message.pk}",
        reverse("sync:outbox") + f"?open={invoice.posting_id}",
    ]

    for address in addresses:
        assert "1 Sample Street" in client_of(operations).get(address).text
        assert "1 Sample Street" not in client_of(viewer).get(address).text


def test_a_refused_order_is_sent_again_from_its_page(operations, client_of, at):
    invoice = hear(1, listing=mapped_listing(), at=at)
    refuse(invoice, at=at)
    page = reverse("sync:order", kwargs={"key": invoice.pk})
    client = client_of(operations)

    answer = client.post(reverse("sync:order-retry"), {"one": invoice.pk, "next": page})

    assert (answer.status_code, answer.url) == (303, page)
    invoice.posting.refresh_from_db()
    assert invoice.posting.state == OutboxMessage.State.PENDING
    assert "1 order sent again" in client.get(page).text


# -- exceptions ----------------------------------------------------------------------------------


def test_exceptions_come_worst_and_dearest_first(operations, client_of, at):
    small, dear = make_listing(title="Small"), make_listing(title="Dear")
    hear(1, listing=small, at=at)
    for number in (2, 3):
        hear(number, listing=dear, at=at)
    refuse(hear(4, listing=mapped_listing(), at=at), at=at)

    listed = client_of(operations).get(reverse("sync:exceptions"))

    kinds = [(row.row.kind, row.row.blocked_orders) for row in listed.context["page"].rows]
    assert kinds == [("UNMAPPED_SKU", 2), ("UNMAPPED_SKU", 1), ("ERP_REJECTED", 1)]
    assert listed.context["page"].summary == "£240.00 held up"


def test_of_very_many_exceptions_the_heaviest_say_how_much_is_held_up_at_least(
    operations, client_of, at, monkeypatch
):
    monkeypatch.setattr("sync.screens.exceptions.SUMMED", 1)
    for number in (1, 2, 3):
        hear(number, listing=make_listing(title=f"Shirt {number}"), at=at)

    listed = client_of(operations).get(reverse("sync:exceptions"))

    assert listed.context["page"].summary == "at least £120.00 held up"


def test_a_closed_exception_holds_up_nothing_whatever_it_weighed_last(operations, client_of, at):
    hear(1, listing=make_listing(title="One"), at=at)
    held = ExceptionCase.objects.get()
    cases.resolve(case=held, resolution="Gone.", at=at)
    held.refresh_from_db()
    assert held.held_orders == 1

    def listed(blocks):
        page = client_of(operations).get(reverse("sync:exceptions"), {"blocks": blocks})
        return [row.row.pk for row in page.context["page"].rows]

    assert (listed("true"), listed("false")) == ([], [held.pk])


def test_the_numbers_on_tabs_are_each_persons_own_and_new_at_every_look(
    operations, controller, client_of
):
    at = timezone.now()  # the screen's own clock says what is overdue

    def tabs(person):
        page = client_of(person).get(reverse("sync:exceptions")).context["page"]
        return {tab.view.name: tab.count for tab in page.tabs if tab.count}

    hear(1, listing=make_listing(title="One"), at=at)
    case_desk.take(case=ExceptionCase.objects.get(), by=operations, at=at)
    assert (tabs(operations)["mine"], tabs(controller)["mine"]) == ("1", "0")

    hear(2, listing=make_listing(title="Two"), at=at)

    assert tabs(operations) == {"open": "2", "mine": "1", "blocking": "2", "overdue": "0"}


def test_the_panel_says_the_cause_the_weight_their_words_and_what_to_do(operations, client_of, at):
    case = refuse(hear(1, listing=mapped_listing(), at=at), at=at, words="No receivable for A & B")

    panel = client_of(operations).get(reverse("sync:exceptions"), {"open": case.pk}).text

    assert "Tryton refused INV-1." in panel
    assert "No receivable for A &amp; B" in panel
    assert "put the cause right there, then retry" in panel
    assert reverse("sync:orders") + f"?case={case.pk}" in panel


def test_taking_a_case_puts_it_under_mine(operations, client_of, at):
    hear(1, listing=make_listing(), at=at)
    case = ExceptionCase.objects.get()
    client = client_of(operations)

    client.post(reverse("sync:exception-take"), {"one": case.pk})

    mine = client.get(
        reverse("sync:exceptions"),
        {"view": "mine", "state": "OPEN", "assigned_to": operations.pk},
    )
    assert [row.row.pk for row in mine.context["page"].rows] == [case.pk]
    assert (
        "operations took it" in client.get(reverse("sync:exception", kwargs={"key": case.pk})).text
    )


def test_a_case_that_blocks_orders_cannot_be_dismissed(controller, client_of, at):
    hear(1, listing=make_listing(), at=at)
    case = ExceptionCase.objects.get()

    answer = client_of(controller).post(
        reverse("sync:exception-dismiss"),
        {"one": case.pk, "confirmed": "1", "reason": "it bothers me"},
    )

    case.refresh_from_db()
    assert (answer.status_code, case.state) == (303, "OPEN")


def test_retrying_a_case_sends_every_message_it_is_about(operations, client_of, at):
    case = refuse(hear(1, listing=mapped_listing(), at=at), at=at)
    client = client_of(operations)
    listed = reverse("sync:exceptions")

    answer = client.post(
        reverse("sync:exception-retry"), {"one": case.pk, "next": listed}, headers=HTMX
    )

    assert answer.status_code == 200
    assert "1 message sent again" in answer.text
    assert OutboxMessage.objects.get().state == OutboxMessage.State.PENDING


# -- what a screen costs, and what it says when nobody works ---------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "sync:orders",
        "sync:exceptions",
        "sync:inbox",
        "sync:outbox",
        "sync:unmapped",
        "mapping:mappings",
        "mapping:sellers",
        "home",
        "health",
    ],
)
def test_a_screen_asks_as_often_for_many_rows_as_for_few(name, operations, client_of, at):
    client = client_of(operations)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(name)).status_code == 200
        return len(queries)

    def more(first: int) -> None:
        for number in range(first, first + 4):
            hear(number, listing=mapped_listing(), at=at)
            hear(number + 100, listing=make_listing(), at=at)
            refuse(hear(number + 200, listing=mapped_listing(), at=at), at=at)

    more(1)
    asked()  # what is read once for a process
    few = asked()
    more(10)

    assert asked() == few


def test_lists_say_when_no_worker_keeps_them_up_to_date(operations, client_of, at):
    hear(1, listing=mapped_listing(), at=at)
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=12))
    client = client_of(operations)

    for name in ("sync:orders", "sync:exceptions", "sync:outbox", "home", "health"):
        page = client.get(reverse(name)).text
        assert "No worker has run for" in page
        assert "1 order" in page
        assert "othing is lost" in page


def test_health_quotes_the_error_of_a_feed_that_does_not_get_through(operations, client_of, at):
    failure = feeds.Failure("connection refused by 127.0.0.1")
    feeds.told(name="deliver_erp", failure=failure, at=timezone.now(), counts={})

    page = client_of(operations).get(reverse("health")).text

    assert "“connection refused by 127.0.0.1”" in page
    assert "Orders wait in the outbox" in page


def test_an_empty_house_says_what_will_be_here(operations, client_of):
    Seller.objects.all().delete()
    client = client_of(operations)
    words = {
        "sync:orders": "No orders yet",
        "sync:exceptions": "Nothing waits for a person",
        "sync:inbox": "Nothing has been heard yet",
        "sync:outbox": "Nothing has been sent yet",
        "sync:unmapped": "No listing has been read yet",
        "mapping:mappings": "Nothing is mapped yet",
        "mapping:sellers": "No seller has been read yet",
        "home": "No order has come yet",
    }

    assert [n for n, said in words.items() if said not in client.get(reverse(n)).text] == []
    assert "No exception fits these filters" in client.get("/exceptions/?view=open&q=nothing").text
