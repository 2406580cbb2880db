"""The kinds of misfortune. Each answers how often it hit work in flight; a miss counts nothing."""

import contextlib
import os
import random
import re
import signal
import threading
import time

import httpx
import psycopg

from tests.faults.house import PASSWORD, WEBS, WORKERS, House, kill, wait_for

ROLES = (
    *("executor", "web", "monitor", "executor", "cluster main", "web main"),
    *("executor", "pusher", "supervisor", "sentinel"),
)
IN_FLIGHT = """
SELECT EXISTS (SELECT 1 FROM sync_outboxmessage WHERE lease_until > now())
    OR EXISTS (SELECT 1 FROM sync_inboxmessage WHERE lease_until > now())
    OR EXISTS (SELECT 1 FROM django_q_ormq WHERE lock > now())
"""
# What waits for a moment, moved back: the same as if the clock had jumped ahead. A claim that is
# being worked loses its lease with it, as on a machine that slept.
JUMP = """
UPDATE sync_outboxmessage SET not_before = not_before - i, lease_until = lease_until - i
  FROM (SELECT interval '6 minutes' AS i) span WHERE state IN ('PENDING', 'IN_FLIGHT');
UPDATE sync_inboxmessage SET not_before = not_before - i, lease_until = lease_until - i
  FROM (SELECT interval '6 minutes' AS i) span WHERE state = 'NEW';
UPDATE sync_feed SET not_before = not_before - interval '6 minutes';
UPDATE sync_lane SET woken_at = woken_at - interval '6 minutes';
UPDATE django_q_ormq SET lock = lock - interval '16 minutes';
UPDATE django_q_schedule SET next_run = next_run - interval '6 minutes';
"""
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = 'mkterp' AND pid <> pg_backend_pid() AND state IN ('active', 'idle in transaction')
"""

PARKED_BY_STORM = {
    "inbox": """
SELECT m.id FROM sync_inboxmessage m
  JOIN sync_exceptioncase c ON c.kind = 'POISON' AND c.state = 'OPEN' AND c.key = 'inbox:' || m.id
""",
    "outbox": """
SELECT m.id FROM sync_outboxmessage m
  JOIN sync_exceptioncase c ON c.kind = 'POISON' AND c.state = 'OPEN' AND c.id = m.case_id
""",
}


def in_flight(house: House, seconds: float) -> bool:
    """Whether something is being worked within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            if house.sql(IN_FLIGHT)[0][0]:
                return True
        time.sleep(0.02)
    return False


def kill_process(house: House, role: str, chance: random.Random) -> int:
    """kill -9 of one process of that role while work is in flight."""
    there = house.victims(role)
    if not there or not in_flight(house, 10):
        return 0
    return int(kill(chance.choice(there)))


def restart_database(house: House) -> int:
    """kill -9 of the database; the workers' supervisors start it again by themselves."""
    if not in_flight(house, 20):
        return 0
    pidfile = next(house.folder.rglob("postmaster.pid"))
    os.kill(int(pidfile.read_text().splitlines()[0]), signal.SIGKILL)
    _wait_for_database(house)
    return 1


def _wait_for_database(house: House) -> None:
    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return bool(house.sql("SELECT true"))
        return False

    wait_for("database", answers, 120)


def cut_connections(house: House) -> int:
    """End the database sessions that are doing something at this moment."""
    for _ in range(40):
        with contextlib.suppress(psycopg.OperationalError):
            if cut := len(house.sql(CUT)):
                return cut
        time.sleep(0.02)
    return 0


def fill_disk(house: House, seconds: float) -> int:
    """No room on the database's disk for a while, with work in flight."""
    if not in_flight(house, 20):
        return 0
    with house.disk.full():
        time.sleep(seconds)  # the misfortune lasts that long, whatever the product does
    _wait_for_database(house)
    return 1


def set_clock(house: House, chance: random.Random) -> int:
    """The clock of one worker's host goes wrong by minutes, ahead or back, until the next time."""
    hit = in_flight(house, 2)
    name = f"worker-{chance.randrange(WORKERS)}"
    house.clocks.set(name, chance.choice((-20, -7, -1, 0, 1, 7, 20)))
    return int(hit)


def jump(house: House) -> int:
    """The clock jumps six minutes ahead: leases run out, waits and schedules are due."""
    hit = in_flight(house, 2)
    for statement in JUMP.split(";"):
        with contextlib.suppress(psycopg.OperationalError):
            if statement.strip():
                house.sql(statement)
    return int(hit)


def silence(house: House, seconds: float) -> int:
    """Webhooks stop for a while; counts when an order was placed that nobody heard of."""
    house.witness("POST", "faults", {"webhook": {"silence": True}})
    placed = house.witness("POST", "orders", {"count": 1})
    time.sleep(seconds)
    house.witness("POST", "faults", {"webhook": {"silence": False}})
    return int(bool(placed["invoices"]))


class Operators:
    """Two people at two browsers who press the same button at the same moment.

    Each is answered by one web server when they sign in and by the other one when they press.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.crashed = 0  # answers of 500 that are not the house being down
        self._browsers: dict[str, httpx.Client] = {}

    def press(self) -> int:
        """Both say what the same SKU is, and not the same; counts when both were answered."""
        with contextlib.suppress(psycopg.OperationalError, httpx.HTTPError):
            listing = self.house.sql(
                "SELECT listing_id FROM sync_exceptioncase WHERE state = 'OPEN'"
                " AND kind = 'UNMAPPED_SKU' AND listing_id IS NOT NULL ORDER BY id LIMIT 1"
            )
            items = self.house.sql(
                "SELECT id FROM mapping_erpitem WHERE active ORDER BY random() LIMIT 2"
            )
            if not listing or len(items) < 2:
                return 0
            browsers = [self._signed_in(name) for name in ("one", "two")]
            start, answers = threading.Barrier(2), list[int]()

            def press(browser: httpx.Client, item: int) -> None:
                start.wait()
                token = browser.cookies["csrftoken"]
                given = {"listing": listing[0][0], "item": item, "csrfmiddlewaretoken": token}
                with contextlib.suppress(httpx.HTTPError):
                    answers.append(self._post(browser, "/unmapped/approve/", given).status_code)

            hands = [
                threading.Thread(target=press, args=(browser, item[0]))
                for browser, item in zip(browsers, items, strict=True)
            ]
            for hand in hands:
                hand.start()
            for hand in hands:
                hand.join()
            self.crashed += answers.count(500)
            assert httpx.codes.FORBIDDEN not in answers, "a press was not let in"
            return int(len([a for a in answers if a < 500]) == 2)
        return 0

    def try_again(self) -> int:
        """Have every message read or sent again that a storm hit in each of its tries.

        They are parked where a person sees them, as if they had ended their workers. Returns how
        many that were.
        """
        done = 0
        for queue, statement in PARKED_BY_STORM.items():
            rows = self.house.sql(statement)
            browser = self._signed_in("one") if rows else None
            for (pk,) in rows:
                assert browser is not None
                token = browser.cookies["csrftoken"]
                given = {"one": str(pk), "csrfmiddlewaretoken": token}
                answer = self._post(browser, f"/{queue}/do/retry/", given)
                assert answer.status_code < httpx.codes.BAD_REQUEST, answer.text
                done += 1
        return done

    def _post(self, browser: httpx.Client, path: str, given: dict[str, str]) -> httpx.Response:
        return browser.post(f"http://127.0.0.1:{self.house.ports[WEBS[1]]}{path}", data=given)

    def _signed_in(self, name: str) -> httpx.Client:
        """Their browser; they sign in once, for who does so ceaselessly is throttled."""
        if name not in self._browsers:
            address = f"http://127.0.0.1:{self.house.ports[WEBS[0]]}"
            browser = httpx.Client(base_url=address, timeout=20)
            page = browser.get("/sign-in/").raise_for_status().text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            assert token, "no sign-in page"
            given = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
            answer = browser.post("/sign-in/", data=given)
            if answer.is_error:
                answer.raise_for_status()
            assert answer.has_redirect_location, "the sign-in is refused"
            self._browsers[name] = browser
        return self._browsers[name]
