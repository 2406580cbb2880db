"""The addresses of the ways in. The names are those that django-allauth asks for."""

from django.urls import path

from mkterp.core.access import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-in/", views.SignIn.as_view(), name="account_login"),
    path("sign-in/code/", views.second_factor, name="mfa_authenticate"),
    path("sign-in/failed/", views.openid_error, name="socialaccount_login_error"),
    path("sign-in/cancelled/", views.openid_cancelled, name="socialaccount_login_cancelled"),
    path("sign-in/new/", views.openid_signup, name="socialaccount_signup"),
    path("sign-in/off/", views.inactive, name="account_inactive"),
    path("sign-in/with/<slug:provider_id>/", views.openid_login, name="openid_connect_login"),
    path(
        "sign-in/with/<slug:provider_id>/back/",
        views.openid_callback,
        name="openid_connect_callback",
    ),
    path("sign-out/", views.SignOut.as_view(), name="logout"),
    path("sign-out/", views.SignOut.as_view(), name="account_logout"),
    path("signed-out/", views.signed_out, name="signed-out"),
    path("welcome/<uidb64>/<token>/", views.ChoosePassword.as_view(), name="choose-password"),
    path("account/", views.own_account, name="account"),
    path("account/tokens/", views.make_token, name="token-make"),
    path("account/tokens/<int:key>/revoke/", views.revoke_token, name="token-revoke"),
    path("account/password/", views.ChangePassword.as_view(), name="change-password"),
    path("account/confirm/", views.confirm_by_password, name="account_reauthenticate"),
    path("account/confirm/code/", views.confirm_by_code, name="mfa_reauthenticate"),
    path("account/second-factor/", views.factors, name="mfa_index"),
    path("account/second-factor/add/", views.factor_add, name="mfa_activate_totp"),
    path("account/second-factor/remove/", views.factor_remove, name="mfa_deactivate_totp"),
    path("account/recovery-codes/", views.recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/recovery-codes/renew/",
        views.recovery_codes_renew,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/recovery-codes/codes.txt",
        views.recovery_codes_file,
        name="mfa_download_recovery_codes",
    ),
]
