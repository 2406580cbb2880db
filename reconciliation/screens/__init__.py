"""The screens of this room. One instance of each: links, buttons and addresses come from it."""

from reconciliation.screens.advices import ADVICES
from reconciliation.screens.bank import BANK_FILES, BANK_LINES, GATEWAY_LINES
from reconciliation.screens.entries import ENTRIES
from reconciliation.screens.residues import RESIDUES

__all__ = ["ADVICES", "BANK_FILES", "BANK_LINES", "ENTRIES", "GATEWAY_LINES", "RESIDUES"]
