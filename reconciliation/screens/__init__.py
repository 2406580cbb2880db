"""The screens of this room. One instance of each: links, buttons and addresses come from it."""

from reconciliation.screens.adjustments import ADJUSTMENTS
from reconciliation.screens.advices import ADVICES
from reconciliation.screens.bank import BANK_FILES, BANK_LINES, GATEWAY_LINES
from reconciliation.screens.clearing import CLEARING
from reconciliation.screens.completeness import COMPLETENESS
from reconciliation.screens.discrepancies import DISCREPANCIES
from reconciliation.screens.entries import ENTRIES
from reconciliation.screens.journals import JOURNALS
from reconciliation.screens.remedies import REMEDIES
from reconciliation.screens.residues import RESIDUES
from sync.screens import remedies

__all__ = [
    "ADJUSTMENTS",
    "ADVICES",
    "BANK_FILES",
    "BANK_LINES",
    "CLEARING",
    "COMPLETENESS",
    "DISCREPANCIES",
    "ENTRIES",
    "GATEWAY_LINES",
    "JOURNALS",
    "RESIDUES",
]

remedies.add(REMEDIES)
