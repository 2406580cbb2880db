"""From the alert of an exception to its fix, for five kinds: what a person does, and how long.

Every walk begins at Home, where the exception has just appeared, and ends when the product says
that it is put right. What is asserted is the number of things a person does; the seconds are
written to tests/screenshots/walk ….txt, without a person's reading and thinking.
"""

import time
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.stack import NO_ZERO_RATE, Stack, wait_for
from tests.e2e.test_exactly_once import sales_of
from tests.e2e.test_inventory import compared, count_stock, ours
from tests.e2e.test_map_a_sku import unmapped_variants
from tests.sandbox.catalogue import build
from tests.sandbox.erp.hands import Hands
from tests.sandbox.erp.launcher import Tryton

OPEN = """
from sync.models import ExceptionCase
rows = ExceptionCase.objects.filter(kind="{kind}", state="OPEN", cause__contains="{about}")
print(rows.count())
"""
LATEST = """
from sync.models import Invoice
told = [
    (str(one), one.state, str(one.placed_at), [(c.kind, c.state, c.cause) for c in one.cases.all()])
    for one in Invoice.objects.order_by("-pk")[:5]
]
print(told)
"""


@dataclass
class Walk:
    """A person at a page, whose clicks, keys and words are counted."""

    page: Page
    kind: str
    began: float = field(default_factory=time.monotonic)
    clicks: int = 0
    keys: int = 0
    words: int = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_label(label, exact=True).select_option(label=option)
        self.clicks += 1

    def write(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).first.fill(text)
        self.words += 1

    def done(self, said: str) -> None:
        """The product says so; the figures are written down."""
        expect(self.page.get_by_text(said).first).to_be_visible()
        seconds = time.monotonic() - self.began
        SCREENSHOTS.mkdir(exist_ok=True)
        (SCREENSHOTS / f"walk {self.kind}.txt").write_text(
            f"{self.clicks} clicks, {self.keys} keys, {self.words} fields written,"
            f" {seconds:.1f} s\n"
        )


@pytest.fixture
def at_home(stack: Stack, enter):
    """Somebody sees the alert on Home and opens it; the clock runs from there."""

    def begin(who: str, kind: str, alert: str) -> Walk:
        page = enter(who)
        link = page.get_by_role("link", name=alert)

        def there() -> bool:
            page.goto("/")
            return link.count() > 0

        try:
            wait_for(f"{alert} on Home", there, 240)
        except AssertionError as error:
            orders = stack.shell(LATEST)
            said = page.locator("main").inner_text()
            error.add_note(f"The latest orders:\n{orders}\nHome says:\n{said}")
            raise
        walk = Walk(page, kind)
        walk.click(link.first)
        return walk

    return begin


def order(stack: Stack, variant: int) -> list[str]:
    lines = {"lines": [{"variant_legacy_id": variant, "quantity": 1}]}
    return [one["id"] for one in stack.witness("POST", "orders", lines)["invoices"]]


def sellable(stack: Stack, *, treated: bool, tax_code: str = "GB-STD") -> int:
    """A mapped, published variant; of a seller whose treatment was said, or not."""
    catalogue = build(stack.facts["seed"])
    mapped = {one.variant_legacy_id for one in catalogue.opening_mappings}
    sellers = {one.legacy_id for one in catalogue.sellers if bool(one.treatment) is treated}
    return next(
        one.legacy_id
        for one in catalogue.variants
        if one.legacy_id in mapped
        and one.seller_legacy_id in sellers
        and one.published
        and one.tax_code == tax_code
    )


def gone(stack: Stack, kind: str, about: str = "") -> bool:
    return stack.shell(OPEN.format(kind=kind, about=about)) == "0"


def test_an_unmapped_sku_is_a_click_and_a_key(stack: Stack, at_home):
    variant = unmapped_variants(stack.facts["seed"])[-1]  # the first one has been mapped by now
    order(stack, variant.legacy_id)
    walk = at_home("operations", "Unmapped SKU", variant.sku)
    expect(walk.page.locator('button[data-key="1"]')).to_be_visible()

    walk.press("1")

    walk.done("Mapped.")
    assert (walk.clicks, walk.keys, walk.words) == (1, 1, 0)
    wait_for("the case closed", lambda: gone(stack, "UNMAPPED_SKU", variant.sku), 60)


def test_a_seller_without_treatment_is_five_clicks_and_a_reason(stack: Stack, at_home):
    order(stack, sellable(stack, treated=False))
    walk = at_home("finance", "Seller without treatment", "Seller without treatment")

    walk.click(walk.page.get_by_role("link", name="Open the seller's rules"))
    walk.choose("Whose sale", "agent")
    walk.write("Why", "As the contract says")
    walk.click(walk.page.get_by_role("button", name="Show what it changes"))
    walk.click(walk.page.get_by_role("button", name="Set the rules"))

    walk.done("The rules of")
    assert (walk.clicks, walk.keys, walk.words) == (5, 0, 1)
    wait_for("the case closed", lambda: gone(stack, "NO_TREATMENT"), 60)


def test_an_unmapped_carrier_is_four_clicks(stack: Stack, at_home):
    mine, _ = next(ours(stack))
    placed = order(stack, mine.legacy_id)

    def sale():
        return [s for s in sales_of(stack, placed) if s["state"] in ("processing", "done")]

    (held,) = wait_for("the order in Tryton", sale, 120)
    people = Hands(Tryton(stack.erp, None, None))
    people.ship(held["id"], carrier="Royal Mail")
    people.close()
    walk = at_home("operations", "Unmapped carrier", "Unmapped carrier")

    walk.click(walk.page.get_by_role("link", name="Say which carrier it is"))
    walk.choose("Marketplacer's carrier", "Swiftline")
    walk.click(walk.page.get_by_role("button", name="Save and send what waits"))

    walk.done("Royal Mail is mapped")
    assert (walk.clicks, walk.keys, walk.words) == (4, 0, 0)
    wait_for("the case closed", lambda: gone(stack, "UNMAPPED_CARRIER"), 60)


def test_held_stock_is_four_clicks_and_a_reason(stack: Stack, at_home, page: Page):
    wait_for("levels to be compared", lambda: compared(stack, page), 240)
    count_stock(stack, {sku: 0 for _, sku in list(ours(stack))[130:330]})
    walk = at_home("operations", "Stock held", "Stock held")

    walk.click(walk.page.get_by_role("link", name="Open the hold"))
    walk.click(walk.page.get_by_role("button", name="Release and tell").first)
    walk.write("Why?", "The season's rest went to an outlet.")
    walk.click(walk.page.get_by_role("button", name="Release and tell").last)

    walk.done("Released.")
    assert (walk.clicks, walk.keys, walk.words) == (4, 0, 1)
    wait_for("the case closed", lambda: gone(stack, "STOCK_HELD"), 60)


def test_an_unmapped_tax_code_is_three_clicks_and_two_words(stack: Stack, at_home):
    assert stack.shell(NO_ZERO_RATE) == "1"
    order(stack, sellable(stack, treated=True, tax_code="GB-ZERO"))
    walk = at_home("finance", "Unmapped tax code", "Unmapped tax code")

    walk.click(walk.page.get_by_role("link", name="Open unmapped tax codes"))
    walk.write("ERP tax", "GB-ZERO")
    walk.write("Why", "Zero-rated goods")
    walk.click(walk.page.get_by_role("button", name="Map it").first)

    walk.done("released")
    assert (walk.clicks, walk.keys, walk.words) == (3, 0, 2)
    wait_for("the case closed", lambda: gone(stack, "UNMAPPED_TAX_CODE"), 60)
