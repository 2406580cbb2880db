"""The doors: sign-in, second factor, single sign-on, one's own account, a first password."""

from collections.abc import Callable
from typing import Any

from allauth.account import views as account
from allauth.account.forms import LoginForm
from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.contrib.auth.views import (
    LogoutView,
    PasswordChangeView,
    PasswordResetConfirmView,
)
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mkterp.core import audit, roles
from mkterp.core.access import people
from mkterp.core.access.forms import AccountForm, TokenForm
from mkterp.core.api import tokens
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by


class SignInForm(LoginForm):
    """Name and password, in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Name"
        self.fields["password"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.fields["login"].widget.attrs["autofocus"] = True


class SignIn(account.LoginView):
    """The door. A person who is signed in already goes straight on."""

    permission = roles.PUBLIC
    form_class = SignInForm
    template_name = "registration/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if settings.OIDC_ISSUER:
            context["single_sign_on"] = settings.OIDC_NAME
        return context | {"next": context.get("redirect_field_value") or ""}


class SignOut(LogoutView):
    """Ends the session; only by POST, so that no foreign page can do it with a link."""

    permission = roles.PUBLIC
    http_method_names = ["post", "options"]


@require_GET
@roles.public
def signed_out(request: HttpRequest) -> HttpResponse:
    """Says that the session is over and offers the way back in."""
    return render(request, "registration/signed_out.html")


@require_GET
@roles.public
def inactive(request: HttpRequest) -> HttpResponse:
    """What somebody sees who is known and was switched off."""
    return render(request, "account/inactive.html", status=403)


def _open(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    return roles.public(view)


def _own(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page of one's own account: open to everybody signed in, with or without a second factor."""
    marked = roles.signed_in(view)
    marked.before_second_factor = True  # type: ignore[attr-defined]
    return explained_by("data/people")(marked)


# On the way in, before anybody is signed in.
second_factor = _open(factor.authenticate)
openid_login = _open(openid.login)
openid_callback = _open(openid.callback)
openid_error = _open(social.login_error)
openid_cancelled = _open(social.login_cancelled)
openid_signup = _open(social.signup)
# What a person does about his own way in.
factors = _own(factor.index)
confirm_by_code = _own(factor.reauthenticate)
confirm_by_password = _own(account.reauthenticate)
factor_add = _own(totp.activate_totp)
factor_remove = _own(totp.deactivate_totp)
recovery_codes = _own(codes.view_recovery_codes)
recovery_codes_renew = _own(codes.generate_recovery_codes)
recovery_codes_file = _own(codes.download_recovery_codes)


class ChangePassword(PasswordChangeView):
    """A new password for oneself; every other session that knew the old one ends."""

    permission = roles.SIGNED_IN
    before_second_factor = True
    template_name = "account/change_password.html"
    handbook = "data/people"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user = roles.person(self.request)
        audit.record(action="password_changed", subject=user, by=user, at=timezone.now())
        toasts.say(self.request, toasts.Toast("Password changed. Other sessions of yours ended."))
        return response


class ChoosePassword(PasswordResetConfirmView):
    """Where an invitation leads: once, and for three days."""

    permission = roles.PUBLIC
    template_name = "account/choose_password.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        assert self.user is not None  # the form is there only behind a valid link
        audit.record(action="password_chosen", subject=self.user, by=self.user, at=timezone.now())
        return response


@require_http_methods(["GET", "POST"])
@_own
def own_account(request: HttpRequest) -> HttpResponse:
    """One's name, time zone, password and second factor."""
    user = roles.person(request)
    form = AccountForm(request.POST if request.method == "POST" else None, initial=_described(user))
    if request.method == "POST" and form.is_valid():
        people.describe(person=user, **form.cleaned_data, by=user, at=timezone.now())
        toasts.say(request, toasts.Toast("Saved."))
        return HttpResponseRedirect(reverse("account"))
    return _account(request, form, TokenForm())


def _account(
    request: HttpRequest, form: AccountForm, token_form: TokenForm, secret: str = ""
) -> HttpResponse:
    user = roles.person(request)
    context = {
        "form": form,
        "token_form": token_form,
        "secret": secret,
        "tokens": user.api_tokens.filter(revoked_at=None),
        "at": timezone.now(),
        "second_factor": is_mfa_enabled(user),
        "local": user.has_usable_password(),
    }
    wrong = form.errors or token_form.errors
    return render(request, "account/account.html", context, status=422 if wrong else 200)


@require_POST
@roles.signed_in
def make_token(request: HttpRequest) -> HttpResponse:
    """A token for a program, shown once on the page that answers."""
    user = roles.person(request)
    form, secret = TokenForm(request.POST), ""
    if form.is_valid():
        try:
            made = tokens.make(person=user, **form.cleaned_data, by=user, at=timezone.now())
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            form, secret = TokenForm(), made[1]
    return _account(request, AccountForm(initial=_described(user)), form, secret)


@require_POST
@roles.signed_in
def revoke_token(request: HttpRequest, key: int) -> HttpResponse:
    """End one of one's own tokens at once."""
    user = roles.person(request)
    token = get_object_or_404(user.api_tokens, pk=key)
    tokens.revoke(token=token, by=user, at=timezone.now())
    toasts.say(request, toasts.Toast(f"Revoked: {token.name}. It opens nothing any more."))
    return HttpResponseRedirect(reverse("account"))


def _described(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in AccountForm.base_fields}
