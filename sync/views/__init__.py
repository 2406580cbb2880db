"""The doors of this room that are not lists."""

from sync.views.feeds import run_feed
from sync.views.notices import (
    add_channel,
    change_channel,
    own_notifications,
    own_notifications_reset,
    own_notifications_test,
)
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
from sync.views.shipments import choose_carrier, import_carriers
from sync.views.stock import cadence, choose_cadence, keep_back, safety
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
    "add_channel",
    "approve",
    "bulk",
    "bulk_approve",
    "cadence",
    "carry",
    "change_channel",
    "choose_cadence",
    "choose_carrier",
    "duplicate",
    "import_carriers",
    "judge",
    "keep_back",
    "later",
    "map_tax",
    "mapped",
    "missing",
    "own_notifications",
    "own_notifications_reset",
    "own_notifications_test",
    "reject",
    "remap",
    "retire",
    "run_feed",
    "safety",
    "still_right",
    "take_back",
    "undo",
    "unmapped",
    "unmapped_taxes",
]
