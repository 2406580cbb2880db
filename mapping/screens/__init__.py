"""The screens of this room: one instance of each; links and addresses come from it."""

from mapping.screens.codes import Accounts, ShippingPolicies, TaxCodes
from mapping.screens.duplicates import Duplicates
from mapping.screens.mappings import Mappings
from mapping.screens.requests import NewItems
from mapping.screens.sellers import Sellers

MAPPINGS, SELLERS = Mappings(), Sellers()
NEW_ITEMS, DUPLICATES = NewItems(), Duplicates()
TAX_CODES, ACCOUNTS = TaxCodes(), Accounts()
SHIPPING_POLICIES = ShippingPolicies()

__all__ = [
    "ACCOUNTS",
    "DUPLICATES",
    "MAPPINGS",
    "NEW_ITEMS",
    "SELLERS",
    "SHIPPING_POLICIES",
    "TAX_CODES",
]
