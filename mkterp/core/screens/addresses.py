"""Addresses by name. A page has hundreds, so each pattern is looked up once."""

import functools
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, reverse

_SOME_KEY = 70_503_010_701_030_507  # no address holds it but where its key stands


def address(name: str, key: Any = None) -> str:
    """The address of this name; with `key` that of a row, as `reverse` gives it."""
    if key is None:
        return _plain(name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix())
    text = str(key)
    if not (text.isascii() and text.isdecimal()):  # it would have to be quoted first
        return reverse(name, kwargs={"key": key})
    head, tail = _around_key(name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix())
    return f"{head}{text}{tail}"


@functools.cache
def _plain(name: str, urlconf: Any, prefix: str) -> str:
    return reverse(name, urlconf)


@functools.cache
def _around_key(name: str, urlconf: Any, prefix: str) -> tuple[str, str]:
    head, tail = reverse(name, urlconf, kwargs={"key": _SOME_KEY}).split(str(_SOME_KEY))
    return head, tail
