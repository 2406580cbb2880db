"""What a witness can see of the market and do to it; the Python side of /_sandbox/."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from tests.sandbox.marketplacer import payouts, payouts_plants
from tests.sandbox.marketplacer.deliveries import Deliveries
from tests.sandbox.marketplacer.ids import global_id, moment, stamp
from tests.sandbox.marketplacer.lifecycle import cancel, pay
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.orders import WantedLine, place_order
from tests.sandbox.marketplacer.people import buyer
from tests.sandbox.marketplacer.store import Doc, Store
from tests.sandbox.marketplacer.trading import Trading
from tests.sandbox.marketplacer.webhooks import HINT_QUERY, Webhooks


class Hands:
    """The witness's methods; `Sandbox` brings the parts they work on."""

    seed: int
    store: Store
    market: Market
    webhooks: Webhooks
    trading: Trading
    deliveries: Deliveries

    def place_order(
        self,
        lines: list[dict[str, Any]],
        *,
        under_review: bool = False,
        check: bool = True,
        postage: bool = True,
        buyer: dict[str, Any] | None = None,
    ) -> Doc:
        """Place an order now. Raises Refused, or KeyError for an unknown SKU.

        A line is `{"variant_legacy_id": 7001, "quantity": 2}`, or `seller` and `sku` instead of
        the variant; `delivery_type` and `discount_cents` are optional. With `check` off the market
        takes any quantity. Stock never stands in the way here.
        """
        with self.store.transaction():
            number = self.store.next_number("Basket")
            wanted = [self._wanted(line, check) for line in lines]
            who = _buyer(self.seed, number) | (buyer or {})
            return place_order(
                self.market,
                buyer=who,
                lines=wanted,
                under_review=under_review,
                postage=postage,
                check=check,
            )

    def place_orders(self, count: int, *, plain: bool = True) -> list[Doc]:
        """Place the seed's next orders; `plain` ones have no later life and no odd texts."""
        return [self.trading.place(plain=plain) for _ in range(count)]

    def invoice(self, number: int) -> Doc:
        """One invoice as a witness sees it, with its lines. Raises KeyError."""
        invoice = self.store.need("Invoice", number)
        order = self.store.need("Order", invoice["orderNumber"])
        lines = [self.store.need("LineItem", line) for line in invoice["lineNumbers"]]
        return {
            "id": global_id("Invoice", number),
            "legacy_id": number,
            "order_id": global_id("Order", order["number"]),
            "order_legacy_id": order["number"],
            "seller_legacy_id": invoice["sellerNumber"],
            "status_flags": invoice["statusFlags"],
            "delivery_type": invoice["deliveryType"],
            "total_cents": invoice["totalCents"],
            "shipping_cents": invoice["shippingCostCents"],
            "created_at": invoice["createdAt"],
            "paid_at": invoice["paidAt"],
            "updated_at": invoice["updatedAt"],
            "external_ids": {e["key"]: e["value"] for e in invoice["externalIds"]},
            "order_external_ids": {e["key"]: e["value"] for e in order["externalIds"]},
            "shipments": len(invoice["shipmentNumbers"]),
            "lines": [
                {
                    "id": global_id("LineItem", line["number"]),
                    "legacy_id": line["number"],
                    "variant_legacy_id": line["variantNumber"],
                    "sku": line["variantSku"],
                    "quantity": line["quantity"],
                    "status": line["status"],
                    "subtotal_cents": line["subtotalCents"],
                    "discount_cents": line["discountCents"],
                    "total_cents": line["totalCents"],
                    "tax_cents": line["taxTotalCents"],
                    "tax_rate": line["taxRate"],
                    "postage_cents": line["postageCents"],
                    "postage_tax_cents": line["postageTaxCents"],
                }
                for line in lines
            ],
        }

    def invoices(self, *, since: str | None = None) -> list[Doc]:
        """All invoices in the order they came, or those created at or after an ISO time."""
        limit = stamp(moment(since)) if since else ""
        rows = self.store.all("Invoice")
        return [self.invoice(row["number"]) for row in rows if row["createdAt"] >= limit]

    def cancel(self, number: int) -> Doc:
        """Cancel an invoice before dispatch. Raises Refused or KeyError."""
        cancel(self.market, number)
        return self.invoice(number)

    def pay(self, number: int) -> Doc:
        """Confirm an invoice's payment. Raises KeyError."""
        pay(self.market, number)
        return self.invoice(number)

    def tamper(
        self, number: int, *, fields: Doc | None = None, lines: list[Doc] | None = None
    ) -> Doc:
        """Make an invoice wrong: overwrite stored fields of it and, by position, of its lines."""
        with self.store.transaction():
            invoice = self.store.change("Invoice", number, **(fields or {}))
            for line, values in zip(invoice["lineNumbers"], lines or [], strict=False):
                self.store.change("LineItem", line, **values)
            self.market.touch("Invoice", number)
        return self.invoice(number)

    def edit_variant(self, number: int, **values: Any) -> Doc:
        """Change `sku`, `barcode`, `stock`, `published`, `price_cents`, `label` or `title`."""
        names = {name: name for name in ("sku", "barcode", "published", "label")}
        names |= {"stock": "countOnHand", "price_cents": "priceCents"}
        with self.store.transaction():
            variant = self.store.need("Variant", number)
            if "title" in values:
                self.store.change("Advert", variant["advertNumber"], title=values.pop("title"))
            changes = {names[name]: value for name, value in values.items()}
            self.store.change("Variant", number, **changes)
            return self.market.touch("Variant", number)

    def delete_seller(self, number: int) -> Doc:
        """Delete a seller; reads show a DeletedSeller afterwards. Raises KeyError."""
        with self.store.transaction():
            self.store.change("Seller", number, deleted=True)
            return self.market.touch("Seller", number)

    def register_webhook(self, url: str, **settings: Any) -> Doc:
        """Register a webhook for invoices (or `type`); the default query only gives a hint."""
        settings.setdefault("query", HINT_QUERY)
        return self.webhooks.register(url=url, **settings)

    def webhook_states(self) -> list[Doc]:
        """Every webhook with its switch, and how many of its events are in which state."""
        rows = []
        for hook in self.store.all("Webhook"):
            states: dict[str, int] = {}
            for event in self.store.all("WebhookEvent"):
                if event["webhookNumber"] == hook["number"]:
                    states[event["state"]] = states.get(event["state"], 0) + 1
            names = ("number", "type", "url", "enabled", "disabledBecause", "concurrentSendLimit")
            rows.append({name: hook[name] for name in names} | {"events": states})
        return rows

    def enable_webhook(self, number: int) -> list[Doc]:
        """Switch a webhook on again; what waited for it is delivered."""
        self.store.change("Webhook", number, enabled=True, disabledBecause=None)
        self.deliveries.wake()
        return self.webhook_states()

    def redeliver(self, number: int, *, times: int = 1) -> int:
        """Send the last event about an invoice again, as it was; a new one where there is none."""
        self.store.need("Invoice", number)
        events: list[Doc] = []
        with self.store.transaction():
            for hook in self.store.all("Webhook"):
                if hook["type"] == "INVOICE" and hook["enabled"]:
                    event = self._last_event(hook, number) or self.webhooks.event_about(
                        hook, "Invoice", number, "update"
                    )
                    events += [event] * times
        for event in events:
            self.deliveries.again(event)
        return len(events)

    def run_appointments(self, until: datetime | None = None) -> int:
        """Do now what trading has planned for later; how many things were done."""
        return self.trading.run_due(until)

    def pay_out(self) -> list[Doc]:
        """Write payout documents for released remittances."""
        return payouts.pay_out(self.market)

    def release(self) -> list[int]:
        """Release every remittance that waits for nothing; their numbers."""
        return payouts.release(self.market)

    def refund_some(self, share: float) -> list[int]:
        """Refund a share of the invoices that have gone; the refund requests' numbers."""
        return payouts.refund_some(self.market, self.seed, share)

    def bank_pays(self, *, split_above: int | None = None) -> list[Doc]:
        """Pay open advices from the operator's bank account; the new bank lines."""
        return payouts.bank_pays(self.market, split_above=split_above)

    def gateway_pays(self) -> list[Doc]:
        """Let the gateway settle what customers paid; its lines."""
        return payouts.gateway_pays(self.market)

    def plant(self, **given: Any) -> dict[str, int]:
        """Plant drift, by list or by seed. Raises ValueError for an unknown kind."""
        return payouts_plants.plant(self.market, given, self.seed)

    def planted(self) -> list[Doc]:
        """What is planted, with the answers."""
        return payouts_plants.planted(self.market)

    def repair(self) -> int:
        """Put right what is planted; how many."""
        return payouts_plants.repair(self.market)

    def _last_event(self, hook: Doc, number: int) -> Doc | None:
        found = None
        for event in self.store.all("WebhookEvent"):
            about = (event["webhookNumber"], event["objectKind"], event["objectNumber"])
            if about == (hook["number"], "Invoice", number):
                found = event
        return found

    def _wanted(self, line: dict[str, Any], check: bool) -> WantedLine:
        number = line.get("variant_legacy_id")
        if number is None:
            number = next(
                (row["number"] for row in self.store.all("Variant")
                 if row["sellerNumber"] == line["seller"] and row["sku"] == line["sku"]), None,
            )  # fmt: skip
        variant = self.store.need("Variant", number if number is not None else 0)
        quantity = line.get("quantity", 1)
        if (check and 0 < variant["countOnHand"] < quantity) or variant["countOnHand"] <= 0:
            self.store.change("Variant", variant["number"], countOnHand=quantity + 60)
        return WantedLine(
            quantity=quantity,
            variant=variant["number"],
            delivery=line.get("delivery_type", "BUY_ONLINE"),
            discount=line.get("discount_cents", 0),
        )


def _buyer(seed: int, number: int) -> Doc:
    rng = random.Random(f"{seed}-buyer-{number}")
    return buyer(rng, number) | {"messageToSeller": None}
