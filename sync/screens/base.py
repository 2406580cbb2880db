"""What the lists of this room share: they say when no worker keeps them up to date."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone

from mkterp.core.screens import ListScreen
from sync import selectors


class SyncScreen(ListScreen):
    """A list of what crosses the wire. Without a worker it stands still, and says so."""

    room = "sync"
    above_template: ClassVar[str] = "sync/_stalled.html"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"stall": selectors.stalled(at=timezone.now())}
