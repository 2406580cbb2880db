"""The addresses of the frame itself."""

from django.urls import include, path

from mkterp.core import views

urlpatterns = [
    path("", include("mkterp.core.access.urls")),
    path("preferences/", views.preferences, name="preferences"),
    path("keys/", views.keys, name="keys"),
    path("views/keep/", views.keep_view, name="view-keep"),
    path("views/<int:key>/remove/", views.remove_view, name="view-remove"),
]
