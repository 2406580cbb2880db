"""Everything we may write to Marketplacer: an allow-list, checked against what is really sent.

Nothing stops an operator's key from overwriting a seller's stock, price or dispatch address, so
nothing but this list may leave. Each entry is a root mutation and the input paths it may carry.
The document's own text is read, not what somebody says of it: a mutation that is not listed, a
value written into the text instead of a variable, and a field beside the listed ones stop here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

ALLOWED: Mapping[str, frozenset[str]] = {
    "externalIdUpsert": frozenset({"input.owner", "input.key", "input.value"}),
    "shipmentCreate": frozenset(
        {
            "input.invoiceId",
            "input.shippedItems[].lineItemId",
            "input.shippedItems[].quantity",
            "input.postageCarrierId",
            "input.trackingNumber",
            "input.dispatchedAt",
            "input.note",
        }
    ),
    "shipmentUpdate": frozenset(
        {"input.shipmentId", "input.postageCarrierId", "input.trackingNumber"}
    ),
    "clickAndCollectStatusUpdate": frozenset({"input.invoiceId", "input.status"}),
    "remittanceAdviceUpdate": frozenset(
        {
            "input.remittanceAdviceId",
            "input.totalPaidCents",
            "input.paidAt",
            "input.paymentReference",
        }
    ),
    "variantUpdate": frozenset({"input.variantId", "input.attributes.countOnHand"}),
}

# A mutation of these changes what may be another's: it leaves only under the guard's permit for
# the object that its input names there.
UNDER_PERMIT: Mapping[str, str] = {"variantUpdate": "variantId"}


class ForbiddenWrite(Exception):
    """A mutation or field outside the list was about to be sent: a bug, stopped before the wire."""


def check(text: str, variables: Mapping[str, Any], permitted: frozenset[str] = frozenset()) -> None:
    """Raises ForbiddenWrite unless every mutation in the text and every field it carries may go.

    `permitted` are the Marketplacer ids of the objects that the guard has given a permit for.
    """
    roots = list(root_calls(text))
    used = set[str]()
    for mutation, variable in roots:
        if mutation not in ALLOWED:
            raise ForbiddenWrite(f"the mutation {mutation} is not on the list of what we may write")
        given = variables.get(variable)
        if not isinstance(given, Mapping):
            raise ForbiddenWrite(f"{mutation} must carry its input as the variable ${variable}")
        used.add(variable)
        for path in paths(given, "input"):
            if path not in ALLOWED[mutation]:
                raise ForbiddenWrite(f"{mutation} may not carry {path}")
        subject = UNDER_PERMIT.get(mutation)
        if subject is not None and given.get(subject) not in permitted:
            raise ForbiddenWrite(f"{mutation} of {given.get(subject)} has no permit of the guard")
    if not roots:
        raise ForbiddenWrite("no mutation was found in the text to be sent")
    if unused := set(variables) - used:
        raise ForbiddenWrite(f"variables that no input uses: {', '.join(sorted(unused))}")


def only_reads(text: str) -> bool:
    """Whether nothing in the text could be a write."""
    return re.search(r"\b(mutation|subscription)\b", re.sub(r"#[^\n]*", " ", text)) is None


_CALL = re.compile(r"(?:\w+\s*:\s*)?(\w+)\s*\(\s*input\s*:\s*\$(\w+)\s*\)\s*$")


def root_calls(text: str) -> Iterator[tuple[str, str]]:
    """(mutation, variable) of each root field of the only operation, which must be a mutation.

    Raises ForbiddenWrite for text that says anything else at its root: that is not ours to send.
    """
    plain = re.sub(r"#[^\n]*", " ", text)
    if '"' in plain:
        raise ForbiddenWrite("a mutation carries no text of its own, only variables")
    head, brace, _ = plain.partition("{")
    if not brace or not re.match(r"\s*mutation\b[^{@]*$", head):
        raise ForbiddenWrite("only one mutation, without directives, is sent in a document")
    depth, piece = 0, ""
    for place, letter in enumerate(plain[len(head) :], start=len(head)):
        if letter == "{":
            depth += 1
            if depth == 2:
                found = _CALL.search(piece.strip())
                if found is None or found.group(0).strip() != piece.strip():
                    raise ForbiddenWrite(f"at the root of a mutation stands {piece.strip()!r}")
                yield found.group(1), found.group(2)
            piece = ""
        elif letter == "}":
            if depth == 1 and piece.strip():
                raise ForbiddenWrite(f"at the root of a mutation stands {piece.strip()!r}")
            depth, piece = depth - 1, ""
            if depth == 0:
                if plain[place + 1 :].strip():
                    raise ForbiddenWrite("more than one operation in a document")
                return
        else:
            piece += letter


def paths(value: Any, path: str) -> Iterator[str]:
    """The dotted path of every leaf of an input; a list adds []. Empty objects are leaves."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for inner in value:
            yield from paths(inner, f"{path}[]")
    else:
        yield path
