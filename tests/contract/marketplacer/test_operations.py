"""Every GraphQL text we send is valid against Marketplacer's published schema."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from sync.marketplacer import allowed
from sync.marketplacer.client import document
from sync.marketplacer.stock import set_stock_text

ROOT = Path(__file__).parent.parent.parent.parent
SCHEMA = build_schema((ROOT / "tests" / "sandbox" / "marketplacer" / "schema.graphql").read_text())
OPERATIONS = sorted(
    path.stem
    for path in (ROOT / "sync" / "marketplacer" / "operations").glob("*.graphql")
    if not path.stem.endswith("_fields")
)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_validates_against_the_schema(name):
    assert validate(SCHEMA, parse(document(name))) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_names_the_page_it_comes_from(name):
    assert document(name).startswith("# https://api.marketplacer.com/")


@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_document_of_many_levels_validates_against_the_schema(count):
    assert validate(SCHEMA, parse(set_stock_text(count))) == []


def test_no_text_of_ours_holds_a_mutation_that_is_not_on_the_list():
    texts = [*(document(name) for name in OPERATIONS), set_stock_text(2)]
    roots = {
        selection.name.value
        for text in texts
        for definition in parse(text).definitions
        if getattr(definition, "operation", None) and definition.operation.value == "mutation"
        for selection in definition.selection_set.selections
    }

    assert roots == set(allowed.ALLOWED)
