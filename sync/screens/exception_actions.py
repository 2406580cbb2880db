"""What a person may do with an exception, each cut from one declaration."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from mkterp.core.models import User
from mkterp.core.screens import Action, words
from sync.forms.cases import AssignForm, CommentForm, SnoozeForm
from sync.models import ExceptionCase, OutboxMessage
from sync.services import case_desk, cases, outbox

State = ExceptionCase.State


@transaction.atomic
def retry_messages(*, case: ExceptionCase, by: User, at: datetime) -> int:
    """Send again every refused message this case is about; returns how many. All or none."""
    refused = case.messages.filter(state=OutboxMessage.State.FAILED).order_by("pk")
    return len([outbox.retry(message=message, by=by, at=at) for message in refused])


def is_open(case: Any) -> bool:
    return bool(case.state == State.OPEN)


def sleeps(case: Any) -> bool:
    return bool(is_open(case) and case.snoozed_until and case.snoozed_until > timezone.now())


RETRY = Action(
    "retry",
    "Retry",
    "sync.retry_exceptioncase",
    retry_messages,
    one="case",
    condition=lambda case: is_open(case) and case.refused_messages > 0,
    unmet="Nothing of it was refused, so there is nothing to send again.",
    done=lambda results: f"{words.things(sum(results), 'message', 'messages')} sent again.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)
TAKE = Action(
    "take",
    "Take",
    "sync.assign_exceptioncase",
    case_desk.take,
    one="case",
    condition=is_open,
    unmet="Only an open exception can be taken.",
    done="{things} now yours.",
    multi=True,
    icon="hand",
    key="a",
    undo="give-back",
)
ASSIGN = Action(
    "assign",
    "Assign",
    "sync.assign_exceptioncase",
    case_desk.assign,
    one="case",
    condition=is_open,
    unmet="Only an open exception can be given to somebody.",
    done=lambda results: (
        f"{words.things(len(results), 'exception', 'exceptions')} given to "
        f"{results[0].assigned_to}."
    ),
    form=AssignForm,
    confirm="Give {things} to whom?",
    multi=True,
    row=False,
    icon="user-round",
)
GIVE_BACK = Action(
    "give-back",
    "Give back",
    "sync.assign_exceptioncase",
    case_desk.give_back,
    one="case",
    condition=lambda case: is_open(case) and case.assigned_to_id is not None,
    unmet="Nobody has it.",
    done="{things} nobody’s again.",
    row=False,
    icon="undo-2",
)
SNOOZE = Action(
    "snooze",
    "Snooze",
    "sync.assign_exceptioncase",
    case_desk.snooze,
    one="case",
    condition=lambda case: is_open(case) and not sleeps(case),
    unmet="Only an open exception that is awake can be snoozed.",
    done="{things} snoozed. Its service level goes on running.",
    form=SnoozeForm,
    confirm="Snooze {things} until when?",
    multi=True,
    row=False,
    icon="clock",
    key="z",
    undo="wake",
)
WAKE = Action(
    "wake",
    "Wake",
    "sync.assign_exceptioncase",
    case_desk.wake,
    one="case",
    condition=sleeps,
    unmet="It is awake.",
    done="{things} back in the queue.",
    multi=True,
    icon="bell",
)
COMMENT = Action(
    "comment",
    "Comment",
    "sync.assign_exceptioncase",
    case_desk.comment,
    one="case",
    done="Comment kept.",
    form=CommentForm,
    confirm="Comment on {things}",
    multi=True,
    row=False,
    icon="message-square-quote",
    key="c",
)
DISMISS = Action(
    "dismiss",
    "Dismiss",
    "sync.dismiss_exceptioncase",
    cases.dismiss,
    one="case",
    condition=lambda case: is_open(case) and not case.blocked_orders,
    unmet="It still blocks orders, so dismissing would only hide them.",
    done="{things} dismissed.",
    confirm="Dismiss {things}? If the cause returns, a new exception opens.",
    needs_reason=True,
    multi=True,
    row=False,
    danger=True,
)
ACTIONS = (RETRY, TAKE, ASSIGN, GIVE_BACK, SNOOZE, WAKE, COMMENT, DISMISS)
