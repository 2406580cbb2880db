"""How a notification reads: as an e-mail, in Slack, in Teams, and for a program. Pure.

Slack takes blocks (https://api.slack.com/messaging/webhooks), Teams an Adaptive Card through the
webhook of a workflow (https://learn.microsoft.com/power-automate/teams). Both cut what is too long,
so every text is kept below their limits here.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.domain.notices import TOPICS, WORDS_OF_SEVERITY, Topic

SHOWN = 20  # lines; the rest is a number and a link
LONGEST_LINE = 300


@dataclass(frozen=True)
class Line:
    """One thing that happened. `url` leads to it; `severity` is 1 to 3."""

    topic: Topic
    severity: int
    sentence: str
    url: str


@dataclass(frozen=True)
class Letter:
    """One notification as it was frozen. `key` is the same at every try."""

    key: str
    company: str
    subject: str
    lines: tuple[Line, ...]
    more: int  # that are not among the lines
    fixed: int  # that were put right before it was sent
    url: str  # of the screen where all of it stands

    def frozen(self) -> dict[str, Any]:
        """As plain JSON values; `thaw` makes the same letter of them."""
        lines = [[str(one.topic), one.severity, one.sentence, one.url] for one in self.lines]
        return {**vars(self), "lines": lines}


def thaw(value: Mapping[str, Any]) -> Letter:
    lines = tuple(
        Line(Topic(topic), severity, sentence, url)
        for topic, severity, sentence, url in value["lines"]
    )
    return Letter(**{**value, "lines": lines})


def subject_of(counts: Mapping[str, int], first: str) -> str:
    """Of one its sentence; of many how many of what: "1 health alarm, 12 new exceptions"."""
    if sum(counts.values()) == 1:
        return cut(first, 120)
    parts = []
    for topic, facts in TOPICS.items():
        many = counts.get(topic, 0)
        if many:
            parts.append(f"{many:,} {facts.one if many == 1 else facts.label.lower()}")
    return ", ".join(parts)


def cut(text: str, most: int = LONGEST_LINE) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def tail(letter: Letter) -> list[str]:
    """What is said below the lines."""
    found = []
    if letter.more:
        found.append(f"And {letter.more:,} more.")
    if letter.fixed:
        were = "was" if letter.fixed == 1 else "were"
        found.append(f"{letter.fixed:,} {were} put right before this was sent.")
    return found


def plain(letter: Letter) -> str:
    """The body of an e-mail."""
    parts = [
        f"{cut(line.sentence)} ({WORDS_OF_SEVERITY[line.severity]})\n{line.url}"
        for line in letter.lines
    ]
    parts += tail(letter)
    parts.append(f"All of it: {letter.url}\nWhat you are told, and how often: {letter.url}mine/")
    return "\n\n".join(parts) + "\n"


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack(letter: Letter) -> dict[str, Any]:
    """For a Slack incoming webhook. A section holds at most 3,000 letters, so each line has one."""
    sections = [
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": f"*{WORDS_OF_SEVERITY[line.severity]}* "
                f"<{line.url}|{_slack_text(cut(line.sentence)).replace('|', '/')}>",
            },
        }
        for line in letter.lines
    ]
    last = " ".join([*tail(letter), f"<{letter.url}|All of it>"])
    return {
        "text": _slack_text(f"{letter.company}: {letter.subject}"),
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": cut(f"{letter.company}: {letter.subject}", 150),
                },
            },
            *sections,
            {"type": "context", "elements": [{"type": "mrkdwn", "text": last}]},
        ],
    }


def _card_text(text: str) -> str:
    """Adaptive Cards read a subset of Markdown in a text block."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]#" else letter for letter in text)


def teams(letter: Letter) -> dict[str, Any]:
    """For the webhook of a Teams workflow: one Adaptive Card, below its 28 kB."""
    lines = [
        {
            "type": "TextBlock",
            "wrap": True,
            "spacing": "Small",
            "text": f"**{WORDS_OF_SEVERITY[line.severity]}** "
            f"[{_card_text(cut(line.sentence))}]({line.url})",
        }
        for line in letter.lines
    ]
    below = [
        {"type": "TextBlock", "wrap": True, "isSubtle": True, "text": text} for text in tail(letter)
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "wrap": True,
                "weight": "Bolder",
                "text": _card_text(cut(f"{letter.company}: {letter.subject}", 200)),
            },
            *lines,
            *below,
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "All of it", "url": letter.url}],
    }
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        ],
    }


def program(letter: Letter) -> dict[str, Any]:
    """For a program: plain facts. `version` changes when a field changes its meaning."""
    return {
        "version": 1,
        "id": letter.key,
        "company": letter.company,
        "subject": letter.subject,
        "items": [
            {
                "topic": str(line.topic),
                "severity": line.severity,
                "sentence": line.sentence,
                "url": line.url,
            }
            for line in letter.lines
        ],
        "more": letter.more,
        "fixed": letter.fixed,
        "url": letter.url,
    }


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What Mkterp-Signature holds: HMAC-SHA256 over "<timestamp>.<body>", in hexadecimal.

    The time is under the signature, so that a receiver can refuse a message that was kept.
    """
    signed = f"{timestamp}.".encode() + body
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
