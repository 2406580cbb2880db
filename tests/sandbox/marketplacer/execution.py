"""Parse, check and execute GraphQL against the schema file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLSyntaxError,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.sandbox.marketplacer import (
    mutations_catalogue,
    mutations_money,
    mutations_orders,
)
from tests.sandbox.marketplacer.context import Caller
from tests.sandbox.marketplacer.ids import global_id, moment, public_time
from tests.sandbox.marketplacer.resolvers_queries import QUERIES
from tests.sandbox.marketplacer.resolvers_types import FIELDS, external_ids, formatted
from tests.sandbox.marketplacer.store import Doc

SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
DEEPEST = 30
MUTATIONS = {
    **mutations_orders.MUTATIONS,
    **mutations_money.MUTATIONS,
    **mutations_catalogue.MUTATIONS,
}


def _read_time(value: Any) -> datetime:
    try:
        return moment(value)
    except (TypeError, ValueError):
        raise GraphQLError(f"{value!r} is not a valid ISO 8601 time") from None


def _read_decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"{value!r} is not a decimal number") from None


def _show_time(value: Any) -> str:
    return public_time(value) if isinstance(value, str) else str(value)


def _identity(doc: Doc, info: Any, **_: Any) -> str:
    found = doc.get("id")
    return str(found) if found is not None else global_id(doc["kind"], doc["number"])


def _typename(doc: Doc, *_: Any) -> str:
    kind: str = doc["kind"]
    if doc.get("deleted"):
        return f"Deleted{kind}"
    if kind == "Advert" and not doc["published"]:
        return "UnpublishedAdvert"
    return kind


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """The schema of the file, with every field's resolver in its place."""
    made = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
    for name, kind in made.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            _fill(name, kind)
        elif isinstance(kind, (GraphQLUnionType, GraphQLInterfaceType)):
            kind.resolve_type = _typename
        elif isinstance(kind, GraphQLScalarType):
            _scalar(name, kind)
    return made


def _scalar(name: str, kind: GraphQLScalarType) -> None:
    if name in ("ISO8601DateTime", "ISO8601Date"):
        kind.serialize = _show_time  # type: ignore[method-assign]
        kind.parse_value = _read_time  # type: ignore[method-assign]
    elif name == "Decimal":
        kind.serialize = str  # type: ignore[method-assign,assignment]
        kind.parse_value = _read_decimal  # type: ignore[method-assign]


def _fill(name: str, kind: GraphQLObjectType) -> None:
    own: dict[str, Any] = FIELDS.get(name, {})
    if name == "Query":
        own = QUERIES
    elif name == "Mutation":
        own = MUTATIONS
    for field_name, field in kind.fields.items():
        if field_name in own:
            field.resolve = own[field_name]
        elif name in ("Query", "Mutation"):
            raise LookupError(f"the schema promises {field_name}, nothing resolves it")
        elif field_name == "id":
            field.resolve = _identity
        elif field_name == "legacyId":
            field.resolve = lambda doc, info, **_: doc["number"]
        elif field_name == "externalIds":
            field.resolve = external_ids
        elif field_name.endswith("Formatted"):
            field.resolve = formatted(field_name.removesuffix("Formatted") + "Cents")


@lru_cache(maxsize=512)
def prepare(query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """The parsed query, or the errors that keep it from being executed."""
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        return None, (error,)
    errors = validate(schema(), document)
    if not errors and depth(document) > DEEPEST:
        errors = [GraphQLError(f"Query has depth of {depth(document)}, max depth is {DEEPEST}")]
    return (None, tuple(errors)) if errors else (document, ())


def depth(document: DocumentNode) -> int:
    """How many fields lie inside one another at most; fragments count where they are spread."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }

    def deepest(selection: SelectionSetNode | None) -> int:
        levels = [0]
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                levels.append(1 + deepest(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                levels.append(deepest(fragments[node.name.value].selection_set))
            else:
                levels.append(deepest(getattr(node, "selection_set", None)))
        return max(levels)

    return max(
        (deepest(n.selection_set) for n in document.definitions
         if isinstance(n, OperationDefinitionNode)),
        default=0,
    )  # fmt: skip


def root_fields(document: DocumentNode, operation_name: str | None) -> Iterator[tuple[str, str]]:
    """(operation type, root field) pairs of the operation that would run."""
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue
        if operation_name and (node.name is None or node.name.value != operation_name):
            continue
        for field in node.selection_set.selections:
            if isinstance(field, FieldNode):
                yield node.operation.value, field.name.value


def run(
    query: str,
    who: Caller,
    *,
    variables: dict[str, Any] | None = None,
    operation_name: str | None = None,
) -> dict[str, Any]:
    """Execute a query and give the response body: `data`, and `errors` where there are any.

    Readers run side by side; a mutation holds the store until it is done.
    """
    document, errors = prepare(query)
    if document is None:
        return {"errors": [error.formatted for error in errors]}
    kinds = {kind for kind, _ in root_fields(document, operation_name)}
    arguments: dict[str, Any] = {
        "context_value": who,
        "variable_values": variables,
        "operation_name": operation_name,
    }
    if OperationType.MUTATION.value in kinds:
        with who.market.store.lock:
            result = execute_sync(schema(), document, **arguments)
    else:
        result = execute_sync(schema(), document, **arguments)
    return dict(result.formatted)
