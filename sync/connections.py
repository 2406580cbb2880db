"""The two outside systems and the ways to people, from settings; refused in a transaction.

One client of each for a process: they keep their connections.
"""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core import mail
from django.db import connection
from django.utils.module_loading import import_string

from sync.erp.held import held
from sync.erp.port import Capabilities, ErpPort
from sync.marketplacer.client import MarketplacerClient
from sync.messengers.posting import Poster
from sync.pace import SharedGovernor


class InTransaction(RuntimeError):
    """A call to the outside inside a transaction: a bug, because it would hold locks meanwhile."""


def _refuse_in_transaction() -> None:
    # The outermost block of a test case is the test's own, not ours.
    ours = [
        block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)
    ]
    if ours:
        raise InTransaction("a network call inside a database transaction")


@lru_cache(maxsize=1)
def _marketplacer() -> MarketplacerClient:
    user, _, password = settings.MARKETPLACER_BASIC_AUTH.partition(":")
    return MarketplacerClient(
        settings.MARKETPLACER_URL,
        settings.MARKETPLACER_API_KEY,
        basic_auth=(user, password) if user else None,
        page_size=settings.MARKETPLACER_PAGE_SIZE,
        governor=SharedGovernor("marketplacer", *settings.MARKETPLACER_RATE),
    )


@lru_cache(maxsize=1)
def _erp() -> ErpPort:
    adapter: ErpPort = import_string(settings.ERP_ADAPTER)(**settings.ERP_OPTIONS)
    return adapter


def marketplacer() -> MarketplacerClient:
    """The marketplace. In a dry run every write raises Held before anything is sent."""
    _refuse_in_transaction()
    client = _marketplacer()
    client.held = settings.DRY_RUN
    return client


def erp() -> ErpPort:
    """The ERP. In a dry run every write raises Held before anything is sent."""
    _refuse_in_transaction()
    return held(_erp()) if settings.DRY_RUN else _erp()


def erp_capabilities() -> Capabilities:
    """What the configured ERP declares of itself; asks nobody, so it may be read anywhere."""
    return _erp().capabilities()


@lru_cache(maxsize=1)
def _poster() -> Poster:
    return Poster(allow_private=settings.NOTIFY_PRIVATE_ADDRESSES)


def poster() -> Poster:
    """What takes notifications to Slack, Teams and programs."""
    _refuse_in_transaction()
    return _poster()


def mails() -> Any:
    """Django's connection to the mail server, not opened yet."""
    _refuse_in_transaction()
    return mail.get_connection()


def reset() -> None:
    """Forget them, so that the next use builds them from the settings of that moment."""
    _marketplacer.cache_clear()
    _erp.cache_clear()
    _poster.cache_clear()
