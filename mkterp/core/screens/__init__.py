"""Every list and every button: declared here, drawn and served by one piece of code.

A room's `screens.py` needs these names, and the columns of `mkterp.core.screens.columns`.
"""

from mkterp.core.screens.actions import Action
from mkterp.core.screens.columns import Badge
from mkterp.core.screens.lists import Empty, ListScreen, View

__all__ = ["Action", "Badge", "Empty", "ListScreen", "View"]
