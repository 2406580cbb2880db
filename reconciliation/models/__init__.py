"""Do the two sides agree, and what do we book when they do not.

One module a subject; every model is exported here.
"""

from reconciliation.models.adjustments import Journal, JournalLine, TaxAdjustment
from reconciliation.models.bank import BankFile, BankLine, BankUpload, GatewayLine
from reconciliation.models.booking import SettlementEntry
from reconciliation.models.books import (
    DifferenceRule,
    Discrepancy,
    DocumentMatch,
    DocumentRun,
)
from reconciliation.models.close import (
    CloseSignOff,
    CloseStep,
    CompletenessStatement,
    EvidencePack,
)
from reconciliation.models.matching import CashMatch, MatchRun, PayoutMatch, Residue
from reconciliation.models.periods import SellerPeriod
from reconciliation.models.settlement import Expectation, MatchingRule

__all__ = [
    "BankFile",
    "BankLine",
    "BankUpload",
    "CashMatch",
    "CloseSignOff",
    "CloseStep",
    "CompletenessStatement",
    "DifferenceRule",
    "Discrepancy",
    "DocumentMatch",
    "DocumentRun",
    "EvidencePack",
    "Expectation",
    "GatewayLine",
    "Journal",
    "JournalLine",
    "MatchRun",
    "MatchingRule",
    "PayoutMatch",
    "Residue",
    "SellerPeriod",
    "SettlementEntry",
    "TaxAdjustment",
]
