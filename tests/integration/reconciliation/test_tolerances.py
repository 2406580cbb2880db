"""What may differ without a person, by a standard or as finance set it; what is written off."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod, AuditEntry
from reconciliation.domain.adjusting import STANDARD
from reconciliation.models import DifferenceRule, DocumentMatch, Journal, TaxAdjustment
from reconciliation.services import adjustments, tolerances
from reconciliation.services.tolerances import Wanted
from tests.integration.reconciliation.pennies import balance, charge_otherwise, look, sold

NONE_AT_ALL = {
    "about": "ROUNDING", "currency": "GBP", "country": "", "base_minor": 0, "per_line_minor": 0,
    "books_tax": True, "valid_from": None,
}  # fmt: skip
FORM = {**NONE_AT_ALL, "books_tax": "on", "valid_from": "", "reason": "agreed on Monday"}


@pytest.fixture
def order(shop):
    """An order that agrees, of one line with shipping, where nobody has set a tolerance."""
    DifferenceRule.objects.all().delete()
    return sold(shop)


def outcome(world) -> str:
    look(world)
    return DocumentMatch.objects.get().state


def set_(by, at, **given):
    wanted = Wanted(**{**NONE_AT_ALL, **given})
    return tolerances.set_tolerance(wanted=wanted, by=by, at=at, reason="agreed")


def test_a_penny_and_one_a_line_are_allowed_where_nobody_has_set_a_tolerance(shop, order):
    line = order.lines.get()
    line.tax -= Decimal("0.01")
    line.postage_tax -= Decimal("0.01")
    line.save()
    order.tax -= Decimal("0.02")
    order.content_hash = f"{order.content_hash[:50]}two pennies"
    order.save()

    assert outcome(shop) == "WITHIN"
    assert {row.rule for row in TaxAdjustment.objects.all()} == {"up to 1 + 1 x 2 lines = 3"}
    assert [STANDARD.allows(pennies, lines=2) for pennies in (3, -3, 4)] == [True, True, False]


def test_finance_allow_nothing_and_the_penny_is_beyond_then_a_penny_again(
    shop,
    order,
    finance,
    client_of,
):
    charge_otherwise(order, -1)
    assert outcome(shop) == "WITHIN"
    client, where = client_of(finance), reverse("reconciliation:tolerance-set")

    assert client.post(where, FORM).status_code == 303
    assert outcome(shop) == "BEYOND"
    client.post(where, {**FORM, "base_minor": 1})

    assert outcome(shop) == "WITHIN"
    assert TaxAdjustment.objects.get(state="PREPARED").rule == "up to 1 + 0 x 2 lines = 1"
    entries = AuditEntry.objects.filter(action="tolerance.set").order_by("pk")
    assert [one.reason for one in entries] == ["agreed on Monday"] * 2
    assert entries[1].before["rules"][0]["base_minor"] == 0
    shown = client.get(reverse("reconciliation:tolerances")).content.decode()
    assert "agreed on Monday" in shown


def test_a_tolerance_ends_the_one_before_it_and_one_for_a_country_stands_beside(finance, at):
    first = set_(finance, at, base_minor=5)
    set_(finance, at, base_minor=1, country="IE")
    set_(finance, at, base_minor=9, valid_from=date(2027, 1, 1))
    set_(finance, at, base_minor=2, valid_from=date(2026, 12, 1))

    first.refresh_from_db()
    rows = DifferenceRule.objects.filter(country="").order_by("valid_from")
    assert first.valid_until == date(2026, 12, 1)
    assert {(row.base_minor, row.valid_from) for row in rows} == {
        (5, None),
        (2, date(2026, 12, 1)),
    }
    assert DifferenceRule.objects.get(country="IE").valid_until is None


@pytest.mark.parametrize(
    ("given", "reason", "words"),
    [
        ({}, " ", "Say why"),
        ({"currency": "POUND"}, "agreed", "is no currency"),
        ({"country": "G1"}, "agreed", "is no country"),
        ({"about": "CLEARING", "per_line_minor": 1}, "agreed", "one balance"),
        ({"base_minor": 7}, "agreed", "holds already"),
        ({"base_minor": 7, "valid_from": date(2026, 11, 20)}, "agreed", "holds already"),
        ({"valid_from": date(2026, 10, 31)}, "agreed", "Oct 2026 is closed"),
    ],
)
def test_a_tolerance_that_makes_no_sense_is_refused_and_changes_nothing(
    finance, at, given, reason, words
):
    set_(finance, at, base_minor=7)
    AccountingPeriod.objects.create(
        name="Oct 2026", start=date(2026, 10, 1), end=date(2026, 10, 31), state="CLOSED",
        due_date=date(2026, 11, 5), closed_at=at, closed_by=finance,
    )  # fmt: skip
    given = {"valid_from": date(2026, 11, 1), **given}
    before = list(DifferenceRule.objects.values())

    with pytest.raises(Refused, match=words):
        tolerances.set_tolerance(
            wanted=Wanted(**{**NONE_AT_ALL, **given}), by=finance, at=at, reason=reason
        )

    assert list(DifferenceRule.objects.values()) == before


def test_who_may_not_set_a_tolerance_sees_them_and_is_refused(operations, client_of):
    client = client_of(operations)
    shown = client.get(reverse("reconciliation:tolerances")).content.decode()

    assert "where none is set" in shown
    assert "Set the tolerance" not in shown
    assert client.post(reverse("reconciliation:tolerance-set"), FORM).status_code == 403
    assert not DifferenceRule.objects.exists()


def test_a_balance_is_written_off_by_two_people(shop, order, finance, controller, client_of):
    client, where = client_of(finance), reverse("reconciliation:write-off")
    told = {"amount": "-0.25", "day": "2026-11-02", "reason": "left over"}
    assert client.get(where).status_code == 200
    assert client.post(where, {**told, "amount": "0.255"}).status_code == 422
    assert client.post(where, {**told, "day": "2999-01-01"}).status_code == 422
    assert client.post(where, told).status_code == 303
    row = TaxAdjustment.objects.get()

    with pytest.raises(Refused, match="somebody else"):
        adjustments.approve(rows=[row], by=finance, at=shop.now())
    before = balance(shop, "4.1.9")
    adjustments.approve(rows=[row], by=controller, at=shop.now())
    shop.post()

    assert balance(shop, "4.1.9") - before == Decimal("0.25")
    assert Journal.objects.get().booked_date == date(2026, 11, 2)
