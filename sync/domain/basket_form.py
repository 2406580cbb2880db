"""A caller's own baskets, as JSON: read, checked row by row, every fault named with its remedy.

A file is JSON lines (one basket a line) or one JSON list of baskets. All amounts are whole minor
units. `HELP` is the form as people read it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from mkterp.core.money import ROUNDINGS, digits
from sync.domain.allocation import MAX_BOUND
from sync.domain.baskets import Basis, Basket, Goods, Rate
from sync.domain.tax import Arithmetic, Level, Prices

MAX_LINES = 1_000
_MAX_AMOUNT = 10**12
_REQUIRED = object()
Choice = TypeVar("Choice", bound=StrEnum)

HELP = """\
One basket, in whole minor units (1999 is 19.99; yen have no digits, dinars three):

  {"id": "A-7", "currency": "GBP", "rounding": "half_even", "level": "line",
   "basis": "value", "rule": "follows_goods", "bound": 25,
   "lines": [{"gross": 1999, "rate": "0.20", "quantity": 2, "weight": 300, "tax": 333},
             {"gross": 850, "rate": "0"}],
   "shipping_gross": 495, "tax_total": 391, "shipping_tax": 58}

lines           one object for each goods line; a discount is a line below zero, a refund has
                all amounts below zero
  gross | net   what was charged: gross where prices contain tax, net where tax comes on top; with
                both, net is the ERP's amount and gross what was paid for it
  rate          0.20 for 20 %
  code          the ERP's tax code; shipping has one line for each (default: the rate)
  quantity, weight, tax   of the whole line; default 1, 0, unknown
shipping_gross | shipping_net   as the lines are; default 0
tax_total       the marketplace's tax on everything; shipping_tax the part on shipping, if known
currency, exponent   what minor units are, for people; default GBP and what ISO 4217 says
rounding        half_up, half_even (default) or half_down; level: line (default) or document
basis           value (default), quantity or weight: what shipping is spread by
rule            follows_goods (default), or flat with flat_rate (and flat_code)
bound           how far a shipping line may be from pro rata, 0 to 1000; default 25
goods_latitude  how far the net of a goods line may move, 0 (default) to 5; level line only
"""


@dataclass(frozen=True)
class NamedBasket:
    """A caller's basket; `exponent` says how many digits its minor unit is below the major one."""

    name: str
    currency: str
    exponent: int
    basket: Basket


class FormError(Exception):
    """The file cannot be used; `faults` name row, field and remedy, one a line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class _Fault(Exception):
    pass


def read(text: str) -> list[NamedBasket]:
    """The baskets of a file. Raises FormError with every fault of every row."""
    found: list[NamedBasket] = []
    faults: list[str] = []
    for row, value in _rows(text):
        if isinstance(value, _Fault):
            faults.append(f"row {row}: {value}")
            continue
        form = _Form(value)
        basket = form.basket(row)
        faults += [f"row {row}: {fault}" for fault in form.faults]
        if basket is not None:
            found.append(basket)
    if not found and not faults:
        faults.append("the file has no baskets: write one JSON object a line")
    if faults:
        raise FormError(faults)
    return found


def _rows(text: str) -> Iterator[tuple[int, Any]]:
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        whole = _json(text)
        yield from enumerate(whole, 1) if isinstance(whole, list) else [(1, whole)]
        return
    for row, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield row, _json(line)


def _json(text: str) -> Any:
    """The value, every number exact; a _Fault (not raised) when it is not JSON."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise _Fault(f"{twice[0]} is given twice; keep one")
        return dict(pairs)

    def constant(name: str) -> Any:
        raise _Fault(f"{name} is no number; write digits")

    try:
        return json.loads(
            text, parse_float=Decimal, object_pairs_hook=once, parse_constant=constant
        )
    except json.JSONDecodeError as error:
        where = (
            f"line {error.lineno}, column {error.colno}"
            if error.lineno > 1
            else (f"column {error.colno}")
        )
        return _Fault(f"not JSON ({error.msg} at {where}); write one object a line")
    except (ValueError, RecursionError) as error:
        return _Fault(f"not JSON that can be read ({error})")
    except _Fault as fault:
        return fault


class _Fields:
    """The fields of one object, taken one by one; what is left at the end nobody knows."""

    def __init__(self, value: Mapping[str, Any], where: str, faults: list[str]) -> None:
        self._left, self._where, self._faults = dict(value), where, faults
        self._known: list[str] = []

    def fault(self, name: str, words: str) -> None:
        self._faults.append(f"{self._where}{name} {words}")

    def has(self, name: str) -> bool:
        return self._left.get(name) is not None

    def take(self, name: str, default: Any, check: Callable[[Any], Any]) -> Any:
        self._known.append(name)
        value = self._left.pop(name, None)
        if value is None:
            if default is _REQUIRED:
                self.fault(name, "is missing")
                return None
            return default
        try:
            return check(value)
        except _Fault as fault:
            self.fault(name, f"is {_shown(value)}: {fault}")
            return None if default is _REQUIRED else default

    def done(self) -> None:
        for name in self._left:
            known = ", ".join(self._known)
            self.fault(name, f"is not a field here; known are {known}")


class _Form:
    def __init__(self, value: Any) -> None:
        self._value = value
        self.faults: list[str] = []

    def basket(self, row: int) -> NamedBasket | None:
        if not isinstance(self._value, dict):
            self.faults.append(f"a basket is an object, not {_shown(self._value)}")
            return None
        fields = _Fields(self._value, "", self.faults)
        name = fields.take("id", f"row {row}", _text)
        currency = fields.take("currency", "GBP", _currency)
        exponent = fields.take("exponent", digits(currency), _whole(0, 4))
        lines = fields.take("lines", _REQUIRED, _lines)
        prices, goods = self._goods(lines or [])
        arithmetic = Arithmetic(
            fields.take("level", Level.LINE, _one_of(Level)),
            fields.take("rounding", "half_even", _rounding),
        )
        flat = self._flat(fields)
        latitude = fields.take("goods_latitude", 0, _whole(0, 5))
        if latitude and arithmetic.level is Level.DOCUMENT:
            fields.fault("goods_latitude", "works only with level line; write 0")
        shipping = self._shipping(fields, prices)
        values = {
            "tax_total": fields.take("tax_total", _REQUIRED, _amount),
            "shipping_tax": fields.take("shipping_tax", None, _amount),
            "basis": fields.take("basis", Basis.VALUE, _one_of(Basis)),
            "bound": fields.take("bound", 25, _whole(0, MAX_BOUND)),
        }
        fields.done()
        if self.faults:
            return None
        try:
            basket = Basket(
                prices=prices,
                goods=tuple(goods),
                shipping=shipping,
                arithmetic=arithmetic,
                flat=flat,
                goods_latitude=latitude,
                **values,
            )
        except ValueError as error:
            self.faults.append(f"lines: {error}; give each rate a code of its own")
            return None
        return NamedBasket(name, currency, exponent, basket)

    def _goods(self, lines: Sequence[Any]) -> tuple[Prices, list[Goods]]:
        goods = []
        inclusive = [isinstance(line, dict) and line.get("gross") is not None for line in lines]
        if any(inclusive) and not all(inclusive):
            index = inclusive.index(False)
            self.faults.append(
                f"lines[{index}].gross is missing: other lines have one; give all lines gross, "
                "or all net alone"
            )
        prices = Prices.INCLUSIVE if any(inclusive) else Prices.EXCLUSIVE
        for index, line in enumerate(lines):
            if not isinstance(line, dict):
                self.faults.append(f"lines[{index}] is an object, not {_shown(line)}")
                continue
            fields = _Fields(line, f"lines[{index}].", self.faults)
            gross = fields.take("gross", None, _amount)
            net = fields.take("net", None, _amount)
            if line.get("gross") is None and line.get("net") is None:
                fields.fault("gross", "is missing, and so is net; give what was charged")
            rate = fields.take("rate", _REQUIRED, _rate)
            code = fields.take("code", "", _text)
            quantity = fields.take("quantity", Decimal(1), _measure)
            weight = fields.take("weight", Decimal(0), _measure)
            tax = fields.take("tax", None, _amount)
            fields.done()
            amount = gross if prices is Prices.INCLUSIVE else net
            if rate is not None and amount is not None:
                own = net if prices is Prices.INCLUSIVE else None
                goods.append(Goods(amount, _named(code, rate), quantity, weight, own, tax))
        return prices, goods

    def _flat(self, fields: _Fields) -> Rate | None:
        rule = fields.take("rule", "follows_goods", _rule)
        needed = rule == "flat"
        rate = fields.take("flat_rate", _REQUIRED if needed else None, _rate)
        code = fields.take("flat_code", "", _text)
        if not needed and rate is not None:
            fields.fault("flat_rate", 'needs "rule": "flat"')
        return _named(code, rate) if needed and rate is not None else None

    def _shipping(self, fields: _Fields, prices: Prices) -> int:
        names = ("shipping_gross", "shipping_net")
        own, other = names if prices is Prices.INCLUSIVE else reversed(names)
        if fields.has(other):
            kind = "gross" if prices is Prices.INCLUSIVE else "net"
            fields.fault(other, f"does not fit lines with {kind} amounts; write {own}")
        fields.take(other, 0, _amount)
        amount: int = fields.take(own, 0, _amount)
        return amount


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def _named(code: str, rate: Decimal) -> Rate:
    return Rate(code or f"{rate.normalize():f}", rate)


def _text(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        raise _Fault("write some text")
    return str(value).strip()


def _currency(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 3 or not value.isalpha():
        raise _Fault("write an ISO code such as GBP")
    return value.upper()


def _lines(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Fault("write a list of at least one line")
    if len(value) > MAX_LINES:
        raise _Fault(f"a basket has at most {MAX_LINES} lines")
    return value


def _amount(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Fault("amounts are whole minor units; write 1999 for 19.99")
    if abs(value) > _MAX_AMOUNT:
        raise _Fault(f"amounts go up to {_MAX_AMOUNT}")
    return value


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _Fault(f"write a whole number from {low} to {high}")
        return value

    return check


def _number(value: Any) -> Decimal:
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except ArithmeticError:
            raise _Fault("write a number") from None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Fault("write a number")
    number = Decimal(value)
    if not number.is_finite() or abs(number) > _MAX_AMOUNT or number != round(number, 9):
        raise _Fault(f"write a number up to {_MAX_AMOUNT} with at most 9 decimals")
    return number


def _rate(value: Any) -> Decimal:
    rate = _number(value)
    if not 0 <= rate <= 1:
        raise _Fault("rates are parts of one; write 0.20 for 20 %")
    return rate


def _measure(value: Any) -> Decimal:
    number = _number(value)
    if number < 0:
        raise _Fault("write zero or more; only amounts go below zero in a refund")
    return number


def _rounding(value: Any) -> str:
    if not isinstance(value, str) or value not in ROUNDINGS:
        raise _Fault(f"write one of {', '.join(ROUNDINGS)}")
    return value


def _rule(value: Any) -> str:
    if value not in ("follows_goods", "flat"):
        raise _Fault("write follows_goods or flat")
    return str(value)


def _one_of(choices: type[Choice]) -> Callable[[Any], Choice]:
    def check(value: Any) -> Choice:
        try:
            return choices(value)
        except ValueError:
            raise _Fault(f"write one of {', '.join(choices)}") from None

    return check
