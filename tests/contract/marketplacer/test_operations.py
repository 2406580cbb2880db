"""Every GraphQL text we send is valid against Marketplacer's published schema."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from sync.marketplacer import allowed
from sync.marketplacer.client import document

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


def test_no_text_of_ours_holds_a_mutation_that_is_not_on_the_list():
    roots = {
        selection.name.value
        for name in OPERATIONS
        for definition in parse(document(name)).definitions
        if getattr(definition, "operation", None) and definition.operation.value == "mutation"
        for selection in definition.selection_set.selections
    }

    assert roots == set(allowed.ALLOWED)
