"""The workbench: approve a suggestion and its orders go, take it back and they wait again."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from mapping.models import SkuMapping
from sync.models import Invoice, OutboxMessage
from sync.services import inbox
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
    make_worker,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
DESK = "/unmapped/"


@pytest.fixture(autouse=True)
def alive():
    make_catalogue_read()
    make_tax_codes()
    make_worker(beat_at=timezone.now())


@pytest.fixture
def seller():
    return make_seller(business_name="Saltbush Linen")


@pytest.fixture
def shirt(seller):
    return make_listing(seller=seller, sku="SB-SHRT-M", title="Linen camp shirt, sage")


@pytest.fixture
def item():
    return make_item(
        sku="LIN-SGE-M", name="Linen camp shirt sage", search_text="lin sge m linen camp shirt sage"
    )


def order(number, *listings, at):
    """An order of one piece of each listing, £60.00 apiece."""
    lines = [line_node(number * 10 + n, listing=one) for n, one in enumerate(listings)]
    node = invoice_node(number, seller=listings[0].seller, lines=lines)
    inbox.receive_nodes(nodes=[node], at=at)
    inbox.process(clock=lambda: at)


def states():
    return dict(Invoice.objects.values_list("legacy_id", "state"))


def approve(client, listing, item, **more):
    fields = {"listing": listing.pk, "item": item.pk, "next": DESK, **more}
    return client.post(reverse("sync:unmapped-approve"), fields)


def test_the_queue_is_ordered_by_the_money_it_holds_up(operations, client_of, seller, at):
    idle, small, dear = (make_listing(seller=seller) for _ in range(3))
    order(1, small, at=at)
    order(2, dear, at=at)
    order(3, dear, at=at)

    desk = client_of(operations).get(DESK).context["desk"]

    assert [entry.listing for entry in desk.queue] == [dear, small, idle]
    assert (desk.queue[0].orders, desk.queue[0].money) == (2, Decimal("120.00"))
    assert desk.open.listing == dear


def test_a_suggestion_says_how_much_it_is_alike_and_in_which_words(
    operations, client_of, shirt, item, at
):
    order(1, shirt, at=at)

    desk = client_of(operations).get(DESK).context["desk"]

    best = desk.candidates[0]
    assert (best.item, best.number) == (item, 1)
    assert [(mark.kind, mark.sides) for mark in best.marks if mark.name == "words"] == [
        ("ok", "linen camp shirt sage")
    ]
    assert 0 < best.percent <= 100


def test_approving_releases_the_orders_says_how_many_and_opens_the_next(
    operations, client_of, seller, shirt, item, at
):
    other = make_listing(seller=seller)
    for number in (1, 2):
        order(number, shirt, at=at)
    order(3, other, at=at)
    client = client_of(operations)

    answer = approve(client, shirt, item, then=other.pk)
    page = client.get(answer.url)

    assert (answer.status_code, answer.url) == (303, f"{DESK}?listing={other.pk}")
    assert states() == {1: "QUEUED", 2: "QUEUED", 3: "PARKED"}
    assert "Mapped. 2 orders, £120.00 released." in page.text
    assert page.context["desk"].open.listing == other


def test_one_answer_to_htmx_brings_the_message_the_queue_and_the_next_listing(
    operations, client_of, seller, shirt, item, at
):
    other = make_listing(seller=seller, title="Desert boot")
    order(1, shirt, at=at)
    order(2, other, at=at)
    client = client_of(operations)

    answer = client.post(
        reverse("sync:unmapped-approve"),
        {"listing": shirt.pk, "item": item.pk, "then": other.pk},
        headers={**HTMX, "HX-Current-URL": f"http://testserver{DESK}?listing={shirt.pk}"},
    )

    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == f"{DESK}?listing={other.pk}"
    assert "Mapped. 1 order, £60.00 released." in answer.text
    assert 'id="panel"' in answer.text
    assert "Desert boot" in answer.text
    assert 'id="rail"' in answer.text
    assert "<html" not in answer.text


def test_orders_that_wait_for_something_else_too_are_said_to(
    operations, client_of, seller, shirt, item, at
):
    other = make_listing(seller=seller)
    order(1, shirt, at=at)
    order(2, shirt, other, at=at)
    client = client_of(operations)

    page = client.get(approve(client, shirt, item).url)

    assert "Mapped. 1 order, £60.00 released; 1 more waits for another cause as well." in page.text


def test_undo_takes_the_mapping_and_its_orders_back(operations, client_of, shirt, item, at):
    order(1, shirt, at=at)
    client = client_of(operations)
    approve(client, shirt, item)
    mapping = SkuMapping.objects.get()

    answer = client.post(reverse("sync:unmapped-undo"), {"pk": mapping.pk, "next": DESK})
    page = client.get(answer.url)

    assert answer.url == f"{DESK}?listing={shirt.pk}"
    assert "SB-SHRT-M is unmapped again. 1 order waits again." in page.text
    assert states() == {1: "PARKED"}
    assert page.context["desk"].open.listing == shirt


def test_undo_is_refused_in_words_once_an_order_has_left(operations, client_of, shirt, item, at):
    order(1, shirt, at=at)
    client = client_of(operations)
    approve(client, shirt, item)
    OutboxMessage.objects.update(state=OutboxMessage.State.IN_FLIGHT, attempts=1)

    answer = client.post(
        reverse("sync:unmapped-undo"), {"pk": SkuMapping.objects.get().pk, "next": DESK}
    )

    assert answer.status_code == 422
    assert "INV-1 is on its way to the ERP or there already" in answer.text


def test_what_somebody_mapped_meanwhile_is_refused_with_the_reason(
    operations, client_of, shirt, item, at
):
    order(1, shirt, at=at)
    make_mapping(listing=shirt, item=make_item(sku="OTHER"))

    answer = approve(client_of(operations), shirt, item)

    assert answer.status_code == 422
    assert "is already mapped to OTHER" in answer.text


@pytest.mark.parametrize(
    "wrong", [{"listing": 0}, {"item": "x"}, {"pack_quantity": 0}, {"pack_quantity": 5000}]
)
def test_a_form_that_makes_no_sense_changes_nothing(wrong, operations, client_of, shirt, item, at):
    fields = {"listing": shirt.pk, "item": item.pk, "next": DESK} | wrong

    answer = client_of(operations).post(reverse("sync:unmapped-approve"), fields)

    assert (answer.status_code, SkuMapping.objects.count()) == (422, 0)


def test_approving_in_the_panel_of_an_exception_answers_with_its_list(
    operations, client_of, shirt, item, at
):
    order(1, shirt, at=at)
    case = Invoice.objects.get().cases.get()
    here = f"{reverse('sync:exceptions')}?open={case.pk}"

    answer = client_of(operations).post(
        reverse("sync:unmapped-approve"),
        {"listing": shirt.pk, "item": item.pk, "next": here},
        headers={**HTMX, "HX-Current-URL": f"http://testserver{here}"},
    )

    assert answer.status_code == 200
    assert "Mapped. 1 order, £60.00 released." in answer.text
    assert 'data-list="/exceptions/"' in answer.text
    assert "resolved" in answer.text  # the panel shows the case as it is now


def test_the_item_master_is_searched_for_the_open_listing(operations, client_of, shirt, item, at):
    make_item(sku="BOOT", search_text="desert boot")

    desk = client_of(operations).get(DESK, {"listing": shirt.pk, "find": "linen camp"})

    assert [one.item for one in desk.context["desk"].found] == [item]


def test_a_viewer_sees_the_workbench_and_cannot_approve(viewer, client_of, shirt, item, at):
    order(1, shirt, at=at)
    client = client_of(viewer)

    assert 'data-key="1"' not in client.get(DESK).text
    assert approve(client, shirt, item).status_code == 403


def test_the_empty_queue_says_that_everything_is_mapped(operations, client_of, shirt, item):
    make_mapping(listing=shirt, item=item)

    assert "Every listing has its ERP item" in client_of(operations).get(DESK).text


def test_an_address_that_makes_no_sense_shows_the_queue(operations, client_of, shirt, at):
    page = client_of(operations).get(DESK, {"listing": "abc", "seller": "-1", "show": "x"})

    assert page.status_code == 200
    assert page.context["desk"].open.listing == shirt
