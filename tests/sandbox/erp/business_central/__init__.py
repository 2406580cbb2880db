"""A Business Central in memory that speaks its standard API v2.0 over real HTTP.

Written from Microsoft's documentation and the published source of the API's pages; it imports
nothing of ours. Where the real one would round, cut or guess, this one refuses.
"""

from tests.sandbox.erp.business_central.api import BusinessCentralDouble
from tests.sandbox.erp.business_central.people import BusinessCentralPeople
from tests.sandbox.erp.business_central.seed import company

__all__ = ["BusinessCentralDouble", "BusinessCentralPeople", "company"]
