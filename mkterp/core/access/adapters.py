"""What django-allauth asks the product: who may have an account, and how secrets are kept."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone

from mkterp.core import roles
from mkterp.core.access import people
from mkterp.core.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by an administrator (or by single sign-on), never by a visitor."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": (
            "This name and password do not belong together. Check both (capitals count in the "
            "password), or ask an administrator to reset it."
        ),
        "too_many_login_attempts": (
            "Too many attempts with a wrong password. Wait five minutes, or ask an administrator "
            "to reset the password."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """None of allauth's own messages: the page that follows says it."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """None: changes of an account stand in the audit trail, and mail may not be set up."""


class SocialAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: the identity provider says who somebody is, and perhaps which roles."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Make a known person's roles equal to the provider's word, when it is asked for it."""
        if sociallogin.is_existing:
            self._take_roles(sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        self._take_roles(sociallogin)
        return user

    def _take_roles(self, sociallogin: SocialLogin) -> None:
        if not settings.OIDC_ROLES_CLAIM:
            return
        names = roles_claimed(sociallogin.account.extra_data)
        groups = Group.objects.filter(name__in=names).order_by("name")
        people.set_roles(
            person=sociallogin.user,
            roles=groups,
            by=None,
            at=timezone.now(),
            reason="as the identity provider says",
        )


def roles_claimed(data: dict[str, Any]) -> list[str]:
    """The names of our roles in the provider's claim, whose values OIDC_ROLES may translate."""
    found: Iterable[Any] = ()
    for part in (data, data.get("id_token") or {}, data.get("userinfo") or {}):
        found = part.get(settings.OIDC_ROLES_CLAIM) or found
    if isinstance(found, str):
        found = [found]
    ours = (settings.OIDC_ROLES.get(str(value), str(value)) for value in found)
    return [name for name in ours if name in roles.ROLES]


class TwoFactorAdapter(DefaultMFAAdapter):
    """The second factor's secrets, encrypted with a key that follows from the secret key.

    After a change of the secret key the old one, listed in SECRET_KEY_FALLBACKS, still reads them.
    """

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": (
            "This code is not right, or it has just run out. Take the one your app shows now; a "
            "recovery code works once."
        ),
    }

    def get_totp_issuer(self) -> str:
        return f"mkterp {settings.COMPANY_NAME}"

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret again; one that no key opens reads as no secret, so that no code fits it."""
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return ""


def _keys() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(f"two-factor {secret}".encode()).digest() for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
