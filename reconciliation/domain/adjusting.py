"""What differences lead to: nothing, adjustments that finance approve, or a case. And the journal.

Amounts of an adjustment are whole minor units, positive a debit on its own account; the Tax
Adjustment account takes the other side. DECISIONS 21 says which account that is: customer
clearing where the gross differs, the tax's own account where only the split does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from mkterp.core.money import from_minor
from reconciliation.domain.differences import SMALL, Booked, Cause, Difference, Sold
from sync.domain.documents import JournalLine


class Outcome(StrEnum):
    EQUAL = "EQUAL"  # to the cent, line by line
    WITHIN = "WITHIN"  # differs by what a rule allows; what is to be booked is in `wanted`
    BEYOND = "BEYOND"  # a person must look: `blame` says at what


class Kind(StrEnum):
    GROSS = "GROSS"  # the buyer owes another sum
    TAX = "TAX"  # the same sum, split otherwise


@dataclass(frozen=True)
class Tolerance:
    """How much may differ: a base and some for each line, whole minor units."""

    base: int
    per_line: int = 0
    books_tax: bool = True  # a different split is booked; else it is only recorded

    def allows(self, amount: int, lines: int) -> bool:
        return abs(amount) <= self.base + self.per_line * lines

    def words(self, lines: int) -> str:
        """The rule with its numbers: "up to 1 + 1 x 3 lines = 4"."""
        total = self.base + self.per_line * lines
        return f"up to {self.base} + {self.per_line} x {lines} lines = {total}"


# What rounding may amount to where finance have set no tolerance: a unit for the document, which is
# what rounding its tax once leaves, and one for each line, which is what rounding each leaves.
STANDARD = Tolerance(base=1, per_line=1)


@dataclass(frozen=True)
class Wanted:
    """An adjustment that would make the ERP's figures the marketplace's."""

    kind: Kind
    account: str
    code: str
    amount: int
    theirs: int
    ours: int
    cause: Cause
    rule: str


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    wanted: tuple[Wanted, ...] = ()
    blame: Difference | None = None


def decide(
    sold: Sold,
    booked: Booked,
    differences: Sequence[Difference],
    *,
    rounding: Tolerance,
    basis: Tolerance | None,
    liable: bool,
    receivable: str,
    tax_account: str,
) -> Verdict:
    """What the differences of one order lead to.

    `liable`: the tax is the operator's own (an agent's tax is passed on to the seller, and a
    penny of split moves nothing in our books). `receivable` and `tax_account` are the accounts
    taken where the document names none.
    """
    if not differences:
        return Verdict(Outcome.EQUAL)
    worst = next((one for one in differences if one.cause not in SMALL), None)
    if worst is not None:
        return Verdict(Outcome.BEYOND, blame=worst)
    lines = len(sold.lines) + bool(sold.postage)
    by_policy = [one for one in differences if one.cause is Cause.BASIS]
    rounded = [one for one in differences if one.cause is Cause.ROUNDING]
    for one in by_policy:
        if basis is None or not basis.allows(one.tax, lines):
            return Verdict(Outcome.BEYOND, blame=one)
    gross = _owed(sold) - booked.gross + sum(given.credited for given in sold.given)
    taxes = _by_code(rounded)
    beyond = [amount for amount in taxes.values() if not rounding.allows(amount, lines)]
    if beyond or not rounding.allows(gross, lines):
        widest = max(differences, key=lambda one: (abs(one.tax), abs(one.gross)))
        return Verdict(Outcome.BEYOND, blame=widest)
    wanted: list[Wanted] = []
    if gross:
        wanted.append(
            Wanted(
                Kind.GROSS, receivable, "", gross, _owed(sold), _owed(sold) - gross,
                Cause.ROUNDING, rounding.words(lines),
            )
        )  # fmt: skip
    if liable:
        accounts = {one.code: one.account for one in booked.taxes if one.account}
        found: list[Wanted] = []
        if rounding.books_tax:
            found += _splits(rounded, accounts, tax_account, Cause.ROUNDING, rounding.words(lines))
        if basis is not None and basis.books_tax:
            found += _splits(by_policy, accounts, tax_account, Cause.BASIS, basis.words(lines))
        wanted += _one_a_code(found)
    return Verdict(Outcome.WITHIN, tuple(wanted))


def needed(
    sold: Sold,
    booked: Booked,
    differences: Sequence[Difference],
    *,
    receivable: str,
    tax_account: str,
    rule: str,
) -> tuple[Wanted, ...]:
    """What a person would have to book so that the figures agree, whatever the tolerance."""
    gross = _owed(sold) - booked.gross + sum(given.credited for given in sold.given)
    cause = differences[0].cause if differences else Cause.AMOUNT
    found = []
    if gross:
        found.append(
            Wanted(Kind.GROSS, receivable, "", gross, _owed(sold), _owed(sold) - gross, cause, rule)
        )
    accounts = {one.code: one.account for one in booked.taxes if one.account}
    return (*found, *_splits(differences, accounts, tax_account, cause, rule))


def covered(
    sold: Sold,
    booked: Booked,
    differences: Sequence[Difference],
    adjusted: Mapping[tuple[Kind, str, str], int],
) -> Verdict | None:
    """The verdict when approved adjustments make up for all of it already; else None.

    `adjusted` is what was approved, by kind, tax code and account.
    """
    wanted = needed(
        sold, booked, differences, receivable="", tax_account="", rule="adjusted by hand"
    )
    sums: dict[tuple[Kind, str], int] = {}
    for (kind, code, _), amount in adjusted.items():
        sums[kind, code] = sums.get((kind, code), 0) + amount
    if not wanted or {(w.kind, w.code): w.amount for w in wanted} != sums:
        return None
    accounts = {(kind, code): account for kind, code, account in adjusted}
    return Verdict(
        Outcome.WITHIN, tuple(replace(w, account=accounts[w.kind, w.code]) for w in wanted)
    )


def _owed(sold: Sold) -> int:
    """What the buyer owes in the end."""
    return sold.gross - sum(given.wanted for given in sold.given)


def _by_code(differences: Sequence[Difference]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in differences:
        code = one.code.partition(",")[0]
        sums[code] = sums.get(code, 0) + one.tax
    return {code: amount for code, amount in sums.items() if amount}


def _splits(
    differences: Sequence[Difference],
    accounts: Mapping[str, str],
    default: str,
    cause: Cause,
    rule: str,
) -> list[Wanted]:
    """Too much tax in the ERP is taken off its account by a debit."""
    found = []
    for code, amount in sorted(_by_code(differences).items()):
        mine = [one for one in differences if one.code.partition(",")[0] == code]
        theirs, ours = sum(x.theirs_tax for x in mine), sum(x.ours_tax for x in mine)
        account = accounts.get(code, default)
        found.append(Wanted(Kind.TAX, account, code, amount, theirs, ours, cause, rule))
    return found


def _one_a_code(splits: Sequence[Wanted]) -> list[Wanted]:
    """One adjustment a code and account, where both rounding and the basis differ on it."""
    found: dict[tuple[str, str], Wanted] = {}
    for one in splits:
        key = one.code, one.account
        if key in found:
            first = found[key]
            found[key] = replace(
                first,
                amount=first.amount + one.amount,
                theirs=first.theirs + one.theirs,
                ours=first.ours + one.ours,
                rule=f"{first.rule}; {one.rule}",
            )
        else:
            found[key] = one
    return [one for one in found.values() if one.amount]


# -- the journal ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """An approved adjustment as the journal needs it."""

    account: str
    party: str
    amount: int  # minor units, positive a debit on `account`
    memo: str


def journal_lines(
    entries: Sequence[Entry], clearing: str, currency: str
) -> tuple[JournalLine, ...]:
    """Balanced lines: each account in one sum, the clearing account a line for each adjustment.

    So every cent on the clearing account names its order. Raises ValueError for nothing to book.
    """
    if not any(entry.amount for entry in entries):
        raise ValueError("nothing to book")
    sums: dict[tuple[str, str], int] = {}
    for entry in entries:
        key = (entry.account, entry.party)
        sums[key] = sums.get(key, 0) + entry.amount
    own = [
        _line(account, amount, currency, "", party)
        for (account, party), amount in sorted(sums.items())
        if amount
    ]
    other = [
        _line(clearing, -entry.amount, currency, entry.memo) for entry in entries if entry.amount
    ]
    return (*own, *other)


def opposite(lines: Sequence[JournalLine], memo: str) -> tuple[JournalLine, ...]:
    """What takes these lines back."""
    return tuple(
        JournalLine(line.account, line.credit, line.debit, memo or line.memo, line.party)
        for line in lines
    )


def _line(account: str, amount: int, currency: str, memo: str, party: str = "") -> JournalLine:
    value = from_minor(abs(amount), currency)
    none = Decimal(0)
    debit, credit = (value, none) if amount > 0 else (none, value)
    return JournalLine(account, debit, credit, memo, party)
