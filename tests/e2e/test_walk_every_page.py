"""Every page of the running product, light, dark and narrow: axe objects to nothing.

The last of the journeys: it finds what the others left, and adds what none of them made.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.stack import Stack
from tests.e2e.windows import SIZES, Windows, places, show

# Sheets and images are not fetched again: the content policy would not allow it.
EVERYTHING = {"resultTypes": ["violations"], "preload": False}
# The tenth row of a table is made like the first.
WHERE = {"include": [["html"]], "exclude": [["tbody tr:nth-child(n+10)"]]}
# All that a theme can change is colour.
COLOURS = EVERYTHING | {"runOnly": ["color-contrast", "link-in-text-block"]}


@pytest.fixture(scope="module")
def told(stack: Stack):
    return places(stack.environment)


@pytest.fixture
def windows(told, stack: Stack, browser: Browser):
    opened = Windows(browser, stack.web, told["visitors"])
    yield opened
    assert opened.said == []


def violations(page: Page, options) -> dict[str, list[str]]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("([where, options]) => axe.run(where, options)", [WHERE, options])
    return {
        one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in found["violations"]
    }


def judged(page: Page) -> dict[str, object]:
    """What is wrong with the page as it stands, in either theme and on a phone."""
    show(page, "1280", "light")
    wrong: dict[str, object] = {f"light: {k}": v for k, v in violations(page, EVERYTHING).items()}
    show(page, "1280", "dark")
    wrong |= {f"dark: {k}": v for k, v in violations(page, COLOURS).items()}
    show(page, "390", "dark")
    reached = page.evaluate("document.documentElement.scrollWidth")
    if reached > SIZES["390"][0]:
        wrong["wider than a phone"] = reached
    return wrong


def test_every_address_was_opened_or_is_known_to_be_no_page(told):
    assert told["unseen"] == []


def test_axe_finds_nothing_on_any_page_in_either_theme_and_a_phone_holds_it(windows):
    found = {name: judged(page) for name, page in windows.walk()}

    assert len(found) > 70
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_axe_would_object_to_pale_words_and_to_a_field_without_a_name(windows):
    page = windows.at("sync:orders")
    page.evaluate(
        """() => {
            const pale = document.createElement("p");
            pale.textContent = "pale";
            pale.style.color = "rgb(120, 120, 120)";
            document.querySelector("main").replaceChildren(document.createElement("input"), pale);
        }"""
    )

    assert {"light: label", "light: color-contrast", "dark: color-contrast"} <= set(judged(page))


def test_the_palette_opens_by_key_without_a_violation(windows):
    page = windows.at("sync:exceptions")
    page.keyboard.press("Control+k")
    page.keyboard.type("invent")
    page.wait_for_selector("#palette a.mk-hit:has-text('Inventory')")

    assert judged(page) == {}


def test_the_handbook_opens_beside_a_page_by_key_without_a_violation(windows):
    page = windows.at("sync:exceptions")
    page.keyboard.press("h")
    page.wait_for_selector("#handbook[open] h2:has-text('Exceptions')")

    assert judged(page) == {}


def test_the_filters_come_when_they_are_opened_by_key_and_their_first_field_has_the_focus(windows):
    page = windows.at("sync:exceptions")
    page.keyboard.press("f")
    page.wait_for_selector("#filter-fields form select:focus")

    assert judged(page) == {}

    fields = page.locator("#filter-fields")
    fields.get_by_label("State").select_option("RESOLVED")
    fields.get_by_role("button", name="Show").click()
    page.wait_for_url("**state=RESOLVED**")
    page.wait_for_selector(".mk-chips >> text=resolved")
