"""The market trades by itself: order number n of a seed is always the same basket.

Nothing random outlives an order, so trading resumes after a restart where it was. What is to
happen later to an invoice (payment confirmed, cancelled, shipped by its seller) is a stored
appointment.
"""

from __future__ import annotations

import random
import threading
import time
from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import accumulate

from tests.sandbox.marketplacer.ids import stamp
from tests.sandbox.marketplacer.lifecycle import cancel, collect, left_to_ship, pay, ship
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.orders import Refused, WantedLine, place_order
from tests.sandbox.marketplacer.people import buyer
from tests.sandbox.marketplacer.store import Doc

ZIPF = 0.85


class Trading:
    """Places orders at `per_minute` from a thread of its own once started; 0 stands still."""

    def __init__(self, market: Market, *, seed: int, per_minute: float = 0) -> None:
        self.market = market
        self.seed = seed
        self.pace = 1.0  # how many times faster than real appointments come due
        self._rate = per_minute
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._looked: datetime | None = None
        self._fraction = 0.0
        self._next_look = 0.0
        ranked = sorted(market.catalogue.variants, key=lambda variant: variant.popularity)
        self._ranked = [variant.legacy_id for variant in ranked if self._sells(variant.legacy_id)]
        self._weights = list(accumulate(1 / (i + 3) ** ZIPF for i in range(len(self._ranked))))
        self._own = {seller.legacy_id for seller in market.catalogue.sellers if seller.own}

    @property
    def per_minute(self) -> float:
        """Orders a minute, now."""
        return self._rate

    @per_minute.setter
    def per_minute(self, value: float) -> None:
        with self._wake:
            self._rate = max(0.0, value)
            self._wake.notify_all()

    def start(self) -> None:
        """Begin to trade in the background."""
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="trading", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the order in hand."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def place(self, *, plain: bool = False) -> Doc:
        """Place the next order of the seed and return it.

        `plain` leaves out what would happen later (review, cancellation, sellers' shipments)
        and awkward text, so that a test knows exactly what it asked for.
        """
        store = self.market.store
        with store.transaction():
            number = store.next_number("Basket")
            rng = random.Random(f"{self.seed}-order-{number}")
            lines = self._basket(rng)
            who = buyer(rng, number)
            if plain:
                who["messageToSeller"] = None
            under_review = rng.random() < 0.03 and not plain
            order = place_order(self.market, buyer=who, lines=lines, under_review=under_review)
            if not plain:
                self._appoint(rng, order, under_review)
            return order

    def run_due(self, until: datetime | None = None) -> int:
        """Do what is due by now, or by the moment given; how many things were done."""
        store = self.market.store
        limit = stamp(until or store.clock())
        done = 0
        for appointment in store.all("Appointment"):
            if appointment["due"] <= limit:
                with store.transaction():
                    store.forget("Appointment", appointment["number"])
                    self._act(appointment["action"], appointment["invoiceNumber"])
                done += 1
        return done

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopped:
                    return
                rate = self._rate
                self._wake.wait(min(max(60 / rate, 0.02), 1.0) if rate > 0 else 1.0)
                if self._stopped:
                    return
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + 1
                self.run_due()
            for _ in range(self._owed(rate)):
                self.place()

    def _owed(self, rate: float) -> int:
        """Orders that the rate asks for since the last look; fractions are kept."""
        now = self.market.store.clock()
        last, self._looked = self._looked or now, now
        self._fraction += rate * min((now - last).total_seconds(), 5.0) / 60
        whole = int(self._fraction)
        self._fraction -= whole
        return whole

    def _sells(self, number: int) -> bool:
        variant = self.market.store.need("Variant", number)
        advert = self.market.store.need("Advert", variant["advertNumber"])
        return bool(variant["published"] and advert["published"])

    def _can_buy(self, number: int, quantity: int) -> bool:
        variant = self.market.store.need("Variant", number)
        return variant["sellerNumber"] not in self._own or variant["countOnHand"] >= quantity

    def _pick(self, rng: random.Random) -> int:
        return self._ranked[bisect_left(self._weights, rng.random() * self._weights[-1])]

    def _basket(self, rng: random.Random) -> list[WantedLine]:
        size = rng.choices((1, 2, 3, 4, 6), (48, 27, 14, 8, 3))[0]
        chosen: dict[int, int] = {}
        for _ in range(size):
            number = self._pick(rng)
            chosen[number] = chosen.get(number, 0) + rng.choices((1, 2, 3), (86, 11, 3))[0]
        while not any(self._can_buy(number, chosen[number]) for number in chosen):
            chosen = {self._pick(rng): 1}
        roll = rng.random()
        delivery = "BUY_ONLINE"
        if roll < 0.06:
            delivery = "CLICK_AND_COLLECT"
        elif roll < 0.07:
            delivery = "NO_DISPATCH"
        percent = rng.choice((10, 15, 20)) if rng.random() < 0.18 else 0
        lines = []
        for number, quantity in chosen.items():
            variant = self.market.store.need("Variant", number)
            if variant["countOnHand"] < quantity:
                if variant["sellerNumber"] in self._own:
                    continue  # the operator's stock is told from outside: what is gone is gone
                # The seller restocks just in time.
                self.market.store.change("Variant", number, countOnHand=quantity + 60)
            off = variant["priceCents"] * quantity * percent // 100
            lines.append(
                WantedLine(quantity=quantity, variant=number, delivery=delivery, discount=off)
            )
        return lines

    def _appoint(self, rng: random.Random, order: Doc, under_review: bool) -> None:
        store = self.market.store
        now = store.clock()
        for number in order["invoiceNumbers"]:
            invoice = store.need("Invoice", number)
            plans: list[tuple[float, str]] = []
            if under_review:
                plans.append((rng.uniform(8, 30), "pay"))
            if rng.random() < 0.02:
                plans.append((rng.uniform(45, 180), "cancel"))
            elif invoice["sellerNumber"] not in self._own:
                if invoice["deliveryType"] == "BUY_ONLINE":
                    plans.append((rng.uniform(120, 900), "ship"))
                elif invoice["deliveryType"] == "CLICK_AND_COLLECT":
                    plans += [(rng.uniform(60, 300), "READY"), (rng.uniform(400, 900), "COLLECTED")]
            for seconds, action in plans:
                store.put(
                    "Appointment",
                    {
                        "number": store.next_number("Appointment"),
                        "due": stamp(now + timedelta(seconds=seconds / self.pace)),
                        "action": action,
                        "invoiceNumber": number,
                    },
                )

    def _act(self, action: str, number: int) -> None:
        try:
            if action == "pay":
                pay(self.market, number)
            elif action == "cancel":
                cancel(self.market, number)
            elif action == "ship":
                left = left_to_ship(self.market, number)
                ship(self.market, number, quantities=left, carrier=1 + number % 3,
                     tracking=f"TRK{number:09d}")  # fmt: skip
            else:
                collect(self.market, number, action)
        except Refused:
            return  # overtaken by what somebody did to the invoice meanwhile
