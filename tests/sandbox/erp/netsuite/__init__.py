"""A NetSuite in memory that speaks its REST record API and SuiteQL over real HTTP.

Written from Oracle's documentation; it imports nothing of ours. Where the real one would pass over,
guess or round, this one refuses.
"""

from tests.sandbox.erp.netsuite.api import NetSuiteDouble
from tests.sandbox.erp.netsuite.people import NetSuitePeople
from tests.sandbox.erp.netsuite.seed import company

__all__ = ["NetSuiteDouble", "NetSuitePeople", "company"]
