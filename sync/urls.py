"""The addresses of this room."""

from django.urls import path

from sync import views, webhooks
from sync.screens import (
    CARRIERS,
    CHANNELS,
    DRIFTS,
    EXCEPTIONS,
    HOLDS,
    INBOX,
    INVENTORY,
    NOTIFICATIONS,
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
    path("carriers/choose/", views.choose_carrier, name="carrier-choose"),
    path("carriers/import/", views.import_carriers, name="carriers-import"),
    *INVENTORY.urls("inventory/"),
    *HOLDS.urls("inventory/holds/"),
    *DRIFTS.urls("inventory/drift/"),
    *PREVENTED.urls("inventory/prevented/"),
    path("inventory/cadence/", views.cadence, name="cadence"),
    path("inventory/cadence/choose/", views.choose_cadence, name="cadence-choose"),
    path("inventory/safety/", views.safety, name="safety-stock"),
    path("inventory/safety/keep-back/", views.keep_back, name="safety-stock-set"),
    path("feeds/run/", views.run_feed, name="feed-run"),
    *NOTIFICATIONS.urls("notifications/"),
    path("notifications/mine/", views.own_notifications, name="own-notifications"),
    path(
        "notifications/mine/reset/", views.own_notifications_reset, name="own-notifications-reset"
    ),
    path("notifications/mine/test/", views.own_notifications_test, name="own-notifications-test"),
    *CHANNELS.urls("notifications/channels/"),
    path("notifications/channels/add/", views.add_channel, name="channel-add"),
    path("notifications/channels/<int:key>/change/", views.change_channel, name="channel-change"),
    path("unmapped/", views.unmapped, name="unmapped"),
    path("unmapped/approve/", views.approve, name="unmapped-approve"),
    path("unmapped/undo/", views.undo, name="unmapped-undo"),
    path("unmapped/reject/", views.reject, name="unmapped-reject"),
    path("unmapped/later/", views.later, name="unmapped-later"),
    path("unmapped/missing/", views.missing, name="unmapped-missing"),
    path("unmapped/carry/", views.carry, name="unmapped-carry"),
    path("unmapped/take-back/", views.take_back, name="unmapped-take-back"),
    path("mapped/<int:key>/", views.mapped, name="mapped"),
    path("mapped/<int:key>/remap/", views.remap, name="mapped-remap"),
    path("mapped/<int:key>/retire/", views.retire, name="mapped-retire"),
    path("mapped/<int:key>/still-right/", views.still_right, name="mapped-still-right"),
    path("duplicates/<int:key>/", views.duplicate, name="duplicate"),
    path("duplicates/<int:key>/judge/", views.judge, name="duplicate-judge"),
    path("unmapped-taxes/", views.unmapped_taxes, name="unmapped-taxes"),
    path("unmapped-taxes/map/", views.map_tax, name="unmapped-taxes-map"),
    path("unmapped/bulk/", views.bulk, name="unmapped-bulk"),
    path("unmapped/bulk/approve/", views.bulk_approve, name="unmapped-bulk-approve"),
]
