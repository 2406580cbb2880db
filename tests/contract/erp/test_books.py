"""Journal entries, reference data and checks as every ERP adapter has them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import AccountKind, JournalEntry, JournalLine, WriteStatus
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import new_key


def entry(house: ErpHouse, day: date | None = None, credit: str = "1.25") -> JournalEntry:
    debit_account, credit_account = house.accounts
    return JournalEntry(
        key=f"journal-{new_key()}",
        posting_date=day or datetime.now(UTC).date(),
        currency="GBP",
        memo="Tax differences",
        lines=(
            JournalLine(debit_account, Decimal("1.25"), Decimal(0)),
            JournalLine(credit_account, Decimal(0), Decimal(credit)),
        ),
    )


def test_a_journal_is_posted_once_under_its_key(house: ErpHouse) -> None:
    journal = entry(house)
    assert house.port.find_journal(journal.key) is None
    first = house.port.post_journal(journal)
    second = house.port.post_journal(journal)

    assert first.status is WriteStatus.CREATED
    assert second.status is WriteStatus.EXISTED
    assert first.ref == second.ref
    assert first.number
    found = house.port.find_journal(journal.key)
    assert found is not None
    assert found.ref == first.ref
    assert house.journals(journal.key) == 1


def test_an_unbalanced_journal_never_gets_as_far_as_the_erp(house: ErpHouse) -> None:
    with pytest.raises(ValueError, match="debits"):
        entry(house, credit="1.24")


def test_a_closed_period_refuses_the_journal(house: ErpHouse) -> None:
    journal = entry(house, house.closed_day)
    with pytest.raises(PeriodClosed, match="closed"):
        house.port.post_journal(journal)
    assert house.journals(journal.key) == 0


def test_an_account_the_erp_does_not_know_is_refused_by_name(house: ErpHouse) -> None:
    right = entry(house)
    wrong = JournalEntry(
        key=right.key,
        posting_date=right.posting_date,
        currency="GBP",
        memo="",
        lines=(right.lines[0], JournalLine("9.9.9", Decimal(0), Decimal("1.25"))),
    )
    with pytest.raises(Rejected, match=r"9\.9\.9"):
        house.port.post_journal(wrong)
    assert house.journals(right.key) == 0


def test_reference_data_names_what_orders_and_journals_refer_to(house: ErpHouse) -> None:
    data = house.port.reference_data()

    assert (data.company, data.currency, data.time_zone) == ("Northbank UK", "GBP", "Europe/London")
    assert data.tax_rounding == house.tax_rounding
    assert data.tax_rounding == house.port.capabilities().arithmetic.level  # what we predict
    rates = {tax.code: tax.rate for tax in data.taxes}
    assert rates["GB-STD"] == rates["GB-STD-SELLER"] == Decimal("0.20")
    assert rates["GB-ZERO"] == 0
    accounts = {account.code: account for account in data.accounts}
    assert len(accounts) == len(data.accounts)
    assert set(house.accounts) <= set(accounts)
    assert accounts["2.2.6"].group is AccountKind.PAYABLE
    assert accounts["2.2.6"].party_required
    assert not accounts["4.1.9"].party_required
    assert accounts["4.1.9"].group is AccountKind.REVENUE
    codes = {journal.code for journal in data.journals}
    assert ("MISC" in codes) is house.port.capabilities().journals
    assert ("DPD" in data.carriers) is house.port.capabilities().carriers
    assert data.locations == ("WH",)
    assert data.open_until is not None
    assert data.open_until > datetime.now(UTC).date()


def test_a_good_connection_passes_every_check(house: ErpHouse) -> None:
    report = house.port.check()
    assert [check.detail for check in report.checks if not check.ok] == []
    assert report.ok
