"""The doors of this room that are not lists."""

from mapping.views.files import (
    apply_file,
    drop_file,
    export,
    imported_file,
    merge_request,
    new_items_xlsx,
    upload,
)
from mapping.views.sellers import (
    auto_map,
    default,
    end_listing_rule,
    listing_rule,
    map_account,
    seller,
    seller_rules,
)
from mapping.views.shipping import set_shipping

__all__ = [
    "apply_file",
    "auto_map",
    "default",
    "drop_file",
    "end_listing_rule",
    "export",
    "imported_file",
    "listing_rule",
    "map_account",
    "merge_request",
    "new_items_xlsx",
    "seller",
    "seller_rules",
    "set_shipping",
    "upload",
]
