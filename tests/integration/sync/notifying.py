"""What the tests of notifications share: receivers over sockets, a clock, and the road to them."""

from datetime import timedelta

import pytest

from mkterp.core.models import User
from sync import connections
from sync.domain.cases import CaseKind
from sync.models import Channel, ExceptionCase, Notification, OutboxMessage
from sync.services import cases, deliveries, notify
from sync.services.cases import Cause
from tests.fakes.receivers import HttpReceiver, MailServer

__all__ = ["House", "happened", "house"]


class House:
    """A product with a mail server and a receiver, both real, on this host."""

    def __init__(self, at, settings, monkeypatch) -> None:
        self.at = at
        self._environment = monkeypatch
        self.receiver, self.mail = HttpReceiver(), MailServer()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", self.mail.port
        settings.EMAIL_USE_TLS = False
        settings.NOTIFY_PRIVATE_ADDRESSES = True
        settings.PUBLIC_URL = "https://house.example"
        connections.reset()

    def stop(self) -> None:
        self.receiver.stop()
        self.mail.stop()
        connections.reset()

    def channel(self, name="Ops room", kind="SLACK", path="/services/T0/SECRET", **facts):
        """A channel that leads to the receiver."""
        word = name.upper().replace(" ", "_")
        self._environment.setenv(f"NOTIFY_{word}_URL", f"{self.receiver.url}{path}")
        if kind == "WEBHOOK":
            self._environment.setenv(f"NOTIFY_{word}_SECRET", "a shared secret")
            facts["secret_name"] = f"NOTIFY_{word}_SECRET"
        everything = ["CASE", "OVERDUE", "HEALTH", "STOCK_HELD", "CLOSE"]
        facts = {"topics": everything, "least_severity": 1} | facts
        return Channel.objects.create(
            name=name, kind=kind, address_name=f"NOTIFY_{word}_URL", **facts
        )

    def person(self, user: User, **facts) -> User:
        """A person who can be reached."""
        user.email = f"{user.username}@house.example"
        for name, value in facts.items():
            setattr(user, name, value)
        user.save()
        return user

    def run(self, minutes=0, hours=0) -> None:
        """Time passes, and both tasks run once."""
        self.at += timedelta(minutes=minutes, hours=hours)
        notify.notify(clock=lambda: self.at)
        deliveries.deliver(lane=OutboxMessage.Lane.NOTICES, clock=lambda: self.at)

    def mailed(self) -> list[tuple[str, str]]:
        """To whom, and with which subject."""
        return [(to, message["Subject"]) for to, message in self.mail.got]

    def stages(self) -> list[str]:
        rows = Notification.objects.order_by("pk").select_related("message")
        return [row.message.state if row.message else row.unsent_because or "-" for row in rows]


@pytest.fixture
def house(db, at, settings, monkeypatch):
    running = House(at, settings, monkeypatch)
    yield running
    running.stop()


def happened(kind=CaseKind.FEED_STOPPED, key="x", *, at, sentence="It happened.") -> ExceptionCase:
    return cases.open_case(cause=Cause(kind, key, sentence), at=at)
