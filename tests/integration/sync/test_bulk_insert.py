"""Rows that go in as one document are what `bulk_create` would have made of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.forms.models import model_to_dict

from sync.models import InboxMessage, Invoice, Order, OutboxMessage
from sync.services import bulk

pytestmark = pytest.mark.django_db

# To the microsecond, and text of every kind that JSON or an array might bend.
AT = datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC)
ODD = 'a "quoted" \\ back{slash}, 100% of {it}\n\tand Ω 🐚 %s'
BODY = {"text": ODD, "nothing": None, "amount": 0.1, "list": [1, [True, {}]], "empty": ""}


def invoices(prefix):
    order, _ = Order.objects.get_or_create(marketplacer_id="order")
    told, _ = InboxMessage.objects.get_or_create(
        source="NODE", identity="told", body={}, received_at=AT, not_before=AT
    )
    return [
        Invoice(
            marketplacer_id=f"{prefix}-{number}",
            legacy_id=number,
            order=order,
            state=Invoice.State.WAITING,
            seller_name=ODD,
            delivery_type="",
            status_flags=flags,
            placed_at=AT,
            paid_at=None,
            changed_at=AT,
            currency="GBP",
            gross=Decimal("1234567890.01"),
            tax=Decimal("-0.07"),
            content_hash="",
            source=told,
        )
        for number, flags in enumerate([[], ["A"], [ODD[:40], "NULL", "a,b"]])
    ]


def messages():
    return [
        OutboxMessage(
            lane=OutboxMessage.Lane.ERP,
            operation="post",
            key=f"key {number}",
            stream="s",
            reference=ODD,
            payload=payload,
            queued_at=AT,
            not_before=AT,
        )
        for number, payload in enumerate([BODY, {}, {"a": ODD}])
    ]


def stored(model):
    """All columns, the key apart, of each row in the order of the keys."""
    return [model_to_dict(row) for row in model.objects.order_by("pk")]


def test_every_column_comes_back_as_from_bulk_create():
    Invoice.objects.bulk_create(invoices("a"))
    theirs = stored(Invoice)
    Invoice.objects.all().delete()

    bulk.insert(invoices("a"))

    ours = stored(Invoice)
    assert [{**row, "id": 0} for row in ours] == [{**row, "id": 0} for row in theirs]
    flags = list(Invoice.objects.order_by("pk").values_list("status_flags", flat=True))
    assert flags == [[], ["A"], [ODD[:40], "NULL", "a,b"]]
    assert Invoice.objects.order_by("pk").last().placed_at == AT


def test_rows_get_their_own_keys_and_count_as_stored():
    rows = invoices("b")

    bulk.insert(rows)

    assert [Invoice.objects.get(pk=row.pk).marketplacer_id for row in rows] == ["b-0", "b-1", "b-2"]
    rows[0].seller_name = "changed"
    rows[0].save()  # an update: a second insert would break the unique key
    assert Invoice.objects.count() == 3


def test_documents_of_any_shape_come_back_as_they_were():
    bulk.insert(messages())

    held = OutboxMessage.objects.order_by("pk")
    assert [message.payload for message in held] == [BODY, {}, {"a": ODD}]
    assert {message.reference for message in held} == {ODD}


def test_a_row_that_is_there_stays_as_it_is():
    bulk.insert([Order(marketplacer_id="one", legacy_id=1)])

    bulk.insert(
        [Order(marketplacer_id="one", legacy_id=2), Order(marketplacer_id="two", legacy_id=3)],
        ignore_conflicts=True,
    )

    held = Order.objects.order_by("marketplacer_id").values_list("marketplacer_id", "legacy_id")
    assert list(held) == [("one", 1), ("two", 3)]


def test_a_row_that_may_not_be_twice_is_refused_and_none_is_kept():
    bulk.insert([Order(marketplacer_id="one")])

    with pytest.raises(IntegrityError):
        bulk.insert([Order(marketplacer_id="two"), Order(marketplacer_id="one")])


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        bulk.insert([])


def test_a_value_without_a_json_form_is_refused():
    with pytest.raises(TypeError):
        bulk.insert([OutboxMessage(payload={"amount": Decimal("1")}, queued_at=AT)])
