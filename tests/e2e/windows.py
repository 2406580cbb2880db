"""Browser windows for every kind of visitor, on every page that the product has."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.stack import ROOT

SIZES = {"1280": (1280, 800), "1920": (1920, 1080), "390": (390, 844)}
THEMES = ("light", "dark")
SAY = "from tests.places import main; main()"


def places(environment: dict[str, str]) -> dict[str, Any]:
    """What `tests.places` says of the running product."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", SAY],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@dataclass
class Windows:
    """Opens signed-in windows. What their consoles say is collected in `said`."""

    browser: Browser
    web: str
    visitors: dict[str, Any]
    said: list[str] = field(default_factory=list)

    def walk(self) -> Iterator[tuple[str, Page]]:
        """Every page by its name, loaded once; all of a visitor's in the same window."""
        for facts in self.visitors.values():
            page = self._window(facts["session"])
            for name, url in facts["pages"].items():
                _go(page, url)
                yield name, page
            page.context.close()

    def at(self, name: str) -> Page:
        """A window of its own on the page of this name."""
        facts = next(facts for facts in self.visitors.values() if name in facts["pages"])
        page = self._window(facts["session"])
        _go(page, facts["pages"][name])
        return page

    def _window(self, session: str) -> Page:
        # Without motion: a colour on its way to another is neither.
        context = self.browser.new_context(base_url=self.web, reduced_motion="reduce")
        cookies = {"theme": "light"} | ({"sessionid": session} if session else {})
        context.add_cookies(
            [{"name": name, "value": value, "url": self.web} for name, value in cookies.items()]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.said.append(f"{page.url} {error}"))
        page.on("console", lambda message: self._heard(page, message))
        show(page, "1280", "light")
        return page

    def _heard(self, page: Page, message: Any) -> None:
        # A browser complains of every page that is meant to be a refusal.
        if message.location.get("url") == page.url and "the server responded" in message.text:
            return
        self.said.append(f"{page.url} {message.type}: {message.text}")


def _go(page: Page, url: str) -> None:
    answer = page.goto(url, wait_until="load")
    assert answer is not None
    assert answer.status in (200, 401, 403), f"{url} answered {answer.status}"


def show(page: Page, size: str, theme: str) -> None:
    """The page as it stands, in another size and theme: neither asks the server again."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(f"document.documentElement.dataset.bsTheme = '{theme}'")
