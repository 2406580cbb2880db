"""One running product for all journeys, and a real browser."""

import shutil
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.stack import ROOT, Stack, running_demo

SCREENSHOTS = ROOT / "tests" / "screenshots"


@pytest.fixture(scope="session")
def stack():
    # Short, because a socket lies below it; its own, so that a person's demo is left alone; open
    # to the account that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="mkterp-e2e-"))
    folder.chmod(0o755)
    try:
        with running_demo(folder, rate=0) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser():
    chromium = (ROOT / ".data" / "browser").read_text().strip()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, stack: Stack):
    """A browser window, signed in as operations; what the console says is a failure."""
    context = browser.new_context(base_url=stack.web, viewport={"width": 1280, "height": 800})
    window: Page = context.new_page()
    said: list[str] = []
    window.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.goto("/")
    window.get_by_label("Name").fill("operations")
    window.get_by_label("Password").fill(stack.facts["password"])
    window.get_by_role("button", name="Sign in").click()
    window.wait_for_url("**/")
    yield window
    context.close()
    assert said == []
