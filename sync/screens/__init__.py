"""The screens of this room: orders, exceptions, the inbox and the outbox.

One instance of each: links, buttons and addresses all come from it.
"""

from sync.screens.exceptions import EXCEPTIONS
from sync.screens.inventory import DRIFTS, HOLDS, INVENTORY, PREVENTED
from sync.screens.orders import ORDERS
from sync.screens.queues import INBOX, OUTBOX

__all__ = [
    "DRIFTS",
    "EXCEPTIONS",
    "HOLDS",
    "INBOX",
    "INVENTORY",
    "ORDERS",
    "OUTBOX",
    "PREVENTED",
]
