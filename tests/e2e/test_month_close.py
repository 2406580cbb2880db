"""Finance in the browser: pennies approved in bulk, a second person, a month that is closed."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from playwright.sync_api import Page, expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.stack import Stack, wait_for
from tests.e2e.test_inventory import ours
from tests.sandbox.erp.hands import Hands
from tests.sandbox.erp.launcher import Tryton

CLEARING = "4.1.9"
PENNY = Decimal("0.01")
BY_PEOPLE = "state=PREPARED&by_person=true"
# What the schedules do every few minutes, now.
LOOK = """
import json
from django.utils import timezone
from reconciliation.models import TaxAdjustment
from reconciliation.services import calendar, close, comparing, completeness
from sync.services import books, documents, postings
now = timezone.now
postings.read_back(clock=now)
documents.pull_documents(clock=now)
books.read(clock=now)
books.pull_account_lines(clock=now)
comparing.run(clock=now)
calendar.extend(at=now())
completeness.sweep(clock=now)
close.watch(clock=now)
rows = TaxAdjustment.objects.filter(state="PREPARED", prepared_by=None)
print(json.dumps(list(rows.values_list("invoice__marketplacer_id", flat=True))))
"""


def shot(page: Page, name: str) -> None:
    """The page as it is, on a phone in the dark and on a desk by day."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height, scheme in ((390, 844, "dark"), (1280, 800, "light")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png")


def half_pennies(stack: Stack) -> list[int]:
    """Two listings of one of our sellers; three of either contain half a penny of tax."""
    found: dict[int, list[int]] = {}
    for variant, _ in list(ours(stack))[:20]:
        if variant.tax_code == "GB-STD" and variant.price_cents % 2:
            mine = found.setdefault(variant.seller_legacy_id, [])
            mine.append(variant.legacy_id)
            if len(mine) == 2:
                return mine
    raise AssertionError("no seller lists two such things")


def place_pennies(stack: Stack, many: int) -> list[dict]:
    """Orders a penny of tax apart: both half pennies were rounded up.

    No two nets reach both their sum and their tax: see sync/domain/allocation.
    """
    lines = [{"variant_legacy_id": number, "quantity": 3} for number in half_pennies(stack)]
    order = {"lines": lines, "postage": False}
    return [one for _ in range(many) for one in stack.witness("POST", "orders", order)["invoices"]]


def in_the_ledger(stack: Stack, words: str) -> list[Decimal]:
    """What lies in Tryton on the clearing account under these words, a debit positive."""
    people = Hands(Tryton(stack.erp, None, None))
    wanted = [
        ("account.code", "=", CLEARING),
        ("description", "like", f"{words}%"),
        ("move.state", "=", "posted"),
    ]
    rows = people.staff.read("account.move.line", wanted, ["debit", "credit"])
    people.close()
    return [row["debit"] - row["credit"] for row in rows]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def prepare_write_off(page: Page, amount: str, day: str, why: str) -> None:
    page.goto("/finance/clearing/write-off/")
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Dated").fill(day)
    page.get_by_label("Why").fill(why)
    press(page, "Prepare the write-off")
    expect(page.get_by_text("Somebody else approves it")).to_be_visible()


def ask_to_approve_all(page: Page, asked: str) -> None:
    page.goto(f"/finance/adjustments/?{asked}")
    page.get_by_label("Select all on this page").check()
    page.locator("#bulk-approve").click()


def test_finance_approve_pennies_in_bulk_after_seeing_the_journal(stack: Stack, enter):
    placed = place_pennies(stack, 3)

    def prepared() -> bool:
        return {one["id"] for one in placed} <= set(json.loads(stack.shell(LOOK)))

    # The ERP's people send the goods and post the invoices by themselves.
    wait_for("adjustments to approve", prepared, 180)
    page = enter("finance")
    page.goto("/finance/differences/?standing=ALLOWED")
    shot(page, "finance-differences")
    page.goto("/finance/tolerances/")
    shot(page, "finance-tolerances")
    page.goto("/finance/adjustments/")
    page.get_by_role("link", name=f"INV-{placed[0]['legacy_id']}").first.click()
    expect(page.get_by_text("Arithmetic")).to_be_visible()
    shot(page, "finance-adjustments")

    ask_to_approve_all(page, "state=PREPARED")
    expect(page.get_by_role("table", name="Journal of").first).to_contain_text(CLEARING)
    shot(page, "finance-approve")
    assert in_the_ledger(stack, f"INV-{placed[0]['legacy_id']} ") == []
    page.locator("button[name=confirmed]").click()
    expect(page.get_by_text("on the way to the ERP")).to_be_visible()

    def booked():
        return all(in_the_ledger(stack, f"INV-{one['legacy_id']} ") for one in placed)

    wait_for("the journal in Tryton", booked, 120)
    for one in placed:
        assert in_the_ledger(stack, f"INV-{one['legacy_id']} ") == [PENNY]
    stack.shell(LOOK)
    page.goto("/finance/journals/")
    expect(page.get_by_role("cell", name="posted", exact=True).first).to_be_visible()
    shot(page, "finance-journals")
    page.goto("/finance/clearing/")
    shot(page, "finance-clearing")


def test_what_one_person_prepared_another_person_approves(stack: Stack, enter):
    maker, checker = enter("finance"), enter("controller")
    why = "Pennies of a quarter that nobody asks for"
    prepare_write_off(maker, "0.05", datetime.now(UTC).date().isoformat(), why)

    ask_to_approve_all(maker, BY_PEOPLE)
    shot(maker, "finance-second-person")
    maker.locator("button[name=confirmed]").click()
    expect(maker.get_by_text("somebody else decides").first).to_be_visible()
    assert in_the_ledger(stack, f"Write-off: {why}") == []
    ask_to_approve_all(checker, BY_PEOPLE)
    checker.locator("button[name=confirmed]").click()
    expect(checker.get_by_text("on the way to the ERP")).to_be_visible()

    wait_for("the entry", lambda: in_the_ledger(stack, f"Write-off: {why}"), 120)
    assert in_the_ledger(stack, f"Write-off: {why}") == [-5 * PENNY]


def test_a_month_refuses_to_close_suspends_a_signature_and_closes(stack: Stack, enter):
    last_day = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    stack.shell(LOOK)
    page, theirs = enter("controller"), enter("finance")
    page.goto("/close/")
    name = f"{last_day:%b %Y}"
    expect(page.get_by_role("heading", name=f"Close {name}")).to_be_visible()
    press(page, "Close and lock")
    expect(page.get_by_role("alert")).to_contain_text("Not signed yet")

    theirs.goto("/close/")
    sign_all(theirs)
    prepare_write_off(theirs, "0.01", last_day.isoformat(), "Found after the month was signed")
    press(page, "Close and lock")
    expect(page.get_by_role("alert")).to_contain_text("for approval")
    stack.shell(LOOK)
    theirs.goto("/close/")
    fact = theirs.locator("#fact-adjustments")
    expect(fact).to_contain_text("blocked")
    expect(fact).to_contain_text("Was signed by finance")
    shot(theirs, "close-blocked")

    page.goto(f"/finance/adjustments/?{BY_PEOPLE}")
    page.get_by_label("Select all on this page").check()
    page.locator("#bulk-reject").click()
    page.get_by_label("Why?").fill("It belongs to this month")
    page.locator("button[name=confirmed]").click()
    expect(page.get_by_text("1 adjustment rejected")).to_be_visible()
    theirs.goto("/close/")
    expect(theirs.locator("#fact-adjustments")).to_contain_text("suspended")
    sign_all(theirs)
    page.goto("/close/")
    shot(page, "close-signed")
    press(page, "Close and lock")
    expect(page.get_by_text(f"{name} is closed and locked").first).to_be_visible()
    shot(page, "close-closed")
    expect(page.get_by_role("button", name=f"Reopen {name}")).to_be_visible()


def sign_all(page: Page) -> None:
    """Sign what holds and is not signed, one after the other."""
    buttons = page.get_by_role("button", name="Sign:")
    while left := buttons.count():
        buttons.first.click()
        expect(buttons).to_have_count(left - 1)
