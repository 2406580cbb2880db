"""Going live: refused until all is well, balances stated once, history left alone."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from mapping.models import AccountMapping
from mkterp.core.models import AuditEntry
from sync.domain.documents import JournalEntry, JournalLine
from sync.models import OpeningBalance
from tests.factories import make_tax_codes

pytestmark = pytest.mark.django_db

NONE = Decimal(0)


@pytest.fixture
def ready(erp, marketplacer, settings, at):
    """Both sides pass their checks; clearing and a seller's payable stand in the books."""
    settings.MARKETPLACER_WEBHOOK_KEY = "a-key"
    settings.GO_LIVE_AT = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
    make_tax_codes()
    for role, account in (("CUSTOMER_CLEARING", "1.2.1"), ("SELLER_PAYABLE_DUE", "2.2.7")):
        AccountMapping.objects.create(role=role, erp_account=account, set_at=at)
    post(erp, "before", date(2026, 10, 31), "75.50")
    post(erp, "after", date(2026, 11, 1), "10.00")
    return erp


def post(erp, key, day, amount):
    clearing = JournalLine("1.2.1", Decimal(amount), NONE, "", "3")
    due = JournalLine("2.2.7", NONE, Decimal(amount), "", "S54")
    erp.post_journal(JournalEntry(key, day, "GBP", "sold", (clearing, due)))


def go_live() -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("go_live", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_balances_of_the_day_before_are_stated_by_party_and_kept(ready):
    out, _ = go_live()

    stated = {(b.account, b.party): b.amount for b in OpeningBalance.objects.all()}
    assert stated == {("1.2.1", "3"): Decimal("75.50"), ("2.2.7", "S54"): Decimal("-75.50")}
    assert "2026-10-31" in out
    assert AuditEntry.objects.filter(action="opening.state").count() == 2
    go_live()
    assert OpeningBalance.objects.count() == 2


def test_a_balance_that_somebody_changed_afterwards_is_told_and_not_restated(ready):
    go_live()
    post(ready, "late", date(2026, 10, 30), "1.00")
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("go_live", stdout=StringIO(), stderr=err)

    assert "1.2.1 3: stated 75.50, the ERP says 76.50 now" in err.getvalue()
    assert OpeningBalance.objects.get(account="1.2.1").amount == Decimal("75.50")


def test_it_is_refused_in_a_dry_run_and_while_a_step_fails(ready, settings):
    settings.DRY_RUN = True
    with pytest.raises(CommandError, match="MKTERP_DRY_RUN"):
        go_live()
    settings.DRY_RUN = False
    ready.close_period(date(2026, 11, 1))
    with pytest.raises(CommandError, match="Nothing was changed"):
        go_live()
    assert not OpeningBalance.objects.exists()
