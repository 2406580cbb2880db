"""Deliberate drift: mistakes that are planted in the settlement, with the answers kept here.

A plant waits until its phase comes and there is something it fits; `GET planted` tells witnesses
what was done. The product cannot ask.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.store import Doc

Planter = Callable[[Market, Doc, random.Random], Doc]


def plant(market: Market, given: dict[str, Any], seed: int) -> dict[str, int]:
    """Plant mistakes; how many are in place and how many wait for their phase.

    `plants` is a list of `{"kind": ..., "invoice": ...}` (also `remittance`, `advice`, where the
    kind fits), or `kinds` names kinds ("all" for every one) of which `each` are planted by `seed`.
    Raises ValueError for an unknown kind.
    """
    wanted = list(given.get("plants") or ())
    kinds = given.get("kinds") or ()
    for kind in sorted(KINDS) if kinds == "all" else kinds:
        wanted += [{"kind": kind}] * int(given.get("each", 1))
    store = market.store
    with store.transaction():
        for wish in wanted:
            if wish.get("kind") not in KINDS:
                raise ValueError(f"no drift is called {wish.get('kind')}: {sorted(KINDS)}")
            number = store.next_number("Plant")
            store.put(
                "Plant",
                {
                    "number": number,
                    "kind": "Plant",
                    "drift": wish["kind"],
                    "wish": {k: v for k, v in wish.items() if k != "kind"},
                    "seed": f"{given.get('seed', seed)}-{number}",
                    "state": "WAITING",
                },
            )
        apply(market, "remittance")
    states = [row["state"] for row in store.all("Plant")]
    return {"planted": states.count("PLANTED"), "waiting": states.count("WAITING")}


def planted(market: Market) -> list[Doc]:
    """The answers: every mistake that is in place, with what it touched and by how much."""
    return [row for row in market.store.all("Plant") if row["state"] == "PLANTED"]


def repair(market: Market) -> int:
    """Put right every mistake that is in place, as its far side does; returns how many.

    What Marketplacer or the seller got wrong is as it should have been. What the bank paid stays
    paid: the difference comes back, or follows, as a line of its own. A customer's payment that
    the gateway left out is in its next payout.
    """
    rows = planted(market)
    with market.store.transaction():
        for row in rows:
            when = KINDS[row["drift"]][0]
            if when == "bank":
                _pay_the_rest(market, row)
            elif when == "gateway":
                market.store.change("Invoice", row["invoice"], gatewayLine=None)
            else:
                for kind, number, before in row["undo"]:
                    _restore(market, kind, number, before)
            market.store.change("Plant", row["number"], state="REPAIRED")
    return len(rows)


def _restore(market: Market, kind: str, number: int, before: Doc | None) -> None:
    if before is None and kind == "RemittanceAdvice":
        # A document that was issued stays; it says nothing any more.
        before = {
            **market.store.need(kind, number),
            "remittanceNumbers": [],
            "totalCents": 0,
            "commissionAmountTotalCents": 0,
        }
    if before is None:
        market.store.forget(kind, number)
        return
    market.store.put(kind, before)
    if kind == "RemittanceAdvice":
        market.touch(kind, number)


def _pay_the_rest(market: Market, row: Doc) -> None:
    advice = market.store.need("RemittanceAdvice", row["advice"])
    line = market.store.need("BankLine", advice["bankLineNumbers"][0])
    number = market.store.next_number("BankLine")
    market.store.put(
        "BankLine",
        {
            **line,
            "number": number,
            "identity": f"BNK{number:08d}",
            "bookedAt": market.store.now(),
            "amountCents": row["amountCents"],
        },
    )


_MONEY = ("Remittance", "RemittanceAdvice", "Invoice")


def _as_it_is(market: Market) -> dict[tuple[str, int], Doc]:
    return {(kind, row["number"]): row for kind in _MONEY for row in market.store.all(kind)}


def apply(market: Market, phase: str) -> None:
    """Put the plants of a phase in place as far as something fits them."""
    store = market.store
    for row in store.all("Plant"):
        when, candidates, act = KINDS[row["drift"]]
        if row["state"] != "WAITING" or when != phase:
            continue
        taken = {
            (kind, each[kind])
            for each in planted(market)
            for kind in ("remittance", "advice", "invoice")
            if each.get(kind)
        }
        rng = random.Random(row["seed"])
        fitting = [
            doc
            for doc in candidates(market)
            if all(_about(doc, name) == value for name, value in row["wish"].items())
            and not any((k, _about(doc, k)) in taken for k in ("remittance", "advice", "invoice"))
        ]
        if fitting:
            before = _as_it_is(market)
            answer = act(market, rng.choice(fitting), rng)
            after = _as_it_is(market)
            undo = [
                [kind, number, before.get((kind, number))]
                for kind, number in sorted(before.keys() | after.keys())
                if before.get((kind, number)) != after.get((kind, number))
            ]
            store.change("Plant", row["number"], state="PLANTED", undo=undo, **answer)


def _about(doc: Doc, name: str) -> Any:
    """What a candidate is about: its invoice, remittance, advice or seller number."""
    if name == {"Remittance": "remittance", "RemittanceAdvice": "advice"}.get(doc["kind"]):
        return doc["number"]
    return doc.get({"advice": "adviceNumber"}.get(name, f"{name}Number"))


# -- candidates ----------------------------------------------------------------------------------


def _remittances(market: Market) -> list[Doc]:
    return [
        row
        for row in market.store.all("Remittance")
        if row["adviceNumber"] is None and not row["pendingReasons"] and row["amountCents"] > 0
        and row["invoiceNumber"] is not None
        and not market.store.need("Invoice", row["invoiceNumber"])["amendmentNumbers"]
    ]  # fmt: skip


def _with_commission(market: Market) -> list[Doc]:
    return [row for row in _remittances(market) if row["commissionAmountCents"] > 100]


def _with_postage(market: Market) -> list[Doc]:
    return [r for r in _remittances(market) if _invoice(market, r)["shippingCostCents"] > 0]


def _with_tax(market: Market) -> list[Doc]:
    return [r for r in _remittances(market) if _goods_tax(market, r) > 0]


def _of_refunds(market: Market) -> list[Doc]:
    found = []
    for row in market.store.all("Remittance"):
        if row["adviceNumber"] is None and row["amendmentNumber"] is not None:
            amendment = market.store.need("InvoiceAmendment", row["amendmentNumber"])
            invoice = market.store.need("Invoice", amendment["invoiceNumber"])
            if "REFUNDED" in invoice["statusFlags"] and row["amountCents"] < 0:
                found.append(row)
    return found


def _advices(market: Market) -> list[Doc]:
    return [
        row
        for row in market.store.all("RemittanceAdvice")
        if not row.get("bankLineNumbers") and row["totalCents"] > 100
    ]


def _payments(market: Market) -> list[Doc]:
    # Of the bank's last day: what it did before may be on a statement that somebody has read.
    last = max((line.get("run", 0) for line in market.store.all("BankLine")), default=0)
    found = []
    for row in market.store.all("RemittanceAdvice"):
        lines: list[int] = row.get("bankLineNumbers") or []
        if len(lines) == 1:
            line = market.store.need("BankLine", lines[0])
            if line["adviceNumbers"] == [row["number"]] and line.get("run") == last:
                found.append(row)
    return found


def _gateway(market: Market) -> list[Doc]:
    payouts: list[str] = [row["payout"] for row in market.store.all("GatewayLine")]
    newest = max(payouts, default="", key=lambda payout: int(payout[3:] or 0))
    return [
        row
        for row in market.store.all("GatewayLine")
        if row["type"] == "PAYMENT" and row["payout"] == newest
    ]


def _invoice(market: Market, remittance: Doc) -> Doc:
    return market.store.need("Invoice", remittance["invoiceNumber"])


def _goods_tax(market: Market, remittance: Doc) -> int:
    lines = _invoice(market, remittance)["lineNumbers"]
    return sum(int(market.store.need("LineItem", n)["taxTotalCents"]) for n in lines)


# -- mistakes ------------------------------------------------------------------------------------


def _change(market: Market, row: Doc, cents: int, **values: Any) -> Doc:
    """Make a remittance differ by so many pence; the answer."""
    changed = {"amountCents": row["amountCents"] + cents, **values}
    market.store.change("Remittance", row["number"], **changed)
    return {
        "remittance": row["number"],
        "invoice": row["invoiceNumber"],
        "seller": row["sellerNumber"],
        "amountCents": cents,
    }


def _commission_wrong(market: Market, row: Doc, rng: random.Random) -> Doc:
    off = rng.choice((-1, 1)) * rng.randint(2, row["commissionAmountCents"] - 1)
    return _change(market, row, -off, commissionAmountCents=row["commissionAmountCents"] + off)


def _postage_missing(market: Market, row: Doc, rng: random.Random) -> Doc:
    return _change(market, row, -_invoice(market, row)["shippingCostCents"])


def _tax_withheld(market: Market, row: Doc, rng: random.Random) -> Doc:
    return _change(market, row, -_goods_tax(market, row))


def _remove(market: Market, row: Doc, rng: random.Random) -> Doc:
    store = market.store
    answer = _change(market, row, 0) | {"amountCents": -row["amountCents"]}
    if row["amendmentNumber"] is not None:
        amendment = store.need("InvoiceAmendment", row["amendmentNumber"])
        answer |= {"amendment": amendment["number"], "invoice": amendment["invoiceNumber"]}
    else:
        store.change("Invoice", row["invoiceNumber"], remittanceNumber=None)
    store.forget("Remittance", row["number"])
    return answer | {"remittance": None}


def _wrong_seller(market: Market, row: Doc, rng: random.Random) -> Doc:
    others = sorted(
        {r["sellerNumber"] for r in market.store.all("Remittance")} - {row["sellerNumber"]}
    )
    if not others:
        others = [s["number"] for s in market.store.all("Seller")
                  if s["number"] != row["sellerNumber"]]  # fmt: skip
    other = rng.choice(others)
    answer = _change(market, row, 0, sellerNumber=other)
    return answer | {"amountCents": row["amountCents"], "paid_to": other}


def _duplicate(market: Market, row: Doc, rng: random.Random) -> Doc:
    number = market.store.next_number("Remittance")
    market.store.put("Remittance", {**row, "number": number})
    return _change(market, row, 0) | {"amountCents": row["amountCents"], "second": number}


def _unknown_invoice(market: Market, row: Doc, rng: random.Random) -> Doc:
    number = market.store.next_number("Remittance")
    market.store.put("Remittance", {**row, "number": number, "invoiceNumber": None})
    return {
        "remittance": number,
        "seller": row["sellerNumber"],
        "amountCents": row["amountCents"],
    }


def _about_advice(row: Doc, cents: int) -> Doc:
    return {"advice": row["number"], "seller": row["sellerNumber"], "amountCents": cents}


def _total_wrong(market: Market, row: Doc, rng: random.Random) -> Doc:
    off = rng.choice((-1, 1)) * rng.randint(1, 99)
    market.store.change("RemittanceAdvice", row["number"], totalCents=row["totalCents"] + off)
    market.touch("RemittanceAdvice", row["number"])
    return _about_advice(row, off)


def _without_remittance(market: Market, row: Doc, rng: random.Random) -> Doc:
    number = market.store.next_number("RemittanceAdvice")
    cents = rng.randint(500, 9_000)
    market.store.put(
        "RemittanceAdvice",
        {**row, "number": number, "remittanceNumbers": [], "totalCents": cents,
         "commissionAmountTotalCents": 0, "createdAt": market.store.now()},
    )  # fmt: skip
    market.created("RemittanceAdvice", number)
    return {"advice": number, "seller": row["sellerNumber"], "amountCents": cents}


def _on_two_advices(market: Market, row: Doc, rng: random.Random) -> Doc:
    """The last advice's remittance stands on a second advice too."""
    again = market.store.need("Remittance", rng.choice(row["remittanceNumbers"]))
    number = market.store.next_number("RemittanceAdvice")
    market.store.put(
        "RemittanceAdvice",
        {**row, "number": number, "remittanceNumbers": [again["number"]],
         "totalCents": again["amountCents"],
         "commissionAmountTotalCents": again["commissionAmountCents"],
         "createdAt": market.store.now()},
    )  # fmt: skip
    market.created("RemittanceAdvice", number)
    return {
        "advice": number,
        "remittance": again["number"],
        "seller": row["sellerNumber"],
        "amountCents": again["amountCents"],
    }


def _positive_advices(market: Market) -> list[Doc]:
    rows = _advices(market)
    need = market.store.need
    return [
        row
        for row in rows
        if row["remittanceNumbers"]
        and all(need("Remittance", n)["amountCents"] > 0 for n in row["remittanceNumbers"])
    ]


def _paid_twice(market: Market, row: Doc, rng: random.Random) -> Doc:
    line = market.store.need("BankLine", row["bankLineNumbers"][0])
    number = market.store.next_number("BankLine")
    market.store.put("BankLine", {**line, "number": number, "identity": f"BNK{number:08d}"})
    return _about_advice(row, -line["amountCents"])


def _short(market: Market, row: Doc, rng: random.Random) -> Doc:
    line = market.store.need("BankLine", row["bankLineNumbers"][0])
    market.store.change("BankLine", line["number"], amountCents=line["amountCents"] + 1)
    return _about_advice(row, -1)


def _payment_missing(market: Market, row: Doc, rng: random.Random) -> Doc:
    market.store.forget("GatewayLine", row["number"])
    return {"invoice": row["invoiceNumber"], "amountCents": -row["amountCents"]}


# The kind: when it happens, what it may happen to, and what happens.
KINDS: dict[str, tuple[str, Callable[[Market], list[Doc]], Planter]] = {
    "commission_wrong": ("remittance", _with_commission, _commission_wrong),
    "postage_missing": ("remittance", _with_postage, _postage_missing),
    "tax_withheld": ("remittance", _with_tax, _tax_withheld),
    "refund_not_deducted": ("remittance", _of_refunds, _remove),
    "sale_not_remitted": ("remittance", _remittances, _remove),
    "wrong_seller": ("remittance", _remittances, _wrong_seller),
    "duplicate_remittance": ("remittance", _remittances, _duplicate),
    "unknown_invoice": ("remittance", _remittances, _unknown_invoice),
    "advice_total_wrong": ("advice", _advices, _total_wrong),
    "advice_without_remittance": ("advice", _advices, _without_remittance),
    "remittance_on_two_advices": ("advice", _positive_advices, _on_two_advices),
    "advice_paid_twice": ("bank", _payments, _paid_twice),
    "payout_short_by_a_cent": ("bank", _payments, _short),
    "customer_payment_missing": ("gateway", _gateway, _payment_missing),
}
