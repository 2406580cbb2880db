"""The addresses of this room."""

from django.urls import path

from mapping import views
from mapping.screens import (
    ACCOUNTS,
    DUPLICATES,
    MAPPINGS,
    NEW_ITEMS,
    SELLERS,
    SHIPPING_POLICIES,
    TAX_CODES,
)

app_name = "mapping"

urlpatterns = [
    path("sellers/default/", views.default, name="default"),
    path("sellers/<int:key>/", views.seller, name="seller"),
    path("sellers/<int:key>/rules/", views.seller_rules, name="seller-rules"),
    path("sellers/<int:key>/listings/", views.listing_rule, name="seller-listing-rule"),
    path("sellers/<int:key>/listings/end/", views.end_listing_rule, name="seller-rule-end"),
    path("sellers/<int:key>/auto-map/", views.auto_map, name="seller-auto-map"),
    path("new-items/export.xlsx", views.new_items_xlsx, name="new-items-xlsx"),
    path("duplicates/merge-request/", views.merge_request, name="merge-request"),
    path("shipping-tax/set/", views.set_shipping, name="shipping-tax-set"),
    path("accounts/map/", views.map_account, name="account-map"),
    path("imports/", views.upload, name="imports"),
    path("imports/export/", views.export, name="registry-export"),
    path("imports/<int:key>/", views.imported_file, name="import"),
    path("imports/<int:key>/apply/", views.apply_file, name="import-apply"),
    path("imports/<int:key>/drop/", views.drop_file, name="import-drop"),
    *MAPPINGS.urls("mappings/"),
    *SELLERS.urls("sellers/"),
    *NEW_ITEMS.urls("new-items/"),
    *DUPLICATES.urls("duplicates/"),
    *TAX_CODES.urls("tax-codes/"),
    *ACCOUNTS.urls("accounts/"),
    *SHIPPING_POLICIES.urls("shipping-tax/"),
]
