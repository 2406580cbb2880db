"""Signing in for a token: whatever the door answers is a token or one of our failures."""

import httpx
import pytest

from sync.domain.delivery import AuthError, Throttled, Transient
from sync.erp.tokens import Tokens


def tokens(*answers: httpx.Response) -> Tokens:
    left = iter(answers)
    return Tokens(
        httpx.Client(transport=httpx.MockTransport(lambda _: next(left))),
        "https://door.example/token",
        form=lambda: {"grant_type": "client_credentials"},
        door="The door",
        refused="The door refuses the application",
    )


def good(token: str, seconds: object = 3600) -> httpx.Response:
    return httpx.Response(200, json={"access_token": token, "expires_in": seconds})


def test_a_token_is_kept_until_shortly_before_its_end():
    kept = tokens(good("one"), good("two", 120), good("three"))

    assert [kept.get(), kept.get()] == ["one", "one"]
    assert kept.get(anew=True) == "two"
    assert kept.get() == "three"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (httpx.Response(200, text="<html>"), Transient),
        (httpx.Response(200, json=["no", "object"]), Transient),
        (httpx.Response(200, json={"access_token": "x"}), Transient),
        (good("x", "soon"), Transient),
        (good("x", None), Transient),
        (httpx.Response(429, headers={"Retry-After": "7"}), Throttled),
        (httpx.Response(503), Transient),
        (httpx.Response(400, json={"error": "invalid_grant"}), AuthError),
        (httpx.Response(401, text="go away"), AuthError),
    ],
)
def test_every_other_answer_is_a_failure_of_ours(answer, failure):
    with pytest.raises(failure):
        tokens(answer).get()


def test_a_refusal_is_quoted():
    answer = httpx.Response(400, json={"error": "x", "error_description": "The secret expired."})

    with pytest.raises(AuthError, match=r"refuses the application \(The secret expired\.\)"):
        tokens(answer).get()
