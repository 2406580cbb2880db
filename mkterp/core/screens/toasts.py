"""The sentence after a deed, kept until the next page or fragment shows it, with its undo."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

# More rows than this are not undone from a message: their keys travel in it.
MOST_UNDONE = 100


@dataclass(frozen=True)
class Toast:
    """One sentence; `undo_url` takes back what was done to the rows `undo_keys`."""

    text: str
    meaning: str = "done"
    undo_url: str = ""
    undo_keys: Sequence[str] = ()


def say(request: HttpRequest, toast: Toast) -> None:
    """Keeps the toast for the next answer that can show it."""
    keys = toast.undo_keys if len(toast.undo_keys) <= MOST_UNDONE else ()
    extra = asdict(toast) | {"undo_keys": list(keys), "undo_url": toast.undo_url if keys else ""}
    extra.pop("text")
    level = messages.SUCCESS if toast.meaning == "done" else messages.ERROR
    messages.add_message(request, level, toast.text, extra_tags=json.dumps(extra))


def pending(request: HttpRequest) -> list[Toast]:
    """Everything said and not yet shown; showing it forgets it."""
    return [_read(message) for message in messages.get_messages(request)]


def _read(message: Any) -> Toast:
    # A message from elsewhere (Django's own) carries plain tags or none.
    extra = message.extra_tags or ""
    if extra.startswith("{"):
        return Toast(text=str(message.message), **json.loads(extra))
    return Toast(str(message.message), "broke" if message.level >= messages.ERROR else "done")
