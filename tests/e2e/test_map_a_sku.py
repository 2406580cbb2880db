"""Operations find an unmapped SKU, approve a suggestion, and its orders post in Tryton."""

import re
from decimal import Decimal

from playwright.sync_api import Page, expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.stack import Stack, wait_for
from tests.e2e.test_exactly_once import sales_of
from tests.sandbox.catalogue import build


def shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def unmapped_variants(seed):
    """Variants that the opening registry leaves out although their ERP items exist."""
    catalogue = build(seed)
    known = {mapping.variant_legacy_id for mapping in catalogue.opening_mappings}
    treated = {seller.legacy_id for seller in catalogue.sellers if seller.treatment}
    skus = [variant.sku for variant in catalogue.variants]
    items = {item.sku for item in catalogue.erp_items if item.active}
    return [
        variant
        for variant in catalogue.variants
        if variant.legacy_id not in known
        and variant.seller_legacy_id in treated
        and catalogue.truth[variant.legacy_id] == variant.sku
        and variant.sku in items
        and skus.count(variant.sku) == 1
        and variant.published
    ]


def test_operations_map_a_sku_and_its_orders_post(stack: Stack, page: Page):
    variant = unmapped_variants(stack.facts["seed"])[0]
    placed = [
        invoice["id"]
        for _ in range(3)
        for invoice in stack.witness(
            "POST",
            "orders",
            {"lines": [{"variant_legacy_id": variant.legacy_id, "quantity": 1}]},
        )["invoices"]
    ]

    wait_for("the three orders parked", lambda: stack.status()["orders_parked"] >= 3, 120)
    page.goto("/exceptions/")
    expect(page.get_by_text(variant.sku).first).to_be_visible()
    shot(page, "1-exceptions")
    page.goto("/orders/?view=parked")
    shot(page, "2-parked-orders")

    page.goto("/unmapped/")
    page.get_by_role("link", name=re.compile(re.escape(variant.sku))).first.click()
    page.wait_for_url("**listing=*")  # a slow answer must not come after the approval's
    approve = page.get_by_role("button", name=f"Approve {variant.sku}", exact=True)
    expect(approve).to_be_visible()
    shot(page, "3-unmapped-sku")
    approve.click()
    expect(page.get_by_text(re.compile(r"3 orders.*released")).first).to_be_visible()
    expect(approve).to_have_count(0)  # the next listing is already there
    shot(page, "4-mapped")

    def in_tryton():
        held = [s for s in sales_of(stack, placed) if s["state"] in ("processing", "done")]
        return len(held) == 3 and held

    sales = wait_for("the three orders in Tryton", in_tryton, 120)
    wait_for("nothing under way", lambda: stack.status()["orders_in_flight"] == 0, 60)
    invoices = {invoice["id"]: invoice for invoice in stack.witness("GET", "invoices")}
    for sale in sales:
        assert sale["total_amount"] == Decimal(invoices[sale["web_id"]]["total_cents"]) / 100

    page.goto("/orders/")
    page.get_by_role("searchbox").first.fill(sales[0]["number"])
    page.keyboard.press("Enter")
    expect(page.get_by_text(sales[0]["number"]).first).to_be_visible()
    shot(page, "5-orders")
    page.goto("/health/")
    shot(page, "6-health")
