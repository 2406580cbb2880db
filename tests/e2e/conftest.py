"""One running product for all journeys, and a real browser."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.e2e.stack import ROOT, Stack, running_demo

SCREENSHOTS = ROOT / "tests" / "screenshots"


@pytest.fixture(scope="session")
def stack():
    # Short, because a socket lies below it; its own, so that a person's demo is left alone; open
    # to the account that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="mkterp-e2e-"))
    folder.chmod(0o755)
    try:
        # Live since the last day of last month: that month is over, and can be closed.
        today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        since = today.replace(day=1) - timedelta(days=1)
        with running_demo(folder, rate=0, since=since) as running:
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
def enter(browser: Browser, stack: Stack):
    """Opens a window signed in as a person; what the console says in one is a failure."""
    opened: list[BrowserContext] = []
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # A refusal is answered by 422, which Chromium says aloud.
        if "the server responded with a status of 422" not in message.text:
            said.append(f"{message.type}: {message.text}")

    def sign_in(name: str) -> Page:
        context = browser.new_context(
            base_url=stack.web, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
        )
        opened.append(context)
        window = context.new_page()
        window.on("console", hear)
        window.on("pageerror", lambda error: said.append(str(error)))
        window.goto("/")
        window.get_by_label("Name").fill(name)
        window.get_by_label("Password").fill(stack.facts["password"])
        window.get_by_role("button", name="Sign in").click()
        window.wait_for_url("**/")
        return window

    yield sign_in
    for context in opened:
        context.close()
    assert said == []


@pytest.fixture
def page(enter) -> Page:
    """A browser window, signed in as operations."""
    return enter("operations")
