"""From the inbox to the outbox: stored, mirrored, posted or parked with every cause."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from mapping.models import SellerTreatment, ShippingTaxPolicy
from mapping.services import catalogue, mappings, rules, shipping
from sync import selectors
from sync.domain.cases import CaseKind
from sync.domain.delivery import Transient
from sync.models import ExceptionCase, Feed, InboxMessage, Invoice, OutboxMessage
from sync.services import cases, feeds, inbox, orders, outbox, upkeep, workbench
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

LATER = "2026-11-02T09:00:00Z"


@pytest.fixture(autouse=True)
def registry():
    make_catalogue_read()
    make_tax_codes()


@pytest.fixture
def seller():
    return make_seller()


@pytest.fixture
def mapped(seller):
    """A listing that has its ERP item."""
    listing = make_listing(seller=seller)
    make_mapping(listing=listing)
    return listing


@pytest.fixture
def unmapped(seller):
    return make_listing(seller=seller)


def hear(*nodes, at):
    """Marketplacer tells us these invoices and we work them."""
    inbox.receive_nodes(nodes=nodes, at=at)
    inbox.process(clock=lambda: at)


def the_invoice(number=41207):
    return Invoice.objects.get(legacy_id=number)


def open_kinds():
    return set(
        ExceptionCase.objects.filter(state=ExceptionCase.State.OPEN).values_list("kind", flat=True)
    )


def test_a_clean_invoice_is_queued_for_the_erp_as_the_customer_paid_it(seller, mapped, at):
    node = invoice_node(seller=seller, lines=[line_node(listing=mapped, gross=5_999, postage=495)])

    hear(node, at=at)

    message = OutboxMessage.objects.get()
    assert (message.operation, message.key, message.state) == (
        "post_order",
        "invoice-41207",
        "PENDING",
    )
    assert Decimal(message.payload["gross"]) == Decimal("64.94")
    invoice = the_invoice()
    assert (invoice.state, invoice.treatment, invoice.fulfilled_by) == ("QUEUED", "agent", "seller")
    assert invoice.lines.get().item == mapped.mappings.get().item


def test_the_same_news_a_hundred_times_is_one_document(seller, mapped, at):
    node = invoice_node(seller=seller, lines=[line_node(listing=mapped)])

    for _ in range(100):
        hear(node, at=at)

    assert (InboxMessage.objects.count(), OutboxMessage.objects.count()) == (1, 1)


def test_an_unmapped_sku_parks_the_whole_order_and_names_itself(seller, mapped, unmapped, at):
    lines = [line_node(1, listing=mapped), line_node(2, listing=unmapped)]

    hear(invoice_node(seller=seller, lines=lines), at=at)

    invoice, case = the_invoice(), ExceptionCase.objects.get()
    assert (invoice.state, OutboxMessage.objects.count()) == ("PARKED", 0)
    assert (case.kind, case.listing) == (CaseKind.UNMAPPED_SKU, unmapped)
    assert unmapped.sku in case.cause
    assert list(invoice.cases.all()) == [case]


def test_a_second_order_with_the_same_cause_is_counted_not_doubled(seller, unmapped, at):
    for number in (1, 2, 3):
        lines = [line_node(number, listing=unmapped)]
        hear(invoice_node(number, seller=seller, lines=lines), at=at)

    case = selectors.open_cases().get()
    assert (case.occurrences, case.blocked_orders) == (3, 3)
    assert case.blocked_money == Decimal("180.00")


def test_confirming_a_mapping_releases_every_order_that_waited_only_for_it(
    seller, unmapped, operations, at
):
    other = make_listing(seller=seller)
    hear(invoice_node(1, seller=seller, lines=[line_node(1, listing=unmapped)]), at=at)
    hear(invoice_node(2, seller=seller, lines=[line_node(2, listing=unmapped)]), at=at)
    both = [line_node(3, listing=unmapped), line_node(4, listing=other)]
    hear(invoice_node(3, seller=seller, lines=both), at=at)

    released = workbench.confirm(listing=unmapped, item=make_item(), by=operations, at=at)

    assert (released.orders, released.money, released.still_parked) == (2, Decimal("120.00"), 1)
    assert the_invoice(1).state == the_invoice(2).state == "QUEUED"
    assert the_invoice(3).state == "PARKED"
    assert [case.listing for case in selectors.open_cases()] == [other]
    assert OutboxMessage.objects.count() == 2


def test_a_case_stays_open_while_another_worker_parks_an_order_in_it(
    seller, unmapped, operations, at, monkeypatch
):
    hear(invoice_node(1, seller=seller, lines=[line_node(1, listing=unmapped)]), at=at)
    case = ExceptionCase.objects.get()
    why = orders._why_gone

    def park_meanwhile(*given):
        other = Invoice.objects.get(legacy_id=1)
        other.pk, other.marketplacer_id, other.legacy_id = None, "invoice-2", 2
        other.state, other.posting = Invoice.State.PARKED, None
        other.save()
        case.invoices.add(other)
        return why(*given)

    monkeypatch.setattr(orders, "_why_gone", park_meanwhile)
    workbench.confirm(listing=unmapped, item=make_item(), by=operations, at=at)

    case.refresh_from_db()
    assert case.state == "OPEN"


def test_an_undone_mapping_takes_back_what_has_not_left(seller, unmapped, operations, at):
    hear(invoice_node(seller=seller, lines=[line_node(listing=unmapped)]), at=at)
    released = workbench.confirm(listing=unmapped, item=make_item(), by=operations, at=at)

    workbench.undo(mapping=released.mapping, by=operations, at=at)

    assert the_invoice().state == "PARKED"
    assert OutboxMessage.objects.get().state == "SUPERSEDED"
    assert open_kinds() == {CaseKind.UNMAPPED_SKU}


def test_a_first_mapping_holds_from_the_beginning_of_time(unmapped, operations, at):
    mapping = mappings.confirm(listing=unmapped, item=make_item(), by=operations, at=at)

    assert mapping.valid_from is None


def test_events_in_reverse_order_leave_the_newest_version(seller, mapped, at):
    newer = invoice_node(
        seller=seller, lines=[line_node(listing=mapped, gross=7_000)], updated=LATER
    )
    older = invoice_node(seller=seller, lines=[line_node(listing=mapped, gross=6_000)])

    hear(newer, at=at)
    hear(older, at=at)

    assert the_invoice().gross == Decimal("70.00")
    ignored = InboxMessage.objects.get(state=InboxMessage.State.IGNORED)
    assert "older than what we hold" in ignored.note


def test_an_older_and_a_newer_version_in_one_batch_make_one_document(seller, mapped, at):
    newer = invoice_node(
        seller=seller, lines=[line_node(listing=mapped, gross=7_000)], updated=LATER
    )
    older = invoice_node(seller=seller, lines=[line_node(listing=mapped, gross=6_000)])

    hear(newer, older, at=at)

    assert Decimal(OutboxMessage.objects.get().payload["gross"]) == Decimal("70.00")


def test_two_changes_within_one_second_are_both_taken(seller, mapped, at):
    node = invoice_node(seller=seller, lines=[line_node(listing=mapped)])
    cancelled = node | {"statusFlags": ["CANCELLED"]}
    assert node["updatedAt"] == cancelled["updatedAt"]
    hear(node, at=at)

    hear(cancelled, at=at)

    assert the_invoice().state == "CANCELLED"
    assert OutboxMessage.objects.get().state == "SUPERSEDED"


def test_of_two_changes_within_one_second_the_one_read_later_holds(seller, mapped, at):
    node = invoice_node(seller=seller, lines=[line_node(listing=mapped)])

    hear(node, node | {"statusFlags": ["CANCELLED"]}, at=at)

    assert the_invoice().state == "CANCELLED"


def test_our_own_external_id_coming_back_changes_nothing(seller, mapped, at):
    lines = [line_node(listing=mapped)]
    hear(invoice_node(seller=seller, lines=lines), at=at)
    echo = invoice_node(
        seller=seller,
        lines=lines,
        updated=LATER,
        externalIds=[{"key": "erp_order", "value": "SO-1"}],
    )

    hear(echo, at=at)

    assert OutboxMessage.objects.count() == 1
    assert the_invoice().changed_at == datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_an_order_cancelled_before_it_left_is_not_posted(seller, mapped, at):
    lines = [line_node(listing=mapped)]
    hear(invoice_node(seller=seller, lines=lines), at=at)

    cancelled = ["PAID", "CANCELLED"]
    hear(invoice_node(seller=seller, lines=lines, updated=LATER, statusFlags=cancelled), at=at)

    assert the_invoice().state == "CANCELLED"
    assert OutboxMessage.objects.get().state == "SUPERSEDED"


def test_a_parked_order_that_is_cancelled_leaves_no_case_behind(seller, unmapped, at):
    lines = [line_node(listing=unmapped)]
    hear(invoice_node(seller=seller, lines=lines), at=at)

    hear(invoice_node(seller=seller, lines=lines, updated=LATER, statusFlags=["CANCELLED"]), at=at)

    assert the_invoice().state == "CANCELLED"
    assert open_kinds() == set()


def test_a_change_while_the_order_may_be_in_the_erp_is_a_case_not_a_second_document(
    seller, mapped, at
):
    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped)]), at=at)
    OutboxMessage.objects.update(state="IN_FLIGHT", attempts=1)

    hear(
        invoice_node(seller=seller, lines=[line_node(listing=mapped, gross=9_900)], updated=LATER),
        at=at,
    )

    assert OutboxMessage.objects.count() == 1
    assert open_kinds() == {CaseKind.CHANGED_AFTER_POSTING}


def test_an_unpaid_order_waits_and_goes_when_it_is_paid(seller, mapped, at):
    lines = [line_node(listing=mapped)]
    review = ["PAYMENT_UNDER_REVIEW"]
    hear(invoice_node(seller=seller, lines=lines, paidAt=None, statusFlags=review), at=at)
    assert the_invoice().state == "WAITING"

    hear(invoice_node(seller=seller, lines=lines, updated=LATER), at=at)

    assert the_invoice().state == "QUEUED"


def test_an_order_from_before_go_live_is_mirrored_and_never_posted(seller, mapped, at, settings):
    settings.GO_LIVE_AT = datetime(2026, 11, 15, tzinfo=UTC)

    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped)]), at=at)

    assert (the_invoice().state, OutboxMessage.objects.count()) == ("HISTORIC", 0)
    assert selectors.order_counts()["orders_seen"] == 0


def test_an_order_of_a_seller_nobody_has_read_waits_for_the_seller(at):
    hear(invoice_node(seller=None), at=at)
    assert CaseKind.UNKNOWN_SELLER in open_kinds()

    facts = catalogue.SellerFacts("seller-nobody-read", 99, "Read at last")
    catalogue.mirror_sellers(sellers=[facts], at=at)

    assert CaseKind.UNKNOWN_SELLER not in open_kinds()
    assert {CaseKind.NO_TREATMENT, CaseKind.NO_FULFILMENT_RULE} < open_kinds()
    assert the_invoice().seller.business_name == "Read at last"


def test_a_treatment_set_later_releases_the_orders_that_waited_for_it(administrator, at):
    seller = make_seller(treatment=None)
    listing = make_listing(seller=seller)
    make_mapping(listing=listing)
    hear(invoice_node(seller=seller, lines=[line_node(listing=listing)]), at=at)
    assert open_kinds() == {CaseKind.NO_TREATMENT}

    rules.set_rule(
        rule=SellerTreatment,
        seller=seller,
        value="agent",
        by=administrator,
        at=at,
        reason="contract of October",
    )

    assert (the_invoice().state, open_kinds()) == ("QUEUED", set())


def test_a_message_that_cannot_be_read_is_kept_and_does_not_hold_up_the_others(seller, mapped, at):
    broken = invoice_node(1, seller=seller, totalCents="a lot")
    good = invoice_node(2, seller=seller, lines=[line_node(listing=mapped)])

    hear(broken, good, at=at)

    assert the_invoice(2).state == "QUEUED"
    kept = InboxMessage.objects.get(state=InboxMessage.State.UNREADABLE)
    assert (kept.body["totalCents"], "totalCents" in kept.note) == ("a lot", True)
    assert open_kinds() == {CaseKind.UNREADABLE_MESSAGE}


def test_a_person_has_an_unreadable_message_read_again(seller, operations, at):
    hear(invoice_node(seller=seller, totalCents="a lot"), at=at)
    message = InboxMessage.objects.get()

    inbox.retry(message=message, by=operations, at=at)
    assert InboxMessage.objects.get().state == "NEW"
    inbox.process(clock=lambda: at)

    assert InboxMessage.objects.get().state == "UNREADABLE"
    InboxMessage.objects.update(state="DONE")
    with pytest.raises(cases.Refused, match="needs no retry"):
        inbox.retry(message=message, by=operations, at=at)


def test_a_later_readable_version_resolves_the_unreadable_one(seller, mapped, at):
    hear(invoice_node(seller=seller, totalCents=None), at=at)

    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped)], updated=LATER), at=at)

    assert (the_invoice().state, open_kinds()) == ("QUEUED", set())


def test_an_order_whose_tax_fits_no_rate_leaves_the_page_of_rates_to_the_others(
    seller, mapped, finance, client_of, at
):
    odd = line_node(listing=mapped, postage=500, postageTaxCents=499)
    hear(invoice_node(1, seller=seller, lines=[odd]), at=at)
    case = ExceptionCase.objects.get(kind=CaseKind.UNMAPPED_TAX_CODE)
    assert "postage of" in case.key

    page = client_of(finance).get("/unmapped-taxes/")

    assert page.status_code == 200
    assert "fits no mapped rate" in page.text


@pytest.mark.parametrize("quantity", [0, -2, 1.5])
def test_an_impossible_quantity_parks(seller, mapped, quantity, at):
    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped, quantity=quantity)]), at=at)

    assert open_kinds() == {CaseKind.BAD_QUANTITY}


def test_a_line_whose_variant_has_no_sku_parks_and_is_mapped_like_any_other(seller, operations, at):
    listing = make_listing(seller=seller, sku="")
    hear(invoice_node(seller=seller, lines=[line_node(listing=listing, variantSku=None)]), at=at)
    assert (the_invoice().state, open_kinds()) == ("PARKED", {CaseKind.UNMAPPED_SKU})
    assert listing.title in ExceptionCase.objects.get().cause

    mappings.confirm(listing=listing, item=make_item(), by=operations, at=at)

    assert (the_invoice().state, open_kinds()) == ("QUEUED", set())


def test_a_line_that_names_no_variant_at_all_parks(seller, at):
    line = line_node(variantId=None, variantSku=None)

    hear(invoice_node(seller=seller, lines=[line]), at=at)

    assert (the_invoice().state, open_kinds()) == ("PARKED", {CaseKind.LINE_WITHOUT_PRODUCT})
    assert not OutboxMessage.objects.exists()


def test_money_that_does_not_add_up_parks_until_marketplacer_corrects_it(seller, mapped, at):
    lines = [line_node(listing=mapped, gross=6_000)]
    hear(invoice_node(seller=seller, lines=lines, totalCents=5_999), at=at)
    assert (the_invoice().state, open_kinds()) == ("PARKED", {CaseKind.MONEY_MISMATCH})

    hear(invoice_node(seller=seller, lines=lines, totalCents=6_000, updated=LATER), at=at)

    assert (the_invoice().state, open_kinds()) == ("QUEUED", set())
    assert OutboxMessage.objects.get().payload["gross"] == "60.00"


def test_two_variants_with_one_sku_are_two_listings_with_an_item_each(seller, at):
    listings = [make_listing(seller=seller, sku="SAME") for _ in range(2)]
    for listing in listings:
        make_mapping(listing=listing)
    lines = [line_node(n, listing=listing) for n, listing in enumerate(listings)]

    hear(invoice_node(seller=seller, lines=lines), at=at)

    posted = OutboxMessage.objects.get().payload["lines"]
    assert len({line["sku"] for line in posted}) == 2


def test_html_in_a_title_is_kept_as_text(seller, mapped, at):
    title = "<script>alert(1)</script>"

    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped, advertTitle=title)]), at=at)

    assert OutboxMessage.objects.get().payload["lines"][0]["description"] == title


def test_nothing_is_decided_before_the_catalogue_was_read_once(seller, mapped, at):
    Feed.objects.filter(name="items").update(succeeded_at=None)
    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped)]), at=at)
    assert (the_invoice().state, OutboxMessage.objects.count()) == ("WAITING", 0)

    make_catalogue_read()
    orders.recheck_waiting(at=at)

    assert the_invoice().state == "QUEUED"


def test_the_counts_add_up_to_what_was_seen(seller, mapped, unmapped, at):
    hear(invoice_node(1, seller=seller, lines=[line_node(1, listing=mapped)]), at=at)
    hear(invoice_node(2, seller=seller, lines=[line_node(2, listing=unmapped)]), at=at)
    hear(invoice_node(3, seller=seller, lines=[line_node(3)], statusFlags=["CANCELLED"]), at=at)

    counts = selectors.order_counts()

    assert counts.pop("orders_seen") == sum(counts.values()) == 3


def test_a_case_that_blocks_orders_cannot_be_dismissed(seller, unmapped, controller, at):
    hear(invoice_node(seller=seller, lines=[line_node(listing=unmapped)]), at=at)
    case = ExceptionCase.objects.get()

    with pytest.raises(cases.Refused, match="still blocks 1"):
        cases.dismiss(case=case, by=controller, at=at, reason="tired of it")


def test_a_returning_cause_is_a_new_case_that_knows_the_old_one(seller, unmapped, at):
    hear(invoice_node(1, seller=seller, lines=[line_node(1, listing=unmapped)]), at=at)
    old = ExceptionCase.objects.get()
    hear(invoice_node(1, seller=seller, updated=LATER, statusFlags=["CANCELLED"]), at=at)

    hear(invoice_node(2, seller=seller, lines=[line_node(2, listing=unmapped)]), at=at)

    new = ExceptionCase.objects.get(state="OPEN")
    assert (new.previous, new.pk != old.pk) == (old, True)


def test_a_refused_message_is_retried_by_a_person_and_only_then(seller, mapped, operations, at):
    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped)]), at=at)
    message = OutboxMessage.objects.get()

    with pytest.raises(cases.Refused, match="only a refused one"):
        outbox.retry(message=message, by=operations, at=at)
    OutboxMessage.objects.update(state="FAILED")
    Invoice.objects.update(state="FAILED")
    assert outbox.retry(message=message, by=operations, at=at).state == "PENDING"
    assert the_invoice().state == "QUEUED"


def test_a_page_of_invoices_costs_the_same_number_of_queries_however_long_it_is(
    seller, mapped, unmapped, at
):
    def queries(numbers):
        nodes = [
            invoice_node(
                n,
                seller=seller,
                lines=[line_node(2 * n, listing=mapped), line_node(2 * n + 1, listing=listing)],
            )
            for n in numbers
            for listing in [mapped if n % 2 else unmapped]
        ]
        inbox.receive_nodes(nodes=nodes, at=at)
        with CaptureQueriesContext(connection) as captured:
            inbox.process(clock=lambda: at)
        return len(captured)

    queries(range(2))  # what is made once
    few = queries(range(10, 14))
    many = queries(range(20, 60))

    assert many <= few + 2


def test_the_sweeper_tries_a_seldom_feed_again_soon_after_the_far_side_was_away(at):
    feeds.told(name="carriers", failure=Transient("away"), at=at, counts={})
    feeds.told(name="sellers", failure=None, at=at, counts={"read": 3})

    upkeep.sweep(at=at + timedelta(seconds=20))
    assert not OrmQ.objects.exists()
    upkeep.sweep(at=at + timedelta(minutes=1))

    assert [row.func() for row in OrmQ.objects.all()] == ["sync.tasks.pull_carriers"]


def test_the_sweeper_wakes_what_fell_between(seller, mapped, at):
    hear(invoice_node(seller=seller, lines=[line_node(listing=mapped)]), at=at)
    OrmQ.objects.all().delete()

    upkeep.sweep(at=at + timedelta(minutes=2))

    assert OrmQ.objects.count() == 1


def test_shipping_is_taxed_by_the_policy_that_held_when_the_order_was_placed(seller, mapped, at):
    def codes(number):
        lines = [
            line_node(2 * number, listing=mapped, postage=300),
            line_node(2 * number + 1, listing=mapped, rate="0", postage=300),
        ]
        hear(invoice_node(number, seller=seller, lines=lines), at=at)
        kept = OutboxMessage.objects.get(key=f"invoice-{number}").payload["lines"]
        return [line["tax_code"] for line in kept if line["kind"] == "shipping"]

    assert codes(1) == ["GB-STD"], "as the marketplace charged it, flat"
    placed = the_invoice(1).placed_at
    policy = {"country": "GB", "rule": "follows_goods", "by": None, "reason": "ruling"}
    shipping.set_policy(**policy, at=at, moment=placed + timedelta(seconds=1))
    assert codes(2) == ["GB-STD"], "placed before the policy began"
    ShippingTaxPolicy.objects.update(valid_from=placed)
    assert codes(3) == ["GB-STD", "GB-ZERO"]
