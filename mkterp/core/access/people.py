"""The people's list: who exists, which roles they have, and how they get in again."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User


@transaction.atomic
def add(
    *,
    username: str,
    roles: Iterable[Group],
    by: User | None,
    at: datetime,
    first_name: str = "",
    last_name: str = "",
    email: str = "",
) -> User:
    """Add a person with roles, without a password: an invitation lets them choose one.

    Refuses a name or an e-mail address that another has, whatever its capitals.
    """
    if User.objects.filter(username__iexact=username).exists():
        raise Refused(f"There is a person called {username} already.")
    _insist_that_nobody_has(email)
    person = User(username=username, first_name=first_name, last_name=last_name, email=email)
    person.set_unusable_password()
    person.save()
    audit.record(action="person_added", subject=person, by=by, at=at, after={"name": username})
    set_roles(person=person, roles=roles, by=by, at=at)
    return person


@transaction.atomic
def set_roles(
    *, person: User, roles: Iterable[Group], by: User | None, at: datetime, reason: str = ""
) -> User:
    """Make a person's roles these. The same roles again change nothing and write nothing.

    Refuses to let administrators take their own role away: nobody could give it back.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    before = sorted(locked.groups.values_list("name", flat=True))
    wanted = list(roles)
    after = sorted(group.name for group in wanted)
    if by == locked and "administrator" in before and "administrator" not in after:
        raise Refused("You cannot take the administrator's role from yourself.")
    if before != after:
        locked.groups.set(wanted)
        audit.record(
            action="roles_set",
            subject=locked,
            by=by,
            at=at,
            before={"roles": before},
            after={"roles": after},
            reason=reason,
        )
    return locked


@transaction.atomic
def describe(
    *,
    person: User,
    first_name: str,
    last_name: str,
    time_zone: str,
    by: User,
    at: datetime,
) -> User:
    """What a person says of himself: name, and the time zone that screens show."""
    locked = _locked(person)
    wanted = {
        "first_name": first_name,
        "last_name": last_name,
        "time_zone": time_zone,
    }
    before = {field: getattr(locked, field) for field in wanted}
    if before != wanted:
        for field, value in wanted.items():
            setattr(locked, field, value)
        locked.save(update_fields=list(wanted))
        audit.record(
            action="person_described", subject=locked, by=by, at=at, before=before, after=wanted
        )
    return locked


@transaction.atomic
def set_email(*, person: User, email: str, by: User, at: datetime, reason: str) -> User:
    """Change the address by which single sign-on finds a person. The same again changes nothing.

    Refuses an address that another person has, whatever its capitals.
    """
    locked = _locked(person)
    before = locked.email
    if before != email:
        _insist_that_nobody_has(email, but=locked)
        locked.email = email
        locked.save(update_fields=["email"])
        audit.record(
            action="email_set",
            subject=locked,
            by=by,
            at=at,
            before={"email": before},
            after={"email": email},
            reason=reason,
        )
    return locked


@transaction.atomic
def switch_off(*, person: User, by: User, at: datetime, reason: str) -> User:
    """End a person's access at once: open sessions of somebody switched off count for nothing."""
    if person == by:
        raise Refused("You cannot switch yourself off.")
    locked = _locked(person)
    if not locked.is_active:
        raise Refused(f"{locked} is switched off already.")
    locked.is_active = False
    locked.save(update_fields=["is_active"])
    audit.record(action="person_switched_off", subject=locked, by=by, at=at, reason=reason)
    return locked


@transaction.atomic
def switch_on(*, person: User, by: User, at: datetime) -> User:
    locked = _locked(person)
    if locked.is_active:
        raise Refused(f"{locked} is switched on already.")
    locked.is_active = True
    locked.save(update_fields=["is_active"])
    audit.record(action="person_switched_on", subject=locked, by=by, at=at)
    return locked


@transaction.atomic
def forget_second_factor(*, person: User, by: User, at: datetime, reason: str) -> User:
    """For somebody who lost the phone: the next sign-in asks for the password alone.

    Refuses for oneself: whoever stole a session could otherwise shed the second factor.
    """
    if person == by:
        raise Refused("Ask another administrator, or use one of your recovery codes.")
    locked = _locked(person)
    gone, _ = Authenticator.objects.filter(user=locked).delete()
    if not gone:
        raise Refused(f"{locked} has no second factor.")
    audit.record(action="second_factor_forgotten", subject=locked, by=by, at=at, reason=reason)
    return locked


@transaction.atomic
def invite(*, person: User, by: User, at: datetime) -> str:
    """The path of a page on which the person chooses a password. It works once, for three days.

    Whatever password there was is gone, and with it every session that was opened by it.
    """
    locked = _locked(person)
    if not locked.is_active:
        raise Refused(f"{locked} is switched off; switch them on first.")
    # A random one, not none: the token hangs on it, so that each invitation ends the one before.
    locked.set_password(secrets.token_urlsafe(32))
    locked.save(update_fields=["password"])
    audit.record(action="person_invited", subject=locked, by=by, at=at)
    return reverse(
        "choose-password",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(locked.pk)),
            "token": default_token_generator.make_token(locked),
        },
    )


def _locked(person: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=person.pk)


def _insist_that_nobody_has(email: str, *, but: User | None = None) -> None:
    others = [one for one in User.objects.filter(email__iexact=email) if one != but]
    if email and others:
        raise Refused(f"{others[0]} has the address {email} already.")
