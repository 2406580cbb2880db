"""Mapped pairs looked at again when either side changes: do they still agree?

A mapping keeps what was compared when it was last looked at. A fact that conflicts now and did not
then opens a case; the case resolves when the facts agree again or a person says it is right.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from mapping.models import SkuMapping
from mapping.services import comparing
from mkterp.core import audit
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase
from sync.services import cases
from sync.services.cases import Cause

CHUNK = 500


def recheck_changed(*, clock: Callable[[], datetime], limit: int = 20_000) -> dict[str, int]:
    """Compare the pairs in force of which a side changed since they were compared.

    Returns counts by what was found. A second run at once finds nothing to do.
    """
    counts = {"compared": 0, "conflicts": 0, "resolved": 0}
    while counts["compared"] < limit:
        pairs = list(comparing.stale()[:CHUNK])
        if not pairs:
            return counts
        for what, many in recheck(mappings=pairs, at=clock()).items():
            counts[what] += many
    return counts


@transaction.atomic
def recheck(*, mappings: Sequence[SkuMapping], at: datetime) -> dict[str, int]:
    """Compare these pairs; open a case for each new conflict, resolve what agrees again."""
    opened, resolved = 0, 0
    found = comparing.compare(mappings=mappings)
    for mapping in mappings:
        before = mapping.compared.get("conflicts")
        evidence = found.get(mapping.pk, [])
        now = sorted(one["name"] for one in evidence if one["verdict"] == "conflict")
        # What a person confirmed with their eyes open is not news: the first comparison is kept.
        accepted = now if before is None else before
        new = [name for name in now if name not in accepted]
        comparing.keep(mapping=mapping, evidence=evidence, conflicts=accepted, at=at)
        if new:
            _open(mapping, [one for one in evidence if one["name"] in new], at)
            opened += 1
        else:
            resolved += _resolve([mapping], "The two sides agree again.", at)
    return {"compared": len(mappings), "conflicts": opened, "resolved": resolved}


def _open(mapping: SkuMapping, evidence: Iterable[dict[str, Any]], at: datetime) -> None:
    what = "; ".join(one["sentence"] for one in evidence)
    cases.open_case(
        cause=Cause(
            CaseKind.MAPPING_CONFLICT,
            f"pair:{mapping.pk}",
            f"{mapping.listing} and {mapping.item.sku} differ since a change: {what}",
            listing=mapping.listing,
            seller=mapping.listing.seller,
        ),
        at=at,
    )


def _resolve(
    mappings: Iterable[SkuMapping], resolution: str, at: datetime, by: User | None = None
) -> int:
    found = ExceptionCase.objects.filter(
        kind=CaseKind.MAPPING_CONFLICT,
        key__in=[f"pair:{mapping.pk}" for mapping in mappings],
        state=ExceptionCase.State.OPEN,
    )
    for case in found:
        cases.resolve(case=case, resolution=resolution, at=at, by=by)
    return len(found)


@transaction.atomic
def still_right(*, mapping: SkuMapping, by: User, at: datetime) -> SkuMapping:
    """A person says that the pair is one product although the facts differ; not asked again."""
    locked = (
        SkuMapping.objects.select_for_update(no_key=True, of=("self",))
        .select_related("listing__seller", "item")
        .get(pk=mapping.pk)
    )
    evidence = comparing.compare(mappings=[locked]).get(locked.pk, [])
    now = sorted(one["name"] for one in evidence if one["verdict"] == "conflict")
    comparing.keep(mapping=locked, evidence=evidence, conflicts=now, at=at)
    audit.record(
        action="mapping.still_right", subject=locked, by=by, at=at, after={"conflicts": now}
    )
    _resolve([locked], f"{by} says that it is the same product.", at, by)
    return locked


def resolve_ended(*, at: datetime) -> int:
    """Cases of pairs that are not mapped any more have lost their cause; returns how many."""
    held = SkuMapping.objects.filter(state=SkuMapping.State.CONFIRMED)
    closed = 0
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.MAPPING_CONFLICT, state=ExceptionCase.State.OPEN
    ).order_by("pk"):
        if not held.filter(pk=int(case.key.removeprefix("pair:"))).exists():
            cases.resolve(case=case, resolution="The pair is not mapped any more.", at=at)
            closed += 1
    return closed
