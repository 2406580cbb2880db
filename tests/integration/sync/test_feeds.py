"""The reading feeds against the sandbox marketplace, in process, page by page."""

from datetime import UTC, datetime, timedelta

import pytest

from mapping.models import Listing, Seller
from sync.domain.delivery import Rejected
from sync.models import ExceptionCase, Feed, InboxMessage, Invoice
from sync.services import inbox, pulls

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now(settings):
    settings.GO_LIVE_AT = datetime.now(UTC) - timedelta(hours=1)
    return lambda: datetime.now(UTC)


@pytest.fixture(autouse=True)
def far_sides(erp, marketplacer):
    """Both sides in process."""


def held():
    return set(InboxMessage.objects.filter(source="NODE").values_list("node_id", flat=True))


def test_every_invoice_is_read_once_however_many_pages_it_takes(sandbox, now):
    sandbox.place_orders(9)

    pulls.pull_invoices(clock=now)
    pulls.pull_invoices(clock=now)

    theirs = {invoice["id"] for invoice in sandbox.invoices()}
    assert len(theirs) >= 9
    assert held() == theirs
    assert InboxMessage.objects.count() == len(theirs)


def test_an_invoice_that_changes_between_two_pages_makes_none_slip_past(
    sandbox, marketplacer, now, monkeypatch
):
    sandbox.place_orders(9)
    first = sandbox.invoices()[0]["legacy_id"]
    read, moved = marketplacer.invoice_page, []

    def read_and_disturb(**arguments):
        page = read(**arguments)
        if not moved:
            moved.append(sandbox.cancel(first))
        return page

    monkeypatch.setattr(marketplacer, "invoice_page", read_and_disturb)

    pulls.pull_invoices(clock=now)

    assert held() == {invoice["id"] for invoice in sandbox.invoices()}


def test_a_killed_read_goes_on_at_its_last_page(sandbox, marketplacer, now, monkeypatch):
    sandbox.place_orders(6)
    read, pages = marketplacer.invoice_page, []

    def read_twice_and_die(**arguments):
        if len(pages) == 2:
            raise KeyboardInterrupt
        pages.append(arguments["after"])
        return read(**arguments)

    monkeypatch.setattr(marketplacer, "invoice_page", read_twice_and_die)
    with pytest.raises(KeyboardInterrupt):
        pulls.pull_invoices(clock=now)
    committed = len(held())
    monkeypatch.setattr(marketplacer, "invoice_page", read)

    pulls.pull_invoices(clock=now)

    assert committed == 4
    assert held() == {invoice["id"] for invoice in sandbox.invoices()}


def test_a_page_that_is_refused_again_and_again_ends_the_read_and_is_told(
    sandbox, marketplacer, now, monkeypatch
):
    sandbox.place_orders(6)
    read, asked = marketplacer.invoice_page, []

    def refuse_the_second(**arguments):
        asked.append(arguments["after"])
        assert len(asked) < 9
        if arguments["after"]:
            raise Rejected("This page makes no sense.")
        return read(**arguments)

    monkeypatch.setattr(marketplacer, "invoice_page", refuse_the_second)

    for _ in range(2):  # the second time it begins with the page that it remembers
        pulls.pull_invoices(clock=now)
        assert "makes no sense" in Feed.objects.get().error


def test_the_catalogue_is_mirrored_whole(sandbox, marketplacer, now):
    marketplacer._page_size = 100

    pulls.pull_sellers(clock=now)
    pulls.pull_listings(clock=now)

    assert Seller.objects.filter(deleted=False).count() == len(sandbox.catalogue.sellers)
    assert Listing.objects.count() == len(sandbox.catalogue.variants)


@pytest.mark.parametrize("fault", ["p_500", "p_503", "p_429"])
def test_a_marketplace_that_fails_is_waited_for_and_nothing_is_lost(sandbox, now, fault):
    sandbox.place_orders(3)
    sandbox.faults.set({fault: 1.0})
    pulls.pull_invoices(clock=now)
    feed = Feed.objects.get(name="invoices")
    assert (feed.error_kind != "", held()) == (True, set())

    sandbox.faults.set({fault: 0.0})
    pulls.pull_invoices(clock=lambda: now() + timedelta(minutes=10))

    assert held() == {invoice["id"] for invoice in sandbox.invoices()}


def test_a_hinted_invoice_is_fetched_as_it_is_now(sandbox, now):
    number = sandbox.invoice(sandbox.place_orders(1)[0]["invoiceNumbers"][0])["legacy_id"]
    sandbox.cancel(number)
    node_id = sandbox.invoice(number)["id"]
    InboxMessage.objects.create(
        source="HINT",
        identity="vertical:1",
        typename="Invoice",
        node_id=node_id,
        body={},
        received_at=now(),
        not_before=now(),
    )

    inbox.fetch_hinted(clock=now)
    inbox.process(clock=now)

    assert Invoice.objects.get().status_flags == ["CANCELLED", "PAID"]
    assert InboxMessage.objects.get(source="HINT").state == "DONE"


def test_an_expired_key_stops_the_feed_with_a_case_that_says_so(sandbox, marketplacer, now):
    marketplacer._http.headers["marketplacer-api-key"] = "revoked"

    pulls.pull_invoices(clock=now)

    case = ExceptionCase.objects.get()
    assert (case.kind, "expired" in case.quote) == ("FEED_STOPPED", True)
