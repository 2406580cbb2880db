"""Where each room is mounted."""

from django.urls import include, path

urlpatterns = [
    path("", include("mkterp.core.urls")),
    path("", include("sync.urls")),
]
