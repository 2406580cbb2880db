"""Marketplacer's webhooks: is it theirs, and what does it say."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.marketplacer import parse
from sync.marketplacer.parse import Unreadable


@dataclass(frozen=True)
class WebhookEvent:
    """Something about a node changed. `identity` is the same at every redelivery of the event."""

    identity: str
    typename: str
    node_id: str
    event_name: str
    sequence: int | None
    body: Mapping[str, Any]


def verify(body: bytes, signature: str | None, key: str) -> bool:
    """Whether the header is base64(HMAC-SHA256(key, body)); never without a key of ours.

    https://api.marketplacer.com/docs/webhooks/securingwebhooks
    """
    if not signature or not key:
        return False
    expected = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))


def read(headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    """The event in a verified body. Raises Unreadable.

    A destroyed node is null: the event then names no node. Without an idempotency key the event's
    own id, and without that the body's digest, is its identity.
    """
    try:
        data = parse.storable(json.loads(body))
    except ValueError:
        raise Unreadable("the body is not JSON") from None
    if not isinstance(data, dict):
        raise Unreadable("the body is not an object")
    node: Any = data
    for name in ("payload", "data", "node"):
        node = node.get(name) if isinstance(node, dict) else None
    node = node if isinstance(node, dict) else {}
    identity = headers.get("Idempotency-Key") or data.get("id")
    sequence = headers.get("Marketplacer-Sequence", "")
    return WebhookEvent(
        identity=str(identity or hashlib.sha256(body).hexdigest())[:300],
        typename=str(node.get("__typename") or "")[:60],
        node_id=str(node.get("id") or "")[:120],
        event_name=str(data.get("event_name") or "")[:30],
        sequence=int(sequence) if sequence.isdecimal() and len(sequence) < 19 else None,
        body=data,
    )
