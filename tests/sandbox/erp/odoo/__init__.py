"""An Odoo in memory that speaks JSON-RPC (16) or JSON-2 (19) over real HTTP.

Written from Odoo's documentation and from what a real Odoo 14 did; it imports nothing of ours.
"""

from tests.sandbox.erp.odoo.api import OdooDouble
from tests.sandbox.erp.odoo.people import OdooPeople
from tests.sandbox.erp.odoo.seed import company

__all__ = ["OdooDouble", "OdooPeople", "company"]
