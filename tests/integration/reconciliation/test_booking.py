"""Sales, refunds, advices and payments in the ERP's ledger: every clearing account ends at zero.

What is asked is the ERP's own balance, and Marketplacer's own word of the payment.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from mapping.models import AccountMapping
from mapping.selectors import roles_without_account
from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod
from reconciliation.models import (
    BankLine,
    CashMatch,
    GatewayLine,
    SettlementEntry,
    TaxAdjustment,
)
from reconciliation.services import adjustments, bank, booking, entries, runs
from sync.management.commands import demo_registry
from sync.models import ExceptionCase, Invoice, OutboxMessage, RemittanceAdvice
from sync.services import payouts
from tests.fakes import state
from tests.integration.sync.selling import World
from tests.sandbox.marketplacer import payouts_files
from tests.sandbox.marketplacer.lifecycle import left_to_ship, ship

pytestmark = pytest.mark.django_db

ACCOUNTS = {
    "customer_clearing": "1.2.1", "seller_payable_pending": "2.2.6", "seller_payable_due": "2.2.7",
    "commission_revenue": "4.1.3", "commission_tax": "2.2.3", "output_tax": "2.2.3",
    "bank": "1.1.5", "gateway_clearing": "1.1.6", "gateway_fee": "5.2.4",
    "purchase_cost": "5.2.1", "input_tax": "2.2.4", "write_off": "5.2.5", "revenue": "4.1.1",
    "tax_adjustment": "4.1.9",
}  # fmt: skip
CLEARING = ("2.2.6", "2.2.7", "4.1.5", "1.1.6", "1.2.1")


@pytest.fixture
def books(world, monkeypatch, finance):
    """The world with accounts for every role, and a supplier for each seller."""
    for role, account in ACCOUNTS.items():
        AccountMapping.objects.create(role=role, erp_account=account, set_at=world.at)
    world.erp.accounts = tuple(sorted({*world.erp.accounts, *ACCOUNTS.values()}))
    for seller in world.sandbox.store.all("Seller"):
        monkeypatch.setitem(state.PARTIES, f"S{seller['number']}", seller["businessName"])
    world.person = finance
    return world


# The first three sellers are the operator's own and pay no commission.
ONE, OTHER = 3, 4


def sell(world: World, seller=ONE, *, treatment="agent", pieces=2, many=1) -> list[Invoice]:
    """Sales of one seller who dispatches himself, accepted, sent and booked."""
    variants = world.variants(seller=seller, fulfilled_by="seller", treatment=treatment)
    sold = [world.sell({variants[n]: pieces}) for n in range(many)]
    for invoice in sold:
        invoice.refresh_from_db()
        world.book(invoice)
        left = left_to_ship(world.sandbox.market, invoice.legacy_id)
        ship(world.sandbox.market, invoice.legacy_id, quantities=left, carrier=1, tracking="T1")
    return sold


def settle(world: World) -> None:
    """A week later everything is released, advised and paid, and we read all of it."""
    world.step(days=7)
    world.sandbox.release()
    world.sandbox.pay_out()
    world.sandbox.bank_pays()
    world.sandbox.gateway_pays()
    world.hear()
    world.hear_money()
    payouts.sweep_remittances(clock=world.now)
    payouts.pull_advices(clock=world.now)
    payouts.process(clock=world.now)


def take(world: World, text: str, name: str):
    upload = bank.upload(name=name, body=text.encode(), by=world.person, at=world.now())
    return bank.take(upload=upload, by=world.person, at=world.now())


def statements(world: World) -> None:
    take(world, payouts_files.bank_csv(world.sandbox.store), "bank.csv")
    take(world, payouts_files.gateway_csv(world.sandbox.store), "gateway.csv")


def reconcile(world: World) -> dict[str, int]:
    """Match and book, and let the ERP and Marketplacer have it."""
    world.step(days=10)
    runs.run(at=world.now())
    counts = booking.prepare(at=world.now())
    world.step(seconds=1)
    world.post()
    world.tell()
    return counts


def balance(world: World, account: str, party: str = "") -> Decimal:
    rows = world.erp.balances(world.at.date(), [account], by_party=bool(party))
    return sum((row.amount for row in rows if row.party == party), Decimal(0))


def standing() -> dict[str, int]:
    found = {}
    for event in SettlementEntry.objects.standing().values_list("event", flat=True):
        found[event] = found.get(event, 0) + 1
    return found


def refused() -> list[str]:
    return list(OutboxMessage.objects.filter(state="FAILED").values_list("operation", "last_error"))


def test_a_month_of_an_agent_leaves_only_commission_fees_and_the_bank(books):
    sold = sell(books, many=3) + sell(books, seller=OTHER, many=2)
    books.ask_back(sold[0], books.line_back(sold[0], dispatched=True))
    books.follow()
    settle(books)
    statements(books)

    reconcile(books)

    assert refused() == []
    assert {account: balance(books, account) for account in CLEARING} == dict.fromkeys(
        CLEARING, Decimal(0)
    )
    assert standing() == {"SALE": 5, "REFUND": 1, "ADVICE": 2, "PAID": 2, "MONEY": 2}
    store = books.sandbox.store
    commission = sum(x["commissionAmountCents"] for x in store.all("Remittance"))
    fees = sum(x["feeCents"] for x in store.all("GatewayLine"))
    cash = sum(x["amountCents"] for x in store.all("BankLine"))
    earned = balance(books, "4.1.3") + balance(books, "2.2.3")
    assert earned == -Decimal(commission) / 100
    assert balance(books, "5.2.4") == Decimal(fees) / 100
    assert balance(books, "1.1.5") == Decimal(cash) / 100
    documents = [
        d for invoice in sold for d in books.erp.find_documents([invoice.marketplacer_id])[
            invoice.marketplacer_id
        ]
    ]  # fmt: skip
    assert {str(d.state) for d in documents} == {"paid"}


def test_the_demo_company_has_an_account_for_every_role_that_entries_need(db, at, tmp_path):
    file = tmp_path / "accounts.csv"
    file.write_text(demo_registry.ACCOUNTS)
    assert roles_without_account(at=at)

    call_command("import_registry", "accounts", file)

    assert roles_without_account(at=at + timedelta(days=999)) == []


def test_booking_twice_books_once(books):
    sell(books, many=2)
    settle(books)
    statements(books)
    reconcile(books)
    moves = len(books.erp._moves)

    counts = booking.prepare(at=books.now())
    books.post()

    assert len(books.erp._moves) == moves
    assert {name: many for name, many in counts.items() if many} == {}


def test_the_payment_is_told_to_marketplacer_once_with_day_and_reference(books):
    sell(books)
    settle(books)
    statements(books)
    reconcile(books)

    (advice,) = books.sandbox.store.all("RemittanceAdvice")
    (line,) = [x for x in books.sandbox.store.all("BankLine") if x["adviceNumbers"]]
    assert advice["totalPaidCents"] == advice["totalCents"] == -line["amountCents"]
    assert advice["paymentReference"] == line["reference"]
    assert advice["paidAt"].startswith(line["bookedAt"][:10])
    sent = OutboxMessage.objects.filter(operation="record_payment")
    assert sent.count() == 1
    payouts.pull_advices(clock=books.now)
    payouts.process(clock=books.now)
    reconcile(books)
    assert sent.count() == 1


def test_own_goods_are_booked_by_the_erp_alone(books):
    (invoice,) = sell(books, treatment="principal")
    settle(books)
    take(books, payouts_files.gateway_csv(books.sandbox.store), "gateway.csv")

    reconcile(books)

    # The seller keeps his stock, so his payout is what we bought the goods for.
    assert standing() == {"ADVICE": 1, "MONEY": 1}
    assert balance(books, "4.1.1") < 0
    assert balance(books, "1.2.1") == 0
    (advice,) = RemittanceAdvice.objects.all()
    owed = Decimal(advice.total_minor) / 100
    assert balance(books, "2.2.7", f"S{invoice.seller.legacy_id}") == -owed
    assert balance(books, "5.2.1") + balance(books, "2.2.4") == owed
    assert balance(books, "2.2.4") > 0


def test_an_advice_in_dispute_waits_until_a_person_has_it_booked(books):
    sell(books)
    books.sandbox.release()
    books.sandbox.plant(kinds=["commission_wrong"])
    settle(books)
    statements(books)
    reconcile(books)
    advice = RemittanceAdvice.objects.get()
    assert booking.in_dispute(advice).exists()
    assert "ADVICE" not in standing()

    with pytest.raises(Refused, match="Say why"):
        booking.book_advice(advice=advice, by=books.person, at=books.now(), reason=" ")
    booking.book_advice(advice=advice, by=books.person, at=books.now(), reason="agreed by mail")
    with pytest.raises(Refused, match="booked already"):
        booking.book_advice(advice=advice, by=books.person, at=books.now(), reason="again")
    books.post()

    # What was in dispute is what the payable does not explain, to the penny.
    (residue,) = booking.in_dispute(advice)
    assert balance(books, "2.2.7") == 0
    assert balance(books, "2.2.6") == Decimal(residue.amount_minor) / 100


def test_a_payment_that_is_matched_otherwise_is_taken_back_and_booked_anew(books):
    sell(books, many=1)
    sell(books, seller=OTHER, many=1)
    settle(books)
    statements(books)
    reconcile(books)
    first, other = RemittanceAdvice.objects.order_by("pk")
    wrong = CashMatch.objects.get(advice=first)
    CashMatch.objects.create(
        advice=other, bank_line=wrong.bank_line, amount_minor=wrong.amount_minor, how="PERSON",
        reason="the bank mixed them up", made_by=books.person, made_at=books.now(),
    )  # fmt: skip
    wrong.delete()

    reconcile(books)

    assert refused() == []
    party = f"S{first.seller.legacy_id}"
    assert balance(books, "2.2.7", party) == -Decimal(first.total_minor) / 100
    assert SettlementEntry.objects.filter(reverses__event="PAID").count() == 1


def test_without_an_account_entries_wait_and_say_so_until_there_is_one(books):
    AccountMapping.objects.filter(role="seller_payable_pending").delete()
    sell(books)
    settle(books)
    statements(books)
    reconcile(books)

    case = ExceptionCase.objects.get(kind="JOURNAL_REFUSED", state="OPEN")
    assert "not due yet" in case.cause
    assert set(standing()) == {"PAID", "MONEY"}

    AccountMapping.objects.create(
        role="seller_payable_pending", erp_account="2.2.6", set_at=books.now()
    )
    reconcile(books)
    case.refresh_from_db()
    assert case.state == "RESOLVED"
    assert balance(books, "2.2.6") == balance(books, "2.2.7") == 0


def test_a_closed_period_books_on_the_first_open_day_after_it(books):
    sell(books)
    settle(books)
    statements(books)
    books.erp.close_period(books.at.date())
    books.step(days=31)
    reconcile(books)

    assert refused() == []
    entry = SettlementEntry.objects.standing().filter(event="SALE").get()
    posted = books.erp.journals([entry.key])[entry.key]
    assert entry.posting_date.month == 11
    assert (posted.posting_date.month, posted.posting_date.day) == (12, 1)


def test_a_month_closed_here_takes_no_entry_while_the_erps_is_still_open(books):
    sell(books)
    settle(books)
    statements(books)
    day = books.at.date()
    AccountingPeriod.objects.create(
        name="Nov 2026", state="CLOSED", due_date=day, closed_at=books.at, closed_by=books.person,
        start=date(2026, 11, 1), end=date(2026, 11, 30),
    )  # fmt: skip
    reconcile(books)

    assert refused() == []
    for entry in SettlementEntry.objects.standing():
        posted = books.erp.journals([entry.key])[entry.key]
        assert (entry.posting_date.month, posted.posting_date) == (11, date(2026, 12, 1))


@pytest.mark.parametrize("event", ["SALE", "MONEY", "PAID", "ADVICE"])
def test_what_the_erp_holds_and_is_taken_back_is_booked_anew(books, event):
    sell(books)
    settle(books)
    statements(books)
    reconcile(books)
    before = {account: balance(books, account) for account in CLEARING}
    taken = list(SettlementEntry.objects.standing().filter(event=event))
    assert taken

    for time in (1, 2):
        for entry in SettlementEntry.objects.standing().filter(event=event):
            entries.take_back(
                entry=entry, by=books.person, at=books.now(), reason=f"time {time}",
                day=books.at.date(),
            )  # fmt: skip
        for _ in range(2):  # the reversal goes first
            reconcile(books)

    assert refused() == []
    again = SettlementEntry.objects.standing().filter(event=event)
    assert {entry.key for entry in again} == {f"{entry.key}:2" for entry in taken}
    assert {account: balance(books, account) for account in CLEARING} == before
    assert not GatewayLine.objects.filter(entry__in=taken).exists()
    assert event != "MONEY" or GatewayLine.objects.filter(entry__in=again).exists()


def test_nothing_is_booked_anew_until_the_erp_holds_the_reversal(books):
    sell(books)
    settle(books)
    reconcile(books)
    (entry,) = SettlementEntry.objects.standing().filter(event="SALE")
    entries.take_back(
        entry=entry, by=books.person, at=books.now(), reason="wrong", day=books.at.date()
    )

    booking.prepare(at=books.now())
    assert not SettlementEntry.objects.standing().filter(event="SALE").exists()

    for _ in range(2):
        reconcile(books)
    assert SettlementEntry.objects.standing().get(event="SALE").key == f"{entry.key}:1"


def test_money_of_one_day_in_two_currencies_is_one_entry_each_with_all_its_lines(books):
    sell(books, many=3)
    settle(books)
    statements(books)
    lines = list(GatewayLine.objects.filter(kind="PAYMENT").order_by("pk"))
    assert len({(line.payout, line.day) for line in lines}) == 1
    GatewayLine.objects.filter(pk=lines[1].pk).update(currency="EUR")

    reconcile(books)

    booked = {line.currency: set() for line in GatewayLine.objects.all()}
    for line in GatewayLine.objects.filter(kind="PAYMENT"):
        booked[line.currency].add(line.entry_id)
    assert len(booked["GBP"]) == len(booked["EUR"]) == 1
    assert None not in booked["GBP"] | booked["EUR"]


def test_a_refused_entry_is_taken_back_and_prepared_with_the_right_account(books):
    row = AccountMapping.objects.get(role="commission_revenue")
    row.erp_account = "4.9.9"
    row.save()
    sell(books)
    settle(books)
    reconcile(books)
    entry = SettlementEntry.objects.get(event="SALE")
    assert [operation for operation, _ in refused()] == ["pass_on"]
    row.erp_account = "4.1.3"
    row.save()

    entries.take_back(
        entry=entry, by=books.person, at=books.now(), reason="wrong account",
        day=books.at.date(),
    )  # fmt: skip
    reconcile(books)

    assert refused() == []
    assert balance(books, "4.1.5") == 0
    assert not ExceptionCase.objects.filter(kind="JOURNAL_REFUSED", state="OPEN").exists()


def test_an_order_cancelled_before_it_was_booked_costs_only_the_gateways_fee(books):
    variants = books.variants(seller=ONE, fulfilled_by="seller", treatment="agent")
    invoice = books.sell({variants[0]: 1})
    books.sandbox.cancel(invoice.legacy_id)
    books.follow()
    settle(books)
    statements(books)
    reconcile(books)

    assert refused() == []
    fees = sum(x["feeCents"] for x in books.sandbox.store.all("GatewayLine"))
    assert balance(books, "5.2.4") == Decimal(fees) / 100 > 0
    assert balance(books, "1.1.6") == balance(books, "2.2.6") == balance(books, "1.2.1") == 0
    assert BankLine.objects.filter(reference__startswith="PO-").exists()


def test_what_is_dated_before_go_live_is_counted_and_never_booked(books, settings):
    """A bank's or an advice's day that the opening balances hold already."""
    sell(books)
    settle(books)
    statements(books)
    cut_over = books.at + timedelta(days=1)
    settings.GO_LIVE_AT = cut_over
    before = {account: balance(books, account) for account in ACCOUNTS.values()}

    counts = reconcile(books)

    assert counts["before go-live"] >= 3
    assert not SettlementEntry.objects.exists()
    assert {account: balance(books, account) for account in ACCOUNTS.values()} == before
    advice = RemittanceAdvice.objects.first()
    with pytest.raises(Refused, match="before go-live"):
        booking.book_advice(advice=advice, by=books.person, at=books.now(), reason="all agreed")
    assert not SettlementEntry.objects.exists()


def test_a_day_before_go_live_takes_no_write_off(books, settings):
    settings.GO_LIVE_AT = books.at
    day = books.at.date() - timedelta(days=1)

    with pytest.raises(Refused, match="before go-live"):
        adjustments.prepare_write_off(
            currency="GBP", amount_minor=5, day=day, by=books.person, at=books.now(), reason="old"
        )
    assert not TaxAdjustment.objects.exists()
