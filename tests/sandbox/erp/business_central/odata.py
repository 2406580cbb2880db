"""Records in tables, asked for by OData as Business Central understands it, and no further."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.business_central.schema import DIGITS, ENTITIES, PARTS, Field

Row = dict[str, Any]
_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([(),])|([^\s(),']+))")
_ORDERED = {"eq", "ne", "gt", "ge", "lt", "le"}
_FUNCTIONS = {"startswith", "endswith", "contains"}


class ApiError(Exception):
    """An answer that is an error: status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def bad(message: str) -> ApiError:
    """What does not fit the metadata."""
    return ApiError(400, "BadRequest", message)


def application(message: str, code: str = "Application_DialogException") -> ApiError:
    """What the business logic says no to."""
    return ApiError(400, code, message)


class Store:
    """Tables of rows by id; a transaction that fails changes nothing."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {entity: {} for entity in ENTITIES}
        self.lock = threading.RLock()
        self._numbers: dict[str, int] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.lock:
            before = deepcopy(self.tables)
            try:
                yield
            except ApiError:
                self.tables = before
                raise

    def new(self, entity: str, values: Mapping[str, Any]) -> Row:
        """A row with these values; the rest is empty."""
        row: Row = {name: field.empty for name, field in ENTITIES[entity].items()}
        row |= {"id": str(uuid.uuid4()), **values}
        self.tables[entity][row["id"]] = row
        self.touch(row)
        return row

    def put(self, row: Row, values: Mapping[str, Any]) -> None:
        """Change a row."""
        row |= values
        self.touch(row)

    def touch(self, row: Row) -> None:
        """It is another version of itself from now on."""
        row["_version"] = row.get("_version", 0) + 1
        if "lastModifiedDateTime" in row:
            now = datetime.now(UTC).replace(tzinfo=None)
            row["lastModifiedDateTime"] = f"{now.isoformat(timespec='milliseconds')}Z"

    def find(self, entity: str, **facts: Any) -> list[Row]:
        """The rows with these facts, oldest first."""
        return [
            row
            for row in self.tables[entity].values()
            if all(row[name] == value for name, value in facts.items())
        ]

    def number(self, prefix: str) -> str:
        """The next number of a series."""
        self._numbers[prefix] = self._numbers.get(prefix, 101000) + 1
        return f"{prefix}{self._numbers[prefix]}"

    def counter(self, name: str) -> int:
        """The next entry number of a ledger."""
        self._numbers[name] = self._numbers.get(name, 0) + 1
        return self._numbers[name]

    # -- values ---------------------------------------------------------------------------------

    def values(self, entity: str, body: Mapping[str, Any]) -> Row:
        """What a body says, checked field by field. Raises ApiError."""
        found: Row = {}
        for name, value in body.items():
            if name in PARTS.get(entity, {}):
                continue
            field = ENTITIES[entity].get(name)
            if field is None:
                raise bad(
                    f"The property '{name}' does not exist on type 'Microsoft.NAV.{entity}'. Make "
                    "sure to only use property names that are defined by the type."
                )
            if not field.writable:
                raise application(f"Control '{name}' is read-only.", "Internal_ControlReadOnly")
            found[name] = _checked(name, field, value)
        return found


def _checked(name: str, field: Field, value: Any) -> Any:
    if field.kind in DIGITS:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise bad(f"Cannot convert the value of '{name}' to Edm.Decimal.")
        if value != round(Decimal(value), DIGITS[field.kind]):
            raise application(f"{name} {value} has more decimals than are kept.")
        return Decimal(value)
    wanted: type = {"bool": bool, "int": int}.get(field.kind, str)
    given: Any = value
    if type(given) is not wanted:
        raise bad(f"Cannot convert the value of '{name}' to the expected type.")
    try:
        if field.kind == "date":
            date.fromisoformat(value)
        elif field.kind == "guid":
            uuid.UUID(value)
    except ValueError as error:
        raise bad(f"Cannot convert a literal '{value}' of '{name}'.") from error
    if field.kind == "code":
        value = value.strip().upper()
    if field.room and len(value) > field.room:
        raise application(
            f"The length of the string is {len(value)}, but it must be less than or equal to "
            f"{field.room} characters. Value: {value}",
            "Application_StringExceededLength",
        )
    return value


# -- filters --------------------------------------------------------------------------------------

Test = Callable[[Row], bool]


class Filter:
    """A $filter: comparisons and three functions, and, or, brackets.

    Business Central filters every field for itself: an OR between different fields is refused.
    """

    def __init__(self, entity: str, text: str) -> None:
        self._fields = ENTITIES[entity]
        self._tokens = [next(part for part in found if part) for found in _TOKEN.findall(text)]
        if _TOKEN.sub("", text).strip():
            raise bad(f"Syntax error in '{text}'.")
        self._at = 0
        self.test, _ = self._either()
        if self._at != len(self._tokens):
            raise bad(f"Syntax error at '{self._tokens[self._at]}' in '{text}'.")

    def _next(self, wanted: str = "") -> str:
        if self._at >= len(self._tokens):
            raise bad("Syntax error: the filter ends too early.")
        token: str = self._tokens[self._at]
        if wanted and token != wanted:
            raise bad(f"Syntax error: '{token}' where '{wanted}' was expected.")
        self._at += 1
        return token

    def _is(self, token: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == token

    def _either(self) -> tuple[Test, set[str]]:
        test, fields = self._all()
        while self._is("or"):
            self._next()
            other, more = self._all()
            fields |= more
            if len(fields) > 1:
                raise ApiError(501, "NotImplemented", "OR between different fields.")
            test = (lambda a, b: lambda row: a(row) or b(row))(test, other)
        return test, fields

    def _all(self) -> tuple[Test, set[str]]:
        test, fields = self._single()
        while self._is("and"):
            self._next()
            other, more = self._single()
            fields = fields | more
            test = (lambda a, b: lambda row: a(row) and b(row))(test, other)
        return test, fields

    def _single(self) -> tuple[Test, set[str]]:
        token = self._next()
        if token == "(":
            found = self._either()
            self._next(")")
            return found
        if token in _FUNCTIONS:
            self._next("(")
            name = self._next()
            self._next(",")
            field, wanted = self._field(name), self._next()
            self._next(")")
            text = str(self._value(field, wanted))
            return self._function(token, name, text), {name}
        field, operator = self._field(token), self._next()
        if operator not in _ORDERED:
            raise bad(f"Unknown operator '{operator}'.")
        return _compare(token, operator, self._value(field, self._next())), {token}

    @staticmethod
    def _function(function: str, name: str, text: str) -> Test:
        match function:
            case "startswith":
                return lambda row: str(row[name]).startswith(text)
            case "endswith":
                return lambda row: str(row[name]).endswith(text)
        return lambda row: text in str(row[name])

    def _field(self, name: str) -> Field:
        if name not in self._fields:
            raise bad(f"Could not find a property named '{name}'.")
        return self._fields[name]

    @staticmethod
    def _value(field: Field, token: str) -> Any:
        quoted = token.startswith("'")
        text = token[1:-1].replace("''", "'") if quoted else token
        try:
            match field.kind:
                case "text" | "option" if quoted:
                    return text
                case "code" if quoted:
                    return text.upper()
                case "bool" if token in ("true", "false"):
                    return token == "true"
                case "int" if not quoted:
                    return int(token)
                case "date" if not quoted:
                    return date.fromisoformat(token).isoformat()
                case "moment" if not quoted and token.endswith("Z"):
                    moment = datetime.fromisoformat(token[:-1])
                    return f"{moment.isoformat(timespec='milliseconds')}Z"
                case "guid" if not quoted:
                    return str(uuid.UUID(token))
                case kind if kind in DIGITS and not quoted:
                    return Decimal(token)
        except (ArithmeticError, ValueError):
            pass
        raise bad(f"A literal {token} does not fit the type of the property.")


def _compare(name: str, operator: str, value: Any) -> Test:
    tests: Mapping[str, Test] = {
        "eq": lambda row: row[name] == value,
        "ne": lambda row: row[name] != value,
        "gt": lambda row: row[name] > value,
        "ge": lambda row: row[name] >= value,
        "lt": lambda row: row[name] < value,
        "le": lambda row: row[name] <= value,
    }
    return tests[operator]
