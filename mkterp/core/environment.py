"""Secrets that are known by the names of their variables alone."""

from django.core.exceptions import ImproperlyConfigured

from mkterp.settings import env


def held(name: str) -> str:
    """What the variable of this process holds, or the file that NAME_FILE names; "" when neither.

    Whoever calls it says which names may be asked for: it would tell any.
    """
    try:
        return env(name, "").strip()
    except (ImproperlyConfigured, OSError, UnicodeDecodeError):
        return ""
