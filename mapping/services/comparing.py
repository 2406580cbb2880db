"""Mapped pairs, compared with the eyes of the suggestions."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from mapping.domain.matching.evidence import explain
from mapping.domain.matching.parsed import Parser
from mapping.models import SkuMapping
from mapping.services import records


def stale() -> QuerySet[SkuMapping]:
    """Mappings in force that were never compared, or of which a side changed since."""
    return (
        SkuMapping.objects.filter(state=SkuMapping.State.CONFIRMED)
        .filter(
            Q(compared_at=None)
            | Q(listing__facts_at__gt=F("compared_at"))
            | Q(item__facts_at__gt=F("compared_at"))
        )
        .select_related("listing__seller", "item")
        .order_by("pk")
    )


def compare(*, mappings: Sequence[SkuMapping]) -> dict[int, list[dict[str, Any]]]:
    """What agrees, conflicts or is not known between the two sides, by the mapping's key."""
    parser = Parser(records.synonyms())
    return {
        mapping.pk: [
            asdict(one) | {"verdict": str(one.verdict)}
            for one in explain(
                parser.parse(records.of_listing(mapping.listing)),
                parser.parse(records.of_item(mapping.item)),
            )
        ]
        for mapping in mappings
    }


def keep(
    *,
    mapping: SkuMapping,
    evidence: Sequence[dict[str, Any]],
    conflicts: Sequence[str],
    at: datetime,
) -> None:
    """Remember what was compared, and in what the two may differ without being news."""
    mapping.compared = {"evidence": list(evidence), "conflicts": list(conflicts)}
    mapping.compared_at = at
    mapping.save(update_fields=["compared", "compared_at"])
