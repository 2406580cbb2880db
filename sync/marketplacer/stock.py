"""The client's calls about stock: tell levels, many in one document, and see what is shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from mapping.domain.ownership import Field
from sync.domain.delivery import Failure, MissingRight, UnknownOutcome
from sync.domain.guard import Permit
from sync.marketplacer import answers

Answer = Failure | None


@dataclass(frozen=True)
class StockUpdate:
    """A level to be shown, in the listing's pieces, under the guard's permit for the variant."""

    permit: Permit
    quantity: int


@dataclass(frozen=True)
class VariantLevel:
    """What Marketplacer shows. `infinite` is None where the instance does not tell it."""

    marketplacer_id: str
    count: int
    infinite: bool | None
    published: bool


class _Wire(Protocol):
    def _send(
        self,
        text: str,
        operation: str,
        variables: Mapping[str, Any],
        *,
        lost: type[Failure],
        permitted: frozenset[str] = frozenset(),
    ) -> dict[str, Any]: ...

    def _read(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]: ...


@lru_cache(maxsize=128)
def set_stock_text(count: int) -> str:
    """The document that sets so many levels, one alias each.

    https://api.marketplacer.com/docs/operator-api/reference/mutations/variantupdate
    """
    names = [f"u{number}" for number in range(count)]
    inputs = ", ".join(f"${name}: VariantUpdateMutationInput!" for name in names)
    calls = "\n".join(
        f"  {name}: variantUpdate(input: ${name})"
        " { status errors { field messages } variant { id countOnHand } }"
        for name in names
    )
    return f"mutation SetStock({inputs}) {{\n{calls}\n}}\n"


class StockCalls:
    """Mixed into the client; raises what every call of the client raises."""

    def set_stock(self: _Wire, updates: Sequence[StockUpdate]) -> list[Answer]:
        """Set absolute levels, all in one document; one answer each, in its place.

        None: it is shown now. A failure that names its alias is that one's; any other, raised,
        holds for all. Carries the variant and the count and nothing else.
        """
        variables = {
            f"u{number}": {
                "variantId": update.permit.subject,
                "attributes": {"countOnHand": update.quantity},
            }
            for number, update in enumerate(updates)
        }
        answer = self._send(
            set_stock_text(len(updates)),
            "set_stock",
            variables,
            lost=UnknownOutcome,
            permitted=frozenset(
                update.permit.subject for update in updates if update.permit.field == Field.STOCK
            ),
        )
        return _by_alias(answer, list(variables))

    def variant_levels(self: _Wire, ids: Iterable[str]) -> dict[str, VariantLevel]:
        """What these variants show now; what no longer exists is absent."""
        wanted = {"ids": sorted(ids)}
        try:
            data = self._read("variant_levels", wanted)
        except MissingRight as missing:
            if "infinitequantity" not in str(missing).lower():
                raise
            data = self._read("variant_levels_plain", wanted)
        return {
            str(node["id"]): VariantLevel(
                str(node["id"]),
                int(node["countOnHand"]),
                node.get("infiniteQuantity"),
                node.get("published") is not False,
            )
            for node in data["nodes"]
            if node and node.get("__typename") == "Variant"
        }


def _by_alias(answer: Mapping[str, Any], aliases: Sequence[str]) -> list[Answer]:
    errors = answer.get("errors") or []
    data = answer.get("data")
    about: dict[str, list[Any]] = {}
    for error in errors:
        path = error.get("path") if isinstance(error, Mapping) else None
        if not path or path[0] not in aliases or not isinstance(data, Mapping):
            raise answers.graphql_failure(errors)
        about.setdefault(path[0], []).append(error)
    if not isinstance(data, Mapping):
        raise UnknownOutcome("Marketplacer's answer held no data")
    found: list[Answer] = []
    for alias in aliases:
        if alias in about:
            found.append(answers.graphql_failure(about[alias]))
        elif not isinstance(data.get(alias), Mapping):
            found.append(UnknownOutcome("Marketplacer's answer left this one out"))
        else:
            found.append(answers.payload_refusal(data[alias]))
    return found
