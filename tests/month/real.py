"""A real Tryton for the month: the port the product uses, and the people who work in it.

What its people book is dated today, by its own clock as much as by theirs.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sync.erp.tryton import TrytonErp
from tests.sandbox.erp.hands import Hands
from tests.sandbox.erp.launcher import Tryton

_AT_WORK = [
    ("state", "=", "processing"),
    [
        "OR",
        ("shipment_state", "in", ["waiting", "partially shipped"]),
        ("invoice_state", "=", "pending"),
    ],
]


class RealErp(TrytonErp):
    """See `tests.fakes.FakeErp`, whose people do the same. Refs are Tryton's ids."""

    def __init__(self, tryton: Tryton) -> None:
        names = ("url", "database", "user", "password")
        super().__init__(**{name: tryton.info[name] for name in names}, timeout=300)
        self._hands = Hands(tryton)

    def close(self) -> None:
        """Give all connections back."""
        self._hands.close()
        super().close()

    def stock_up(self, skus: Iterable[str], each: int) -> None:
        """Count so many of each of these items."""
        self._hands.count_stock(dict.fromkeys(skus, each))

    # -- the warehouse and the desk ---------------------------------------------------------------

    @property
    def accepted(self) -> list[str]:
        """Orders of which something is to be shipped or invoiced."""
        return [str(one) for one in self._hands.staff.find("sale.sale", _AT_WORK, [["id", "ASC"]])]

    def ship(self, ref: str, *, carrier: str) -> None:
        """Send out all of it, if it is for us to send."""
        if self._hands.open_shipments(ref):
            self._hands.ship(ref, carrier=carrier)

    def post_invoices(self, ref: str) -> None:
        """Post what is to be invoiced."""
        self._hands.post_invoices([ref])

    def receive(self, ref: str) -> None:
        """Take in what comes back."""
        self._hands.receive(ref)

    # -- the accountant's mistakes --------------------------------------------------------------

    def double_invoice(self, ref: str) -> str:
        """Post the same again."""
        return str(self._hands.double_invoice(ref))

    def shorten_invoice(self, ref: str) -> str:
        """Cancel a posted invoice and post another without its first line."""
        return str(self._hands.replace_first_line(ref, lambda _: None))

    def replace_invoice(self, ref: str, extra: Decimal) -> str:
        """Cancel a posted invoice and post another whose first line costs `extra` more."""

        def dearer(line: Mapping[str, Any]) -> dict[str, Any]:
            return {"unit_price": line["unit_price"] + extra}

        return str(self._hands.replace_first_line(ref, dearer))

    def retax_invoice(self, ref: str, code: str) -> str:
        """Cancel a posted invoice and post another whose first line has that tax code."""
        tax = self._hands.ids["taxes"][code]

        def retaxed(line: Mapping[str, Any]) -> dict[str, Any]:
            return {"taxes": [("remove", line["taxes"]), ("add", [tax])]}

        return str(self._hands.replace_first_line(ref, retaxed))

    def cancel_invoice(self, ref: str) -> None:
        """Take a posted invoice back."""
        self._hands.cancel_invoice(ref)

    def post_again(self, ref: str) -> None:
        """Post what a cancelled invoice was for, once more; Tryton may make two of it."""
        self._hands.post_again(ref)
