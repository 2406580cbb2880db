"""What the registry knows, as of a moment."""

from mapping.selectors.catalogue import (
    Suggestion,
    listings_with,
    search_items,
    suggestions,
    unmapped,
)
from mapping.selectors.codes import (
    account,
    account_mappings,
    accounts_at,
    narrowest,
    tax_code_mappings,
    tax_rules,
)
from mapping.selectors.ownership import (
    decide,
    facts_of,
    listing_rules,
    rules_in_force,
    writable,
)
from mapping.selectors.registry import (
    SellerRules,
    covers,
    mappings,
    mappings_of,
    rules_of,
    with_readiness,
    with_rules,
)

__all__ = [
    "SellerRules",
    "Suggestion",
    "account",
    "account_mappings",
    "accounts_at",
    "covers",
    "decide",
    "facts_of",
    "listing_rules",
    "listings_with",
    "mappings",
    "mappings_of",
    "narrowest",
    "rules_in_force",
    "rules_of",
    "search_items",
    "suggestions",
    "tax_code_mappings",
    "tax_rules",
    "unmapped",
    "with_readiness",
    "with_rules",
    "writable",
]
