"""Tokens for programs: a program may do what the person who made its token may, or only read."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import ApiToken, User

PREFIX = "mkt_"  # so that a scanner for leaked secrets knows one
LONGEST = timedelta(days=366)
SEEN_EVERY = timedelta(minutes=5)
MOST = 20


def digest(secret: str) -> str:
    """What is stored of a token. It has 256 random bits, so no salt or slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make(
    *, person: User, name: str, days: int, may_act: bool, by: User, at: datetime
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is nowhere to be read afterwards."""
    lasts = timedelta(days=days)
    if not timedelta() < lasts <= LONGEST:
        raise Refused(f"A token lasts from 1 to {LONGEST.days} days.")
    if person.api_tokens.filter(revoked_at=None, expires_at__gt=at).count() >= MOST:
        raise Refused(f"{person} has {MOST} tokens. Revoke one that is not used.")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        person=person,
        name=name,
        digest=digest(secret),
        may_act=may_act,
        made_at=at,
        expires_at=at + lasts,
    )
    audit.record(
        action="token_made",
        subject=token,
        by=by,
        at=at,
        after={"person": person.pk, "name": name, "may_act": may_act, "days": days},
    )
    return token, secret


@transaction.atomic
def revoke(*, token: ApiToken, by: User, at: datetime) -> ApiToken:
    """End a token at once. Revoking it again changes nothing."""
    locked = ApiToken.objects.select_for_update(no_key=True).get(pk=token.pk)
    if locked.revoked_at is None:
        locked.revoked_at = at
        locked.save(update_fields=["revoked_at"])
        audit.record(action="token_revoked", subject=locked, by=by, at=at)
    return locked


def see(*, secret: str, at: datetime) -> ApiToken | None:
    """The token with this secret while it counts; notes that it was used, now and then."""
    token = (
        ApiToken.objects.select_related("person")
        .filter(digest=digest(secret), revoked_at=None, expires_at__gt=at, person__is_active=True)
        .first()
    )
    if token is not None and (token.used_at is None or at - token.used_at > SEEN_EVERY):
        ApiToken.objects.filter(pk=token.pk).update(used_at=at)
    return token


class Bearer(HttpBearer):
    """`Authorization: Bearer mkt_…`. A browser's session does not count: no forged requests."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = see(secret=token, at=timezone.now())
        if found is not None:
            request.user = found.person
        return found
