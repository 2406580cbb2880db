"""Each piece reaches Marketplacer exactly once, whatever goes wrong and in whatever order.

The witness is the sandbox: what it holds is compared with what the ERP sent.
"""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.delivery import Throttled, Transient
from sync.models import ErpShipment, ExceptionCase, Feed, Invoice, OutboxMessage, Shipment

pytestmark = pytest.mark.django_db(transaction=True)


def sent_by_the_erp(world, invoice):
    """Units that left by line key."""
    units: dict[str, Decimal] = {}
    for one in world.erp._shipments.values():
        if one.sale.ref == world.ref(invoice) and one.phase.value == "shipped":
            for key, many in one.quantities.items():
                units[key] = units.get(key, Decimal(0)) + many
    return units


def told_there(world, invoice):
    return sorted(world.pieces_there(invoice).values())


def heal(world):
    """Everything answers again, and time passes until nothing waits."""
    world.sandbox.faults.set({"reset": True})
    world.erp.down = False
    world.erp._faults.failures.clear()
    world.erp._faults.lost_answers = 0
    for _ in range(6):
        world.step(minutes=10)
        Feed.objects.update(not_before=None)
        world.hear_erp()
        world.tell()
    world.read_shipments()


def test_two_hundred_orders_with_faults_on_both_sides_are_each_shipped_exactly_once(world):
    world.carriers()
    chance = random.Random(41)
    variants = world.variants(pack=2)
    keys = []
    for number in range(200):
        lines = {
            variants[(number * 7 + n) % len(variants)]: chance.randint(1, 3)
            for n in range(chance.randint(1, 3))
        }
        keys.append(world.place(lines))
    world.step(seconds=1)
    world.hear()
    world.post()
    sold = list(Invoice.objects.filter(marketplacer_id__in=keys).select_related("posting"))
    assert [invoice.state for invoice in sold] == ["POSTED"] * 200

    world.sandbox.faults.set({"p_500": 0.05, "p_503": 0.03, "p_lost_answer": 0.15,
                              "lost_answer_as": "502", "retry_after": 1})  # fmt: skip
    waiting = list(sold)
    while waiting:
        invoice = chance.choice(waiting)
        goods = [x for x in invoice.posting.payload["lines"] if x["kind"] == "goods"]
        if chance.random() < 0.4:  # a part of it, cutting packs in two now and then
            by_sku = {x["sku"]: Decimal(chance.randint(0, 2)) for x in goods}
            if any(by_sku.values()):
                world.erp.ship(world.ref(invoice), by_sku)
        else:
            world.erp.ship(world.ref(invoice))
            waiting.remove(invoice)
        if chance.random() < 0.1:
            world.erp.fail_next(Transient("away"), 2, call="shipments")
        if chance.random() < 0.1:
            world.erp.fail_next(Throttled("slowly", 1.0), call="shipments")
        if chance.random() < 0.12:
            world.hear_erp()
            world.tell()
            world.step(seconds=chance.randint(1, 400))
    heal(world)

    assert world.sandbox.faults.drawn["lost_answer"] > 0
    for invoice in sold:
        assert world.pieces_there(invoice) == world.ordered_there(invoice), invoice
        assert "SENT" in world.there(invoice)["statusFlags"]
        notes = [parcel["note"] for parcel in world.parcels_there(invoice)]
        assert len(notes) == len(set(notes))
    assert Shipment.objects.filter(seen_at=None).count() == 0
    assert not ExceptionCase.objects.filter(state="OPEN").exists()


STEPS = st.sampled_from(
    [
        "ship one",
        "ship all",
        "hear",
        "hear old news",
        "tell",
        "tell, answer lost",
        "tell, refused at the door",
        "the worker dies after sending",
        "the erp is away",
        "track",
        "read",
        "wait",
    ]
)


@given(steps=st.lists(STEPS, max_size=14), pieces=st.integers(1, 4), pack=st.sampled_from([1, 2]))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_in_any_order_of_events_each_piece_is_told_once(world, steps, pieces, pack):
    if not Shipment.objects.exists() and not ErpShipment.objects.exists():
        world.carriers()
    world.sandbox.faults.set({"reset": True})
    variants = world.variants(pack=pack, seller=pack)
    invoice = world.sell({variants[0]: pieces})
    for step in steps:
        play(world, invoice, step)
        assert sum(told_there(world, invoice)) <= pieces
    world.erp.ship(world.ref(invoice))
    heal(world)

    assert told_there(world, invoice) == [pieces]
    assert sum(sent_by_the_erp(world, invoice).values()) == pieces * pack
    ours = Shipment.objects.filter(invoice=invoice)
    assert ours.count() == len(world.parcels_there(invoice))
    assert all(row.seen_at for row in ours)


def play(world, invoice, step):
    goods = [x for x in invoice.posting.payload["lines"] if x["kind"] == "goods"]
    if step == "ship one":
        world.erp.ship(world.ref(invoice), {goods[0]["sku"]: Decimal(1)})
    elif step == "ship all":
        world.erp.ship(world.ref(invoice))
    elif step == "hear":
        world.hear_erp()
    elif step == "hear old news":
        Feed.objects.filter(name="erp_shipments").update(cursor_at=None, not_before=None)
        world.hear_erp()
    elif step == "tell":
        world.tell()
    elif step == "tell, answer lost":
        world.sandbox.faults.set(
            {"lose_next": 1, "lost_answer_as": "502", "only_operation": "shipmentCreate"}
        )
        world.tell()
        world.sandbox.faults.set({"reset": True})
    elif step == "tell, refused at the door":
        world.sandbox.faults.set({"fail_next": 1, "retry_after": 1})
        world.tell()
        world.sandbox.faults.set({"reset": True})
    elif step == "the worker dies after sending":
        die_after_sending(world)
    elif step == "the erp is away":
        world.erp.down = True
        world.hear_erp()
        world.erp.down = False
    elif step == "track":
        track(world, invoice)
    elif step == "read":
        world.read_shipments()
    else:
        world.step(minutes=6)
        Feed.objects.update(not_before=None)


def die_after_sending(world):
    """What arrived is forgotten, as by a worker that was killed before it recorded."""
    before = set(OutboxMessage.objects.filter(state="PENDING").values_list("pk", flat=True))
    world.tell()
    OutboxMessage.objects.filter(
        pk__in=before, state="DELIVERED", operation="create_shipment"
    ).update(
        state="IN_FLIGHT",
        delivered_at=None,
        unrecorded=1,
        lease="00000000-0000-0000-0000-000000000001",
        lease_until=world.at + timedelta(minutes=5),
    )


def track(world, invoice):
    """The warehouse writes tracking numbers onto what left."""
    for one in world.erp._shipments.values():
        if one.sale.ref == world.ref(invoice) and one.phase.value == "shipped" and one.quantities:
            one.boxes = [(f"T{one.ref}-{world.at:%H%M%S%f}", dict(one.quantities))]
            one.touched_at = world.now()


def test_a_second_run_of_everything_sends_nothing(world):
    world.carriers()
    invoice = world.sell({world.variants()[0]: 2})
    world.erp.ship(world.ref(invoice))
    heal(world)
    sent = world.sandbox.log.mutations["shipmentCreate"]

    heal(world)

    assert world.sandbox.log.mutations["shipmentCreate"] == sent == 1
