"""How a queued notification leaves: by e-mail, to Slack or Teams, or signed to a program.

At least once: an answer that was lost means that it is sent again, under the same key.
"""

import json
import smtplib
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from sync import connections
from sync.domain import notice_texts
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure, Rejected, Transient, UnknownOutcome
from sync.domain.documents import Written
from sync.models import ExceptionCase, OutboxMessage
from sync.selectors import notices as selectors
from sync.services import cases

Answer = Written | Failure | None
_FORMATS = {
    "SLACK": notice_texts.slack,
    "TEAMS": notice_texts.teams,
    "WEBHOOK": notice_texts.program,
}


def send(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Each on its own: one receiver that does not answer holds up no other."""
    answers: list[Answer] = []
    for message in messages:
        to, letter = message.payload["to"], notice_texts.thaw(message.payload["letter"])
        try:
            if to["kind"] == "MAIL":
                _mail(to["address"], letter)
            else:
                _post(to, letter)
            answers.append(None)
        except Failure as failure:
            answers.append(failure)
    return answers


def about(message: OutboxMessage) -> str:
    """The cause of its refusal: one for each receiver, however many messages it refuses."""
    return str(message.payload["to"]["case"])


def arrived(arrivals: Sequence[tuple[OutboxMessage, Answer]], at: datetime) -> None:
    """A receiver that takes messages again has lost the cause of its case."""
    keys = {about(message) for message, _ in arrivals}
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.NOTICE_REFUSED, key__in=keys, state=ExceptionCase.State.OPEN
    ):
        cases.resolve(case=case, resolution="A notification was taken again.", at=at)


def _post(to: dict[str, Any], letter: notice_texts.Letter) -> None:
    address = selectors.variable(to["address"])
    if not address:
        raise Rejected(f"{to['address']} is not set where the worker runs.")
    body = json.dumps(_FORMATS[to["kind"]](letter), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if to["kind"] == "WEBHOOK":
        headers |= _signed(to, letter.key, body)
    connections.poster().post(address, body, headers)


def _signed(to: dict[str, Any], key: str, body: bytes) -> dict[str, str]:
    secret = selectors.variable(to["secret"])
    if not secret:
        raise Rejected(f"{to['secret']} is not set where the worker runs; nothing goes unsigned.")
    moment = int(time.time())
    return {
        "Idempotency-Key": key,
        "Mkterp-Timestamp": str(moment),
        "Mkterp-Signature": notice_texts.signature(secret, moment, body),
    }


def _mail(address: str, letter: notice_texts.Letter) -> None:
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    message = EmailMessage(
        subject=f"[{letter.company}] {letter.subject}",
        body=notice_texts.plain(letter),
        to=[address],
        headers={
            "Message-ID": f"<{letter.key}@{host}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no absence notes in answer
        },
        connection=connections.mails(),
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as refused:
        raise _refusal(next(iter(refused.recipients.values()), (550, b""))) from None
    except smtplib.SMTPResponseException as refused:
        raise _refusal((refused.smtp_code, refused.smtp_error)) from None
    except smtplib.SMTPServerDisconnected:
        raise UnknownOutcome("The mail server hung up before it said that it has it.") from None
    except smtplib.SMTPException as refused:
        raise Rejected(f"The mail server cannot do what is asked: {refused}") from None
    except OSError as error:
        raise Transient(f"The mail server cannot be reached: {type(error).__name__}") from None


def _refusal(answer: tuple[int, bytes | str]) -> Failure:
    """SMTP's own word on whether it may go later: 4xx yes, 5xx no (RFC 5321, 4.2.1)."""
    code, said = answer
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    words = f"The mail server answered {code}: {notice_texts.cut(text, 200)}"
    return Transient(words) if 400 <= code < 500 else Rejected(words)
