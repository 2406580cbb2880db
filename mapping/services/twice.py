"""Looking for ERP items that are one product twice, a part of the master at a time."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from mapping.domain import suggestions
from mapping.models import DuplicatePair, ErpItem
from mapping.services import duplicates, models, ranking

CHUNK = 500
BUDGET = timedelta(seconds=120)  # of one run; below a task's timeout
State = DuplicatePair.State


def waiting() -> QuerySet[ErpItem]:
    """Active items that were never compared with the others, or changed since."""
    return ErpItem.objects.filter(active=True).filter(
        Q(compared_at=None) | Q(facts_at__gt=F("compared_at"))
    )


def find(*, clock: Callable[[], datetime], budget: timedelta = BUDGET) -> dict[str, int]:
    """Compare waiting items with the whole master until none is left or the budget is spent.

    Pairs that look like one product are kept to be judged; what a person has judged stays judged.
    An open pair that is no longer alike, or of which an item went, is GONE. Returns counts; a
    second run at once finds nothing to do.
    """
    counts = {"compared": 0, "open": 0, "gone": 0}
    stop = clock() + budget
    counts["gone"] += _let_go()
    while clock() < stop:
        keys = list(waiting().order_by("pk").values_list("pk", flat=True)[:CHUNK])
        if not keys:
            break
        at = clock()
        built = ranking.catalogue(at=at)
        row = models.in_force()
        model = models.load(row)
        found = suggestions.duplicate_pairs(
            built.catalogue, model=model, among=[str(key) for key in keys]
        )
        version = row.version if row is not None else model.version
        new, gone = _store(keys, found, version, at)
        counts["compared"] += len(keys)
        counts["open"] += new
        counts["gone"] += gone
    if counts["open"] or counts["gone"]:
        duplicates.regroup()
    return counts


@transaction.atomic
def _store(
    keys: Sequence[int], found: Sequence[suggestions.DuplicatePair], version: str, at: datetime
) -> tuple[int, int]:
    held = {
        (row.left_id, row.right_id): row
        for row in DuplicatePair.objects.select_for_update(no_key=True, of=("self",))
        .filter(Q(left__in=keys) | Q(right__in=keys))
        .order_by("pk")
    }
    living = set(
        ErpItem.objects.filter(
            active=True, pk__in={int(k) for pair in found for k in (pair.left_id, pair.right_id)}
        ).values_list("pk", flat=True)
    )
    new: list[DuplicatePair] = []
    seen: set[tuple[int, int]] = set()
    for pair in found:
        one, other = sorted((int(pair.left_id), int(pair.right_id)))
        if one not in living or other not in living:
            continue
        seen.add((one, other))
        row = held.get((one, other))
        if row is not None and row.state not in (State.OPEN, State.GONE):
            continue
        evidence = [asdict(e) | {"verdict": str(e.verdict)} for e in pair.evidence]
        if row is None:
            row = DuplicatePair(left_id=one, right_id=other, found_at=at)
            new.append(row)
        elif row.state == State.GONE:
            row.found_at = at
        row.state, row.score, row.evidence = State.OPEN, pair.score, evidence
        row.model_version = version
    DuplicatePair.objects.bulk_create(new, batch_size=500)
    gone = [r for k, r in held.items() if r.state == State.OPEN and k not in seen]
    for row in gone:
        row.state = State.GONE
    DuplicatePair.objects.bulk_update(
        held.values(), ["state", "score", "evidence", "model_version", "found_at"], batch_size=500
    )
    ErpItem.objects.filter(pk__in=keys).update(compared_at=at)
    return len(new), len(gone)


@transaction.atomic
def _let_go() -> int:
    """Open pairs of which an item is no longer active need nobody's judgement."""
    return DuplicatePair.objects.filter(
        Q(left__active=False) | Q(right__active=False), state=State.OPEN
    ).update(state=State.GONE)
