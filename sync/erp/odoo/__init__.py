"""The adapter for Odoo 16 to 19: JSON-RPC, and JSON-2 from 19 on."""

from sync.erp.odoo.adapter import OdooErp

__all__ = ["OdooErp"]
