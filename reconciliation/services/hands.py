"""A person says which payment pays which advice. The matching never touches it again."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from reconciliation.models import BankLine, CashMatch
from sync.models import RemittanceAdvice


@transaction.atomic
def match(
    *, advice: RemittanceAdvice, bank_line: BankLine, by: User, at: datetime, reason: str
) -> CashMatch:
    """This line pays this advice, with what of the line is still free.

    What the matching itself had found for the line gives way. Refused without a reason, for money
    that came in, for another currency, and when a person has used the line up already.
    """
    if not reason.strip():
        raise Refused("Say why this line pays this advice.")
    line = BankLine.objects.select_for_update(no_key=True, of=("self",)).get(pk=bank_line.pk)
    if line.amount_minor >= 0:
        raise Refused("This line is money that came in; it pays no advice.")
    if line.currency != advice.currency:
        raise Refused(f"The line is in {line.currency}, {advice} in {advice.currency}.")
    CashMatch.objects.filter(bank_line=line).exclude(how=CashMatch.How.PERSON).delete()
    used = CashMatch.objects.filter(bank_line=line).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    free = -line.amount_minor - used
    if free <= 0:
        raise Refused("The whole line is matched by a person already; take that back first.")
    if CashMatch.objects.filter(bank_line=line, advice=advice).exists():
        raise Refused(f"The line pays {advice} already.")
    row = CashMatch.objects.create(
        advice=advice,
        bank_line=line,
        amount_minor=free,
        how=CashMatch.How.PERSON,
        reason=reason,
        made_by=by,
        made_at=at,
    )
    after = {"advice": str(advice), "line": line.identity, "amount": free}
    audit.record(action="cash.match", subject=row, by=by, at=at, reason=reason, after=after)
    return row


@transaction.atomic
def take_back(*, match: CashMatch, by: User, at: datetime, reason: str) -> None:
    """A match by a person ends; the next run matches the line by its rules again.

    Refused without a reason, and for what the matching found itself: that follows the rules.
    """
    if not reason.strip():
        raise Refused("Say why the match is taken back.")
    row = CashMatch.objects.select_for_update(no_key=True, of=("self",)).filter(pk=match.pk).first()
    if row is None:
        raise Refused("This match is gone already.")
    if row.how != CashMatch.How.PERSON:
        raise Refused("The rules made this match. Match the line by hand to what it pays instead.")
    before = {"advice": str(row.advice), "line": row.bank_line.identity, "amount": row.amount_minor}
    audit.record(
        action="cash.unmatch", subject=row, by=by, at=at, reason=reason, before=before, after={}
    )
    row.delete()
