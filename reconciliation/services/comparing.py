"""Compare every booked order with its documents: SQL finds what is not equal, the domain names it.

Only orders whose documents, corrections or rules changed are looked at again, and of these only
the unequal ones leave the database.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction

from mapping import selectors as registry
from mapping.models import AccountRole, TaxCodeMapping
from mkterp.core.money import odd_currencies
from reconciliation.domain import adjusting
from reconciliation.domain.adjusting import STANDARD, Outcome, Tolerance, Verdict
from reconciliation.domain.differences import Difference, Sold, compare
from reconciliation.models import DifferenceRule, DocumentRun
from reconciliation.services import comparing_load, comparing_save
from reconciliation.services.comparing_load import Pair
from reconciliation.services.comparing_sql import EQUAL, LOCK, STALE
from sync.models import ErpTaxCode

log = logging.getLogger(__name__)

CHUNK = 200


@transaction.atomic
def run(*, clock: Callable[[], datetime]) -> DocumentRun:
    """Bring the comparison up to date; prepares adjustments and opens or resolves cases.

    A second run with nothing changed compares nothing. One runs at a time.
    """
    started = clock()
    counts = {"equal": 0, "within tolerance": 0, "beyond tolerance": 0}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
        cursor.execute("DROP TABLE IF EXISTS stale_match")
        cursor.execute(STALE, {"rules": _rules_version()})
        cursor.execute("ANALYZE stale_match")
        odd = {"none": odd_currencies(0), "three": odd_currencies(3)}
        cursor.execute(EQUAL, {"at": started, **odd})
        counts["equal"] = cursor.rowcount
    judge = Judge(started)
    for chunk in _unequal():
        pairs = comparing_load.load(chunk)
        verdicts = [(pair, *judge.of(pair)) for pair in pairs]
        comparing_save.save(verdicts, at=started)
        for _, _, verdict in verdicts:
            counts[_WORDS[verdict.outcome]] += 1
    comparing_save.say_what_is_at_stake(at=started)
    comparing_save.resolve_cleared(at=started)
    log.info("documents compared: %s", counts)
    return DocumentRun.objects.create(started_at=started, finished_at=clock(), counts=counts)


_WORDS = {
    Outcome.EQUAL: "equal",
    Outcome.WITHIN: "within tolerance",
    Outcome.BEYOND: "beyond tolerance",
}


def _rules_version() -> str:
    """Changes when a rule, a rate or an account does: then all is judged again."""
    rules = DifferenceRule.objects.order_by("pk").values_list("pk", "valid_from", "valid_until")
    rates = ErpTaxCode.objects.order_by("code").values_list("code", "rate")
    mapped = TaxCodeMapping.objects.order_by("pk").values_list("pk", "valid_until")
    return repr((STANDARD, list(rules), list(rates), list(mapped)))


def _unequal() -> Iterator[Sequence[tuple[int, str]]]:
    """Keys and versions of stale orders that are not equal to the cent, in pieces."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT invoice_id, version FROM stale_match WHERE NOT equal AND invoice_id > %s"
                " ORDER BY invoice_id LIMIT %s",
                [last, CHUNK],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


class Judge:
    """The rules of the moment, read once for a run."""

    def __init__(self, at: datetime) -> None:
        self._rules = list(DifferenceRule.objects.exclude(about="CLEARING").order_by("pk"))
        self._rates = dict(
            ErpTaxCode.objects.filter(gone_at=None).order_by("code").values_list("code", "rate")
        )
        mapped = TaxCodeMapping.objects.order_by("pk")
        self._mapped: dict[str, dict[str, Decimal]] = {}
        for country, code, rate in mapped.values_list("country", "erp_code", "erp_rate"):
            self._mapped.setdefault(country, {})[code] = rate
        self._receivable = (
            registry.account(event="", role=AccountRole.CUSTOMER_CLEARING, at=at) or ""
        )
        self._output_tax = registry.account(event="", role=AccountRole.OUTPUT_TAX, at=at) or ""

    def of(self, pair: Pair) -> tuple[list[Difference], Verdict]:
        """The differences of one order, and what they lead to."""
        codes = self._codes(pair.sold.country)
        found = compare(pair.sold, pair.booked, codes)
        verdict = adjusting.decide(
            pair.sold,
            pair.booked,
            found,
            rounding=self._tolerance("ROUNDING", pair.sold, pair.day) or STANDARD,
            basis=self._tolerance("BASIS", pair.sold, pair.day),
            liable=pair.liable,
            receivable=self._receivable,
            tax_account=self._output_tax,
        )
        if verdict.outcome is Outcome.BEYOND:
            verdict = adjusting.covered(pair.sold, pair.booked, found, pair.adjusted) or verdict
        return found, verdict

    def _codes(self, country: str) -> Mapping[str, Decimal]:
        """Codes of the destination first; the ERP's own rate where it told one."""
        own = self._mapped.get(country, {})
        known = {code: self._rates.get(code, rate) for code, rate in own.items()}
        if not self._rates:  # the ERP's codes were never read: what is mapped is all we know
            return known
        return {c: r for c, r in known.items() if c in self._rates} | {
            code: rate for code, rate in self._rates.items() if code not in known
        }

    def _tolerance(self, about: str, sold: Sold, day: date) -> Tolerance | None:
        fitting = [
            rule
            for rule in self._rules
            if rule.about == about
            and rule.currency == sold.currency
            and rule.country in ("", sold.country)
            and (rule.valid_from is None or rule.valid_from <= day)
            and (rule.valid_until is None or day < rule.valid_until)
        ]
        if not fitting:
            return None
        rule = max(fitting, key=lambda one: bool(one.country))
        return Tolerance(rule.base_minor, rule.per_line_minor, rule.books_tax)
