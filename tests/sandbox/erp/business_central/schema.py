"""The entities of the API: their fields, how long they are, and which may be written.

`name:kind` is a field that is only read, `name:kind!` one that may be written. A code is kept in
capitals; a number after a kind is its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ADDRESS = """shipToName:text100! shipToContact:text100! shipToAddressLine1:text100!
    shipToAddressLine2:text50! shipToCity:text30! shipToCountry:code10! shipToState:text30!
    shipToPostCode:code20!"""
_TOTALS = """totalAmountExcludingTax:money totalTaxAmount:money totalAmountIncludingTax:money
    discountAmount:money!"""
_LINE = """id:guid documentId:guid sequence:int! itemId:guid! accountId:guid! lineType:option!
    lineObjectNumber:code20! description:text100! description2:text50! quantity:quantity!
    unitPrice:price! discountAmount:money! discountPercent:price! amountExcludingTax:money
    taxCode:code20! taxPercent:price totalTaxAmount:money amountIncludingTax:money netAmount:money
    netTaxAmount:money netAmountIncludingTax:money locationId:guid! itemVariantId:guid!
    unitOfMeasureCode:code10! shipmentDate:date!"""
_SPECS = {
    "companies": "id:guid name:text30 displayName:text250",
    "items": """id:guid number:code20! displayName:text100! type:option! blocked:bool!
        gtin:text14! inventory:quantity! unitPrice:price! priceIncludesTax:bool!
        taxGroupCode:code20! baseUnitOfMeasureCode:code10! lastModifiedDateTime:moment""",
    "itemLedgerEntries": """id:guid entryNumber:int itemNumber:code20 postingDate:date
        entryType:option documentNumber:code20 documentType:option description:text100
        quantity:quantity lastModifiedDateTime:moment""",
    "locations": "id:guid code:code10! displayName:text100! lastModifiedDateTime:moment",
    "customers": """id:guid number:code20! displayName:text100! blocked:option!
        currencyCode:code10! lastModifiedDateTime:moment""",
    "defaultDimensions": """id:guid parentType:option! parentId:guid! dimensionId:guid!
        dimensionCode:code20 dimensionValueId:guid! dimensionValueCode:code20
        postingValidation:option!""",
    "accounts": """id:guid number:code20 displayName:text100 category:option subCategory:text80
        blocked:bool accountType:option directPosting:bool netChange:money
        lastModifiedDateTime:moment""",
    "taxGroups": """id:guid code:code20! displayName:text100! taxType:option
        lastModifiedDateTime:moment""",
    "salesOrders": f"""id:guid number:code20 externalDocumentNumber:code35! orderDate:date!
        postingDate:date! customerId:guid! customerNumber:code20! customerName:text100 {_ADDRESS}
        currencyCode:code10! pricesIncludeTax:bool! requestedDeliveryDate:date!
        partialShipping:bool! {_TOTALS} fullyShipped:bool status:option
        lastModifiedDateTime:moment phoneNumber:text30! email:text80!""",
    "salesOrderLines": f"""{_LINE} shippedQuantity:quantity invoicedQuantity:quantity
        shipQuantity:quantity! invoiceQuantity:quantity!""",
    "salesShipments": """id:guid number:code20 externalDocumentNumber:code35 postingDate:date
        customerNumber:code20 orderNumber:code20 currencyCode:code10
        lastModifiedDateTime:moment""",
    "salesShipmentLines": """id:guid documentId:guid documentNo:code20 sequence:int
        lineType:option lineObjectNumber:code20 description:text100 description2:text50
        unitPrice:price quantity:quantity taxPercent:price shipmentDate:date""",
    "salesInvoices": f"""id:guid number:code20 externalDocumentNumber:code35! invoiceDate:date!
        postingDate:date! dueDate:date! customerPurchaseOrderReference:text35! customerId:guid!
        customerNumber:code20! customerName:text100 {_ADDRESS} currencyCode:code10!
        orderId:guid orderNumber:code20 pricesIncludeTax:bool remainingAmount:money {_TOTALS}
        status:option lastModifiedDateTime:moment""",
    "salesInvoiceLines": _LINE,
    "salesCreditMemos": f"""id:guid number:code20 externalDocumentNumber:code35!
        creditMemoDate:date! postingDate:date! dueDate:date! customerId:guid!
        customerNumber:code20! customerName:text100 currencyCode:code10! pricesIncludeTax:bool!
        {_TOTALS} status:option invoiceId:guid! invoiceNumber:code20!
        lastModifiedDateTime:moment""",
    "salesCreditMemoLines": _LINE,
    "journals": """id:guid code:code10! displayName:text100! templateDisplayName:code10
        balancingAccountId:guid! balancingAccountNumber:code20 lastModifiedDateTime:moment""",
    "journalLines": """id:guid journalId:guid journalDisplayName:code10 lineNumber:int!
        accountType:option! accountId:guid! accountNumber:code20! postingDate:date!
        documentNumber:code20! externalDocumentNumber:code35! amount:money! description:text100!
        comment:text250! taxCode:code20! lastModifiedDateTime:moment""",
    "generalLedgerEntries": """id:guid entryNumber:int postingDate:date documentNumber:code20
        documentType:option accountId:guid accountNumber:code20 description:text100
        debitAmount:money creditAmount:money lastModifiedDateTime:moment""",
    "dimensions": "id:guid code:code20 displayName:text30 lastModifiedDateTime:moment",
    "dimensionValues": """id:guid code:code20 dimensionId:guid displayName:text50
        lastModifiedDateTime:moment""",
    "dimensionSetLines": """id:guid code:code20! parentId:guid parentType:option
        displayName:text30 valueId:guid! valueCode:code20! valueDisplayName:text50""",
    "accountingPeriods": """id:guid startingDate:date name:text10 newFiscalYear:bool closed:bool
        dateLocked:bool lastModifiedDateTime:moment""",
    "generalLedgerSetup": """id:guid allowPostingFrom:date allowPostingTo:date
        localCurrencyCode:code10 lastModifiedDateTime:moment""",
}
# Parent: what it is expanded with, and the child's field that holds the parent's id.
PARTS: Mapping[str, Mapping[str, str]] = {
    "salesOrders": {"salesOrderLines": "documentId", "dimensionSetLines": "parentId"},
    "salesShipments": {"salesShipmentLines": "documentId"},
    "salesInvoices": {"salesInvoiceLines": "documentId", "dimensionSetLines": "parentId"},
    "salesCreditMemos": {"salesCreditMemoLines": "documentId", "dimensionSetLines": "parentId"},
    "journals": {"journalLines": "journalId"},
    "journalLines": {"dimensionSetLines": "parentId"},
    "generalLedgerEntries": {"dimensionSetLines": "parentId"},
    "customers": {"defaultDimensions": "parentId"},
    "dimensions": {"dimensionValues": "dimensionId"},
}
# Who may be asked for only by their id or through their parent.
OF_A_PARENT = {
    *("salesOrderLines", "salesInvoiceLines", "salesCreditMemoLines", "salesShipmentLines"),
    *("journalLines", "dimensionSetLines"),
}
MAY_CREATE = {
    *("salesOrders", "salesOrderLines", "salesCreditMemos", "salesCreditMemoLines"),
    *("journals", "journalLines", "dimensionSetLines"),
}
MAY_CHANGE = {"salesOrders", "salesOrderLines", "salesCreditMemos", "salesCreditMemoLines"}
MAY_DELETE = {*MAY_CHANGE, "journals", "journalLines"}
NO_ID = "00000000-0000-0000-0000-000000000000"
NO_DAY = "0001-01-01"
_EMPTY: Mapping[str, Any] = {
    "guid": NO_ID,
    "date": NO_DAY,
    "moment": "",
    "bool": False,
    "int": 0,
    "option": "_x0020_",
    "text": "",
    "code": "",
}
DIGITS = {"money": 2, "price": 5, "quantity": 5}


@dataclass(frozen=True)
class Field:
    kind: str
    room: int
    writable: bool

    @property
    def empty(self) -> Any:
        return 0 if self.kind in DIGITS else _EMPTY[self.kind]


def _field(words: str) -> tuple[str, Field]:
    name, _, rest = words.partition(":")
    kind = rest.rstrip("!")
    bare = kind.rstrip("0123456789")
    return name, Field(bare, int(kind[len(bare) :] or 0), rest.endswith("!"))


ENTITIES: Mapping[str, Mapping[str, Field]] = {
    entity: dict(_field(words) for words in spec.split()) for entity, spec in _SPECS.items()
}
