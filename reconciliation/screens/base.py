"""What the lists of the books share: the room they stand in."""

from typing import ClassVar

from mkterp.core.screens import ListScreen


class BooksScreen(ListScreen):
    room: ClassVar[str] = "reconciliation"
