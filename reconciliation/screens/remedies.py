"""Where finance put right what an exception of theirs is about."""

from django.urls import reverse

from reconciliation.services.entries import NO_ACCOUNT
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase
from sync.screens.remedies import Remedy, of_seller, screen


def _journal(case: ExceptionCase) -> str:
    return reverse(
        "mapping:accounts" if case.key.startswith(NO_ACCOUNT) else "reconciliation:journals"
    )


_RESIDUES = Remedy("Open the settlement differences", of_seller("reconciliation:residues"))
_DIFFERENCES = Remedy("Open the document differences", screen("reconciliation:discrepancies"))
REMEDIES = {
    CaseKind.PAYOUT_DIFFERS: _RESIDUES,
    CaseKind.REMITTANCE_UNKNOWN: _RESIDUES,
    CaseKind.REMITTANCE_DOUBLED: _RESIDUES,
    CaseKind.REMITTANCE_MISSING: _RESIDUES,
    CaseKind.ADVICE_DIFFERS: _RESIDUES,
    CaseKind.PAYMENT_DIFFERS: _RESIDUES,
    CaseKind.CUSTOMER_MONEY_DIFFERS: _RESIDUES,
    CaseKind.TAX_DIFFERS: _DIFFERENCES,
    CaseKind.DOCUMENT_DIFFERS: _DIFFERENCES,
    CaseKind.COMPLETENESS_GAP: Remedy("Open completeness", screen("reconciliation:completeness")),
    CaseKind.LATE_ORDER: Remedy("Open the month-end close", screen("reconciliation:close")),
    CaseKind.JOURNAL_REFUSED: Remedy("Open what it needs", _journal),
}
