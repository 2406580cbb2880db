"""The doors of this room that are not lists."""

from sync.views.registry import (
    duplicate,
    judge,
    map_tax,
    mapped,
    remap,
    retire,
    still_right,
    unmapped_taxes,
)
from sync.views.workbench import (
    approve,
    bulk,
    bulk_approve,
    carry,
    later,
    missing,
    reject,
    take_back,
    undo,
    unmapped,
)

__all__ = [
    "approve",
    "bulk",
    "bulk_approve",
    "carry",
    "duplicate",
    "judge",
    "later",
    "map_tax",
    "mapped",
    "missing",
    "reject",
    "remap",
    "retire",
    "still_right",
    "take_back",
    "undo",
    "unmapped",
    "unmapped_taxes",
]
