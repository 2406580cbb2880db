"""What every log line carries: the id of the request being answered, and the order it is about.

Apart from the middleware because logging is set up before any model may be imported.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
order: ContextVar[str] = ContextVar("order", default="-")


@contextmanager
def about(number: str) -> Iterator[None]:
    """What is logged inside is about this order: "INV-1042"."""
    token = order.set(number)
    try:
        yield
    finally:
        order.reset(token)


class RequestIdFilter(logging.Filter):
    """Gives every log record the request and the order it was written for, "-" without one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.order = order.get()
        return True
