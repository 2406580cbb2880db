# mypy: allow-subclassing-any
"""What was sent to whom and why something was not; and the channels it goes to."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mkterp.core.screens import Action, Badge, Empty, ListScreen, View, marks
from mkterp.core.screens.columns import (
    Column,
    LeadColumn,
    NumberColumn,
    StateColumn,
    TimeColumn,
)
from mkterp.core.screens.filters import AnyOf
from mkterp.core.screens.words import things
from sync import selectors as sync_selectors
from sync.domain.notices import SEVERITIES, TOPICS, Topic
from sync.models import Channel, Notification, OutboxMessage
from sync.screens import badges
from sync.screens.base import SyncScreen
from sync.selectors import notices as selectors
from sync.services import notices_desk

SHOWN = 50
STAGES: dict[str, Badge] = {
    "GATHERING": Badge("gathering", "wait"),
    "DROPPED": Badge("not sent", "wait"),
    **{str(state): badge for state, badge in badges.OUTBOX.items()},
}


def why(row: Notification) -> str:
    """In a few words why it stands where it stands."""
    if row.unsent_because:
        return row.unsent_because
    if row.message is None:
        return "waits for its time" if row.due_at > timezone.now() else "waits for the one before"
    return "" if row.message.state == OutboxMessage.State.DELIVERED else row.message.last_error


def title_of(row: Notification) -> str:
    return row.subject or things(row.many, "notice", "notices")


class NotificationFilters(filters.FilterSet):
    stage = AnyOf(choices=[(stage, badge.word) for stage, badge in STAGES.items()], label="State")
    channel = filters.ModelChoiceFilter(
        queryset=Channel.objects.order_by("name"), empty_label="any", label="Channel"
    )
    rhythm = filters.ChoiceFilter(
        choices=Notification.Rhythm.choices, empty_label="any", label="Sent"
    )

    class Meta:
        model = Notification
        fields: ClassVar[list[str]] = []


class SubjectColumn(LeadColumn):
    """What it says; of one that still gathers, how much."""

    def render(self, value: str, record: Notification) -> Any:
        return super().render(value=title_of(record), record=record)

    def value(self, record: Notification) -> str:
        return title_of(record)


class NotificationTable(tables.Table):
    subject = SubjectColumn(verbose_name="What", empty_values=())
    receiver = Column(verbose_name="To", accessor="pk")
    why = Column(verbose_name="Why", accessor="pk", narrow="hide", wide=True, css="c-lead sub-ink")
    many = NumberColumn(verbose_name="Holds", narrow="hide", wide=True)
    due_at = TimeColumn(verbose_name="Leaves", narrow="hide")
    stage = StateColumn(STAGES)

    def render_receiver(self, record: Notification) -> str:
        return str(record.person or record.channel)

    value_receiver = render_receiver

    def render_why(self, record: Notification) -> str:
        return why(record) or Column.empty

    def value_why(self, record: Notification) -> str:
        return why(record)


RETRY = Action(
    "retry",
    "Send again",
    "sync.retry_notification",
    notices_desk.retry,
    one="notification",
    condition=lambda row: row.stage == OutboxMessage.State.FAILED,
    unmet="Only a refused notification is sent again.",
    done="{things} on the way again.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)


class Notifications(SyncScreen):
    name, noun, nouns = "notifications", "notification", "notifications"
    title, icon = "Notifications", "bell"
    handbook = "data/notifications"
    permission = "sync.view_notification"
    table, filters = NotificationTable, NotificationFilters
    search_fields = ("subject",)
    orderings: ClassVar = {"due_at": ("id",)}
    order = "-due_at"
    views = (
        View("all", "All"),
        View(
            "waiting",
            "Waiting",
            {"stage": ["GATHERING", OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT]},
            count=True,
        ),
        View("refused", "Refused", {"stage": OutboxMessage.State.FAILED}, count=True),
        View("sent", "Sent", {"stage": OutboxMessage.State.DELIVERED}),
    )
    actions = (RETRY,)
    above_template = "sync/_notices_above.html"
    panel_template = "sync/_notification_panel.html"
    empty = Empty(
        "Nobody has been told anything yet",
        "People are told by e-mail what their roles ask for, channels what an administrator chose. "
        "What gathers, what was sent and what was refused stands here.",
        "bell",
        "sync:channels",
        "Look at the channels",
    )

    def rows(self, request: HttpRequest) -> QuerySet[Notification]:
        return selectors.notifications()

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "stall": sync_selectors.stalled(at=timezone.now()),
            "mail": selectors.mail_is_set_up(),
        }

    def row_title(self, row: Notification) -> str:
        return title_of(row)

    def row_badge(self, row: Any) -> Badge:
        badge: Badge = STAGES[row.stage]
        return badge

    def moving(self, row: Any) -> bool:
        return row.stage in (OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT)

    def panel_context(self, request: HttpRequest, row: Notification) -> dict[str, Any]:
        message = row.message
        return {
            "receiver": row.person or row.channel,
            "told": selectors.told(row, most=SHOWN),
            "more": max(0, row.many - SHOWN),
            "why": why(row),
            "tries": list(message.tries.order_by("-pk")) if message is not None else [],
        }


class ChannelFilters(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=Channel.Kind.choices, empty_label="any", label="Leads to")
    active = filters.BooleanFilter(label="On")

    class Meta:
        model = Channel
        fields: ClassVar[list[str]] = []


CHANNEL_STATES = {
    "ON": Badge("on", "done"),
    "UNSET": Badge("not set", "broke"),
    "OFF": Badge("off", "wait"),
}


def channel_state(row: Channel) -> str:
    if not row.active:
        return "OFF"
    return "UNSET" if selectors.what_is_missing(row) else "ON"


class ChannelStateColumn(StateColumn):
    """Whether it is on, and whether this server knows where it leads."""

    def render(self, value: Any, record: Channel, bound_column: Any) -> Any:
        badge = CHANNEL_STATES[channel_state(record)]
        return marks.badge(badge.word, badge.meaning)

    def value(self, record: Channel, bound_column: Any) -> str:
        return CHANNEL_STATES[channel_state(record)].word


class ChannelTable(tables.Table):
    name = LeadColumn(verbose_name="Channel")
    kind = Column(verbose_name="Leads to")
    address_name = Column(verbose_name="Address in", mono=True, narrow="hide", wide=True)
    topics = Column(verbose_name="What is told", narrow="hide", wide=True)
    least_severity = Column(verbose_name="Severity", narrow="hide", wide=True)
    rhythm = Column(verbose_name="How soon", narrow="sub")
    active = ChannelStateColumn({})

    def render_topics(self, value: list[str]) -> str:
        return ", ".join(TOPICS[Topic(topic)].label for topic in value)

    value_topics = render_topics


SEND_TEST = Action(
    "test",
    "Send a test",
    "sync.change_channel",
    notices_desk.test_channel,
    one="channel",
    condition=lambda channel: channel.active,
    unmet="It is off; switch it on first.",
    done="A test is on its way: see Notifications.",
    primary=True,
    icon="send",
    key="t",
)
SWITCH_OFF = Action(
    "switch-off",
    "Switch off",
    "sync.change_channel",
    notices_desk.switch_off,
    one="channel",
    condition=lambda channel: channel.active,
    unmet="It is off already.",
    done="{things} off. What had gathered is not sent.",
    needs_reason=True,
    danger=True,
    icon="ban",
)
SWITCH_ON = Action(
    "switch-on",
    "Switch on",
    "sync.change_channel",
    notices_desk.switch_on,
    one="channel",
    condition=lambda channel: not channel.active,
    unmet="It is on already.",
    done="{things} on.",
    icon="check",
)


class Channels(ListScreen):
    room = "sync"
    name, noun, nouns = "channels", "channel", "channels"
    title, icon = "Channels", "webhook"
    handbook = "data/notifications"
    permission = "sync.view_channel"
    table, filters = ChannelTable, ChannelFilters
    search_fields = ("name",)
    orderings: ClassVar = {"name": ("name", "id")}
    order = "name"
    views = (View("all", "All"), View("off", "Off", {"active": "false"}))
    actions = (SEND_TEST, SWITCH_OFF, SWITCH_ON)
    above_template = "sync/_channels_above.html"
    panel_template = "sync/_channel_panel.html"
    empty = Empty(
        "No channel yet",
        "A channel is a Slack or Teams room, or a program, that is told what many should see. "
        "An administrator adds it; its address stays in the servers' environment.",
        "webhook",
        "sync:notifications",
        "Look at what was sent",
    )

    def rows(self, request: HttpRequest) -> QuerySet[Channel]:
        return selectors.channels()

    def row_badge(self, row: Channel) -> Badge:
        return CHANNEL_STATES[channel_state(row)]

    def panel_context(self, request: HttpRequest, row: Channel) -> dict[str, Any]:
        last: Any = selectors.notifications().filter(channel=row).first()
        return {
            "missing": selectors.what_is_missing(row),
            "topics": [TOPICS[Topic(topic)].label for topic in row.topics],
            "severity": SEVERITIES[row.least_severity],
            "change_url": reverse("sync:channel-change", kwargs={"key": row.pk}),
            "last": last,
            "last_badge": STAGES[last.stage] if last is not None else None,
            "last_title": title_of(last) if last is not None else "",
        }


NOTIFICATIONS, CHANNELS = Notifications(), Channels()
