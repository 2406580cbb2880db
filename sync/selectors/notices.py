"""Who is told of what, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Case, CharField, F, QuerySet, Value, When

from mkterp.core import environment
from mkterp.core.models import User
from mkterp.core.roles import ROLES
from sync.domain.notices import (
    PERSONAL,
    TOPICS,
    VARIABLE,
    Rhythm,
    Topic,
    Wish,
    rhythm_for,
    wishes_of,
)
from sync.models import Channel, Notice, NoticeWish, Notification


@dataclass(frozen=True)
class Receiver:
    """Somebody who can be told: a person by e-mail, or a channel."""

    wishes: Mapping[Topic, Wish]
    zone: tzinfo
    person: User | None = None
    channel: Channel | None = None

    def rhythm_for(self, notice: Notice) -> Rhythm:
        topic = Topic(notice.topic)
        mine = bool(
            self.person
            and topic in (Topic.OVERDUE, Topic.GIVEN)
            and notice.case
            and notice.case.assigned_to_id == self.person.pk
        )
        if topic in PERSONAL and not mine:
            return Rhythm.NONE
        return rhythm_for(self.wishes, topic, notice.severity, mine=mine)


def mail_is_set_up() -> bool:
    return bool(settings.EMAIL_HOST)


def receivers() -> list[Receiver]:
    """Everybody who can be told now: people with a role and an address, channels that are on.

    Four queries. Without a mail server no person is among them, so that nothing piles up.
    """
    zone = settings.COMPANY_TIME_ZONE
    found = [
        Receiver(
            {
                Topic(topic): Wish(Rhythm(channel.rhythm), channel.least_severity)
                for topic in channel.topics
            },
            zone,
            channel=channel,
        )
        for channel in Channel.objects.filter(active=True).order_by("pk")
    ]
    return found + (_people() if mail_is_set_up() else [])


def _people() -> list[Receiver]:
    roles: dict[int, list[str]] = {}
    for person, role in (
        Group.objects.filter(
            name__in=ROLES,
            permissions__codename="view_exceptioncase",
            user__is_active=True,
        )
        .order_by("user", "name")
        .values_list("user", "name")
    ):
        roles.setdefault(person, []).append(role)
    chosen: dict[int, dict[Topic, Wish]] = {}
    for wish in NoticeWish.objects.filter(person__in=roles):
        chosen.setdefault(wish.person_id, {})[Topic(wish.topic)] = _wish(wish)
    people = User.objects.filter(pk__in=roles).exclude(email="").order_by("pk")
    return [
        Receiver(
            wishes_of(roles[person.pk]) | chosen.get(person.pk, {}),
            zone_of(person),
            person=person,
        )
        for person in people
    ]


def zone_of(person: User) -> tzinfo:
    """The person's own time zone, else the company's."""
    try:
        return ZoneInfo(person.time_zone) if person.time_zone else settings.COMPANY_TIME_ZONE
    except (ZoneInfoNotFoundError, ValueError):
        return settings.COMPANY_TIME_ZONE


def _wish(row: NoticeWish) -> Wish:
    return Wish(Rhythm(row.rhythm), row.least_severity)


def wishes(person: User) -> dict[Topic, Wish]:
    """What this person is told of each topic: chosen, or by the roles held. Two queries."""
    held = person.groups.order_by("name").values_list("name", flat=True)
    chosen = {Topic(row.topic): _wish(row) for row in NoticeWish.objects.filter(person=person)}
    found = wishes_of(held) | chosen
    return {topic: found[topic] for topic in TOPICS}


def has_chosen(person: User) -> bool:
    return NoticeWish.objects.filter(person=person).exists()


def notifications() -> QuerySet[Notification]:
    """Newest first. `stage`: GATHERING, DROPPED, or the state of its message."""
    return (
        Notification.objects.select_related("person", "channel", "message")
        .annotate(
            stage=Case(
                When(message__isnull=False, then=F("message__state")),
                When(unsent_because="", then=Value("GATHERING")),
                default=Value("DROPPED"),
                output_field=CharField(),
            )
        )
        .order_by("-pk")
    )


def channels() -> QuerySet[Channel]:
    return Channel.objects.order_by("name")


def what_is_missing(channel: Channel) -> list[str]:
    """The variables a channel names that this process does not have."""
    names = [channel.address_name, channel.secret_name]
    return [name for name in names if name and not variable(name)]


def variable(name: str) -> str:
    """What a variable of a channel holds in this process; "" when it is not set, or not one."""
    return environment.held(name) if VARIABLE.fullmatch(name) else ""


def told(notification: Notification, *, most: int) -> list[dict[str, Any]]:
    """The first notices of a notification, the gravest first, each with whether it is fixed."""
    rows = notification.notices.select_related("case").order_by("-severity", "pk")[:most]
    return [
        {"notice": row, "fixed": row.case is not None and row.case.state != "OPEN"} for row in rows
    ]
