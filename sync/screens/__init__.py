"""The screens of this room: orders, shipments, refunds, exceptions, inbox, outbox, notifications.

One instance of each: links, buttons and addresses all come from it.
"""

from sync.screens.exceptions import EXCEPTIONS
from sync.screens.inventory import DRIFTS, HOLDS, INVENTORY, PREVENTED
from sync.screens.notices import CHANNELS, NOTIFICATIONS
from sync.screens.orders import ORDERS
from sync.screens.queues import INBOX, OUTBOX
from sync.screens.refunds import REFUNDS
from sync.screens.shipments import CARRIERS, SHIPMENTS

__all__ = [
    "CARRIERS",
    "CHANNELS",
    "DRIFTS",
    "EXCEPTIONS",
    "HOLDS",
    "INBOX",
    "INVENTORY",
    "NOTIFICATIONS",
    "ORDERS",
    "OUTBOX",
    "PREVENTED",
    "REFUNDS",
    "SHIPMENTS",
]
