"""What Marketplacer is told: once in effect, waited for, and refused with its own words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, OutboxMessage
from sync.services import deliveries, outbox
from sync.services.outbox import Parcel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marketplacer")]

LANE = OutboxMessage.Lane.MARKETPLACER


def tell(*owners):
    outbox.enqueue(
        parcels=[
            Parcel(
                lane=LANE,
                operation="set_external_id",
                key=owner,
                stream=f"external-id:{owner}",
                reference=owner,
                payload={"owner": owner, "key": "erp_order", "value": "SO-1"},
            )
            for owner in owners
        ],
        at=timezone.now(),
    )


def deliver(after=timedelta(0)):
    return deliveries.deliver(lane=LANE, clock=lambda: timezone.now() + after)


@pytest.fixture
def invoice(sandbox):
    return sandbox.invoice(sandbox.place_orders(1)[0]["invoiceNumbers"][0])


def told(sandbox, invoice):
    return sandbox.invoice(invoice["legacy_id"])["external_ids"]


def test_a_field_error_is_a_case_in_marketplacers_words_and_holds_up_nobody_else(sandbox, invoice):
    tell("no-such-invoice", invoice["id"])

    assert deliver() == 1

    assert told(sandbox, invoice) == {"erp_order": "SO-1"}
    refused = OutboxMessage.objects.get(key="no-such-invoice")
    assert refused.state == "FAILED"
    case = ExceptionCase.objects.get()
    assert case.kind == CaseKind.MARKETPLACER_REJECTED
    assert case.quote


@pytest.mark.parametrize("fault", ["p_500", "p_503", "p_429"])
def test_a_marketplace_that_cannot_answer_is_waited_out(sandbox, invoice, fault):
    tell(invoice["id"])
    sandbox.faults.set({fault: 1.0})

    assert deliver() == 0
    assert OutboxMessage.objects.get().state == "PENDING"
    sandbox.faults.set({fault: 0.0})
    assert deliver(timedelta(minutes=10)) == 1

    assert told(sandbox, invoice) == {"erp_order": "SO-1"}
    assert not ExceptionCase.objects.filter(kind=CaseKind.MARKETPLACER_REJECTED).exists()


def test_an_answer_lost_after_the_commit_leaves_one_number(sandbox, invoice):
    tell(invoice["id"])
    sandbox.faults.set({"p_lost_answer": 1.0, "lost_answer_as": "502"})
    deliver()
    assert told(sandbox, invoice) == {"erp_order": "SO-1"}  # it did arrive; we cannot know
    assert OutboxMessage.objects.get().state == "PENDING"

    sandbox.faults.set({"p_lost_answer": 0.0})
    deliver(timedelta(minutes=10))

    assert told(sandbox, invoice) == {"erp_order": "SO-1"}
    assert OutboxMessage.objects.get().state == "DELIVERED"
