"""Which Marketplacer thing is which ERP thing, and whose it is.

Identity of a listing is Marketplacer's variant, never the SKU alone: two sellers may use one SKU
for two products.
"""

from mapping.models.catalogue import ErpItem, Listing
from mapping.models.codes import AccountMapping, AccountRole, ShippingTaxPolicy, TaxCodeMapping
from mapping.models.dated import IN_FORCE, DatedQuerySet, TstzRange
from mapping.models.imports import ImportedFile
from mapping.models.mappings import SkuMapping
from mapping.models.sellers import (
    FulfilmentRule,
    ListingOwnership,
    OwnershipDefault,
    OwnershipRule,
    Seller,
    SellerRule,
    SellerSettings,
    SellerTreatment,
)
from mapping.models.suggestions import (
    Decision,
    DuplicatePair,
    NewItemRequest,
    RejectedPair,
    StoredSuggestion,
    SuggestionModel,
    Synonym,
)

__all__ = [
    "IN_FORCE",
    "AccountMapping",
    "AccountRole",
    "DatedQuerySet",
    "Decision",
    "DuplicatePair",
    "ErpItem",
    "FulfilmentRule",
    "ImportedFile",
    "Listing",
    "ListingOwnership",
    "NewItemRequest",
    "OwnershipDefault",
    "OwnershipRule",
    "RejectedPair",
    "Seller",
    "SellerRule",
    "SellerSettings",
    "SellerTreatment",
    "ShippingTaxPolicy",
    "SkuMapping",
    "StoredSuggestion",
    "SuggestionModel",
    "Synonym",
    "TaxCodeMapping",
    "TstzRange",
]
