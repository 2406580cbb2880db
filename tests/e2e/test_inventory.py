"""Stock in the browser: a mass zero is held and released, a seller's pushes stop at once."""

import re
import subprocess
import sys

from playwright.sync_api import Page, expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.stack import ROOT, Stack, wait_for
from tests.sandbox.catalogue import build
from tests.sandbox.erp.hands import Hands
from tests.sandbox.erp.launcher import Tryton
from tests.sandbox.marketplacer.ids import global_id

ZEROED = 100  # twice the number from which a run is held


def shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def ours(stack: Stack, seller=None):
    """Mapped, published listings of the company's own sellers that show some stock."""
    catalogue = build(stack.facts["seed"])
    own = {one.legacy_id for one in catalogue.sellers if one.own}
    variants = {variant.legacy_id: variant for variant in catalogue.variants}
    seen = set()
    for mapping in catalogue.opening_mappings:
        variant = variants[mapping.variant_legacy_id]
        alone = mapping.erp_sku not in seen
        seen.add(mapping.erp_sku)
        sells = variant.published and variant.advert_legacy_id % 61 and variant.stock > 0
        whose = variant.seller_legacy_id in own and seller in (None, variant.seller_legacy_id)
        if alone and sells and whose and mapping.pack_quantity == 1:
            yield variant, mapping.erp_sku


def count_stock(stack: Stack, levels):
    """The ERP's people count these items."""
    people = Hands(Tryton(stack.erp, None, None))
    people.count_stock(levels)
    people.close()


def shown(stack: Stack, number: int) -> int:
    return stack.witness("GET", f"variants/{number}")["countOnHand"]


def compared(stack: Stack, page: Page):
    """All levels were read once, and compared. A count while they are read would come in halves."""
    page.goto("/inventory/")
    some = page.locator("#screen-count").inner_text().startswith(tuple("123456789"))
    return some and stack.status()["feeds"]["stock"]["state"] == "well"


def test_a_mass_zero_is_held_until_a_person_releases_it(stack: Stack, page: Page):
    wait_for("levels to be compared", lambda: compared(stack, page), 240)
    # Not those that the journey before this one sold: counted zero, they would be below it.
    chosen = list(ours(stack))[20 : 20 + ZEROED]
    before = {variant.legacy_id: shown(stack, variant.legacy_id) for variant, _ in chosen}
    assert sum(level > 0 for level in before.values()) >= 50

    count_stock(stack, {sku: 0 for _, sku in chosen})

    def held():
        page.goto("/inventory/holds/")
        # In a row: the filters name the kinds of holds too.
        return page.get_by_role("row").filter(has_text=re.compile("many at zero", re.I)).count()

    wait_for("the levels to be held", held, 240)
    shot(page, "inventory-holds")
    assert {number: shown(stack, number) for number in before} == before
    page.goto("/inventory/")
    expect(page.get_by_text(re.compile(r"levels are held: many at zero"))).to_be_visible()
    shot(page, "inventory")
    # A great fall may be held beside it, with a band of its own.
    zeros = page.get_by_role("status").filter(has_text=re.compile("many at zero", re.I))
    zeros.get_by_role("link", name="Decide").click()
    shot(page, "inventory-hold")

    page.get_by_role("button", name="Release and tell").first.click()
    page.get_by_label("Why?").fill("The season's rest went to an outlet.")
    page.get_by_role("button", name=re.compile("Release and tell")).last.click()
    expect(page.get_by_text(re.compile(r"Released\."))).to_be_visible()

    def told():
        return all(shown(stack, number) == 0 for number in before)

    wait_for("the zeros at Marketplacer", told, 120)
    summary = stack.witness("GET", "summary")
    ours_to_write = {"variantUpdate", "externalIdUpsert", "webhookCreate", "shipmentCreate"}
    assert set(summary["mutations"]) <= ours_to_write


def test_changing_a_sellers_ownership_stops_its_pushes_at_once(stack: Stack, page: Page):
    wait_for("levels to be compared", lambda: compared(stack, page), 240)
    catalogue = build(stack.facts["seed"])
    seller = [one.legacy_id for one in catalogue.sellers if one.own][-1]
    (variant, sku), (other, other_sku) = list(ours(stack, seller=seller))[-2:]
    name = next(s.business_name for s in catalogue.sellers if s.legacy_id == seller)
    first = shown(stack, variant.legacy_id)
    count_stock(stack, {sku: first + 5})
    wait_for("the new level", lambda: shown(stack, variant.legacy_id) == first + 5, 180)

    give_to_seller(stack, seller)
    level = shown(stack, other.legacy_id)
    count_stock(stack, {other_sku: level + 7, sku: first + 9})

    def counted():
        page.goto("/inventory/prevented/")
        return page.get_by_role("row").filter(has_text=name).count()

    wait_for("the prevented overwrites", counted, 180)
    shot(page, "prevented-overwrites")
    assert shown(stack, other.legacy_id) == level
    assert shown(stack, variant.legacy_id) == first + 5
    keepers = {one.legacy_id for one in catalogue.sellers if not one.own} | {seller}
    theirs = {global_id("Variant", v.legacy_id) for v in catalogue.variants
              if v.seller_legacy_id in keepers - {seller}}  # fmt: skip
    log = stack.witness("GET", "log?root_field=variantUpdate")["operations"]
    written = [given for row in log for given in row["variables"].values()]
    assert written
    assert not [given for given in written if given["variantId"] in theirs]
    assert {field for given in written for field in given["attributes"]} == {"countOnHand"}


def give_to_seller(stack: Stack, seller: int) -> None:
    """An administrator says that the seller keeps its own stock from now on."""
    script = (
        "from django.utils import timezone; from mapping.models import OwnershipRule, Seller;"
        "from mapping.services import rules; from mkterp.core.models import User;"
        f"rules.set_rule(rule=OwnershipRule, seller=Seller.objects.get(legacy_id={seller}),"
        "value='seller', by=User.objects.get(username='admin'), at=timezone.now(),"
        "reason='They took their stock back.')"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", script],
        cwd=ROOT, env=stack.environment, check=True, capture_output=True,
    )  # fmt: skip
