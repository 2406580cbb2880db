"""Cancellations, refunds and returns become the right documents in the ERP, each once."""

from datetime import date
from decimal import Decimal

import pytest

from mapping.models import SkuMapping, TaxCodeMapping
from mkterp.core.errors import Refused
from mkterp.core.money import from_minor
from sync.domain.cases import CaseKind
from sync.domain.documents import OrderPhase, ReturnPhase
from sync.models import (
    Amendment,
    Correction,
    ExceptionCase,
    GoodsReturn,
    Invoice,
    OutboxMessage,
    Refund,
)
from sync.services import cases, orders, outbox, refunds, refunds_goods, refunds_hear, refunds_look

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(world):
    world.carriers()
    return world


def postage_back(cents, words="Postage refund"):
    return {"custom": words, "quantity": 1, "amountPerItemCents": cents, "reason": words}


def open_case(kind):
    return ExceptionCase.objects.get(kind=kind, state=ExceptionCase.State.OPEN)


def the_correction():
    return Correction.objects.select_related("invoice", "closing", "crediting").get()


def sold_and_gone(shop, quantities, **given):
    """An order that was shipped and invoiced."""
    invoice = shop.sell(quantities, **given)
    shop.ship(invoice)
    shop.hear_erp()
    shop.tell()
    shop.book(invoice)
    return invoice


# -- cancellations ---------------------------------------------------------------------------


def test_a_cancellation_before_posting_never_reaches_the_erp(shop):
    invoice = shop.sell_unposted({shop.variants()[0]: 1})
    shop.sandbox.cancel(invoice.legacy_id)

    shop.follow()

    invoice.refresh_from_db()
    assert invoice.state == Invoice.State.CANCELLED
    assert shop.erp.orders == []
    assert the_correction().state == "NOT_NEEDED"


def test_a_cancellation_after_posting_takes_the_order_back_in_the_erp(shop):
    invoice = shop.sell({shop.variants()[0]: 2})
    shop.sandbox.cancel(invoice.legacy_id)

    shop.follow()

    assert shop.order_there(invoice).phase is OrderPhase.CANCELLED
    invoice.refresh_from_db()
    assert invoice.state == Invoice.State.CANCELLED
    assert (the_correction().state, the_correction().kind) == ("DONE", "CANCELLATION")
    assert not ExceptionCase.objects.filter(state="OPEN").exists()
    assert shop.notes(invoice) == []


def test_a_cancellation_whose_answer_was_lost_is_done_once(shop):
    invoice = shop.sell({shop.variants()[0]: 2})
    shop.sandbox.cancel(invoice.legacy_id)
    shop.hear()
    refunds_look.look(clock=shop.now)
    shop.erp.lose_answers(1)
    shop.post()
    shop.step(minutes=10)

    shop.post()

    assert shop.order_there(invoice).phase is OrderPhase.CANCELLED
    assert the_correction().state == "DONE"


def test_a_cancellation_of_picked_goods_waits_for_a_person_and_then_goes(shop, operations):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.erp.pick(shop.ref(invoice))
    shop.sandbox.cancel(invoice.legacy_id)
    shop.follow()

    case = open_case(CaseKind.CANCELLATION_REFUSED)
    assert "picked" in case.quote
    assert case in invoice.cases.all()
    assert the_correction().state == "PARKED"
    for one in shop.erp._shipments.values():
        one.picked = False
    refunds.decide_again(correction=the_correction(), by=operations, at=shop.now())
    shop.follow()

    assert shop.order_there(invoice).phase is OrderPhase.CANCELLED
    assert the_correction().state == "DONE"
    case.refresh_from_db()
    assert case.state == "RESOLVED"
    with pytest.raises(Refused, match="only a parked one"):
        refunds.decide_again(correction=the_correction(), by=operations, at=shop.now())


def test_a_cancelled_financial_record_that_is_invoiced_is_credited_in_full(shop):
    variant = shop.variants(seller=1, fulfilled_by="seller", treatment="agent")[0]
    invoice = shop.sell({variant: 2})
    shop.book(invoice)
    shop.sandbox.cancel(invoice.legacy_id)

    shop.follow()

    (note,) = shop.notes(invoice)
    assert note.gross == -invoice.gross
    assert note.tax == -Decimal(invoice.posting.payload["tax"])
    assert the_correction().state == "DONE"


def test_an_order_that_the_erp_refused_and_that_was_cancelled_then_is_given_up(shop):
    invoice = shop.sell_unposted({shop.variants()[0]: 1})
    shop.erp.reject(invoice.marketplacer_id, "no account")
    shop.post()
    shop.sandbox.cancel(invoice.legacy_id)

    shop.follow()

    invoice.refresh_from_db()
    assert invoice.state == Invoice.State.CANCELLED
    assert not ExceptionCase.objects.filter(state="OPEN").exists()
    assert shop.erp.orders == []


# -- before dispatch ---------------------------------------------------------------------------


def test_pieces_refunded_before_dispatch_come_out_of_the_order(shop):
    first, second = shop.variants()[:2]
    invoice = shop.sell({first: 3, second: 1}, postage=False)
    shop.ask_back(invoice, shop.line_back(invoice, 0, pieces=2))

    shop.follow()

    (withdrawn,) = shop.order_there(invoice).withdrawn.values()
    assert withdrawn == 2
    row = the_correction()
    assert (row.state, row.credit_number) == ("DONE", "")
    assert abs(row.withdrawn_minor - row.amount_minor) <= 2
    shop.ship(invoice)
    shop.book(invoice)
    invoiced = sum(
        d.gross for d in shop.erp.find_documents([invoice.marketplacer_id])[invoice.marketplacer_id]
    )
    back = from_minor(row.withdrawn_minor, "GBP")
    assert invoiced == invoice.gross - back
    assert shop.notes(invoice) == []


def test_a_pack_refunded_before_dispatch_takes_all_its_units_out(shop):
    invoice = shop.sell({shop.variants(pack=3)[0]: 2}, postage=False)
    shop.ask_back(invoice, shop.line_back(invoice, pieces=1))

    shop.follow()

    assert list(shop.order_there(invoice).withdrawn.values()) == [3]


def test_everything_refunded_before_dispatch_cancels_the_order(shop):
    invoice = shop.sell({shop.variants()[0]: 2}, postage=False)
    shop.ask_back(invoice, shop.line_back(invoice, pieces=2))

    shop.follow()

    assert shop.order_there(invoice).phase is OrderPhase.CANCELLED


def test_more_money_than_the_pieces_were_sold_for_is_credited_once_the_order_is_invoiced(shop):
    first, second = shop.variants()[:2]
    invoice = shop.sell({first: 2, second: 1}, postage=False)
    cents = shop.sandbox.store.need("LineItem", shop.there(invoice)["lineNumbers"][0])["totalCents"]
    shop.ask_back(invoice, shop.line_back(invoice, 0, cents=cents // 2), postage_back(100, "Sorry"))
    shop.follow()
    assert "not invoiced" in the_correction().why

    shop.ship(invoice)
    shop.book(invoice)
    shop.follow()

    (note,) = shop.notes(invoice)
    row = the_correction()
    assert row.state == "DONE"
    assert row.withdrawn_minor - note.gross * 100 + row.residue_minor == row.amount_minor
    assert abs(row.residue_minor) <= 2


def test_what_was_credited_before_its_refund_was_known_is_not_credited_twice(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 2})
    shop.ask_back(invoice, shop.line_back(invoice, 0))
    shop.follow()
    by_itself = the_correction()
    # As if the amendment had been followed alone, and the request had been read only now.
    amendment = by_itself.amendment
    Correction.objects.update(key=amendment.marketplacer_id, refund=None, kind="AMENDMENT")
    notes = shop.notes(invoice)

    refunds_hear.heard(invoices=[invoice], at=shop.now())
    shop.follow()

    assert shop.notes(invoice) == notes
    late = Correction.objects.exclude(pk=by_itself.pk).get()
    assert (late.state, late.amendment) == ("NOT_NEEDED", None)
    assert "followed its amendment already" in late.why


def test_an_amendment_that_was_followed_is_not_followed_again_as_a_cancellation(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 2})
    shop.ask_back(invoice, shop.line_back(invoice, 0))
    shop.follow()
    followed = the_correction()
    Amendment.objects.update(kind=Amendment.Kind.CANCELLATION, refund=None)

    refunds_hear.heard(invoices=[invoice], at=shop.now())

    assert Correction.objects.get(amendment=followed.amendment) == followed


# -- after dispatch ----------------------------------------------------------------------------


def test_returned_goods_are_announced_and_the_money_credited_apart(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 3})
    number = shop.ask_back(
        invoice, shop.line_back(invoice, pieces=2, dispatched=True), complete=False
    )
    shop.follow()
    expected = GoodsReturn.objects.get()
    assert (expected.phase, [x["quantity"] for x in expected.lines]) == ("expected", ["2"])
    assert shop.notes(invoice) == []

    shop.pay_back(number)
    shop.follow()

    (note,) = shop.notes(invoice)
    refund = Refund.objects.get()
    assert note.gross == -from_minor(refund.amount_minor, "GBP")
    assert note.reverses
    assert (note.key, note.reference) == (refund.marketplacer_id, f"RF-{refund.legacy_id}")
    shop.erp.receive(expected.erp_ref)
    shop.step(seconds=1)
    refunds_goods.pull(clock=shop.now)
    expected.refresh_from_db()
    assert expected.phase == ReturnPhase.RESTOCKED
    assert expected.received_date is not None
    assert len(shop.notes(invoice)) == 1


def test_a_sellers_own_goods_come_back_to_the_seller_and_only_money_is_booked(shop):
    variant = shop.variants(seller=1, fulfilled_by="seller", treatment="agent")[0]
    invoice = shop.sell({variant: 1})
    shop.book(invoice)
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))

    shop.follow()

    assert not GoodsReturn.objects.exists()
    (note,) = shop.notes(invoice)
    assert note.gross == -from_minor(Refund.objects.get().amount_minor, "GBP")


def test_the_same_refund_heard_many_times_is_one_credit_note(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 2})
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))

    for _ in range(4):
        shop.sandbox.market.touch("Invoice", invoice.legacy_id)
        shop.follow()

    assert len(shop.notes(invoice)) == 1
    assert Correction.objects.count() == 1


def test_a_lost_answer_makes_no_second_credit_note_and_no_second_return(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 2})
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))
    shop.hear_money()
    refunds_look.look(clock=shop.now)
    shop.erp.lose_answers(2)
    for _ in range(6):
        shop.post()
        shop.step(minutes=10)

    assert len(shop.notes(invoice)) == 1
    assert len(shop.erp.returns(shop.at.replace(year=2020), None).rows) == 1
    assert the_correction().state == "DONE"
    assert GoodsReturn.objects.get().phase == "expected"


def test_a_shipping_only_refund_goes_back_on_the_shipping_line_with_its_tax(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    shipping = [x for x in invoice.posting.payload["lines"] if x["kind"] == "shipping"]
    paid = sum(Decimal(x["net"]) + Decimal(x["tax"]) for x in shipping)
    assert paid > 0
    shop.ask_back(invoice, postage_back(int(paid * 100)))

    shop.follow()

    (note,) = shop.notes(invoice)
    assert {line.line_key for line in note.lines} == {x["key"] for x in shipping}
    assert note.gross == -paid
    assert note.tax == -sum(Decimal(x["tax"]) for x in shipping)


def test_everything_back_in_two_refunds_leaves_nothing_of_the_invoice(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 2})
    shop.ask_back(invoice, shop.line_back(invoice, pieces=1, dispatched=True))
    shop.follow()
    lines = [shop.line_back(invoice, pieces=1, dispatched=True)]
    rest = shop.there(invoice)["totalCents"] - Refund.objects.get().amount_minor
    line = shop.sandbox.store.need("LineItem", shop.there(invoice)["lineNumbers"][0])
    each = line["totalCents"] // 2
    lines.append(postage_back(rest - each))
    shop.ask_back(invoice, *lines)

    shop.follow()

    assert sum(note.gross for note in shop.notes(invoice)) == -invoice.gross
    assert sum(note.tax for note in shop.notes(invoice)) == -Decimal(invoice.posting.payload["tax"])


def test_a_sum_other_than_computed_is_what_is_credited(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    number = shop.ask_back(invoice, shop.line_back(invoice, dispatched=True), complete=False)
    request = shop.sandbox.store.need("RefundRequest", number)
    less = sum(item["amountCents"] for item in request["items"]) - 150
    shop.pay_back(number, less)

    shop.follow()

    (note,) = shop.notes(invoice)
    assert note.gross == -from_minor(less, "GBP")


def test_rate_code_and_item_are_the_originals_whatever_changed_since(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 2})
    original = next(x for x in invoice.posting.payload["lines"] if x["kind"] == "goods")
    SkuMapping.objects.all().update(state=SkuMapping.State.RETIRED)
    TaxCodeMapping.objects.update(erp_rate=Decimal("0.05"))
    shop.erp.retire_tax(original["tax_code"])
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))

    shop.follow()

    (note,) = shop.notes(invoice)
    line = note.lines[0]
    assert (line.sku, line.tax_codes) == (original["sku"], (original["tax_code"],))
    assert note.gross == -from_minor(Refund.objects.get().amount_minor, "GBP")


def test_a_refund_is_dated_by_its_completion_or_the_first_open_day(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))
    shop.erp.close_period(date(2026, 11, 1))

    shop.follow()

    row = the_correction()
    assert (row.completed_date, row.credit_date) == (date(2026, 11, 2), date(2026, 12, 1))
    assert shop.notes(invoice)[0].dated == date(2026, 12, 1)


# -- before posting, and what fits nowhere -----------------------------------------------------


def test_a_refund_before_posting_waits_for_the_order_and_then_follows(shop):
    variant = shop.variants()[0]
    SkuMapping.objects.all().update(state=SkuMapping.State.PROPOSED)
    invoice = shop.sell_unposted({variant: 2}, postage=False)
    assert invoice.state == Invoice.State.PARKED
    shop.ask_back(invoice, shop.line_back(invoice, pieces=1))
    shop.follow()
    assert "parked" in the_correction().why

    SkuMapping.objects.all().update(state=SkuMapping.State.CONFIRMED)
    shop.step(minutes=11)
    from_case = open_case(CaseKind.UNMAPPED_SKU)
    orders.recheck_cases(case_pks=[from_case.pk], at=shop.now())
    shop.post()
    shop.follow()

    assert list(shop.order_there(invoice).withdrawn.values()) == [1]
    assert the_correction().state == "DONE"


def test_more_back_than_was_paid_is_a_case_and_books_nothing(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    paid = int(invoice.gross * 100)
    shop.ask_back(invoice, postage_back(paid + 500, "Goodwill"))

    shop.follow()

    case = open_case(CaseKind.OVER_REFUND)
    assert invoice.number in case.cause
    assert (case.at_stake_minor, case.held_orders) == (paid + 500, 0)
    assert case.points_money > 0
    assert shop.notes(invoice) == []
    assert the_correction().state == "PARKED"


def test_the_same_line_refunded_twice_is_credited_once_and_named(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    for _ in range(2):
        shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))

    shop.follow()
    shop.step(minutes=11)
    shop.follow()

    assert len(shop.notes(invoice)) == 1
    assert {row.state for row in Correction.objects.all()} == {"DONE", "PARKED"}
    assert "is left of" in open_case(CaseKind.OVER_REFUND).cause


def test_a_refund_of_a_line_that_was_never_posted_is_a_case(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    payload = invoice.posting.payload
    for line in payload["lines"]:
        if line["kind"] == "goods":
            line["key"] = "another line"
    OutboxMessage.objects.filter(pk=invoice.posting_id).update(payload=payload)
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))

    shop.follow()

    assert "does not hold" in open_case(CaseKind.REFUND_UNPLACED).cause
    assert shop.notes(invoice) == []


def test_a_refused_credit_note_waits_with_the_erps_words_and_goes_after_a_retry(shop, operations):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))
    for month in (11, 12):
        shop.erp.close_period(date(2026, month, 1))
    for month in range(1, 13):
        shop.erp.close_period(date(2027, month, 1))
    shop.follow()
    case = open_case(CaseKind.CREDIT_REFUSED)
    assert "No accounting period is open" in case.quote
    assert case in invoice.cases.all()

    shop.erp.reopen_period(date(2026, 12, 1))
    row = the_correction()
    outbox.retry(message=row.crediting, by=operations, at=shop.now())
    shop.post()

    assert the_correction().state == "DONE"
    assert the_correction().credit_date == date(2026, 12, 1)
    case.refresh_from_db()
    assert case.state == "RESOLVED"


def test_a_person_may_dismiss_what_was_booked_by_hand(shop, controller):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    shop.ask_back(invoice, postage_back(int(invoice.gross * 100) + 500, "Goodwill"))
    shop.follow()

    cases.dismiss(
        case=open_case(CaseKind.OVER_REFUND), by=controller, at=shop.now(), reason="By hand."
    )
    shop.follow()

    assert the_correction().state == "PARKED"
    assert not ExceptionCase.objects.filter(state="OPEN").exists()
    assert shop.notes(invoice) == []


def test_the_far_side_down_only_delays(shop):
    invoice = sold_and_gone(shop, {shop.variants()[0]: 1})
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True))
    shop.hear_money()
    shop.erp.down = True
    refunds_look.look(clock=shop.now)
    assert the_correction().state == "WAITING"
    shop.erp.down = False

    shop.follow()

    assert the_correction().state == "DONE"
