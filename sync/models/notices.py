"""What people are told of without looking, whom it goes to, and what they want of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from sync.domain import notices
from sync.models.cases import ExceptionCase
from sync.models.queues import OutboxMessage

TOPICS = [(str(topic), facts.label) for topic, facts in notices.TOPICS.items()]
RHYTHMS = [(str(rhythm), label) for rhythm, label in notices.RHYTHMS.items()]
SEVERITIES = list(notices.SEVERITIES.items())


class Notice(models.Model):
    """Something that happened. Written with the fact itself, in its transaction; never changed.

    Its sentence holds no buyer's name or address, and nothing that a far side wrote.
    """

    key = models.CharField(max_length=200, unique=True)  # the same happening is one notice
    topic = models.CharField(max_length=20)  # a Topic of sync.domain.notices
    severity = models.PositiveSmallIntegerField()  # 1 to 3, as of kinds of exception
    sentence = models.TextField()
    path = models.CharField(max_length=300)  # of the page that shows it
    case = models.ForeignKey(ExceptionCase, models.PROTECT, null=True, related_name="notices")
    raised_at = models.DateTimeField()
    sorted_at = models.DateTimeField(null=True)  # whoever wants it has it since

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="notice_to_sort", condition=Q(sorted_at=None))
        ]

    def __str__(self) -> str:
        return self.sentence


class Channel(models.Model):
    """A place that many read: a Slack or Teams channel, or a program. Set by an administrator.

    Its address and its secret are in the environment, by these names; never here.
    """

    class Kind(models.TextChoices):
        SLACK = "SLACK", "Slack"
        TEAMS = "TEAMS", "Microsoft Teams"
        WEBHOOK = "WEBHOOK", "signed webhook"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    address_name = models.CharField(max_length=60)  # "NOTIFY_OPS_URL"
    secret_name = models.CharField(max_length=60, blank=True)  # of a webhook: "NOTIFY_OPS_SECRET"
    topics = models.JSONField(default=list)
    rhythm = models.CharField(max_length=20, choices=RHYTHMS[:2], default="IMMEDIATE")
    least_severity = models.PositiveSmallIntegerField(choices=SEVERITIES, default=2)
    active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class NoticeWish(models.Model):
    """What a person chose to be told of a topic. Without a row the roles decide."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="wishes")
    topic = models.CharField(max_length=20, choices=TOPICS)
    rhythm = models.CharField(max_length=20, choices=RHYTHMS)
    least_severity = models.PositiveSmallIntegerField(choices=SEVERITIES)

    class Meta:
        ordering: ClassVar = ["person", "topic"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "topic"], name="wish_once_a_topic")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_topic_display()} {self.get_rhythm_display()}"


class Notification(models.Model):
    """What one receiver is sent at once. It gathers notices until `due_at`, then it is a message.

    How it fares from there is read from its message in the outbox. One that has nothing left to
    say is not sent, and says why.
    """

    class Rhythm(models.TextChoices):
        IMMEDIATE = "IMMEDIATE", "at once"
        DAILY = "DAILY", "once a day"
        TEST = "TEST", "a test"

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="notifications"
    )
    channel = models.ForeignKey(Channel, models.PROTECT, null=True, related_name="notifications")
    rhythm = models.CharField(max_length=20, choices=Rhythm.choices)
    notices = models.ManyToManyField(Notice, related_name="notifications")
    many = models.PositiveIntegerField(default=0)  # of the notices
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    subject = models.CharField(max_length=300, blank=True)  # once it is written
    message = models.OneToOneField(
        OutboxMessage, models.PROTECT, null=True, related_name="notification"
    )
    unsent_because = models.TextField(blank=True)

    class Meta:
        permissions: ClassVar = [("retry_notification", "Can send a notification again")]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="notification_to_one",
                condition=Q(person=None, channel__isnull=False)
                | Q(person__isnull=False, channel=None),
            ),
            models.UniqueConstraint(
                fields=["person", "channel", "rhythm"],
                name="notification_one_gathers",
                condition=Q(message=None, unsent_because=""),
                nulls_distinct=False,
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="notification_gathers",
                condition=Q(message=None, unsent_because=""),
            )
        ]

    def __str__(self) -> str:
        return f"notification {self.pk}"
