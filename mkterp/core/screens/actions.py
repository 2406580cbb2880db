"""What a person can do to a row: declared once; the buttons, the URL and the 403 follow from it."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms

from mkterp.core.errors import Refused
from mkterp.core.screens.words import count_text


@dataclass(frozen=True)
class Action:
    """One verb on the rows of a screen.

    `service` is keyword-only and gets `by`, `at`, `reason` (only with `needs_reason`), the fields
    of `form` (when there is one) and the rows:
    under the keyword `one` it is called once per row, each call with a transaction of its own;
    under `many` once, with a list. When neither is named, the service's own signature decides: it
    must have a parameter `obj` or `rows`.

    `done` is the sentence afterwards: a text with {n} (count) and {things} ("3 orders"), or a
    callable that gets the list of what the service returned.
    """

    name: str  # in the URL, and part of its name: "retry"
    label: str  # on the button: "Retry"
    permission: str
    service: Callable[..., Any]
    condition: Callable[[Any], bool] = lambda row: True
    unmet: str = "This row is no longer in a state that allows it."
    done: str | Callable[[list[Any]], str] = "{label}: {things}."
    needs_reason: bool = False
    # A form that asks for more; its cleaned data goes to the service as keywords of those names.
    form: type[forms.Form] | None = None
    confirm: str = ""  # the consequence, with {n} and {things}; asked before anything happens
    multi: bool = False  # offered in the bulk bar as well
    row: bool = True  # offered on the row itself
    offered: bool = True  # False: no button anywhere, reached by another action's undo
    primary: bool = False
    danger: bool = False
    icon: str = ""
    key: str = ""  # a single key that presses it: "a"
    undo: str = ""  # the name of the action of this screen that takes it back
    one: str = ""
    many: str = ""
    _keyword: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.service).parameters
        keyword = self.many or self.one or next((k for k in ("rows", "obj") if k in parameters), "")
        takes_anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if not keyword or (keyword not in parameters and not takes_anything):
            raise TypeError(
                f"{self.service!r} of action {self.name!r} must take 'obj' or 'rows', or the "
                f"keyword named by one= or many="
            )
        object.__setattr__(self, "_keyword", keyword)

    @property
    def at_once(self) -> bool:
        """Whether the service takes all rows in one call."""
        return bool(self.many) or (not self.one and self._keyword == "rows")

    @property
    def asks(self) -> bool:
        """Whether a question stands between the button and the deed."""
        return self.needs_reason or bool(self.confirm) or self.form is not None

    def allowed(self, user: Any) -> bool:
        return bool(user.has_perm(self.permission))

    def sentence(self, results: list[Any], one: str, many: str) -> str:
        """What to say when it is done."""
        if callable(self.done):
            return self.done(results)
        return _fill(self.done, self.label, len(results), one, many)

    def question(self, count: int, one: str, many: str) -> str:
        """The consequence, with its numbers, before it is done."""
        return _fill(self.confirm or "{label}: {things}.", self.label, count, one, many)


def _fill(text: str, label: str, count: int, one: str, many: str) -> str:
    amount = count_text(count)
    return text.format(label=label, n=amount, things=f"{amount} {one if count == 1 else many}")


@dataclass
class Outcome:
    """What an action did: the results, the rows it was done to, and each refusal with its row."""

    results: list[Any] = field(default_factory=list)
    done: list[Any] = field(default_factory=list)  # the rows it was done to
    refused: dict[str, str] = field(default_factory=dict)  # primary key as text: sentence
    sentence: str = ""  # a refusal of the request as a whole
    left: list[Any] = field(default_factory=list)  # selected, but the condition does not hold


def perform(
    action: Action,
    rows: Sequence[Any],
    *,
    by: Any,
    at: datetime,
    reason: str = "",
    asked: Mapping[str, Any] | None = None,
) -> Outcome:
    """Calls the service for the rows that meet the condition; a refusal never hides the others.

    Does not catch anything but `Refused`: whatever else a service raises is a bug and a 500.
    """
    outcome = Outcome()
    eligible: list[Any] = []
    for row in rows:
        (eligible if action.condition(row) else outcome.left).append(row)
    if not eligible:
        _refuse_all(outcome, rows, action.unmet)
        return outcome
    extra: dict[str, Any] = {"by": by, "at": at, **(asked or {})}
    if action.needs_reason:
        extra["reason"] = reason
    if action.at_once:
        try:
            result = action.service(**{action._keyword: eligible}, **extra)
        except Refused as refused:
            _refuse_all(outcome, eligible, str(refused))
        else:
            outcome.done = eligible
            outcome.results = list(result) if isinstance(result, list | tuple) else eligible
        return outcome
    for row in eligible:
        try:
            outcome.results.append(action.service(**{action._keyword: row}, **extra))
        except Refused as refused:
            outcome.refused[str(row.pk)] = str(refused)
        else:
            outcome.done.append(row)
    return outcome


def _refuse_all(outcome: Outcome, rows: Sequence[Any], sentence: str) -> None:
    """Beside the row when it is one, above the list when it is many."""
    if len(rows) == 1:
        outcome.refused[str(rows[0].pk)] = sentence
    else:
        outcome.sentence = sentence
