"""What every operation of the API is made of."""

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import NinjaAPI, Path, Query, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import Field, PlainSerializer

from mkterp.core import roles
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.screens import keyset

Row = TypeVar("Row")
Operation = TypeVar("Operation", bound=Callable[..., Any])

# An amount in major units as text ("12.50"): JSON numbers are floats to most who read them.
Money = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount.normalize():f}", str)]
After = Annotated[
    str, Query("", description="`next` of the page before; empty for the first", max_length=2000)
]
# PostgreSQL keeps no NUL characters in texts.
Text = Annotated[str, Field(max_length=500, pattern="^[^\x00]*$")]
Key = Annotated[int, Path(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(50, ge=1, le=500, description="rows on a page")]


class Page(Schema, Generic[Row]):
    """One page. `next` goes into `after` of the next call; it is empty on the last page."""

    rows: list[Row]
    next: str


class Problem(Schema):
    """What was wrong, in one sentence."""

    detail: str


problems: dict[Any, Any] = {
    frozenset({400, 401, 403, 404, 409, 422, 429}): Problem,
}


def page(
    rows: QuerySet[Any],
    ordering: keyset.Ordering,
    after: str,
    limit: int,
    draw: Callable[[Any], Any],
) -> dict[str, Any]:
    """A page by key, at any depth in one query. A cursor that is not ours is refused (404)."""
    if after and not keyset.fits(rows, ordering, after):
        raise HttpError(404, "There is no such page: `after` is not a `next` of this list.")
    found = keyset.fetch(rows, ordering, limit, after=after)
    if after and not found.previous:  # emptied meanwhile: a screen shows its beginning, a program
        return {"rows": [], "next": ""}  # would read all of it again
    return {"rows": [draw(row) for row in found.rows], "next": found.next}


def needs(permission: str) -> Callable[[Operation], Operation]:
    """Marks an operation with the permission it asks of the token's person, and refuses others."""

    def mark(operation: Operation) -> Operation:
        @functools.wraps(operation)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.has_perm(permission):
                raise HttpError(403, f"This token's person may not do that: {permission}.")
            return operation(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return mark


def acting(request: HttpRequest) -> User:
    """The person a changing operation acts for. A token that may only read is refused."""
    if not request.auth.may_act:  # type: ignore[attr-defined]
        raise HttpError(403, "This token may only read. Make one that may act.")
    return roles.person(request)


def answer_refusals(api: NinjaAPI) -> None:
    """A service's `Refused` is the caller's to understand: 409, with its sentence."""

    @api.exception_handler(Refused)
    def refused(request: HttpRequest, refusal: Any) -> Any:
        return api.create_response(request, {"detail": str(refusal)}, status=409)

    @api.exception_handler(ValidationError)
    def not_understood(request: HttpRequest, error: Any) -> Any:
        """Each field that does not fit, and why, in one sentence like every other problem."""
        faults = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors]
        return api.create_response(request, {"detail": "; ".join(faults)}, status=422)
