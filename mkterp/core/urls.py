"""The addresses of the frame itself."""

from django.urls import path

from mkterp.core import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-out/", views.SignOut.as_view(), name="logout"),
    path("signed-out/", views.signed_out, name="signed-out"),
    path("preferences/", views.preferences, name="preferences"),
    path("keys/", views.keys, name="keys"),
]
