"""One word and one colour for every state of this room, wherever it is shown."""

from mkterp.core.screens import Badge
from sync.models import ExceptionCase, InboxMessage, Invoice, OutboxMessage

ORDER = {
    Invoice.State.WAITING: Badge("unpaid", "wait"),
    Invoice.State.PARKED: Badge("parked", "need"),
    Invoice.State.QUEUED: Badge("queued", "move"),
    Invoice.State.POSTED: Badge("posted", "done"),
    Invoice.State.FAILED: Badge("refused", "broke"),
    Invoice.State.CANCELLED: Badge("cancelled", "wait"),
    Invoice.State.HISTORIC: Badge("before go-live", "wait"),
}

# A case's stage: its state, and for an open one how far somebody is with it.
CASE = {
    "NEW": Badge("new", "wait"),
    "ASSIGNED": Badge("assigned", "need"),
    "SNOOZED": Badge("snoozed", "wait"),
    "RETRYING": Badge("retrying", "move"),
    ExceptionCase.State.RESOLVED: Badge("resolved", "done"),
    ExceptionCase.State.DISMISSED: Badge("dismissed", "wait"),
}

INBOX = {
    InboxMessage.State.NEW: Badge("waiting", "wait"),
    InboxMessage.State.DONE: Badge("done", "done"),
    InboxMessage.State.IGNORED: Badge("not needed", "wait"),
    InboxMessage.State.UNREADABLE: Badge("unreadable", "broke"),
}

OUTBOX = {
    OutboxMessage.State.PENDING: Badge("waiting", "wait"),
    OutboxMessage.State.IN_FLIGHT: Badge("on its way", "move"),
    OutboxMessage.State.DELIVERED: Badge("delivered", "done"),
    OutboxMessage.State.FAILED: Badge("refused", "broke"),
    OutboxMessage.State.ABANDONED: Badge("given up", "wait"),
    OutboxMessage.State.SUPERSEDED: Badge("superseded", "wait"),
}

_DRY = Badge("would be sent", "wait")


def outbox(message: OutboxMessage) -> Badge:
    """The state of a message; one that a dry run queued goes nowhere."""
    held = message.dry and message.state == OutboxMessage.State.PENDING
    return _DRY if held else OUTBOX[OutboxMessage.State(message.state)]


# How a timeline draws an event's state: its colour, and the glyph in its dot.
EVENTS = {
    "done": ("done", "check"),
    "waiting": ("wait", "clock"),
    "moving": ("move", "arrow-right"),
    "person": ("need", "user-round"),
    "broken": ("broke", "x"),
}
