"""Records in memory with Odoo's ways: domains, x2many commands, external ids, rollback."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from tests.sandbox.erp.odoo.schema import Field, schema

Record = dict[str, Any]


class OdooError(Exception):
    """One of Odoo's exceptions, by its Python name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def user_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.UserError", message)


_EMPTY = {"float": Decimal(0), "integer": 0}


class Orm:
    """One database. Every public call is a transaction: what fails is taken back whole."""

    def __init__(self, series: int) -> None:
        self.series = series
        self.models = schema(series)
        self.tables: dict[str, dict[int, Record]] = {model: {} for model in self.models}
        self.external: dict[str, tuple[str, int]] = {}
        self._ids = itertools.count(1)
        self.lock = threading.RLock()
        self._undo: list[Callable[[], object]] = []
        self._deep = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        with self.lock:
            self._deep += 1
            try:
                yield
            except BaseException:
                if self._deep == 1:
                    for undo in reversed(self._undo):
                        undo()
                raise
            finally:
                self._deep -= 1
                if not self._deep:
                    self._undo.clear()

    # -- records --------------------------------------------------------------------------------

    def row(self, model: str, ident: int) -> Record:
        if ident not in self.tables[model]:
            raise OdooError(
                "odoo.exceptions.MissingError",
                f"Record does not exist or has been deleted: {ident}",
            )
        return self.tables[model][ident]

    def rows(self, model: str, ids: Iterable[int]) -> list[Record]:
        return [self.row(model, ident) for ident in ids]

    def field(self, model: str, name: str) -> Field:
        if name not in self.models[model]:
            raise OdooError("builtins.ValueError", f"Invalid field '{name}' on model '{model}'")
        return self.models[model][name]

    def new(self, model: str, values: Mapping[str, Any]) -> int:
        """Create a record, with what Odoo fills in by itself for any model."""
        ident = next(self._ids)
        now = datetime.now(UTC).replace(tzinfo=None)
        record: Record = {name: self._empty(spec) for name, spec in self.models[model].items()} | {
            "id": ident,
            "create_date": now,
            "write_date": now,
        }
        if "active" in record:
            record["active"] = True
        self.tables[model][ident] = record
        self._undo.append(lambda: self.tables[model].pop(ident, None))
        self._assign(model, record, values)
        return ident

    def put(self, model: str, ids: Iterable[int], values: Mapping[str, Any]) -> None:
        """Write to records and mark them changed."""
        for ident in list(ids):
            record = self.row(model, ident)
            self._remember(record)
            self._assign(model, record, values)
            record["write_date"] = datetime.now(UTC).replace(tzinfo=None)

    def drop(self, model: str, ids: Iterable[int]) -> None:
        """Delete records, and what hangs on them."""
        for ident in list(ids):
            record = self.tables[model].pop(ident)
            self._undo.append(partial(self.tables[model].update, {ident: record}))
            for external, known in list(self.external.items()):
                if known == (model, ident):
                    del self.external[external]
                    self._undo.append(partial(self.external.update, {external: known}))
            for name, spec in self.models[model].items():
                if spec.type == "one2many" and name != "picking_ids":
                    self.drop(spec.relation, self.children(model, ident, name))

    def children(self, model: str, ident: int, name: str) -> list[int]:
        spec = self.models[model][name]
        return [
            child["id"]
            for child in self.tables[spec.relation].values()
            if child[spec.inverse] == ident
        ]

    def _empty(self, spec: Field) -> Any:
        return [] if spec.type == "many2many" else _EMPTY.get(spec.type, False)

    def _remember(self, record: Record) -> None:
        before = dict(record)

        def undo() -> None:
            record.clear()
            record.update(before)

        self._undo.append(undo)

    def _assign(self, model: str, record: Record, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            spec = self.field(model, name)
            if spec.type == "one2many":
                self._commands(model, record, name, spec, value)
            elif spec.type == "many2many":
                record[name] = self._linked(record[name], value)
            else:
                record[name] = self._typed(spec, value)

    def _typed(self, spec: Field, value: Any) -> Any:
        if value is None:
            return self._empty(spec)
        if spec.type == "float":
            return Decimal(str(value))
        if spec.type == "datetime" and isinstance(value, str):
            return moment(value)
        return value

    @staticmethod
    def _linked(known: list[int], commands: Sequence[Any]) -> list[int]:
        found = list(known)
        for command in commands:
            match list(command):
                case [6, _, ids]:
                    found = list(ids)
                case [4, ident, *_]:
                    found = [*found, ident]
                case [5, *_]:
                    found = []
        return found

    def _commands(
        self, model: str, record: Record, name: str, spec: Field, commands: Sequence[Any]
    ) -> None:
        for command in commands:
            match list(command):
                case [0, _, values]:
                    self.create(spec.relation, [{**values, spec.inverse: record["id"]}])
                case [1, ident, values]:
                    self.write(spec.relation, [ident], values)
                case [2, ident, *_]:
                    self.unlink(spec.relation, [ident])
                case [5, *_]:
                    self.unlink(spec.relation, self.children(model, record["id"], name))
                case _:
                    raise OdooError("builtins.ValueError", f"Wrong command {command!r}")

    # What the outer classes give a meaning of their own.

    def create(self, model: str, vals_list: Sequence[Mapping[str, Any]]) -> list[int]:
        return [self.new(model, values) for values in vals_list]

    def write(self, model: str, ids: Sequence[int], vals: Mapping[str, Any]) -> bool:
        self.put(model, ids, vals)
        return True

    def unlink(self, model: str, ids: Sequence[int]) -> bool:
        self.drop(model, ids)
        return True

    def value(self, model: str, record: Record, name: str, context: Mapping[str, Any]) -> Any:
        """A field of a record, computed where Odoo computes it."""
        spec = self.field(model, name)
        if spec.type == "one2many":
            return self.children(model, record["id"], name)
        if name == "display_name":
            return record.get("name") or str(record["id"])
        return record[name]

    # -- domains --------------------------------------------------------------------------------

    def search(
        self,
        model: str,
        domain: Sequence[Any],
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str = "id",
        context: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """The ids of the records that fit; archived ones only when the domain or context asks."""
        context = context or {}
        leaves = list(domain)
        named = any(isinstance(leaf, list | tuple) and leaf[0] == "active" for leaf in leaves)
        if "active" in self.models[model] and context.get("active_test", True) and not named:
            leaves = (
                ["&", ["active", "=", True], *_joined(leaves)]
                if leaves
                else [["active", "=", True]]
            )
        found = [
            record
            for record in list(self.tables[model].values())
            if self._fits(model, record, _joined(leaves), context)
        ]
        for part in reversed(order.split(",")):
            name, _, direction = part.strip().partition(" ")
            found.sort(key=lambda one: one[name], reverse=direction.lower() == "desc")
        end = None if limit is None else offset + limit
        return [record["id"] for record in found[offset:end]]

    def _fits(
        self, model: str, record: Record, leaves: list[Any], context: Mapping[str, Any]
    ) -> bool:
        stack: list[bool] = []
        for leaf in reversed(leaves):
            if leaf == "&":
                stack.append(stack.pop() & stack.pop())
            elif leaf == "|":
                stack.append(stack.pop() | stack.pop())
            elif leaf == "!":
                stack.append(not stack.pop())
            else:
                path, operator, value = leaf
                stack.append(self._leaf(model, record, path.split("."), operator, value, context))
        return all(stack)

    def _leaf(
        self,
        model: str,
        record: Record,
        path: list[str],
        operator: str,
        value: Any,
        context: Mapping[str, Any],
    ) -> bool:
        name, *rest = path
        spec = self.field(model, name)
        found = self.value(model, record, name, context)
        if rest:
            ids = found if isinstance(found, list) else [found] if found else []
            return any(
                self._leaf(spec.relation, one, rest, operator, value, context)
                for one in self.rows(spec.relation, ids)
            )
        if spec.type == "datetime" and isinstance(value, str):
            value = moment(value)
        if isinstance(found, list):
            wanted = value if isinstance(value, list) else [value]
            hit = bool(found) if value is True else bool(set(found) & set(wanted))
            if value is False:
                hit = not found
            return hit if operator in ("=", "in") else not hit
        return _compare(found, operator, value)


def moment(text: str) -> datetime:
    """A time as Odoo writes it, in UTC."""
    return datetime.fromisoformat(text)


def _joined(leaves: Sequence[Any]) -> list[Any]:
    """With the & that Odoo lets people leave out."""
    wanting = 1
    out: list[Any] = []
    for leaf in leaves:
        if wanting == 0:
            out.insert(0, "&")
            wanting = 1
        out.append(leaf)
        wanting += {"&": 1, "|": 1, "!": 0}.get(leaf, -1) if isinstance(leaf, str) else -1
    return out


def _compare(found: Any, operator: str, value: Any) -> bool:
    match operator:
        case "=like":
            return bool(found) and fnmatchcase(str(found), str(value).replace("%", "*"))
        case "=":
            return bool(found == value)
        case "!=":
            return bool(found != value)
        case "in":
            return found in value
        case "not in":
            return found not in value
    if found is False or value is False:
        return False
    match operator:
        case ">":
            return bool(found > value)
        case ">=":
            return bool(found >= value)
        case "<":
            return bool(found < value)
        case "<=":
            return bool(found <= value)
    raise OdooError("builtins.ValueError", f"Invalid operator {operator}")
