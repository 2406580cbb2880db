"""The doors of this room that are not lists."""

from reconciliation.views.drift import drift
from reconciliation.views.files import load, read_file, take_file
from reconciliation.views.hands import match, match_now, unmatch
from reconciliation.views.rules import matching_rules, set_matching_rule
from reconciliation.views.tolerances import tolerance_set, tolerances
from reconciliation.views.write_off import write_off

__all__ = [
    "drift",
    "load",
    "match",
    "match_now",
    "matching_rules",
    "read_file",
    "set_matching_rule",
    "take_file",
    "tolerance_set",
    "tolerances",
    "unmatch",
    "write_off",
]
