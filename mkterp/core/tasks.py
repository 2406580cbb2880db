"""What django-q2 runs for the foundation."""

from mkterp.core import seals


def seal_audit() -> None:
    seals.seal()
