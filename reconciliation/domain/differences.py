"""Every difference between an order and its documents in the ERP, per line, each with a name.

Whole minor units throughout. A difference is what the ERP holds less what the marketplace says.
The ERP has all amounts without tax, the marketplace with: a penny can therefore sit on another
line (ADR 0005), and that is rounding as long as the document comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from mkterp.core.money import from_minor
from sync.domain import tax


class Cause(StrEnum):
    """Why the two sides differ."""

    ROUNDING = "ROUNDING"
    BASIS = "BASIS"  # postage taxed flat on one side, by its goods on the other
    RATE = "RATE"
    MISSING_CODE = "MISSING_CODE"
    MISSING_LINE = "MISSING_LINE"
    EXTRA_LINE = "EXTRA_LINE"
    DUPLICATE = "DUPLICATE"
    AMOUNT = "AMOUNT"
    TAX_BY_HAND = "TAX_BY_HAND"
    CURRENCY = "CURRENCY"
    CREDIT = "CREDIT"  # a credit note gives back another sum than the refund


# These go away by rounding rules or policy; every other one waits for a person.
SMALL = frozenset({Cause.ROUNDING, Cause.BASIS})
# These are about the tax alone: their case names the code that fits.
ABOUT_TAX = frozenset({Cause.ROUNDING, Cause.BASIS, Cause.RATE, Cause.MISSING_CODE})

SHIPPING, ROUNDING_LINE = "shipping", "rounding"


@dataclass(frozen=True)
class SoldLine:
    """A line as the marketplace sold it, tax contained."""

    key: str
    title: str
    gross: int
    tax: int
    rate: Decimal | None = None
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True)
class Given:
    """What a refund gives back by a credit note, and what the ERP credited; both positive."""

    key: str
    reference: str
    wanted: int
    credited: int


@dataclass(frozen=True)
class Sold:
    number: str
    currency: str
    country: str
    lines: tuple[SoldLine, ...]
    postage: int = 0
    postage_tax: int = 0
    given: tuple[Given, ...] = ()

    @property
    def gross(self) -> int:
        return sum(line.gross for line in self.lines) + self.postage

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.lines) + self.postage_tax


@dataclass(frozen=True)
class BookedLine:
    """A line of an invoice in the ERP."""

    document: str  # its number
    key: str  # of our order line; "shipping:<code>", "rounding", or empty
    title: str
    net: int
    tax: int
    code: str = ""

    @property
    def gross(self) -> int:
        return self.net + self.tax


@dataclass(frozen=True)
class BookedTax:
    """A document's tax for one code, as the ledger has it."""

    code: str
    amount: int
    account: str
    by_hand: bool = False


@dataclass(frozen=True)
class Booked:
    """All invoices of one order that stand in the ledger, taken together."""

    currencies: frozenset[str]
    lines: tuple[BookedLine, ...]
    taxes: tuple[BookedTax, ...]

    @property
    def gross(self) -> int:
        return sum(line.net for line in self.lines) + self.tax

    @property
    def tax(self) -> int:
        return sum(one.amount for one in self.taxes)


@dataclass(frozen=True)
class Difference:
    """One difference. `fits` are the codes whose rate the marketplace's tax fits."""

    line: str  # a line's key; empty: the document as a whole
    cause: Cause
    gross: int
    tax: int
    sentence: str
    theirs_gross: int = 0
    theirs_tax: int = 0
    ours_gross: int = 0
    ours_tax: int = 0
    code: str = ""
    fits: tuple[str, ...] = ()


def compare(sold: Sold, booked: Booked, codes: Mapping[str, Decimal]) -> list[Difference]:
    """Every difference, the document's own last. Empty: equal to the cent.

    `codes` are the ERP's tax codes and their rates, those first that are mapped for the order's
    destination.
    """
    if booked.currencies - {sold.currency}:
        others = ", ".join(sorted(booked.currencies))
        words = f"{sold.number} is in {sold.currency}, the ERP's document in {others}."
        return [Difference("", Cause.CURRENCY, 0, 0, words)]
    mine: dict[str, list[BookedLine]] = {}
    for line in booked.lines:
        mine.setdefault(_place(line.key), []).append(line)
    found: list[Difference] = []
    goods_codes = {
        line.code for line in booked.lines if _place(line.key) not in (SHIPPING, ROUNDING_LINE)
    }
    for theirs in sold.lines:
        found += _line(theirs, mine.pop(theirs.key, []), codes, sold.currency)
    found += _shipping(sold, mine.pop(SHIPPING, []), goods_codes, codes)
    mine.pop(ROUNDING_LINE, None)  # the document's own penny, on the clearing account
    found += [_extra(key, line) for key, lines in sorted(mine.items()) for line in lines]
    found += _document(booked)
    found += [
        _credit(given, sold.currency) for given in sold.given if given.wanted != given.credited
    ]
    return found


def _place(key: str) -> str:
    return SHIPPING if key.startswith(f"{SHIPPING}:") else key


@dataclass(frozen=True)
class _Place:
    """A line (or the shipping) on both sides, ready to have its difference named."""

    key: str
    what: str
    lines: Sequence[BookedLine]
    theirs_gross: int
    theirs_tax: int
    currency: str

    @property
    def gross(self) -> int:
        return sum(line.gross for line in self.lines)

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.lines)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.code for line in self.lines if line.code))

    def say(self, minor: int) -> Decimal:
        """An amount as people write it."""
        return from_minor(minor, self.currency)

    @property
    def equal(self) -> bool:
        return (self.gross, self.tax) == (self.theirs_gross, self.theirs_tax)

    @property
    def twice(self) -> bool:
        """Whether what was sold once stands there twice."""
        sold = self.theirs_gross
        return bool(sold) and len(self.lines) > 1 and self.gross >= 2 * sold - len(self.lines)

    def named(self, cause: Cause, sentence: str, fits: tuple[str, ...] = ()) -> Difference:
        return Difference(
            self.key,
            cause,
            self.gross - self.theirs_gross,
            self.tax - self.theirs_tax,
            sentence,
            self.theirs_gross,
            self.theirs_tax,
            self.gross,
            self.tax,
            ",".join(self.codes),
            fits,
        )


def _line(
    theirs: SoldLine, lines: Sequence[BookedLine], codes: Mapping[str, Decimal], currency: str
) -> list[Difference]:
    what = theirs.title or f"line {theirs.key}"
    place = _Place(theirs.key, what, lines, theirs.gross, theirs.tax, currency)
    if place.equal:
        return []
    if not lines:
        words = f"The ERP's document lacks {place.what}."
        return [place.named(Cause.MISSING_LINE, words)]
    if place.twice:
        documents = " and ".join(dict.fromkeys(line.document for line in lines))
        words = f"{place.what} is invoiced twice, on {documents}."
        return [place.named(Cause.DUPLICATE, words)]
    return [_priced(place, theirs.quantity, codes)]


def _priced(place: _Place, quantity: Decimal, codes: Mapping[str, Decimal]) -> Difference:
    """A line that is there, once, with other money: which rate explains it?"""
    code, what = ",".join(place.codes), place.what
    rate = codes.get(code) if code else Decimal()
    fits = _fitting(place.theirs_gross, place.theirs_tax, codes)
    if rate is None or (not code and place.theirs_tax):
        lack = f"the tax code {code}, which the ERP does not have" if code else "no tax code"
        return place.named(Cause.MISSING_CODE, f"{what} has {lack}{_say(fits)}.", fits)
    if abs(tax.contained_tax(place.theirs_gross, rate) - place.theirs_tax) > 1:
        words = (
            f"{what}: the marketplace's tax of {place.say(place.theirs_tax)} in "
            f"{place.say(place.theirs_gross)} is not the {_percent(rate)} of "
            f"{code or 'no tax'}{_say(fits)}."
        )
        return place.named(Cause.RATE, words, fits)
    if abs(tax.contained_tax(place.gross, rate) - place.tax) > 2:
        own = place.say(place.tax)
        words = f"{what}: the ERP's tax of {own} is not the {_percent(rate)} of {code}."
        return place.named(Cause.RATE, words)
    # Other lines may lend three (ADR 0005), and a unit price has only so many digits.
    if abs(place.gross - place.theirs_gross) <= 3 + int(quantity / 200):
        return place.named(Cause.ROUNDING, f"{what} rounds otherwise without its tax.")
    words = (
        f"{what} costs {place.say(place.gross)} in the ERP and {place.say(place.theirs_gross)} at "
        "the marketplace."
    )
    return place.named(Cause.AMOUNT, words)


def _fitting(gross: int, amount: int, codes: Mapping[str, Decimal]) -> tuple[str, ...]:
    rate = tax.rate_of(gross, amount, list(codes.values()))
    return () if rate is None else tuple(code for code, known in codes.items() if known == rate)


def _percent(rate: Decimal) -> str:
    """ "20 %", "5.5 %"."""
    return f"{(rate * 100).normalize():f} %"


def _say(fits: Sequence[str]) -> str:
    return f"; it fits {' or '.join(fits)}" if fits else "; no known code fits"


def _shipping(
    sold: Sold,
    lines: Sequence[BookedLine],
    goods_codes: set[str],
    codes: Mapping[str, Decimal],
) -> list[Difference]:
    place = _Place(SHIPPING, "the shipping", lines, sold.postage, sold.postage_tax, sold.currency)
    return [] if place.equal else [_named_shipping(place, sold, goods_codes, codes)]


def _named_shipping(
    place: _Place, sold: Sold, goods_codes: set[str], codes: Mapping[str, Decimal]
) -> Difference:
    if not place.lines:
        return place.named(Cause.MISSING_LINE, "The ERP's document lacks the shipping.")
    if not sold.postage:
        words = "The ERP's document charges shipping that was not sold."
        return place.named(Cause.EXTRA_LINE, words)
    if place.twice:
        return place.named(Cause.DUPLICATE, "The shipping is invoiced twice.")
    # The marketplace rounds the tax on each line's postage: its sum can be so far from ours.
    if abs(place.gross - place.theirs_gross) > 3 * max(len(place.lines), len(sold.lines)):
        words = (
            f"The shipping costs {place.say(place.gross)} in the ERP and "
            f"{place.say(place.theirs_gross)} at the marketplace."
        )
        return place.named(Cause.AMOUNT, words)
    fits, used = _fitting_postage(sold, codes), place.codes
    rates = {codes.get(code) for code in used}
    if len(rates) == 1 and any(codes[code] in rates for code in fits):
        return place.named(Cause.ROUNDING, "The shipping rounds otherwise without its tax.")
    if used and set(used) <= goods_codes:
        flat = f" ({' or '.join(fits)})" if fits else ""
        words = f"The marketplace taxes postage flat{flat}, the ERP by the goods ({_list(used)})."
        return place.named(Cause.BASIS, words, fits)
    if not used:
        if not place.theirs_tax:
            return place.named(Cause.ROUNDING, "The shipping rounds otherwise without its tax.")
        words = f"The shipping has no tax code{_say(fits)}."
        return place.named(Cause.MISSING_CODE, words, fits)
    words = f"The postage's tax is not that of {_list(used)}{_say(fits)}."
    return place.named(Cause.RATE, words, fits)


def _list(codes: Sequence[str]) -> str:
    return ", ".join(codes)


def _fitting_postage(sold: Sold, codes: Mapping[str, Decimal]) -> tuple[str, ...]:
    rate = tax.rate_of(
        sold.postage, sold.postage_tax, list(codes.values()), parts=max(1, len(sold.lines))
    )
    return () if rate is None else tuple(code for code, known in codes.items() if known == rate)


def _extra(key: str, line: BookedLine) -> Difference:
    what = line.title or key or "a line without words"
    return Difference(
        key,
        Cause.EXTRA_LINE,
        line.gross,
        line.tax,
        f"{line.document} has {what}, which the order does not.",
        ours_gross=line.gross,
        ours_tax=line.tax,
        code=line.code,
    )


def _document(booked: Booked) -> list[Difference]:
    """What the ledger's tax is beyond the lines': rounded per document, or written by hand."""
    rest = booked.tax - sum(line.tax for line in booked.lines)
    if not rest:
        return []
    by_hand = [one.code for one in booked.taxes if one.by_hand]
    cause = Cause.TAX_BY_HAND if by_hand else Cause.ROUNDING
    words = (
        f"The tax of {', '.join(by_hand)} was written by hand in the ERP."
        if by_hand
        else "The ERP rounds the tax of the document, not of its lines."
    )
    return [Difference("", cause, rest, rest, words)]


def _credit(given: Given, currency: str) -> Difference:
    rest = given.wanted - given.credited  # credited too little leaves the ERP too high
    cause = Cause.ROUNDING if abs(rest) <= 2 else Cause.CREDIT
    wanted, credited = (from_minor(one, currency) for one in (given.wanted, given.credited))
    words = f"{given.reference} gives back {wanted}, the ERP credited {credited}."
    return Difference(
        given.key, cause, rest, 0, words, theirs_gross=-given.wanted, ours_gross=-given.credited
    )
