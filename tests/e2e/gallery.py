"""Photographs every page at every size, light and dark: `make gallery`, into the folder gallery.

It starts the product with orders coming in, and waits until there is something to see.
"""

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.stack import NO_ZERO_RATE, ROOT, running_demo, wait_for
from tests.e2e.windows import SIZES, THEMES, Windows, places, show

FOLDER = ROOT / "gallery"
ORDERS = 150
UNMAPPED = """
from sync.models import ExceptionCase
print(ExceptionCase.objects.filter(kind="UNMAPPED_TAX_CODE", state="OPEN").count())
"""


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="mkterp-gallery-"))
    home.chmod(0o755)
    try:
        with running_demo(home, rate=60, since=datetime.now(UTC)) as stack:
            wait_for("orders", lambda: stack.status()["orders_seen"] >= ORDERS, 600)
            stack.shell(NO_ZERO_RATE)
            wait_for("a tax rate that nobody mapped", lambda: stack.shell(UNMAPPED) != "0", 600)
            told = places(stack.environment)
            taken = photograph(stack.web, told["visitors"])
            sys.stdout.write(f"{taken} pictures in {FOLDER}\n")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def photograph(web: str, visitors: dict) -> int:
    """Picture by picture, named page.size.theme.png; how many there are."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    chromium = (ROOT / ".data" / "browser").read_text().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for name, page in Windows(browser, web, visitors).walk():
            for size in SIZES:
                for theme in THEMES:
                    show(page, size, theme)
                    picture = FOLDER / f"{name.replace(':', '-')}.{size}.{theme}.png"
                    page.screenshot(path=picture)
        browser.close()
    return len(list(FOLDER.glob("*.png")))


if __name__ == "__main__":
    main()
