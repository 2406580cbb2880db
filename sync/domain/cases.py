"""The kinds of exception, how bad each is, and the words a person reads first."""

from dataclasses import dataclass
from enum import StrEnum


class CaseKind(StrEnum):
    UNMAPPED_SKU = "UNMAPPED_SKU"
    LINE_WITHOUT_PRODUCT = "LINE_WITHOUT_PRODUCT"
    BAD_QUANTITY = "BAD_QUANTITY"
    UNKNOWN_SELLER = "UNKNOWN_SELLER"
    NO_TREATMENT = "NO_TREATMENT"
    NO_FULFILMENT_RULE = "NO_FULFILMENT_RULE"
    UNMAPPED_TAX_CODE = "UNMAPPED_TAX_CODE"
    MONEY_MISMATCH = "MONEY_MISMATCH"
    NO_ADDRESS = "NO_ADDRESS"
    UNREADABLE_MESSAGE = "UNREADABLE_MESSAGE"
    WEBHOOK_REFUSED = "WEBHOOK_REFUSED"
    ERP_REJECTED = "ERP_REJECTED"
    MARKETPLACER_REJECTED = "MARKETPLACER_REJECTED"
    POISON = "POISON"
    ERP_DIFFERS = "ERP_DIFFERS"
    CHANGED_AFTER_POSTING = "CHANGED_AFTER_POSTING"
    FEED_STOPPED = "FEED_STOPPED"
    MISSED_RUN = "MISSED_RUN"
    WEBHOOK_SILENT = "WEBHOOK_SILENT"
    POSTED_AS_OTHER_ITEM = "POSTED_AS_OTHER_ITEM"
    MAPPING_CONFLICT = "MAPPING_CONFLICT"
    AUTO_MAP_OFF = "AUTO_MAP_OFF"
    CATALOGUE_SHRANK = "CATALOGUE_SHRANK"
    STOCK_HELD = "STOCK_HELD"
    STOCK_DRIFT = "STOCK_DRIFT"
    UNMAPPED_CARRIER = "UNMAPPED_CARRIER"
    SHIPMENT_UNPLACED = "SHIPMENT_UNPLACED"
    SHIPMENT_REFUSED = "SHIPMENT_REFUSED"
    SHIPMENT_DOUBLED = "SHIPMENT_DOUBLED"
    CANCELLATION_REFUSED = "CANCELLATION_REFUSED"
    REFUND_UNPLACED = "REFUND_UNPLACED"
    OVER_REFUND = "OVER_REFUND"
    CREDIT_REFUSED = "CREDIT_REFUSED"
    RETURN_REFUSED = "RETURN_REFUSED"
    PAYOUT_DIFFERS = "PAYOUT_DIFFERS"
    REMITTANCE_UNKNOWN = "REMITTANCE_UNKNOWN"
    REMITTANCE_DOUBLED = "REMITTANCE_DOUBLED"
    REMITTANCE_MISSING = "REMITTANCE_MISSING"
    ADVICE_DIFFERS = "ADVICE_DIFFERS"
    PAYMENT_DIFFERS = "PAYMENT_DIFFERS"
    CUSTOMER_MONEY_DIFFERS = "CUSTOMER_MONEY_DIFFERS"
    JOURNAL_REFUSED = "JOURNAL_REFUSED"
    DOCUMENT_EDITED = "DOCUMENT_EDITED"
    TAX_CODE_GONE = "TAX_CODE_GONE"
    TAX_DIFFERS = "TAX_DIFFERS"
    DOCUMENT_DIFFERS = "DOCUMENT_DIFFERS"
    COMPLETENESS_GAP = "COMPLETENESS_GAP"
    LATE_ORDER = "LATE_ORDER"
    NOTICE_REFUSED = "NOTICE_REFUSED"


@dataclass(frozen=True)
class KindFacts:
    """`severity` orders the queue: 3 threatens the catalogue or many orders, 1 a single one."""

    label: str
    severity: int
    next_step: str
    # Whether it goes away by itself once its cause is gone (a mapping, a rule, a later read), as
    # opposed to waiting for a person to retry or dismiss.
    resolves_itself: bool


KINDS: dict[CaseKind, KindFacts] = {
    CaseKind.UNMAPPED_SKU: KindFacts(
        "Unmapped SKU", 3, "Choose the ERP item this listing is; its orders post at once.", True
    ),
    CaseKind.LINE_WITHOUT_PRODUCT: KindFacts(
        "Line without product",
        2,
        "The line names neither a variant nor a SKU. Ask the marketplace team to correct it.",
        True,
    ),
    CaseKind.BAD_QUANTITY: KindFacts(
        "Impossible quantity",
        2,
        "A quantity must be a whole number above zero. Have the order corrected at Marketplacer.",
        True,
    ),
    CaseKind.UNKNOWN_SELLER: KindFacts(
        "Unknown seller",
        2,
        "The seller has not been read from Marketplacer yet; it resolves with the next read.",
        True,
    ),
    CaseKind.NO_TREATMENT: KindFacts(
        "Seller without treatment",
        3,
        "Finance say whether this seller's sales are ours (principal) or theirs (agent).",
        True,
    ),
    CaseKind.NO_FULFILMENT_RULE: KindFacts(
        "Seller without fulfilment rule",
        2,
        "An administrator says who dispatches this seller's orders.",
        True,
    ),
    CaseKind.UNMAPPED_TAX_CODE: KindFacts(
        "Unmapped tax code", 3, "Finance map the marketplace's rate to an ERP tax.", True
    ),
    CaseKind.MONEY_MISMATCH: KindFacts(
        "Money does not add up",
        2,
        "The lines and postage are not the total. Compare with the Marketplacer portal.",
        True,
    ),
    CaseKind.NO_ADDRESS: KindFacts(
        "No delivery address",
        1,
        "The order must be delivered and says not where. Have it corrected at Marketplacer.",
        True,
    ),
    CaseKind.UNREADABLE_MESSAGE: KindFacts(
        "Unreadable message",
        2,
        "Look at the raw payload; a later, readable version of the order resolves this.",
        True,
    ),
    CaseKind.WEBHOOK_REFUSED: KindFacts(
        "Webhook refused",
        3,
        "Compare the webhook's key and query in the Operator portal with ours. Orders still come: "
        "the poll brings them.",
        False,
    ),
    CaseKind.ERP_REJECTED: KindFacts(
        "ERP refused", 2, "Read the ERP's words, put the cause right there, then retry.", False
    ),
    CaseKind.MARKETPLACER_REJECTED: KindFacts(
        "Marketplacer refused", 1, "Read Marketplacer's words, put the cause right, retry.", False
    ),
    CaseKind.POISON: KindFacts(
        "Work that stops its worker",
        3,
        "Trying it ended the worker several times. Report it with its number, then retry.",
        False,
    ),
    CaseKind.ERP_DIFFERS: KindFacts(
        "ERP holds other money",
        3,
        "The posted document is not what was sent. Someone changed it in the ERP: find out who.",
        False,
    ),
    CaseKind.CHANGED_AFTER_POSTING: KindFacts(
        "Changed after posting",
        2,
        "Marketplacer changed the order after the ERP took it. Correct it in the ERP.",
        False,
    ),
    CaseKind.POSTED_AS_OTHER_ITEM: KindFacts(
        "Posted as another item",
        3,
        "Correct the named documents in the ERP, then dismiss the case with their numbers.",
        False,
    ),
    CaseKind.MAPPING_CONFLICT: KindFacts(
        "Mapped pair differs",
        2,
        "Look whether the listing is still that item: remap it, or say that it is.",
        False,
    ),
    CaseKind.CATALOGUE_SHRANK: KindFacts(
        "Catalogue shrank",
        3,
        "Compare with the far side's own count; when it is so, have the reading accepted.",
        False,
    ),
    CaseKind.AUTO_MAP_OFF: KindFacts(
        "Automatic mapping switched off",
        2,
        "Look at what the rule mapped for this seller; an administrator switches it on again.",
        False,
    ),
    CaseKind.FEED_STOPPED: KindFacts(
        "Feed stopped",
        3,
        "The connection refuses us. Check address, key and rights, then run the feed on Health.",
        True,
    ),
    CaseKind.MISSED_RUN: KindFacts(
        "Missed run",
        2,
        "Look at the feed on the health page: what it said last, and whether a worker runs.",
        True,
    ),
    CaseKind.WEBHOOK_SILENT: KindFacts(
        "Webhooks fell silent",
        2,
        "Look in the Operator portal whether the webhook was switched off. Orders still come.",
        True,
    ),
    CaseKind.STOCK_HELD: KindFacts(
        "Stock held",
        3,
        "Look at the levels that would be told; release them, or discard them and say why.",
        False,
    ),
    CaseKind.STOCK_DRIFT: KindFacts(
        "Somebody else writes the stock",
        2,
        "Find out who writes this listing's stock at Marketplacer; it is told again each time.",
        False,
    ),
    CaseKind.UNMAPPED_CARRIER: KindFacts(
        "Unmapped carrier",
        3,
        "Say which of Marketplacer's carriers it is; the shipments that wait go at once.",
        False,
    ),
    CaseKind.SHIPMENT_UNPLACED: KindFacts(
        "Shipment fits no order line",
        2,
        "The warehouse sent what the order does not hold. Find out what the buyer gets.",
        False,
    ),
    CaseKind.SHIPMENT_REFUSED: KindFacts(
        "Shipment refused",
        2,
        "Read Marketplacer's words, look at the order in its portal, then retry or dismiss.",
        False,
    ),
    CaseKind.SHIPMENT_DOUBLED: KindFacts(
        "Shipment told twice",
        3,
        "Marketplacer holds more than was sent. Have the extra shipment removed there.",
        False,
    ),
    CaseKind.CANCELLATION_REFUSED: KindFacts(
        "Cancellation not possible",
        3,
        "The warehouse has the goods in hand. Have them put back, then retry.",
        False,
    ),
    CaseKind.REFUND_UNPLACED: KindFacts(
        "Refund fits no order line",
        2,
        "Find out what the money was given back for, correct the ERP by hand, then dismiss.",
        False,
    ),
    CaseKind.OVER_REFUND: KindFacts(
        "Refund exceeds the sale",
        3,
        "More was given back than was paid. Ask who approved it before anything is booked.",
        False,
    ),
    CaseKind.CREDIT_REFUSED: KindFacts(
        "Credit note refused", 2, "Read the ERP's words, put the cause right, then retry.", False
    ),
    CaseKind.RETURN_REFUSED: KindFacts(
        "Return refused", 2, "Read the ERP's words, put the cause right, then retry.", False
    ),
    CaseKind.PAYOUT_DIFFERS: KindFacts(
        "Remitted is not what we reckon",
        2,
        "Compare the components; have the marketplace correct its side, or ours where it is wrong.",
        True,
    ),
    CaseKind.REMITTANCE_UNKNOWN: KindFacts(
        "Remittance for nothing we know",
        3,
        "Ask the marketplace what it is for before the advice is paid.",
        True,
    ),
    CaseKind.REMITTANCE_DOUBLED: KindFacts(
        "Remitted twice",
        3,
        "Hold the second payment; have the extra remittance taken back at Marketplacer.",
        True,
    ),
    CaseKind.REMITTANCE_MISSING: KindFacts(
        "Remittance missing",
        2,
        "Ask the marketplace why nothing was written for it; it clears when it is.",
        True,
    ),
    CaseKind.ADVICE_DIFFERS: KindFacts(
        "Advice is not the sum of its lines",
        3,
        "Do not pay it as it stands; have the advice corrected at Marketplacer.",
        True,
    ),
    CaseKind.PAYMENT_DIFFERS: KindFacts(
        "Paid is not what was advised",
        3,
        "Look at the bank's line: match it by hand, or claim back or pay the rest.",
        True,
    ),
    CaseKind.CUSTOMER_MONEY_DIFFERS: KindFacts(
        "Customer's money differs",
        2,
        "Look for the payment at the gateway; the order's receivable stays open until it is there.",
        True,
    ),
    CaseKind.JOURNAL_REFUSED: KindFacts(
        "Entry refused",
        2,
        "Read the ERP's words, put the account, party or period right there, then retry.",
        False,
    ),
    CaseKind.DOCUMENT_EDITED: KindFacts(
        "Document edited after posting",
        3,
        "Someone changed a posted document in the ERP. Find out who and why; it is compared anew.",
        False,
    ),
    CaseKind.TAX_CODE_GONE: KindFacts(
        "Tax code gone from the ERP",
        3,
        "A mapped tax code is no longer in the ERP: put it back there, or map another one.",
        False,
    ),
    CaseKind.TAX_DIFFERS: KindFacts(
        "Tax differs beyond tolerance",
        3,
        "Probably a mismapped tax code: the case says which code fits. Map that one.",
        False,
    ),
    CaseKind.DOCUMENT_DIFFERS: KindFacts(
        "Document differs from the order",
        3,
        "Compare the two documents line by line and correct the one in the ERP.",
        False,
    ),
    CaseKind.COMPLETENESS_GAP: KindFacts(
        "Order unaccounted for",
        3,
        "One side has the order and the other does not. Find it before the day is signed.",
        False,
    ),
    CaseKind.LATE_ORDER: KindFacts(
        "Late order for a closed period",
        2,
        "Finance reopen the period, or post the order to the next one.",
        True,
    ),
    CaseKind.NOTICE_REFUSED: KindFacts(
        "Notification refused",
        2,
        "Read the receiver's words, put its address or key right, then retry.",
        True,
    ),
}

# The causes for which orders are parked: without an order that it blocks, such a cause is gone.
OF_ORDERS = frozenset(
    {
        CaseKind.UNMAPPED_SKU,
        CaseKind.LINE_WITHOUT_PRODUCT,
        CaseKind.BAD_QUANTITY,
        CaseKind.UNKNOWN_SELLER,
        CaseKind.NO_TREATMENT,
        CaseKind.NO_FULFILMENT_RULE,
        CaseKind.UNMAPPED_TAX_CODE,
        CaseKind.MONEY_MISMATCH,
        CaseKind.NO_ADDRESS,
        CaseKind.LATE_ORDER,
    }
)
