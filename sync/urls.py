"""The addresses of this room."""

from django.urls import path

from sync import shipment_views, stock_views, views, webhooks
from sync.screens import (
    CARRIERS,
    DRIFTS,
    EXCEPTIONS,
    HOLDS,
    INBOX,
    INVENTORY,
    ORDERS,
    OUTBOX,
    PREVENTED,
    REFUNDS,
    SHIPMENTS,
)

app_name = "sync"

urlpatterns = [
    path("webhooks/marketplacer/", webhooks.receive, name="webhook"),
    *ORDERS.urls("orders/"),
    *EXCEPTIONS.urls("exceptions/"),
    *INBOX.urls("inbox/"),
    *OUTBOX.urls("outbox/"),
    *SHIPMENTS.urls("shipments/"),
    *REFUNDS.urls("refunds/"),
    *CARRIERS.urls("carriers/"),
    path("carriers/choose/", shipment_views.choose, name="carrier-choose"),
    path("carriers/import/", shipment_views.import_file, name="carriers-import"),
    *INVENTORY.urls("inventory/"),
    *HOLDS.urls("inventory/holds/"),
    *DRIFTS.urls("inventory/drift/"),
    *PREVENTED.urls("inventory/prevented/"),
    path("inventory/cadence/", stock_views.cadence, name="cadence"),
    path("inventory/cadence/choose/", stock_views.choose_cadence, name="cadence-choose"),
    path("inventory/safety/", stock_views.safety, name="safety-stock"),
    path("inventory/safety/keep-back/", stock_views.keep_back, name="safety-stock-set"),
    path("unmapped/", views.unmapped, name="unmapped"),
    path("unmapped/approve/", views.approve, name="unmapped-approve"),
    path("unmapped/undo/", views.undo, name="unmapped-undo"),
]
