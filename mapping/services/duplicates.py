"""ERP items that may be one product twice: judged, given to the ERP team to merge."""

from datetime import datetime

from django.db import connection, transaction

from mapping.models import DuplicatePair, ErpItem
from mapping.services.chains import Circle, groups_of, survivors
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

State = DuplicatePair.State
HELD = (State.OPEN, State.DUPLICATE)


@transaction.atomic
def regroup() -> None:
    """Pairs that hang together carry one number: the smallest key of their items."""
    rows = list(DuplicatePair.objects.filter(state__in=HELD).order_by("pk"))
    group_of = groups_of([(row.left_id, row.right_id) for row in rows])
    changed = [row for row in rows if row.group != group_of[row.left_id]]
    for row in changed:
        row.group = group_of[row.left_id]
    DuplicatePair.objects.bulk_update(changed, ["group"], batch_size=500)


@transaction.atomic
def judge(
    *,
    pair: DuplicatePair,
    same: bool,
    by: User | None,
    at: datetime,
    keep: ErpItem | None = None,
    reason: str = "",
) -> DuplicatePair:
    """One product twice (and which of the two to keep), or two products.

    Refused when the one to keep is itself to be merged into the other, through however many
    steps: then nobody would know what is left.
    """
    with connection.cursor() as cursor:  # judgements take turns, or two could close a circle
        cursor.execute("LOCK TABLE mapping_duplicatepair IN SHARE ROW EXCLUSIVE MODE")
    locked = DuplicatePair.objects.get(pk=pair.pk)
    if same and keep is None:
        raise Refused("Say which of the two to keep.")
    if keep is not None and keep.pk not in (locked.left_id, locked.right_id):
        raise Refused("Keep one of the two.")
    before = {"state": locked.state, "keep": locked.keep_id}
    locked.state = State.DUPLICATE if same else State.DIFFERENT
    locked.keep = keep if same else None
    locked.reason, locked.decided_by, locked.decided_at = reason, by, at
    if same:
        _refuse_circle(locked)
    locked.save()
    audit.record(
        action="duplicatepair.judge",
        subject=locked,
        by=by,
        at=at,
        before=before,
        after={"state": locked.state, "keep": locked.keep_id},
        reason=reason,
    )
    regroup()
    return locked


def merges() -> list[tuple[int, int]]:
    """(item to give up, item to keep) of every pair judged to be one product."""
    rows = DuplicatePair.objects.filter(state=State.DUPLICATE).exclude(keep=None).order_by("pk")
    return [_merge(row) for row in rows]


def _merge(row: DuplicatePair) -> tuple[int, int]:
    keep = row.keep_id or 0
    return (row.right_id if keep == row.left_id else row.left_id), keep


def _refuse_circle(row: DuplicatePair) -> None:
    others = DuplicatePair.objects.filter(state=State.DUPLICATE).exclude(pk=row.pk)
    known = [_merge(other) for other in others.exclude(keep=None).order_by("pk")]
    try:
        survivors([*known, _merge(row)])
    except Circle as circle:
        skus = dict(ErpItem.objects.filter(pk__in=circle.items).values_list("pk", "sku"))
        chain = " into ".join(skus[pk] for pk in circle.items)
        raise Refused(f"That closes a circle: {chain}. Keep another one.") from circle


@transaction.atomic
def open_again(*, pair: DuplicatePair, by: User, at: datetime) -> DuplicatePair:
    """Take a judgement back; the pair waits for a person again."""
    locked = DuplicatePair.objects.select_for_update(no_key=True, of=("self",)).get(pk=pair.pk)
    if locked.state not in (State.DUPLICATE, State.DIFFERENT):
        return locked
    before = {"state": locked.state, "keep": locked.keep_id}
    locked.state, locked.keep, locked.decided_by, locked.decided_at = State.OPEN, None, None, None
    locked.save()
    audit.record(action="duplicatepair.open", subject=locked, by=by, at=at, before=before)
    regroup()
    return locked
