"""Invented buyers with addresses in the United Kingdom; every mail address ends in example.test."""

from __future__ import annotations

import random

from tests.sandbox.marketplacer.market import address
from tests.sandbox.marketplacer.store import Doc

FIRST = (
    "Amelia", "Oliver", "Isla", "Harry", "Priya", "Callum", "Niamh", "Tomasz", "Aisha", "Rhys",
    "Eilidh", "Kofi", "Grace", "Mohammed", "Sian", "Zoë", "Declan", "Yusuf", "Freya", "Chloé",
)  # fmt: skip
LAST = (
    "Ashdown", "Barrow", "Clegg", "Dunmore", "Eastwood", "Farrow", "Griffiths", "Hargreave",
    "Iqbal", "Jessop", "Kowalczyk", "Llewellyn", "MacInnes", "Nettleship", "O'Rourke", "Patel",
    "Quigley", "Ravenscroft", "Singh-Moore", "Thackray",
)  # fmt: skip
STREETS = (
    "Mill Lane", "Station Road", "Church Street", "Victoria Terrace", "Orchard Close",
    "High Street", "Albion Row", "Canal Walk", "Priory Gardens", "Castle View",
    "Green Lane", "Tannery Yard",
)  # fmt: skip
PLACES = (
    ("Leeds", "LS6 2"), ("Bristol", "BS3 4"), ("Glasgow", "G12 8"), ("Cardiff", "CF10 1"),
    ("Norwich", "NR2 3"), ("Sheffield", "S7 1"), ("Belfast", "BT9 5"), ("Exeter", "EX4 6"),
    ("London", "SE15 4"), ("Manchester", "M20 6"), ("Durham", "DH1 3"), ("Inverness", "IV2 3"),
)  # fmt: skip
MESSAGES = (
    None, None, None, None, None, "Please leave with a neighbour",
    "<b>GIFT</b> wrap please <script>alert('hi')</script>",
    "Ring the bell twice & wait — \u201cthank you\u201d \U0001f381",
)  # fmt: skip


def buyer(rng: random.Random, number: int) -> Doc:
    """The fields of an order that say who buys and where it goes."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    city, district = rng.choice(PLACES)
    postcode = f"{district}{rng.choice('ABDEFGHJLNPQRSTUWXYZ')}{rng.choice('ABDEFGHJLNPQRSTUWXYZ')}"
    street = f"{rng.randint(1, 180)} {rng.choice(STREETS)}"
    flat = f"Flat {rng.randint(1, 9)}" if rng.random() < 0.2 else None
    name = "".join(
        c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalpha() or c == ".")
    )
    mail = f"{name}{number}@example.test"
    phone = f"07700 9{rng.randint(0, 99999):05d}"
    place = address(street, city, postcode, "GB", number=2_000_000 + number, extra=flat)
    return {
        "firstName": first,
        "surname": last,
        "emailAddress": mail,
        "phone": phone,
        "billingFirstName": first,
        "billingSurname": last,
        "billingEmailAddress": mail,
        "billingPhone": phone,
        "address": place,
        "billingAddress": place,
        "messageToSeller": rng.choice(MESSAGES),
        "paymentInstrumentType": rng.choice(("card", "card", "wallet")),
        "externalIds": [{"key": "webshop_order", "value": f"WS-{70_000 + number}"}],
    }
