"""Every way in, every refusal and every change of a second factor goes into the audit trail."""

from typing import Any

from allauth.account.signals import user_logged_in
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from mkterp.core import audit
from mkterp.core.models import User


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    audit.record(action="signed_in", subject=user, by=user, at=timezone.now())


@receiver(user_login_failed)
def refused(sender: Any, credentials: dict[str, Any], **_: Any) -> None:
    """Only for people who exist: a visitor's invented names would fill the trail."""
    person = User.objects.filter(username__iexact=credentials.get("username", "")).first()
    if person is not None:
        audit.record(action="sign_in_refused", subject=person, by=None, at=timezone.now())


@receiver(mfa.authenticator_added)
def second_factor_added(sender: Any, user: User, authenticator: Any, **_: Any) -> None:
    _changed("second_factor_added", user, authenticator)


@receiver(mfa.authenticator_removed)
def second_factor_removed(sender: Any, user: User, authenticator: Any, **_: Any) -> None:
    _changed("second_factor_removed", user, authenticator)


@receiver(mfa.authenticator_reset)
def codes_renewed(sender: Any, user: User, authenticator: Any, **_: Any) -> None:
    _changed("recovery_codes_renewed", user, authenticator)


@receiver(mfa.authentication_failed)
def wrong_code(sender: Any, user: User, authenticator: Any, **_: Any) -> None:
    _changed("second_factor_refused", user, authenticator)


def _changed(action: str, user: User, authenticator: Any) -> None:
    after = {"kind": authenticator.type}
    audit.record(action=action, subject=user, by=user, at=timezone.now(), after=after)
