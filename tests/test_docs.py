"""Documentation that cannot rot: what the code has, the handbook explains."""

import re
from pathlib import Path

import pytest

from mkterp.core.checks import RHYTHMS
from mkterp.core.screens import ListScreen
from mkterp.overview import handbook
from mkterp.urls import urlpatterns
from sync.domain.cases import KINDS, CaseKind

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("kind", CaseKind)
def test_every_kind_of_exception_has_its_page_in_the_handbook(kind):
    page = DOCS / "operators" / "exceptions" / f"{kind.lower().replace('_', '-')}.md"

    text = page.read_text()

    assert text.startswith(f"# {KINDS[kind].label}\n")
    assert "## What to do" in text


def test_every_page_belongs_to_a_kind():
    pages = {path.stem for path in (DOCS / "operators" / "exceptions").glob("*.md")}

    assert pages == {kind.lower().replace("_", "-") for kind in CaseKind}


# -- the handbook in the app ----------------------------------------------------------------------

OWNED = {
    "audit", "buyers", "close", "connections", "exceptions", "fulfilment", "items", "listings",
    "mappings", "notifications", "orders", "people", "seller-stock",
    "settlement", "ship-from", "stock", "tax",
}  # fmt: skip


def screens() -> list[ListScreen]:
    """Every list that the rooms declare."""
    assert urlpatterns  # importing them declares the screens

    def below(kind):
        for sub in kind.__subclasses__():
            yield from below(sub)
            if getattr(sub, "noun", "") and not sub.__module__.startswith("tests."):
                yield sub

    return list(below(ListScreen))


def test_every_data_object_has_a_page_that_names_its_owner_its_flow_and_its_checks():
    pages = {slug.removeprefix("data/") for slug in handbook.slugs() if slug.startswith("data/")}
    assert pages == OWNED

    for name in pages:
        page = handbook.page(f"data/{name}")
        assert "<h2>Who owns it</h2>" in page.html
        assert "<h2>What flows where</h2>" in page.html
        assert {rhythm for rhythm, _ in page.checks} == set(RHYTHMS), name


def test_every_page_begins_with_its_heading_and_renders():
    for slug in handbook.slugs():
        text = (DOCS / "operators" / f"{slug}.md").read_text()
        assert text.startswith("# "), slug
        assert handbook.page(slug).title == text.splitlines()[0].removeprefix("# ")


def test_every_list_names_the_page_that_explains_it():
    found = {screen.__name__: screen.handbook for screen in screens()}

    assert len(found) > 10
    assert {name: slug for name, slug in found.items() if handbook.page(slug) is None} == {}


def test_a_link_between_pages_leads_to_a_page():
    for slug in handbook.slugs():
        html = handbook.page(slug).html
        assert ".md" not in html, slug
        for target in re.findall(r'href="/handbook/([^"]+)/"', html):
            assert handbook.page(target), (slug, target)


@pytest.mark.parametrize("slug", ["../glossary", "data/../../README", "/etc/passwd", "nothing"])
def test_nothing_but_the_handbook_is_served(slug):
    assert handbook.page(slug) is None


def test_every_variable_of_the_settings_has_its_line_in_the_handbook():
    settings = (DOCS.parent / "mkterp" / "settings.py").read_text()
    names = set(re.findall(r'env(?:_flag)?\(\s*"([A-Z_]+)"', settings)) | {"DATABASE_URL"}
    page = (DOCS / "deploy.md").read_text()

    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_every_erp_that_can_be_chosen_has_its_column_in_the_handbook():
    page = (DOCS / "erps.md").read_text()
    adapters = {path.parent.name for path in (DOCS.parent / "sync" / "erp").glob("*/adapter.py")}

    assert adapters
    assert [name for name in sorted(adapters) if f"`sync.erp.{name}." not in page] == []
