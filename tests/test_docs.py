"""Documentation that cannot rot: what the code has, the handbook explains."""

from pathlib import Path

import pytest

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
