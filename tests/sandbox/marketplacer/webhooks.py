"""Webhooks: which ones exist, and the event that each change of an object becomes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.orders import Refused
from tests.sandbox.marketplacer.store import Doc

VERTICAL = "sandbox"
BLANK_QUERY = "query($id: ID!){ node(id: $id) { __typename } }"
HINT_QUERY = (
    "query($id: ID!){ node(id: $id) { __typename id"
    " ... on Invoice { legacyId updatedAt statusFlags } } }"
)
TYPES = {
    "RefundRequest": "REFUND_REQUEST",
    "RemittanceAdvice": "REMITTANCE_ADVICE",
    "Variant": "VARIANT",
    "Invoice": "INVOICE",
    "Advert": "ADVERT",
    "Shipment": "SHIPMENT",
    "Seller": "SELLER",
}

RunQuery = Callable[[str, str], dict[str, Any]]


class Webhooks:
    """Turns announcements of the market into stored events, one for each webhook that asks."""

    def __init__(self, market: Market, run_query: RunQuery) -> None:
        self.market = market
        self.run_query = run_query
        self.collapse = False  # drop an update while an unsent one about the same object waits
        self.on_event: Callable[[Doc], None] = lambda event: None
        self._pending: dict[tuple[str, int], str] = {}
        market.emit = self._emit

    def register(
        self,
        *,
        url: str,
        type: str = "INVOICE",
        query: str | None = None,
        hmac_key: str | None = None,
        headers: dict[str, str] | None = None,
        event_name: str | None = None,
        enabled: bool = True,
        allow_skip: bool = False,
        max_retries: int = 25,
        seller: int | None = None,
        slot: str | None = None,
    ) -> Doc:
        """Add a webhook. Raises Refused.

        The same slot again, or without a slot the same address and type, changes the one there.
        """
        if not url.startswith(("http://", "https://")):
            raise Refused(("url", "is invalid"))
        if not 0 <= max_retries <= 50:
            raise Refused(("maxRetries", "must be between 0 and 50"))
        store = self.market.store
        with store.transaction():
            same = [
                h
                for h in store.all("Webhook")
                if h["slot"] == slot and (slot is not None or (h["url"], h["type"]) == (url, type))
            ]
            number = same[0]["number"] if same else store.next_number("Webhook")
            return store.put(
                "Webhook",
                {
                    "number": number,
                    "kind": "Webhook",
                    "type": type,
                    "url": url,
                    "headers": headers or {},
                    "queryString": query or BLANK_QUERY,
                    "hmacKey": hmac_key,
                    "eventName": event_name,
                    "enabled": enabled,
                    "disabledBecause": None,
                    "allowSkip": allow_skip,
                    "maxRetries": max_retries,
                    "concurrentSendLimit": 4,
                    "legacyFormat": True,
                    "sellerNumber": seller,
                    "slot": slot,
                    "lastDigest": {},
                },
            )

    def event_about(self, hook: Doc, kind: str, number: int, name: str) -> Doc:
        """Make an event for one webhook from the object as it is now."""
        store = self.market.store
        event_number = store.next_number("WebhookEvent")
        payload = self.run_query(hook["queryString"], global_id(kind, number))
        body = {
            "id": global_id("WebhookEvent", event_number),
            "event_name": name,
            "payload": payload,
        }
        now = store.now()
        event = store.put(
            "WebhookEvent",
            {
                "number": event_number,
                "webhookNumber": hook["number"],
                "sequence": store.next_number("Sequence"),
                "objectKind": kind,
                "objectNumber": number,
                "eventName": name,
                "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
                "state": "unsent",
                "attempts": 0,
                "due": now,
                "createdAt": now,
            },
        )
        store.after_commit.append(lambda: self.on_event(event))
        return event

    def _emit(self, kind: str, number: int, name: str) -> None:
        wanted = TYPES.get(kind)
        hooks = self.market.store.docs.get("Webhook", {}).values()
        if wanted is None or not any(h["type"] == wanted and h["enabled"] for h in hooks):
            return
        waiting = self.market.store.before_commit
        if self._make_events not in waiting:  # the last transaction was undone, or none ran yet
            self._pending = {}
            waiting.append(self._make_events)
        self._pending.setdefault((kind, number), name)

    def _make_events(self) -> None:
        """At the end of a transaction: an object that changed twice in it is news once."""
        pending, self._pending = self._pending, {}
        for (kind, number), name in pending.items():
            for hook in self.market.store.all("Webhook"):
                if self._asks(hook, kind, number, name):
                    self._event_or_skip(hook, kind, number, name)

    def _event_or_skip(self, hook: Doc, kind: str, number: int, name: str) -> None:
        store = self.market.store
        if self.collapse and name == "update":
            for event in store.all("WebhookEvent"):
                same = (event["objectKind"], event["objectNumber"]) == (kind, number)
                if (
                    same
                    and event["webhookNumber"] == hook["number"]
                    and (event["state"] == "unsent" and event["eventName"] == "update")
                ):
                    store.change("WebhookEvent", event["number"], state="cancelled")
        event = self.event_about(hook, kind, number, name)
        if hook["allowSkip"]:
            payload = json.dumps(json.loads(event["body"])["payload"])
            digest = hashlib.sha256(payload.encode()).hexdigest()
            key = f"{kind}-{number}"
            if hook["lastDigest"].get(key) == digest:
                store.change("WebhookEvent", event["number"], state="skipped")
            last = {**store.need("Webhook", hook["number"])["lastDigest"], key: digest}
            store.change("Webhook", hook["number"], lastDigest=last)

    def _asks(self, hook: Doc, kind: str, number: int, name: str) -> bool:
        if not hook["enabled"] or hook["type"] != TYPES[kind]:
            return False
        if hook["eventName"] is not None and hook["eventName"].lower() != name:
            return False
        if hook["sellerNumber"] is None:
            return True
        doc = self.market.store.need(kind, number)
        return bool(doc.get("sellerNumber") == hook["sellerNumber"])


def delivery_headers(hook: Doc, event: Doc) -> dict[str, str]:
    """The headers of a delivery, signed when the webhook has a key."""
    body = event["body"].encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Marketplacer Client/1.0.0",
        "Idempotency-Key": base64.b64encode(f"{VERTICAL}:{event['sequence']}".encode()).decode(),
        "Marketplacer-Sequence": str(event["sequence"]),
        "Marketplacer-Vertical": VERTICAL,
        **{str(key): str(value) for key, value in hook["headers"].items()},
    }
    if hook["hmacKey"]:
        digest = hmac.new(hook["hmacKey"].encode(), body, hashlib.sha256).digest()
        headers["Marketplacer-Hmac-256"] = base64.b64encode(digest).decode()
    return headers
