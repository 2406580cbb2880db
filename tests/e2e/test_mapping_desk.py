"""The desks of mapping in a browser: keys, bulk, ownership, files, and a role that may not.

What is done is taken back, so that the stack is left as it was found.
"""

import re
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SCREENSHOTS
from tests.e2e.stack import Stack, wait_for
from tests.sandbox.catalogue import build


def shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


@contextmanager
def signed_in(browser: Browser, stack: Stack, name: str):
    """A window of somebody else than operations."""
    context = browser.new_context(base_url=stack.web, viewport={"width": 1280, "height": 800})
    window = context.new_page()
    window.goto("/")
    window.get_by_label("Name").fill(name)
    window.get_by_label("Password").fill(stack.facts["password"])
    window.get_by_role("button", name="Sign in").click()
    window.wait_for_url("**/")
    yield window
    context.close()


def boxes(page: Page):
    """The pairs that a bulk approval would map."""
    return page.get_by_role("checkbox", name=re.compile("^Map "))


@pytest.fixture
def ranked(stack: Stack, page: Page):
    """The worker has ranked the queue: some listings are likely enough to be approved in bulk."""

    def likely():
        page.goto("/unmapped/bulk/?at_least=90")
        return boxes(page).count() >= 2

    wait_for("ranked suggestions", likely, 240)


def test_one_key_and_one_round_trip_map_a_listing_and_the_next_is_there(ranked, page: Page):
    page.goto("/unmapped/")
    panel = page.locator("#panel")
    opened = panel.get_attribute("data-open")
    title = page.locator("#panel-title").inner_text()
    expect(page.locator('button[data-key="1"]')).to_be_visible()
    shot(page, "mapping-desk")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))

    page.keyboard.press("1")

    expect(page.get_by_text(re.compile(r"^Mapped\.")).first).to_be_visible()
    expect(panel).not_to_have_attribute("data-open", opened)
    expect(page.locator('button[data-key="1"]')).to_be_visible()  # of the next listing
    asked = [line for line in sent if "/static/" not in line]
    assert len(asked) == 1
    assert asked[0].startswith("POST ")
    assert asked[0].endswith("/unmapped/approve/")
    shot(page, "mapping-desk-next")

    page.keyboard.press("u")
    expect(panel).to_have_attribute("data-open", opened)
    expect(page.locator("#panel-title")).to_have_text(title)
    expect(page.get_by_text("unmapped again")).to_be_visible()


def test_a_bulk_approval_is_previewed_applied_to_what_is_ticked_and_undone(ranked, page: Page):
    page.goto("/unmapped/")
    many = unmapped(page)
    page.goto("/unmapped/bulk/?at_least=90")
    pairs = boxes(page).count()
    taken = boxes(page).first.get_attribute("value")  # two sellers may have one SKU
    boxes(page).evaluate_all("all => all.slice(1).forEach(one => one.click())")
    expect(boxes(page).and_(page.locator(":checked"))).to_have_count(1)
    shot(page, "mapping-bulk")

    page.get_by_role("button", name=re.compile("^Map the ticked listings")).click()

    expect(page.get_by_text(re.compile(r"^Mapped\."))).to_be_visible()
    assert unmapped(page) == many - 1
    shot(page, "mapping-bulk-done")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("unmapped again")).to_be_visible()
    assert unmapped(page) == many
    page.goto("/unmapped/bulk/?at_least=90")
    expect(page.locator(f'input[name="pair"][value="{taken}"]')).to_be_visible()
    assert boxes(page).count() == pairs


def unmapped(page: Page) -> int:
    """How many listings the head of the desk counts."""
    text = page.locator("#screen-count").inner_text()
    return int(re.search(r"(\d+) listings? without", text)[1])


def test_a_change_of_ownership_shows_what_it_does_before_it_does_it(stack: Stack, browser: Browser):
    ours = next(one for one in build(stack.facts["seed"]).sellers if one.own)
    with signed_in(browser, stack, "admin") as page:
        page.goto("/sellers/?view=all")
        page.get_by_role("link", name=ours.business_name).first.click()
        expect(page.get_by_role("heading", name=ours.business_name)).to_be_visible()
        holds = page.locator("dl", has_text="Keeps the stock")
        expect(holds).to_contain_text("operator")

        say(page, "seller", "They take their stock back.")
        effect = page.get_by_role("status").filter(has_text="being writable")
        expect(effect).to_contain_text(re.compile(r"^\s*[1-9][\d,]* listings stop being writable"))
        expect(holds).to_contain_text("operator")  # nothing has changed yet
        shot(page, "mapping-ownership")
        page.get_by_role("button", name=re.compile(r"^Stop writing [\d,]+ listings")).click()
        expect(page.get_by_text("are set.")).to_be_visible()
        expect(holds).to_contain_text("never written")

        say(page, "operator", "It was a misunderstanding.")
        page.get_by_role("button", name=re.compile(r"^Make [\d,]+ listings writable")).click()
        expect(page.get_by_text("are set.")).to_be_visible()
        expect(holds).to_contain_text("It was a misunderstanding.")


def say(page: Page, owner: str, reason: str) -> None:
    """Fill in who keeps the stock and look at what that would change."""
    rules = page.locator("form", has=page.get_by_label("Who dispatches"))
    rules.get_by_label("Who keeps the stock").select_option(owner)
    rules.get_by_label("Why").fill(reason)
    rules.get_by_role("button", name="Show what it changes").click()


def test_a_file_with_a_bad_row_names_row_field_and_fix_and_changes_nothing(
    stack: Stack, browser: Browser
):
    catalogue = build(stack.facts["seed"])
    mapped = {mapping.variant_legacy_id for mapping in catalogue.opening_mappings}
    free = next(one for one in catalogue.variants if one.legacy_id not in mapped and one.published)
    code = next(item.sku for item in catalogue.erp_items if item.active)
    text = (
        "seller_id,variant_id,erp_sku\n"
        f"{free.seller_legacy_id},{free.legacy_id},{code}\n"
        f"{free.seller_legacy_id},1.23E+12,{code}\n"
    )
    with signed_in(browser, stack, "operations") as page:
        page.goto("/mappings/")
        before = page.locator("#screen-count").inner_text()
        page.goto("/imports/")
        page.get_by_label("Into").select_option("mappings")
        page.get_by_label("CSV or XLSX file").set_input_files(
            {"name": "mappings.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        page.get_by_role("button", name="Check the file").click()

        bad = page.get_by_role("table", name="Bad rows").get_by_role("row").nth(1)
        expect(bad).to_contain_text(
            re.compile("3.*variant_id 1.23E\\+12 was mangled by a spreadsheet; format that column")
        )
        shot(page, "mapping-import")
        page.get_by_label("Why").fill("The old list.")
        page.get_by_role("button", name="Apply 1 row").click()
        expect(page.get_by_role("alert")).to_contain_text("Put them right, or leave them out")
        page.goto("/mappings/")
        expect(page.locator("#screen-count")).to_have_text(before)


def test_a_viewer_sees_the_desk_and_may_not_use_it(stack: Stack, browser: Browser):
    with signed_in(browser, stack, "viewer") as page:
        page.goto("/unmapped/")
        expect(page.get_by_role("heading", name="Unmapped SKUs")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
        panel = page.locator("#panel")
        opened = panel.get_attribute("data-open")
        page.keyboard.press("1")
        token = page.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRFToken']")
        answer = page.request.post(
            "/unmapped/approve/",
            form={"listing": opened, "item": "1", "next": "/unmapped/"},
            headers={"X-CSRFToken": token, "Referer": stack.web},
        )
        assert answer.status == 403
        page.reload()
        expect(panel).to_have_attribute("data-open", opened)
        shot(page, "mapping-viewer")
