"""A market's settlement reconciled: equal where it is equal, named where somebody planted drift."""

from datetime import timedelta

import pytest
from django.db import connection

from reconciliation.models import (
    BankLine,
    CashMatch,
    GatewayLine,
    MatchingRule,
    MatchRun,
    PayoutMatch,
    Residue,
    SellerPeriod,
)
from reconciliation.selectors import settlement as selectors
from reconciliation.services import bank, runs
from sync.models import ExceptionCase, InboxMessage, Invoice, Remittance, RemittanceAdvice
from sync.services import payouts
from tests.integration.reconciliation.conftest import LATER, now, read, settle, trade
from tests.sandbox.marketplacer import payouts_files

pytestmark = pytest.mark.django_db

# What a run calls the mistakes that the sandbox can plant.
CAUSES = {
    "commission_wrong": "COMMISSION_WRONG",
    "postage_missing": "POSTAGE_MISSING",
    "tax_withheld": "TAX_WITHHELD",
    "refund_not_deducted": "REFUND_NOT_DEDUCTED",
    "sale_not_remitted": "SALE_NOT_REMITTED",
    "wrong_seller": "WRONG_SELLER",
    "duplicate_remittance": "DUPLICATE_REMITTANCE",
    "unknown_invoice": "UNKNOWN_INVOICE",
    "advice_total_wrong": "ADVICE_TOTAL_WRONG",
    "advice_without_remittance": "ADVICE_WITHOUT_REMITTANCE",
    "remittance_on_two_advices": "ADVISED_TWICE",
    "advice_paid_twice": "PAID_TWICE",
    "payout_short_by_a_cent": "PAID_SHORT",
    "customer_payment_missing": "CUSTOMER_PAYMENT_MISSING",
}


def load_bank(market, person, *, form="csv"):
    body = (
        payouts_files.bank_csv(market.store)
        if form == "csv"
        else payouts_files.bank_camt(market.store, int(form))
    )
    upload = bank.upload(name=f"statement.{form}", body=body.encode(), by=person, at=now())
    return bank.take(upload=upload, by=person, at=now())


def load_gateway(market, person):
    body = payouts_files.gateway_csv(market.store).encode()
    upload = bank.upload(name="gateway.csv", body=body, by=person, at=now())
    return bank.take(upload=upload, by=person, at=now())


def reconcile(market, person, **how):
    settle(market, **how)
    read()
    load_bank(market, person)
    load_gateway(market, person)
    return runs.run(at=now() + LATER)


def standing():
    return Residue.objects.filter(cleared_at=None)


def rows_of(*tables):
    found = []
    for table in tables:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT t.xmin::text, t.* FROM {table} t ORDER BY 2")
            found.append(cursor.fetchall())
    return found


def test_a_market_without_mistakes_leaves_nothing_over(market, finance):
    trade(market, 60)

    reconcile(market, finance, split_above=30_000)

    assert list(standing().values_list("cause", "sentence")) == []
    assert PayoutMatch.objects.count() == Remittance.objects.count() > 60
    assert set(PayoutMatch.objects.values_list("state", flat=True)) == {0}
    paid = set(CashMatch.objects.values_list("advice", flat=True))
    assert paid == set(
        RemittanceAdvice.objects.filter(total_minor__gt=0).values_list("pk", flat=True)
    )
    assert {period.residue_minor for period in SellerPeriod.objects.all()} == {0}


def test_every_planted_mistake_is_found_with_its_cause_and_nothing_else(market, finance):
    trade(market, 110)
    market.release()
    market.plant(kinds=sorted(CAUSES), each=1)

    reconcile(market, finance)

    planted = {(CAUSES[row["drift"]], row["amountCents"]) for row in market.planted()}
    assert {row["drift"] for row in market.planted()} == set(CAUSES)
    found = standing().values_list("cause", "amount_minor")
    # Paid to the wrong seller shows at both: too much here, too little there.
    wrong = {row for row in found if row[0] == "WRONG_SELLER" and row[1] < 0}
    assert set(found) - wrong == planted
    assert len(found) == len(CAUSES) + 1
    # The rail says as many as the list shows.
    disputed = selectors.advices().filter(stage="DISPUTED").count()
    assert selectors.disputed_advices().count() == disputed > 0


def test_a_difference_opens_one_case_for_cause_and_seller_and_closes_it(market, finance):
    trade(market, 40)
    market.release()
    market.plant(kinds=["sale_not_remitted", "advice_paid_twice"], each=2)
    reconcile(market, finance)

    held = ExceptionCase.objects.filter(state="OPEN", key__startswith="settlement:")
    about = {(row.cause, row.seller_id) for row in standing()}
    assert {row.case_id for row in standing()} == set(held.values_list("pk", flat=True))
    assert held.count() == len(about) > 1
    # Each is worth what stands under it, without signs, though it holds up no order.
    for case in held:
        under = sum(abs(row.amount_minor) for row in standing().filter(case=case))
        assert (case.at_stake_minor, case.at_stake_currency) == (under, "GBP")
        assert case.points_money > 0 == case.held_orders
    before = list(held.values_list("pk", "occurrences", "at_stake_minor"))
    held.update(at_stake_minor=0, at_stake_currency="")  # opened before sums were kept
    runs.run(at=now() + LATER, whole=True)
    assert list(held.values_list("pk", "occurrences", "at_stake_minor")) == before

    MatchingRule.objects.create(grace_days=400, reason="wait", set_at=now())
    runs.run(at=now() + LATER)

    assert not held.filter(kind="REMITTANCE_MISSING").exists()
    gone = ExceptionCase.objects.filter(state="RESOLVED", kind="REMITTANCE_MISSING")
    for case in gone:
        assert case.proof["differences left"] == "0"
        assert case.proof["expected"].endswith(" GBP")
    assert held.filter(kind="PAYMENT_DIFFERS").exists()


def test_running_twice_changes_nothing_but_the_record_of_the_run(market, finance):
    trade(market, 40)
    market.plant(kinds=["postage_missing", "advice_paid_twice"])
    reconcile(market, finance)
    tables = [
        "reconciliation_payoutmatch", "reconciliation_residue", "reconciliation_cashmatch",
        "reconciliation_expectation", "reconciliation_sellerperiod",
    ]  # fmt: skip
    before = rows_of(*tables)

    runs.run(at=now() + LATER)
    runs.run(at=now() + LATER, whole=True)

    assert rows_of(*tables) == before
    assert MatchRun.objects.count() == 3


def test_what_changes_later_is_matched_without_touching_the_rest(market, finance):
    trade(market, 30, refunds=0)
    reconcile(market, finance)
    old = dict(PayoutMatch.objects.values_list("pk", "expectation"))
    trade(market, 5, refunds=0, plain=True)
    settle(market)
    read()

    run = runs.run(at=now() + LATER)

    assert run.since is not None
    new = PayoutMatch.objects.exclude(pk__in=old).count()
    assert run.counts["pairs written"] == new > 0
    assert old.items() <= dict(PayoutMatch.objects.values_list("pk", "expectation")).items()


def test_a_difference_that_is_put_right_is_cleared_and_keeps_its_history(market, finance):
    trade(market, 40)
    market.plant(kinds=["commission_wrong"])
    reconcile(market, finance)
    (plant,) = market.planted()
    wrong = market.store.need("Remittance", plant["remittance"])

    market.store.change(
        "Remittance",
        wrong["number"],
        amountCents=wrong["amountCents"] - plant["amountCents"],
        commissionAmountCents=wrong["commissionAmountCents"] + plant["amountCents"],
    )
    advice = market.store.need("RemittanceAdvice", wrong["adviceNumber"])
    market.store.change(
        "RemittanceAdvice",
        advice["number"],
        totalCents=advice["totalCents"] - plant["amountCents"],
    )
    market.market.touch("RemittanceAdvice", advice["number"])
    read()
    runs.run(at=now() + LATER)

    row = Residue.objects.get(cause="COMMISSION_WRONG")
    assert row.cleared_at is not None
    assert row.case is not None
    proof = row.case.proof
    assert (row.case.state, proof["differences left"]) == ("RESOLVED", "0")
    assert proof["expected"] == proof["remitted"] != ""
    assert [r.cause for r in standing()] in (["PAID_OVER"], ["PAID_SHORT"])


def test_a_run_that_is_cut_off_leaves_the_old_result(market, finance, monkeypatch):
    trade(market, 20)
    reconcile(market, finance)
    before = rows_of("reconciliation_payoutmatch", "reconciliation_residue")
    Remittance.objects.update(amount_minor=1, touched_at=now() + LATER)
    monkeypatch.setattr(runs, "_sum_up", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        runs.run(at=now() + LATER)

    assert rows_of("reconciliation_payoutmatch", "reconciliation_residue") == before


@pytest.mark.parametrize("form", ["csv", "2", "8"])
def test_every_form_of_statement_pays_the_same_advices(market, finance, form):
    trade(market, 20, refunds=0)
    settle(market)
    read()

    file = load_bank(market, finance, form=form)
    runs.run(at=now())

    assert file.lines_new == len(market.store.all("BankLine"))
    advices = RemittanceAdvice.objects.filter(total_minor__gt=0).count()
    assert CashMatch.objects.values("advice").distinct().count() == advices


def test_a_payout_in_parts_agrees_and_a_statement_loaded_twice_is_one_difference(market, finance):
    trade(market, 20, refunds=0)
    reconcile(market, finance)
    payout = BankLine.objects.filter(reference__startswith="PO-").earliest("pk")
    whole = payout.amount_minor
    BankLine.objects.filter(pk=payout.pk).update(amount_minor=whole - 1_00)
    payout.pk, payout.identity, payout.amount_minor = None, "the rest of it", 1_00
    payout.save()

    runs.run(at=now() + LATER)
    assert not standing().filter(cause="GATEWAY_PAYOUT_WRONG").exists()

    BankLine.objects.filter(pk=payout.pk).update(amount_minor=whole - 1_00)
    for _ in range(2):
        runs.run(at=now() + LATER)
    (twice,) = standing().filter(cause="GATEWAY_PAYOUT_WRONG")
    assert twice.amount_minor == whole - 2_00


def test_money_in_another_currency_pays_no_order(market, finance):
    trade(market, 20, refunds=0)
    reconcile(market, finance)
    line = GatewayLine.objects.filter(kind="PAYMENT").earliest("pk")
    GatewayLine.objects.filter(pk=line.pk).update(currency="EUR")

    runs.run(at=now() + LATER)

    missing = standing().get(cause="CUSTOMER_PAYMENT_MISSING")
    assert line.invoice.number in missing.sentence


def test_an_older_reading_that_is_worked_late_takes_nothing_back(market, finance):
    trade(market, 5, refunds=0)
    reconcile(market, finance)
    newest = InboxMessage.objects.filter(typename="RemittanceAdvice").latest("pk")
    advice = RemittanceAdvice.objects.get(marketplacer_id=newest.node_id)
    old = InboxMessage.objects.create(
        source="NODE", identity="older", typename="RemittanceAdvice", node_id=newest.node_id,
        body=newest.body | {"totalCents": 1}, received_at=newest.received_at - LATER,
        not_before=newest.not_before,
    )  # fmt: skip

    payouts.process(clock=now)

    old.refresh_from_db()
    assert (old.state, old.note) == ("IGNORED", "older than what we hold")
    assert RemittanceAdvice.objects.get(pk=advice.pk).total_minor == advice.total_minor > 1


def test_a_webhook_that_came_meanwhile_hides_no_reading(market, finance):
    trade(market, 5, refunds=0)
    reconcile(market, finance)
    newest = InboxMessage.objects.filter(typename="RemittanceAdvice").latest("pk")
    facts = {"typename": newest.typename, "node_id": newest.node_id, "not_before": now()}
    second = timedelta(seconds=1)
    InboxMessage.objects.create(
        source="HINT", identity="a webhook", body={}, state="DONE",
        received_at=newest.received_at + 2 * second, **facts,
    )  # fmt: skip
    reading = InboxMessage.objects.create(
        source="NODE", identity="read before it", body=newest.body | {"totalCents": 7},
        received_at=newest.received_at + second, **facts,
    )  # fmt: skip

    payouts.process(clock=lambda: now() + LATER)

    reading.refresh_from_db()
    assert (reading.state, reading.note) == ("DONE", "")
    assert RemittanceAdvice.objects.get(marketplacer_id=newest.node_id).total_minor == 7


def test_without_a_statement_nothing_is_called_unpaid(market, finance):
    trade(market, 20)
    settle(market)
    read()

    runs.run(at=now() + LATER)

    assert not standing().filter(level=Residue.Level.BANK).exists()
    assert Invoice.objects.exists()
