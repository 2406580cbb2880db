"""Taking back what Tryton has accepted: a whole order, or some of it before it is shipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Conflict, Rejected, Transient
from sync.domain.documents import OrderPhase, OrderState
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.orders import Orders
from sync.erp.tryton.sales import noted
from sync.erp.tryton.wire import Quantity, exact

_SALE, _SHIPMENT, _MOVE = "model.sale.sale", "model.stock.shipment.out", "model.stock.move"
_OPEN_SHIPMENT = {"draft", "waiting", "assigned"}
_GONE = {"cancelled"}
_ASK = {"shipment": "moves", "invoice": "invoices"}


class Changes:
    """A processed sale has no cancel button: its shipments and draft invoices are cancelled, and
    the exceptions that this raises on the sale are answered with "ignore".
    """

    def __init__(self, client: TrytonClient, orders: Orders) -> None:
        self._client, self._orders = client, orders

    def cancel(self, ref: str, reason: str) -> OrderState:
        """See ErpPort.cancel_order."""
        state = self._state(ref)
        if state.phase is OrderPhase.CANCELLED:
            return state
        sale = int(ref)
        if state.phase in {OrderPhase.DRAFT, OrderPhase.QUOTED}:
            self._remark(sale, f"Cancelled: {reason}")
            self._client.write(f"{_SALE}.cancel", [sale])
            return self._state(ref)
        shipments, invoices = self._attached(state)
        self._remark(sale, f"Cancelled: {reason}")
        if shipments:
            self._client.write(f"{_SHIPMENT}.cancel", shipments)
        self._ignore(sale, "shipment")
        if invoices:
            self._client.write("model.account.invoice.cancel", invoices)
        self._ignore(sale, "invoice")
        state = self._state(ref)
        if state.phase is not OrderPhase.CANCELLED:
            raise Transient(f"Tryton is still working on sale {state.number}.")
        return state

    def amend(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        """See ErpPort.amend_order.

        A line's moves are brought to the wanted quantity; what is withdrawn becomes a move of its
        own that is cancelled and ignored, so that Tryton neither ships nor invoices it later.
        """
        state = self._state(ref)
        if state.phase not in {OrderPhase.ACCEPTED, OrderPhase.BOOKED}:
            raise Rejected(f"Sale {state.number or ref} is {state.erp_state}: send it again.")
        lines = self._lines(int(ref))
        amendments = [_Amendment.of(lines, key, wanted) for key, wanted in quantities.items()]
        if not any(amendment.needed for amendment in amendments):
            return state
        open_states = self._open_shipments(state, amendments)
        self._remark(int(ref), f"Amended: {reason}")
        self._press("wait", [one for one, at in open_states.items() if at == "assigned"])
        self._press("draft", [one for one, at in open_states.items() if at != "draft"])
        loose: list[int] = []
        for amendment in amendments:
            loose += self._split(amendment)
        rows = self._client.rows(
            "stock.shipment.out", [["id", "in", list(open_states)]], ["outgoing_moves"]
        )
        # Ready to be picked again before the withdrawn part is cancelled: that makes Tryton look
        # at the sale, and it must find everything in its place.
        self._press("cancel", [row["id"] for row in rows if not row["outgoing_moves"]])
        self._press("wait", [row["id"] for row in rows if row["outgoing_moves"]])
        if loose:
            self._client.write(f"{_MOVE}.cancel", loose)
        self._ignore(int(ref), "shipment")
        return self._state(ref)

    def _state(self, ref: str) -> OrderState:
        states = self._orders.states([ref])
        if not states:
            raise Rejected(f"Tryton has no order {ref}.")
        return states[0]

    def _attached(self, state: OrderState) -> tuple[list[int], list[int]]:
        """Shipments and invoices that can go. Raises Rejected when one cannot."""
        fields = ["state", "shipments.number", "shipments.state"]
        fields += ["invoices.number", "invoices.state"]
        (row,) = self._client.rows("sale.sale", [["id", "=", int(state.ref)]], fields)
        if row["state"] == "confirmed":
            raise Transient(f"Tryton has not processed sale {state.number} yet.")
        shipments = [one for one in row["shipments."] if one["state"] not in _GONE]
        invoices = [one for one in row["invoices."] if one["state"] not in _GONE]
        for one in shipments:
            if one["state"] not in _OPEN_SHIPMENT:
                in_hand = one["state"] in {"picked", "packed"}
                words = "the warehouse has it in hand" if in_hand else "goods come back by a return"
                raise Rejected(
                    f"Shipment {one['number']} of sale {state.number} is {one['state']}: {words}."
                )
        for one in invoices:
            if one["state"] != "draft":
                raise Rejected(
                    f"Invoice {one['number'] or one['id']} of sale {state.number} is "
                    f"{one['state']}: its money goes back by a credit note."
                )
        return [one["id"] for one in shipments], [one["id"] for one in invoices]

    def _remark(self, sale: int, words: str) -> None:
        (row,) = self._client.rows("sale.sale", [["id", "=", sale]], ["comment"])
        rows = (row["comment"] or "").splitlines()
        if words not in rows:
            comment = "\n".join([*rows, words])
            self._client.write(f"{_SALE}.write", [sale], {"comment": comment})

    def _ignore(self, sale: int, kind: str) -> None:
        """Answer the sale's exceptions of that kind: what is cancelled stays so."""
        wizard = f"wizard.sale.handle.{kind}.exception"
        about = {"active_model": "sale.sale", "active_id": sale, "active_ids": [sale]}
        session, *_ = self._client.write(f"{wizard}.create", **about)
        shown = self._client.write(f"{wizard}.execute", session, {}, "ask", **about)
        what = _ASK[kind]
        found = shown["view"]["defaults"][f"domain_{what}"]
        if found:
            answer = {f"domain_{what}": found, f"recreate_{what}": [], f"ignore_{what}": found}
            self._client.write(f"{wizard}.execute", session, {"ask": answer}, "handle", **about)
        self._client.write(f"{wizard}.delete", session, **about)

    def _lines(self, sale: int) -> dict[str, dict[str, Any]]:
        rows = self._client.rows(
            "sale.line",
            [["sale", "=", sale], ["type", "=", "line"]],
            [
                *("note", "quantity", "moves_ignored", "moves_recreated"),
                *("moves.quantity", "moves.state", "moves.shipment"),
            ],
        )
        return {noted(row["note"])[0]: row for row in rows}

    def _open_shipments(
        self, state: OrderState, amendments: Sequence["_Amendment"]
    ) -> dict[int, str]:
        """The shipments to change, by id, with their states. Raises Rejected when one is picked."""
        wanted = sorted({one for amendment in amendments for one in amendment.shipments()})
        rows = self._client.rows("stock.shipment.out", [["id", "in", wanted]], ["number", "state"])
        for row in rows:
            if row["state"] not in _OPEN_SHIPMENT:
                raise Rejected(
                    f"Shipment {row['number']} of sale {state.number} is {row['state']}: "
                    "the warehouse has it in hand."
                )
        return {row["id"]: row["state"] for row in rows}

    def _press(self, button: str, shipments: list[int]) -> None:
        if shipments:
            self._client.write(f"{_SHIPMENT}.{button}", shipments)

    def _split(self, amendment: "_Amendment") -> list[int]:
        """Bring a line's shipments to what is wanted. Returns moves that belong to none now."""
        loose = [move["id"] for move in amendment.loose]
        if missing := amendment.withdraw - amendment.prepared:
            values = {"quantity": Quantity(missing), "shipment": None}
            loose += self._client.write(f"{_MOVE}.copy", [amendment.model], values)
        excess = amendment.in_shipments - amendment.wanted
        for move in amendment.shipped_moves:
            quantity = exact(move["quantity"])
            if not excess:
                break
            if quantity <= excess:
                self._client.write(f"{_MOVE}.delete", [move["id"]])
                excess -= quantity
            else:
                values = {"quantity": Quantity(quantity - excess)}
                self._client.write(f"{_MOVE}.write", [move["id"]], values)
                excess = Decimal(0)
        return loose


@dataclass(frozen=True)
class _Amendment:
    """One line, what it is to come down to, and how far an earlier attempt got with it."""

    wanted: Decimal
    row: Mapping[str, Any]

    @classmethod
    def of(cls, lines: Mapping[str, Mapping[str, Any]], key: str, wanted: Decimal) -> "_Amendment":
        row = lines.get(key)
        if row is None:
            raise Rejected(f"The sale has no line {key}.", "line")
        if not row["moves."]:
            raise Rejected(
                f"Line {key} is not shipped from here: its money goes back by a credit note.",
                "line",
            )
        amendment = cls(wanted, row)
        amendment.check(key)
        return amendment

    def check(self, key: str) -> None:
        """Raises Rejected for what cannot be done, Conflict when somebody else withdrew more."""
        if not 0 <= self.wanted <= exact(self.row["quantity"]) or self.withdraw < 0:
            left = exact(self.row["quantity"]) - self._sum(self._ignored)
            raise Rejected(f"Line {key} can only be lowered: it stands at {left:f}.", "quantity")
        left_house = self._sum([move for move in self._live if move["state"] == "done"])
        if left_house > self.wanted:
            raise Rejected(f"{left_house:f} of line {key} have left already.", "quantity")
        if self.prepared > self.withdraw:
            raise Conflict(f"Somebody else is cancelling line {key} in Tryton.", "line")

    @property
    def needed(self) -> bool:
        return bool(self.withdraw)

    @property
    def withdraw(self) -> Decimal:
        """What is still to be taken away."""
        return exact(self.row["quantity"]) - self._sum(self._ignored) - self.wanted

    @property
    def prepared(self) -> Decimal:
        """What an earlier attempt has already set apart."""
        settled = {*self.row["moves_ignored"], *self.row["moves_recreated"]}
        cancelled = [
            move
            for move in self.row["moves."]
            if move["state"] == "cancelled" and move["id"] not in settled
        ]
        return self._sum([*cancelled, *self.loose])

    @property
    def loose(self) -> list[Mapping[str, Any]]:
        return [move for move in self._live if not move["shipment"]]

    @property
    def shipped_moves(self) -> list[Mapping[str, Any]]:
        return [move for move in self._live if move["shipment"] and move["state"] != "done"]

    @property
    def in_shipments(self) -> Decimal:
        return self._sum([move for move in self._live if move["shipment"]])

    @property
    def model(self) -> int:
        """A move to copy."""
        found: int = self.row["moves."][0]["id"]
        return found

    def shipments(self) -> set[int]:
        return {int(str(move["shipment"]).partition(",")[2]) for move in self.shipped_moves}

    @property
    def _live(self) -> list[Mapping[str, Any]]:
        return [move for move in self.row["moves."] if move["state"] != "cancelled"]

    @property
    def _ignored(self) -> list[Mapping[str, Any]]:
        return [move for move in self.row["moves."] if move["id"] in self.row["moves_ignored"]]

    @staticmethod
    def _sum(moves: Sequence[Mapping[str, Any]]) -> Decimal:
        return sum((exact(move["quantity"]) for move in moves), Decimal(0))
