"""The addresses of this room."""

from django.urls import path

from sync import views, webhooks
from sync.screens import EXCEPTIONS, INBOX, ORDERS, OUTBOX

app_name = "sync"

urlpatterns = [
    path("webhooks/marketplacer/", webhooks.receive, name="webhook"),
    *ORDERS.urls("orders/"),
    *EXCEPTIONS.urls("exceptions/"),
    *INBOX.urls("inbox/"),
    *OUTBOX.urls("outbox/"),
    path("unmapped/", views.unmapped, name="unmapped"),
    path("unmapped/approve/", views.approve, name="unmapped-approve"),
    path("unmapped/undo/", views.undo, name="unmapped-undo"),
]
