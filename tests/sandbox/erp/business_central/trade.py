"""Sales of the double: orders, what is posted from them, credit memos, stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.business_central.books import ZERO, Books, today
from tests.sandbox.erp.business_central.odata import Row, application
from tests.sandbox.erp.business_central.schema import ENTITIES, NO_DAY, NO_ID

_MEMO = "Credit_x0020_Memo"
_SHIPPED_TYPES = {"Item": "Item", "Account": "G_x002F_L_x0020_Account", "Comment": "_x0020_"}
LINES = {
    "salesOrders": "salesOrderLines",
    "salesCreditMemos": "salesCreditMemoLines",
    "salesInvoices": "salesInvoiceLines",
}


class Trade(Books):
    def lines(self, entity: str, document: Row) -> list[Row]:
        """A document's lines in their order."""
        found = self.find(LINES[entity], documentId=document["id"])
        return sorted(found, key=lambda line: int(line["sequence"]))

    # -- documents that are not posted ----------------------------------------------------------

    def new_document(self, entity: str, values: Row, lines: Sequence[Row]) -> Row:
        """An order or credit memo, its lines with it."""
        if not values.get("customerNumber"):
            raise application('A "customerNumber" or a "customerId" must be provided.')
        customer = self.customer(values["customerNumber"])
        if entity == "salesCreditMemos" and self.applied(values):
            raise application("This double applies no credit memo to an invoice.")
        usual: Row = {"number": self.number("S-ORD" if entity == "salesOrders" else "S-CR")}
        usual |= {
            "status": "Draft",
            "postingDate": today(),
            "customerName": customer["displayName"],
        }
        usual |= {"orderDate": today()} if entity == "salesOrders" else {"creditMemoDate": today()}
        # A customer's own setting, unless the document says otherwise.
        usual |= {"pricesIncludeTax": True}
        document = self.new(entity, {**usual, **values})
        if document["pricesIncludeTax"]:
            raise application("This double only has prices without tax: say so.")
        for line in lines:
            self.new_line(entity, document, line)
        return document

    def new_line(self, entity: str, document: Row, values: Row) -> Row:
        """Another line of a document that is not posted. Raises ApiError."""
        if document["status"] != "Draft" and values.get("lineType") != "Comment":
            raise application("Status must be equal to 'Open' in Sales Header.")
        kind = values.get("lineType", "Comment")
        place = 10000 * (1 + len(self.lines(entity, document)))
        usual: Row = {"documentId": document["id"], "sequence": place, "lineType": kind}
        if kind == "Item":
            usual |= self._item_line(values)
        elif kind == "Account":
            account = self.account(values.get("lineObjectNumber", ""))
            if not account["directPosting"]:
                raise application(f"Direct Posting must be 'Yes' in {account['number']}.")
            usual |= {"accountId": account["id"]}
        elif kind != "Comment":
            raise application(f"lineType {kind} is not in this double.")
        elif set(values) - {"lineType", "description", "description2"}:
            raise application("A comment has no number, quantity or price.")
        if kind != "Comment":
            self._may_tax(values.get("taxCode", ""))
        line = self.new(LINES[entity], {**usual, **values})
        self._settle(entity, document)
        return line

    def _item_line(self, values: Row) -> Row:
        items = self.find("items", number=values.get("lineObjectNumber", ""))
        if not items:
            raise application("Item does not exist.", "Application_RecordNotFound")
        if items[0]["blocked"]:
            raise application(f"Blocked must be equal to 'No' in Item: No.={items[0]['number']}.")
        location = values.get("locationId", NO_ID)
        if location != NO_ID and location not in self.tables["locations"]:
            raise application("The Location does not exist.")
        return {"itemId": items[0]["id"]}

    def _may_tax(self, code: str) -> None:
        if code not in self.rates or not self.find("taxGroups", code=code):
            raise application(f"The VAT Posting Setup does not exist: '{code}'.")
        if code in self.blocked_rates:
            raise application(f"The VAT Posting Setup of {code} is blocked.")

    def change_line(self, entity: str, line: Row, values: Row) -> None:
        """Change a line of a document that is not posted or released. Raises ApiError."""
        (document,) = self.find(entity, id=line["documentId"])
        if document["status"] != "Draft":
            raise application("Status must be equal to 'Open' in Sales Header.")
        if {"lineType", "lineObjectNumber", "sequence"} & set(values):
            raise application('The value for "lineObjectNumber" cannot be modified.')
        if values.get("quantity", ZERO) < 0 or (
            "quantity" in values and values["quantity"] < line.get("shippedQuantity", ZERO)
        ):
            raise application("Quantity must not be less than Quantity Shipped.")
        self.put(line, values)
        self._settle(entity, document)

    def _settle(self, entity: str, document: Row) -> None:
        lines = self.lines(entity, document)
        self.price(lines)
        self.total(document, lines)
        self.touch(document)

    # -- posting --------------------------------------------------------------------------------

    def ship(self, order: Row, quantities: Mapping[str, Decimal] | None = None) -> Row | None:
        """Post a shipment of what is left, or of these quantities by line id.

        Posting releases an order: its lines cannot be changed until it is reopened.
        """
        lines = self.lines("salesOrders", order)
        leaving: dict[str, Decimal] = {}
        for line in lines:
            left = Decimal(line["quantity"]) - Decimal(line["shippedQuantity"])
            wanted = left if quantities is None else min(left, quantities.get(line["id"], ZERO))
            if wanted:
                leaving[line["id"]] = wanted
        if not leaving:
            return None
        self.may_post(today())
        shipment = self.new(
            "salesShipments",
            {
                "number": self.number("S-SHPT"),
                "externalDocumentNumber": order["externalDocumentNumber"],
                "postingDate": today(),
                "customerNumber": order["customerNumber"],
                "orderNumber": order["number"],
            },
        )
        for line in lines:
            gone = leaving.get(line["id"], ZERO)
            self._shipped(shipment, line, gone)
            if gone:
                line["shippedQuantity"] = Decimal(line["shippedQuantity"]) + gone
        done = all(x["shippedQuantity"] == x["quantity"] for x in lines)
        self.put(order, {"status": "Open", "fullyShipped": done})
        return shipment

    def _shipped(self, shipment: Row, line: Row, quantity: Decimal) -> None:
        names = ("sequence", "lineObjectNumber", "description", "description2", "unitPrice")
        self.new(
            "salesShipmentLines",
            {
                **{name: line[name] for name in names},
                "documentId": shipment["id"],
                "documentNo": shipment["number"],
                "lineType": _SHIPPED_TYPES[line["lineType"]],
                "quantity": quantity,
                "shipmentDate": today(),
            },
        )
        if quantity and line["lineType"] == "Item":
            self.move(line["lineObjectNumber"], -quantity, "Sale", shipment["number"])

    def move(self, item: str, quantity: Decimal, kind: str, document: str) -> None:
        """Post a movement of stock."""
        (row,) = self.find("items", number=item)
        # What is on hand is added up; the item itself is not another version for it.
        row["inventory"] = Decimal(row["inventory"]) + quantity
        self.new(
            "itemLedgerEntries",
            {
                "entryNumber": self.counter("items"),
                "itemNumber": item,
                "postingDate": today(),
                "entryType": kind,
                "documentNumber": document,
                "quantity": quantity,
            },
        )

    def invoice(self, order: Row, day: str) -> Row | None:
        """Post an invoice of what is shipped; an order that is invoiced in full is deleted."""
        lines = self.lines("salesOrders", order)
        due = {
            line["id"]: Decimal(line["shippedQuantity"]) - Decimal(line["invoicedQuantity"])
            for line in lines
        }
        if not any(due.values()):
            return None
        wanted = [x for x in lines if due[x["id"]] or x["lineType"] == "Comment"]
        posted = [{**x, "quantity": due[x["id"]]} for x in wanted]
        invoice = self.post_invoice(order, posted, day, order["number"])
        for line in lines:
            line["invoicedQuantity"] = Decimal(line["invoicedQuantity"]) + due[line["id"]]
        if all(x["invoicedQuantity"] == x["quantity"] for x in lines):
            for line in lines:
                del self.tables["salesOrderLines"][line["id"]]
            del self.tables["salesOrders"][order["id"]]
        return invoice

    def post_invoice(self, source: Row, lines: Sequence[Row], day: str, order: str) -> Row:
        """Post an invoice with these lines, for an order or without one."""
        self.may_post(day)
        facts = {n: source[n] for n in ("externalDocumentNumber", "customerNumber", "customerName")}
        facts |= {"number": self.number("PS-INV"), "status": "Open", "orderNumber": order}
        facts |= {"invoiceDate": day, "postingDate": day, "dueDate": day, "currencyCode": ""}
        invoice = self.new("salesInvoices", facts)
        made = self._copied("salesInvoices", invoice, lines)
        invoice["remainingAmount"] = invoice["totalAmountIncludingTax"]
        self.post_document(invoice, made, "Invoice", 1)
        return invoice

    def _copied(self, entity: str, document: Row, lines: Sequence[Row]) -> list[Row]:
        names = set(ENTITIES[LINES[entity]]) - {"id", "documentId"}
        made = [
            self.new(
                LINES[entity],
                {**{name: line[name] for name in names}, "documentId": document["id"]},
            )
            for line in lines
        ]
        self.price(made)
        self.total(document, made)
        return made

    def post_memo(self, memo: Row) -> None:
        """Post a credit memo. It takes goods on item lines back into stock. Raises ApiError."""
        if memo["status"] != "Draft":
            raise application("The action can be applied to a draft credit memo only.")
        lines = self.lines("salesCreditMemos", memo)
        if all(line["lineType"] == "Comment" for line in lines):
            raise application("Please add at least one line item to the credit memo.")
        if memo["postingDate"] == NO_DAY:
            raise application("Posting Date must have a value.")
        self.may_post(memo["postingDate"])
        for line in lines:
            if line["lineType"] == "Item":
                self.move(line["lineObjectNumber"], line["quantity"], "Sale", memo["number"])
        self.put(memo, {"status": "Open", "number": self.number("PS-CR")})
        self.post_document(memo, lines, _MEMO, -1)

    def cancel_invoice(self, invoice: Row) -> None:
        """Cancel a posted invoice by a corrective credit memo."""
        lines = self.lines("salesInvoices", invoice)
        facts: dict[str, Any] = {
            name: invoice[name] for name in ("externalDocumentNumber", "customerNumber")
        }
        facts |= {"number": self.number("PS-CR"), "status": "Corrective", "postingDate": today()}
        memo = self.new("salesCreditMemos", {**facts, "invoiceNumber": invoice["number"]})
        made = self._copied("salesCreditMemos", memo, lines)
        self.post_document(memo, made, _MEMO, -1)
        self.put(invoice, {"status": "Canceled", "remainingAmount": ZERO})
