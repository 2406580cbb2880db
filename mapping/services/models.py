"""The trained rankings: which is in force, learning a new one, going back to the one before."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from mapping.domain import suggestions
from mapping.domain.suggestions import Choice, Model
from mapping.models import Decision, SuggestionModel
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

State = SuggestionModel.State
# Fewer decisions than this make a ranking worse rather than better (measured, see docs).
ENOUGH = 200
EVERY = 100  # decisions since the last learning
LEARNT = {
    Decision.Choice.APPROVED: Choice.APPROVED,
    Decision.Choice.OTHER: Choice.OTHER,
    Decision.Choice.REJECTED: Choice.REJECTED,
    Decision.Choice.NONE: Choice.NONE,
    # What turned out wrong was not it.
    Decision.Choice.RETIRED: Choice.REJECTED,
}


def in_force() -> SuggestionModel | None:
    """The model that ranks now; None: the one that was shipped."""
    return SuggestionModel.objects.filter(state=State.IN_FORCE).first()  # one: by constraint


def load(row: SuggestionModel | None) -> Model:
    """The model of a row, or the shipped one.

    One that was learnt before mkterp saw other features in a pair cannot be read any more: the
    shipped one stands in until `learn`, which is due then, has learnt from the decisions anew.
    """
    return (row and _read(row)) or suggestions.prior()


def _read(row: SuggestionModel) -> Model | None:
    """None when it was made for other features than this version of mkterp sees."""
    try:
        return Model.from_bytes(bytes(row.body))
    except suggestions.UnreadableModel:
        return None


def _learnable() -> QuerySet[Decision]:
    taken_back = Decision.objects.exclude(undoes=None).filter(choice=Decision.Choice.UNDONE)
    return Decision.objects.filter(choice__in=LEARNT).exclude(pk__in=taken_back.values("undoes_id"))


def decisions() -> Iterator[suggestions.Decision]:
    """What people decided, the oldest first, without what they took back."""
    for row in _learnable().order_by("pk").iterator(chunk_size=1000):
        yield suggestions.Decision(
            left_id=str(row.listing_id),
            choice=LEARNT[Decision.Choice(row.choice)],
            right_id=str(row.item_id or ""),
            shown=tuple((str(one["item"]), as_seen(one["features"])) for one in row.shown),
        )


def as_seen(kept: Mapping[str, float | None]) -> dict[str, float]:
    """As the model reads them: what was not known is no number."""
    return {name: math.nan if value is None else value for name, value in kept.items()}


def learn(*, at: datetime) -> SuggestionModel | None:
    """Learn from all decisions once there are ENOUGH and EVERY more than the last time.

    Returns the row of what came of it: in force when the latest decisions come out no worse under
    it, else kept as WORSE with the reason, and what ranked goes on ranking. None when there was
    nothing to do; a second run at once finds that.
    """
    if not due():
        return None
    before = in_force()
    said = list(decisions())
    found = suggestions.refit(said, load(before))
    with transaction.atomic():
        current = (
            SuggestionModel.objects.select_for_update(no_key=True)
            .filter(state=State.IN_FORCE)
            .first()
        )
        if current != before:  # somebody rolled back meanwhile: their word stands
            return None
        if current is not None and (found.swapped or _read(current) is None):
            current.state, current.changed_at = State.REPLACED, at
            current.save(update_fields=["state", "changed_at"])
        row = SuggestionModel.objects.create(
            version=f"{found.model.version}-{len(said)}",
            state=State.IN_FORCE if found.swapped else State.WORSE,
            body=found.model.to_bytes() if found.swapped else b"",
            data_hash=found.data_hash,
            decisions=len(said),
            metrics={"old": asdict(found.old), "new": asdict(found.new)},
            reason=found.reason,
            made_at=at,
        )
        audit.record(
            action="suggestionmodel.learn",
            subject=row,
            by=None,
            at=at,
            after={"state": row.state, "decisions": row.decisions, **row.metrics},
            reason=found.reason or "the latest decisions come out no worse",
        )
    return row


def due() -> bool:
    """Whether there are enough decisions to learn from, and enough new ones or all to read anew."""
    many = _learnable().count()
    last = SuggestionModel.objects.order_by("-pk").values_list("decisions", flat=True).first()
    if many < ENOUGH or many >= (last or 0) + EVERY:
        return many >= ENOUGH
    row = in_force()
    return row is not None and _read(row) is None


@transaction.atomic
def roll_back(*, by: User, at: datetime, reason: str) -> SuggestionModel | None:
    """Go back to the model before the one in force; returns it, None when that is the shipped one.

    Refused when the shipped one is in force already, or without a reason.
    """
    if not reason.strip():
        raise Refused("Say why.")
    current = (
        SuggestionModel.objects.select_for_update(no_key=True).filter(state=State.IN_FORCE).first()
    )
    if current is None:
        raise Refused("The ranking as shipped is in force; there is none before it.")
    current.state, current.changed_by, current.changed_at = State.ROLLED_BACK, by, at
    current.save(update_fields=["state", "changed_by", "changed_at"])
    before = (
        SuggestionModel.objects.filter(state=State.REPLACED, pk__lt=current.pk)
        .order_by("-pk")
        .first()
    )
    if before is not None:
        before.state, before.changed_by, before.changed_at = State.IN_FORCE, by, at
        before.save(update_fields=["state", "changed_by", "changed_at"])
    audit.record(
        action="suggestionmodel.roll_back",
        subject=current,
        by=by,
        at=at,
        after={"in_force": before.version if before else "as shipped"},
        reason=reason,
    )
    return before
