"""What can be planted, what the product must call it, and whether it did.

The settlement's plants live in the sandbox (`payouts_plants`), which keeps the answers. The kinds
are described for people in docs/planted-drift.md; a test keeps the two lists equal.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from reconciliation.models import Residue
from tests.month.world import World

# The product's own word for each kind: of the settlement, and of the ERP's documents.
SETTLEMENT = {
    "advice_paid_twice": "PAID_TWICE",
    "advice_total_wrong": "ADVICE_TOTAL_WRONG",
    "advice_without_remittance": "ADVICE_WITHOUT_REMITTANCE",
    "commission_wrong": "COMMISSION_WRONG",
    "customer_payment_missing": "CUSTOMER_PAYMENT_MISSING",
    "duplicate_remittance": "DUPLICATE_REMITTANCE",
    "payout_short_by_a_cent": "PAID_SHORT",
    "postage_missing": "POSTAGE_MISSING",
    "refund_not_deducted": "REFUND_NOT_DEDUCTED",
    "remittance_on_two_advices": "ADVISED_TWICE",
    "sale_not_remitted": "SALE_NOT_REMITTED",
    "tax_withheld": "TAX_WITHHELD",
    "unknown_invoice": "UNKNOWN_INVOICE",
    "wrong_seller": "WRONG_SELLER",
}
DOCUMENTS = {
    "invoice_doubled": "DUPLICATE",
    "invoice_line_missing": "MISSING_LINE",
    "invoice_price_changed": "AMOUNT",
    "invoice_tax_code_changed": "RATE",
}
CAUSES = SETTLEMENT | DOCUMENTS
# One of each where the caller says nothing.
TWELVE = (
    "advice_paid_twice",
    "advice_total_wrong",
    "commission_wrong",
    "customer_payment_missing",
    "duplicate_remittance",
    "invoice_doubled",
    "invoice_line_missing",
    "invoice_price_changed",
    "invoice_tax_code_changed",
    "payout_short_by_a_cent",
    "refund_not_deducted",
    "tax_withheld",
)


class BadList(Exception):
    """The caller's list cannot be planted; says which row and why."""


@dataclass(frozen=True)
class Seen:
    """A standing difference as the product tells it: its cause, whose it is, and by how much."""

    cause: str
    amount: int
    sentence: str


@dataclass
class Verdict:
    """What came of one look, or of several added up."""

    planted: int = 0
    found: int = 0
    wrong_cause: int = 0
    missed: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)

    def __iadd__(self, other: "Verdict") -> "Verdict":
        self.planted += other.planted
        self.found += other.found
        self.wrong_cause += other.wrong_cause
        self.missed += other.missed
        self.false_alarms += other.false_alarms
        return self


def wanted(source: str) -> list[dict[str, object]]:
    """The plants of a caller's file, the twelve, or none. Raises BadList."""
    if source == "none":
        return []
    if not source:
        return [{"kind": kind} for kind in TWELVE]
    try:
        rows = json.loads(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadList(f"{source} cannot be read as JSON: {error}") from error
    if not isinstance(rows, list):
        raise BadList(f'{source} is no list; write [{{"kind": "commission_wrong"}}]')
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or row.get("kind") not in CAUSES:
            raise BadList(
                f"row {number}: {json.dumps(row)} names no kind; known are {', '.join(CAUSES)}"
            )
    return rows


def standing() -> list[Seen]:
    """Every difference that stands on the product's screens."""
    rows = Residue.objects.filter(cleared_at=None).order_by("pk")
    return [Seen(row.cause, row.amount_minor, row.sentence) for row in rows]


def judge(world: World, seen: Iterable[Seen]) -> Verdict:
    """Hold what was seen against what is planted now, each plant to one difference of its amount.

    A seller who is paid another's money shows at both: too much there, too little here.
    """
    left = list(seen)
    answers = world.sandbox.planted()
    verdict = Verdict(planted=len(answers))
    for answer in answers:
        cause, amount = SETTLEMENT[answer["drift"]], answer["amountCents"]
        same = [one for one in left if one.amount == amount]
        hit = next((one for one in same if one.cause == cause), None)
        if hit is None:
            words = f"{answer['drift']} of {amount}"
            verdict.missed.append(words + (f", called {same[0].cause}" if same else ""))
            verdict.wrong_cause += bool(same)
            continue
        left.remove(hit)
        verdict.found += 1
        if answer["drift"] == "wrong_seller":
            other = next((o for o in left if (o.cause, o.amount) == (cause, -amount)), None)
            if other is not None:
                left.remove(other)
    verdict.false_alarms = [f"{one.cause} of {one.amount}: {one.sentence}" for one in left]
    return verdict
