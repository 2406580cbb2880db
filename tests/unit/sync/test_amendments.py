"""Why an amendment was made: Marketplacer's refunds and amendments name each other nowhere."""

from datetime import UTC, datetime, timedelta

from sync.domain.settlement import (
    AmendmentKind,
    AmendmentLineValue,
    AmendmentValue,
    InvoiceMoneyValue,
    RefundLineValue,
    RefundValue,
    explain_amendments,
)

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def amendment(number, at):
    line = AmendmentLineValue("line-1", "", 1, -500, 0, None)
    return AmendmentValue(f"a-{number}", number, at, 0, 0, (line,))


def refund(at):
    line = RefundLineValue("line-1", "", 1, 500, 0, "too small", "REFUNDED")
    return RefundValue("r-1", 1, "REFUNDED", at, None, None, (line,))


def test_a_refund_takes_the_amendment_that_came_after_it_was_asked_for():
    by_hand, its_own = amendment(1, MONDAY), amendment(2, MONDAY + timedelta(days=3))
    asked = refund(MONDAY + timedelta(days=2))

    found = explain_amendments(InvoiceMoneyValue("i-1", False, (asked,), (by_hand, its_own)))

    assert found == {
        "a-1": (AmendmentKind.OTHER, None),
        "a-2": (AmendmentKind.REFUND, asked),
    }
