"""The addresses of the people's list."""

from django.urls import path

from mkterp.core.access import people_views
from mkterp.core.access.screens import PEOPLE

app_name = "access"

urlpatterns = [
    path("people/add/", people_views.add, name="person-add"),
    path("people/<int:key>/roles/", people_views.set_roles, name="person-roles"),
    path("people/<int:key>/invite/", people_views.invite, name="person-invite"),
    *PEOPLE.urls("people/"),
]
