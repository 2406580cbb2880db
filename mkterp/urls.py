"""Where each room is mounted."""

from django.urls import include, path

from mkterp import api

urlpatterns = [
    path("api/v1/", include((api.addresses(), "api"))),
    path("", include("mkterp.core.urls")),
    path("", include("mkterp.core.access.people_urls")),
    path("", include("mkterp.overview.urls")),
    path("", include("sync.urls")),
    path("", include("reconciliation.urls")),
    path("", include("mapping.urls")),
]
