"""Money back in Odoo: a customer refund, tied to the invoice it takes back, made line by line.

Not by the reversal wizard: that refunds a whole invoice. The lines name no sale line, because Odoo
would then take them off what is invoiced and invoice the goods again.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mkterp.core.money import round_to_unit
from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentState,
    LineKind,
    OrderLine,
    WriteStatus,
    Written,
)
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.documents import PREFIX, Documents
from sync.erp.odoo.ledger import Ledger
from sync.erp.odoo.orders import Orders
from sync.erp.odoo.references import ReferenceBook, external_id, money
from sync.erp.odoo.sales import note, noted

_MOVE = "account.move"
_IN_THE_LEDGER = {DocumentState.POSTED, DocumentState.PAID}


class CreditNotes:
    def __init__(
        self,
        client: OdooClient,
        book: ReferenceBook,
        orders: Orders,
        documents: Documents,
        ledger: Ledger,
    ) -> None:
        self._client, self._book, self._orders = client, book, orders
        self._documents, self._ledger = documents, ledger

    def post(self, draft: CreditNoteDraft) -> Written:
        """See ErpPort.post_credit_note: claimed under the key, filled, compared, posted."""
        found = self._documents.credit_notes([draft.key]).get(draft.key)
        if found and found.state in _IN_THE_LEDGER:
            return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
        self._ledger.must_be_open(draft.dated)
        originals = self._originals(draft)
        lines = [[0, 0, self._line(line, draft, originals)] for line in draft.lines]
        claim, content = self._claim(draft, originals)
        (ident,) = self._client.upsert(_MOVE, [claim])
        try:
            vals = {**content, "invoice_line_ids": [[5, 0, 0], *lines]}
            self._client.write(_MOVE, "write", ids=[ident], vals=vals)
            self._check(draft, ident)
            self._client.write(_MOVE, "action_post", ids=[ident])
        except Rejected:
            # Another worker may have posted it since we looked: a posted one takes no lines.
            if self._documents.credit_notes([draft.key])[draft.key].state not in _IN_THE_LEDGER:
                self._client.write(_MOVE, "unlink", ids=[ident])
                raise
        posted = self._documents.credit_notes([draft.key]).get(draft.key)
        if posted is None or posted.state not in _IN_THE_LEDGER:
            raise Transient("Odoo had the refund a moment ago and does not show it posted.")
        return Written(posted.ref, posted.number, WriteStatus.CREATED, document=posted)

    def _claim(
        self, draft: CreditNoteDraft, originals: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, object], dict[str, object]]:
        invoice = next(iter(originals.values()))["invoice"]
        if invoice["currency_id"][1] != draft.currency:
            raise Rejected(f"The invoice of {draft.reference} is in another currency.", "currency")
        claim: dict[str, object] = {
            "id": external_id("refund", draft.key),
            "move_type": "out_refund",
            "invoice_origin": PREFIX + draft.key,
            "ref": draft.reference,
            "partner_id/.id": invoice["partner_id"][0],
        }
        facts = [f"{name}: {value}" for name, value in draft.attributes.items() if value]
        content: dict[str, object] = {
            "invoice_date": draft.dated,
            "date": draft.dated,
            "reversed_entry_id": invoice["id"],
            "narration": ", ".join([draft.reason, *facts] if draft.reason else facts),
        }
        return claim, content

    def _check(self, draft: CreditNoteDraft, ident: int) -> None:
        """Nothing is posted that is not the money that went back."""
        names = ["amount_untaxed", "amount_tax", "amount_total"]
        (row,) = self._client.rows(_MOVE, [["id", "=", ident]], names)
        net, tax, gross = (round_to_unit(money(row[name]), draft.currency) for name in names)
        if (net, tax, gross) != (draft.net, draft.tax, draft.gross):
            raise Rejected(
                f"Odoo computes {net} + {tax} for {draft.reference}, not {draft.net} + {draft.tax}."
            )

    def _originals(self, draft: CreditNoteDraft) -> dict[str, dict[str, Any]]:
        """The invoice lines of the order by our line key, each with what is left to give back."""
        documents = self._documents.of_orders([draft.order_key]).get(draft.order_key, ())
        if not documents and draft.order_key not in self._orders.rows([draft.order_key]):
            raise Rejected(f"Odoo has no order {draft.order_key}.", "order")
        living = {int(d.ref) for d in documents if d.state is not DocumentState.CANCELLED}
        moves = self._client.rows(
            _MOVE,
            [["id", "in", sorted(living)]],
            ["move_type", "partner_id", "currency_id", "state", "invoice_origin"],
        )
        invoices = {m["id"]: m for m in moves if m["move_type"] == "out_invoice"}
        mine = PREFIX + draft.key
        given: dict[str, Decimal] = {}
        found: dict[str, dict[str, Any]] = {}
        ours = {m["id"] for m in moves if m["invoice_origin"] == mine}
        for line in self._documents.lines(living - ours):
            if line["display_type"] != "product":
                continue
            key = noted(line["name"]).key
            net = money(line["price_subtotal"])
            if line["move_id"][0] not in invoices:
                given[key] = given.get(key, Decimal(0)) + net
            elif key not in found or money(found[key]["price_subtotal"]) < net:
                line["invoice"] = invoices[line["move_id"][0]]
                line["left"] = net + (found[key]["left"] if key in found else 0)
                found[key] = line
            else:
                found[key]["left"] += net
        if not found:
            raise Rejected(f"Nothing of {draft.reference}'s order is invoiced yet.", "order")
        for key, line in found.items():
            line["left"] = round_to_unit(line["left"] - given.get(key, 0), draft.currency)
        return found

    def _line(
        self, line: OrderLine, draft: CreditNoteDraft, originals: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, object]:
        common: dict[str, object] = {
            "quantity": line.quantity,
            "price_unit": line.unit_price,
            "name": note(line),
        }
        original = originals.get(line.key)
        if original is None:
            if line.kind is LineKind.ROUNDING:
                return {**common, **self._rounding()}
            raise Rejected(
                f"Line {line.key} of {draft.reference} is not invoiced: amend the order instead.",
                "line",
            )
        codes = self._documents.codes("account.tax", "name", original["tax_ids"])
        if list(codes.values()) != ([line.tax_code] if line.tax_code else []):
            named = ", ".join(codes.values()) or "no tax"
            raise Rejected(
                f"Line {line.key} of {draft.reference} was sold with {named}.", "tax_code"
            )
        if abs(line.net) > abs(original["left"]):
            raise Rejected(
                f"{draft.reference} gives back {line.net} of line {line.key}; "
                f"{original['left']} is left of it.",
                "net",
            )
        return {
            **common,
            "product_id": original["product_id"][0] if original["product_id"] else False,
            "account_id": original["account_id"][0],
            "tax_ids": [[6, 0, original["tax_ids"]]],
        }

    def _rounding(self) -> dict[str, object]:
        """The penny of a refund whose order had none."""
        code = self._book.names.rounding_item
        products: Mapping[str, int] = self._book.products([code])
        if code not in products:
            raise Rejected(f"Odoo has no active item {code}.", "sku")
        taxes: Sequence[int] = ()
        return {"product_id": products[code], "tax_ids": [[6, 0, list(taxes)]]}
