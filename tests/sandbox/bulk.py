"""Making very many lasting objects at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def all_are_kept() -> Iterator[None]:
    """No search for garbage inside: where all objects stay it finds none, in half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
