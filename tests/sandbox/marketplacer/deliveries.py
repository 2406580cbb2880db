"""Deliver webhook events: asynchronously, with back-off, and with the switch-off on a 4xx."""

from __future__ import annotations

import heapq
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx

from tests.sandbox.marketplacer.faults import FaultDial
from tests.sandbox.marketplacer.ids import moment, stamp
from tests.sandbox.marketplacer.store import Doc, Store
from tests.sandbox.marketplacer.webhooks import Webhooks, delivery_headers

LONGEST_WAIT = 4 * 24 * 3600
GIVE_UP_AFTER = timedelta(days=30)
KEPT_EVENTS = 5000
OPEN = ("unsent", "rejected")

# Sends (url, headers, body) and gives the status; raises httpx.HTTPError when nothing came back.
Sender = Callable[[str, dict[str, str], bytes], int]


class HttpSender:
    """Deliver over HTTP, waiting 30 seconds for the answer as the vendor does."""

    def __init__(self) -> None:
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer. Raises httpx.HTTPError."""
        with self._lock:
            if self._client is None:  # made late: a client costs more than the whole sandbox
                self._client = httpx.Client(timeout=30, follow_redirects=True, max_redirects=5)
        return self._client.post(url, headers=headers, content=body).status_code


class Deliveries:
    """The queue of events. `time_scale` shrinks the waits between attempts (1 = as in life)."""

    def __init__(
        self,
        store: Store,
        webhooks: Webhooks,
        faults: FaultDial,
        *,
        time_scale: float = 1.0,
        sender: Sender | None = None,
    ) -> None:
        self.store = store
        self.faults = faults
        self.time_scale = time_scale
        self.sender = sender or HttpSender()
        self.counts: dict[str, int] = {}
        self._heap: list[tuple[str, int]] = []
        self._sent: deque[int] = deque()
        self._repeats: Counter[int] = Counter()
        self._in_flight: dict[int, int] = {}
        self._wake = threading.Condition()
        self._stopped = True
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None
        for event in store.all("WebhookEvent"):
            if event["state"] in OPEN:
                self._heap.append((event["due"], event["number"]))
        heapq.heapify(self._heap)
        webhooks.on_event = self.schedule

    def start(self) -> None:
        """Begin to deliver in the background."""
        self._stopped = False
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="delivery")
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; deliveries under way are finished first."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def schedule(self, event: Doc) -> None:
        """Queue an event that was stored."""
        due = event["due"]
        faults = self.faults.settings.webhook
        if self.faults.hit("webhook_reorder", faults.p_reorder):
            wait = self.faults.between(0.3, 1.0) * faults.reorder_seconds
            due = stamp(moment(due) + timedelta(seconds=wait))
        with self._wake:
            heapq.heappush(self._heap, (due, event["number"]))
            self._wake.notify_all()

    def again(self, event: Doc) -> None:
        """Queue an event once more, also where it was delivered already."""
        with self._wake:
            self._repeats[event["number"]] += 1
            heapq.heappush(self._heap, (event["due"], event["number"]))
            self._wake.notify_all()

    def wake(self) -> None:
        """Look again: a webhook was enabled or a silence lifted."""
        with self._wake:
            self._wake.notify_all()

    def deliver_due(self, *, hurry: bool = False) -> int:
        """Deliver what is due in the calling thread; with `hurry` also what waits for a retry.

        One attempt for each event that waits now. Answers how many attempts were made.
        """
        with self._wake:
            limit = self.store.now()
            due = [entry for entry in self._heap if hurry or entry[0] <= limit]
            self._heap = [entry for entry in self._heap if entry not in set(due)]
            heapq.heapify(self._heap)
        attempts = 0
        for _, number in sorted(due):
            event = self._take(number)
            if event is not None:
                self._attempt(event)
                attempts += 1
        return attempts

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopped:
                    return
                number = self._next()
                if number is None:
                    self._wake.wait(self._pause())
                    continue
            event = self._take(number)
            if event is None:
                continue
            hook = event["webhookNumber"]
            with self._wake:
                self._in_flight[hook] = self._in_flight.get(hook, 0) + 1
            assert self._pool is not None
            self._pool.submit(self._attempt_and_release, event)

    def _next(self) -> int | None:
        """The number of the next event that may be sent now, taken off the queue."""
        if self.faults.settings.webhook.silence:
            return None
        now = self.store.now()
        held: list[tuple[str, int]] = []
        found = None
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            event = self.store.get("WebhookEvent", entry[1])
            if event is None:
                continue
            hook = self.store.need("Webhook", event["webhookNumber"])
            busy = self._in_flight.get(hook["number"], 0) >= hook["concurrentSendLimit"]
            if busy or not hook["enabled"]:
                held.append(entry)
                if len(held) > 200:
                    break
                continue
            found = entry[1]
            break
        for entry in held:
            heapq.heappush(self._heap, entry)
        return found

    def _take(self, number: int) -> Doc | None:
        """The event, if it is still to be sent or was asked for once more."""
        event = self.store.get("WebhookEvent", number)
        if event is None or event["state"] in OPEN:
            return event
        with self._wake:
            if self._repeats[number] <= 0:
                return None
            self._repeats[number] -= 1
        return event

    def _pause(self) -> float:
        if not self._heap:
            return 5.0
        wait = (moment(self._heap[0][0]) - self.store.clock()).total_seconds()
        return min(max(wait, 0.25), 5.0)

    def _attempt_and_release(self, event: Doc) -> None:
        try:
            self._attempt(event)
        finally:
            with self._wake:
                self._in_flight[event["webhookNumber"]] -= 1
                self._wake.notify_all()

    def _attempt(self, event: Doc) -> None:
        hook = self.store.need("Webhook", event["webhookNumber"])
        faults = self.faults.settings.webhook
        if not hook["enabled"] or faults.silence:
            if event["state"] in OPEN:
                self._requeue(event)
            return
        if self.faults.hit("webhook_drop", faults.p_drop):
            self._finish(event, "dropped")
            return
        copies = 1 + faults.duplicate_each
        copies += self.faults.hit("webhook_duplicate", faults.p_duplicate)
        status: int | None = None
        for _ in range(copies):
            status = self._send(hook, event)
        self._judge(hook, event, status)

    def _send(self, hook: Doc, event: Doc) -> int | None:
        """The status of the answer; None without one; 310 for redirects without end."""
        headers = delivery_headers(hook, event)
        try:
            status = self.sender(hook["url"], headers, event["body"].encode())
        except httpx.TooManyRedirects:
            status = 310
        except httpx.HTTPError:
            self._count("no answer")
            return None
        self._count(str(status))
        return status

    def _judge(self, hook: Doc, event: Doc, status: int | None) -> None:
        if status is not None and 200 <= status < 300:
            self._finish(event, "sent")
        elif status == 429 or status is None or status >= 500:
            if status == 429:
                with self.store.transaction():
                    limit = self.store.need("Webhook", hook["number"])["concurrentSendLimit"]
                    limit = max(1, limit - 1)
                    self.store.change("Webhook", hook["number"], concurrentSendLimit=limit)
            self._retry(hook, event)
        else:
            with self.store.transaction():
                self._finish(event, "failed")
                because = f"answered {status}"
                self.store.change("Webhook", hook["number"], enabled=False, disabledBecause=because)

    def _retry(self, hook: Doc, event: Doc) -> None:
        attempts = event["attempts"] + 1
        now = self.store.clock()
        old = now - moment(event["createdAt"]) > GIVE_UP_AFTER
        if attempts > hook["maxRetries"] or old:
            self._finish(event, "failed")
            return
        seconds = min(max(60, attempts**4), LONGEST_WAIT) * self.time_scale
        due = stamp(now + timedelta(seconds=seconds))
        number = event["number"]
        self.store.change("WebhookEvent", number, state="rejected", attempts=attempts, due=due)
        self._requeue(self.store.need("WebhookEvent", number))

    def _requeue(self, event: Doc) -> None:
        with self._wake:
            heapq.heappush(self._heap, (event["due"], event["number"]))
            self._wake.notify_all()

    def _finish(self, event: Doc, state: str) -> None:
        with self.store.transaction():
            attempts = event["attempts"] + 1
            self.store.change("WebhookEvent", event["number"], state=state, attempts=attempts)
            self._sent.append(event["number"])
            while len(self._sent) > KEPT_EVENTS:
                number = self._sent.popleft()
                if self.store.get("WebhookEvent", number):
                    self.store.forget("WebhookEvent", number)

    def _count(self, what: str) -> None:
        with self._wake:
            self.counts[what] = self.counts.get(what, 0) + 1
