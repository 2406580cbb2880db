"""The addresses of the views over all rooms."""

from django.urls import path

from mkterp.overview import find_views, handbook_views, practice_views, views
from mkterp.overview.screens import AUDIT_TRAIL

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("search/", find_views.results, name="search"),
    path("palette/", find_views.palette, name="palette"),
    path("skus/<path:sku>/", find_views.sku_page, name="sku"),
    path("trends/", views.trends, name="trends"),
    path("handbook/", handbook_views.contents, name="handbook"),
    path("handbook/<path:slug>/", handbook_views.show, name="handbook-page"),
    path("checks/", handbook_views.checklists, name="checks"),
    path("checks/tick/", handbook_views.tick, name="checks-tick"),
    path("practice/", practice_views.exercises, name="practice"),
    path("practice/begin/", practice_views.begin, name="practice-begin"),
    *AUDIT_TRAIL.urls("audit/"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
