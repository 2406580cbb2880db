from datetime import UTC, datetime, timedelta

import pytest

from sync.domain.delivery import (
    AuthError,
    GiveUp,
    PeriodClosed,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
    Wait,
    decide,
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


def test_a_throttled_call_without_advice_backs_off():
    decision = decide(Throttled("slow down"), attempts=1, now=NOW)

    assert decision == Wait(NOW + timedelta(seconds=5))


def test_a_refused_sign_in_does_not_fail_the_document():
    assert decide(AuthError("wrong key"), attempts=3, now=NOW) == Wait(NOW + timedelta(minutes=5))
