"""The adapter for Tryton 8.2 over its JSON-RPC."""

from sync.erp.tryton.adapter import TrytonErp

__all__ = ["TrytonErp"]
