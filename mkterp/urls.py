"""Where each room is mounted."""

from django.urls import include, path

urlpatterns = [
    path("", include("mkterp.core.urls")),
    path("", include("mkterp.overview.urls")),
    path("", include("sync.urls")),
    path("", include("mapping.urls")),
    path("", include("reconciliation.urls")),
]
