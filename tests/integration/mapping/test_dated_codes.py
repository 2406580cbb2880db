"""Tax codes and accounts over time: what a person sets covers the orders that waited for it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from mapping.models import AccountMapping, TaxCodeMapping
from mapping.services import rules
from mkterp.core.errors import Refused

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def tax(code, at, *, by, **more):
    return rules.map_tax_code(
        country="GB",
        marketplace_rate=Decimal("0.2"),
        erp_code=code,
        erp_rate=Decimal("0.2"),
        by=by,
        at=at,
        reason="said",
        **more,
    )


def account(code, at, *, by, **more):
    return rules.map_account(
        role="customer_clearing", erp_account=code, by=by, at=at, reason="said", **more
    )


@pytest.mark.parametrize(("said", "model"), [(tax, TaxCodeMapping), (account, AccountMapping)])
def test_the_first_holds_from_ever_on_and_one_after_a_gap_from_its_beginning(
    said, model, finance, at
):
    first = said("A", at, by=finance)
    assert first.valid_from is None
    ended = at + HOUR
    model.objects.filter(pk=first.pk).update(valid_until=ended)

    second = said("B", at + 3 * HOUR, by=finance)

    assert second.valid_from == ended
    assert said("B", at + 4 * HOUR, by=finance) == second


@pytest.mark.parametrize("said", [tax, account])
def test_a_change_holds_from_now_and_a_moment_that_was_given_is_kept(said, finance, at):
    said("A", at, by=finance)
    assert said("B", at + HOUR, by=finance).valid_from == at + HOUR
    later = at + 5 * HOUR
    assert said("C", at + HOUR, by=finance, moment=later).valid_from == later
    with pytest.raises(Refused, match="later"):
        said("D", at + 2 * HOUR, by=finance)
