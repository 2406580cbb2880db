"""What people decide about notifications: channels, their own wishes, a test, another try."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.notices import PERSONAL, TOPICS, VARIABLE, Topic, Wish
from sync.models import Channel, Notice, NoticeWish, Notification
from sync.selectors import notices as selectors
from sync.services import notify, outbox

NAME_RULE = "A name such as NOTIFY_OPS_URL: NOTIFY_, then capitals, digits and underscores."
_FIELDS = (
    "name", "kind", "address_name", "secret_name", "topics", "rhythm", "least_severity",
)  # fmt: skip


@transaction.atomic
def set_channel(
    *, channel: Channel | None, by: User, at: datetime, reason: str, **facts: Any
) -> Channel:
    """Add a channel, or change one; `facts` are its fields. The same again changes nothing.

    Refuses a name that another has, an address that is not the name of a NOTIFY_ variable, and a
    webhook without the name of its secret. What already waits for it goes where it now leads.
    """
    locked = (
        Channel.objects.select_for_update(no_key=True).get(pk=channel.pk) if channel else Channel()
    )
    _insist(locked, facts)
    before = {name: getattr(locked, name) for name in _FIELDS} if channel else None
    after = {name: facts[name] for name in _FIELDS}
    if before == after:
        return locked
    for name, value in after.items():
        setattr(locked, name, value)
    locked.save()
    audit.record(
        action="channel.change" if channel else "channel.add",
        subject=locked,
        by=by,
        at=at,
        before=before,
        after=after,
        reason=reason,
    )
    return locked


def _insist(channel: Channel, facts: Mapping[str, Any]) -> None:
    if Channel.objects.filter(name__iexact=facts["name"]).exclude(pk=channel.pk).exists():
        raise Refused(f"There is a channel called {facts['name']} already.")
    needs_secret = facts["kind"] == Channel.Kind.WEBHOOK
    if needs_secret and not facts["secret_name"]:
        raise Refused("A signed webhook needs the name of the variable that holds its secret.")
    if not needs_secret and facts["secret_name"]:
        raise Refused("Only a signed webhook has a secret of its own.")
    for name in filter(None, (facts["address_name"], facts["secret_name"])):
        if not VARIABLE.fullmatch(name):
            raise Refused(f"{name}: {NAME_RULE}")
    if unknown := set(facts["topics"]) - {str(topic) for topic in TOPICS if topic not in PERSONAL}:
        raise Refused(f"There is no topic {sorted(unknown)[0]} for a channel.")


@transaction.atomic
def switch(*, channel: Channel, by: User, at: datetime, active: bool, reason: str = "") -> Channel:
    """Turn a channel on or off. One that is off gathers nothing, and what waited is not sent."""
    locked = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
    if locked.active == active:
        raise Refused(f"{locked} is {'on' if active else 'off'} already.")
    locked.active = active
    locked.save(update_fields=["active"])
    audit.record(
        action="channel.on" if active else "channel.off",
        subject=locked,
        by=by,
        at=at,
        before={"active": not active},
        after={"active": active},
        reason=reason,
    )
    return locked


def switch_off(*, channel: Channel, by: User, at: datetime, reason: str) -> Channel:
    return switch(channel=channel, by=by, at=at, active=False, reason=reason)


def switch_on(*, channel: Channel, by: User, at: datetime) -> Channel:
    return switch(channel=channel, by=by, at=at, active=True)


@transaction.atomic
def wish(*, person: User, wishes: Mapping[Topic, Wish], at: datetime) -> None:
    """What a person wants to be told from now on, whatever the roles; a person chooses for himself.

    The same again changes nothing.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    before = selectors.wishes(locked)
    if selectors.has_chosen(locked) and before == dict(wishes):
        return
    for topic, one in wishes.items():
        NoticeWish.objects.update_or_create(
            person=locked,
            topic=topic,
            defaults={"rhythm": one.rhythm, "least_severity": one.least},
        )
    audit.record(
        action="notices_chosen",
        subject=locked,
        by=person,
        at=at,
        before=_told(before),
        after=_told(wishes),
    )


@transaction.atomic
def as_the_roles_say(*, person: User, at: datetime) -> None:
    """Forget what a person chose. Forgetting nothing changes nothing."""
    gone, _ = NoticeWish.objects.filter(person=person).delete()
    if gone:
        audit.record(action="notices_as_roles", subject=person, by=person, at=at)


def _told(wishes: Mapping[Topic, Wish]) -> dict[str, list[Any]]:
    return {str(topic): [str(one.rhythm), one.least] for topic, one in wishes.items()}


@transaction.atomic
def test_channel(*, channel: Channel, by: User, at: datetime) -> Notification:
    """Send a channel a message now, to see that it arrives. Refused while it is off."""
    locked = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
    if not locked.active:
        raise Refused(f"{locked} is off; switch it on first.")
    return _test(at, by, channel=locked)


@transaction.atomic
def test_person(*, person: User, at: datetime) -> Notification:
    """Send oneself an e-mail now. Refused without a mail server, or without an address."""
    locked = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if not selectors.mail_is_set_up():
        raise Refused("No mail server is set up: an administrator sets EMAIL_HOST.")
    if not locked.email:
        raise Refused("You have no e-mail address here: an administrator adds it.")
    return _test(at, locked, person=locked)


def _test(at: datetime, by: User, **receiver: Any) -> Notification:
    notification = Notification.objects.create(
        rhythm=Notification.Rhythm.TEST, many=1, opened_at=at, due_at=at, **receiver
    )
    notice = Notice.objects.create(
        key=f"test:{notification.pk}",
        topic=Topic.TEST,
        severity=1,
        sentence=f"A test that {by} asked for. Nothing has happened.",
        path=reverse("sync:notifications"),
        raised_at=at,
        sorted_at=at,
    )
    notification.notices.add(notice)
    notify.queue(notification=notification, at=at)
    return notification


@transaction.atomic
def retry(*, notification: Notification, by: User, at: datetime) -> Notification:
    """Send a refused one again, as it was written. Refused unless it was refused."""
    if notification.message is None:
        raise Refused("It has not been sent yet.")
    outbox.retry(message=notification.message, by=by, at=at)
    return notification
