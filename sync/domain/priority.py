"""What makes one exception more urgent than another, in points out of a hundred.

    catalogue   up to 30: how far it threatens the truth of the catalogue
    close       up to 21: how far it threatens the month's close
    money       up to 24: eight for each tenfold, from 10 in company currency, of the orders it
                holds up or of what is at stake, whichever is more
    stock       up to 15: how far it puts stock at risk
    days        up to 10: how near the period's end is, for what money or the close hangs on

`sync.services.weighing` computes them in SQL, so that a list orders by their sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.domain.cases import KINDS, CaseKind

# Points for each step of a threat, which goes from 0 (none) to 3.
CATALOGUE_STEP, CLOSE_STEP, STOCK_STEP = 10, 7, 5
MONEY_FROM, MONEY_TENFOLD, MONEY_MOST = 10, 8, 24
DAYS_MOST, DAYS_FAR = 10, 31
MOST = 100


@dataclass(frozen=True)
class Threat:
    """What a kind of exception threatens, each 0 (nothing) to 3 (much)."""

    catalogue: int = 0
    close: int = 0
    stock: int = 0


_THREATS = {
    CaseKind.UNMAPPED_SKU: Threat(catalogue=3, close=2),
    CaseKind.LINE_WITHOUT_PRODUCT: Threat(catalogue=1, close=2),
    CaseKind.BAD_QUANTITY: Threat(close=2),
    CaseKind.UNKNOWN_SELLER: Threat(catalogue=1, close=1),
    CaseKind.NO_TREATMENT: Threat(catalogue=1, close=3),
    CaseKind.NO_FULFILMENT_RULE: Threat(close=2, stock=1),
    CaseKind.UNMAPPED_TAX_CODE: Threat(close=3),
    CaseKind.MONEY_MISMATCH: Threat(close=3),
    CaseKind.NO_ADDRESS: Threat(close=1),
    CaseKind.UNREADABLE_MESSAGE: Threat(close=2),
    CaseKind.WEBHOOK_REFUSED: Threat(close=1, stock=2),
    CaseKind.ERP_REJECTED: Threat(close=2),
    CaseKind.MARKETPLACER_REJECTED: Threat(close=1),
    CaseKind.POISON: Threat(close=2),
    CaseKind.ERP_DIFFERS: Threat(close=3),
    CaseKind.CHANGED_AFTER_POSTING: Threat(close=2),
    CaseKind.FEED_STOPPED: Threat(catalogue=2, close=2, stock=3),
    CaseKind.MISSED_RUN: Threat(catalogue=1, close=1, stock=2),
    CaseKind.WEBHOOK_SILENT: Threat(stock=2),
    CaseKind.NOTICE_REFUSED: Threat(),
    CaseKind.POSTED_AS_OTHER_ITEM: Threat(catalogue=3, close=3, stock=2),
    CaseKind.MAPPING_CONFLICT: Threat(catalogue=3, stock=1),
    CaseKind.AUTO_MAP_OFF: Threat(catalogue=2),
    CaseKind.CATALOGUE_SHRANK: Threat(catalogue=3, stock=2),
    CaseKind.STOCK_HELD: Threat(stock=3),
    CaseKind.STOCK_DRIFT: Threat(stock=3),
    CaseKind.UNMAPPED_CARRIER: Threat(close=1),
    CaseKind.SHIPMENT_UNPLACED: Threat(close=1, stock=1),
    CaseKind.SHIPMENT_REFUSED: Threat(close=1),
    CaseKind.SHIPMENT_DOUBLED: Threat(close=1, stock=1),
    CaseKind.CANCELLATION_REFUSED: Threat(close=2, stock=2),
    CaseKind.REFUND_UNPLACED: Threat(close=2),
    CaseKind.OVER_REFUND: Threat(close=3),
    CaseKind.CREDIT_REFUSED: Threat(close=2),
    CaseKind.RETURN_REFUSED: Threat(close=1, stock=2),
    CaseKind.JOURNAL_REFUSED: Threat(close=3),
    CaseKind.PAYOUT_DIFFERS: Threat(close=3),
    CaseKind.REMITTANCE_UNKNOWN: Threat(close=2),
    CaseKind.REMITTANCE_DOUBLED: Threat(close=3),
    CaseKind.REMITTANCE_MISSING: Threat(close=2),
    CaseKind.ADVICE_DIFFERS: Threat(close=3),
    CaseKind.PAYMENT_DIFFERS: Threat(close=3),
    CaseKind.CUSTOMER_MONEY_DIFFERS: Threat(close=3),
}


def threat_of(kind: CaseKind) -> Threat:
    """What this kind threatens; a kind nobody weighed threatens the close by its severity."""
    return _THREATS.get(kind, Threat(close=KINDS[kind].severity))


# How long a person has for a case, by the severity of its kind, before it is escalated.
SERVICE_LEVELS = {3: timedelta(hours=4), 2: timedelta(days=1), 1: timedelta(days=3)}


def due_at(
    kind: CaseKind, opened_at: datetime, own: Mapping[str, timedelta] | None = None
) -> datetime:
    """When a case of this kind that was opened then should be fixed. `own` overrides by kind."""
    level = (own or {}).get(kind)
    return opened_at + (SERVICE_LEVELS[KINDS[kind].severity] if level is None else level)


def service_levels(hours: Mapping[str, object]) -> dict[str, timedelta]:
    """An installation's own levels from hours by kind. Raises ValueError, naming what is wrong."""
    found = {}
    for name, given in hours.items():
        if name not in KINDS:
            raise ValueError(f"{name} is not a kind of exception")
        if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= 24 * 90:
            raise ValueError(f"{name} must be whole hours from 1 to {24 * 90}, not {given!r}")
        found[name] = timedelta(hours=given)
    return found


def days_points(now: datetime, period_end: datetime) -> int:
    """0 to 10: the nearer the period's end, the more."""
    left = max(0.0, (period_end - now) / timedelta(days=1))
    return max(0, round(DAYS_MOST * (1 - left / DAYS_FAR)))
