"""What people are told of without looking: topics, defaults by role, and when it leaves. Pure.

notice         something happened: a case opened, a service level ran out, an alarm, a hold
wish           what somebody wants of a topic: how soon, and from which severity on
notification   what one receiver is sent: all that gathered since the last one
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from sync.domain.cases import CaseKind

# The variables that a channel may name. Any other would let an administrator have a secret of the
# house sent somewhere.
VARIABLE = re.compile(r"NOTIFY_[A-Z0-9_]{1,50}")


class Topic(StrEnum):
    CASE = "CASE"
    OVERDUE = "OVERDUE"
    HEALTH = "HEALTH"
    STOCK_HELD = "STOCK_HELD"
    CLOSE = "CLOSE"
    GIVEN = "GIVEN"
    TEST = "TEST"  # asked for by a person, so nobody chooses it


@dataclass(frozen=True)
class TopicFacts:
    label: str  # of many
    one: str  # of a single one, in a sentence
    meaning: str


TOPICS: dict[Topic, TopicFacts] = {
    Topic.HEALTH: TopicFacts(
        "Health alarms", "health alarm", "A feed stopped or missed its runs, webhooks fell silent."
    ),
    Topic.STOCK_HELD: TopicFacts(
        "Stock holds",
        "stock hold",
        "Levels that look like a mistake, such as many zeros, wait for a person.",
    ),
    Topic.OVERDUE: TopicFacts(
        "Overdue exceptions",
        "overdue exception",
        "A service level ran out. What is yours is told at any severity.",
    ),
    Topic.GIVEN: TopicFacts(
        "Given to you",
        "exception given to you",
        "Somebody else put an exception into your hands, of any severity.",
    ),
    Topic.CASE: TopicFacts("New exceptions", "new exception", "A case was opened."),
    Topic.CLOSE: TopicFacts(
        "Suspended sign-offs",
        "suspended sign-off",
        "A fact of the close that somebody signed holds no longer.",
    ),
}
# Told to the one person it is about, so that no channel has them.
PERSONAL = frozenset({Topic.GIVEN})
SEVERITIES = {1: "minor and up", 2: "serious and up", 3: "grave only"}
WORDS_OF_SEVERITY = {1: "minor", 2: "serious", 3: "grave"}

_OF_KIND = {
    CaseKind.FEED_STOPPED: Topic.HEALTH,
    CaseKind.MISSED_RUN: Topic.HEALTH,
    CaseKind.WEBHOOK_SILENT: Topic.HEALTH,
    CaseKind.WEBHOOK_REFUSED: Topic.HEALTH,
    CaseKind.NOTICE_REFUSED: Topic.HEALTH,
    CaseKind.STOCK_HELD: Topic.STOCK_HELD,
}
# The kinds whose one sentence is made of our own words and figures alone. Of every other kind only
# its label, listing and seller are told: a sentence may hold what the far side or a buyer wrote.
TOLD_IN_FULL = frozenset({CaseKind.MISSED_RUN, CaseKind.WEBHOOK_SILENT, CaseKind.STOCK_HELD})


def topic_of(kind: CaseKind) -> Topic:
    """Under which topic the opening of a case of this kind is told."""
    return _OF_KIND.get(kind, Topic.CASE)


class Rhythm(StrEnum):
    IMMEDIATE = "IMMEDIATE"
    DAILY = "DAILY"
    NONE = "NONE"


RHYTHMS = {
    Rhythm.IMMEDIATE: "at once",
    Rhythm.DAILY: "once a day",
    Rhythm.NONE: "not at all",
}
_LOUDNESS = (Rhythm.NONE, Rhythm.DAILY, Rhythm.IMMEDIATE)


@dataclass(frozen=True)
class Wish:
    """What a receiver wants of one topic."""

    rhythm: Rhythm
    least: int = 1  # the lowest severity, 1 to 3


SILENT = Wish(Rhythm.NONE, 3)
# By role. Whoever only reads is told nothing; what stops everybody is told at once to those who
# can do something about it; the rest comes once a day.
DEFAULTS: dict[str, dict[Topic, Wish]] = {
    "operations": {
        Topic.HEALTH: Wish(Rhythm.IMMEDIATE, 2),
        Topic.STOCK_HELD: Wish(Rhythm.IMMEDIATE),
        Topic.OVERDUE: Wish(Rhythm.IMMEDIATE, 3),
        Topic.CASE: Wish(Rhythm.DAILY, 3),
        Topic.GIVEN: Wish(Rhythm.IMMEDIATE),
    },
    "finance": {
        Topic.CLOSE: Wish(Rhythm.IMMEDIATE),
        Topic.OVERDUE: Wish(Rhythm.DAILY, 3),
        Topic.GIVEN: Wish(Rhythm.IMMEDIATE),
    },
    "controller": {
        Topic.CLOSE: Wish(Rhythm.IMMEDIATE),
        Topic.OVERDUE: Wish(Rhythm.DAILY, 2),
        Topic.GIVEN: Wish(Rhythm.IMMEDIATE),
    },
    "administrator": {
        Topic.HEALTH: Wish(Rhythm.IMMEDIATE, 2),
        Topic.GIVEN: Wish(Rhythm.IMMEDIATE),
    },
}


def wishes_of(roles: Iterable[str]) -> dict[Topic, Wish]:
    """What people of these roles are told unless they choose otherwise: the loudest of each."""
    found = dict.fromkeys(TOPICS, SILENT)
    for role in roles:
        for topic, wish in DEFAULTS.get(role, {}).items():
            have = found[topic]
            rhythm = max(wish.rhythm, have.rhythm, key=_LOUDNESS.index)
            least = wish.least if have is SILENT else min(wish.least, have.least)
            found[topic] = Wish(rhythm, least)
    return found


def rhythm_for(
    wishes: Mapping[Topic, Wish], topic: Topic, severity: int, *, mine: bool = False
) -> Rhythm:
    """How soon this receiver is told of it. `mine`: the case is in his hands, so severity is no
    matter."""
    wish = wishes.get(topic, SILENT)
    return wish.rhythm if mine or severity >= wish.least else Rhythm.NONE


# "At once" leaves when a minute has gathered what belongs together, and never more often than every
# ten minutes to one receiver: a thousand cases in a minute are one message.
GATHER = timedelta(minutes=1)
APART = timedelta(minutes=10)
MORNING = time(8)


def due_at(rhythm: Rhythm, *, at: datetime, last_at: datetime | None, zone: tzinfo) -> datetime:
    """When what begins to gather at `at` leaves; `last_at` is when the last one was due."""
    if rhythm is Rhythm.IMMEDIATE:
        return max(at + GATHER, last_at + APART) if last_at is not None else at + GATHER
    today = at.astimezone(zone).date()
    morning = datetime.combine(today, MORNING, zone)
    if morning <= at:
        morning = datetime.combine(today + timedelta(days=1), MORNING, zone)
    return morning
