"""The handbook: the Markdown of docs/operators, rendered, and the checks that stand in it."""

import functools
import posixpath
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nh3
from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mkterp.core import checks
from mkterp.core.models import CheckDone

FOLDER = Path(settings.BASE_DIR) / "docs" / "operators"
GROUPS = (("", "Start"), ("data", "Data: who owns it, what to check"), ("exceptions", "Exceptions"))
START = "start"
# The heading in a page under which the checks of a rhythm stand.
HEADINGS = {"Check daily": "daily", "Check weekly": "weekly", "Check at month end": "month-end"}
TAGS = {"h2", "h3", "p", "ul", "ol", "li", "a", "code", "pre", "strong", "em", "blockquote"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
_SLUG = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)?")

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class HandbookPage:
    slug: str
    title: str
    html: SafeString
    checks: tuple[tuple[str, str], ...]  # (rhythm, text)


def slugs() -> list[str]:
    """Every page, the start first."""
    found = sorted(
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md")
    )
    return sorted(found, key=lambda slug: (slug != START, slug))


def page(slug: str) -> HandbookPage | None:
    """The page of that name, or None. A page that changed on disk is rendered anew."""
    path = FOLDER / f"{slug}.md"
    if not _SLUG.fullmatch(slug) or not path.is_file():
        return None
    return _rendered(slug, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=500)
def _rendered(slug: str, changed: int) -> HandbookPage:
    text = (FOLDER / f"{slug}.md").read_text()
    tokens = _markdown.parse(text)
    title = tokens[1].content  # a test holds every page to begin with its heading
    body = tokens[3:]
    for token in body:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", _address(slug, str(child.attrGet("href") or "")))
    html = _markdown.renderer.render(body, _markdown.options, {})
    clean = nh3.clean(html, tags=TAGS | TABLE, attributes={"a": {"href"}}, link_rel=None)
    return HandbookPage(slug, title, mark_safe(clean), tuple(_checks(body)))


def _address(slug: str, href: str) -> str:
    """A link between pages, as the browser needs it; others stay."""
    if not href.endswith(".md") or "://" in href:
        return href
    target = posixpath.normpath(posixpath.join(posixpath.dirname(slug), href))
    return reverse("handbook-page", kwargs={"slug": target.removesuffix(".md")})


def _checks(tokens: list[Token]) -> list[tuple[str, str]]:
    found, rhythm, in_item = [], "", False
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            rhythm = HEADINGS.get(tokens[number + 1].content, "")
        elif token.type in ("list_item_open", "list_item_close"):
            in_item = token.type == "list_item_open"
        elif token.type == "inline" and in_item and rhythm:
            words = "".join(child.content for child in token.children or ())
            found.append((rhythm, words))
    return found


@dataclass(frozen=True)
class Check:
    """A check of the handbook, and who ticked it for the span that is running."""

    page: HandbookPage
    text: str
    key: str
    done: CheckDone | None


@dataclass(frozen=True)
class Checklist:
    rhythm: str
    begins: str
    checks: list[Check]

    @property
    def left(self) -> int:
        return sum(check.done is None for check in self.checks)


def checklists(*, at: datetime) -> list[Checklist]:
    """Daily, weekly, month end: every check of every page. One query."""
    spans = {rhythm: checks.begins(rhythm, at) for rhythm in checks.RHYTHMS}
    ticked = {
        (done.rhythm, done.begins, done.key): done
        for done in CheckDone.objects.filter(begins__in=spans.values()).select_related("by")
    }
    pages = [found for slug in slugs() if (found := page(slug)) is not None]
    lists = []
    for rhythm, begins in spans.items():
        rows = []
        for found in pages:
            for of, text in found.checks:
                # A page that has nothing to check says so; that is nothing to tick.
                if of == rhythm and not text.startswith("Nothing"):
                    key = checks.key_of(found.slug, text)
                    rows.append(Check(found, text, key, ticked.get((rhythm, begins, key))))
        lists.append(Checklist(rhythm, f"{begins:%a %d %b %Y}", rows))
    return lists


def contents() -> list[tuple[str, list[HandbookPage]]]:
    """The pages by group, for the table of contents."""
    pages = [found for slug in slugs() if (found := page(slug)) is not None]
    return [
        (label, [p for p in pages if (p.slug.rpartition("/")[0]) == folder])
        for folder, label in GROUPS
    ]
