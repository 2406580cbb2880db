"""What every mutation shares: scopes, one transaction, and errors that travel in the payload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from tests.sandbox.marketplacer.context import Caller, PayloadError, caller, operator_only
from tests.sandbox.marketplacer.orders import Refused

Payload = dict[str, Any]
Action = Callable[[Caller, Payload], Payload]


def mutation(action: Action, *, operator: bool = False) -> Callable[..., Payload]:
    """A resolver for `field(input: …)` around an action that answers the payload's own fields.

    The action runs in one transaction, which is on disk before the answer leaves. What it refuses
    comes back as `errors` and `status`, with the object null.
    """

    def resolve(_: Any, info: GraphQLResolveInfo, input: Payload) -> Payload:
        who = caller(info)
        if who.read_only:
            raise GraphQLError(
                "This API key does not have the required scope",
                extensions={"code": "MISSING_SCOPE"},
            )
        if operator:
            operator_only(info)
        base = {"clientMutationId": input.get("clientMutationId"), "errors": None}
        try:
            with who.market.store.transaction():
                return {**base, "status": 200, **action(who, input)}
        except PayloadError as error:
            return {**base, "errors": error.errors, "status": error.status}
        except Refused as refused:
            return {**base, "errors": refused.errors, "status": 422}

    return resolve
