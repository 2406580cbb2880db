"""Who must have a second factor, and has none yet."""

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest

_KNOWN = "second-factor"  # in the session, so that it is asked once


def is_missing(request: HttpRequest) -> bool:
    """Whether this person must set one up first. Single sign-on answers for its own people."""
    user = request.user
    if request.session.get(_KNOWN) == user.pk:
        return False
    by_company = any(
        record.get("method") == "socialaccount"
        for record in get_authentication_records(request, user)
    )
    missing = (
        not by_company
        and user.groups.filter(name__in=settings.SECOND_FACTOR_ROLES).exists()
        and not is_mfa_enabled(user)
    )
    if not missing:
        request.session[_KNOWN] = user.pk
    return missing
