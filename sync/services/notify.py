"""From notices to messages: sorted to whoever wants them, gathered, then written and queued.

One run at a time. What it queues travels like everything else that leaves the house: claimed, sent,
recorded (`sync.services.deliveries`).
"""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse

from mkterp.core.screens.words import money_text, things
from sync.domain.notice_texts import SHOWN, Letter, Line, subject_of
from sync.domain.notices import Rhythm, Topic, due_at
from sync.models import Channel, Notice, Notification, OutboxMessage
from sync.selectors import notices as selectors
from sync.selectors.notices import Receiver
from sync.services import outbox, work
from sync.services.outbox import Parcel

LANE = "notify"
OPERATION = "send_notification"
CHUNK = 500
_UNDERWAY = [OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT]
ALL_FIXED = "All of it was put right before it was sent."


def notify(*, clock: Callable[[], datetime]) -> int:
    """Sort what is new and queue what is due; returns how many messages were queued.

    A second run while one is at it returns 0 at once; a second one after it finds nothing to do.
    """
    if not work.try_lane_lock(LANE):
        return 0
    try:
        while _sort_some(clock()):
            pass
        return sum(_write(pk, clock()) for pk in _due(clock()))
    finally:
        work.release_lane_lock(LANE)


@transaction.atomic
def _sort_some(at: datetime) -> int:
    """Put the oldest unsorted notices where they are wanted; returns how many there were."""
    found = list(
        Notice.objects.filter(sorted_at=None)
        .select_related("case")
        .select_for_update(no_key=True, of=("self",))
        .order_by("pk")[:CHUNK]
    )
    if not found:
        return 0
    for receiver in selectors.receivers():
        for rhythm in (Rhythm.IMMEDIATE, Rhythm.DAILY):
            wanted = [one for one in found if receiver.rhythm_for(one) is rhythm]
            if wanted:
                _add(_gathering(receiver, rhythm, wanted[0].raised_at), wanted)
    Notice.objects.filter(pk__in=[one.pk for one in found]).update(sorted_at=at)
    return len(found)


def _add(notification: Notification, wanted: list[Notice]) -> None:
    through = Notification.notices.through
    through.objects.bulk_create(
        through(notification=notification, notice=notice) for notice in wanted
    )
    Notification.objects.filter(pk=notification.pk).update(many=F("many") + len(wanted))


def _gathering(receiver: Receiver, rhythm: Rhythm, at: datetime) -> Notification:
    """The notification of this receiver that is still open, or one that opens at `at`."""
    mine = Notification.objects.filter(
        person=receiver.person, channel=receiver.channel, rhythm=rhythm
    ).order_by("-pk")
    waiting = mine.filter(message=None, unsent_because="").first()
    if waiting is not None:
        return waiting
    last = mine.exclude(message=None).first()
    return Notification.objects.create(
        person=receiver.person,
        channel=receiver.channel,
        rhythm=rhythm,
        opened_at=at,
        due_at=due_at(
            rhythm, at=at, last_at=last.due_at if last is not None else None, zone=receiver.zone
        ),
    )


def _due(at: datetime) -> list[int]:
    """What may leave: gathered long enough, and nothing before it is still on its way.

    While a receiver does not answer, everything new joins the one that waits behind, so that an
    outage of a day ends with two messages and not with a hundred.
    """
    waiting = Notification.objects.filter(message=None, unsent_because="", due_at__lte=at)
    busy = Notification.objects.filter(message__state__in=_UNDERWAY)
    people, channels = (
        set(busy.exclude(**{name: None}).values_list(name, flat=True))
        for name in ("person", "channel")
    )
    return [
        pk
        for pk, person, channel in waiting.order_by("pk").values_list("pk", "person", "channel")
        if person not in people and channel not in channels
    ]


@transaction.atomic
def _write(pk: int, at: datetime) -> bool:
    """Write and queue one; returns whether there was anything left to say."""
    rows = Notification.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "person", "channel"
    )
    notification = rows.get(pk=pk)
    gone = _gone(notification)
    living = _living(notification)
    if gone or not living.exists():
        notification.unsent_because = gone or ALL_FIXED
        notification.save(update_fields=["unsent_because"])
        return False
    queue(notification=notification, at=at)
    return True


def _living(notification: Notification) -> QuerySet[Notice]:
    """Its notices that still hold: a case that was closed meanwhile is not told any more."""
    return notification.notices.filter(Q(case=None) | Q(case__state="OPEN"))


def _gone(notification: Notification) -> str:
    """Why the receiver is not to be reached any more; "" while he is."""
    person, channel = notification.person, notification.channel
    if channel is not None and not channel.active:
        return f"{channel} was switched off."
    if person is not None and not person.is_active:
        return f"{person} was switched off."
    if person is not None and not person.email:
        return f"{person} has no e-mail address any more."
    return ""


@transaction.atomic
def queue(*, notification: Notification, at: datetime) -> OutboxMessage:
    """Freeze what the notification says and put it into the outbox."""
    letter = _letter(notification)
    notification.subject = letter.subject[:300]
    parcel = Parcel(
        OutboxMessage.Lane.NOTICES,
        OPERATION,
        letter.key,
        letter.key,
        f"{letter.subject} to {notification.person or notification.channel}"[:200],
        {"to": _address(notification), "letter": letter.frozen()},
    )
    notification.message = outbox.enqueue(parcels=[parcel], at=at)[OPERATION, letter.key]
    notification.save(update_fields=["message", "subject"])
    return notification.message


def _address(notification: Notification) -> dict[str, str]:
    """Where it goes, by the names of secrets and never by the secrets."""
    if notification.person is not None:
        return {"kind": "MAIL", "address": notification.person.email, "case": "notice:mail"}
    channel = notification.channel
    assert isinstance(channel, Channel)  # notification_to_one
    return {
        "kind": channel.kind,
        "name": channel.name,
        "address": channel.address_name,
        "secret": channel.secret_name,
        "case": f"notice:channel:{channel.pk}",
    }


def _letter(notification: Notification) -> Letter:
    living = _living(notification)
    counts = dict(living.order_by().values_list("topic").annotate(many=Count("pk")))
    shown = living.select_related("case").order_by("-severity", "pk")[:SHOWN]
    lines = tuple(
        Line(Topic(one.topic), one.severity, f"{one.sentence}{_held(one)}", _url(one.path))
        for one in shown
    )
    many = sum(counts.values())
    return Letter(
        key=f"mkterp-notification-{notification.pk}",
        company=settings.COMPANY_NAME,
        subject=subject_of(counts, lines[0].sentence),
        lines=lines,
        more=many - len(lines),
        fixed=notification.many - many,
        url=_url(reverse("sync:notifications")),
    )


def _held(notice: Notice) -> str:
    """What a case holds up, as last weighed, and by how much the two sides differ."""
    case = notice.case
    if case is None:
        return ""
    said = ""
    if case.held_orders:
        money = money_text(case.held_money, settings.COMPANY_CURRENCY)
        said = f" It holds up {things(case.held_orders, 'order', 'orders')}, {money}."
    if case.at_stake is not None:
        said += f" {money_text(case.at_stake.amount, case.at_stake.currency)} differs."
    return said


def _url(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"
