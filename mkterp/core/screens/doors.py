"""Every address of the product with what it asks of whoever comes: for the test that walks them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from mkterp.core import roles


@dataclass(frozen=True)
class Door:
    """One address. `permission`: a codename, roles.PUBLIC, roles.SIGNED_IN, None (undeclared)."""

    name: str  # "sync:orders", or "" for an address without one
    route: str
    permission: str | None
    arguments: tuple[str, ...]


def doors(urlconf: str | None = None) -> list[Door]:
    """All doors of the URL configuration, in its order."""
    return list(_walk(get_resolver(urlconf).url_patterns, "", ""))


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[Door]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, route, inner)
        elif isinstance(pattern, URLPattern):
            yield Door(
                name=f"{namespace}{pattern.name}" if pattern.name else "",
                route=route,
                permission=roles.permission_of(pattern.callback),
                arguments=tuple(pattern.pattern.converters),
            )
