"""What may leave for Marketplacer, and that nothing else can, whatever somebody writes."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, build_schema

from mapping.domain.ownership import Field, ListingFacts, Owner, Rules, Scope, StockRule
from sync.domain.guard import WORDS, Facts, Permit, Verdict, decide, permit
from sync.marketplacer import allowed
from sync.marketplacer.client import MarketplacerClient
from sync.marketplacer.stock import StockUpdate, set_stock_text

AT = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
OURS = Rules(stock=[StockRule(Scope.SELLER, Owner.OPERATOR, 1, 7)])
THEIRS = Rules(stock=[StockRule(Scope.SELLER, Owner.SELLER, 1, 7)])
SHIRT = ListingFacts(7, 70, "SHIRT-M", "Quayside")
ROOT = Path(__file__).parent.parent.parent.parent
SCHEMA = build_schema((ROOT / "tests" / "sandbox" / "marketplacer" / "schema.graphql").read_text())


@pytest.mark.parametrize(
    ("facts", "rules", "code"),
    [
        (Facts(SHIRT), OURS, ""),
        (Facts(SHIRT), THEIRS, "seller_managed"),
        (Facts(SHIRT), Rules(), "no_rule"),
        (Facts(SHIRT, mapped=False), OURS, "not_mapped"),
        (Facts(SHIRT, published=False), OURS, "not_published"),
        (Facts(SHIRT, infinite=True), OURS, "infinite"),
        (Facts(ListingFacts(7, 70, deleted=True)), OURS, "listing_gone"),
    ],
)
def test_a_level_leaves_only_when_everything_speaks_for_it(facts, rules, code):
    verdict = decide(Field.STOCK, facts, rules, AT)

    assert verdict.code == code
    assert verdict.reason
    assert not code or code in WORDS


@pytest.mark.parametrize("field", ["price", "content", "publication", "ship_from", "nonsense"])
def test_what_is_never_ours_gets_no_permit_even_for_our_own_listings(field):
    answer = permit(field, "variant", Facts(SHIRT), OURS, AT)

    assert isinstance(answer, Verdict)
    assert not answer.allowed


def paths_of(kind, path="input", depth=0):
    """Every leaf that an input of the schema could carry."""
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        yield from paths_of(kind.of_type, f"{path}[]", depth)
    elif isinstance(kind, GraphQLInputObjectType):
        if depth < 4:
            for name, field in kind.fields.items():
                yield from paths_of(field.type, f"{path}.{name}", depth + 1)
    else:
        yield path


def value_at(path):
    """An input that carries something at this path and nowhere else."""
    value = "x"
    for part in reversed(path.split(".")[1:]):
        name = part.replace("[]", "")
        value = {name: [value] if part.endswith("[]") else value}
    return value


EVERY_PATH = [
    (name, path)
    for name, field in SCHEMA.mutation_type.fields.items()
    for path in paths_of(field.args["input"].type)
]


@pytest.mark.parametrize(("mutation", "path"), EVERY_PATH)
def test_every_field_of_the_schema_is_refused_unless_it_is_on_the_list(mutation, path):
    text = f"mutation M($a: X!) {{ {mutation}(input: $a) {{ status }} }}"
    subject = allowed.UNDER_PERMIT.get(mutation)
    given = value_at(path)
    if subject is not None and isinstance(given, dict):
        given.setdefault(subject, "variant")

    if path in allowed.ALLOWED.get(mutation, ()):
        allowed.check(text, {"a": given}, frozenset({"variant", "x"}))
    else:
        with pytest.raises(allowed.ForbiddenWrite):
            allowed.check(text, {"a": given}, frozenset({"variant", "x"}))


def test_the_schema_was_tried_at_every_mutation():
    assert {name for name, _ in EVERY_PATH} == set(SCHEMA.mutation_type.fields)
    assert len(EVERY_PATH) > 100
    tried = {(mutation, path.split(".")[-1]) for mutation, path in EVERY_PATH}
    assert {
        ("shipmentCreate", "shippedFromId"),
        ("shipmentUpdate", "shippedFromId"),
        ("variantUpdate", "price"),
        ("variantUpdate", "published"),
        ("variantUpdate", "infiniteQuantity"),
        ("advertUpsert", "countOnHand"),
    } <= tried
    assert [path for _, path in EVERY_PATH if "address" in path.lower()]


STOCK = {"variantId": "v", "attributes": {"countOnHand": 5}}


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        # A value in the text instead of a variable.
        ('mutation M { variantUpdate(input: {variantId: "v"}) { status } }', {}),
        ("mutation M { variantUpdate(input: {attributes: {countOnHand: 0}}) { status } }", {}),
        # A second mutation behind an allowed one.
        (
            "mutation M($a: X!) { a: variantUpdate(input: $a) { status }"
            " b: shipmentCreate(input: $a) { status } }",
            {"a": STOCK},
        ),
        # A second operation, a fragment, a directive.
        (
            "mutation M($a: X!) { variantUpdate(input: $a) { status } }"
            " mutation N($a: X!) { shipmentCreate(input: $a) { status } }",
            {"a": STOCK},
        ),
        ("mutation M($a: X!) { ...All } fragment All on Mutation { x }", {"a": STOCK}),
        ("mutation M($a: X!) @x { variantUpdate(input: $a) { status } }", {"a": STOCK}),
        # No input, a variable that nothing uses, another argument beside it.
        ("mutation M($a: X!) { variantUpdate(input: $a) { status } }", {}),
        (
            "mutation M($a: X!) { variantUpdate(input: $a) { status } }",
            {"a": STOCK, "address": {"city": "Leeds"}},
        ),
        (
            "mutation M($a: X!) { variantUpdate(input: $a, shippedFromId: 1) { status } }",
            {"a": STOCK},
        ),
        ("subscription M { variantUpdate(input: $a) { status } }", {"a": STOCK}),
    ],
)
def test_text_that_hides_a_write_is_not_sent(text, variables):
    with pytest.raises(allowed.ForbiddenWrite):
        allowed.check(text, variables, frozenset({"v"}))


def client(answered):
    def handle(request):
        answered.append(request)
        return httpx.Response(200, json={"data": {"u0": {"status": 200, "errors": None}}})

    return MarketplacerClient("http://far/graphql", "key", transport=httpx.MockTransport(handle))


def test_the_client_sends_stock_under_a_permit_and_not_without():
    wire = []
    far = client(wire)
    assert far.set_stock([StockUpdate(Permit(Field.STOCK, "v", AT), 5)]) == [None]
    assert len(wire) == 1

    with pytest.raises(allowed.ForbiddenWrite):
        far.set_stock([StockUpdate(Permit(Field.EXTERNAL_ID, "v", AT), 5)])
    with pytest.raises(allowed.ForbiddenWrite):
        far._send(set_stock_text(1), "set_stock", {"u0": STOCK}, lost=RuntimeError)
    with pytest.raises(allowed.ForbiddenWrite):
        far._send(
            set_stock_text(1), "set_stock", {"u0": STOCK}, lost=RuntimeError,
            permitted=frozenset({"another"}),
        )  # fmt: skip
    assert len(wire) == 1
