"""Everything that crosses the wire, and everything that could not.

The mirrors (Order, Invoice, InvoiceLine, ErpDocument) say what each side holds; the inbox and the
outbox say what travelled; the cases say what waits for a person.
"""

from sync.models.books import (
    AccountBalance,
    AccountLine,
    DaySweep,
    ErpPeriod,
    ErpTaxCode,
    LateChoice,
    LedgerDocument,
    LedgerDocumentLine,
    LedgerDocumentTax,
    SweptOrder,
)
from sync.models.cases import ExceptionCase
from sync.models.notices import Channel, Notice, NoticeWish, Notification
from sync.models.opening import OpeningBalance
from sync.models.orders import ErpDocument, Invoice, InvoiceLine, Order
from sync.models.payouts import AdviceLine, Amendment, Refund, Remittance, RemittanceAdvice
from sync.models.queues import InboxMessage, OutboxAttempt, OutboxMessage
from sync.models.refunds import Correction, GoodsReturn
from sync.models.shipments import Carrier, CarrierMapping, ErpShipment, Shipment
from sync.models.stock import (
    CallPace,
    ErpStock,
    ListingStock,
    PreventedWrite,
    SafetyRule,
    StockDrift,
    StockHold,
    StockPolicy,
    StockPromise,
    StockTouch,
)
from sync.models.work import Feed, FeedHour, Lane, TaskRun, Work

__all__ = [
    "AccountBalance",
    "AccountLine",
    "AdviceLine",
    "Amendment",
    "CallPace",
    "Carrier",
    "CarrierMapping",
    "Channel",
    "Correction",
    "DaySweep",
    "ErpDocument",
    "ErpPeriod",
    "ErpShipment",
    "ErpStock",
    "ErpTaxCode",
    "ExceptionCase",
    "Feed",
    "FeedHour",
    "GoodsReturn",
    "InboxMessage",
    "Invoice",
    "InvoiceLine",
    "Lane",
    "LateChoice",
    "LedgerDocument",
    "LedgerDocumentLine",
    "LedgerDocumentTax",
    "ListingStock",
    "Notice",
    "NoticeWish",
    "Notification",
    "OpeningBalance",
    "Order",
    "OutboxAttempt",
    "OutboxMessage",
    "PreventedWrite",
    "Refund",
    "Remittance",
    "RemittanceAdvice",
    "SafetyRule",
    "Shipment",
    "StockDrift",
    "StockHold",
    "StockPolicy",
    "StockPromise",
    "StockTouch",
    "SweptOrder",
    "TaskRun",
    "Work",
]
