"""Whatever Tryton or the wire does, the adapter answers with one of our failures."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import pytest

from sync.domain.delivery import (
    AuthError,
    Conflict,
    Failure,
    MissingRight,
    NeedsConfirmation,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.erp.tryton import TrytonErp, wire
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.failures import DuplicateKey

Answer = Callable[[httpx.Request], httpx.Response]


def result(value: object) -> Answer:
    return lambda _: httpx.Response(200, json={"id": 1, "result": value})


def error(*parts: object) -> Answer:
    return lambda _: httpx.Response(200, json={"id": 1, "error": list(parts)})


def status(code: int, headers: dict[str, str] | None = None) -> Answer:
    return lambda _: httpx.Response(code, headers=headers)


def breaks(kind: type[httpx.TransportError]) -> Answer:
    def raise_it(request: httpx.Request) -> httpx.Response:
        raise kind("by the test", request=request)

    return raise_it


@dataclass
class Script:
    """Signs everybody in; answers one method by the script, its last answer over and over."""

    answers: list[Answer] = field(default_factory=list)
    logins: list[Answer] = field(default_factory=lambda: [result([2, "token", ""])])
    asked: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        self.asked.append(call)
        match call["method"]:
            case "common.db.login":
                return self._next(self.logins)(request)
            case "model.res.user.get_preferences":
                return result({"company": 1, "language": "de"})(request)
            case "model.res.user.warning.skip":
                return result(None)(request)
        return self._next(self.answers)(request)

    @staticmethod
    def _next(answers: list[Answer]) -> Answer:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def methods(self) -> list[object]:
        return [call["method"] for call in self.asked]


def client(script: Script) -> TrytonClient:
    return TrytonClient(
        "http://tryton.test",
        "erp",
        "integration",
        "secret",
        timeout=5,
        transport=httpx.MockTransport(script),
    )


def failure_of(answer: Answer, *, write: bool) -> Failure:
    tryton = client(Script([answer]))
    with pytest.raises(Failure) as caught:
        (tryton.write if write else tryton.read)("model.sale.sale.create", [])
    return caught.value


@pytest.mark.parametrize(
    ("answer", "on_read", "on_write"),
    [
        (breaks(httpx.ConnectError), Transient, Transient),
        (breaks(httpx.ConnectTimeout), Transient, Transient),
        (breaks(httpx.PoolTimeout), Transient, Transient),
        (breaks(httpx.ReadTimeout), Transient, UnknownOutcome),
        (breaks(httpx.WriteTimeout), Transient, UnknownOutcome),
        (breaks(httpx.ReadError), Transient, UnknownOutcome),
        (breaks(httpx.RemoteProtocolError), Transient, UnknownOutcome),
        (status(500), Transient, UnknownOutcome),
        (status(503), Transient, UnknownOutcome),
        (status(504), Transient, UnknownOutcome),
        (lambda _: httpx.Response(200, text="<html>"), Transient, UnknownOutcome),
        (lambda _: httpx.Response(200, json=[1]), Transient, UnknownOutcome),
        (status(403), MissingRight, MissingRight),
        (status(404), MissingRight, MissingRight),
        (status(429), Throttled, Throttled),
        (status(413), Rejected, Rejected),
        (error("UserError", ["No.", "", None]), Rejected, Rejected),
        (error("ConcurrencyException", "Records were modified"), Conflict, Conflict),
        (error("'bogus'", "Traceback"), MissingRight, MissingRight),
        (error("division by zero", "Traceback"), Rejected, Rejected),
        (
            error("UserError", ['You are not allowed to access "Sale".', "", None]),
            MissingRight,
            MissingRight,
        ),
        (
            error("UserError", ['Calling button "process on "Sale" is not allowed.', "", None]),
            MissingRight,
            MissingRight,
        ),
    ],
)
def test_each_trouble_is_one_of_our_failures(
    answer: Answer, on_read: type[Failure], on_write: type[Failure]
) -> None:
    assert type(failure_of(answer, write=False)) is on_read
    assert type(failure_of(answer, write=True)) is on_write


def test_a_refusal_keeps_trytons_own_words() -> None:
    refusal = failure_of(error("UserError", ["No account.", "Set one", None]), write=True)
    assert str(refusal) == "No account. Set one."


def test_a_web_id_that_is_taken_is_told_apart_from_other_refusals() -> None:
    words = 'The web ID of the sale "SO1" must be unique per shop.'
    assert type(failure_of(error("UserError", [words, "", None]), write=True)) is DuplicateKey


def test_a_throttled_call_says_how_long_to_wait() -> None:
    throttled = failure_of(status(429, {"Retry-After": "17"}), write=True)
    assert isinstance(throttled, Throttled)
    assert throttled.retry_after == 17


def test_a_harmless_warning_is_confirmed_and_the_call_repeated() -> None:
    script = Script([error("UserWarning", ["stock_quantity_warning_7", "Short"]), result([7])])
    assert client(script).write("model.sale.sale.confirm", [7]) == [7]

    assert script.methods()[-3:] == [
        "model.sale.sale.confirm",
        "model.res.user.warning.skip",
        "model.sale.sale.confirm",
    ]
    assert script.asked[-2]["params"][:2] == ["stock_quantity_warning_7", False]


def test_any_other_warning_waits_for_a_person() -> None:
    warned = failure_of(error("UserWarning", ["invoice_future", "In the future"]), write=True)
    assert isinstance(warned, NeedsConfirmation)
    assert str(warned) == "In the future"


def test_a_warning_that_never_ends_is_given_up() -> None:
    forever = error("UserWarning", ["stock_quantity_warning_7", "Short"])
    assert isinstance(failure_of(forever, write=True), NeedsConfirmation)


def test_an_expired_session_is_renewed_once() -> None:
    script = Script([status(401), result([7])])
    assert client(script).write("model.sale.sale.create", []) == [7]
    assert script.methods().count("common.db.login") == 2


def test_a_session_refused_twice_is_a_wrong_connection() -> None:
    script = Script([status(401)])
    with pytest.raises(AuthError):
        client(script).read("model.sale.sale.search", [])
    assert script.methods().count("common.db.login") == 2


@pytest.mark.parametrize(("login", "failure"), [(status(401), AuthError), (status(429), Throttled)])
def test_a_refused_sign_in_says_so(login: Answer, failure: type[Failure]) -> None:
    with pytest.raises(failure):
        client(Script([result(1)], logins=[login])).read("model.sale.sale.search", [])


def test_messages_come_in_english_whatever_the_user_prefers() -> None:
    script = Script([result([])])
    client(script).read("model.sale.sale.search", [], stock_date_end=date(2026, 1, 2))
    context = script.asked[-1]["params"][-1]
    assert context["language"] == "en"
    assert context["company"] == 1
    assert context["stock_date_end"]["day"] == 2


def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(json.dumps({"id": 1, "result": ["x" * 2000]}).encode())
    packed = httpx.Response(200, content=body, headers={"Content-Encoding": "gzip"})
    assert client(Script([lambda _: packed])).read("model.sale.sale.search") == ["x" * 2000]


def test_a_long_answer_labelled_compressed_and_sent_plain_is_not_a_crash() -> None:
    def plain(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx.Response(200, stream=httpx.ByteStream(b'{"result": 1}'), headers=headers)

    assert isinstance(failure_of(plain, write=True), UnknownOutcome)


def test_numbers_and_times_travel_exactly() -> None:
    moment = datetime(2026, 7, 14, 23, 30, 5, 42, tzinfo=UTC)
    sent = json.loads(wire.dumps({"a": Decimal("0.10"), "t": moment, "d": date(2026, 7, 14)}))
    assert sent["a"] == {"__class__": "Decimal", "decimal": "0.10"}
    assert wire.loads(wire.dumps({"t": moment}).encode()) == {"t": moment}
    assert wire.loads(b'{"quantity": 0.1}') == {"quantity": Decimal("0.1")}
    assert wire.exact(Decimal("20.0")) == Decimal(20)


def test_a_float_never_leaves_for_the_erp() -> None:
    with pytest.raises(TypeError, match="exact"):
        wire.dumps({"unit_price": 9.99})


def test_an_address_where_nobody_listens_fails_its_check_with_advice() -> None:
    erp = TrytonErp(
        url="http://tryton.test",
        database="erp",
        user="integration",
        password="secret",
        transport=httpx.MockTransport(breaks(httpx.ConnectError)),
    )
    report = erp.check()
    assert not report.ok
    assert "address" in report.checks[0].detail
