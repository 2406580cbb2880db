from datetime import UTC, datetime, timedelta

import pytest

from sync.domain.delivery import (
    LONGEST_WAIT,
    AuthError,
    GiveUp,
    PeriodClosed,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
    Wait,
    decide,
    retry_after,
)

NOW = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)  # a minute before the clocks change in London


@pytest.mark.parametrize("failure", [Rejected("no such item"), PeriodClosed("October is closed")])
def test_a_refusal_goes_to_a_person_at_once(failure):
    assert decide(failure, attempts=1, now=NOW) == GiveUp(str(failure))


@pytest.mark.parametrize("attempts", [1, 2, 5, 50, 5000])
def test_an_outage_is_waited_out_for_as_long_as_it_lasts(attempts):
    decision = decide(UnknownOutcome("timed out"), attempts=attempts, now=NOW)

    assert isinstance(decision, Wait)
    assert NOW < decision.until <= NOW + timedelta(minutes=5)


def test_waits_longer_from_try_to_try():
    waits = [decide(Transient("down"), attempts=n, now=NOW).until for n in range(1, 6)]

    assert waits == sorted(set(waits))


def test_waits_as_long_as_the_far_side_asks():
    decision = decide(Throttled("slow down", retry_after=90), attempts=1, now=NOW)

    assert decision == Wait(NOW + timedelta(seconds=90))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        ("Sun, 25 Oct 2026 01:00:30 GMT", 90.0),
        ("Sun, 25 Oct 2026 01:00:30 -0000", 90.0),
        ("Sun, 25 Oct 2026 00:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("-5", None),
        ("9" * 400, LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
    ],
)
def test_what_retry_after_says_is_a_wait_of_a_day_at_most_or_nothing(header, seconds):
    assert retry_after(header, NOW) == seconds


def test_a_throttled_call_without_advice_backs_off():
    decision = decide(Throttled("slow down"), attempts=1, now=NOW)

    assert decision == Wait(NOW + timedelta(seconds=5))


def test_a_refused_sign_in_does_not_fail_the_document():
    assert decide(AuthError("wrong key"), attempts=3, now=NOW) == Wait(NOW + timedelta(minutes=5))
