"""The addresses of this room."""

from django.urls import path

from sync import webhooks

app_name = "sync"

urlpatterns = [
    path("webhooks/marketplacer/", webhooks.receive, name="webhook"),
]
