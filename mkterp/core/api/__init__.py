"""The API's foundation: tokens, pages by key, and the permission each operation asks.

Each room declares its operations in its own `api.py`; `mkterp/api.py` mounts them.
"""

from mkterp.core.api.operations import Money, Page, acting, needs, page, problems

__all__ = ["Money", "Page", "acting", "needs", "page", "problems"]
