"""The only way news goes up from here: something that a higher room queued has arrived."""

from django.dispatch import Signal

# `message` (OutboxMessage, delivered, its answer set) and `at`. Sent inside the transaction that
# records the arrival, so that what follows from it commits with it.
message_delivered = Signal()
