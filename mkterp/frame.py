"""The frame of the product: what the rail offers, with counts of what a person can act on."""

from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mkterp.core import practice
from mkterp.core.screens.frame import Count, Frame, NavItem, Period
from reconciliation.selectors import board, books, settlement
from sync import selectors
from sync.selectors import stock


def health(user: Any) -> Count:
    """The worst that health has to say, in two words."""
    at = timezone.now()
    if selectors.stalled(at=at) is not None:
        return Count(text="no worker", meaning="broke")
    states = list(selectors.feed_states(at=at).values())
    down = sum(state in ("unavailable", "stopped") for state in states)
    if down:
        return Count(text=f"{down} down", meaning="broke")
    late = states.count("late")
    return Count(text=f"{late} late", meaning="need") if late else Count()


def period(request: HttpRequest) -> Period | None:
    """The period to work on and the days it has left, for who may see the close."""
    if not request.user.has_perm("core.view_accountingperiod"):
        return None
    at = timezone.now()
    one = board.current(at=at)
    if one is None:
        return None
    today = at.astimezone(settings.COMPANY_TIME_ZONE).date()
    closed = one.state == one.State.CLOSED
    return Period(
        name=str(one),
        text="closed" if closed else left_of(one.end, one.due_date, today),
        title=f"Ends on {one.end:%d %b %Y}, to be closed by {one.due_date:%d %b %Y}",
        url=reverse("reconciliation:close-period", args=[one.pk]),
    )


def left_of(end: date, due: date, today: date) -> str:
    """ "ends in 3 d", "close in 2 d", "close today", "1 d overdue": the nearest of its days."""
    if today < end:
        return f"ends in {(end - today).days} d"
    if today == end:
        return "ends today"
    left = (due - today).days
    if left > 0:
        return f"close in {left} d"
    return f"{-left} d overdue" if left else "close today"


FRAME = Frame(
    navigation=(
        NavItem("home", "Home", "house", bar=True),
        NavItem(
            "sync:exceptions",
            "Exceptions",
            "triangle-alert",
            "sync.view_exceptioncase",
            waits=selectors.standing_cases,
            meaning="need",
            bar=True,
        ),
        NavItem(
            "sync:orders",
            "Orders",
            "shopping-bag",
            "sync.view_invoice",
            waits=selectors.parked_orders,
            bar=True,
        ),
        NavItem(
            "sync:shipments",
            "Shipments",
            "truck",
            "sync.view_shipment",
            waits=selectors.stuck_shipments,
            meaning="need",
        ),
        NavItem(
            "sync:refunds",
            "Refunds",
            "undo-2",
            "sync.view_correction",
            waits=selectors.parked_corrections,
            meaning="need",
        ),
        NavItem(
            "sync:unmapped",
            "Unmapped SKUs",
            "unlink",
            "mapping.view_listing",
            waits=selectors.unmapped_skus,
            meaning="need",
            group="Mapping",
        ),
        NavItem(
            "mapping:mappings",
            "Mapped SKUs",
            "link-2",
            "mapping.view_skumapping",
            group="Mapping",
        ),
        NavItem(
            "sync:carriers",
            "Carriers",
            "tag",
            "sync.view_carriermapping",
            waits=selectors.unmapped_carriers,
            meaning="need",
            group="Mapping",
        ),
        NavItem(
            "sync:unmapped-taxes",
            "Unmapped tax codes",
            "percent",
            "mapping.view_taxcodemapping",
            group="Mapping",
        ),
        NavItem("mapping:sellers", "Sellers", "store", "mapping.view_seller", group="Mapping"),
        NavItem(
            "mapping:new-items",
            "New items to ask for",
            "plus",
            "mapping.view_listing",
            group="Mapping",
        ),
        NavItem(
            "mapping:duplicates",
            "Duplicate items",
            "copy",
            "mapping.view_erpitem",
            group="Mapping",
        ),
        NavItem(
            "sync:inventory",
            "Inventory",
            "package",
            "sync.view_listingstock",
            group="Inventory",
        ),
        NavItem(
            "sync:holds",
            "Held levels",
            "pause",
            "sync.view_stockhold",
            waits=stock.standing_holds,
            meaning="need",
            group="Inventory",
        ),
        NavItem("sync:drift", "Drift", "split", "sync.view_stockdrift", group="Inventory"),
        NavItem(
            "sync:prevented",
            "Prevented overwrites",
            "shield",
            "sync.view_preventedwrite",
            group="Inventory",
        ),
        NavItem(
            "reconciliation:advices",
            "Settlement",
            "landmark",
            "sync.view_remittanceadvice",
            waits=settlement.disputed_advices,
            meaning="need",
            group="Finance",
        ),
        NavItem(
            "reconciliation:residues",
            "Differences",
            "split",
            "reconciliation.view_residue",
            waits=settlement.standing_residues,
            meaning="need",
            group="Finance",
        ),
        NavItem(
            "reconciliation:bank-lines",
            "Bank and gateway",
            "list",
            "reconciliation.view_bankline",
            group="Finance",
        ),
        NavItem(
            "reconciliation:entries",
            "Settlement entries",
            "book-open",
            "reconciliation.view_settlemententry",
            group="Finance",
        ),
        NavItem(
            "reconciliation:adjustments",
            "Tax adjustments",
            "percent",
            "reconciliation.view_taxadjustment",
            waits=books.to_approve,
            meaning="need",
            group="Finance",
        ),
        NavItem(
            "reconciliation:discrepancies",
            "Document differences",
            "file-text",
            "reconciliation.view_discrepancy",
            group="Finance",
        ),
        NavItem(
            "reconciliation:journals",
            "Tax journals",
            "book-open",
            "reconciliation.view_journal",
            group="Finance",
        ),
        NavItem(
            "reconciliation:clearing",
            "Clearing account",
            "list",
            "reconciliation.view_journal",
            group="Finance",
        ),
        NavItem(
            "reconciliation:completeness",
            "Completeness",
            "list-checks",
            "reconciliation.view_completenessstatement",
            group="Finance",
        ),
        NavItem(
            "reconciliation:close",
            "Close",
            "calendar-check",
            "core.view_accountingperiod",
            group="Finance",
        ),
        NavItem("sync:inbox", "Inbox", "inbox", "sync.view_inboxmessage", group="Traffic"),
        NavItem(
            "sync:outbox",
            "Outbox",
            "send",
            "sync.view_outboxmessage",
            waits=selectors.refused_messages,
            meaning="broke",
            group="Traffic",
        ),
        NavItem(
            "sync:notifications", "Notifications", "bell", "sync.view_notification", group="System"
        ),
        NavItem("trends", "Trends", "calendar-check", "sync.view_exceptioncase", group="System"),
        NavItem("audit", "Audit trail", "shield", "core.view_auditentry", group="System"),
        NavItem(
            "mapping:tax-codes",
            "Tax codes",
            "percent",
            "mapping.view_taxcodemapping",
            group="Settings",
        ),
        NavItem(
            "mapping:shipping-tax",
            "Tax on shipping",
            "truck",
            "mapping.view_taxcodemapping",
            group="Settings",
        ),
        NavItem(
            "mapping:accounts",
            "Accounts",
            "landmark",
            "mapping.view_taxcodemapping",
            group="Settings",
        ),
        NavItem(
            "reconciliation:tolerances",
            "Tolerances",
            "minus",
            "reconciliation.view_discrepancy",
            group="Settings",
        ),
        NavItem(
            "reconciliation:matching-rules",
            "Matching rules",
            "list-checks",
            "reconciliation.view_matchingrule",
            group="Settings",
        ),
        NavItem(
            "mapping:imports",
            "Import and export",
            "file-text",
            "mapping.view_skumapping",
            group="Settings",
            also="check a file upload csv xlsx",
        ),
        NavItem("sync:channels", "Channels", "webhook", "sync.view_channel", group="Settings"),
        NavItem("access:people", "People", "users-round", "core.view_user", group="Settings"),
        NavItem(
            "health",
            "Health",
            "activity",
            "sync.view_feed",
            count=health,
            foot=True,
            bar=True,
        ),
        NavItem("practice", "Practice", "play", foot=True, when=practice.offered),
        NavItem("handbook", "Handbook", "book-open", foot=True),
    ),
    beyond=(
        NavItem(
            "sync:unmapped-bulk",
            "Bulk approval",
            "check-check",
            "mapping.view_listing",
            group="Mapping",
            also="suggestions many",
        ),
        NavItem("sync:cadence", "Cadence", "clock", "sync.view_listingstock", group="Inventory"),
        NavItem(
            "sync:safety-stock",
            "Safety stock",
            "shield",
            "sync.view_safetyrule",
            group="Inventory",
        ),
        NavItem(
            "mapping:default",
            "Sellers without a rule",
            "store",
            "mapping.change_ownershiprule",
            group="Mapping",
            also="default ownership rule",
        ),
        NavItem(
            "reconciliation:drift",
            "Drift per seller",
            "split",
            "reconciliation.view_residue",
            group="Finance",
        ),
        NavItem(
            "reconciliation:bank-files",
            "Bank files",
            "file-text",
            "reconciliation.view_bankfile",
            group="Finance",
        ),
        NavItem(
            "reconciliation:gateway-lines",
            "Gateway lines",
            "list",
            "reconciliation.view_gatewayline",
            group="Finance",
        ),
        NavItem("checks", "Checklists", "list-checks", also="daily weekly month end checks"),
        NavItem("keys", "All keys", "keyboard", also="shortcuts"),
    ),
    commands=(
        NavItem(
            "reconciliation:bank-load",
            "Load a bank file",
            "plus",
            "reconciliation.take_bankfile",
            also="upload gateway statement",
        ),
        NavItem(
            "reconciliation:write-off",
            "Write off what stays on the clearing account",
            "minus",
            "reconciliation.prepare_taxadjustment",
        ),
        NavItem(
            "sync:carriers-import",
            "Import carriers from a file",
            "tag",
            "sync.map_carrier",
            also="upload csv",
        ),
        NavItem("sync:channel-add", "Add a channel", "plus", "sync.add_channel"),
        NavItem(
            "access:person-add", "Add a person", "plus", "core.add_user", also="invite new user"
        ),
        NavItem("logout", "Sign out", "log-out", also="log out leave", post=True),
    ),
    search="search",
    search_label="Search order, SKU, barcode, seller",
    palette="palette",
    period=period,
    personal=(
        NavItem(
            "account", "Your account", "user-round", also="password second factor time zone tokens"
        ),
        NavItem("sync:own-notifications", "What you are told", "bell"),
    ),
    handbook="handbook-page",
    book="start",
    company=settings.COMPANY_NAME,
    currency=settings.COMPANY_CURRENCY,
)
