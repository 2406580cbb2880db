"""Who asks: what a resolver may see and do on behalf of an API key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLResolveInfo

from tests.sandbox.marketplacer.ids import BadId, read_id
from tests.sandbox.marketplacer.store import Doc

if TYPE_CHECKING:
    from tests.sandbox.marketplacer.market import Market
    from tests.sandbox.marketplacer.webhooks import Webhooks


@dataclass(frozen=True)
class Caller:
    """The principal of a request. `seller` is None for an operator key."""

    market: Market
    webhooks: Webhooks
    name: str = "Operator key"
    seller: int | None = None
    read_only: bool = False
    keyset_cursors: bool = False


class PayloadError(Exception):
    """A mutation's own error: HTTP 200, no GraphQL error, `errors` and `status` in the payload."""

    def __init__(self, field: str, message: str, status: int = 422) -> None:
        super().__init__(f"{field} {message}")
        self.errors = [{"field": field, "messages": [message]}]
        self.status = status


def caller(info: GraphQLResolveInfo) -> Caller:
    """The caller of the running operation."""
    found: Caller = info.context
    return found


def operator_only(info: GraphQLResolveInfo) -> None:
    """Raises GraphQLError for a seller's key."""
    if caller(info).seller is not None:
        raise GraphQLError("You do not have permission to access this field")


def visible(who: Caller, doc: Doc | None) -> Doc | None:
    """The document, or None where it is another seller's."""
    if doc is None or who.seller is None:
        return doc
    store = who.market.store
    kind = doc.get("kind")
    if kind == "Seller":
        return doc if doc["number"] == who.seller else None
    if kind in ("Order", "Webhook"):
        return None
    owner = doc.get("sellerNumber")
    if owner is None and doc.get("invoiceNumber") is not None:
        owner = store.need("Invoice", doc["invoiceNumber"])["sellerNumber"]
    return doc if owner in (None, who.seller) else None


def find(who: Caller, opaque: Any, *kinds: str) -> Doc | None:
    """The document behind a global id, or None; `kinds` limits what it may be."""
    try:
        kind, number = read_id(str(opaque))
    except BadId:
        return None
    if kinds and kind not in kinds:
        return None
    return visible(who, who.market.store.get(kind, number))


def need(who: Caller, opaque: Any, field: str, *kinds: str) -> Doc:
    """The document behind a global id. Raises PayloadError naming the input field."""
    doc = find(who, opaque, *kinds)
    if doc is None:
        raise PayloadError(field, "must exist", 404)
    return doc
