"""Who is told of what by default, when it leaves, how it reads; and which addresses are public."""

import hashlib
import hmac
import ipaddress
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from sync.domain import notice_texts
from sync.domain.cases import CaseKind
from sync.domain.delivery import Rejected, Throttled, Transient
from sync.domain.notice_texts import Letter, Line
from sync.domain.notices import SILENT, Rhythm, Topic, due_at, rhythm_for, topic_of, wishes_of
from sync.domain.priority import due_at as overdue_at
from sync.domain.priority import service_levels
from sync.messengers.posting import Poster, is_public

AT = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def letter(lines=1, more=0, fixed=0, sentence="EX-1: Unmapped SKU (a <b> & c|d)."):
    url = "https://house.example/exceptions/1/"
    return Letter(
        key="mkterp-notification-7",
        company="Northbank UK",
        subject=notice_texts.subject_of({Topic.CASE: lines + more}, sentence),
        lines=tuple(Line(Topic.CASE, 3, sentence, url) for _ in range(lines)),
        more=more,
        fixed=fixed,
        url="https://house.example/notifications/",
    )


# -- who is told ----------------------------------------------------------------------------------


def test_whoever_only_reads_is_told_nothing_by_default():
    assert set(wishes_of(["viewer", "auditor"]).values()) == {SILENT}
    assert set(wishes_of([]).values()) == {SILENT}


def test_several_roles_are_told_what_the_loudest_of_them_is():
    both = wishes_of(["finance", "operations"])

    assert both[Topic.OVERDUE].rhythm is Rhythm.IMMEDIATE
    assert both[Topic.CLOSE].rhythm is Rhythm.IMMEDIATE
    assert wishes_of(["controller", "finance"])[Topic.OVERDUE].least == 2


def test_a_severity_below_the_wish_is_not_told_unless_the_case_is_in_ones_own_hands():
    wishes = wishes_of(["operations"])

    assert rhythm_for(wishes, Topic.OVERDUE, 2) is Rhythm.NONE
    assert rhythm_for(wishes, Topic.OVERDUE, 3) is Rhythm.IMMEDIATE
    assert rhythm_for(wishes, Topic.OVERDUE, 1, mine=True) is Rhythm.IMMEDIATE
    assert rhythm_for({}, Topic.OVERDUE, 3) is Rhythm.NONE


def test_alarms_and_holds_have_topics_of_their_own():
    assert topic_of(CaseKind.MISSED_RUN) is Topic.HEALTH
    assert topic_of(CaseKind.STOCK_HELD) is Topic.STOCK_HELD
    assert topic_of(CaseKind.UNMAPPED_SKU) is Topic.CASE


# -- when -----------------------------------------------------------------------------------------


def test_at_once_gathers_for_a_minute_and_comes_at_most_every_ten():
    def due(last_at):
        return due_at(Rhythm.IMMEDIATE, at=AT, last_at=last_at, zone=LONDON)

    assert due(None) == AT + timedelta(minutes=1)
    assert due(AT - timedelta(minutes=3)) == AT + timedelta(minutes=7)
    assert due(AT - timedelta(days=1)) == AT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("at", "zone", "morning"),
    [
        ("2026-11-30T07:59:00+00:00", "Europe/London", "2026-11-30T08:00:00+00:00"),
        ("2026-11-30T08:00:00+00:00", "Europe/London", "2026-12-01T08:00:00+00:00"),
        ("2026-10-24T12:00:00+00:00", "Europe/London", "2026-10-25T08:00:00+00:00"),
        ("2026-11-30T20:00:00+00:00", "Pacific/Auckland", "2026-12-01T19:00:00+00:00"),
    ],
)
def test_once_a_day_comes_at_eight_where_the_receiver_is(at, zone, morning):
    due = due_at(Rhythm.DAILY, at=datetime.fromisoformat(at), last_at=None, zone=ZoneInfo(zone))

    assert due == datetime.fromisoformat(morning)


def test_a_kind_of_its_own_hours_is_overdue_by_them_and_the_others_by_severity():
    own = service_levels({"UNMAPPED_SKU": 8})

    assert overdue_at(CaseKind.UNMAPPED_SKU, AT, own) == AT + timedelta(hours=8)
    assert overdue_at(CaseKind.NO_TREATMENT, AT, own) == AT + timedelta(hours=4)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"UNMAPED_SKU": 8}, "UNMAPED_SKU is not a kind"),
        ({"UNMAPPED_SKU": 0}, "UNMAPPED_SKU must be whole hours"),
        ({"UNMAPPED_SKU": True}, "not True"),
        ({"UNMAPPED_SKU": "8"}, "not '8'"),
    ],
)
def test_hours_that_make_no_sense_are_refused_by_name(given, says):
    with pytest.raises(ValueError, match=says):
        service_levels(given)


# -- how it reads ---------------------------------------------------------------------------------


def test_one_thing_is_its_own_subject_and_many_are_counted():
    assert notice_texts.subject_of({Topic.CLOSE: 1}, "Nov: suspended.") == "Nov: suspended."
    many = {Topic.CASE: 1200, Topic.HEALTH: 1}
    assert notice_texts.subject_of(many, "x") == "1 health alarm, 1,200 new exceptions"


def test_a_letter_is_the_same_after_it_was_frozen():
    frozen = json.loads(json.dumps(letter(3, more=2).frozen()))

    assert notice_texts.thaw(frozen) == letter(3, more=2)


def test_slack_is_given_no_markup_of_ours_to_misread_and_stays_within_its_limits():
    told = notice_texts.slack(letter(20, more=980, sentence="x" * 5000))
    assert len(told["blocks"]) <= 50
    assert all(len(b["text"]["text"]) <= 3000 for b in told["blocks"] if b["type"] == "section")
    assert "And 980 more." in json.dumps(told)

    (line,) = [b for b in notice_texts.slack(letter())["blocks"] if b["type"] == "section"]
    assert line["text"]["text"].endswith("|EX-1: Unmapped SKU (a &lt;b&gt; &amp; c/d).>")


def test_a_card_for_teams_stays_below_its_size():
    card = notice_texts.teams(letter(20, more=980, sentence="_*[x](y)" * 500))

    assert len(json.dumps(card)) < 28_000
    assert card["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert "\\_\\*\\[x\\](y)" in card["attachments"][0]["content"]["body"][1]["text"]


def test_an_e_mail_says_what_was_left_out_and_what_was_put_right():
    text = notice_texts.plain(letter(2, more=5, fixed=1))

    assert "And 5 more." in text
    assert "1 was put right before this was sent." in text
    assert "https://house.example/notifications/mine/" in text


def test_the_signature_is_over_time_and_body():
    expected = hmac.new(b"secret", b'1796032800.{"a": 1}', hashlib.sha256).hexdigest()

    assert notice_texts.signature("secret", 1796032800, b'{"a": 1}') == f"sha256={expected}"


# -- where it may go ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["10.0.0.8", "127.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.8", "64:ff9b::a00:8",
     "2002:a00:8::1", "2001:0:a00:8::1", "::"],
)  # fmt: skip
def test_addresses_behind_a_wall_are_not_public_however_they_are_written(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ipaddress.ip_address(address))


def resolving(*addresses):
    return lambda host, port, type: [(0, 0, 0, "", (address, port)) for address in addresses]


class Wire:
    """A transport that notes where a connection would go, and answers."""

    def __init__(self, status=200, headers=None, text="ok"):
        self.seen: list[httpx.Request] = []
        self.answer = httpx.Response(status, headers=headers or {}, text=text)

    def transport(self):
        def handle(request):
            self.seen.append(request)
            return self.answer

        return httpx.MockTransport(handle)


def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name_that_was_given():
    line = Wire()
    poster = Poster(resolve=resolving("93.184.216.34"), transport=line.transport())

    poster.post("https://hooks.example.com/services/T0/SECRET", b"{}", {})

    (request,) = line.seen
    assert str(request.url) == "https://93.184.216.34/services/T0/SECRET"
    assert request.headers["Host"] == "hooks.example.com"
    assert request.extensions["sni_hostname"] == "hooks.example.com"


@pytest.mark.parametrize(
    ("address", "found", "says"),
    [
        ("https://inside.example/x", ["10.0.0.8"], "leads to a private address"),
        ("https://both.example/x", ["93.184.216.34", "10.0.0.8"], "leads to a private address"),
        ("https://169.254.169.254/latest", ["169.254.169.254"], "leads to a private address"),
        ("http://hooks.example.com/x", ["93.184.216.34"], "must begin with https://"),
        ("https://me:pw@hooks.example.com/x", ["93.184.216.34"], "user name or password"),
        ("ftp://hooks.example.com/x", ["93.184.216.34"], "begin with https://"),
        ("no address at all", ["93.184.216.34"], "begin with https://"),
    ],
)  # fmt: skip
def test_nothing_is_sent_to_an_address_it_may_not_have(address, found, says):
    line = Wire()
    poster = Poster(resolve=resolving(*found), transport=line.transport())

    with pytest.raises(Rejected, match=says) as refused:
        poster.post(address, b"{}", {})

    assert line.seen == []
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "headers", "failure"),
    [
        (302, {"Location": "http://10.0.0.8/"}, Rejected),
        (404, {}, Rejected),
        (410, {}, Rejected),
        (408, {}, Transient),
        (500, {}, Transient),
        (503, {}, Transient),
    ],
)
def test_an_answer_says_whether_it_may_be_tried_again_and_never_the_whole_address(
    status, headers, failure
):
    line = Wire(status, headers, "no_service")
    poster = Poster(resolve=resolving("93.184.216.34"), transport=line.transport())

    with pytest.raises(failure) as said:
        poster.post("https://hooks.example.com/services/SECRET", b"{}", {})

    assert f"hooks.example.com answered {status}" in str(said.value)
    assert "SECRET" not in str(said.value)
    assert len(line.seen) == 1


def test_a_receiver_that_asks_for_patience_is_given_it():
    line = Wire(429, {"Retry-After": "120"})
    poster = Poster(resolve=resolving("93.184.216.34"), transport=line.transport())

    with pytest.raises(Throttled) as told:
        poster.post("https://hooks.example.com/x", b"{}", {})

    assert told.value.retry_after == 120
