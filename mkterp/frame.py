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
        NavItem("mapping:sellers", "Sellers", "store", "mapping.view_seller", group="Mapping"),
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
        NavItem("access:people", "People", "users-round", "core.add_user", group="System"),
        NavItem(
            "health",
            "Health",
            "activity",
            "sync.view_feed",
            count=health,
            foot=True,
            bar=True,
        ),
        NavItem("trends", "Trends", "calendar-check", "sync.view_exceptioncase", group="System"),
        NavItem("practice", "Practice", "play", foot=True, when=practice.offered),
        NavItem("handbook", "Handbook", "book-open", foot=True, key="h"),
    ),
    search="search",
    search_label="Search order, SKU, barcode, seller",
    palette="palette",
    period=period,
    personal=(NavItem("sync:own-notifications", "What you are told", "bell"),),
    company=settings.COMPANY_NAME,
    currency=settings.COMPANY_CURRENCY,
)
