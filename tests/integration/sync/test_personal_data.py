"""A buyer is forgotten when the time has come, or asks; money and orders stay as they were."""

import json
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from mkterp.core.models import AuditEntry
from sync.domain.personal import GONE
from sync.models import InboxMessage, Invoice, OutboxMessage
from sync.services import inbox, personal
from tests.factories import (
    make_catalogue_read,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db

BUYER = ("Ana", "Example", "1 Sample Street", "EX1 1AA", "Exampleton")


@pytest.fixture
def posted(at):
    """Two orders of Ana Example, in the ERP."""
    make_catalogue_read()
    make_tax_codes()
    seller = make_seller()
    listing = make_listing(seller=seller)
    make_mapping(listing=listing)
    nodes = [
        invoice_node(number, seller=seller, lines=[line_node(number, listing=listing)])
        for number in (1, 2)
    ]
    inbox.receive_nodes(nodes=nodes, at=at)
    inbox.process(clock=lambda: at)
    arrive()
    return nodes


def arrive():
    OutboxMessage.objects.update(state=OutboxMessage.State.DELIVERED)
    Invoice.objects.update(state=Invoice.State.POSTED)


def held():
    """All that is kept, as one text."""
    rows = [*InboxMessage.objects.values_list("body", flat=True)]
    rows += OutboxMessage.objects.values_list("payload", flat=True)
    return json.dumps(rows)


def money():
    return list(Invoice.objects.order_by("pk").values_list("gross", "tax", "ship_to_country")), [
        (p["net"], p["tax"], p["gross"], p["lines"])
        for p in OutboxMessage.objects.order_by("pk").values_list("payload", flat=True)
    ]


def test_a_buyer_is_redacted_after_the_set_time_and_the_money_stays(posted, at, settings):
    settings.PERSONAL_DATA_DAYS = 30
    before = money()
    assert all(word in held() for word in BUYER)

    assert personal.redact_old(at=at + timedelta(days=29)) == 0
    assert personal.redact_old(at=at + timedelta(days=31)) == 4

    assert [word for word in BUYER if word in held()] == []
    assert GONE in held()
    assert money() == before
    assert personal.redact_old(at=at + timedelta(days=31)) == 0


def test_an_order_that_has_not_arrived_keeps_its_address_however_old_it_is(posted, at):
    Invoice.objects.filter(legacy_id=2).update(state=Invoice.State.PARKED)
    OutboxMessage.objects.filter(key="invoice-2").update(state=OutboxMessage.State.PENDING)

    personal.redact_old(at=at + timedelta(days=1000))

    assert held().count("1 Sample Street") == 2


def test_the_same_invoice_read_again_does_not_bring_the_buyer_back(posted, at):
    personal.redact_old(at=at + timedelta(days=1000))

    inbox.receive_nodes(nodes=posted, at=at + timedelta(days=1001))

    assert "1 Sample Street" not in held()


def test_one_buyer_is_told_what_is_held(posted, tmp_path):
    file = tmp_path / "ana.jsonl"

    call_command("personal_data", "ana example", "ex1 1aa", out=file)
    told = [json.loads(line) for line in file.read_text().splitlines()]

    assert [one["kind"] for one in told] == ["Invoice"] * 2 + ["document for the ERP"] * 2
    assert all("1 Sample Street" in json.dumps(one) for one in told)


def test_one_buyer_is_erased_and_another_is_not(posted, at, administrator):
    other = dict(posted[0], id="invoice-9", legacyId=9, buyerFirstName="Ben")
    inbox.receive_nodes(nodes=[other], at=at)
    inbox.process(clock=lambda: at)
    arrive()
    order = ("personal_data", "Ana Example", "EX1 1AA", "--erase", "--by", "administrator")

    call_command(*order, "--reason", "Her letter of 1 December")

    assert '"Ana"' not in held()
    assert '"Ben"' in held()
    entry = AuditEntry.objects.filter(action="personal_data_erased").first()
    assert (entry.by, entry.reason) == (administrator, "Her letter of 1 December")
    with pytest.raises(CommandError, match="Nothing is held"):
        call_command(*order, "--reason", "Again")


def test_an_unreadable_word_that_a_later_one_replaced_is_forgotten_too(posted, at, administrator):
    broken = dict(posted[0], lineItems="what is this", updatedAt=at.isoformat())
    later = dict(posted[0], updatedAt=(at + timedelta(minutes=1)).isoformat())
    for node in (broken, later):
        inbox.receive_nodes(nodes=[node], at=at)
        inbox.process(clock=lambda: at)
    assert InboxMessage.objects.filter(state=InboxMessage.State.UNREADABLE).count() == 1
    arrive()

    personal.erase(name="Ana Example", postcode="EX1 1AA", by=administrator, at=at, reason="letter")

    assert [word for word in BUYER if word in held()] == []


def test_an_unreadable_order_is_kept_while_only_other_news_of_it_was_worked(posted, at):
    node = dict(posted[0], lineItems="what is this", updatedAt=at.isoformat())
    inbox.receive_nodes(nodes=[node], at=at)
    inbox.process(clock=lambda: at)
    unreadable = InboxMessage.objects.get(state=InboxMessage.State.UNREADABLE)
    for source, typename in (("HINT", "Invoice"), ("NODE", "InvoiceMoney")):
        InboxMessage.objects.create(
            source=source, identity=f"{source} later", typename=typename, node_id=node["id"],
            body={}, received_at=at, not_before=at, state=InboxMessage.State.DONE,
        )  # fmt: skip

    personal.redact_old(at=at + timedelta(days=1000))

    unreadable.refresh_from_db()
    assert unreadable.body["buyerFirstName"] == "Ana"


def test_nobody_is_erased_whose_order_is_not_in_the_erp_yet(posted, at, administrator):
    Invoice.objects.filter(legacy_id=2).update(state=Invoice.State.QUEUED)
    before = held()

    with pytest.raises(CommandError, match="INV-2"):
        call_command(
            "personal_data", "Ana Example", "EX1 1AA", erase=True, by="administrator", reason="x"
        )

    assert held() == before


def test_an_order_that_has_just_come_is_not_robbed_of_its_address(posted, at, administrator):
    new = dict(posted[0], id="invoice-3", legacyId=3)
    inbox.receive_nodes(nodes=[new], at=at)  # heard, and not mirrored yet
    before = held()

    with pytest.raises(CommandError, match="wait to be worked"):
        call_command(
            "personal_data", "Ana Example", "EX1 1AA", erase=True, by="administrator", reason="x"
        )

    assert held() == before


def test_the_log_never_holds_a_buyer(caplog, at):
    caplog.set_level(logging.DEBUG)
    make_catalogue_read()
    make_tax_codes()
    seller = make_seller()
    listing = make_listing(seller=seller)
    unreadable = invoice_node(3, seller=seller, totalCents="many")

    inbox.receive_nodes(
        nodes=[invoice_node(seller=seller, lines=[line_node(listing=listing)]), unreadable], at=at
    )
    inbox.process(clock=lambda: at)

    logged = [r for r in caplog.records if not r.name.startswith("django.db")]
    assert [w for w in BUYER for r in logged if w in r.getMessage()] == []
