"""Sales of the double: orders, fulfilments, invoices, credit memos, stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.netsuite.books import Books
from tests.sandbox.erp.netsuite.store import ZERO, Row, refused, rounded

STOCKED = "InvtPart"
_COPIED = ("custbody_mkterp_key", "custbody_mkterp_order", "custbody_mkterp_reverses")
_COLUMNS = ("custcol_mkterp_line", "custcol_mkterp_sku", "custcol_mkterp_ordered")
_TAX = ("taxdetailsreference", "taxtype", "taxcode", "taxrate", "taxbasis", "taxamount")


class Trade(Books):
    """`receivable` is the account of both customers."""

    def __init__(self, zone: str) -> None:
        super().__init__(zone)
        self.receivable = 0

    # -- orders ---------------------------------------------------------------------------------

    def new_order(self, facts: Row, lines: Sequence[Row], taxes: Sequence[Row]) -> Row:
        """An order with its lines and overridden taxes. Raises ApiError."""
        self._head(facts)
        row = self.new_transaction("SalesOrd", "SO", {"status": "A", **facts})
        if row["status"] not in ("A", "B"):
            raise refused("An order begins pending approval or fulfilment.", "orderStatus")
        for line in lines:
            self.add_line(row, line)
        self.set_taxes(row, taxes)
        self.settle(row)
        return row

    def _head(self, facts: Mapping[str, Any]) -> None:
        for name, table in (("entity", "entity"), ("subsidiary", "subsidiary")):
            row = self.tables[table].get(facts.get(name) or 0)
            if row is None or row["isinactive"]:
                raise refused(f"Invalid {name} reference key.", name, "INVALID_CONTENT")
        for name in ("location", "currency"):
            if facts.get(name) and facts[name] not in self.tables[name]:
                raise refused(f"Invalid {name} reference key.", name, "INVALID_CONTENT")

    def add_line(self, row: Row, values: Mapping[str, Any]) -> None:
        """Another line of a sale. Raises ApiError."""
        place = len(row["lines"])
        item = self.tables["item"].get(values.get("item") or 0)
        path = f"item.items[{place}].item"
        if item is None:
            words = (
                f"You have entered an Invalid Field Value {values.get('item')} for the field: item"
            )
            raise refused(words, path, "INVALID_CONTENT")
        if item["isinactive"]:
            raise refused(f"The item {item['itemid']} is inactive.", path, "INVALID_CONTENT")
        if values.get("quantity") is None:
            raise refused("Please enter a value for quantity.", f"item.items[{place}].quantity")
        line: Row = {
            "id": 1 + max((one["id"] for one in row["lines"]), default=0),
            "uniquekey": self.key(),
            "isclosed": False,
            "fulfilled": ZERO,
            "billed": ZERO,
            "description": "",
            "taxdetailsreference": f"{row['id']}_{place}",
            **dict.fromkeys(_COLUMNS),
            **values,
        }
        if values.get("price") != -1:  # the item's own price level wins
            line["rate"] = item["baseprice"]
        line["amount"] = rounded(line["quantity"] * line["rate"])
        row["lines"].append(line)

    def set_taxes(self, row: Row, taxes: Sequence[Row]) -> None:
        """Override the tax details with these. Raises ApiError."""
        places = {line["taxdetailsreference"] for line in row["lines"]}
        found: list[Row] = []
        for one in taxes:
            if missing := [name for name in _TAX if one.get(name) is None]:
                raise refused(f"Please enter a value for {missing[0]}.", "taxDetails")
            if one["taxdetailsreference"] not in places:
                raise refused("Invalid tax details reference.", "taxDetails", "INVALID_CONTENT")
            code = self.tables["salestaxitem"].get(one["taxcode"])
            if code is None or code["isinactive"] or code["taxtype"] != one["taxtype"]:
                raise refused("Invalid taxCode reference key.", "taxDetails", "INVALID_KEY")
            if one["taxamount"] != rounded(one["taxamount"]):
                raise refused("A tax amount has more decimals than its currency.", "taxDetails")
            found.append(dict(one))
        row["taxdetails"] = found

    def settle(self, row: Row) -> None:
        """Add an order up and say how it stands."""
        for line in row["lines"]:
            line["amount"] = rounded(line["quantity"] * line["rate"])
        taxes = sum((one["taxamount"] for one in row["taxdetails"]), ZERO)
        row["total"] = sum((line["amount"] for line in row["lines"]), ZERO) + taxes
        if row["status"] != "A":
            row["status"] = self._standing(row["lines"])
        self.touch(row)

    def _standing(self, lines: Sequence[Row]) -> str:
        open_ones = [line for line in lines if not line["isclosed"]]
        billed = any(line["billed"] for line in lines)
        if all(line["billed"] >= line["quantity"] for line in open_ones):
            return "G" if billed else "H"
        goods = [line for line in open_ones if self.stocked(line)]
        left = any(line["fulfilled"] < line["quantity"] for line in goods)
        if not left:
            return "F"
        if any(line["fulfilled"] for line in goods):
            return "E" if any(line["billed"] < line["fulfilled"] for line in goods) else "D"
        return "B"

    def stocked(self, line: Mapping[str, Any]) -> bool:
        """Whether a line's item has stock."""
        return bool(self.tables["item"][line["item"]]["itemtype"] == STOCKED)

    def change_line(self, row: Row, line: Row, values: Mapping[str, Any]) -> None:
        """Change an order's line. Raises ApiError for one that would fall below what has left."""
        quantity = values.get("quantity", line["quantity"])
        if quantity < line["fulfilled"] or quantity < line["billed"]:
            raise refused("The quantity is less than what is fulfilled or billed.", "item")
        line |= values

    # -- what is made of an order ---------------------------------------------------------------

    def pick(
        self, order: Row, quantities: Mapping[int, Decimal], carrier: int | None = None
    ) -> Row:
        """An item fulfilment of these quantities by line, picked only. Raises ApiError."""
        if order["status"] not in ("B", "D", "E"):
            raise refused("The order is not one to be fulfilled.")
        row = self._made_of(order, "ItemShip", "IF")
        row |= {"status": "A", "shipmethod": carrier}
        for line in order["lines"]:
            quantity = quantities.get(line["id"], ZERO)
            if not quantity:
                continue
            if line["isclosed"] or line["fulfilled"] + quantity > line["quantity"]:
                raise refused("More than what is left of the line.")
            row["lines"].append({**self._copy(line), "quantity": quantity})
        return row

    def send(self, row: Row) -> None:
        """Mark a fulfilment shipped: only now its goods have left."""
        row |= {"status": "C", "trandate": self.today()}
        order = self.transactions[row["createdfrom"]]
        for made in row["lines"]:
            (line,) = [one for one in order["lines"] if one["id"] == made["orderline"]]
            line["fulfilled"] += made["quantity"]
            self.move(line["item"], -made["quantity"])
        self.touch(row)
        self.settle(order)

    def bill(self, order: Row, day: str) -> Row | None:
        """An invoice of what has left, and of what has no stock. Raises ApiError."""
        due: dict[int, Decimal] = {}
        shipped = self._shipped(order)
        for line in order["lines"]:
            whole = shipped.get(line["id"], ZERO) if self.stocked(line) else line["quantity"]
            if line["isclosed"] and not self.stocked(line):
                whole = line["billed"]
            if whole > line["billed"]:
                due[line["id"]] = whole - line["billed"]
        if not due:
            return None
        period = self.may_post(day, None, receivables=True)
        row = self._made_of(order, "CustInvc", "INV")
        row |= {"status": "A", "trandate": day, "postingperiod": period["id"]}
        for line in order["lines"]:
            if quantity := due.get(line["id"], ZERO):
                made = {**self._copy(line), "quantity": quantity}
                made["amount"] = rounded(quantity * line["rate"])
                row["lines"].append(made)
                row["taxdetails"] += self._shares(order, line, quantity)
                line["billed"] += quantity
        self.book_document(row, self.account(self.receivable), 1)
        self.settle(order)
        return row

    def _shipped(self, order: Row) -> dict[int, Decimal]:
        found: dict[int, Decimal] = {}
        for one in self.of("ItemShip", createdfrom=order["id"], status="C"):
            for line in one["lines"]:
                found[line["id"]] = found.get(line["id"], ZERO) + line["quantity"]
        return found

    @staticmethod
    def _shares(order: Row, line: Row, quantity: Decimal) -> list[Row]:
        """The overridden taxes of a line for a part of it."""
        found = []
        for one in order["taxdetails"]:
            if one["taxdetailsreference"] == line["taxdetailsreference"]:
                share = quantity / line["quantity"]
                amounts = {name: rounded(one[name] * share) for name in ("taxbasis", "taxamount")}
                found.append({**one, **amounts})
        return found

    def _made_of(self, order: Row, kind: str, prefix: str) -> Row:
        names = ("entity", "subsidiary", "currency", "otherrefnum", "memo", *_COPIED)
        facts = {name: order.get(name) for name in names}
        return self.new_transaction(kind, prefix, {**facts, "createdfrom": order["id"]})

    def _copy(self, line: Row) -> Row:
        return {**line, "uniquekey": self.key(), "orderline": line["id"], "billed": ZERO}

    # -- credit memos ---------------------------------------------------------------------------

    def new_memo(self, facts: Row, lines: Sequence[Row], taxes: Sequence[Row]) -> Row:
        """A credit memo, posted at once; items with stock come back in. Raises ApiError."""
        self._head(facts)
        day = facts.get("trandate") or self.today()
        period = self.may_post(day, facts.get("postingperiod"), receivables=True)
        row = self.new_transaction("CustCred", "CM", facts)
        row |= {"trandate": day, "postingperiod": period["id"], "status": "A"}
        for line in lines:
            self.add_line(row, line)
        self.set_taxes(row, taxes)
        for line in row["lines"]:
            if self.stocked(line):
                self.move(line["item"], line["quantity"])
        self.book_document(row, self.account(self.receivable), -1)
        return row

    # -- stock ----------------------------------------------------------------------------------

    def move(self, item: int, quantity: Decimal) -> None:
        """Take goods from the shelf, or put them there."""
        self.tables["item"][item]["onhand"] += quantity

    def committed(self) -> dict[int, tuple[Decimal, Decimal]]:
        """Item: what is committed to orders, and what they wait for besides."""
        waiting: dict[int, Decimal] = {}
        for order in self.of("SalesOrd"):
            if order["status"] in ("A", "C", "H"):
                continue
            for line in order["lines"]:
                if self.stocked(line) and not line["isclosed"]:
                    left = line["quantity"] - line["fulfilled"]
                    waiting[line["item"]] = waiting.get(line["item"], ZERO) + left
        found: dict[int, tuple[Decimal, Decimal]] = {}
        for item, wanted in waiting.items():
            there = max(self.tables["item"][item]["onhand"], ZERO)
            found[item] = min(wanted, there), max(wanted - there, ZERO)
        return found
