"""Fixtures that the tests of more than one room ask for."""

from tests.integration.sync.selling import world

__all__ = ["world"]
