"""A month is closed on facts: refused while one breaks, suspended when one breaks later, locked."""

import hashlib
import io
import json
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod
from reconciliation.models import (
    CloseSignOff,
    CompletenessStatement,
    DifferenceRule,
    Discrepancy,
    Journal,
    Residue,
    TaxAdjustment,
)
from reconciliation.selectors import board, facts
from reconciliation.services import adjustments, calendar, close, completeness, evidence
from sync.domain.cases import CaseKind
from sync.models import (
    AccountBalance,
    Correction,
    DaySweep,
    ErpDocument,
    ExceptionCase,
    Invoice,
    LateChoice,
    LedgerDocument,
    Notice,
    SweptOrder,
)
from sync.services import books, cases, orders
from sync.services.cases import Cause
from tests.integration.reconciliation.pennies import charge_otherwise, look, sold


@pytest.fixture
def november(shop, monkeypatch):
    """One order that agrees, in November; it is the third of December now."""
    monkeypatch.setattr(timezone, "now", shop.now)
    shop.invoice = shop.sell({shop.codes[0]: 1})
    shop.book(shop.invoice)
    allow_pennies(shop)
    shop.step(days=31)
    prove(shop)
    return AccountingPeriod.objects.get(name="Nov 2026")


def allow_pennies(world):
    """Finance allow what stands on the clearing account."""
    DifferenceRule.objects.create(
        about="CLEARING", currency="GBP", base_minor=100, reason="agreed", set_at=world.now()
    )


def prove(world):
    """All that runs by itself."""
    world.hear()
    look(world)
    calendar.extend(at=world.now())
    completeness.sweep(clock=world.now)


def broken(period, world):
    found = facts.findings(period, world.now())
    return {code: one.words for code, one in found.items() if not one.holds}


def sign_all(period, world, by):
    for fact in facts.FACTS:
        close.sign(period=period, fact=fact.code, by=by, at=world.now())


def test_a_month_is_signed_closed_and_locked_and_a_late_order_waits_for_a_choice(
    november,
    shop,
    finance,
    controller,
):
    assert broken(november, shop) == {}
    with pytest.raises(Refused, match="Not signed"):
        close.close(period=november, by=controller, at=shop.now())
    sign_all(november, shop, finance)
    close.close(period=november, by=controller, at=shop.now())

    late = Invoice.objects.get(pk=shop.invoice.pk)
    Invoice.objects.filter(pk=late.pk).update(state="PARKED", posting=None)
    shop.step(seconds=1)
    orders.decide_again(pks=[late.pk], at=shop.now())
    late.refresh_from_db()
    assert late.state == "PARKED"
    assert late.cases.filter(kind="LATE_ORDER", state="OPEN").exists()
    assert [one.pk for one in close.late_orders(november)] == [late.pk]
    assert close.watch(clock=shop.now) >= 1

    close.post_next(invoice=late, by=finance, at=shop.now(), reason="came on Monday")

    late.refresh_from_db()
    assert late.state == "QUEUED"
    assert LateChoice.objects.get().choice == "NEXT"
    assert ExceptionCase.objects.get(kind="LATE_ORDER").state == "RESOLVED"


def test_the_close_refuses_while_a_fact_breaks_and_says_which(november, shop, finance, controller):
    charge_otherwise(shop.invoice, -1)
    look(shop)

    with pytest.raises(Refused, match="waits for approval"):
        close.sign(period=november, fact="adjustments", by=finance, at=shop.now())
    with pytest.raises(Refused, match="do not hold"):
        close.close(period=november, by=controller, at=shop.now())
    assert not CloseSignOff.objects.exists()


def test_a_fact_that_breaks_opens_the_list_of_what_blocks_it_and_nothing_else(
    november,
    shop,
    finance,
    client_of,
):
    charge_otherwise(shop.invoice, -1)
    look(shop)
    row = TaxAdjustment.objects.get()
    blocks = facts.findings(november, shop.now())["adjustments"]

    shown = client_of(finance).get(blocks.url).content.decode()

    assert (blocks.count, blocks.words) == (1, "1 tax adjustment waits for approval.")
    assert f'id="row-{row.pk}"' in shown
    adjustments.reject(adjustment=row, by=finance, at=shop.now(), reason="no")
    assert f'id="row-{row.pk}"' not in client_of(finance).get(blocks.url).content.decode()


def test_every_fact_of_the_board_opens_what_it_counts_of_its_own_period(
    november, shop, finance, client_of
):
    """Each has one of its own in another month, which its list must not show."""
    client = client_of(finance)
    second = sold(shop)  # in December
    assert second.placed_at > shop.invoice.placed_at

    def listed(code, *, now, later):
        found = facts.findings(november, shop.now())[code]
        rows = [row.row for row in client.get(found.url).context["page"].rows]
        assert (found.count, rows, later in rows) == (1, [now], False), (code, found.url)

    Invoice.objects.update(state=Invoice.State.PARKED)
    listed("posted", now=shop.invoice, later=second)
    Invoice.objects.update(state=Invoice.State.POSTED)
    ErpDocument.objects.update(booked_at=None)
    listed("booked", now=shop.invoice, later=second)

    touching = {}
    for invoice in (shop.invoice, second):
        cause = Cause(CaseKind.ERP_REJECTED, f"refused-{invoice.pk}", "Refused.")
        touching[invoice] = cases.open_case(cause=cause, at=shop.now())
        cases.hold(invoice=invoice, case=touching[invoice])
    listed("exceptions", now=touching[shop.invoice], later=touching[second])

    for number, day in enumerate((november.end, november.end + timedelta(days=1))):
        Residue.objects.create(
            key=f"r{number}", level="PAYOUT", cause="ROUNDING", day=day, currency="GBP",
            amount_minor=5, sentence="Five pence.", found_at=shop.now(),
        )  # fmt: skip
    one, other = Residue.objects.order_by("day")
    listed("residues", now=one, later=other)


def test_what_differs_in_another_month_is_not_in_the_list_that_the_fact_opens(
    november, shop, finance, client_of
):
    line = shop.invoice.lines.order_by("position").first()
    charge_otherwise(shop.invoice, -int(line.tax * 100))
    look(shop)
    mine = Discrepancy.objects.get(cleared_at=None, allowed=False)
    mine.pk, mine.line_key, mine.day = None, "another", november.end + timedelta(days=3)
    mine.save()

    url = facts.findings(november, shop.now())["differences"].url
    rows = client_of(finance).get(url).context["page"].rows

    assert [row.row.day <= november.end for row in rows] == [True]


def test_late_orders_lead_to_their_list_below(november, shop, finance, client_of):
    cause = Cause(CaseKind.LATE_ORDER, "late", "Came late.")
    cases.hold(invoice=shop.invoice, case=cases.open_case(cause=cause, at=shop.now()))

    url = facts.findings(november, shop.now())["late"].url
    page, _, place = url.partition("#")

    assert f'id="{place}"' in client_of(finance).get(page).text


def test_all_rounding_of_one_day_is_found_summed_selected_and_approved_at_once(
    november, shop, finance, client_of
):
    charge_otherwise(shop.invoice, -1)
    look(shop)
    first = TaxAdjustment.objects.get()
    kept = {
        field.name: getattr(first, field.name)
        for field in TaxAdjustment._meta.concrete_fields
        if field.name not in ("id", "invoice", "tax_code")
    }
    other_day = {**kept, "day": first.day - timedelta(days=1)}
    TaxAdjustment.objects.bulk_create(
        [TaxAdjustment(**kept, tax_code=f"R{n}") for n in range(60)]
        + [TaxAdjustment(**{**kept, "cause": "BASIS"}, tax_code="B")]
        + [TaxAdjustment(**other_day, tax_code="D")]
    )
    client, address = client_of(finance), reverse("reconciliation:adjustments")

    groups = client.get(address).context["page"].extra["groups"]
    assert [(g["day"], g["cause"], g["many"], g["difference"]) for g in groups] == [
        (first.day, "BASIS", 1, 1),
        (first.day, "ROUNDING", 61, 61),
        (other_day["day"], "ROUNDING", 1, 1),
    ]
    page = client.get(groups[1]["url"]).context["page"]
    assert (page.count_text, len(page.rows)) == ("61", 50)
    assert [g["shown"] for g in page.extra["groups"]] == [False, True, False]
    asked = {"all": "1", "expect": "61", "confirmed": "1", "next": groups[1]["url"]}
    client.post(reverse("reconciliation:adjustment-approve"), asked)

    left = TaxAdjustment.objects.filter(state="PREPARED")
    assert {(row.day, row.cause) for row in left} == {
        (first.day, "BASIS"),
        (other_day["day"], "ROUNDING"),
    }
    assert Journal.objects.get().lines.count() > 0


def test_a_sign_off_suspends_itself_when_its_fact_breaks_later(november, shop, finance):
    sign_all(november, shop, finance)
    assert close.watch(clock=shop.now) == 0
    charge_otherwise(shop.invoice, -1)
    look(shop)

    assert close.watch(clock=shop.now) == 1

    row = CloseSignOff.objects.get(suspended_at__isnull=False)
    assert (row.fact, "waits for approval" in row.suspended_because) == ("adjustments", True)
    states = {s.rule.code: s.state for s in board.board(november, at=shop.now()).steps}
    assert states["adjustments"] == "broken"
    notice = Notice.objects.get(topic="CLOSE")
    assert (notice.severity, notice.path) == (3, f"/close/{november.pk}/")
    assert "is suspended" in notice.sentence


def test_reopening_needs_a_reason_and_suspends_every_sign_off(november, shop, finance, controller):
    sign_all(november, shop, finance)
    close.close(period=november, by=controller, at=shop.now())
    with pytest.raises(Refused, match="Say why"):
        close.reopen(period=november, by=controller, at=shop.now(), reason=" ")

    close.reopen(period=november, by=controller, at=shop.now(), reason="a late credit note")

    november.refresh_from_db()
    assert november.state == "OPEN"
    assert not CloseSignOff.objects.filter(suspended_at=None).exists()


def test_a_closed_month_that_is_open_in_the_erp_is_red_on_the_board(
    november,
    shop,
    finance,
    controller,
):
    sign_all(november, shop, finance)
    close.close(period=november, by=controller, at=shop.now())
    november.refresh_from_db()
    assert "open in the ERP" in board.board(november, at=shop.now()).disagreement
    shop.erp.close_period(november.start)
    books.read(clock=shop.now)

    assert board.board(november, at=shop.now()).disagreement == ""


def test_every_order_is_somewhere_and_one_the_erp_lost_is_a_gap(november, shop):
    statement = CompletenessStatement.objects.get(orders=1)
    assert (statement.booked, statement.gaps) == (1, 0)
    assert statement.orders_minor == statement.booked_minor
    SweptOrder.objects.filter(marketplacer_id=shop.invoice.marketplacer_id).update(erp_phase="")
    completeness.restate(day=statement.day, at=shop.now())

    assert CompletenessStatement.objects.get(day=statement.day).gaps == 1
    case = ExceptionCase.objects.get(kind="COMPLETENESS_GAP")
    assert "the ERP does not hold it" in case.cause
    assert case.at_stake_minor == statement.orders_minor  # it lacks the whole order
    assert "unaccounted" in broken(november, shop)["complete"]

    completeness.state(day=statement.day, clock=shop.now)
    case.refresh_from_db()
    assert case.state == "RESOLVED"
    assert case.proof["it is"] == "booked"
    assert case.proof["at Marketplacer"] == case.proof["here"] != ""


def test_a_day_is_asked_for_however_long_ago_until_it_was_and_has_no_gap(
    november, shop, finance, controller
):
    missed, gap = date(2026, 11, 5), CompletenessStatement.objects.get(orders=1).day
    DaySweep.objects.filter(day=missed).delete()
    SweptOrder.objects.filter(marketplacer_id=shop.invoice.marketplacer_id).update(erp_phase="")
    completeness.restate(day=gap, at=shop.now())
    assert "unaccounted" in broken(november, shop)["complete"]
    shop.step(days=1)
    shop.hear()
    look(shop)

    completeness.sweep(clock=shop.now)

    assert DaySweep.objects.filter(day=missed).exists()
    assert broken(november, shop) == {}
    sign_all(november, shop, finance)
    close.close(period=november, by=controller, at=shop.now())
    DaySweep.objects.filter(day=missed).delete()
    completeness.sweep(clock=shop.now)
    assert not DaySweep.objects.filter(day=missed).exists()


def test_an_entry_by_hand_on_the_clearing_account_is_unexplained_to_the_cent(november, shop):
    shop.step(seconds=5)
    shop.erp.book_by_hand("4.1.9", "1.1.5", Decimal("0.33"), "by hand")
    look(shop)

    (one,) = facts.clearing.explain(on=calendar.company_day(shop.at))
    assert (one.unexplained, one.unexplained_lines, one.missing) == (Decimal("0.33"), 1, 0)
    assert not one.clean


def test_the_evidence_hashes_to_its_manifest(november, shop, auditor):
    with evidence.pack(period=november, by=auditor, at=shop.now()) as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))

    manifest = json.loads(archive.read("manifest.json"))
    assert set(archive.namelist()) == {"manifest.json", *manifest["files"]}
    for name, facts_ in manifest["files"].items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == facts_["sha256"]
    assert str(LedgerDocument.objects.get().number).encode() in archive.read("ERP-tax-by-code.csv")


def test_finance_approve_in_bulk_and_see_the_journal_first(
    november,
    shop,
    finance,
    viewer,
    client_of,
):
    charge_otherwise(shop.invoice, -1)
    look(shop)
    row, url = TaxAdjustment.objects.get(), reverse("reconciliation:adjustment-approve")
    page = client_of(finance).get(reverse("reconciliation:adjustments"))
    assert shop.invoice.number in page.content.decode()

    asked = client_of(finance).post(url, {"pk": [row.pk]})
    assert "2.2.3" in asked.content.decode()
    assert not Journal.objects.exists()
    assert client_of(viewer).post(url, {"pk": [row.pk], "confirmed": "1"}).status_code == 403
    client_of(finance).post(url, {"pk": [row.pk], "confirmed": "1"})
    shop.post()

    assert Journal.objects.get().booked_at
    for name in ("journals", "clearing", "discrepancies", "completeness"):
        assert client_of(viewer).get(reverse(f"reconciliation:{name}")).status_code == 200
    panel = client_of(viewer).get(
        reverse("reconciliation:adjustment-panel", args=[row.pk]), headers={"HX-Request": "true"}
    )
    assert "Arithmetic" in panel.content.decode()


@pytest.mark.parametrize(
    ("state", "day", "stands"),
    [("PARKED", 30, True), ("QUEUED", 30, True), ("WAITING", 30, True), ("DONE", 30, False),
     ("ASKED", None, False)],
)  # fmt: skip
def test_a_refund_that_is_not_in_the_erp_keeps_the_month_open(november, shop, state, day, stands):
    Correction.objects.create(
        key="r", kind="REFUND", reference="RF-1", invoice=shop.invoice, state=state,
        amount_minor=5_00, currency="GBP", heard_at=shop.now(),
        completed_date=day and date(2026, 11, day),
    )  # fmt: skip

    found = facts.findings(november, shop.now())["posted"]

    assert found.holds is not stands
    if stands:
        assert (found.words, found.amount) == ("1 refund is parked or on the way.", Decimal("5.00"))


def test_an_order_sent_to_the_next_period_is_that_periods_to_post(november, shop, finance):
    Invoice.objects.filter(pk=shop.invoice.pk).update(state=Invoice.State.FAILED)
    shop.step(days=31)
    prove(shop)
    december = AccountingPeriod.objects.get(name="Dec 2026")
    assert "posted" in broken(november, shop)
    assert "posted" not in broken(december, shop)

    LateChoice.objects.create(
        invoice=shop.invoice, choice="NEXT", period=november.start, reason="closed",
        made_by=finance, made_at=shop.now(),
    )  # fmt: skip

    assert "posted" not in broken(november, shop)
    assert "posted" in broken(december, shop)


def test_what_surfaces_after_its_month_was_closed_keeps_the_next_one_open(november, shop):
    shop.step(days=31)
    prove(shop)
    december = AccountingPeriod.objects.get(name="Dec 2026")
    before = set(broken(december, shop))
    Residue.objects.create(
        key="r", level="BANK", cause="NOT_PAID", day=november.end, currency="GBP",
        amount_minor=-5_00, sentence="It was never paid.", found_at=shop.now(),
    )  # fmt: skip

    found = broken(december, shop)

    assert "residues" not in before
    assert set(found) - before == {"residues"}


def test_settlement_is_never_called_agreed_beyond_what_is_loaded(november, shop):
    words = facts.findings(november, shop.now())["residues"].words

    assert words == (
        "What is known agrees; no line of the bank is loaded and no line of the gateway is loaded."
    )


def test_a_period_that_stays_open_has_its_balance_read_however_long_ago_it_ended(november, shop):
    shop.step(days=150)
    look(shop)

    balance = AccountBalance.objects.get(account="4.1.9", on_date=november.end)
    assert shop.now() - balance.read_at < timedelta(hours=1)


def test_the_board_refuses_in_words_and_offers_only_what_one_may_do(
    november,
    shop,
    viewer,
    controller,
    client_of,
):
    page = client_of(viewer).get(reverse("reconciliation:close-period", args=[november.pk]))
    assert "Close and lock" not in page.content.decode()

    answer = client_of(controller).post(reverse("reconciliation:close-close", args=[november.pk]))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    november.refresh_from_db()
    assert november.state != "CLOSED"
