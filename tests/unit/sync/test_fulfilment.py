"""What left the house, as Marketplacer is told of it: whole pieces, each once."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.documents import Parcel, Shipment, ShipmentPhase, ShippedLine
from sync.domain.fulfilment import (
    HeldShipment,
    InvoiceShipments,
    SoldLine,
    carrier_key,
    collect_steps,
    dispatch_moment,
    find_told,
    plan_shipment,
)

SHIRT = SoldLine("line-1", "SHIRT", 3, Decimal(1))
SOCKS = SoldLine("line-2", "SOCKS", 2, Decimal(3))  # sold in packs of three


def left(quantity, *, sku="SHIRT", key="line-1"):
    return ShippedLine(sku, Decimal(quantity), key)


def shipment(*lines, parcels=(), tracking=(), phase=ShipmentPhase.SHIPPED):
    return Shipment(
        ref="9",
        number="SH9",
        order_ref="1",
        state="done",
        shipped_on=date(2026, 11, 30),
        lines=lines,
        carrier="DPD",
        tracking=tracking,
        modified_at=None,
        phase=phase,
        order_key="invoice-1",
        parcels=parcels,
    )


def plan(one, *, sold=(SHIRT, SOCKS), units=None, told=None):
    return plan_shipment(one, sold, units_before=units or {}, told_before=told or {})


def test_what_left_is_told_by_line_and_piece():
    found = plan(shipment(left(2), tracking=("1550",)))

    assert [(p.number, p.tracking, p.pieces) for p in found.parcels] == [
        ("", "1550", {"line-1": 2})
    ]
    assert found.problems == ()


def test_each_parcel_is_a_shipment_and_what_lies_in_none_goes_by_itself():
    boxes = (Parcel("P1", "1550", (left(1),)), Parcel("P2", "", (left(1),)))

    found = plan(shipment(left(3), parcels=boxes, tracking=("1550",)))

    assert [(p.number, p.tracking, p.pieces) for p in found.parcels] == [
        ("P1", "1550", {"line-1": 1}),
        ("P2", "", {"line-1": 1}),
        ("", "", {"line-1": 1}),
    ]


def test_a_pack_is_told_by_the_parcel_that_completes_it():
    first = plan(shipment(left(2, sku="SOCKS", key="line-2")))
    assert (first.parcels, first.problems) == ((), ())

    second = plan(shipment(left(2, sku="SOCKS", key="line-2")), units=first.units)

    assert [p.pieces for p in second.parcels] == [{"line-2": 1}]


def test_a_line_that_the_warehouse_made_goes_to_a_line_of_its_item():
    assert plan(shipment(left(1, key=""))).parcels[0].pieces == {"line-1": 1}


def test_what_the_order_does_not_hold_is_named_and_the_rest_is_told():
    found = plan(shipment(left(1), left(1, sku="MUG", key="")))

    assert [p.pieces for p in found.parcels] == [{"line-1": 1}]
    assert found.problems == ("1 of MUG, which the order does not hold",)


def test_more_than_was_ordered_is_named_and_never_told():
    found = plan(shipment(left(5)))

    assert [p.pieces for p in found.parcels] == [{"line-1": 3}]
    assert found.problems == ("2 of SHIRT, more than was ordered",)


def test_only_what_has_left_is_planned():
    with pytest.raises(ValueError, match="has not left"):
        plan(shipment(left(1), phase=ShipmentPhase.OPEN))


@given(st.data())
def test_in_any_order_of_shipments_each_piece_is_told_once_and_none_is_lost(data):
    pieces = data.draw(st.integers(1, 6), "pieces")
    pack = data.draw(st.integers(1, 4), "pack")
    sold = SoldLine("line-1", "SHIRT", pieces, Decimal(pack))
    units = pieces * pack
    cuts = sorted(data.draw(st.lists(st.integers(0, units), max_size=5), "cuts"))
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, units], strict=True) if b > a]
    order = data.draw(st.permutations(parts), "order")
    before, told = {}, {}
    for part in order:
        found = plan(shipment(left(part)), sold=[sold], units=before, told=told)
        assert found.problems == ()
        before = {"line-1": before.get("line-1", Decimal(0)) + found.units["line-1"]}
        for parcel in found.parcels:
            told["line-1"] = told.get("line-1", 0) + parcel.pieces["line-1"]
    assert told == {"line-1": pieces}


@pytest.mark.parametrize(
    ("name", "key"), [("DPD", "dpd"), ("Royal  Mail®", "royalmail"), (None, ""), ("D.P.D. ", "dpd")]
)
def test_carriers_are_compared_by_letters_and_digits(name, key):
    assert carrier_key(name) == key


def test_goods_leave_at_noon_but_never_before_the_order_nor_after_now():
    placed = datetime(2026, 11, 30, 15, tzinfo=UTC)
    now = datetime(2026, 12, 1, 9, tzinfo=UTC)

    assert dispatch_moment(date(2026, 11, 29), placed, now, UTC) == placed
    assert dispatch_moment(date(2026, 12, 5), placed, now, UTC) == now
    assert dispatch_moment(date(2026, 12, 1), placed, now, UTC) == now
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert dispatch_moment(date(2026, 12, 1), placed, now.replace(day=3), UTC) == noon


@pytest.mark.parametrize(
    ("ready", "gone", "flags", "steps"),
    [
        ({}, {}, set(), []),
        ({"line-1": 3}, {}, set(), ["READY"]),
        ({"line-1": 2}, {}, set(), []),
        ({"line-1": 1}, {"line-1": 2}, set(), ["READY"]),
        ({}, {"line-1": 3}, set(), ["READY", "COLLECTED"]),
        ({}, {"line-1": 3}, {"READY"}, ["COLLECTED"]),
        ({}, {"line-1": 3}, {"READY", "COLLECTED"}, []),
        ({}, {"line-1": 3}, {"CANCELLED"}, []),
    ],
)
def test_an_order_to_be_collected_moves_as_far_as_its_goods(ready, gone, flags, steps):
    found = collect_steps([SHIRT], ready=ready, gone=gone, withdrawn={}, flags=flags)

    assert found == steps


def test_what_was_withdrawn_is_not_waited_for():
    found = collect_steps(
        [SHIRT],
        ready={},
        gone={"line-1": Decimal(2)},
        withdrawn={"line-1": Decimal(1)},
        flags=set(),
    )
    assert found == ["READY", "COLLECTED"]
    everything = {"line-1": Decimal(3)}
    assert collect_steps([SHIRT], ready={}, gone={}, withdrawn=everything, flags=set()) == []


def held(number, *, note="", tracking="1550", pieces=None):
    moment = datetime(2026, 11, 30, tzinfo=UTC)
    return HeldShipment(
        f"s-{number}", number, "DPD", tracking, moment, note, pieces or {"line-1": 1}
    )


def there(*shipments):
    return InvoiceShipments("invoice-1", "BUY_ONLINE", frozenset(), {"line-1": 3}, shipments)


def test_a_shipment_is_known_by_our_key_in_its_note():
    wanted = {"key": "mkterp:9:-", "tracking": "1550", "pieces": {"line-1": 1}}
    other = held(1, note="SH8 [mkterp:8:-]")
    mine = held(2, note="SH9 [mkterp:9:-]", tracking="changed since")

    assert find_told(there(other, mine), wanted) == mine
    assert find_told(there(other), wanted) is None
    assert there(other, mine).left("line-1") == 1


def test_without_notes_the_same_tracking_number_and_pieces_are_the_same_parcel():
    wanted = {"key": "mkterp:9:-", "tracking": "1550", "pieces": {"line-1": 1}}

    assert find_told(there(held(1)), wanted) == held(1)
    assert find_told(there(held(1, tracking="1551")), wanted) is None
    assert find_told(there(held(1)), {**wanted, "placeholder": True}) is None
    assert find_told(there(held(1)), {"key": "mkterp:9:-", "tracking": "1550"}) is None
