"""Practising with money: an adjustment approved and a month closed tick their steps."""

from mkterp.core import practice as begun
from mkterp.overview import practice
from reconciliation.models import TaxAdjustment
from reconciliation.services import adjustments, close
from tests.integration.reconciliation.pennies import charge_otherwise, look
from tests.integration.reconciliation.test_close import november, sign_all

__all__ = ["november"]


def steps(person, key, at):
    standing = next(one for one in practice.standings(person, at=at) if one.exercise.key == key)
    return [step.done for step in standing.steps]


def test_an_adjustment_is_practised_from_waiting_to_its_journal_in_the_erp(
    november, shop, finance, settings
):
    settings.PRACTICE = True
    begun.begin(exercise="approve-an-adjustment", by=finance, at=shop.now())
    assert steps(finance, "approve-an-adjustment", shop.now()) == [False, False, False]

    charge_otherwise(shop.invoice, -1)
    look(shop)
    assert steps(finance, "approve-an-adjustment", shop.now()) == [True, False, False]

    adjustments.approve(rows=[TaxAdjustment.objects.get()], by=finance, at=shop.now())
    assert steps(finance, "approve-an-adjustment", shop.now()) == [True, True, False]

    shop.post()
    assert steps(finance, "approve-an-adjustment", shop.now()) == [True, True, True]


def test_a_month_is_practised_from_its_facts_to_the_lock(
    november, shop, finance, controller, settings
):
    settings.PRACTICE = True
    begun.begin(exercise="close-a-month", by=finance, at=shop.now())
    assert steps(finance, "close-a-month", shop.now()) == [True, False, False]

    sign_all(november, shop, finance)
    assert steps(finance, "close-a-month", shop.now()) == [True, True, False]

    close.close(period=november, by=controller, at=shop.now())
    assert steps(finance, "close-a-month", shop.now()) == [True, True, True]
