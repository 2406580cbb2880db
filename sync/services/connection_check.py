"""Whether both far sides are ready: their own checks, and what we are set up with against them."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.utils.dateformat import format as dated

from mapping import selectors as registry
from mapping.models import Seller, TaxCodeMapping
from sync import connections
from sync.domain.checks import Check, ConnectionReport
from sync.domain.delivery import Failure
from sync.domain.documents import ReferenceData, first_postable, postable
from sync.erp.port import ErpPort
from sync.marketplacer import check as marketplacer_check


def marketplacer() -> ConnectionReport:
    """Marketplacer, step by step; writes nothing."""
    found = marketplacer_check.check(
        connections.marketplacer(), placeholder_carrier=settings.SHIPMENT_CARRIER_PLACEHOLDER
    )
    set_up = bool(settings.MARKETPLACER_WEBHOOK_KEY)
    words = (
        "set"
        if set_up
        else (
            "Set MARKETPLACER_WEBHOOK_KEY to the webhook's key: without it no webhook is believed."
        )
    )
    return ConnectionReport("", (*found.checks, Check("Webhook key", set_up, words)))


def erp(*, at: datetime) -> ConnectionReport:
    """The ERP's own checks, then our mappings against its records; writes nothing."""
    port = connections.erp()
    report = port.check()
    if not report.ok:
        return report
    return ConnectionReport(report.version, (*report.checks, *_set_up(port, at)))


def _set_up(port: ErpPort, at: datetime) -> Iterator[Check]:
    try:
        data = port.reference_data()
        yield _currency(data)
        yield _tried("Mapped taxes", lambda: _taxes(data, at))
        yield _tried("Mapped accounts", lambda: _accounts(data, at))
        yield _tried("Sellers' parties", lambda: _parties(port))
        yield _period(port)
    except Failure as failure:
        yield Check("Reference data", False, str(failure))


def _tried(name: str, look: Callable[[], tuple[bool, str]]) -> Check:
    ok, words = look()
    return Check(name, ok, words)


def _currency(data: ReferenceData) -> Check:
    wanted = settings.COMPANY_CURRENCY
    if data.currency == wanted:
        return Check("Company", True, f"{data.company}, {data.currency}, {data.time_zone}")
    words = f"The ERP company keeps {data.currency}, MKTERP_COMPANY_CURRENCY says {wanted}."
    return Check("Company", False, words)


def _taxes(data: ReferenceData, at: datetime) -> tuple[bool, str]:
    rates = {tax.code: tax.rate for tax in data.taxes}
    wrong: list[str] = []
    rows = TaxCodeMapping.objects.in_force(at).order_by("pk")
    for code, rate in rows.values_list("erp_code", "erp_rate"):
        if code not in rates:
            wrong.append(f"no tax {code}")
        elif rates[code] != rate:
            wrong.append(f"{code} at {rates[code]:f}, mapped at {rate:f}")
    if wrong:
        told = "; ".join(dict.fromkeys(wrong))
        return False, f"The ERP has {told}. Correct the tax mapping or the ERP's taxes."
    if not rows:
        return False, "No tax is mapped: every order would park. Map each rate you sell at."
    return True, f"{len(rows)} mapped, all there with their rates"


def _accounts(data: ReferenceData, at: datetime) -> tuple[bool, str]:
    known = {account.code for account in data.accounts}
    held = registry.accounts_at(at=at)
    absent = sorted({code for code in held.values() if code not in known})
    if absent:
        words = f"The ERP has no account {', '.join(absent)}. Correct the account mapping."
        return False, words
    if not held:
        return False, "No account is mapped: no entry could be booked. Map each role."
    return True, f"{len(held)} mapped, all there"


def _parties(port: ErpPort) -> tuple[bool, str]:
    numbers = Seller.objects.exclude(legacy_id=None).order_by("legacy_id")
    wanted = {
        str(settings.ERP_SELLER_PARTY).format(number)
        for number in numbers.values_list("legacy_id", flat=True).iterator()
    }
    many = len(wanted)
    cursor = None
    while True:
        page = port.parties(cursor)
        wanted -= {party.code for party in page.rows if party.active}
        cursor = page.cursor
        if cursor is None:
            break
    if wanted:
        some = ", ".join(sorted(wanted)[:10])
        return False, (
            f"{len(wanted)} of {many} sellers have no active party in the ERP: {some}. Create them "
            "under these codes (ERP_SELLER_PARTY)."
        )
    return True, f"{many}, each a party"


def _period(port: ErpPort) -> Check:
    day = settings.GO_LIVE_AT.astimezone(settings.COMPANY_TIME_ZONE).date()
    periods = port.periods()
    if postable(periods, day):
        return Check("Period of go-live", True, f"{dated(day, 'j M Y')} can be posted to")
    first = first_postable(periods, day)
    after = f"; the first open day is {dated(first, 'j M Y')}" if first else ""
    words = (
        f"{dated(day, 'j M Y')} cannot be posted to{after}. Open the period in the ERP, or move "
        "MKTERP_GO_LIVE_AT."
    )
    return Check("Period of go-live", False, words)
