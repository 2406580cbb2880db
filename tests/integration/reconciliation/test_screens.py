"""Finance at work: an advice, a file, a rule, a payment by hand."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from mkterp.core.models import AuditEntry
from reconciliation.models import (
    BankFile,
    BankLine,
    BankUpload,
    CashMatch,
    MatchingRule,
    MatchRun,
    PayoutMatch,
    Residue,
)
from reconciliation.services import runs
from sync.models import RemittanceAdvice
from tests.integration.reconciliation.conftest import LATER, now, read, settle, trade
from tests.integration.reconciliation.test_settlement import load_bank, load_gateway, rows_of
from tests.sandbox.marketplacer import payouts_files

pytestmark = pytest.mark.django_db


@pytest.fixture
def settled(market, finance):
    """A market with a penny too little in one payment, and a commission that is wrong."""
    trade(market, 30)
    market.release()
    market.plant(kinds=["payout_short_by_a_cent", "commission_wrong"])
    settle(market)
    read()
    load_bank(market, finance)
    load_gateway(market, finance)
    runs.run(at=now() + LATER)
    return market


def page(client, name, *args, **query):
    answer = client.get(reverse(f"reconciliation:{name}", args=args), query, follow=True)
    assert answer.status_code == 200
    return answer.text


def test_an_advice_shows_its_three_columns_and_names_what_is_left_over(settled, finance, client_of):
    client = client_of(finance)
    wrong = Residue.objects.get(cause="COMMISSION_WRONG", cleared_at=None)
    advice = RemittanceAdvice.objects.get(lines__remittance=wrong.remittance)
    listed = page(client, "advices", view="disputed")
    assert str(advice) in listed
    text = page(client, "advice", advice.pk)
    for words in ("By our reckoning", "Advised", "By the bank", "Commission wrong", wrong.sentence):
        assert words in text
    assert f"EX-{wrong.case_id}" in text
    equal = RemittanceAdvice.objects.exclude(
        pk__in=[advice.pk, Residue.objects.get(cause="PAID_SHORT").advice_id]
    ).filter(total_minor__gt=0)
    assert "Zero: expected, remitted and advised agree" in page(client, "advice", equal[0].pk)


def test_lists_cost_the_same_number_of_queries_however_long_they_are(
    settled, finance, client_of, django_assert_max_num_queries
):
    client = client_of(finance)
    for name in ("advices", "residues", "bank-lines", "gateway-lines", "entries", "bank-files"):
        page(client, name)
        with django_assert_max_num_queries(40):
            page(client, name)


def test_drift_is_drawn_in_both_directions_and_said_in_a_table(settled, finance, client_of):
    text = page(client_of(finance), "drift")
    rows = Residue.objects.filter(cleared_at=None)
    assert text.count("<rect") >= 1
    assert "Paid short" in text
    assert "Commission wrong" in text
    one = rows.get(cause="PAID_SHORT")
    alone = page(client_of(finance), "drift", seller=one.seller_id)
    assert f"Drift of {one.seller}" in alone


def test_a_file_is_looked_at_before_it_is_taken_and_taken_once(market, finance, client_of):
    trade(market, 15, refunds=0)
    settle(market)
    read()
    client = client_of(finance)
    body = payouts_files.bank_csv(market.store).encode()

    def send(content):
        file = SimpleUploadedFile("bank.csv", content)
        return client.post(reverse("reconciliation:bank-load"), {"file": file}, follow=True)

    looked = send(body)
    upload = BankUpload.objects.get()
    assert (looked.status_code, BankLine.objects.count()) == (200, 0)
    many = len(market.store.all("BankLine"))
    assert f"Take in {many} line" in looked.text
    taken = client.post(reverse("reconciliation:bank-upload-take", args=[upload.pk]), follow=True)
    assert BankLine.objects.count() == many
    assert f"{many} line" in taken.text
    again = send(body)
    assert (again.status_code, "was taken in already" in again.text) == (422, True)
    assert "The file is empty" in send(b"").text

    # Another export of the same days: its lines are known, only the new one counts.
    more = send(body + b"2026-11-28,BNK99999999,Somebody,Hello,-1.00,GBP\n")
    assert "Take in 1 line" in more.text
    upload = BankUpload.objects.get()
    client.post(reverse("reconciliation:bank-upload-take", args=[upload.pk]))
    assert BankLine.objects.count() == many + 1


def test_a_row_that_cannot_be_read_stops_the_whole_file_and_is_named(finance, client_of):
    client = client_of(finance)
    text = b"Date,Amount,Reference\n2026-11-01,-5.00,RA-1\n31/31/2026,x,RA-2\n"
    file = SimpleUploadedFile("bank.csv", text)
    looked = client.post(reverse("reconciliation:bank-load"), {"file": file}, follow=True)
    upload = BankUpload.objects.get()

    refused = client.post(reverse("reconciliation:bank-upload-take", args=[upload.pk]))

    assert "is no amount" in looked.text
    assert (refused.status_code, "Row 3, Amount" in refused.text) == (422, True)
    assert not BankFile.objects.exists()
    assert not BankLine.objects.exists()


def test_a_rule_is_previewed_over_all_history_and_changes_nothing_until_it_is_set(
    settled, finance, client_of
):
    client = client_of(finance)
    tables = [
        "reconciliation_payoutmatch", "reconciliation_cashmatch", "reconciliation_residue",
        "reconciliation_matchingrule",
    ]  # fmt: skip
    before = rows_of(*tables)
    told = {
        "valid_from": "", "tolerance_minor": 100_000, "bank_tolerance_minor": 1,
        "bank_window_days": 30, "match_by_amount": "on", "grace_days": 3, "reason": "pennies",
    }  # fmt: skip
    where = reverse("reconciliation:matching-rule-set")

    shown = client.post(where, told)

    assert (shown.status_code, "1 new" in shown.text) == (200, True)
    assert "2 would agree" in shown.text
    assert rows_of(*tables) == before
    client.post(where, {**told, "sure": "on"})
    assert MatchingRule.objects.get().bank_tolerance_minor == 1
    runs.run(at=now() + LATER)
    assert not Residue.objects.filter(cleared_at=None).exists()
    assert set(PayoutMatch.objects.values_list("state", flat=True)) == {0, 1}
    assert client.post(where, {**told, "sure": "on"}).status_code == 422
    assert AuditEntry.objects.filter(action="matchingrule.set", by=finance).count() == 1
    assert json.dumps(MatchRun.objects.order_by("-pk").first().counts)


def test_a_payment_is_matched_by_hand_with_a_reason_and_taken_back(settled, finance, client_of):
    client = client_of(finance)
    line = BankLine.objects.create(
        file=BankFile.objects.order_by("pk").first(), account="bank", identity="by hand",
        booked_date=now().date(), amount_minor=-1, currency="GBP", reference="the penny",
    )  # fmt: skip
    short = Residue.objects.get(cause="PAID_SHORT", cleared_at=None)
    where = reverse("reconciliation:advice-match", args=[short.advice_id])
    assert "the penny" in page(client, "advice", short.advice_id)

    client.post(where, {"line": line.pk, "reason": ""})
    assert not CashMatch.objects.filter(bank_line=line).exists()
    client.post(where, {"line": line.pk, "reason": "they paid the rest"})
    runs.run(at=now() + LATER)
    short.refresh_from_db()
    assert short.cleared_at is not None

    match = CashMatch.objects.get(bank_line=line)
    back = reverse("reconciliation:advice-unmatch", args=[short.advice_id])
    client.post(back, {"match": match.pk, "reason": "it was for another one"})
    runs.run(at=now() + LATER)
    assert Residue.objects.filter(cause="PAID_SHORT", cleared_at=None).count() == 1


def test_a_viewer_sees_it_all_and_can_do_none_of_it(settled, viewer, client_of):
    client = client_of(viewer)
    advice = RemittanceAdvice.objects.order_by("pk").first()
    assert "By our reckoning" in page(client, "advice", advice.pk)
    for name, args in (
        ("advice-match", [advice.pk]), ("bank-load", []), ("matching-rule-set", []),
        ("match-now", []), ("advice-book", []),
    ):  # fmt: skip
        assert client.post(reverse(f"reconciliation:{name}", args=args)).status_code == 403
